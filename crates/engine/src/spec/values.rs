//! Values of fields: types, formats, enums, references and secrets (spec sections 3.1, 3.4, 3.6).

use super::{
    names::{self, Names, Role},
    node::{Mapping, Node, Value},
    reader::{Reader, twice, wrong_type},
};
use crate::{
    catalog::{self, BETA_NAMES, Field, FieldType, Null},
    desired::{DesiredSecret, FieldValue, Reference, Target},
    key::{Key, KeyPart},
    problem::{Code, Problem},
};
use connexa_types::{Kind, ResourceId, SecretHash, SecretRef, SecretSource, SecretValue};
use ipnet::IpNet;
use serde_json::Value as Json;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

/// Address family of a list that takes only one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Reader<'_> {
    /// Reads a field's value. `None`: it is in error, which has been reported.
    pub(super) fn value(
        &mut self,
        draft: usize,
        field: &'static Field,
        ids: bool,
        names: &Names,
        node: &Node,
        path: &str,
    ) -> Option<FieldValue> {
        match node.value() {
            Value::Broken(_) => None,
            Value::Null if field.null == Null::Forbidden => {
                let problem = Problem::new(Code::error(108), format!("`{path}` cannot be null"))
                    .hint("leave it out to keep what is there");
                self.report_value(draft, node, path, problem);
                None
            }
            Value::Null => Some(FieldValue::Clear),
            _ => self.typed(draft, field, ids, names, node, path),
        }
    }

    fn typed(
        &mut self,
        draft: usize,
        field: &'static Field,
        ids: bool,
        names: &Names,
        node: &Node,
        path: &str,
    ) -> Option<FieldValue> {
        match field.ty {
            FieldType::Text(_) => self.text(draft, field, node, path).map(text_value),
            FieldType::Domain => {
                let text = self.text(draft, field, node, path)?;
                self.accept(draft, node, path, domain(&text).map(|()| text)).map(text_value)
            }
            FieldType::Region => {
                let text = self.expect_text(draft, node, path)?;
                let checked = if text.trim().is_empty() {
                    Err(Problem::new(Code::error(109), format!("`{path}` is empty")).expected("a region id"))
                } else {
                    Ok(text.to_owned())
                };
                self.accept(draft, node, path, checked).map(text_value)
            }
            FieldType::Ip => {
                let text = self.expect_text(draft, node, path)?;
                self.accept(draft, node, path, ip(text, None)).map(text_value)
            }
            FieldType::Cidr => {
                let text = self.text(draft, field, node, path)?;
                self.accept(draft, node, path, cidr(&text, None)).map(text_value)
            }
            FieldType::Enum(values) => {
                let text = self.expect_text(draft, node, path)?;
                let value = self.accept(draft, node, path, enumerated(text, values))?;
                if field.name == "role" && value == "OWNER" {
                    let problem =
                        Problem::new(Code::warning(432), "a tenant has one owner, which the service chooses")
                            .hint("use `admin` or `member`");
                    self.report_value(draft, node, path, problem);
                }
                Some(text_value(value))
            }
            FieldType::Boolean => match node.value() {
                Value::Boolean(b) => Some(FieldValue::Value(Json::Bool(*b))),
                _ => {
                    self.report_value(draft, node, path, wrong_type(path, node, "`true` or `false`"));
                    None
                }
            },
            FieldType::Integer(least, most) => self.integer(draft, node, path, least, most),
            FieldType::EnumSet(values) => {
                let list = self.set(draft, field, node, path, &|text| enumerated(text, values))?;
                if list == FieldValue::Value(Json::Array(Vec::new())) {
                    let problem = Problem::new(Code::warning(415), format!("`{path}` is empty"))
                        .expected("at least one value");
                    self.report_value(draft, node, path, problem);
                }
                Some(list)
            }
            FieldType::Regions => {
                if matches!(node.value(), Value::Text(_)) {
                    self.report_value(
                        draft,
                        node,
                        path,
                        wrong_type(path, node, "a list of region ids, or `all`"),
                    );
                    return None;
                }
                self.set(draft, field, node, path, &|text| {
                    if text.trim().is_empty() {
                        return Err(Problem::new(Code::error(109), "a region id is empty"));
                    }
                    Ok(text.to_owned())
                })
            }
            FieldType::Ipv4Set => self.set(draft, field, node, path, &|text| ip(text, Some(Family::V4))),
            FieldType::Ipv6Set => self.set(draft, field, node, path, &|text| ip(text, Some(Family::V6))),
            FieldType::Ipv4CidrSet => {
                let inner = self.unwrap_object(draft, field, node, path)?;
                self.set(draft, field, inner, path, &|text| cidr(text, Some(Family::V4)))
            }
            FieldType::Reference(kind) => {
                self.reference(draft, kind, ids, node, path).map(FieldValue::Reference)
            }
            FieldType::References(kind) => self.references(draft, field, kind, ids, node, path),
            FieldType::Object(_) => self.object(draft, field, names, node, path),
            FieldType::Secret => self.secret(draft, node, path),
            FieldType::Certificate => {
                let problem = Problem::new(
                    Code::warning(414),
                    format!("`{path}`: version 1.2.3 of the API may neither take nor return certificates"),
                );
                self.report_value(draft, node, path, problem);
                match node.value() {
                    Value::Text(text) => Some(text_value(text.to_string())),
                    _ => self.secret(draft, node, path),
                }
            }
        }
    }

    /// Keeps a value that passed its check, or reports what was wrong.
    fn accept<T>(&mut self, draft: usize, node: &Node, path: &str, checked: Result<T, Problem>) -> Option<T> {
        checked.map_err(|problem| self.report_value(draft, node, path, problem)).ok()
    }

    fn expect_text<'n>(&mut self, draft: usize, node: &'n Node, path: &str) -> Option<&'n str> {
        let text = node.text();
        if text.is_none() {
            let problem = wrong_type(path, node, "text");
            let problem = match node.value() {
                Value::Integer(_) | Value::Number(_) | Value::Boolean(_) => problem.hint("put it in quotes"),
                _ => problem,
            };
            self.report_value(draft, node, path, problem);
        }
        text
    }

    /// Reads a text; keys are trimmed and must not be empty.
    fn text(&mut self, draft: usize, field: &Field, node: &Node, path: &str) -> Option<String> {
        let text = self.expect_text(draft, node, path)?;
        let kind = self.drafts[draft].kind();
        let is_key = kind.is_some_and(|k| catalog::definition(k).key_name == path);
        let text = if is_key { text.trim() } else { text };
        if is_key && text.is_empty() {
            let problem = Problem::new(Code::error(109), format!("`{path}` is empty"));
            self.report_value(draft, node, path, problem);
            return None;
        }
        if text.is_empty() && kind == Some(Kind::Network) && field.name == "description" {
            let problem = Problem::new(Code::error(207), "`description` of a network cannot be empty")
                .hint("leave it out, or write null to clear it");
            self.report_value(draft, node, path, problem);
            return None;
        }
        // Domains have their own limit (E205).
        if let (Some((least, most)), FieldType::Text(_)) = (field.length, field.ty) {
            let length = text.chars().count();
            if length < least as usize || length > most as usize {
                let problem = Problem::new(Code::warning(208), format!("`{path}` has {length} characters"))
                    .expected(format!("{least} to {most} characters"));
                self.report_value(draft, node, path, problem);
            }
        }
        if field.name == "email" && !is_email(text) {
            let problem = Problem::new(Code::warning(209), format!("`{path}` is not an e-mail address"))
                .expected("text@text");
            self.report_value(draft, node, path, problem);
        }
        Some(text.to_owned())
    }

    fn integer(
        &mut self,
        draft: usize,
        node: &Node,
        path: &str,
        least: i32,
        most: i32,
    ) -> Option<FieldValue> {
        let too_large = |text: &str| {
            Problem::new(Code::error(202), format!("`{path}` is {text}")).expected("an integer of 32 bits")
        };
        let problem = match node.value() {
            Value::Integer(i) => match i32::try_from(*i) {
                Ok(small) => {
                    if small < least || small > most {
                        let expected = match most {
                            i32::MAX => format!("at least {least}"),
                            _ => format!("{least} to {most}"),
                        };
                        let problem = Problem::new(Code::warning(208), format!("`{path}` is {small}"));
                        self.report_value(draft, node, path, problem.expected(expected));
                    }
                    return Some(FieldValue::Value(Json::from(small)));
                }
                Err(_) => too_large(&i.to_string()),
            },
            Value::Number(text)
                if text.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit()) =>
            {
                too_large("too large")
            }
            _ => wrong_type(path, node, "an integer"),
        };
        self.report_value(draft, node, path, problem);
        None
    }

    /// Reads a list of texts as a set. An empty one is null.
    fn set(
        &mut self,
        draft: usize,
        field: &Field,
        node: &Node,
        path: &str,
        check: &dyn Fn(&str) -> Result<String, Problem>,
    ) -> Option<FieldValue> {
        let Value::List(nodes) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a list"));
            return None;
        };
        if nodes.is_empty() && field.null == Null::EmptyList {
            return Some(FieldValue::Clear);
        }
        let mut seen = HashSet::new();
        let mut values = Vec::with_capacity(nodes.len());
        let mut sound = true;
        for (index, element) in nodes.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let checked = match self.expect_text(draft, element, &path) {
                Some(text) => self.accept(draft, element, &path, check(text)),
                None => None,
            };
            match checked {
                Some(value) => {
                    if seen.insert(value.clone()) {
                        values.push(Json::String(value));
                    }
                }
                None => sound = false,
            }
        }
        sound.then_some(FieldValue::Value(Json::Array(values)))
    }

    /// A field that stands alone in an object of the API (`tunnelBypass`) may be given with that object around it.
    fn unwrap_object<'n>(
        &mut self,
        draft: usize,
        field: &Field,
        node: &'n Node,
        path: &str,
    ) -> Option<&'n Node> {
        let (Value::Mapping(mapping), Some((_, inner))) = (node.value(), field.request.split_once('/'))
        else {
            return Some(node);
        };
        let members: Vec<_> = mapping.entries.iter().filter(|e| !e.name.starts_with('_')).collect();
        match members[..] {
            [only] if *only.name == *inner || *only.name == *catalog::snake(inner) => Some(&only.value),
            _ => {
                self.report_value(draft, node, path, wrong_type(path, node, "a list"));
                None
            }
        }
    }

    /// Reads a reference: a key, an id, `{name: KEY}` or `{id: ID}`.
    pub(super) fn reference(
        &mut self,
        draft: usize,
        kind: Kind,
        ids: bool,
        node: &Node,
        path: &str,
    ) -> Option<Reference> {
        const FORMS: &str = "a name, an id, `{name: NAME}` or `{id: ID}`";
        let (text, is_id) = match node.value() {
            Value::Text(text) => (&**text, ids || is_uuid(text.trim())),
            Value::Mapping(mapping) => {
                let members: Vec<_> = mapping.entries.iter().filter(|e| !e.name.starts_with('_')).collect();
                match members[..] {
                    [only] if matches!(&*only.name, "name" | "id") => {
                        let path = format!("{path}.{}", only.name);
                        (self.expect_text(draft, &only.value, &path)?, &*only.name == "id")
                    }
                    _ => {
                        self.report_value(draft, node, path, wrong_type(path, node, FORMS));
                        return None;
                    }
                }
            }
            _ => {
                self.report_value(draft, node, path, wrong_type(path, node, FORMS));
                return None;
            }
        };
        let text = text.trim();
        if text.is_empty() {
            let problem = Problem::new(Code::error(109), format!("`{path}` is empty")).expected(FORMS);
            self.report_value(draft, node, path, problem);
            return None;
        }
        let target = if is_id {
            Target::Id(ResourceId::new(text))
        } else {
            Target::Key(Key::top(KeyPart::new(text, catalog::definition(kind).key)))
        };
        Some(Reference { kind, target, place: self.place(node.at), path: path.to_owned() })
    }

    fn references(
        &mut self,
        draft: usize,
        field: &Field,
        kind: Kind,
        ids: bool,
        node: &Node,
        path: &str,
    ) -> Option<FieldValue> {
        let Value::List(nodes) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a list"));
            return None;
        };
        if nodes.is_empty() && field.null == Null::EmptyList {
            return Some(FieldValue::Clear);
        }
        let mut seen = HashSet::new();
        let mut references = Vec::with_capacity(nodes.len());
        let mut sound = true;
        for (index, element) in nodes.iter().enumerate() {
            match self.reference(draft, kind, ids, element, &format!("{path}[{index}]")) {
                Some(reference) => {
                    let own = match &reference.target {
                        Target::Key(key) => (false, key.own.canonical.clone()),
                        Target::Id(id) => (true, id.as_str().to_owned()),
                    };
                    if seen.insert(own) {
                        references.push(reference);
                    }
                }
                None => sound = false,
            }
        }
        sound.then_some(FieldValue::References(references))
    }

    /// Reads an object that is owned leaf by leaf.
    fn object(
        &mut self,
        draft: usize,
        field: &'static Field,
        names: &Names,
        node: &Node,
        path: &str,
    ) -> Option<FieldValue> {
        let Value::Mapping(mapping) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a mapping"));
            return None;
        };
        let names = names.object(field.name)?;
        Some(FieldValue::Object(self.leaves(draft, field.name, names, mapping, path)))
    }

    fn leaves(
        &mut self,
        draft: usize,
        of: &str,
        names: &Names,
        mapping: &Mapping,
        path: &str,
    ) -> BTreeMap<&'static str, FieldValue> {
        let mut leaves = BTreeMap::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for entry in &mapping.entries {
            let name = &*entry.name;
            if name.starts_with('_') {
                continue;
            }
            let (field, ids) = match names.role(name) {
                Some(Role::Field { field, ids }) => (field, ids),
                Some(Role::ResponseOnly) => {
                    if let Some(kind) = self.drafts[draft].kind() {
                        self.note(kind, name);
                    }
                    continue;
                }
                _ => {
                    self.unknown_field(draft, of, names, &format!("{path}."), entry);
                    continue;
                }
            };
            let leaf_path = format!("{path}.{}", field.name);
            if let Some((_, first)) = seen.iter().find(|(own, _)| *own == field.name) {
                let problem = twice(field.name, first, name).path(leaf_path);
                self.report(Some(draft), entry.at, problem);
                if names::sounds_secret(name) {
                    self.hide(&entry.value);
                }
                continue;
            }
            seen.push((field.name, name));
            self.drafts[draft].spots.push((Cow::Owned(leaf_path.clone()), entry.value.at));
            match self.value(draft, field, ids, names, &entry.value, &leaf_path) {
                Some(value) => {
                    leaves.insert(field.name, value);
                }
                None => self.drafts[draft].bad.push(Cow::Owned(leaf_path)),
            }
        }
        leaves
    }

    /// Reads a secret: its text, or where it comes from.
    fn secret(&mut self, draft: usize, node: &Node, path: &str) -> Option<FieldValue> {
        // Whatever shape it has, it may be in clear text.
        self.hide(node);
        if let Value::Text(text) = node.value() {
            let hash = (self.seal)(path, text);
            let value = Arc::new(SecretValue::new(text.to_string()));
            self.inline_secrets.insert(hash.clone(), value);
            let reference =
                SecretRef { field: path.to_owned(), source: SecretSource::Inline, hash: Some(hash) };
            return Some(FieldValue::Secret(DesiredSecret::Reference(reference)));
        }
        let found = match node.value() {
            Value::Mapping(mapping) => self.secret_reference(mapping, path),
            _ => None,
        };
        if found.is_none() {
            let problem = Problem::new(Code::error(211), format!("`{path}` is no secret"))
                .expected("text, `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`");
            self.report_value(draft, node, path, problem);
        }
        found.map(FieldValue::Secret)
    }

    fn secret_reference(&self, mapping: &Mapping, path: &str) -> Option<DesiredSecret> {
        let mut source = None;
        let mut hash = None;
        for entry in mapping.entries.iter().filter(|e| !e.name.starts_with('_')) {
            let text = || entry.value.text().filter(|t| !t.is_empty());
            let found = match &*entry.name {
                "hash" => {
                    hash = Some(SecretHash::parse(text()?)?);
                    continue;
                }
                "env" => SecretSource::Env(text()?.to_owned()),
                "file" => SecretSource::File(in_folder(self.folder(), text()?)),
                "command" => match entry.value.value() {
                    Value::List(nodes) if !nodes.is_empty() => SecretSource::Command(
                        nodes.iter().map(|n| n.text().map(str::to_owned)).collect::<Option<_>>()?,
                    ),
                    _ => return None,
                },
                _ => return None,
            };
            if source.replace(found).is_some() {
                return None;
            }
        }
        match (source, hash) {
            // A hash beside a reference is ignored: what the reference leads to now is what counts.
            (Some(source), _) => {
                Some(DesiredSecret::Reference(SecretRef { field: path.to_owned(), source, hash: None }))
            }
            (None, Some(hash)) => Some(DesiredSecret::HashOnly(hash)),
            (None, None) => None,
        }
    }
}

fn text_value(text: String) -> FieldValue {
    FieldValue::Value(Json::String(text))
}

/// A path of a spec, relative to the spec's folder.
fn in_folder(folder: &str, path: &str) -> String {
    let absolute = path.starts_with(['/', '\\']) || path.get(1..3).is_some_and(|p| p == ":\\" || p == ":/");
    if absolute { path.to_owned() } else { format!("{folder}{path}") }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    })
}

/// Reads one of the API's values in any spelling; `raw:VALUE` stands for itself.
fn enumerated(text: &str, values: &'static [&'static str]) -> Result<String, Problem> {
    if let Some(raw) = text.strip_prefix("raw:").filter(|r| !r.is_empty()) {
        return Ok(raw.to_owned());
    }
    let spelt = text.to_uppercase().replace('-', "_");
    if values.contains(&spelt.as_str()) {
        return Ok(spelt);
    }
    let written = |value: &str| value.to_lowercase();
    let known: Vec<_> = values.iter().map(|v| format!("`{}`", written(v))).collect();
    let shown: String = text.chars().take(60).collect();
    let problem = Problem::new(Code::error(201), format!("`{shown}` is not a value of this field"))
        .expected(known.join(", "));
    let beta = BETA_NAMES.iter().find(|(of, old, _)| *of == values && *old == spelt);
    Err(match beta {
        Some((_, _, new)) => problem.hint(format!("`{}` is its name now", written(new))),
        None => match names::nearest(&spelt.to_lowercase(), known.iter().map(|k| k.trim_matches('`'))) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        },
    })
}

/// Checks a domain name (E205).
fn domain(text: &str) -> Result<(), Problem> {
    let wrong = |why: &str| {
        Err(Problem::new(Code::error(205), format!("not a domain name: {why}"))
            .expected("a name such as `wiki.corp.example`"))
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    if text.contains(char::is_whitespace) {
        wrong("it contains white space")
    } else if labels.split('.').any(str::is_empty) {
        wrong("a label is empty")
    } else if labels.chars().count() > 253 {
        wrong("it has more than 253 characters")
    } else {
        Ok(())
    }
}

fn check_family(is_v4: bool, family: Option<Family>) -> Result<(), Problem> {
    match family {
        Some(Family::V4) if !is_v4 => {
            Err(Problem::new(Code::error(203), "an IPv6 address in a list of IPv4"))
        }
        Some(Family::V6) if is_v4 => Err(Problem::new(Code::error(203), "an IPv4 address in a list of IPv6")),
        _ => Ok(()),
    }
}

/// Reads an address; canonical text.
fn ip(text: &str, family: Option<Family>) -> Result<String, Problem> {
    let ip: IpAddr = text.parse().map_err(|_| {
        Problem::new(Code::error(203), "not an IP address").expected(match family {
            Some(Family::V4) => "an IPv4 address",
            Some(Family::V6) => "an IPv6 address",
            None => "an IPv4 or IPv6 address",
        })
    })?;
    check_family(ip.is_ipv4(), family)?;
    Ok(ip.to_string())
}

/// Reads a network; canonical text. Stricter than `ipnet`: no leading zeros, no host bits.
fn cidr(text: &str, family: Option<Family>) -> Result<String, Problem> {
    let wrong =
        |message: &str| Problem::new(Code::error(203), message.to_owned()).expected("ADDRESS/PREFIX-LENGTH");
    let Some((address, prefix)) = text.split_once('/') else {
        let problem = wrong("a network without prefix length");
        return Err(match text.parse::<IpAddr>() {
            Ok(ip) => problem.hint(format!("one address is `{ip}/{}`", if ip.is_ipv4() { 32 } else { 128 })),
            Err(_) => wrong("not a network"),
        });
    };
    let address: IpAddr = address.parse().map_err(|_| wrong("not a network: the address is not valid"))?;
    let digits = !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|b| b.is_ascii_digit());
    let net = (digits && (prefix == "0" || !prefix.starts_with('0')))
        .then(|| prefix.parse::<u8>().ok())
        .flatten()
        .and_then(|length| IpNet::new(address, length).ok())
        .ok_or_else(|| wrong("not a network: the prefix length is not valid"))?;
    check_family(address.is_ipv4(), family)?;
    if net.network() != net.addr() {
        return Err(wrong("the network has host bits").hint(format!("did you mean `{}`?", net.trunc())));
    }
    Ok(net.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses() {
        assert_eq!(cidr("10.0.0.0/8", None).unwrap(), "10.0.0.0/8");
        assert_eq!(cidr("2001:DB8:0:0::/32", None).unwrap(), "2001:db8::/32");
        assert_eq!(cidr("0.0.0.0/0", Some(Family::V4)).unwrap(), "0.0.0.0/0");
        for bad in
            ["10.0.0.0", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "10.1.0.0/8", "/8", "a", ""]
        {
            assert_eq!(cidr(bad, None).unwrap_err().code, Code::error(203), "{bad}");
        }
        assert!(cidr("2001:db8::/32", Some(Family::V4)).is_err());
        assert_eq!(cidr("10.1.2.3/16", None).unwrap_err().hint.unwrap(), "did you mean `10.1.0.0/16`?");
        assert_eq!(ip("2001:DB8::0:1", None).unwrap(), "2001:db8::1");
        assert!(ip("1.2.3.4", Some(Family::V6)).is_err() && ip("1.2.3.04", None).is_err());
    }

    #[test]
    fn domains_and_mail() {
        let long = format!("{}.example", "a".repeat(250));
        for bad in ["", ".", "a..b", ".a", "a b", "a\u{a0}b", "a..", &long] {
            assert!(domain(bad).is_err(), "{bad}");
        }
        for good in ["a", "a.", "wiki.corp.example", "*.x", &"a".repeat(253)] {
            assert!(domain(good).is_ok(), "{good}");
        }
        assert!(
            is_email("a@b") && !is_email("a@") && !is_email("@b") && !is_email("a@b@c") && !is_email("a b@c")
        );
    }

    #[test]
    fn enums() {
        const ACCESS: FieldType = FieldType::Enum(&["A"]);
        assert!(matches!(ACCESS, FieldType::Enum(_)));
        let field = catalog::definition(Kind::Network).field("internet_access").unwrap();
        let FieldType::Enum(values) = field.ty else { panic!() };
        for spelling in ["split_tunnel_on", "SPLIT_TUNNEL_ON", "Split-Tunnel-On"] {
            assert_eq!(enumerated(spelling, values).unwrap(), "SPLIT_TUNNEL_ON");
        }
        assert_eq!(enumerated("raw:New_One", values).unwrap(), "New_One");
        let beta = enumerated("global-internet", values).unwrap_err();
        assert_eq!(beta.hint.as_deref(), Some("`split_tunnel_off` is its name now"));
        let near = enumerated("split_tunel_on", values).unwrap_err();
        assert_eq!(near.hint.as_deref(), Some("did you mean `split_tunnel_on`?"));
        assert!(enumerated("raw:", values).is_err() && enumerated("", values).is_err());
    }

    #[test]
    fn paths_and_ids() {
        assert_eq!(in_folder("specs/", "a.txt"), "specs/a.txt");
        assert_eq!(in_folder("specs/", "/etc/a"), "/etc/a");
        assert_eq!(in_folder("", "a.txt"), "a.txt");
        assert!(
            is_uuid("6F9619FF-8b86-d011-b42d-00c04fc964ff") && !is_uuid("6f9619ff8b86d011b42d00c04fc964ff")
        );
    }
}
