//! The course of a command that changes something: read what is asked for, read the tenant, plan, ask, run, report.
//!
//! What is asked for stands in files, or is picked on the command line, or both. `plan`, `apply` and the imperative
//! commands are this course with different stops. With `--output json` exactly one document comes out of it on standard
//! output, whichever way it ends.

pub(crate) mod again;
pub(crate) mod earlier;
pub(crate) mod events;
pub(crate) mod given;
pub(crate) mod picking;
pub(crate) mod plan_files;
pub(crate) mod planning;
pub(crate) mod refused;
pub(crate) mod reporting;
pub(crate) mod running;
mod waves;

pub(crate) use crate::session::planning::Make;

use crate::{
    cli::{Global, Output, RunFlags, ScopeFlags, SpecFiles},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    session::{
        planning::{self as session_planning, Looking, Planned, Spent, merged},
        running::{self as session_running, New, Place, add_planning, complete},
    },
    settings::{self, Config, Target, Variables},
    specs::{self, Taken},
    views::{
        failures, markdown, plan as plan_view, problems as problems_view,
        shell::{self, quoted},
        text::{Text, Tone},
    },
    wiring::{
        self, SessionOptions, journal::actor, profiles::ProfileFolder, secrets::HostSecrets,
        signals::Signals, state_dir::StateDir,
    },
};
use connexa_engine::{
    plan::{self, Action, Guards, Plan, PlanOptions, Planning, Selector},
    ports::{ClaimError, Deliver, NoDelivery},
    problem::Problem,
    report::RunOutcome,
    run::{OnFailure, RunOptions},
    spec::{self, SourceText},
};
use connexa_types::Timestamp;
use earlier::Earlier;
use events::EventFile;
use picking::Picks;
use plan_files::Keeping;
use planning::{OnScreen, unreachable};
use reporting::{Reporting, write_failures};
use running::Ended;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// What a command asks for.
pub(crate) struct Course<'a> {
    /// The command, such as `apply`.
    pub(crate) command: &'static str,
    /// The command line up to the files, for hints: `apply`, `create networks`.
    pub(crate) words: String,
    /// What comes after these words on the command line, files and global flags left out; quoted.
    pub(crate) again: Vec<String>,
    /// Where it is said what is asked for.
    pub(crate) input: Input<'a>,
    /// What the plan makes of it.
    pub(crate) make: Make,
    /// What the command line picks beside.
    pub(crate) picks: Option<Picks>,
    /// Which changes count as meant.
    pub(crate) guards: Guards,
    /// What is done about the plan beside making it.
    pub(crate) keeping: Keeping<'a>,
    /// Where profiles go, if any are made.
    pub(crate) profiles: Option<ProfileFolder>,
    /// What the flags of the run leave open.
    pub(crate) pace: Pace,
    /// Which changes are wanted, and how many are meant.
    pub(crate) scope: &'a ScopeFlags,
    /// How it runs; `None` if it ends with the plan.
    pub(crate) run: Option<&'a RunFlags>,
    /// Whether a plan with changes has an exit code of its own.
    pub(crate) detailed_exitcode: bool,
}

impl Course<'_> {
    /// How many changes of existing objects are meant.
    fn guards(&self) -> Guards {
        Guards { named: self.guards.named, always: self.guards.always, ..self.scope.guards() }
    }
}

/// How a run goes where its flags do not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// How much goes on at once; `None`: as the profile says.
    pub(crate) parallel: Option<usize>,
    /// What a failure means for the rest.
    pub(crate) on_failure: OnFailure,
}

/// Where it is said what is asked for.
pub(crate) struct Input<'a> {
    /// What the files hold.
    pub(crate) mode: spec::Mode,
    /// The files.
    pub(crate) files: &'a [String],
    /// Items that the command line itself gives, as a text of its own.
    pub(crate) given: Option<SourceText>,
    /// Whether warnings are errors.
    pub(crate) strict: bool,
    /// Whether each item must be something new.
    pub(crate) creating: bool,
}

impl<'a> Input<'a> {
    /// The files of a spec.
    pub(crate) fn spec(files: &'a SpecFiles) -> Self {
        Self {
            mode: spec::Mode::Spec,
            files: &files.files,
            given: None,
            strict: files.strict,
            creating: false,
        }
    }
}

/// Goes the course.
pub(crate) async fn go(
    course: Course<'_>,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json, Output::Markdown])?;
    let config = Config::load(global, variables)?;
    let protect: Vec<Selector> = course.scope.protect.iter().chain(&config.protect).cloned().collect();
    let started = Timestamp::now();
    let state = StateDir::open(&settings::state_dir(global, variables)?)?;
    let key = state.sealing_key()?;
    let began = Instant::now();
    let parallel = course.run.and_then(|run| run.parallel).or(config.parallel).map_or(8, usize::from);
    let context = Context {
        course: &course,
        global,
        screen,
        output,
        protect: &protect,
        limits: &config.input_limits,
        parallel,
        started,
        began,
        tenant: "",
        profile: None,
        title: String::new(),
    };
    if let Some(export) = course.keeping.against {
        return plan_files::against(&Context { tenant: &format!("file:{export}"), ..context }, export, &key);
    }
    let target = Target::of(&config, global, variables)?;
    let cx = Context { tenant: target.tenant(), profile: target.profile(), title: target.title(), ..context };
    if let Some(failure) = course.keeping.file.as_ref().and_then(|file| file.refusal(cx.tenant, None)) {
        return Ok(cx.refuse(&failure, Vec::new(), &[], &cx.offline()));
    }

    let picks = match &course.picks {
        Some(picks) => Some((picks, picks.overlay(&key)?)),
        None => None,
    };
    let Taken { mut reading, format } = match &course.keeping.file {
        Some(file) => file.taken(),
        None => specs::read(&course.input, &key, &config.input_limits)?,
    };
    let refused_whole = if course.make.is_whole() { reading.has_errors() } else { reading.unreadable };
    let action = course.make.action();
    if refused_whole {
        return Ok(cx.refuse_spec(&reading.problems, &cx.offline(), || {
            refused::items(&reading.desired, &reading.problems, action).collect()
        }));
    }
    let hidden = target.secret_variables();
    if let Some(profiles) = &course.profiles {
        profiles.hide(hidden.clone());
    }
    let mut signals = Signals::catch();
    let max_rate = course.run.and_then(|run| run.max_rate);
    let options = SessionOptions { target: &target, state: &state, key: key.clone(), max_rate, screen };
    let session = match wiring::open(options) {
        Ok(session) => session,
        Err(failure) if failure.exit == Exit::Usage => return Err(failure),
        Err(failure) => {
            let unstarted = refused::items(&reading.desired, &reading.problems, action).collect();
            return Ok(cx.refuse(&failure, unstarted, &[], &cx.offline()));
        }
    };
    let mut inline = std::mem::take(&mut reading.inline_secrets);
    if let Some((_, overlay)) = &picks {
        inline.extend(overlay.inline_secrets.iter().map(|(hash, value)| (hash.clone(), Arc::clone(value))));
    }
    let secrets = HostSecrets::new(key.clone(), working_folder(), inline).hiding(target.secret_variables());

    let request = session_planning::Request {
        make: &course.make,
        options: match &course.keeping.file {
            Some(kept) => kept.file.options(),
            None => PlanOptions {
                strict: course.input.strict,
                scope: course.scope.scope(),
                protect: protect.clone(),
                prune: course.keeping.prune.clone(),
                ..PlanOptions::new(course.make.mode(), course.command)
            },
        },
        // The session's clock began with it; reading the spec came before.
        began: session.now().mono - began.elapsed(),
    };
    let actor = actor(target.key_id());
    let journal = match cx.run_flags().map(|_| wiring::open_journal(&state, session.tenant())).transpose() {
        Ok(journal) => journal,
        Err(failure) => {
            let unstarted = refused::items(&reading.desired, &reading.problems, action).collect();
            let exit = cx.refuse(&failure, unstarted, &[], &cx.offline());
            session.close().await;
            return Ok(exit);
        }
    };
    let earlier = cx.run_flags().zip(journal.as_deref()).map(|(flags, journal)| {
        let place = Place { journal, actor: &actor, take_over: flags.among.take_over };
        Earlier { place, session: &session, secrets: &secrets, hidden: &hidden, flags, global, screen }
    });
    let watch = OnScreen { screen, session: &session };
    let (mut turn, mut recovery) = (Turn::default(), Duration::ZERO);
    let exit = loop {
        let looked = async {
            if let Some(earlier) = &earlier {
                recovery += Box::pin(cx.clear_the_way(earlier, &mut signals)).await?;
            }
            let mut looking = Looking::new(&session, &secrets, &**session.pacer(), &watch, parallel);
            let planned = async {
                if let Some((picks, overlay)) = picks.as_ref().filter(|_| !turn.picked) {
                    picks.pick(overlay, &mut reading.desired, &mut looking, &session, &key, screen).await?;
                    turn.picked = true;
                }
                let planned = session_planning::plan(&mut reading.desired, &request, &mut looking).await;
                planned.map_err(|error| unreachable(&session, &error))
            };
            planning::unless_stopped(&mut signals, planned).await
        };
        let planned = match Box::pin(looked).await {
            Ok(planned) => planned,
            Err(failure) if failure.exit == Exit::Usage => {
                session.close().await;
                return Err(failure);
            }
            Err(failure) => {
                let unstarted = refused::items(&reading.desired, &reading.problems, action).collect();
                let spent = Spent { timings: cx.offline().timings, ..session.spent() };
                break cx.refuse(&failure, unstarted, &[], &spent);
            }
        };
        let Planned { planning, spent } = planned;
        match planning {
            Planning::Refused(problems) => {
                let problems = merged(&reading.problems, &problems);
                break cx.refuse_spec(&problems, &spent, || {
                    refused::items(&reading.desired, &problems, action).collect()
                });
            }
            Planning::Wants(_) => unreachable!("planning goes on until nothing is wanted"),
            Planning::Ready(mut plan) => {
                let problems = merged(&reading.problems, &plan.problems);
                if let Some(profiles) = &course.profiles {
                    profiles.assign(&mut plan);
                }
                let held_back = cx.warn(&mut plan);
                // Those of the reader too: the plan is the one document that a dry run gives.
                plan.problems = problems.iter().filter(|problem| !problem.is_error()).cloned().collect();
                let plan: Arc<Plan> = Arc::from(plan);
                let ready = Ready { spent, plan: Arc::clone(&plan), problems, format, held_back };
                let stale =
                    course.keeping.file.as_ref().and_then(|kept| kept.refusal(cx.tenant, Some(&plan)));
                if let Some(failure) = stale {
                    break cx.refuse(&failure, refused::changes(&plan).collect(), &[], &spent);
                }
                if let Some(out) = course.keeping.out {
                    plan_files::write(out, &plan_files::kept(&course, &protect, &plan, &reading))?;
                }
                let Some(earlier) = &earlier else { break cx.look_only(&ready) };
                if let Some(exit) =
                    Box::pin(cx.carry_out(ready, earlier, &mut turn, recovery, &state, &mut signals)).await?
                {
                    leave(plan);
                    break exit;
                }
            }
        }
    };
    leave(reading);
    session.close().await;
    Ok(exit)
}

/// Leaves a large value as it is. The process ends with the command: to give hundreds of thousands of small pieces back
/// one by one would only make whoever waits for it wait longer.
fn leave<T>(value: T) {
    std::mem::forget(value);
}

/// What is carried on where a plan has to be made again.
#[derive(Default)]
struct Turn {
    /// Whether the items that the command line picks are among those that are asked for.
    picked: bool,
    /// How long has been waited for other runs.
    waited: Duration,
    /// The fingerprint of the plan that has been agreed to.
    agreed: Option<String>,
}

/// Why a plan is held back by its guards.
fn guarded(held_back: &[plan::Exceeded]) -> Option<Failure> {
    if held_back.is_empty() {
        return None;
    }
    let message = held_back.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let flags: Vec<String> = held_back.iter().map(|e| format!("`{} {}`", e.flag, e.needed)).collect();
    Some(
        Failure::new(Exit::Refused, format!("{message}, so nothing was changed"))
            .hint(format!("if that is what you mean, say so with {}", flags.join(" "))),
    )
}

fn working_folder() -> std::path::PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// A plan that is ready, and what belongs to it.
struct Ready {
    /// What planning took.
    spent: Spent,
    plan: Arc<Plan>,
    problems: Vec<Problem>,
    format: failures::Format,
    /// Guards that it would go beyond.
    held_back: Vec<plan::Exceeded>,
}

/// What the parts of the course share.
struct Context<'a> {
    course: &'a Course<'a>,
    global: &'a Global,
    screen: &'a Screen,
    output: Output,
    /// What is never changed.
    protect: &'a [Selector],
    /// What input is too large.
    limits: &'a spec::Limits,
    tenant: &'a str,
    /// The profile that names the tenant.
    profile: Option<&'a str>,
    /// The tenant as it is named in questions.
    title: String,
    /// Most calls in flight at once.
    parallel: usize,
    started: Timestamp,
    began: Instant,
}

type Changes = Vec<(connexa_engine::report::Verdict, connexa_engine::report::ReportedChange)>;

impl Context<'_> {
    /// The flags of the run, if there is to be one.
    fn run_flags(&self) -> Option<&RunFlags> {
        self.course.run.filter(|run| !run.dry_run)
    }

    /// What was spent where no call was made.
    fn offline(&self) -> Spent {
        let plan_ms = session_planning::millis(self.began.elapsed());
        Spent { timings: plan::PlanTimings { read_ms: 0.0, plan_ms }, ..Spent::default() }
    }

    /// The guards that a plan goes beyond. Where it is only looked at, it says so itself.
    fn warn(&self, plan: &mut Plan) -> Vec<plan::Exceeded> {
        let held_back = self.course.guards().exceeded(plan);
        for exceeded in held_back.iter().filter(|_| self.run_flags().is_none()) {
            let (flag, needed) = (exceeded.flag, exceeded.needed);
            plan.warnings
                .push(format!("to apply it, say how many are meant with `{flag} {needed}`: {exceeded}"));
        }
        held_back
    }

    /// Ends with problems of the spec.
    fn refuse_spec(&self, problems: &[Problem], spent: &Spent, changes: impl FnOnce() -> Changes) -> Exit {
        self.screen.complain(&problems_view::text(problems));
        let consequence = if self.run_flags().is_some() { ", so nothing was changed" } else { "" };
        let failure = Failure::new(
            Exit::Refused,
            format!("the spec has {}{consequence}", problems_view::totals(problems)),
        );
        if self.run_flags().is_some() {
            return self.refuse(&failure, changes(), problems, spent);
        }
        self.screen.complain(&failure.text());
        if self.output == Output::Json {
            self.screen.json(&problems_view::document(problems));
        }
        failure.exit
    }

    /// Ends before anything was changed.
    fn refuse(&self, failure: &Failure, changes: Changes, problems: &[Problem], spent: &Spent) -> Exit {
        self.screen.complain(&failure.text());
        let to_file = self.course.run.is_some_and(|run| run.report.is_some());
        if self.output == Output::Json || to_file {
            let mut report = refused::report(self.course.command, self.tenant, self.started);
            if failure.exit == Exit::Stopped {
                report.outcome = RunOutcome::Stopped;
            }
            report.warnings.push(failure.line());
            report.problems = problems.to_vec();
            report.run.profile = self.profile.map(str::to_owned);
            add_planning(&mut report, spent);
            refused::fill(&mut report, changes);
            let reporting = Reporting { kept: false, ..self.reporting() };
            // For people all has been said above.
            if self.output == Output::Json {
                reporting.show(&report);
            }
            reporting.write(&report);
        }
        failure.exit
    }

    /// Sees to it that no earlier run has left anything open. Returns the time that it took, waiting aside.
    async fn clear_the_way(&self, earlier: &Earlier<'_>, signals: &mut Signals) -> Result<Duration, Failure> {
        if self.course.command == "apply" {
            for head in earlier.interrupted().await? {
                match earlier.ask(&head, signals).await? {
                    Some(wish) => Box::pin(earlier.fulfil(&head, wish, signals)).await?,
                    None => return Err(earlier.in_the_way(&head)),
                }
            }
        }
        earlier.settle(None, signals).await
    }

    /// Shows the plan, and no more.
    fn look_only(&self, ready: &Ready) -> Exit {
        self.screen.say(&problems_view::text(&ready.problems));
        self.show_plan(&ready.spent, &ready.plan)
    }

    /// Shows the plan, asks, runs, reports. `None` if the plan has to be made again, since other runs have changed what it
    /// rests on.
    async fn carry_out(
        &self,
        ready: Ready,
        earlier: &Earlier<'_>,
        turn: &mut Turn,
        recovery: Duration,
        state: &StateDir,
        signals: &mut Signals,
    ) -> Result<Option<Exit>, Failure> {
        let Ready { spent, plan, problems, format, held_back } = ready;
        let Earlier { place, session, secrets, flags, .. } = *earlier;
        let refuse = |failure: &Failure| {
            let unstarted = refused::changes(&plan).collect();
            Ok(Some(self.refuse(failure, unstarted, &problems, &spent)))
        };
        self.screen.say(&problems_view::text(&problems));
        let deliver: &dyn Deliver = match &self.course.profiles {
            Some(profiles) => profiles,
            None => &NoDelivery,
        };
        // Of nothing to do nobody is asked; the report says what there was.
        if !plan.is_empty() && turn.agreed.as_ref() != Some(&plan.fingerprint) {
            self.screen.say(&plan_view::summary(&plan).end());
            if let Some(failure) = guarded(&held_back) {
                return refuse(&failure);
            }
            if let Some(failure) = self.ask(&plan, flags, signals).await {
                return refuse(&failure);
            }
            turn.agreed = Some(plan.fingerprint.clone());
        }
        match earlier.overtaken(&plan).await {
            Ok(None) => {}
            Ok(Some(run)) => {
                let note = format_args!("run {run} has changed the same objects meanwhile: looking again");
                self.screen.say(&Text::titled(Tone::Hint, "note", note));
                return Ok(None);
            }
            Err(failure) => return refuse(&failure),
        }
        let events = match EventFile::create(flags.events.as_deref()) {
            Ok(events) => events,
            Err(failure) => return refuse(&failure),
        };
        let id = session_running::new_id();
        let parallel = match (flags.parallel, self.course.pace.parallel) {
            (None, Some(parallel)) => parallel,
            _ => self.parallel,
        };
        let new = New {
            id: &id,
            plan: Arc::clone(&plan),
            command: self.course.command,
            options: RunOptions {
                on_failure: flags.policy.on_failure.map_or(self.course.pace.on_failure, OnFailure::from),
                ..running::options(flags, parallel, session)
            },
        };
        let held = match session_running::begin(new, place, session).await {
            Ok(held) => held,
            Err(error) => {
                if let ClaimError::Taken { run, .. } = &error {
                    let began = Instant::now();
                    match earlier.outlast(run, turn.waited, signals).await {
                        Ok(true) => {
                            turn.waited += began.elapsed();
                            return Ok(None);
                        }
                        Ok(false) => {}
                        Err(failure) => return refuse(&failure),
                    }
                }
                return refuse(&earlier::claim_refused(&error, self.global));
            }
        };
        let request = running::Request {
            flags,
            title: self.title.clone(),
            color: self.global.color,
            deliver,
            events,
            earlier: &[],
        };
        let ended = running::carry(held, &plan, request, session, secrets, signals, self.screen).await;
        let Ended { mut report, cut_off, .. } = ended;
        report.run.profile = self.profile.map(str::to_owned);
        complete(&mut report, &plan, problems, &spent, session);
        if !recovery.is_zero() {
            report.timings.recovery_ms = Some(session_planning::millis(recovery));
        }
        let unreachable = Exit::is_unreachable(&report);
        if unreachable {
            report.outcome = RunOutcome::Refused;
        }
        write_failures(&plan, &mut report, format, flags.failures.as_ref(), state);
        self.reporting().tell(&report);
        if cut_off {
            self.screen.complain(&Text::titled(
                Tone::Warning,
                "warning",
                "stopped at once; calls that were in flight may still be carried out",
            ));
        }
        let exit = if unreachable { Exit::Unreachable } else { Exit::of_run(&report) };
        leave(report);
        Ok(Some(exit))
    }

    /// The end of a command that only looks.
    fn show_plan(&self, spent: &Spent, plan: &Plan) -> Exit {
        match self.output {
            Output::Json => {
                self.screen.json(&plan::document(plan, spent.timings));
            }
            Output::Markdown => self.screen.document(&markdown::plan(plan)),
            _ => self.screen.result(&plan_view::text(plan)),
        }
        if plan.changes.iter().any(|change| change.preset.is_some()) {
            Exit::Partial
        } else if self.course.detailed_exitcode && !plan.is_empty() {
            Exit::Pending
        } else {
            Exit::Complete
        }
    }

    /// Asks whether to go on; says why not.
    async fn ask(&self, plan: &Plan, flags: &RunFlags, signals: &mut Signals) -> Option<Failure> {
        let only_creates = || plan.changes.iter().all(|c| matches!(c.action, Action::Create | Action::NoOp));
        if flags.yes || self.course.make.mode() == plan::Mode::Create && only_creates() {
            return None;
        }
        if !Screen::is_conversation() {
            return Some(
                Failure::new(Exit::Refused, "nobody is there to confirm the plan, so nothing was changed")
                    .hint("`--yes` carries it out without asking, `--dry-run` only shows it"),
            );
        }
        let question = Text::new()
            .plain("Change ")
            .toned(Tone::Strong, &self.title)
            .plain(format_args!(" ({})? [y/N] ", plan_view::cost_in_short(plan)));
        let color = self.global.color;
        let answer = tokio::task::spawn_blocking(move || Screen::new(color, false).ask(&question));
        tokio::select! {
            answer = answer => match answer.ok().flatten().as_deref() {
                Some("y" | "Y" | "yes" | "Yes" | "YES") => None,
                _ => Some(Failure::new(Exit::Declined, "declined, so nothing was changed")),
            },
            signal = signals.next() => Some(planning::stopped(signal)),
        }
    }

    /// Where reports go.
    fn reporting(&self) -> Reporting<'_> {
        let words: Vec<String> = self.course.words.split(' ').map(str::to_owned).collect();
        let files = self.course.input.files.iter().flat_map(|file| ["-f".to_owned(), quoted(file)]);
        let again = words.iter().chain(&self.course.again).cloned().chain(files);
        Reporting {
            global: self.global,
            screen: self.screen,
            output: self.output,
            file: self.course.run.and_then(|run| run.report.as_deref()),
            again: Some(shell::command(self.global, again)),
            mend: words,
            kept: true,
        }
    }
}
