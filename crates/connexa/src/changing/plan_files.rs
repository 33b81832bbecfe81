//! Plans that are kept: `plan --out FILE`, `apply PLANFILE`, and plans against an export instead of the tenant.

use super::{Context, Course, Input, Make, Spent};
use crate::{
    exit::Exit,
    failure::Failure,
    specs::{self, Taken},
    views::failures,
    wiring::state_dir,
};
use connexa_engine::{
    against,
    plan::{self, Freshness, Plan, PlanFile, PlanOptions, Planning, Prune},
    spec::{self, Reading},
};
use connexa_types::{SealingKey, TenantId, Timestamp};
use std::path::{Path, PathBuf};

/// What is done about plans beside making one.
#[derive(Default)]
pub(crate) struct Keeping<'a> {
    /// Kinds whose objects are deleted unless an item stands for them.
    pub(crate) prune: Vec<Prune>,
    /// Where the plan is written to.
    pub(crate) out: Option<&'a Path>,
    /// The export that stands for the tenant.
    pub(crate) against: Option<&'a str>,
    /// The plan that is to be carried out.
    pub(crate) file: Option<KeptPlan>,
}

/// A plan that was read from a file.
pub(crate) struct KeptPlan {
    path: PathBuf,
    pub(crate) file: PlanFile,
}

impl KeptPlan {
    /// Reads a plan file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let refuse = |error: &dyn std::error::Error| {
            Failure::new(Exit::Refused, format!("cannot apply the plan `{}`", path.display())).because(error)
        };
        let text = std::fs::read(path).map_err(|error| refuse(&error))?;
        let file = PlanFile::parse(&text).map_err(|error| {
            refuse(&error).hint("`plan --out FILE` writes plans; a spec is applied with `-f`")
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// What it asks for, in the place of what a spec says.
    pub(super) fn taken(&self) -> Taken {
        Taken { reading: Reading::of(self.file.desired.clone()), format: failures::Format::Yaml }
    }

    /// What the plan makes of it.
    pub(crate) fn make(&self) -> Make {
        Make::Objects(self.file.options().mode)
    }

    /// Says why the plan is not carried out, if the tenant is another one or has changed.
    pub(super) fn refusal(&self, tenant: &str, now: Option<&Plan>) -> Option<Failure> {
        let path = self.path.display();
        if self.file.tenant().as_str() != tenant {
            let message = format!(
                "the plan `{path}` is for {}, not for {tenant}, so nothing was changed",
                self.file.tenant()
            );
            return Some(Failure::new(Exit::Refused, message));
        }
        let now = now?;
        match self.file.freshness(now) {
            Freshness::Fresh | Freshness::Done => None,
            Freshness::Stale => {
                let message = format!(
                    "the tenant has changed since the plan `{path}` was made ({}), so nothing was changed",
                    self.file.made
                );
                let mut failure = Failure::new(Exit::Refused, message);
                failure.causes.extend(differences(&self.file.plan, now));
                Some(failure.hint("make the plan again, and look at it again"))
            }
        }
    }
}

/// How a plan differs from the one that the tenant asks for now, in a few lines.
fn differences(kept: &Plan, now: &Plan) -> Vec<String> {
    const MOST: usize = 5;
    let name = |change: &plan::Change| format!("{} `{}`", change.kind, change.key);
    let mut lines: Vec<String> = Vec::new();
    for change in &now.changes {
        let before = kept.changes.iter().find(|known| known.kind == change.kind && known.key == change.key);
        match before {
            None => lines.push(format!("{} is new in the plan", name(change))),
            Some(before) if before.action != change.action => lines.push(format!(
                "{}: {}, now {}",
                name(change),
                before.action.as_str(),
                change.action.as_str()
            )),
            Some(before) if before.id != change.id => {
                lines.push(format!("{} is another object now", name(change)));
            }
            Some(before) if before.fields != change.fields => {
                lines.push(format!("{} has other values now", name(change)));
            }
            Some(_) => {}
        }
    }
    if lines.is_empty() {
        lines.push("an object that the plan rests on has other values now".to_owned());
    }
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Writes a plan, for its owner's eyes: it holds names and addresses, but no secret.
pub(super) fn write(path: &Path, file: &PlanFile) -> Result<(), Failure> {
    let refuse = |error: &dyn std::error::Error| {
        Failure::new(Exit::Refused, format!("the plan cannot be written to `{}`", path.display()))
            .because(error)
    };
    let text = serde_json::to_vec(file).map_err(|error| refuse(&error))?;
    state_dir::write_private(path, &text).map_err(|error| refuse(&error))
}

/// Plans against an export: no key, no call.
pub(super) fn against(cx: &Context<'_>, export: &str, key: &SealingKey) -> Result<Exit, Failure> {
    let course: &Course<'_> = cx.course;
    let Taken { reading, .. } = specs::read(&course.input, key, cx.limits)?;
    let refused_whole = if course.make.is_whole() { reading.has_errors() } else { reading.unreadable };
    if refused_whole {
        return Ok(cx.refuse_spec(&reading.problems, &cx.offline(), Vec::new));
    }
    let files = [export.to_owned()];
    let input = Input { mode: spec::Mode::Spec, files: &files, given: None, strict: false, creating: false };
    let Taken { reading: shown, .. } = specs::read(&input, key, cx.limits)?;
    if shown.has_errors() {
        return Ok(cx.refuse_spec(&shown.problems, &cx.offline(), Vec::new));
    }
    let state = against::state(TenantId::from(cx.tenant), &shown.desired).map_err(|error| {
        Failure::new(Exit::Refused, format!("`{export}` cannot stand for a tenant"))
            .because(&error)
            .hint("`export` writes files that can")
    })?;
    let options = PlanOptions {
        strict: course.input.strict,
        scope: course.scope.scope(),
        protect: cx.protect.to_vec(),
        prune: course.keeping.prune.clone(),
        ..PlanOptions::new(course.make.mode(), course.command)
    };
    match plan::plan(&reading.desired, &state, &options) {
        Planning::Ready(plan) => {
            let mut plan = *plan;
            cx.warn(&mut plan);
            let problems = super::merged(&reading.problems, &plan.problems);
            plan.problems = problems.into_iter().filter(|problem| !problem.is_error()).collect();
            cx.screen.say(&crate::views::problems::text(&plan.problems));
            Ok(cx.show_plan(&Spent { timings: cx.offline().timings, ..Spent::default() }, &plan))
        }
        Planning::Refused(problems) => {
            let problems = super::merged(&reading.problems, &problems);
            Ok(cx.refuse_spec(&problems, &cx.offline(), Vec::new))
        }
        Planning::Wants(wants) => {
            Err(Failure::new(Exit::Bug, format!("the export does not tell what the plan needs: {wants:?}")))
        }
    }
}

/// The plan file of a plan that was just made.
pub(super) fn kept(
    course: &Course<'_>,
    protect: &[plan::Selector],
    plan: &Plan,
    reading: &Reading,
) -> PlanFile {
    let options = PlanOptions {
        strict: course.input.strict,
        scope: course.scope.scope(),
        protect: protect.to_vec(),
        prune: course.keeping.prune.clone(),
        // A plan is carried out by `apply`.
        ..PlanOptions::new(course.make.mode(), "apply")
    };
    let mut plan = plan.clone();
    "apply".clone_into(&mut plan.command);
    PlanFile::new(Timestamp::now(), plan, reading.desired.clone(), &options)
}
