//! Words of a command line that is shown to be copied.

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
