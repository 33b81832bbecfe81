//! The files of one journal, and how they are kept: in a folder and with modes for their owner alone, never through a link.

use crate::wiring::state_dir::{StateDirError, cannot, own_file, own_folder, sync_folder};
use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// The files of one journal.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The journal itself.
    pub(super) main: PathBuf,
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that has this name now.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Ok(Self { device: found.dev(), inode: found.ino() })
        }
        #[cfg(not(unix))]
        {
            // Elsewhere an open file cannot be removed or replaced.
            let _ = found;
            Ok(Self { device: 0, inode: 0 })
        }
    }
}

impl Files {
    /// The log of what was committed and is not yet in the journal itself.
    pub(super) fn log(&self) -> PathBuf {
        self.beside("-wal")
    }

    /// The index of the log.
    pub(super) fn index(&self) -> PathBuf {
        self.beside("-shm")
    }

    /// How far each run has come.
    pub(super) fn marks(&self) -> PathBuf {
        self.beside(".marks")
    }

    /// The folder of the files that owners lock.
    pub(super) fn owners(&self) -> PathBuf {
        self.beside(".owners")
    }

    /// The file that an owner says it locks; `None` if it is no name of such a file.
    pub(super) fn owner(&self, name: &str) -> Option<PathBuf> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
        (plain && !name.starts_with('.')).then(|| self.owners().join(name))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(self.main.as_os_str());
        name.push(ending);
        PathBuf::from(name)
    }

    fn folder(&self) -> &Path {
        self.main.parent().unwrap_or(Path::new("."))
    }

    /// Sees to it that the folder of owners is there.
    pub(super) fn make_owners(&self) -> io::Result<()> {
        own_folder(&self.owners()).map(drop).map_err(io::Error::other)
    }

    /// Looks at all that is there; whether there is a journal. Rights of others are taken away.
    pub(super) fn check(&self) -> Result<bool, StateDirError> {
        if fs::symlink_metadata(self.folder()).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(false);
        }
        own_folder(self.folder())?;
        for beside in [self.log(), self.index(), self.marks()] {
            own_file(&beside)?;
        }
        Ok(own_file(&self.main)?.is_some())
    }

    /// Makes an empty file for a new journal, and its folder.
    pub(super) fn make(&self) -> Result<(), StateDirError> {
        own_folder(self.folder())?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.main) {
            // SQLite syncs the folder for its log, not for a file that it finds.
            Ok(_) => sync_folder(self.folder())
                .map_err(|error| cannot("make sure of the folder", self.folder(), error)),
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.check().map(drop),
            Err(error) => Err(cannot("make the journal", &self.main, error)),
        }
    }
}
