//! What becomes of one request: faults chosen one by one, or drawn from a swarm.

use connexa_types::{Call, Class};
use std::time::Duration;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    Fine,
    /// No connection.
    NotSent,
    /// The connection breaks before the service has done anything, or after.
    LostBefore,
    LostAfter,
    /// 503 before the service has done anything, 500 after.
    ErrorBefore,
    ErrorAfter,
    /// No answer; the service does it so long after.
    Late(Duration),
    /// A proxy sends it twice; the first answer comes.
    Twice,
    /// The same, and no answer comes.
    TwiceLost,
    Throttled,
    Rejected(u16),
    Unauthorized,
    /// No answer until the client gives up.
    Stall {
        applied: bool,
    },
    /// A joint create is applied in part: of each list of children every second one.
    Part(PartAnswer),
    /// A 2xx that cannot be read.
    Unreadable,
    /// A redirect, not followed.
    Redirect,
}

/// How a joint create that was applied in part is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartAnswer {
    /// 400 that names the children left out.
    Named,
    /// 400 that names nothing.
    Unnamed,
    /// 201 with what was made.
    Applied,
    Lost,
}

impl Fate {
    /// Every fate of a mutating call. `settle`: the settle time.
    pub fn all(settle: Duration) -> Vec<Self> {
        let mut all = vec![
            Self::Fine,
            Self::NotSent,
            Self::LostBefore,
            Self::LostAfter,
            Self::ErrorBefore,
            Self::ErrorAfter,
            Self::Late(settle / 8),
            Self::Late(settle / 2),
            Self::Twice,
            Self::TwiceLost,
            Self::Throttled,
            Self::Rejected(400),
            Self::Rejected(404),
            Self::Rejected(409),
            Self::Unauthorized,
            Self::Stall { applied: false },
            Self::Stall { applied: true },
            Self::Unreadable,
            Self::Redirect,
        ];
        let parts = [PartAnswer::Named, PartAnswer::Unnamed, PartAnswer::Applied, PartAnswer::Lost];
        all.extend(parts.map(Self::Part));
        all
    }

    /// The word for it, without its particulars.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::NotSent => "not sent",
            Self::LostBefore => "lost before",
            Self::LostAfter => "lost after",
            Self::ErrorBefore => "5xx before",
            Self::ErrorAfter => "5xx after",
            Self::Late(_) => "late",
            Self::Twice => "twice",
            Self::TwiceLost => "twice, lost",
            Self::Throttled => "429",
            Self::Rejected(_) => "4xx",
            Self::Unauthorized => "401",
            Self::Stall { .. } => "stall",
            Self::Part(PartAnswer::Named) => "in part, 400 named",
            Self::Part(PartAnswer::Unnamed) => "in part, 400",
            Self::Part(PartAnswer::Applied) => "in part, 201",
            Self::Part(PartAnswer::Lost) => "in part, lost",
            Self::Unreadable => "unreadable",
            Self::Redirect => "redirect",
        }
    }
}

/// Decides on each request.
pub type Fates = Box<dyn FnMut(&Call) -> Fate + Send>;

/// A few of the faults, and those often: what one seed suffers from.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// Percent, and what then happens to a changing call.
    pub updates: Vec<(u8, Fate)>,
    /// The same for reading calls.
    pub reads: Vec<(u8, Fate)>,
}

impl Swarm {
    /// Draws a subset of all faults. `twice`: whether the service may do twice what was asked for once.
    pub fn drawn(random: &mut fastrand::Rng, settle: Duration, twice: bool) -> Self {
        let mut updates = Vec::new();
        for fate in Fate::all(settle) {
            let doubles = matches!(fate, Fate::Twice | Fate::TwiceLost);
            if fate != Fate::Fine && (twice || !doubles) && random.u8(0..5) == 0 {
                let fate = match fate {
                    Fate::Late(most) => Fate::Late(most.mul_f64(random.f64())),
                    other => other,
                };
                updates.push((random.u8(5..35), fate));
            }
        }
        let hard = [Fate::NotSent, Fate::LostBefore, Fate::ErrorBefore, Fate::Throttled, Fate::Unreadable];
        let reads = hard.into_iter().filter_map(|fate| {
            let strikes = random.u8(0..6) == 0;
            strikes.then(|| (random.u8(5..20), fate))
        });
        let reads = reads.collect();
        Self { updates, reads }
    }

    pub fn draw(&self, random: &mut fastrand::Rng, call: &Call) -> Fate {
        let table = if call.class() == Class::Read { &self.reads } else { &self.updates };
        let struck = table.iter().find(|(percent, _)| random.u8(0..100) < *percent);
        struck.map_or(Fate::Fine, |(_, fate)| *fate)
    }
}
