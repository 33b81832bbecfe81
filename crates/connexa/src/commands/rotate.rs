//! `connexa rotate-profile`: connectors get new profiles, one after the other.

use super::selection;
use crate::{
    changing::{self, Course, Input, Make, Pace, given, picking::Picks, plan_files::Keeping},
    cli::{Global, Rotate, RotationFlags},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
    views::shell::quoted,
    wiring::{hook::Hook, profiles::ProfileFolder},
};
use clap::ValueEnum as _;
use connexa_engine::{
    plan::{Act, Existing, Guards, ProfileForm, Verb},
    run::OnFailure,
    spec,
};
use connexa_types::Kind;

/// `rotate-profile`.
pub(crate) async fn run(
    arguments: &Rotate,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let Rotate { kind: word, which, rotation, scope, run } = arguments;
    let (kind, or) = kinds(word)?;
    let by_name = !which.names.is_empty() || which.matching.is_some();
    if !by_name && which.items.files.is_empty() {
        return Err(Failure::usage("nothing is named for `rotate-profile`")
            .hint("name connectors, pick them with `--where`, or give a file with `-f`"));
    }
    let form = rotation.form.map_or(ProfileForm::Ovpn, crate::cli::Form::of_profile);
    let hook = rotation.hook.clone().map(|hook| Hook::new(hook, global.color, global.quiet));
    let folder = ProfileFolder::new(Some(rotation.dir.clone()), form, Existing::Keep).with_hook(hook);
    let picked = selection(kind, which)?;
    let or = or.map(|kind| Ok::<_, Failure>((kind, selection(kind, which)?))).transpose()?;
    let mode = spec::Mode::Names(if or.is_some() { None } else { Some(kind) });
    let mut again = given::words(&which.names, which.matching.as_deref(), &[]);
    again.extend(words(rotation));
    let course = Course {
        command: "rotate-profile",
        words: format!("rotate-profile {word}"),
        again,
        input: Input {
            mode,
            files: &which.items.files,
            given: None,
            strict: which.items.strict,
            creating: false,
        },
        make: Make::Act(Act { verb: Verb::RotateProfile, form, region: None, online_within: rotation.wait }),
        picks: by_name.then_some(Picks { kind, selection: picked, or, flags: Vec::new() }),
        guards: Guards::default(),
        profiles: Some(folder),
        keeping: Keeping::default(),
        // Whatever is wrong with the way of the profiles is to hit one connector only.
        pace: Pace { parallel: Some(1), on_failure: OnFailure::Stop },
        scope,
        run: Some(run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}

/// The kind that a word means; `connectors` are those of networks and of hosts.
fn kinds(word: &str) -> Result<(Kind, Option<Kind>), Failure> {
    match word.to_ascii_lowercase().as_str() {
        "connector" | "connectors" => return Ok((Kind::NetworkConnector, Some(Kind::HostConnector))),
        _ => {}
    }
    match word.parse::<Kind>() {
        Ok(kind) if Verb::RotateProfile.kinds().contains(&kind) => Ok((kind, None)),
        _ => Err(Failure::usage(format!("`rotate-profile` is not for `{word}`"))
            .hint("it is for connectors, network-connectors and host-connectors")),
    }
}

/// The flags of the rotation, to be copied.
fn words(flags: &RotationFlags) -> Vec<String> {
    let mut words = vec!["--dir".to_owned(), quoted(&flags.dir.display().to_string())];
    let mut flag = |name: &str, value: String| words.extend([name.to_owned(), quoted(&value)]);
    if let Some(hook) = &flags.hook {
        flag("--hook", hook.clone());
    }
    if let Some(within) = flags.wait {
        flag("--wait", format!("online={}s", within.as_secs()));
    }
    if let Some(form) = flags.form.and_then(|form| form.to_possible_value()) {
        flag("--form", form.get_name().to_owned());
    }
    words
}
