//! `connexa abandon`: gives a run up. Nothing is sent; what is not known of it stays so, and is said.

use crate::{
    changing::{refused, reporting::on_run},
    cli::{Abandon, Global, Output},
    commands::show::reporting,
    exit::Exit,
    failure::Failure,
    past::{self, Past, Told},
    screen::Screen,
    session::{
        history::{RAW, blank},
        raw,
        running::{self, Place},
    },
    settings::Variables,
    views::text::{Text, Tone, count, short_list},
    wiring::{clock::TokioClock, journal::actor, nothing::Nothing},
};
use connexa_engine::{
    plan::Action,
    ports::ReadJournalError,
    record::RunHead,
    report::{ErrorType, Report, RunOutcome, Verdict},
    run::{Goal, Overrides},
};
use futures_util::stream;
use std::sync::Arc;

/// Gives it up.
pub(crate) async fn run(
    arguments: &Abandon,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let (output, past, head) = past::report_of(arguments.of.run.as_deref(), global, variables).await?;
    if head.outcome == RunOutcome::Running {
        let message = format!("run {} is at work, so it is not given up", head.id);
        let stop = on_run(global, "stop", &head.id);
        return Err(Failure::new(Exit::Refused, message).hint("stop it first:").commands([stop]));
    }
    let told = match Told::of(&*past.journal, &head).await {
        Ok(told) => told,
        // Of a run that cannot be read nothing is known but what it had claimed.
        Err(ReadJournalError::Damaged { .. }) => return damaged(&past, &head, output, screen).await,
        Err(error) => return Err(past::unreadable(&error)),
    };
    if !head.is_unfinished() {
        let word = if head.abandoned { "was abandoned before" } else { "has come to its end" };
        let note = format_args!("run {} {word}: there is nothing to give up", head.id);
        screen.say(&Text::titled(Tone::Hint, "note", note));
        reporting(&told, output, None, global, screen).tell(&told.report(past.named.profile.as_deref()));
        return Ok(Exit::Complete);
    }
    if !told.so_far().is_finished() && !told.records.is_empty() {
        end(&told, &past, arguments.take_over).await?;
    }
    past.journal.abandon(&head.id).await.map_err(|error| past::unreadable(&error))?;
    let told = past.tell(&told.head).await?;
    let report = told.report(past.named.profile.as_deref());
    if output == Output::Text {
        screen.result(&said(&head, &report));
    } else {
        reporting(&told, output, None, global, screen).tell(&report);
    }
    Ok(Exit::Complete)
}

/// Ends the records of the run: what has no verdict gets one.
async fn end(told: &Told, past: &Past, take_over: bool) -> Result<(), Failure> {
    let head = &told.head;
    let actor = actor("");
    let place = Place { journal: &*past.journal, actor: &actor, take_over };
    if head.command == RAW {
        return raw::give_up(head, &told.plan, place).await.map_err(|error| cannot(head, &error));
    }
    let again = running::Again {
        id: &head.id,
        plan: Arc::clone(&told.plan),
        command: &head.command,
        started: head.started,
        goal: Goal::Abandon,
        overrides: Overrides::default(),
        sends_nothing: true,
    };
    let (mut held, _) = running::take_up(again, place).await.map_err(|error| cannot(head, &error))?;
    let clock = TokioClock::start();
    let nothing = Nothing::new(past.named.tenant.clone());
    held.go(nothing.ports(&clock), &mut |_| {}, stream::pending()).await;
    held.release().await;
    Ok(())
}

fn cannot(head: &RunHead, error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Refused, format!("run {} is not given up", head.id)).because(error)
}

/// For people.
fn said(head: &RunHead, report: &Report) -> Text {
    let mut text = Text::line(format_args!("run {} is given up", head.id));
    let unknown = &report.lists.unknown;
    if !unknown.is_empty() {
        let keys = short_list(unknown.iter().map(|change| format!("`{}/{}`", change.kind, change.key)), 20);
        let number = count(unknown.len(), "change");
        let warning = format_args!("of {number} it is not known whether they were made: {keys}");
        text = text.then(Text::titled(Tone::Warning, "warning", warning));
    }
    text
}

/// Gives up a run whose records are damaged.
async fn damaged(past: &Past, head: &RunHead, output: Output, screen: &Screen) -> Result<Exit, Failure> {
    let keys = past.journal.abandon(&head.id).await.map_err(|error| past::unreadable(&error))?;
    let mut report = refused::report(&head.command, head.tenant.as_str(), head.started);
    report.run.id.clone_from(&head.id.0);
    report.run.profile.clone_from(&past.named.profile);
    report.outcome = RunOutcome::Stuck;
    report.warnings.push("the journal of the run is damaged, and the run was abandoned".to_owned());
    let unknown = keys.iter().map(|touched| {
        let (kind, key) = touched.split_once('/').unwrap_or(("", touched));
        let mut change = blank(kind, key.to_owned(), Action::NoOp);
        change.error = Some("the journal does not tell what became of it".to_owned());
        change.error_type = Some(ErrorType::Indeterminate);
        (Verdict::Unknown, change)
    });
    refused::fill(&mut report, unknown);
    match output {
        Output::Json => screen.json(&report),
        Output::Markdown => screen.document(&crate::views::markdown::report(&report)),
        Output::Csv => screen.document(&crate::views::report_csv::table(&report)),
        _ => screen.result(&said(head, &report)),
    }
    Ok(Exit::Complete)
}
