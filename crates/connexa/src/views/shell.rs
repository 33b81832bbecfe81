//! Words of a command line that is shown to be copied.

use crate::cli::Global;
use connexa_emulator::Limits;
use std::{ffi::OsStr, path::Path};

/// A word as a POSIX shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The program as it can be called again: a path as it was typed (it may not be in `PATH`, as under `cargo run`), else
/// its name.
pub(crate) fn program(word: &OsStr) -> String {
    if Path::new(word).components().count() > 1 {
        quoted(&word.to_string_lossy())
    } else {
        "connexa".to_owned()
    }
}

/// A command with these words, as it is called here: by the name of the program, and with the flags that name tenant and
/// state. The words are quoted already.
pub(crate) fn command(global: &Global, words: impl IntoIterator<Item = String>) -> String {
    let mut line = vec![global.program.clone()];
    line.extend(words);
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.extend([name.to_owned(), quoted(&value)]);
        }
    };
    let path = |path: &Path| path.display().to_string();
    flag("--api-url", global.api_url.clone());
    flag("--cloud-id", global.cloud_id.clone());
    flag("--profile", global.profile.clone());
    flag("--ca-file", global.ca_file.as_deref().map(path));
    flag("--state-dir", global.state_dir.as_deref().map(path));
    if global.emulator {
        line.push("--emulator".to_owned());
    }
    if let Some(limits) = &global.emulator_limits {
        line.extend(["--emulator-limits".to_owned(), shortest(*limits)]);
    }
    line.join(" ")
}

/// Limits as people write them: once where both classes have the same.
fn shortest(limits: Limits) -> String {
    match limits {
        Limits::Separate { .. } if limits == Limits::UNLIMITED => "unlimited".to_owned(),
        Limits::Separate { read, update } if read == update => {
            format!("{}:{}:{}", read.burst, read.rate, read.period)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert_eq!(quoted("/tmp/a-1.yaml"), "/tmp/a-1.yaml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn the_program_is_called_as_before() {
        assert_eq!(program(OsStr::new("target/debug/connexa")), "target/debug/connexa");
        assert_eq!(program(OsStr::new("connexa")), "connexa");
    }
}
