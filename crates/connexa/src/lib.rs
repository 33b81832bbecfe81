//! Batch operations for OpenVPN CloudConnexa: a library, and the `connexa` command.
//!
//! A [`Tenant`] is where calls go. A [`Batch`] does the same to many objects, each item by itself; [`Batch::for_each`] does
//! any work; a [`Spec`] says what the tenant should be like, and a [`Plan`] of it tells what that costs before it is run.
//! All of them keep to the quota of the key, send again only what may be sent again, and give each item one verdict.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use connexa::{Batch, Kind, Limits, Plan, PlanOptions, RunOptions, Spec, Tenant};
//! use serde_json::json;
//!
//! // Or `Tenant::connect("https://acme.api.openvpn.com", credentials, TenantOptions::default())`.
//! let tenant = Tenant::emulator(Limits::DEFAULT)?;
//!
//! let networks = [json!({"name": "paris", "egress": false}), json!({"name": "", "egress": "maybe"})];
//! let report = Batch::new(&tenant).parallel(5).create(Kind::Network, &networks).await?;
//! assert_eq!((report.lists.succeeded.len(), report.lists.failed.len()), (1, 1));
//!
//! let spec = Spec::yaml("networks: [{ name: paris, routes: [10.20.0.0/16] }]");
//! let plan = Plan::of(&tenant, &spec, &PlanOptions::default()).await?;
//! assert_eq!(plan.cost().update, 1);
//! let report = plan.run(&RunOptions::default()).await?;
//! # assert_eq!(report.lists.succeeded.len(), 2);
//! # Ok(()) }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! `examples/` has a program for each pattern, and `docs/batch-operations.md` the command for it.
//!
//! Inside, the crate wires the others together: it gives the engine its ports (`wiring`, `session`), and on that stand the
//! library (`library`) and the command line, which reads arguments and settings (`cli`, `settings`), goes the course of a
//! command (`commands`, `changing`), shows what came of it (`views`) and exits (`exit`). The library prints nothing, and
//! neither catches signals nor exits.

mod changing;
mod cli;
mod commands;
mod config;
pub mod exit;
mod failure;
mod input;
mod library;
mod logging;
mod looking;
mod past;
mod screen;
mod session;
mod settings;
mod specs;
mod views;
mod wiring;

pub use connexa_client::{Credentials, TypedCall, api};
pub use connexa_emulator::{self as emulator, Limits};
pub use connexa_engine::{
    plan::{
        Action, Change, Cost, Exceeded, Guards, Operation, PlanDocument, ProfileForm, Prune, Scope, Selector,
        Verb,
    },
    problem::Problem,
    quota::{QuotaView, Rate},
    record::{Event, Record, Tick},
    report::{ErrorType, Report, ReportedChange, RunOutcome, Verdict},
    run::OnFailure,
};
pub use connexa_types::{Kind, SecretValue, TenantId, schema};
pub use library::*;
pub use wiring::journal::{OpenJournalError, SqliteJournal};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use cli::{Cli, Command, Output};
use connexa_engine::run::Goal;
use exit::Exit;
use failure::Failure;
use screen::Screen;
use std::{
    ffi::OsString,
    io::{self, Write as _},
    time::Duration,
};
use views::shell;

/// Runs one command to its end; `arguments` begin with the program's name.
///
/// A panic below is a bug: it ends the command with [`Exit::Bug`] and asks for a report.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let mut arguments = arguments.into_iter().peekable();
    let program = arguments.peek().map_or_else(|| "connexa".to_owned(), |word| shell::program(word));
    let mut cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    cli.global.program = program;
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| command(cli)));
    caught.unwrap_or_else(|_| {
        let _ = writeln!(
            io::stderr(),
            "error: this is a bug of connexa {}; please report it with the lines above\n\n\
             hint: the same command looks first and does just what is missing",
            env!("CARGO_PKG_VERSION")
        );
        Exit::Bug
    })
}

/// Says what is wrong with the arguments, or what was asked for about them.
fn usage(error: &clap::Error) -> Exit {
    // A closed pipe is no reason to complain.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Complete,
        _ => Exit::Usage,
    }
}

fn command(cli: Cli) -> Exit {
    let screen = Screen::new(cli.global.color, cli.global.quiet);
    // A server answers on all cores. A client waits for answers: on one thread no call is handed from core to core.
    let mut builder = match cli.command {
        Command::Emulator(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.complain(&Failure::new(Exit::Bug, "cannot start").because(&error).text());
            return Exit::Bug;
        }
    };
    // For the whole process, which is the command's own.
    let logs = logging::subscriber(cli.global.verbose, cli.global.quiet, cli.global.log_format);
    let _ = tracing::dispatcher::set_global_default(logs);

    let (name, only_tells, global) = (cli.command.name(), cli.command.only_tells(), cli.global.clone());
    let mut exit = match runtime.block_on(dispatch(cli, &screen)) {
        Ok(exit) => exit,
        Err(failure) => fail(&failure, name, &global, &screen),
    };
    if let Some(error) = screen.lost() {
        screen.complain(&Failure::new(exit, "the result could not be written").because(error).text());
        if only_tells && matches!(exit, Exit::Complete | Exit::Pending) {
            exit = Exit::Refused;
        }
    }
    // A thread that waits for an answer on a terminal never ends by itself.
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}

async fn dispatch(cli: Cli, screen: &Screen) -> Result<Exit, Failure> {
    let Cli { command, global } = cli;
    let variables = |name: &str| std::env::var_os(name);
    let variables: settings::Variables<'_> = &variables;
    match command {
        Command::Validate(arguments) => commands::validate::run(&arguments, &global, variables, screen),
        Command::Plan(arguments) => commands::plan::run(&arguments, &global, variables, screen).await,
        Command::Apply(arguments) => commands::apply::run(&arguments, &global, variables, screen).await,
        Command::Create(arguments) => commands::create::run(&arguments, &global, variables, screen).await,
        Command::Update(arguments) => commands::update::run(&arguments, &global, variables, screen).await,
        Command::Delete(arguments) => commands::delete::run(&arguments, &global, variables, screen).await,
        Command::Do(arguments) => commands::act::by_word(&arguments, &global, variables, screen).await,
        Command::Suspend(on) => act(Verb::Suspend, &on, &global, screen).await,
        Command::Activate(on) => act(Verb::Activate, &on, &global, screen).await,
        Command::ResetMfa(on) => act(Verb::ResetMfa, &on, &global, screen).await,
        Command::ResendInvitation(on) => act(Verb::ResendInvitation, &on, &global, screen).await,
        Command::ForcePasswordChange(on) => act(Verb::ForcePasswordChange, &on, &global, screen).await,
        Command::IpsecStart(on) => act(Verb::IpsecStart, &on, &global, screen).await,
        Command::IpsecStop(on) => act(Verb::IpsecStop, &on, &global, screen).await,
        Command::RevokeProfile(on) => act(Verb::RevokeProfile, &on, &global, screen).await,
        Command::Profile(of) => {
            commands::act::run(Verb::Profile, &of.on, &of.profile, &global, variables, screen).await
        }
        Command::RotateProfile(arguments) => {
            commands::rotate::run(&arguments, &global, variables, screen).await
        }
        Command::Get(arguments) => commands::get::run(&arguments, &global, variables, screen).await,
        Command::Runs(arguments) => commands::runs::run(&arguments, &global, variables, screen).await,
        Command::Show(arguments) => commands::show::run(&arguments, &global, variables, screen).await,
        Command::Report(arguments) => commands::show::report(&arguments, &global, variables, screen).await,
        Command::Watch(arguments) => commands::watch::run(&arguments, &global, variables, screen).await,
        Command::Stop(arguments) => commands::stop::run(&arguments, &global, variables, screen).await,
        Command::Abandon(arguments) => commands::abandon::run(&arguments, &global, variables, screen).await,
        Command::Verify(arguments) => commands::verify::run(&arguments, &global, variables, screen).await,
        Command::Resume(again) => {
            commands::again::run(Goal::Forward, &again, &global, variables, screen).await
        }
        Command::Retry(again) => commands::again::run(Goal::Retry, &again, &global, variables, screen).await,
        Command::Undo(again) => commands::again::run(Goal::Undo, &again, &global, variables, screen).await,
        Command::Api(arguments) => commands::api::run(&arguments, &global, variables, screen).await,
        Command::Export(arguments) => commands::export::run(&arguments, &global, variables, screen).await,
        Command::Emulator(arguments) => commands::emulator::run(arguments, &global, variables, screen).await,
        Command::Schema(arguments) => Ok(commands::schema::run(&arguments, screen)),
        Command::Completions(arguments) => Ok(commands::completions::run(&arguments, screen)),
    }
}

/// A verb that needs no more than objects.
async fn act(verb: Verb, on: &cli::On, global: &cli::Global, screen: &Screen) -> Result<Exit, Failure> {
    let variables = |name: &str| std::env::var_os(name);
    commands::act::run(verb, on, &cli::ProfileFlags::default(), global, &variables, screen).await
}

/// Ends a command that could not do its work.
fn fail(failure: &Failure, command: &str, global: &cli::Global, screen: &Screen) -> Exit {
    if failure.exit == Exit::Usage {
        let usage = Cli::command().find_subcommand_mut(command).map(|c| c.render_usage().to_string());
        screen.complain(&failure.text());
        if let Some(usage) = usage.filter(|_| failure.hint.is_none()) {
            screen.complain(&views::text::Text::new().end().paragraph(&usage));
        }
        return failure.exit;
    }
    screen.complain(&failure.text());
    // Scripts get their one document whichever way a command ends.
    let documented =
        matches!(command, "plan" | "apply" | "create" | "update" | "delete" | "do" | "get" | "export")
            || matches!(
                command,
                "runs"
                    | "show"
                    | "watch"
                    | "resume"
                    | "retry"
                    | "undo"
                    | "stop"
                    | "abandon"
                    | "verify"
                    | "report"
            )
            || command.parse::<Verb>().is_ok();
    if documented && global.output == Some(Output::Json) && failure.exit != Exit::Bug {
        let variables = |name: &str| std::env::var_os(name);
        let target = settings::Target::resolve(global, &variables);
        let tenant = target.as_ref().map_or("", settings::Target::tenant);
        let profile = target.as_ref().ok().and_then(settings::Target::profile);
        let mut report = changing::refused::report(command, tenant, connexa_types::Timestamp::now());
        report.run.profile = profile.map(str::to_owned);
        if failure.exit == Exit::Stopped {
            report.outcome = connexa_engine::report::RunOutcome::Stopped;
        }
        report.warnings.push(failure.line());
        screen.json(&report);
    }
    failure.exit
}
