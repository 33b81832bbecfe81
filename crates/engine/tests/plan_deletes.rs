//! What plans delete: batches of deletes, `--prune`, and what goes with a deleted object.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing has failed")]

mod plan_support;

use connexa_engine::{
    desired::FieldValue,
    plan::{Action, Mode, Plan, PlanOptions, Planning, Prune, Wants, plan},
    problem::{Code, Problem},
    report::{ErrorType, Verdict},
    select::Expression,
};
use connexa_types::Kind;
use plan_support::{Spec, Tenant, actions, apply, call, gateways, group, ready, refused, value};
use serde_json::{Value, json};

fn delete() -> PlanOptions {
    PlanOptions { reads: 3, ..PlanOptions::new(Mode::Delete, "delete") }
}

fn pruning(kinds: &[Kind]) -> PlanOptions {
    let prune = kinds.iter().map(|kind| Prune { kind: *kind, matching: None }).collect();
    PlanOptions { prune, ..apply() }
}

fn network(id: &str, name: &str, routes: &[&str], connectors: &[&str]) -> Value {
    let routes: Vec<Value> =
        routes.iter().map(|subnet| json!({"id": format!("{id}-{subnet}"), "subnet": subnet})).collect();
    let connectors: Vec<Value> = connectors
        .iter()
        .map(|name| json!({"id": format!("{id}-{name}"), "name": name, "vpnRegionId": "it-mxp"}))
        .collect();
    json!({"id": id, "name": name, "egress": false, "gatewaysIds": [], "routes": routes, "connectors": connectors})
}

fn application(id: &str, network: &str, name: &str) -> Value {
    json!({"id": id, "networkItemId": network, "networkItemType": "NETWORK", "name": name, "routes": [{"domain": "a.example"}]})
}

/// Operations as `METHOD id of the object [changes]`, or the create's kind in place of the id.
fn lines(plan: &Plan) -> Vec<String> {
    (0..plan.operations.len())
        .map(|index| {
            let shown = call(plan, index);
            let method = shown["call"].as_str().unwrap().split(' ').next().unwrap().to_owned();
            let object = shown["args"][0]
                .as_str()
                .map_or_else(|| plan.operations[index].kind.singular().to_owned(), str::to_owned);
            let changes: Vec<usize> = plan.operations[index].carries.iter().map(|c| c.change).collect();
            format!("{method} {object} {changes:?}")
        })
        .collect()
}

fn keys(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| format!("{}/{}", change.kind, change.key)).collect()
}

#[test]
fn children_go_with_their_parent_in_one_call() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &["10.1.0.0/16", "10.2.0.0/16"], &["b", "a"]))
        .with(Kind::Network, network("n2", "rome", &["10.3.0.0/16"], &[]))
        .with(Kind::NetworkApplication, application("app", "n1", "wiki"));
    let mut spec = Spec::default();
    spec.top(Kind::Network, "Paris", [("egress", value(true))]);
    spec.flat(Kind::NetworkRoute, "paris", "10.2.0.0/16", []);
    spec.flat(Kind::NetworkRoute, "paris", "10.9.0.0/16", []);
    spec.top(Kind::Network, "oslo", []);
    spec.flat(Kind::NetworkRoute, "nowhere", "10.9.0.0/16", []);
    spec.flat(Kind::NetworkRoute, "rome", "10.3.0.0/16", []);
    let gone = spec.top(Kind::User, "nobody", []);
    spec.pin(gone, "u9", true);
    let plan = ready(&spec, &tenant, &delete());
    // Items in input order, then what goes with them by kind and key.
    assert_eq!(
        keys(&plan)[7..],
        [
            "network_connector/paris/a",
            "network_connector/paris/b",
            "network_route/paris/10.1.0.0/16",
            "network_application/paris/wiki"
        ]
    );
    let gone = ["no-op"; 3];
    assert_eq!(actions(&plan)[..7], ["delete", "delete", gone[0], gone[1], gone[2], "delete", "no-op"]);
    assert!(actions(&plan)[7..].iter().all(|action| *action == "delete"));
    assert_eq!(plan.changes[2].note.as_deref(), Some("already gone"));
    assert_eq!(plan.changes[7].note.as_deref(), Some("goes with its network `paris`"));
    assert_eq!((plan.changes[7].parent, plan.changes[7].source.as_ref()), (Some(0), None));
    assert_eq!(lines(&plan), ["DELETE n1 [0, 1, 7, 8, 9, 10]", "DELETE n2-10.3.0.0/16 [5]"]);
    let base: Vec<&str> = plan.operations[0].base.iter().map(|live| live.id.as_str()).collect();
    assert_eq!(base, ["n1", "n1-b", "n1-a", "n1-10.1.0.0/16", "n1-10.2.0.0/16", "app"]);
    assert!(plan.operations[0].call.body.is_none());
    assert_eq!(plan.cost.update, 2);
    let mut after = tenant.clone();
    after.carry_out(&plan);
    let again = ready(&spec, &after, &delete());
    assert!(again.is_empty() && actions(&again) == ["no-op"; 7]);
}

#[test]
fn what_goes_along_is_read_only_when_something_goes() {
    let tenant = Tenant::default().with(Kind::Network, network("n1", "paris", &[], &[]));
    let mut current = tenant.current();
    current.kinds.retain(|kind, _| ![Kind::NetworkApplication, Kind::NetworkIpService].contains(kind));
    let mut spec = Spec::default();
    spec.top(Kind::Network, "oslo", []);
    assert!(matches!(plan(&spec.0, &current, &delete()), Planning::Ready(_)));
    spec.top(Kind::Network, "paris", []);
    let unread = vec![Kind::NetworkApplication, Kind::NetworkIpService];
    assert_eq!(plan(&spec.0, &current, &delete()), Planning::Wants(Wants { unread, ..Wants::default() }));
}

#[test]
fn dependents_go_first() {
    let gateway = network("n1", "hq", &[], &[]);
    let user = json!({"id": "u1", "username": "ada", "groupId": "g1", "secondaryGroupIds": ["g2"], "role": "MEMBER"});
    let access = json!({
        "id": "a1", "name": "all", "source": [{"type": "USER_GROUP", "allCovered": false, "children": ["g1"]}],
        "destination": [{"type": "NETWORK_SERVICE", "allCovered": true, "parent": "n1"}],
    });
    let tenant = Tenant::default()
        .with(Kind::Network, gateway)
        .with(Kind::Host, json!({"id": "h1", "name": "bastion", "gatewaysIds": ["n1"], "connectors": []}))
        .with(Kind::UserGroup, json!({"id": "g1", "name": "one"}))
        .with(Kind::UserGroup, json!({"id": "g2", "name": "two"}))
        .with(Kind::User, user)
        .with(Kind::AccessGroup, access);
    let mut spec = Spec::default();
    spec.top(Kind::UserGroup, "one", []);
    spec.top(Kind::UserGroup, "two", []);
    spec.top(Kind::Network, "hq", []);
    spec.top(Kind::Host, "bastion", []);
    spec.top(Kind::User, "ada", []);
    spec.top(Kind::AccessGroup, "all", []);
    let plan = ready(&spec, &tenant, &delete());
    let needs = |id: &str| -> Vec<String> {
        let place = lines(&plan).iter().position(|line| line.contains(id)).unwrap();
        plan.operations[place]
            .needs
            .iter()
            .map(|need| plan.operations[*need].base[0].id.to_string())
            .collect()
    };
    assert_eq!(needs("g1").len(), 2);
    assert_eq!(needs("g2"), ["u1"]);
    assert!(["a1", "h1"].iter().all(|id| needs("n1").contains(&(*id).to_owned())));
    tenant.clone().carry_out(&plan);
}

#[test]
fn what_depends_on_an_item_goes_before_it() {
    let record =
        |id: &str| json!({"id": id, "domain": format!("{id}.example"), "ipv4Addresses": ["10.0.0.1"]});
    let tenant = Tenant::default().with(Kind::DnsRecord, record("a")).with(Kind::DnsRecord, record("b"));
    let mut spec = Spec::default();
    let a = spec.top(Kind::DnsRecord, "a.example", []);
    let b = spec.top(Kind::DnsRecord, "b.example", []);
    spec.0.items[b].depends_on = vec![a];
    assert_eq!(lines(&ready(&spec, &tenant, &delete())), ["DELETE b [1]", "DELETE a [0]"]);
}

#[test]
fn the_protected_are_not_deleted() {
    let user = |id: &str, role: &str, auth: &str| json!({"id": id, "username": id, "role": role, "authType": auth, "groupId": "g1"});
    let tenant = Tenant::default()
        .with(Kind::UserGroup, json!({"id": "g1", "name": "Default"}))
        .with(Kind::AccessGroup, json!({"id": "a1", "name": "full", "defaultGroup": "true"}))
        .with(Kind::User, user("boss", "OWNER", "INTERNAL"))
        .with(Kind::User, user("saml", "MEMBER", "SAML"))
        .with(Kind::User, user("ada", "MEMBER", "INTERNAL"))
        .with(Kind::Network, network("n1", "kept", &["10.0.0.0/8"], &[]));
    let mut spec = Spec::default();
    spec.top(Kind::UserGroup, "default", []);
    spec.top(Kind::AccessGroup, "full", []);
    spec.top(Kind::User, "boss", []);
    spec.top(Kind::User, "saml", []);
    spec.top(Kind::User, "ada", []);
    // A child that is kept keeps its parent.
    spec.top(Kind::Network, "kept", []);
    let mut options = delete();
    options.protect = vec!["network-route/kept/*".parse().unwrap()];
    let plan = ready(&spec, &tenant, &options);
    for change in plan.changes.iter().filter(|change| change.key != "ada") {
        let preset = change.preset.as_ref().unwrap();
        assert_eq!((preset.verdict, preset.error_type), (Verdict::Failed, ErrorType::ValidationError));
        assert!(preset.error_detail.values().flatten().all(|m| m.ends_with("(E505)")), "{preset:?}");
    }
    assert_eq!(lines(&plan), ["DELETE ada [4]"]);
}

#[test]
fn a_child_of_another_unit_goes_by_itself_and_first() {
    let tenant = Tenant::default().with(Kind::Network, network("n1", "paris", &["10.1.0.0/16"], &["a"]));
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", []);
    let route = spec.flat(Kind::NetworkRoute, "paris", "10.1.0.0/16", []);
    spec.0.items[route].unit = Some("own".into());
    let plan = ready(&spec, &tenant, &delete());
    assert_eq!(lines(&plan), ["DELETE n1-10.1.0.0/16 [1]", "DELETE n1 [0, 2]"]);
    assert_eq!((plan.operations[0].unit.as_deref(), &plan.operations[1].needs[..]), (Some("own"), &[0][..]));
}

#[test]
fn devices_are_deleted_with_their_owner_in_the_query() {
    let user = json!({"id": "u1", "username": "ada", "role": "MEMBER", "groupId": "g1", "devices": [{"id": "d1", "name": "laptop"}]});
    let tenant = Tenant::default().with(Kind::User, user);
    let mut spec = Spec::default();
    spec.flat(Kind::Device, "ada", "laptop", []);
    let shown = call(&ready(&spec, &tenant, &delete()), 0);
    assert_eq!((&shown["call"], &shown["query"]), (&json!("DELETE /devices/{id}"), &json!(["userId=u1"])));
}

#[test]
fn an_update_needs_its_object() {
    let tenant = Tenant::default().with(Kind::Network, network("n1", "paris", &[], &[]));
    let mut spec = Spec::default();
    spec.top(Kind::Network, "paris", [("egress", value(true))]);
    spec.top(Kind::Network, "oslo", [("egress", value(true))]);
    let plan = ready(&spec, &tenant, &PlanOptions::new(Mode::Update, "update"));
    assert_eq!(lines(&plan), ["PUT n1 [0]"]);
    let preset = plan.changes[1].preset.as_ref().unwrap();
    assert_eq!(preset.error_type, ErrorType::ValidationError);
    assert_eq!(preset.error, "the item is not valid: there is no network `oslo` to update");
}

#[test]
fn child_kinds_are_pruned_under_items_only() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &["10.1.0.0/16", "10.2.0.0/16"], &["a"]))
        .with(Kind::Network, network("n2", "rome", &["10.3.0.0/16"], &[]));
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", []);
    spec.child(Kind::NetworkRoute, paris, "10.1.0.0/16", []);
    // The freed network may be used again, by another network at that.
    spec.flat(Kind::NetworkRoute, "rome", "10.2.128.0/17", []);
    let mut current = tenant.current();
    plan_support::overlap(&mut current, false);
    let Planning::Ready(plan) = plan(&spec.0, &current, &pruning(&[Kind::NetworkRoute])) else { panic!() };
    assert_eq!(lines(&plan), ["DELETE n1-10.2.0.0/16 [3]", "POST network_route [2]"]);
    assert_eq!(plan.operations[1].needs, [0]);
    let pruned = &plan.changes[3];
    assert_eq!((pruned.action, pruned.key.as_str()), (Action::Delete, "paris/10.2.0.0/16"));
    assert!(pruned.item.is_none() && pruned.note.as_deref().unwrap().starts_with("pruned"));
}

#[test]
fn an_expression_says_which_objects_are_pruned() {
    let record = |id: &str, about: &str| json!({"id": id, "domain": format!("{id}.example"), "description": about, "ipv4Addresses": ["10.0.0.1"]});
    let tenant = Tenant::default()
        .with(Kind::DnsRecord, record("a", "old"))
        .with(Kind::DnsRecord, record("b", "kept"))
        .with(Kind::DnsRecord, record("c", ""));
    let mut spec = Spec::default();
    spec.0.kinds = vec![Kind::DnsRecord];
    let matching = Expression::parse("description == 'old'").unwrap().of_kind(Kind::DnsRecord).unwrap();
    let prune = vec![Prune { kind: Kind::DnsRecord, matching: Some(matching) }];
    let plan = ready(&spec, &tenant, &PlanOptions { prune, ..apply() });
    assert_eq!(lines(&plan), ["DELETE a [0]"]);
}

#[test]
fn top_level_kinds_are_pruned_only_if_named() {
    let tenant = Tenant::default()
        .with(Kind::UserGroup, json!({"id": "g1", "name": "Default"}))
        .with(Kind::UserGroup, json!({"id": "g2", "name": "used"}))
        .with(Kind::UserGroup, json!({"id": "g3", "name": "stale"}))
        .with(Kind::User, json!({"id": "u1", "username": "ada", "groupId": "g3", "role": "MEMBER"}))
        .with(Kind::User, json!({"id": "u2", "username": "boss", "groupId": "g1", "role": "OWNER"}));
    let mut spec = Spec::default();
    spec.top(Kind::User, "ada", [("group", group("used"))]);
    let options = pruning(&[Kind::User, Kind::UserGroup]);
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &options) else { panic!() };
    assert_eq!(problems[0].code, Code::error(106));
    spec.0.kinds = vec![Kind::User, Kind::UserGroup];
    let plan = ready(&spec, &tenant, &options);
    // Whoever is in the group leaves it first; who is protected, or named, stays.
    assert_eq!(lines(&plan), ["PUT u1 [0]", "DELETE g3 [1]"]);
    assert_eq!(plan.operations[1].needs, [0]);
    assert_eq!(plan.warnings.len(), 3, "{:?}", plan.warnings);
    tenant.clone().carry_out(&plan);
}

#[test]
fn items_that_are_refused_still_stand_for_their_objects() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &[], &[]))
        .with(Kind::Network, network("n2", "rome", &[], &[]));
    let mut spec = Spec::default();
    let bad = spec.top(Kind::Network, "PARIS", []);
    spec.spoil(bad, Problem::new(Code::error(201), "no such value").path("internet_access"));
    spec.0.kinds = vec![Kind::Network];
    let options = PlanOptions { mode: Mode::ApplyValid, ..pruning(&[Kind::Network]) };
    assert_eq!(lines(&ready(&spec, &tenant, &options)), ["DELETE n2 [1]"]);
    // Nobody knows what a nameless one stands for.
    spec.0.items[bad].key = None;
    let plan = ready(&spec, &tenant, &options);
    assert!(plan.is_empty() && plan.warnings[0].contains("not pruned"), "{:?}", plan.warnings);
}

#[test]
fn only_what_is_wanted_is_in_the_plan() {
    let tenant = Tenant::default()
        .with(Kind::Network, network("n1", "paris", &["10.1.0.0/16"], &[]))
        .with(Kind::Network, network("n2", "rome", &[], &[]));
    let mut spec = Spec::default();
    let oslo = spec.top(Kind::Network, "oslo", []);
    let off = ("internet_access", value("SPLIT_TUNNEL_OFF"));
    spec.top(Kind::Host, "bastion", [off, ("gateways", gateways(&["oslo"]))]);
    spec.child(Kind::NetworkRoute, oslo, "10.9.0.0/16", []);
    spec.top(Kind::Network, "paris", [("egress", value(true))]);
    spec.0.kinds = vec![Kind::Network];
    let mut options = pruning(&[Kind::Network]);
    options.scope.only = vec!["host".parse().unwrap()];
    let plan = ready(&spec, &tenant, &options);
    assert_eq!(keys(&plan), ["network/oslo", "host/bastion"]);
    assert_eq!(call(&plan, 1)["outputs"], json!({"/gatewaysIds/0": "op-1 0 /id"}));
    options.scope.only.clear();
    options.scope.exclude = vec!["network/rome".parse().unwrap(), "network/oslo".parse().unwrap()];
    // Paris is left out by nobody, rome is not pruned, and what needs oslo cannot be had.
    assert_eq!(keys(&ready(&spec, &tenant, &options)), ["network/paris"]);
}

#[test]
fn what_protect_names_is_not_changed_at_all() {
    let tenant = Tenant::default().with(Kind::Network, network("n1", "paris", &["10.1.0.0/16"], &[]));
    let mut spec = Spec::default();
    let paris = spec.top(Kind::Network, "paris", [("egress", value(true))]);
    spec.child(Kind::NetworkRoute, paris, "10.2.0.0/16", []);
    let options = PlanOptions { protect: vec!["network/par*".parse().unwrap()], ..apply() };
    let Planning::Refused(problems) = plan(&spec.0, &tenant.current(), &options) else { panic!() };
    assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), [Code::error(505); 2]);
    // As it is, it may be named.
    spec.0.items.truncate(1);
    spec.0.items[0].fields.insert("egress", FieldValue::Value(json!(false)));
    assert!(ready(&spec, &tenant, &options).is_empty());
}

#[test]
fn the_owner_and_the_defaults_are_not_renamed() {
    let tenant = Tenant::default()
        .with(Kind::UserGroup, json!({"id": "g1", "name": "Default"}))
        .with(Kind::User, json!({"id": "u1", "username": "saml", "authType": "SAML", "groupId": "g1"}))
        .with(Kind::AccessGroup, json!({"id": "a1", "name": "full", "defaultGroup": true}));
    let mut spec = Spec::default();
    let renamed = [(Kind::UserGroup, "g1"), (Kind::User, "u1"), (Kind::AccessGroup, "a1")];
    for (kind, id) in renamed {
        let item = spec.top(kind, "other", []);
        spec.pin(item, id, false);
    }
    assert_eq!(refused(&spec, &tenant), ["E505 name", "E505 username", "E505 name"]);
}
