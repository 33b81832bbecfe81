//! Checks JSON bodies against tables.
//!
//! A [`Schema`] lists the fields of a request; [`check`] walks a body along it, collects *every* fault under its key
//! (`a.b`, `list[0].field`), and returns what is left: the known fields only, in the order of the schema, with defaults
//! filled in (rows 46 and 55 of API section 10). So a checked body is already the stored form of the object, and a
//! handler reads it without looking for errors again.
//!
//! Null is the same as absent (row 17), unknown fields are dropped (row 16).

pub(crate) mod format;

use crate::{
    refusal::{Code, Complaints, Refusal},
    resources::regions,
    state::State,
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::{Map, Value};

/// The fields of a JSON object.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) fields: &'static [Field],
    /// Made in the same stage as the checks of the fields.
    pub(crate) also: Option<Also>,
}

/// A check between the fields of an object as it was sent.
pub(crate) type Also = fn(&Map<String, Value>, &mut Nest<'_>);

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) rule: Rule,
    pub(crate) default: Default,
}

/// What an absent field becomes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// Nothing; an absent list becomes an empty one (row 55).
    Unset,
    Word(&'static str),
    Bool(bool),
    Integer(i32),
}

/// What a value has to be.
#[derive(Debug)]
pub(crate) enum Rule {
    /// Any text.
    Text,
    /// A text of this many Unicode characters.
    Length(usize, usize),
    /// One of these words.
    Word(&'static [&'static str]),
    Bool,
    /// A 32-bit integer.
    Integer,
    Ip,
    Ipv4,
    Ipv6,
    Cidr,
    CidrV4,
    CidrV6,
    /// A domain name.
    Domain,
    /// An ISO 3166 two-letter code.
    Country,
    /// The id of a region.
    Region,
    /// The id of a user group.
    UserGroup,
    /// A list of this many elements.
    List(usize, usize, &'static Rule),
    Object(&'static Schema),
}

/// The most elements of a nested list (row 52).
pub(crate) const MANY: usize = 1000;

/// A field that may be absent.
pub(crate) const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, required: false, rule, default: Default::Unset }
}

/// A field that must be there.
pub(crate) const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, required: true, rule, default: Default::Unset }
}

/// A field that becomes something when it is absent.
pub(crate) const fn defaulted(name: &'static str, rule: Rule, default: Default) -> Field {
    Field { name, required: false, rule, default }
}

/// A schema without checks between fields.
pub(crate) const fn schema(fields: &'static [Field]) -> Schema {
    Schema { fields, also: None }
}

/// What becomes of absent fields at the top of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// They get their defaults.
    Default,
    /// They stay absent, for a caller that reads absent as unchanged (users, row 46).
    Unchanged,
}

/// Checks `body` and returns its stored form, or every fault in it.
pub(crate) fn check(
    schema: &Schema,
    body: &Map<String, Value>,
    state: &State,
    absent: Absent,
) -> Result<Map<String, Value>, Refusal> {
    let mut complaints = Complaints::default();
    let mut nest = Nest { state, path: String::new(), complaints: &mut complaints };
    let checked = nest.object(schema, body, absent);
    complaints.into_result()?;
    Ok(checked)
}

/// Checks a bare value, such as a setting, under the key `key`.
pub(crate) fn check_value(rule: &Rule, value: &Value, key: &str, state: &State) -> Result<Value, Refusal> {
    let mut complaints = Complaints::default();
    let mut nest = Nest { state, path: key.to_owned(), complaints: &mut complaints };
    let checked = nest.value(rule, value);
    complaints.into_result()?;
    Ok(checked.unwrap_or_default())
}

/// Whether a field is there, and not null.
pub(crate) fn present(body: &Map<String, Value>, name: &str) -> bool {
    body.get(name).is_some_and(|value| !value.is_null())
}

/// A place inside a body, and the faults found so far.
pub(crate) struct Nest<'a> {
    state: &'a State,
    path: String,
    complaints: &'a mut Complaints,
}

impl Nest<'_> {
    /// Complains that a field of the object at hand is absent.
    pub(crate) fn missing(&mut self, name: &str) {
        let key = self.key(name);
        self.complaints.missing(key);
    }

    /// Complains that a field of the object at hand is too short or too long.
    pub(crate) fn length(&mut self, name: &str, min: usize, max: usize) {
        let key = self.key(name);
        self.complaints.length(key, min, max);
    }

    /// Checks a field of the object at hand, if it is there, against a further rule.
    pub(crate) fn check(&mut self, object: &Map<String, Value>, name: &str, rule: &Rule) {
        if let Some(value) = object.get(name).filter(|value| !value.is_null()) {
            let path = self.key(name);
            self.inside(path, |nest| nest.value(rule, value));
        }
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn inside<T>(&mut self, path: String, f: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.path, path);
        let result = f(self);
        self.path = outer;
        result
    }

    fn object(&mut self, schema: &Schema, body: &Map<String, Value>, absent: Absent) -> Map<String, Value> {
        let mut checked = Map::new();
        for field in schema.fields {
            let value = match body.get(field.name) {
                Some(value) if !value.is_null() => {
                    let path = self.key(field.name);
                    self.inside(path, |nest| nest.value(&field.rule, value))
                }
                Some(_) | None => {
                    if field.required {
                        self.missing(field.name);
                    }
                    if absent == Absent::Default { field.when_absent() } else { None }
                }
            };
            if let Some(value) = value {
                checked.insert(field.name.to_owned(), value);
            }
        }
        if let Some(also) = schema.also {
            also(body, self);
        }
        checked
    }

    /// Checks the value at the current path; `None` after a complaint.
    fn value(&mut self, rule: &Rule, value: &Value) -> Option<Value> {
        match rule {
            Rule::Text => self.text(value, "a text", |_| true),
            Rule::Length(min, max) => {
                let checked = self.text(value, "a text", |_| true)?;
                let length = value.as_str().map_or(0, |t| t.chars().count());
                if (*min..=*max).contains(&length) {
                    return Some(checked);
                }
                self.complaints.length(self.path.clone(), *min, *max);
                None
            }
            Rule::Word(words) => {
                let checked = self.text(value, "a text", |_| true)?;
                if words.iter().any(|word| checked == **word) {
                    return Some(checked);
                }
                self.complain(Code::Enum, format!("Must be one of {}", words.join(", ")));
                None
            }
            Rule::Bool if value.is_boolean() => Some(value.clone()),
            Rule::Bool => self.wrong("a boolean"),
            Rule::Integer if value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => Some(value.clone()),
            Rule::Integer => self.wrong("a 32-bit integer"),
            Rule::Ip => self.text(value, "an IP address", format::is_ip),
            Rule::Ipv4 => self.text(value, "an IPv4 address", format::is_ipv4),
            Rule::Ipv6 => self.text(value, "an IPv6 address", format::is_ipv6),
            Rule::Cidr => self.text(value, "a subnet in CIDR form", |t| format::cidr(t).is_some()),
            Rule::CidrV4 => self.text(value, "an IPv4 subnet in CIDR form", |t| {
                matches!(format::cidr(t), Some(IpNet::V4(_)))
            }),
            Rule::CidrV6 => self.text(value, "an IPv6 subnet in CIDR form", |t| {
                matches!(format::cidr(t), Some(IpNet::V6(_)))
            }),
            Rule::Domain => self.text(value, "a domain name", format::is_domain),
            Rule::Country => self.text(value, "a two-letter country code", format::is_country),
            Rule::Region => {
                let checked = self.text(value, "the id of a region", |_| true)?;
                if regions::exists(value.as_str().unwrap_or_default()) {
                    return Some(checked);
                }
                self.complain(Code::NotFound, "region not found".to_owned());
                None
            }
            Rule::UserGroup => {
                let checked = self.text(value, "the id of a user group", |_| true)?;
                if self.state.get(Kind::UserGroup, value.as_str().unwrap_or_default()).is_some() {
                    return Some(checked);
                }
                self.complain(Code::NotFound, "user group not found".to_owned());
                None
            }
            Rule::List(min, max, element) => self.list(*min, *max, element, value),
            Rule::Object(schema) => match value {
                Value::Object(map) => Some(Value::Object(self.object(schema, map, Absent::Default))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    self.wrong("an object")
                }
            },
        }
    }

    fn list(&mut self, min: usize, max: usize, element: &Rule, value: &Value) -> Option<Value> {
        let Value::Array(elements) = value else { return self.wrong("a list") };
        if !(min..=max).contains(&elements.len()) {
            self.complaints.length(self.path.clone(), min, max);
            return None;
        }
        let mut checked = Vec::with_capacity(elements.len());
        for (index, value) in elements.iter().enumerate() {
            let path = format!("{}[{index}]", self.path);
            checked.extend(self.inside(path, |nest| nest.value(element, value)));
        }
        Some(Value::Array(checked))
    }

    fn text(&mut self, value: &Value, expected: &str, fits: impl FnOnce(&str) -> bool) -> Option<Value> {
        match value {
            Value::String(text) if fits(text) => Some(value.clone()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => self.wrong(expected),
        }
    }

    fn wrong(&mut self, expected: &str) -> Option<Value> {
        self.complain(Code::Format, format!("Must be {expected}"));
        None
    }

    fn complain(&mut self, code: Code, message: String) {
        self.complaints.add(self.path.clone(), code, message);
    }
}

impl Field {
    fn when_absent(&self) -> Option<Value> {
        match (self.default, &self.rule) {
            (Default::Word(word), _) => Some(word.into()),
            (Default::Bool(bool), _) => Some(bool.into()),
            (Default::Integer(integer), _) => Some(integer.into()),
            (Default::Unset, Rule::List(..)) => Some(Value::Array(Vec::new())),
            (Default::Unset, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static INNER: Schema =
        schema(&[required("word", Rule::Word(&["A", "B"])), optional("number", Rule::Integer)]);
    static OUTER: Schema = schema(&[
        required("name", Rule::Length(1, 3)),
        optional("list", Rule::List(0, 2, &Rule::Object(&INNER))),
        defaulted("flag", Rule::Bool, Default::Bool(true)),
        optional("texts", Rule::List(0, MANY, &Rule::Text)),
    ]);

    fn checked(body: Value) -> Result<Value, Refusal> {
        let state = State::fresh(0);
        let Value::Object(body) = body else { panic!("an object") };
        check(&OUTER, &body, &state, Absent::Default).map(Value::Object)
    }

    #[test]
    fn a_checked_body_is_complete_and_in_order() {
        let body = json!({"texts": null, "unknown": 1, "list": [{"number": 5, "word": "B"}], "name": "äöü"});
        let expected =
            json!({"name": "äöü", "list": [{"word": "B", "number": 5}], "flag": true, "texts": []});
        assert_eq!(checked(body).unwrap().to_string(), expected.to_string());
    }

    #[test]
    fn every_fault_is_found_under_its_key() {
        let body =
            json!({"name": "four", "list": [{"number": 2_147_483_648_u64}, 7], "flag": "yes", "texts": [1]});
        let Err(Refusal::Invalid(complaints)) = checked(body) else { panic!("refused") };
        for key in ["name", "list[0].word", "list[0].number", "list[1]", "flag", "texts[0]"] {
            assert!(complaints.names(key), "{key}");
        }
        assert!(!complaints.names("list"));
    }
}
