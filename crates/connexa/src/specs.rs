//! From the `-f` of a command to a desired state.

use crate::{changing, failure::Failure, input::Input, views::failures};
use connexa_engine::spec::{self, Limits, ReadOptions, Reading};
use connexa_types::SealingKey;

/// What the files of a command came to.
pub(crate) struct Taken {
    /// Items, problems, secrets.
    pub(crate) reading: Reading,
    /// The format in which to write what is to be mended.
    pub(crate) format: failures::Format,
}

/// Reads the files; a file that cannot be read is a problem like others. What the command line gives comes first.
pub(crate) fn read(from: &changing::Input<'_>, key: &SealingKey, limits: &Limits) -> Result<Taken, Failure> {
    let mut input = Input::read(from.files, limits)?;
    let format = input.format();
    input.sources.splice(0..0, from.given.clone());
    let options =
        ReadOptions { mode: from.mode, strict: from.strict, limits: limits.clone(), creating: from.creating };
    let mut reading = spec::read(&input.sources, &options, &|field, value| key.seal(field, value));
    if !input.problems.is_empty() {
        reading.unreadable = true;
        reading.problems.splice(0..0, input.problems);
    }
    Ok(Taken { reading, format })
}
