//! A rate that the user allows.

use std::{fmt, str::FromStr, time::Duration};

/// A rate of calls, such as `4/min` or `0.5/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    interval: Duration,
}

impl Rate {
    /// One call in each `interval`; `None` for an interval of zero or of more than a day.
    pub fn one_in(interval: Duration) -> Option<Self> {
        (!interval.is_zero() && interval <= Duration::from_hours(24)).then_some(Self { interval })
    }

    /// The time from one call to the next.
    pub const fn interval(self) -> Duration {
        self.interval
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = 1.0 / self.interval.as_secs_f64();
        // The unit in which the number is at least 1, as people would say it.
        let (number, unit) = [(1.0, "s"), (60.0, "min")]
            .into_iter()
            .map(|(seconds, unit)| (per_second * seconds, unit))
            .find(|(number, _)| *number >= 0.999)
            .unwrap_or((per_second * 3600.0, "h"));
        let text = format!("{number:.3}");
        write!(f, "{}/{unit}", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A text that is no [`Rate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate; expected a number of calls and a unit, such as `4/min` or `0.5/s`")]
pub struct ParseRateError(String);

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let parse = || {
            let (number, unit) = text.split_once('/')?;
            let calls: f64 = number.trim().parse().ok()?;
            let seconds = match unit.trim() {
                "s" | "sec" | "second" => 1.0,
                "m" | "min" | "minute" => 60.0,
                "h" | "hour" => 3600.0,
                _ => return None,
            };
            Self::one_in(Duration::try_from_secs_f64(seconds / calls).ok()?)
        };
        parse().ok_or_else(|| ParseRateError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown() {
        for (text, millis, shown) in [
            ("4/min", 15_000, "4/min"),
            ("0.5/s", 2_000, "30/min"),
            (" 10 / second ", 100, "10/s"),
            ("1.5/h", 2_400_000, "1.5/h"),
        ] {
            let rate: Rate = text.parse().expect(text);
            assert_eq!((rate.interval(), rate.to_string().as_str()), (Duration::from_millis(millis), shown));
        }
        for text in ["", "4", "4/", "/s", "0/s", "-1/s", "NaN/s", "inf/s", "4/year", "1e-9/h", "1e30/s"] {
            assert_eq!(text.parse::<Rate>(), Err(ParseRateError(text.to_owned())));
        }
    }
}
