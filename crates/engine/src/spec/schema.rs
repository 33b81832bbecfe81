//! The JSON Schema of specs, made from the catalog, so that editors complete and check them as they are written.
//!
//! It says what the form of a spec is: names, types, values of enums, forms of texts. What concerns several items, and
//! what is only warned of, `connexa validate` says. Names that are shown are properties, with a description; their aliases
//! are patterns, which editors check and do not offer.

mod forms;
#[cfg(test)]
mod tests;
mod words;

use super::settings::READ_ONLY;
use crate::catalog::{self, Definition, Field, FieldType, Null, SETTINGS};
use connexa_types::Kind;
use serde_json::{Map, Value, json};

/// The JSON Schema (2020-12) of specs.
pub fn schema() -> Value {
    let mut properties = Map::new();
    properties.insert(
        "$schema".to_owned(),
        json!({"type": "string", "description": "Where this schema is. Ignored."}),
    );
    let mut definitions = Map::new();
    for kind in super::documents::spec_kinds().filter(|kind| *kind != Kind::Setting) {
        let definition = catalog::definition(kind);
        let whole = item(definition, &mut definitions);
        definitions.insert(kind.singular().to_owned(), whole);
        if definition.nested_as.is_some() {
            definitions.insert(nested_name(kind), nested_item(definition));
        }
        properties.insert(kind.plural().to_owned(), list_of(&kind_reference(kind), words::kind(kind)));
    }
    properties.insert("settings".to_owned(), settings(&mut definitions));
    properties.insert("dependencies".to_owned(), dependencies());
    definitions.insert("setting".to_owned(), bare_setting());
    definitions.extend(forms::definitions());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A spec of connexa",
        "description": "The desired state of an OpenVPN CloudConnexa tenant: a mapping of kinds to lists of items, or one list of items. Names that begin with `_` are ignored.",
        "type": ["object", "array", "null"],
        "properties": properties,
        "patternProperties": {"^(x-|_)": true},
        "additionalProperties": false,
        "items": bare_item(),
        "$defs": definitions,
    })
}

/// The schema as it is published.
pub fn schema_text() -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(&schema(), &mut writer).expect("JSON is written to memory");
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is UTF-8")
}

fn nested_name(kind: Kind) -> String {
    format!("nested_{}", kind.singular())
}

fn kind_reference(kind: Kind) -> String {
    format!("#/$defs/{}", kind.singular())
}

fn list_of(reference: &str, description: &str) -> Value {
    json!({"description": description, "type": ["array", "null"], "items": {"$ref": reference}})
}

/// Ways of writing a kind.
fn kind_words(kind: Kind) -> Vec<String> {
    let mut words = vec![kind.singular().to_owned(), kind.plural().to_owned()];
    for word in [kind.singular(), kind.plural()] {
        if word.contains('_') {
            words.push(word.replace('_', "-"));
        }
    }
    words
}

/// An item of a list that stands for itself: its kind is its own, or the file's.
fn bare_item() -> Value {
    let kinds: Vec<Kind> = super::documents::spec_kinds().collect();
    let words: Vec<String> = kinds.iter().flat_map(|kind| kind_words(*kind)).collect();
    let by_kind = kinds.iter().map(|kind| {
        json!({
            "if": {"properties": {"kind": {"enum": kind_words(*kind)}}, "required": ["kind"]},
            "then": {"$ref": kind_reference(*kind)},
        })
    });
    json!({
        "type": ["object", "string"],
        "properties": {"kind": {"description": words::KIND, "enum": words}},
        "allOf": by_kind.collect::<Vec<_>>(),
    })
}

/// What fields belong to: a kind, or an object within one of its items, or a setting.
struct Owner<'a> {
    kind: Option<Kind>,
    /// Its name among the definitions.
    name: &'a str,
}

/// The names of a mapping: properties, and aliases by the name that they stand for.
struct Names {
    /// Where the mapping's schema stands in the whole.
    pointer: String,
    properties: Map<String, Value>,
    aliases: Vec<(Vec<String>, Value)>,
    ignored: Vec<String>,
}

impl Names {
    fn at(pointer: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), properties: Map::new(), aliases: Vec::new(), ignored: Vec::new() }
    }

    fn add(&mut self, name: &str, aliases: Vec<String>, schema: Value) {
        // A name has one meaning: that which it had first.
        let aliases: Vec<String> =
            aliases.into_iter().filter(|alias| alias != name && !self.knows(alias)).collect();
        if !aliases.is_empty() {
            let same = format!("{}/properties/{name}", self.pointer);
            let schema = json!({"description": format!("The same as `{name}`."), "$ref": same});
            self.aliases.push((aliases, schema));
        }
        self.properties.insert(name.to_owned(), schema);
    }

    fn ignore(&mut self, name: &str) {
        for name in [name.to_owned(), catalog::snake(name)] {
            if !self.knows(&name) {
                self.ignored.push(name);
            }
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.properties.contains_key(name)
            || self.aliases.iter().any(|(aliases, _)| aliases.iter().any(|alias| alias == name))
            || self.ignored.iter().any(|ignored| ignored == name)
    }

    /// The schema of a mapping with these names, and no others.
    fn object(self) -> Map<String, Value> {
        let mut patterns = Map::new();
        patterns.insert("^_".to_owned(), Value::Bool(true));
        for (aliases, schema) in self.aliases {
            patterns.insert(format!("^({})$", aliases.join("|")), schema);
        }
        if !self.ignored.is_empty() {
            patterns.insert(
                format!("^({})$", self.ignored.join("|")),
                json!({"description": words::RESPONSE_ONLY}),
            );
        }
        let mut object = Map::new();
        object.insert("type".to_owned(), "object".into());
        object.insert("properties".to_owned(), self.properties.into());
        object.insert("patternProperties".to_owned(), patterns.into());
        object.insert("additionalProperties".to_owned(), false.into());
        object
    }

    /// Adds the fields, and of their names those that answers alone have.
    fn fields(
        &mut self,
        owner: &Owner<'_>,
        fields: &[Field],
        response_only: &[&str],
        prefix: &str,
        defs: &mut Map<String, Value>,
    ) {
        for field in fields {
            let schema = described(field, owner.kind, value(field, owner, response_only, prefix, defs));
            self.add(field.name, api_names(field), schema);
        }
        for path in response_only.iter().filter_map(|path| path.strip_prefix(prefix)) {
            if !path.contains('/') {
                self.ignore(path);
            }
        }
    }
}

/// The API's names of a field, and their snake forms.
fn api_names(field: &Field) -> Vec<String> {
    let mut names = Vec::new();
    for api in [field.request, field.response] {
        let name = api.split('/').next().unwrap_or(api);
        for name in [name.to_owned(), catalog::snake(name)] {
            if name != field.name && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// One of these names is needed.
fn any_of<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    json!({"anyOf": names.map(|name| json!({"required": [name]})).collect::<Vec<_>>()})
}

/// Where the mapping of an item's schema stands.
fn mapping_of(kind: Kind, name: &str) -> String {
    let form = if super::items::takes_text(kind) { "/anyOf/1" } else { "" };
    format!("#/$defs/{name}{form}")
}

/// One of the names of a kind's key is needed, or an id.
fn key_or_id(key: &Field) -> Value {
    let mut names = vec![key.name.to_owned()];
    names.extend(api_names(key));
    any_of(names.iter().map(String::as_str).chain(["id"]))
}

/// An item of a kind, in a list of its own.
fn item(definition: &'static Definition, defs: &mut Map<String, Value>) -> Value {
    let kind = definition.kind;
    let owner = Owner { kind: Some(kind), name: kind.singular() };
    let mut names = Names::at(mapping_of(kind, kind.singular()));
    let key = definition.key_field();
    let mut needed = vec![key_or_id(key)];
    // What names the item comes first, as editors offer it.
    names.fields(&owner, std::slice::from_ref(key), &[], "", defs);
    let parents = definition.parent_names;
    if let Some((first, others)) = parents.split_first() {
        let schema = with_description(forms::reference(), words::PARENT);
        names.add(first, others.iter().map(|name| (*name).to_owned()).collect(), schema);
        needed.push(any_of(parents.iter().copied().chain(["id"])));
    }
    names.fields(&owner, definition.fields, definition.response_only, "", defs);
    for child in catalog::nested(kind) {
        let nested_as = child.nested_as.expect("every kind with a parent nests in it");
        let schema = json!({
            "description": words::kind(child.kind),
            "type": "array",
            "items": {"$ref": format!("#/$defs/{}", nested_name(child.kind))},
        });
        names.add(nested_as, Vec::new(), schema);
    }
    names.add("id", Vec::new(), json!({"description": words::ID, "type": "string", "pattern": "\\S"}));
    names.add("renamed_from", Vec::new(), renamed_from(key));
    common(&mut names);
    if matches!(kind, Kind::Network | Kind::Host | Kind::User) {
        names.add("atomic", Vec::new(), json!({"description": words::ATOMIC, "type": "boolean"}));
    }
    names.add("kind", Vec::new(), json!({"description": words::KIND, "enum": kind_words(kind)}));
    finished(definition, names, needed)
}

/// An item nested in its parent: the names of the kind, less those that only items in lists of their own have.
fn nested_item(definition: &'static Definition) -> Value {
    let kind = definition.kind;
    let mut names = Names::at(mapping_of(kind, &nested_name(kind)));
    let same =
        |name: &str| json!({"$ref": format!("{}/properties/{name}", mapping_of(kind, kind.singular()))});
    let key = definition.key_field();
    for field in std::iter::once(key).chain(definition.fields.iter().filter(|field| field.name != key.name)) {
        names.add(field.name, api_names(field), same(field.name));
    }
    for name in definition.parent_names.iter().filter(|name| matches!(**name, "networkItemId" | "userId")) {
        names.ignore(name);
    }
    for name in definition.response_only.iter().filter(|name| !name.contains('/')) {
        names.ignore(name);
    }
    for name in ["id", "renamed_from", "kind"] {
        names.add(name, Vec::new(), same(name));
    }
    finished(definition, names, vec![key_or_id(key)])
}

fn finished(definition: &Definition, names: Names, needed: Vec<Value>) -> Value {
    let kind = definition.kind;
    let mut object = names.object();
    object.insert("allOf".to_owned(), needed.into());
    let object = Value::Object(object);
    if super::items::takes_text(kind) {
        let key = definition.key_field();
        let text = with_description(forms::form(key.ty), words::field(Some(kind), key));
        return json!({"description": words::item(kind), "anyOf": [text, object]});
    }
    with_description(object, words::item(kind))
}

fn renamed_from(key: &Field) -> Value {
    with_description(forms::form(key.ty), words::RENAMED_FROM)
}

fn common(names: &mut Names) {
    names.add("unit", Vec::new(), json!({"description": words::UNIT, "type": "string", "pattern": "\\S"}));
    let entry = json!({"type": "string", "pattern": "^\\s*[A-Za-z_-]+/."});
    let depends_on = json!({"description": words::DEPENDS_ON, "type": "array", "items": entry});
    names.add("depends_on", Vec::new(), depends_on);
}

fn with_description(schema: Value, description: &str) -> Value {
    let mut described = Map::from_iter([("description".to_owned(), description.into())]);
    if let Value::Object(members) = schema {
        described.extend(members.into_iter().filter(|(name, _)| name != "description"));
    }
    described.into()
}

fn described(field: &Field, kind: Option<Kind>, schema: Value) -> Value {
    let mut schema = with_description(schema, words::field(kind, field));
    let default = field.default.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let (Some(default), Value::Object(members)) = (default, &mut schema) {
        let default = match (default, field.ty) {
            (Value::String(text), FieldType::Enum(_)) => text.to_lowercase().into(),
            (other, _) => other,
        };
        members.insert("default".to_owned(), default);
    }
    schema
}

/// The values of a field, null included where it clears. Objects become definitions of their own.
fn value(
    field: &Field,
    owner: &Owner<'_>,
    response_only: &[&str],
    prefix: &str,
    defs: &mut Map<String, Value>,
) -> Value {
    let schema = match field.ty {
        FieldType::Object(leaves) => {
            let name = format!("{}.{}", owner.name, field.name);
            let pointer = format!("#/$defs/{name}");
            if !defs.contains_key(&name) {
                let mut names = Names::at(pointer.as_str());
                let inner = Owner { kind: owner.kind, name: &name };
                names.fields(&inner, leaves, response_only, &format!("{prefix}{}/", field.request), defs);
                defs.insert(name, names.object().into());
            }
            let object = json!({"$ref": pointer});
            if field.shorthand.is_some() { json!({"anyOf": [{"type": "boolean"}, object]}) } else { object }
        }
        ty => forms::form(ty),
    };
    // A field that stands alone in an object of the API may have that object around it.
    let schema = match field.request.split_once('/') {
        Some((_, inner)) => forms::or_within(schema, inner),
        None => schema,
    };
    match field.null {
        Null::Forbidden => schema,
        Null::Omit | Null::EmptyList | Null::EmptyText | Null::Replace => forms::or_null(schema),
    }
}

/// What stands under `settings`.
fn settings(defs: &mut Map<String, Value>) -> Value {
    let mut names = Names::at("#/properties/settings");
    common(&mut names);
    let mut object = branch("", names, defs);
    object.insert("type".to_owned(), json!(["object", "array", "null"]));
    object.insert("items".to_owned(), json!({"$ref": "#/$defs/setting"}));
    with_description(object.into(), words::kind(Kind::Setting))
}

/// Where the schema of what a path leads to stands.
fn setting_pointer(path: &str) -> String {
    path.split('.').fold("#/properties/settings".to_owned(), |pointer, part| pointer + "/properties/" + part)
}

/// The settings below a path.
fn branch(prefix: &str, mut names: Names, defs: &mut Map<String, Value>) -> Map<String, Value> {
    let paths = SETTINGS
        .iter()
        .flat_map(|s| std::iter::once((s.path, s)).chain(s.aliases.iter().map(move |a| (*a, s))));
    let below = |path: &'static str| path.strip_prefix(prefix);
    let inner = |first: &str| Names::at(setting_pointer(&format!("{prefix}{first}")));
    for (path, setting) in paths {
        let Some(rest) = below(path) else { continue };
        match rest.split_once('.') {
            None if path == setting.path => {
                let owner = Owner { kind: None, name: &format!("setting.{path}") };
                let schema = value(&setting.value, &owner, &[], "", defs);
                names.add(rest, Vec::new(), with_description(schema, words::setting(path)));
            }
            // Other paths of a setting are known, and not offered.
            None => {
                names.aliases.push((vec![rest.to_owned()], json!({"$ref": setting_pointer(setting.path)})));
            }
            Some((first, _)) if !names.knows(first) => {
                let mut inner = branch(&format!("{prefix}{first}."), inner(first), defs);
                inner.insert("type".to_owned(), json!(["object", "null"]));
                names.add(first, Vec::new(), with_description(inner.into(), words::branch(first)));
            }
            Some(_) => {}
        }
    }
    for path in READ_ONLY.into_iter().filter_map(below) {
        match path.split_once('.') {
            None => names.ignore(path),
            Some((first, _)) if !names.knows(first) => {
                let inner = Value::Object(branch(&format!("{prefix}{first}."), inner(first), defs));
                // Nothing that may be set stands there.
                names.aliases.push((vec![first.to_owned()], inner));
            }
            Some(_) => {}
        }
    }
    names.object()
}

/// A setting as an item of its own.
fn bare_setting() -> Value {
    let mut names = Names::at("#/$defs/setting");
    let paths = SETTINGS.iter().flat_map(|s| std::iter::once(s.path).chain(s.aliases.iter().copied()));
    let paths: Vec<&str> = paths.chain(READ_ONLY).collect();
    names.add("key", Vec::new(), json!({"description": "The path of the setting.", "enum": paths}));
    names.add("value", Vec::new(), json!({"description": "The value."}));
    common(&mut names);
    names.add("kind", Vec::new(), json!({"description": words::KIND, "enum": kind_words(Kind::Setting)}));
    let mut object = names.object();
    object.insert("required".to_owned(), json!(["key", "value"]));
    let by_key = SETTINGS.iter().map(|setting| {
        let keys: Vec<&str> = std::iter::once(setting.path).chain(setting.aliases.iter().copied()).collect();
        json!({
            "if": {"properties": {"key": {"enum": keys}}, "required": ["key"]},
            "then": {"properties": {"value": {"$ref": setting_pointer(setting.path)}}},
        })
    });
    object.insert("allOf".to_owned(), by_key.collect());
    with_description(object.into(), words::item(Kind::Setting))
}

fn dependencies() -> Value {
    let mut words: Vec<String> = super::documents::spec_kinds().flat_map(kind_words).collect();
    let families = ["route", "connector", "application", "ip_service"];
    words.extend(families.iter().flat_map(|word| [(*word).to_owned(), format!("{word}s")]));
    words.extend(["ip-service".to_owned(), "ip-services".to_owned()]);
    json!({
        "description": words::DEPENDENCIES,
        "type": ["object", "null"],
        "propertyNames": {"anyOf": [{"enum": words}, {"pattern": "^_"}]},
        "additionalProperties": {"type": ["array", "null"], "items": {"enum": words}},
        "patternProperties": {"^_": true},
    })
}
