//! What only a new object can be: fixed fields, renames of fixed keys, moved children; names that change places.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod plan_support;

use connexa_engine::{
    desired::{AccessItem, FieldValue, Parent},
    key::KeyPart,
    plan::{Mode, Plan, PlanOptions, Planning, Wants, plan},
    problem::Code,
};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, actions, apply, by_name, call, gateways, group, ready, refused, value};
use serde_json::{Value, json};

fn network(id: &str, name: &str, routes: &[&str]) -> Value {
    let routes: Vec<Value> = routes
        .iter()
        .map(|subnet| json!({"id": format!("{id}-{subnet}"), "subnet": subnet, "description": "old"}))
        .collect();
    json!({"id": id, "name": name, "egress": true, "routes": routes, "connectors": []})
}

fn calls(plan: &Plan) -> Value {
    (0..plan.operations.len()).map(|index| call(plan, index)).collect()
}

fn renamed(spec: &mut Spec, item: usize, old: &str) {
    let kind = *spec.0.items[item].kind.as_ref().unwrap();
    spec.0.items[item].renamed_from = Some(KeyPart::new(old, connexa_engine::catalog::definition(kind).key));
}

#[test]
fn a_renamed_user_is_another_user_with_the_same_devices() {
    let user = json!({
        "id": "u1", "username": "grace.murray", "email": "grace@example.com", "firstName": "Grace", "lastName": "",
        "groupId": "g1", "secondaryGroupIds": ["g2"], "role": "MEMBER", "authType": "INTERNAL",
        "devices": [
            {"id": "d1", "name": "laptop", "description": "hers"},
            {"id": "d2", "name": "phone", "description": ""},
        ],
    });
    let tenant = Tenant::default()
        .with(Kind::UserGroup, json!({"id": "g1", "name": "a", "maxDevice": 5}))
        .with(Kind::UserGroup, json!({"id": "g2", "name": "b"}))
        .with(Kind::User, user);
    let mut spec = Spec::default();
    let grace = spec.top(Kind::User, "grace.hopper", [("group", group("a")), ("last_name", value("Hopper"))]);
    renamed(&mut spec, grace, "Grace.Murray");
    spec.child(Kind::Device, grace, "phone", [("description", value("new"))]);
    spec.child(Kind::Device, grace, "tablet", []);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["replace", "replace", "create", "replace"]);
    assert_eq!(
        calls(&plan),
        json!([
            {
                "id": "op-1", "call": "POST /users",
                "carries": [[0, ""], [1, "/devices/0"], [2, "/devices/1"], [3, "/devices/2"]],
                "body": {
                    "username": "grace.hopper", "email": "grace@example.com", "firstName": "Grace", "lastName": "Hopper",
                    "groupId": "g1", "secondaryGroupIds": ["g2"], "role": "MEMBER",
                    "devices": [
                        {"name": "phone", "description": "new"}, {"name": "tablet"},
                        {"name": "laptop", "description": "hers"},
                    ],
                },
            },
            {
                "id": "op-2", "call": "DELETE /users/{id}", "args": ["u1"], "needs": [0],
                "carries": [[0, ""], [1, ""], [3, ""]],
            },
        ])
    );
    assert_eq!(plan.changes[0].fields["username"], [json!("grace.murray"), json!("grace.hopper")]);
    assert!(plan.changes[0].notice.as_ref().unwrap().ends_with("mailed to grace@example.com"));
    assert_eq!(plan.changes[3].key, "grace.murray/laptop");
    let mut after = tenant.clone();
    after.carry_out(&plan);
    assert!(ready(&spec, &after, &apply()).is_empty(), "renamed already");
}

#[test]
fn renames_follow_the_old_name_once() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "old", &["10.1.0.0/16"]))
        .with(Kind::Network, network("n2", "both", &[]))
        .with(Kind::Network, network("n3", "two", &[]))
        .with(Kind::Network, network("n4", "Case", &[]));
    let mut spec = Spec::default();
    let new = spec.top(Kind::Network, "new", []);
    renamed(&mut spec, new, "OLD");
    spec.child(Kind::NetworkRoute, new, "10.1.0.0/16", []);
    let nothing = spec.top(Kind::Network, "fresh", []);
    renamed(&mut spec, nothing, "never");
    let done = spec.top(Kind::Network, "two", []);
    renamed(&mut spec, done, "one");
    let written = spec.top(Kind::Network, "CASE", []);
    renamed(&mut spec, written, "case");
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["update", "no-op", "create", "no-op", "update"]);
    assert_eq!(plan.changes[0].fields["name"], [json!("old"), json!("new")]);
    assert_eq!(call(&plan, 0)["args"], json!(["n1"]));
    assert_eq!(plan.changes[4].fields["name"], [json!("Case"), json!("CASE")]);
    assert_eq!(plan.problems.iter().map(|p| p.code).collect::<Vec<_>>(), [Code::warning(508)]);
    let clash = spec.top(Kind::Network, "both", []);
    renamed(&mut spec, clash, "two");
    spec.0.items.remove(done);
    assert_eq!(refused(&spec, &tenant), ["W508 renamed_from", "E504 renamed_from"]);
}

#[test]
fn routes_whose_networks_overlap_go_first() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &["10.1.0.0/16", "10.5.0.0/16"]))
        .with(Kind::Network, network("n2", "rome", &["10.9.0.0/16"]));
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", []);
    let wider = spec.child(Kind::NetworkRoute, paris, "10.0.0.0/15", []);
    renamed(&mut spec, wider, "10.1.0.0/16");
    let apart = spec.child(Kind::NetworkRoute, paris, "10.6.0.0/16", [("description", value("new"))]);
    renamed(&mut spec, apart, "10.5.0.0/16");
    // From rome to paris.
    let moved = spec.child(Kind::NetworkRoute, paris, "10.9.0.0/16", []);
    spec.pin(moved, "n2-10.9.0.0/16", false);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["no-op", "replace", "replace", "replace"]);
    let of = |change: usize| -> Vec<(&str, Vec<usize>)> {
        let own = plan.operations.iter().filter(|o| o.carries[0].change == change);
        own.map(|o| (o.call.endpoint.info().method.as_str(), o.needs.clone())).collect()
    };
    for change in [1, 3] {
        let own = of(change);
        assert_eq!((own[0].0, own[1].0), ("DELETE", "POST"), "{change}");
        assert_eq!(own[1].1.len(), 1);
    }
    assert_eq!(of(2).iter().map(|own| own.0).collect::<Vec<_>>(), ["POST", "DELETE"]);
    // What the item does not own is carried over.
    let bodies: Vec<Value> = calls(&plan).as_array().unwrap().iter().map(|c| c["body"].clone()).collect();
    assert!(bodies.contains(&json!({"value": "10.0.0.0/15", "description": "old"})), "{bodies:?}");
    assert!(bodies.contains(&json!({"value": "10.6.0.0/16", "description": "new"})));
    let mut after = tenant.clone();
    after.carry_out(&plan);
    assert_eq!(after.lists[&Kind::Network][1]["routes"], json!([]));
}

#[test]
fn openvpn_to_ipsec_waits_for_the_network() {
    let paris = json!({
        "id": "n1", "name": "paris", "egress": true, "tunnelingProtocol": "OPENVPN", "routes": [],
        "connectors": [{"id": "c1", "name": "fw", "vpnRegionId": "it-mxp", "tunnelingProtocol": "OPENVPN"}],
    });
    let tenant = Tenant::default().with(Kind::Network, paris);
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", [("tunneling_protocol", value("IPSEC"))]);
    let leaves = [("platform", value("CISCO"))];
    spec.child(Kind::NetworkConnector, paris, "fw", [("ipsec", FieldValue::Object(leaves.into()))]);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["update", "replace"]);
    let order: Vec<_> = calls(&plan).as_array().unwrap().iter().map(|c| c["call"].clone()).collect();
    assert_eq!(
        order,
        ["DELETE /networks/connectors/{id}", "PUT /networks/{id}", "POST /networks/connectors"]
    );
    assert!(plan.changes[1].notice.as_ref().unwrap().contains("ipsec-start"));
}

#[test]
fn connectors_that_want_ipsec_start_are_named() {
    let connector = |id: &str, name: &str, ipsec: bool| {
        let mut connector =
            json!({"id": id, "name": name, "vpnRegionId": "it-mxp", "tunnelingProtocol": "OPENVPN"});
        if ipsec {
            connector["tunnelingProtocol"] = json!("IPSEC");
            connector["ipSecConfig"] = json!({"platform": "CISCO"});
        }
        connector
    };
    let plant = json!({
        "id": "n1", "name": "plant", "egress": true, "tunnelingProtocol": "IPSEC", "routes": [],
        "connectors": [
            connector("c1", "other platform", true), connector("c2", "other region", true),
            connector("c3", "other text", true), connector("c4", "openvpn", false),
        ],
    });
    let tenant = Tenant::default().with(Kind::Network, plant);
    let mut spec = Spec::default();
    let plant = spec.top(Kind::Network, "plant", []);
    let platform = |name| FieldValue::Object([("platform", value(name))].into());
    let region = || [("region", value("eu-central-1"))];
    spec.child(Kind::NetworkConnector, plant, "other platform", [("ipsec", platform("AWS"))]);
    spec.child(Kind::NetworkConnector, plant, "other region", region());
    spec.child(Kind::NetworkConnector, plant, "other text", [("description", value("x"))]);
    spec.child(Kind::NetworkConnector, plant, "openvpn", region());
    let new = [("region", value("it-mxp")), ("ipsec", platform("AWS"))];
    spec.child(Kind::NetworkConnector, plant, "new", new);
    let plan = ready(&spec, &tenant, &apply());
    let named: Vec<_> = plan
        .changes
        .iter()
        .filter(|change| change.notice.as_ref().is_some_and(|notice| notice.contains("`ipsec-start`")))
        .map(|change| change.key.as_str())
        .collect();
    assert_eq!(named, ["plant/other platform", "plant/other region", "plant/new"]);
}

fn access(children: Vec<connexa_engine::desired::Reference>, network: &str) -> FieldValue {
    let mut children = children;
    for child in &mut children {
        child.within = Some(Box::new(by_name(Kind::Network, network, "destination[0].network")));
    }
    FieldValue::Access(vec![AccessItem {
        of: "NETWORK_SERVICE".to_owned(),
        all: false,
        parent: Some(by_name(Kind::Network, network, "destination[0].network")),
        children,
    }])
}

/// A tenant with an application that two access groups name.
fn tenant_with_application() -> Tenant {
    let access = |id: &str, children: Value| {
        json!({
            "id": id, "name": id, "description": "", "source": [{"type": "USER_GROUP", "allCovered": true}],
            "destination": [{"type": "NETWORK_SERVICE", "allCovered": false, "parent": "n1", "children": children}],
        })
    };
    let application = |id: &str| json!({"id": format!("app-{id}"), "networkItemId": "n1", "networkItemType": "NETWORK", "name": id, "routes": [{"domain": "a.example"}]});
    Tenant::default()
        .with(Kind::Network, network("n1", "paris", &[]))
        .with(Kind::Network, network("n2", "rome", &[]))
        .with(Kind::NetworkApplication, application("wiki"))
        .with(Kind::NetworkApplication, application("blog"))
        .with(Kind::AccessGroup, access("a1", json!(["app-wiki", "app-blog"])))
        .with(Kind::AccessGroup, access("a2", json!(["app-wiki"])))
        .with(Kind::AccessGroup, access("a3", json!(["app-blog"])))
}

#[test]
fn references_move_to_the_new_object() {
    let tenant = tenant_with_application();
    let mut spec = Spec::default();
    let rome = spec.top(Kind::Network, "rome", []);
    let wiki = spec.child(Kind::NetworkApplication, rome, "wiki", []);
    spec.pin(wiki, "app-wiki", false);
    let owned =
        access(vec![by_name(Kind::NetworkApplication, "wiki", "destination[0].applications[0]")], "rome");
    spec.top(Kind::AccessGroup, "a2", [("destination", owned)]);
    let mut unread = tenant.current();
    unread.kinds.remove(&Kind::AccessGroup);
    let wants = Wants { unread: vec![Kind::AccessGroup], ..Wants::default() };
    assert_eq!(plan(&spec.0, &unread, &apply()), Planning::Wants(wants));

    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["no-op", "replace", "update", "update"]);
    assert_eq!(plan.changes[3].key, "a1");
    assert_eq!(plan.changes[3].fields["destination"], [json!(["paris/wiki"]), json!(["rome/wiki"])]);
    let all = calls(&plan);
    let of = |call: &str| all.as_array().unwrap().iter().find(|c| c["call"] == call).unwrap().clone();
    assert_eq!(of("POST /networks/applications")["query"], json!(["networkId=n2"]));
    // Two calls and one for each object whose reference moves.
    assert_eq!(plan.operations.len(), 4);
    let last = &plan.operations[3];
    assert_eq!(last.call.endpoint.info().method.as_str(), "DELETE");
    assert_eq!(last.needs, [0, 1, 2]);
    let carries = |change: usize| {
        plan.operations.iter().filter(|o| o.carries.iter().any(|c| c.change == change)).count()
    };
    assert_eq!((carries(1), carries(2), carries(3)), (4, 1, 1));
    let mut after = tenant.clone();
    after.carry_out(&plan);
    let destination = &after.lists[&Kind::AccessGroup][0]["destination"];
    let new = &after.lists[&Kind::NetworkApplication].iter().find(|a| a["name"] == "wiki").unwrap()["id"];
    assert_eq!(
        destination,
        &json!([
            {"type": "NETWORK_SERVICE", "allCovered": false, "parent": "n1", "children": ["app-blog"]},
            {"type": "NETWORK_SERVICE", "allCovered": false, "parent": "n2", "children": [new]},
        ])
    );
}

#[test]
fn names_that_change_places_take_one_call_more() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "a", &[]))
        .with(Kind::Network, network("n2", "b", &[]))
        .with(Kind::Network, network("n3", "c", &[]));
    let mut spec = Spec::default();
    for (new, old) in [("b", "a"), ("c", "b"), ("a", "c")] {
        let item = spec.top(Kind::Network, new, []);
        renamed(&mut spec, item, old);
    }
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["update"; 3]);
    assert_eq!(plan.operations.len(), 4);
    assert_eq!(call(&plan, 0)["body"]["name"], "a~tmp");
    assert_eq!(plan.operations.iter().filter(|o| o.carries[0].change == 0).count(), 2);
    let last = plan.operations.iter().rev().find(|o| o.carries[0].change == 0).unwrap();
    assert_eq!(last.base[0].object["name"], "a~tmp");
    let mut names: Vec<String> = vec!["a".into(), "b".into(), "c".into()];
    for operation in &plan.operations {
        let id = operation.base[0].id.as_str();
        let at = ["n1", "n2", "n3"].iter().position(|known| *known == id).unwrap();
        let Some(connexa_types::CallBody::Json(body)) = &operation.call.body else { panic!() };
        let new = body["name"].as_str().unwrap();
        assert!(!names.iter().any(|name| name == new), "{new} is taken: {names:?}");
        names[at] = new.to_owned();
    }
    assert_eq!(names, ["b", "c", "a"]);
}

#[test]
fn users_that_change_places_go_before_they_come() {
    let user = |id: &str, name: &str| json!({"id": id, "username": name, "email": "x@example.com", "groupId": "g", "role": "MEMBER", "devices": []});
    let tenant = Tenant::default()
        .with(Kind::UserGroup, json!({"id": "g", "name": "g"}))
        .with(Kind::User, user("u1", "ada"))
        .with(Kind::User, user("u2", "bob"));
    let mut spec = Spec::default();
    for (new, old) in [("bob", "ada"), ("ada", "bob")] {
        let item = spec.top(Kind::User, new, []);
        renamed(&mut spec, item, old);
    }
    let plan = ready(&spec, &tenant, &apply());
    let methods: Vec<&str> = plan.operations.iter().map(|o| o.call.endpoint.info().method.as_str()).collect();
    assert_eq!(methods, ["DELETE", "DELETE", "POST", "POST"]);
}

#[test]
fn a_device_with_another_uuid_and_a_record_with_another_domain() {
    let user = json!({
        "id": "u1", "username": "ada", "groupId": "g1", "role": "MEMBER",
        "devices": [{"id": "d1", "name": "laptop", "clientUUID": "one", "description": "hers"}],
    });
    let tenant = Tenant::default()
        .with(Kind::User, user)
        .with(Kind::DnsRecord, json!({"id": "r1", "domain": "a.example", "ipv4Addresses": ["10.0.0.1"]}));
    let mut spec = Spec::default();
    spec.flat(Kind::Device, "ada", "laptop", [("client_uuid", value("two"))]);
    let record = spec.top(Kind::DnsRecord, "b.example", []);
    spec.pin(record, "r1", false);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["replace", "replace"]);
    let all = calls(&plan);
    let bodies: Vec<&Value> = all.as_array().unwrap().iter().map(|c| &c["body"]).collect();
    assert!(bodies.contains(&&json!({"name": "laptop", "description": "hers", "clientUUID": "two"})));
    assert!(bodies.contains(&&json!({"domain": "b.example", "ipv4Addresses": ["10.0.0.1"]})));
    assert_eq!(plan.cost.update, 4);
    assert_eq!(plan.cost.one_per_object, 6);
}

#[test]
fn a_batch_of_creates_replaces_nothing() {
    let tenant = Tenant::default()
        .with(Kind::DnsRecord, json!({"id": "r1", "domain": "a.example", "ipv4Addresses": ["10.0.0.1"]}));
    let mut spec = Spec::default();
    let record = spec.top(Kind::DnsRecord, "b.example", [("ipv4", value(json!(["10.0.0.1"])))]);
    renamed(&mut spec, record, "a.example");
    let options = PlanOptions::new(Mode::Create, "create");
    assert_eq!(actions(&ready(&spec, &tenant, &options)), ["create"]);
}

#[test]
fn a_new_child_moves_with_its_replaced_parent_only_where_it_nests() {
    // A network is never replaced: its applications stay.
    let tenant = tenant_with_application();
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "lyon", [("gateways", gateways(&[]))]);
    renamed(&mut spec, paris, "paris");
    spec.child(Kind::NetworkApplication, paris, "wiki", []);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["update", "no-op"]);
    assert!(matches!(spec.0.items[1].parent, Some(Parent::Item(0))));
}
