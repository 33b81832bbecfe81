//! Flags of `plan` and `apply` beyond the spec.

use clap::Args;
use connexa_engine::{plan::Prune, select::Expression};
use connexa_types::Kind;

/// `--prune`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PruneFlags {
    /// Delete live objects of this kind that the spec does not list; with an expression, only those of which it is true,
    /// such as 'dns-record:domain.endsWith(".lab.example")'. Needs --max-deletes. Repeatable.
    #[arg(long, value_name = "KIND[:EXPR]", value_parser = prune)]
    pub(crate) prune: Vec<Prune>,
}

/// Reads `KIND[:EXPR]`.
fn prune(text: &str) -> Result<Prune, String> {
    let (kind, expression) = match text.split_once(':') {
        Some((kind, expression)) => (kind, Some(expression)),
        None => (text, None),
    };
    let kind: Kind = kind.trim().parse().map_err(|error: connexa_types::UnknownKind| error.to_string())?;
    let matching = expression
        .map(|text| Expression::parse(text).and_then(|expression| expression.of_kind(kind)))
        .transpose()
        .map_err(|error| error.message)?;
    Ok(Prune { kind, matching })
}
