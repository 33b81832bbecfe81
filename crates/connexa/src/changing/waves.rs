//! The question between waves.

use crate::{
    cli::{Color, RunFlags},
    screen::Screen,
    views::text::{Text, Tone, count},
};
use connexa_engine::{
    machine::Question,
    plan::Plan,
    ports::{Confirm, FixedAnswer},
};
use futures_util::future::BoxFuture;

/// Asks on the terminal; with `--yes` it goes on, and where nobody is there it does not.
pub(crate) struct Between<'a> {
    screen: &'a Screen,
    /// The tenant, and its profile.
    title: String,
    /// What is counted: calls, or connectors.
    counted: &'static str,
    color: Color,
    fixed: Option<FixedAnswer>,
}

impl<'a> Between<'a> {
    pub(crate) fn new(
        flags: &RunFlags,
        plan: &Plan,
        title: String,
        color: Color,
        screen: &'a Screen,
    ) -> Self {
        let fixed = match (flags.yes, Screen::is_conversation()) {
            (true, _) => Some(FixedAnswer(true)),
            (false, false) => Some(FixedAnswer(false)),
            (false, true) => None,
        };
        // Calls that are stages of one change count once.
        let in_stages = plan.operations.iter().any(|operation| operation.stage.is_some());
        let counted = if in_stages { "connector" } else { "call" };
        Self { screen, title, counted, color, fixed }
    }
}

impl Confirm for Between<'_> {
    fn confirm(&self, question: Question) -> BoxFuture<'_, bool> {
        let Question::NextWave { wave, ended, bad, next, left } = question;
        let count = |number: u64, noun| count(usize::try_from(number).unwrap_or(usize::MAX), noun);
        let ended = format!(
            "wave {wave} has ended: {} done, {} not succeeded",
            count(ended, self.counted),
            count(bad, "change")
        );
        if let Some(FixedAnswer(yes)) = self.fixed {
            let then = if yes {
                format!("; the next one has {}, {left} are left", count(next, self.counted))
            } else {
                "; nobody is there to ask, and `--yes` was not given".to_owned()
            };
            self.screen.say(&Text::titled(Tone::Hint, "note", format_args!("{ended}{then}")));
            return Box::pin(std::future::ready(yes));
        }
        // The bar stands below the question: this ends its line.
        let question = Text::new()
            .plain(format_args!("{ended}. "))
            .toned(Tone::Strong, format_args!("Go on with {} of {left}", count(next, self.counted)))
            .plain(format_args!(" in {}? [y/N]", self.title))
            .end();
        let color = self.color;
        Box::pin(async move {
            self.screen.complain(&question);
            let answer = tokio::task::spawn_blocking(move || Screen::new(color, true).ask(&Text::new()));
            matches!(answer.await.ok().flatten().as_deref(), Some("y" | "Y" | "yes" | "Yes" | "YES"))
        })
    }
}
