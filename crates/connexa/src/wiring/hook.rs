//! `--hook`: a command of the operator's, run for each file once it is durable.
//!
//! It sees the file's path, and what it is for, as arguments and in its environment; neither the secret of the API key nor
//! the profile itself. What it says is shown on standard error, lines of the profile excepted.

use crate::{
    cli::Color,
    screen::Screen,
    settings::SECRET_VARIABLES,
    views::text::{Text, Tone},
};
use connexa_engine::ports::DeliveryLabel;
use connexa_types::SecretValue;
use std::{
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How long a hook may take.
const LIMIT: Duration = Duration::from_mins(10);
/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Shorter lines of a profile give nothing away within another line (`client`, `nobind`).
const TELLING: usize = 16;

/// A command to be run.
pub(crate) struct Hook {
    command: String,
    /// Variables that it does not see, once it is known which.
    hidden: OnceLock<Vec<String>>,
    /// Where its output goes.
    color: Color,
    quiet: bool,
}

/// What it is run for.
pub(crate) struct Subject {
    pub(crate) of: DeliveryLabel,
    pub(crate) path: PathBuf,
    pub(crate) product: SecretValue,
}

impl Hook {
    /// A command for the shell. It never sees the variables of the API key's secret.
    pub(crate) fn new(command: String, color: Color, quiet: bool) -> Self {
        Self { command, hidden: OnceLock::new(), color, quiet }
    }

    /// Keeps these variables from it.
    pub(crate) fn hide(&self, variables: Vec<String>) {
        // They are those of the one tenant that there is.
        let _ = self.hidden.set(variables);
    }

    /// The command.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Runs it to its end. The error says in words why it has failed.
    pub(crate) async fn run(&self, subject: Subject) -> Result<(), String> {
        let command = self.command_for(&subject);
        let screen = Screen::new(self.color, self.quiet);
        let run = tokio::task::spawn_blocking(move || run(command, &subject, &screen));
        run.await.unwrap_or_else(|panic| Err(format!("the hook cannot be run: {panic}")))
    }

    fn command_for(&self, Subject { of, path, .. }: &Subject) -> Command {
        let id = of.id.as_deref().unwrap_or_default();
        let mut command = shell(&self.command);
        command
            .arg(path)
            .args([&*of.kind, &*of.key, id])
            .env("CONNEXA_FILE", path)
            .env("CONNEXA_KIND", &of.kind)
            .env("CONNEXA_KEY", &of.key)
            .env("CONNEXA_ID", id)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let hidden = self.hidden.get().into_iter().flatten().map(String::as_str);
        for variable in SECRET_VARIABLES.iter().copied().chain(hidden) {
            command.env_remove(variable);
        }
        command
    }
}

fn run(mut command: Command, subject: &Subject, screen: &Screen) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| format!("the hook cannot be run: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| show(stdout, subject, screen));
        scope.spawn(|| show(stderr, subject, screen));
        let until = Instant::now() + LIMIT;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("the hook ended with {status}")),
                Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
                Ok(None) => {
                    // It may have ended by itself in this moment.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("the hook was ended after {} minutes", LIMIT.as_secs() / 60));
                }
                Err(error) => return Err(format!("the hook cannot be waited for: {error}")),
            }
        }
    })
}

/// Shows what comes out of it, line by line.
fn show(stream: Option<impl Read>, subject: &Subject, screen: &Screen) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let shown = if tells(line, subject.product.expose()) { "(a line of the profile)" } else { line };
        screen.say(&Text::titled(Tone::Hint, "hook", format_args!("{}: {shown}", subject.of.key)));
    }
}

/// Whether a line is one of the profile, or gives something of it away.
fn tells(line: &str, product: &str) -> bool {
    let lines = product.lines().map(str::trim).filter(|secret| !secret.is_empty());
    let line = line.trim();
    lines.into_iter().any(|secret| line == secret || secret.len() >= TELLING && line.contains(secret))
}

/// The shell with a command; what is added are the arguments that it sees.
fn shell(command: &str) -> Command {
    if cfg!(windows) {
        let mut shell = Command::new("cmd");
        shell.args(["/C", command]);
        shell
    } else {
        let mut shell = Command::new("sh");
        shell.args(["-c", command, "hook"]);
        shell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::Endpoint;

    const PRODUCT: &str = "client\n<tls-crypt>\ncanary-4711-canary-4711\n</tls-crypt>\n";

    #[cfg(unix)]
    async fn run(command: &str) -> Result<(), String> {
        let of = DeliveryLabel {
            kind: "network_connector".to_owned(),
            key: "paris/p 1".to_owned(),
            id: Some("c-1".to_owned()),
            endpoint: Endpoint::NetworkConnectorProfile,
        };
        let hook = Hook::new(command.to_owned(), Color::Never, true);
        hook.hide(vec!["HOME".to_owned()]);
        let product = SecretValue::new(PRODUCT);
        hook.run(Subject { of, path: "/tmp/p 1.ovpn".into(), product }).await
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn it_sees_what_it_is_for_and_no_more() {
        let arguments = r#"test "$1|$2|$3|$4" = "/tmp/p 1.ovpn|network_connector|paris/p 1|c-1""#;
        assert_eq!(run(arguments).await, Ok(()));
        let environment = r#"test "$CONNEXA_FILE|$CONNEXA_KIND|$CONNEXA_KEY|$CONNEXA_ID|${HOME-none}" = "$1|$2|$3|$4|none""#;
        assert_eq!(run(environment).await, Ok(()));
        let why = run("exit 3").await.unwrap_err();
        assert!(why.contains("exit status: 3"), "{why}");
    }

    #[test]
    fn lines_of_the_profile_are_not_shown() {
        assert!(tells("+ echo canary-4711-canary-4711", PRODUCT));
        assert!(tells(" client", PRODUCT));
        assert!(!tells("the client", PRODUCT) && !tells("", PRODUCT) && !tells("canary", PRODUCT));
    }
}
