//! The page on other clients (`docs/emulator-clients.md`): what it tells a shell and Python to do is done here.

use crate::support::{Bench, came};
use std::process::{Command, Stdio};

const PAGE: &str = include_str!("../../../../docs/emulator-clients.md");

/// The fenced blocks of a language that can be run, in the order of the page.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                *text += line;
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks.retain(|(language, _)| ["sh", "python"].contains(language));
    blocks
}

fn there(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn the_page_does_what_it_says() {
    let blocks = blocks(PAGE);
    let languages: Vec<&str> = blocks.iter().map(|(language, _)| *language).collect();
    assert_eq!(languages, ["sh", "sh", "python", "sh"]);
    for program in ["curl", "python3"] {
        if !there(program) {
            eprintln!("skipped: there is no `{program}` on this machine");
            return;
        }
    }
    let bench = Bench::new();
    // Whatever fails, the emulator does not outlive the script.
    let mut script = "set -eu\ntrap 'kill \"${EMULATOR:-}\" 2>/dev/null || :' EXIT\n".to_owned();
    for (number, (language, text)) in blocks.iter().enumerate() {
        if *language == "python" {
            let name = format!("page-{number}.py");
            bench.file(&name, text);
            script += "echo\npython3 ";
            script += &name;
            script.push('\n');
        } else {
            script += text;
        }
    }
    script += "echo stopped\n";
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_connexa")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("PATH", format!("{}:{path}", program.display()))
        .env("HOME", bench.path())
        .env("CONNEXA_STATE_DIR", bench.state())
        .current_dir(bench.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let came = came(output).exits(0);
    assert!(came.stdout.contains(r#""name":"paris""#), "{came:#?}");
    assert!(came.stdout.contains(r#""totalElements":1"#), "{came:#?}");
    let python = "paris ['10.20.0.0/16']\n400 ['routes[0].value']\nstopped\n";
    assert!(came.stdout.ends_with(python), "{came:#?}");
}
