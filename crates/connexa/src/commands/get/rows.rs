//! Objects as rows: which of them, in which order, with which fields.

use crate::{failure::Failure, views::text::list};
use connexa_engine::{
    catalog::{self, Setting},
    current::Live,
    key::Compare,
    select::Expression,
};
use connexa_types::Kind;
use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// One object.
pub(super) struct Row {
    /// Its key string.
    pub(super) key: String,
    /// The texts that a name may be, under the rule.
    names: Vec<(Compare, String)>,
    /// Its fields.
    pub(super) item: Map<String, Value>,
    /// Its own part of the key, if it is a network.
    pub(super) cidr: Option<String>,
    /// The id of its parent.
    pub(super) parent: Option<String>,
}

impl Row {
    /// A live object with its fields.
    pub(super) fn of(live: &Live, item: Map<String, Value>) -> Self {
        let rule = catalog::definition(live.kind).key;
        let mut names = vec![(rule, live.key.own.text.clone()), (Compare::Exact, live.id.to_string())];
        if live.key.parent.is_some() {
            // Names of parents are folded, so that a child's whole key is compared without regard to case.
            names.push((Compare::Folded, live.key.to_string()));
        }
        if let Some(setting) =
            (live.kind == Kind::Setting).then(|| catalog::setting(&live.key.own.text)).flatten()
        {
            names.extend(setting.aliases.iter().map(|alias| (Compare::Exact, (*alias).to_owned())));
        }
        Self {
            key: live.key.to_string(),
            names,
            item,
            cidr: (rule == Compare::Cidr).then(|| live.key.own.text.clone()),
            parent: live.parent.as_ref().map(ToString::to_string),
        }
    }

    /// An object as the API gives it; the first of its names is its key.
    pub(super) fn of_answer(object: Value, names: &[&str]) -> Option<Self> {
        let Value::Object(item) = object else { return None };
        let text = |name: &&str| item.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let names: Vec<_> =
            names.iter().filter_map(text).map(|text| (Compare::Folded, text.to_owned())).collect();
        let key = names.first().map(|(_, text)| text.clone()).unwrap_or_default();
        Some(Self { key, names, item, cidr: None, parent: None })
    }
}

/// A name or a glob of the command line.
pub(super) struct Wanted {
    text: String,
    glob: Option<GlobMatcher>,
}

impl Wanted {
    pub(super) fn new(text: &str) -> Result<Self, Failure> {
        let glob = if text.contains(['*', '?', '[', '{']) {
            let glob = GlobBuilder::new(text).case_insensitive(true).literal_separator(false).build();
            let glob =
                glob.map_err(|error| Failure::usage(format!("`{text}` is no glob")).because(&error))?;
            Some(glob.compile_matcher())
        } else {
            None
        };
        Ok(Self { text: text.to_owned(), glob })
    }

    /// Whether it means a setting.
    pub(super) fn is_setting(&self, setting: &Setting) -> bool {
        setting.path == self.text
            || setting.aliases.contains(&self.text.as_str())
            || self.glob.as_ref().is_some_and(|glob| glob.is_match(setting.path))
    }

    /// Whether the row is named by it to the letter: a name may well hold what looks like a glob.
    fn names(&self, row: &Row) -> bool {
        row.names.iter().any(|(rule, name)| rule.canonical(name) == rule.canonical(&self.text))
    }

    fn matches(&self, row: &Row) -> bool {
        let by_glob = |glob: &GlobMatcher| {
            glob.is_match(&row.key) || row.names.first().is_some_and(|(_, name)| glob.is_match(name))
        };
        self.names(row) || self.glob.as_ref().is_some_and(by_glob)
    }
}

/// What was chosen.
pub(super) struct Chosen {
    pub(super) rows: Vec<Row>,
    /// Names that are not there.
    pub(super) missing: Vec<String>,
    /// Globs that match nothing.
    pub(super) unmatched: Vec<String>,
}

/// The rows that are wanted, in the order of the list; all of them if none is named.
pub(super) fn choose(rows: Vec<Row>, wanted: &[Wanted]) -> Chosen {
    let mut chosen = Chosen { rows: Vec::new(), missing: Vec::new(), unmatched: Vec::new() };
    for want in wanted {
        if !rows.iter().any(|row| want.matches(row)) {
            let list = if want.glob.is_some() { &mut chosen.unmatched } else { &mut chosen.missing };
            list.push(want.text.clone());
        }
    }
    let is_wanted = |row: &Row| wanted.is_empty() || wanted.iter().any(|want| want.matches(row));
    chosen.rows = rows.into_iter().filter(is_wanted).collect();
    chosen
}

/// Leaves the rows of which the expression is true.
pub(super) fn keep_matching(rows: &mut Vec<Row>, matching: &Expression) -> Result<(), Failure> {
    let mut failed = None;
    rows.retain(|row| match matching.matches(&row.item) {
        Ok(is_so) => is_so,
        Err(error) => {
            failed.get_or_insert((row.key.clone(), error));
            false
        }
    });
    match failed {
        None => Ok(()),
        Some((key, error)) => {
            Err(Failure::usage(format!("`--where` says nothing about `{key}`")).because(&error))
        }
    }
}

/// Sorts by a field; `-` before it turns the order around. Rows without the field come last.
pub(super) fn sort(rows: &mut [Row], field: &str) -> Result<(), Failure> {
    let (field, reverse) = match field.strip_prefix('-') {
        Some(field) => (field, true),
        None => (field, false),
    };
    if !rows.is_empty() && !rows.iter().any(|row| at(&row.item, field).is_some()) {
        return Err(Failure::usage(format!("no object has the field `{field}`")));
    }
    rows.sort_by(|a, b| match (at(&a.item, field), at(&b.item, field)) {
        (Some(a), Some(b)) if reverse => compare(b, a),
        (Some(a), Some(b)) => compare(a, b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
    Ok(())
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => {
            a.to_lowercase().cmp(&b.to_lowercase()).then_with(|| a.cmp(b))
        }
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

/// The value of a field, leaves of objects with dots.
fn at<'a>(item: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let mut names = field.split('.');
    let mut value = item.get(names.next()?)?;
    for name in names {
        value = value.get(name)?;
    }
    Some(value)
}

/// The fields that objects can have.
pub(super) enum Fields {
    /// Those of a kind.
    OfKind(Kind),
    /// These, of what is called so.
    Named(&'static [&'static str], &'static str),
}

impl Fields {
    pub(super) const fn of_kind(kind: Kind) -> Self {
        Self::OfKind(kind)
    }

    fn know(&self, field: &str) -> bool {
        let first = field.split('.').next().unwrap_or_default();
        match self {
            Self::OfKind(kind) => {
                let definition = catalog::definition(*kind);
                first == "id"
                    || *kind == Kind::Setting && first == "value"
                    || definition.field(first).is_some()
                    || definition.parent_names.first() == Some(&first)
                    || definition.response_only.iter().any(|name| catalog::snake(name) == first)
            }
            Self::Named(names, _) => names.contains(&first),
        }
    }

    fn unknown(&self, field: &str) -> Failure {
        match self {
            Self::OfKind(kind) => {
                let names = catalog::definition(*kind).fields.iter().map(|field| field.name);
                let more = if *kind == Kind::Setting { "value" } else { "id" };
                Failure::usage(format!("a {} has no field `{field}`", kind.singular()))
                    .hint(format!("its fields are {}", list(std::iter::once(more).chain(names))))
            }
            Self::Named(names, what) => Failure::usage(format!("a {what} has no field `{field}`"))
                .hint(format!("its fields are {}", list(names.iter()))),
        }
    }
}

/// Leaves the named fields, in their order.
pub(super) fn keep_fields(rows: &mut [Row], fields: &[String], known: &Fields) -> Result<(), Failure> {
    let in_use = |field: &String| rows.iter().any(|row| at(&row.item, field).is_some());
    if let Some(unknown) = fields.iter().find(|field| !known.know(field) && !in_use(field)) {
        return Err(known.unknown(unknown));
    }
    for row in rows {
        let kept = fields.iter().filter_map(|field| Some((field.clone(), at(&row.item, field)?.clone())));
        row.item = kept.collect();
    }
    Ok(())
}
