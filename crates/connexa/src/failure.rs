//! Why a command cannot go on, for people.

use crate::{
    exit::Exit,
    views::text::{Text, Tone},
};
use std::error::Error;

/// A command's end before it could do its work.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What could not be done; lower case, no final period.
    pub(crate) message: String,
    /// Why, outermost first.
    pub(crate) causes: Vec<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// Commands that do it, to be copied; each on a line of its own.
    pub(crate) commands: Vec<String>,
}

impl Failure {
    /// A failure without a cause.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hint: None, commands: Vec::new() }
    }

    /// A wrong command line or environment.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds an error and its sources as causes.
    pub(crate) fn because(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Transparent errors say the same twice.
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds commands that do what the hint says.
    pub(crate) fn commands(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.commands.extend(commands);
        self
    }

    /// For the screen.
    pub(crate) fn text(&self) -> Text {
        let mut text = Text::titled(Tone::Error, "error", &self.message);
        for cause in &self.causes {
            text = text.then(Text::line(format_args!("  Caused by: {cause}")));
        }
        if let Some(hint) = &self.hint {
            text = text.end().then(Text::titled(Tone::Hint, "hint", hint));
        }
        for command in &self.commands {
            text = text.then(Text::line(format_args!("  {command}")));
        }
        text
    }

    /// On one line, for documents.
    pub(crate) fn line(&self) -> String {
        let mut line = self.message.clone();
        for cause in &self.causes {
            line.push_str(": ");
            line.push_str(cause);
        }
        line
    }
}
