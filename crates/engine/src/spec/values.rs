//! Values of fields: types, formats, enums, references and secrets (spec sections 3.1, 3.4, 3.6).

use super::{
    elements::country,
    formats::{Checked, Family, cidr, domain, enumerated, ip, is_email, is_uuid},
    names::{self, Names, Role},
    node::{Mapping, Node, Value},
    reader::{Reader, twice, wrong_type},
};
use crate::{
    catalog::{self, Field, FieldType, Null},
    desired::{DesiredSecret, FieldValue, Reference, Target},
    key::{Key, KeyPart},
    problem::{Code, Problem},
    sorted_map::SortedMap,
};
use connexa_types::{Kind, ResourceId, SecretHash, SecretRef, SecretSource, SecretValue};
use serde_json::Value as Json;
use std::{borrow::Cow, sync::Arc};

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
                if text.trim().is_empty() {
                    let problem = Problem::new(Code::error(109), format!("`{path}` is empty"));
                    self.report_value(draft, node, path, problem.expected("a region id"));
                    return None;
                }
                Some(text_value(text.to_owned()))
            }
            FieldType::Ip | FieldType::Ipv4 => {
                let family = matches!(field.ty, FieldType::Ipv4).then_some(Family::V4);
                let text = self.expect_text(draft, node, path)?;
                self.accept(draft, node, path, ip(text, family)).map(text_value)
            }
            FieldType::Cidr | FieldType::Ipv4Cidr | FieldType::Ipv6Cidr => {
                let family = match field.ty {
                    FieldType::Ipv4Cidr => Some(Family::V4),
                    FieldType::Ipv6Cidr => Some(Family::V6),
                    _ => None,
                };
                let text = self.text(draft, field, node, path)?;
                self.accept(draft, node, path, cidr(&text, family)).map(text_value)
            }
            FieldType::Enum(values) => {
                let text = self.expect_text(draft, node, path)?;
                let value = self.accept(draft, node, path, enumerated(text, values))?;
                self.doubt(draft, field, &value, node, path);
                Some(text_value(value))
            }
            FieldType::Boolean => {
                let Value::Boolean(value) = node.value() else {
                    self.report_value(draft, node, path, wrong_type(path, node, "`true` or `false`"));
                    return None;
                };
                Some(FieldValue::Value(Json::Bool(*value)))
            }
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
                        return Err(Box::new(Problem::new(Code::error(109), "a region id is empty")));
                    }
                    Ok(text.to_owned())
                })
            }
            FieldType::Domains { exact_match } => self.domains(draft, exact_match, node, path),
            FieldType::Subnets => self.subnets(draft, node, path).map(|list| list_value(field, list)),
            FieldType::Services => self.services(draft, node, path),
            FieldType::AccessItems(side) => self.access(draft, side, node, path),
            FieldType::IpRanges => self.ip_ranges(draft, node, path).map(|list| list_value(field, list)),
            FieldType::Countries => self.set(draft, field, node, path, &country),
            FieldType::Zones => self.zones(draft, field, node, path).map(|list| list_value(field, list)),
            FieldType::TextList => self.text_list(draft, field, node, path),
            FieldType::Ipv4Set => self.set(draft, field, node, path, &|text| ip(text, Some(Family::V4))),
            FieldType::Ipv6Set => self.set(draft, field, node, path, &|text| ip(text, Some(Family::V6))),
            FieldType::Ipv4CidrSet => {
                let inner = match field.request.split_once('/') {
                    Some((_, inner)) => self.unwrap_object(draft, inner, node, path)?,
                    None => node,
                };
                if matches!(inner.value(), Value::Null) {
                    return self.value(draft, field, false, names, inner, path);
                }
                let list = self.set(draft, field, inner, path, &|text| cidr(text, Some(Family::V4)))?;
                self.not_empty(draft, list, node, path)
            }
            FieldType::Ipv6CidrSet => {
                let list = self.set(draft, field, node, path, &|text| cidr(text, Some(Family::V6)))?;
                self.not_empty(draft, list, node, path)
            }
            FieldType::Reference(kind) => self
                .reference(draft, kind, ids, node, path)
                .map(|found| FieldValue::Reference(Box::new(found))),
            FieldType::References(kind) => self.references(draft, field, kind, ids, node, path),
            FieldType::Object(_) => self.object(draft, field, names, node, path),
            FieldType::Secret | FieldType::Certificate => {
                self.doubt_certificate(draft, field, node, path);
                match (field.ty, node.value()) {
                    (FieldType::Certificate, Value::Text(text)) => Some(text_value(text.to_string())),
                    _ => self.secret(draft, node, path),
                }
            }
        }
    }

    /// W432 and W472: values that the API has, but not here.
    fn doubt(&mut self, draft: usize, field: &Field, value: &str, node: &Node, path: &str) {
        let problem = match (field.name, value) {
            ("role", "OWNER") => {
                Problem::new(Code::warning(432), "a tenant has one owner, which the service chooses")
                    .hint("use `admin` or `member`")
            }
            ("antiviruses", "CORTEX_XDR") if path.starts_with("macos.") => {
                Problem::new(Code::warning(472), "`cortex_xdr` is known on Windows only")
            }
            _ => return,
        };
        self.report_value(draft, node, path, problem);
    }

    /// W414: fields of IPsec for certificates.
    fn doubt_certificate(&mut self, draft: usize, field: &Field, node: &Node, path: &str) {
        if path.starts_with("ipsec.") && field.name.contains("certificate") {
            let message =
                format!("`{path}`: version 1.2.3 of the API may neither take nor return certificates");
            self.report_value(draft, node, path, Problem::new(Code::warning(414), message));
        }
    }

    /// Keeps a value that passed its check, or reports what was wrong.
    pub(super) fn accept<T>(
        &mut self,
        draft: usize,
        node: &Node,
        path: &str,
        checked: Checked<T>,
    ) -> Option<T> {
        checked.map_err(|problem| self.report_value(draft, node, path, *problem)).ok()
    }

    pub(super) fn expect_text<'n>(&mut self, draft: usize, node: &'n Node, path: &str) -> Option<&'n str> {
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
        check: &dyn Fn(&str) -> Checked<String>,
    ) -> Option<FieldValue> {
        let values = self.elements(draft, node, path, |reader, element, path| {
            let text = reader.expect_text(draft, element, path)?;
            let value = reader.accept(draft, element, path, check(text))?;
            reader.doubt(draft, field, &value, element, path);
            Some((value.clone(), (), Json::String(value)))
        })?;
        Some(list_value(field, values))
    }

    /// E108: an empty list is null, and this field has none.
    fn not_empty(&mut self, draft: usize, list: FieldValue, node: &Node, path: &str) -> Option<FieldValue> {
        if list != FieldValue::Value(Json::Array(Vec::new())) {
            return Some(list);
        }
        let problem = Problem::new(Code::error(108), format!("`{path}` cannot be cleared"))
            .hint("leave it out to keep what is there");
        self.report_value(draft, node, path, problem);
        None
    }

    /// Reads a list of texts, in order.
    fn text_list(&mut self, draft: usize, field: &Field, node: &Node, path: &str) -> Option<FieldValue> {
        let Value::List(nodes) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a list"));
            return None;
        };
        let mut texts = Vec::with_capacity(nodes.len());
        for (index, element) in nodes.iter().enumerate() {
            texts.extend(self.expect_text(draft, element, &format!("{path}[{index}]")).map(Json::from));
        }
        (texts.len() == nodes.len()).then(|| list_value(field, texts))
    }

    /// A list that stands alone in an object of the API (`tunnelBypass`, `zones`) may be given with that object around
    /// it. `inner` is the API's name of the list.
    pub(super) fn unwrap_object<'n>(
        &mut self,
        draft: usize,
        inner: &str,
        node: &'n Node,
        path: &str,
    ) -> Option<&'n Node> {
        let Value::Mapping(mapping) = node.value() else { return Some(node) };
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
        Some(Reference { kind, target, place: self.place(node.at), path: path.to_owned(), within: None })
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
        let references = self.reference_list(draft, kind, ids, node, path)?;
        if references.is_empty() && field.null == Null::EmptyList {
            return Some(FieldValue::Clear);
        }
        Some(FieldValue::References(references))
    }

    /// Reads a list of references; each object once, as far as keys and ids tell.
    pub(super) fn reference_list(
        &mut self,
        draft: usize,
        kind: Kind,
        ids: bool,
        node: &Node,
        path: &str,
    ) -> Option<Vec<Reference>> {
        self.elements(draft, node, path, |reader, element, path| {
            let reference = reader.reference(draft, kind, ids, element, path)?;
            let own = match &reference.target {
                Target::Key(key) => (false, key.own.canonical.clone()),
                Target::Id(id) | Target::Unchecked(id) => (true, id.as_str().to_owned()),
            };
            Some((own, (), reference))
        })
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
        let mapping = match (node.value(), field.shorthand) {
            (Value::Mapping(mapping), _) => mapping,
            (Value::Boolean(value), Some(leaf)) => {
                let value = FieldValue::Value(Json::Bool(*value));
                return Some(FieldValue::Object(SortedMap::from_iter([(leaf, value)])));
            }
            (_, shorthand) => {
                let expected = if shorthand.is_some() { "`true`, `false` or a mapping" } else { "a mapping" };
                self.report_value(draft, node, path, wrong_type(path, node, expected));
                return None;
            }
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
    ) -> SortedMap<&'static str, FieldValue> {
        let mut leaves = SortedMap::new();
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
            return Some(FieldValue::Secret(DesiredSecret::Reference(Box::new(reference))));
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
            (Some(source), _) => Some(DesiredSecret::Reference(Box::new(SecretRef {
                field: path.to_owned(),
                source,
                hash: None,
            }))),
            (None, Some(hash)) => Some(DesiredSecret::HashOnly(hash)),
            (None, None) => None,
        }
    }
}

/// A list as the value of a field: an empty one is null where null sends an empty list.
fn list_value(field: &Field, list: Vec<Json>) -> FieldValue {
    if list.is_empty() && field.null == Null::EmptyList {
        return FieldValue::Clear;
    }
    FieldValue::Value(Json::Array(list))
}

fn text_value(text: String) -> FieldValue {
    FieldValue::Value(Json::String(text))
}

/// A path of a spec, relative to the spec's folder.
fn in_folder(folder: &str, path: &str) -> String {
    let absolute = path.starts_with(['/', '\\']) || path.get(1..3).is_some_and(|p| p == ":\\" || p == ":/");
    if absolute { path.to_owned() } else { format!("{folder}{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_secrets() {
        assert_eq!(in_folder("specs/", "a.txt"), "specs/a.txt");
        assert_eq!(in_folder("specs/", "/etc/a"), "/etc/a");
        assert_eq!(in_folder("specs\\", "C:\\a"), "C:\\a");
        assert_eq!(in_folder("", "a.txt"), "a.txt");
    }
}
