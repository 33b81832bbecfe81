//! `connexa get`: live objects, and what else the API only shows.

mod past;
mod rows;

use super::readable_kind;
use crate::{
    cli::{Get, Global, Output},
    exit::Exit,
    failure::Failure,
    looking::{References, Tenant},
    screen::Screen,
    settings::{self, Variables},
    views::{
        csv, json, objects,
        text::{Text, Tone, list},
        yaml,
    },
};
use connexa_engine::{
    catalog,
    current::Live,
    export::{self, Purpose, Section},
    select::Expression,
};
use connexa_types::{Call, Endpoint, Kind};
use rows::{Fields, Row, Wanted};
use serde_json::Value;

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Objects of a kind that specs hold.
    Objects(Kind),
    /// Regions.
    Regions,
    /// Sessions, the audit log, the DNS log.
    Past(past::Log),
}

impl What {
    fn of(word: &str) -> Result<Self, Failure> {
        match word.trim().to_ascii_lowercase().replace('-', "_").as_str() {
            "region" | "regions" => Ok(Self::Regions),
            "session" | "sessions" => Ok(Self::Past(past::Log::Sessions)),
            "audit_log" | "audit_logs" => Ok(Self::Past(past::Log::Audit)),
            "dns_log" | "dns_logs" => Ok(Self::Past(past::Log::Dns)),
            _ => Ok(Self::Objects(readable_kind(word)?)),
        }
    }

    /// What one of them is called.
    const fn one(self) -> &'static str {
        match self {
            Self::Objects(kind) => kind.singular(),
            Self::Regions => "region",
            Self::Past(log) => log.one(),
        }
    }
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
    let what = What::of(&arguments.kind)?;
    let wanted = arguments.names.iter().map(|name| Wanted::new(name)).collect::<Result<Vec<_>, _>>()?;
    let matching = arguments.matching.as_deref().map(|text| expression(text, what)).transpose()?;
    if !matches!(what, What::Past(_)) && arguments.past.is_given() {
        let kinds = "`--from`, `--to`, `--status`, `--only-new` and `--initiator` are for sessions and logs";
        return Err(Failure::usage(kinds));
    }

    let mut tenant = Tenant::open(global, variables, screen)?;
    // Keys need no names of what objects refer to.
    let keys_only = output == Output::Name && matching.is_none() && arguments.sort_by.is_none();
    let found = match what {
        What::Objects(kind) => {
            let references = if keys_only { References::Nothing } else { References::Names };
            objects(kind, &wanted, references, &mut tenant).await
        }
        What::Regions => regions(&mut tenant).await,
        What::Past(log) => {
            // With a choice to make, how many entries it takes is not known.
            let enough = arguments
                .limit
                .filter(|_| wanted.is_empty() && matching.is_none() && arguments.sort_by.is_none());
            past::read(log, &arguments.past, enough, &mut tenant).await
        }
    };
    tenant.close().await;
    let mut chosen = rows::choose(found?, &wanted);
    if let Some(matching) = &matching {
        rows::keep_matching(&mut chosen.rows, matching)?;
    }
    if let Some(field) = &arguments.sort_by {
        rows::sort(&mut chosen.rows, field)?;
    }
    if let Some(limit) = arguments.limit {
        chosen.rows.truncate(limit.get());
    }
    if !arguments.fields.is_empty() {
        rows::keep_fields(&mut chosen.rows, &arguments.fields, &fields_of(what))?;
    }
    show(chosen.rows, what, output, &arguments.fields, screen);

    for glob in &chosen.unmatched {
        let warning = format_args!("no {} matches `{glob}`", what.one());
        screen.complain(&Text::titled(Tone::Warning, "warning", warning));
    }
    if chosen.missing.is_empty() {
        return Ok(Exit::Complete);
    }
    let names = list(chosen.missing.iter().map(|name| format!("`{name}`")));
    screen.complain(&Text::titled(Tone::Error, "error", format_args!("there is no {} {names}", what.one())));
    Ok(Exit::Refused)
}

/// Reads an expression of `--where`.
fn expression(text: &str, what: What) -> Result<Expression, Failure> {
    let parsed = Expression::parse(text).and_then(|parsed| match what {
        What::Objects(kind) => parsed.of_kind(kind),
        What::Regions => parsed.of_fields("a region", REGION_FIELDS),
        What::Past(log) => parsed.of_fields(&format!("a {}", log.one()), log.fields()),
    });
    parsed.map_err(|error| {
        let failure = Failure::usage("cannot use the expression of `--where`").because(&error);
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// The fields of a region (API section 6.22).
const REGION_FIELDS: &[&str] = &["id", "continent", "country", "countryIso", "regionName"];

fn fields_of(what: What) -> Fields {
    match what {
        What::Objects(kind) => Fields::of_kind(kind),
        What::Regions => Fields::Named(REGION_FIELDS, what.one()),
        What::Past(log) => Fields::Named(log.fields(), what.one()),
    }
}

async fn objects(
    kind: Kind,
    wanted: &[Wanted],
    references: References,
    tenant: &mut Tenant<'_>,
) -> Result<Vec<Row>, Failure> {
    // Each setting is a call of its own: only those that are asked for.
    let settings: Vec<&'static str> = match kind {
        Kind::Setting => catalog::SETTINGS
            .iter()
            .filter(|setting| wanted.is_empty() || wanted.iter().any(|want| want.is_setting(setting)))
            .map(|setting| setting.path)
            .collect(),
        _ => Vec::new(),
    };
    let current = tenant.read(&[kind], &settings, references).await?;
    let objects = current.kind(kind).map_or(&[][..], |live| &live.objects);
    let is_told = |live: &&Live| kind != Kind::Setting || live.object.get("value").is_some();
    let untold = list(objects.iter().filter(|live| !is_told(live)).map(|live| format!("`{}`", live.key)));
    if !untold.is_empty() {
        if !objects.iter().any(|live| is_told(&live)) {
            return Err(Failure::new(Exit::Unreachable, format!("the service does not tell {untold}")));
        }
        tracing::warn!("the service does not tell {untold}");
    }
    Ok(objects
        .iter()
        .filter(is_told)
        .map(|live| Row::of(live, export::item(&current, live, Purpose::View)))
        .collect())
}

async fn regions(tenant: &mut Tenant<'_>) -> Result<Vec<Row>, Failure> {
    let answer = tenant.fetch(&Call::new(Endpoint::RegionList)).await?;
    let regions = answer.json().and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(regions.into_iter().filter_map(|region| Row::of_answer(region, &["id"])).collect())
}

/// Writes the rows in the form that is wanted.
fn show(mut rows: Vec<Row>, what: What, output: Output, fields: &[String], screen: &Screen) {
    let items = |rows: Vec<Row>| rows.into_iter().map(|row| row.item).collect::<Vec<_>>();
    if matches!((what, output), (What::Objects(Kind::Setting), Output::Csv | Output::Jsonl))
        && fields.is_empty()
    {
        // A setting that is unset has no form that reads back.
        rows.retain(|row| row.item.contains_key("value"));
    }
    match output {
        Output::Name => {
            screen.raw(&rows.iter().map(|row| row.key.replace('\n', " ") + "\n").collect::<String>());
        }
        Output::Text => {
            let layout = match what {
                What::Objects(Kind::Setting) | What::Regions => objects::Layout::AllFields,
                What::Objects(_) => objects::Layout::IdLast,
                What::Past(log) => objects::Layout::These(log.shown()),
            };
            screen.result(&objects::table(&items(rows), layout, fields));
        }
        Output::Csv => {
            let kind = match what {
                What::Objects(kind) => Some(kind),
                What::Regions | What::Past(_) => None,
            };
            if overlapping(&rows) {
                let text = "routes of two networks overlap; a spec of them needs \
                            `wpc.routes_advanced_configuration_enabled: true` too";
                screen.say(&Text::titled(Tone::Hint, "note", text));
            }
            screen.raw(&csv::of_kind(kind, items(rows), fields));
        }
        Output::Jsonl => {
            let lines: String = match what {
                What::Objects(kind) => {
                    let lines = sections(kind, rows).into_iter().flat_map(|section| {
                        section.items.into_iter().map(move |item| json::item(section.kind, item) + "\n")
                    });
                    lines.collect()
                }
                What::Regions | What::Past(_) => {
                    items(rows).iter().map(|item| json::line(item) + "\n").collect()
                }
            };
            screen.document(&lines);
        }
        Output::Json | Output::Yaml => {
            let value = match what {
                What::Objects(kind) => export::spec(sections(kind, rows)),
                What::Regions | What::Past(_) => items(rows).into(),
            };
            let document =
                if output == Output::Json { json::document(&value) } else { yaml::document(&value) };
            screen.document(&document);
        }
        // Not among the outputs of this command.
        Output::Markdown => {}
    }
}

/// The rows as a spec that reads back.
fn sections(kind: Kind, rows: Vec<Row>) -> Vec<Section> {
    let section = |rows: Vec<Row>| Section { kind, items: rows.into_iter().map(|row| row.item).collect() };
    if overlapping(&rows) { vec![Section::allowing_overlap(), section(rows)] } else { vec![section(rows)] }
}

/// Whether there are routes of two networks that overlap, which a spec takes only together with the setting.
fn overlapping(rows: &[Row]) -> bool {
    export::routes_overlap(rows.iter().filter_map(|row| Some((row.cidr.as_deref()?, row.parent.as_deref()?))))
}
