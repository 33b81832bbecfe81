//! The exact calls of each kind: what a create and an update send, what they carry, and in which order they go.

mod plan_support;

use connexa_engine::{desired::FieldValue, plan::Plan};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, actions, apply, by_name, call, gateways, group, ready, value};
use serde_json::{Value, json};

/// All calls of a plan, by [`call`].
fn calls(plan: &Plan) -> Value {
    (0..plan.operations.len()).map(|operation| call(plan, operation)).collect()
}

fn default_group() -> Tenant {
    Tenant::default().with(
        Kind::UserGroup,
        json!({
            "id": "g0", "name": "Default", "vpnRegionIds": [], "allRegionsIncluded": true,
            "internetAccess": "SPLIT_TUNNEL_ON", "maxDevice": 3, "connectAuth": "NO_AUTH", "gatewaysIds": [],
            "systemSubnets": ["100.96.0.0/24"],
        }),
    )
}

#[test]
fn a_new_network_carries_its_children() {
    let mut spec = Spec::default();
    let paris =
        spec.top(Kind::Network, "paris", [("egress", value(false)), ("description", FieldValue::Clear)]);
    spec.child(Kind::NetworkConnector, paris, "paris-1", [("region", value("eu-central-1"))]);
    spec.child(Kind::NetworkRoute, paris, "10.20.0.0/16", []);
    spec.child(Kind::NetworkRoute, paris, "10.21.0.0/16", [("description", value("lab"))]);
    spec.child(Kind::NetworkConnector, paris, "paris-2", [("region", value("it-mxp"))]);
    let plan = ready(&spec, &Tenant::default(), &apply());
    assert_eq!(
        calls(&plan),
        json!([{
            "id": "op-1", "call": "POST /networks",
            "carries": [[0, ""], [1, "/connectors/0"], [2, "/routes/0"], [3, "/routes/1"], [4, "/connectors/1"]],
            "body": {
                "name": "paris", "egress": false,
                "connectors": [
                    {"name": "paris-1", "vpnRegionId": "eu-central-1"},
                    {"name": "paris-2", "vpnRegionId": "it-mxp"},
                ],
                "routes": [{"value": "10.20.0.0/16"}, {"value": "10.21.0.0/16", "description": "lab"}],
            },
        }])
    );
    assert_eq!(plan.changes[2].key, "paris/10.20.0.0/16");
    assert_eq!(plan.changes[2].parent, Some(0));
    assert_eq!(plan.changes[0].fields["egress"], [Value::Null, json!(false)]);
    assert!(!plan.changes[0].fields.contains_key("description"), "null is not sent on create");
}

#[test]
fn an_update_sends_all_request_fields_and_nothing_else() {
    let tenant = Tenant::default().with(
        Kind::Network,
        json!({
            "id": "n1", "name": "Paris ", "description": "old", "internetAccess": "FUTURE_VALUE", "egress": true,
            "tunnelingProtocol": "OPENVPN", "gatewaysIds": [], "routes": [], "connectors": [],
            "systemSubnets": ["100.96.1.0/28"], "somethingNew": 7,
        }),
    );
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", [("egress", value(false)), ("description", FieldValue::Clear)]);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(
        calls(&plan),
        json!([{
            "id": "op-1", "call": "PUT /networks/{id}", "args": ["n1"], "carries": [[0, ""]],
            "body": {
                // The name as read, for it is only written otherwise; the value that this version does not know too.
                "name": "Paris ", "internetAccess": "FUTURE_VALUE", "gatewaysIds": [], "egress": false,
                "tunnelingProtocol": "OPENVPN",
            },
        }])
    );
    assert_eq!(plan.changes[0].fields["description"], [json!("old"), Value::Null]);
    assert_eq!(plan.changes[0].fields.len(), 2);
    let cleared = &plan.operations[0].cleared;
    assert_eq!((cleared[0].field.as_str(), cleared[0].at.as_str()), ("description", "/description"));
}

#[test]
fn new_children_of_an_existing_parent_are_one_call_each() {
    let tenant = Tenant::default()
        .with(
            Kind::Network,
            json!({
                "id": "n1", "name": "Paris", "egress": true, "connectors": [],
                "routes": [{"id": "r1", "type": "IP_V4", "subnet": "10.20.0.0/16", "description": "old"}],
            }),
        )
        .with(Kind::Host, json!({"id": "h1", "name": "bastion", "connectors": []}));
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", []);
    spec.child(Kind::NetworkRoute, paris, "10.20.0.0/16", [("description", value("new"))]);
    spec.child(Kind::NetworkRoute, paris, "10.21.0.0/16", []);
    spec.flat(Kind::NetworkConnector, "PARIS", "paris-1", [("region", value("it-mxp"))]);
    spec.flat(Kind::HostConnector, "bastion", "b1", [("region", value("it-mxp"))]);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["no-op", "update", "create", "create", "create"]);
    assert_eq!(
        calls(&plan),
        json!([
            {
                "id": "op-1", "call": "PUT /networks/routes/{id}", "args": ["r1"], "carries": [[1, ""]],
                "body": {"value": "10.20.0.0/16", "description": "new"},
            },
            {
                "id": "op-2", "call": "POST /networks/routes", "query": ["networkId=n1"], "carries": [[2, ""]],
                "body": {"value": "10.21.0.0/16"},
            },
            {
                "id": "op-3", "call": "POST /networks/connectors", "query": ["networkId=n1"], "carries": [[3, ""]],
                "body": {"name": "paris-1", "vpnRegionId": "it-mxp"},
            },
            {
                "id": "op-4", "call": "POST /hosts/connectors", "query": ["hostId=h1"], "carries": [[4, ""]],
                "body": {"name": "b1", "vpnRegionId": "it-mxp"},
            },
        ])
    );
    assert_eq!(plan.changes[0].note.as_deref(), Some("no-op"));
    assert_eq!(plan.changes[0].object.as_ref().unwrap()["id"], "n1");
}

#[test]
fn users_refer_to_groups_of_the_plan_and_carry_devices() {
    let mut spec = Spec::default();
    let ada = spec.top(
        Kind::User,
        "ada",
        [
            ("email", value("ada@example.com")),
            ("group", group("Engineers")),
            (
                "secondary_groups",
                FieldValue::References(vec![
                    by_name(Kind::UserGroup, "default", "secondary_groups[0]"),
                    by_name(Kind::UserGroup, "engineers", "secondary_groups[1]"),
                ]),
            ),
        ],
    );
    spec.child(Kind::Device, ada, "laptop", [("client_uuid", value("u-1"))]);
    spec.top(
        Kind::UserGroup,
        "engineers",
        [
            ("regions", value(json!(["it-mxp"]))),
            ("all_regions_included", value(false)),
            ("tunnel_bypass", value(json!(["198.51.100.0/24"]))),
        ],
    );
    spec.top(Kind::UserGroup, "everywhere", [("all_regions_included", value(true))]);
    let plan = ready(&spec, &default_group(), &apply());
    assert_eq!(
        calls(&plan),
        json!([
            {
                // The group first, for a user waits for it.
                "id": "op-1", "call": "POST /user-groups", "carries": [[2, ""]],
                "body": {
                    "name": "engineers", "vpnRegionIds": ["it-mxp"], "allRegionsIncluded": false,
                    "tunnelBypass": {"ipv4Subnets": ["198.51.100.0/24"]},
                },
            },
            {
                "id": "op-2", "call": "POST /users", "carries": [[0, ""], [1, "/devices/0"]], "needs": [0],
                "body": {
                    "username": "ada", "email": "ada@example.com", "groupId": null, "secondaryGroupIds": ["g0", null],
                    "devices": [{"name": "laptop", "clientUUID": "u-1"}],
                },
                "outputs": {"/groupId": "op-1 2 /id", "/secondaryGroupIds/1": "op-1 2 /id"},
            },
            {
                "id": "op-3", "call": "POST /user-groups", "carries": [[3, ""]],
                "body": {"name": "everywhere", "vpnRegionIds": [], "allRegionsIncluded": true},
            },
        ])
    );
    assert_eq!(plan.changes[0].notice.as_deref(), Some("an invitation is mailed to ada@example.com"));
    assert_eq!(plan.changes[0].fields["group"], [Value::Null, json!("engineers")]);
    assert_eq!(plan.changes[0].fields["secondary_groups"], [Value::Null, json!(["Default", "engineers"])]);
}

#[test]
fn updates_of_users_and_devices_keep_to_what_may_be_sent() {
    let user = |id: &str, role: &str| {
        json!({
            "id": id, "username": id, "email": format!("{id}@example.com"), "firstName": "", "groupId": "g0",
            "secondaryGroupIds": [], "role": role, "status": "ACTIVE", "authType": "INTERNAL",
            "devices": [{"id": format!("{id}-d"), "userId": id, "name": "laptop", "description": "", "clientUUID": "u-9"}],
        })
    };
    let tenant =
        default_group().with(Kind::User, user("boss", "OWNER")).with(Kind::User, user("ada", "MEMBER"));
    let mut spec = Spec::default();
    spec.top(Kind::User, "Boss", [("last_name", value("Big")), ("email", value("BOSS@example.com"))]);
    let ada =
        spec.top(Kind::User, "ada", [("role", value("ADMIN")), ("secondary_groups", FieldValue::Clear)]);
    spec.child(Kind::Device, ada, "laptop", [("description", value("hers"))]);
    spec.flat(Kind::Device, "boss", "phone", []);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(
        calls(&plan),
        json!([
            {
                "id": "op-1", "call": "PUT /users/{id}", "args": ["boss"], "carries": [[0, ""]],
                // The owner's e-mail address and role are never sent, nobody's status and name.
                "body": {"lastName": "Big", "groupId": "g0", "secondaryGroupIds": []},
            },
            {
                "id": "op-2", "call": "PUT /users/{id}", "args": ["ada"], "carries": [[1, ""]],
                "body": {"email": "ada@example.com", "groupId": "g0", "secondaryGroupIds": [], "role": "ADMIN"},
            },
            {
                "id": "op-3", "call": "PUT /devices/{id}", "args": ["ada-d"], "query": ["userId=ada"],
                "carries": [[2, ""]], "body": {"name": "laptop", "description": "hers"},
            },
            {
                "id": "op-4", "call": "POST /devices", "query": ["userId=boss"], "carries": [[3, ""]],
                "body": {"name": "phone"},
            },
        ])
    );
    assert_eq!(plan.changes[1].fields["role"], [json!("member"), json!("admin")]);
    assert!(plan.operations[1].cleared.is_empty(), "nothing was there to clear");
}

#[test]
fn records_are_compared_as_addresses_and_groups_keep_what_is_not_owned() {
    let tenant = default_group()
        .with(
            Kind::DnsRecord,
            json!({
                "id": "d1", "domain": "Wiki.Corp.Example.", "ipv4Addresses": ["10.0.0.2", "10.0.0.1"],
                "ipv6Addresses": ["2001:db8:85a3:0:0:8a2e:370:7334"],
            }),
        )
        .with(Kind::DnsRecord, json!({"id": "d2", "domain": "b.example", "ipv4Addresses": ["10.0.0.1"]}));
    let mut spec = Spec::default();
    spec.top(
        Kind::DnsRecord,
        "wiki.corp.example",
        [
            ("ipv4", value(json!(["10.0.0.1", "10.0.0.2"]))),
            ("ipv6", value(json!(["2001:db8:85a3::8a2e:370:7334"]))),
        ],
    );
    spec.top(
        Kind::DnsRecord,
        "b.example",
        [("ipv4", FieldValue::Clear), ("ipv6", value(json!(["2001:db8::1"])))],
    );
    spec.top(Kind::UserGroup, "default", [("max_device", value(5))]);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["no-op", "update", "update"]);
    assert_eq!(
        calls(&plan),
        json!([
            {
                "id": "op-1", "call": "PUT /dns-records/{id}", "args": ["d2"], "carries": [[1, ""]],
                "body": {"domain": "b.example", "ipv4Addresses": [], "ipv6Addresses": ["2001:db8::1"]},
            },
            {
                "id": "op-2", "call": "PUT /user-groups/{id}", "args": ["g0"], "carries": [[2, ""]],
                "body": {
                    "name": "Default", "internetAccess": "SPLIT_TUNNEL_ON", "gatewaysIds": [], "vpnRegionIds": [],
                    "allRegionsIncluded": true, "maxDevice": 5, "connectAuth": "NO_AUTH",
                },
            },
        ])
    );
}

#[test]
fn hosts_and_their_connectors() {
    let mut spec = Spec::default();
    let hq = spec.top(Kind::Network, "hq", [("egress", value(true))]);
    spec.child(Kind::NetworkRoute, hq, "2001:db8::/32", []);
    let bastion = spec.top(
        Kind::Host,
        "bastion",
        [
            ("domain", value("bastion.corp.example")),
            ("internet_access", value("SPLIT_TUNNEL_OFF")),
            ("gateways", gateways(&["HQ"])),
        ],
    );
    spec.child(Kind::HostConnector, bastion, "bastion-1", [("region", value("it-mxp"))]);
    let plan = ready(&spec, &Tenant::default(), &apply());
    assert_eq!(
        call(&plan, 1),
        json!({
            "id": "op-2", "call": "POST /hosts", "carries": [[2, ""], [3, "/connectors/0"]], "needs": [0],
            "body": {
                "name": "bastion", "internetAccess": "SPLIT_TUNNEL_OFF", "gatewaysIds": [null],
                "domain": "bastion.corp.example", "connectors": [{"name": "bastion-1", "vpnRegionId": "it-mxp"}],
            },
            "outputs": {"/gatewaysIds/0": "op-1 0 /id"},
        })
    );
    // The host is there, and lacks its connector and its gateway.
    let tenant = Tenant::default()
        .with(Kind::Network, json!({"id": "n1", "name": "hq", "egress": true, "routes": [{"id": "r", "subnet": "2001:db8::/32"}]}))
        .with(
            Kind::Host,
            json!({
                "id": "h1", "name": "bastion", "domain": "bastion.corp.example", "internetAccess": "SPLIT_TUNNEL_ON",
                "gatewaysIds": [],
            }),
        );
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(
        calls(&plan),
        json!([
            {
                "id": "op-1", "call": "PUT /hosts/{id}", "args": ["h1"], "carries": [[2, ""]],
                "body": {
                    "name": "bastion", "internetAccess": "SPLIT_TUNNEL_OFF", "gatewaysIds": ["n1"],
                    "domain": "bastion.corp.example",
                },
            },
            {
                "id": "op-2", "call": "POST /hosts/connectors", "query": ["hostId=h1"], "carries": [[3, ""]],
                "body": {"name": "bastion-1", "vpnRegionId": "it-mxp"},
            },
        ])
    );
    assert_eq!(plan.changes[2].fields["gateways"], [json!([]), json!(["hq"])]);
    assert_eq!(
        plan.changes[2].fields["internet_access"],
        [json!("split_tunnel_on"), json!("split_tunnel_off")]
    );
}

#[test]
fn what_asks_for_all_traffic_waits_for_egress_networks() {
    let mut spec = Spec::default();
    spec.top(Kind::Host, "a", [("internet_access", value("SPLIT_TUNNEL_OFF"))]);
    spec.top(
        Kind::UserGroup,
        "b",
        [("internet_access", value("SPLIT_TUNNEL_OFF")), ("all_regions_included", value(true))],
    );
    spec.top(Kind::Network, "c", []);
    spec.top(Kind::Network, "d", [("egress", value(false))]);
    spec.top(Kind::Network, "e", [("internet_access", value("SPLIT_TUNNEL_OFF"))]);
    let plan = ready(&spec, &Tenant::default(), &apply());
    let order: Vec<(usize, Vec<usize>)> =
        plan.operations.iter().map(|o| (o.carries[0].change, o.after.clone())).collect();
    // One waits for the maker, the others for that one: edges do not multiply.
    assert_eq!(order, [(2, vec![]), (0, vec![0]), (1, vec![1]), (3, vec![]), (4, vec![1])]);
    assert!(plan.problems.is_empty());
    // An egress network that is there makes all waiting needless.
    let tenant = Tenant::default().with(Kind::Network, json!({"id": "n", "name": "x", "egress": true}));
    assert!(ready(&spec, &tenant, &apply()).operations.iter().all(|o| o.after.is_empty()));
}

#[test]
fn a_rename_by_id_is_an_update_and_frees_the_name() {
    let tenant = Tenant::default().with(Kind::Network, json!({"id": "n1", "name": "old", "egress": true}));
    let mut spec = Spec::default();
    // In the way of the rename's old name; it must come second.
    spec.top(Kind::Network, "old", []);
    let renamed = spec.top(Kind::Network, "new", []);
    spec.pin(renamed, "n1", false);
    spec.child(Kind::NetworkRoute, renamed, "10.0.0.0/8", []);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(actions(&plan), ["create", "update", "create"]);
    assert_eq!(plan.operations[0].carries[0].change, 1);
    assert_eq!(call(&plan, 0)["body"]["name"], "new");
    assert_eq!(plan.changes[1].fields["name"], [json!("old"), json!("new")]);
    let old = plan.operations.iter().find(|o| o.carries[0].change == 0).unwrap();
    assert_eq!(old.needs, [0]);
}

#[test]
fn an_item_with_only_an_id_goes_by_the_objects_name() {
    let tenant = Tenant::default().with(
        Kind::Network,
        json!({"id": "n1", "name": "Paris", "egress": true, "routes": [{"id": "r1", "subnet": "10.0.0.0/8"}]}),
    );
    let mut spec = Spec::default();
    let route = spec.flat(Kind::NetworkRoute, "paris", "10.0.0.0/8", [("description", value("all"))]);
    spec.pin(route, "r1", true);
    spec.0.items[route].parent = None;
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(plan.changes[0].key, "Paris/10.0.0.0/8");
    assert_eq!(call(&plan, 0)["body"], json!({"value": "10.0.0.0/8", "description": "all"}));
}

#[test]
fn the_fingerprint_tells_what_a_plan_rests_on_and_does() {
    let fingerprint = |change: &dyn Fn(&mut Value), rate: i32, line: u32| {
        let mut user = json!({
            "id": "u1", "username": "ada", "email": "ada@example.com", "groupId": "g0", "role": "MEMBER",
            "connectionStatus": "OFFLINE",
        });
        change(&mut user);
        let mut spec = Spec::default();
        let ada = spec.top(Kind::User, "ada", [("first_name", value(format!("Ada {rate}")))]);
        spec.0.items[ada].source.line = line;
        ready(&spec, &default_group().with(Kind::User, user), &apply()).fingerprint
    };
    let same = fingerprint(&|_| {}, 1, 1);
    // Neither what changes by itself nor where the item stands.
    assert_eq!(fingerprint(&|user| user["connectionStatus"] = json!("ONLINE"), 1, 1), same);
    assert_eq!(fingerprint(&|user| user["licensed"] = json!(true), 1, 7), same);
    // What is done, and what is there, sent along or not.
    assert_ne!(fingerprint(&|_| {}, 2, 1), same);
    assert_ne!(fingerprint(&|user| user["email"] = json!("other@example.com"), 1, 1), same);
    assert_ne!(fingerprint(&|user| user["id"] = json!("u2"), 1, 1), same);
}
