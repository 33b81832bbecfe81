//! Text for people: styled spans, plurals, lists.
//!
//! All that reaches a terminal is a [`Text`], and [`Text::render`] is the one place where it becomes bytes. There every
//! span is made harmless, so that a name from a spec or from the service can neither move the cursor nor pretend to be
//! another line.

use connexa_engine::desired::Source;
use owo_colors::{OwoColorize as _, Style};
use std::fmt::{Display, Write as _};

/// What a span means; how it looks is decided in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary text.
    Plain,
    /// `error`.
    Error,
    /// `warning`.
    Warning,
    /// `hint`, `note`.
    Hint,
    /// What went well.
    Good,
    /// A heading.
    Strong,
    /// Of little weight.
    Dim,
}

impl Tone {
    fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Error => style.red().bold(),
            Self::Warning => style.yellow().bold(),
            Self::Hint => style.cyan().bold(),
            Self::Good => style.green(),
            Self::Strong => style.bold(),
            Self::Dim => style.dimmed(),
        }
    }
}

#[derive(Clone, Debug)]
enum Part {
    Span(Tone, String),
    LineEnd,
}

/// Lines of styled text.
#[derive(Clone, Debug, Default)]
#[must_use = "text is for a screen"]
pub(crate) struct Text(Vec<Part>);

impl Text {
    /// No text.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One ordinary line.
    pub(crate) fn line(text: impl Display) -> Self {
        Self::new().plain(text).end()
    }

    /// A line that opens with a word and a colon: `error: …`.
    pub(crate) fn titled(tone: Tone, word: &str, text: impl Display) -> Self {
        Self::new().toned(tone, word).plain(": ").plain(text).end()
    }

    /// Adds ordinary text. A line end in it is shown, not made: see [`Self::end`].
    pub(crate) fn plain(self, text: impl Display) -> Self {
        self.toned(Tone::Plain, text)
    }

    /// Adds text of a tone.
    pub(crate) fn toned(mut self, tone: Tone, text: impl Display) -> Self {
        self.0.push(Part::Span(tone, text.to_string()));
        self
    }

    /// Ends the line.
    pub(crate) fn end(mut self) -> Self {
        self.0.push(Part::LineEnd);
        self
    }

    /// Adds the lines of another text.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Adds text that we wrote ourselves, line ends included.
    pub(crate) fn paragraph(mut self, text: &str) -> Self {
        for line in text.lines() {
            self = self.plain(line).end();
        }
        self
    }

    /// The bytes for a screen, colours included (the stream takes them out where they cannot be seen).
    pub(crate) fn render(&self) -> String {
        self.write(|tone, text, out| {
            if tone == Tone::Plain {
                out.push_str(text);
            } else {
                let _ = write!(out, "{}", text.style(tone.style()));
            }
        })
    }

    /// The bytes for a file: without colours.
    pub(crate) fn render_plain(&self) -> String {
        self.write(|_, text, out| out.push_str(text))
    }

    fn write(&self, mut span: impl FnMut(Tone, &str, &mut String)) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::LineEnd => out.push('\n'),
                Part::Span(tone, text) => span(*tone, &harmless(text), &mut out),
            }
        }
        out
    }
}

/// Whether a character could steer a terminal, break a line or turn the direction of what follows.
pub(crate) fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The text with hazards written out.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hazard(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The key of a change for people. An item without a key is known by its place, and its line is enough for the eye.
pub(crate) fn key_for_people<'a>(key: &'a str, source: Option<&Source>) -> &'a str {
    let Some(Source { file, line, index }) = source else { return key };
    if *key == format!("{file}:{line}:{index}") { &key[..file.len() + format!(":{line}").len()] } else { key }
}

/// A number and its noun: `1 network`, `3 networks`, `2 policies`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {}", plural(n, noun))
}

/// The noun for a number of things.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    if n == 1 {
        return noun.to_owned();
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<T: Display>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| w.to_string()).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

/// As [`list`], with at most `most` words and the number of the others: `a, b and 7 more`.
pub(crate) fn short_list<T: Display>(words: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut words: Vec<String> = words.into_iter().map(|w| w.to_string()).collect();
    // One more word takes no more room than "1 more".
    if words.len() > most + 1 {
        let more = words.len() - most;
        words.truncate(most);
        words.push(format!("{more} more"));
    }
    list(words)
}

/// A span of time as people say it: `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn span_of_time(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is for the eye"
    )]
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words() {
        assert_eq!(count(1, "network"), "1 network");
        assert_eq!(count(0, "reply"), "0 replies");
        assert_eq!(count(2, "day"), "2 days");
        assert_eq!(list(["a"; 0]), "");
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(short_list(["a", "b", "c"], 2), "a, b and c");
        assert_eq!(short_list(["a", "b", "c", "d"], 2), "a, b and 2 more");
        assert_eq!(span_of_time(0.84), "0.8 s");
        assert_eq!(span_of_time(200.0), "3 min 20 s");
        assert_eq!(span_of_time(7500.0), "2 h 5 min");
    }

    #[test]
    fn an_item_without_a_key_is_called_by_its_line() {
        let source = Source { file: "a.json".to_owned(), line: 4, index: 2 };
        let source = Some(&source);
        assert_eq!(key_for_people("a.json:4:2", source), "a.json:4");
        assert_eq!(key_for_people("a.json:4:3", source), "a.json:4:3");
        assert_eq!(key_for_people("10.0.0.0/8", source), "10.0.0.0/8");
        assert_eq!(key_for_people("a.json:4:2", None), "a.json:4:2");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let text = Text::line("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e");
        assert_eq!(text.render(), "a\\u{1b}[2Jb\\nc\\u{9b}d\\u{202e}e\n");
    }

    proptest! {
        #[test]
        fn nothing_hazardous_is_rendered(name in any::<String>()) {
            let text = Text::titled(Tone::Error, "error", &name).render_plain();
            prop_assert!(text.trim_end_matches('\n').chars().all(|c| !is_hazard(c)));
        }
    }
}
