//! The table is whole, and each row fits the reference's own table.

use super::*;
use connexa_types::{AnswerShape, Class, Endpoint};
use std::collections::BTreeSet;

/// Endpoint, shape of the answer, name of its type.
pub(crate) type Row = (Endpoint, &'static str, fn() -> &'static str);

fn rows() -> impl Iterator<Item = Row> {
    [
        oauth::TABLE,
        networks::TABLE,
        network_connectors::TABLE,
        network_routes::TABLE,
        network_applications::TABLE,
        network_ip_services::TABLE,
        hosts::TABLE,
        host_connectors::TABLE,
        host_applications::TABLE,
        host_ip_services::TABLE,
        users::TABLE,
        user_groups::TABLE,
        devices::TABLE,
        device_postures::TABLE,
        access_groups::TABLE,
        location_contexts::TABLE,
        dns_records::TABLE,
        sessions::TABLE,
        audit_log::TABLE,
        dns_log::TABLE,
        access_visibility::TABLE,
        regions::TABLE,
        account::TABLE,
        cybershield::TABLE,
        settings::TABLE,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// `alloc::vec::Vec<a::b::C>` as the reference writes it.
fn schema(type_name: &str) -> String {
    let short = |name: &str| name.rsplit("::").next().unwrap_or(name).to_owned();
    if let Some(item) = type_name.split("Page<").nth(1) {
        return format!("Page{}", short(item.trim_end_matches('>')));
    }
    if let Some(item) = type_name.split("Vec<").nth(1) {
        let item = short(item.trim_end_matches('>'));
        return format!("array of {}", if item == "String" { "string".to_owned() } else { item });
    }
    let inner = type_name.split("Option<").last().unwrap_or(type_name).trim_end_matches('>');
    match short(inner).as_str() {
        "bool" => "boolean".to_owned(),
        "i32" => "int32".to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn each_of_the_163_operations_has_one_function() {
    let built: Vec<_> = rows().map(|(endpoint, ..)| endpoint).collect();
    assert_eq!(built.len(), 163);
    let distinct: BTreeSet<_> = built.into_iter().collect();
    assert_eq!(distinct, Endpoint::ALL.iter().copied().collect());
}

#[test]
fn each_answer_has_the_shape_and_schema_of_the_reference() {
    for (endpoint, shape, type_name) in rows() {
        let found = (shape, schema(type_name()));
        let expected = match endpoint.info().answer {
            AnswerShape::Empty => ("empty", "()"),
            AnswerShape::Json(schema) | AnswerShape::MaybeJson(schema) => ("json", schema),
            AnswerShape::SecretJson(schema) => ("secret_json", schema),
            AnswerShape::SecretText => ("secret", "SecretValue"),
            // Which enum or id a text is, the reference says in words.
            AnswerShape::Text => ("text", found.1.as_str()),
        };
        assert_eq!((found.0, found.1.as_str()), expected, "{endpoint}");
        assert_eq!(
            type_name().contains("Option<"),
            matches!(
                endpoint.info().answer,
                AnswerShape::MaybeJson(_) | AnswerShape::Json("GenericResponseVoid")
            ),
            "{endpoint}"
        );
    }
}

/// Calls that between them use every role.
#[test]
fn arguments_land_where_the_reference_wants_them() {
    let page = PageRequest { page: 2, size: 50 };
    let call = network_routes::list(page, Some(&"n1".into())).call;
    assert_eq!(call.query, [("page", "2"), ("size", "50"), ("networkId", "n1")].map(owned));
    assert_eq!(call.class(), Class::Read);

    let call = devices::profile(&"d".into(), &"u".into(), &"it-mxp".into()).call;
    assert_eq!(call.path_args, ["d"]);
    assert_eq!(call.query, [("userId", "u"), ("regionId", "it-mxp")].map(owned));

    let start = "2022-11-08T14:53:43Z".parse().unwrap();
    let call = sessions::list(Some(start), None, None, Some(true), CursorRequest::default()).call;
    let expected = [("startDate", "2022-11-08T14:53:43Z"), ("returnOnlyNew", "true"), ("size", "100")];
    assert_eq!(call.query, expected.map(owned));

    let call = settings::set_wpc_topology(&connexa_types::schema::Topology::Custom).call;
    assert_eq!(call.body, Some(connexa_types::CallBody::Text("CUSTOM".to_owned())));
    let call = settings::set_wpc_snat(true).call;
    assert_eq!(call.body, Some(connexa_types::CallBody::Json(true.into())));
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
