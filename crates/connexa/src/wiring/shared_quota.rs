//! The file through which processes that use one key share its quota.
//!
//! It lies in the state directory, named by a keyed hash of tenant and client id, readable by its owner alone. What it
//! holds is [`SharedQuota`](connexa_engine::quota::SharedQuota)'s affair; here it is bytes under a lock of the operating
//! system, which goes with the process that holds it, however that ends. It is opened anew for each exchange, so that a
//! file that was deleted or replaced meanwhile is no trap.

use super::state_dir::{StateDir, make_folder};
use connexa_client::Credentials;
use connexa_engine::pacer::{LockedQuota, QuotaStore};
use connexa_types::{SealingKey, TenantId};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Whoever holds the lock does so for less than a millisecond; one that was stopped meanwhile is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How soon to ask again for a lock that is held.
const ASK_AGAIN: Duration = Duration::from_micros(200);
/// Nothing that we write is longer.
const LARGEST: u64 = 4 << 20;

/// The file of one key.
#[derive(Debug)]
pub(crate) struct QuotaFile {
    path: PathBuf,
    /// The user that the state directory belongs to.
    #[cfg(unix)]
    owner: u32,
}

impl QuotaFile {
    /// The file of a key of a tenant; its folder is made, the file is not.
    pub(crate) fn of(
        state: &StateDir,
        tenant: &TenantId,
        credentials: &Credentials,
        key: &SealingKey,
    ) -> Result<Self, String> {
        let hash = key.seal("quota", &format!("{tenant}\n{}", credentials.client_id));
        let name = hash.as_str().rsplit(':').next().unwrap_or_default();
        Self::at(&state.quota_folder(), &format!("{name}.json"))
    }

    fn at(folder: &Path, name: &str) -> Result<Self, String> {
        let failed = |error: io::Error| format!("`{}`: {error}", folder.display());
        make_folder(folder).map_err(failed)?;
        #[cfg(unix)]
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(folder).map_err(failed)?);
        Ok(Self {
            path: folder.join(name),
            #[cfg(unix)]
            owner,
        })
    }

    fn open(&self) -> Result<File, String> {
        // Looked at before it is opened: opening a pipe would wait for its other end.
        match fs::symlink_metadata(&self.path) {
            Ok(found) if !found.is_file() => return Err("it is not a plain file".to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.to_string()),
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path).map_err(|error| error.to_string())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
            let found = file.metadata().map_err(|error| error.to_string())?;
            if found.uid() != self.owner {
                return Err("it belongs to another user".to_owned());
            }
            if found.mode() & 0o077 != 0 {
                file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(|error| error.to_string())?;
            }
        }
        Ok(file)
    }

    fn locked(&self) -> Result<File, String> {
        let file = self.open()?;
        let asked = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if asked.elapsed() < LONGEST_WAIT => {
                    std::thread::sleep(ASK_AGAIN);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err("another process holds its lock and does not give it back".to_owned());
                }
                Err(TryLockError::Error(error)) => return Err(format!("it cannot be locked: {error}")),
            }
        }
    }
}

impl QuotaStore for QuotaFile {
    fn lock(&self) -> Result<Box<dyn LockedQuota + '_>, String> {
        let file = self.locked().map_err(|why| format!("`{}`: {why}", self.path.display()))?;
        Ok(Box::new(LockedFile { path: &self.path, file }))
    }
}

/// The file under its lock, which goes when the file is closed.
struct LockedFile<'a> {
    path: &'a Path,
    file: File,
}

impl LockedFile<'_> {
    fn named<T>(&self, done: io::Result<T>) -> Result<T, String> {
        done.map_err(|error| format!("`{}`: {error}", self.path.display()))
    }
}

impl LockedQuota for LockedFile<'_> {
    fn read(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::with_capacity(4096);
        let read = (&self.file).take(LARGEST).read_to_end(&mut bytes);
        self.named(read)?;
        Ok(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        // Not replaced by renaming, since the lock is on the file itself. A line that is cut by a power failure is found to
        // be none, and a longer one before it ends where this one does.
        let mut file = &self.file;
        let written = file
            .rewind()
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| file.set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
        self.named(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::SecretValue;

    fn file(folder: &Path) -> QuotaFile {
        QuotaFile::at(&folder.join("quota"), "k.json").unwrap()
    }

    fn exchange(file: &QuotaFile, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut locked = file.lock()?;
        let before = locked.read()?;
        locked.write(bytes)?;
        Ok(before)
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_left_of_what_was_longer() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        assert_eq!(exchange(&file, b"a long line\n").unwrap(), b"");
        assert_eq!(exchange(&file, b"short\n").unwrap(), b"a long line\n");
        assert_eq!(exchange(&file, b"").unwrap(), b"short\n");
        fs::remove_file(&file.path).unwrap();
        assert_eq!(exchange(&file, b"again\n").unwrap(), b"");
    }

    #[test]
    fn the_name_tells_no_key_and_each_key_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let path = |tenant: &str, client: &str| {
            let client_secret = SecretValue::new("canary-secret");
            let credentials = Credentials { client_id: client.to_owned(), client_secret };
            let key = SealingKey::new([7; 32]);
            QuotaFile::of(&state, &TenantId::new(tenant), &credentials, &key).unwrap().path
        };
        let one = path("https://acme.example", "canary-client");
        assert_eq!(one, path("https://acme.example", "canary-client"));
        assert_ne!(one, path("https://acme.example", "another"));
        assert_ne!(one, path("https://other.example", "canary-client"));
        assert!(!one.display().to_string().contains("canary"));
    }

    #[test]
    #[cfg(unix)]
    fn it_is_private_and_neither_link_nor_folder_is_taken_for_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        exchange(&file, b"x\n").unwrap();
        let mode = || fs::metadata(&file.path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).unwrap();
        exchange(&file, b"x\n").unwrap();
        assert_eq!(mode(), 0o600);

        fs::remove_file(&file.path).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "keep").unwrap();
        symlink(&elsewhere, &file.path).unwrap();
        let why = exchange(&file, b"x\n").unwrap_err();
        assert!(why.ends_with("it is not a plain file"), "{why}");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"keep");
        fs::remove_file(&file.path).unwrap();
        fs::create_dir(&file.path).unwrap();
        assert!(exchange(&file, b"x\n").is_err());
    }

    #[test]
    fn a_lock_that_is_not_given_back_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        let held = file.lock().unwrap();
        let why = exchange(&file, b"x\n").unwrap_err();
        assert!(why.contains("holds its lock"), "{why}");
        drop(held);
        exchange(&file, b"x\n").unwrap();
    }
}
