//! `connexa verify`: whether what a run did is still there as it left it, and nothing was made twice. Changes nothing.

use crate::{
    changing::{
        planning::{OnScreen, unless_stopped, unreachable},
        refused,
        reporting::Reporting,
    },
    cli::{Global, Output, Verify},
    commands::show::reporting,
    exit::Exit,
    failure::Failure,
    past,
    screen::Screen,
    session::{
        Session,
        planning::{self, millis},
    },
    settings::{Target, Variables},
    views::text::{Text, Tone, count, list},
    wiring::{self, SessionOptions, secrets::HostSecrets, signals::Signals},
};
use connexa_engine::{
    current::CurrentState,
    read::{ReadError, ReadOptions},
    report::{CallCounts, ErrorType, Report, ReportedChange, RunOutcome, Timings, Verdict},
    verify::{Finding, ToRead, verify},
};
use connexa_types::{Kind, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// The remark on a change that the run made, and that is not as it left it.
const NOT_AS_LEFT: &str = "not as the run left it";

/// Looks.
pub(crate) async fn run(
    arguments: &Verify,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let (output, past, head) = past::report_of(arguments.of.run.as_deref(), global, variables).await?;
    if head.outcome == RunOutcome::Running {
        let failure =
            Failure::new(Exit::Refused, format!("run {} is at work, and leaves nothing yet", head.id));
        return Err(failure.hint("`watch` follows it to its end"));
    }
    let told = past.tell(&head).await?;
    let target = Target::resolve(global, variables)?;
    let key = past.state.sealing_key()?;
    let mut signals = Signals::catch();
    let options =
        SessionOptions { target: &target, state: &past.state, key: key.clone(), max_rate: None, screen };
    let session = wiring::open(options)?;
    let secrets =
        HostSecrets::new(key, std::path::PathBuf::new(), HashMap::new()).hiding(target.secret_variables());
    let mut report = told.report(past.named.profile.as_deref());
    report.run.started = Timestamp::now();
    let read = unless_stopped(&mut signals, async {
        let read = read(&ToRead::of(&report), &session, &secrets, screen).await;
        read.map_err(|error| unreachable(&session, &error))
    });
    let read = read.await;
    session.close().await;
    let Looked { current, calls, read_ms } = read?;
    "verify".clone_into(&mut report.run.command);
    report.run.finished = Some(Timestamp::now());
    report.calls = calls;
    report.quota = BTreeMap::new();
    report.timings = Timings { read_ms, ..Timings::default() };

    let Judged { as_left, not_shown, wrong } = judge(&mut report, &current);
    report.outcome = if wrong == 0 { RunOutcome::Complete } else { RunOutcome::Partial };
    let said = Text::line(format_args!(
        "{} as run {} left {}{}",
        if as_left == 1 { "1 change is".to_owned() } else { format!("{as_left} changes are") },
        head.id,
        if as_left == 1 { "it" } else { "them" },
        if not_shown > 0 { format!(", {not_shown} that nothing shows") } else { String::new() }
    ));
    // What is to be done about it is for a person to decide.
    let reporting =
        Reporting { kept: false, ..reporting(&told, output, arguments.report.as_deref(), global, screen) };
    if output == Output::Text {
        screen.result(&text(said, wrong, &report));
        reporting.write(&report);
    } else {
        reporting.tell(&report);
    }
    Ok(if wrong == 0 { Exit::Complete } else { Exit::Partial })
}

/// For people.
fn text(said: Text, wrong: usize, report: &Report) -> Text {
    let named = |change: &ReportedChange| format!("{} `{}`", change.kind, change.key);
    let mut text = if wrong == 0 {
        Text::new().toned(Tone::Good, "verified").plain(": ").then(said)
    } else {
        let message = format_args!("{} not as the run left them", count(wrong, "change"));
        let mut text = Text::titled(Tone::Error, "error", message);
        let by_us = report.lists.failed.iter().filter(|change| is_complaint(change));
        for change in by_us {
            let error = change.error.as_deref().unwrap_or_default();
            text = text.then(Text::line(format_args!("  {}: {error}", named(change))));
        }
        text.then(said)
    };
    for change in &report.lists.unknown {
        let note = change.note.as_deref().unwrap_or("nothing shows it");
        text = text.then(Text::line(format_args!("  {}: unknown; {note}", named(change))));
    }
    text
}

/// What was read.
struct Looked {
    current: CurrentState,
    calls: CallCounts,
    read_ms: f64,
}

/// Reads the lists until they are stable: one page, or two passes that agree.
async fn read(
    what: &ToRead,
    session: &Session,
    secrets: &HostSecrets,
    screen: &Screen,
) -> Result<Looked, ReadError> {
    let watch = OnScreen { screen, session };
    let options = ReadOptions {
        lists: what.lists.iter().copied().collect(),
        settings: what.settings.iter().copied().collect(),
        settings_may_lack: true,
        ..ReadOptions::default()
    };
    let once = planning::read(session, session.ports(secrets), options, None, &watch).await?;
    let (mut calls, mut took, mut current) = (once.calls, once.took, once.state);
    let unstable =
        what.lists.iter().copied().filter(|kind| !current.kind(*kind).is_some_and(|list| list.stable));
    let again: Vec<Kind> = unstable.collect();
    if !again.is_empty() {
        let options = ReadOptions { again, ..ReadOptions::default() };
        let twice = planning::read(session, session.ports(secrets), options, Some(current), &watch).await?;
        calls += twice.calls;
        took += twice.took;
        current = twice.state;
    }
    Ok(Looked { current, calls, read_ms: millis(took) })
}

/// How many changes came to what.
#[derive(Default)]
struct Judged {
    as_left: usize,
    not_shown: usize,
    wrong: usize,
}

/// Looks at each change, and puts those that are not as the report says among the failed ones.
fn judge(report: &mut Report, current: &CurrentState) -> Judged {
    let mut judged = Judged::default();
    let mut lists = std::mem::take(&mut report.lists);
    report.counts = BTreeMap::new();
    let mut all = Vec::new();
    for verdict in Verdict::ALL {
        for mut change in std::mem::take(lists.of_mut(verdict)) {
            let finding = verify(verdict, &change, current);
            let mut verdict = verdict;
            match &finding {
                Finding::AsLeft => judged.as_left += 1,
                Finding::NotShown if verdict == Verdict::Succeeded => judged.not_shown += 1,
                Finding::NotShown => {}
                Finding::Found(ids) => note(&mut change, &found(ids)),
                Finding::Missing | Finding::StillThere | Finding::Differs(_) | Finding::Duplicates(_) => {
                    judged.wrong += 1;
                    verdict = Verdict::Failed;
                    complain(&mut change, &finding);
                }
            }
            all.push((verdict, change));
        }
    }
    refused::fill(report, all);
    judged
}

/// Whether a failed change is one that was not found as it was left; the others failed in the run.
fn is_complaint(change: &ReportedChange) -> bool {
    change.note.as_deref().is_some_and(|note| note.ends_with(NOT_AS_LEFT))
}

fn found(ids: &[String]) -> String {
    match ids {
        [] => "nothing with this key is there".to_owned(),
        ids => format!("with this key there is {}", list(ids)),
    }
}

fn note(change: &mut ReportedChange, text: &str) {
    change.note = Some(match change.note.take() {
        Some(before) => format!("{before}; {text}"),
        None => text.to_owned(),
    });
}

fn complain(change: &mut ReportedChange, finding: &Finding) {
    let (error_type, error) = match finding {
        Finding::Missing => (ErrorType::NotFound, "it is not there any more".to_owned()),
        Finding::StillThere => (ErrorType::Drifted, "it is there although it was removed".to_owned()),
        Finding::Differs(names) => {
            let names = list(names.iter().map(|name| format!("`{name}`")));
            (ErrorType::Drifted, format!("it is not as the run left it: {names} differs"))
        }
        Finding::Duplicates(ids) => {
            change.duplicates = Some(ids.clone());
            (ErrorType::Conflict, format!("there is more than one object with this key: {}", list(ids)))
        }
        Finding::AsLeft | Finding::NotShown | Finding::Found(_) => return,
    };
    change.error_type = Some(error_type);
    change.error = Some(error);
    note(change, NOT_AS_LEFT);
}
