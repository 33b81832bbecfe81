//! What a rejected joint create left behind: one look at the list of its kind for all that wait for it.

use super::{Halt, Job, Outs, Page, Run, refusal, ruling, ruling::Ruling};
use crate::{
    catalog,
    plan::Operation,
    read::pages::{Element, PageId, Pages, Progress},
    retry::Cause,
};
use connexa_types::{Call, CallBody, Kind, Now, Outcome, Rejection};
use serde_json::Value;
use std::sync::Arc;

/// A look at the list of one kind.
#[derive(Debug)]
pub(super) struct LookUp {
    pub(super) pages: Pages,
    /// The operations whose parents are looked for. They were rejected before the look began.
    pub(super) operations: Vec<(usize, Rejection)>,
    /// Rejected after the look began: they need one of their own, right after it.
    pub(super) next: Vec<(usize, Rejection)>,
    /// Whether its first call is on its way.
    pub(super) begun: bool,
}

impl LookUp {
    /// A look for one operation, others may join; `None` for a kind whose list is not known.
    pub(super) fn new(kind: Kind, operation: usize, rejection: Rejection) -> Option<Self> {
        let list = catalog::is_planned(kind).then(|| catalog::definition(kind).list)?;
        let operations = vec![(operation, rejection)];
        Some(Self { pages: Pages::new(list), operations, next: Vec::new(), begun: false })
    }

    /// Adds an operation: to this look if it has not begun.
    pub(super) fn join(&mut self, operation: usize, rejection: Rejection) {
        if self.begun {
            self.next.push((operation, rejection));
        } else {
            self.operations.push((operation, rejection));
        }
    }

    /// The calls to make now.
    pub(super) fn calls(&mut self) -> Vec<(PageId, Call)> {
        std::iter::from_fn(|| self.pages.next_call()).collect()
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
        } else if let Some(look_up) = LookUp::new(kind, operation, rejection.clone()) {
            self.look_ups.insert(kind, look_up);
            self.ask_for_pages(kind);
        } else {
            let ruling = not_looked(&rejection, "this version cannot list the kind");
            self.end_all(operation, &ruling, now);
        }
    }

    fn ask_for_pages(&mut self, kind: Kind) {
        let Some(look_up) = self.look_ups.get_mut(&kind) else { return };
        let pages = look_up.calls().into_iter();
        self.pages.extend(pages.map(|(id, call)| Page { kind, id, call: Arc::new(call), attempts: 0 }));
    }

    /// Takes in the answer to a page of a look-up.
    pub(super) fn looked(&mut self, mut page: Page, outcome: Outcome, now: Now, out: &mut Outs) {
        page.attempts += 1;
        let kind = page.kind;
        let unknown = |why: String| Ruling::unknown(why);
        match outcome {
            Outcome::Applied(answer) => {
                let Some(look_up) = self.look_ups.get_mut(&kind) else { return };
                match look_up.pages.take(page.id, answer) {
                    Progress::More | Progress::Restarted if self.sends_nothing() => {
                        self.end_look_up(kind, &unknown(self.halt_words()), now, out);
                    }
                    Progress::More | Progress::Restarted => self.ask_for_pages(kind),
                    Progress::Whole => self.whole(kind, now),
                    Progress::NeverStill => {
                        self.end_look_up(
                            kind,
                            &unknown("the list changed each time it was read".into()),
                            now,
                            out,
                        );
                    }
                    Progress::NoPage => {
                        self.end_look_up(
                            kind,
                            &unknown("the list was answered with something else".into()),
                            now,
                            out,
                        );
                    }
                }
            }
            Outcome::Throttled(hint) => self.again(Job::Page(page), Cause::Throttled, hint, now, out, |_| {
                unknown("reading the list was throttled each time".into())
            }),
            Outcome::NotSent(why) | Outcome::Indeterminate(why) => {
                self.again(Job::Page(page), Cause::Failure, None, now, out, |_| unknown(ruling::words(&why)));
            }
            Outcome::Rejected(rejection) => {
                self.end_look_up(kind, &unknown(refusal::summary(&rejection)), now, out);
            }
            Outcome::Unauthorized => {
                self.halt(Halt::Unauthorized, now, out);
                self.end_look_up(kind, &unknown("the service refused the credentials".into()), now, out);
            }
        }
    }

    /// The list is whole: it says what each rejected call left behind.
    fn whole(&mut self, kind: Kind, now: Now) {
        let Some(look_up) = self.look_ups.remove(&kind) else { return };
        let (elements, _) = look_up.pages.into_elements();
        let plan = Arc::clone(&self.plan);
        for (operation, rejection) in look_up.operations {
            let subject = &plan.operations[operation];
            let call = self.tasks[operation].call.clone().expect("it has been sent");
            let ids = found(subject, &call, &elements);
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
        self.pages.retain(|page| page.kind != kind);
        self.backing_off.retain(|_, job| !matches!(job, Job::Page(page) if page.kind == kind));
        self.give_up(now, out, |job| matches!(job, Job::Page(page) if page.kind == kind));
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

/// The ids of the objects of a list that have the key of the object that a call was to create.
pub(super) fn found(operation: &Operation, call: &Call, elements: &[Element]) -> Vec<String> {
    let definition = catalog::definition(operation.kind);
    let field = definition.key_field();
    let canonical = |object: &Value, place: &str| {
        object.get(place).and_then(Value::as_str).map(|text| definition.key.canonical(text))
    };
    let Some(CallBody::Json(body)) = &call.body else { return Vec::new() };
    let Some(key) = canonical(body, field.request) else { return Vec::new() };
    elements
        .iter()
        .filter(|(object, _)| canonical(object, field.response).as_ref() == Some(&key))
        .map(|(object, _)| object.get("id").and_then(Value::as_str).unwrap_or("without id").to_owned())
        .collect()
}
