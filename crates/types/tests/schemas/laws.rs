//! Laws over random values: texts are kept, and no value whatever brings a schema down.

use super::{
    catalog::{self, Schema, Way},
    each_text, goldens,
};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};
use std::{collections::BTreeSet, sync::LazyLock};

static GOLDENS: LazyLock<Vec<(&'static Schema, Value)>> = LazyLock::new(|| {
    let of = |(name, examples): (String, Vec<Value>)| {
        examples.into_iter().map(move |example| (catalog::find(&name), example))
    };
    goldens().into_iter().flat_map(of).collect()
});

/// Every name of a field in the goldens.
static FIELDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => object.iter().for_each(|(name, inner)| {
                names.insert(name.clone());
                collect(inner, names);
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    GOLDENS.iter().for_each(|(_, example)| collect(example, &mut names));
    names.into_iter().collect()
});

/// Any JSON, its fields named as those of the schemas more often than not.
fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<i16>().prop_map(|n| Number::from_f64(f64::from(n) / 4.0).expect("finite")),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number.prop_map(Value::Number),
        ".{0,8}".prop_map(Value::from),
    ];
    let name = prop_oneof![3 => prop::sample::select(FIELDS.clone()), 1 => ".{0,6}"];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The places of all values inside `value`, itself included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(object) => object.iter().for_each(|(name, inner)| {
            places(inner, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| places(item, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

/// Reading either fails, or comes to rest: what was written is read and written as it is.
fn reads_or_refuses(schema: &Schema, value: &Value) -> Result<(), TestCaseError> {
    if let Ok(written) = (schema.rewrite)(&serde_json::to_vec(value).expect("a value can be written")) {
        let again = (schema.rewrite)(&serde_json::to_vec(&written).expect("as above"));
        let again = again.map_err(|e| TestCaseError::fail(format!("{}: {e} in {written}", schema.name)))?;
        prop_assert_eq!(again, written, "{}", schema.name);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ids, addresses, times, secrets and, above all, enum values that nobody knows yet.
    #[test]
    fn every_text_survives(text in "[^\"]{0,3}[A-Z_]{1,12}") {
        for (schema, example) in GOLDENS.iter() {
            let mut changed = example.clone();
            each_text(&mut changed, &mut |inner| inner.clone_from(&text));
            let written = (schema.rewrite)(&serde_json::to_vec(&changed).expect("a value can be written"));
            prop_assert_eq!(written.expect(schema.name), changed, "{}", schema.name);
        }
    }

    #[test]
    fn no_value_brings_a_schema_down(value in any_json()) {
        for schema in catalog::all() {
            reads_or_refuses(schema, &value)?;
        }
    }

    #[test]
    fn no_damage_to_a_golden_brings_its_schema_down(place in any::<prop::sample::Index>(), value in any_json()) {
        for (schema, example) in GOLDENS.iter() {
            let mut found = Vec::new();
            places(example, "", &mut found);
            let mut damaged = example.clone();
            let place = &found[place.index(found.len())];
            *damaged.pointer_mut(place).expect("the place is in the example") = value.clone();
            reads_or_refuses(schema, &damaged)?;
        }
    }

    #[test]
    fn no_bytes_bring_a_schema_down(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for schema in catalog::all() {
            let _ = (schema.rewrite)(&bytes);
        }
    }
}

/// Requests and errors skip what they do not know, without a stack; answers would keep it, and refuse.
#[test]
fn no_depth_brings_a_schema_down() {
    let deep = format!(r#"{{"unheard": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for schema in catalog::all() {
        let read = (schema.rewrite)(deep.as_bytes());
        assert!(matches!(schema.way, Way::Sent | Way::Error) || read.is_err(), "{}", schema.name);
    }
}
