//! The course of a command that takes a run up again: `resume`, `retry`, `undo`.
//!
//! What is done stands in the journal: plan, options, and how far it came. So nothing is planned: what is left is shown and
//! asked about, earlier runs are settled, and the run goes on under its own id, with one report for all of it.

use super::{
    earlier::{Earlier, refused as take_up_refused},
    events::EventFile,
    planning::stopped,
    refused,
    reporting::{Reporting, mending, write_failures},
    running::{self, Ended, Request, overrides},
};
use crate::{
    cli::{Again, Global, Output},
    exit::Exit,
    failure::Failure,
    past::{self, Past, Told, Unnamed},
    screen::Screen,
    session::{
        history::RAW,
        raw,
        running::{self as session_running, Place, TakeUpError},
    },
    settings::{self, Config, Target, Variables},
    views::{
        failures, markdown, plan as plan_view, runs,
        text::{Text, Tone, count},
    },
    wiring::{
        self, SessionOptions, hook::Hook, journal::actor, profiles::ProfileFolder, secrets::HostSecrets,
        signals::Signals,
    },
};
use connexa_engine::{
    plan::{self, Action, Plan, PlanTimings},
    ports::{ClaimError, Deliver, NoDelivery},
    report::{Report, RunOutcome, Verdict},
    run::{Goal, Overrides},
};
use connexa_types::Timestamp;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// The word of the command that takes a run up to this end.
pub(crate) const fn word(goal: Goal) -> &'static str {
    match goal {
        Goal::Forward => "resume",
        Goal::Retry => "retry",
        Goal::Undo => "undo",
        Goal::Settle => "settle",
        Goal::Abandon => "abandon",
    }
}

/// Goes the course.
pub(crate) async fn go(
    goal: Goal,
    arguments: &Again,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json, Output::Markdown])?;
    let flags = &arguments.run;
    if flags.policy.server_batch.is_some() {
        let message = "how many calls share a request is decided when a run begins";
        return Err(Failure::usage(message).hint("leave `--server-batch` out"));
    }
    let began = Instant::now();
    let config = Config::load(global, variables)?;
    let past = Past::open(global, variables)?;
    let head = past.find(arguments.of.run.as_deref(), Unnamed::Unfinished, global).await?;
    let cx = Course { goal, output, global, screen, flags, profile: past.named.profile.clone() };
    if let Some(failure) = cx.impossible(&head) {
        return Ok(cx.refuse(&failure, &head.tenant, None));
    }
    let told = match past.tell(&head).await {
        Ok(told) => told,
        Err(failure) => return Ok(cx.refuse(&failure, &head.tenant, None)),
    };
    let left = cx.left(&told);
    if flags.dry_run {
        cx.show(&told.plan, &left);
        return Ok(Exit::Complete);
    }
    if told.so_far().is_finished() && !left.contains(&true) {
        let note = format_args!("nothing is left to {} of run {}", word(goal), head.id);
        screen.say(&Text::titled(Tone::Hint, "note", note));
        let report = told.report(cx.profile.as_deref());
        cx.reporting(&told).tell(&report);
        return Ok(Exit::of_run(&report));
    }
    if told.records.is_empty() {
        let message =
            format!("run {} was ended before it began, so there is nothing to {}", head.id, word(goal));
        let failure = Failure::new(Exit::Refused, message);
        return Ok(cx.refuse(
            &failure.hint("give the command that it was started by again"),
            &head.tenant,
            Some(&told),
        ));
    }
    let target = Target::of(&config, global, variables)?;
    let mut signals = Signals::catch();
    if head.command == RAW {
        return cx.close_raw(&told, &past, target.key_id()).await;
    }
    if let Some(failure) = cx.ask(&told, &left, &target.title(), &mut signals).await {
        return Ok(cx.refuse(&failure, &head.tenant, Some(&told)));
    }
    let events = EventFile::create(flags.events.as_deref())?;
    let key = past.state.sealing_key()?;
    let options = SessionOptions {
        target: &target,
        state: &past.state,
        key: key.clone(),
        max_rate: flags.max_rate,
        screen,
    };
    let session = match wiring::open(options) {
        Ok(session) => session,
        Err(failure) if failure.exit == Exit::Usage => return Err(failure),
        Err(failure) => return Ok(cx.refuse(&failure, &head.tenant, Some(&told))),
    };
    let folder = std::env::current_dir().unwrap_or_default();
    let secrets = HostSecrets::new(key, folder, HashMap::new()).hiding(target.secret_variables());
    let actor = actor(target.key_id());
    let place = Place { journal: &*past.journal, actor: &actor, take_over: flags.among.take_over };
    let hidden = &target.secret_variables();
    let earlier = Earlier { place, session: &session, secrets: &secrets, hidden, flags, global, screen };
    // Questions, and settling other runs, are no part of the recovery of this one.
    let looked = began.elapsed();
    let done = async {
        earlier.settle(Some(&head.id), &mut signals).await?;
        let on = On { told: &told, goal, overrides: overrides(flags), earlier, title: target.title() };
        carry(on, events, &mut signals).await
    };
    let done = done.await;
    let exit = match done {
        Ok(carried) => cx.end(carried, &told, &past, looked, &session),
        Err(failure) => cx.refuse(&failure, &head.tenant, Some(&told)),
    };
    session.close().await;
    Ok(exit)
}

/// A run that is to be taken up again.
pub(crate) struct On<'a> {
    /// The run.
    pub(crate) told: &'a Told,
    /// To what end.
    pub(crate) goal: Goal,
    /// What is otherwise than before.
    pub(crate) overrides: Overrides,
    /// What it is carried out with.
    pub(crate) earlier: Earlier<'a>,
    /// The tenant, and its profile, for questions.
    pub(crate) title: String,
}

/// What became of it.
pub(crate) struct Carried {
    pub(crate) report: Report,
    pub(crate) cut_off: bool,
    /// Reading the journal, up to the first list call; the settle time aside.
    recovery: Duration,
}

/// Takes a run up again, and carries it out.
pub(crate) async fn carry(
    on: On<'_>,
    events: Option<EventFile>,
    signals: &mut Signals,
) -> Result<Carried, Failure> {
    let On { told, goal, overrides, earlier, title } = on;
    let Earlier { place, session, secrets, hidden, flags, global, screen } = earlier;
    let began = session.now().mono;
    let mut waited = Duration::ZERO;
    let overrides = Overrides { update_period: session_running::update_period(session), ..overrides };
    let (held, records) = loop {
        let again = session_running::Again {
            id: &told.head.id,
            plan: Arc::clone(&told.plan),
            command: &told.head.command,
            started: told.head.started,
            goal,
            overrides: overrides.clone(),
            sends_nothing: goal == Goal::Abandon,
        };
        let error = match session_running::take_up(again, place).await {
            Ok(held) => break held,
            Err(error) => error,
        };
        let TakeUpError::Claim(
            ClaimError::Taken { run: in_the_way, .. } | ClaimError::Owned { run: in_the_way, .. },
        ) = &error
        else {
            return Err(take_up_refused(&told.head.id, &error, global));
        };
        let before = session.now().mono;
        if !earlier.outlast(in_the_way, waited, signals).await? {
            return Err(take_up_refused(&told.head.id, &error, global));
        }
        waited += session.now().mono.saturating_since(before);
    };
    let reading = session.now().mono.saturating_since(began).saturating_sub(waited);
    let profiles = told.plan.delivery.as_ref().map(|delivery| {
        let hook = delivery.hook.clone().map(|hook| Hook::new(hook, global.color, global.quiet));
        let profiles = ProfileFolder::of(delivery, &told.plan).with_hook(hook);
        profiles.hide(hidden.to_vec());
        profiles
    });
    let deliver: &dyn Deliver = match &profiles {
        Some(profiles) => profiles,
        None => &NoDelivery,
    };
    let request = Request { flags, title, color: global.color, deliver, events, earlier: &records };
    let ended = running::carry(held, &told.plan, request, session, secrets, signals, screen).await;
    let Ended { report, cut_off, until_first_list } = ended;
    Ok(Carried { report, cut_off, recovery: reading + until_first_list })
}

/// What the parts of the course share.
struct Course<'a> {
    goal: Goal,
    output: Output,
    global: &'a Global,
    screen: &'a Screen,
    flags: &'a crate::cli::RunFlags,
    profile: Option<String>,
}

impl Course<'_> {
    /// Why the run cannot be taken up at all.
    fn impossible(&self, head: &connexa_engine::record::RunHead) -> Option<Failure> {
        let refuse = |why: &str| Failure::new(Exit::Refused, format!("run {} {why}", head.id));
        let commands = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| super::reporting::on_run(self.global, word, &head.id)).collect()
        };
        if head.outcome == RunOutcome::Running {
            let failure = refuse("is at work").hint("it can be followed, or stopped:");
            return Some(failure.commands(commands(&["watch", "stop"])));
        }
        if head.abandoned {
            return Some(refuse("was abandoned, so it is not taken up again"));
        }
        (head.command == RAW && self.goal != Goal::Forward).then(|| {
            refuse(
                "is a raw call: what it sent is not recorded, so it can neither be made again nor taken back",
            )
        })
    }

    /// The changes that are left to do, by their index.
    fn left(&self, told: &Told) -> Vec<bool> {
        let so_far = told.so_far();
        let is_left = |index: usize| {
            let change = &told.plan.changes[index];
            let verdict = so_far.verdict(index);
            match self.goal {
                Goal::Undo => {
                    let undoable = matches!(verdict, Some(Verdict::Succeeded | Verdict::Unknown));
                    change.action != Action::NoOp && change.preset.is_none() && undoable
                }
                Goal::Retry => {
                    change.preset.is_none() && !matches!(verdict, Some(Verdict::Succeeded | Verdict::Undone))
                }
                _ => matches!(verdict, None | Some(Verdict::Unprocessed | Verdict::Unknown)),
            }
        };
        (0..told.plan.changes.len()).map(is_left).collect()
    }

    /// Shows what is left, as a plan.
    fn show(&self, plan: &Plan, left: &[bool]) {
        let plan = if self.goal == Goal::Undo { taken_back(plan, left) } else { remaining(plan, left) };
        match self.output {
            Output::Json => self.screen.json(&plan::document(&plan, PlanTimings::default())),
            Output::Markdown => self.screen.document(&markdown::plan(&plan)),
            _ => self.screen.result(&plan_view::text(&plan)),
        }
    }

    /// Asks whether to go on; says why not.
    async fn ask(&self, told: &Told, left: &[bool], title: &str, signals: &mut Signals) -> Option<Failure> {
        if self.flags.yes {
            return None;
        }
        let word = word(self.goal);
        if !Screen::is_conversation() {
            let message = format!("nobody is there to confirm the {word}, so nothing was changed");
            let hint = "`--yes` goes on without asking, `--dry-run` only shows what is left";
            return Some(Failure::new(Exit::Refused, message).hint(hint));
        }
        let changes = count(left.iter().filter(|left| **left).count(), "change");
        let calls = remaining(&told.plan, left).operations.len();
        let question = Text::new()
            .plain(format_args!(
                "run {} ({}, {}): {}",
                told.head.id,
                told.head.command,
                runs::word(told.head.outcome),
                runs::changes(&told.head)
            ))
            .end()
            .plain(match self.goal {
                Goal::Undo => "Take it back in ",
                Goal::Retry => "Try again what is left in ",
                _ => "Continue it in ",
            })
            .toned(Tone::Strong, title)
            .plain(format_args!(" ({changes}, about {})? [y/N] ", count(calls, "update call")));
        let color = self.global.color;
        let answer = tokio::task::spawn_blocking(move || Screen::new(color, false).ask(&question));
        tokio::select! {
            answer = answer => match answer.ok().flatten().as_deref() {
                Some("y" | "Y" | "yes" | "Yes" | "YES") => None,
                _ => Some(Failure::new(Exit::Declined, "declined, so nothing was changed")),
            },
            signal = signals.next() => Some(stopped(signal)),
        }
    }

    /// A raw call is not sent again: what became of it stays unknown.
    async fn close_raw(&self, told: &Told, past: &Past, key_id: &str) -> Result<Exit, Failure> {
        let actor = actor(key_id);
        let take_over = self.flags.among.take_over;
        let place = Place { journal: &*past.journal, actor: &actor, take_over };
        let closed = raw::give_up(&told.head, &told.plan, place).await;
        closed.map_err(|error| take_up_refused(&told.head.id, &error, self.global))?;
        let told = past.tell(&told.head).await?;
        let report = told.report(self.profile.as_deref());
        self.reporting(&told).tell(&report);
        Ok(Exit::of_run(&report))
    }

    /// Tells what the run came to.
    fn end(
        &self,
        carried: Carried,
        told: &Told,
        past: &Past,
        looked: Duration,
        session: &crate::session::Session,
    ) -> Exit {
        let Carried { mut report, cut_off, recovery } = carried;
        // What the records do not hold is added from the plan, as for runs of the past.
        past::complete(&mut report, &told.plan, &told.head, self.profile.as_deref());
        session_running::add_quota(&mut report, session);
        if self.goal == Goal::Undo || told.so_far().is_undone_later() {
            word(Goal::Undo).clone_into(&mut report.run.command);
        }
        report.timings.recovery_ms = Some(crate::session::planning::millis(looked + recovery));
        let format = failures::Format::of(&told.plan);
        write_failures(&told.plan, &mut report, format, self.flags.failures.as_ref(), &past.state);
        self.reporting(told).tell(&report);
        if cut_off {
            self.screen.complain(&Text::titled(
                Tone::Warning,
                "warning",
                "stopped at once; calls that were in flight may still be carried out",
            ));
        }
        Exit::of_run(&report)
    }

    /// Ends before anything was changed.
    fn refuse(&self, failure: &Failure, tenant: &connexa_types::TenantId, told: Option<&Told>) -> Exit {
        self.screen.complain(&failure.text());
        if self.output == Output::Json || self.flags.report.is_some() {
            let mut report = match told {
                Some(told) => told.report(self.profile.as_deref()),
                None => refused::report(word(self.goal), tenant.as_str(), Timestamp::now()),
            };
            report.outcome =
                if failure.exit == Exit::Stopped { RunOutcome::Stopped } else { RunOutcome::Refused };
            report.warnings.push(failure.line());
            let mut reporting = Reporting {
                global: self.global,
                screen: self.screen,
                output: self.output,
                file: self.flags.report.as_deref(),
                mend: Vec::new(),
                again: None,
                kept: false,
            };
            if self.output == Output::Json {
                reporting.show(&report);
            }
            reporting.output = Output::Text;
            reporting.write(&report);
        }
        failure.exit
    }

    fn reporting(&self, told: &Told) -> Reporting<'_> {
        Reporting {
            global: self.global,
            screen: self.screen,
            output: self.output,
            file: self.flags.report.as_deref(),
            mend: mending(&told.head.command, &told.plan),
            again: None,
            kept: true,
        }
    }
}

/// The part of a plan that is left: the changes, and the calls that carry one of them.
fn remaining(plan: &Plan, left: &[bool]) -> Plan {
    let mut operations: Vec<Option<usize>> = Vec::with_capacity(plan.operations.len());
    let mut kept = 0;
    for operation in &plan.operations {
        let wanted = operation.carries.iter().any(|carried| left[carried.change]);
        operations.push(wanted.then_some(kept));
        kept += usize::from(wanted);
    }
    let carried: Vec<bool> = {
        let mut carried = left.to_vec();
        // A call is shown with all that it carries.
        for (operation, _) in plan.operations.iter().zip(&operations).filter(|(_, kept)| kept.is_some()) {
            operation.carries.iter().for_each(|of| carried[of.change] = true);
        }
        carried
    };
    let mut places = vec![None; plan.changes.len()];
    let mut part = plan.clone();
    part.changes.clear();
    for (index, change) in plan.changes.iter().enumerate().filter(|(index, _)| carried[*index]) {
        places[index] = Some(part.changes.len());
        part.changes.push(change.clone());
    }
    for change in &mut part.changes {
        change.parent = change.parent.and_then(|parent| places[parent]);
    }
    part.operations.retain({
        let mut at = 0;
        let operations = &operations;
        move |_| {
            at += 1;
            operations[at - 1].is_some()
        }
    });
    for operation in &mut part.operations {
        for carried in &mut operation.carries {
            carried.change = places[carried.change].expect("all that a call carries is kept with it");
        }
        for links in [&mut operation.needs, &mut operation.after] {
            *links = links.iter().filter_map(|link| operations[*link]).collect();
        }
    }
    part.barriers.clear();
    part.cost.read = 0;
    part.cost.update = u64::try_from(part.operations.len()).unwrap_or(u64::MAX);
    part
}

/// What taking back comes to: each change with its fields the other way round. The calls are found when it is done, from
/// what the tenant then shows.
fn taken_back(plan: &Plan, left: &[bool]) -> Plan {
    let calls = remaining(plan, left).operations.len();
    let mut back = plan.clone();
    back.operations.clear();
    back.barriers.clear();
    back.changes.clear();
    back.warnings.clear();
    for (change, _) in plan.changes.iter().zip(left).filter(|(_, left)| **left).rev() {
        let mut change = change.clone();
        change.parent = None;
        change.notice = None;
        change.action = match change.action {
            Action::Create => Action::Delete,
            Action::Delete => Action::Create,
            other => other,
        };
        let reversed =
            change.fields.iter().map(|(name, [old, new])| (name.clone(), [new.clone(), old.clone()]));
        change.fields = reversed.collect();
        back.changes.push(change);
    }
    "undo".clone_into(&mut back.command);
    back.cost.read = 0;
    back.cost.update = u64::try_from(calls).unwrap_or(u64::MAX);
    back
}
