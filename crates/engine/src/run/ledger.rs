//! The verdicts of a run: one for each change, once all operations that carry it have ended.

use super::ruling::Ruling;
use crate::{
    plan::{Action, Plan},
    report::{ErrorType, Origin, ReportedChange, Verdict},
    shared_json::SharedJson,
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
    applied: u32,
    attempts: u32,
    status: Option<u16>,
    /// The worst ruling so far, while operations are open.
    ruling: Option<Ruling>,
    /// The object as the operations showed it: of a replace the new one.
    object: Option<(SharedJson, Option<Origin>)>,
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
        entry.verdict.or_else(|| Some(entry.ruling.as_ref()?.verdict))
    }

    /// Whether operations beside the one that ends now carry a change, and have not ended.
    pub(super) fn is_carried_on(&self, change: usize) -> bool {
        self.entries[change].open > 1
    }

    /// Takes a verdict back: the change is open again for one operation.
    pub(super) fn reopen(&mut self, change: usize) {
        let entry = &mut self.entries[change];
        entry.open += 1;
        if let Some(verdict) = entry.verdict.take() {
            self.ended -= 1;
            self.counts[verdict as usize] -= 1;
            self.bad -= u64::from(is_bad(verdict));
        }
    }

    /// The verdicts of the changes that no operation carries: the plan itself knows them.
    pub(super) fn presets(&mut self, plan: &Plan) -> Vec<(usize, Verdict, Box<ReportedChange>)> {
        let alone: Vec<usize> =
            (0..plan.changes.len()).filter(|at| self.entries[*at].carriers == 0).collect();
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
        ruling: Ruling,
        sent: Sent,
    ) -> Option<(Verdict, Box<ReportedChange>)> {
        let entry = &mut self.entries[change];
        entry.attempts += sent.attempts;
        entry.status = sent.status.or(entry.status);
        entry.open -= 1;
        entry.applied += u32::from(ruling.verdict == Verdict::Succeeded);
        if let Some(object) = &ruling.object {
            // Of a replace that which has an origin: it was made, others only changed.
            if ruling.origin.is_some() || entry.object.as_ref().is_none_or(|(_, origin)| origin.is_none()) {
                entry.object = Some((object.clone(), ruling.origin));
            }
        }
        let before = entry.ruling.take();
        let worst = match before {
            Some(before) if weight(before.verdict) > weight(ruling.verdict) => before,
            _ => ruling,
        };
        if entry.open > 0 {
            entry.ruling = Some(worst);
            return None;
        }
        let done = worst.verdict == Verdict::Succeeded || entry.applied == 0;
        let ruling = if done {
            worst
        } else {
            // Neither as desired nor as it was: only *unknown* does not claim one of both.
            let why = worst.error.unwrap_or_default();
            let (applied, carriers) = (entry.applied, entry.carriers);
            Ruling {
                detail: worst.detail,
                ..Ruling::unknown(format!("applied in part ({applied} of {carriers} calls): {why}"))
            }
        };
        Some(self.close(plan, change, ruling))
    }

    fn close(&mut self, plan: &Plan, index: usize, ruling: Ruling) -> (Verdict, Box<ReportedChange>) {
        let change = &plan.changes[index];
        let entry = &mut self.entries[index];
        let Ruling { verdict, error, error_type, detail, cause, note, object, origin, duplicates } = ruling;
        let (object, origin) =
            entry.object.take().map_or((object, origin), |(object, origin)| (Some(object), origin));
        entry.verdict = Some(verdict);
        self.ended += 1;
        self.counts[verdict as usize] += 1;
        self.bad += u64::from(is_bad(verdict));
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
        };
        (verdict, Box::new(report))
    }
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
