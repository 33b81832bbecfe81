//! Keys of `errorDetails` in the names of the spec.
//!
//! Fields are found in the catalog. What lies within the elements of a list has names too (spec sections 5.4 to 5.6, 5.10
//! and 5.11); those of access groups depend on the element, which the request shows. Whatever has no counterpart stays as
//! the service wrote it.

use crate::{
    catalog::{self, Field, FieldType},
    plan::{Carried, Change, Operation},
};
use connexa_types::{JsonPointer, Kind};
use serde_json::Value;
use std::fmt::Write as _;

/// A key of `errorDetails`, such as `connectors[0].vpnRegionId`, in its steps.
pub(super) struct Path<'a> {
    steps: Vec<Step<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) fn parse(key: &'a str) -> Self {
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
    pub(super) fn passenger<'o>(&self, operation: &'o Operation) -> Option<&'o Carried> {
        let [Step::Member(list), Step::Index(index), ..] = self.steps[..] else { return None };
        let at = JsonPointer::default().child(list).child(index);
        operation.carries.iter().find(|carried| carried.at == at)
    }

    pub(super) fn below(&self, steps: usize) -> Self {
        Self { steps: self.steps[steps..].to_vec() }
    }

    pub(super) fn head(&self, steps: usize) -> String {
        let mut text = String::new();
        self.steps[..steps].iter().for_each(|step| push(&mut text, *step));
        text
    }

    /// The path in the names of a change's kind; of a setting its value, or a leaf of that. `body` is the request.
    pub(super) fn named(&self, change: &Change, body: Option<&Value>) -> Option<String> {
        let kind: Kind = change.kind.parse().ok()?;
        let Some(setting) = catalog::setting(&change.key).filter(|_| kind == Kind::Setting) else {
            return self.in_spec_names(catalog::definition(kind).fields, body, change.item.as_deref());
        };
        match setting.value.ty {
            FieldType::Object(leaves) => {
                self.in_spec_names(leaves, body, None).or_else(|| Some("value".to_owned()))
            }
            _ => Some("value".to_owned()),
        }
    }

    /// The path in spec names; `None` for an empty one. `item` is the item as given.
    fn in_spec_names(
        &self,
        fields: &'static [Field],
        body: Option<&Value>,
        item: Option<&Value>,
    ) -> Option<String> {
        let (mut fields, mut out, mut rest) = (fields, String::new(), &self.steps[..]);
        while let Some(step) = rest.first() {
            let Step::Member(_) = step else {
                push(&mut out, *step);
                rest = &rest[1..];
                continue;
            };
            let Some((field, length)) = field(fields, rest) else { break };
            push(&mut out, Step::Member(field.name));
            rest = &rest[length..];
            let FieldType::Object(leaves) = field.ty else {
                let sent = body.and_then(|body| body.get(field.request));
                rest = inside(&mut out, field.ty, rest, sent, item.and_then(|item| item.get(field.name)));
                break;
            };
            fields = leaves;
        }
        for step in rest {
            push(&mut out, *step);
        }
        (!out.is_empty()).then_some(out)
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

/// Names what lies within the value of a field, and returns the steps that it leaves as they are. `sent` is the value in
/// the request, `given` that of the item.
fn inside<'s, 'a, 'v>(
    out: &mut String,
    ty: FieldType,
    steps: &'s [Step<'a>],
    sent: Option<&'v Value>,
    given: Option<&'v Value>,
) -> &'s [Step<'a>] {
    match (ty, steps) {
        // The element is what the member holds.
        (
            FieldType::Domains { .. },
            [index @ Step::Index(_), Step::Member("value" | "domain"), rest @ ..],
        )
        | (FieldType::Subnets, [index @ Step::Index(_), Step::Member("value" | "subnet"), rest @ ..]) => {
            push(out, *index);
            rest
        }
        (FieldType::AccessItems(_), [Step::Index(index), Step::Member(member), rest @ ..]) => {
            push(out, Step::Index(*index));
            let items = |list: Option<&Value>| list.and_then(Value::as_array).map(Vec::len);
            // Items that were joined or parted on the way stand at other places.
            let given = given.filter(|given| items(Some(given)) == items(sent));
            let item = |list: Option<&'v Value>| list.and_then(|list| list.get(index));
            access(out, member, rest, item(sent), item(given))
        }
        (FieldType::Domains { .. } | FieldType::Services | FieldType::IpRanges | FieldType::Zones, [..]) => {
            for step in steps {
                match step {
                    Step::Member(name) => push(out, Step::Member(&catalog::snake(name))),
                    Step::Index(_) => push(out, *step),
                }
            }
            &[]
        }
        _ => steps,
    }
}

/// Names a member of an item of an access group, by what the item is.
fn access<'s, 'a>(
    out: &mut String,
    member: &str,
    rest: &'s [Step<'a>],
    sent: Option<&Value>,
    given: Option<&Value>,
) -> &'s [Step<'a>] {
    let of = sent.and_then(|item| item["type"].as_str()).unwrap_or_default();
    let (one, all) = match of {
        "USER_GROUP" => (None, "user_groups"),
        "PUBLISHED_SERVICE" => (None, "published_services"),
        "NETWORK_SERVICE" => (Some("network"), "networks"),
        "HOST" | "HOST_SERVICE" => (Some("host"), "hosts"),
        _ => (None, ""),
    };
    let of_one = sent.is_some_and(|item| item.get("parent").is_some());
    let name = match (member, one) {
        (_, None) if all.is_empty() => None,
        ("parent", Some(one)) => Some(one),
        ("allCovered", Some(_)) if of_one => Some("all"),
        ("children" | "allCovered", None) | ("allCovered", Some(_)) => Some(all),
        _ => None,
    };
    if let ("children", Some(_), [Step::Index(index), after @ ..]) = (member, one, rest)
        && let Some((list, index)) = given.and_then(|given| child(given, *index))
    {
        push(out, Step::Member(list));
        push(out, Step::Index(index));
        return after;
    }
    match name {
        Some(name) => push(out, Step::Member(name)),
        None => push(out, Step::Member(&catalog::snake(member))),
    }
    rest
}

/// Where the n-th child of an item stands in the item as given: its applications are sent before its IP services.
fn child(given: &Value, index: usize) -> Option<(&'static str, usize)> {
    let count = |list: &str| given.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    let (applications, services) = (count("applications"), count("ip_services"));
    if index < applications {
        Some(("applications", index))
    } else {
        Some(("ip_services", index - applications)).filter(|(_, index)| *index < services)
    }
}

fn push(text: &mut String, step: Step<'_>) {
    let _ = match step {
        Step::Member(name) if text.is_empty() => write!(text, "{name}"),
        Step::Member(name) => write!(text, ".{name}"),
        Step::Index(index) => write!(text, "[{index}]"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(kind: Kind, key: &str) -> Option<String> {
        Path::parse(key).in_spec_names(catalog::definition(kind).fields, None, None)
    }

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
            (Kind::NetworkApplication, "routes[0].value", "domains[0]"),
            (Kind::NetworkApplication, "routes[1].allowEmbeddedIp", "domains[1].allow_embedded_ip"),
            (Kind::NetworkIpService, "routes[1].value", "routes[1]"),
            (Kind::NetworkIpService, "config", "services"),
            (
                Kind::HostApplication,
                "config.customServiceTypes[0].port[1].lowerValue",
                "services.custom_service_types[0].port[1].lower_value",
            ),
            (Kind::LocationContext, "ipCheck.ips[0].description", "ip_check.ips[0].description"),
            (Kind::LocationContext, "countryCheck.countries[2]", "country_check.countries[2]"),
            // Of an item that is not known, the names of its plain form.
            (Kind::AccessGroup, "source[0].allCovered", "source[0].all_covered"),
            (Kind::AccessGroup, "source[0].children[1]", "source[0].children[1]"),
            (Kind::AccessGroup, "destination", "destination"),
            (Kind::AccessGroup, "destination[3]", "destination[3]"),
        ] {
            assert_eq!(named(kind, key).as_deref(), Some(spec), "{key}");
        }
        assert_eq!(named(Kind::Network, ""), None);
    }

    #[test]
    fn items_of_access_groups_are_named_by_what_they_are() {
        let item = json!({
            "source": [{ "user_groups": ["a", "b"] }, { "networks": "all" }, { "host": "h", "all": true }],
            "destination": [
                { "network": "n", "ip_services": ["s", "t"], "applications": ["x"] },
                { "published_services": ["p"] },
            ],
        });
        let body = json!({
            "source": [
                { "type": "USER_GROUP", "allCovered": false, "children": ["1", "2"] },
                { "type": "NETWORK_SERVICE", "allCovered": true },
                { "type": "HOST", "allCovered": true, "parent": null },
            ],
            "destination": [
                { "type": "NETWORK_SERVICE", "allCovered": false, "parent": "3", "children": ["4", "5", "6"] },
                { "type": "PUBLISHED_SERVICE", "allCovered": false, "children": ["7"] },
            ],
        });
        let fields = catalog::definition(Kind::AccessGroup).fields;
        for (key, spec) in [
            ("source[0].children[1]", "source[0].user_groups[1]"),
            ("source[0].allCovered", "source[0].user_groups"),
            ("source[1].allCovered", "source[1].networks"),
            ("source[2].parent", "source[2].host"),
            ("source[2].allCovered", "source[2].all"),
            ("source[2].type", "source[2].type"),
            ("destination[0].children[0]", "destination[0].applications[0]"),
            ("destination[0].children[2]", "destination[0].ip_services[1]"),
            ("destination[0].children[9]", "destination[0].children[9]"),
            ("destination[0].children", "destination[0].children"),
            ("destination[0].parent", "destination[0].network"),
            ("destination[1].children[0]", "destination[1].published_services[0]"),
        ] {
            let names = Path::parse(key).in_spec_names(fields, Some(&body), Some(&item));
            assert_eq!(names.as_deref(), Some(spec), "{key}");
        }
    }

    #[test]
    fn odd_keys_are_kept() {
        for key in
            ["a[", "a]", "[x]", "a[1", "..", "[]", "source[0]", "source[0].", "source[0].x[", "config.[1]"]
        {
            for kind in [Kind::Network, Kind::AccessGroup, Kind::HostApplication] {
                let _ = named(kind, key);
            }
        }
    }
}
