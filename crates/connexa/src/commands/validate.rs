//! `connexa validate`: offline, without a key.

use crate::{
    changing::Input,
    cli::{Global, Output, Validate},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::{self, Config, Variables},
    specs::{self, Taken},
    views::{
        problems,
        text::{Text, Tone, count, list},
    },
};
use connexa_engine::desired::DesiredState;
use connexa_types::{Kind, SealingKey};

/// Checks the spec.
pub(crate) fn run(
    arguments: &Validate,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json])?;
    // Nothing is kept and no hash is shown, so any key does.
    let key = SealingKey::new([0; 32]);
    let Taken { reading, .. } =
        specs::read(&Input::spec(&arguments.spec), &key, &Config::input_limits(variables)?)?;
    let reading = reading.alone();
    let exit = if reading.has_errors() { Exit::Refused } else { Exit::Complete };
    if output == Output::Json {
        screen.json(&problems::document(&reading.problems));
        return Ok(exit);
    }
    screen.result(&problems::text(&reading.problems));
    screen.result(&if reading.has_errors() {
        Text::titled(
            Tone::Error,
            "error",
            format_args!("the spec has {}", problems::totals(&reading.problems)),
        )
    } else {
        let found = if reading.problems.is_empty() {
            String::new()
        } else {
            format!(", with {}", problems::totals(&reading.problems))
        };
        Text::new()
            .toned(Tone::Good, "valid")
            .plain(format_args!(": {}{found}", contents(&reading.desired)))
            .end()
    });
    for note in &reading.desired.notes {
        screen.say(&Text::titled(Tone::Hint, "note", note));
    }
    Ok(exit)
}

/// `25 networks, 75 network_routes and 3 users`.
fn contents(desired: &DesiredState) -> String {
    let number = |kind: Kind| desired.items.iter().filter(|item| item.kind.as_ref() == Ok(&kind)).count();
    let kinds = Kind::ALL.iter().map(|kind| (number(*kind), kind)).filter(|(n, _)| *n > 0);
    match list(kinds.map(|(n, kind)| count(n, kind.singular()))) {
        nothing if nothing.is_empty() => "no items".to_owned(),
        contents => contents,
    }
}
