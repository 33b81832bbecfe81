//! `connexa do ACTION KIND`, and each action as a command of its own.

use super::{any_kind, items_of, selection};
use crate::{
    changing::{self, Course, Input, Make, Pace, given, picking::Picks, plan_files::Keeping},
    cli::{Do, Form, Global, On, ProfileFlags},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    settings::Variables,
    views::{shell::quoted, text::list},
    wiring::profiles::ProfileFolder,
};
use clap::ValueEnum as _;
use connexa_engine::{
    plan::{Act, Existing, Guards, ProfileForm, Verb},
    spec,
};
use connexa_types::Kind;

/// `do`.
pub(crate) async fn by_word(
    arguments: &Do,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let verb = arguments.verb.parse::<Verb>().map_err(|error| {
        let verbs = list(Verb::ALL.iter().map(|verb| verb.as_str()));
        Failure::usage(error.to_string()).hint(format!("the actions are {verbs}"))
    })?;
    if verb == Verb::RotateProfile {
        return Err(Failure::usage("`rotate-profile` is a command of its own")
            .hint("`connexa rotate-profile connectors 'paris/*' --dir profiles`"));
    }
    if verb != Verb::Profile && !arguments.profile.is_empty() {
        return Err(Failure::usage(
            "`--dir`, `--region`, `--form` and `--overwrite` are for `profile` alone",
        ));
    }
    run(verb, &arguments.on, &arguments.profile, global, variables, screen).await
}

/// A verb alone.
pub(crate) async fn run(
    verb: Verb,
    on: &On,
    profile: &ProfileFlags,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let kind = any_kind(&on.kind)?;
    if !verb.kinds().contains(&kind) {
        let kinds = list(verb.kinds().iter().map(|kind| items_of(*kind)));
        let failure = Failure::usage(format!("`{verb}` is not for {}", items_of(kind)));
        return Err(failure.hint(format!("it is for {kinds}")));
    }
    let which = &on.which;
    let by_name = !which.names.is_empty() || which.matching.is_some();
    if !by_name && which.items.files.is_empty() {
        return Err(Failure::usage(format!("nothing is named for `{verb}`"))
            .hint("name objects, pick them with `--where`, or give a file with `-f`"));
    }
    let device = kind == Kind::Device;
    if verb == Verb::Profile && device != profile.region.is_some() {
        return Err(if device {
            Failure::usage("the profile of a device is for one region: `--region REGION`")
                .hint("`connexa get regions` lists them")
        } else {
            Failure::usage("`--region` is for profiles of devices; a connector has its own")
        });
    }
    if device && profile.form.is_some_and(|form| form != Form::Ovpn) {
        return Err(Failure::usage("a device has its profile in one form only, `ovpn`"));
    }
    let form = profile.form.map_or(ProfileForm::Ovpn, Form::of_profile);
    let picked = selection(kind, which)?;
    let mut again = given::words(&which.names, which.matching.as_deref(), &[]);
    again.extend(profile_words(profile));
    let course = Course {
        command: verb.as_str(),
        words: format!("{verb} {}", items_of(kind)),
        again,
        input: Input {
            mode: spec::Mode::Names(Some(kind)),
            files: &which.items.files,
            given: None,
            strict: which.items.strict,
            creating: false,
        },
        make: Make::Act(Act { verb, form, region: profile.region.clone(), online_within: None }),
        picks: by_name.then_some(Picks { kind, selection: picked, or: None, flags: Vec::new() }),
        guards: Guards::default(),
        profiles: (verb == Verb::Profile).then(|| {
            let existing = if profile.overwrite { Existing::Replace } else { Existing::Refuse };
            ProfileFolder::new(profile.dir.clone(), form, existing)
        }),
        keeping: Keeping::default(),
        pace: Pace::default(),
        scope: &on.scope,
        run: Some(&on.run),
        detailed_exitcode: false,
    };
    changing::go(course, global, variables, screen).await
}

/// The flags of profiles, to be copied.
fn profile_words(flags: &ProfileFlags) -> Vec<String> {
    let mut words = Vec::new();
    let mut flag = |name: &str, value: String| words.extend([name.to_owned(), quoted(&value)]);
    if let Some(dir) = &flags.dir {
        flag("--dir", dir.display().to_string());
    }
    if let Some(region) = &flags.region {
        flag("--region", region.clone());
    }
    if let Some(form) = flags.form.and_then(|form| form.to_possible_value()) {
        flag("--form", form.get_name().to_owned());
    }
    if flags.overwrite {
        words.push("--overwrite".to_owned());
    }
    words
}
