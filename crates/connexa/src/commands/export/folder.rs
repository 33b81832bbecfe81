//! A folder of exports. What an export has written, the next one replaces; what another hand has written or changed stays,
//! unless it is told otherwise.
//!
//! Which is which is known by the hashes of what was written, kept in a file that readers of specs do not look at.

use crate::{
    exit::Exit,
    failure::Failure,
    views::{json, text::list},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Where the hashes are kept. Names that begin with a dot are none of a spec (spec section 1.1).
const MEMORY: &str = ".connexa-export.json";
/// The formats in which a kind may stand in the folder.
const EXTENSIONS: [&str; 6] = ["yaml", "yml", "json", "jsonl", "ndjson", "csv"];

/// The folder.
pub(super) struct Folder {
    path: PathBuf,
    force: bool,
}

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Those that are new or have changed.
    pub(super) changed: usize,
    /// Those that were there already, equal to the byte.
    pub(super) unchanged: usize,
    /// Files of the same kinds in other formats.
    pub(super) doubles: Vec<String>,
}

/// By file name, the hashes of what exports have written to it.
type Memory = BTreeMap<String, BTreeSet<String>>;

impl Folder {
    /// Makes the folder if there is none.
    pub(super) fn open(path: &Path, force: bool) -> Result<Self, Failure> {
        fs::create_dir_all(path).map_err(|error| cannot("make the folder", path, &error))?;
        Ok(Self { path: path.to_owned(), force })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the files, given by name and text: all of them, or none if one of them belongs to another hand.
    pub(super) fn write(&self, files: &[(String, String)]) -> Result<Written, Failure> {
        let mut memory = self.remembered();
        let mut written = Written { doubles: self.doubles(files), ..Written::default() };
        let mut changed: Vec<&(String, String)> = Vec::new();
        let mut foreign = Vec::new();
        for file in files {
            let (name, text) = file;
            let there = self.there(name)?;
            if there.as_deref() == Some(text.as_bytes()) {
                written.unchanged += 1;
            } else {
                let known = memory.get(name);
                let is_ours = |bytes: &Vec<u8>| known.is_some_and(|known| known.contains(&hash(bytes)));
                if there.as_ref().is_some_and(|bytes| !is_ours(bytes)) {
                    foreign.push(name);
                }
                changed.push(file);
            }
            // Whether an interrupted export has replaced a file or not, it is ours.
            let hashes = memory.entry(name.clone()).or_default();
            hashes.retain(|known| there.as_deref().is_some_and(|bytes| *known == hash(bytes)));
            hashes.insert(hash(text.as_bytes()));
        }
        if !foreign.is_empty() && !self.force {
            let names = list(foreign.iter().map(|name| format!("`{name}`")));
            let message = format!("{names} in `{}` was not left so by an export", self.path.display());
            return Err(Failure::new(Exit::Refused, message)
                .hint("`--force` replaces what stands there; nothing was written"));
        }
        self.replace(MEMORY, &json::document(&memory))?;
        for (name, text) in &changed {
            self.replace(name, text)?;
        }
        written.changed = changed.len();
        Ok(written)
    }

    fn remembered(&self) -> Memory {
        // What cannot be read vouches for nothing: the files count as another hand's.
        let bytes = fs::read(self.path.join(MEMORY)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn there(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot("read", &path, &error)),
        }
    }

    /// Replaces a file as a whole: a reader finds the old one or the new one.
    fn replace(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        let fresh = self.path.join(format!(".{name}.{}", std::process::id()));
        let made = File::create(&fresh)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&fresh, &path));
        made.map_err(|error| {
            // What is left of it is of no use to anybody.
            let _ = fs::remove_file(&fresh);
            cannot("write", &path, &error)
        })
    }

    fn doubles(&self, files: &[(String, String)]) -> Vec<String> {
        let mut doubles = Vec::new();
        for (name, _) in files {
            let stem = name.split('.').next().unwrap_or(name);
            let others = EXTENSIONS.iter().map(|extension| format!("{stem}.{extension}"));
            doubles.extend(others.filter(|other| other != name && self.path.join(other).exists()));
        }
        doubles
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Refused, format!("cannot {what} `{}`", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Vec<(String, String)> {
        vec![("networks.yaml".to_owned(), text.to_owned())]
    }

    #[test]
    fn what_an_export_wrote_is_replaced_and_what_others_wrote_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let folder = |force| Folder::open(&path, force).unwrap();
        let counts = |written: Written| (written.changed, written.unchanged);
        assert_eq!(counts(folder(false).write(&files("a")).unwrap()), (1, 0));
        assert_eq!(counts(folder(false).write(&files("a")).unwrap()), (0, 1));
        assert_eq!(counts(folder(false).write(&files("b")).unwrap()), (1, 0));

        fs::write(path.join("networks.yaml"), "by hand").unwrap();
        let refused = folder(false).write(&files("c")).unwrap_err();
        assert_eq!(refused.exit, Exit::Refused);
        assert_eq!(fs::read(path.join("networks.yaml")).unwrap(), b"by hand");
        assert_eq!(counts(folder(true).write(&files("c")).unwrap()), (1, 0));
        assert_eq!(fs::read(path.join("networks.yaml")).unwrap(), b"c");

        fs::write(path.join("networks.csv"), "name\n").unwrap();
        assert_eq!(folder(false).write(&files("d")).unwrap().doubles, ["networks.csv"]);
        let names: BTreeSet<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, BTreeSet::from([MEMORY.into(), "networks.csv".into(), "networks.yaml".into()]));
    }
}
