//! Names in expressions: functions that there are, fields that a kind has, words that a field can hold.

use super::{Expression, ITEM, ParseError};
use crate::{
    catalog::{self, Definition, Field, FieldType},
    plan,
};
use cel::common::{
    ast::{CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators},
    types::CelString,
};
use connexa_types::Kind;
use std::sync::Arc;

/// The functions that may be called, beside operators and macros.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
    "dyn",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
    "split",
    "substring",
    "reverse",
];

/// Macros, for the nearest name.
const MACROS: &[&str] = &["has", "all", "exists", "exists_one", "map", "filter"];

/// Names that are no variables: types of the language.
const TYPES: &[&str] =
    &["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type", "dyn"];

/// Calls a function on each node directly below a node.
fn for_each_below<'a>(node: &'a IdedExpr, visit: &mut dyn FnMut(&'a IdedExpr)) {
    match &node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(visit),
        Expr::Comprehension(c) => {
            [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result].into_iter().for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => entries(&map.entries).for_each(visit),
        Expr::Struct(of) => entries(&of.entries).for_each(visit),
        Expr::Select(select) => visit(&select.operand),
    }
}

fn entries(entries: &[cel::common::ast::IdedEntryExpr]) -> impl Iterator<Item = &IdedExpr> {
    entries.iter().flat_map(|entry| match &entry.expr {
        EntryExpr::StructField(field) => [None, Some(&field.value)].into_iter().flatten(),
        EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)].into_iter().flatten(),
    })
}

/// How deep a tree is.
pub(super) fn depth(node: &IdedExpr) -> usize {
    let mut deepest = 0;
    for_each_below(node, &mut |below| deepest = deepest.max(depth(below)));
    deepest + 1
}

/// Whether a tree names a variable.
pub(super) fn uses(node: &IdedExpr, name: &str) -> bool {
    let mut found = matches!(&node.expr, Expr::Ident(ident) if ident == name);
    for_each_below(node, &mut |below| found = found || uses(below, name));
    found
}

/// Refuses functions that there are not: one that is missing when an object is looked at would look like a missing field.
pub(super) fn check_functions(expression: &Expression) -> Result<(), ParseError> {
    fn walk(expression: &Expression, node: &IdedExpr) -> Result<(), ParseError> {
        if let Expr::Call(call) = &node.expr {
            let name = call.func_name.as_str();
            // Operators have names that nobody can write.
            let written = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !(name.starts_with('_') || name.ends_with('_'));
            if written && !FUNCTIONS.contains(&name) {
                let message = if MACROS.contains(&name) {
                    format!("`{name}` is not called like that")
                } else {
                    format!("there is no function `{name}`")
                };
                let known = FUNCTIONS.iter().chain(MACROS).copied();
                let hint = plan::nearest::nearest(name, known.map(|name| (name, name)))
                    .filter(|near| *near != name)
                    .map(|near| format!("did you mean `{near}`?"));
                return Err(expression.error_at(node.id, message, hint));
            }
        }
        let mut result = Ok(());
        for_each_below(node, &mut |below| {
            if result.is_ok() {
                result = walk(expression, below);
            }
        });
        result
    }
    walk(expression, &expression.compiled.tree)
}

/// Holds the names against the fields of a kind; writes its words as items show them.
pub(super) fn of_kind(expression: &Expression, kind: Kind) -> Result<Expression, ParseError> {
    let definition = catalog::definition(kind);
    let known = Known::of(definition);
    let checker = Checker { expression, what: format!("a {}", kind.singular().replace('_', " ")), known };
    checker.check(&expression.compiled.tree, &mut Vec::new())?;
    let mut tree = expression.compiled.tree.clone();
    rewrite(expression, definition, &mut tree)?;
    let compiled = super::Compiled {
        tree,
        places: copy(expression),
        env: Arc::clone(&expression.compiled.env),
        uses_item: expression.compiled.uses_item,
    };
    Ok(Expression { source: Arc::clone(&expression.source), compiled: Arc::new(compiled) })
}

/// Holds the names against names of fields.
pub(super) fn of_fields(
    expression: &Expression,
    what: &str,
    fields: &[&str],
) -> Result<Expression, ParseError> {
    let known = Known { names: fields.iter().map(|name| (*name).to_owned()).collect(), fields: &[] };
    let checker = Checker { expression, what: what.to_owned(), known };
    checker.check(&expression.compiled.tree, &mut Vec::new())?;
    Ok(expression.clone())
}

/// The places of the nodes; the type that holds them is no `Clone`.
fn copy(expression: &Expression) -> cel::common::ast::SourceInfo {
    fn walk(node: &IdedExpr, from: &cel::common::ast::SourceInfo, to: &mut cel::common::ast::SourceInfo) {
        if let Some((start, stop)) = from.offset_for(node.id) {
            to.add_offset(node.id, start, stop);
        }
        for_each_below(node, &mut |below| walk(below, from, to));
    }
    let mut places = cel::common::ast::SourceInfo::default();
    walk(&expression.compiled.tree, &expression.compiled.places, &mut places);
    places.source = expression.source.to_string();
    places
}

/// Names that an object of a kind can have.
struct Known {
    names: Vec<String>,
    fields: &'static [Field],
}

impl Known {
    fn of(definition: &'static Definition) -> Self {
        let response_only = definition.response_only.iter().filter(|name| !name.contains('/'));
        let names = std::iter::once("id".to_owned())
            .chain(definition.parent_names.iter().take(1).map(|name| (*name).to_owned()))
            .chain(definition.fields.iter().map(|field| field.name.to_owned()))
            .chain(response_only.map(|name| catalog::snake(name)))
            // A setting has one more, of the type that its path says.
            .chain((definition.kind == Kind::Setting).then(|| "value".to_owned()))
            .collect();
        Self { names, fields: definition.fields }
    }
}

struct Checker<'a> {
    expression: &'a Expression,
    what: String,
    known: Known,
}

impl Checker<'_> {
    /// Holds the names below a node against those that are known; `bound` are variables of comprehensions around it.
    fn check<'n>(&self, node: &'n IdedExpr, bound: &mut Vec<&'n str>) -> Result<(), ParseError> {
        match &node.expr {
            Expr::Ident(name) => {
                let own = name.starts_with('@') || TYPES.contains(&name.as_str()) || name == ITEM;
                if own || bound.contains(&name.as_str()) {
                    return Ok(());
                }
                self.field(node, name.trim_start_matches('.'))
            }
            Expr::Select(select) => {
                match &select.operand.expr {
                    // A leaf of `item` is a field.
                    Expr::Ident(name) if name == ITEM && !bound.contains(&ITEM) => {
                        return self.field(&select.operand, &select.field);
                    }
                    Expr::Ident(name) if !bound.contains(&name.as_str()) => {
                        self.field(&select.operand, name)?;
                        return self.leaf(&select.operand, name, &select.field);
                    }
                    _ => {}
                }
                self.check(&select.operand, bound)
            }
            Expr::Comprehension(c) => {
                self.check(&c.iter_range, bound)?;
                self.check(&c.accu_init, bound)?;
                let outer = bound.len();
                bound.push(&c.iter_var);
                bound.extend(c.iter_var2.as_deref());
                bound.push(&c.accu_var);
                let inner = [&c.loop_cond, &c.loop_step, &c.result];
                let result = inner.into_iter().try_for_each(|node| self.check(node, bound));
                bound.truncate(outer);
                result
            }
            _ => {
                let mut below = Vec::new();
                for_each_below(node, &mut |node| below.push(node));
                below.into_iter().try_for_each(|node| self.check(node, bound))
            }
        }
    }

    fn field(&self, node: &IdedExpr, name: &str) -> Result<(), ParseError> {
        if self.known.names.iter().any(|known| known == name) {
            return Ok(());
        }
        self.unknown(node, name, self.known.names.iter().map(String::as_str))
    }

    /// A leaf of an object field whose leaves are known.
    fn leaf(&self, node: &IdedExpr, field: &str, leaf: &str) -> Result<(), ParseError> {
        let found = self.known.fields.iter().find(|known| known.name == field).map(|known| known.ty);
        match found {
            Some(FieldType::Object(leaves)) if leaves.iter().all(|known| known.name != leaf) => {
                self.unknown(node, leaf, leaves.iter().map(|known| known.name))
            }
            _ => Ok(()),
        }
    }

    fn unknown<'k>(
        &self,
        node: &IdedExpr,
        name: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) -> Result<(), ParseError> {
        let near = plan::nearest::nearest(name, known.clone().map(|known| (known, known)));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its fields are {}", known.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("{} has no field `{name}`", self.what);
        Err(self.expression.error_at(node.id, message, Some(hint)))
    }
}

/// The field that a node names, if it names one of the kind.
enum Named {
    /// A field with a fixed list of words.
    Words(&'static [&'static str]),
    /// What the service alone sets: its words are not in the tables.
    ResponseOnly,
}

fn named(definition: &'static Definition, node: &IdedExpr) -> Option<Named> {
    fn field(definition: &'static Definition, node: &IdedExpr) -> Option<&'static Field> {
        match &node.expr {
            Expr::Ident(name) => definition.field(name),
            Expr::Select(select) if !select.test => match &select.operand.expr {
                Expr::Ident(name) if name == ITEM => definition.field(&select.field),
                _ => match field(definition, &select.operand)?.ty {
                    FieldType::Object(leaves) => leaves.iter().find(|leaf| leaf.name == select.field),
                    _ => None,
                },
            },
            _ => None,
        }
    }
    if let Some(field) = field(definition, node) {
        return match field.ty {
            FieldType::Enum(words) | FieldType::EnumSet(words) => Some(Named::Words(words)),
            _ => None,
        };
    }
    let name = match &node.expr {
        Expr::Ident(name) => name,
        Expr::Select(select) if matches!(&select.operand.expr, Expr::Ident(item) if item == ITEM) => {
            &select.field
        }
        _ => return None,
    };
    let known = |api: &&&str| !api.contains('/') && catalog::snake(api) == *name;
    definition.response_only.iter().find(known).map(|_| Named::ResponseOnly)
}

/// Writes the words that fields are compared with as items show them: `"SPLIT_TUNNEL_ON"` too means `split_tunnel_on`.
fn rewrite(
    expression: &Expression,
    definition: &'static Definition,
    node: &mut IdedExpr,
) -> Result<(), ParseError> {
    match &mut node.expr {
        Expr::Call(call) => {
            compared(expression, definition, call)?;
            let below = call.target.as_deref_mut().into_iter().chain(&mut call.args);
            below.into_iter().try_for_each(|node| rewrite(expression, definition, node))
        }
        // A variable of a comprehension may have the name of a field, and is not compared as one.
        Expr::Comprehension(_)
        | Expr::Unspecified
        | Expr::Ident(_)
        | Expr::Literal(_)
        | Expr::List(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_) => Ok(()),
    }
}

fn compared(
    expression: &Expression,
    definition: &'static Definition,
    call: &mut CallExpr,
) -> Result<(), ParseError> {
    let equality = matches!(call.func_name.as_str(), operators::EQUALS | operators::NOT_EQUALS);
    if !(equality || call.func_name == operators::IN) || call.args.len() != 2 {
        return Ok(());
    }
    let (left, right) = call.args.split_at_mut(1);
    let (left, right) = (&mut left[0], &mut right[0]);
    if let Some(named) = named(definition, left) {
        return words(expression, &named, right);
    }
    // `"a" in field` and `"a" == field`.
    named(definition, right).map_or(Ok(()), |named| words(expression, &named, left))
}

fn words(expression: &Expression, named: &Named, node: &mut IdedExpr) -> Result<(), ParseError> {
    let id = node.id;
    match &mut node.expr {
        Expr::List(ListExpr { elements, .. }) => {
            elements.iter_mut().try_for_each(|element| words(expression, named, element))
        }
        Expr::Literal(LiteralValue::String(text)) => {
            let word = text.inner().to_owned();
            let shown = match named {
                Named::ResponseOnly => word.to_uppercase(),
                Named::Words(known) => {
                    let folded = word.to_lowercase();
                    let is_known = known.iter().any(|known| known.to_lowercase() == folded);
                    if !(is_known || word.starts_with("raw:")) {
                        let list: Vec<String> = known.iter().map(|known| known.to_lowercase()).collect();
                        let message = format!("`{word}` is none of the field's values");
                        let hint = format!("it is one of {}", list.join(", "));
                        return Err(expression.error_at(id, message, Some(hint)));
                    }
                    if is_known { folded } else { word }
                }
            };
            *text = CelString::from(shown);
            Ok(())
        }
        _ => Ok(()),
    }
}
