//! Shared by the tests of the spec reader: reading short texts, and problems in one line each.
#![allow(dead_code, reason = "each test binary uses its own part")]

use connexa_engine::{
    problem::Problem,
    spec::{Format, Limits, Mode, ReadOptions, Reading, SourceText, read},
};
use connexa_types::{Kind, SealingKey};

pub(crate) fn source(name: &str, text: &str) -> SourceText {
    SourceText { name: name.to_owned(), format: None, bytes: text.as_bytes().to_vec() }
}

pub(crate) fn options(mode: Mode) -> ReadOptions {
    ReadOptions { mode, strict: false, limits: Limits::default(), creating: matches!(mode, Mode::Items(_)) }
}

pub(crate) fn read_with(sources: &[SourceText], options: &ReadOptions) -> Reading {
    let key = SealingKey::new([7; 32]);
    read(sources, options, &|field, value| key.seal(field, value))
}

/// Reads one YAML spec.
pub(crate) fn spec(text: &str) -> Reading {
    read_with(&[source("spec.yaml", text)], &options(Mode::Spec))
}

/// Reads the items of `create KIND`.
pub(crate) fn items(kind: Kind, text: &str) -> Reading {
    read_with(&[source("items.yaml", text)], &options(Mode::Items(kind)))
}

/// Reads a text as a format.
pub(crate) fn spec_as(format: Format, text: &str) -> Reading {
    let source = SourceText { format: Some(format), ..source("spec", text) };
    read_with(&[source], &options(Mode::Spec))
}

/// `E103 3:5 connectors[0].regoin`.
pub(crate) fn line(problem: &Problem) -> String {
    let place = format!("{}:{}", problem.line.unwrap_or(0), problem.column.unwrap_or(0));
    format!("{} {place} {}", problem.code, problem.path.as_deref().unwrap_or("-"))
}

pub(crate) fn lines(reading: &Reading) -> Vec<String> {
    reading.problems.iter().map(line).collect()
}

/// The desired state as text, without places: equal for equal specs of any format and spelling.
pub(crate) fn state(reading: &Reading) -> Vec<String> {
    use connexa_engine::desired::{AccessItem, FieldValue, Parent, Target};
    fn value(v: &FieldValue) -> String {
        match v {
            FieldValue::Clear => "clear".into(),
            FieldValue::Value(v) => v.to_string(),
            FieldValue::Reference(r) => target(&r.target),
            FieldValue::References(list) => {
                format!("[{}]", list.iter().map(|r| target(&r.target)).collect::<Vec<_>>().join(" "))
            }
            FieldValue::Access(items) => {
                let shown = |item: &AccessItem| {
                    let parent = item.parent.as_ref().map(|r| target(&r.target)).unwrap_or_default();
                    let children: Vec<_> = item.children.iter().map(|r| target(&r.target)).collect();
                    format!("({} {} {parent} [{}])", item.of, item.all, children.join(" "))
                };
                items.iter().map(shown).collect::<Vec<_>>().concat()
            }
            FieldValue::Object(leaves) => {
                let leaves: Vec<_> = leaves.iter().map(|(n, v)| format!("{n}={}", value(v))).collect();
                format!("{{{}}}", leaves.join(" "))
            }
            FieldValue::Secret(secret) => format!("{secret:?}"),
        }
    }
    fn target(t: &Target) -> String {
        match t {
            Target::Key(key) => format!("@{}", key.own.canonical),
            Target::Id(id) => format!("#{id}"),
            Target::Unchecked(id) => format!("!{id}"),
        }
    }
    let items = &reading.desired.items;
    items
        .iter()
        .map(|item| {
            let parent = match &item.parent {
                None => String::new(),
                Some(Parent::Item(index)) => format!(" in {index}"),
                Some(Parent::Reference(r)) => format!(" in {}", target(&r.target)),
            };
            let kind = match &item.kind {
                Ok(kind) => kind.to_string(),
                Err(word) => format!("?{word}"),
            };
            let id = item.id.as_ref().map_or(String::new(), |id| format!(" id={id}"));
            let fields: Vec<_> = item.fields.iter().map(|(n, v)| format!("{n}={}", value(v))).collect();
            let key = item.key.as_ref().map_or("-".to_owned(), ToString::to_string);
            format!("{kind} {key}{id}{parent}: {}", fields.join(" "))
        })
        .collect()
}
