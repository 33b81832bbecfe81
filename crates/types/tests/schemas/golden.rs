//! Each golden parses, says nothing that its type does not know, and is written again as it was.

use super::{
    catalog::{self, Schema, Way},
    each_object, goldens,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Goldens that show fields of other versions, which the schema does not know.
const WITH_UNKNOWN_FIELDS: &[(&str, usize)] =
    &[("AuthCredentials", 1), ("HostIpServiceResponse", 1), ("PageDnsResolution", 1)];

/// Fields that hold JSON of any shape.
const ANY: &[&str] =
    &["content", "value", "oldValue", "newValue", "params", "initiatorAttributes", "errorDetails"];

fn rewrite(schema: &Schema, value: &Value) -> Result<Value, serde_json::Error> {
    (schema.rewrite)(&serde_json::to_vec(value).expect("a value can be written"))
}

#[test]
fn every_schema_has_goldens_and_they_survive() {
    let mut goldens = goldens();
    for schema in catalog::all() {
        let examples = goldens.remove(schema.name).unwrap_or_default();
        assert!(!examples.is_empty(), "{} has no golden", schema.name);
        for example in examples {
            assert_eq!(rewrite(schema, &example).expect(schema.name), example, "{}", schema.name);
        }
    }
    assert!(goldens.is_empty(), "goldens without a schema: {:?}", goldens.keys());
}

#[test]
fn the_goldens_of_a_schema_name_each_of_its_fields() {
    for (name, examples) in goldens() {
        let Some(fields) = (catalog::find(&name).fields)() else { continue };
        let known =
            examples.iter().enumerate().filter(|(i, _)| !WITH_UNKNOWN_FIELDS.contains(&(name.as_str(), *i)));
        let named: BTreeSet<_> =
            known.flat_map(|(_, e)| e.as_object().expect("an object").keys().cloned()).collect();
        assert_eq!(named.len(), fields, "{name}: {named:?}");
    }
}

/// Null for a field that is known is read as nothing, null for an unknown one would be kept: so this shows that no
/// name in a golden is unknown to its type, which would survive a round trip too.
#[test]
fn null_is_absent_and_no_field_of_a_golden_is_unknown() {
    for (name, examples) in goldens() {
        let schema = catalog::find(&name);
        if matches!(schema.way, Way::Sent | Way::Error) || name == "OAuthResponse" {
            continue;
        }
        for (i, mut example) in examples.into_iter().enumerate() {
            if WITH_UNKNOWN_FIELDS.contains(&(name.as_str(), i)) {
                continue;
            }
            let mut places = Vec::new();
            pointers(&example, "", &mut places);
            for place in places {
                let field = example.pointer_mut(&place).expect("the place is in the example");
                let kept = std::mem::take(field);
                let written = rewrite(schema, &example).unwrap_or_else(|e| panic!("{name}{place}: {e}"));
                assert_ne!(written.pointer(&place), Some(&Value::Null), "{name} does not know {place}");
                *example.pointer_mut(&place).expect("as above") = kept;
            }
        }
    }
}

/// The fields inside `value`, without those inside a field that holds JSON of any shape.
fn pointers(value: &Value, at: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                let place = format!("{at}/{name}");
                // In pages `content` is a list of items.
                if !ANY.contains(&name.as_str()) || (name == "content" && inner.is_array()) {
                    pointers(inner, &place, places);
                }
                places.push(place);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), places));
        }
        _ => {}
    }
}

#[test]
fn an_answer_may_lack_any_field() {
    for schema in catalog::all() {
        if !matches!(schema.way, Way::Sent) && schema.name != "OAuthResponse" {
            rewrite(schema, &json!({})).expect(schema.name);
        }
    }
    for (name, examples) in goldens() {
        let schema = catalog::find(&name);
        if matches!(schema.way, Way::Received | Way::Shared) {
            for mut example in examples {
                // Of everything that is in an object, only unknown fields are left.
                each_object(&mut example, &mut |object| object.retain(|_, v| v.is_array() || v.is_object()));
                rewrite(schema, &example).expect(&name);
            }
        }
    }
}

#[test]
fn unknown_fields_of_answers_survive_at_every_depth() {
    let future = json!({"list": [1, null, {"deep": false}], "text": "é\u{0}"});
    for (name, examples) in goldens() {
        let schema = catalog::find(&name);
        if !matches!(schema.way, Way::Received | Way::Shared | Way::Credentials) {
            continue;
        }
        for mut example in examples {
            each_object(&mut example, &mut |object| {
                object.insert("ofTheFuture".to_owned(), future.clone());
            });
            assert_eq!(rewrite(schema, &example).expect(&name), example, "{name}");
        }
    }
}

#[test]
fn a_request_writes_only_what_it_knows() {
    for (name, examples) in goldens() {
        let schema = catalog::find(&name);
        if matches!(schema.way, Way::Sent) {
            for example in examples {
                let mut more = example.clone();
                more.as_object_mut().expect("an object").insert("licensed".to_owned(), json!(true));
                assert_eq!(rewrite(schema, &more).expect(&name), example, "{name}");
            }
        }
    }
}
