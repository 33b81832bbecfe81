//! The wire schemas against golden JSON, and the laws that hold for all of them.
//!
//! `golden/*.json` hold examples of each schema by name, written from API section 6; together the examples of a schema
//! name each of its fields.

mod catalog;
mod golden;
mod laws;
mod secrets;
mod shapes;
mod updates;

use serde_json::{Map, Value};
use std::{collections::BTreeMap, fs, path::Path};

/// The examples of each schema, by name.
fn goldens() -> BTreeMap<String, Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is part of the sources") {
        let path = entry.expect("the folder can be read").path();
        let text = fs::read_to_string(&path).expect("the file can be read");
        let schemas: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).expect("the file is JSON");
        for (name, examples) in schemas {
            assert!(all.insert(name.clone(), examples).is_none(), "{name} is in two files");
        }
    }
    all
}

/// Calls `change` with each object inside `value`, itself included, the innermost first.
fn each_object(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|inner| each_object(inner, change));
            change(object);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        _ => {}
    }
}

/// Calls `change` with each text inside `value`.
fn each_text(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(object) => object.values_mut().for_each(|inner| each_text(inner, change)),
        _ => {}
    }
}
