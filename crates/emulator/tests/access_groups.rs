//! Conformance of access groups (API sections 5.15 and 6.16; rows 25, 27, 29 and 51 of section 10).

mod kit;

use kit::{CONFLICT, ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

/// A tenant with something to name: a group, a network with an IP service of each type and an application, a host with
/// a service.
struct Things {
    kit: Kit,
    group: String,
    network: String,
    source: String,
    destination: String,
    application: String,
    host: String,
    host_service: String,
}

fn things() -> Things {
    let mut kit = Kit::new();
    let group = kit.created(
        "/user-groups",
        json!({"name": "g", "allRegionsIncluded": true, "maxDevice": 3, "connectAuth": "NO_AUTH", "internetAccess": "SPLIT_TUNNEL_ON"}),
    );
    let network = kit.created("/networks", json!({"name": "n", "routes": [{"value": "10.9.0.0/16"}]}));
    let service = |kit: &mut Kit, name: &str, kind: &str| {
        let body = json!({"name": name, "type": kind, "routes": [{"value": "10.9.1.0/24"}]});
        kit.created(&format!("/networks/ip-services?networkId={network}"), body)
    };
    let source = service(&mut kit, "s", "IP_SOURCE");
    let destination = service(&mut kit, "d", "SERVICE_DESTINATION");
    let application = kit.created(
        &format!("/networks/applications?networkId={network}"),
        json!({"name": "a", "routes": [{"value": "a.example"}]}),
    );
    let host = kit.created("/hosts", json!({"name": "h"}));
    let host_service = kit.created(&format!("/hosts/ip-services?hostId={host}"), json!({"name": "s"}));
    Things { kit, group, network, source, destination, application, host, host_service }
}

fn everything(kind: &str) -> Value {
    json!({"type": kind, "allCovered": true})
}

/// A group whose other side is everything.
fn with_source(item: &Value) -> Value {
    json!({"name": "x", "source": [item], "destination": [everything("USER_GROUP")]})
}

fn with_destination(item: &Value) -> Value {
    json!({"name": "x", "source": [everything("USER_GROUP")], "destination": [item]})
}

#[test]
fn an_access_group_lives_its_life() {
    let Things { mut kit, group, network, source, application, host, host_service, .. } = things();
    let answered_item = |kind: &str, all: bool, parent: Option<&str>, children: Value| {
        let mut item = json!({"type": kind, "allCovered": all});
        if let Some(parent) = parent {
            item["parent"] = json!(parent);
        }
        item["children"] = children;
        item
    };
    let sources = [
        answered_item("USER_GROUP", false, None, json!([group])),
        answered_item("NETWORK_SERVICE", false, Some(&network), json!([source])),
        answered_item("HOST", true, Some(&host), json!([])),
    ];
    let destinations = [
        answered_item("NETWORK_SERVICE", true, Some(&network), json!([])),
        answered_item("NETWORK_SERVICE", false, Some(&network), json!([application, source])),
        answered_item("HOST_SERVICE", false, Some(&host), json!([host_service])),
        answered_item("PUBLISHED_SERVICE", true, None, json!([])),
    ];
    let body = json!({"name": "x", "description": "", "source": sources, "destination": destinations});
    let created = kit.post("/access-groups", body);
    let id = created.is(201).id();
    let expected = json!({
        "id": id, "name": "x", "description": "", "defaultGroup": false, "source": sources, "destination": destinations,
    });
    assert_eq!(created.json, expected);
    let path = format!("/access-groups/{id}");
    assert_eq!(kit.get(&path).is(200).json, expected);
    let updated =
        kit.put(&path, json!({"name": "X", "source": [everything("HOST")], "destination": destinations}));
    assert_eq!(updated.is(200).json["source"], json!([answered_item("HOST", true, None, json!([]))]));
    assert_eq!(updated.json.get("description"), None);
    assert_eq!(kit.list("/access-groups").len(), 2);
    kit.delete(&path).is(204);
    kit.delete(&path).refused(&[("id", NOT_FOUND)]);
}

#[test]
fn the_default_group_stays() {
    let mut kit = Kit::new();
    let default = kit.list("/access-groups").remove(0);
    assert_eq!(default["defaultGroup"], true);
    let path = format!("/access-groups/{}", default["id"].as_str().unwrap());
    kit.delete(&path).refused(&[("id", CONFLICT)]);
    // It may be changed, and is still the default one.
    let body =
        json!({"name": "mine", "source": [everything("HOST")], "destination": [everything("HOST_SERVICE")]});
    assert_eq!(kit.put(&path, body).is(200).json["defaultGroup"], true);
    kit.delete(&path).refused(&[("id", CONFLICT)]);
}

#[test]
fn fields_are_checked_all_at_once() {
    let mut kit = Kit::new();
    kit.post("/access-groups", json!({})).refused(&[
        ("name", MISSING),
        ("source", MISSING),
        ("destination", MISSING),
    ]);
    kit.post("/access-groups", json!({"name": "", "source": [], "destination": {}})).refused(&[
        ("name", LENGTH),
        ("source", LENGTH),
        ("destination", FORMAT),
    ]);
    kit.post(
        "/access-groups",
        json!({
            "name": "x",
            "source": [{"type": "HOST_SERVICE"}, {"type": "USER_GROUP", "allCovered": "no", "children": ["nobody", 7]}],
            "destination": [{"type": "HOST", "allCovered": true}, {"allCovered": true, "children": "x", "parent": 1}],
        }),
    )
    .refused(&[
        ("source[0].type", ENUM),
        ("source[0].allCovered", MISSING),
        ("source[1].allCovered", FORMAT),
        ("source[1].children[0]", NOT_FOUND),
        ("source[1].children[1]", FORMAT),
        ("destination[0].type", ENUM),
        ("destination[1].type", MISSING),
        ("destination[1].children", FORMAT),
        ("destination[1].parent", FORMAT),
    ]);
    let taken = json!({
        "name": "DEFAULT full mesh access group", "source": [everything("HOST")],
        "destination": [{"type": "HOST_SERVICE", "allCovered": true, "parent": "nobody"}],
    });
    // The name comes before the references.
    kit.post("/access-groups", taken).refused(&[("name", CONFLICT)]);
    kit.put("/access-groups/nobody", json!({})).refused(&[("id", NOT_FOUND)]);
}

#[test]
fn items_name_what_exists_and_belongs_together() {
    let Things { mut kit, group, network, source, destination, application, host, host_service } = things();
    let other = kit.created("/networks", json!({"name": "other"}));
    let item = |kind: &str, parent: &str, child: &str| json!({"type": kind, "allCovered": false, "parent": parent, "children": [child]});
    let mut source_is = |item: Value, key: &str, code: &str| {
        kit.post("/access-groups", with_source(&item)).refused(&[(&format!("source[0].{key}"), code)]);
    };
    source_is(item("NETWORK_SERVICE", "nobody", &source), "parent", NOT_FOUND);
    source_is(item("NETWORK_SERVICE", &host, &source), "parent", NOT_FOUND);
    source_is(item("HOST", &network, &host_service), "parent", NOT_FOUND);
    source_is(item("NETWORK_SERVICE", &network, "nobody"), "children[0]", NOT_FOUND);
    source_is(item("NETWORK_SERVICE", &network, &group), "children[0]", NOT_FOUND);
    source_is(item("NETWORK_SERVICE", &other, &source), "children[0]", CONFLICT);
    source_is(item("NETWORK_SERVICE", &network, &destination), "children[0]", CONFLICT);
    source_is(item("NETWORK_SERVICE", &network, &application), "children[0]", CONFLICT);
    source_is(
        json!({"type": "NETWORK_SERVICE", "allCovered": false, "children": [source]}),
        "children[0]",
        CONFLICT,
    );
    let mut destination_is = |item: Value, key: &str, code: &str| {
        kit.post("/access-groups", with_destination(&item))
            .refused(&[(&format!("destination[0].{key}"), code)]);
    };
    destination_is(item("HOST_SERVICE", &host, &application), "children[0]", NOT_FOUND);
    destination_is(item("HOST_SERVICE", &network, &application), "parent", NOT_FOUND);
    destination_is(
        json!({"type": "PUBLISHED_SERVICE", "allCovered": false, "children": ["x"]}),
        "children[0]",
        NOT_FOUND,
    );
    assert_eq!(kit.list("/access-groups").len(), 1);
}

#[test]
fn items_are_added_and_removed_one_by_one() {
    let Things { mut kit, group, network, source, destination, host, .. } = things();
    let body =
        json!({"name": "x", "source": [everything("HOST")], "destination": [everything("HOST_SERVICE")]});
    let path = format!("/access-groups/{}", kit.created("/access-groups", body));
    let types = |answered: &kit::Answered, side: &str| -> Vec<String> {
        let items = answered.is(200).json[side].as_array().unwrap();
        items
            .iter()
            .map(|i| format!("{}{}", i["type"].as_str().unwrap(), i["children"].as_array().unwrap().len()))
            .collect()
    };
    let services =
        json!({"type": "NETWORK_SERVICE", "allCovered": false, "parent": network, "children": [source]});
    let added = kit.post(&format!("{path}/source"), services);
    assert_eq!(types(&added, "source"), ["HOST0", "NETWORK_SERVICE1"]);
    kit.post(&format!("{path}/source"), json!({"type": "HOST", "allCovered": true, "parent": host})).is(200);
    kit.post(
        &format!("{path}/source"),
        json!({"type": "USER_GROUP", "allCovered": false, "children": [group]}),
    )
    .is(200);
    let services = json!({"type": "NETWORK_SERVICE", "allCovered": false, "parent": network, "children": [source, destination]});
    kit.post(&format!("{path}/destination"), services).is(200);

    // Faults are named as in the item itself.
    kit.post(&format!("{path}/source"), json!({})).refused(&[("type", MISSING), ("allCovered", MISSING)]);
    kit.post(
        &format!("{path}/destination"),
        json!({"type": "USER_GROUP", "allCovered": false, "children": ["x"]}),
    )
    .refused(&[("children[0]", NOT_FOUND)]);
    kit.post(
        &format!("{path}/destination"),
        json!({"type": "HOST_SERVICE", "allCovered": true, "parent": network}),
    )
    .refused(&[("parent", NOT_FOUND)]);
    kit.post("/access-groups/nobody/source", json!({})).refused(&[("id", NOT_FOUND)]);
    kit.delete(&format!("{path}/source")).refused(&[("type", MISSING)]);
    kit.delete(&format!("{path}/source?type=HOST_SERVICE")).refused(&[("type", ENUM)]);
    kit.delete(&format!("{path}/destination?type=NETWORK")).refused(&[("type", ENUM)]);
    kit.delete("/access-groups/nobody/source?type=HOST").refused(&[("id", NOT_FOUND)]);

    // A child, then a type with a parent, then a whole type; what matches nothing changes nothing.
    let mut removed = |side: &str, query: String| {
        let answered = kit.delete(&format!("{path}/{side}?{query}"));
        types(&answered, side)
    };
    let child = |child: &str| format!("type=NETWORK_SERVICE&parentId={network}&childId={child}");
    assert_eq!(removed("destination", child(&source)), ["HOST_SERVICE0", "NETWORK_SERVICE1"]);
    assert_eq!(removed("destination", child(&destination)), ["HOST_SERVICE0"]);
    let all = ["HOST0", "NETWORK_SERVICE1", "HOST0", "USER_GROUP1"];
    assert_eq!(removed("source", "type=NETWORK".into()), all);
    assert_eq!(removed("source", format!("type=HOST&parentId={network}")), all);
    assert_eq!(
        removed("source", format!("type=HOST&parentId={host}")),
        ["HOST0", "NETWORK_SERVICE1", "USER_GROUP1"]
    );
    assert_eq!(removed("source", format!("type=USER_GROUP&childId={group}")), ["HOST0", "NETWORK_SERVICE1"]);
    assert_eq!(removed("source", "type=HOST".into()), ["NETWORK_SERVICE1"]);
    assert_eq!(removed("source", "type=NETWORK_SERVICE".into()), Vec::<String>::new());
}

#[test]
fn what_is_deleted_is_dropped_from_access_groups() {
    let Things { mut kit, group, network, source, destination, host, .. } = things();
    let body = json!({
        "name": "x",
        "source": [
            {"type": "USER_GROUP", "allCovered": false, "children": [group]},
            {"type": "NETWORK_SERVICE", "allCovered": false, "parent": network, "children": [source]},
        ],
        "destination": [
            {"type": "NETWORK_SERVICE", "allCovered": false, "parent": network, "children": [source, destination]},
            {"type": "HOST_SERVICE", "allCovered": true, "parent": host},
        ],
    });
    let path = format!("/access-groups/{}", kit.created("/access-groups", body));
    kit.delete(&format!("/networks/ip-services/{source}")).is(204);
    let read = kit.get(&path).json;
    assert_eq!(read["source"].as_array().unwrap().len(), 1);
    assert_eq!(read["destination"][0]["children"], json!([destination]));
    kit.delete(&format!("/user-groups/{group}")).is(204);
    kit.delete(&format!("/networks/{network}")).is(204);
    kit.delete(&format!("/hosts/{host}")).is(204);
    let read = kit.get(&path).json;
    assert_eq!((&read["source"], &read["destination"]), (&json!([]), &json!([])));
}
