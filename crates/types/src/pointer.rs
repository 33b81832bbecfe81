//! JSON Pointer (RFC 6901) as a type, so that a place in a body is never mistaken for a text.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::{self, Write as _};

/// A place in a JSON document (RFC 6901); the empty pointer is the whole document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct JsonPointer(String);

impl JsonPointer {
    /// Wraps the text of a pointer, such as `/connectors/0/name`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pointer's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the whole document.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of member `key`, or of element `key`, inside this place.
    #[must_use]
    pub fn child(&self, key: impl fmt::Display) -> Self {
        let mut text = String::with_capacity(self.0.len() + 24);
        text.push_str(&self.0);
        text.push('/');
        let start = text.len();
        write!(text, "{key}").expect("a text takes all");
        if text[start..].contains(['~', '/']) {
            let escaped = text.split_off(start).replace('~', "~0").replace('/', "~1");
            text.push_str(&escaped);
        }
        Self(text)
    }

    /// The tokens of the pointer, unescaped.
    pub fn tokens(&self) -> impl Iterator<Item = String> + '_ {
        self.0.split('/').skip(1).map(|token| {
            if token.contains('~') { token.replace("~1", "/").replace("~0", "~") } else { token.to_owned() }
        })
    }

    /// The value at this place of `document`.
    pub fn get<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        document.pointer(&self.0)
    }

    /// Puts `value` at this place; missing objects on the way are made. Returns false where the way leads
    /// through something that is neither an object nor a list long enough.
    pub fn put(&self, document: &mut Value, value: Value) -> bool {
        let mut at = document;
        for token in self.tokens() {
            if at.is_null() {
                *at = Value::Object(serde_json::Map::new());
            }
            let next = match at {
                Value::Object(map) => map.entry(token).or_insert(Value::Null),
                Value::Array(list) => match token.parse::<usize>().ok().and_then(|i| list.get_mut(i)) {
                    Some(v) => v,
                    None => return false,
                },
                _ => return false,
            };
            at = next;
        }
        *at = value;
        true
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonPointer({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn put_makes_objects_and_escapes() {
        let mut d = json!({"list": [1, 2]});
        assert!(JsonPointer::default().child("a/b").child("c").put(&mut d, json!(1)));
        assert!(JsonPointer::new("/list/1").put(&mut d, json!(7)));
        assert!(!JsonPointer::new("/list/9").put(&mut d, json!(7)));
        assert_eq!(d, json!({"list": [1, 7], "a/b": {"c": 1}}));
        assert_eq!(JsonPointer::new("/a~1b/c").get(&d), Some(&json!(1)));
    }
}
