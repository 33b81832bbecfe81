//! Cells: the texts of CSV and of `update --set`, typed by their field (spec section 1.2).

use super::{
    Limits, json,
    names::{Names, Role},
    node::{Budget, Flaw, Node, Spot, Value},
    settings::unknown_setting,
};
use crate::{
    catalog::{self, FieldType},
    problem::{Code, Problem},
};
use connexa_types::Kind;
use serde_json::{Map, Value as Json};

/// A typed cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The field's name in specs, then those of the leaves within it: `["ipsec", "platform"]`. Of a setting `value` comes
    /// first.
    pub path: Vec<&'static str>,
    /// The value as JSON would give it; `None` if the text is empty, which is as if the field were not there.
    pub value: Option<Json>,
}

/// Types a text as the CSV cell of a field would be: as `--set FIELD=TEXT`, `--add` and `--remove` are.
///
/// `field` takes all names that items take, leaves of objects after dots; for [`Kind::Setting`] it is the path of a setting.
/// Only the form of the value is seen to: what is not as its field wants it is told when the item is read.
///
/// # Errors
/// If there is no such field (E103, with the nearest name), or the text is JSON and not valid (E002).
pub fn cell(kind: Kind, field: &str, text: &str) -> Result<Cell, Box<Problem>> {
    let (names, path, start);
    if kind == Kind::Setting {
        let (setting, rest) = setting_of(field)?;
        names = Names::of_field(&setting.value);
        path = format!("value{rest}");
        start = setting.path;
    } else {
        names = Names::of(catalog::definition(kind));
        path = field.to_owned();
        start = kind.singular();
    }
    let Some((path, shape)) = resolve(&names, &path) else {
        let problem = Problem::new(Code::error(103), format!("`{start}` has no field `{field}`")).path(field);
        let last = field.rsplit('.').next().unwrap_or(field);
        return Err(Box::new(match innermost(&names, &path).nearest(last) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        }));
    };
    // The command line is no file: its own limits are narrower.
    let mut budget = Budget::new(&Limits::default());
    let at = Spot { line: 1, column: 1 };
    let Some(node) = value(shape, text.trim(), at, at.line, 1, &mut budget) else {
        return Ok(Cell { path, value: None });
    };
    match node.value() {
        Value::Broken(flaw) => Err(Box::new(Problem::new(flaw.code, flaw.message.clone()).path(field))),
        _ => Ok(Cell { path, value: Some(as_json(&node)) }),
    }
}

/// The setting that a path begins with, and the rest, which begins with a dot unless it is empty.
fn setting_of(path: &str) -> Result<(&'static catalog::Setting, &str), Box<Problem>> {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    let mut found = ends.filter_map(|end| Some((catalog::setting(&path[..end])?, &path[end..])));
    found.next_back().ok_or_else(|| Box::new(unknown_setting(path)))
}

/// The deepest names that a path leads to.
fn innermost<'n>(names: &'n Names, path: &str) -> &'n Names {
    let mut names = names;
    for part in path.split('.') {
        let inner = match names.role(part) {
            Some(Role::Field { field, .. }) => names.object(field.name),
            _ => None,
        };
        match inner {
            Some(inner) => names = inner,
            None => return names,
        }
    }
    names
}

/// What a cell of a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Boolean,
    Integer,
    /// Elements between `|`, or JSON.
    List,
    /// A list, or the word `all`.
    ListOrAll,
    /// JSON, or the boolean that stands for it.
    Object,
    /// A text, or JSON: secrets, certificates.
    Secret,
    /// A key or id, or JSON.
    Reference,
}

/// Whether a field is a list, whose elements can be added and removed one by one.
pub(crate) fn is_list(ty: FieldType) -> bool {
    matches!(Shape::of(ty), Shape::List | Shape::ListOrAll)
}

impl Shape {
    pub(super) const fn of(ty: FieldType) -> Self {
        match ty {
            FieldType::Boolean => Self::Boolean,
            FieldType::Integer(..) => Self::Integer,
            FieldType::Text(_)
            | FieldType::Domain
            | FieldType::Enum(_)
            | FieldType::Region
            | FieldType::Ip
            | FieldType::Cidr
            | FieldType::Ipv4
            | FieldType::Ipv4Cidr
            | FieldType::Ipv6Cidr => Self::Text,
            FieldType::Regions => Self::ListOrAll,
            FieldType::EnumSet(_)
            | FieldType::Ipv4Set
            | FieldType::Ipv6Set
            | FieldType::Ipv4CidrSet
            | FieldType::Ipv6CidrSet
            | FieldType::TextList
            | FieldType::Domains { .. }
            | FieldType::Subnets
            | FieldType::Services
            | FieldType::AccessItems(_)
            | FieldType::IpRanges
            | FieldType::Countries
            | FieldType::Zones
            | FieldType::References(_) => Self::List,
            FieldType::Object(_) => Self::Object,
            FieldType::Reference(_) => Self::Reference,
            FieldType::Secret | FieldType::Certificate => Self::Secret,
        }
    }
}

/// The field that a name with dots leads to: its names in specs, and what its cells hold.
pub(super) fn resolve(names: &Names, path: &str) -> Option<(Vec<&'static str>, Shape)> {
    let mut parts = path.split('.');
    let first = parts.next()?;
    let (mut field, inner) = match names.role(first)? {
        Role::Field { field, .. } => (field, names.object(field.name)),
        role => return parts.next().is_none().then(|| common(role, names, first)).flatten(),
    };
    let mut found = vec![field.name];
    let mut names = inner;
    for part in parts {
        let Role::Field { field: leaf, .. } = names?.role(part)? else { return None };
        names = names?.object(leaf.name);
        field = leaf;
        found.push(leaf.name);
    }
    Some((found, Shape::of(field.ty)))
}

/// Whether a name with dots leads to what only answers hold, which is ignored.
pub(super) fn is_response_only(names: &Names, path: &str) -> bool {
    let mut names = Some(names);
    for part in path.split('.') {
        match names.and_then(|names| names.role(part)) {
            Some(Role::ResponseOnly) => return true,
            Some(Role::Field { field, .. }) => names = names.and_then(|names| names.object(field.name)),
            _ => return false,
        }
    }
    false
}

/// What stands under a name that is no field's.
fn common(role: Role, names: &Names, name: &str) -> Option<(Vec<&'static str>, Shape)> {
    use super::names::Common;
    Some(match role {
        Role::Kind => (vec!["kind"], Shape::Text),
        Role::Id => (vec!["id"], Shape::Text),
        Role::Parent { .. } => (vec![names.shown(name)?], Shape::Reference),
        Role::Children(child) => (vec![child.nested_as?], Shape::List),
        Role::Common(Common::RenamedFrom) => (vec!["renamed_from"], Shape::Text),
        Role::Common(Common::Unit) => (vec!["unit"], Shape::Text),
        Role::Common(Common::DependsOn) => (vec!["depends_on"], Shape::List),
        Role::Common(Common::Atomic) => (vec!["atomic"], Shape::Boolean),
        Role::Field { .. } | Role::ResponseOnly => return None,
    })
}

/// Types a text, which is trimmed; `None` = absent. `depth` is the level of the value, from 1; a text that is JSON and not
/// valid is a broken node.
pub(super) fn value(
    shape: Shape,
    text: &str,
    at: Spot,
    end_line: u32,
    depth: u32,
    budget: &mut Budget,
) -> Option<Node> {
    if text.is_empty() {
        return None;
    }
    let typed = typed(shape, text, at, depth, budget);
    let value = typed.unwrap_or_else(|flaw| Value::Broken(Box::new(flaw)));
    Some(Node::new(at, end_line, value))
}

fn typed(shape: Shape, text: &str, at: Spot, depth: u32, budget: &mut Budget) -> Result<Value, Flaw> {
    budget.node(at)?;
    budget.scalar(at, text.len())?;
    if text == "\\N" {
        return Ok(Value::Null);
    }
    let text = unguarded(text);
    let as_text = || Value::Text(text.into());
    let is_json = text.starts_with(['[', '{']);
    Ok(match shape {
        Shape::List | Shape::ListOrAll | Shape::Object | Shape::Secret if is_json => {
            json::within(text, at, depth, budget)?
        }
        // No key is likely to look so, but one may.
        Shape::Reference if text.starts_with('{') => {
            json::within(text, at, depth, budget).unwrap_or_else(|_| as_text())
        }
        Shape::ListOrAll if text == "all" => as_text(),
        Shape::List | Shape::ListOrAll => {
            budget.depth(at, depth)?;
            let mut nodes = Vec::new();
            for element in split(text) {
                budget.node(at)?;
                nodes.push(Node::new(at, at.line, Value::Text(element.into())));
            }
            Value::List(nodes)
        }
        Shape::Boolean | Shape::Object if text.eq_ignore_ascii_case("true") => Value::Boolean(true),
        Shape::Boolean | Shape::Object if text.eq_ignore_ascii_case("false") => Value::Boolean(false),
        Shape::Text | Shape::Secret | Shape::Reference | Shape::Boolean | Shape::Object => as_text(),
        Shape::Integer => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                as_text()
            } else {
                text.parse().map_or_else(|_| Value::Number(text.into()), Value::Integer)
            }
        }
    })
}

/// Drops the `'` that keeps a text from being taken for a formula. A text that itself begins with `'` and such a sign is
/// written with one more.
fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(['=', '+', '-', '@']) => rest,
        _ => text,
    }
}

/// The elements of a list, trimmed: `\|` and `\\` stand for the characters.
fn split(text: &str) -> Vec<String> {
    let mut elements = Vec::new();
    let mut element = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '|' => elements.push(std::mem::take(&mut element)),
            '\\' => element.push(rest.next_if(|next| matches!(next, '|' | '\\')).unwrap_or('\\')),
            other => element.push(other),
        }
    }
    elements.push(element);
    elements.iter().map(|element| element.trim().to_owned()).collect()
}

/// A node as JSON.
pub(super) fn as_json(node: &Node) -> Json {
    match node.value() {
        Value::Null | Value::Shared(_) | Value::Broken(_) => Json::Null,
        Value::Boolean(b) => Json::Bool(*b),
        Value::Integer(i) => Json::from(*i),
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::from(&**text)),
        Value::Text(text) => Json::from(&**text),
        Value::List(nodes) => nodes.iter().map(as_json).collect(),
        Value::Mapping(mapping) => {
            let members = mapping.entries.iter().map(|e| (e.name.to_string(), as_json(&e.value)));
            Json::Object(members.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn show(kind: Kind, field: &str, text: &str) -> String {
        match cell(kind, field, text) {
            Ok(Cell { path, value }) => {
                format!("{} {}", path.join("."), value.map_or_else(|| "-".to_owned(), |v| v.to_string()))
            }
            Err(problem) => format!("{} {}", problem.code, problem.hint.as_deref().unwrap_or("-")),
        }
    }

    #[test]
    fn cells_are_typed_by_their_field() {
        use Kind::{Network, NetworkConnector, NetworkIpService, Setting, User, UserGroup};
        for (kind, field, text, shown) in [
            (Network, "egress", " TRUE ", "egress true"),
            (Network, "egress", "yes", "egress \"yes\""),
            (Network, "description", "12", "description \"12\""),
            (Network, "description", "", "description -"),
            (Network, "description", "\\N", "description null"),
            (Network, "description", "'=1+1", "description \"=1+1\""),
            (Network, "description", "'quoted'", "description \"'quoted'\""),
            (Network, "description", "''=1", "description \"'=1\""),
            (Network, "description", "[x", "description \"[x\""),
            (Network, "gatewaysIds", r"a | b\|c|d\\", r#"gateways ["a","b|c","d\\"]"#),
            (Network, "gateways", "[]", "gateways []"),
            (Network, "gateways", "[", "E002 -"),
            (Network, "routes", "10.0.0.0/8|10.1.0.0/16", r#"routes ["10.0.0.0/8","10.1.0.0/16"]"#),
            (Network, "atomic", "true", "atomic true"),
            (Network, "depends_on", "user/a", r#"depends_on ["user/a"]"#),
            (Network, "egres", "x", "E103 did you mean `egress`?"),
            (UserGroup, "max_device", "'-3", "max_device -3"),
            (UserGroup, "max_device", "99999999999999999999", "max_device 1e+20"),
            (UserGroup, "max_device", "3.5", "max_device \"3.5\""),
            (UserGroup, "regions", "all", "regions \"all\""),
            (UserGroup, "regions", "a|b", r#"regions ["a","b"]"#),
            (User, "group", "{\"id\": \"7\"}", "group {\"id\":\"7\"}"),
            (User, "group", "{x", "group \"{x\""),
            (NetworkConnector, "networkId", "n", "network \"n\""),
            (NetworkConnector, "ipsec.platform", "aws", "ipsec.platform \"aws\""),
            (
                NetworkConnector,
                "ipSecConfig.ikeProtocol.phase1.lifetimeSec",
                "3600",
                "ipsec.ike_protocol.phase1.lifetime_sec 3600",
            ),
            (NetworkConnector, "ipsec.platfrom", "aws", "E103 did you mean `platform`?"),
            (
                NetworkConnector,
                "ipsec.pre_shared_key",
                "{\"env\": \"X\"}",
                "ipsec.pre_shared_key {\"env\":\"X\"}",
            ),
            (NetworkIpService, "services", "https|tcp/80", r#"services ["https","tcp/80"]"#),
            (Setting, "wpc.snat", "true", "value true"),
            (Setting, "user.connection_timeout", "30", "value 30"),
            (Setting, "wpc.subnet.ipv4", "10.0.0.0/8", r#"value.ipv4 ["10.0.0.0/8"]"#),
            (Setting, "wpc.snatt", "true", "E103 did you mean `wpc.snat`?"),
        ] {
            assert_eq!(show(kind, field, text), shown, "{kind} {field} {text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lists_read_back(elements in prop::collection::vec(r"[a-c|\\\[']{1,4}", 1..4)) {
            let escaped = |e: &String| e.replace('\\', "\\\\").replace('|', "\\|");
            let text = elements.iter().map(escaped).collect::<Vec<_>>().join("|");
            prop_assume!(!text.starts_with('[') && text != "\\N");
            let read = cell(Kind::Network, "gateways", &text).unwrap();
            prop_assert_eq!(read.value, Some(json!(elements)));
        }
    }
}
