//! Problems of a spec, for people: each with its place, the line it stands on, what was expected, and the way out.

use super::text::{Text, Tone, count, harmless, list};
use connexa_engine::problem::{Level, Problem};
use serde_json::{Value, json};

/// The document `connexa.problems/1`.
pub(crate) fn document(problems: &[Problem]) -> Value {
    json!({ "schema": "connexa.problems/1", "problems": problems })
}

/// All problems, in their order.
pub(crate) fn text(problems: &[Problem]) -> Text {
    problems.iter().fold(Text::new(), |text, problem| text.then(one(problem)).end())
}

/// `2 errors and 1 warning`.
pub(crate) fn totals(problems: &[Problem]) -> String {
    let number = |level| problems.iter().filter(|p| p.level == level).count();
    let totals = [(number(Level::Error), "error"), (number(Level::Warning), "warning")];
    list(totals.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(n, noun)))
}

fn one(problem: &Problem) -> Text {
    let (tone, word) = match problem.level {
        Level::Error => (Tone::Error, "error"),
        Level::Warning => (Tone::Warning, "warning"),
    };
    let mut text = Text::new()
        .toned(tone, format_args!("{word}[{}]", problem.code))
        .plain(": ")
        .toned(Tone::Strong, &problem.message)
        .end();
    let width = problem.line.map_or(1, |line| line.to_string().len());
    let gutter = " ".repeat(width);
    if let Some(place) = place(problem) {
        text = text.plain(&gutter).toned(Tone::Hint, "--> ").plain(place).end();
    }
    if let (Some(excerpt), Some(line), Some(column)) = (&problem.excerpt, problem.line, problem.column) {
        let (shown, caret) = window(excerpt, column);
        text = text
            .toned(Tone::Hint, format_args!("{gutter} |"))
            .end()
            .toned(Tone::Hint, format_args!("{line} | "))
            .plain(shown)
            .end()
            .toned(Tone::Hint, format_args!("{gutter} | "))
            .plain(" ".repeat(caret))
            .toned(tone, "^")
            .end();
    }
    let mut remark = |name: &str, value: String| {
        text = std::mem::take(&mut text)
            .plain(&gutter)
            .toned(Tone::Hint, " = ")
            .plain(format_args!("{name}: {value}"))
            .end();
    };
    if let Some(of) = of(problem) {
        remark("in", of);
    }
    if let Some(expected) = &problem.expected {
        remark("expected", expected.clone());
    }
    if let Some(hint) = &problem.hint {
        remark("hint", hint.clone());
    }
    text
}

/// `FILE:LINE:COLUMN`, as far as it is known.
fn place(problem: &Problem) -> Option<String> {
    let mut place = match problem.file.as_deref()? {
        "-" => "standard input".to_owned(),
        file => file.to_owned(),
    };
    for number in [problem.line, problem.column].into_iter().flatten() {
        place = format!("{place}:{number}");
    }
    Some(place)
}

/// The item and the field.
fn of(problem: &Problem) -> Option<String> {
    let item = problem.kind.as_ref().map(|kind| match &problem.key {
        Some(key) => format!("{kind} `{key}`"),
        None => kind.clone(),
    });
    match (item, &problem.path) {
        (Some(item), Some(path)) if !path.is_empty() => Some(format!("{item}, field `{path}`")),
        (None, Some(path)) if !path.is_empty() => Some(format!("field `{path}`")),
        (item, _) => item,
    }
}

/// The part of a line around a column (from 1) that fits the eye, made harmless, and where the caret goes.
fn window(line: &str, column: u32) -> (String, usize) {
    const BEFORE: usize = 60;
    const AFTER: usize = 60;
    let characters: Vec<char> = line.trim_end().chars().collect();
    let at = (column.saturating_sub(1) as usize).min(characters.len());
    let from = at.saturating_sub(BEFORE);
    let to = (at + AFTER).min(characters.len());
    let part = |from: usize, to: usize| -> String {
        let raw: String = characters[from..to].iter().collect();
        // A tab is one column wide here as in the place, so that the caret stands under what it points at.
        harmless(&raw.replace('\t', " "))
    };
    let lead = if from > 0 { "…" } else { "" };
    let tail = if to < characters.len() { "…" } else { "" };
    let before = part(from, at);
    let caret = lead.chars().count() + before.chars().count();
    (format!("{lead}{before}{}{tail}", part(at, to)), caret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_engine::problem::{Code, Place};
    use connexa_types::Kind;

    #[test]
    fn a_problem_shows_its_line() {
        let place = Place { file: "a.yaml".into(), line: 14, column: 7 };
        let mut problem = Problem::new(Code::error(103), "unknown field `regoin`")
            .at(&place)
            .of(Kind::NetworkConnector, Some("paris/paris-1"))
            .path("connectors[0].regoin")
            .hint("did you mean `region`?");
        problem.excerpt = Some("    - regoin: eu\u{1b}[2J".to_owned());
        insta::assert_snapshot!(text(&[problem]).render_plain(), @r"
        error[E103]: unknown field `regoin`
          --> a.yaml:14:7
           |
        14 |     - regoin: eu\u{1b}[2J
           |       ^
           = in: network_connector `paris/paris-1`, field `connectors[0].regoin`
           = hint: did you mean `region`?
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let (shown, caret) = window(&line, 501);
        assert_eq!(shown.chars().nth(caret), Some('X'));
        assert_eq!(shown.chars().count(), 122);
    }
}
