//! `connexa api`: one raw call, paced as all others are; what comes back is printed as received, secrets removed.

use crate::{
    changing::earlier,
    cli::{Api, Global, Output},
    exit::Exit,
    failure::Failure,
    screen::Screen,
    session::{
        raw,
        running::{self, Place},
    },
    settings::{self, Target, Variables},
    views::{
        json,
        text::{Text, Tone, list},
    },
    wiring::{self, SessionOptions, journal::actor, signals::Signals, state_dir::StateDir},
};
use connexa_client::{RawAnswer, RawBody, RawCall};
use connexa_types::{Class, Endpoint, Outcome, RequestShape, TenantId, Why};
use std::{
    fs::File,
    io::{self, Read as _},
    sync::atomic::{AtomicBool, Ordering},
};

/// No body is longer; the service takes far less.
const LONGEST_BODY: u64 = 10 << 20;

/// Makes one call.
pub(crate) async fn run(
    arguments: &Api,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let output = settings::output(global, &[Output::Text, Output::Json])?;
    let call = RawCall::new(&arguments.method, &arguments.path)
        .map_err(|error| Failure::usage(error.to_string()).hint(EXAMPLE))?;
    if arguments.body.is_some() && call.class() == Class::Read {
        return Err(Failure::usage("GET takes no body, so `-f` cannot stand beside it"));
    }
    let done = make(call, arguments, global, variables, screen).await;
    let told = match &done {
        Ok(Made { answer, .. }) => answer.as_ref(),
        Err(failure) if failure.exit == Exit::Usage => return Err(failure.clone()),
        Err(_) => None,
    };
    match (output, told) {
        (Output::Json, told) => screen.document(&document(told)),
        (_, Some(answer)) => show(answer, screen),
        (_, None) => {}
    }
    if let Some(answer) = told {
        remark(answer, screen);
    }
    let failure = match done {
        Ok(made) => made.failure,
        Err(failure) => Some(failure),
    };
    Ok(failure.map_or(Exit::Complete, |failure| {
        screen.complain(&failure.text());
        failure.exit
    }))
}

const EXAMPLE: &str = "for example: connexa api GET '/networks?size=100'";

/// What came of the call.
struct Made {
    answer: Option<RawAnswer>,
    /// Why it is no success.
    failure: Option<Failure>,
}

async fn make(
    call: RawCall,
    arguments: &Api,
    global: &Global,
    variables: Variables<'_>,
    screen: &Screen,
) -> Result<Made, Failure> {
    let target = Target::resolve(global, variables)?;
    let call = match &arguments.body {
        Some(from) => with_body(call, from)?,
        None => call,
    };
    let state = StateDir::open(&settings::state_dir(global, variables)?)?;
    let key = state.sealing_key()?;
    let mut signals = Signals::catch();
    if call.class() == Class::Update && !arguments.yes {
        ask(&call, &target, global, &mut signals).await?;
    }
    // What only reads leaves no trace.
    let changes = call.class() == Class::Update;
    let journal =
        changes.then(|| wiring::open_journal(&state, &TenantId::from(target.tenant()))).transpose()?;
    let options = SessionOptions { target: &target, state: &state, key, max_rate: None, screen };
    let session = wiring::open(options)?;
    let actor = actor(target.key_id());
    let place = journal.as_deref().map(|journal| Place { journal, actor: &actor, take_over: false });
    let begun = match place {
        Some(place) => {
            let id = running::new_id();
            let begun = raw::begin(&id, &call, session.tenant(), place, session.now().wall).await;
            match begun {
                Ok(begun) => Some(begun),
                Err(error) => {
                    session.close().await;
                    return Err(earlier::claim_refused(&error, global));
                }
            }
        }
        None => None,
    };
    let sent = AtomicBool::new(false);
    let made = tokio::select! {
        made = session.raw(&call, &sent) => Ok(made),
        signal = signals.next() => Err(signal),
    };
    if let Some(begun) = begun {
        let attempt = made.as_ref().ok().map(|made| &made.attempt);
        let never_sent = attempt.is_none() && !sent.load(Ordering::Relaxed);
        let ended = begun.end(attempt, never_sent, session.now().wall).await;
        if let Err(failure) = ended {
            let warning = format_args!("what came of the call is not recorded: {failure}");
            screen.complain(&Text::titled(Tone::Warning, "warning", warning));
        }
    }
    session.close().await;
    let made = made.map_err(|signal| {
        if sent.load(Ordering::Relaxed) && changes {
            unknown(&call, &format!("stopped by {signal}"))
        } else {
            Failure::new(Exit::Stopped, format!("stopped by {signal} before anything was changed"))
        }
    })?;
    let failure = failure(&call, &target, &made.attempt.outcome, made.answer.as_ref());
    Ok(Made { answer: made.answer, failure })
}

/// Reads the body. One for an operation that takes JSON has to be that.
fn with_body(call: RawCall, from: &str) -> Result<RawCall, Failure> {
    let read = |source: &mut dyn io::Read| {
        let mut bytes = Vec::new();
        source.take(LONGEST_BODY + 1).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = if from == "-" {
        read(&mut io::stdin().lock())
    } else {
        File::open(from).and_then(|mut f| read(&mut f))
    };
    let named = if from == "-" { "standard input".to_owned() } else { format!("`{from}`") };
    let bytes = bytes.map_err(|error| {
        Failure::new(Exit::Refused, format!("cannot read the body from {named}")).because(&error)
    })?;
    if bytes.len() as u64 > LONGEST_BODY {
        return Err(Failure::new(Exit::Refused, format!("the body in {named} is over 10 MiB")));
    }
    let takes_json = call.endpoint().is_some_and(|e| matches!(e.info().request, RequestShape::Json(_)));
    if takes_json && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        // In our own words, since those of the parser may repeat what stands there.
        let place = format!("line {}, column {}", error.line(), error.column());
        return Err(Failure::new(Exit::Refused, format!("the body in {named} is not JSON: {place}"))
            .hint("the body is sent as the API takes it, not as a spec is written"));
    }
    Ok(call.with_body(bytes))
}

/// Asks whether to send it.
async fn ask(call: &RawCall, target: &Target, global: &Global, signals: &mut Signals) -> Result<(), Failure> {
    if !Screen::is_conversation() {
        let message =
            format!("nobody is there to confirm {} {}, so it was not sent", call.method(), call.target());
        return Err(Failure::new(Exit::Refused, message).hint("`--yes` sends it without asking"));
    }
    let question = Text::new()
        .plain(format_args!("Send {} {} to ", call.method(), call.target()))
        .toned(Tone::Strong, target.title())
        .plain("? [y/N] ");
    let color = global.color;
    let answer = tokio::task::spawn_blocking(move || Screen::new(color, false).ask(&question));
    tokio::select! {
        answer = answer => match answer.ok().flatten().as_deref() {
            Some("y" | "Y" | "yes" | "Yes" | "YES") => Ok(()),
            _ => Err(Failure::new(Exit::Declined, "declined, so nothing was sent")),
        },
        signal = signals.next() => {
            Err(Failure::new(Exit::Stopped, format!("stopped by {signal} before anything was changed")))
        }
    }
}

/// Why a call is no success; `None` for a 2xx.
fn failure(
    call: &RawCall,
    target: &Target,
    outcome: &Outcome,
    answer: Option<&RawAnswer>,
) -> Option<Failure> {
    let line = format!("{} {}", call.method(), call.target());
    let lost = |why: &Why| match call.class() {
        Class::Read => unreachable(target, &why.detail),
        Class::Update => unknown(call, &why.detail),
    };
    Some(match (outcome, answer) {
        (Outcome::Applied(_), _) => return None,
        (Outcome::Unauthorized, _) => unreachable(target, "the service refused the credentials")
            .hint("an API key has a life of two weeks to a year, and may be bound to addresses"),
        (Outcome::NotSent(why), _) => unreachable(target, &why.detail),
        (Outcome::Indeterminate(why), None) => lost(why),
        (_, Some(answer)) => {
            let status = http::StatusCode::from_u16(answer.status).ok();
            let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("no success");
            let failure = Failure::new(Exit::Partial, format!("{line}: {} {reason}", answer.status));
            match hint(call, answer.status) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        (Outcome::Throttled(_) | Outcome::Rejected(_), None) => {
            Failure::new(Exit::Partial, format!("{line}: it was refused"))
        }
    })
}

fn unreachable(target: &Target, why: &str) -> Failure {
    let mut failure = Failure::new(Exit::Unreachable, format!("cannot call the tenant {}", target.title()));
    failure.causes.push(why.to_owned());
    failure
}

/// A call that was sent and of which nobody knows whether it was carried out.
fn unknown(call: &RawCall, why: &str) -> Failure {
    let message =
        format!("{} {}: it is not known whether this was carried out", call.method(), call.target());
    let mut failure = Failure::new(Exit::Stuck, message);
    failure.causes.push(why.to_owned());
    failure.hint("look at the object with `connexa get` or `connexa api GET` before sending it again")
}

/// What usually helps against a status.
fn hint(call: &RawCall, status: u16) -> Option<String> {
    let reference = || match call.endpoint() {
        Some(_) => None,
        None => Some(match nearest(call) {
            Some(near) => format!("API v1.2.3 has no such operation; did you mean `{near}`?"),
            None => "API v1.2.3 has no such operation".to_owned(),
        }),
    };
    match status {
        400 | 404 | 405 => reference().or_else(|| {
            let missing = missing_parameters(call);
            (!missing.is_empty()).then(|| {
                let names = list(missing.iter().map(|name| format!("`{name}`")));
                format!("the operation needs the query parameter {names}")
            })
        }),
        403 => Some(
            "the key lacks the permission for this; permissions are set in the administration portal"
                .to_owned(),
        ),
        415 => Some("the operation takes another type of body".to_owned()),
        429 => {
            Some("it was throttled again and again; another program uses up the quota of this key".to_owned())
        }
        500.. => Some(
            "the service failed; a call that changes something may have been carried out all the same"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Query parameters that the operation requires and the call does not have.
fn missing_parameters(call: &RawCall) -> Vec<&'static str> {
    let query = call.target().split_once('?').map_or("", |(_, query)| query);
    let there = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let parameters = call.endpoint().map_or(&[][..], |endpoint| endpoint.info().query);
    parameters.iter().filter(|p| p.required && !there(p.name)).map(|p| p.name).collect()
}

/// The operation most like what was called.
fn nearest(call: &RawCall) -> Option<Endpoint> {
    let path = call.target().split('?').next()?.strip_prefix("/api/v1")?;
    if path.len() > 200 {
        return None;
    }
    let most = (path.len() / 3).max(1);
    Endpoint::ALL
        .iter()
        .map(|endpoint| {
            // A parameter is like whatever stands in its place.
            let mut segments = path.split('/');
            let filled = endpoint.info().path.split('/').map(|segment| {
                let given = segments.next().unwrap_or_default();
                if segment.starts_with('{') && !given.is_empty() { given } else { segment }
            });
            let filled = filled.collect::<Vec<_>>().join("/");
            let other_method = usize::from(endpoint.info().method.as_str() != call.method());
            ((strsim::osa_distance(path, &filled), other_method), endpoint)
        })
        .filter(|((distance, _), _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, endpoint)| *endpoint)
}

/// The body for people and pipes: as received.
fn show(answer: &RawAnswer, screen: &Screen) {
    match &answer.body {
        RawBody::Json(text) | RawBody::Text(text) => {
            screen.raw(&if text.ends_with('\n') { text.clone() } else { format!("{text}\n") });
        }
        RawBody::Empty | RawBody::Secret | RawBody::Binary(_) => {}
    }
}

/// The body as one JSON document: itself, a text as one, null where there is none that could be shown.
fn document(answer: Option<&RawAnswer>) -> String {
    match answer.map(|answer| &answer.body) {
        Some(RawBody::Json(text)) => json::escaped(text.trim()) + "\n",
        Some(RawBody::Text(text)) => json::line(text) + "\n",
        None | Some(RawBody::Empty | RawBody::Secret | RawBody::Binary(_)) => "null\n".to_owned(),
    }
}

/// Says what is not shown.
fn remark(answer: &RawAnswer, screen: &Screen) {
    let note = |text: String| screen.say(&Text::titled(Tone::Hint, "note", text));
    match &answer.body {
        RawBody::Secret => note("the answer is a secret, and is not shown".to_owned()),
        RawBody::Binary(bytes) => note(format!("the answer is no text, and is not shown ({bytes} bytes)")),
        RawBody::Empty | RawBody::Json(_) | RawBody::Text(_) => {}
    }
    if !answer.removed.is_empty() {
        let places = list(answer.removed.iter().map(|place| format!("`{place}`")));
        note(format!("secrets were removed from the answer: {places}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_operation_is_found() {
        let near = |method: &str, path: &str| {
            nearest(&RawCall::new(method, path).unwrap()).map(|endpoint| endpoint.to_string())
        };
        assert_eq!(near("GET", "/netwroks").as_deref(), Some("GET /networks"));
        assert_eq!(near("PATCH", "/networks/6f0c").as_deref(), Some("GET /networks/{id}"));
        assert_eq!(near("POST", "/user/6f0c/device").as_deref(), None);
        assert_eq!(near("GET", "/entirely/something/else/altogether"), None);
    }
}
