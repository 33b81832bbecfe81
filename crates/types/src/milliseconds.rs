//! Durations as numbers of milliseconds: the form that they have in records and events.
//!
//! For `#[serde(with = "milliseconds")]`, on fields whose serialised name ends in `_ms`. Fractions go down to nanoseconds;
//! what was written is read back exactly up to ten days.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::time::Duration;

const NANOSECONDS: f64 = 1e6;

/// A duration in this form.
struct Milliseconds(Duration);

/// Writes a duration.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    Milliseconds(*duration).serialize(serializer)
}

/// Reads a duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Milliseconds::deserialize(deserializer).map(|read| read.0)
}

/// The same for a duration that may be missing, and is null then.
pub mod option {
    use super::{Deserialize as _, Deserializer, Duration, Milliseconds, Serialize as _, Serializer};

    /// Writes a duration, or null.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(Milliseconds).serialize(serializer)
    }

    /// Reads a duration, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Option::<Milliseconds>::deserialize(deserializer).map(|read| read.map(|read| read.0))
    }
}

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "none below 2^53 ns, which are 104 days")]
        let nanoseconds = self.0.as_nanos() as f64;
        serializer.serialize_f64(nanoseconds / NANOSECONDS)
    }
}

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let nanoseconds = (f64::deserialize(deserializer)? * NANOSECONDS).round();
        if !(0.0..1e18).contains(&nanoseconds) {
            return Err(D::Error::custom("expected a number of milliseconds, from zero to thirty years"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and in range"
        )]
        let nanoseconds = nanoseconds as u64;
        Ok(Self(Duration::from_nanos(nanoseconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(rename = "took_ms", with = "super")]
        took: Duration,
        #[serde(rename = "limit_ms", with = "super::option")]
        limit: Option<Duration>,
    }

    fn read(text: &str) -> Option<Duration> {
        serde_json::from_str(text).ok().map(|Milliseconds(duration)| duration)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_was_written_is_read_back(took in 0..864_000_000_000_000_u64, limit in proptest::option::of(0..9_000_000_u64)) {
            let times = Times { took: Duration::from_nanos(took), limit: limit.map(Duration::from_nanos) };
            let text = serde_json::to_string(&times).unwrap();
            prop_assert_eq!(serde_json::from_str::<Times>(&text).unwrap(), times);
        }
    }

    #[test]
    fn they_are_plain_numbers() {
        let times = Times { took: Duration::from_micros(1_500), limit: None };
        assert_eq!(serde_json::to_string(&times).unwrap(), r#"{"took_ms":1.5,"limit_ms":null}"#);
        assert_eq!(read("2000"), Some(Duration::from_secs(2)));
        for text in ["-1", "1e300", "\"1\"", "null"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
