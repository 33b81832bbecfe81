//! The state directory: one folder that holds what lives longer than a command, readable by its owner alone.

use crate::{exit::Exit, failure::Failure};
use connexa_types::SealingKey;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateDirError {
    /// A file or folder cannot be had.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was to be done, in words.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The key under which secrets are hashed is none.
    #[error("the sealing key `{}` does not hold 32 bytes", path.display())]
    SealingKey {
        /// Its file.
        path: PathBuf,
    },
    /// The system has no random numbers.
    #[error("no random numbers are to be had: {0}")]
    Random(String),
}

/// The state directory.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    /// Opens the folder, made with mode 0700 if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, StateDirError> {
        make_folder(path).map_err(|error| cannot("make the state directory", path, error))?;
        // Paths that are printed must mean the same in any folder.
        let path = fs::canonicalize(path).map_err(|error| cannot("find the state directory", path, error))?;
        Ok(Self(path))
    }

    /// The tenant of the emulator in process.
    pub(crate) fn emulator_store(&self) -> PathBuf {
        self.0.join("emulator.db")
    }

    /// The certificate of `connexa emulator`.
    pub(crate) fn emulator_tls(&self) -> PathBuf {
        self.0.join("emulator-tls")
    }

    /// The folder of what is remembered of quotas.
    pub(crate) fn quota_folder(&self) -> PathBuf {
        self.0.join("quota")
    }

    /// Where the spec of what did not succeed in a run goes.
    pub(crate) fn failures_file(&self, run: &str, extension: &str) -> Result<PathBuf, StateDirError> {
        let folder = self.0.join("failures");
        make_folder(&folder).map_err(|error| cannot("make the folder", &folder, error))?;
        Ok(folder.join(format!("{run}.{extension}")))
    }

    /// The key under which secrets are hashed, made at first use.
    pub(crate) fn sealing_key(&self) -> Result<SealingKey, StateDirError> {
        let path = self.0.join("sealing.key");
        match fs::read(&path) {
            Ok(bytes) => return sealing_key(&path, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot("read the sealing key", &path, error)),
        }
        let fresh = self.0.join(format!("sealing.key.{}", std::process::id()));
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| StateDirError::Random(error.to_string()))?;
        let made = write_private(&fresh, &bytes)
            // A link never replaces: of two processes that start at once, one makes the key.
            .and_then(|()| match fs::hard_link(&fresh, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            })
            .and_then(|()| fs::read(&path));
        let _ = fs::remove_file(&fresh);
        let bytes = made.map_err(|error| cannot("make the sealing key", &path, error))?;
        sealing_key(&path, &bytes)
    }
}

fn sealing_key(path: &Path, bytes: &[u8]) -> Result<SealingKey, StateDirError> {
    let bytes = bytes.try_into().map_err(|_| StateDirError::SealingKey { path: path.to_owned() })?;
    Ok(SealingKey::new(bytes))
}

fn cannot(what: &'static str, path: &Path, source: io::Error) -> StateDirError {
    StateDirError::Io { what, path: path.to_owned(), source }
}

impl From<StateDirError> for Failure {
    fn from(error: StateDirError) -> Self {
        let failure = Self::new(Exit::Refused, error.to_string());
        match &error {
            StateDirError::Io { source, .. } => failure.because(source),
            StateDirError::SealingKey { .. } => failure.hint(
                "move the file away; a new key is made, and secrets are no longer comparable with earlier ones",
            ),
            StateDirError::Random(_) => failure,
        }
    }
}

/// Makes a folder and those above it, for its owner alone.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file anew, for its owner alone, and sees to it that it is on the disk.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sealing_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("a/b")).unwrap();
        let seal = || dir.sealing_key().unwrap().seal("f", "v");
        assert_eq!(seal(), seal());
        let names: Vec<_> = fs::read_dir(&dir.0).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["sealing.key"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&dir.0), mode(&dir.0.join("sealing.key"))), (0o700, 0o600));
        }
        fs::write(dir.0.join("sealing.key"), "short").unwrap();
        assert!(dir.sealing_key().unwrap_err().to_string().contains("32 bytes"));
    }
}
