//! `connexa show` and `connexa report`: what a run has done so far, or came to.

use crate::{
    changing::reporting::{Reporting, mending, write_failures},
    cli::{Global, Output, ReportOf, Show},
    exit::Exit,
    failure::Failure,
    past::{self, Told},
    screen::Screen,
    settings::Variables,
    views::failures,
};
use connexa_engine::report::RunOutcome;
use std::path::Path;

/// Shows a run as it stands.
pub(crate) async fn run(
    arguments: &Show,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let (output, past, head) = past::report_of(arguments.of.run.as_deref(), global, variables).await?;
    let told = past.tell(&head).await?;
    let report = told.report(past.named.profile.as_deref());
    reporting(&told, output, None, global, screen).tell(&report);
    Ok(Exit::Complete)
}

/// Gives the report of a run again, and the failures spec with it.
pub(crate) async fn report(
    arguments: &ReportOf,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let (output, past, head) = past::report_of(arguments.of.run.as_deref(), global, variables).await?;
    let told = past.tell(&head).await?;
    let mut report = told.report(past.named.profile.as_deref());
    if report.outcome == RunOutcome::Running {
        let failure =
            Failure::new(Exit::Refused, format!("run {} is at work, and has no report yet", head.id));
        return Err(failure.hint("`show` tells how far it is, `watch` follows it to its end"));
    }
    let format = failures::Format::of(&told.plan);
    write_failures(&told.plan, &mut report, format, arguments.failures.as_ref(), &past.state);
    reporting(&told, output, arguments.report.as_deref(), global, screen).tell(&report);
    Ok(Exit::Complete)
}

/// Where the report of a run of the past goes.
pub(crate) fn reporting<'a>(
    told: &Told,
    output: Output,
    file: Option<&'a Path>,
    global: &'a Global,
    screen: &'a Screen,
) -> Reporting<'a> {
    Reporting {
        global,
        screen,
        output,
        file,
        mend: mending(&told.head.command, &told.plan),
        again: None,
        kept: !told.head.abandoned,
    }
}
