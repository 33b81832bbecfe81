//! Settings: flags over the environment over defaults.

use crate::{
    cli::{Global, Output},
    exit::Exit,
    failure::Failure,
};
use connexa_client::{BaseUrl, Credentials};
use connexa_emulator::{ApiKey, Config, Limits};
use connexa_types::SecretValue;
use etcetera::BaseStrategy as _;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The environment as a function, so that tests bring their own.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Variables that hold the secret of the API key; no command that we start gets to see them.
pub(crate) const SECRET_VARIABLES: &[&str] = &["CLOUDCONNEXA_CLIENT_SECRET"];

/// Which API is spoken to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A tenant, over the network.
    Remote {
        /// Where it is.
        base: BaseUrl,
        /// The API key.
        credentials: Credentials,
        /// Authorities to trust besides the system's.
        ca_file: Option<PathBuf>,
    },
    /// The emulator in this process.
    Emulator {
        /// Its rate limits.
        limits: Limits,
    },
}

impl Target {
    /// The tenant of the emulator in process.
    pub(crate) const EMULATOR: &'static str = "https://emulator.localhost";

    /// Finds out which API is meant.
    pub(crate) fn resolve(global: &Global, variables: Variables<'_>) -> Result<Self, Failure> {
        if global.api_url.is_some() && global.cloud_id.is_some() {
            return Err(Failure::usage(
                "`--api-url` and `--cloud-id` both name the tenant; give one of them",
            ));
        }
        if global.emulator {
            let flag = [("--api-url", &global.api_url), ("--cloud-id", &global.cloud_id)];
            if let Some((flag, _)) = flag.into_iter().find(|(_, value)| value.is_some()) {
                return Err(Failure::usage(format!(
                    "`--emulator` never speaks to a real tenant, so `{flag}` cannot stand beside it"
                )));
            }
            return Ok(Self::Emulator { limits: global.emulator_limits.unwrap_or_default() });
        }
        if global.emulator_limits.is_some() {
            return Err(Failure::usage("`--emulator-limits` is for `--emulator`, which is not there"));
        }
        let base = base_url(global, variables)?;
        let credentials = credentials(variables)?;
        Ok(Self::Remote { base, credentials, ca_file: global.ca_file.clone() })
    }

    /// The tenant's name.
    pub(crate) fn tenant(&self) -> &str {
        match self {
            Self::Remote { base, .. } => base.as_str(),
            Self::Emulator { .. } => Self::EMULATOR,
        }
    }

    /// The key of the emulator in process.
    pub(crate) fn emulator_key() -> ApiKey {
        Config::DEFAULT_KEY.parse().expect("the default key has the form of a key")
    }
}

fn base_url(global: &Global, variables: Variables<'_>) -> Result<BaseUrl, Failure> {
    let (named_by, parsed) = if let Some(url) = &global.api_url {
        ("--api-url", url.parse())
    } else if let Some(id) = &global.cloud_id {
        ("--cloud-id", BaseUrl::from_cloud_id(id))
    } else {
        let from = ["CLOUDCONNEXA_API_URL", "CLOUDCONNEXA_BASE_URL"];
        let found = from.into_iter().find_map(|name| Some((name, text(variables, name).transpose()?)));
        let Some((name, value)) = found else {
            return Err(Failure::usage("no tenant is named").hint(
                "give `--cloud-id`, `--api-url` or CLOUDCONNEXA_API_URL, or `--emulator` to try without a tenant",
            ));
        };
        (name, value?.parse())
    };
    parsed.map_err(|error| Failure::usage(format!("the value of {named_by} cannot be used")).because(&error))
}

fn credentials(variables: Variables<'_>) -> Result<Credentials, Failure> {
    let missing = |name: &str| {
        Failure::usage(format!("{name} is not set"))
            .hint("an API key is made in the administration portal, under API & Logs")
    };
    let client_id =
        text(variables, "CLOUDCONNEXA_CLIENT_ID")?.ok_or_else(|| missing("CLOUDCONNEXA_CLIENT_ID"))?;
    let client_secret = if let Some(secret) = text(variables, "CLOUDCONNEXA_CLIENT_SECRET")? {
        SecretValue::new(secret)
    } else if let Some(path) = variables("CLOUDCONNEXA_CLIENT_SECRET_FILE").filter(|p| !p.is_empty()) {
        read_secret(Path::new(&path))?
    } else {
        return Err(missing("CLOUDCONNEXA_CLIENT_SECRET"));
    };
    Ok(Credentials { client_id, client_secret })
}

fn read_secret(path: &Path) -> Result<SecretValue, Failure> {
    let text = std::fs::read_to_string(path).map(SecretValue::new).map_err(|error| {
        Failure::usage(format!("cannot read CLOUDCONNEXA_CLIENT_SECRET_FILE `{}`", path.display()))
            .because(&error)
    })?;
    let secret = text.expose().trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure::usage(format!("CLOUDCONNEXA_CLIENT_SECRET_FILE `{}` is empty", path.display())));
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
        let arguments = ["connexa"].iter().chain(arguments).chain(&["schema"]);
        let cli = Cli::try_parse_from(arguments).unwrap();
        let look_up =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        Target::resolve(&cli.global, &look_up).map_err(|failure| failure.line())
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
}
