//! `connexa update KIND`: changes fields of objects that are there.

use super::{any_kind, items_of, selection};
use crate::{
    changing::{self, Course, Input, Make, Pace, given, picking::Picks, plan_files::Keeping},
    cli::{Global, Update},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::{
    plan::{Guards, Mode, is_domain_list},
    selection::Assignment,
    spec,
};
use connexa_types::Kind;

/// Updates.
pub(crate) async fn run(
    arguments: &Update,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let kind = any_kind(&arguments.kind)?;
    if is_domain_list(kind) {
        let failure = Failure::usage(format!("{} can be created and deleted only", items_of(kind)));
        return Err(failure.hint("`create` with another comment replaces the one that is there"));
    }
    let flags = assignments(arguments)?;
    let which = &arguments.which;
    let by_name = !which.names.is_empty() || which.matching.is_some();
    if by_name && flags.is_empty() {
        return Err(Failure::usage("nothing is to be changed of what is named")
            .hint("`--set FIELD=VALUE`, `--add`, `--remove` and `--unset` say what"));
    }
    if !by_name && which.items.files.is_empty() {
        return Err(Failure::usage("nothing is to be updated")
            .hint("name objects, pick them with `--where`, or give a file with `-f`"));
    }
    let mut picks = None;
    let mut items = None;
    if kind == Kind::Setting {
        // A setting is named by its path, and is there: it is an item like one of a file.
        if which.matching.is_some() || flags.iter().any(|flag| !matches!(flag, Assignment::Set(..))) {
            return Err(Failure::usage("settings are named by their paths, and take `--set value=VALUE`"));
        }
        items = given::settings(&which.names, &arguments.set)?;
    } else if by_name || !flags.is_empty() {
        picks = Some(Picks { kind, selection: selection(kind, which)?, or: None, flags });
    }
    let sets: [(&str, &[String]); 4] = [
        ("--set", &arguments.set),
        ("--add", &arguments.add),
        ("--remove", &arguments.remove),
        ("--unset", &arguments.unset),
    ];
    let course = Course {
        command: "update",
        words: format!("update {}", items_of(kind)),
        again: given::words(&which.names, which.matching.as_deref(), &sets),
        input: Input {
            mode: spec::Mode::Items(kind),
            files: &which.items.files,
            given: items,
            strict: which.items.strict,
            creating: false,
        },
        make: Make::Objects(Mode::Update),
        picks,
        guards: Guards::default(),
        profiles: None,
        keeping: Keeping::default(),
        pace: Pace::default(),
        scope: &arguments.scope,
        run: Some(&arguments.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}

/// The flags that say what is changed.
fn assignments(arguments: &Update) -> Result<Vec<Assignment>, Failure> {
    let mut flags = Vec::new();
    let mut read = |flag: &str, texts: &[String], make: fn(String, String) -> Assignment| {
        for text in texts {
            let (field, value) = given::parted(flag, text)?;
            flags.push(make(field.to_owned(), value.to_owned()));
        }
        Ok::<(), Failure>(())
    };
    read("--set", &arguments.set, Assignment::Set)?;
    read("--add", &arguments.add, Assignment::Add)?;
    read("--remove", &arguments.remove, Assignment::Remove)?;
    flags.extend(arguments.unset.iter().cloned().map(Assignment::Unset));
    Ok(flags)
}
