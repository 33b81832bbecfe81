//! Profiles as files: one for each object, readable by their owner alone, written whole or not at all.
//!
//! A profile is given out by a call and is not to be had again for nothing, so names are found, and files that are there
//! seen, before any call. What is written is durable before the call's outcome is recorded. Where a profile is rotated, a
//! file that is there is kept under another name, and a command may be run once the new one is in its place.

use super::hook::{self, Hook};
use connexa_engine::{
    plan::{Delivery, Existing, Plan, Preset, ProfileForm},
    ports::{Deliver, DeliverError, DeliveryLabel},
    report::{ErrorType, Verdict},
};
use connexa_types::SecretValue;
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Where profiles go.
pub(crate) struct ProfileFolder {
    folder: PathBuf,
    extension: &'static str,
    existing: Existing,
    /// What is run once a file is there.
    hook: Option<Hook>,
    /// File names by kind and id, found when the plan is ready.
    names: Mutex<HashMap<(String, String), String>>,
}

impl ProfileFolder {
    /// A folder, the working folder if none is named.
    pub(crate) fn new(folder: Option<PathBuf>, form: ProfileForm, existing: Existing) -> Self {
        let extension = match form {
            ProfileForm::Ovpn => "ovpn",
            ProfileForm::Token => "token",
            ProfileForm::Dmg => "dmg.url",
            ProfileForm::Msi => "msi.url",
        };
        let folder = folder.unwrap_or_else(|| PathBuf::from("."));
        // A run may be continued from another folder.
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self { folder, extension, existing, hook: None, names: Mutex::default() }
    }

    /// Where a run that is taken up again had its profiles go.
    pub(crate) fn of(delivery: &Delivery, plan: &Plan) -> Self {
        let names = delivery.files.iter().filter_map(|(index, file)| {
            let change = plan.changes.get(*index)?;
            Some(((change.kind.clone(), change.id.clone().unwrap_or_default()), file.clone()))
        });
        Self {
            folder: PathBuf::from(&delivery.folder),
            // Each file has its name.
            extension: "ovpn",
            existing: delivery.existing,
            hook: None,
            names: Mutex::new(names.collect()),
        }
    }

    /// Has a command run once a file is in its place.
    pub(crate) fn with_hook(self, hook: Option<Hook>) -> Self {
        Self { hook, ..self }
    }

    /// Keeps these variables from the command.
    pub(crate) fn hide(&self, variables: Vec<String>) {
        if let Some(hook) = &self.hook {
            hook.hide(variables);
        }
    }

    /// Finds a name for the file of each change; one whose file is there already fails, before any call, where files are
    /// not to be replaced.
    pub(crate) fn assign(&self, plan: &mut Plan) {
        // A change may be carried by several operations.
        let carried = plan.operations.iter().flat_map(|op| op.carries.iter().map(|carried| carried.change));
        let acting: BTreeSet<usize> = carried.collect();
        let mut files: BTreeMap<usize, String> = BTreeMap::new();
        let mut wanted: HashMap<String, usize> = HashMap::new();
        for index in &acting {
            *wanted.entry(folded(&plan.changes[*index].key, Part::Own)).or_default() += 1;
        }
        let mut taken: HashMap<String, usize> = HashMap::new();
        for index in &acting {
            let change = &plan.changes[*index];
            // The own name, where it is one of a kind; else the parent's before it, else the id behind it.
            let mut name = safe(&change.key, Part::Own);
            if wanted[&name.to_lowercase()] > 1 {
                name = safe(&change.key, Part::Whole);
            }
            if taken.contains_key(&name.to_lowercase()) {
                name = format!("{name}_{}", change.id.as_deref().unwrap_or_default());
            }
            taken.insert(name.to_lowercase(), *index);
            files.insert(*index, format!("{name}.{}", self.extension));
        }
        let mut names = HashMap::new();
        let mut delivery = Delivery {
            folder: self.folder.display().to_string(),
            existing: self.existing,
            files: BTreeMap::new(),
            hook: self.hook.as_ref().map(|hook| hook.command().to_owned()),
        };
        let mut refused = Vec::new();
        for (index, file) in files {
            let change = &mut plan.changes[index];
            let path = self.folder.join(&file);
            if self.existing == Existing::Refuse && path.symlink_metadata().is_ok() {
                change.preset = Some(Preset {
                    verdict: Verdict::Failed,
                    error: format!(
                        "the file `{}` is there already; `--overwrite` replaces it",
                        path.display()
                    ),
                    error_type: ErrorType::Conflict,
                    error_detail: BTreeMap::new(),
                    cause: None,
                });
                change.irreversible = None;
                refused.push(index);
            } else {
                let id = change.id.clone().unwrap_or_default();
                names.insert((change.kind.clone(), id), file.clone());
                delivery.files.insert(index, file);
            }
        }
        if !refused.is_empty() {
            // Where files are refused each change has one operation, which needs no other.
            plan.operations.retain(|op| !op.carries.iter().any(|carried| refused.contains(&carried.change)));
            plan.cost.update = u64::try_from(plan.operations.len()).unwrap_or(u64::MAX);
        }
        plan.delivery = Some(delivery);
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Writes the file; returns where it is.
    fn write(&self, of: &DeliveryLabel, product: &SecretValue) -> Result<Written, String> {
        let named = (of.kind.clone(), of.id.clone().unwrap_or_default());
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&named).cloned();
        let file = known.unwrap_or_else(|| format!("{}.{}", safe(&of.key, Part::Whole), self.extension));
        let path = self.folder.join(file);
        let kept = write(&path, product.expose().as_bytes(), self.existing)
            .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
        let place = match kept {
            Some(kept) => format!("{}; what was there is in {}", path.display(), kept.display()),
            None => path.display().to_string(),
        };
        Ok(Written { path, place })
    }
}

/// A file that is durable.
struct Written {
    path: PathBuf,
    /// Where it is, in words, and where that is which was there before.
    place: String,
}

impl Deliver for ProfileFolder {
    fn deliver(
        &self,
        of: DeliveryLabel,
        product: SecretValue,
    ) -> BoxFuture<'_, Result<String, DeliverError>> {
        Box::pin(async move {
            // A few kilobytes: no reason for another thread.
            let Written { path, place } = self.write(&of, &product).map_err(DeliverError::lost)?;
            let Some(hook) = &self.hook else { return Ok(place) };
            match hook.run(hook::Subject { of, path, product }).await {
                Ok(()) => Ok(place),
                Err(why) => Err(DeliverError { why, kept: Some(place) }),
            }
        })
    }
}

/// Writes a file for its owner alone, durably. Returns where that is kept which was there before, if it is.
fn write(path: &Path, content: &[u8], existing: Existing) -> io::Result<Option<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", uuid::Uuid::now_v7().simple()));
    let draft = folder.join(name);
    let written = (|| {
        let mut file = private().open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        match existing {
            Existing::Replace => fs::rename(&draft, path).map(|()| None),
            Existing::Keep => {
                // At no moment is there neither the old one nor the new one.
                let kept = keep(path, content)?;
                fs::rename(&draft, path).map(|()| kept)
            }
            // A link, unlike a rename, is refused where there is a file.
            Existing::Refuse => fs::hard_link(&draft, path)
                .or_else(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => Err(error),
                    // Some file systems have no links.
                    _ => copy_new(path, content),
                })
                .map(|()| None),
        }
    })();
    // After a rename it is gone already.
    let _ = fs::remove_file(&draft);
    let kept = written?;
    // The name is durable when the folder is; what cannot be synced here is so by itself.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(kept)
}

/// Gives what is at a path a second name, `NAME.old` or with a number behind it; nothing, if there is nothing, or what is to
/// come there already.
fn keep(path: &Path, content: &[u8]) -> io::Result<Option<PathBuf>> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(None);
    }
    for number in 1..=u16::MAX {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(if number == 1 { ".old".to_owned() } else { format!(".old-{number}") });
        let kept = path.with_file_name(name);
        let linked = fs::hard_link(path, &kept).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::read(path).and_then(|there| copy_new(&kept, &there)),
        });
        match linked {
            Ok(()) => return Ok(Some(kept)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("there is no name left for the file that is there"))
}

fn copy_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private().open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A new file that only its owner can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Which part of a key names the file.
#[derive(Clone, Copy)]
enum Part {
    Own,
    Whole,
}

fn folded(key: &str, part: Part) -> String {
    safe(key, part).to_lowercase()
}

/// A key as a name that every file system takes, and no shell takes for anything else.
fn safe(key: &str, part: Part) -> String {
    const LONGEST: usize = 100;
    let text = match part {
        Part::Whole => key.to_owned(),
        Part::Own => own_part(key).to_owned(),
    };
    let mut name = String::new();
    for c in text.chars() {
        let fits = c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+');
        // Bytes count where names end.
        if name.len() + c.len_utf8() > LONGEST {
            break;
        }
        name.push(if fits { c } else { '_' });
    }
    // Hidden files, flags and names of devices.
    let device = ["con", "prn", "aux", "nul"].contains(&name.to_lowercase().as_str());
    if name.is_empty() || device || name.starts_with(['.', '-']) {
        name.insert(0, '_');
    }
    name
}

/// The own part of a child's key string: what follows the first slash that is not escaped.
fn own_part(key: &str) -> &str {
    let mut escaped = false;
    for (at, c) in key.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '/' if !escaped => return &key[at + 1..],
            _ => escaped = false,
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe() {
        for (key, own, whole) in [
            ("paris/paris-1", "paris-1", "paris_paris-1"),
            (r"a\/b/c d", "c_d", "a__b_c_d"),
            ("x/../../etc/passwd", "_.._.._etc_passwd", "x_.._.._etc_passwd"),
            ("x/-rf", "_-rf", "x_-rf"),
            ("x/.bashrc", "_.bashrc", "x_.bashrc"),
            ("x/NUL", "_NUL", "x_NUL"),
            ("x/\u{1b}[31m", "__31m", "x___31m"),
            ("x/zürich", "zürich", "x_zürich"),
        ] {
            assert_eq!(safe(key, Part::Own), own, "{key}");
            assert_eq!(safe(key, Part::Whole), whole, "{key}");
        }
        assert!(safe(&format!("x/{}", "é".repeat(300)), Part::Own).len() <= 101);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_private_and_never_replaced_silently() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/paris-1.ovpn");
        write(&path, b"one", Existing::Refuse).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = write(&path, b"two", Existing::Refuse).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"three", Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_kept_has_a_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paris-1.ovpn");
        let write = |content: &[u8]| write(&path, content, Existing::Keep).unwrap();
        assert_eq!(write(b"one"), None);
        // The same again is nothing to keep.
        assert_eq!(write(b"one"), None);
        let old = |name: &str| Some(folder.path().join(name));
        assert_eq!(write(b"two"), old("paris-1.ovpn.old"));
        assert_eq!(write(b"three"), old("paris-1.ovpn.old-2"));
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(
            (read("paris-1.ovpn.old"), read("paris-1.ovpn.old-2"), read("paris-1.ovpn")),
            (b"one".to_vec(), b"two".to_vec(), b"three".to_vec())
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
