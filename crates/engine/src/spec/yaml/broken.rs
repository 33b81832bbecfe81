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
        if self.info == "simple key expect ':'" {
            let info = "a key without a colon, or a line that does not belong here";
            return (self.line_before().unwrap_or(self.noticed), info.to_owned());
        }
        (self.noticed, self.info.to_owned())
    }

    /// The innermost open bracket, if a line after it is indented no deeper than its own: that one goes on with what is
    /// around it.
    fn unclosed(&self) -> Option<Spot> {
        let open = self.open_bracket()?;
        let indent = |line: &str| line.chars().take_while(|c| *c == ' ').count();
        let mut lines = self.lines_from(open.line);
        let first = lines.next()?;
        let outdented = |line: &str| {
            let rest = line.trim();
            !rest.is_empty() && !rest.starts_with(['#', ']', '}']) && indent(line) <= indent(first)
        };
        let between = self.noticed.line.saturating_sub(open.line) as usize;
        lines.take(between).any(outdented).then_some(open)
    }

    /// The bracket that is open where the parser noticed: it reads ahead, so some brackets it has not told of yet.
    fn open_bracket(&self) -> Option<Spot> {
        let is_bracket = |at: Spot| {
            let c = self.lines_from(at.line).next()?.chars().nth(column(at))?;
            matches!(c, '[' | '{').then_some((c, at))
        };
        let mut open: Vec<(char, Spot)> = self.open.and_then(is_bracket).into_iter().collect();
        let mut quote = None;
        for (line, text) in
            (self.understood.line..=self.noticed.line).zip(self.lines_from(self.understood.line))
        {
            let mut before = ' ';
            for (column, c) in (1..).zip(text.chars()) {
                let at = Spot { line, column };
                if at < self.understood {
                    continue;
                }
                if at >= self.noticed {
                    break;
                }
                let begins = before.is_whitespace() || matches!(before, '[' | '{' | ',' | ':');
                match (quote, c) {
                    (Some(end), _) => quote = (c != end).then_some(end),
                    (None, '\'' | '"') if begins => quote = Some(c),
                    (None, '#') if before.is_whitespace() => break,
                    (None, '[' | '{') if begins => open.push((c, at)),
                    (None, ']') => drop(open.pop_if(|(opened, _)| *opened == '[')),
                    (None, '}') => drop(open.pop_if(|(opened, _)| *opened == '{')),
                    _ => {}
                }
                before = c;
            }
        }
        open.last().map(|(_, at)| *at)
    }

    /// The first tab that begins a line, from where the parser was.
    fn tab(&self) -> Option<Spot> {
        let mut lines = (self.noticed.line..).zip(self.lines_from(self.noticed.line)).skip(1);
        let (line, _) = lines.find(|(_, text)| text.trim_start_matches(' ').starts_with('\t'))?;
        Some(Spot { line, column: 1 })
    }

    /// The last line before the one where the parser noticed, blank ones and comments aside, unless it was understood: a
    /// text over several lines ends in that line.
    fn line_before(&self) -> Option<Spot> {
        let until =
            (self.understood.line..self.noticed.line).zip(self.lines_from(self.understood.line)).skip(1);
        let (line, text) =
            until.filter(|(_, text)| !text.trim().is_empty() && !text.trim().starts_with('#')).last()?;
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        Some(Spot { line, column: u32::try_from(indent).ok()?.checked_add(1)? })
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

    /// A spec whose line 4 is as given, after an item in line 3.
    fn with(before: &str, line: &str) -> String {
        let after = "  - {username: c, group: g}\n  - username: d\n    group: g\n";
        format!("users:\n  - {{username: a}}\n  - {before}\n{line}\n{after}")
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
            for before in ["username: b", "{username: b}", "{username: b, devices: [c]}", "[b]"] {
                let parsed = parse(&with(before, line), &mut Budget::new(&Limits::default()));
                let flaw = parsed.fatal.first().unwrap_or_else(|| panic!("{line}: {parsed:?}"));
                assert_eq!(flaw.at.line, 4, "{before} {line}: {flaw:?}");
            }
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
