//! Settings: flags over the environment over a profile over defaults (`docs/configuration.md`).
//!
//! A tenant and the key to it are one thing: URL, client id and secret come from one place, all three from flags and
//! environment or all three from a profile, so that no tenant is ever shown the secret of another.

use crate::{
    cli::{Global, Output},
    config::{ConfigFile, Profile},
    exit::Exit,
    failure::Failure,
    session,
    wiring::secrets,
};
use connexa_client::{BaseUrl, Credentials};
use connexa_emulator::{ApiKey, Config as EmulatorConfig, Limits as EmulatorLimits};
use connexa_engine::{plan::Selector, quota::Rate, spec::Limits};
use connexa_types::{SecretSource, SecretValue, TenantId};
use etcetera::BaseStrategy as _;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The environment as a function, so that tests bring their own.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Variables that hold the secret of the API key; no command that we start gets to see them.
pub(crate) const SECRET_VARIABLES: &[&str] = &["CLOUDCONNEXA_CLIENT_SECRET"];

/// Variables that name a tenant; the first that is set counts.
const URL_VARIABLES: [&str; 2] = ["CLOUDCONNEXA_API_URL", "CLOUDCONNEXA_BASE_URL"];

/// What the configuration file says for one command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// What input is too large (spec section 1.3).
    pub(crate) input_limits: Limits,
    /// What is never changed: anywhere, and in the tenant of the profile.
    pub(crate) protect: Vec<Selector>,
    /// The most calls in flight at once that the profile sets.
    pub(crate) parallel: Option<u16>,
    /// The profile, if the tenant is that of one.
    profile: Option<Profile>,
    /// The folder of the file.
    folder: PathBuf,
}

impl Config {
    /// Reads the file and finds out which of its profiles is meant, if any.
    pub(crate) fn load(global: &Global, variables: Variables<'_>) -> Result<Self, Failure> {
        let file = config_file(variables)?;
        let profile = chosen(global, variables, &file)?.cloned();
        let mut config = Self {
            input_limits: file.input_limits,
            protect: file.protect,
            folder: file.path.parent().map(Path::to_owned).unwrap_or_default(),
            ..Self::default()
        };
        if let Some(profile) = profile {
            config.protect.extend(profile.protect.iter().cloned());
            config.parallel = profile.parallel;
            config.profile = Some(profile);
        }
        Ok(config)
    }

    /// The limits of the input, for commands that need no tenant.
    pub(crate) fn input_limits(variables: Variables<'_>) -> Result<Limits, Failure> {
        config_file(variables).map(|file| file.input_limits)
    }
}

fn config_file(variables: Variables<'_>) -> Result<ConfigFile, Failure> {
    if let Some(path) = variables("CONNEXA_CONFIG").filter(|path| !path.is_empty()) {
        return ConfigFile::read(Path::new(&path), true);
    }
    let folder = match variables("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(folder) => folder,
        None => match variables("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Path::new(&home).join(".config"),
            // No home, no file.
            None => return Ok(ConfigFile::default()),
        },
    };
    ConfigFile::read(&folder.join("connexa/config.toml"), false)
}

/// The profile that names the tenant; `None` if flags or the environment do.
fn chosen<'a>(
    global: &Global,
    variables: Variables<'_>,
    file: &'a ConfigFile,
) -> Result<Option<&'a Profile>, Failure> {
    let flags = [("--api-url", &global.api_url), ("--cloud-id", &global.cloud_id)];
    let tenant_flag = flags.into_iter().find_map(|(flag, value)| value.is_some().then_some(flag));
    if let Some(name) = &global.profile {
        if global.emulator {
            return Err(beside_emulator("--profile"));
        }
        if let Some(flag) = tenant_flag {
            return Err(Failure::usage(format!(
                "`--profile` names the tenant and the key to it, so `{flag}` cannot stand beside it"
            )));
        }
        // Whoever names a profile means it, whatever the environment says.
        return file.profile(name, "`--profile`").map(Some);
    }
    if global.emulator || tenant_flag.is_some() {
        return Ok(None);
    }
    let url = url_of_environment(variables)?;
    if let Some(name) = text(variables, "CONNEXA_PROFILE")? {
        let profile = file.profile(&name, "CONNEXA_PROFILE")?;
        return match url {
            Some((variable, url)) if url != profile.base => {
                let message =
                    format!("CONNEXA_PROFILE and {variable} name two tenants: {} and {url}", profile.base);
                Err(Failure::usage(message).hint(
                    "unset one of the variables, or say which is meant with `--profile` or `--api-url`",
                ))
            }
            _ => Ok(Some(profile)),
        };
    }
    match &file.default_profile {
        Some(name) if url.is_none() => file.profile(name, "`default_profile`").map(Some),
        _ => Ok(None),
    }
}

fn beside_emulator(flag: &str) -> Failure {
    Failure::usage(format!("`--emulator` never speaks to a real tenant, so `{flag}` cannot stand beside it"))
}

/// Which API is spoken to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A tenant, over the network.
    Remote {
        /// Where it is.
        base: BaseUrl,
        /// The key to it.
        key: Key,
        /// Authorities to trust besides the system's.
        ca_file: Option<PathBuf>,
        /// The name of the profile that all this comes from.
        profile: Option<String>,
        /// The cap on all calls that the profile sets.
        max_rate: Option<Rate>,
    },
    /// The emulator in this process.
    Emulator {
        /// Its rate limits.
        limits: EmulatorLimits,
    },
}

/// An API key, or the way to get it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    client_id: String,
    secret: KeySecret,
}

#[derive(Clone, Debug)]
enum KeySecret {
    /// It is here.
    Value {
        value: SecretValue,
        /// The variable that holds it.
        variable: Option<String>,
    },
    /// A program prints it; it is not run before it is needed, since it may ask somebody.
    Command { words: Vec<String>, folder: PathBuf },
}

impl Key {
    /// The key itself. This may run a program and take a while.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let client_secret = match &self.secret {
            KeySecret::Value { value, .. } => value.clone(),
            KeySecret::Command { words, folder } => secrets::run_command(words, folder, &[])
                .map_err(|error| Failure::usage("cannot get the secret of the API key").because(&error))?,
        };
        Ok(Credentials { client_id: self.client_id.clone(), client_secret })
    }
}

impl Target {
    /// The tenant of the emulator in process.
    pub(crate) const EMULATOR: &'static str = session::EMULATOR;

    /// Finds out which API is meant.
    pub(crate) fn resolve(global: &Global, variables: Variables<'_>) -> Result<Self, Failure> {
        Self::of(&Config::load(global, variables)?, global, variables)
    }

    /// Finds out which API is meant, the configuration having been read.
    pub(crate) fn of(config: &Config, global: &Global, variables: Variables<'_>) -> Result<Self, Failure> {
        if global.api_url.is_some() && global.cloud_id.is_some() {
            return Err(Failure::usage(
                "`--api-url` and `--cloud-id` both name the tenant; give one of them",
            ));
        }
        if global.emulator {
            let flag = [("--api-url", &global.api_url), ("--cloud-id", &global.cloud_id)];
            if let Some((flag, _)) = flag.into_iter().find(|(_, value)| value.is_some()) {
                return Err(beside_emulator(flag));
            }
            return Ok(Self::Emulator { limits: global.emulator_limits.unwrap_or_default() });
        }
        if global.emulator_limits.is_some() {
            return Err(Failure::usage("`--emulator-limits` is for `--emulator`, which is not there"));
        }
        let ca_file = global.ca_file.clone();
        if let Some(profile) = &config.profile {
            return Ok(Self::Remote {
                base: profile.base.clone(),
                key: Key {
                    client_id: profile.client_id.clone(),
                    secret: secret_of(profile, &config.folder, variables)?,
                },
                ca_file: ca_file.or_else(|| profile.ca_file.clone()),
                profile: Some(profile.name.clone()),
                max_rate: profile.max_rate,
            });
        }
        Ok(Self::Remote {
            base: base_url(global, variables)?,
            key: key(variables)?,
            ca_file,
            profile: None,
            max_rate: None,
        })
    }

    /// The tenant's name.
    pub(crate) fn tenant(&self) -> &str {
        match self {
            Self::Remote { base, .. } => base.as_str(),
            Self::Emulator { .. } => Self::EMULATOR,
        }
    }

    /// The profile that it comes from.
    pub(crate) fn profile(&self) -> Option<&str> {
        match self {
            Self::Remote { profile, .. } => profile.as_deref(),
            Self::Emulator { .. } => None,
        }
    }

    /// The id of the API key.
    pub(crate) fn key_id(&self) -> &str {
        match self {
            Self::Remote { key, .. } => &key.client_id,
            Self::Emulator { .. } => "emulator",
        }
    }

    /// The cap on all calls that the profile sets.
    pub(crate) fn max_rate(&self) -> Option<Rate> {
        match self {
            Self::Remote { max_rate, .. } => *max_rate,
            Self::Emulator { .. } => None,
        }
    }

    /// Tenant and profile, for prompts.
    pub(crate) fn title(&self) -> String {
        match self.profile() {
            Some(profile) => format!("{} (profile `{profile}`)", self.tenant()),
            None => self.tenant().to_owned(),
        }
    }

    /// Variables that hold the secret of the key; no command that we start gets to see them.
    pub(crate) fn secret_variables(&self) -> Vec<String> {
        let of_profile = match self {
            Self::Remote { key: Key { secret: KeySecret::Value { variable, .. }, .. }, .. } => {
                variable.clone()
            }
            Self::Remote { .. } | Self::Emulator { .. } => None,
        };
        SECRET_VARIABLES.iter().map(|name| (*name).to_owned()).chain(of_profile).collect()
    }

    /// The key of the emulator in process.
    pub(crate) fn emulator_key() -> ApiKey {
        EmulatorConfig::DEFAULT_KEY.parse().expect("the default key has the form of a key")
    }
}

/// A tenant by its name, without the key to it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// The tenant.
    pub(crate) tenant: TenantId,
    /// The profile that names it.
    pub(crate) profile: Option<String>,
}

impl Named {
    /// Finds out which tenant is meant.
    pub(crate) fn of(config: &Config, global: &Global, variables: Variables<'_>) -> Result<Self, Failure> {
        if global.emulator {
            // What cannot stand beside it is found out there.
            let target = Target::of(config, global, variables)?;
            return Ok(Self { tenant: target.tenant().into(), profile: None });
        }
        match &config.profile {
            Some(profile) => {
                Ok(Self { tenant: profile.base.tenant().clone(), profile: Some(profile.name.clone()) })
            }
            None => Ok(Self { tenant: base_url(global, variables)?.tenant().clone(), profile: None }),
        }
    }
}

fn base_url(global: &Global, variables: Variables<'_>) -> Result<BaseUrl, Failure> {
    if let Some(url) = &global.api_url {
        return named("--api-url", url.parse());
    }
    if let Some(id) = &global.cloud_id {
        return named("--cloud-id", BaseUrl::from_cloud_id(id));
    }
    match url_of_environment(variables)? {
        Some((_, url)) => Ok(url),
        None => Err(Failure::usage("no tenant is named").hint(
            "give `--cloud-id`, `--api-url`, `--profile` or CLOUDCONNEXA_API_URL, or `--emulator` to try \
             without a tenant",
        )),
    }
}

/// The URL that the environment names, and the variable.
fn url_of_environment(variables: Variables<'_>) -> Result<Option<(&'static str, BaseUrl)>, Failure> {
    for name in URL_VARIABLES {
        if let Some(url) = text(variables, name)? {
            return Ok(Some((name, named(name, url.parse())?)));
        }
    }
    Ok(None)
}

fn named(by: &str, parsed: Result<BaseUrl, connexa_client::BaseUrlError>) -> Result<BaseUrl, Failure> {
    parsed.map_err(|error| Failure::usage(format!("the value of {by} cannot be used")).because(&error))
}

/// The key that the environment holds.
fn key(variables: Variables<'_>) -> Result<Key, Failure> {
    let missing = |name: &str| {
        Failure::usage(format!("{name} is not set"))
            .hint("an API key is made in the administration portal, under API & Logs")
    };
    let client_id =
        text(variables, "CLOUDCONNEXA_CLIENT_ID")?.ok_or_else(|| missing("CLOUDCONNEXA_CLIENT_ID"))?;
    let value = if let Some(secret) = text(variables, "CLOUDCONNEXA_CLIENT_SECRET")? {
        SecretValue::new(secret)
    } else if let Some(path) = variables("CLOUDCONNEXA_CLIENT_SECRET_FILE").filter(|p| !p.is_empty()) {
        read_secret(Path::new(&path), "CLOUDCONNEXA_CLIENT_SECRET_FILE")?
    } else {
        return Err(missing("CLOUDCONNEXA_CLIENT_SECRET"));
    };
    Ok(Key { client_id, secret: KeySecret::Value { value, variable: None } })
}

/// The secret of a profile, or how to get it.
fn secret_of(profile: &Profile, folder: &Path, variables: Variables<'_>) -> Result<KeySecret, Failure> {
    let of = format!("which holds the secret of profile `{}`", profile.name);
    match &profile.client_secret {
        SecretSource::Env(name) => {
            let value = text(variables, name)?
                .ok_or_else(|| Failure::usage(format!("the variable `{name}` is not set, {of}")))?;
            Ok(KeySecret::Value { value: SecretValue::new(value), variable: Some(name.clone()) })
        }
        SecretSource::File(path) => {
            let value = read_secret(Path::new(path), &format!("the file of profile `{}`,", profile.name))?;
            Ok(KeySecret::Value { value, variable: None })
        }
        SecretSource::Command(words) => {
            Ok(KeySecret::Command { words: words.clone(), folder: folder.to_owned() })
        }
        SecretSource::Inline => unreachable!("the reader of the configuration takes no secret itself"),
    }
}

fn read_secret(path: &Path, named: &str) -> Result<SecretValue, Failure> {
    let text = std::fs::read_to_string(path).map(SecretValue::new).map_err(|error| {
        Failure::usage(format!("cannot read {named} `{}`", path.display())).because(&error)
    })?;
    let secret = text.expose().trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure::usage(format!("{named} `{}` is empty", path.display())));
    }
    Ok(SecretValue::new(secret))
}

/// A variable as text; empty counts as not set.
fn text(variables: Variables<'_>, name: &str) -> Result<Option<String>, Failure> {
    match variables(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) if value.is_empty() => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
    }
}

/// Where state is kept; nothing is made there yet.
pub(crate) fn state_dir(global: &Global, variables: Variables<'_>) -> Result<PathBuf, Failure> {
    if let Some(dir) = &global.state_dir {
        return Ok(dir.clone());
    }
    if let Some(dir) = variables("CONNEXA_STATE_DIR").filter(|d| !d.is_empty()) {
        return Ok(dir.into());
    }
    let xdg = etcetera::base_strategy::Xdg::new()
        .map_err(|error| Failure::usage("there is no home folder to keep state in").because(&error))
        .map_err(|failure| failure.hint("name a folder with `--state-dir` or CONNEXA_STATE_DIR"))?;
    let state = xdg.state_dir().expect("XDG has a state folder");
    Ok(state.join("connexa"))
}

/// The form of the result, if the command has it.
pub(crate) fn output(global: &Global, has: &[Output]) -> Result<Output, Failure> {
    let wanted = global.output.unwrap_or(Output::Text);
    if has.contains(&wanted) {
        return Ok(wanted);
    }
    let name = |o: &Output| format!("`{}`", format!("{o:?}").to_lowercase());
    let names = crate::views::text::list(has.iter().map(name));
    Err(Failure::new(Exit::Usage, format!("this command has no output {}; it has {names}", name(&wanted))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser as _;

    fn resolve(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Target, String> {
        resolved(arguments, variables).map(|(target, _)| target)
    }

    fn resolved(arguments: &[&str], variables: &[(&str, &str)]) -> Result<(Target, Config), String> {
        let arguments = ["connexa"].iter().chain(arguments).chain(&["schema"]);
        let cli = Cli::try_parse_from(arguments).unwrap();
        let look_up =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        let config = Config::load(&cli.global, &look_up).map_err(|failure| failure.line())?;
        let target = Target::of(&config, &cli.global, &look_up).map_err(|failure| failure.line())?;
        Ok((target, config))
    }

    const KEY: [(&str, &str); 2] =
        [("CLOUDCONNEXA_CLIENT_ID", "me"), ("CLOUDCONNEXA_CLIENT_SECRET", "canary")];

    #[test]
    fn flags_win_over_the_environment() {
        let environment = [
            KEY[0],
            KEY[1],
            ("CLOUDCONNEXA_BASE_URL", "https://two.example/x"),
            ("CLOUDCONNEXA_API_URL", "https://one.example"),
        ];
        let tenant = |arguments: &[&str]| resolve(arguments, &environment).unwrap().tenant().to_owned();
        assert_eq!(tenant(&[]), "https://one.example");
        assert_eq!(tenant(&["--api-url", "https://three.example/api"]), "https://three.example");
        assert_eq!(tenant(&["--cloud-id", "acme"]), "https://acme.api.openvpn.com");
        assert_eq!(tenant(&["--emulator"]), Target::EMULATOR);
        let target = resolve(&[], &[KEY[0], KEY[1], environment[2]]).unwrap();
        assert_eq!(target.tenant(), "https://two.example");
        assert!(!format!("{target:?}").contains("canary"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error =
            |arguments: &[&str], variables: &[(&str, &str)]| resolve(arguments, variables).unwrap_err();
        assert_eq!(error(&[], &KEY), "no tenant is named");
        assert_eq!(error(&["--cloud-id", "a"], &[]), "CLOUDCONNEXA_CLIENT_ID is not set");
        assert_eq!(error(&["--cloud-id", "a"], &KEY[..1]), "CLOUDCONNEXA_CLIENT_SECRET is not set");
        assert!(error(&["--cloud-id", "a", "--api-url", "b"], &KEY).contains("both name the tenant"));
        assert!(error(&["--emulator", "--cloud-id", "a"], &KEY).contains("`--cloud-id` cannot stand beside"));
        assert!(error(&["--api-url", "http://example.org"], &KEY).contains("plain `http`"));
        assert!(error(&["--cloud-id", "a", "--emulator-limits", "default"], &KEY).contains("--emulator"));
    }

    const FILE: &str = r#"
protect = ["network/hq*"]
[input]
max_items = 5
[profiles.prod]
cloud_id = "prod"
client_id = "prod-id"
client_secret = { env = "PROD_SECRET" }
max_rate = "1/s"
parallel = 2
protect = ["user"]
[profiles.test]
api_url = "https://test.example"
client_id = "test-id"
client_secret = { command = ["echo", "test-secret"] }
"#;

    /// A file with this content, and the variable that names it.
    fn file(content: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, content).unwrap();
        let path = path.display().to_string();
        (folder, path)
    }

    fn credentials(target: &Target) -> (String, String) {
        let Target::Remote { key, .. } = target else { panic!("{target:?}") };
        let credentials = key.credentials().unwrap();
        (credentials.client_id, credentials.client_secret.expose().to_owned())
    }

    #[test]
    fn tenant_and_key_come_from_one_place() {
        let (_folder, path) = file(&format!("default_profile = \"prod\"\n{FILE}"));
        let given = |more: &[(&'static str, &'static str)]| -> Vec<(&str, String)> {
            let file = [("CONNEXA_CONFIG", path.clone()), ("PROD_SECRET", "prod-secret".to_owned())];
            file.into_iter().chain(more.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect()
        };
        let find = |arguments: &[&str], more: &[(&'static str, &'static str)]| {
            let variables = given(more);
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            resolve(arguments, &variables)
        };
        let is = |target: Target, tenant: &str, id: &str, secret: &str, profile: Option<&str>| {
            assert_eq!((target.tenant(), target.profile()), (tenant, profile));
            assert_eq!(credentials(&target), (id.to_owned(), secret.to_owned()));
        };
        let (prod, test) = ("https://prod.api.openvpn.com", "https://test.example");
        let all = [KEY[0], KEY[1], ("CLOUDCONNEXA_API_URL", "https://env.example")];

        is(find(&[], &[]).unwrap(), prod, "prod-id", "prod-secret", Some("prod"));
        is(find(&[], &[("CONNEXA_PROFILE", "test")]).unwrap(), test, "test-id", "test-secret", Some("test"));
        // A flag that names a profile wins over all of the environment.
        let more = [all[0], all[1], all[2], ("CONNEXA_PROFILE", "prod")];
        is(find(&["--profile", "test"], &more).unwrap(), test, "test-id", "test-secret", Some("test"));
        // The environment wins over a default, with its own key.
        is(find(&[], &all).unwrap(), "https://env.example", "me", "canary", None);
        assert_eq!(find(&[], &all[2..]).unwrap_err(), "CLOUDCONNEXA_CLIENT_ID is not set");
        // A key alone names no tenant.
        is(find(&[], &all[..2]).unwrap(), prod, "prod-id", "prod-secret", Some("prod"));
        is(
            find(&["--cloud-id", "x"], &more[..2]).unwrap(),
            "https://x.api.openvpn.com",
            "me",
            "canary",
            None,
        );
        assert_eq!(find(&["--cloud-id", "x"], &[]).unwrap_err(), "CLOUDCONNEXA_CLIENT_ID is not set");
        // Two variables that name two tenants are not weighed against one another.
        assert!(
            find(&[], &more).unwrap_err().starts_with("CONNEXA_PROFILE and CLOUDCONNEXA_API_URL name two")
        );
        let same = [("CONNEXA_PROFILE", "test"), ("CLOUDCONNEXA_BASE_URL", "https://test.example/api/v1")];
        is(find(&[], &same).unwrap(), test, "test-id", "test-secret", Some("test"));

        for flags in [
            ["--profile", "prod", "--api-url", "https://x.example"],
            ["--profile", "prod", "--cloud-id", "x"],
        ] {
            assert!(find(&flags, &[]).unwrap_err().contains("cannot stand beside it"));
        }
        assert!(
            find(&["--emulator", "--profile", "prod"], &[]).unwrap_err().contains("`--profile` cannot stand")
        );
        assert_eq!(find(&["--emulator"], &more).unwrap().tenant(), Target::EMULATOR);
        assert!(find(&["--profile", "pord"], &[]).unwrap_err().starts_with("there is no profile `pord`"));
        let (_folder, unset) = file(FILE);
        let error = resolve(&["--profile", "prod"], &[("CONNEXA_CONFIG", &unset)]).unwrap_err();
        assert!(error.contains("`PROD_SECRET` is not set"), "{error}");
    }

    #[test]
    fn the_file_is_looked_for_where_it_belongs() {
        let (folder, path) = file(FILE);
        let home = folder.path().display().to_string();
        let key = [("CLOUDCONNEXA_API_URL", "https://one.example"), KEY[0], KEY[1]];
        let limits = |more: &[(&str, &str)]| {
            let variables: Vec<_> = key.iter().chain(more).copied().collect();
            resolved(&[], &variables).map(|(_, config)| (config.input_limits.max_items, config.protect.len()))
        };
        assert_eq!(limits(&[("CONNEXA_CONFIG", &path)]), Ok((5, 1)));
        assert_eq!(limits(&[("HOME", &home)]), Ok((Limits::default().max_items, 0)));
        for place in [".config/connexa", "xdg/connexa"] {
            std::fs::create_dir_all(folder.path().join(place)).unwrap();
            std::fs::copy(&path, folder.path().join(place).join("config.toml")).unwrap();
        }
        assert_eq!(limits(&[("HOME", &home)]), Ok((5, 1)));
        assert_eq!(limits(&[("XDG_CONFIG_HOME", &format!("{home}/xdg"))]), Ok((5, 1)));
        assert!(limits(&[("CONNEXA_CONFIG", "/nowhere/config.toml")]).unwrap_err().contains("cannot read"));

        let variables = [("CONNEXA_CONFIG", path.as_str()), ("PROD_SECRET", "s")];
        let (target, config) = resolved(&["--profile", "prod"], &variables).unwrap();
        assert_eq!((config.parallel, config.protect.len()), (Some(2), 2));
        assert_eq!(target.max_rate().unwrap().to_string(), "1/s");
        assert_eq!(target.title(), "https://prod.api.openvpn.com (profile `prod`)");
        assert_eq!(target.secret_variables(), ["CLOUDCONNEXA_CLIENT_SECRET", "PROD_SECRET"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_everybody_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, path) = file(FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let error = resolve(&["--emulator"], &[("CONNEXA_CONFIG", &path)]).unwrap_err();
        assert!(error.contains("everybody can write to it"), "{error}");
    }
}
