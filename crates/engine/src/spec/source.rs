//! From bytes to trees: encoding, format and parsing of one input text (spec section 1.1).

use super::{
    Format, Limits, SourceText, csv, json,
    node::{Budget, Flaw, Parsed, Spot, exceeded},
    yaml,
};
use crate::problem::Code;
use connexa_types::Kind;

/// Parses a text. What cannot be parsed becomes a fatal flaw. `only` is the kind that the command takes.
pub(super) fn parse(source: &SourceText, only: Option<Kind>, limits: &Limits, budget: &mut Budget) -> Parsed {
    let refuse = |flaw| Parsed { fatal: vec![flaw], ..Parsed::default() };
    if source.bytes.len() as u64 > limits.max_file_bytes {
        let start = Spot { line: 1, column: 1 };
        return refuse(exceeded(start, "max_file_bytes", limits.max_file_bytes, "bytes in one file"));
    }
    let text = match text(&source.bytes) {
        Ok(text) => text,
        Err(flaw) => return refuse(flaw),
    };
    match source.format.unwrap_or_else(|| guess(&source.name, text)) {
        Format::Yaml => yaml::parse(text, budget),
        Format::Json => json::parse(text, budget),
        Format::JsonLines => json::parse_lines(text, budget),
        Format::Csv => csv::parse(text, only, kind_of_name(&source.name), budget),
    }
}

/// The text of a file, without its byte order mark.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Flaw> {
    const UTF8: &str = "text in UTF-8";
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let refuse = |valid: &[u8], message: &str| {
        Err(Flaw::new(Code::error(1), end_of(valid), message.to_owned()).expected(UTF8))
    };
    if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
        return refuse(b"", "the text is in UTF-16");
    }
    if let Some(nul) = body.iter().position(|b| *b == 0) {
        // Without a byte order mark, UTF-16 of mostly ASCII shows as NUL in every second byte.
        let utf16 = nul < 2 && body.len() > 3 && body.iter().skip(nul).step_by(2).take(8).all(|b| *b == 0);
        let message = if utf16 { "the text is in UTF-16" } else { "the text holds a NUL character" };
        return refuse(&body[..nul], message);
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text),
        Err(error) => refuse(&body[..error.valid_up_to()], "the text is not valid UTF-8"),
    }
}

/// The place right after some text; bytes that are no text count one each.
fn end_of(valid: &[u8]) -> Spot {
    let valid = String::from_utf8_lossy(valid);
    let last = valid.rsplit('\n').next().unwrap_or_default();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
    Spot { line: count(valid.matches('\n').count()), column: count(last.chars().count()) }
}

/// The format by the name's extension, else by the content.
fn guess(name: &str, text: &str) -> Format {
    let base = base_name(name);
    let extension = base.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    match extension.as_deref() {
        Some("yaml" | "yml") => return Format::Yaml,
        Some("json") => return Format::Json,
        Some("jsonl" | "ndjson") => return Format::JsonLines,
        Some("csv") => return Format::Csv,
        _ => {}
    }
    // YAML's flow style begins with the same characters: `[a]` and `{a: 1}` are read as JSON then, as the format says.
    if text.trim_start().starts_with(['{', '[']) {
        if json::has_second_value(text) { Format::JsonLines } else { Format::Json }
    } else {
        Format::Yaml
    }
}

/// The kind that a file's name up to its first dot names: `users.berlin.csv`.
pub(super) fn kind_of_name(name: &str) -> Option<Kind> {
    base_name(name).split('.').next()?.parse().ok()
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// The folder of a file, with its final `/`; empty for standard input and for files of the working folder.
pub(super) fn folder(name: &str) -> &str {
    name.rfind(['/', '\\']).map_or("", |i| &name[..=i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(text(b"\xef\xbb\xbfa").unwrap(), "a");
        for (bytes, line, column, message) in [
            (&b"\xff\xfea\0"[..], 1, 1, "UTF-16"),
            (b"a\0b\0c\0", 1, 2, "UTF-16"),
            (b"ab: x\ncd\0e", 2, 3, "NUL"),
            (b"a\n\xc3\xa9\xff", 2, 2, "UTF-8"),
        ] {
            let flaw = text(bytes).unwrap_err();
            assert_eq!((flaw.code, flaw.at), (Code::error(1), Spot { line, column }));
            assert!(flaw.message.contains(message), "{}", flaw.message);
        }
    }

    #[test]
    fn formats() {
        for (name, text, format) in [
            ("a/b.yml", "{}", Format::Yaml),
            ("a.JSON", "", Format::Json),
            ("x.ndjson", "", Format::JsonLines),
            ("x.csv", "", Format::Csv),
            ("-", "\n [1]", Format::Json),
            ("-", "{\"a\": 1}\n{\"a\": 2}\n", Format::JsonLines),
            ("spec", "networks: []", Format::Yaml),
            ("dir.json/spec", "a", Format::Yaml),
        ] {
            assert_eq!(guess(name, text), format, "{name}");
        }
        assert_eq!(kind_of_name("dir/users.berlin.json"), Some(Kind::User));
        assert_eq!(kind_of_name("dns-records.json"), Some(Kind::DnsRecord));
        assert_eq!(kind_of_name("-"), None);
    }
}
