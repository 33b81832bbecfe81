//! The service in the model: one key, the objects that have it, and calls that are on their way.
//!
//! Time is not counted. A call that is on its way may be applied at any later step; whether a client that waits for the
//! settle time has waited long enough is the setting's to say.

/// What an object holds, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// What was there before.
    Base,
    /// What the plan wants.
    New,
    /// What the second operator wrote.
    Foreign,
}

/// Who made an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Maker {
    /// It was there before the plan.
    Before,
    /// The client.
    Client,
    /// The second operator.
    Other,
}

/// An object with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub id: u8,
    pub maker: Maker,
    pub content: Content,
    /// The second operator's content stood in a list when the client had the duty to read one.
    pub due: bool,
}

/// A changing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Create(Content),
    Put {
        id: u8,
        from: Content,
        to: Content,
    },
    Delete {
        id: u8,
        content: Content,
    },
    /// An action whose effect no list shows: a mail, a reset.
    OneShot,
}

/// A call that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub call: Call,
    /// It was sent although its object's foreign content was due to be known.
    pub aware: bool,
}

/// The service's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// With the object's id.
    Applied(u8),
    Rejected,
}

/// What the second operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Other {
    Nothing,
    AddsEqual,
    AddsDifferent,
    Edits,
    Deletes,
}

impl Other {
    pub const ALL: [Self; 5] =
        [Self::Nothing, Self::AddsEqual, Self::AddsDifferent, Self::Edits, Self::Deletes];
}

/// A handful of values without a heap, so that states are cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Few<T, const N: usize> {
    places: [Option<T>; N],
}

impl<T: Copy, const N: usize> Few<T, N> {
    pub const fn none() -> Self {
        Self { places: [None; N] }
    }

    pub fn push(&mut self, value: T) {
        *self.places.iter_mut().find(|place| place.is_none()).expect("a handful is enough") = Some(value);
    }

    pub fn iter(&self) -> impl Iterator<Item = T> + Clone + use<'_, T, N> {
        self.places.iter().copied().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn get(&self, place: usize) -> Option<T> {
        self.places.get(place).copied().flatten()
    }

    /// Keeps the order, so that equal contents are equal states.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let mut kept = Self::none();
        self.iter().filter(keep).for_each(|value| kept.push(value));
        *self = kept;
    }

    pub fn truncate(&mut self, length: usize) {
        self.places[length..].fill(None);
    }
}

/// Objects with the key.
pub type Objects = Few<Object, 10>;

/// All that the service knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub live: Objects,
    /// What lists show: `live` as it was a while ago, where lists lag.
    pub shown: Objects,
    /// Calls that the client has given up, and that may still be applied.
    pub late: Few<Request, 6>,
    /// How often the one-shot action was carried out.
    pub effects: u8,
    /// A call of the plan, not of its undo, was applied.
    pub applied: bool,
    /// Something of the second operator's was deleted or overwritten that must not be.
    pub hurt: bool,
    pub next_id: u8,
}

impl World {
    /// A tenant that holds the object, or does not.
    pub fn new(object: bool) -> Self {
        let mut live = Few::none();
        if object {
            live.push(Object { id: 0, maker: Maker::Before, content: Content::Base, due: false });
        }
        Self {
            live,
            shown: live,
            late: Few::none(),
            effects: 0,
            applied: false,
            hurt: false,
            next_id: u8::from(object),
        }
    }

    fn make(&mut self, maker: Maker, content: Content) -> u8 {
        let id = self.next_id;
        self.next_id += 1;
        self.live.push(Object { id, maker, content, due: false });
        id
    }

    /// Carries a call out. `unique`: names may not repeat.
    pub fn execute(&mut self, request: Request, undo: bool, unique: bool) -> Answer {
        let answer = match request.call {
            Call::Create(_) if unique && self.live.len() > 0 => Answer::Rejected,
            Call::Create(content) => Answer::Applied(self.make(Maker::Client, content)),
            Call::Put { id, to, .. } => match self.live.iter_mut().find(|object| object.id == id) {
                Some(object) => {
                    self.hurt |= request.aware && object.content == Content::Foreign;
                    (object.content, object.due) = (to, false);
                    Answer::Applied(id)
                }
                None => Answer::Rejected,
            },
            Call::Delete { id, .. } => {
                let found = self.live.iter().find(|object| object.id == id);
                match found {
                    Some(object) => {
                        self.hurt |= object.maker == Maker::Other;
                        self.hurt |= request.aware && object.content == Content::Foreign;
                        self.live.retain(|object| object.id != id);
                        Answer::Applied(id)
                    }
                    None => Answer::Rejected,
                }
            }
            Call::OneShot => {
                self.effects += 1;
                Answer::Applied(0)
            }
        };
        self.applied |= !undo && answer != Answer::Rejected;
        answer
    }

    /// What the second operator does, if it can be done now.
    pub fn meddle(&self, other: Other, equal: Content, unique: bool) -> Option<Self> {
        let mut world = *self;
        match other {
            Other::Nothing => return None,
            Other::AddsEqual | Other::AddsDifferent if unique && self.live.len() > 0 => return None,
            Other::AddsEqual => _ = world.make(Maker::Other, equal),
            Other::AddsDifferent => _ = world.make(Maker::Other, Content::Foreign),
            Other::Edits => {
                let mut objects = world.live.iter_mut();
                let object = objects.find(|object| object.content != Content::Foreign)?;
                (object.content, object.due) = (Content::Foreign, false);
            }
            Other::Deletes => {
                let victim = world.live.iter().next()?;
                world.live.retain(|object| object.id != victim.id);
            }
        }
        Some(world)
    }

    /// A moment at which the client is to read the list: what it shows of others must be respected from now on.
    pub fn checkpoint(&mut self) {
        let shown: Objects = self.shown;
        for object in self.live.iter_mut() {
            let is_shown = shown.iter().any(|o| o.id == object.id && o.content == Content::Foreign);
            object.due |= is_shown && object.content == Content::Foreign;
        }
    }

    /// Whether a call goes to an object whose foreign content is due to be known.
    pub fn is_aware(&self, call: Call) -> bool {
        let (Call::Put { id, .. } | Call::Delete { id, .. }) = call else { return false };
        self.live.iter().any(|object| object.id == id && object.due)
    }
}
