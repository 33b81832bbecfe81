//! The commands, one file each.

pub(crate) mod abandon;
pub(crate) mod act;
pub(crate) mod again;
pub(crate) mod api;
pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod emulator;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod plan;
pub(crate) mod rotate;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod stop;
pub(crate) mod update;
pub(crate) mod validate;
pub(crate) mod verify;
pub(crate) mod watch;

use crate::{changing::picking, cli::Which, failure::Failure, views::text::list};
use connexa_engine::{catalog, selection::Selection};
use connexa_types::Kind;

/// Reads the kind of an imperative command.
fn any_kind(word: &str) -> Result<Kind, Failure> {
    word.parse::<Kind>().map_err(|error| {
        let kinds = list(Kind::ALL.iter().map(|kind| items_of(*kind)));
        Failure::usage(error.to_string()).hint(format!("the kinds are {kinds}"))
    })
}

/// A kind's objects, as the command line writes them.
fn items_of(kind: Kind) -> String {
    kind.plural().replace('_', "-")
}

/// What the command line picks of a kind.
fn selection(kind: Kind, which: &Which) -> Result<Selection, Failure> {
    let matching = which.matching.as_deref();
    let matching = matching.map(|text| picking::expression("--where", text, kind)).transpose()?;
    Selection::new(kind, &which.names, matching).map_err(|error| Failure::usage(error.to_string()))
}

/// Reads a kind whose objects can be looked at.
fn readable_kind(word: &str) -> Result<Kind, Failure> {
    match word.parse::<Kind>() {
        Ok(Kind::Setting) => Ok(Kind::Setting),
        Ok(kind) if catalog::is_listed(kind) => Ok(kind),
        Ok(kind) => {
            let message = format!("no call of the API shows {}", kind.plural().replace('_', " "));
            Err(Failure::usage(message))
        }
        Err(_) => {
            let kinds = Kind::ALL.iter().filter(|kind| catalog::is_listed(**kind) || **kind == Kind::Setting);
            let known = list(kinds.map(|kind| kind.plural()));
            Err(Failure::usage(format!("unknown kind `{word}`")).hint(format!("the kinds are {known}")))
        }
    }
}
