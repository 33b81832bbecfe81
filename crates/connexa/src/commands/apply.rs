//! `connexa apply`: makes the tenant as the spec says.

use crate::{
    changing::{self, Course},
    cli::{Apply, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::spec::Mode;

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
        input: Mode::Spec,
        spec: &arguments.spec,
        scope: &arguments.scope,
        skip_invalid: arguments.skip_invalid,
        run: Some(&arguments.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}
