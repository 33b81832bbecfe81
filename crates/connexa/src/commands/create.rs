//! `connexa create KIND`: a batch of items, taken one by one.

use super::planned_kind;
use crate::{
    changing::{self, Course},
    cli::{Create, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::spec::Mode;

/// Creates.
pub(crate) async fn run(
    arguments: &Create,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let kind = planned_kind(&arguments.kind)?;
    let course = Course {
        command: "create",
        words: format!("create {}", kind.plural().replace('_', "-")),
        input: Mode::Items(kind),
        spec: &arguments.spec,
        scope: &arguments.scope,
        skip_invalid: false,
        run: Some(&arguments.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}
