//! The starred rules of spec section 8, for objects as they will be: live fields under the item's.
//!
//! The reader of specs has told what each item alone decides; only what the live object, or its absence, adds is told
//! here. In a batch of creates it has told all.

use super::{
    body::Body,
    find::{Finder, ParentOf, Standing},
    problems::Problems,
};
use crate::spec::rules;
use connexa_types::{JsonPointer, Kind};
use serde_json::Value;
use std::collections::HashSet;

/// Checks every item that acts.
pub(super) fn check<'a>(finder: &Finder<'a>, bodies: &[Option<Body>], problems: &mut Problems<'a>) {
    for (index, body) in bodies.iter().enumerate() {
        let (Some(body), Some(kind)) = (body, finder.kind(index)) else { continue };
        if problems.refuses(index) {
            continue;
        }
        let whole = whole(finder, index, body);
        let creating = matches!(finder.standing[index], Standing::New);
        let mut found = rules::check(kind, &whole, creating);
        if found.is_empty() && kind != Kind::NetworkConnector {
            continue;
        }
        let part = Value::Object(Body::owned(finder, index).json);
        let told: HashSet<_> =
            rules::check_part(kind, &part).into_iter().map(|problem| (problem.code, problem.path)).collect();
        found.retain(|problem| !told.contains(&(problem.code, problem.path.clone())));
        found.extend(protocol(finder, index, kind, bodies, &whole, &part));
        for problem in found {
            problems.push(index, problem);
        }
    }
}

/// W403: a connector, and the network that it will be in.
fn protocol(
    finder: &Finder<'_>,
    index: usize,
    kind: Kind,
    bodies: &[Option<Body>],
    connector: &Value,
    part: &Value,
) -> Option<crate::problem::Problem> {
    if kind != Kind::NetworkConnector {
        return None;
    }
    let (network, item) = match finder.parents[index] {
        ParentOf::Item(item) => (whole(finder, item, bodies[item].as_ref()?), Some(item)),
        ParentOf::Live(live, item) => match item.and_then(|item| Some((item, bodies[item].as_ref()?))) {
            Some((item, body)) => (whole(finder, item, body), Some(item)),
            None => (live.object.clone(), item),
        },
        ParentOf::None | ParentOf::Missing => return None,
    };
    let told = item.is_some_and(|item| {
        let network = Value::Object(Body::owned(finder, item).json);
        rules::connector_protocol(&network, part, false).is_some()
    });
    rules::connector_protocol(&network, connector, true).filter(|_| !told)
}

/// The object as it will be, in the request's form; open places and secrets hold something.
fn whole(finder: &Finder<'_>, index: usize, body: &Body) -> Value {
    let mut object = Value::Object(body.json.clone());
    let open = body.outputs.iter().map(|(at, _)| at).chain(body.secrets.keys());
    for at in open {
        at.put(&mut object, Value::Bool(true));
    }
    // A secret that the service has is not in the body, but it is there.
    for at in finder.standing[index].live().iter().flat_map(|live| live.sealed.keys()) {
        let at: &JsonPointer = at;
        if at.get(&object).is_none() {
            at.put(&mut object, Value::Bool(true));
        }
    }
    object
}
