//! The headers of an answer that steer pacing: the four rate headers and `Retry-After` (API sections 2.1 and
//! 2.4).
//!
//! Garbage in them is never an error: what cannot be read is as if it were not there.

use connexa_types::QuotaHeaders;
use http::HeaderMap;
use jiff::fmt::rfc2822::DateTimeParser;
use std::time::Duration;

/// The longest wait that a `Retry-After` can ask for; more is taken as this.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Reads the four rate headers; `None` where none of them can be read.
pub(crate) fn quota(headers: &HeaderMap) -> Option<QuotaHeaders> {
    // A bucket of size, rate or period 0 cannot be; only `Remaining` can be 0.
    let positive = |name| integer(headers, name).filter(|n| *n > 0);
    let quota = QuotaHeaders {
        burst: positive("x-ratelimit-burst-capacity"),
        rate: positive("x-ratelimit-replenish-rate"),
        seconds: positive("x-ratelimit-replenish-time"),
        remaining: integer(headers, "x-ratelimit-remaining"),
    };
    (!quota.is_empty()).then_some(quota)
}

/// A header that is a plain non-negative integer of at most 63 bits.
fn integer(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>().ok()?.try_into().ok()
}

/// Reads `Retry-After`: seconds, or an HTTP date counted from the answer's own `Date` (so that the two clocks
/// need not agree); a date in the past is no wait at all.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Only digits: what does not fit is too long, not garbage.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text.trim()).ok();
    let sent = date(headers.get(http::header::DATE)?.to_str().ok()?)?;
    let wait = Duration::try_from(date(text)?.duration_since(sent)).unwrap_or_default();
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (n.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(v.as_bytes()).unwrap()))
            .collect()
    }

    #[test]
    fn rate_headers_are_read_and_garbage_is_not() {
        let read = quota(&headers(&[
            ("X-RateLimit-Burst-Capacity", "20"),
            ("X-RateLimit-Replenish-Rate", " 1 "),
            ("X-RateLimit-Replenish-Time", "15"),
            ("X-RateLimit-Remaining", "0"),
        ]));
        let expected = QuotaHeaders { burst: Some(20), rate: Some(1), seconds: Some(15), remaining: Some(0) };
        assert_eq!(read, Some(expected));

        let odd = ["", "-1", "+1", "1.5", "15 seconds", "0x10", "1e3", "99999999999999999999", "∞", "1, 2"];
        for value in odd {
            let pairs = [("X-RateLimit-Remaining", value), ("X-RateLimit-Burst-Capacity", value)];
            assert_eq!(quota(&headers(&pairs)), None, "{value}");
        }
        assert_eq!(quota(&headers(&[("X-RateLimit-Replenish-Rate", "0")])), None);
        assert_eq!(quota(&HeaderMap::new()), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let read = |value: &str| retry_after(&headers(&[("Retry-After", value), ("Date", date)]));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("Thu, 01 Jan 2099 00:00:00 GMT"), Some(LONGEST_WAIT));
        assert_eq!(read("99999999999999999999999"), Some(LONGEST_WAIT));
        for garbage in ["", "-3", "1.5", "soon", "Wed, 99 Oct 2015"] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
        let undated = headers(&[("Retry-After", "Wed, 21 Oct 2015 07:28:30 GMT")]);
        assert_eq!(retry_after(&undated), None, "a date means nothing without the server's own");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_value_is_an_error(value in proptest::collection::vec(32u8..=255, 0..40)) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            let names = ["x-ratelimit-remaining", "x-ratelimit-replenish-time", "retry-after", "date"];
            let map = names.iter().map(|n| (HeaderName::from_static(n), value.clone())).collect();
            let _ = quota(&map);
            prop_assert!(retry_after(&map).is_none_or(|wait| wait <= LONGEST_WAIT));
        }
    }
}
