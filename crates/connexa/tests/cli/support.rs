//! A bench for the binary: a folder of its own, an empty environment, and what came out as one value.

use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// The examples of the repository.
pub(crate) const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// A folder that is home, state and working folder of the commands started here.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The command, with nothing of our environment.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_connexa"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("CONNEXA_STATE_DIR", self.state())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs `connexa` with words parted by blanks.
    pub(crate) fn run(&self, line: &str) -> Came {
        came(self.command(line.split_whitespace()).output().unwrap())
    }

    /// All files below the folder.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

pub(crate) fn came(output: Output) -> Came {
    Came {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().expect("no signal ended it"),
    }
}

impl Came {
    /// The one document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }

    /// Asserts the exit code, showing everything otherwise.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Everything, with what changes from run to run taken out, for a snapshot.
    pub(crate) fn redacted(&self, bench: &Bench) -> String {
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        redact(&text, bench)
    }
}

/// Takes out ids, times and paths.
pub(crate) fn redact(text: &str, bench: &Bench) -> String {
    let real = fs::canonicalize(bench.path()).unwrap();
    let text = text
        .replace(&real.display().to_string(), "[DIR]")
        .replace(&bench.path().display().to_string(), "[DIR]");
    let text = text.replace(env!("CARGO_BIN_EXE_connexa"), "connexa").replace(EXAMPLES, "[EXAMPLES]");
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(uuids).collect();
    // `3.2 s`, `12 s`, `17.0/s`
    for at in 0..words.len() {
        let number = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_digit() || c == '.');
        let unit = words
            .get(at + 1)
            .is_some_and(|next| matches!(next.trim_end_matches([',', '\n', ')']), "s" | "min"));
        if number(&words[at]) && unit {
            "[N]".clone_into(&mut words[at]);
        } else if let Some(rate) = words[at].trim_end_matches([',', '\n']).strip_suffix("/s") {
            words[at] = words[at].replace(rate, "[N]");
        }
    }
    words.join(" ")
}

/// Replaces UUIDs.
fn uuids(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let is_uuid = rest.get(..36).is_some_and(|w| {
            w.char_indices()
                .all(|(i, c)| if [8, 13, 18, 23].contains(&i) { c == '-' } else { c.is_ascii_hexdigit() })
        });
        if is_uuid {
            out.push_str("[ID]");
            rest = &rest[36..];
        } else {
            let next = rest.chars().next().unwrap();
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

/// Keys of a list of a report, in their order.
pub(crate) fn keys(report: &Value, list: &str) -> Vec<String> {
    let changes = report[list].as_array().unwrap_or_else(|| panic!("no list {list}: {report}"));
    changes
        .iter()
        .map(|c| format!("{}/{}", c["kind"].as_str().unwrap(), c["key"].as_str().unwrap()))
        .collect()
}

/// Checks a document against its published schema.
#[track_caller]
pub(crate) fn assert_valid(document: &Value) {
    let name = document["schema"].as_str().unwrap();
    let (name, _) = name.trim_start_matches("connexa.").split_once('/').unwrap();
    let path = format!("{}/../../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

/// `connexa emulator` as a child of this process, ended with it.
pub(crate) struct Listening {
    child: Child,
    pub(crate) url: String,
    pub(crate) ca_file: Option<String>,
}

impl Listening {
    pub(crate) fn start(bench: &Bench, line: &str) -> Self {
        let arguments =
            ["emulator", "--listen", "127.0.0.1:0", "--quiet"].into_iter().chain(line.split_whitespace());
        let mut child = bench.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap_or_else(|e| panic!("{e}: {ready}"));
        let text = |name: &str| ready[name].as_str().map(str::to_owned);
        Self { child, url: text("url").unwrap(), ca_file: text("ca_file") }
    }

    /// A command that talks to it.
    pub(crate) fn command(&self, bench: &Bench, line: &str) -> Command {
        let mut command = bench.command(line.split_whitespace());
        command
            .env("CLOUDCONNEXA_API_URL", &self.url)
            .env("CLOUDCONNEXA_CLIENT_ID", "emulator")
            .env("CLOUDCONNEXA_CLIENT_SECRET", "emulator");
        if let Some(ca_file) = &self.ca_file {
            command.args(["--ca-file", ca_file]);
        }
        command
    }

    pub(crate) fn run(&self, bench: &Bench, line: &str) -> Came {
        came(self.command(bench, line).output().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that we started.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Looks until it is so. Bounded by far more than it takes, so that a test which never gets there fails.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("waited in vain: {what}");
}
