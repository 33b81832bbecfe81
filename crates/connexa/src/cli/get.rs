//! The command line of `get`.

use clap::{Args, builder::PossibleValuesParser};
use std::num::NonZeroUsize;

/// `get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Kind of the objects, singular or plural, with _ or -.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Keys, ids or globs; without any, all objects.
    #[arg(value_name = "NAME|GLOB")]
    pub(crate) names: Vec<String>,
    /// Only objects of which this is so: CEL over the fields of specs, such as 'egress && name.startsWith("paris")'.
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) matching: Option<String>,
    /// Fields to show, in this order.
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// Field to sort by; - before it turns the order around.
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub(crate) sort_by: Option<String>,
    /// At most so many objects.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroUsize>,
    /// What of the past is wanted, for sessions and logs.
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Filters of sessions and logs.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Sessions and logs")]
pub(crate) struct Past {
    /// From this moment on: an instant such as 2026-01-31T08:00:00Z, a date, or how long ago (90m, 24h) [default: a day
    /// ago, for the dns-log an hour].
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this moment, in the same forms [default: now].
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Sessions in this state.
    #[arg(long, value_name = "STATUS", value_parser = PossibleValuesParser::new(["active", "completed", "failed"]))]
    pub(crate) status: Option<String>,
    /// Sessions that began in that time, not those that were only updated in it.
    #[arg(long)]
    pub(crate) only_new: bool,
    /// Entries of the audit log by this initiator, such as an e-mail address.
    #[arg(long, value_name = "ID")]
    pub(crate) initiator: Option<String>,
}
