//! Standard output and standard error. Only this file writes to them.
//!
//! A reader that has gone (a closed pipe) is no reason to stop a run half-way: what cannot be written is dropped, and the
//! exit code still says what the run came to. A result that does not get through for another reason, such as a full disk,
//! is kept in mind: see [`Screen::lost`].

use crate::{
    cli::Color,
    views::{
        json,
        text::{Text, harmless},
    },
};
use anstream::{AutoStream, ColorChoice};
use indicatif::ProgressBar;
use serde::Serialize;
use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    sync::{Mutex, OnceLock, PoisonError},
};

/// The two streams of the process.
pub(crate) struct Screen {
    color: ColorChoice,
    quiet: bool,
    /// What is drawn on standard error at the moment; it has to step aside for lines.
    progress: Mutex<Option<ProgressBar>>,
    /// Why a result could not be written.
    lost: OnceLock<io::Error>,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { color, quiet, progress: Mutex::new(None), lost: OnceLock::new() }
    }

    /// Whether somebody can be asked: both ends of a conversation are on a terminal.
    pub(crate) fn is_conversation() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether standard error is a terminal that can show something that moves.
    pub(crate) fn can_draw(&self) -> bool {
        !self.quiet
            && io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether only the result and errors are wanted.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a result for people to standard output.
    pub(crate) fn result(&self, text: &Text) {
        self.out(AutoStream::new(io::stdout(), self.color), |to| to.write_all(text.render().as_bytes()));
    }

    /// Writes a result to standard output that is harmless as it stands, such as JSON.
    pub(crate) fn document(&self, document: &str) {
        self.out(io::stdout(), |to| to.write_all(document.as_bytes()));
    }

    /// Writes a result to standard output as a JSON document, which may be a long one.
    pub(crate) fn json(&self, document: &impl Serialize) {
        self.out(BufWriter::with_capacity(1 << 16, io::stdout()), |to| json::write(document, to));
    }

    /// Writes a result to standard output that holds names as they are; on a terminal they are made harmless.
    pub(crate) fn raw(&self, lines: &str) {
        if io::stdout().is_terminal() {
            let harmless: String = lines.lines().map(|line| harmless(line) + "\n").collect();
            self.document(&harmless);
        } else {
            self.document(lines);
        }
    }

    /// Says something on standard error, unless told to be quiet.
    pub(crate) fn say(&self, text: &Text) {
        if !self.quiet {
            self.complain(text);
        }
    }

    /// Says something on standard error in any case.
    pub(crate) fn complain(&self, text: &Text) {
        self.aside(|| {
            // There is nobody to tell that nobody can be told.
            let mut stream = AutoStream::new(io::stderr(), self.color);
            let _ = stream.write_all(text.render().as_bytes()).and_then(|()| stream.flush());
        });
    }

    /// Asks on standard error and reads a line; `None` at the end of the input.
    pub(crate) fn ask(&self, question: &Text) -> Option<String> {
        self.complain(question);
        let mut answer = String::new();
        match io::stdin().read_line(&mut answer) {
            Ok(1..) => Some(answer.trim().to_owned()),
            Ok(0) | Err(_) => None,
        }
    }

    /// Says what is drawn on standard error from now on.
    pub(crate) fn drawing(&self, bar: Option<ProgressBar>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Why a result did not get through, other than for want of a reader.
    pub(crate) fn lost(&self) -> Option<&io::Error> {
        self.lost.get()
    }

    /// Writes all of a result, or what the reader wants of it.
    fn out<W: Write>(&self, mut stream: W, write: impl FnOnce(&mut W) -> io::Result<()>) {
        self.aside(|| {
            if let Err(error) = write(&mut stream).and_then(|()| stream.flush())
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                // The first reason is the one that counts.
                let _ = self.lost.set(error);
            }
        });
    }

    fn aside(&self, write: impl FnOnce()) {
        let bar = self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}
