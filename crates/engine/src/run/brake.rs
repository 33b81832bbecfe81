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
    alike: FirstAlike<RefusalSignature>,
    stopped: Option<Stopped>,
}

/// Whether the first of a kind of work to end fail alike, and how often they have.
#[derive(Debug, Default)]
pub enum FirstAlike<S> {
    /// Nothing has ended.
    #[default]
    None,
    /// So many have ended, all of them so.
    So(S, usize),
    /// One has not failed, or not like the others.
    Broken,
}

impl<S: PartialEq> FirstAlike<S> {
    /// Takes in how one more ended, `failure` being how it failed. True for the one with which so many have failed alike that
    /// more of them make no sense.
    pub fn ended(&mut self, failure: Option<S>) -> bool {
        match (&mut *self, failure) {
            (Self::None, Some(failure)) => {
                *self = Self::So(failure, 1);
                false
            }
            (Self::So(known, times), Some(failure)) if *known == failure => {
                *times += 1;
                *times == ALIKE
            }
            _ => {
                *self = Self::Broken;
                false
            }
        }
    }
}

/// What makes two refusals alike: the status, and the codes, or the words where there are no codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalSignature {
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
        let alike = self.watch(operation.kind).alike.ended(refusal.map(RefusalSignature::of));
        alike
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

impl RefusalSignature {
    /// That of a refusal.
    pub fn of(refusal: &Rejection) -> Self {
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
