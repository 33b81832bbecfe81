//! `connexa watch`: follows a run that is at work in another process, by its journal.

use crate::{
    cli::{Global, Output, Show},
    commands::show::reporting,
    exit::Exit,
    failure::Failure,
    past::{self, Past, Told, Unnamed},
    screen::Screen,
    session::history::{self, SoFar},
    settings::{self, Variables},
    views::{
        json,
        progress::Progress,
        text::{Text, Tone},
    },
    wiring::{clock::TokioClock, signals::Signals},
};
use connexa_engine::{
    machine::Seq,
    record::{RunHead, Stored},
    report::RunOutcome,
};
use std::time::Duration;

/// How often the journal is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// Follows a run to its end.
pub(crate) async fn run(
    arguments: &Show,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json, Output::Jsonl, Output::Markdown])?;
    let mut signals = Signals::catch();
    let past = Past::open(global, variables)?;
    let head = past.find(arguments.of.run.as_deref(), Unnamed::AtWorkOrLast, global).await?;
    let each = |stored: &Stored| {
        if output == Output::Jsonl {
            screen.document(&(json::line(stored) + "\n"));
        }
    };
    let told = tokio::select! {
        told = follow(&past, &head, screen, each) => told?,
        signal = signals.next() => {
            let note = format_args!("{signal}: run {} is watched no longer; it goes on", head.id);
            screen.say(&Text::titled(Tone::Hint, "note", note));
            return Ok(Exit::Stopped);
        }
    };
    let report = told.report(past.named.profile.as_deref());
    if output != Output::Jsonl {
        reporting(&told, output, None, global, screen).tell(&report);
    }
    Ok(Exit::of_run(&report))
}

/// Follows a run until it is not at work any more: `each` is told every record, and progress shown.
pub(crate) async fn follow(
    past: &Past,
    head: &RunHead,
    screen: &Screen,
    each: impl Fn(&Stored),
) -> Result<Told, Failure> {
    let unreadable = |error| past::unreadable(&error);
    let journal = &*past.journal;
    let plan = journal.plan(&head.id).await.map_err(unreadable)?;
    let clock = TokioClock::start();
    let mut progress = None;
    let (mut records, mut so_far): (Vec<Stored>, SoFar) = (Vec::new(), SoFar::default());
    loop {
        // Looked at before the records: what is written before the end is read in any case.
        let head = journal.head(&head.id).await.map_err(unreadable)?;
        let next = records.last().map_or(Seq(1), |last| Seq(last.seq.0 + 1));
        let more = history::records(journal, &head.id, next).await.map_err(unreadable)?;
        for stored in &more {
            each(stored);
            so_far.take(&stored.record);
        }
        records.extend(more);
        if head.outcome != RunOutcome::Running {
            return Ok(Told { head, plan, records });
        }
        let progress = progress.get_or_insert_with(|| Progress::start(screen, clock.mono()));
        progress.tick(&so_far.tick(), clock.mono(), |_| None);
        tokio::time::sleep(LOOK).await;
    }
}
