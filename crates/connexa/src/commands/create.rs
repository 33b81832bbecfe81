//! `connexa create KIND`: a batch of items, taken one by one.

use super::{any_kind, items_of};
use crate::{
    changing::{self, Course, Input, Make, Pace, given, plan_files::Keeping},
    cli::{Create, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::{
    plan::{Guards, Mode, is_domain_list},
    spec,
};

/// Creates.
pub(crate) async fn run(
    arguments: &Create,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let kind = any_kind(&arguments.kind)?;
    if arguments.names.is_empty() && arguments.items.files.is_empty() {
        return Err(Failure::usage("nothing is to be created").hint("name items, or give a file with `-f`"));
    }
    let course = Course {
        command: "create",
        words: format!("create {}", items_of(kind)),
        again: given::words(&arguments.names, None, &[("--set", &arguments.set)]),
        input: Input {
            mode: spec::Mode::Items(kind),
            files: &arguments.items.files,
            given: given::items(kind, &arguments.names, &arguments.set)?,
            strict: arguments.items.strict,
            creating: true,
        },
        make: if is_domain_list(kind) { Make::Domains(Mode::Create) } else { Make::Objects(Mode::Create) },
        picks: None,
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
