//! The commands, one file each.

pub(crate) mod api;
pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod emulator;
pub(crate) mod get;
pub(crate) mod plan;
pub(crate) mod schema;
pub(crate) mod validate;

use crate::{failure::Failure, views::text::list};
use connexa_engine::catalog;
use connexa_types::Kind;

/// Reads a kind that this version can plan.
fn planned_kind(word: &str) -> Result<Kind, Failure> {
    let known = || {
        let kinds = Kind::ALL.iter().filter(|kind| catalog::is_listed(**kind));
        list(kinds.map(|kind| kind.plural()))
    };
    match word.parse::<Kind>() {
        Ok(kind) if catalog::is_listed(kind) => Ok(kind),
        Ok(kind) => Err(Failure::usage(format!("this version does not manage {} yet", kind.plural()))
            .hint(format!("it manages {}", known()))),
        Err(_) => {
            Err(Failure::usage(format!("unknown kind `{word}`")).hint(format!("the kinds are {}", known())))
        }
    }
}
