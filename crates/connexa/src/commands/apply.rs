//! `connexa apply`: makes the tenant as the spec says, or carries a plan out.

use crate::{
    changing::{
        self, Course, Input, Make, Pace,
        plan_files::{Keeping, KeptPlan},
    },
    cli::{Apply, Global},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
    views::shell::quoted,
};
use connexa_engine::{
    plan::{Guards, Mode},
    spec,
};

/// Applies.
pub(crate) async fn run(
    arguments: &Apply,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let file = arguments.plan.as_deref().map(KeptPlan::read).transpose()?;
    let make = match &file {
        Some(kept) => kept.make(),
        None => Make::Objects(if arguments.skip_invalid { Mode::ApplyValid } else { Mode::Apply }),
    };
    let course = Course {
        command: "apply",
        words: "apply".to_owned(),
        again: arguments.plan.iter().map(|path| quoted(&path.display().to_string())).collect(),
        input: Input {
            mode: spec::Mode::Spec,
            files: &arguments.files,
            given: None,
            strict: arguments.strict,
            creating: false,
        },
        make,
        picks: None,
        guards: Guards::default(),
        keeping: Keeping { prune: arguments.prune.prune.clone(), file, ..Keeping::default() },
        profiles: None,
        pace: Pace::default(),
        scope: &arguments.scope,
        run: Some(&arguments.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}
