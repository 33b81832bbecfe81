//! Joint creates that are applied in part (API section 7.5 says what can come along).

use super::rule::{DetailsForm, MissingChildren};
use bytes::Bytes;
use connexa_types::Endpoint;
use http::{Response, StatusCode, header};
use serde_json::{Map, Value, json};

/// The lists of children that a create can bring along.
const fn lists(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::NetworkCreate => &["routes", "connectors"],
        Endpoint::HostCreate => &["connectors"],
        Endpoint::UserCreate => &["devices"],
        _ => &[],
    }
}

/// Reads `routes[1]`.
pub(super) fn place(text: &str) -> Option<(&str, usize)> {
    let (list, rest) = text.split_once('[')?;
    let index = rest.strip_suffix(']')?.parse().ok()?;
    ["routes", "connectors", "devices"].contains(&list).then_some((list, index))
}

/// The children in a body, as `(list, index)`.
fn children<'a>(endpoint: Endpoint, body: &'a Map<String, Value>) -> Vec<(&'static str, usize)> {
    let of = |list: &'static str| {
        let length = body.get(list).and_then(|value: &'a Value| value.as_array()).map_or(0, Vec::len);
        (0..length).map(move |index| (list, index))
    };
    lists(endpoint).iter().flat_map(|list| of(list)).collect()
}

/// Which children of a create are to be missing; nothing if it has none, or not the ones asked for.
///
/// `chance` gives numbers below its argument.
pub(super) fn choose(
    endpoint: Endpoint,
    body: &[u8],
    missing: &MissingChildren,
    mut chance: impl FnMut(usize) -> usize,
) -> Option<Vec<(&'static str, usize)>> {
    if lists(endpoint).is_empty() {
        return None;
    }
    let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let all = children(endpoint, &body);
    if all.is_empty() {
        return None;
    }
    Some(match missing {
        MissingChildren::All => all,
        MissingChildren::One => vec![all[chance(all.len())]],
        MissingChildren::Random => {
            let certain = chance(all.len());
            let chosen = all.into_iter().enumerate().filter(|(n, _)| *n == certain || chance(2) == 0);
            chosen.map(|(_, child)| child).collect()
        }
        MissingChildren::These(these) => {
            let find = |text: &String| {
                let wanted = place(text)?;
                all.iter().copied().find(|child| *child == wanted)
            };
            these.iter().map(find).collect::<Option<Vec<_>>>()?
        }
    })
}

/// The body without the chosen children.
pub(super) fn without(body: &[u8], chosen: &[(&'static str, usize)]) -> Bytes {
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(body) else { return Bytes::new() };
    for (name, list) in &mut body {
        if let Value::Array(list) = list {
            let mut index = 0;
            list.retain(|_| {
                index += 1;
                !chosen.iter().any(|(chosen, at)| chosen == name && *at == index - 1)
            });
        }
    }
    Bytes::from(Value::Object(body).to_string())
}

/// The rejection that names them.
pub(crate) fn rejection(chosen: &[(&'static str, usize)], form: DetailsForm) -> Response<Bytes> {
    let mut details = Map::new();
    let complaint = || json!([{"errorCode": "0-20-1", "message": "Cannot be created"}]);
    for (list, index) in chosen {
        let key = match form {
            DetailsForm::Indexed => format!("{list}[{index}]"),
            DetailsForm::WithoutIndexes => (*list).to_owned(),
            DetailsForm::Absent => continue,
        };
        details.insert(key, complaint());
    }
    let body = json!({
        "errorDetails": details,
        "errorMessage": "Some of the objects cannot be created",
        "statusError": "Bad Request",
    });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Rewrites the keys of the `errorDetails` of a refusal; whether there was anything to rewrite.
pub(crate) fn reword(response: &mut Response<Bytes>, form: DetailsForm) -> bool {
    let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) else { return false };
    let Some(details) = body.get_mut("errorDetails").and_then(Value::as_object_mut) else { return false };
    let before = details.clone();
    match form {
        DetailsForm::Indexed => {}
        DetailsForm::Absent => details.clear(),
        DetailsForm::WithoutIndexes => {
            for (key, complaints) in std::mem::take(details) {
                let list = details.entry(without_indexes(&key)).or_insert_with(|| Value::Array(Vec::new()));
                if let (Value::Array(list), Value::Array(complaints)) = (list, complaints) {
                    list.extend(complaints);
                }
            }
        }
    }
    if *details == before {
        return false;
    }
    *response.body_mut() = Bytes::from(body.to_string());
    true
}

/// `routes[1].value` → `routes.value`.
fn without_indexes(key: &str) -> String {
    let mut plain = String::with_capacity(key.len());
    let mut inside = false;
    for character in key.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            other if !inside => plain.push(other),
            _ => {}
        }
    }
    plain
}
