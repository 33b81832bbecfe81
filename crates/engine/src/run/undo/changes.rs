//! What an undo comes to for each change: *undone* once all that was done for it has been taken back, else *stuck*, with
//! the way to go on.

use super::super::{Halt, Run, ruling, ruling::Ruling};
use crate::{
    plan::{Action, Operation},
    record::{Record, UndoScope},
    report::{ErrorType, Origin, Stuck, Verdict},
    shared_json::SharedJson,
    undo::{Impossible, Left},
};
use connexa_types::{Endpoint, Kind, Now};

/// A change on its way back.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// Steps that have not ended.
    pub(super) open: u32,
    /// Whether something was taken back.
    undone: bool,
    /// Why something could not be.
    stuck: Option<Leftover>,
    /// What was left of it.
    left: Option<SharedJson>,
    /// How well that is known to be ours: an undo that is tried again must know it too.
    origin: Option<Origin>,
    /// The object as it is now, if there is one.
    object: Option<SharedJson>,
    note: Option<String>,
}

/// Something that could not be taken back.
#[derive(Debug)]
struct Leftover {
    why: String,
    error_type: ErrorType,
    /// What was left, and whether it was made.
    left: Option<SharedJson>,
    made: bool,
}

impl Back {
    /// Notes what an operation left of the change.
    pub(super) fn left(&mut self, left: &Left) {
        // Of a replace that which was made.
        if self.left.is_none() || left.origin.is_some() {
            self.left.clone_from(&left.object);
            self.origin = left.origin;
        }
    }

    /// Notes that an operation has taken something back.
    pub(super) fn succeeded(&mut self, subject: &Operation, ruling: &Ruling) {
        self.undone = true;
        if ruling.object.is_some() {
            self.object.clone_from(&ruling.object);
        }
        let endpoint = subject.call.endpoint;
        let note = match &ruling.object {
            Some(object) if endpoint.creates() => {
                let id = object.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
                Some(format!("made again, with the id {id}"))
            }
            _ => opposite_note(endpoint).map(str::to_owned),
        };
        if note.is_some() {
            self.note = note;
        }
    }
}

/// What is said of an action that was taken back by one that does not know how things were before.
const fn opposite_note(endpoint: Endpoint) -> Option<&'static str> {
    match endpoint {
        Endpoint::NetworkConnectorActivate | Endpoint::HostConnectorActivate => {
            Some("taken back by `activate`: how it was before cannot be read")
        }
        Endpoint::NetworkConnectorSuspend | Endpoint::HostConnectorSuspend => {
            Some("taken back by `suspend`: how it was before cannot be read")
        }
        _ => None,
    }
}

impl Run {
    /// An operation cannot be taken back.
    pub(super) fn is_stuck(&mut self, scope: usize, operation: usize, impossible: &Impossible) {
        self.undo.taken.insert(operation, false);
        let left = self.undo.left.get(&operation).into_iter().flatten();
        let changes: Vec<usize> = left.map(|left| left.change).collect();
        for change in changes {
            self.change_is_stuck(scope, change, operation, impossible);
        }
    }

    /// What an operation did for a change cannot be taken back; the first reason is told.
    pub(super) fn change_is_stuck(
        &mut self,
        scope: usize,
        change: usize,
        operation: usize,
        impossible: &Impossible,
    ) {
        let made = self.subject(operation).call.endpoint.creates();
        let left = self.undo.left.get(&operation).into_iter().flatten();
        let left = left.filter(|left| left.change == change).find_map(|left| left.object.clone());
        if let Some(back) = self.undo.scopes[scope].changes.get_mut(&change) {
            let Impossible { why, error_type } = impossible.clone();
            let known = back.stuck.get_or_insert(Leftover { why, error_type, left: left.clone(), made });
            if made && !known.made {
                // What is left too much is told, whatever the reason.
                (known.left, known.made) = (left, true);
            }
        }
    }

    /// A step has ended: so has the undo of the changes that it was the last for.
    pub(super) fn step_ended(&mut self, scope: usize, step: usize, now: Now) {
        for change in std::mem::take(&mut self.undo.scopes[scope].concerns[step]) {
            let Some(back) = self.undo.scopes[scope].changes.get_mut(&change) else { continue };
            back.open -= 1;
            if back.open == 0 {
                self.change_is_back(scope, change, now);
            }
        }
    }

    fn change_is_back(&mut self, scope: usize, change: usize, now: Now) {
        let Some(back) = self.undo.scopes[scope].changes.remove(&change) else { return };
        let ruling = match back {
            Back { stuck: Some(stuck), origin, object, note, .. } => {
                let ruling = self.stuck_words(change, stuck, object);
                Ruling { note, origin, ..ruling }
            }
            Back { undone: true, object, note, .. } => {
                match (self.ledger.verdict(change), self.ledger.failure(change)) {
                    // By an earlier leg of the run, which has told it; or it had failed, and is now as if never begun.
                    (Some(Verdict::Undone | Verdict::Failed), _) => return,
                    (_, Some(failure)) => {
                        let failure = failure.clone().noted("what was applied of it is undone");
                        return self.rule_again(change, failure, now);
                    }
                    _ => {}
                }
                let Ruling { error, error_type, cause, .. } = self.undone_words(scope);
                Ruling { error, error_type, cause, note, object, ..Ruling::undone() }
            }
            Back { .. } => return,
        };
        self.rule_again(change, ruling, now);
    }

    /// A later word on a change.
    pub(super) fn rule_again(&mut self, change: usize, ruling: Ruling, now: Now) {
        let plan = std::sync::Arc::clone(&self.plan);
        let (verdict, report) = self.ledger.rule_again(&plan, change, ruling);
        self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
    }

    /// Why a change was taken back.
    fn undone_words(&self, scope: usize) -> Ruling {
        let scope = &self.undo.scopes[scope];
        let cause = scope.cause.map(|change| ruling::name(&self.plan.changes[change]));
        match cause {
            Some(name) => {
                let of = if matches!(scope.what, UndoScope::Unit(_)) { " of its unit" } else { "" };
                Ruling {
                    error: Some(format!("undone: `{name}`{of} did not succeed")),
                    error_type: Some(ErrorType::DependencyFailed),
                    cause: Some(name),
                    ..Ruling::undone()
                }
            }
            None => Ruling { error: Some(format!("undone: {}", scope.reason)), ..Ruling::undone() },
        }
    }

    /// What is said of a change that could not be taken back: why, what is left, and how to go on. `object`: what was made
    /// again of it.
    fn stuck_words(&self, change: usize, leftover: Leftover, object: Option<SharedJson>) -> Ruling {
        let Leftover { why, error_type, left, made } = leftover;
        let id = left.as_ref().and_then(|object| object.get("id")?.as_str());
        let mut error = format!("not undone: {why}; `connexa undo {}` tries again", self.id);
        if let (true, Some(id), Ok(kind)) = (made, id, self.plan.changes[change].kind.parse::<Kind>()) {
            error = format!("{error}, `connexa delete {} {id}` removes what was made", kind.plural());
        }
        let conflict = matches!(error_type, ErrorType::Conflict | ErrorType::Drifted);
        let ruling = if conflict { Ruling::conflict(error) } else { Ruling::unknown(error) };
        let ids =
            id.map(str::to_owned).or_else(|| self.plan.changes[change].id.clone()).into_iter().collect();
        let stuck = Some(Stuck { ids, command: format!("connexa undo {}", self.id) });
        Ruling { object: left.or(object), stuck, ..ruling }
    }

    /// The run ends although things are left to be taken back.
    pub(in crate::run) fn leave_undo(&mut self, now: Now) {
        let left = self.undo.is_at_work() || self.undo_is_wanted();
        if !left {
            return;
        }
        let words = self
            .halt
            .as_ref()
            .map_or_else(|| "nothing is left to wait for, which is a bug".to_owned(), Halt::reason);
        let resumable = self.halt.as_ref().is_some_and(|halt| !halt.is_final());
        self.undo.interrupted = resumable;
        for scope in 0..self.undo.scopes.len() {
            self.undo.scopes[scope].over = true;
            let open = std::mem::take(&mut self.undo.scopes[scope].changes);
            for (change, back) in open {
                let Back { undone, stuck, left, origin, object, .. } = back;
                let ruling = if let Some(stuck) = stuck {
                    self.stuck_words(change, stuck, object)
                } else if resumable && !undone {
                    let note = format!("not undone yet: {words}; `connexa resume {}` goes on", self.id);
                    if self.ledger.verdict(change) != Some(Verdict::Succeeded) {
                        continue;
                    }
                    Ruling::succeeded(left).noted(note)
                } else {
                    let part = if undone { "in part only: " } else { "" };
                    let (why, error_type) = (format!("{part}{words}"), ErrorType::Indeterminate);
                    let made = matches!(self.plan.changes[change].action, Action::Create | Action::Replace);
                    self.stuck_words(change, Leftover { why, error_type, left, made }, object)
                };
                self.rule_again(change, Ruling { origin, ..ruling }, now);
            }
        }
    }
}
