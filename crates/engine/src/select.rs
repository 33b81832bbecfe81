//! Expressions that pick objects: CEL over the fields of spec section 5 (`--where`, `--prune KIND:EXPR`).
//!
//! [`Expression::parse`] compiles once, [`Expression::of_kind`] holds the names against a kind's fields before any call,
//! and [`Expression::matches`] asks of one object, given as an item of a spec (`export`). Each field is a variable; all of
//! them together are the variable `item`, so that `has(item.description)` can be asked.
//!
//! A field that an object does not have is neither this nor that: what is said of it is not so, whichever way it is said,
//! unless the rest of the expression decides alone.
//!
//! The parser is someone else's and has known panics on odd input: it works on a thread of its own, with bounds on length
//! and depth, and what it panics at is an expression that cannot be read.

mod names;
mod values;

use cel::{Context, Env, ExecutionError, Value as CelValue, common::ast::IdedExpr};
use connexa_types::Kind;
use serde_json::{Map, Value};
use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
};

/// The longest expression, in bytes.
const LONGEST: usize = 4096;
/// The deepest expression, in nested operators, calls and brackets. Evaluation goes down by recursion, on any thread.
const DEEPEST: usize = 64;
/// Stack of the thread that parses: enough for whatever fits into [`LONGEST`].
const STACK: usize = 64 << 20;
/// The variable that holds all fields.
const ITEM: &str = "item";

/// A compiled expression.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
    compiled: Arc<Compiled>,
}

struct Compiled {
    tree: IdedExpr,
    places: cel::common::ast::SourceInfo,
    env: Arc<Env>,
    /// Whether the expression asks for all fields as one.
    uses_item: bool,
}

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// In words.
    pub message: String,
    /// Where, as line and column from 1, if that is known.
    pub at: Option<(u32, u32)>,
    /// What could be done.
    pub hint: Option<String>,
    /// The expression.
    pub expression: String,
}

impl ParseError {
    /// The line in question with a mark below the place, for people.
    pub fn excerpt(&self) -> Option<String> {
        let (line, column) = self.at?;
        let text = self.expression.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let blank = " ".repeat(usize::try_from(column).ok()?.saturating_sub(1));
        Some(format!("{text}\n{blank}^"))
    }
}

/// Why an expression says nothing about an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// It has another value than true or false.
    #[error("`{expression}` comes to {found}, not to true or false")]
    NotBoolean {
        /// The expression.
        expression: String,
        /// What it comes to.
        found: &'static str,
    },
    /// It asks for what cannot be done with these values.
    #[error("`{expression}` cannot be worked out: {why}")]
    Failed {
        /// The expression.
        expression: String,
        /// Why, in the evaluator's words.
        why: String,
    },
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is no CEL, too long or too deep, or calls a function that there is not.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        let refused =
            |message: String| ParseError { message, at: None, hint: None, expression: source.to_owned() };
        if source.trim().is_empty() {
            return Err(ParseError {
                hint: Some("such as `name.startsWith(\"paris-\")`".to_owned()),
                ..refused("the expression is empty".to_owned())
            });
        }
        if source.len() > LONGEST {
            return Err(refused(format!(
                "the expression is {} bytes long, and at most {LONGEST} are read",
                source.len()
            )));
        }
        // Beside its panics, the parser recurses as deep as its input.
        let parsed = thread::scope(|scope| {
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, || parse(source))
                .map(thread::ScopedJoinHandle::join)
        });
        match parsed {
            Ok(Ok(Ok(compiled))) => {
                let expression = Self { source: source.into(), compiled: Arc::new(compiled) };
                names::check_functions(&expression)?;
                Ok(expression)
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_panic)) => Err(refused("the expression cannot be read".to_owned())),
            Err(error) => Err(refused(format!("the expression cannot be read: {error}"))),
        }
    }

    /// The expression for objects of a kind: its names are fields of the kind, and words that it compares them with are
    /// written as items show them.
    ///
    /// # Errors
    /// A name or a word that the kind does not have; the nearest one is in the hint.
    pub fn of_kind(&self, kind: Kind) -> Result<Self, ParseError> {
        names::of_kind(self, kind)
    }

    /// The expression for objects that have no kind of spec section 5 (sessions, log entries), by the names of their
    /// fields.
    ///
    /// # Errors
    /// A name that is none of them; the nearest one is in the hint.
    pub fn of_fields(&self, what: &str, fields: &[&str]) -> Result<Self, ParseError> {
        names::of_fields(self, what, fields)
    }

    /// Whether the expression is true of an object with these fields.
    ///
    /// # Errors
    /// It comes to no boolean, or asks for what cannot be done with a value.
    pub fn matches(&self, fields: &Map<String, Value>) -> Result<bool, EvalError> {
        let mut context = Context::with_env(Arc::clone(&self.compiled.env));
        for (name, value) in fields {
            context.add_variable_from_value(name.as_str(), values::to_cel(value));
        }
        if self.compiled.uses_item {
            context.add_variable_from_value(ITEM, values::object(fields));
        }
        let value =
            panic::catch_unwind(AssertUnwindSafe(|| CelValue::resolve(&self.compiled.tree, &context)));
        let failed = |why: String| EvalError::Failed { expression: self.source.to_string(), why };
        match value {
            Ok(Ok(CelValue::Bool(value))) => Ok(value),
            Ok(Ok(other)) => Err(EvalError::NotBoolean {
                expression: self.source.to_string(),
                found: values::type_name(&other),
            }),
            // Names were checked before: what is missing here is missing in this object.
            Ok(Err(ExecutionError::UndeclaredReference(_) | ExecutionError::NoSuchKey(_))) => Ok(false),
            Ok(Err(error)) => Err(failed(values::explain(&error))),
            Err(_panic) => Err(failed("the evaluator gave up".to_owned())),
        }
    }

    /// Whether the value of a field is asked for, be it among all of them.
    pub fn asks(&self, field: &str) -> bool {
        self.compiled.uses_item || names::uses(&self.compiled.tree, field)
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The error at a node of the tree.
    fn error_at(&self, node: u64, message: String, hint: Option<String>) -> ParseError {
        let offset = self.compiled.places.offset_for(node).map(|(start, _)| start as usize);
        let at = offset.map(|offset| {
            let mut before = self.source.chars().take(offset);
            let (mut line, mut column) = (1, 1);
            for c in before.by_ref() {
                (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
            (line, column)
        });
        ParseError { message, at, hint, expression: self.source.to_string() }
    }
}

fn parse(source: &str) -> Result<Compiled, ParseError> {
    let refused = |message: String, at| ParseError { message, at, hint: None, expression: source.to_owned() };
    let mut env = Env::stdlib();
    cel::extensions::strings(&mut env)
        .map_err(|error| refused(format!("the functions of texts cannot be had: {error}"), None))?;
    let (tree, places) = env.parser().parse_with_source_info(source).map_err(|errors| {
        let Some(first) = errors.errors.into_iter().next() else {
            return refused("the expression cannot be read".to_owned(), None);
        };
        let place = |n: isize| u32::try_from(n).ok().filter(|n| *n > 0);
        let at = place(first.pos.0).zip(place(first.pos.1));
        let hint = (first.msg.contains("has() macro") || first.msg.contains("has()"))
            .then(|| "whether a field is there is asked as `has(item.description)`".to_owned());
        ParseError { hint, ..refused(values::plain(&first.msg), at) }
    })?;
    if names::depth(&tree) > DEEPEST {
        return Err(refused(format!("the expression is nested deeper than {DEEPEST} levels"), None));
    }
    let uses_item = names::uses(&tree, ITEM);
    Ok(Compiled { tree, places, env: Arc::new(env), uses_item })
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// Expressions are equal where they are written equally.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

#[cfg(test)]
mod tests;
