//! Settings: a nested mapping by path, or bare items with `key` and `value` (spec section 6). Each leaf setting is one item,
//! whose key is its path and whose one field is `value`.

use super::{
    Mode, given,
    items::Stand,
    names::{self, Common, Names},
    node::{Entry, Mapping, Node, Value},
    reader::{Reader, wrong_type},
};
use crate::{
    catalog::{self, SETTINGS, Setting},
    desired::{FieldValue, Item},
    key::{Compare, Key, KeyPart},
    problem::{Code, Problem},
};
use connexa_types::Kind;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// Settings that the service shows and does not take.
pub(super) const READ_ONLY: [&str; 2] = ["auth.saml.group_mappings", "auth.ldap.group_mappings"];

/// The field of an item that is its value.
const VALUE: &str = "value";

/// The names of a bare item.
const BARE_NAMES: [&str; 5] = ["key", VALUE, "kind", "unit", "depends_on"];

/// Where the value of a setting stands, and how it is called in problems: `value` of a bare item, else by its path.
struct Place<'n> {
    node: &'n Node,
    path: &'static str,
}

impl Reader<'_> {
    /// Reads what stands under the top-level key `settings`.
    pub(super) fn settings(&mut self, entry: &Entry) {
        self.names_kind(Kind::Setting);
        match entry.value.value() {
            Value::Null => {}
            Value::Broken(flaw) => self.flaw(None, flaw),
            Value::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.item(Kind::Setting, node, &Stand::Top { index });
                }
            }
            Value::Mapping(mapping) => {
                mapping.flaws.iter().for_each(|flaw| self.flaw(None, flaw));
                // What holds for all of them may stand after the first of them.
                let common: Vec<&Entry> =
                    mapping.entries.iter().filter(|e| common_of(&e.name).is_some()).collect();
                for entry in common.iter().filter(|e| !is_for_settings(&e.name)) {
                    let message = format!("`{}` is not allowed in settings", entry.name);
                    self.report_file(entry.at, &entry.name, Problem::new(Code::error(107), message));
                }
                self.branch("", mapping, &common, &mut 0);
            }
            _ => {
                let problem = wrong_type("settings", &entry.value, "a mapping such as `wpc: {snat: true}`");
                self.report_file(entry.value.at, "settings", problem);
            }
        }
    }

    /// Reads the settings below a path, which ends with a dot unless it is empty.
    fn branch(&mut self, prefix: &str, mapping: &Mapping, common: &[&Entry], index: &mut usize) {
        for entry in &mapping.entries {
            let name = &*entry.name;
            if name.starts_with('_') || prefix.is_empty() && common_of(name).is_some() {
                continue;
            }
            let path = format!("{prefix}{name}");
            // A name with a dot in it is no path: settings nest.
            let setting = catalog::setting(&path).filter(|_| !name.contains('.'));
            if READ_ONLY.contains(&&*path) {
                self.note(Kind::Setting, &path);
                continue;
            }
            if setting.is_none() && is_branch(&path) && !name.contains('.') {
                match entry.value.value() {
                    Value::Null => continue,
                    Value::Mapping(inner) => {
                        inner.flaws.iter().for_each(|flaw| self.flaw(None, flaw));
                        self.branch(&format!("{path}."), inner, common, index);
                        continue;
                    }
                    _ => {}
                }
            }
            let Some(draft) = self.draft(Ok(Kind::Setting), entry.at, &Stand::Top { index: *index }) else {
                return;
            };
            *index += 1;
            self.nested_setting(draft, &path, setting, entry, common);
        }
    }

    /// Reads a setting of the nested form.
    fn nested_setting(
        &mut self,
        draft: usize,
        path: &str,
        setting: Option<&'static Setting>,
        entry: &Entry,
        common: &[&Entry],
    ) {
        let mut given = Map::new();
        given.insert("key".to_owned(), Json::from(setting.map_or(path, |s| s.path)));
        given.insert(VALUE.to_owned(), given::item(&entry.value, None, self.seal));
        for entry in common {
            given.insert(entry.name.to_string(), given::item(&entry.value, None, self.seal));
        }
        let item = &mut self.drafts[draft].item;
        item.given = Json::Object(given).into();
        item.key = Some(Key::top(KeyPart::new(setting.map_or(path, |s| s.path), Compare::Exact)));
        self.flaws(Some(draft), &entry.value);
        for entry in common {
            if let Some(common) = common_of(&entry.name).filter(|_| is_for_settings(&entry.name)) {
                self.common(draft, Kind::Setting, false, common, entry);
            }
        }
        match setting {
            // What is named is told by its path alone, and what is not taken has no other problem.
            Some(_) if !self.takes_values() => {}
            Some(setting) => {
                self.setting_value(draft, setting, &Place { node: &entry.value, path: setting.path });
            }
            None if is_branch(path) => {
                let problem = wrong_type(path, &entry.value, "a mapping of settings").path(path);
                self.report_value(draft, &entry.value, path, problem);
            }
            None => self.report(Some(draft), entry.at, unknown_setting(path).path(path)),
        }
    }

    /// Whether this command does something with the values of settings.
    fn takes_values(&self) -> bool {
        match self.options.mode {
            Mode::Spec => true,
            Mode::Items(kind) => kind == Kind::Setting,
            Mode::Names(_) => false,
        }
    }

    /// Reads a setting of the form `{key: PATH, value: VALUE}`.
    pub(super) fn bare_setting(&mut self, draft: usize, node: &Node) {
        let Value::Mapping(mapping) = node.value() else {
            return self.no_item(
                draft,
                Kind::Setting,
                node,
                "a mapping such as `{key: wpc.snat, value: true}`",
            );
        };
        self.flaws(Some(draft), node);
        // By its names: alone, `key` sounds like a secret.
        let names = self.names_of(catalog::definition(Kind::Setting));
        self.drafts[draft].item.given = given::item(node, Some(&names), self.seal).into();
        let mut key = None;
        let mut value = None;
        for entry in &mapping.entries {
            match &*entry.name {
                name if name.starts_with('_') => {}
                "kind" if entry.value.text().is_none() => {
                    let problem = wrong_type("kind", &entry.value, "text");
                    self.report_value(draft, &entry.value, "kind", problem);
                }
                "kind" => {}
                "key" => key = Some(&entry.value),
                VALUE => value = Some(&entry.value),
                name => {
                    let problem = match common_of(name).filter(|_| is_for_settings(name)) {
                        Some(common) => {
                            self.common(draft, Kind::Setting, false, common, entry);
                            continue;
                        }
                        None if name == "id" || common_of(name).is_some() => {
                            Problem::new(Code::error(107), format!("`{name}` is not allowed in a setting"))
                        }
                        None => unknown_name(name),
                    };
                    self.report(Some(draft), entry.at, problem.path(name));
                }
            }
        }
        let Some(setting) = self.setting_key(draft, key) else { return };
        if let Some(node) = value {
            self.setting_value(draft, setting, &Place { node, path: VALUE });
        } else {
            let problem =
                Problem::new(Code::error(106), format!("the setting `{}` has no `value`", setting.path));
            self.report(Some(draft), node.at, problem.path(VALUE));
        }
    }

    /// Reads the key of a bare setting, whose item is the last one. `None`: it is in error, or the setting is read-only:
    /// noted, and no item.
    pub(super) fn setting_key(&mut self, draft: usize, key: Option<&Node>) -> Option<&'static Setting> {
        const EXPECTED: &str = "the path of a setting, such as `wpc.snat`";
        let at = self.drafts[draft].at;
        let Some(node) = key else {
            let problem = Problem::new(Code::error(106), "the setting has no `key`");
            self.report(Some(draft), at, problem.path("key").expected(EXPECTED));
            return None;
        };
        let Some(text) = node.text() else {
            self.report_value(draft, node, "key", wrong_type("key", node, EXPECTED));
            return None;
        };
        let path = text.trim();
        self.drafts[draft].spots.push((Cow::Borrowed("key"), node.at));
        if path.is_empty() {
            let problem = Problem::new(Code::error(109), "`key` is empty").expected(EXPECTED);
            self.report_value(draft, node, "key", problem);
            return None;
        }
        let setting = catalog::setting(path);
        let name = setting.map_or(path, |s| s.path);
        self.drafts[draft].item.key = Some(Key::top(KeyPart::new(name, Compare::Exact)));
        if READ_ONLY.contains(&path) {
            self.note(Kind::Setting, path);
            self.withdraw(None);
            return None;
        }
        if setting.is_none() {
            let problem = if is_branch(path) {
                Problem::new(Code::error(103), format!("`{path}` holds settings, and is none itself"))
            } else {
                unknown_setting(path)
            };
            self.report_value(draft, node, "key", problem);
        }
        setting
    }

    /// Reads the value, and joins the item with an earlier one of the same setting.
    fn setting_value(&mut self, draft: usize, setting: &'static Setting, place: &Place<'_>) {
        let Place { node, path } = *place;
        let names = Names::of_field(&setting.value);
        let spots = &mut self.drafts[draft].spots;
        spots.push((Cow::Borrowed(VALUE), node.at));
        if path != VALUE {
            spots.push((Cow::Borrowed(path), node.at));
        }
        let Some(value) = self.value(draft, &setting.value, false, &names, node, path) else {
            self.drafts[draft].bad.push(Cow::Borrowed(VALUE));
            return;
        };
        self.drafts[draft].item.fields.insert(VALUE, value);
        let Some(&first) = self.settings.get(setting.path) else {
            self.settings.insert(setting.path, draft);
            return;
        };
        let (earlier, later) = self.drafts.split_at_mut(draft);
        match join(&mut earlier[first].item, &later[0].item) {
            Ok(()) => {
                let (depends_on, spots) =
                    (std::mem::take(&mut later[0].depends_on), std::mem::take(&mut later[0].spots));
                earlier[first].depends_on.extend(depends_on);
                // Places are told of the first file; what another file adds has none there.
                if earlier[first].source == later[0].source {
                    earlier[first].spots.extend(spots);
                }
                self.withdraw(Some(first));
            }
            Err(leaf) => {
                let name = if leaf.is_empty() {
                    setting.path.to_owned()
                } else {
                    format!("{}.{leaf}", setting.path)
                };
                let place = &self.drafts[first].item.place;
                let message = format!(
                    "`{name}` is given with another value too, in `{}`, line {}",
                    place.file, place.line
                );
                let problem = Problem::new(Code::error(310), message).hint("keep one of them");
                self.report_value(draft, node, path, problem);
            }
        }
    }
}

/// Adds what a second item of one setting says to the first. `Err` names what both say differently.
fn join(first: &mut Item, second: &Item) -> Result<(), String> {
    let (Some(own), Some(other)) = (first.fields.get(VALUE), second.fields.get(VALUE)) else { return Ok(()) };
    let value = united(own, other, "")?;
    match (&first.unit, &second.unit) {
        (Some(own), Some(other)) if own != other => return Err("unit".to_owned()),
        (None, Some(other)) => first.unit = Some(other.clone()),
        _ => {}
    }
    first.fields.insert(VALUE, value);
    let (mut given, other) = (Json::clone(&first.given), Json::clone(&second.given));
    if let (Json::Object(own), Json::Object(other)) = (&mut given[VALUE], &other[VALUE]) {
        own.extend(other.clone());
        first.given = given.into();
    }
    Ok(())
}

fn united(own: &FieldValue, other: &FieldValue, path: &str) -> Result<FieldValue, String> {
    let (FieldValue::Object(leaves), FieldValue::Object(others)) = (own, other) else {
        return if own == other { Ok(own.clone()) } else { Err(path.to_owned()) };
    };
    let mut leaves = leaves.clone();
    for (name, value) in others {
        let value = match leaves.get(name) {
            Some(own) => united(own, value, name)?,
            None => value.clone(),
        };
        leaves.insert(name, value);
    }
    Ok(FieldValue::Object(leaves))
}

/// Whether settings stand below a path.
pub(super) fn is_branch(path: &str) -> bool {
    let paths = SETTINGS.iter().flat_map(|s| std::iter::once(&s.path).chain(s.aliases)).chain(&READ_ONLY);
    paths.into_iter().any(|p| p.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn common_of(name: &str) -> Option<Common> {
    Some(match name {
        "unit" => Common::Unit,
        "depends_on" => Common::DependsOn,
        "renamed_from" => Common::RenamedFrom,
        "atomic" => Common::Atomic,
        _ => return None,
    })
}

fn is_for_settings(name: &str) -> bool {
    matches!(name, "unit" | "depends_on")
}

pub(super) fn unknown_setting(path: &str) -> Problem {
    let problem = Problem::new(Code::error(103), format!("there is no setting `{path}`"));
    match names::nearest(path, SETTINGS.iter().map(|s| s.path)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn unknown_name(name: &str) -> Problem {
    let problem = Problem::new(Code::error(103), format!("`setting` has no field `{name}`"));
    match names::nearest(name, BARE_NAMES.into_iter()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}
