//! The configuration file: profiles, limits of the input, what is never changed (`docs/configuration.md`).
//!
//! It is read as a tree with positions, so that all that is wrong with it is told at once, each with its place and, for a
//! name that is not known, with the nearest that is. Nothing of a value is ever repeated where a secret may have been put
//! by mistake.

use crate::{failure::Failure, views::text::list};
use connexa_client::BaseUrl;
use connexa_engine::{plan::Selector, quota::Rate, spec::Limits};
use connexa_types::SecretSource;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// Nobody configures so much.
const LARGEST: u64 = 1 << 20;

/// What the file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigFile {
    /// Where it is; relative paths in it start from its folder.
    pub(crate) path: PathBuf,
    /// The profile that is used where nothing else names a tenant.
    pub(crate) default_profile: Option<String>,
    /// Profiles by name.
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// What input is too large.
    pub(crate) input_limits: Limits,
    /// What is never changed.
    pub(crate) protect: Vec<Selector>,
}

/// A tenant and the key to it.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Its name.
    pub(crate) name: String,
    /// Where the tenant is.
    pub(crate) base: BaseUrl,
    /// The id of the API key.
    pub(crate) client_id: String,
    /// Where the secret of the API key comes from; never [`SecretSource::Inline`].
    pub(crate) client_secret: SecretSource,
    /// Authorities to trust besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// A cap on all calls.
    pub(crate) max_rate: Option<Rate>,
    /// Most calls in flight at once.
    pub(crate) parallel: Option<u16>,
    /// What is never changed there, besides what is never changed anywhere.
    pub(crate) protect: Vec<Selector>,
}

const TOP: &[&str] = &["default_profile", "input", "profiles", "protect"];
const INPUT: &[&str] =
    &["max_depth", "max_file_bytes", "max_files", "max_items", "max_nodes", "max_scalar_bytes"];
const PROFILE: &[&str] =
    &["api_url", "ca_file", "client_id", "client_secret", "cloud_id", "max_rate", "parallel", "protect"];
const SECRET: &[&str] = &["command", "env", "file"];

impl ConfigFile {
    /// Reads the file; one that is not there says nothing, unless it was asked for by name.
    pub(crate) fn read(path: &Path, asked_for: bool) -> Result<Self, Failure> {
        let text = match text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !asked_for => return Ok(Self::default()),
            Err(error) => {
                let message = format!("cannot read the configuration file `{}`", path.display());
                return Err(Failure::usage(message).because(&error));
            }
        };
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let mut reader = Reader { folder: path.parent().unwrap_or(Path::new("")), problems: Vec::new() };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            // Only the words: the excerpt that belongs to them may show a secret.
            let at = error.span().map_or(0, |span| span.start);
            reader.problems.push((at, error.message().to_owned()));
        }
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        if errors.is_empty() {
            reader.file(document.get_ref(), &mut file);
        }
        if reader.problems.is_empty() {
            return Ok(file);
        }
        reader.problems.sort();
        let mut failure =
            Failure::usage(format!("the configuration file `{}` cannot be used", path.display()));
        failure.causes = reader
            .problems
            .into_iter()
            .map(|(at, problem)| {
                let (line, column) = place(text, at);
                format!("line {line}, column {column}: {problem}")
            })
            .collect();
        Err(failure.hint("docs/configuration.md explains each key"))
    }

    /// A profile by its name.
    pub(crate) fn profile(&self, name: &str, named_by: &str) -> Result<&Profile, Failure> {
        if let Some(profile) = self.profiles.get(name) {
            return Ok(profile);
        }
        let failure = Failure::usage(format!("there is no profile `{name}`, which {named_by} names"));
        Err(match self.profiles.len() {
            0 if self.path.as_os_str().is_empty() => failure.hint("there is no configuration file"),
            0 => failure.hint(format!("`{}` holds no profiles", self.path.display())),
            _ => {
                let names = list(self.profiles.keys().map(|name| format!("`{name}`")));
                failure.hint(format!("the profiles in `{}` are {names}", self.path.display()))
            }
        })
    }
}

fn text(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let file = fs::File::open(path)?;
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o002 != 0 {
        // Its commands are run with our rights.
        return Err(io::Error::other("everybody can write to it; take that away with `chmod o-w`"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is over 1 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// Line and column of a byte, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

type Table<'a> = DeTable<'a>;
type Entry<'a> = Spanned<DeValue<'a>>;

struct Reader<'a> {
    /// That of the file.
    folder: &'a Path,
    /// Byte and words.
    problems: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn problem(&mut self, at: usize, words: impl Into<String>) {
        self.problems.push((at, words.into()));
    }

    fn file(&mut self, document: &Table<'_>, file: &mut ConfigFile) {
        for (key, value) in document {
            match key.get_ref().as_ref() {
                "default_profile" => file.default_profile = self.text(key, value),
                "input" => self.input(key, value, &mut file.input_limits),
                "protect" => file.protect = self.protect(key, value),
                "profiles" => {
                    let Some(profiles) = self.table(key, value, "a table for each profile") else { continue };
                    for (name, value) in profiles {
                        if let Some(profile) = self.profile(name, value) {
                            file.profiles.insert(profile.name.clone(), profile);
                        }
                    }
                }
                _ => self.unknown(key, TOP),
            }
        }
        if let Some((key, _)) = document.iter().find(|(key, _)| key.get_ref() == "default_profile")
            && let Some(name) = file.default_profile.as_deref()
            && let Some(profiles) = document.iter().find_map(|(key, value)| {
                (key.get_ref() == "profiles").then(|| value.get_ref().as_table()).flatten()
            })
            && !profiles.keys().any(|key| key.get_ref() == name)
        {
            let near = nearest(name, profiles.keys().map(|key| key.get_ref().as_ref()));
            self.problem(key.span().start, format!("`default_profile` names no profile of this file{near}"));
        }
    }

    fn input(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>, limits: &mut Limits) {
        let Some(table) = self.table(key, value, "a table") else { return };
        for (key, value) in table {
            let place = match key.get_ref().as_ref() {
                "max_file_bytes" => &mut limits.max_file_bytes,
                "max_nodes" => &mut limits.max_nodes,
                "max_items" => &mut limits.max_items,
                "max_scalar_bytes" => &mut limits.max_scalar_bytes,
                "max_files" => &mut limits.max_files,
                "max_depth" => {
                    let deepest = self.number(key, value, u64::from(u32::MAX));
                    limits.max_depth =
                        deepest.map_or(limits.max_depth, |depth| u32::try_from(depth).unwrap_or(u32::MAX));
                    continue;
                }
                _ => {
                    self.unknown(key, INPUT);
                    continue;
                }
            };
            if let Some(number) = self.number(key, value, i64::MAX.unsigned_abs()) {
                *place = number;
            }
        }
    }

    fn profile(&mut self, name: &Spanned<DeString<'_>>, value: &Entry<'_>) -> Option<Profile> {
        let table = self.table(name, value, "a table")?;
        let before = self.problems.len();
        let (mut api_url, mut cloud_id, mut client_id, mut client_secret) = (None, None, None, None);
        let (mut ca_file, mut max_rate, mut parallel, mut protect) = (None, None, None, Vec::new());
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "api_url" => api_url = self.parsed(key, value, str::parse::<BaseUrl>),
                "cloud_id" => cloud_id = self.parsed(key, value, BaseUrl::from_cloud_id),
                "client_id" => client_id = self.text(key, value),
                "client_secret" => client_secret = self.secret(key, value),
                "ca_file" => ca_file = self.text(key, value).map(|path| self.folder.join(path)),
                "max_rate" => max_rate = self.parsed(key, value, str::parse::<Rate>),
                "parallel" => {
                    parallel = self.number(key, value, 256).and_then(|number| u16::try_from(number).ok());
                }
                "protect" => protect = self.protect(key, value),
                _ => self.unknown(key, PROFILE),
            }
        }
        let there = |key: &str| table.keys().any(|k| k.get_ref() == key);
        let at = name.span().start;
        match (there("api_url"), there("cloud_id")) {
            (true, true) => {
                self.problem(at, "`api_url` and `cloud_id` both name the tenant; give one of them");
            }
            (false, false) => {
                self.problem(
                    at,
                    format!(
                        "profile `{name}` names no tenant; give `cloud_id` or `api_url`",
                        name = name.get_ref()
                    ),
                );
            }
            _ => {}
        }
        for key in ["client_id", "client_secret"] {
            if !there(key) {
                self.problem(at, format!("profile `{}` has no `{key}`", name.get_ref()));
            }
        }
        if self.problems.len() > before {
            return None;
        }
        Some(Profile {
            name: name.get_ref().to_string(),
            base: api_url.or(cloud_id)?,
            client_id: client_id?,
            client_secret: client_secret?,
            ca_file,
            max_rate,
            parallel,
            protect,
        })
    }

    /// Where a secret comes from; the secret itself is refused, and not repeated.
    fn secret(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>) -> Option<SecretSource> {
        const FORMS: &str =
            "{ env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }";
        let Some(table) = value.get_ref().as_table() else {
            let words =
                format!("the secret itself must not stand in this file; say where it comes from: {FORMS}");
            self.problem(value.span().start, words);
            return None;
        };
        for key in table.keys().filter(|key| !SECRET.contains(&key.get_ref().as_ref())) {
            self.unknown(key, SECRET);
        }
        if table.len() != 1 {
            self.problem(key.span().start, format!("`client_secret` takes one source: {FORMS}"));
            return None;
        }
        let (key, value) = table.iter().next()?;
        match key.get_ref().as_ref() {
            "env" => self.text(key, value).map(SecretSource::Env),
            "file" => {
                let path = self.text(key, value)?;
                Some(SecretSource::File(self.folder.join(path).to_string_lossy().into_owned()))
            }
            "command" => self.texts(key, value, "a program and its arguments").map(SecretSource::Command),
            _ => None,
        }
    }

    fn protect(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>) -> Vec<Selector> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of KIND/GLOB");
            return Vec::new();
        };
        let mut selectors = Vec::new();
        for value in list {
            match value.get_ref().as_str().map(str::parse::<Selector>) {
                Some(Ok(selector)) => selectors.push(selector),
                Some(Err(error)) => self.problem(value.span().start, error.to_string()),
                None => self.wrong(key, value, "KIND/GLOB, such as `network/hq*`"),
            }
        }
        selectors
    }

    fn table<'v, 'i>(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &'v Entry<'i>,
        what: &str,
    ) -> Option<&'v Table<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(key, value, what);
        }
        table
    }

    fn text(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>) -> Option<String> {
        let text = value.get_ref().as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text.is_none() {
            self.wrong(key, value, "a text");
        }
        text
    }

    fn texts(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>, what: &str) -> Option<Vec<String>> {
        let list = value.get_ref().as_array().filter(|list| !list.is_empty());
        let texts = list.and_then(|list| {
            list.iter().map(|value| value.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            self.wrong(key, value, &format!("a list of texts: {what}"));
        }
        texts
    }

    fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &Entry<'_>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key, value)?;
        parse(&text).map_err(|error| self.problem(value.span().start, error.to_string())).ok()
    }

    /// A whole number from 1.
    fn number(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>, most: u64) -> Option<u64> {
        let number = value.get_ref().as_integer().and_then(|number| {
            let number = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
            (1..=most).contains(&number).then_some(number)
        });
        if number.is_none() {
            let what =
                if most <= 256 { format!("a number from 1 to {most}") } else { "a number from 1".to_owned() };
            self.wrong(key, value, &what);
        }
        number
    }

    fn wrong(&mut self, key: &Spanned<DeString<'_>>, value: &Entry<'_>, what: &str) {
        let found = match value.get_ref() {
            DeValue::String(text) if text.is_empty() => "an empty text",
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let what = if found.starts_with("a number") && what.starts_with("a number") {
            format!("`{}` is not {what}", key.get_ref())
        } else {
            format!("`{}` is {found}, expected {what}", key.get_ref())
        };
        self.problem(value.span().start, what);
    }

    fn unknown(&mut self, key: &Spanned<DeString<'_>>, known: &[&str]) {
        let name = key.get_ref();
        let near = nearest(name, known.iter().copied());
        let near = if near.is_empty() {
            format!("; known are {}", list(known.iter().map(|name| format!("`{name}`"))))
        } else {
            near
        };
        self.problem(key.span().start, format!("unknown key `{name}`{near}"));
    }
}

/// `; did you mean …?`, if anything known is like it.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let most = (given.chars().count() / 3).max(1);
    known
        .map(|known| (strsim::osa_distance(given, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::Kind;
    use proptest::prelude::*;

    const ALL: &str = r#"
default_profile = "prod"
protect = ["network/hq*", "user_group"]

[input]
max_file_bytes = 1_000
max_depth = 7
max_nodes = 0x10
max_items = 3
max_scalar_bytes = 4
max_files = 5

[profiles.prod]
cloud_id = "acme"
client_id = "me"
client_secret = { command = ["pass", "show", "acme"] }
ca_file = "acme.pem"
max_rate = "4/min"
parallel = 3
protect = ["users/*"]

[profiles."the other"]
api_url = "https://other.example/api"
client_id = "you"
client_secret.file = "/run/secrets/other"
"#;

    fn parse(text: &str) -> Result<ConfigFile, Vec<String>> {
        ConfigFile::parse(Path::new("/etc/connexa/config.toml"), text).map_err(|failure| {
            assert_eq!(failure.exit, crate::exit::Exit::Usage);
            failure.causes
        })
    }

    #[test]
    fn everything_is_read() {
        let file = parse(ALL).unwrap();
        assert_eq!(file.default_profile.as_deref(), Some("prod"));
        let limits = Limits {
            max_file_bytes: 1000,
            max_depth: 7,
            max_nodes: 16,
            max_items: 3,
            max_scalar_bytes: 4,
            max_files: 5,
        };
        assert_eq!(file.input_limits, limits);
        assert!(file.protect[0].matches(Kind::Network, "HQ-1") && file.protect.len() == 2);
        let prod = &file.profiles["prod"];
        assert_eq!(prod.base.as_str(), "https://acme.api.openvpn.com");
        assert_eq!(prod.ca_file.as_deref(), Some(Path::new("/etc/connexa/acme.pem")));
        assert_eq!((prod.parallel, prod.max_rate.unwrap().to_string().as_str()), (Some(3), "4/min"));
        let command = ["pass", "show", "acme"].map(str::to_owned).to_vec();
        assert_eq!(prod.client_secret, SecretSource::Command(command));
        let other = &file.profiles["the other"];
        assert_eq!(other.client_secret, SecretSource::File("/run/secrets/other".to_owned()));
        assert_eq!(parse("").unwrap().input_limits, Limits::default());
    }

    #[test]
    fn the_example_of_the_manual_is_read() {
        let manual = include_str!("../../../docs/configuration.md");
        let example = manual.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let file = parse(example).unwrap();
        assert_eq!(file.profiles.len(), 2);
        let keys = PROFILE.iter().chain(INPUT).chain(TOP).chain(SECRET);
        for key in keys {
            assert!(manual.contains(&format!("`{key}`")) || example.contains(key), "{key}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_with_its_place() {
        let text = r#"
protcet = []
default_profile = "prd"
protect = ["network/hq*", "gadget/x", 3]
[input]
max_item = 3
max_files = "many"
max_depth = 0
[profiles.prod]
cloud_id = "a.b"
api_url = "http://acme.example"
clientid = "me"
client_secret = "canary"
parallel = 1000
max_rate = "fast"
[profiles.two]
client_id = ""
client_secret = { env = "A", file = "b" }
"#;
        let problems = parse(text).unwrap_err();
        let starts = [
            "line 2, column 1: unknown key `protcet`; did you mean `protect`?",
            "line 3, column 1: `default_profile` names no profile of this file; did you mean `prod`?",
            "line 4, column 27: ",
            "line 4, column 39: `protect` is a number, expected KIND/GLOB",
            "line 6, column 1: unknown key `max_item`; did you mean `max_items`?",
            "line 7, column 13: `max_files` is a text, expected a number from 1",
            "line 8, column 13: `max_depth` is not a number from 1",
            "line 9, column 11: `api_url` and `cloud_id` both name the tenant",
            "line 9, column 11: profile `prod` has no `client_id`",
            "line 10, column 12: `a.b` is no Cloud ID",
            "line 11, column 11: the API URL is plain `http`",
            "line 12, column 1: unknown key `clientid`; did you mean `client_id`?",
            "line 13, column 17: the secret itself must not stand in this file; say where it comes from: { env = ",
            "line 14, column 12: `parallel` is not a number from 1 to 256",
            "line 15, column 12: `fast` is not a rate",
            "line 16, column 11: profile `two` names no tenant",
            "line 17, column 13: `client_id` is an empty text, expected a text",
            "line 18, column 1: `client_secret` takes one source",
        ];
        assert_eq!(problems.len(), starts.len(), "{problems:#?}");
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}\n{start}");
        }
        assert!(!problems.join("").contains("canary"));
    }

    #[test]
    fn what_is_no_toml_is_told_without_repeating_it() {
        let problems = parse("[profiles.a]\nclient_secret = canary\nx = = canary\n").unwrap_err();
        assert!(problems.len() >= 2 && problems[0].starts_with("line 2, column 17: "), "{problems:?}");
        assert!(!problems.join("").contains("canary"), "{problems:?}");
        let problems = parse("default_profile = \"a\"\ndefault_profile = \"b\"\n").unwrap_err();
        assert!(problems[0].starts_with("line 2, column 1: "), "{problems:?}");
    }

    #[test]
    fn profiles_are_found_by_name_or_the_others_are_named() {
        let file = parse(ALL).unwrap();
        assert_eq!(file.profile("prod", "`--profile`").unwrap().client_id, "me");
        let failure = file.profile("staging", "`--profile`").unwrap_err();
        assert_eq!(failure.message, "there is no profile `staging`, which `--profile` names");
        assert!(failure.hint.unwrap().ends_with("are `prod` and `the other`"));
        let nowhere = ConfigFile::read(Path::new("/nowhere/config.toml"), false).unwrap();
        assert!(nowhere.profile("a", "x").unwrap_err().hint.unwrap().contains("no configuration file"));
        assert!(ConfigFile::read(Path::new("/nowhere/config.toml"), true).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_is_a_panic(cut in any::<prop::sample::Index>(), to in "\\PC{0,4}") {
            let at = cut.index(ALL.len());
            let mut text = ALL.to_owned();
            if text.is_char_boundary(at) {
                text.replace_range(at..=at, &to);
            }
            let _ = parse(&text);
        }
    }
}
