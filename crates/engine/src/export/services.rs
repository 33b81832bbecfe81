//! Services of applications and IP services as their short forms (spec section 5.6).

use super::{order, values::word};
use connexa_types::schema::{ServiceProtocol, ServiceType};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Ranges of ports or ICMP types of one protocol; `None` is the whole protocol, which swallows its ranges.
type Ranges = Option<BTreeSet<(i64, i64)>>;

/// The list for a `config` of the API: named types in the API's order, then protocols in the API's order, their ranges
/// ascending. What the short forms cannot say is left in the API's form.
pub(super) fn list(config: &Value) -> Value {
    let elements = |name: &str| config.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = elements("serviceTypes").iter().filter(|name| *name != ServiceType::Custom.as_str());
    let named: Vec<Value> = named.map(|name| word(ServiceType::VALUES, name)).collect();
    let mut list = order::by_table(named, ServiceType::VALUES);

    let mut protocols: BTreeMap<usize, Ranges> = BTreeMap::new();
    for entry in elements("customServiceTypes") {
        let protocol = entry.get("protocol").and_then(Value::as_str).unwrap_or_default();
        let Some(at) = ServiceProtocol::VALUES.iter().position(|known| *known == protocol) else {
            return api_form(config);
        };
        let name = if protocol == ServiceProtocol::Icmp.as_str() { "icmpType" } else { "port" };
        let ranges = entry.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let known = protocols.entry(at).or_insert_with(|| Some(BTreeSet::new()));
        if ranges.is_empty() {
            *known = None;
        } else if let Some(known) = known {
            known.extend(ranges.iter().filter_map(bounds));
        }
    }
    for (at, ranges) in protocols {
        let protocol = ServiceProtocol::VALUES[at].to_lowercase();
        match ranges {
            None => list.push(protocol.into()),
            Some(ranges) => list.extend(ranges.into_iter().map(|(low, high)| {
                let text = if low == high {
                    format!("{protocol}/{low}")
                } else {
                    format!("{protocol}/{low}-{high}")
                };
                Value::from(text)
            })),
        }
    }
    list.into()
}

/// Both ends of a range; `value` is a range of one.
fn bounds(range: &Value) -> Option<(i64, i64)> {
    let number = |name: &str| range.get(name).and_then(Value::as_i64);
    let low = number("lowerValue").or_else(|| number("value"))?;
    Some((low, number("upperValue").unwrap_or(low)))
}

/// The object of the API under spec names.
fn api_form(config: &Value) -> Value {
    let custom = config.get("customServiceTypes").and_then(Value::as_array).into_iter().flatten();
    let custom: Vec<Value> = custom
        .map(|entry| {
            let protocol = entry.get("protocol").map(|protocol| word(ServiceProtocol::VALUES, protocol));
            let mut written = serde_json::Map::new();
            written.extend(protocol.map(|protocol| ("protocol".to_owned(), protocol)));
            for (name, api) in [("port", "port"), ("icmp_type", "icmpType")] {
                let ranges = entry.get(api).and_then(Value::as_array).into_iter().flatten();
                let ranges: Vec<Value> = ranges
                    .filter_map(bounds)
                    .map(|(low, high)| json!({ "lower_value": low, "upper_value": high }))
                    .collect();
                if !ranges.is_empty() {
                    written.insert(name.to_owned(), ranges.into());
                }
            }
            Value::Object(written)
        })
        .collect();
    let named = config.get("serviceTypes").and_then(Value::as_array).into_iter().flatten();
    let named = named.map(|name| word(ServiceType::VALUES, name)).collect();
    json!({ "service_types": order::by_table(named, ServiceType::VALUES), "custom_service_types": custom })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms() {
        let config = json!({
            "serviceTypes": ["CUSTOM", "SSH", "HTTPS", "QUIC"],
            "customServiceTypes": [
                {"protocol": "ICMP", "icmpType": [{"lowerValue": 8, "upperValue": 8}]},
                {"protocol": "TCP", "port": [{"lowerValue": 8000, "upperValue": 8100}, {"value": 80}]},
                {"protocol": "TCP", "port": [{"lowerValue": 80, "upperValue": 80}]},
                {"protocol": "UDP", "port": [{"value": 1}]},
                {"protocol": "UDP"},
            ],
        });
        let written = json!(["https", "ssh", "raw:QUIC", "tcp/80", "tcp/8000-8100", "udp", "icmp/8"]);
        assert_eq!(list(&config), written);
        assert_eq!(list(&json!({"serviceTypes": ["ANY"], "customServiceTypes": null})), json!(["any"]));
        assert_eq!(list(&json!({})), json!([]));
    }

    #[test]
    fn an_unknown_protocol_is_kept() {
        let config = json!({
            "serviceTypes": ["CUSTOM"],
            "customServiceTypes": [{"protocol": "SCTP", "port": [{"value": 7}]}],
        });
        assert_eq!(
            list(&config),
            json!({
                "service_types": ["custom"],
                "custom_service_types": [
                    {"protocol": "raw:SCTP", "port": [{"lower_value": 7, "upper_value": 7}]}
                ],
            })
        );
    }
}
