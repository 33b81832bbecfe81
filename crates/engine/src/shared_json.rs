//! A JSON value that a spec, a plan and a report hold at the same time.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::{fmt, ops::Deref, sync::Arc};

/// A JSON value that never changes; a copy of it costs a count. Written and read like the value itself.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct SharedJson(Arc<Value>);

impl Deref for SharedJson {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for SharedJson {
    fn from(value: Value) -> Self {
        Self(Arc::new(value))
    }
}

impl PartialEq<Value> for SharedJson {
    fn eq(&self, other: &Value) -> bool {
        *self.0 == *other
    }
}

impl Serialize for SharedJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Debug for SharedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_written_and_read_like_its_value() {
        let value = json!({"b": [1, null], "a": "x"});
        let shared = SharedJson::from(value.clone());
        assert_eq!(shared, value);
        assert_eq!(serde_json::to_string(&shared).unwrap(), value.to_string());
        assert_eq!(serde_json::from_value::<SharedJson>(value).unwrap(), shared);
    }
}
