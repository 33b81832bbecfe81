//! The fidelity page (`docs/emulator-fidelity.md`) cannot rot: it names every call and every open question once, every
//! label is one of the three, and every test that it names exists.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use connexa_types::Endpoint;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A row of a table, by the heads of its columns.
#[derive(Debug)]
struct Row {
    /// The heading of the second level that it stands under.
    part: String,
    cells: BTreeMap<String, String>,
}

impl Row {
    fn cell(&self, name: &str) -> &str {
        self.cells.get(name).unwrap_or_else(|| panic!("no column `{name}` in {self:?}"))
    }

    /// The rows of the switches have neither.
    fn is_claim(&self) -> bool {
        self.cells.contains_key("guarded by")
    }
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/emulator-fidelity.md")).unwrap()
}

fn rows(page: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let (mut rows, mut part, mut heads) = (Vec::new(), String::new(), Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut part);
        }
        if !line.starts_with('|') {
            heads.clear();
        } else if heads.is_empty() {
            heads = cells(line);
        } else if !line.starts_with("|-") {
            let cells = cells(line);
            assert_eq!(cells.len(), heads.len(), "{line}");
            rows.push(Row { part: part.clone(), cells: heads.iter().cloned().zip(cells).collect() });
        }
    }
    rows
}

#[test]
fn every_call_stands_on_the_page_once() {
    let page = page();
    let rows = rows(&page);
    let named: Vec<&str> =
        rows.iter().filter(|row| row.part == "Calls").map(|row| row.cell("call").trim_matches('`')).collect();
    let all: Vec<String> = Endpoint::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(named, all);
}

#[test]
fn every_open_question_and_contradiction_stands_on_the_page_once() {
    let page = page();
    let rows = rows(&page);
    for (part, column, last) in [("Open questions", "row", 62), ("Contradictions", "number", 14)] {
        let numbers: Vec<u32> = rows
            .iter()
            .filter(|row| row.part == part)
            .map(|row| row.cell(column).parse().expect("a number"))
            .collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{part}");
    }
}

#[test]
fn every_claim_has_a_label_and_says_something() {
    for row in rows(&page()).iter().filter(|row| row.is_claim()) {
        assert!(["documented", "seen", "assumed"].contains(&row.cell("known")), "{row:?}");
        assert!(!row.cell("what the emulator does").is_empty(), "{row:?}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(&page()).iter().filter(|row| row.is_claim()) {
        let guards = row.cell("guarded by");
        assert!(!guards.is_empty(), "{row:?}");
        for guard in guards.split(", ") {
            let (file, test) = guard
                .strip_prefix('`')
                .and_then(|guard| guard.strip_suffix('`'))
                .and_then(|guard| guard.split_once("::"))
                .unwrap_or_else(|| panic!("`{guard}` is no `file.rs::test`"));
            let tests = sources.entry(file.to_owned()).or_insert_with(|| tests_of(file));
            assert!(tests.contains(test), "there is no test `{test}` in {file}");
        }
    }
}

/// The names of the test functions of a file.
fn tests_of(file: &str) -> BTreeSet<String> {
    let file = if file.contains('/') { file.to_owned() } else { format!("tests/{file}") };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut tests = BTreeSet::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        let after_fn = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        match after_fn.and_then(|rest| rest.split_once('(')) {
            Some((name, _)) if marked => {
                tests.insert(name.to_owned());
                marked = false;
            }
            Some(_) => {}
            None if line.starts_with("#[test]") || line.starts_with("#[tokio::test") => marked = true,
            // Between the mark and the function only further attributes and comments may stand.
            None => marked &= line.starts_with('#') || line.starts_with("//"),
        }
    }
    tests
}
