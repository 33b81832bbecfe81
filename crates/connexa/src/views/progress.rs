//! How far a command is: a bar on a terminal, a plain line now and then elsewhere.

use super::text::{Text, count, span_of_time};
use crate::screen::Screen;
use connexa_engine::record::{SettleWait, Tick};
use connexa_types::Mono;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Elsewhere than on a terminal a line comes no more often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Reading that takes no longer is not told there.
const LINE_FIRST: Duration = Duration::from_secs(2);

/// Shows ticks on standard error.
pub(crate) struct Progress<'a> {
    screen: &'a Screen,
    started: Mono,
    form: Form,
}

enum Form {
    Bar(ProgressBar),
    Lines { last: Option<Mono>, pending: Option<(Tick, Duration)> },
    Silent,
}

impl<'a> Progress<'a> {
    /// Begins to show, at `now`.
    pub(crate) fn start(screen: &'a Screen, now: Mono) -> Self {
        let form = if screen.is_quiet() {
            Form::Silent
        } else if screen.can_draw() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}").expect("the template is well formed"),
            );
            screen.drawing(Some(bar.clone()));
            Form::Bar(bar)
        } else {
            Form::Lines { last: None, pending: None }
        };
        Self { screen, started: now, form }
    }

    /// Shows a tick that came at `now`; `left` is the time that the calls still to be made need under the quota.
    pub(crate) fn tick(&mut self, tick: &Tick, now: Mono, left: impl Fn(u64) -> Option<Duration>) {
        let elapsed = now.saturating_since(self.started);
        match &mut self.form {
            Form::Silent => {}
            Form::Bar(bar) => {
                if let Tick::Run { ended, changes, .. } = tick {
                    if bar.length() != Some(*changes) {
                        bar.set_length(*changes);
                        let style =
                            ProgressStyle::with_template("{bar:24.green/dim} {pos}/{len} changes {msg}");
                        bar.set_style(style.expect("the template is well formed"));
                    }
                    bar.set_position(*ended);
                }
                bar.set_message(message(tick, elapsed, left, false));
            }
            Form::Lines { last, pending } => {
                let is_read = matches!(tick, Tick::Read { .. });
                if is_read && elapsed < LINE_FIRST {
                    // Reading is over in a moment, as a rule, and then nobody wants to know.
                } else if last.is_none_or(|last| now.saturating_since(last) >= LINE_EVERY) || holds_up(tick) {
                    *last = Some(now);
                    *pending = None;
                    self.screen.say(&Text::line(message(tick, elapsed, left, true)));
                } else if !is_read {
                    // The last word is said at the end, whenever it came; until then there is one after each call.
                    *pending = Some((tick.clone(), elapsed));
                }
            }
        }
    }
}

impl Drop for Progress<'_> {
    /// Takes the bar away, or says the last word.
    fn drop(&mut self) {
        match &mut self.form {
            Form::Silent => {}
            Form::Bar(bar) => {
                bar.finish_and_clear();
                self.screen.drawing(None);
            }
            Form::Lines { pending, .. } => {
                if let Some((tick, elapsed)) = pending.take() {
                    // Nothing is waited for any more.
                    self.screen.say(&Text::line(message(&tick, elapsed, |_| None, true)));
                }
            }
        }
    }
}

/// Whether nothing happens for so long that somebody would wonder.
fn holds_up(tick: &Tick) -> bool {
    matches!(tick, Tick::Run { settling: Some(SettleWait { left, .. }), .. } if *left >= LINE_EVERY)
}

/// A tick in words; `whole` says what a bar shows otherwise.
fn message(tick: &Tick, elapsed: Duration, left: impl Fn(u64) -> Option<Duration>, whole: bool) -> String {
    match tick {
        Tick::Read { what, objects, total } => match total {
            Some(total) => format!("reading {what}: {objects} of {total}"),
            None => format!("reading {what}: {objects}"),
        },
        Tick::Run { ended, bad, changes, calls_left, in_flight, waiting, settling } => {
            let mut parts = Vec::new();
            if whole {
                parts.push(format!("{ended} of {} done", count(number(*changes), "change")));
            }
            if *bad > 0 {
                parts.push(format!("{bad} failed"));
            }
            if *ended > 0 {
                parts.push(format!(
                    "{:.1}/s",
                    f64::from(u32::try_from(*ended).unwrap_or(u32::MAX)) / elapsed.as_secs_f64().max(1.0)
                ));
            }
            if *calls_left > 0 {
                parts.push(format!("{} left", count(number(*calls_left), "call")));
            }
            if *in_flight > 0 && !whole {
                parts.push(format!("{in_flight} in flight"));
            }
            // A permit is asked for before each call; only where the next one is not to be had now does anything wait.
            if let Some(waiting) = waiting.filter(|_| left(1).is_some_and(|wait| !wait.is_zero())) {
                parts.push(format!("waiting for the {} limit", waiting.class));
            }
            if let Some(SettleWait { left, calls }) = settling {
                let of = count(number(*calls), "call");
                parts
                    .push(format!("waiting {} to see what became of {of}", span_of_time(left.as_secs_f64())));
            }
            if let Some(left) = left(*calls_left).filter(|left| *calls_left > 0 && !left.is_zero()) {
                parts.push(format!("about {}", span_of_time(left.as_secs_f64())));
            }
            parts.join(", ")
        }
    }
}

fn number(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_engine::record::Waiting;
    use connexa_types::Class;

    #[test]
    fn ticks_in_words() {
        let tick = Tick::Run {
            ended: 12,
            bad: 1,
            changes: 183,
            calls_left: 40,
            in_flight: 3,
            waiting: Some(Waiting { class: Class::Update, attempts: 3 }),
            settling: None,
        };
        let four = |_| Some(Duration::from_secs(200));
        assert_eq!(
            message(&tick, Duration::from_secs(4), four, true),
            "12 of 183 changes done, 1 failed, 3.0/s, 40 calls left, waiting for the update limit, about 3 min 20 s"
        );
        // The bucket has tokens for the next calls: nothing is held up by the pace.
        assert_eq!(
            message(&tick, Duration::from_secs(4), |_| Some(Duration::ZERO), true),
            "12 of 183 changes done, 1 failed, 3.0/s, 40 calls left"
        );
        let settling = Some(SettleWait { left: Duration::from_secs(42), calls: 3 });
        let tick = Tick::Run {
            ended: 180,
            bad: 0,
            changes: 183,
            calls_left: 3,
            in_flight: 0,
            waiting: None,
            settling,
        };
        assert_eq!(
            message(&tick, Duration::from_mins(1), |_| None, true),
            "180 of 183 changes done, 3.0/s, 3 calls left, waiting 42 s to see what became of 3 calls"
        );
        let tick = Tick::Read { what: "networks".to_owned(), objects: 25, total: None };
        assert_eq!(message(&tick, Duration::ZERO, |_| None, true), "reading networks: 25");
    }
}
