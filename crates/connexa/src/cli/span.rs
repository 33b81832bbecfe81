//! Spans of time on the command line: `90s`, `5m`, `1h30m`, `500ms`; a bare number is seconds.

use std::time::Duration;

/// Reads a span of time.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let unread = || format!("`{text}` is no span of time; expected one such as 90s, 5m or 1h30m");
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut span = Duration::ZERO;
    let mut largest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| unread())?;
        let after = &rest[digits..];
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let milliseconds = match after[..unit].trim() {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(unread()),
        };
        // Units go down, each once: `1m1h` is a slip of the pen.
        if milliseconds >= largest {
            return Err(unread());
        }
        largest = milliseconds;
        let part = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(unread)?;
        span = span.checked_add(part).ok_or_else(unread)?;
        rest = &after[unit..];
    }
    if largest == u64::MAX { Err(unread()) } else { Ok(span) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        for (text, seconds) in [
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("5m", 300),
            ("1h30m", 5400),
            (" 2h 5s ", 7205),
            ("1d", 86_400),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1s250ms"), Ok(Duration::from_millis(1250)));
        for text in
            ["", "m", "5x", "-5s", "1m1h", "1s1s", "1.5h", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
