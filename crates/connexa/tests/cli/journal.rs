//! Where state is kept, and what becomes of a run whose journal cannot be written any more.

use crate::{
    secrets,
    support::{Bench, Came, Listening, assert_valid, came, keys},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn no_secret_reaches_the_journal() {
    let bench = Bench::new();
    let emulator = Listening::start(&bench, "--http --limits unlimited");
    let sources = [("inline", "canary-inline"), ("env", "{ env: PLANT_PSK }")];
    for (name, source) in sources {
        let mut command = emulator.command(&bench, "apply -f - --yes");
        command.env("PLANT_PSK", "canary-env").stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), secrets::spec(name, source).as_bytes())
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
    }
    let journals: Vec<PathBuf> =
        bench.files().into_iter().filter(|file| file.to_string_lossy().contains("/journal/")).collect();
    assert!(!journals.is_empty());
    for file in bench.files() {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", file.display());
    }
}

#[cfg(unix)]
mod places {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_kept_is_private_whatever_the_umask() {
        let bench = Bench::new();
        let line = "umask 000; exec \"$0\" create networks a --set egress=false --yes --emulator";
        let plain = bench.command([""; 0]);
        let mut command = Command::new("sh");
        command.args(["-c", line]).arg(plain.get_program()).env_clear().current_dir(bench.path());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        came(command.output().unwrap()).exits(0);
        let files: Vec<PathBuf> =
            bench.files().into_iter().filter(|file| file.starts_with(bench.state())).collect();
        assert!(files.iter().any(|file| file.ends_with("journal/emulator.localhost.db")), "{files:?}");
        for file in files {
            assert_eq!(mode(&file) & 0o177, 0, "{}", file.display());
            assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.display());
        }
    }

    #[test]
    fn a_state_directory_that_was_open_is_closed_and_that_is_said() {
        let bench = Bench::new();
        fs::create_dir(bench.state()).unwrap();
        fs::set_permissions(bench.state(), fs::Permissions::from_mode(0o755)).unwrap();
        let create = "create networks a --set egress=false --yes --emulator";
        let first = bench.run(create).exits(0);
        assert!(first.stderr.contains("other users had access to the state directory"), "{first:#?}");
        assert_eq!(mode(&bench.state()), 0o700);
        let second = bench.run(create).exits(0);
        assert!(!second.stderr.contains("other users"), "{second:#?}");
    }

    #[test]
    fn links_are_refused_with_a_way_out() {
        let bench = Bench::new();
        let create = "create networks a --set egress=false --yes --emulator";
        let refused = |came: Came| {
            let came = came.exits(3);
            assert!(
                came.stderr.contains("is a symbolic link") && came.stderr.contains("--state-dir"),
                "{came:#?}"
            );
        };
        fs::create_dir(bench.path().join("elsewhere")).unwrap();
        symlink(bench.path().join("elsewhere"), bench.state()).unwrap();
        refused(bench.run(create));
        assert_eq!(fs::read_dir(bench.path().join("elsewhere")).unwrap().count(), 0);

        fs::remove_file(bench.state()).unwrap();
        bench.run(create).exits(0);
        let journal = bench.state().join("journal/emulator.localhost.db");
        fs::rename(&journal, bench.path().join("elsewhere/real.db")).unwrap();
        symlink(bench.path().join("elsewhere/real.db"), &journal).unwrap();
        refused(bench.run(create));
        refused(bench.run("runs --emulator"));
    }
}

#[test]
fn a_journal_that_is_none_or_newer_is_refused_and_left_alone() {
    let bench = Bench::new();
    let create = "create networks a --set egress=false --yes --emulator";
    bench.run(create).exits(0);
    let journal = bench.state().join("journal/emulator.localhost.db");
    let newer = rusqlite::Connection::open(&journal).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = fs::read(&journal).unwrap();
    for command in [create, "runs --emulator"] {
        let came = bench.run(command).exits(3);
        assert!(came.stderr.contains("has format 99; this version reads up to 1"), "{came:#?}");
        assert!(came.stderr.contains("hint: use the version that wrote it"), "{came:#?}");
    }
    assert_eq!(fs::read(&journal).unwrap(), before);

    fs::write(&journal, "not what it was, and too long to be a file that was only just made").unwrap();
    let came = bench.run(create).exits(3);
    assert!(came.stderr.contains("is no journal") && came.stderr.contains("mv "), "{came:#?}");
}

/// A library that stands between the command and the C library, and lets a sync fail.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn failing_syncs(bench: &Bench) -> PathBuf {
    let library = bench.path().join("syncs.so");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/syncs.c");
    let status =
        Command::new(compiler).args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).status();
    assert!(status.unwrap().success());
    library
}

/// The names of the networks that the service was asked to make, and made.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn made(bench: &Bench) -> Vec<String> {
    let ledger = fs::read_to_string(bench.path().join("ledger.jsonl")).unwrap_or_default();
    let lines = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["method"] == "POST" && line["path"].as_str().unwrap().ends_with("/networks"))
        .map(|line| line["ids"].to_string())
        .collect()
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_disk_that_fails_ends_the_run_and_what_it_reports_is_true() {
    let bench = Bench::new();
    let library = failing_syncs(&bench);
    let networks: Vec<String> =
        (0..12).map(|n| format!("  - {{ name: net-{n}, egress: false }}\n")).collect();
    bench.file("many.yaml", &format!("networks:\n{}", networks.concat()));
    let apply = "apply -f many.yaml --yes -o json --parallel 2 --settle 0s";
    let syncs = |bench: &Bench| fs::read_to_string(bench.path().join("syncs.log")).unwrap_or_default();
    let run = |fails_at: Option<usize>| {
        let _ = fs::remove_dir_all(bench.state());
        let _ = fs::remove_file(bench.path().join("ledger.jsonl"));
        let _ = fs::remove_file(bench.path().join("syncs.log"));
        let emulator = Listening::start(&bench, "--http --limits unlimited --ledger ledger.jsonl");
        let mut command = emulator.command(&bench, apply);
        command.env("LD_PRELOAD", &library).env("SYNCS_LOG", bench.path().join("syncs.log"));
        command.envs(fails_at.map(|at| ("SYNCS_FAIL_AT", at.to_string())));
        (came(command.output().unwrap()), emulator)
    };
    let (sound, _emulator) = run(None);
    sound.exits(0);
    let of_log = |line: &(usize, &str)| line.1.ends_with("-wal");
    let log = syncs(&bench);
    let log: Vec<usize> = (1..).zip(log.lines()).filter(of_log).map(|(at, _)| at).collect();
    // The claim, the first record, and each intent before its call.
    assert!(log.len() > 8, "{log:?}");
    let mut codes = BTreeSet::new();
    for fails_at in [log[1], log[3], log[5], log[log.len() / 2], log[log.len() - 2]] {
        let (failed, emulator) = run(Some(fails_at));
        let noted = syncs(&bench);
        if !noted.lines().any(|line| line.starts_with("failed ") && line.ends_with("-wal")) {
            // The syncs of two runs are not the same to the last: this one needed fewer, or others.
            continue;
        }
        let after = noted.lines().skip_while(|line| !line.starts_with("failed")).skip(1);
        let again = after.filter(|line| line.contains("/journal/")).count();
        // While it is being made, SQLite takes back what there is of it.
        assert!(failed.code == 3 || again == 0, "something was synced again: {noted}");
        let report = failed.json();
        assert_valid(&report);
        codes.insert(failed.code);
        let made = made(&bench).len();
        let (succeeded, unknown) = (keys(&report, "succeeded").len(), keys(&report, "unknown").len());
        assert!((succeeded..=succeeded + unknown).contains(&made), "{made} made: {report:#}");
        if failed.code == 0 {
            // All had been recorded by then.
            assert_eq!((made, succeeded), (12, 12));
            continue;
        }
        let said = format!("{}{}", failed.stdout, failed.stderr);
        assert!(said.contains("the disk reports an error"), "{failed:#?}");
        match failed.code {
            5 => assert_eq!(unknown, 0, "{report:#}"),
            6 => assert!(unknown > 0, "{report:#}"),
            // Nothing was sent yet.
            3 => assert_eq!(made, 0, "{report:#}"),
            other => panic!("exit {other}: {failed:#?}"),
        }
        if failed.code != 3 {
            // Nobody has it in hand any more, and it is brought to its end with what is known.
            let run = report["run"]["id"].as_str().unwrap();
            let resumed = emulator.run(&bench, &format!("resume {run} --yes -o json --settle 0s")).exits(0);
            assert_eq!(keys(&resumed.json(), "succeeded").len(), 12);
            assert_eq!(super::journal::made(&bench).len(), 12);
        }
    }
    assert!(codes.contains(&5) || codes.contains(&6), "{codes:?}");
}
