//! Looking at runs of the past, and at those of other processes: what the commands on runs have in common. No key is needed
//! for it, and no call is made.

use crate::{
    changing::reporting::on_run,
    cli::{Global, Output},
    exit::Exit,
    failure::Failure,
    session::history::{self, SoFar, State},
    settings::{self, Config, Named, Variables},
    views::text::{count, list},
    wiring::{self, state_dir::StateDir},
};
use connexa_engine::{
    machine::Seq,
    plan::Plan,
    ports::{Journal, ReadJournalError},
    record::{RunHead, RunId, Stored},
    report::{Report, RunOutcome},
};
use std::sync::Arc;

/// More runs than this are not looked through for one that is meant.
const MOST: usize = 100_000;

/// The runs of a tenant.
pub(crate) struct Past {
    /// Where they are remembered.
    pub(crate) journal: Arc<dyn Journal>,
    /// The tenant.
    pub(crate) named: Named,
    /// The state directory.
    pub(crate) state: StateDir,
}

/// Which run is meant where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// The only one that is not finished, else the last.
    Unfinished,
    /// The only one at work, else none.
    AtWork,
    /// The only one at work, else the last.
    AtWorkOrLast,
}

/// The run that a command tells of, and in what form: the one that is named, else the only unfinished one, else the last.
pub(crate) async fn report_of(
    run: Option<&str>,
    global: &Global,
    variables: Variables<'_>,
) -> Result<(Output, Past, RunHead), Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json, Output::Markdown, Output::Csv])?;
    let past = Past::open(global, variables)?;
    let head = past.find(run, Unnamed::Unfinished, global).await?;
    Ok((output, past, head))
}

impl Past {
    /// Opens the journal of the tenant that is meant.
    pub(crate) fn open(global: &Global, variables: Variables<'_>) -> Result<Self, Failure> {
        let config = Config::load(global, variables)?;
        let named = Named::of(&config, global, variables)?;
        let state = StateDir::open(&settings::state_dir(global, variables)?)?;
        let journal = wiring::existing_journal(&state, &named.tenant)?;
        Ok(Self { journal, named, state })
    }

    /// All its runs, newest first.
    pub(crate) async fn heads(&self, most: usize) -> Result<Vec<RunHead>, Failure> {
        history::heads(&*self.journal, &self.named.tenant, most).await.map_err(|error| unreadable(&error))
    }

    /// The run that is meant.
    pub(crate) async fn find(
        &self,
        named: Option<&str>,
        default: Unnamed,
        global: &Global,
    ) -> Result<RunHead, Failure> {
        match named {
            Some(named) => self.named(named).await,
            None => self.default(default, global).await,
        }
    }

    async fn named(&self, named: &str) -> Result<RunHead, Failure> {
        let wanted = named.trim().to_ascii_lowercase();
        // A whole id needs no looking through.
        if uuid::Uuid::try_parse(&wanted).is_ok() {
            match self.journal.head(&RunId(wanted.clone())).await {
                Ok(head) if head.tenant == self.named.tenant => return Ok(head),
                Ok(_) | Err(ReadJournalError::NoSuchRun(_)) => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
        let mut found = self.heads(MOST).await?;
        found.retain(|head| head.id.0.starts_with(&wanted));
        match found.len() {
            _ if wanted.is_empty() => Err(Failure::usage("a run has an id, and this is none")),
            1 => Ok(found.remove(0)),
            0 => {
                let message = format!("{} has no run `{named}`", self.named.tenant);
                let failure = Failure::new(Exit::Refused, message);
                Err(match wiring::tenants_with_run(&self.state, &self.named.tenant, &wanted).await.as_slice() {
                    [] => failure.hint("`connexa runs` lists those that there are"),
                    others => failure.hint(format!(
                        "{} has one; say which tenant is meant with `--api-url`, `--profile` or `--emulator`",
                        list(others.iter().map(|tenant| format!("`{tenant}`")))
                    )),
                })
            }
            _ => {
                let ids = found.iter().map(|head| format!("{} ({})", head.id, head.command));
                let message = format!("`{named}` is the beginning of {}", count(found.len(), "run"));
                Err(Failure::new(Exit::Refused, message).hint("name one of them:").commands(ids))
            }
        }
    }

    async fn default(&self, default: Unnamed, global: &Global) -> Result<RunHead, Failure> {
        let mut heads = self.heads(MOST).await?;
        if default == Unnamed::Unfinished {
            // One that was ended before its first record has nothing to go on with.
            let mut begun = Vec::with_capacity(heads.len());
            for head in heads {
                let is_open = head.is_unfinished() && head.counts.is_empty();
                let first = if is_open { Some(self.journal.read(&head.id, Seq(1), 1).await) } else { None };
                if !matches!(first, Some(Ok(records)) if records.is_empty()) {
                    begun.push(head);
                }
            }
            heads = begun;
        }
        let at_work = |head: &&RunHead| head.outcome == RunOutcome::Running;
        let wanted: Vec<&RunHead> = match default {
            Unnamed::Unfinished => heads.iter().filter(|head| head.is_unfinished()).collect(),
            Unnamed::AtWork | Unnamed::AtWorkOrLast => heads.iter().filter(at_work).collect(),
        };
        match (wanted.as_slice(), default) {
            ([one], _) => Ok((*one).clone()),
            ([], Unnamed::AtWork) => {
                Err(Failure::new(Exit::Refused, format!("no run is at work on {}", self.named.tenant)))
            }
            ([], _) => heads.into_iter().next().ok_or_else(|| {
                Failure::new(Exit::Refused, format!("there is no run on {} yet", self.named.tenant))
            }),
            (several, _) => {
                let word = if default == Unnamed::Unfinished { "unfinished" } else { "at work" };
                let message = format!(
                    "{} on {} are {word}, and none is named",
                    count(several.len(), "run"),
                    self.named.tenant
                );
                let shown = several.iter().map(|head| on_run(global, "show", &head.id));
                Err(Failure::new(Exit::Refused, message).hint("look at them, and name one:").commands(shown))
            }
        }
    }

    /// All that the journal tells of a run.
    pub(crate) async fn tell(&self, head: &RunHead) -> Result<Told, Failure> {
        Told::of(&*self.journal, head).await.map_err(|error| unreadable(&error))
    }
}

/// All that the journal tells of a run.
pub(crate) struct Told {
    /// How it stands.
    pub(crate) head: RunHead,
    /// Its plan.
    pub(crate) plan: Arc<Plan>,
    /// Its records.
    pub(crate) records: Vec<Stored>,
}

impl Told {
    /// Reads it.
    pub(crate) async fn of(journal: &dyn Journal, head: &RunHead) -> Result<Self, ReadJournalError> {
        let plan = journal.plan(&head.id).await?;
        let records = history::records(journal, &head.id, Seq(1)).await?;
        // Its end may have come while it was read.
        let head = journal.head(&head.id).await?;
        Ok(Self { head, plan, records })
    }

    /// What its records say.
    pub(crate) fn so_far(&self) -> SoFar {
        SoFar::of(self.records.iter().map(|stored| &stored.record))
    }

    /// Its report, as far as it goes.
    pub(crate) fn report(&self, profile: Option<&str>) -> Report {
        report(self.so_far(), &self.plan, &self.head, profile)
    }
}

/// The report of a run from its records, and from what its plan and its journal know beside.
pub(crate) fn report(so_far: SoFar, plan: &Plan, head: &RunHead, profile: Option<&str>) -> Report {
    let state = if head.outcome == RunOutcome::Running { State::Running } else { State::Interrupted };
    let undone_later = so_far.is_undone_later();
    let mut report = so_far.report(plan, state);
    if undone_later {
        "undo".clone_into(&mut report.run.command);
    }
    complete(&mut report, plan, head, profile);
    report
}

/// Adds what the records of a run do not say.
pub(crate) fn complete(report: &mut Report, plan: &Plan, head: &RunHead, profile: Option<&str>) {
    if report.run.id.is_empty() {
        // It was claimed and never begun.
        report.run.id.clone_from(&head.id.0);
        report.run.command.clone_from(&head.command);
        report.run.tenant = head.tenant.to_string();
        report.run.started = head.started;
    }
    report.run.profile = profile.map(str::to_owned);
    // The lists that the plan was made from are not among the records.
    report.calls.read += plan.cost.read;
    report.calls.one_per_object.get_or_insert(plan.cost.one_per_object);
    for warning in &plan.warnings {
        if !report.warnings.contains(warning) {
            report.warnings.push(warning.clone());
        }
    }
    if head.abandoned {
        report
            .warnings
            .push("the run was abandoned: it is neither continued nor settled any more".to_owned());
    }
    if report.problems.is_empty() {
        report.problems.clone_from(&plan.problems);
    }
}

/// A journal that cannot be read.
pub(crate) fn unreadable(error: &ReadJournalError) -> Failure {
    let failure = Failure::new(Exit::Refused, "the journal cannot be read").because(error);
    match error {
        ReadJournalError::NoSuchRun(_) => Failure::new(Exit::Refused, error.to_string()),
        ReadJournalError::Damaged { run, .. } => failure.hint(format!(
            "other runs are not touched by it; `connexa abandon {run}` gives this one up, and names what it had touched"
        )),
        ReadJournalError::Newer { .. } => failure.hint("use the version that wrote it, or a newer one"),
        ReadJournalError::Io(_) => failure,
    }
}
