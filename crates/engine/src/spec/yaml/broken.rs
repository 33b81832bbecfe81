//! Where YAML is broken.
//!
//! The parser notices a bracket that is not closed, or a key without a colon, only lines later, at something that is in
//! order. Whoever has to mend the text is better sent to where it went wrong.

use crate::spec::node::Spot;

/// Where the parser was when it gave up.
pub(super) struct Lost<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// Where it noticed.
    pub(super) noticed: Spot,
    /// What it says of it.
    pub(super) info: &'a str,
    /// The end of what it had understood.
    pub(super) understood: Spot,
    /// Where the innermost open list or mapping began.
    pub(super) open: Option<Spot>,
}

impl Lost<'_> {
    /// Where the text went wrong, and what is wrong there.
    pub(super) fn place(&self) -> (Spot, String) {
        if let Some(open) = self.unclosed() {
            return (open, "the bracket that is opened here is not closed".to_owned());
        }
        if self.info.contains("found a tab")
            && let Some(tab) = self.tab()
        {
            return (tab, "lines cannot be indented with tabs".to_owned());
        }
        let info = match self.info {
            "simple key expect ':'" => "a key without a colon, or a line that does not belong here",
            info => info,
        };
        let at = self.unread().filter(|unread| unread.line < self.noticed.line).unwrap_or(self.noticed);
        (at, info.to_owned())
    }

    /// The innermost bracket, if the lines after it are indented no deeper than its own: they go on with what is around it.
    fn unclosed(&self) -> Option<Spot> {
        let open = self.open?;
        let indent = |line: &str| line.chars().take_while(|c| *c == ' ').count();
        let mut lines = self.lines_from(open.line);
        let first = lines.next()?;
        if !matches!(first.chars().nth(column(open)), Some('[' | '{')) {
            return None;
        }
        let between = self.noticed.line.saturating_sub(open.line) as usize;
        let outdented = |line: &str| {
            let rest = line.trim();
            !rest.is_empty() && !rest.starts_with(['#', ']', '}']) && indent(line) <= indent(first)
        };
        lines.take(between).any(outdented).then_some(open)
    }

    /// The first tab that begins a line, from where the parser was.
    fn tab(&self) -> Option<Spot> {
        let mut lines = (self.noticed.line..).zip(self.lines_from(self.noticed.line)).skip(1);
        let (line, _) = lines.find(|(_, text)| text.trim_start_matches(' ').starts_with('\t'))?;
        Some(Spot { line, column: 1 })
    }

    /// Where what comes after the understood text begins, punctuation aside.
    fn unread(&self) -> Option<Spot> {
        let mut from = column(self.understood);
        for (line, text) in (self.understood.line..).zip(self.lines_from(self.understood.line)) {
            let mut blank = true;
            for (at, c) in text.chars().enumerate().skip(from) {
                match c {
                    '#' if blank => break,
                    ' ' | '\t' | '\r' => blank = true,
                    ',' | ':' | '-' | '?' | ']' | '}' => blank = false,
                    _ => return Some(Spot { line, column: u32::try_from(at).ok()?.checked_add(1)? }),
                }
            }
            from = 0;
        }
        None
    }

    fn lines_from(&self, line: u32) -> impl Iterator<Item = &str> {
        self.text.split('\n').skip((line as usize).saturating_sub(1))
    }
}

fn column(at: Spot) -> usize {
    (at.column as usize).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use crate::spec::{Limits, node::Budget, yaml::parse};

    /// A spec whose line 4 is as given.
    fn with(line: &str) -> String {
        format!(
            "users:\n  - {{username: a}}\n  - username: b\n{line}\n  - {{username: c, group: g}}\n  - username: d\n    group: g\n"
        )
    }

    #[test]
    fn the_broken_line_is_told() {
        for line in [
            "  - {username: x, group: [g}",
            "  - {username: x, group: g",
            "  - {username: x",
            "  - {username: x group: g}",
            "  - {username: x, : : group: g",
            "  - [",
            "  - [x, y   # and no more",
            "    group: {a",
            "    group: [g",
            "    group: 'g",
            "    group: \"g",
            "    group: g: h",
            "    group g",
            "\tgroup: g",
            "garbage",
            "<<<<<<< HEAD",
            "  }",
            "   - x",
        ] {
            let parsed = parse(&with(line), &mut Budget::new(&Limits::default()));
            let flaw = parsed.fatal.first().unwrap_or_else(|| panic!("{line}: {parsed:?}"));
            assert_eq!(flaw.at.line, 4, "{line}: {flaw:?}");
        }
    }

    #[test]
    fn brackets_over_many_lines_are_no_fault() {
        let cases = [
            ("a: [\n  {b: 1}\n  {b: 2}\n]\n", 3),
            ("{\n  \"a\": [\n    {\"b\": 1},\n    {\"b\": 2 \"c\": 3}\n  ]\n}\n", 4),
            ("a:\n  - [b,   # c\n\n     d: e: f]\n", 4),
            ("a: {b: c,\n# d\n  e: @}\n", 3),
        ];
        for (text, line) in cases {
            let parsed = parse(text, &mut Budget::new(&Limits::default()));
            let flaw = parsed.fatal.first().unwrap_or_else(|| panic!("{text}: {parsed:?}"));
            assert_eq!(flaw.at.line, line, "{text}: {flaw:?}");
        }
    }
}
