//! A service that keeps other values than those sent.

use bytes::Bytes;
use connexa_types::secret::SECRET_FIELDS;
use ipnet::IpNet;
use serde_json::Value;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub(super) struct Normaliser {
    pub(super) case: bool,
    pub(super) trim: bool,
    pub(super) cidr: bool,
    pub(super) order: bool,
}

/// Fields whose letters mean the same in both cases.
const CASELESS: &[&str] = &["name", "username", "email", "domain", "domains"];

impl Normaliser {
    /// The body as the service reads it; nothing if it reads what was sent.
    pub(super) fn apply(self, body: &[u8]) -> Option<Bytes> {
        let sent: Value = serde_json::from_slice(body).ok()?;
        let mut read = sent.clone();
        self.value("", &mut read);
        (read != sent).then(|| Bytes::from(read.to_string()))
    }

    fn value(self, field: &str, value: &mut Value) {
        if SECRET_FIELDS.iter().any(|(secret, _)| *secret == field) {
            return;
        }
        match value {
            Value::String(text) => *text = self.text(field, text),
            Value::Array(list) => {
                for element in list.iter_mut() {
                    self.value(field, element);
                }
                if self.order {
                    list.sort_by_cached_key(Value::to_string);
                }
            }
            Value::Object(map) => {
                for (name, value) in map {
                    self.value(name, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(self, field: &str, text: &str) -> String {
        let text = if self.trim { text.trim() } else { text };
        if self.cidr
            && text.contains('/')
            && let Ok(net) = text.parse::<IpNet>()
        {
            return net.trunc().to_string();
        }
        if self.case && CASELESS.contains(&field) { text.to_lowercase() } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_switch_changes_its_own() {
        let sent = json!({
            "name": " Paris ", "description": " Lab ", "routes": [{"value": "10.2.0.9/16"}, {"value": "10.1.0.0/16"}],
            "ipSecConfig": {"preSharedKey": " Secret "}, "gatewaysIds": ["B", "A"],
        });
        let read = |case, trim, cidr, order| {
            let body = Normaliser { case, trim, cidr, order }.apply(sent.to_string().as_bytes());
            body.map(|body| serde_json::from_slice::<Value>(&body).unwrap())
        };
        assert_eq!(read(true, false, false, false).unwrap()["name"], " paris ");
        let trimmed = read(false, true, false, false).unwrap();
        assert_eq!((&trimmed["name"], &trimmed["description"]), (&json!("Paris"), &json!("Lab")));
        assert_eq!(trimmed["ipSecConfig"]["preSharedKey"], " Secret ");
        assert_eq!(read(false, false, true, false).unwrap()["routes"][0]["value"], "10.2.0.0/16");
        let ordered = read(false, false, false, true).unwrap();
        assert_eq!(ordered["routes"][0]["value"], "10.1.0.0/16");
        assert_eq!(ordered["gatewaysIds"], json!(["A", "B"]));
        assert_eq!(
            Normaliser { case: true, trim: true, cidr: true, order: true }.apply(b"{\"name\":\"a\"}"),
            None
        );
    }
}
