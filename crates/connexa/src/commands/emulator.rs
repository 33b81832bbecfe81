//! `connexa emulator`: the API on a socket of this machine.

use crate::{
    cli::{Emulator as Arguments, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::{self, Variables},
    views::{
        json,
        shell::quoted,
        text::{Text, Tone},
    },
    wiring::{signals::Signals, state_dir::StateDir},
};
use connexa_emulator::{
    ApiKey, Config, Control, Embedded, Emulator, Names,
    clock::{Clock, system_clock},
    faults::FaultDocument,
    ledger::LedgerFile,
    server::{Deadlines, ServeError, ServeOptions, ServeTransport, Server},
    tls::Identity,
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Serves until a signal comes.
pub(crate) async fn run(
    arguments: Arguments,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if arguments.http && !arguments.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "`--http` needs a loopback address, which {} is not",
            arguments.listen.ip()
        )));
    }
    // Read before anything is made or listened on.
    let faults = arguments.faults.as_deref().map(read_faults).transpose()?;
    let ledger = arguments.ledger.as_deref().map(open_ledger).transpose()?;
    // Caught before anybody can know that we are there.
    let mut signals = Signals::catch();
    let clock = system_clock();

    let (transport, ca_file) = if arguments.http {
        (ServeTransport::PlainHttp, None)
    } else {
        let folder = match &arguments.tls_dir {
            Some(folder) => folder.clone(),
            None => StateDir::open(&settings::state_dir(global, variables)?)?.emulator_tls(),
        };
        let identity = Identity::load_or_make(&folder, arguments.listen.ip(), clock().wall)
            .map_err(|error| refused("cannot set up TLS").because(&error))?;
        let ca_file =
            std::path::absolute(identity.ca_file()).unwrap_or_else(|_| identity.ca_file().to_owned());
        (ServeTransport::Https(identity), Some(ca_file))
    };
    let options = ServeOptions { listen: arguments.listen, transport, deadlines: Deadlines::default() };
    let server = Server::bind(options).await.map_err(|error| match error {
        ServeError::AddressInUse { address } => refused(format!("the address {address} is already in use"))
            .hint("`--listen 127.0.0.1:0` picks a free port"),
        other => refused("cannot listen").because(&other),
    })?;

    let config = config(&arguments);
    let key = config.keys[0].clone();
    let mut emulator = open(arguments.store.as_deref(), config, &clock)?;
    if let Some(document) = faults {
        emulator.with(|emulator| emulator.add_faults(document));
    }
    if let Some(ledger) = ledger {
        emulator = emulator.with_ledger(ledger);
    }
    let emulator = Arc::new(emulator);
    screen.document(&ready(&server.url(), ca_file.as_deref(), &key, arguments.print_env));

    let shutdown = async {
        let signal = signals.next().await;
        screen.say(&Text::titled(Tone::Hint, "note", format_args!("{signal}: the emulator stops")));
    };
    server
        .run(emulator, clock, shutdown)
        .await
        .map_err(|error| refused("the emulator cannot go on").because(&error))?;
    Ok(Exit::Complete)
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Refused, message)
}

fn config(arguments: &Arguments) -> Config {
    let mut config = Config {
        limits: arguments.limits,
        seed: arguments.seed,
        not_found: arguments.not_found.clone(),
        names: if arguments.names_unique { Names::Unique } else { Names::MayRepeat },
        retry_after: arguments.retry_after,
        batch_endpoint: arguments.batch_endpoint,
        control: match (arguments.no_control, arguments.listen.ip().is_loopback()) {
            (true, _) => Control::Off,
            (false, true) => Control::Open,
            // Whoever can reach the address could otherwise do anything to the tenant.
            (false, false) => Control::WithKey,
        },
        ..Config::default()
    };
    if !arguments.keys.is_empty() {
        config.keys.clone_from(&arguments.keys);
    }
    if let Some(seconds) = arguments.token_ttl {
        config.token_ttl = Duration::from_secs(seconds);
    }
    config
}

fn read_faults(path: &Path) -> Result<FaultDocument, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| refused(format!("cannot read the faults `{}`", path.display())).because(&error))?;
    FaultDocument::from_json(&text).map_err(|error| {
        refused(format!("cannot use the faults `{}`", path.display()))
            .because(&error)
            .hint("docs/emulator.md has an example of each fault")
    })
}

fn open_ledger(path: &Path) -> Result<LedgerFile, Failure> {
    LedgerFile::open(path)
        .map_err(|error| refused(format!("cannot open the ledger `{}`", path.display())).because(&error))
}

fn open(store: Option<&Path>, config: Config, clock: &Clock) -> Result<Embedded, Failure> {
    let now = clock();
    match store {
        None => Ok(Embedded::in_memory(Emulator::new(config, now))),
        Some(path) => {
            // What the file is called in messages must not depend on where we are.
            let path: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            Embedded::open(&path, config, now)
                .map_err(|error| refused("cannot open the tenant").because(&error))
        }
    }
}

/// The line that says that connections are taken, and with which credentials. A test credential is no secret.
fn ready(url: &str, ca_file: Option<&Path>, key: &ApiKey, print_env: bool) -> String {
    let ca_file = ca_file.map(|path| path.display().to_string());
    if !print_env {
        let ready = json!({
            "url": url, "ca_file": ca_file, "client_id": key.id, "client_secret": key.secret.expose(),
        });
        return json::line(&ready) + "\n";
    }
    let mut variables = vec![
        ("CLOUDCONNEXA_BASE_URL", url),
        ("CLOUDCONNEXA_CLIENT_ID", &key.id),
        ("CLOUDCONNEXA_CLIENT_SECRET", key.secret.expose()),
    ];
    variables.extend(ca_file.as_deref().map(|path| ("SSL_CERT_FILE", path)));
    variables
        .iter()
        .fold(String::new(), |lines, (name, value)| lines + "export " + name + "=" + &quoted(value) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_lines() {
        let key: ApiKey = "me:it's".parse().unwrap();
        let line = ready("https://127.0.0.1:1", Some(Path::new("/tmp/a b/ca.pem")), &key, false);
        assert_eq!(
            line,
            "{\"url\":\"https://127.0.0.1:1\",\"ca_file\":\"/tmp/a b/ca.pem\",\"client_id\":\"me\",\
             \"client_secret\":\"it's\"}\n"
        );
        assert!(ready("http://127.0.0.1:1", None, &key, false).contains("\"ca_file\":null"));
        let lines = ready("http://127.0.0.1:1", None, &key, true);
        assert_eq!(lines.lines().count(), 3);
        assert!(lines.ends_with("export CLOUDCONNEXA_CLIENT_SECRET='it'\\''s'\n"));
    }
}
