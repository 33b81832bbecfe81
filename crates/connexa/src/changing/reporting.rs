//! The end of a command that changes something: its report, in every form that is wanted, and how to go on from it.

use crate::{
    cli::{Global, Output},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    views::{
        failures, json, markdown, report as report_view, report_csv,
        shell::{self, quoted},
        text::{Text, Tone},
    },
    wiring::state_dir::{self, StateDir},
};
use connexa_engine::{
    plan::{Plan, Verb},
    record::RunId,
    report::Report,
};
use connexa_types::Kind;
use std::{
    borrow::Cow,
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// Where a report goes, and what it says of the way on.
pub(crate) struct Reporting<'a> {
    /// Flags of every command.
    pub(crate) global: &'a Global,
    /// Where it is shown.
    pub(crate) screen: &'a Screen,
    /// In which form.
    pub(crate) output: Output,
    /// The file of `--report`.
    pub(crate) file: Option<&'a Path>,
    /// The words of the command that takes the mended failures file, that file left out.
    pub(crate) mend: Vec<String>,
    /// The command that was given, to be given again.
    pub(crate) again: Option<String>,
    /// Whether the journal holds the run, so that it can be continued and undone.
    pub(crate) kept: bool,
}

impl Reporting<'_> {
    /// Shows a report, and writes its file.
    pub(crate) fn tell(&self, report: &Report) {
        let report = self.with_commands(report);
        self.show(&report);
        self.write(&report);
        // In the text it stands already.
        if self.output != Output::Text && self.kept && report_view::is_unfinished(&report) {
            let resume = on_run(self.global, "resume", &RunId(report.run.id.clone()));
            let hint = Text::titled(Tone::Hint, "hint", "the run can be continued:");
            self.screen.say(&hint.then(Text::line(format_args!("  {resume}"))));
        }
    }

    /// The report with commands as they can be given here.
    fn with_commands<'r>(&self, report: &'r Report) -> Cow<'r, Report> {
        if report.lists.unknown.iter().all(|change| change.stuck.is_none()) {
            return Cow::Borrowed(report);
        }
        let undo = on_run(self.global, "undo", &RunId(report.run.id.clone()));
        let mut report = report.clone();
        for stuck in report.lists.unknown.iter_mut().filter_map(|change| change.stuck.as_mut()) {
            stuck.command.clone_from(&undo);
        }
        Cow::Owned(report)
    }

    /// Shows a report on standard output.
    pub(crate) fn show(&self, report: &Report) {
        match self.output {
            Output::Json => self.screen.json(report),
            Output::Markdown => self.screen.document(&markdown::report(report)),
            Output::Csv => self.screen.document(&report_csv::table(report)),
            _ => self.screen.result(&self.text(report)),
        }
    }

    /// The report for people.
    pub(crate) fn text(&self, report: &Report) -> Text {
        let mend = report.failures_file.as_ref().map(|file| {
            let file = ["-f".to_owned(), quoted(file)];
            shell::command(self.global, self.mend.iter().cloned().chain(file))
        });
        let run = RunId(report.run.id.clone());
        let (resume, undo) = (on_run(self.global, "resume", &run), on_run(self.global, "undo", &run));
        report_view::text(
            report,
            &report_view::NextSteps {
                mend: mend.as_deref(),
                again: self.again.as_deref(),
                resume: self.kept.then_some(resume.as_str()),
                undo: self.kept.then_some(undo.as_str()),
            },
        )
    }

    /// Writes the file of `--report`, in the form that its extension says.
    pub(crate) fn write(&self, report: &Report) {
        let Some(path) = self.file else { return };
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let written = match extension.as_deref() {
            Some("json") => File::create(path).and_then(|file| {
                let mut file = BufWriter::with_capacity(1 << 16, file);
                json::write(report, &mut file).and_then(|()| file.flush())
            }),
            Some("csv") => std::fs::write(path, report_csv::table(report)),
            Some("md" | "markdown") => std::fs::write(path, markdown::report(report)),
            _ => std::fs::write(path, self.text(report).render_plain()),
        };
        if let Err(error) = written {
            // What the run came to is on standard output and in the exit code all the same.
            let warning = format_args!("the report is not in `{}`: {error}", path.display());
            self.screen.complain(&Text::titled(Tone::Warning, "warning", warning));
        }
    }
}

/// The words of the command that takes the failures file of a run of the past: those of its own command, as far as the
/// journal tells them.
pub(crate) fn mending(command: &str, plan: &Plan) -> Vec<String> {
    let kind = || {
        let kind: Option<Kind> = plan.changes.first().and_then(|change| change.kind.parse().ok());
        kind.map(|kind| kind.plural().replace('_', "-"))
    };
    let needs_kind = matches!(command, "create" | "update") || command.parse::<Verb>().is_ok();
    std::iter::once(command.to_owned()).chain(kind().filter(|_| needs_kind)).collect()
}

/// A command on a run, for copying.
pub(crate) fn on_run(global: &Global, word: &str, run: &RunId) -> String {
    shell::command(global, [word.to_owned(), quoted(&run.0)])
}

/// Writes what did not succeed as a spec, and says where in the report.
pub(crate) fn write_failures(
    plan: &Plan,
    report: &mut Report,
    format: failures::Format,
    to: Option<&PathBuf>,
    state: &StateDir,
) {
    let folder = std::env::current_dir().unwrap_or_default();
    let Some(spec) = failures::write(plan, report, format, &folder) else { return };
    let written = match to {
        Some(path) => Ok(path.clone()),
        None => state.failures_file(&report.run.id, format.extension()).map_err(Failure::from),
    }
    .and_then(|path| {
        state_dir::write_private(&path, spec.as_bytes()).map(|()| path.clone()).map_err(|error| {
            Failure::new(Exit::Partial, format!("cannot write `{}`", path.display())).because(&error)
        })
    });
    match written {
        Ok(path) => report.failures_file = Some(path.display().to_string()),
        Err(failure) => {
            report.warnings.push(format!("what did not succeed is not written: {}", failure.line()));
        }
    }
}
