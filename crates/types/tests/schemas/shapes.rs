//! The shapes of the schemas against the goldens: a shape knows each field, and lets each example pass.

use crate::{catalog, goldens};
use connexa_types::schema::{Shape, shape};
use serde_json::Value;
use std::collections::BTreeSet;

/// Whether `value` looks like `shape`; fields that the shape does not know may be there too.
fn fits(shape: Shape, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Any, _)
        | (Shape::Text | Shape::Secret | Shape::Words(..) | Shape::BooleanOrText, Value::String(_))
        | (Shape::Boolean | Shape::BooleanOrText, Value::Bool(_)) => true,
        (Shape::Integer32, Value::Number(number)) => {
            number.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
        }
        (Shape::Integer64, Value::Number(number)) => number.is_i64(),
        (Shape::List(element), Value::Array(list)) => list.iter().all(|value| fits(*element, value)),
        (Shape::MapOf(element), Value::Object(map)) => map.values().all(|value| fits(*element, value)),
        (Shape::Object(object), Value::Object(map)) => map.iter().all(|(name, value)| {
            let field = object.fields.iter().find(|field| field.name() == name.as_str());
            field.is_none_or(|field| value.is_null() || fits(field.shape, value))
        }),
        _ => false,
    }
}

#[test]
fn every_schema_has_a_shape_of_its_name_that_its_goldens_fit() {
    let goldens = goldens();
    for schema in catalog::all() {
        let found = shape(schema.name).unwrap_or_else(|| panic!("{} has no shape", schema.name));
        let Shape::Object(object) = found else { panic!("{} is no object", schema.name) };
        assert_eq!(object.name, schema.name);
        if let Some(fields) = (schema.fields)() {
            assert_eq!(object.fields.len(), fields, "{}", schema.name);
        }
        assert!(object.fields.iter().all(|field| !field.about.is_empty()), "{}", schema.name);
        for example in &goldens[schema.name] {
            assert!(fits(found, example), "{}: {example}", schema.name);
        }
        // Together the examples name each field, so that no shape has one too many.
        let named: BTreeSet<&str> = goldens[schema.name]
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .map(|(n, _)| n.as_str())
            .collect();
        for field in object.fields {
            assert!(named.contains(&*field.name()), "{}: {}", schema.name, field.name());
        }
    }
    assert_eq!(shape("Lamp"), None);
}

#[test]
fn what_a_request_cannot_lack_is_required() {
    let required = |name: &str| -> Vec<String> {
        let Some(Shape::Object(object)) = shape(name) else { panic!("{name} is no object") };
        object.fields.iter().filter(|f| f.required).map(|f| f.name().into_owned()).collect()
    };
    assert_eq!(required("NetworkCreateRequest"), ["name"]);
    assert_eq!(required("AccessGroupRequest"), ["name", "source", "destination"]);
    assert_eq!(required("NetworkResponse"), [] as [&str; 0]);
}
