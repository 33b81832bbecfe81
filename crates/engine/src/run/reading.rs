//! Lists read in the middle of a run: one reading for all operations that wait for what it shows.
//!
//! What a reading means for each of them is decided in `joint`, `drift`, `settled` and `last`; here is only how it is had.

use super::{
    Halt, Job, Outs, Page, Run,
    effect::{self, Reading},
    refusal,
    ruling::{self, Ruling},
};
use crate::{
    plan::OperationId,
    read::pages::{PageId, Pages, Progress},
    report::ErrorType,
    retry::Cause,
};
use connexa_types::{Answer, Call, Mono, Now, Outcome, Rejection};
use std::{collections::BTreeSet, sync::Arc};

/// A reading on its way.
#[derive(Debug)]
pub(super) struct LookUp {
    /// Counts the readings of the run.
    number: u64,
    /// Pages of a list; `None` for a setting, which is one call.
    pages: Option<Pages>,
    /// The ids that a second pass must show, where one is not enough.
    confirm: Option<BTreeSet<String>>,
    /// Who waits for it. They began to before the reading did.
    pub(super) waiters: Vec<Waiter>,
    /// Came after the reading had begun: they need one of their own, right after it.
    next: Vec<Waiter>,
    /// When its first call went out, if it has.
    pub(super) begun: Option<Mono>,
}

/// An operation that waits for a reading.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) operation: usize,
    pub(super) why: Wish,
}

/// What an operation wants to know.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// What its refused joint create left behind.
    Leftovers(Rejection),
    /// Whether the children that its 2xx did not show are there. What it did show is ruled on already.
    Missing { parent: String, rulings: Vec<(usize, Ruling)>, missing: Vec<usize> },
    /// Whether what it rests on is still so; it has not been sent.
    Base,
    /// Whether its call has done what it was to do: an attempt of it was lost, or may have been.
    Settle,
    /// Whether the service holds anything twice of what was made of the kind: asked once, at the end of the run.
    Last,
    /// Whether its object is shown as it is to become.
    Shown,
}

impl LookUp {
    fn new(number: u64, what: Reading, waiter: Waiter) -> Self {
        let pages = match what {
            Reading::List(_) => Some(Pages::new(what.endpoint())),
            Reading::Setting(_) => None,
        };
        Self { number, pages, confirm: None, waiters: vec![waiter], next: Vec::new(), begun: None }
    }

    /// The operations that wait for it.
    pub(super) fn operations(&self) -> impl Iterator<Item = usize> {
        self.waiters.iter().map(|waiter| waiter.operation)
    }
}

impl Run {
    /// Reads something for an operation.
    pub(super) fn look_up(&mut self, what: Reading, waiter: Waiter, now: Now) {
        if self.sends_nothing() {
            let words = self.halt_words();
            return self.unread(what, waiter, &Ruling::unknown(words), now);
        }
        match self.look_ups.get_mut(&what) {
            Some(look_up) if look_up.begun.is_some() => look_up.next.push(waiter),
            Some(look_up) => look_up.waiters.push(waiter),
            None => {
                let number = self.number();
                self.look_ups.insert(what, LookUp::new(number, what, waiter));
                self.ask_for_pages(what);
            }
        }
    }

    fn ask_for_pages(&mut self, what: Reading) {
        let Some(look_up) = self.look_ups.get_mut(&what) else { return };
        let number = look_up.number;
        let mut push = |id: PageId, call: Call| {
            self.pages.push_back(Page { what, look_up: number, id, call: Arc::new(call), attempts: 0 });
        };
        match &mut look_up.pages {
            Some(pages) => {
                while let Some((id, call)) = pages.next_call() {
                    push(id, call);
                }
            }
            None => push(PageId::default(), Call::new(what.endpoint())),
        }
    }

    /// Asks no more for the pages of a reading that have not been sent.
    fn drop_pages(&mut self, what: Reading, now: Now, out: &mut Outs) {
        self.pages.retain(|page| page.what != what);
        self.backing_off.retain(|_, job| !matches!(job, Job::Page(page) if page.what == what));
        self.give_up(now, out, |job| matches!(job, Job::Page(page) if page.what == what));
    }

    /// Takes in the answer to a call of a reading.
    pub(super) fn looked(&mut self, mut page: Page, outcome: Outcome, now: Now, out: &mut Outs) {
        page.attempts += 1;
        let what = page.what;
        if self.look_ups.get(&what).is_none_or(|look_up| look_up.number != page.look_up) {
            // It has ended meanwhile.
            return;
        }
        let failed = |error_type, why: &str| Ruling::failed(error_type, why);
        match outcome {
            Outcome::Applied(answer) => self.page_read(&page, answer, now, out),
            Outcome::Throttled(hint) => self.again(Job::Page(page), Cause::Throttled, hint, now, out, |_| {
                failed(ErrorType::RateLimited, "reading it was throttled each time")
            }),
            Outcome::NotSent(why) => self.again(Job::Page(page), Cause::Failure, None, now, out, |_| {
                failed(ErrorType::NetworkError, &ruling::words(&why))
            }),
            Outcome::Indeterminate(why) => {
                self.again(Job::Page(page), Cause::Failure, None, now, out, |_| {
                    failed(ErrorType::ServerError, &ruling::words(&why))
                });
            }
            Outcome::Rejected(rejection) => {
                let why = failed(refusal::error_type(&rejection), &refusal::summary(&rejection));
                self.end_look_up(what, &why, now, out);
            }
            Outcome::Unauthorized => {
                self.halt(Halt::Unauthorized, now, out);
                let why = failed(ErrorType::Unauthorized, "the service refused the credentials");
                self.end_look_up(what, &why, now, out);
            }
        }
    }

    fn page_read(&mut self, page: &Page, answer: Answer, now: Now, out: &mut Outs) {
        let what = page.what;
        let silent = self.sends_nothing();
        let Some(look_up) = self.look_ups.get_mut(&what) else { return };
        let odd = |why: &str| Ruling::failed(ErrorType::ServerError, why);
        let Some(pages) = &mut look_up.pages else {
            let begun = look_up.begun.unwrap_or(now.mono);
            if let Reading::Setting(path) = what {
                self.fresh.put_setting(path, effect::value(answer.body), begun, now.mono);
            }
            return self.whole(what, now);
        };
        match pages.take(page.id, answer) {
            Progress::More | Progress::Restarted if silent => {
                let words = self.halt_words();
                self.end_look_up(what, &Ruling::unknown(words), now, out);
            }
            Progress::More => self.ask_for_pages(what),
            Progress::Restarted => {
                self.drop_pages(what, now, out);
                self.ask_for_pages(what);
            }
            Progress::Whole => {
                // Absence counts only if the list stood still: one page, or two passes with equal ids.
                let ids: BTreeSet<String> = pages.ids().map(str::to_owned).collect();
                if pages.count() > 1 && look_up.confirm.as_ref() != Some(&ids) && !silent {
                    look_up.confirm = Some(ids);
                    if pages.restart() == Progress::Restarted {
                        return self.ask_for_pages(what);
                    }
                    return self.end_look_up(what, &odd("it changed each time it was read"), now, out);
                }
                self.list_read(what, now, out);
            }
            Progress::NeverStill => {
                self.end_look_up(what, &odd("it changed each time it was read"), now, out);
            }
            Progress::NoPage => {
                self.end_look_up(what, &odd("it was answered with something else"), now, out);
            }
        }
    }

    /// A list is whole: it takes the place of what was known.
    fn list_read(&mut self, what: Reading, now: Now, out: &mut Outs) {
        let Some(look_up) = self.look_ups.get_mut(&what) else { return };
        let begun = look_up.begun.unwrap_or(now.mono);
        let (Some(pages), Reading::List(kind)) = (look_up.pages.take(), what) else { return };
        let (elements, count) = pages.into_elements();
        match self.fresh.state_mut().put_list(kind, elements, count, true) {
            Ok(()) => {
                self.fresh.read(what, begun, now.mono);
                self.whole(what, now);
            }
            Err(odd) => {
                let why = Ruling::failed(ErrorType::ServerError, odd.to_string());
                self.end_look_up(what, &why, now, out);
            }
        }
    }

    /// All is read: each that waits for it learns what it wanted to know.
    fn whole(&mut self, what: Reading, now: Now) {
        let Some(look_up) = self.look_ups.remove(&what) else { return };
        for Waiter { operation, why } in look_up.waiters {
            match why {
                Wish::Leftovers(rejection) => self.leftovers(operation, &rejection, now),
                Wish::Missing { parent, rulings, missing } => {
                    self.missing(operation, &parent, rulings, &missing, now);
                }
                Wish::Base if self.tasks[operation].ended => {}
                Wish::Base => {
                    let task = &mut self.tasks[operation];
                    task.reads_open -= 1;
                    if task.reads_open == 0 {
                        task.just_read = true;
                        self.graph.put_back(operation);
                    }
                }
                Wish::Settle => self.find_out(operation, what, now),
                Wish::Last => self.look_once_more(what, now),
                Wish::Shown => self.look_at(operation, now),
            }
        }
        for waiter in look_up.next {
            self.look_up(what, waiter, now);
        }
    }

    /// It cannot be read. `why` says it in its error.
    pub(super) fn end_look_up(&mut self, what: Reading, why: &Ruling, now: Now, out: &mut Outs) {
        let Some(look_up) = self.look_ups.remove(&what) else { return };
        self.drop_pages(what, now, out);
        for waiter in look_up.waiters.into_iter().chain(look_up.next) {
            self.unread(what, waiter, why, now);
        }
    }

    /// What an operation wanted to know cannot be had.
    fn unread(&mut self, what: Reading, waiter: Waiter, why: &Ruling, now: Now) {
        let Waiter { operation, why: wish } = waiter;
        let words = why.error.as_deref().unwrap_or_default();
        match wish {
            Wish::Leftovers(rejection) => {
                let refusal = refusal::summary(&rejection);
                let error = format!("{refusal}; whether it was applied in part is not known: {words}");
                self.end_all(operation, &Ruling::unknown(error), now);
            }
            Wish::Missing { mut rulings, missing, .. } => {
                let error = format!(
                    "it was sent with its parent, which was applied, but the service did not return it, and {} cannot be read: {words}",
                    what.words()
                );
                rulings.extend(missing.iter().map(|change| (*change, Ruling::unknown(error.clone()))));
                self.end(operation, rulings, now);
            }
            Wish::Base if self.tasks[operation].ended => {}
            Wish::Base => {
                let error = format!(
                    "not sent: {} had to be read again before the call, and could not be: {words}",
                    what.words()
                );
                let ruling = match why.error_type {
                    Some(error_type) if !self.sends_nothing() => Ruling::failed(error_type, error),
                    _ => Ruling::unprocessed(error, None),
                };
                self.end_all(operation, &ruling, now);
            }
            Wish::Settle => self.cannot_find_out(operation, what, why, now),
            Wish::Last => self.cannot_look_once_more(what, words, now),
            Wish::Shown => self.not_seen(operation, words, now),
        }
    }

    /// Takes those whose wish is not worth a reading any more out of all readings; the operations that they were.
    pub(super) fn forget(
        &mut self,
        is_forgotten: impl Fn(&LookUp, &Waiter) -> bool,
        now: Now,
        out: &mut Outs,
    ) -> Vec<usize> {
        let mut forgotten = Vec::new();
        let whats: Vec<Reading> = self.look_ups.keys().copied().collect();
        for what in whats {
            let Some(look_up) = self.look_ups.get_mut(&what) else { continue };
            for next in [false, true] {
                let list = if next { &mut look_up.next } else { &mut look_up.waiters };
                let (gone, kept): (Vec<_>, Vec<_>) =
                    std::mem::take(list).into_iter().partition(|waiter| is_forgotten(look_up, waiter));
                forgotten.extend(gone.into_iter().map(|waiter| waiter.operation));
                if next {
                    look_up.next = kept;
                } else {
                    look_up.waiters = kept;
                }
            }
            if look_up.waiters.is_empty() && look_up.next.is_empty() {
                self.look_ups.remove(&what);
                self.drop_pages(what, now, out);
            }
        }
        forgotten
    }

    /// The operations that a reading is for.
    pub(super) fn read_for(&self, what: Reading) -> Vec<OperationId> {
        let look_up = self.look_ups.get(&what);
        look_up.into_iter().flat_map(LookUp::operations).map(|op| self.subject(op).id.clone()).collect()
    }
}
