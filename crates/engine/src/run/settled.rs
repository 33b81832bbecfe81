//! What a list says, once it can be believed, of a call whose answer was lost, and what follows from that (design: run).

use super::{
    Run,
    applied::{self, Sight},
    effect::{self, LostAnswer, Reading, Sign},
    joint::{Found, as_answer},
    refusal,
    ruling::{self, Ruling},
    starting::is_delete,
};
use crate::{
    catalog,
    current::{Live, is_unset},
    key::KeyPart,
    plan::{Operation, TemplateText},
    report::ErrorType,
};
use connexa_types::{Answer, AnswerBody, Call, CallBody, Kind, Now, ResourceId};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// A call is sent again so often after attempts that turned out not to have been applied.
const MOST_RESENDS: u32 = 2;

/// What a list shows of a call.
#[derive(Debug)]
enum Finding {
    /// It was not applied; in words, what shows that.
    Absent(String),
    /// It was not applied, or it was: what it changes is nothing that lists show.
    Untold,
    /// It was applied, as by this answer.
    Applied(Answer),
    /// There is an object of the key that it was to make.
    Made { id: String, sight: Sight },
    /// There are several.
    Several(Vec<String>),
    /// Its object is not there any more.
    Gone,
    /// Its object is neither as it was before nor as it was to be; in words.
    Otherwise(String),
}

impl Run {
    /// A list that can be believed says what became of an operation's call.
    pub(super) fn find_out(&mut self, operation: usize, what: Reading, now: Now) {
        let subject = self.subject(operation);
        let Some(call) = self.tasks[operation].call.clone().filter(|_| !self.tasks[operation].ended) else {
            return;
        };
        if let Some(partial) = &self.tasks[operation].partial {
            // What it made itself is known.
            let (parent, missing) = (partial.parent.clone(), partial.missing.clone());
            let is_there =
                self.fresh.state().kind(subject.kind).is_some_and(|kind| kind.by_id(&parent).is_some());
            if !is_there && partial.rulings.is_empty() {
                let error = format!("not sent: its parent (id {parent}) is gone");
                return self.end_all(operation, &Ruling::failed(ErrorType::NotFound, error), now);
            }
            return self.missing(operation, &parent, Vec::new(), &missing, now);
        }
        let finding = self.finding(&subject, &call, what);
        self.tasks[operation].looked_for = true;
        let task = &self.tasks[operation];
        let was_sent = task.losses > 0 || task.lost.is_some();
        let lost = task.lost.clone().unwrap_or_default();
        let list = what.words();
        match finding {
            Finding::Absent(shows) => self.not_applied(operation, Some(&shows), now),
            Finding::Untold => self.not_applied(operation, None, now),
            // Never sent, as far as anybody knows: its base says what to do.
            Finding::Gone | Finding::Otherwise(_) if !was_sent => self.start_after_all(operation),
            Finding::Applied(answer) => {
                self.tasks[operation].lost = None;
                self.fresh.applied(&subject, call.method());
                let note = if was_sent {
                    format!("{list} shows that it was applied: its answer was lost")
                } else {
                    format!("{list} shows that it is so already")
                };
                let shown = applied::look(&self.plan, &subject, &call, &answer).changes.into_iter();
                let rulings = shown.map(|shown| {
                    let ruling = shown.ruling.unwrap_or_else(|| Ruling::succeeded(None));
                    (shown.change, Ruling { note: None, ..ruling }.noted(note.clone()))
                });
                let rulings: Vec<(usize, Ruling)> = rulings.collect();
                self.keep(&rulings);
                self.end(operation, rulings, now);
            }
            Finding::Made { id, mut sight } => {
                if self.tasks[operation].unproven {
                    // The records of what needed it, and was sent since, may be lost.
                    sight.others.retain(|(list, child)| !self.is_child_to_come(&subject, list, child));
                }
                let found = if was_sent {
                    let refused = self.tasks[operation].refusal.as_deref();
                    let then = refused
                        .map(|refusal| format!(" and the call was then {}", refusal::summary(refusal)));
                    Found {
                        note: format!(
                            "adopted: found in {list} after an answer was lost{}",
                            then.unwrap_or_default()
                        ),
                        seen: format!("{lost}; {list} shows an object with this key"),
                        refusal: None,
                        may_be_ours: true,
                    }
                } else {
                    Found {
                        note: format!("adopted: found in {list} when the run was taken up again"),
                        seen: format!("not sent: {list} shows an object with this key"),
                        refusal: None,
                        may_be_ours: false,
                    }
                };
                self.adopt(operation, &id, sight, &found, now);
            }
            Finding::Several(ids) => {
                let error = format!(
                    "{}{list} shows {} objects with this key, of which nobody can tell which is meant",
                    if was_sent { format!("{lost}; ") } else { String::new() },
                    ids.len(),
                );
                self.end_all(operation, &Ruling { duplicates: ids, ..Ruling::unknown(error) }, now);
            }
            Finding::Gone => {
                let error = format!("{lost}; {list} does not show the object any more");
                self.end_all(operation, &Ruling::unknown(error), now);
            }
            Finding::Otherwise(words) => {
                self.end_all(operation, &Ruling::conflict(format!("{lost}; {list} shows {words}")), now);
            }
        }
    }

    /// What became of an operation's call cannot be found out.
    pub(super) fn cannot_find_out(&mut self, operation: usize, what: Reading, why: &Ruling, now: Now) {
        let task = &self.tasks[operation];
        if task.ended {
            return;
        }
        let unread = format!("{} cannot be read: {}", what.words(), why.error.as_deref().unwrap_or_default());
        let ruling = match (&task.lost, why.error_type) {
            (Some(lost), _) => Ruling::unknown(format!("{lost}; and {unread}")),
            // Left for the end.
            (None, _) if self.sends_nothing() => return,
            (None, _) if task.settled_at.is_some() => Ruling::unknown(format!(
                "whether it was sent before the run was interrupted is not known: {unread}"
            )),
            (None, error_type) => {
                Ruling::failed(error_type.unwrap_or(ErrorType::ServerError), format!("not sent: {unread}"))
            }
        };
        self.end_all(operation, &ruling, now);
    }

    /// An operation's call has not been applied and will not be any more, as `shows` says; `None`: as far as anything can
    /// show that. It is sent again, or for the first time.
    fn not_applied(&mut self, operation: usize, shows: Option<&str>, now: Now) {
        let task = &mut self.tasks[operation];
        let lost = if shows.is_some() { task.lost.take() } else { task.lost.clone() };
        let words = lost.clone().unwrap_or_default();
        if let Some(refusal) = task.refusal.clone() {
            return match shows {
                Some(_) => self.refused(operation, &refusal, now),
                None => self.end_all(operation, &Ruling::unknown(words), now),
            };
        }
        if task.losses > MOST_RESENDS {
            let ruling = match shows {
                Some(shows) => {
                    let cause = words.strip_prefix(&ruling::lost("")).unwrap_or(&words);
                    let tries = ruling::attempts(task.losses);
                    let error =
                        format!("not applied: {tries} without an answer that tells ({cause}), and {shows}");
                    let is_answer = task.sent.status.is_some_and(|status| status >= 300);
                    let ty = if is_answer { ErrorType::ServerError } else { ErrorType::NetworkError };
                    Ruling::failed(ty, error)
                }
                None => Ruling::unknown(format!("{words}; and nothing that lists show would tell")),
            };
            return self.end_all(operation, &ruling, now);
        }
        // What takes something back is left as it is until the run is taken up again.
        if lost.is_some() && self.is_held(operation) && !self.is_back(operation) {
            let ruling = match shows {
                Some(shows) if self.starts_nothing() => {
                    self.halted_work = true;
                    Ruling::unprocessed(format!("not applied: {shows}; `resume` carries it out"), None)
                }
                Some(_) => self.held(operation),
                None => Ruling::unknown(format!(
                    "{words}; and nothing that lists show would tell: `resume` sends it again"
                )),
            };
            return self.end_all(operation, &ruling, now);
        }
        self.start_after_all(operation);
    }

    /// An operation may be sent: a list has just been read for it.
    fn start_after_all(&mut self, operation: usize) {
        let task = &mut self.tasks[operation];
        task.unproven = false;
        task.just_read = true;
        self.graph.put_back(operation);
    }

    fn finding(&mut self, subject: &Operation, call: &Call, what: Reading) -> Finding {
        match (effect::lost_answer(call.endpoint), what) {
            (LostAnswer::Read(Sign::Setting), Reading::Setting(path)) => {
                let shown = self.fresh.setting(path);
                if shown.is_some_and(|value| effect::is_set(call.endpoint, call.body.as_ref(), value)) {
                    Finding::Applied(empty())
                } else {
                    Finding::Absent(format!("{} is not as it was to be", what.words()))
                }
            }
            (LostAnswer::Read(Sign::Member(at, values)), _) => {
                let live = self.target_of(subject, call);
                let shown = live.and_then(|live| live.object.pointer(at).and_then(Value::as_str));
                match live.filter(|_| shown.is_some_and(|shown| values.contains(&shown))) {
                    Some(live) => Finding::Applied(answer(&live.object)),
                    None => Finding::Absent(format!("{} does not show that it was", what.words())),
                }
            }
            _ if call.endpoint.creates() => self.finding_of_create(subject, call, what),
            _ if is_delete(subject) => self.finding_of_delete(subject, call, what),
            _ => self.finding_of_update(subject, call, what),
        }
    }

    fn finding_of_create(&mut self, subject: &Operation, call: &Call, what: Reading) -> Finding {
        self.know_what_was();
        // Its own are among them: an earlier leg may have told of one, and of another beside it.
        let strangers = self.newcomers(subject.kind, parent_of(subject.kind, call), body_of(call));
        match strangers[..] {
            [] => Finding::Absent(format!("{} does not show it", what.words())),
            [live] => {
                let answer = as_answer(self.fresh.state(), live);
                let sent = self.fresh.as_it_is_now(call);
                let sight = applied::look_in_list(&self.plan, subject, &sent, &answer);
                Finding::Made { id: live.id.to_string(), sight }
            }
            [..] => Finding::Several(strangers.iter().map(|live| live.id.to_string()).collect()),
        }
    }

    /// Whether a child of an object is one that another operation of the plan makes there.
    fn is_child_to_come(&self, parent: &Operation, list: &str, child: &Value) -> bool {
        self.plan.operations.iter().filter(|operation| operation.call.endpoint.creates()).any(|operation| {
            let definition = catalog::definition(operation.kind);
            let is_of_parent = operation.call.query.iter().any(|(name, of)| {
                let TemplateText::Output(output) = of else { return false };
                definition.parent_query == Some(name.as_str()) && output.of == parent.id
            });
            let key = definition.key_field();
            let canonical =
                |object: Option<&Value>, field| Some(definition.key.canonical(object?.get(field)?.as_str()?));
            let body = match &operation.call.body {
                Some(CallBody::Json(body)) => Some(body),
                Some(CallBody::Text(_)) | None => None,
            };
            is_of_parent
                && definition.nested_as == Some(list)
                && canonical(Some(child), key.response) == canonical(body, key.request)
        })
    }

    fn finding_of_delete(&self, subject: &Operation, call: &Call, what: Reading) -> Finding {
        let Some(live) = self.target_of(subject, call) else { return Finding::Applied(empty()) };
        let changed = subject.base.first().map(|base| self.fresh.changed_in(base, live)).unwrap_or_default();
        if changed.is_empty() {
            Finding::Absent(format!("{} still shows the object, unchanged", what.words()))
        } else {
            Finding::Otherwise(format!("the object, changed in {}", ruling::quoted(&changed)))
        }
    }

    fn finding_of_update(&self, subject: &Operation, call: &Call, what: Reading) -> Finding {
        let Some(live) = self.target_of(subject, call) else { return Finding::Gone };
        let sent = self.fresh.as_it_is_now(call);
        let mut differing = applied::differing_in_list(subject.kind, &sent, &live.object, &live.sealed);
        let kept = subject.cleared.iter().filter(|field| !is_unset(field.at.get(&live.object)));
        differing.extend(kept.map(|field| field.field.clone()));
        let changed = subject.base.first().map(|base| self.fresh.changed_in(base, live));
        match (differing.is_empty(), changed) {
            (true, Some(changed)) if changed.is_empty() => Finding::Untold,
            (true, _) => Finding::Applied(answer(&live.object)),
            (false, Some(changed)) if changed.is_empty() => {
                Finding::Absent(format!("{} shows the object as it was before", what.words()))
            }
            (false, _) => Finding::Otherwise(format!(
                "the object neither as it was nor as it was to be: it differs in {}",
                ruling::quoted(&differing)
            )),
        }
    }

    /// The object that a call is for, as the lists show it.
    fn target_of(&self, subject: &Operation, call: &Call) -> Option<&Live> {
        let id = call.path_args.first()?;
        self.fresh.state().kind(subject.kind)?.by_id(id)
    }

    /// Objects with the key of something that was sent, which were not there when the plan was made.
    fn newcomers(&self, kind: Kind, parent: Option<&str>, sent: Option<&Value>) -> Vec<&Live> {
        let definition = catalog::definition(kind);
        let Some(own) = sent.and_then(|sent| sent.get(definition.key_field().request)?.as_str()) else {
            return Vec::new();
        };
        let parent = parent.map(ResourceId::from);
        let mut namesakes =
            self.fresh.state().namesakes(kind, parent.as_ref(), KeyPart::new(own, definition.key));
        namesakes.retain(|live| self.known.as_ref().is_none_or(|known| !known.contains(live.id.as_str())));
        namesakes
    }

    /// The same without what was made by a call of this run whose answer came.
    pub(super) fn strangers(&self, kind: Kind, parent: Option<&str>, sent: Option<&Value>) -> Vec<&Live> {
        let mut newcomers = self.newcomers(kind, parent, sent);
        newcomers.retain(|live| !self.fresh.has_made(live.id.as_str()));
        newcomers
    }

    /// Finds out, once, which objects were there when the plan was made.
    pub(super) fn know_what_was(&mut self) {
        let plan = &self.plan;
        self.known.get_or_insert_with(|| {
            let bases = plan.operations.iter().flat_map(|operation| &operation.base);
            let changed = plan.changes.iter().filter_map(|change| change.id.clone());
            changed.chain(bases.map(|live| live.id.to_string())).collect::<HashSet<String>>()
        });
    }
}

/// The parent that the create of a child names.
pub(super) fn parent_of(kind: Kind, call: &Call) -> Option<&str> {
    let parent = catalog::definition(kind).parent_query?;
    call.query.iter().find(|(name, _)| name == parent).map(|(_, id)| id.as_str())
}

/// The JSON that a call sends.
pub(super) fn body_of(call: &Call) -> Option<&Value> {
    match &call.body {
        Some(CallBody::Json(body)) => Some(body),
        Some(CallBody::Text(_)) | None => None,
    }
}

fn answer(object: &Value) -> Answer {
    Answer { status: 200, body: AnswerBody::Json(object.clone()), sealed: BTreeMap::new() }
}

const fn empty() -> Answer {
    Answer { status: 204, body: AnswerBody::Empty, sealed: BTreeMap::new() }
}
