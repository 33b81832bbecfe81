//! Earlier runs of the tenant that did not come to an end: before anything new is planned, what they left open is settled.
//!
//! A run whose process died may have sent what nobody has heard of since. Before that is known, no other call may go out for
//! the same objects. `apply` goes further: it leaves it to a person what becomes of such a run.

use super::{again, planning::stopped, reporting::on_run, running::overrides};
use crate::{
    cli::{Global, RunFlags},
    exit::Exit,
    failure::Failure,
    past::{Told, unreadable},
    screen::Screen,
    session::{
        Session,
        history::{self, RAW},
        pacing::{Batches, Pacing},
        raw,
        running::{self, Place, TakeUpError},
    },
    views::{
        runs,
        text::{Text, Tone, count, list, span_of_time},
    },
    wiring::signals::Signals,
};
use connexa_engine::{
    drive::Ports,
    machine::Seq,
    plan::Plan,
    ports::{ClaimError, ReadJournalError, Secrets},
    record::{RunHead, RunId},
    report::{Report, RunOutcome, Verdict},
    run::{Goal, Overrides},
};
use futures_util::{future, stream};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// How often it is said how long settling still takes.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// How often it is looked whether a run that is waited for has ended.
const LOOK: Duration = Duration::from_millis(250);

/// So many runs may have ended while a plan was made.
const RECENT: usize = 50;

/// What settling needs.
#[derive(Clone, Copy)]
pub(crate) struct Earlier<'a> {
    /// Where runs are recorded.
    pub(crate) place: Place<'a>,
    /// The tenant.
    pub(crate) session: &'a Session,
    /// Secrets.
    pub(crate) secrets: &'a dyn Secrets,
    /// Variables that no program gets to see.
    pub(crate) hidden: &'a [String],
    /// How the command runs.
    pub(crate) flags: &'a RunFlags,
    /// Flags of every command.
    pub(crate) global: &'a Global,
    /// Where it is said.
    pub(crate) screen: &'a Screen,
}

/// What a person wants of a run that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It is continued.
    Resume,
    /// It is taken back.
    Undo,
    /// It is given up.
    Abandon,
}

impl Earlier<'_> {
    /// The runs that broke off: nobody is at work on them, and they have no end.
    pub(crate) async fn interrupted(&self) -> Result<Vec<RunHead>, Failure> {
        let mut heads = self.heads().await?;
        heads.retain(|head| head.outcome == RunOutcome::Interrupted && !head.abandoned);
        // The oldest first: later ones may rest on it.
        heads.reverse();
        let mut begun = Vec::with_capacity(heads.len());
        for head in heads {
            // One that was ended before its first record has sent nothing, and there is nothing to go on with.
            let first = self.place.journal.read(&head.id, Seq(1), 1).await;
            if first.map_or(true, |records| !records.is_empty()) {
                begun.push(head);
            }
        }
        Ok(begun)
    }

    async fn heads(&self) -> Result<Vec<RunHead>, Failure> {
        let heads = history::heads(self.place.journal, self.session.tenant(), usize::MAX).await;
        heads.map_err(|error| unreadable(&error))
    }

    /// Settles what earlier runs left open, all at once.
    pub(crate) async fn settle(
        &self,
        but: Option<&RunId>,
        signals: &mut Signals,
    ) -> Result<Duration, Failure> {
        let began = self.session.now().mono;
        let mut open = Vec::new();
        for head in self.heads().await? {
            let left = head.open > 0 || head.command == RAW && head.outcome == RunOutcome::Interrupted;
            if left && !head.abandoned && head.outcome != RunOutcome::Running && Some(&head.id) != but {
                open.extend(self.unsettled(head).await?);
            }
        }
        if open.is_empty() {
            return Ok(Duration::ZERO);
        }
        let spent = self.session.now().mono.saturating_since(began);
        let wait = self.flags.policy.settle.unwrap_or_else(|| self.session.settle_time());
        for told in &open {
            let head = &told.head;
            let text = format_args!(
                "run {} ({}) left {} open: what became of it is looked for first, {} from now",
                head.id,
                head.command,
                count(usize::try_from(head.open.max(1)).unwrap_or(usize::MAX), "call"),
                span_of_time(wait.as_secs_f64())
            );
            self.note(&text);
        }
        let batches = Batches::default();
        let settling = future::join_all(open.iter().map(|told| self.one(told, &batches)));
        let countdown = async {
            let mut left = wait;
            while left > SAY_EVERY {
                tokio::time::sleep(SAY_EVERY).await;
                left -= SAY_EVERY;
                self.note(&format_args!("settling earlier runs: {} left", span_of_time(left.as_secs_f64())));
            }
            future::pending::<()>().await;
        };
        let settled = tokio::select! {
            settled = settling => settled,
            () = countdown => unreachable!("it never ends"),
            // Nothing is sent but reads, so that there is nothing to end cleanly.
            signal = signals.next() => return Err(stopped(signal)),
        };
        for (told, settled) in open.iter().zip(settled) {
            match settled {
                Ok(report) => {
                    self.note(&format_args!("run {} is settled: {}", told.head.id, said(report.as_ref())));
                }
                Err(error) => return Err(refused(&told.head.id, &error, self.global)),
            }
        }
        Ok(spent)
    }

    /// The run, if there is something of it that can still be settled.
    async fn unsettled(&self, head: RunHead) -> Result<Option<Told>, Failure> {
        match Told::of(self.place.journal, &head).await {
            // What stayed unknown after all that could be done is not looked for again and again.
            Ok(told) => {
                let so_far = told.so_far();
                Ok((!so_far.is_finished() || so_far.was_stopped()).then_some(told))
            }
            // The rest of the journal is sound.
            Err(error @ ReadJournalError::Damaged { .. }) => {
                let warning = format_args!("run {} cannot be settled: {error}", head.id);
                self.screen.complain(&Text::titled(Tone::Warning, "warning", warning));
                let give_up = on_run(self.global, "abandon", &head.id);
                self.screen.complain(&Text::titled(
                    Tone::Hint,
                    "hint",
                    "to give it up, and see what it had touched:",
                ));
                self.screen.complain(&Text::line(format_args!("  {give_up}")));
                Ok(None)
            }
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn one(&self, told: &Told, batches: &Batches) -> Result<Option<Report>, TakeUpError> {
        let head = &told.head;
        if head.command == RAW {
            return raw::give_up(head, &told.plan, self.place).await.map(|()| None);
        }
        let again = running::Again {
            id: &head.id,
            plan: Arc::clone(&told.plan),
            command: &head.command,
            started: head.started,
            goal: Goal::Settle,
            overrides: Overrides { settle: self.flags.policy.settle, ..Overrides::default() },
            sends_nothing: false,
        };
        let (mut held, _) = running::take_up(again, self.place).await?;
        // Several runs are settled at once: each numbers its calls apart.
        let pacing = Pacing::new(self.session, batches, None);
        let ports = Ports { pacer: &pacing, ..self.session.ports(self.secrets) };
        let report = held.go(ports, &mut |_| {}, stream::pending()).await;
        held.release().await;
        Ok(Some(report))
    }

    fn note(&self, text: &dyn std::fmt::Display) {
        self.screen.say(&Text::titled(Tone::Hint, "note", text));
    }

    /// A run that has ended, or broken off, after the lists were read that a plan rests on, and that touched the same.
    pub(crate) async fn overtaken(&self, plan: &Plan) -> Result<Option<RunId>, Failure> {
        let Some(read_at) = plan.base.read_at.filter(|_| !plan.is_empty()) else { return Ok(None) };
        let journal = self.place.journal;
        let heads = journal.runs(self.session.tenant(), None, RECENT).await;
        let mut mine: Option<HashSet<String>> = None;
        for head in heads.map_err(|error| unreadable(&error))? {
            let ended_since = match head.outcome {
                RunOutcome::Running => false,
                RunOutcome::Interrupted => head.started >= read_at,
                _ => head.finished.is_some_and(|finished| finished >= read_at),
            };
            if !ended_since {
                continue;
            }
            let mine = mine.get_or_insert_with(|| running::touched(plan).into_iter().collect());
            // One that cannot be read is refused, or told of, where it matters.
            let Ok(other) = journal.plan(&head.id).await else { continue };
            if running::touched(&other).iter().any(|key| mine.contains(key)) {
                return Ok(Some(head.id));
            }
        }
        Ok(None)
    }

    /// Waits for the end of a run that is in the way, as long as the flags say; `false` if it outlasts that. `waited`: how
    /// long has been waited already.
    pub(crate) async fn outlast(
        &self,
        run: &RunId,
        waited: Duration,
        signals: &mut Signals,
    ) -> Result<bool, Failure> {
        let most = self.flags.among.lock_timeout.unwrap_or_default().saturating_sub(waited);
        if most.is_zero() {
            return Ok(false);
        }
        self.note(&format_args!(
            "waiting up to {} for run {run}, which is at work on the same objects",
            span_of_time(most.as_secs_f64())
        ));
        let ended = async {
            loop {
                tokio::time::sleep(LOOK.min(most)).await;
                match self.place.journal.head(run).await {
                    Ok(head) if head.outcome == RunOutcome::Running => {}
                    Ok(_) => return Ok(()),
                    Err(error) => return Err(unreadable(&error)),
                }
            }
        };
        tokio::select! {
            ended = tokio::time::timeout(most, ended) => ended.map_or(Ok(false), |ended| ended.map(|()| true)),
            signal = signals.next() => Err(stopped(signal)),
        }
    }

    /// Asks what is to become of a run that was interrupted; `None` where nobody can be asked.
    pub(crate) async fn ask(&self, head: &RunHead, signals: &mut Signals) -> Result<Option<Wish>, Failure> {
        if !Screen::is_conversation() {
            return Ok(None);
        }
        let question = Text::new()
            .plain(format_args!(
                "run {} ({}, started {:.0}) was interrupted: {}",
                head.id,
                head.command,
                head.started,
                runs::changes(head)
            ))
            .end()
            .toned(Tone::Strong, "Continue it, take it back, or give it up?")
            .plain(" [resume/undo/abandon/quit] ");
        let color = self.global.color;
        let answer = tokio::task::spawn_blocking(move || Screen::new(color, false).ask(&question));
        let answer = tokio::select! {
            answer = answer => answer.ok().flatten().unwrap_or_default().to_lowercase(),
            signal = signals.next() => return Err(stopped(signal)),
        };
        match answer.as_str() {
            "r" | "resume" => Ok(Some(Wish::Resume)),
            "u" | "undo" => Ok(Some(Wish::Undo)),
            "a" | "abandon" => Ok(Some(Wish::Abandon)),
            _ => Err(Failure::new(Exit::Declined, "declined, so nothing was changed")),
        }
    }

    /// Why nothing new is begun on top of a run that was interrupted.
    pub(crate) fn in_the_way(&self, head: &RunHead) -> Failure {
        let message = format!(
            "run {} ({}, started {:.0}) was interrupted ({}), so nothing was changed",
            head.id,
            head.command,
            head.started,
            runs::changes(head)
        );
        Failure::new(Exit::Refused, message)
            .hint("continue it, take it back, or give it up first:")
            .commands(["resume", "undo", "abandon"].map(|word| on_run(self.global, word, &head.id)))
    }

    /// Takes up a run that was interrupted, as a person wishes, and says what came of it.
    pub(crate) async fn fulfil(
        &self,
        head: &RunHead,
        wish: Wish,
        signals: &mut Signals,
    ) -> Result<(), Failure> {
        let told = Told::of(self.place.journal, head).await.map_err(|error| unreadable(&error))?;
        let goal = match wish {
            Wish::Resume => Goal::Forward,
            Wish::Undo => Goal::Undo,
            Wish::Abandon => {
                if head.command == RAW {
                    let given_up = raw::give_up(head, &told.plan, self.place).await;
                    given_up.map_err(|error| refused(&head.id, &error, self.global))?;
                }
                Goal::Abandon
            }
        };
        if head.command != RAW && !told.records.is_empty() {
            let on = again::On {
                told: &told,
                goal,
                overrides: overrides(self.flags),
                earlier: *self,
                title: String::new(),
            };
            let ended = again::carry(on, None, signals).await?;
            self.note(&format_args!("run {}: {}", head.id, said(Some(&ended.report))));
            if ended.cut_off {
                return Err(Failure::new(Exit::Stopped, "stopped at once, so nothing new was begun"));
            }
        }
        if wish == Wish::Abandon {
            self.place.journal.abandon(&head.id).await.map_err(|error| unreadable(&error))?;
        }
        Ok(())
    }
}

/// What a run came to, in a few words.
fn said(report: Option<&Report>) -> String {
    let Some(report) = report else { return "what became of its call stays unknown".to_owned() };
    let told = Verdict::ALL.into_iter().filter(|verdict| !report.lists.of(*verdict).is_empty());
    list(told.map(|verdict| format!("{} {}", report.lists.of(verdict).len(), verdict.as_str())))
}

/// Why a run is not taken into our hands.
pub(crate) fn refused(id: &RunId, error: &TakeUpError, global: &Global) -> Failure {
    match error {
        TakeUpError::Claim(error) => claim_refused(error, global),
        TakeUpError::Read(error) => unreadable(error),
        TakeUpError::Replay(_) => {
            Failure::new(Exit::Refused, format!("run {id} cannot be taken up again")).because(error)
        }
    }
}

/// Why a run is not begun.
pub(crate) fn claim_refused(error: &ClaimError, global: &Global) -> Failure {
    let failure = Failure::new(Exit::Refused, format!("{error}, so nothing was changed"));
    match error {
        ClaimError::Taken { run, .. } => failure
            .hint("`--lock-timeout 5m` waits for its end; it can be followed, or stopped:")
            .commands(["watch", "stop"].map(|word| on_run(global, word, run))),
        ClaimError::Owned { run, .. } => failure
            .hint("it can be followed, or stopped:")
            .commands(["watch", "stop"].map(|word| on_run(global, word, run))),
        ClaimError::OtherMachine { .. } => failure
            .hint("if it is at work there no longer, `--take-over` takes it into the hands of this machine"),
        ClaimError::Unreadable(error) => unreadable(error),
        ClaimError::Journal(_) => {
            Failure::new(Exit::Refused, "the run cannot be recorded, so nothing was changed")
                .because(error)
                .hint("make room on the disk, or name another state directory with `--state-dir`")
        }
    }
}
