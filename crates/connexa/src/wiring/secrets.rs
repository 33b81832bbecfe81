//! Secrets of specs: from the environment, a file, a program, or the spec itself.

use crate::settings::SECRET_VARIABLES;
use connexa_engine::ports::{SecretMissing, Secrets};
use connexa_types::{SealingKey, SecretHash, SecretRef, SecretSource, SecretValue};
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// No secret is longer: what a runaway program prints must not fill the memory.
const LONGEST: usize = 1024 * 1024;

/// The secrets of one command. Each reference is resolved once: a password manager asks once, and a file that is
/// replaced half-way does not give one half of a run another value.
pub(crate) struct HostSecrets {
    key: SealingKey,
    /// The folder that relative paths start from.
    folder: PathBuf,
    /// Variables that no program gets to see, besides those that no program ever does.
    hidden: Vec<String>,
    inline: HashMap<SecretHash, Arc<SecretValue>>,
    resolved: Mutex<HashMap<String, Arc<OnceCell<Resolved>>>>,
}

type Resolved = Result<Arc<SecretValue>, SecretMissing>;

impl HostSecrets {
    /// Secrets hashed under `key`; `inline` are those that the spec itself gives.
    pub(crate) fn new(
        key: SealingKey,
        folder: PathBuf,
        inline: HashMap<SecretHash, Arc<SecretValue>>,
    ) -> Self {
        Self { key, folder, hidden: Vec::new(), inline, resolved: Mutex::default() }
    }

    /// Hides variables from the programs that are run.
    pub(crate) fn hiding(mut self, variables: Vec<String>) -> Self {
        self.hidden = variables;
        self
    }

    async fn fetch(&self, source: &SecretSource) -> Resolved {
        let value = match source {
            SecretSource::Env(name) => from_environment(name)?,
            SecretSource::File(path) => from_file(&self.folder.join(path)).await?,
            SecretSource::Command(words) => from_command(words, &self.folder, &self.hidden).await?,
            SecretSource::Inline => return Err(missing("it stood in the spec, which is no longer at hand")),
        };
        Ok(Arc::new(value))
    }
}

impl Secrets for HostSecrets {
    fn resolve<'a>(&'a self, reference: &'a SecretRef) -> BoxFuture<'a, Resolved> {
        Box::pin(async move {
            if let Some(value) = reference.hash.as_ref().and_then(|hash| self.inline.get(hash)) {
                return Ok(Arc::clone(value));
            }
            let name = format!("{:?}", reference.source);
            let cell = {
                let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(resolved.entry(name).or_default())
            };
            cell.get_or_init(|| self.fetch(&reference.source)).await.clone()
        })
    }

    fn seal(&self, field: &str, value: &str) -> SecretHash {
        self.key.seal(field, value)
    }
}

fn missing(why: impl Into<String>) -> SecretMissing {
    SecretMissing { why: why.into() }
}

fn from_environment(name: &str) -> Result<SecretValue, SecretMissing> {
    match std::env::var(name) {
        Ok(value) => Ok(SecretValue::new(value)),
        Err(std::env::VarError::NotPresent) => Err(missing(format!("the variable `{name}` is not set"))),
        Err(std::env::VarError::NotUnicode(_)) => Err(missing(format!("the variable `{name}` is not UTF-8"))),
    }
}

async fn from_file(path: &Path) -> Result<SecretValue, SecretMissing> {
    let named = path.display();
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|e| missing(format!("the file `{named}` cannot be read: {e}")))?;
    text(bytes).map_err(|why| missing(format!("the file `{named}` {why}")))
}

async fn from_command(
    words: &[String],
    folder: &Path,
    hidden: &[String],
) -> Result<SecretValue, SecretMissing> {
    let (words, folder, hidden) = (words.to_vec(), folder.to_owned(), hidden.to_vec());
    let run = tokio::task::spawn_blocking(move || run_command(&words, &folder, &hidden));
    run.await.unwrap_or_else(|panic| Err(missing(format!("the command cannot be run: {panic}"))))
}

/// The output of a program, which sees the terminal, but neither the secret of the API key nor what is `hidden`.
pub(crate) fn run_command(
    words: &[String],
    folder: &Path,
    hidden: &[String],
) -> Result<SecretValue, SecretMissing> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(missing("the command has no words"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    for variable in SECRET_VARIABLES.iter().copied().chain(hidden.iter().map(String::as_str)) {
        command.env_remove(variable);
    }
    let output =
        command.output().map_err(|e| missing(format!("the command `{program}` cannot be run: {e}")))?;
    if !output.status.success() {
        return Err(missing(format!("the command `{program}` ended with {}", output.status)));
    }
    text(output.stdout).map_err(|why| missing(format!("the output of the command `{program}` {why}")))
}

/// The text without one final line end.
fn text(bytes: Vec<u8>) -> Result<SecretValue, &'static str> {
    if bytes.len() > LONGEST {
        return Err("is over 1 MiB");
    }
    let text = SecretValue::new(String::from_utf8(bytes).map_err(|_| "is not UTF-8")?);
    let value = text.expose();
    let value = value.strip_suffix('\n').map_or(value, |v| v.strip_suffix('\r').unwrap_or(v));
    if value.is_empty() { Err("is empty") } else { Ok(SecretValue::new(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(secrets: &HostSecrets, source: SecretSource) -> Result<String, String> {
        let reference = SecretRef { field: "f".to_owned(), source, hash: None };
        let resolved = secrets.resolve(&reference).await;
        resolved.map(|value| value.expose().to_owned()).map_err(|e| e.why)
    }

    fn command(words: &[&str]) -> SecretSource {
        SecretSource::Command(words.iter().map(|w| (*w).to_owned()).collect())
    }

    #[tokio::test]
    async fn every_source() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("psk"), "one\n\n").unwrap();
        let key = SealingKey::new([7; 32]);
        let hash = key.seal("f", "inline");
        let inline = HashMap::from([(hash.clone(), Arc::new(SecretValue::new("inline")))]);
        let secrets = HostSecrets::new(key, folder.path().to_owned(), inline);

        assert_eq!(resolve(&secrets, SecretSource::File("psk".to_owned())).await, Ok("one\n".to_owned()));
        // Once is enough, whatever becomes of the file.
        std::fs::remove_file(folder.path().join("psk")).unwrap();
        assert_eq!(resolve(&secrets, SecretSource::File("psk".to_owned())).await, Ok("one\n".to_owned()));
        assert_eq!(resolve(&secrets, command(&["echo", "$HOME x"])).await, Ok("$HOME x".to_owned()));

        let why = resolve(&secrets, command(&["false"])).await.unwrap_err();
        assert!(why.contains("`false` ended with"), "{why}");
        let why =
            resolve(&secrets, SecretSource::Env("CONNEXA_NO_SUCH_VARIABLE".to_owned())).await.unwrap_err();
        assert!(why.contains("is not set"), "{why}");

        let reference = SecretRef { field: "f".to_owned(), source: SecretSource::Inline, hash: Some(hash) };
        assert_eq!(secrets.resolve(&reference).await.unwrap().expose(), "inline");
    }
}
