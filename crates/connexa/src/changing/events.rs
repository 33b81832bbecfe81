//! The file of `--events`: the records of a run as they are made.

use crate::{
    exit::Exit,
    failure::Failure,
    screen::Screen,
    views::{
        json,
        text::{Text, Tone},
    },
};
use connexa_engine::record::Stored;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

/// The file. It is written anew for each command; of a run that is continued it holds all records, from the first on.
pub(crate) struct EventFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl EventFile {
    /// Makes the file, if one is wanted.
    pub(crate) fn create(path: Option<&Path>) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let file = File::create(path).map_err(|error| {
            Failure::new(Exit::Refused, format!("cannot write events to `{}`", path.display()))
                .because(&error)
        })?;
        Ok(Some(Self { path: path.to_owned(), file: Some(BufWriter::new(file)) }))
    }

    /// Writes one line; after a failure, which is said once, no more.
    pub(crate) fn write(&mut self, stored: &Stored, screen: &Screen) {
        let Some(file) = &mut self.file else { return };
        // Each line at once: somebody may follow the file.
        if let Err(error) = writeln!(file, "{}", json::line(stored)).and_then(|()| file.flush()) {
            let warning = format_args!("no more events in `{}`: {error}", self.path.display());
            screen.complain(&Text::titled(Tone::Warning, "warning", warning));
            self.file = None;
        }
    }

    /// Writes what is left.
    pub(crate) fn close(mut self, screen: &Screen) {
        if let Some(Err(error)) = self.file.as_mut().map(Write::flush) {
            let warning = format_args!("the last events are not in `{}`: {error}", self.path.display());
            screen.complain(&Text::titled(Tone::Warning, "warning", warning));
        }
    }
}
