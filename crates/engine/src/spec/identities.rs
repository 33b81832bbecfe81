//! What `delete` and `do` name: items of which only the identity is read, and key strings (spec sections 1.1, 2 and 3.3).

use super::{
    formats::{cidr, is_uuid},
    given,
    items::Stand,
    names::Role,
    node::{Node, Value},
    reader::{Reader, twice, wrong_type},
};
use crate::{
    catalog::{self, Definition},
    desired::{Parent, Reference, Target},
    key::{Compare, Key, KeyPart},
    problem::{Code, Problem},
};
use connexa_types::{Kind, ResourceId};
use std::borrow::Cow;

/// What a plain string names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An object by its key; of a child the parent's part is there.
    Key(Key),
    /// An object by its id.
    Id(ResourceId),
}

/// Reads a name as it stands on the command line, or as an item of `delete` and `do`: an id in UUID form, the path of a
/// setting, a key, or `parent/name` for a child, with `\/` and `\\` for `/` and `\` in the parent's name.
///
/// # Errors
/// If the name is empty (E109), has no parent (E106), is no network (E203) or no setting (E103).
pub fn identity(kind: Kind, text: &str) -> Result<Identity, Box<Problem>> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Box::new(Problem::new(Code::error(109), format!("the name of the {kind} is empty"))));
    }
    if kind == Kind::Setting {
        let setting = catalog::setting(text).ok_or_else(|| super::settings::unknown_setting(text))?;
        return Ok(Identity::Key(Key::top(KeyPart::new(setting.path, Compare::Exact))));
    }
    if is_uuid(text) && !matches!(kind, Kind::AllowDomain | Kind::BlockDomain) {
        return Ok(Identity::Id(ResourceId::new(text)));
    }
    let Some(parent) = kind.parent() else { return Ok(Identity::Key(Key::top(own_part(kind, text)?))) };
    let Some((outer, own)) = parted(text) else {
        let name = catalog::definition(kind).key_name;
        let problem = Problem::new(Code::error(106), format!("`{text}` names no {parent}"));
        return Err(Box::new(problem.expected(format!(
            "`{}/{}`, or an id",
            parent.singular(),
            name.to_uppercase()
        ))));
    };
    Ok(Identity::Key(Key::child(KeyPart::new(&outer, catalog::definition(parent).key), own_part(kind, own)?)))
}

/// Parts the key string of a child at its first `/` that is not escaped.
pub(super) fn parted(text: &str) -> Option<(String, &str)> {
    let mut parent = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '/' => return Some((parent, rest.as_str())),
            '\\' => match rest.clone().next() {
                Some(escaped @ ('/' | '\\')) => {
                    rest.next();
                    parent.push(escaped);
                }
                // Written by hand, a lone `\` stands for itself.
                _ => parent.push('\\'),
            },
            other => parent.push(other),
        }
    }
    None
}

/// The own part of a key, of a text that is not empty.
fn own_part(kind: Kind, text: &str) -> Result<KeyPart, Box<Problem>> {
    let definition = catalog::definition(kind);
    let text = text.trim();
    if text.is_empty() {
        return Err(Box::new(Problem::new(Code::error(109), format!("`{}` is empty", definition.key_name))));
    }
    if definition.key == Compare::Cidr {
        cidr(text, None)?;
    }
    Ok(KeyPart::new(text, definition.key))
}

impl Reader<'_> {
    /// Reads what identifies an item, and no more; then its nested children.
    pub(super) fn named(
        &mut self,
        draft: usize,
        definition: &'static Definition,
        node: &Node,
        stand: &Stand,
    ) {
        let kind = definition.kind;
        let names = self.names_of(definition);
        match node.value() {
            Value::Text(text) => {
                self.drafts[draft].item.given = given::item(node, None, self.seal).into();
                self.named_by_text(draft, definition, node, text, stand);
            }
            Value::Mapping(mapping) => {
                if self.flawed {
                    mapping.flaws.iter().for_each(|f| self.flaw(Some(draft), f));
                }
                self.drafts[draft].item.given = given::item(node, Some(&names), self.seal).into();
                self.hide_secrets(node);
                let nested = matches!(stand, Stand::Nested { .. });
                let mut children = Vec::new();
                let mut key: Option<(&str, &Node)> = None;
                let mut parent: Option<&str> = None;
                for entry in mapping.entries.iter().filter(|e| !e.name.starts_with('_')) {
                    let name = &*entry.name;
                    match names.role(name) {
                        Some(Role::Id) if kind != Kind::Setting => self.id(draft, &entry.value),
                        Some(Role::Field { field, .. }) if field.name == definition.key_name => {
                            if let Some((first, _)) = key {
                                let problem = twice(field.name, first, name).path(field.name);
                                self.report(Some(draft), entry.at, problem);
                            } else {
                                key = Some((name, &entry.value));
                            }
                        }
                        Some(Role::Parent { ids, .. }) if !nested => {
                            let path = definition.parent_names[0];
                            if let Some(first) = parent.replace(name) {
                                self.report(Some(draft), entry.at, twice(path, first, name).path(path));
                            } else {
                                self.parent(draft, definition, ids, entry);
                            }
                        }
                        Some(Role::Children(child)) => children.push((child, entry)),
                        // Not needed to find the object.
                        _ => {}
                    }
                }
                if kind == Kind::Setting {
                    self.setting_key(draft, key.map(|(_, node)| node));
                    return;
                }
                self.named_by_key(draft, definition, key.map(|(_, node)| node), parent.is_some(), stand);
                for (child, entry) in children {
                    self.children(draft, child, entry);
                }
            }
            _ => self.no_item(draft, kind, node, "a name, an id, or a mapping"),
        }
    }

    fn named_by_text(
        &mut self,
        draft: usize,
        definition: &'static Definition,
        node: &Node,
        text: &str,
        stand: &Stand,
    ) {
        let kind = definition.kind;
        let found = match stand {
            Stand::Nested { parent, .. } => match own_part(kind, text) {
                Err(problem) => Err(problem),
                Ok(_) if is_uuid(text.trim()) => Ok(Identity::Id(ResourceId::new(text.trim()))),
                Ok(own) => {
                    let outer = super::across::own_part(&self.drafts[*parent]);
                    Ok(Identity::Key(Key { parent: outer, own }))
                }
            },
            Stand::Top { .. } => identity(kind, text),
        };
        match found {
            Err(problem) => {
                self.drafts[draft].item.key =
                    Some(Key::top(KeyPart::new(text, Compare::Exact))).filter(|k| !k.own.text.is_empty());
                self.report_value(draft, node, definition.key_name, *problem);
            }
            Ok(Identity::Id(id)) => self.drafts[draft].item.id = Some(id),
            Ok(Identity::Key(key)) => {
                if let (Stand::Top { .. }, Some(kind), Some(part)) = (stand, kind.parent(), &key.parent) {
                    let reference = Reference {
                        kind,
                        target: if is_uuid(&part.text) {
                            Target::Id(ResourceId::new(&part.text))
                        } else {
                            Target::Key(Key::top(part.clone()))
                        },
                        place: self.place(node.at),
                        path: definition.parent_names[0].to_owned(),
                        within: None,
                    };
                    self.drafts[draft].item.parent = Some(Parent::Reference(reference));
                }
                self.drafts[draft].item.key = Some(key);
            }
        }
    }

    /// Gives an item its key, or says that it has none, or no parent.
    fn named_by_key(
        &mut self,
        draft: usize,
        definition: &'static Definition,
        key: Option<&Node>,
        parent_given: bool,
        stand: &Stand,
    ) {
        let name = definition.key_name;
        let own = match key {
            None => None,
            Some(node) => {
                self.drafts[draft].spots.push((Cow::Borrowed(name), node.at));
                match node.text().map(|text| own_part(definition.kind, text)) {
                    Some(Ok(part)) => Some(part),
                    Some(Err(problem)) => {
                        self.report_value(draft, node, name, *problem);
                        node.text().map(|t| KeyPart::new(t, Compare::Exact)).filter(|p| !p.text.is_empty())
                    }
                    None => {
                        self.report_value(draft, node, name, wrong_type(name, node, "text"));
                        None
                    }
                }
            }
        };
        self.key_of(draft, definition, stand, own, key.is_some(), parent_given);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(kind: Kind, text: &str) -> String {
        match identity(kind, text) {
            Ok(Identity::Key(key)) => format!("{key}"),
            Ok(Identity::Id(id)) => format!("#{id}"),
            Err(problem) => problem.code.to_string(),
        }
    }

    #[test]
    fn names_on_the_command_line() {
        const ID: &str = "6f1c0a52-8a1e-4f6e-9a55-0c8a1d1f9b11";
        for (kind, text, shown) in [
            (Kind::Network, " Paris ", "Paris"),
            (Kind::Network, "a/b", "a/b"),
            (Kind::Network, ID, "#6f1c0a52-8a1e-4f6e-9a55-0c8a1d1f9b11"),
            (Kind::Network, " ", "E109"),
            (Kind::NetworkConnector, r"a\/b\\c/d/e", r"a\/b\\c/d/e"),
            (Kind::NetworkConnector, "paris-1", "E106"),
            (Kind::NetworkConnector, "paris/", "E109"),
            (Kind::NetworkRoute, "paris/10.20.0.0/16", "paris/10.20.0.0/16"),
            (Kind::NetworkRoute, "paris/10.20.0.1/16", "E203"),
            (Kind::Setting, "user.connection_timeout", "users.connection_timeout"),
            (Kind::Setting, "wpc.nat", "E103"),
            (Kind::BlockDomain, "bad.example", "bad.example"),
        ] {
            assert_eq!(show(kind, text), shown, "{kind} {text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// What documents show as a key is read as that key.
        #[test]
        fn keys_read_back(parent in r"[a-c/\\]{1,8}", own in r"[a-c/\\]{1,8}") {
            let key = Key::child(KeyPart::new(&parent, Compare::Folded), KeyPart::new(&own, Compare::Exact));
            prop_assert_eq!(identity(Kind::NetworkConnector, &key.to_string()).unwrap(), Identity::Key(key));
        }
    }
}
