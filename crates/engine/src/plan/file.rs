//! Plan files: what `plan --out` writes and `apply PLANFILE` carries out.
//!
//! A file holds the plan as it was shown, and the desired state and options that it was made from. Applying it reads the
//! tenant again, plans again, and compares: the same fingerprint means that all it rests on is as it was, so the new plan
//! is the old one; a plan with nothing to do means that all is already as wanted; anything else is stale.

use super::{Mode, PlanOptions, Prune, Scope, Selector, types::Plan};
use crate::{desired::DesiredState, select::Expression};
use connexa_types::{Kind, TenantId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A plan file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`PlanFile::SCHEMA`].
    schema: String,
    /// When it was made.
    pub made: Timestamp,
    /// The plan as it was shown.
    pub plan: Plan,
    /// What is asked for, secrets by reference and hash.
    pub desired: DesiredState,
    /// How it was planned.
    options: StoredOptions,
}

/// Options of planning that are part of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredOptions {
    mode: Mode,
    strict: bool,
    prune: Vec<Prune>,
    #[serde(with = "texts")]
    only: Vec<Selector>,
    #[serde(with = "texts")]
    exclude: Vec<Selector>,
    limit: Option<usize>,
    #[serde(with = "texts")]
    protect: Vec<Selector>,
}

/// Why a file is no plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum NoPlanFile {
    /// It is something else.
    #[error("it is no plan that `plan --out` wrote")]
    Other,
    /// It is damaged.
    #[error("the plan in it cannot be read: {0}")]
    Damaged(#[source] serde_json::Error),
    /// A newer version wrote it.
    #[error("a newer version of connexa wrote it (format {0}; this one knows {known})", known = Plan::FORMAT)]
    Newer(u64),
}

/// What a plan file has come to, now that the tenant was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// All that it rests on is as it was.
    Fresh,
    /// All is already as it wants.
    Done,
    /// The tenant has changed.
    Stale,
}

impl PlanFile {
    /// What the file says it is.
    pub const SCHEMA: &str = "connexa.planfile/1";

    /// A file of a plan.
    pub fn new(made: Timestamp, plan: Plan, desired: DesiredState, options: &PlanOptions) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            made,
            plan,
            desired,
            options: StoredOptions {
                mode: options.mode,
                strict: options.strict,
                prune: options.prune.clone(),
                only: options.scope.only.clone(),
                exclude: options.scope.exclude.clone(),
                limit: options.scope.limit,
                protect: options.protect.clone(),
            },
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A text that is no plan, or one of a format that this version does not know.
    pub fn parse(text: &[u8]) -> Result<Self, NoPlanFile> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
            plan: Format,
        }
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        let head: Head = serde_json::from_slice(text).map_err(|_| NoPlanFile::Other)?;
        if head.schema != Self::SCHEMA {
            return Err(NoPlanFile::Other);
        }
        if head.plan.format > u64::from(Plan::FORMAT) {
            return Err(NoPlanFile::Newer(head.plan.format));
        }
        serde_json::from_slice(text).map_err(NoPlanFile::Damaged)
    }

    /// The tenant that it is for.
    pub fn tenant(&self) -> &TenantId {
        &self.plan.tenant
    }

    /// The options to plan again with.
    pub fn options(&self) -> PlanOptions {
        let stored = self.options.clone();
        PlanOptions {
            strict: stored.strict,
            prune: stored.prune,
            scope: Scope { only: stored.only, exclude: stored.exclude, limit: stored.limit },
            protect: stored.protect,
            ..PlanOptions::new(stored.mode, self.plan.command.clone())
        }
    }

    /// Compares it with the plan that the tenant asks for now.
    pub fn freshness(&self, now: &Plan) -> Freshness {
        if now.fingerprint == self.plan.fingerprint {
            Freshness::Fresh
        } else if now.is_empty() && now.changes.iter().all(|change| change.preset.is_none()) {
            Freshness::Done
        } else {
            Freshness::Stale
        }
    }
}

impl Serialize for Prune {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.kind, self.matching.as_ref().map(Expression::source)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Prune {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kind, matching) = <(Kind, Option<String>)>::deserialize(deserializer)?;
        let matching = matching.map(|text| Expression::parse(&text)).transpose().map_err(D::Error::custom)?;
        Ok(Self { kind, matching })
    }
}

/// Selectors as texts.
mod texts {
    use super::{Deserialize as _, Deserializer, Selector, Serializer};
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(selectors: &[Selector], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(selectors.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Selector>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
