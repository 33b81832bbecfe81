//! The client in the model: what it records, what it does next, and in which ways it can be made wrong.

use crate::world::{Answer, Call, Content, Few, Object, Objects, Other, Request, World};

/// What the plan wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Create,
    Update,
    Delete,
    OneShot,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::OneShot];

    pub const fn call(self) -> Call {
        match self {
            Self::Create => Call::Create(Content::New),
            Self::Update => Call::Put { id: 0, from: Content::Base, to: Content::New },
            Self::Delete => Call::Delete { id: 0, content: Content::Base },
            Self::OneShot => Call::OneShot,
        }
    }

    /// Whether a call is the inverse of the plan's.
    pub const fn undone_by(self, call: Call) -> bool {
        matches!(
            (self, call),
            (Self::Create, Call::Delete { .. })
                | (Self::Update, Call::Put { to: Content::Base, .. })
                | (Self::Delete, Call::Create(_))
        )
    }

    /// What the second operator's object holds if it is equal to the one that the client makes.
    pub const fn equal(self) -> Content {
        match self {
            Self::Create => Content::New,
            Self::Update | Self::Delete | Self::OneShot => Content::Base,
        }
    }
}

/// When the list at the end of the run is read, if an answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalList {
    /// Before "done" is recorded, unless it has been read since the last sending.
    UnlessRead,
    /// Before "done" is recorded.
    Always,
    AfterDone,
    Never,
}

/// The protocol, and the ways in which it can be weaker.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one weakness, by itself or with others")]
pub struct Protocol {
    /// A call without an answer is sent again at once.
    pub resends_at_once: bool,
    /// A call without an answer has failed.
    pub error_is_failed: bool,
    /// The settle time is waited for before a list is asked.
    pub settles: bool,
    /// What a list shows before the settle time has passed is taken.
    pub adopts_early: bool,
    /// The intent is durable before the call is sent.
    pub intent_first: bool,
    /// After a crash, what the journal does not hold has not been done.
    pub trusts_journal: bool,
    /// `apply` plans anew after a crash, whatever earlier runs have left open.
    pub ignores_open_intents: bool,
    pub final_list: FinalList,
    /// The undo deletes what has the name.
    pub undoes_by_name: bool,
    /// The undo deletes what is only inferred to be ours.
    pub undoes_inferred: bool,
    /// The undo begins before a lost answer is settled.
    pub undoes_unsettled: bool,
    /// The undo does not look whether the object is as the run left it.
    pub undoes_unchecked: bool,
    /// After a crash, an undo begins at once: what the journal does not hold of an earlier undo was not sent.
    pub undoes_at_once: bool,
    /// The undo takes a list that does not show what the run left for the truth, although the list may lag behind.
    pub undoes_by_lagging_list: bool,
}

impl Protocol {
    pub const DESIGN: Self = Self {
        resends_at_once: false,
        error_is_failed: false,
        settles: true,
        adopts_early: false,
        intent_first: true,
        trusts_journal: false,
        ignores_open_intents: false,
        final_list: FinalList::UnlessRead,
        undoes_by_name: false,
        undoes_inferred: false,
        undoes_unsettled: false,
        undoes_unchecked: false,
        undoes_at_once: false,
        undoes_by_lagging_list: false,
    };
}

/// The circumstances of one exploration.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a circumstance of its own")]
pub struct Setting {
    pub kind: Kind,
    pub other: Other,
    /// Names may not repeat.
    pub unique: bool,
    /// Lists lag behind.
    pub lagging: bool,
    /// A call may be applied later than the settle time, but before the run ends.
    pub later_than_settle: bool,
    /// A crash may take any part of the journal's end with it.
    pub loses_tail: bool,
    pub crashes: u8,
    pub losses: u8,
    pub meddlings: u8,
}

/// A call is sent at most so often.
const SENDINGS: usize = 3;

/// What the operation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Answered, with the object's id.
    Confirmed(u8),
    /// Found after a lost answer.
    Inferred(u8),
    /// It was so before anything was sent.
    Already(u8),
    Failed,
    /// Nobody can tell; whatever has the key is named.
    Unknown,
    Undone,
    /// The undo cannot go on, and says so.
    Stuck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    Intent,
    /// The answer to the last intent is lost.
    Lost,
    Ended(Verdict),
    Done,
    UndoStarted,
}

/// What the client is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A plan is made from the list.
    Plan,
    /// The list is read before a call that rests on what is there.
    Check,
    Intend,
    Send,
    /// The call is on its way; then it has been carried out.
    Await(Request, Option<Answer>),
    Got(Answer),
    Lost,
    Settle,
    /// Whether the last sending was refused.
    Look(bool),
    Ended,
    FinalList,
    Done,
    End,
}

/// All that matters, as plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "what the process knows, each by itself")]
pub struct State {
    pub world: World,
    pub journal: Few<Record, 24>,
    pub step: Step,
    /// Known to the process only: a sending of this leg may have been applied unseen.
    lost: bool,
    /// Known to the process only: the list has been read since the last sending.
    read_since: bool,
    /// Known to the process only: it has taken the run up from the journal, and the settle time has not passed since.
    restarted: bool,
    /// The operator wants the run undone, and says so again after a crash.
    pub undo: bool,
    pub crashes: u8,
    pub losses: u8,
    pub meddlings: u8,
}

/// What the journal says of the leg at work: the plan's call, or its inverse.
struct Leg {
    sendings: usize,
    /// An intent without a verdict.
    open: bool,
    lost: bool,
    verdict: Option<Verdict>,
    done: bool,
}

impl State {
    pub fn initial(setting: &Setting) -> Self {
        let world = World::new(matches!(setting.kind, Kind::Update | Kind::Delete));
        Self {
            world,
            journal: Few::none(),
            step: Step::Intend,
            lost: false,
            read_since: false,
            restarted: false,
            undo: false,
            crashes: setting.crashes,
            losses: setting.losses,
            meddlings: setting.meddlings,
        }
    }

    fn undoing(&self) -> bool {
        self.journal.iter().any(|record| record == Record::UndoStarted)
    }

    fn leg(&self) -> Leg {
        let mut leg = Leg { sendings: 0, open: false, lost: false, verdict: None, done: false };
        for record in self.journal.iter() {
            match record {
                Record::Intent => (leg.sendings, leg.open) = (leg.sendings + 1, true),
                Record::Lost => leg.lost = true,
                Record::Ended(verdict) => (leg.verdict, leg.open) = (Some(verdict), false),
                Record::Done => leg.done = true,
                Record::UndoStarted => {
                    leg = Leg { sendings: 0, open: false, lost: false, verdict: None, done: false };
                }
            }
        }
        leg
    }

    /// What the plan's call came to, and what its undo did.
    pub fn verdicts(&self) -> (Option<Verdict>, Option<Verdict>) {
        let (mut forward, mut undo, mut undoing) = (None, None, false);
        for record in self.journal.iter() {
            match record {
                Record::UndoStarted => undoing = true,
                Record::Ended(verdict) if undoing => undo = Some(verdict),
                Record::Ended(verdict) => forward = Some(verdict),
                Record::Intent | Record::Lost | Record::Done => {}
            }
        }
        (forward, undo)
    }

    /// The call of this leg; for an undo without one, what that undo comes to.
    fn call(&self, protocol: &Protocol, setting: &Setting) -> Result<Call, Verdict> {
        if !self.undoing() {
            return Ok(setting.kind.call());
        }
        let forward = self.verdicts().0.expect("only what has ended is undone");
        if protocol.undoes_by_name && setting.kind == Kind::Create {
            return match self.world.shown.iter().next() {
                Some(Object { id, content, .. }) => Ok(Call::Delete { id, content }),
                None => Err(Verdict::Undone),
            };
        }
        match (setting.kind, forward) {
            (Kind::Create, Verdict::Confirmed(id)) => Ok(Call::Delete { id, content: Content::New }),
            (Kind::Create, Verdict::Inferred(id)) if protocol.undoes_inferred => {
                Ok(Call::Delete { id, content: Content::New })
            }
            (Kind::Update, Verdict::Confirmed(_) | Verdict::Inferred(_)) => {
                Ok(Call::Put { id: 0, from: Content::New, to: Content::Base })
            }
            (Kind::Delete, Verdict::Confirmed(_) | Verdict::Inferred(_)) => Ok(Call::Create(Content::Base)),
            (Kind::Create | Kind::OneShot, Verdict::Inferred(_))
            | (Kind::OneShot, Verdict::Confirmed(_))
            | (_, Verdict::Unknown) => Err(Verdict::Stuck),
            (_, Verdict::Already(_) | Verdict::Failed) => Err(Verdict::Undone),
            (_, Verdict::Undone | Verdict::Stuck) => unreachable!("verdicts of an undo"),
        }
    }

    /// All that may happen next.
    pub fn successors(&self, protocol: &Protocol, setting: &Setting, out: &mut Vec<Self>) {
        let first = out.len();
        self.service(setting, out);
        self.crash(protocol, setting, out);
        match self.step {
            Step::End => {}
            Step::Await(request, answer) => self.awaiting(request, answer, setting, out),
            Step::Lost => self.lost(protocol, setting, out),
            Step::Settle => self.settle(protocol, setting, out),
            Step::FinalList => self.final_list(setting, out),
            Step::Done => {
                let mut next = *self;
                if self.undoing() || !self.undo {
                    out.push(Self { step: Step::End, ..next });
                }
                if !self.undoing() {
                    next.journal.push(Record::UndoStarted);
                    (next.undo, next.lost, next.read_since) = (true, false, false);
                    let settles = self.restarted && !protocol.undoes_at_once;
                    next.step = if settles { Step::Settle } else { Step::Check };
                    out.push(next);
                }
            }
            _ => out.push(self.goes_on(protocol, setting)),
        }
        out[first..].iter_mut().for_each(|state| state.forget(setting));
    }

    /// Drops what nothing depends on any more, so that fewer states differ.
    fn forget(&mut self, setting: &Setting) {
        if self.step == Step::End {
            self.world.shown = self.world.live;
            (self.crashes, self.losses) = (0, 0);
        }
        if matches!(self.step, Step::Done | Step::End) {
            (self.lost, self.read_since) = (false, false);
        }
        if setting.loses_tail {
            return;
        }
        // Of a leg that has ended its last verdict matters, and whether an answer was lost; of one that was undone, only
        // the verdict.
        let (mut kept, mut leg) = (Few::none(), Few::<Record, 24>::none());
        for record in self.journal.iter() {
            match record {
                Record::Ended(_) => {
                    let sendings = leg.iter().filter(|record| *record == Record::Intent).count();
                    let lost = sendings > 1 || leg.iter().any(|record| record == Record::Lost);
                    leg = Few::none();
                    if lost {
                        leg.push(Record::Lost);
                    }
                }
                Record::UndoStarted => {
                    leg.iter().filter(|record| matches!(record, Record::Ended(_))).for_each(|v| kept.push(v));
                    kept.push(record);
                    leg = Few::none();
                    continue;
                }
                Record::Intent | Record::Lost | Record::Done => {}
            }
            leg.push(record);
        }
        leg.iter().for_each(|record| kept.push(record));
        self.journal = kept;
    }

    /// What happens without the client: late calls are applied, lists catch up, others are at work.
    fn service(&self, setting: &Setting, out: &mut Vec<Self>) {
        for place in 0..self.world.late.len() {
            let mut rest = self.world;
            let request = rest.late.get(place).expect("it is there");
            let others = rest.late.iter().enumerate().filter(|(at, _)| *at != place);
            let mut late = Few::none();
            others.for_each(|(_, request)| late.push(request));
            rest.late = late;
            rest.execute(request, setting.kind.undone_by(request.call), setting.unique);
            out.push(self.in_world(rest, setting));
        }
        if self.world.shown != self.world.live && self.step != Step::End {
            out.push(Self { world: World { shown: self.world.live, ..self.world }, ..*self });
        }
        if self.meddlings > 0
            && self.step != Step::End
            && let Some(world) = self.world.meddle(setting.other, setting.kind.equal(), setting.unique)
        {
            out.push(Self { meddlings: self.meddlings - 1, ..self.in_world(world, setting) });
        }
    }

    /// The same after the objects have changed: lists that do not lag show it.
    fn in_world(&self, mut world: World, setting: &Setting) -> Self {
        if !setting.lagging {
            world.shown = world.live;
        }
        Self { world, ..*self }
    }

    fn crash(&self, protocol: &Protocol, setting: &Setting, out: &mut Vec<Self>) {
        if self.crashes == 0 || self.step == Step::End {
            return;
        }
        let next = Self { crashes: self.crashes - 1, ..*self };
        next.found(protocol, setting, out);
        if let Step::Await(request, None) = self.step {
            let mut late = next;
            late.world.late.push(request);
            late.found(protocol, setting, out);
        }
    }

    /// What a new process finds after a crash.
    fn found(&self, protocol: &Protocol, setting: &Setting, out: &mut Vec<Self>) {
        let next = *self;
        let shortest = if setting.loses_tail { 0 } else { self.journal.len() };
        for length in shortest..=self.journal.len() {
            let mut found = next;
            found.journal.truncate(length);
            let leg = found.leg();
            // What was found after a crash, and not answered, is as good as lost too.
            let inferred = matches!(leg.verdict, Some(Verdict::Inferred(_)));
            found.lost = leg.lost || leg.sendings > 1 || inferred;
            (found.read_since, found.restarted) = (false, true);
            found.step = if leg.done {
                Step::Done
            } else if leg.verdict.is_some() {
                Step::Ended
            } else if setting.kind == Kind::OneShot && !found.undoing() {
                // Nothing shows its effect: an intent means that nobody knows, no intent that it was not sent.
                if leg.open && !protocol.resends_at_once { Step::Look(false) } else { Step::Intend }
            } else if protocol.resends_at_once || protocol.trusts_journal && !leg.open && !leg.lost {
                if found.undoing() { Step::Check } else { Step::Intend }
            } else {
                found.lost = true;
                Step::Settle
            };
            if found.step == Step::Intend && leg.sendings >= SENDINGS {
                found.end(Verdict::Failed);
            }
            out.push(found);
        }
        if protocol.ignores_open_intents && !self.undoing() {
            let journal = Few::none();
            out.push(Self {
                journal,
                step: Step::Plan,
                lost: false,
                read_since: false,
                restarted: true,
                ..next
            });
        }
    }

    fn awaiting(&self, request: Request, answer: Option<Answer>, setting: &Setting, out: &mut Vec<Self>) {
        if let Some(answer) = answer {
            out.push(Self { step: Step::Got(answer), ..*self });
        } else {
            let mut world = self.world;
            let undoing = setting.kind.undone_by(request.call);
            let answer = world.execute(request, undoing, setting.unique);
            out.push(Self { step: Step::Await(request, Some(answer)), ..self.in_world(world, setting) });
        }
        if self.losses > 0 {
            let mut next = Self { step: Step::Lost, losses: self.losses - 1, ..*self };
            // Never applied, or already, or later.
            out.push(next);
            if answer.is_none() {
                next.world.late.push(request);
                out.push(next);
            }
        }
    }

    fn lost(&self, protocol: &Protocol, setting: &Setting, out: &mut Vec<Self>) {
        let mut next = Self { lost: true, ..*self };
        next.journal.push(Record::Lost);
        let again = self.leg().sendings < SENDINGS;
        if setting.kind == Kind::OneShot && !protocol.resends_at_once {
            next.step = Step::Look(false);
        } else if protocol.resends_at_once && again {
            next.world.checkpoint();
            next.step = Step::Intend;
        } else if protocol.resends_at_once || protocol.error_is_failed {
            next.end(if self.undoing() { Verdict::Stuck } else { Verdict::Failed });
        } else {
            next.step = Step::Settle;
        }
        out.push(next);
        if protocol.undoes_unsettled && !self.undoing() {
            let mut undone = next;
            let call = setting.kind.call();
            let verdict = judge(call, &self.world.shown).unwrap_or(Verdict::Failed);
            undone.end(verdict);
            undone.journal.push(Record::UndoStarted);
            (undone.undo, undone.lost, undone.read_since) = (true, false, false);
            undone.step = Step::Check;
            out.push(undone);
        }
    }

    fn settle(&self, protocol: &Protocol, setting: &Setting, out: &mut Vec<Self>) {
        if protocol.adopts_early
            && let Ok(call) = self.call(protocol, setting)
            && let Some(verdict) = judge(call, &self.world.shown)
            && verdict != Verdict::Unknown
        {
            let mut next = *self;
            next.end(if self.undoing() { Verdict::Undone } else { verdict });
            out.push(next);
        }
        // Whoever waits so long sees all of it, unless the service is slower than that.
        let passed = !protocol.settles || setting.later_than_settle || self.world.late.len() == 0;
        if passed {
            let mut next = Self { step: Step::Look(false), ..*self };
            if protocol.settles {
                next.world.shown = next.world.live;
                next.restarted = false;
            }
            if self.undoing() && self.leg().sendings == 0 {
                next.step = Step::Check;
            }
            out.push(next);
        }
    }

    /// The one thing that the client does at its other steps.
    fn goes_on(&self, protocol: &Protocol, setting: &Setting) -> Self {
        let mut next = *self;
        match self.step {
            Step::Plan => {
                next.step = Step::Intend;
                let shown = &self.world.shown;
                match judge(setting.kind.call(), shown) {
                    None => {}
                    Some(Verdict::Inferred(id)) => next.end(Verdict::Already(id)),
                    Some(_) => next.end(Verdict::Unknown),
                }
            }
            Step::Check => {
                next.world.checkpoint();
                match self.call(protocol, setting) {
                    Err(verdict) => next.end(verdict),
                    Ok(_) if protocol.undoes_unchecked || protocol.undoes_by_name => next.step = Step::Intend,
                    Ok(call) => match judge(call, &self.world.shown) {
                        None => next.step = Step::Intend,
                        Some(_) if !self.read_since && !protocol.undoes_by_lagging_list => {
                            // Not as the run left it, or not yet shown so.
                            next.read_since = true;
                            next.step = Step::Settle;
                        }
                        Some(Verdict::Inferred(_)) if !matches!(call, Call::Create(_)) => {
                            next.end(Verdict::Undone);
                        }
                        Some(_) => next.end(Verdict::Stuck),
                    },
                }
            }
            Step::Intend => {
                if protocol.intent_first {
                    next.journal.push(Record::Intent);
                }
                next.step = Step::Send;
            }
            Step::Send => match self.call(protocol, setting) {
                Ok(call) => {
                    let aware = self.world.is_aware(call);
                    next.read_since = false;
                    next.step = Step::Await(Request { call, aware }, None);
                }
                Err(verdict) => next.end(verdict),
            },
            Step::Got(answer) => match (answer, self.undoing()) {
                (Answer::Applied(_), true) => next.end(Verdict::Undone),
                (Answer::Applied(id), false) => next.end(Verdict::Confirmed(id)),
                (Answer::Rejected, _) if self.lost && !protocol.resends_at_once => {
                    next.step = Step::Look(true);
                }
                (Answer::Rejected, undoing) => match (self.call(protocol, setting), undoing) {
                    (Ok(Call::Delete { .. }), true) => next.end(Verdict::Undone),
                    (Ok(Call::Delete { id, .. }), false) => next.end(Verdict::Already(id)),
                    (_, true) => next.end(Verdict::Stuck),
                    (_, false) => next.end(Verdict::Failed),
                },
            },
            Step::Look(refused) => {
                next.world.checkpoint();
                next.read_since = true;
                let undoing = self.undoing();
                match self.call(protocol, setting) {
                    Err(verdict) => next.end(verdict),
                    Ok(Call::OneShot) => next.end(Verdict::Unknown),
                    Ok(call) => match (judge(call, &self.world.shown), undoing) {
                        (Some(Verdict::Inferred(_)), true) => next.end(Verdict::Undone),
                        (Some(verdict), false) => next.end(verdict),
                        (None, _) if !refused && self.leg().sendings < SENDINGS => next.step = Step::Intend,
                        (_, true) => next.end(Verdict::Stuck),
                        (None, false) => next.end(Verdict::Failed),
                    },
                }
            }
            Step::Ended => {
                let creates = matches!(self.call(protocol, setting), Ok(Call::Create(_)));
                let reads = match protocol.final_list {
                    FinalList::UnlessRead => !self.read_since,
                    FinalList::Always | FinalList::AfterDone => true,
                    FinalList::Never => false,
                };
                let reads = reads && creates && self.lost;
                if protocol.final_list == FinalList::AfterDone || !reads {
                    next.journal.push(Record::Done);
                }
                next.step = if reads { Step::FinalList } else { Step::Done };
            }
            Step::Await(..) | Step::Lost | Step::Settle | Step::FinalList | Step::Done | Step::End => {
                unreachable!("more than one thing may follow")
            }
        }
        next
    }

    /// The list at the end is read: what is in it too much, or although it has failed, is told.
    fn final_list(&self, setting: &Setting, out: &mut Vec<Self>) {
        if setting.later_than_settle && (self.world.late.len() > 0 || self.world.shown != self.world.live) {
            // The setting promises that all is there before the run ends.
            return;
        }
        let shown = &self.world.shown;
        let leg = self.leg();
        let before = leg.verdict.expect("the list is read when all has ended");
        let after = match before {
            // By ids: the one that is named may be gone, and another there.
            Verdict::Confirmed(id) | Verdict::Inferred(id) | Verdict::Already(id)
                if shown.iter().any(|object| object.id != id) =>
            {
                Verdict::Unknown
            }
            Verdict::Undone if shown.len() > 1 => Verdict::Stuck,
            Verdict::Failed => judge(setting.kind.call(), shown).unwrap_or(before),
            other => other,
        };
        let mut next = *self;
        if after != before {
            next.journal.push(Record::Ended(after));
        }
        if !leg.done {
            next.journal.push(Record::Done);
        }
        out.push(Self { step: Step::Done, ..next });
    }

    fn end(&mut self, verdict: Verdict) {
        self.journal.push(Record::Ended(verdict));
        self.step = Step::Ended;
    }
}

/// What a list says of a call; `None`: it was not applied.
fn judge(call: Call, shown: &Objects) -> Option<Verdict> {
    let holds = |id: u8| shown.iter().find(|object| object.id == id).map(|object| object.content);
    match call {
        Call::Create(content) => match (shown.get(0), shown.len()) {
            (None, _) => None,
            (Some(object), 1) if object.content == content => Some(Verdict::Inferred(object.id)),
            _ => Some(Verdict::Unknown),
        },
        Call::Put { id, from, to } => match holds(id) {
            Some(content) if content == to => Some(Verdict::Inferred(id)),
            Some(content) if content == from => None,
            _ => Some(Verdict::Unknown),
        },
        Call::Delete { id, content } => match holds(id) {
            None => Some(Verdict::Inferred(id)),
            Some(held) if held == content => None,
            Some(_) => Some(Verdict::Unknown),
        },
        Call::OneShot => Some(Verdict::Unknown),
    }
}
