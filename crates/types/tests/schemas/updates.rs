//! The update that changes nothing: what is sent for what was read. `updates.json` says it for each kind with a PUT.

use super::each_text;
use connexa_types::{body, schema::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value};
use std::collections::{BTreeMap, BTreeSet};

type Update = fn(Value) -> Value;

fn update<Response, Request>(read: Value) -> Value
where
    Response: DeserializeOwned,
    Request: Serialize + for<'a> From<&'a Response>,
{
    let response: Response = from_value(read).expect("the answer can be read");
    body::to_value(&Request::from(&response)).expect("the update can be written")
}

/// Each kind that has a PUT.
const UPDATES: &[(&str, &str, Update)] = &[
    ("NetworkResponse", "NetworkUpdateRequest", update::<NetworkResponse, NetworkUpdateRequest>),
    (
        "NetworkConnectorResponse",
        "NetworkConnectorRequest",
        update::<NetworkConnectorResponse, NetworkConnectorRequest>,
    ),
    ("NetworkRouteResponse", "NetworkRouteRequest", update::<NetworkRouteResponse, NetworkRouteRequest>),
    (
        "NetworkApplicationResponse",
        "NetworkApplicationRequest",
        update::<NetworkApplicationResponse, NetworkApplicationRequest>,
    ),
    (
        "NetworkIpServiceResponse",
        "NetworkIpServiceRequest",
        update::<NetworkIpServiceResponse, NetworkIpServiceRequest>,
    ),
    ("HostResponse", "HostUpdateRequest", update::<HostResponse, HostUpdateRequest>),
    ("HostConnectorResponse", "HostConnectorRequest", update::<HostConnectorResponse, HostConnectorRequest>),
    (
        "HostApplicationResponse",
        "HostApplicationRequest",
        update::<HostApplicationResponse, HostApplicationRequest>,
    ),
    ("HostIpServiceResponse", "HostIpServiceRequest", update::<HostIpServiceResponse, HostIpServiceRequest>),
    ("UserResponse", "UserUpdateRequest", update::<UserResponse, UserUpdateRequest>),
    ("UserGroupResponse", "UserGroupRequest", update::<UserGroupResponse, UserGroupRequest>),
    ("DeviceResponse", "DeviceRequest", update::<DeviceResponse, DeviceRequest>),
    ("DevicePostureResponse", "DevicePostureRequest", update::<DevicePostureResponse, DevicePostureRequest>),
    ("AccessGroupResponse", "AccessGroupRequest", update::<AccessGroupResponse, AccessGroupRequest>),
    (
        "LocationContextResponse",
        "LocationContextRequest",
        update::<LocationContextResponse, LocationContextRequest>,
    ),
    ("DnsRecordResponse", "DnsRecordRequest", update::<DnsRecordResponse, DnsRecordRequest>),
];

#[derive(serde::Deserialize)]
struct Example {
    read: BTreeMap<String, Value>,
    sent: BTreeMap<String, Value>,
}

/// The examples: conversion, what was read, what is sent.
fn examples() -> Vec<(String, Update, Value, Value)> {
    let examples: Vec<Example> =
        serde_json::from_str(include_str!("updates.json")).expect("the file is JSON");
    let of = |example: Example| {
        let (from, read) = example.read.into_iter().next().expect("one schema");
        let (to, sent) = example.sent.into_iter().next().expect("one schema");
        let found = UPDATES.iter().find(|(f, t, _)| *f == from && *t == to).expect("a kind with a PUT");
        (from, found.2, read, sent)
    };
    examples.into_iter().map(of).collect()
}

#[test]
fn what_was_read_is_sent_back() {
    for (name, update, read, sent) in examples() {
        assert_eq!(update(read), sent, "{name}");
    }
    let shown: BTreeSet<_> = examples().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(shown.len(), UPDATES.len(), "an example for each kind");
}

/// With another text in every place, the update holds those texts in the same places, the values of enums included.
#[test]
fn an_update_carries_values_that_nobody_knows_yet() {
    let mark = |text: &mut String| {
        // An empty text means something else than a filled one.
        if !text.is_empty() {
            text.push('~');
        }
    };
    for (name, update, mut read, mut sent) in examples() {
        each_text(&mut read, &mut |text| mark(text));
        each_text(&mut sent, &mut |text| mark(text));
        assert_eq!(update(read), sent, "{name}");
    }
}

/// Settings are read and sent in one form: nothing is lost on the way.
#[test]
fn settings_keep_what_they_do_not_know() {
    let read =
        serde_json::json!({"zones": [{"name": "corp.example", "addresses": [], "ttl": 60}], "order": [1]});
    let zones: DnsZones = from_value(read.clone()).expect("the answer can be read");
    assert_eq!(body::to_value(&zones).expect("the update can be written"), read);
}

#[test]
fn the_default_access_group_is_known_in_both_forms() {
    let group = |mark: Value| -> AccessGroupResponse {
        from_value(serde_json::json!({"id": "ag-1", "defaultGroup": mark})).expect("the answer can be read")
    };
    assert!(group(Value::from(true)).is_default() && group(Value::from("True")).is_default());
    assert!(!group(Value::from(false)).is_default() && !group(Value::from("false")).is_default());
    assert!(!group(Value::Null).is_default());
}
