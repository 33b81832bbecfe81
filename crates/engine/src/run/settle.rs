//! Settling: an attempt without a whole answer is looked for, once the service can no longer apply it (design: run).
//!
//! Until the settle time has passed, such an attempt may still be applied, and lists may not show that it was: what is
//! found earlier may be another's, with ours still on its way. So its operation keeps its object to itself and those that
//! need it wait, while all else goes on. Then one list settles all that are due: what it says of each is in `settled`.
//!
//! Operations taken up from a journal whose end may be missing go the same way before they are sent.

use super::{
    Halt, Outs, Run, Target,
    effect::{self, LostAnswer, Reading},
    reading::{Waiter, Wish},
    ruling::Ruling,
    starting::later,
};
use crate::{
    machine::{Output, TimerId},
    plan::Operation,
    record::{Record, SettleWait},
};
use connexa_types::{Mono, Now};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What waits for its settle time.
#[derive(Debug, Default)]
pub(super) struct Settling {
    /// Who waits for each reading, by when the list may be believed about them.
    waiting: BTreeMap<Reading, BTreeSet<(Mono, Asker)>>,
    /// Objects that nothing may be written to yet, although their operation has ended: an attempt of it may come late.
    held: BTreeSet<(Mono, Target)>,
    /// The timer that goes off next, and when.
    timer: Option<(TimerId, Mono)>,
}

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asker {
    Operation(usize),
    /// The end of the run, for the sake of an operation.
    End(usize),
}

impl Asker {
    const fn waiter(self) -> Waiter {
        match self {
            Self::Operation(operation) => Waiter { operation, why: Wish::Settle },
            Self::End(operation) => Waiter { operation, why: Wish::Last },
        }
    }
}

impl Settling {
    /// When a reading begins: once the last of those who wait for it is due, so that one list does for all; but no one
    /// waits for others longer than the settle time.
    fn begins(waiting: &BTreeSet<(Mono, Asker)>, settle: Duration) -> Option<Mono> {
        let ((first, _), (last, _)) = (waiting.first()?, waiting.last()?);
        Some((*last).min(*first + settle))
    }

    /// Takes those who are due at `now` out of the line of a reading.
    fn due(&mut self, what: Reading, now: Mono) -> Vec<Asker> {
        let mut due = Vec::new();
        if let Some(waiting) = self.waiting.get_mut(&what) {
            while let Some((_, asker)) = waiting.pop_first_if(|(at, _)| *at <= now) {
                due.push(asker);
            }
            if waiting.is_empty() {
                self.waiting.remove(&what);
            }
        }
        due
    }

    /// Whether an operation waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Objects that are held.
    pub(super) fn held(&self) -> impl Iterator<Item = &Target> {
        self.held.iter().map(|(_, target)| target)
    }
}

/// Takes the first element out of a set, if it is as wanted.
trait PopFirstIf<T> {
    fn pop_first_if(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T>;
}

impl<T: Ord> PopFirstIf<T> for BTreeSet<T> {
    fn pop_first_if(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        if wanted(self.first()?) { self.pop_first() } else { None }
    }
}

impl Run {
    /// An operation of which it is not known whether it was applied waits for the list that tells.
    pub(super) fn settle(&mut self, operation: usize, what: Reading, now: Now) {
        if self.halt.as_ref().is_some_and(Halt::cuts_settling) {
            return self.cut(operation, now);
        }
        let due = self.tasks[operation].settled_at.unwrap_or(now.mono);
        self.record(Record::OperationUnsettled {
            operation: self.subject(operation).id.clone(),
            until: later(now.wall, due.saturating_since(now.mono)),
            at: now.wall,
        });
        self.wait_for(what, due, Asker::Operation(operation));
    }

    fn wait_for(&mut self, what: Reading, due: Mono, asker: Asker) {
        self.settling.waiting.entry(what).or_default().insert((due, asker));
    }

    /// Reads a list once more at the end of the run, as soon as it can be believed.
    pub(super) fn wait_for_the_last(&mut self, what: Reading, due: Mono, operation: usize) {
        self.wait_for(what, due, Asker::End(operation));
    }

    /// Keeps an object from being written to until an attempt that is lost cannot come late any more. Returns whether
    /// that is so far.
    pub(super) fn hold(&mut self, operation: usize, now: Mono) -> bool {
        let task = &mut self.tasks[operation];
        match (task.settled_at.filter(|until| *until > now), &task.target) {
            (Some(until), Some(_)) => {
                self.settling.held.extend(task.target.take().map(|target| (until, target)));
                true
            }
            _ => false,
        }
    }

    /// Begins the readings whose time has come, lets go of what was held long enough, and sees to it that the run is called
    /// back for the next. Returns whether a reading began.
    pub(super) fn settle_due(&mut self, now: Now, out: &mut Outs) -> bool {
        while let Some((_, target)) = self.settling.held.pop_first_if(|(until, _)| *until <= now.mono) {
            self.let_go(&target);
        }
        let settle = self.options.settle;
        let begins = |waiting: &_| Settling::begins(waiting, settle);
        let waiting = &self.settling.waiting;
        let begin: Vec<Reading> = waiting
            .iter()
            .filter(|(_, waiting)| begins(waiting).is_some_and(|at| at <= now.mono))
            .map(|(what, _)| *what)
            .collect();
        for what in &begin {
            let what = *what;
            for asker in self.settling.due(what, now.mono) {
                self.look_up(what, asker.waiter(), now);
            }
        }
        let held = self.settling.held.first().map(|(until, _)| *until);
        let next = self.settling.waiting.values().filter_map(begins).chain(held).min();
        if let Some(next) = next
            && self.settling.timer.is_none_or(|(_, at)| at > next)
        {
            let timer = TimerId(self.number());
            self.settling.timer = Some((timer, next));
            out.push(Output::Wake(timer, next));
        }
        !begin.is_empty()
    }

    /// Whether a timer is the one for what waits for its settle time.
    pub(super) fn is_settle_timer(&mut self, timer: TimerId) -> bool {
        self.settling.timer.take_if(|(next, _)| *next == timer).is_some()
    }

    /// A reading begins: all who are due have a part in it.
    pub(super) fn join(&mut self, what: Reading, now: Mono) -> Vec<Waiter> {
        self.settling.due(what, now).into_iter().map(Asker::waiter).collect()
    }

    /// Whether an operation may be sent as far as its past goes: what was taken up from a journal may have been sent before.
    /// Else it has ended, or waits for a list.
    pub(super) fn is_proven(&mut self, operation: usize, subject: &Operation, now: Now) -> bool {
        let task = &self.tasks[operation];
        if !task.unproven {
            return true;
        }
        let (losses, due) = (task.losses, task.settled_at);
        match (effect::row(subject), Reading::of(subject)) {
            (LostAnswer::Read(_) | LostAnswer::Settle, Some(what)) => {
                // Whatever was sent before had been applied by then, and showed, or never will: once read after that, a
                // list tells for good. Readings of earlier processes are none.
                let is_read = self.fresh.begun(what).is_some_and(|begun| due.is_none_or(|due| begun >= due));
                if is_read {
                    self.find_out(operation, what, now);
                } else {
                    self.wait_for(what, due.unwrap_or(now.mono), Asker::Operation(operation));
                }
                false
            }
            (row, _) => {
                let sent = task.lost.is_some();
                let may_be_sent = match row {
                    LostAnswer::Resend => true,
                    LostAnswer::ResendOnce => losses < 2,
                    LostAnswer::Never | LostAnswer::Read(_) | LostAnswer::Settle => !sent,
                };
                if may_be_sent && !(sent && self.is_held(operation)) {
                    self.tasks[operation].unproven = false;
                    return true;
                }
                let lost = task.lost.clone().unwrap_or_default();
                let later = if may_be_sent { "; `resume` sends it again" } else { "" };
                self.end_all(operation, &Ruling::unknown(format!("{lost}{later}")), now);
                false
            }
        }
    }

    /// Nobody waits for settle times any more.
    pub(super) fn cut_settling(&mut self, now: Now, out: &mut Outs) {
        let waiting = std::mem::take(&mut self.settling.waiting);
        let mut operations: Vec<usize> = waiting
            .into_values()
            .flatten()
            .filter_map(|(_, asker)| match asker {
                Asker::Operation(operation) => Some(operation),
                Asker::End(_) => None,
            })
            .collect();
        // A list that is on its way is waited for like every other call.
        operations.extend(self.forget(
            |look_up, waiter| look_up.begun.is_none() && matches!(waiter.why, Wish::Settle | Wish::Last),
            now,
            out,
        ));
        operations.sort_unstable();
        operations.dedup();
        for operation in operations {
            if !self.tasks[operation].ended {
                self.cut(operation, now);
            }
        }
    }

    /// An operation is not looked for any more; if it was never sent, it is left for the end.
    fn cut(&mut self, operation: usize, now: Now) {
        if let Some(lost) = self.tasks[operation].lost.clone() {
            let reason = self.halt.as_ref().map(Halt::reason).unwrap_or_default();
            let error = format!("{lost}; not looked for: {reason}; `resume` settles it");
            self.end_all(operation, &Ruling::unknown(error), now);
        }
    }

    /// How long everything waits for a settle time.
    pub(super) fn settle_wait(&self, now: Mono) -> Option<SettleWait> {
        let waiting = &self.settling.waiting;
        let next = waiting.values().filter_map(|line| Settling::begins(line, self.options.settle)).min()?;
        let left = next.saturating_since(now);
        Some(SettleWait {
            left: Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)),
            calls: waiting.values().map(|line| line.len() as u64).sum(),
        })
    }
}
