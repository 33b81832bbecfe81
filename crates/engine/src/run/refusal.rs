//! A 4xx in our words: the server's own follow verbatim, its field names become those of the spec.

use super::ruling::Ruling;
use crate::{
    catalog::{self, Field, FieldType},
    plan::{Carried, Change, Operation, Plan},
    report::ErrorType,
};
use connexa_types::{ErrorDetail, JsonPointer, Kind, Rejection};
use std::collections::{BTreeMap, BTreeSet};

/// Field in spec names → messages.
type Details = BTreeMap<String, Vec<String>>;

/// The verdicts of all that a refused call carried, where nothing of it was applied: the principal change gets every
/// detail under its path, a passenger those that name it.
pub(super) fn refused(plan: &Plan, operation: &Operation, rejection: &Rejection) -> Vec<(usize, Ruling)> {
    let error_type = error_type(rejection);
    let error = format!("{}; nothing was changed{}", headline(rejection), server_words(rejection));
    let (principal, mut passengers) = translate(plan, operation, rejection);
    operation
        .carries
        .iter()
        .enumerate()
        .map(|(place, carried)| {
            let detail = if place == 0 {
                principal.clone()
            } else {
                passengers.remove(carried.at.as_str()).unwrap_or_default()
            };
            (carried.change, Ruling { detail, ..Ruling::failed(error_type, error.clone()) })
        })
        .collect()
}

/// The passengers that a refusal names, if it complains of nothing else.
pub(super) fn named(operation: &Operation, rejection: &Rejection) -> BTreeSet<usize> {
    let details = rejection.error.iter().flat_map(|error| &error.error_details);
    let passengers =
        details.map(|(key, _)| Path::parse(key).passenger(operation).map(|carried| carried.change));
    passengers.collect::<Option<BTreeSet<usize>>>().unwrap_or_default()
}

/// What the status and the server's words are, in one line.
pub(super) fn summary(rejection: &Rejection) -> String {
    format!("{}{}", headline(rejection), server_words(rejection))
}

pub(super) fn error_type(rejection: &Rejection) -> ErrorType {
    match rejection.status {
        403 => ErrorType::PermissionDenied,
        _ if rejection.gone.is_some() => ErrorType::NotFound,
        404 => ErrorType::NotFound,
        409 => ErrorType::Conflict,
        _ => ErrorType::Rejected,
    }
}

fn headline(rejection: &Rejection) -> String {
    let reason = rejection.error.as_ref().and_then(|error| error.status_error.as_deref());
    let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    format!("refused by the service ({}{reason})", rejection.status)
}

fn server_words(rejection: &Rejection) -> String {
    let error = rejection.error.as_ref();
    let message = error.and_then(|error| error.error_message.clone()).filter(|text| !text.is_empty());
    let words = message.or_else(|| {
        // Without an overall text the details are all that it says.
        let details = error?.error_details.iter().flat_map(|(_, list)| list).map(ErrorDetail::text);
        Some(details.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
    });
    let words = words.unwrap_or_else(|| rejection.text.clone());
    if words.is_empty() { words } else { format!(": {words}") }
}

/// The details of the principal change, and those of each passenger by its place in the body.
fn translate(
    plan: &Plan,
    operation: &Operation,
    rejection: &Rejection,
) -> (Details, BTreeMap<String, Details>) {
    let mut principal = Details::new();
    let mut passengers: BTreeMap<String, Details> = BTreeMap::new();
    let details = rejection.error.iter().flat_map(|error| &error.error_details);
    for (key, list) in details {
        let messages: Vec<String> = list.iter().map(ErrorDetail::text).collect();
        let path = Path::parse(key);
        let principal_kind = operation.carries.first().map(|carried| &plan.changes[carried.change]);
        let name = match path.passenger(operation) {
            Some(carried) => {
                let change = &plan.changes[carried.change];
                // Without a field, the complaint is about the one that says what the passenger is.
                let inner = path.below(2).named(change).unwrap_or_else(|| key_name(change));
                let place = passengers.entry(carried.at.as_str().to_owned()).or_default();
                place.entry(inner.clone()).or_default().extend(messages.iter().cloned());
                format!("{}.{inner}", path.head(2))
            }
            None => principal_kind.and_then(|change| path.named(change)).unwrap_or_else(|| key.clone()),
        };
        principal.entry(name).or_default().extend(messages);
    }
    (principal, passengers)
}

fn key_name(change: &Change) -> String {
    let kind = change.kind.parse::<Kind>();
    kind.map_or_else(|_| "name".to_owned(), |kind| catalog::definition(kind).key_name.to_owned())
}

/// A key of `errorDetails`, such as `connectors[0].vpnRegionId`, in its steps.
struct Path<'a> {
    steps: Vec<Step<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    fn parse(key: &'a str) -> Self {
        let mut steps = Vec::new();
        for part in key.split('.') {
            let mut rest = part;
            let name_ends = rest.find('[').unwrap_or(rest.len());
            if name_ends > 0 {
                steps.push(Step::Member(&rest[..name_ends]));
            }
            rest = &rest[name_ends..];
            while let Some((index, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
                match index.parse() {
                    Ok(index) => steps.push(Step::Index(index)),
                    Err(_) => steps.push(Step::Member(index)),
                }
                rest = after;
            }
        }
        Self { steps }
    }

    /// The passenger that the path leads into.
    fn passenger<'o>(&self, operation: &'o Operation) -> Option<&'o Carried> {
        let [Step::Member(list), Step::Index(index), ..] = self.steps[..] else { return None };
        let at = JsonPointer::default().child(list).child(index);
        operation.carries.iter().find(|carried| carried.at == at)
    }

    fn below(&self, steps: usize) -> Self {
        Self { steps: self.steps[steps..].to_vec() }
    }

    fn head(&self, steps: usize) -> String {
        text(&self.steps[..steps])
    }

    /// The path in the names of a change's kind; of a setting its value, or a leaf of that.
    fn named(&self, change: &Change) -> Option<String> {
        let kind: Kind = change.kind.parse().ok()?;
        let Some(setting) = catalog::setting(&change.key).filter(|_| kind == Kind::Setting) else {
            return self.in_spec_names(catalog::definition(kind).fields);
        };
        match setting.value.ty {
            FieldType::Object(leaves) => self.in_spec_names(leaves).or_else(|| Some("value".to_owned())),
            _ => Some("value".to_owned()),
        }
    }

    /// The path in spec names; `None` for an empty one. A step without a counterpart stays as it is.
    fn in_spec_names(&self, fields: &'static [Field]) -> Option<String> {
        let mut fields = fields;
        let mut out: Vec<Step<'_>> = Vec::new();
        let mut rest = &self.steps[..];
        while let Some(step) = rest.first() {
            let Step::Member(_) = step else {
                out.push(*step);
                rest = &rest[1..];
                continue;
            };
            let Some((field, length)) = field(fields, rest) else {
                out.extend(rest);
                break;
            };
            out.push(Step::Member(field.name));
            rest = &rest[length..];
            fields = if let FieldType::Object(leaves) = field.ty { leaves } else { &[] };
        }
        (!out.is_empty()).then(|| text(&out))
    }
}

/// The field that a path begins with, by its request or response name, and the number of steps of that name.
fn field(fields: &'static [Field], steps: &[Step<'_>]) -> Option<(&'static Field, usize)> {
    let names = |place: &'static str| -> Option<usize> {
        let parts: Vec<&str> = place.split('/').collect();
        let fits = parts.len() <= steps.len()
            && parts.iter().zip(steps).all(|(part, step)| *step == Step::Member(part));
        fits.then_some(parts.len())
    };
    fields.iter().find_map(|field| Some((field, names(field.request).or_else(|| names(field.response))?)))
}

fn text(steps: &[Step<'_>]) -> String {
    use std::fmt::Write as _;
    steps.iter().fold(String::new(), |mut text, step| {
        let _ = match step {
            Step::Member(name) if text.is_empty() => write!(text, "{name}"),
            Step::Member(name) => write!(text, ".{name}"),
            Step::Index(index) => write!(text, "[{index}]"),
        };
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_requests_become_those_of_specs() {
        for (kind, key, spec) in [
            (Kind::NetworkConnector, "vpnRegionId", "region"),
            (
                Kind::NetworkConnector,
                "ipSecConfig.ikeProtocol.phase1.lifetimeSec",
                "ipsec.ike_protocol.phase1.lifetime_sec",
            ),
            (Kind::NetworkRoute, "value", "subnet"),
            (Kind::Network, "gatewaysIds[1]", "gateways[1]"),
            (Kind::UserGroup, "tunnelBypass.ipv4Subnets[0]", "tunnel_bypass[0]"),
            (Kind::UserGroup, "vpnRegionIds[2]", "regions[2]"),
            (Kind::Network, "somethingNew.deep[3]", "somethingNew.deep[3]"),
            (Kind::Network, "routes", "routes"),
        ] {
            let names = Path::parse(key).in_spec_names(catalog::definition(kind).fields);
            assert_eq!(names.as_deref(), Some(spec), "{key}");
        }
        assert_eq!(Path::parse("").in_spec_names(catalog::definition(Kind::Network).fields), None);
    }

    #[test]
    fn odd_keys_are_kept() {
        for key in ["a[", "a]", "[x]", "a[1", "..", "[]"] {
            let _ = Path::parse(key).in_spec_names(catalog::definition(Kind::Network).fields);
        }
    }
}
