//! The state directory: one folder that holds what lives longer than a command, readable by its owner alone.
//!
//! What is found there is used only if it is what it should be, and ours: a folder or a plain file, no link, of the user who
//! runs this. Rights that others have on it are taken away.

use crate::{exit::Exit, failure::Failure};
use connexa_types::{SealingKey, TenantId};
use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
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
    /// A link stands where a file or folder is to be.
    #[error("`{}` is a symbolic link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Something else stands where a file or folder is to be.
    #[error("`{}` is no {expected}", path.display())]
    Other {
        /// It.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// A file or folder belongs to another user.
    #[error("`{}` belongs to another user", path.display())]
    Foreign {
        /// It.
        path: PathBuf,
    },
    /// The folder is one that all users of the machine write to.
    #[error("`{}` is a folder for everybody", path.display())]
    Shared {
        /// The folder.
        path: PathBuf,
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
pub(crate) struct StateDir {
    path: PathBuf,
    /// Whether others had rights on it.
    was_open: bool,
}

impl StateDir {
    /// Opens the folder, made with mode 0700 if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, StateDirError> {
        let was_open = own_folder(path)?;
        // Paths that are printed must mean the same in any folder.
        let path = fs::canonicalize(path).map_err(|error| cannot("find the state directory", path, error))?;
        Ok(Self { path, was_open })
    }

    /// What to tell people, if others could look into the folder until now.
    pub(crate) fn warning(&self) -> Option<String> {
        let path = self.path.display();
        self.was_open.then(|| {
            format!(
                "other users had access to the state directory `{path}`; now it is its owner's alone (0700)"
            )
        })
    }

    /// The journal of a tenant's runs.
    pub(crate) fn journal_file(&self, tenant: &TenantId) -> PathBuf {
        self.path.join("journal").join(format!("{}.db", file_name(tenant)))
    }

    /// The journals of all tenants.
    pub(crate) fn journal_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path.join("journal")).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
        files.sort();
        files
    }

    /// The tenant of the emulator in process.
    pub(crate) fn emulator_store(&self) -> PathBuf {
        self.path.join("emulator.db")
    }

    /// The certificate of `connexa emulator`.
    pub(crate) fn emulator_tls(&self) -> PathBuf {
        self.path.join("emulator-tls")
    }

    /// The folder of what is remembered of quotas.
    pub(crate) fn quota_folder(&self) -> PathBuf {
        self.path.join("quota")
    }

    /// Where the spec of what did not succeed in a run goes.
    pub(crate) fn failures_file(&self, run: &str, extension: &str) -> Result<PathBuf, StateDirError> {
        let folder = self.path.join("failures");
        make_folder(&folder).map_err(|error| cannot("make the folder", &folder, error))?;
        Ok(folder.join(format!("{run}.{extension}")))
    }

    /// The key under which secrets are hashed, made at first use.
    pub(crate) fn sealing_key(&self) -> Result<SealingKey, StateDirError> {
        let path = self.path.join("sealing.key");
        if own_file(&path)?.is_some() {
            let bytes = fs::read(&path).map_err(|error| cannot("read the sealing key", &path, error))?;
            return sealing_key(&path, &bytes);
        }
        let fresh = self.path.join(format!("sealing.key.{}", std::process::id()));
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

pub(crate) fn cannot(what: &'static str, path: &Path, source: io::Error) -> StateDirError {
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
            StateDirError::Link { .. } => failure.hint("name the place itself, or another with `--state-dir`"),
            StateDirError::Other { .. } => failure.hint("move it away, or name another with `--state-dir`"),
            StateDirError::Foreign { .. } => failure.hint(
                "run this as that user, or name another folder with `--state-dir`",
            ),
            StateDirError::Shared { .. } => failure.hint("name a folder of your own in it with `--state-dir`"),
            StateDirError::Random(_) => failure,
        }
    }
}

/// The name of a tenant in a folder: its origin, `https` taken for granted, in letters that any file system takes; no two
/// tenants have the same.
fn file_name(tenant: &TenantId) -> String {
    use std::fmt::Write as _;
    // The longest name of most file systems is 255 bytes, and more is added to it.
    const LONGEST: usize = 160;
    let origin = tenant.to_string();
    let mut name = String::new();
    for (at, byte) in origin.strip_prefix("https://").unwrap_or(&origin).bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
            b'.' if at > 0 => name.push('.'),
            other => {
                let _ = write!(name, "_{other:02x}");
            }
        }
    }
    if name.len() > LONGEST {
        use sha2::{Digest as _, Sha256};
        let hash = Sha256::digest(origin.as_bytes());
        name.truncate(LONGEST);
        // Capitals stand in no other name.
        name.push('H');
        for byte in &hash[..16] {
            let _ = write!(name, "{byte:02x}");
        }
    }
    name
}

/// Makes a folder and those above it, for its owner alone. What was made is on the disk when this returns.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_folder(above)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(above.unwrap_or(Path::new("."))),
    }
}

/// Sees to it that the entries of a folder are on the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened as files.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// A folder of our own, made if there is none. Rights of others are taken away; returns whether there were any.
pub(crate) fn own_folder(path: &Path) -> Result<bool, StateDirError> {
    let look = || match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("look at", path, error)),
    };
    let found = if let Some(found) = look()? {
        found
    } else {
        make_folder(path).map_err(|error| cannot("make the folder", path, error))?;
        look()?.ok_or_else(|| cannot("find", path, io::ErrorKind::NotFound.into()))?
    };
    ours(path, &found, "folder", found.is_dir())?;
    close_to_others(path, &found)
}

/// A file of our own; `None` if there is none. Rights of others are taken away.
pub(crate) fn own_file(path: &Path) -> Result<Option<Metadata>, StateDirError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("look at", path, error)),
    };
    ours(path, &found, "plain file", found.is_file())?;
    close_to_others(path, &found)?;
    Ok(Some(found))
}

fn ours(
    path: &Path,
    found: &Metadata,
    expected: &'static str,
    as_expected: bool,
) -> Result<(), StateDirError> {
    let path = || path.to_owned();
    if found.is_symlink() {
        return Err(StateDirError::Link { path: path() });
    }
    if !as_expected {
        return Err(StateDirError::Other { path: path(), expected });
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::uid(found) != rustix::process::geteuid().as_raw() {
        return Err(StateDirError::Foreign { path: path() });
    }
    Ok(())
}

/// Takes away what rights others have; returns whether there were any.
fn close_to_others(path: &Path, found: &Metadata) -> Result<bool, StateDirError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = found.permissions().mode();
        if mode & 0o077 != 0 {
            // The folder of all temporary files, say: it must stay as it is.
            if mode & 0o1000 != 0 {
                return Err(StateDirError::Shared { path: path.to_owned() });
            }
            fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))
                .map_err(|error| cannot("take away the rights of others on", path, error))?;
            return Ok(true);
        }
    }
    let _ = (path, found);
    Ok(false)
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
        let names: Vec<_> = fs::read_dir(&dir.path).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["sealing.key"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&dir.path), mode(&dir.path.join("sealing.key"))), (0o700, 0o600));
        }
        fs::write(dir.path.join("sealing.key"), "short").unwrap();
        assert!(dir.sealing_key().unwrap_err().to_string().contains("32 bytes"));
    }

    #[test]
    fn tenants_have_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&folder.path().join("state")).unwrap();
        let name = |tenant: &str| {
            let path = dir.journal_file(&TenantId::new(tenant));
            assert_eq!(path.parent(), Some(dir.path.join("journal").as_path()));
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name("https://acme.api.openvpn.com"), "acme.api.openvpn.com.db");
        assert_eq!(name("https://acme.api.openvpn.com:8443"), "acme.api.openvpn.com_3a8443.db");
        assert_eq!(name("http://127.0.0.1:8080"), "http_3a_2f_2f127.0.0.1_3a8080.db");
        let long = "a".repeat(300);
        let names = [
            name("https://a"),
            name("http://a"),
            name("https://a_"),
            name("https://a_5f"),
            name("https://A"),
            name("https://.."),
            name("https://../../etc/passwd"),
            name(&format!("https://{long}.example")),
            name(&format!("https://{long}.example.org")),
        ];
        for (at, one) in names.iter().enumerate() {
            assert!(one.len() < 220 && !one.starts_with('.') && !one.contains('/'), "{one}");
            assert!(names[at + 1..].iter().all(|other| !other.eq_ignore_ascii_case(one)), "{names:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn only_what_is_ours_is_used_and_others_have_no_rights_on_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let path = folder.path().join("state");
        assert_eq!(StateDir::open(&path).unwrap().warning(), None);
        set(&path, 0o750);
        let dir = StateDir::open(&path).unwrap();
        assert!(dir.warning().unwrap().contains("0700"));
        assert_eq!(mode(&path), 0o700);
        assert_eq!(StateDir::open(&path).unwrap().warning(), None);
        dir.sealing_key().unwrap();
        set(&path.join("sealing.key"), 0o644);
        dir.sealing_key().unwrap();
        assert_eq!(mode(&path.join("sealing.key")), 0o600);

        // What everybody writes to is nobody's state directory, and stays as it is.
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).unwrap();
        set(&shared, 0o1777);
        assert!(matches!(StateDir::open(&shared), Err(StateDirError::Shared { .. })));
        assert_eq!(mode(&shared), 0o1777);

        symlink(&path, folder.path().join("link")).unwrap();
        assert!(matches!(StateDir::open(&folder.path().join("link")), Err(StateDirError::Link { .. })));
        // A link further up is the user's own affair.
        StateDir::open(&folder.path().join("link/within")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(matches!(StateDir::open(&folder.path().join("file")), Err(StateDirError::Other { .. })));
        fs::rename(path.join("sealing.key"), path.join("elsewhere")).unwrap();
        symlink(path.join("elsewhere"), path.join("sealing.key")).unwrap();
        assert!(matches!(dir.sealing_key(), Err(StateDirError::Link { .. })));

        let foreign = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
            StateDir::open(&path)
        } else {
            StateDir::open(Path::new("/etc"))
        };
        assert!(matches!(foreign, Err(StateDirError::Foreign { .. })), "{foreign:?}");
    }
}
