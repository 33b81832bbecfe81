//! The last look: at its end a run reads once more the lists of what it made under doubt, before it says that it is done.
//!
//! An attempt that was lost may have been applied later than the settle time, after its call had been sent again; the service
//! may have made two of one; a refused call may have been applied in part, and a list may have been late to show it. What is
//! found too much is reported with its ids, and never picked from.

use super::{
    Halt, Run, applied,
    effect::Reading,
    joint::{as_answer, otherwise},
    ruling,
    settled::{body_of, parent_of},
};
use crate::{
    catalog,
    plan::{Action, Operation},
    record::Record,
    report::{ErrorType, Origin, ReportedChange, Verdict},
};
use connexa_types::{Kind, Mono, Now, Outcome};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is looked at once more.
#[derive(Debug, Default)]
pub(super) struct LastLook {
    lists: BTreeMap<Reading, Doubt>,
}

#[derive(Debug, Default)]
struct Doubt {
    /// Creates of which an attempt was lost, or that were refused with passengers.
    operations: BTreeSet<usize>,
    /// Only a reading that began after that tells: when no lost attempt could come any more, and the last call had ended.
    since: Mono,
}

/// What the last look finds of a change.
struct Surplus {
    change: usize,
    operation: usize,
    verdict: Verdict,
    report: Box<ReportedChange>,
}

impl LastLook {
    /// The run is taken up again: what was sent before may come late until `settled`.
    pub(super) fn taken_up(&mut self, settled: Mono) {
        for doubt in self.lists.values_mut() {
            doubt.since = settled;
        }
    }
}

impl Run {
    /// Notes what an attempt came to, if it is one of a create.
    pub(super) fn note_create(
        &mut self,
        operation: usize,
        subject: &Operation,
        outcome: &Outcome,
        ended_at: Mono,
    ) {
        let lost = matches!(outcome, Outcome::Indeterminate(_));
        let refused = matches!(outcome, Outcome::Rejected(_)) && subject.carries.len() > 1;
        if !subject.call.endpoint.creates() || matches!(outcome, Outcome::NotSent(_) | Outcome::Throttled(_))
        {
            return;
        }
        let Some(what) = Reading::of(subject) else { return };
        let settled = self.tasks[operation].settled_at.filter(|_| lost);
        let doubt = self.last.lists.entry(what).or_default();
        doubt.since = doubt.since.max(settled.unwrap_or(ended_at));
        if lost || refused {
            doubt.operations.insert(operation);
        }
    }

    /// At the end of the run: whether a list is to be read once more before that is said.
    pub(super) fn looks_once_more(&mut self, now: Now) -> bool {
        if self.halt.as_ref().is_some_and(Halt::cuts_settling) {
            return false;
        }
        let lists = std::mem::take(&mut self.last.lists);
        let mut looks = false;
        for (what, doubt) in lists {
            let Some(first) = doubt.operations.first().copied() else { continue };
            let is_read = self.fresh.begun(what).is_some_and(|begun| begun >= doubt.since);
            let due = doubt.since.max(now.mono);
            self.last.lists.insert(what, doubt);
            if is_read {
                // The list that has settled the last of them is as good as another one.
                self.look_once_more(what, now);
                self.last.lists.remove(&what);
            } else {
                self.wait_for_the_last(what, due, first);
                looks = true;
            }
        }
        looks
    }

    /// The list has been read at the end of the run.
    pub(super) fn look_once_more(&mut self, what: Reading, now: Now) {
        let Some(doubt) = self.last.lists.get_mut(&what).map(|doubt| std::mem::take(&mut doubt.operations))
        else {
            return;
        };
        self.know_what_was();
        let mut found = Vec::new();
        // The operation that had the last word on each change.
        let mut carriers: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for operation in 0..self.tasks.len() {
            let subject = self.subject(operation);
            if !subject.call.endpoint.creates() || Reading::of(&subject) != Some(what) {
                continue;
            }
            for (place, carried) in subject.carries.iter().enumerate() {
                carriers.insert(carried.change, (operation, place));
            }
        }
        let mut ids: HashMap<usize, String> = HashMap::new();
        for (change, (operation, place)) in carriers {
            if self.tasks[operation].sent.attempts > 0 {
                let is_doubtful = doubt.contains(&operation);
                found.extend(self.surplus(what, change, operation, place, is_doubtful, &mut ids));
            }
        }
        for surplus in found {
            self.amend(surplus, now);
        }
    }

    /// The list cannot be read: what was made is there, but nobody looked whether it is there twice.
    pub(super) fn cannot_look_once_more(&mut self, what: Reading, words: &str, now: Now) {
        let Some(doubt) = self.last.lists.remove(&what) else { return };
        for operation in doubt.operations {
            let Some(carried) = self.subject(operation).carries.first().map(|carried| carried.change) else {
                continue;
            };
            if let Some((Verdict::Succeeded, report)) = self.fold.change(carried) {
                let note = format!(
                    "an answer was lost; whether the service made it twice is not known, since {} cannot be read: {words}",
                    what.words()
                );
                let note = report.note.as_ref().map_or(note.clone(), |known| format!("{known}; {note}"));
                let report = Box::new(ReportedChange { note: Some(note), ..ReportedChange::clone(report) });
                let (change, verdict) = (carried, Verdict::Succeeded);
                self.amend(Surplus { change, operation, verdict, report }, now);
            }
        }
    }

    /// Takes in another verdict on a change that had one.
    fn amend(&mut self, surplus: Surplus, now: Now) {
        let Surplus { change, operation, verdict, report } = surplus;
        self.ledger.told(change, verdict, report.status);
        self.record(Record::ChangeEnded { change, verdict, report, at: now.wall });
        let subject = self.subject(operation);
        let is_principal = subject.carries.first().is_some_and(|carried| carried.change == change);
        if is_principal && self.tasks[operation].verdict != Some(verdict) {
            self.tasks[operation].verdict = Some(verdict);
            let operation = subject.id.clone();
            self.record(Record::OperationEnded {
                operation,
                verdict,
                open: Vec::new(),
                unsettled: false,
                at: now.wall,
            });
        }
    }

    /// The id of an object that a change made, as it is known or has just been found.
    fn id_of(&self, change: usize, found: &HashMap<usize, String>) -> Option<String> {
        let known = self.fold.change(change).filter(|(verdict, _)| *verdict == Verdict::Succeeded);
        known.and_then(|(_, report)| report.id.clone()).or_else(|| found.get(&change).cloned())
    }

    /// What the list shows of a change beside what is known of it.
    fn surplus(
        &self,
        what: Reading,
        change: usize,
        operation: usize,
        place: usize,
        is_doubtful: bool,
        ids: &mut HashMap<usize, String>,
    ) -> Option<Surplus> {
        let kind: Kind = self.plan.changes[change].kind.parse().ok()?;
        if !catalog::is_listed(kind) {
            return None;
        }
        let (verdict, report) = self.fold.change(change)?;
        let subject = self.subject(operation);
        let call = self.tasks[operation].call.as_deref()?;
        let sent = subject.carries[place].at.get(body_of(call)?)?;
        let parent = match place {
            0 => parent_of(kind, call).map(str::to_owned),
            _ => Some(self.id_of(subject.carries[0].change, ids)?),
        };
        let mut strangers = self.strangers(kind, parent.as_deref(), Some(sent));
        // What is named is no stranger, whichever call made it; and what took a delete back is there, and is to be.
        let is_restored = *verdict == Verdict::Undone && self.plan.changes[change].action == Action::Delete;
        if let Some(own) = report.id.as_deref().filter(|_| is_restored || *verdict == Verdict::Succeeded) {
            strangers.retain(|live| live.id.as_str() != own);
        }
        let all: Vec<String> = strangers.iter().map(|live| live.id.to_string()).collect();
        let list = what.words();
        let of_run = matches!(verdict, Verdict::Succeeded | Verdict::Undone);
        let in_doubt = is_doubtful
            && report.duplicates.is_none()
            && match verdict {
                Verdict::Failed => true,
                Verdict::Unknown => report.error_type == Some(ErrorType::Indeterminate),
                _ => false,
            };
        let unknown = |error_type, error: String, ids: Option<Vec<String>>| Surplus {
            change,
            operation,
            verdict: Verdict::Unknown,
            report: Box::new(ReportedChange {
                error: Some(error),
                error_type: Some(error_type),
                error_detail: None,
                cause: None,
                duplicates: ids,
                ..ReportedChange::clone(report)
            }),
        };
        match strangers[..] {
            [] => None,
            [..] if of_run => {
                let own = report.id.clone().filter(|_| *verdict == Verdict::Succeeded || is_restored);
                let ids: Vec<String> = own.into_iter().chain(all).collect();
                let error = format!(
                    "the service holds it more than once: at the end of the run {list} shows {} objects with this key",
                    ids.len()
                );
                Some(unknown(ErrorType::Indeterminate, error, Some(ids)))
            }
            [live] if in_doubt => {
                let before = report.error.clone().unwrap_or_default();
                let seen =
                    format!("{before}; yet at the end of the run {list} shows an object with this key");
                let answer = as_answer(self.fresh.state(), live);
                let sight = applied::look_in_list(&self.plan, &subject, call, &answer);
                let other = if place == 0 {
                    otherwise(&self.plan, &sight)
                } else {
                    let names = applied::differing_from(kind, sent, &live.object);
                    (!names.is_empty()).then(|| format!("it differs in {}", ruling::quoted(&names)))
                };
                if let Some(why) = other {
                    let error = format!("{seen} (id {}) that is not as it was sent: {why}", live.id);
                    return Some(unknown(ErrorType::Conflict, error, None));
                }
                ids.insert(change, live.id.to_string());
                let note = format!(
                    "adopted: found in {list} at the end of the run, after its call had been taken for not applied"
                );
                let note = report.note.as_ref().map_or(note.clone(), |known| format!("{known}; {note}"));
                Some(Surplus {
                    change,
                    operation,
                    verdict: Verdict::Succeeded,
                    report: Box::new(ReportedChange {
                        id: Some(live.id.to_string()),
                        object: Some(live.object.clone()),
                        note: Some(note),
                        origin: Some(Origin::Inferred),
                        error: None,
                        error_type: None,
                        error_detail: None,
                        cause: None,
                        ..ReportedChange::clone(report)
                    }),
                })
            }
            [..] if in_doubt => {
                let before = report.error.clone().unwrap_or_default();
                let error = format!(
                    "{before}; yet at the end of the run {list} shows {} objects with this key",
                    all.len()
                );
                Some(unknown(ErrorType::Indeterminate, error, Some(all)))
            }
            [..] => None,
        }
    }
}
