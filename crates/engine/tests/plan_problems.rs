//! What plans refuse, warn about and want to know: the rules that need the tenant.

mod plan_support;

use connexa_engine::{
    desired::{DesiredSecret, FieldValue, Parent, Target},
    plan::{Planning, Wants, kinds_to_read, plan},
    problem::Problem,
    sorted_map::SortedMap,
};
use connexa_types::{JsonPointer, Kind, SealingKey, SecretRef, SecretSource};
use plan_support::{
    Spec, Tenant, actions, apply, by_name, call, gateways, group, overlap, ready, refused, shown, value,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn network(id: &str, name: &str, routes: &[&str]) -> Value {
    let routes: Vec<Value> =
        routes.iter().map(|subnet| json!({"id": format!("{id}-{subnet}"), "subnet": subnet})).collect();
    json!({"id": id, "name": name, "egress": false, "routes": routes, "connectors": []})
}

fn user_group(id: &str, name: &str, max_device: i32) -> Value {
    json!({"id": id, "name": name, "allRegionsIncluded": true, "maxDevice": max_device})
}

fn wants(spec: &Spec, current: &connexa_engine::current::CurrentState) -> Wants {
    match plan(&spec.0, current, &apply()) {
        Planning::Wants(wants) => wants,
        other => panic!("wants nothing: {other:#?}"),
    }
}

fn warnings(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(shown).collect()
}

#[test]
fn only_lists_that_are_touched_or_referred_to_are_read() {
    let mut spec = Spec::default();
    spec.flat(Kind::NetworkRoute, "paris", "10.0.0.0/8", []);
    spec.flat(Kind::Device, "ada", "laptop", []);
    assert_eq!(kinds_to_read(&spec.0), [Kind::Network, Kind::User]);
    spec.top(Kind::User, "grace", [("group", group("g"))]);
    spec.top(Kind::DnsRecord, "a.example", []);
    assert_eq!(kinds_to_read(&spec.0), [Kind::Network, Kind::UserGroup, Kind::User, Kind::DnsRecord]);
    let mut hosts = Spec::default();
    let host = hosts.top(Kind::Host, "h", [("gateways", gateways(&["hq"]))]);
    assert_eq!(kinds_to_read(&hosts.0), [Kind::Network, Kind::Host]);
    // A bad item of a batch is not looked up.
    hosts.spoil(host, Problem::new(connexa_engine::problem::Code::error(103), "no such field"));
    assert!(kinds_to_read(&hosts.0).is_empty());
}

#[test]
fn a_list_that_was_not_read_is_no_empty_list() {
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", []);
    let nothing = connexa_engine::current::CurrentState::default();
    assert_eq!(wants(&spec, &nothing), Wants { unread: vec![Kind::Network], ..Wants::default() });
}

#[test]
fn references_are_found_in_the_spec_then_in_the_tenant() {
    let tenant = Tenant::default()
        .with(Kind::UserGroup, user_group("g1", "Engineers", 3))
        .with(Kind::UserGroup, user_group("g2", "twin", 3))
        .with(Kind::UserGroup, user_group("g3", "Twin", 3));
    let mut spec = Spec::default();
    spec.top(Kind::User, "a", [("group", group("enginers"))]);
    spec.top(Kind::User, "b", [("group", group("twin"))]);
    let mut gone = by_name(Kind::UserGroup, "x", "group");
    gone.target = Target::Id("g9".into());
    spec.top(Kind::User, "c", [("group", FieldValue::Reference(Box::new(gone)))]);
    spec.flat(Kind::NetworkRoute, "nowhere", "10.0.0.0/8", []);
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &apply()) else {
        panic!("not refused")
    };
    // Routes stand before the references, which are on line 99.
    assert_eq!(warnings(&problems), ["E501 group", "E502 group", "E501 group", "E501 network"]);
    assert_eq!(problems[0].hint.as_deref(), Some("did you mean `Engineers`?"));
    assert!(problems[1].message.contains("`g2`, `g3`"), "{}", problems[1].message);
    assert_eq!((problems[0].kind.as_deref(), problems[0].key.as_deref()), (Some("user"), Some("a")));
}

#[test]
fn an_id_must_exist_and_a_key_must_be_unique_where_it_is_used() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &[]))
        .with(Kind::Network, network("n2", "Paris", &[]))
        .with(Kind::Network, network("n3", "rome", &[]))
        .with(Kind::Network, network("n4", "lyon", &[]));
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", []);
    let missing = spec.top(Kind::Network, "oslo", []);
    spec.pin(missing, "n9", false);
    let taken = spec.top(Kind::Network, "rome", []);
    spec.pin(taken, "n4", false);
    assert_eq!(refused(&spec, &tenant), ["E502 name", "E503 id", "E504 name"]);
    // With ids all is clear; the other twin is of no concern.
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", []);
    spec.pin(paris, "n1", false);
    assert_eq!(actions(&ready(&spec, &tenant, &apply())), ["no-op"]);
    // One object, two items.
    let mut spec = Spec::default();
    spec.top(Kind::Network, "rome", []);
    let same = spec.top(Kind::Network, "", []);
    spec.pin(same, "n3", true);
    assert_eq!(refused(&spec, &tenant), ["E301 name"]);
}

#[test]
fn the_owner_and_the_default_group_are_protected() {
    let owner =
        json!({"id": "u1", "username": "boss", "email": "b@example.com", "groupId": "g1", "role": "OWNER"});
    let tenant =
        Tenant::default().with(Kind::UserGroup, user_group("g1", "Default", 3)).with(Kind::User, owner);
    let mut spec = Spec::default();
    spec.top(Kind::User, "boss", [("email", value("x@example.com")), ("role", value("ADMIN"))]);
    let default = spec.top(Kind::UserGroup, "others", []);
    spec.pin(default, "g1", false);
    assert_eq!(refused(&spec, &tenant), ["E505 email", "E505 role", "E505 name"]);
}

#[test]
fn regions_are_read_only_if_one_is_new_to_the_tenant() {
    let mut used = network("n1", "paris", &[]);
    used["connectors"] = json!([{"id": "c1", "name": "c", "vpnRegionId": "used"}]);
    let tenant = Tenant::default().with(Kind::Network, used);
    let mut spec = Spec::default();
    spec.flat(Kind::NetworkConnector, "paris", "d", [("region", value("used"))]);
    let mut current = tenant.current();
    current.regions = None;
    assert!(matches!(plan(&spec.0, &current, &apply()), Planning::Ready(_)));
    spec.flat(Kind::NetworkConnector, "paris", "e", [("region", value("eu-centrl-1"))]);
    assert!(wants(&spec, &current).regions);
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &apply()) else {
        panic!("not refused")
    };
    assert_eq!(warnings(&problems), ["E506 region"]);
    assert_eq!(problems[0].hint.as_deref(), Some("did you mean `eu-central-1`?"));
}

#[test]
fn routes_to_be_created_are_checked_against_live_ones() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &["10.1.0.0/16", "10.2.3.0/24", "2001:db8::/48"]))
        .with(Kind::Network, network("n2", "rome", &[]));
    let mut spec = Spec::default();
    spec.flat(Kind::NetworkRoute, "rome", "10.1.7.0/24", []);
    spec.flat(Kind::NetworkRoute, "rome", "10.2.0.0/16", []);
    spec.flat(Kind::NetworkRoute, "rome", "2001:db8::/32", []);
    spec.flat(Kind::NetworkRoute, "rome", "10.3.0.0/16", []);
    spec.flat(Kind::NetworkRoute, "paris", "10.1.16.0/20", []);
    let mut current = tenant.current();
    assert!(wants(&spec, &current).overlap_setting, "read only now that an overlap was found");
    overlap(&mut current, false);
    let Planning::Refused(problems) = plan(&spec.0, &current, &apply()) else { panic!("not refused") };
    assert_eq!(warnings(&problems), ["E404 subnet", "E404 subnet", "E404 subnet", "W405 subnet"]);
    assert_eq!(problems.iter().map(|p| p.line.unwrap()).collect::<Vec<_>>(), [1, 2, 3, 5]);
    assert!(problems[1].message.contains("`10.2.3.0/24` of network `paris`"), "{}", problems[1].message);
    overlap(&mut current, true);
    let Planning::Ready(plan) = plan(&spec.0, &current, &apply()) else { panic!("no plan") };
    assert_eq!(warnings(&plan.problems), ["W405 subnet"]);
}

#[test]
fn one_network_under_two_names_is_one_network() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &[]))
        .with(Kind::Network, network("n2", "rome", &[]));
    let by_id = |spec: &mut Spec, subnet: &str, id: &str| {
        let route = spec.flat(Kind::NetworkRoute, id, subnet, []);
        let Some(Parent::Reference(reference)) = &mut spec.0.items[route].parent else {
            panic!("a reference")
        };
        reference.target = Target::Id(id.into());
    };
    let mut spec = Spec::default();
    spec.flat(Kind::NetworkRoute, "paris", "10.0.0.0/16", []);
    by_id(&mut spec, "10.0.0.0/16", "n1");
    by_id(&mut spec, "10.0.9.0/24", "n2");
    by_id(&mut spec, "10.1.0.0/16", "n2");
    let mut current = tenant.current();
    overlap(&mut current, false);
    let Planning::Refused(problems) = plan(&spec.0, &current, &apply()) else { panic!("not refused") };
    assert_eq!(warnings(&problems), ["E301 subnet", "E404 subnet"]);
    assert_eq!(problems[1].message, "`10.0.9.0/24` overlaps the route `10.0.0.0/16` of network `paris`");
    // A child is named under its parent, whatever the spec calls that.
    spec.0.items.truncate(1);
    by_id(&mut spec, "10.1.0.0/16", "n2");
    assert_eq!(ready(&spec, &tenant, &apply()).changes[1].key, "rome/10.1.0.0/16");
}

#[test]
fn absence_is_relied_on_only_after_a_second_pass_of_a_long_list() {
    let mut current = Tenant::default().with(Kind::Network, network("n1", "paris", &[])).current();
    let list = vec![(network("n1", "paris", &[]), BTreeMap::new())];
    current.put_list(Kind::Network, list, 2, false).unwrap();
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", []);
    assert!(matches!(plan(&spec.0, &current, &apply()), Planning::Ready(_)), "nothing is created");
    spec.flat(Kind::NetworkRoute, "paris", "10.0.0.0/8", []);
    assert_eq!(wants(&spec, &current).second_pass, [Kind::Network]);
}

#[test]
fn devices_are_counted_against_the_group_as_it_will_be() {
    let user = |devices: Value| json!({"id": "u1", "username": "ada", "groupId": "g1", "devices": devices});
    let tenant = Tenant::default()
        .with(Kind::UserGroup, user_group("g1", "small", 2))
        .with(Kind::User, user(json!([{"id": "d1", "name": "one"}])));
    let mut spec = Spec::default();
    let ada = spec.top(Kind::User, "ada", [("group", group("small"))]);
    spec.child(Kind::Device, ada, "one", []);
    spec.child(Kind::Device, ada, "two", []);
    spec.child(Kind::Device, ada, "three", []);
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &apply()) else {
        panic!("not refused")
    };
    assert_eq!(
        problems.iter().map(|p| (p.code.to_string(), p.line.unwrap())).collect::<Vec<_>>(),
        [("E431".to_owned(), 4)]
    );
    spec.top(Kind::UserGroup, "small", [("max_device", value(3))]);
    assert_eq!(actions(&ready(&spec, &tenant, &apply())), ["no-op", "no-op", "create", "create", "update"]);
}

#[test]
fn all_traffic_without_an_egress_network_is_warned_about() {
    let tenant = Tenant::default().with(Kind::Network, network("n1", "paris", &[]));
    let mut spec = Spec::default();
    spec.top(
        Kind::Network,
        "rome",
        [("internet_access", value("SPLIT_TUNNEL_OFF")), ("egress", value(false))],
    );
    assert_eq!(warnings(&ready(&spec, &tenant, &apply()).problems), ["W509 internet_access"]);
    let mut strict = apply();
    strict.strict = true;
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &strict) else {
        panic!("not refused")
    };
    assert!(problems[0].is_error());
}

#[test]
fn a_cycle_of_new_items_is_printed() {
    let mut spec = Spec::default();
    let off = || ("internet_access", value("SPLIT_TUNNEL_OFF"));
    spec.top(Kind::Network, "a", [off(), ("gateways", gateways(&["b"]))]);
    spec.top(Kind::Network, "b", [off(), ("gateways", gateways(&["c"]))]);
    spec.top(Kind::Network, "c", [off(), ("gateways", gateways(&["a"]))]);
    spec.top(Kind::Network, "d", [off(), ("gateways", gateways(&["D"]))]);
    spec.top(Kind::Host, "e", [off(), ("gateways", gateways(&["a"]))]);
    let Planning::Refused(problems) = plan(&spec.0, &Tenant::default().current(), &apply()) else { panic!() };
    let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "items need each other: network/a → network/b → network/c → network/a",
            "items need each other: network/d → network/d",
        ]
    );
    // Between objects that are there, one may be the other's gateway: nothing has to come first.
    let tenant = Tenant::default()
        .with(Kind::Network, network("a", "a", &[]))
        .with(Kind::Network, network("b", "b", &[]))
        .with(Kind::Network, network("c", "c", &[]))
        .with(Kind::Network, network("d", "d", &[]));
    assert_eq!(actions(&ready(&spec, &tenant, &apply())), ["update", "update", "update", "update", "create"]);
}

#[test]
fn rules_hold_for_the_object_as_it_will_be() {
    let mut paris = network("n1", "paris", &[]);
    paris["internetAccess"] = json!("RESTRICTED_INTERNET");
    let mut hq = network("n2", "hq", &[]);
    hq["egress"] = json!(true);
    let tenant = Tenant::default()
        .with(Kind::Network, paris)
        .with(Kind::Network, hq)
        .with(Kind::UserGroup, json!({"id": "g1", "name": "g", "vpnRegionIds": ["it-mxp"]}));
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", [("gateways", gateways(&["hq"]))]);
    spec.top(Kind::UserGroup, "g", [("max_device", value(4))]);
    spec.top(Kind::UserGroup, "new", []);
    spec.flat(Kind::NetworkConnector, "hq", "c", []);
    spec.top(Kind::User, "ada", []);
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &apply()) else {
        panic!("not refused")
    };
    assert_eq!(warnings(&problems), ["W401 gateways", "W441 regions", "W111 region", "E113 group"]);
    // What the item alone decides was told when it was read.
    let mut spec = Spec::default();
    spec.top(
        Kind::Network,
        "x",
        [("internet_access", value("SPLIT_TUNNEL_ON")), ("gateways", gateways(&["hq"]))],
    );
    assert!(ready(&spec, &tenant, &apply()).problems.is_empty());
}

#[test]
fn problems_of_nested_children_are_told_of_the_whole_item() {
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", []);
    let connector = spec.child(Kind::NetworkConnector, paris, "c", [("region", value("mars-1"))]);
    spec.0.items[connector].prefix = "connectors[0]".to_owned();
    spec.0.items[connector].spots = vec![("region".into(), 7, 30)];
    let Planning::Refused(problems) = plan(&spec.0, &Tenant::default().current(), &apply()) else { panic!() };
    assert_eq!(shown(&problems[0]), "E506 connectors[0].region");
    assert_eq!((problems[0].line, problems[0].column), (Some(7), Some(30)));
    assert_eq!((problems[0].kind.as_deref(), problems[0].key.as_deref()), (Some("network"), Some("paris")));
}

#[test]
fn gateways_must_be_egress_networks_as_they_will_be() {
    let mut hq = network("hq", "hq", &[]);
    hq["egress"] = json!(true);
    let tenant = Tenant::default().with(Kind::Network, hq).with(Kind::Network, network("dc", "dc", &[]));
    let off = || ("internet_access", value("SPLIT_TUNNEL_OFF"));
    let mut spec = Spec::default();
    spec.top(Kind::Host, "a", [off(), ("gateways", gateways(&["hq", "dc", "new"]))]);
    spec.top(Kind::Network, "new", []);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(warnings(&plan.problems), ["W402 gateways[1]"]);
    assert_eq!(plan.problems[0].message, "the gateway `dc` has `egress: false`");
    // As they will be: one is to become an egress network, one to be none any more.
    spec.top(Kind::Network, "dc", [("egress", value(true))]);
    let other = spec.top(Kind::Network, "other", [("egress", value(false))]);
    spec.pin(other, "hq", false);
    let plan = ready(&spec, &tenant, &apply());
    assert_eq!(warnings(&plan.problems), ["W402 gateways[0]"]);
    // The reader of specs has told of gateways that it knows to be none.
    spec.top(Kind::Network, "none", [("egress", value(false))]);
    spec.0.items[0].fields.insert("gateways", gateways(&["none"]));
    assert!(ready(&spec, &tenant, &apply()).problems.is_empty());
}

#[test]
fn a_network_that_changes_its_protocol_is_told_of_its_connectors_and_goes_first() {
    let connector = |number: u32| json!({"id": format!("c{number}"), "name": format!("c{number}"), "vpnRegionId": "it-mxp"});
    let mut plant = network("n1", "plant", &[]);
    plant["tunnelingProtocol"] = json!("OPENVPN");
    plant["connectors"] = (0..5).map(connector).collect();
    let tenant = Tenant::default().with(Kind::Network, plant);
    let mut spec = Spec::default();
    let plant = spec.top(Kind::Network, "plant", [("tunneling_protocol", value("IPSEC"))]);
    spec.child(Kind::NetworkConnector, plant, "c0", [("description", value("old"))]);
    spec.child(
        Kind::NetworkConnector,
        plant,
        "fw",
        [("region", value("it-mxp")), ("ipsec", ipsec(None, "fw"))],
    );
    spec.child(Kind::NetworkConnector, plant, "late", [("region", value("it-mxp"))]);
    let plan = ready(&spec, &tenant, &apply());
    let told: Vec<String> =
        warnings(&plan.problems).into_iter().filter(|problem| problem.starts_with("W403")).collect();
    // The connectors that act are told of at their own place.
    assert_eq!(told, ["W403 tunneling_protocol", "W403 ipsec", "W403 ipsec"]);
    let whole = plan.problems.iter().find(|p| p.path.as_deref() == Some("tunneling_protocol")).unwrap();
    assert!(whole.message.ends_with("`c1`, `c2`, `c3` and 1 more"), "{}", whole.message);
    // What is of the new protocol waits for it; what is not need not.
    let needs: Vec<(usize, &[usize])> =
        plan.operations.iter().map(|o| (o.carries[0].change, o.needs.as_slice())).collect();
    assert_eq!(needs, [(0, &[][..]), (1, &[]), (2, &[0]), (3, &[])]);
}

fn ipsec(secret: Option<DesiredSecret>, hostname: &str) -> FieldValue {
    let mut leaves = SortedMap::from([("hostname", value(hostname))]);
    leaves.extend(secret.map(|secret| ("pre_shared_key", FieldValue::Secret(secret))));
    FieldValue::Object(leaves)
}

#[test]
fn secrets_are_compared_by_hash_and_sent_by_reference() {
    let key = SealingKey::new([7; 32]);
    let seal = |value: &str| key.seal("ipsec.pre_shared_key", value);
    let mut current = Tenant::default().current();
    let object = json!({
        "id": "n1", "name": "plant", "tunnelingProtocol": "IPSEC", "routes": [],
        "connectors": [{
            "id": "c1", "name": "fw", "vpnRegionId": "it-mxp",
            "ipSecConfig": {
                "platform": "CISCO", "authenticationType": "SHARED_SECRET", "remoteSitePublicIp": "203.0.113.9",
                "hostname": "fw.example", "connectorState": "ACTIVE", "serverId": "s",
                "ikeProtocol": {"protocolVersion": "IKE_V2", "phase1": {}, "phase2": {}, "rekey": {},
                                "startupAction": "START", "autoInitiate": true},
            },
        }],
    });
    let sealed =
        BTreeMap::from([(JsonPointer::new("/connectors/0/ipSecConfig/preSharedKey"), seal("right"))]);
    current.put_list(Kind::Network, vec![(object, sealed)], 1, true).unwrap();
    let planned = |secret: Option<DesiredSecret>, hostname: &str| {
        let mut spec = Spec::default();
        spec.flat(Kind::NetworkConnector, "plant", "fw", [("ipsec", ipsec(secret, hostname))]);
        plan(&spec.0, &current, &apply())
    };
    let reference = |hash| SecretRef {
        field: "ipsec.pre_shared_key".to_owned(),
        source: SecretSource::Env("PSK".to_owned()),
        hash,
    };
    let given = |hash| Some(DesiredSecret::Reference(Box::new(reference(hash))));
    let ready = |planning| match planning {
        Planning::Ready(plan) => *plan,
        other => panic!("no plan: {other:#?}"),
    };

    assert_eq!(actions(&ready(planned(given(Some(seal("right"))), "fw.example"))), ["no-op"]);
    let plan = ready(planned(given(Some(seal("wrong"))), "fw.example"));
    let hashes = [json!(seal("right").as_str()), json!(seal("wrong").as_str())];
    assert_eq!(plan.changes[0].fields["ipsec.pre_shared_key"], hashes);
    assert_eq!(
        plan.operations[0].call.secrets[&JsonPointer::new("/ipSecConfig/preSharedKey")].source,
        SecretSource::Env("PSK".to_owned())
    );
    // All of the configuration goes along, response-only fields do not.
    let sent = &call(&plan, 0)["body"]["ipSecConfig"];
    assert_eq!(sent["platform"], "CISCO");
    assert_eq!(sent["preSharedKey"], Value::Null);
    assert!(sent.get("connectorState").is_none() && sent.get("serverId").is_none());
    assert_eq!(sent["ikeProtocol"]["autoInitiate"], true);

    // Not hashed, or under another key: equal, with a note.
    let foreign = SealingKey::new([8; 32]).seal("ipsec.pre_shared_key", "wrong");
    for secret in [given(None), given(Some(foreign))] {
        let plan = ready(planned(secret, "fw.example"));
        assert_eq!(actions(&plan), ["no-op"]);
        let note = plan.changes[0].note.as_deref().unwrap();
        assert_eq!(note, "no-op; `ipsec.pre_shared_key` cannot be compared and counts as equal");
    }
    // A hash is enough to compare, and not enough to send; what the service has is not kept either.
    assert_eq!(
        actions(&ready(planned(Some(DesiredSecret::HashOnly(seal("right"))), "fw.example"))),
        ["no-op"]
    );
    for secret in [Some(DesiredSecret::HashOnly(seal("right"))), None] {
        let Planning::Refused(problems) = planned(secret, "other.example") else { panic!("not refused") };
        assert_eq!(warnings(&problems), ["E507 ipsec.pre_shared_key"]);
    }
    // OpenVPN to IPsec is another connector.
    let tenant = Tenant::default().with(
        Kind::Network,
        json!({"id": "n1", "name": "plant", "connectors": [{"id": "c1", "name": "fw", "vpnRegionId": "it-mxp"}]}),
    );
    let mut spec = Spec::default();
    spec.flat(Kind::NetworkConnector, "plant", "fw", [("ipsec", ipsec(None, "fw.example"))]);
    assert_eq!(actions(&plan_support::ready(&spec, &tenant, &apply())), ["replace"]);
}
