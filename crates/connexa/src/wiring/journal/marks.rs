//! High-water marks: how far each run had come, written beside the journal after each commit.
//!
//! SQLite takes a log whose end is damaged for one that ends there, without an error. A mark that is further than the
//! journal tells such a lost tail from an honest end. Marks are not synced and may be missing or behind: that means nothing.

use super::chain::Hash;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// A number and eight bytes that vouch for it.
const SLOT: u64 = 16;

/// The file of marks: a slot for each run, at its number.
#[derive(Debug)]
pub(super) struct Marks {
    path: PathBuf,
    file: Option<File>,
}

impl Marks {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Notes how far a run has come. That it cannot be noted is no failure of the run.
    pub(super) fn set(&mut self, run: i64, origin: &Hash, seq: u64) {
        if self.write(run, origin, seq).is_err() {
            self.file = None;
        }
    }

    fn write(&mut self, run: i64, origin: &Hash, seq: u64) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path, true)?),
        };
        let mut slot = [0; 16];
        slot[..8].copy_from_slice(&seq.to_be_bytes());
        slot[8..].copy_from_slice(&witness(origin, seq));
        file.seek(SeekFrom::Start(place(run)))?;
        file.write_all(&slot)
    }

    /// How far a run had come, if that is known.
    pub(super) fn get(&self, run: i64, origin: &Hash) -> Option<u64> {
        let mut file = open(&self.path, false).ok()?;
        let mut slot = [0; 16];
        file.seek(SeekFrom::Start(place(run))).ok()?;
        file.read_exact(&mut slot).ok()?;
        let (seq, vouched) = slot.split_at(8);
        let seq = u64::from_be_bytes(seq.try_into().ok()?);
        (witness(origin, seq) == vouched).then_some(seq)
    }
}

fn place(run: i64) -> u64 {
    u64::try_from(run).unwrap_or_default() * SLOT
}

/// Tells a mark of this run from one of another, and from anything else.
fn witness(origin: &Hash, seq: u64) -> [u8; 8] {
    let seal = origin.seal("mark", &seq.to_be_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&seal.0[..8]);
    first
}

fn open(path: &Path, write: bool) -> io::Result<File> {
    // Its folder is the owner's alone, so nobody puts a link here between this look and the opening.
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => return Err(io::ErrorKind::InvalidInput.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound && write => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(write).create(write);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_its_runs_alone_and_anything_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marks");
        let mut marks = Marks::at(path.clone());
        let (one, other) = (Hash::origin(b"one"), Hash::origin(b"other"));
        assert_eq!(marks.get(7, &one), None);
        marks.set(7, &one, 40);
        marks.set(3, &other, 2);
        assert_eq!((marks.get(7, &one), marks.get(3, &other)), (Some(40), Some(2)));
        assert_eq!((marks.get(7, &other), marks.get(8, &one), marks.get(0, &one)), (None, None, None));
        marks.set(7, &one, 12);
        assert_eq!(marks.get(7, &one), Some(12));
        // As if the machine had lost half of it.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[7 * 16 + 7] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(marks.get(7, &one), None);
    }
}
