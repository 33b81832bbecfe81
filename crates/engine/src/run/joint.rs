//! What a rejected joint create left behind: one look at the list of its kind for all that wait for it.

use super::{Halt, Job, Outs, Page, Run, refusal, ruling, ruling::Ruling};
use crate::{
    catalog::{self, Definition},
    plan::Operation,
    read::pages::{Element, Pages, Progress},
    retry::Cause,
};
use connexa_types::{Call, CallBody, Kind, Now, Outcome, Rejection};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// A look at the list of one kind.
#[derive(Debug)]
pub(super) struct LookUp {
    /// Counts the look-ups of the run.
    number: u64,
    pages: Pages,
    /// The operations whose parents are looked for. They were rejected before the look began.
    pub(super) operations: Vec<(usize, Rejection)>,
    /// Rejected after the look began: they need one of their own, right after it.
    next: Vec<(usize, Rejection)>,
    /// Whether its first call is on its way.
    pub(super) begun: bool,
}

impl LookUp {
    /// A look for one operation, others may join; `None` for a kind whose list is not known.
    fn new(number: u64, kind: Kind, operation: usize, rejection: Rejection) -> Option<Self> {
        let list = catalog::is_listed(kind).then(|| catalog::definition(kind).calls().list)?;
        let operations = vec![(operation, rejection)];
        Some(Self { number, pages: Pages::new(list), operations, next: Vec::new(), begun: false })
    }

    /// Adds an operation: to this look if it has not begun.
    fn join(&mut self, operation: usize, rejection: Rejection) {
        if self.begun {
            self.next.push((operation, rejection));
        } else {
            self.operations.push((operation, rejection));
        }
    }
}

impl Run {
    /// Looks for what a rejected joint create left behind.
    pub(super) fn look_up(&mut self, operation: usize, rejection: Rejection, now: Now) {
        let kind = self.plan.operations[operation].kind;
        if self.sends_nothing() {
            let ruling = not_looked(&rejection, &self.halt_words());
            self.end_all(operation, &ruling, now);
        } else if let Some(look_up) = self.look_ups.get_mut(&kind) {
            look_up.join(operation, rejection);
        } else if let Some(look_up) = LookUp::new(self.number(), kind, operation, rejection.clone()) {
            self.look_ups.insert(kind, look_up);
            self.ask_for_pages(kind);
        } else {
            let ruling = not_looked(&rejection, "this version cannot list the kind");
            self.end_all(operation, &ruling, now);
        }
    }

    fn ask_for_pages(&mut self, kind: Kind) {
        let Some(look_up) = self.look_ups.get_mut(&kind) else { return };
        while let Some((id, call)) = look_up.pages.next_call() {
            let look_up = look_up.number;
            self.pages.push_back(Page { kind, look_up, id, call: Arc::new(call), attempts: 0 });
        }
    }

    /// Asks no more for the pages of a kind that have not been sent.
    fn drop_pages(&mut self, kind: Kind, now: Now, out: &mut Outs) {
        self.pages.retain(|page| page.kind != kind);
        self.backing_off.retain(|_, job| !matches!(job, Job::Page(page) if page.kind == kind));
        self.give_up(now, out, |job| matches!(job, Job::Page(page) if page.kind == kind));
    }

    /// Takes in the answer to a page of a look-up.
    pub(super) fn looked(&mut self, mut page: Page, outcome: Outcome, now: Now, out: &mut Outs) {
        page.attempts += 1;
        let kind = page.kind;
        let Some(look_up) = self.look_ups.get_mut(&kind).filter(|look_up| look_up.number == page.look_up)
        else {
            // It has ended meanwhile.
            return;
        };
        let unknown = |why: &str| Ruling::unknown(why);
        match outcome {
            Outcome::Applied(answer) => match look_up.pages.take(page.id, answer) {
                Progress::More | Progress::Restarted if self.sends_nothing() => {
                    self.end_look_up(kind, &unknown(&self.halt_words()), now, out);
                }
                Progress::More => self.ask_for_pages(kind),
                Progress::Restarted => {
                    self.drop_pages(kind, now, out);
                    self.ask_for_pages(kind);
                }
                Progress::Whole => self.whole(kind, now),
                Progress::NeverStill => {
                    self.end_look_up(kind, &unknown("the list changed each time it was read"), now, out);
                }
                Progress::NoPage => {
                    self.end_look_up(kind, &unknown("the list was answered with something else"), now, out);
                }
            },
            Outcome::Throttled(hint) => self.again(Job::Page(page), Cause::Throttled, hint, now, out, |_| {
                unknown("reading the list was throttled each time")
            }),
            Outcome::NotSent(why) | Outcome::Indeterminate(why) => {
                self.again(Job::Page(page), Cause::Failure, None, now, out, |_| {
                    unknown(&ruling::words(&why))
                });
            }
            Outcome::Rejected(rejection) => {
                self.end_look_up(kind, &unknown(&refusal::summary(&rejection)), now, out);
            }
            Outcome::Unauthorized => {
                self.halt(Halt::Unauthorized, now, out);
                self.end_look_up(kind, &unknown("the service refused the credentials"), now, out);
            }
        }
    }

    /// The list is whole: it says what each rejected call left behind.
    fn whole(&mut self, kind: Kind, now: Now) {
        let Some(look_up) = self.look_ups.remove(&kind) else { return };
        let ids_by_key = ids_by_key(catalog::definition(kind), look_up.pages.into_elements().0);
        let plan = Arc::clone(&self.plan);
        for (operation, rejection) in look_up.operations {
            let subject = &plan.operations[operation];
            let key = self.tasks[operation].call.as_deref().and_then(|call| key_of(subject, call));
            let ids = key.and_then(|key| ids_by_key.get(&key)).map_or(&[][..], Vec::as_slice);
            if ids.is_empty() {
                let rulings = refusal::refused(&plan, subject, &rejection);
                self.end(operation, rulings, now);
            } else {
                let error = format!(
                    "{}; yet the list of {} shows an object with this key (id {}): it may have been applied in part",
                    refusal::summary(&rejection),
                    kind.plural().replace('_', " "),
                    ids.join(", "),
                );
                self.end_all(operation, &Ruling::unknown(error), now);
            }
        }
        for (operation, rejection) in look_up.next {
            self.look_up(operation, rejection, now);
        }
    }

    /// The list cannot be had: what rejected calls left behind is not known. `why` says it in its error.
    pub(super) fn end_look_up(&mut self, kind: Kind, why: &Ruling, now: Now, out: &mut Outs) {
        let Some(look_up) = self.look_ups.remove(&kind) else { return };
        self.drop_pages(kind, now, out);
        let why = why.error.as_deref().unwrap_or_default();
        for (operation, rejection) in look_up.operations.into_iter().chain(look_up.next) {
            self.end_all(operation, &not_looked(&rejection, why), now);
        }
    }
}

/// The verdict on a rejected joint create whose effect could not be looked at.
fn not_looked(rejection: &Rejection, why: &str) -> Ruling {
    let refusal = refusal::summary(rejection);
    Ruling::unknown(format!("{refusal}; whether it was applied in part is not known: {why}"))
}

/// The key of the object that a call was to create, as compared.
fn key_of(operation: &Operation, call: &Call) -> Option<String> {
    let definition = catalog::definition(operation.kind);
    let Some(CallBody::Json(body)) = &call.body else { return None };
    text(body, definition.key_field().request).map(|key| definition.key.canonical(key))
}

/// The ids of the objects of a list by their keys, as compared.
fn ids_by_key(definition: &Definition, elements: Vec<Element>) -> HashMap<String, Vec<String>> {
    let mut ids: HashMap<String, Vec<String>> = HashMap::new();
    for (object, _) in elements {
        if let Some(key) = text(&object, definition.key_field().response) {
            let id = text(&object, "id").unwrap_or("without id").to_owned();
            ids.entry(definition.key.canonical(key)).or_default().push(id);
        }
    }
    ids
}

fn text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get(name)?.as_str()
}
