//! `connexa export`: the tenant as a spec.

mod folder;

use super::readable_kind;
use crate::{
    cli::{Export, Global, Output},
    exit::Exit,
    failure::Failure,
    looking::{References, Tenant},
    screen::Screen,
    settings::{self, Variables},
    views::{
        csv, json,
        text::{Text, Tone, count, list},
        yaml,
    },
};
use connexa_engine::{
    catalog,
    export::{self, Children, Section},
};
use connexa_types::Kind;
use folder::Folder;

/// Writes live objects as a spec.
pub(crate) async fn run(
    arguments: &Export,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = match global.output {
        None => Output::Yaml,
        Some(_) => settings::output(global, &[Output::Yaml, Output::Json, Output::Jsonl, Output::Csv])?,
    };
    let kinds = kinds(&arguments.kinds)?;
    if output == Output::Csv && arguments.dir.is_none() && kinds.len() > 1 {
        let failure = Failure::usage("a CSV file holds one kind");
        return Err(failure.hint("name one kind, or let `--dir` write a file for each"));
    }
    // Whoever names a folder that cannot be written to should know before anything is read.
    let folder = arguments.dir.as_deref().map(|dir| Folder::open(dir, arguments.force)).transpose()?;

    let mut tenant = Tenant::open(global, variables, screen)?;
    let settings: Vec<&'static str> = if kinds.contains(&Kind::Setting) {
        catalog::SETTINGS.iter().map(|setting| setting.path).collect()
    } else {
        Vec::new()
    };
    let read = tenant.read(&with_children(&kinds), &settings, References::Names).await;
    tenant.close().await;
    let current = read?;

    let children = if output == Output::Csv { Children::Flat } else { Children::Nested };
    let document = export::document(&current, &kinds, children);
    let note = |text: &str| screen.say(&Text::titled(Tone::Hint, "note", text));
    document.notes.iter().for_each(|text| note(text));
    let Some(folder) = folder else {
        let (wanted, others) = match output {
            Output::Csv => document.sections.into_iter().partition(|section| kinds.contains(&section.kind)),
            _ => (document.sections, Vec::new()),
        };
        if let Some(text) = beside(&others) {
            note(&text);
        }
        let text = write(wanted, kinds.first().copied(), output);
        // A CSV may hold what could steer a terminal.
        if output == Output::Csv {
            screen.raw(&text);
        } else {
            screen.document(&text);
        }
        return Ok(Exit::Complete);
    };
    let files = files(document.sections, &kinds, output);
    let written = folder.write(&files)?;
    let path = folder.path().display();
    let changed = count(written.changed, "file");
    let text = match written.unchanged {
        0 => format!("wrote {changed} to `{path}`"),
        same => format!("wrote {changed} to `{path}`; {same} had not changed"),
    };
    note(&text);
    // The spec is in the files; what scripts read from standard output is where.
    if output == Output::Json {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        screen.document(&json::document(&serde_json::json!({
            "dir": folder.path(),
            "files": names,
            "changed": written.changed,
            "unchanged": written.unchanged,
        })));
    }
    if !written.doubles.is_empty() {
        let names = list(written.doubles.iter().map(|name| format!("`{name}`")));
        let verb = if written.doubles.len() == 1 { "holds a kind" } else { "hold kinds" };
        let text =
            format!("{names} in the same folder {verb} that was written now; as one spec they say it twice");
        screen.complain(&Text::titled(Tone::Warning, "warning", text));
    }
    Ok(Exit::Complete)
}

/// The kinds that are asked for; all that are no children, if none is.
fn kinds(words: &[String]) -> Result<Vec<Kind>, Failure> {
    if words.is_empty() {
        let all = Kind::ALL.iter().copied();
        let has_live = |kind: &Kind| catalog::is_listed(*kind) || *kind == Kind::Setting;
        return Ok(all.filter(|kind| has_live(kind) && kind.parent().is_none()).collect());
    }
    let mut kinds = Vec::new();
    for word in words {
        let kind = readable_kind(word)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

/// The kinds with those nested in them.
fn with_children(kinds: &[Kind]) -> Vec<Kind> {
    let nested = |kind: &Kind| catalog::nested(*kind).map(|child| child.kind);
    kinds.iter().copied().chain(kinds.iter().flat_map(nested)).collect()
}

/// A text that holds these sections; of no section, an empty one of a kind.
fn write(sections: Vec<Section>, kind: Option<Kind>, output: Output) -> String {
    match output {
        Output::Json => json::document(&export::spec(sections)),
        Output::Jsonl => {
            let lines = sections.into_iter().flat_map(|section| {
                section.items.into_iter().map(move |item| json::item(section.kind, item) + "\n")
            });
            lines.collect()
        }
        Output::Csv => {
            let section = sections.into_iter().next();
            let kind = section.as_ref().map(|section| section.kind).or(kind);
            let items = section.map(|section| section.items).unwrap_or_default();
            // Without a header a file would be no CSV.
            let header = match kind.filter(|_| items.is_empty()) {
                Some(Kind::Setting) => vec!["key".to_owned(), "value".to_owned()],
                Some(kind) => vec![catalog::definition(kind).key_name.to_owned()],
                None => Vec::new(),
            };
            csv::of_kind(kind, items, &header)
        }
        _ => yaml::document(&export::spec(sections)),
    }
}

/// What a CSV of one kind on standard output leaves out.
fn beside(sections: &[Section]) -> Option<String> {
    if sections.is_empty() {
        return None;
    }
    let kinds = list(sections.iter().map(|section| section.kind.plural()));
    Some(format!("a CSV file holds one kind; left out, and written by `--dir`: {kinds}"))
}

/// The files of a folder by their names: one for each kind, also where there is nothing of it, so that none tells of
/// objects that are gone.
fn files(sections: Vec<Section>, kinds: &[Kind], output: Output) -> Vec<(String, String)> {
    let extension = match output {
        Output::Json => "json",
        Output::Jsonl => "jsonl",
        Output::Csv => "csv",
        _ => "yaml",
    };
    let is_nested = |kind: &Kind| kind.parent().is_some_and(|parent| kinds.contains(&parent));
    let own_file: Vec<Kind> = match output {
        Output::Csv => with_children(kinds),
        _ => kinds.iter().copied().filter(|kind| !is_nested(kind)).collect(),
    };
    let mut files: Vec<(Kind, Vec<Section>)> =
        own_file.iter().map(|kind| (*kind, vec![Section { kind: *kind, items: Vec::new() }])).collect();
    let mut extra = None;
    for section in sections {
        match files.iter_mut().find(|(kind, _)| *kind == section.kind) {
            Some((_, sections)) => *sections = vec![section],
            // The setting that overlapping routes need: in a file of its own it would stand for all settings.
            None => extra = Some(section),
        }
    }
    let routes = files.iter_mut().find(|(kind, _)| matches!(kind, Kind::Network | Kind::NetworkRoute));
    match (extra, routes, output) {
        (Some(extra), _, Output::Csv) => files.push((extra.kind, vec![extra])),
        (Some(extra), Some((_, sections)), _) => sections.insert(0, extra),
        _ => {}
    }
    let text = |(kind, sections)| {
        (format!("{}.{extension}", Kind::plural(kind)), write(sections, Some(kind), output))
    };
    files.into_iter().map(text).collect()
}
