//! The verdicts of a run: one for each change, once all operations that carry it have ended.

use super::{ruling::Ruling, stages::is_staged};
use crate::{
    plan::{Action, Plan},
    report::{ErrorType, ReportedChange, Verdict},
};

/// The verdicts so far.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    pub(super) ended: u64,
    /// Failed, skipped, unknown.
    pub(super) bad: u64,
    counts: [u64; Verdict::ALL.len()],
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// Operations that carry the change, and how many of them have not ended.
    carriers: u32,
    open: u32,
    attempts: u32,
    status: Option<u16>,
    /// What each of several operations came to for the change, in the order in which they ended.
    rulings: Vec<(usize, Ruling)>,
    /// The last word.
    verdict: Option<Verdict>,
}

/// What the sendings of an operation add to its changes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) attempts: u32,
    pub(super) status: Option<u16>,
}

impl Ledger {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut entries = vec![Entry::default(); plan.changes.len()];
        for carried in plan.operations.iter().flat_map(|operation| &operation.carries) {
            entries[carried.change].carriers += 1;
            entries[carried.change].open += 1;
        }
        Self { entries, ended: 0, bad: 0, counts: [0; Verdict::ALL.len()] }
    }

    pub(super) fn count(&self, verdict: Verdict) -> u64 {
        self.counts[verdict as usize]
    }

    /// The verdict of a change, as far as it is known.
    pub(super) fn verdict(&self, change: usize) -> Option<Verdict> {
        let entry = &self.entries[change];
        entry.verdict.or_else(|| worst(&entry.rulings).map(|ruling| ruling.verdict))
    }

    /// Whether a change has its verdict.
    pub(super) fn has_verdict(&self, change: usize) -> bool {
        self.entries[change].verdict.is_some()
    }

    /// Whether several operations carry a change: what each of them came to for it is told by itself.
    pub(super) fn is_shared(&self, change: usize) -> bool {
        self.entries[change].carriers > 1
    }

    /// What one operation came to for a change.
    pub(super) fn verdict_by(&self, change: usize, operation: usize) -> Option<Verdict> {
        let entry = &self.entries[change];
        if entry.carriers > 1 {
            let own = entry.rulings.iter().rev().find(|(by, _)| *by == operation);
            own.map(|(_, ruling)| ruling.verdict)
        } else {
            entry.verdict
        }
    }

    /// Takes what operations came to for a change back: it is open again for one of them, whose sendings are counted anew.
    pub(super) fn reopen(&mut self, change: usize, operations: &[usize], sent: Sent) {
        self.retract(change);
        let entry = &mut self.entries[change];
        entry.rulings.retain(|(by, _)| !operations.contains(by));
        entry.attempts = entry.attempts.saturating_sub(sent.attempts);
        entry.open += 1;
    }

    /// Takes the verdict of a change back.
    pub(super) fn retract(&mut self, change: usize) {
        if let Some(verdict) = self.entries[change].verdict.take() {
            self.ended -= 1;
            self.counts[verdict as usize] -= 1;
            self.bad -= u64::from(is_bad(verdict));
        }
    }

    /// Takes in a verdict as the records tell it.
    pub(super) fn told(&mut self, change: usize, verdict: Verdict, status: Option<u16>) {
        self.retract(change);
        self.entries[change].status = status;
        self.put(change, verdict);
    }

    /// Takes in what an operation came to for a change that others carry too, as the records tell it.
    pub(super) fn told_by(&mut self, change: usize, operation: usize, ruling: Ruling) {
        self.entries[change].rulings.push((operation, ruling));
    }

    /// Takes in that an operation has ended for a change, as the records tell it.
    pub(super) fn carried(&mut self, change: usize, sent: Sent) {
        self.hand_over(change, sent);
        let entry = &mut self.entries[change];
        entry.open = entry.open.saturating_sub(1);
    }

    /// The verdicts of the changes that no operation carries, and that have none yet: the plan itself knows them.
    pub(super) fn presets(&mut self, plan: &Plan) -> Vec<(usize, Verdict, Box<ReportedChange>)> {
        let is_alone = |at: &usize| self.entries[*at].carriers == 0 && self.entries[*at].verdict.is_none();
        let alone: Vec<usize> = (0..plan.changes.len()).filter(is_alone).collect();
        alone
            .into_iter()
            .map(|index| {
                let change = &plan.changes[index];
                let ruling = match &change.preset {
                    Some(preset) => Ruling {
                        verdict: preset.verdict,
                        detail: preset.error_detail.clone(),
                        cause: preset.cause.clone(),
                        ..Ruling::failed(preset.error_type, preset.error.clone())
                    },
                    None if change.action == Action::NoOp => Ruling::succeeded(change.object.clone()),
                    None => {
                        let error = "the plan holds no call for this change, which is a bug";
                        Ruling::failed(ErrorType::InternalError, error)
                    }
                };
                let (verdict, report) = self.close(plan, index, ruling);
                (index, verdict, report)
            })
            .collect()
    }

    /// Another operation carries a change on in place of one that carried it.
    pub(super) fn hand_over(&mut self, change: usize, sent: Sent) {
        let entry = &mut self.entries[change];
        entry.attempts += sent.attempts;
        entry.status = sent.status.or(entry.status);
    }

    /// Takes in what an operation came to for a change. The change's verdict, if this was the last operation for it.
    pub(super) fn rule(
        &mut self,
        plan: &Plan,
        change: usize,
        operation: usize,
        ruling: Ruling,
        sent: Sent,
    ) -> Option<(Verdict, Box<ReportedChange>)> {
        self.hand_over(change, sent);
        let entry = &mut self.entries[change];
        entry.open -= 1;
        if entry.carriers <= 1 {
            return Some(self.close(plan, change, ruling));
        }
        entry.rulings.push((operation, ruling));
        if entry.open > 0 {
            return None;
        }
        let ruling = entry.together(is_staged(plan, change, entry.carriers));
        Some(self.close(plan, change, ruling))
    }

    /// Of a change that several operations carry: how one of them did not succeed.
    pub(super) fn failure(&self, change: usize) -> Option<&Ruling> {
        worst(&self.entries[change].rulings).filter(|ruling| ruling.verdict != Verdict::Succeeded)
    }

    /// A later word on a change.
    pub(super) fn rule_again(
        &mut self,
        plan: &Plan,
        change: usize,
        ruling: Ruling,
    ) -> (Verdict, Box<ReportedChange>) {
        self.retract(change);
        self.close(plan, change, ruling)
    }

    fn close(&mut self, plan: &Plan, index: usize, ruling: Ruling) -> (Verdict, Box<ReportedChange>) {
        let change = &plan.changes[index];
        let Ruling { verdict, error, error_type, detail, cause, note, object, origin, duplicates, stuck } =
            ruling;
        self.put(index, verdict);
        let entry = &self.entries[index];
        let id = object.as_ref().and_then(|object| object.get("id")?.as_str().map(str::to_owned));
        let notes: Vec<String> = change.note.iter().cloned().chain(note).collect();
        let report = ReportedChange {
            kind: change.kind.clone(),
            key: change.key.clone(),
            action: change.action,
            verb: change.verb.clone(),
            id: id.or_else(|| change.id.clone()),
            item: change.item.clone(),
            source: change.source.clone(),
            object,
            attempts: Some(entry.attempts),
            status: entry.status,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            origin,
            error,
            error_type,
            error_detail: (!detail.is_empty()).then_some(detail),
            cause,
            duplicates: (!duplicates.is_empty()).then_some(duplicates),
            stuck,
        };
        (verdict, Box::new(report))
    }

    fn put(&mut self, change: usize, verdict: Verdict) {
        self.entries[change].verdict = Some(verdict);
        self.ended += 1;
        self.counts[verdict as usize] += 1;
        self.bad += u64::from(is_bad(verdict));
    }
}

impl Entry {
    /// What all operations together came to for a change that several carry. `staged`: each is a stage of it.
    fn together(&self, staged: bool) -> Ruling {
        let worst = worst(&self.rulings).cloned().unwrap_or_else(|| Ruling::unknown("nothing is known"));
        let applied = self.rulings.iter().filter(|(_, ruling)| ruling.verdict == Verdict::Succeeded).count();
        // A stage that fails leaves those before it as they are, and can be tried again.
        let is_plain = worst.verdict == Verdict::Succeeded || staged && worst.verdict == Verdict::Failed;
        let mut ruling = if is_plain || applied == 0 {
            worst
        } else {
            // Neither as desired nor as it was: only *unknown* does not claim one of both.
            let why = worst.error.unwrap_or_default();
            let carriers = self.carriers;
            Ruling {
                detail: worst.detail,
                ..Ruling::unknown(format!("applied in part ({applied} of {carriers} calls): {why}"))
            }
        };
        if staged {
            // What each stage did counts, however the last one ended.
            let notes: Vec<&str> =
                self.rulings.iter().filter_map(|(_, ruling)| ruling.note.as_deref()).collect();
            ruling.note = (!notes.is_empty()).then(|| notes.join("; "));
        }
        // Of a replace the object that has an origin: it was made, others only changed.
        let shown = || self.rulings.iter().rev().filter(|(_, ruling)| ruling.object.is_some());
        if let Some((_, of)) = shown().find(|(_, of)| of.origin.is_some()).or_else(|| shown().next()) {
            (ruling.object, ruling.origin) = (of.object.clone(), of.origin);
        }
        ruling
    }
}

/// The ruling that counts: of those that weigh alike the last.
fn worst(rulings: &[(usize, Ruling)]) -> Option<&Ruling> {
    rulings.iter().map(|(_, ruling)| ruling).max_by_key(|ruling| weight(ruling.verdict))
}

/// Whether a verdict needs somebody's attention.
const fn is_bad(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Failed | Verdict::Skipped | Verdict::Unknown)
}

/// Which of two verdicts on one change counts.
const fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Succeeded => 0,
        Verdict::Undone => 1,
        Verdict::Unprocessed => 2,
        Verdict::Skipped => 3,
        Verdict::Failed => 4,
        Verdict::Unknown => 5,
    }
}
