//! Forms of values: one canonical form for all that is equal, whichever side wrote it, and the request's form of what an
//! answer shows (spec sections 3.1, 3.5 and 5).
//!
//! Requests and answers call some things by two names (`value` is `domain` or `subnet` in answers), fill in what was left
//! out, and keep lists that are sets in any order. [`canonical`] sees through all of that, in both directions.

use crate::{
    catalog::{Field, FieldType},
    current::is_unset,
    key::Compare,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The canonical form of a value in the request's or the answer's form: two values are equal under the rules of their field
/// if and only if their canonical forms are. What is unset (absent, empty, false) is null.
pub(crate) fn canonical(ty: FieldType, value: Option<&Value>) -> Value {
    let Some(value) = value.filter(|value| !is_unset(Some(value))) else { return Value::Null };
    let rule = ty.compare();
    match (ty, value) {
        (FieldType::Boolean, Value::Bool(false)) => Value::Null,
        (FieldType::Object(leaves), Value::Object(_)) => {
            let leaf = |leaf: &Field| {
                let value = canonical(leaf.ty, member(value, &[leaf.response, leaf.request]));
                (!value.is_null()).then(|| (leaf.name.to_owned(), value))
            };
            unless_empty(Value::Object(leaves.iter().filter_map(leaf).collect()))
        }
        (FieldType::Services, Value::Object(_)) => unless_empty(services(value)),
        (FieldType::AccessItems(_), Value::Array(items)) => set(items.iter().flat_map(atoms)),
        (FieldType::Zones, value) => {
            let zones = zones(value).iter();
            set(zones.map(|zone| json!([zone_name(zone), zone_addresses(zone)])))
        }
        (FieldType::Domains { .. }, Value::Array(list)) => set(list.iter().map(|element| {
            let Some(domain) = member(element, &["value", "domain"]).and_then(Value::as_str) else {
                return element.clone();
            };
            let flag = |name: &str| element.get(name).and_then(Value::as_bool).unwrap_or_default();
            json!([rule.canonical(domain), flag("allowEmbeddedIp"), flag("exactMatch")])
        })),
        (FieldType::Subnets, Value::Array(list)) => set(list.iter().map(|element| {
            let subnet = member(element, &["value", "subnet"]).and_then(Value::as_str);
            subnet.map_or_else(|| element.clone(), |subnet| rule.canonical(subnet).into())
        })),
        (FieldType::IpRanges, Value::Array(list)) => set(list.iter().map(|element| {
            let Some(ip) = element.get("ip").and_then(Value::as_str) else { return element.clone() };
            let description = element.get("description").and_then(Value::as_str).unwrap_or_default();
            json!([rule.canonical(ip), description])
        })),
        (FieldType::Countries, Value::Array(list)) => set(list
            .iter()
            .map(|code| code.as_str().map_or_else(|| code.clone(), |text| text.to_ascii_uppercase().into()))),
        (FieldType::TextList, value) => value.clone(),
        (_, Value::Array(list)) => set(list.iter().map(|element| text(rule, element))),
        (_, value) => text(rule, value),
    }
}

fn text(rule: Compare, value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| rule.canonical(text).into())
}

/// The first member of an object that is there under one of the names.
fn member<'v>(object: &'v Value, names: &[&str]) -> Option<&'v Value> {
    let mut found = names.iter().filter_map(|name| at_path(object, name));
    found.find(|value| !value.is_null())
}

/// A member of members, by their names joined by `/`.
fn at_path<'v>(object: &'v Value, names: &str) -> Option<&'v Value> {
    names.split('/').try_fold(object, |value, name| value.get(name))
}

/// Elements in one order, each once.
fn set(elements: impl Iterator<Item = Value>) -> Value {
    let mut elements: Vec<Value> = elements.collect();
    elements.sort_by_cached_key(Value::to_string);
    elements.dedup();
    unless_empty(elements.into())
}

fn unless_empty(value: Value) -> Value {
    if is_unset(Some(&value)) { Value::Null } else { value }
}

/// What services come to: the named types and (protocol, low, high) as texts. `CUSTOM` says nothing of its own, a whole
/// protocol swallows its ranges, and ranges are never merged (spec section 5.6).
fn services(config: &Value) -> Value {
    let elements = |object: &Value, name: &str| {
        object.get(name).and_then(Value::as_array).map_or_else(Vec::new, Clone::clone)
    };
    let mut named: Vec<Value> =
        elements(config, "serviceTypes").into_iter().filter(|name| name != "CUSTOM").collect();
    let mut protocols: BTreeMap<String, Option<BTreeSet<(i64, i64)>>> = BTreeMap::new();
    for entry in elements(config, "customServiceTypes") {
        let Some(protocol) = entry.get("protocol").and_then(Value::as_str) else {
            named.push(entry);
            continue;
        };
        let ranges = elements(&entry, "port").into_iter().chain(elements(&entry, "icmpType"));
        let ranges: Vec<(i64, i64)> = ranges.filter_map(|range| bounds(&range)).collect();
        let known = protocols.entry(protocol.to_owned()).or_insert_with(|| Some(BTreeSet::new()));
        match known {
            Some(known) if !ranges.is_empty() => known.extend(ranges),
            _ => *known = None,
        }
    }
    for (protocol, ranges) in protocols {
        match ranges {
            None => named.push(format!("{protocol}/").into()),
            Some(ranges) => {
                named.extend(ranges.iter().map(|(low, high)| format!("{protocol}/{low}-{high}").into()));
            }
        }
    }
    set(named.into_iter())
}

/// Both ends of a range; `value` is a range of one.
fn bounds(range: &Value) -> Option<(i64, i64)> {
    let number = |name: &str| range.get(name).and_then(Value::as_i64);
    let low = number("lowerValue").or_else(|| number("value"))?;
    Some((low, number("upperValue").unwrap_or(low)))
}

/// The atoms of an access item (spec section 5.10): (type, parent or all, child or all).
fn atoms(item: &Value) -> Vec<Value> {
    let Some(of) = item.get("type").and_then(Value::as_str) else { return vec![item.clone()] };
    let parent = item.get("parent").filter(|parent| !is_unset(Some(parent)));
    let shown = parent.unwrap_or(&Value::Null);
    let all = item.get("allCovered") == Some(&Value::Bool(true));
    if all || (of == "HOST" && parent.is_some()) {
        return vec![json!([of, shown, null])];
    }
    let children = item.get("children").and_then(Value::as_array).into_iter().flatten();
    children.map(|child| json!([of, shown, child])).collect()
}

/// The zones of a list, or of the API's object around it.
pub(crate) fn zones(value: &Value) -> &[Value] {
    value.get("zones").unwrap_or(value).as_array().map_or(&[], Vec::as_slice)
}

/// A zone's name as it is compared.
pub(crate) fn zone_name(zone: &Value) -> String {
    zone.get("name").and_then(Value::as_str).map(|name| Compare::Domain.canonical(name)).unwrap_or_default()
}

/// A zone's addresses as they are compared.
pub(crate) fn zone_addresses(zone: &Value) -> Value {
    canonical(FieldType::Ipv4Set, zone.get("addresses"))
}

/// The zones of `live`, those that `listed` names as it has them, its new ones last: they merge by name (spec section 6).
/// Others stay if `stays` says so.
pub(crate) fn merged_zones(
    live: Option<&Value>,
    listed: &[Value],
    stays: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let mut new: Vec<Option<&Value>> = listed.iter().map(Some).collect();
    let mut merged: Vec<Value> = Vec::new();
    for zone in live.map_or(&[][..], zones) {
        let name = zone_name(zone);
        match listed.iter().position(|listed| zone_name(listed) == name) {
            // One that the service holds twice becomes one.
            Some(at) => merged.extend(new[at].take().cloned()),
            None if stays(zone) => merged.push(zone.clone()),
            None => {}
        }
    }
    merged.extend(new.into_iter().flatten().cloned());
    merged
}

/// The request's form of what an answer shows. What this version does not know is kept.
pub(crate) fn request(ty: FieldType, shown: &Value) -> Value {
    match (ty, shown) {
        (FieldType::Domains { .. }, Value::Array(list)) => {
            list.iter().map(|route| renamed(route, "domain")).collect()
        }
        (FieldType::Subnets, Value::Array(list)) => {
            list.iter().map(|route| renamed(route, "subnet")).collect()
        }
        (FieldType::AccessItems(_), Value::Array(items)) => items.iter().map(access_item).collect(),
        (FieldType::Services, config) => both_ends(config),
        (FieldType::Zones, value) => zones(value).to_vec().into(),
        (_, shown) => shown.clone(),
    }
}

/// Ranges of services are sent with both ends, though answers may show one value (spec section 5.6).
fn both_ends(config: &Value) -> Value {
    let mut config = config.clone();
    let entries = config.get_mut("customServiceTypes").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        for range in entry.values_mut().filter_map(Value::as_array_mut).flatten() {
            if let Some((low, high)) = bounds(range) {
                *range = json!({"lowerValue": low, "upperValue": high});
            }
        }
    }
    config
}

/// A route of an application or IP service: `value` in requests. Ids and types are the service's own.
fn renamed(route: &Value, shown_as: &str) -> Value {
    let Value::Object(route) = route else { return route.clone() };
    let members = route
        .iter()
        .filter(|(name, _)| !["id", "type", "parentRouteId", "value"].contains(&name.as_str()))
        .map(|(name, value)| {
            let name = if name == shown_as { "value" } else { name };
            (name.to_owned(), value.clone())
        });
    Value::Object(members.collect::<Map<_, _>>())
}

/// An access item. What is covered as a whole may be shown with children, which say nothing (API section 6.16).
fn access_item(item: &Value) -> Value {
    let mut item = item.clone();
    if item.get("allCovered") == Some(&Value::Bool(true))
        && let Value::Object(item) = &mut item
    {
        item.shift_remove("children");
    }
    item
}

/// The answer's form of what a request holds: what is shown of it where nobody has answered yet.
pub(crate) fn response(ty: FieldType, sent: &Value) -> Value {
    let shown_as = |list: &[Value], name: &str| -> Value {
        let shown = list.iter().map(|element| match element {
            Value::Object(members) => {
                let renamed = |(member, value): (&String, &Value)| {
                    (if member == "value" { name.to_owned() } else { member.clone() }, value.clone())
                };
                Value::Object(members.iter().map(renamed).collect())
            }
            other => other.clone(),
        });
        shown.collect()
    };
    match (ty, sent) {
        (FieldType::Domains { .. }, Value::Array(list)) => shown_as(list, "domain"),
        (FieldType::Subnets, Value::Array(list)) => shown_as(list, "subnet"),
        (FieldType::Zones, Value::Array(_)) => json!({ "zones": sent }),
        (_, sent) => sent.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Side;

    fn equal(ty: FieldType, a: &Value, b: &Value) -> bool {
        canonical(ty, Some(a)) == canonical(ty, Some(b))
    }

    #[test]
    fn requests_and_answers_are_seen_to_be_equal() {
        let domains = FieldType::Domains { exact_match: true };
        let sent = json!([
            {"value": "wiki.example", "allowEmbeddedIp": false, "exactMatch": false},
            {"value": "Docs.example.", "allowEmbeddedIp": false, "exactMatch": true},
        ]);
        let shown = json!([
            {"id": "2", "type": "DOMAIN", "domain": "docs.example", "exactMatch": true},
            {"id": "1", "type": "DOMAIN", "domain": "wiki.example", "allowEmbeddedIp": false, "newer": 1},
        ]);
        assert!(equal(domains, &sent, &shown));
        let again = request(domains, &shown);
        assert!(equal(domains, &again, &shown));
        assert_eq!(again[1], json!({"value": "wiki.example", "allowEmbeddedIp": false, "newer": 1}));
        assert!(equal(domains, &response(domains, &sent), &sent));
        assert!(!equal(domains, &sent, &json!([{"domain": "docs.example"}, {"domain": "wiki.example"}])));

        let routes = json!([{"id": "1", "type": "IP_V4", "subnet": "10.1.2.3/16", "parentRouteId": "r"}]);
        assert!(equal(FieldType::Subnets, &json!([{"value": "10.1.0.0/16"}]), &routes));
        assert_eq!(request(FieldType::Subnets, &routes), json!([{"value": "10.1.2.3/16"}]));
    }

    #[test]
    fn services_are_sets_of_types_and_ranges() {
        let sent = json!({
            "serviceTypes": ["HTTPS", "CUSTOM"],
            "customServiceTypes": [
                {"protocol": "TCP", "port": [{"lowerValue": 80, "upperValue": 80}, {"lowerValue": 1, "upperValue": 9}]},
                {"protocol": "UDP"},
            ],
        });
        let shown = json!({
            "customServiceTypes": [
                {"protocol": "UDP", "port": [{"value": 53}], "icmpType": []},
                {"protocol": "TCP", "port": [{"lowerValue": 1, "upperValue": 9}]},
                {"protocol": "TCP", "port": [{"value": 80}], "icmpType": null},
                {"protocol": "UDP", "port": []},
            ],
            "serviceTypes": ["CUSTOM", "HTTPS", "HTTPS"],
        });
        assert!(equal(FieldType::Services, &sent, &shown));
        let none = json!({"serviceTypes": ["CUSTOM"], "customServiceTypes": []});
        assert!(canonical(FieldType::Services, Some(&none)).is_null());
        // Ranges that touch are two, and what this version does not know is a service like others.
        let touching = json!({"customServiceTypes": [{"protocol": "TCP", "port": [{"lowerValue": 1, "upperValue": 2}, {"value": 3}]}]});
        let joined = json!({"customServiceTypes": [{"protocol": "TCP", "port": [{"lowerValue": 1, "upperValue": 3}]}]});
        assert!(!equal(FieldType::Services, &touching, &joined));
        assert!(!equal(FieldType::Services, &json!({"serviceTypes": ["QUIC"]}), &Value::Null));
    }

    #[test]
    fn access_items_are_sets_of_atoms() {
        let side = FieldType::AccessItems(Side::Source);
        let sent = json!([
            {"type": "USER_GROUP", "allCovered": false, "children": ["a", "b"]},
            {"type": "HOST", "allCovered": true, "parent": "h"},
            {"type": "NETWORK_SERVICE", "allCovered": true, "parent": "n"},
        ]);
        let shown = json!([
            {"type": "NETWORK_SERVICE", "allCovered": true, "parent": "n", "children": ["s", "t"]},
            {"type": "HOST", "allCovered": false, "parent": "h", "children": []},
            {"type": "USER_GROUP", "allCovered": false, "children": ["b"]},
            {"type": "USER_GROUP", "allCovered": false, "parent": null, "children": ["a"]},
        ]);
        assert!(equal(side, &sent, &shown));
        assert_eq!(request(side, &shown)[0], sent[2]);
        let other =
            json!([{"type": "NETWORK_SERVICE", "allCovered": false, "parent": "n", "children": ["s"]}]);
        assert!(!equal(side, &json!([sent[2]]), &other));
    }

    #[test]
    fn zones_merge_by_name() {
        let live = json!({"zones": [
            {"name": "a.example", "addresses": ["10.0.0.1"]},
            {"name": "B.example", "addresses": ["10.0.0.2"]},
        ]});
        let listed = [
            json!({"name": "b.example.", "addresses": ["2001:db8::1", "10.0.0.3"]}),
            json!({"name": "c.example", "addresses": []}),
        ];
        let merged = merged_zones(Some(&live), &listed, |_| true);
        assert_eq!(merged, [live["zones"][0].clone(), listed[0].clone(), listed[1].clone()]);
        assert_eq!(merged_zones(None, &listed, |_| true), listed);
        assert_eq!(merged_zones(Some(&live), &listed, |_| false), listed);
        let shown = json!([{"name": "b.example", "addresses": ["10.0.0.3", "2001:DB8:0::1"]}]);
        assert!(equal(FieldType::Zones, &json!([listed[0]]), &shown));
    }

    #[test]
    fn what_is_unset_is_null() {
        for (ty, unset) in [
            (FieldType::Boolean, json!(false)),
            (FieldType::Text(Compare::Exact), json!("")),
            (FieldType::Countries, json!([])),
            (FieldType::IpRanges, Value::Null),
            (FieldType::Zones, json!({"zones": []})),
        ] {
            assert!(canonical(ty, Some(&unset)).is_null(), "{ty:?}");
            assert!(canonical(ty, None).is_null());
        }
        let range = json!([{"ip": "192.0.2.9/24", "description": ""}]);
        assert!(equal(FieldType::IpRanges, &json!([{"ip": "192.0.2.0/24"}]), &range));
        assert!(equal(FieldType::Countries, &json!(["FR", "IT"]), &json!(["it", "FR"])));
        assert!(!equal(FieldType::TextList, &json!(["a", "b"]), &json!(["b", "a"])));
    }
}
