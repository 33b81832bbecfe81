//! Faults: what goes wrong, for which requests, and when.
//!
//! [`FaultDocument`] is how rules are written. `Faults` counts the requests that each rule matches and makes a
//! `Plan` for each request: at most one fault that decides its fate, and any number of those that only colour it
//! (slow, lag, headers, forms of values). The [`Emulator`](crate::Emulator) carries plans out.
//!
//! A rule counts a request only if its fault can happen to it: a joint create in part needs children, a page shift a
//! page after the first. Requests without a valid token meet no faults, and those that the quota refuses by itself only
//! slowness and bad headers. Chance is a function of seed, rule and count, so that equal seeds and equal requests meet
//! equal faults, whatever other rules there are.

mod answers;
mod normalise;
mod partial;
mod pattern;
mod rule;
mod shift;

pub use pattern::{Pattern, PatternError};
pub use rule::{
    BrokenJson, Commit, DetailsForm, ErrorBody, Fault, FaultDocument, FaultRule, LateAnswer, MissingChildren,
    PartialAnswer, RateHeaders, Shift, Status, When, WhichAnswer,
};

pub(crate) use answers::{act_out, answer_instead, set_rate_headers};
pub(crate) use partial::{rejection, reword};
pub(crate) use shift::{shifted, window};

use crate::state::ids::digest;
use connexa_types::{AnswerShape, Class, Endpoint, RequestShape};
use normalise::Normaliser;
use serde_json::{Value, json};
use std::time::Duration;

/// The rules in force, and how often each has matched and fired.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    rules: Vec<Armed>,
    /// How many rules there ever were: the id of the last one.
    count: u64,
}

#[derive(Debug)]
struct Armed {
    id: u64,
    rule: FaultRule,
    matched: u64,
    fired: u64,
}

/// How far a request came by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It asks for a token.
    Token,
    /// It has no valid token.
    Stranger,
    /// The bucket of its key is empty.
    Throttled(usize),
    /// Its key may call.
    Admitted(usize),
}

/// What rules look at.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) path: &'a str,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) client: Option<&'a str>,
    pub(crate) admission: Admission,
    /// The `page` of the query, if it is a number.
    pub(crate) page: u32,
    pub(crate) body: &'a [u8],
}

/// What goes wrong with one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What decides its fate.
    pub(crate) fate: Option<Fault>,
    /// Children that are missing, if the fate is a joint create in part.
    pub(crate) missing: Vec<(&'static str, usize)>,
    pub(crate) slow: Option<Slow>,
    pub(crate) lag: Option<Duration>,
    pub(crate) shift: Option<Shift>,
    pub(crate) rate_headers: Option<RateHeaders>,
    pub(crate) details: Option<DetailsForm>,
    normalise: Option<Normaliser>,
    /// The faults that took effect, in the words of the ledger.
    pub(crate) labels: Vec<&'static str>,
}

/// How slow an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slow {
    pub(crate) delay: Duration,
    pub(crate) trickle: Option<crate::delivery::Trickle>,
}

/// Where a fate sets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Instead of a look at the quota.
    BeforeQuota,
    /// Instead of the operation, which costs a token all the same.
    BeforeCommit,
    /// Instead of the operation, which comes later.
    Late,
    /// With or after the operation.
    Carried,
}

impl Fault {
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::Throttle { applied: false, .. }
            | Self::Unauthorized { applied: false }
            | Self::TokenExpiry {} => Stage::BeforeQuota,
            Self::Reset { commit: Commit::Before }
            | Self::Stall { commit: Commit::Before }
            | Self::Error { commit: Commit::Before, .. }
            | Self::Forbidden {}
            | Self::Redirect { .. } => Stage::BeforeCommit,
            Self::LateCommit { .. } => Stage::Late,
            _ => Stage::Carried,
        }
    }

    /// Whether it can happen to a request at all.
    fn can_happen(&self, facts: &Facts<'_>) -> bool {
        let admitted = matches!(facts.admission, Admission::Admitted(_));
        let endpoint = facts.endpoint.filter(|_| admitted);
        let changes = endpoint.is_some_and(|e| e.class() == Class::Update);
        let is_list =
            |e: Endpoint| matches!(e.info().answer, AnswerShape::Json(name) if name.starts_with("Page"));
        match self {
            Self::RateHeaders { .. } => facts.admission != Admission::Token,
            Self::Slow { .. } => true,
            _ if matches!(facts.admission, Admission::Throttled(_)) => false,
            Self::Reset { .. }
            | Self::Error { .. }
            | Self::Stall { .. }
            | Self::Throttle { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden {}
            | Self::Redirect { .. } => true,
            Self::Truncated { .. } | Self::InvalidJson { .. } | Self::Oversized { .. } => {
                facts.endpoint.is_some_and(|e| e.info().answer != AnswerShape::Empty)
            }
            Self::TokenExpiry {} => admitted,
            Self::LateCommit { .. } | Self::ReadLag { .. } => changes,
            // Whether the children of a joint create are there is seen when they are chosen.
            Self::Duplicate { .. } | Self::ErrorDetails { .. } | Self::Partial { .. } => endpoint.is_some(),
            Self::PageShift { .. } => facts.page > 0 && endpoint.is_some_and(is_list),
            Self::Normalise { .. } => {
                endpoint.is_some_and(|e| matches!(e.info().request, RequestShape::Json(_)))
            }
        }
    }
}

impl Faults {
    /// No rules.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, rules: Vec::new(), count: 0 }
    }

    /// Adds rules behind those that are there; returns their ids.
    pub(crate) fn add(&mut self, document: FaultDocument) -> Vec<u64> {
        if let Some(seed) = document.seed {
            self.seed = seed;
        }
        let mut ids = Vec::new();
        for rule in document.rules {
            self.count += 1;
            ids.push(self.count);
            self.rules.push(Armed { id: self.count, rule, matched: 0, fired: 0 });
        }
        ids
    }

    /// Takes one rule away; whether it was there.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|armed| armed.id != id);
        self.rules.len() < before
    }

    /// Takes all rules away.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Starts all counts over.
    pub(crate) fn recount(&mut self) {
        for armed in &mut self.rules {
            (armed.matched, armed.fired) = (0, 0);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules as the control lists them.
    pub(crate) fn listed(&self) -> Value {
        let rules = self.rules.iter().map(|armed| {
            let mut rule = serde_json::to_value(&armed.rule).unwrap_or_default();
            if let Value::Object(map) = &mut rule {
                map.insert("id".into(), armed.id.into());
                map.insert("matched".into(), armed.matched.into());
                map.insert("fired".into(), armed.fired.into());
            }
            rule
        });
        json!({"seed": self.seed, "rules": rules.collect::<Vec<_>>()})
    }

    /// Decides what goes wrong with a request, and counts it.
    pub(crate) fn decide(&mut self, facts: &Facts<'_>) -> Plan {
        let mut plan = Plan::default();
        if facts.admission == Admission::Stranger {
            return plan;
        }
        for armed in &mut self.rules {
            if !armed.rule.matches(facts) || !armed.rule.fault.can_happen(facts) {
                continue;
            }
            let dice = Dice { seed: self.seed, rule: armed.id, count: armed.matched + 1 };
            let mut missing = None;
            if let (Fault::Partial { missing: wanted, .. }, Some(endpoint)) =
                (&armed.rule.fault, facts.endpoint)
            {
                let mut throw = 0;
                missing = partial::choose(endpoint, facts.body, wanted, |sides| {
                    throw += 1;
                    dice.below(throw, sides)
                });
                if missing.is_none() {
                    continue;
                }
            }
            armed.matched += 1;
            let due = match &armed.rule.when {
                When::Nth(numbers) => numbers.contains(&armed.matched),
                When::Every(every) => armed.matched.is_multiple_of(*every),
                When::Probability(p) => dice.fraction() < *p,
            };
            let left = armed.rule.times.is_none_or(|times| armed.fired < times);
            if due && left && plan.take(&armed.rule.fault) {
                armed.fired += 1;
                if let Some(missing) = missing {
                    plan.missing = missing;
                }
            }
        }
        plan
    }
}

impl FaultRule {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        let method = || self.method.iter().any(|m| m.as_str() == facts.method.as_str());
        (self.method.is_empty() || method())
            && self.path.as_ref().is_none_or(|path| path.matches(facts.path, facts.endpoint))
            && self.key.as_deref().is_none_or(|key| facts.client == Some(key))
    }
}

/// Chance for one rule and one request.
#[derive(Clone, Copy, Debug)]
struct Dice {
    seed: u64,
    rule: u64,
    count: u64,
}

impl Dice {
    fn throw(self, number: u64) -> u64 {
        let input = [self.rule.to_be_bytes(), self.count.to_be_bytes(), number.to_be_bytes()].concat();
        let bytes = digest("fault", self.seed, &input);
        u64::from_be_bytes(bytes[..8].try_into().expect("a digest has 32 bytes"))
    }

    /// From 0 up to but not including 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are all that a fraction has")]
    fn fraction(self) -> f64 {
        (self.throw(0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(self, number: u64, sides: usize) -> usize {
        let sides = u64::try_from(sides).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.throw(number) % sides).unwrap_or(0)
    }
}

impl Plan {
    /// Takes a fault in, unless it has one of its sort.
    fn take(&mut self, fault: &Fault) -> bool {
        fn fill<T>(place: &mut Option<T>, value: T) -> bool {
            let free = place.is_none();
            if free {
                *place = Some(value);
            }
            free
        }
        match fault {
            Fault::Slow { delay_ms, trickle_ms, trickle_bytes } => {
                let pause = Duration::from_millis(*trickle_ms);
                let trickle = crate::delivery::Trickle { pause, bytes: *trickle_bytes };
                let trickle = Some(trickle).filter(|t| !t.pause.is_zero());
                fill(&mut self.slow, Slow { delay: Duration::from_millis(*delay_ms), trickle })
            }
            Fault::ReadLag { for_ms } => fill(&mut self.lag, Duration::from_millis(*for_ms)),
            Fault::PageShift { change } => fill(&mut self.shift, *change),
            Fault::RateHeaders { value } => fill(&mut self.rate_headers, *value),
            Fault::ErrorDetails { form } => fill(&mut self.details, *form),
            Fault::Normalise { case, trim, cidr, order } => {
                let normaliser = Normaliser { case: *case, trim: *trim, cidr: *cidr, order: *order };
                fill(&mut self.normalise, normaliser)
            }
            fate => fill(&mut self.fate, fate.clone()),
        }
    }

    /// The body as the service reads it, if that differs from what was sent.
    pub(crate) fn body_read(&mut self, sent: &[u8]) -> Option<bytes::Bytes> {
        let normalised = self.normalise.and_then(|n| n.apply(sent));
        if normalised.is_some() {
            self.labels.push("normalise");
        }
        if self.missing.is_empty() {
            return normalised;
        }
        // Chosen by the order in which they were sent.
        let partial = partial::without(sent, &self.missing);
        Some(self.normalise.and_then(|n| n.apply(&partial)).unwrap_or(partial))
    }
}
