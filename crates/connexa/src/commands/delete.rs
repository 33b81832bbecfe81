//! `connexa delete`: objects of one kind, or all that a spec names.

use super::{any_kind, items_of, selection};
use crate::{
    changing::{self, Course, Input, Make, Pace, given, picking::Picks, plan_files::Keeping},
    cli::{Delete, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::{
    plan::{Guards, Mode, is_domain_list},
    spec,
};
use connexa_types::Kind;

/// Deletes.
pub(crate) async fn run(
    arguments: &Delete,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let which = &arguments.which;
    let kind = arguments.kind.as_deref().map(any_kind).transpose()?;
    let by_name = !which.names.is_empty() || which.matching.is_some();
    if !by_name && which.items.files.is_empty() {
        return Err(Failure::usage("nothing is to be deleted")
            .hint("name objects, pick them with `--where`, or give a file with `-f`"));
    }
    let mut input = Input {
        mode: spec::Mode::Names(kind),
        files: &which.items.files,
        given: None,
        strict: which.items.strict,
        creating: false,
    };
    let (mut make, mut picks, mut guards) = (Make::Objects(Mode::Delete), None, Guards::default());
    // Items of files are named one by one.
    guards.named = true;
    match kind {
        Some(Kind::Setting) => {
            return Err(Failure::usage("settings cannot be deleted")
                .hint("`update settings` gives one another value"));
        }
        Some(kind) if is_domain_list(kind) => {
            if which.matching.is_some() {
                let message =
                    format!("no call shows {}, so none can be picked by what it is", items_of(kind));
                return Err(Failure::usage(message));
            }
            make = Make::Domains(Mode::Delete);
            input.given = given::items(kind, &which.names, &[])?;
        }
        Some(kind) => {
            let selection = selection(kind, which)?;
            guards.named = selection.is_by_name();
            guards.always = selection.is_by_expression();
            if by_name {
                picks = Some(Picks { kind, selection, or: None, flags: Vec::new() });
            }
        }
        None => {}
    }
    let course = Course {
        command: "delete",
        words: kind.map_or_else(|| "delete".to_owned(), |kind| format!("delete {}", items_of(kind))),
        again: given::words(&which.names, which.matching.as_deref(), &[]),
        input,
        make,
        picks,
        guards,
        profiles: None,
        keeping: Keeping::default(),
        pace: Pace::default(),
        scope: &arguments.scope,
        run: Some(&arguments.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}
