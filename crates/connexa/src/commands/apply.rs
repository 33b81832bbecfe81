//! `connexa apply`: makes the tenant as the spec says.

use crate::{
    changing::{self, Course, Input, Make},
    cli::{Apply, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::plan::{Guards, Mode};

/// Applies.
pub(crate) async fn run(
    arguments: &Apply,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let course = Course {
        command: "apply",
        words: "apply".to_owned(),
        again: Vec::new(),
        input: Input::spec(&arguments.spec),
        make: Make::Objects(if arguments.skip_invalid { Mode::ApplyValid } else { Mode::Apply }),
        picks: None,
        guards: Guards::default(),
        profiles: None,
        scope: &arguments.scope,
        run: Some(&arguments.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}
