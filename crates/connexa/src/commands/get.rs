//! `connexa get`: live objects.

use super::planned_kind;
use crate::{
    changing::planning,
    cli::{Get, Global, Output},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::{self, Target, Variables},
    views::{
        csv, json, table,
        text::{Text, Tone, list},
        yaml,
    },
    wiring::{Session, SessionOptions, secrets::HostSecrets, signals::Signals, state_dir::StateDir},
};
use connexa_engine::{
    catalog,
    current::{CurrentState, Live},
    export::{self, Purpose},
    key::Compare,
    read::ReadOptions,
};
use connexa_types::{Call, Endpoint, Kind};
use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Map, Value, json};
use std::{cmp::Ordering, collections::HashMap};

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Objects of a kind that specs hold.
    Objects(Kind),
    /// Regions; read-only, shown as the API gives them.
    Regions,
}

/// Shows live objects.
pub(crate) async fn run(
    arguments: &Get,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let all = [Output::Text, Output::Json, Output::Jsonl, Output::Yaml, Output::Csv, Output::Name];
    let output = settings::output(global, &all)?;
    let what = match arguments.kind.as_str() {
        "region" | "regions" => What::Regions,
        word => What::Objects(planned_kind(word)?),
    };
    let wanted = arguments.names.iter().map(|name| Wanted::new(name)).collect::<Result<Vec<_>, _>>()?;
    let target = Target::resolve(global, variables)?;
    let state = StateDir::open(&settings::state_dir(global, variables)?)?;
    let key = state.sealing_key()?;
    let mut signals = Signals::catch();
    let options = SessionOptions { target: &target, state: &state, key: key.clone(), max_rate: None, screen };
    let session = Session::open(options)?;
    let secrets =
        HostSecrets::new(key, std::path::PathBuf::new(), HashMap::new()).hiding(target.secret_variables());

    let found = match what {
        What::Objects(kind) => objects(kind, &session, &secrets, &mut signals, screen).await,
        What::Regions => tokio::select! {
            found = regions(&session) => found,
            signal = signals.next() => Err(planning::stopped(signal)),
        },
    };
    session.close().await;
    let mut chosen = choose(found?, &wanted);
    if let Some(field) = &arguments.sort_by {
        sort(&mut chosen.rows, field)?;
    }
    if !arguments.fields.is_empty() {
        keep_fields(&mut chosen.rows, &arguments.fields, what)?;
    }
    match output {
        Output::Text | Output::Markdown => screen.result(&text(&chosen.rows, what, &arguments.fields)),
        Output::Name => {
            screen.raw(&chosen.rows.iter().map(|row| row.key.replace('\n', " ") + "\n").collect::<String>());
        }
        Output::Csv => {
            screen.raw(&csv::table(
                &chosen.rows.into_iter().map(|row| row.item).collect::<Vec<_>>(),
                &arguments.fields,
            ));
        }
        Output::Jsonl => {
            let line = |row: Row| {
                let mut item = Map::from_iter([("kind".to_owned(), json!(what.singular()))]);
                item.extend(row.item);
                json::line(&item) + "\n"
            };
            screen.document(&chosen.rows.into_iter().map(line).collect::<String>());
        }
        Output::Json => screen.document(&json::document(&spec(chosen.rows, what))),
        Output::Yaml => screen.document(&yaml::document(&spec(chosen.rows, what))),
    }
    for glob in &chosen.unmatched {
        let warning = format_args!("no {} matches `{glob}`", what.singular());
        screen.complain(&Text::titled(Tone::Warning, "warning", warning));
    }
    if chosen.missing.is_empty() {
        return Ok(Exit::Complete);
    }
    let names = list(chosen.missing.iter().map(|name| format!("`{name}`")));
    screen.complain(&Text::titled(
        Tone::Error,
        "error",
        format_args!("there is no {} {names}", what.singular()),
    ));
    Ok(Exit::Refused)
}

impl What {
    const fn singular(self) -> &'static str {
        match self {
            Self::Objects(kind) => kind.singular(),
            Self::Regions => "region",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Objects(kind) => kind.plural(),
            Self::Regions => "regions",
        }
    }
}

/// One object.
struct Row {
    /// Its key string.
    key: String,
    /// The texts that a name may be, under the rule.
    names: Vec<(Compare, String)>,
    /// Its fields.
    item: Map<String, Value>,
}

async fn objects(
    kind: Kind,
    session: &Session,
    secrets: &HostSecrets,
    signals: &mut Signals,
    screen: &Screen,
) -> Result<Vec<Row>, Failure> {
    let mut lists = export::own_lists([kind]);
    let mut current = CurrentState::new(session.tenant().clone());
    // Lists that only give names are read where there is something to name.
    while !lists.is_empty() {
        let options = ReadOptions { lists: lists.into_iter().collect(), ..ReadOptions::default() };
        current = planning::read(session, secrets, options, Some(current), signals, screen).await?.state;
        lists = export::referred(&current, [kind]);
    }
    let objects = current.kind(kind).map_or(&[][..], |live| &live.objects);
    Ok(objects.iter().map(|live| row(live, &current)).collect())
}

fn row(live: &Live, current: &CurrentState) -> Row {
    let rule = catalog::definition(live.kind).key;
    let mut names = vec![(rule, live.key.own.text.clone()), (Compare::Exact, live.id.to_string())];
    if live.key.parent.is_some() {
        // Names of parents are folded, so that a child's whole key is compared without regard to case.
        names.push((Compare::Folded, live.key.to_string()));
    }
    Row { key: live.key.to_string(), names, item: export::item(current, live, Purpose::View) }
}

async fn regions(session: &Session) -> Result<Vec<Row>, Failure> {
    let answer = session.fetch(&Call::new(Endpoint::RegionList)).await?;
    let regions = answer.json().and_then(Value::as_array).cloned().unwrap_or_default();
    let row = |region: Value| {
        let Value::Object(item) = region else { return None };
        let id = item.get("id").and_then(Value::as_str)?.to_owned();
        Some(Row { names: vec![(Compare::Folded, id.clone())], key: id, item })
    };
    Ok(regions.into_iter().filter_map(row).collect())
}

/// A name or a glob of the command line.
struct Wanted {
    text: String,
    glob: Option<GlobMatcher>,
}

impl Wanted {
    fn new(text: &str) -> Result<Self, Failure> {
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

    /// Whether the row is named by it to the letter: a name may well hold what looks like a glob.
    fn names(&self, row: &Row) -> bool {
        row.names.iter().any(|(rule, name)| rule.canonical(name) == rule.canonical(&self.text))
    }

    fn matches(&self, row: &Row) -> bool {
        let by_glob = |glob: &GlobMatcher| glob.is_match(&row.key) || glob.is_match(&row.names[0].1);
        self.names(row) || self.glob.as_ref().is_some_and(by_glob)
    }
}

struct Chosen {
    rows: Vec<Row>,
    /// Names that are not there.
    missing: Vec<String>,
    /// Globs that match nothing.
    unmatched: Vec<String>,
}

/// The rows that are wanted, in the order of the list; all of them if none is named.
fn choose(rows: Vec<Row>, wanted: &[Wanted]) -> Chosen {
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

/// Sorts by a field; `-` before it turns the order around. Rows without the field come last.
fn sort(rows: &mut [Row], field: &str) -> Result<(), Failure> {
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

/// Leaves the named fields, in their order.
fn keep_fields(rows: &mut [Row], fields: &[String], what: What) -> Result<(), Failure> {
    let known = |field: &String| match what {
        What::Objects(kind) => {
            let definition = catalog::definition(kind);
            let first = field.split('.').next().unwrap_or_default();
            first == "id"
                || definition.field(first).is_some()
                || definition.parent_names.first() == Some(&first)
                || definition.response_only.iter().any(|name| catalog::snake(name) == first)
        }
        What::Regions => true,
    };
    let in_use = |field: &String| rows.iter().any(|row| at(&row.item, field).is_some());
    if let Some(unknown) = fields.iter().find(|field| !known(field) && !in_use(field)) {
        let failure = Failure::usage(format!("a {} has no field `{unknown}`", what.singular()));
        return Err(match what {
            What::Objects(kind) => {
                let names = catalog::definition(kind).fields.iter().map(|field| field.name);
                failure.hint(format!("its fields are id, {}", list(names)))
            }
            What::Regions => failure,
        });
    }
    for row in rows {
        let kept = fields.iter().filter_map(|field| Some((field.clone(), at(&row.item, field)?.clone())));
        row.item = kept.collect();
    }
    Ok(())
}

/// A table for people. Unless the columns are named, objects inside objects are left out, and the ids of objects, which
/// are long and tell nothing, come last.
fn text(rows: &[Row], what: What, fields: &[String]) -> Text {
    let named = !fields.is_empty();
    let id_last = !named && what != What::Regions;
    let mut header: Vec<String> = fields.to_vec();
    for row in rows {
        for (name, value) in &row.item {
            let hidden = !named && value.is_object() || id_last && name == "id";
            if !hidden && !header.contains(name) {
                header.push(name.clone());
            }
        }
    }
    if id_last {
        header.push("id".to_owned());
    }
    if rows.is_empty() {
        return Text::new();
    }
    let cells = rows
        .iter()
        .map(|row| header.iter().map(|name| row.item.get(name).map_or_else(String::new, cell)).collect())
        .collect::<Vec<Vec<String>>>();
    table::texts(&header, &cells)
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A spec of the rows.
fn spec(rows: Vec<Row>, what: What) -> Value {
    let items: Vec<Value> = rows.into_iter().map(|row| Value::Object(row.item)).collect();
    match what {
        What::Objects(_) => json!({ what.plural(): items }),
        What::Regions => Value::Array(items),
    }
}
