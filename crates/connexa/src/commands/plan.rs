//! `connexa plan`: what apply would change, and what it would cost.

use crate::{
    changing::{self, Course},
    cli::{Global, Plan},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::spec::Mode;

/// Plans.
pub(crate) async fn run(
    arguments: &Plan,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let course = Course {
        command: "plan",
        words: "plan".to_owned(),
        input: Mode::Spec,
        spec: &arguments.spec,
        scope: &arguments.scope,
        skip_invalid: arguments.skip_invalid,
        run: None,
        detailed_exitcode: arguments.detailed_exitcode,
    };
    changing::go(course, global, variables, screen).await
}
