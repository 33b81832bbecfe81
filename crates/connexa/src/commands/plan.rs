//! `connexa plan`: what apply would change, and what it would cost.

use crate::{
    changing::{self, Course, Input, Make, Pace, plan_files::Keeping},
    cli::{Global, Plan},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
};
use connexa_engine::plan::{Guards, Mode};

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
        again: Vec::new(),
        input: Input::spec(&arguments.spec),
        make: Make::Objects(if arguments.skip_invalid { Mode::ApplyValid } else { Mode::Apply }),
        picks: None,
        guards: Guards::default(),
        profiles: None,
        keeping: Keeping {
            prune: arguments.prune.prune.clone(),
            out: arguments.out.as_deref(),
            against: arguments.against.as_deref(),
            file: None,
        },
        pace: Pace::default(),
        scope: &arguments.scope,
        run: None,
        detailed_exitcode: arguments.detailed_exitcode,
    };
    changing::go(course, global, variables, screen).await
}
