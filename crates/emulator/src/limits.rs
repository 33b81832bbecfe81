//! Which buckets a key has, and how they are written on a command line.

use crate::quota::BucketSpec;
use connexa_types::Class;
use std::{fmt, str::FromStr};

/// The buckets of a key (API section 10, row 1).
///
/// Written as `default`, `2024`, `unlimited`, `B:R:S` (each class its own bucket of burst B that gains R tokens in
/// S seconds), `B:R:S:shared` (one bucket for both classes) or `r=B:R:S,u=B:R:S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// Reads and updates draw on buckets of their own.
    Separate {
        /// The bucket of reads.
        read: BucketSpec,
        /// The bucket of updates.
        update: BucketSpec,
    },
    /// One bucket for both classes.
    Shared(BucketSpec),
}

/// A spec of numbers known to be above 0.
const fn spec(burst: u32, rate: u32, period: u32) -> BucketSpec {
    BucketSpec::new(burst, rate, period).expect("numbers above 0")
}

impl Limits {
    /// Burst 20; a read a second, an update each 4 seconds.
    pub const DEFAULT: Self = Self::Separate { read: spec(20, 1, 1), update: spec(20, 1, 4) };
    /// The vendor's published default of 2024: one bucket of burst 20, a call each 15 seconds.
    pub const YEAR_2024: Self = Self::Shared(spec(20, 1, 15));
    /// So much that no client gets to the end of it. Clients still see numbers that are positive 32-bit integers.
    pub const UNLIMITED: Self = {
        let plenty = spec(1_000_000_000, 1_000_000_000, 1);
        Self::Separate { read: plenty, update: plenty }
    };

    /// The numbers that hold for `class`.
    pub const fn bucket(&self, class: Class) -> BucketSpec {
        match (self, class) {
            (Self::Separate { read, .. }, Class::Read) => *read,
            (Self::Separate { update, .. }, Class::Update) => *update,
            (Self::Shared(both), Class::Read | Class::Update) => *both,
        }
    }

    /// Whether reads and updates draw on the same bucket.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A text that is no [`Limits`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseLimitsError {
    /// None of the forms.
    #[error(
        "`{0}` is not a limit; expected `default`, `2024`, `unlimited`, `BURST:RATE:SECONDS`, \
         `BURST:RATE:SECONDS:shared` or `r=BURST:RATE:SECONDS,u=BURST:RATE:SECONDS`"
    )]
    Form(String),
    /// One of the three numbers is missing, is no number, or is out of range.
    #[error("{name} of `{text}` is `{found}`, expected a whole number from 1 to {}", u32::MAX)]
    Number {
        /// Which number: `burst`, `rate` or `seconds`.
        name: &'static str,
        /// What stands there.
        found: String,
        /// The three numbers as given.
        text: String,
    },
    /// `r=` or `u=` is missing or stands twice.
    #[error("`{0}` needs `r=BURST:RATE:SECONDS` and `u=BURST:RATE:SECONDS` once each")]
    Classes(String),
}

impl FromStr for Limits {
    type Err = ParseLimitsError;

    fn from_str(text: &str) -> Result<Self, ParseLimitsError> {
        match text {
            "default" => return Ok(Self::DEFAULT),
            "2024" => return Ok(Self::YEAR_2024),
            "unlimited" => return Ok(Self::UNLIMITED),
            _ => {}
        }
        if let Some(numbers) = text.strip_suffix(":shared") {
            return parse_bucket(numbers).map(Self::Shared);
        }
        if !text.contains('=') {
            return parse_bucket(text).map(|both| Self::Separate { read: both, update: both });
        }
        let classes = || ParseLimitsError::Classes(text.to_owned());
        let (first, second) = text.split_once(',').ok_or_else(classes)?;
        let parts = (first.split_once('='), second.split_once('='));
        let ((Some(("r", read)), Some(("u", update))) | (Some(("u", update)), Some(("r", read)))) = parts
        else {
            return Err(classes());
        };
        Ok(Self::Separate { read: parse_bucket(read)?, update: parse_bucket(update)? })
    }
}

fn parse_bucket(text: &str) -> Result<BucketSpec, ParseLimitsError> {
    let parts: Vec<&str> = text.split(':').collect();
    let [burst, rate, seconds] = parts[..] else { return Err(ParseLimitsError::Form(text.to_owned())) };
    let number = |name, found: &str| {
        // `parse` would take a sign as well, which no header shows.
        let digits = found.bytes().all(|b| b.is_ascii_digit());
        let parsed = found.parse().ok().filter(|_| digits);
        parsed.ok_or_else(|| ParseLimitsError::Number {
            name,
            found: found.to_owned(),
            text: text.to_owned(),
        })
    };
    Ok(BucketSpec {
        burst: number("burst", burst)?,
        rate: number("rate", rate)?,
        period: number("seconds", seconds)?,
    })
}

impl fmt::Display for Limits {
    /// Writes a form that [`FromStr`] reads back as the same limits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = |s: &BucketSpec| format!("{}:{}:{}", s.burst, s.rate, s.period);
        match self {
            Self::Shared(both) => write!(f, "{}:shared", numbers(both)),
            Self::Separate { read, update } => write!(f, "r={},u={}", numbers(read), numbers(update)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Limits, String> {
        text.parse::<Limits>().map_err(|e| e.to_string())
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("default"), Ok(Limits::Separate { read: spec(20, 1, 1), update: spec(20, 1, 4) }));
        assert_eq!(parse("2024"), Ok(Limits::Shared(spec(20, 1, 15))));
        assert_eq!(parse("20:10:1"), Ok(Limits::Separate { read: spec(20, 10, 1), update: spec(20, 10, 1) }));
        assert_eq!(parse("5:1:2:shared"), Ok(Limits::Shared(spec(5, 1, 2))));
        let both = Ok(Limits::Separate { read: spec(9, 8, 7), update: spec(3, 2, 1) });
        assert_eq!(parse("r=9:8:7,u=3:2:1"), both);
        assert_eq!(parse("u=3:2:1,r=9:8:7"), both);
    }

    #[test]
    fn errors_say_what_was_expected() {
        let number = |name, found, text| {
            format!("{name} of `{text}` is `{found}`, expected a whole number from 1 to 4294967295")
        };
        assert_eq!(parse("0:1:1"), Err(number("burst", "0", "0:1:1")));
        assert_eq!(parse("20:+1:1"), Err(number("rate", "+1", "20:+1:1")));
        assert_eq!(parse("20:1:"), Err(number("seconds", "", "20:1:")));
        assert_eq!(parse("r=1:1:x,u=1:1:1"), Err(number("seconds", "x", "1:1:x")));
        assert_eq!(parse("1:4294967296:1"), Err(number("rate", "4294967296", "1:4294967296:1")));
        for form in ["", "fast", "1:1", "1:1:1:1", "1:1:1:Shared"] {
            assert!(parse(form).unwrap_err().contains("is not a limit; expected"), "{form}");
        }
        for classes in ["r=1:1:1", "r=1:1:1,r=1:1:1", "x=1:1:1,u=1:1:1", "r=1:1:1;u=1:1:1"] {
            assert!(parse(classes).unwrap_err().contains("once each"), "{classes}");
        }
    }

    proptest! {
        #[test]
        fn limits_survive_their_text(
            (b, r, s) in (1_u32.., 1_u32.., 1_u32..), (c, q, t) in (1_u32.., 1_u32.., 1_u32..), shared: bool,
        ) {
            let limits = if shared { Limits::Shared(spec(b, r, s)) }
                else { Limits::Separate { read: spec(b, r, s), update: spec(c, q, t) } };
            prop_assert_eq!(limits.to_string().parse(), Ok(limits));
        }
    }
}
