//! `connexa stop`: stops a run that is at work in another process, as Ctrl-C there does.

use crate::{
    changing::reporting::on_run,
    cli::{Global, Output, Show},
    commands::{show::reporting, watch::follow},
    exit::Exit,
    failure::Failure,
    past::{self, Past, Unnamed},
    screen::Screen,
    settings::{self, Variables},
    views::{
        runs,
        text::{Text, Tone},
    },
    wiring::signals::Signals,
};
use connexa_engine::report::RunOutcome;

/// Asks, and waits until it has stopped.
pub(crate) async fn run(
    arguments: &Show,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json, Output::Markdown])?;
    let mut signals = Signals::catch();
    let past = Past::open(global, variables)?;
    let head = past.find(arguments.of.run.as_deref(), Unnamed::AtWork, global).await?;
    let note = |text: std::fmt::Arguments<'_>| screen.say(&Text::titled(Tone::Hint, "note", text));
    let asked = past.journal.ask_to_stop(&head.id).await.map_err(|error| past::unreadable(&error))?;
    if !asked {
        let message = format!("run {} is not at work: it is {}", head.id, runs::word(head.outcome));
        return Err(Failure::new(Exit::Refused, message));
    }
    note(format_args!("run {} is asked to stop; calls in flight end first", head.id));
    let told = tokio::select! {
        told = follow(&past, &head, screen, |_| {}) => told?,
        signal = signals.next() => {
            note(format_args!("{signal}: not waited for any longer; run {} stops all the same", head.id));
            return Ok(Exit::Stopped);
        }
    };
    let report = told.report(past.named.profile.as_deref());
    match output {
        Output::Text => {
            let word = runs::word(told.head.outcome);
            let verb =
                if told.head.outcome == RunOutcome::Stopped { "has" } else { "has ended before it was" };
            let said = match told.head.outcome {
                RunOutcome::Stopped => {
                    format!("run {} {verb} stopped: {}", head.id, runs::changes(&told.head))
                }
                _ => format!("run {} {verb} stopped: {word}, {}", head.id, runs::changes(&told.head)),
            };
            let mut text = Text::line(said);
            if told.head.is_unfinished() {
                text = text.end().then(Text::titled(Tone::Hint, "hint", "it can be continued:"));
                text = text.then(Text::line(format_args!("  {}", on_run(global, "resume", &head.id))));
            }
            screen.result(&text);
        }
        _ => reporting(&told, output, None, global, screen).tell(&report),
    }
    Ok(Exit::Complete)
}
