//! Settings of the tenant as specs write them (spec section 6).

use super::{names::Names, values::Writer};
use crate::{catalog::Setting, current::CurrentState};
use connexa_types::JsonPointer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The value of a setting in its spec form, from the whole answer of the service; `None` where it is unset or empty.
pub fn value(setting: &Setting, answer: &Value) -> Option<Value> {
    // No setting refers to an object or holds a secret.
    let (current, sealed) = (CurrentState::default(), BTreeMap::new());
    let writer = Writer { names: Names::new(&current), sealed: &sealed };
    writer.value_at(&setting.value, answer, &JsonPointer::default())
}

/// A nested mapping of settings, given as items `{key, value}`, in their order.
pub fn mapping(items: Vec<Map<String, Value>>) -> Value {
    let mut settings = Value::Object(Map::new());
    for mut item in items {
        let (Some(Value::String(path)), Some(value)) = (item.shift_remove("key"), item.shift_remove("value"))
        else {
            continue;
        };
        let place = path.split('.').fold(JsonPointer::default(), |place, name| place.child(name));
        place.put(&mut settings, value);
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use serde_json::json;

    fn written(path: &str, answer: &Value) -> Option<Value> {
        value(catalog::setting(path).unwrap(), answer)
    }

    #[test]
    fn values_have_spec_names() {
        assert_eq!(written("wpc.topology", &json!("FULL_MESH")), Some(json!("full_mesh")));
        assert_eq!(
            written(
                "wpc.subnet",
                &json!({"ipV4Address": ["100.96.0.0/11", "10.9.0.0/16"], "ipV6Address": ["fd:0:0:8000::/49"]})
            ),
            Some(json!({"ipv4": ["10.9.0.0/16", "100.96.0.0/11"], "ipv6": ["fd:0:0:8000::/49"]}))
        );
        assert_eq!(written("wpc.snat", &json!(false)), Some(json!(false)));
        assert_eq!(written("wpc.client_options", &json!(["b", "a", "b"])), Some(json!(["b", "a", "b"])));
        assert_eq!(
            written(
                "dns.zones",
                &json!({"zones": [{"name": "b.example", "addresses": ["10.0.0.10", "10.0.0.9"]}]})
            ),
            Some(json!([{"name": "b.example", "addresses": ["10.0.0.9", "10.0.0.10"]}]))
        );
        for (path, unset) in [
            ("wpc.client_options", json!([])),
            ("dns.zones", json!({"zones": []})),
            ("dns.default_suffix", json!("")),
            ("dns.custom_servers", Value::Null),
        ] {
            assert_eq!(written(path, &unset), None);
        }
    }

    #[test]
    fn paths_become_mappings() {
        let item = |path: &str, value: Value| {
            Map::from_iter([("key".to_owned(), path.into()), ("value".to_owned(), value)])
        };
        let items = vec![
            item("wpc.snat", json!(true)),
            item("dns_log", json!(false)),
            item("wpc.topology", json!("custom")),
        ];
        assert_eq!(
            mapping(items).to_string(),
            json!({"wpc": {"snat": true, "topology": "custom"}, "dns_log": false}).to_string()
        );
        assert_eq!(mapping(Vec::new()), json!({}));
    }
}
