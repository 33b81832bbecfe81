//! From the `-f` of a command to a desired state.

use crate::{cli::SpecFiles, failure::Failure, input::Input, views::failures};
use connexa_engine::spec::{self, Limits, Mode, ReadOptions, Reading};
use connexa_types::SealingKey;

/// What the files of a command came to.
pub(crate) struct Taken {
    /// Items, problems, secrets.
    pub(crate) reading: Reading,
    /// The format in which to write what is to be mended.
    pub(crate) format: failures::Format,
}

/// Reads the files; a file that cannot be read is a problem like others.
pub(crate) fn read(files: &SpecFiles, mode: Mode, key: &SealingKey) -> Result<Taken, Failure> {
    let limits = Limits::default();
    let input = Input::read(&files.files, &limits)?;
    let format = input.format();
    let creating = matches!(mode, Mode::Items(_));
    let options = ReadOptions { mode, strict: files.strict, limits, creating };
    let mut reading = spec::read(&input.sources, &options, &|field, value| key.seal(field, value));
    if !input.problems.is_empty() {
        reading.unreadable = true;
        reading.problems.splice(0..0, input.problems);
    }
    Ok(Taken { reading, format })
}
