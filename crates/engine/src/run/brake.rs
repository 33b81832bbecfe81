//! The brake: a kind whose calls are all refused is stopped before each of its items has cost a call.

use crate::plan::{Action, Change, Operation};
use connexa_types::{Kind, Rejection};
use std::collections::{BTreeSet, HashMap, HashSet};

/// So many operations of a kind, the first to end, fail alike before it is stopped.
const ALIKE: usize = 5;

/// Watches how the calls of each kind end.
#[derive(Debug, Default)]
pub(super) struct Brake {
    off: bool,
    kinds: HashMap<Kind, Watch>,
}

#[derive(Debug, Default)]
struct Watch {
    /// Actions, with their verbs, that have an answer.
    answered: HashSet<(Action, Option<String>)>,
    /// How the first operations failed, as long as they failed alike; `None` once one has not.
    alike: Alike,
    stopped: Option<Stopped>,
}

#[derive(Debug, Default)]
enum Alike {
    #[default]
    None,
    So(Signature, usize),
    Broken,
}

/// What makes two refusals alike: the status, and the codes, or the words where there are no codes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    status: u16,
    codes: Vec<String>,
}

/// Why a kind is stopped.
#[derive(Clone, Debug)]
pub(super) struct Stopped {
    /// In words.
    pub(super) why: String,
    /// The change whose refusal stopped it.
    pub(super) cause: usize,
}

impl Brake {
    pub(super) fn new(on: bool) -> Self {
        Self { off: !on, kinds: HashMap::new() }
    }

    /// Why a kind is stopped, if it is.
    pub(super) fn stopped(&self, kind: Kind) -> Option<&Stopped> {
        self.kinds.get(&kind)?.stopped.as_ref()
    }

    /// Takes in an answer to an operation. Whether its kind is stopped by it.
    pub(super) fn answered(
        &mut self,
        operation: &Operation,
        change: &Change,
        refusal: Option<&Rejection>,
    ) -> bool {
        let first = self.watch(operation.kind).answered.insert((change.action, change.verb.clone()));
        let forbidden = first && refusal.is_some_and(|refusal| refusal.status == 403);
        let what = change.verb.clone().unwrap_or_else(|| change.action.as_str().to_owned());
        forbidden
            && self.stop(operation, || {
                format!("the key may not {what} {} (403)", operation.kind.plural().replace('_', " "))
            })
    }

    /// Takes in how an operation ended: `refusal` where it failed by one. Whether its kind is stopped by it.
    pub(super) fn ended(&mut self, operation: &Operation, refusal: Option<&Rejection>) -> bool {
        let watch = self.watch(operation.kind);
        let times = match (&mut watch.alike, refusal.map(Signature::of)) {
            (before @ Alike::None, Some(signature)) => {
                *before = Alike::So(signature, 1);
                1
            }
            (Alike::So(known, times), Some(signature)) if *known == signature => {
                *times += 1;
                *times
            }
            (alike, _) => {
                *alike = Alike::Broken;
                0
            }
        };
        times == ALIKE
            && self.stop(operation, || {
                let status = refusal.map(|refusal| refusal.status).unwrap_or_default();
                let kind = operation.kind.plural().replace('_', " ");
                format!("the first {ALIKE} calls for {kind} were refused alike ({status})")
            })
    }

    fn watch(&mut self, kind: Kind) -> &mut Watch {
        self.kinds.entry(kind).or_default()
    }

    fn stop(&mut self, operation: &Operation, why: impl FnOnce() -> String) -> bool {
        let cause = operation.carries.first().map(|carried| carried.change).unwrap_or_default();
        let off = self.off;
        let watch = self.watch(operation.kind);
        if off || watch.stopped.is_some() {
            return false;
        }
        watch.stopped = Some(Stopped { why: why(), cause });
        true
    }
}

impl Signature {
    fn of(refusal: &Rejection) -> Self {
        let details = refusal.error.iter().flat_map(|error| &error.error_details);
        let (mut codes, mut words) = (BTreeSet::new(), BTreeSet::new());
        for (field, detail) in
            details.flat_map(|(field, list)| list.iter().map(move |detail| (field, detail)))
        {
            match &detail.error_code {
                Some(code) => codes.insert(code.clone()),
                None => words.insert(format!("{field}: {}", detail.message.as_deref().unwrap_or_default())),
            };
        }
        if codes.is_empty() {
            codes = words;
        }
        Self { status: refusal.status, codes: codes.into_iter().collect() }
    }
}
