//! JSON values as values of expressions, and the evaluator's words as ours.

use cel::{ExecutionError, Value as Cel};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A JSON value as the evaluator takes it. Whole numbers are signed, so that they can be compared with literals.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Cel::Int(number),
            (None, Some(number), _) => Cel::UInt(number),
            (None, None, number) => Cel::Float(number.unwrap_or(f64::NAN)),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(list) => list.iter().map(to_cel).collect::<Vec<_>>().into(),
        Value::Object(map) => object(map),
    }
}

/// An object as a map of the evaluator.
pub(super) fn object(map: &Map<String, Value>) -> Cel {
    map.iter().map(|(name, value)| (name.clone(), to_cel(value))).collect::<HashMap<_, _>>().into()
}

/// The type of a value, as people say it.
pub(super) fn type_name(value: &Cel) -> &'static str {
    match value {
        Cel::List(_) => "a list",
        Cel::Map(_) => "a mapping",
        Cel::Function(..) => "a function",
        Cel::Int(_) | Cel::UInt(_) | Cel::Float(_) => "a number",
        Cel::String(_) => "a text",
        Cel::Bytes(_) => "bytes",
        Cel::Bool(_) => "a boolean",
        Cel::Null => "null",
        Cel::Opaque(_) | Cel::Struct(_) => "a value of another type",
    }
}

/// Why an evaluation failed, without the values of the object.
pub(super) fn explain(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(overload) => {
            let types = overload.argument_types().join(" and ");
            format!("{} is not for {types}", operator(overload.function()))
        }
        ExecutionError::ValuesNotComparable(left, right)
        | ExecutionError::UnsupportedBinaryOperator(_, left, right) => {
            format!("{} and {} do not go together", type_name(left), type_name(right))
        }
        ExecutionError::FunctionError { function, message } => format!("`{function}`: {}", plain(message)),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "a division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number is too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a place that the list does not have".to_owned(),
        other => plain(&other.to_string()),
    }
}

/// A function or operator as it is written.
fn operator(name: &str) -> String {
    let bare = name.trim_matches('_').trim_start_matches('@');
    format!("`{}`", if bare.is_empty() { name } else { bare })
}

/// A message of the parser in one line, its source's name left out.
pub(super) fn plain(message: &str) -> String {
    let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let first = first.trim_start_matches("Syntax error: ").trim_start_matches("ERROR: ");
    let mut shown: String = first.chars().filter(|c| !c.is_control()).take(200).collect();
    if shown.is_empty() {
        "the expression cannot be read".clone_into(&mut shown);
    }
    shown
}
