//! The starred rules of spec section 8, for objects as they will be: live fields under the item's.
//!
//! The reader of specs has told what each item alone decides; only what the live object, or its absence, adds is told
//! here. In a batch of creates it has told all.

use super::{
    body::Body,
    find::{Finder, ParentOf, Standing},
    problems::Problems,
};
use crate::{
    current::Live,
    problem::{Code, Problem},
    spec::rules,
};
use connexa_types::{JsonPointer, Kind};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Checks every item that acts.
pub(super) fn check<'a>(finder: &Finder<'a>, bodies: &[Option<Body>], problems: &mut Problems<'a>) {
    let mut connectors: Option<HashMap<&'a str, Vec<&'a Live>>> = None;
    for (index, body) in bodies.iter().enumerate() {
        let (Some(body), Some(kind)) = (body, finder.kind(index)) else { continue };
        if problems.refuses(index) {
            continue;
        }
        let whole = whole(finder, index, body);
        let creating = matches!(finder.standing[index], Standing::New);
        let mut found = rules::check(kind, &whole, creating);
        if let (Kind::Network, Standing::Live(live)) = (kind, finder.standing[index]) {
            let all = connectors.get_or_insert_with(|| untold_connectors(finder, bodies));
            let own = all.get(live.id.as_str()).map_or(&[][..], Vec::as_slice);
            if let Some(problem) = other_protocol(&whole, own) {
                problems.push(index, problem);
            }
        }
        let of_network = protocol(finder, index, kind, bodies, &whole);
        if found.is_empty() && of_network.is_none() {
            continue;
        }
        let part = part(finder, index);
        let told: HashSet<_> =
            rules::check_part(kind, &part).into_iter().map(|problem| (problem.code, problem.path)).collect();
        found.retain(|problem| !told.contains(&(problem.code, problem.path.clone())));
        // A connector with a network of its spec has been told of, if both items alone decide it.
        found.extend(of_network.and_then(|(problem, network)| {
            let network = network.map(|item| self::part(finder, item));
            let told =
                network.is_some_and(|network| rules::connector_protocol(&network, &part, false).is_some());
            (!told).then_some(problem)
        }));
        for problem in found {
            problems.push(index, problem);
        }
    }
}

/// The live connectors by network, those left out whose items act: they are told of at their own place.
fn untold_connectors<'a>(finder: &Finder<'a>, bodies: &[Option<Body>]) -> HashMap<&'a str, Vec<&'a Live>> {
    let acting: HashSet<&str> = finder
        .standing
        .iter()
        .zip(bodies)
        .filter(|(_, body)| body.is_some())
        .filter_map(|(standing, _)| standing.live())
        .filter(|live| live.kind == Kind::NetworkConnector)
        .map(|live| live.id.as_str())
        .collect();
    let mut by_network: HashMap<&str, Vec<&Live>> = HashMap::new();
    for live in finder.current.kind(Kind::NetworkConnector).into_iter().flat_map(|kind| &kind.objects) {
        if let Some(network) = live.parent.as_ref().filter(|_| !acting.contains(live.id.as_str())) {
            by_network.entry(network.as_str()).or_default().push(live);
        }
    }
    by_network
}

/// W403: a network as it will be, and the connectors that it has.
fn other_protocol(network: &Value, connectors: &[&Live]) -> Option<Problem> {
    const SHOWN: usize = 3;
    let names: Vec<String> = connectors
        .iter()
        .filter(|live| rules::connector_protocol(network, &live.object, true).is_some())
        .map(|live| format!("`{}`", live.key.own.text))
        .collect();
    let more = match names.len() {
        0 => return None,
        count if count > SHOWN => format!(" and {} more", count - SHOWN),
        _ => String::new(),
    };
    let message = format!(
        "connectors of the network are of another protocol than its `tunneling_protocol`: {}{more}",
        names[..names.len().min(SHOWN)].join(", ")
    );
    let problem = Problem::new(Code::warning(403), message).path("tunneling_protocol");
    Some(problem.hint("delete them, and make connectors of the network's own protocol"))
}

/// W403: a connector, and the network that it will be in; with the item of that, if it has one.
fn protocol(
    finder: &Finder<'_>,
    index: usize,
    kind: Kind,
    bodies: &[Option<Body>],
    connector: &Value,
) -> Option<(Problem, Option<usize>)> {
    if kind != Kind::NetworkConnector {
        return None;
    }
    let (network, item) = match finder.parents[index] {
        ParentOf::Item(item) => (whole(finder, item, bodies[item].as_ref()?).into(), Some(item)),
        ParentOf::Live(live, item) => match item.and_then(|item| Some((item, bodies[item].as_ref()?))) {
            Some((item, body)) => (whole(finder, item, body).into(), Some(item)),
            None => (live.object.clone(), item),
        },
        ParentOf::None | ParentOf::Missing => return None,
    };
    Some((rules::connector_protocol(&network, connector, true)?, item))
}

/// What an item alone decides.
fn part(finder: &Finder<'_>, index: usize) -> Value {
    keyed(finder, index, Value::Object(Body::owned(finder, index).json))
}

/// A setting has its path beside its value: the rules go by it.
fn keyed(finder: &Finder<'_>, index: usize, mut object: Value) -> Value {
    if let (Some(Kind::Setting), Some(key)) = (finder.kind(index), &finder.item(index).key) {
        object["key"] = key.own.text.as_str().into();
    }
    object
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
    keyed(finder, index, object)
}
