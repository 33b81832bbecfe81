//! Applications, IP services, access groups, location contexts, device postures and settings, from the text of a spec to
//! the calls and back: what was made is seen to be as desired, in the forms in which the API shows it.

mod kinds_support;

use connexa_engine::{
    plan::{Mode, Plan, PlanOptions, Planning, Prune},
    select::Expression,
};
use connexa_types::{CallBody, Kind};
use kinds_support::Tenant;
use serde_json::{Value, json};

/// The only call of a plan, `METHOD PATH`, its query and its body.
fn only_call(plan: &Plan) -> (String, Vec<String>, Option<CallBody>) {
    assert_eq!(plan.operations.len(), 1, "{:#?}", plan.operations);
    let call = &plan.operations[0].call;
    let query = call.query.iter().map(|(name, _)| name.clone()).collect();
    (call.endpoint.to_string(), query, call.body.clone())
}

fn body(plan: &Plan) -> Value {
    match only_call(plan).2 {
        Some(CallBody::Json(body)) => body,
        other => panic!("no JSON: {other:?}"),
    }
}

fn cleared(plan: &Plan) -> Vec<&str> {
    plan.operations[0].cleared.iter().map(|cleared| cleared.field.as_str()).collect()
}

/// Carries a spec out and sees that nothing is left to do, in no call.
fn settle(tenant: &mut Tenant, text: &str) -> Plan {
    let plan = tenant.plan(text);
    tenant.carry_out(&plan);
    let again = tenant.plan(text);
    assert!(again.is_empty(), "not as desired: {:#?}\n{:#?}", again.changes, tenant.lists);
    assert!(
        again.changes.iter().all(|change| change.note.as_deref() == Some("no-op")),
        "{:#?}",
        again.changes
    );
    plan
}

#[test]
fn applications() {
    let mut tenant = Tenant::new();
    let text = "
network_applications:
  - network: HQ
    name: wiki
    description: the wiki
    domains: [wiki.corp.example, { domain: Docs.corp.example, exact_match: true }]
    services: [https, tcp/8000-8100, tcp/22, icmp/8, udp]
";
    let plan = settle(&mut tenant, text);
    assert_eq!(plan.changes[0].key, "hq/wiki");
    assert_eq!(only_call(&plan).1, ["networkId"]);
    assert_eq!(
        body(&plan),
        json!({
            "name": "wiki", "description": "the wiki",
            "routes": [
                {"value": "wiki.corp.example", "allowEmbeddedIp": false, "exactMatch": false},
                {"value": "Docs.corp.example", "allowEmbeddedIp": false, "exactMatch": true},
            ],
            "config": {
                "serviceTypes": ["HTTPS", "CUSTOM"],
                "customServiceTypes": [
                    {"protocol": "TCP", "port": [
                        {"lowerValue": 22, "upperValue": 22}, {"lowerValue": 8000, "upperValue": 8100},
                    ]},
                    {"protocol": "UDP"},
                    {"protocol": "ICMP", "icmpType": [{"lowerValue": 8, "upperValue": 8}]},
                ],
            },
        })
    );
    // What is not named goes back as it was read, in the request's form; what this version does not know stays.
    tenant.lists.get_mut(&Kind::NetworkApplication).unwrap()[0]["config"]["serviceTypes"] = json!(["QUIC"]);
    let plan =
        settle(&mut tenant, "network_applications: [{ network: hq, name: wiki, description: a wiki }]");
    let sent = body(&plan);
    assert_eq!(
        sent["routes"],
        json!([
            {"value": "Docs.corp.example", "allowEmbeddedIp": false, "exactMatch": true},
            {"value": "wiki.corp.example", "allowEmbeddedIp": false, "exactMatch": false},
        ])
    );
    assert_eq!(sent["config"]["serviceTypes"], json!(["QUIC"]));
    assert!(plan.operations[0].call.query.is_empty(), "only a create names the parent");

    let plan = settle(
        &mut tenant,
        "network_applications: [{ network: hq, name: wiki, description: null, services: null }]",
    );
    let sent = body(&plan);
    assert_eq!(sent["config"], json!({"serviceTypes": [], "customServiceTypes": []}));
    assert!(sent.get("description").is_none());
    assert_eq!(cleared(&plan), ["description", "services"]);
}

#[test]
fn applications_of_hosts_have_no_exact_match() {
    let mut tenant = Tenant::new();
    let text = "hosts: [{ name: bastion, applications: [{ name: wiki, domains: [a.example, { domain: b.example, allow_embedded_ip: true }] }] }]";
    let plan = settle(&mut tenant, text);
    assert_eq!(
        body(&plan)["routes"],
        json!([{"value": "a.example", "allowEmbeddedIp": false}, {"value": "b.example", "allowEmbeddedIp": true}])
    );
    settle(&mut tenant, &text.replace("a.example, ", ""));
}

#[test]
fn ip_services() {
    let mut tenant = Tenant::new();
    let text = "
networks:
  - name: hq
    ip_services:
      - { name: lan, type: ip_source, routes: [10.10.0.0/16, 10.10.4.0/24], services: [any] }
host_ip_services:
  - { host: bastion, name: ssh, services: [ssh] }
";
    let plan = settle(&mut tenant, text);
    assert_eq!(plan.operations.len(), 2);
    let Some(CallBody::Json(sent)) = &plan.operations[0].call.body else { panic!("a body") };
    assert_eq!(sent["routes"], json!([{"value": "10.10.0.0/16"}, {"value": "10.10.4.0/24"}]));
    assert_eq!(sent["config"], json!({"serviceTypes": ["ANY"], "customServiceTypes": []}));
    // Host bits of live values are cleared for comparison, and go back as they were read.
    let plan =
        settle(&mut tenant, "network_ip_services: [{ network: hq, name: lan, type: service_destination }]");
    assert_eq!(
        body(&plan),
        json!({
            "name": "lan", "type": "SERVICE_DESTINATION",
            "routes": [{"value": "10.10.4.0/24"}, {"value": "10.10.7.9/16"}],
            "config": {"serviceTypes": ["ANY"], "customServiceTypes": []},
        })
    );
    let plan = settle(&mut tenant, "network_ip_services: [{ network: hq, name: lan, routes: [] }]");
    assert_eq!((&body(&plan)["routes"], cleared(&plan)), (&json!([]), vec!["routes"]));
}

#[test]
fn names_of_children_are_those_of_their_parent() {
    let tenant = Tenant::new();
    let text = "
networks: [{ name: hq, applications: [{ name: wiki, domains: [a.example] }] }, { name: paris, applications: [{ name: wiki, domains: [b.example] }] }]
";
    let plan = tenant.plan(text);
    let mut made = tenant.clone();
    made.carry_out(&plan);
    assert!(made.plan(text).is_empty());
    // Two of one name under one parent are two only by their ids.
    let list = made.lists.get_mut(&Kind::NetworkApplication).unwrap();
    let (mut twin, id) = (list[0].clone(), list[0]["id"].as_str().unwrap().to_owned());
    twin["id"] = json!("twin");
    list.push(twin);
    assert_eq!(made.problems(text), ["E502 applications[0].name"]);
    let by_id = format!("network_applications: [{{ id: {id}, description: the first }}]");
    assert_eq!(made.plan(&by_id).operations.len(), 1);
}

const ACCESS: &str = "
networks:
  - name: paris
    routes: [10.20.0.0/16]
    applications: [{ name: wiki, domains: [wiki.corp.example] }]
    ip_services: [{ name: lan, type: ip_source, routes: [10.20.0.0/16], services: [any] }]
host_ip_services: [{ host: bastion, name: ssh, services: [ssh] }]
access_groups:
  - name: engineers to paris
    source: [{ user_groups: [engineers, Default] }, { network: paris, ip_services: [lan] }, { host: bastion, all: true }]
    destination:
      - { network: paris, applications: [wiki], ip_services: [lan] }
      - { networks: [hq] }
      - { host: bastion, ip_services: [ssh] }
      - { published_services: [p1] }
";

#[test]
fn access_groups() {
    let mut tenant = Tenant::new();
    let plan = settle(&mut tenant, ACCESS);
    let group = plan.operations.iter().find(|operation| operation.kind == Kind::AccessGroup).unwrap();
    let Some(CallBody::Json(sent)) = &group.call.body else { panic!("a body") };
    assert_eq!(
        sent["source"],
        json!([
            {"type": "USER_GROUP", "allCovered": false, "children": ["g1", "g0"]},
            {"type": "NETWORK_SERVICE", "allCovered": false, "parent": null, "children": [null]},
            {"type": "HOST", "allCovered": true, "parent": "h1"},
        ])
    );
    assert_eq!(
        sent["destination"][3],
        json!({"type": "PUBLISHED_SERVICE", "allCovered": false, "children": ["p1"]})
    );
    let mut open: Vec<String> = group.call.outputs.keys().map(ToString::to_string).collect();
    open.sort_unstable();
    assert_eq!(
        open,
        [
            "/destination/0/children/0",
            "/destination/0/children/1",
            "/destination/0/parent",
            "/destination/2/children/0",
            "/source/1/children/0",
            "/source/1/parent",
        ]
    );
    // The order, and repetitions, are nothing.
    let text = "
access_groups:
  - name: engineers to paris
    source: [{ host: bastion, all: true }, { network: paris, ip_services: [lan] }, { user_groups: [Default] }, { user_groups: [engineers, Default] }]
";
    assert!(tenant.plan(text).is_empty());
    // The other side goes back as it was read.
    let text = "access_groups: [{ name: engineers to paris, description: '', source: [{ user_groups: all }, { hosts: all }] }]";
    let plan = settle(&mut tenant, text);
    let sent = body(&plan);
    assert_eq!(
        sent["source"],
        json!([{"type": "USER_GROUP", "allCovered": true}, {"type": "HOST", "allCovered": true}])
    );
    assert_eq!(
        sent["destination"][2],
        json!({"type": "NETWORK_SERVICE", "allCovered": true, "parent": "n1"})
    );
    assert!(settle(&mut tenant, ACCESS).operations.len() == 1);
}

#[test]
fn references_under_a_parent() {
    let mut tenant = Tenant::new();
    let text = "access_groups: [{ name: x, source: [{ user_groups: all }], destination: [{ network: hq, applications: [wikki] }] }]";
    assert_eq!(tenant.problems(text), ["E501 destination[0].applications[0]"]);
    tenant
        .carry_out(&tenant.plan("network_applications: [{ network: hq, name: wiki, domains: [a.example] }]"));
    let Planning::Refused(problems) = tenant.planning(text) else { panic!("refused") };
    assert_eq!(
        problems[0].message,
        "there is no network application `wikki` in network `hq`, neither in the spec nor in the tenant"
    );
    assert_eq!(problems[0].hint.as_deref(), Some("did you mean `wiki`?"));
    // A parent that is not there is one problem, not one for each child as well.
    assert_eq!(tenant.problems(&text.replace("hq", "nowhere")), ["E501 destination[0].network"]);
    // The application of another network is none of this one.
    let paris =
        "networks: [{ name: paris }]\n".to_owned() + &text.replace("hq", "paris").replace("wikki", "wiki");
    assert_eq!(tenant.problems(&paris), ["E501 destination[0].applications[0]"]);
    assert!(tenant.plan(&text.replace("wikki", "wiki")).operations.len() == 1);
    let list = tenant.lists.get_mut(&Kind::NetworkApplication).unwrap();
    let mut twin = list[0].clone();
    twin["id"] = json!("twin");
    list.push(twin);
    assert_eq!(tenant.problems(&text.replace("wikki", "wiki")), ["E502 destination[0].applications[0]"]);
    assert!(tenant.plan(&text.replace("[wikki]", "[{ id: twin }]")).operations.len() == 1);
}

#[test]
fn location_contexts() {
    let mut tenant = Tenant::new();
    let text = "
location_contexts:
  - name: offices
    user_groups: [engineers]
    ip_check: { allowed: true, ips: [192.0.2.0/24, { ip: 198.51.100.7/32, description: plant }] }
    country_check: { allowed: true, countries: [fr, IT] }
    default_check: false
";
    let plan = settle(&mut tenant, text);
    assert_eq!(
        body(&plan),
        json!({
            "name": "offices", "userGroupsIds": ["g1"],
            "ipCheck": {"allowed": true, "ips": [{"ip": "192.0.2.0/24"}, {"ip": "198.51.100.7/32", "description": "plant"}]},
            "countryCheck": {"allowed": true, "countries": ["FR", "IT"]},
            "defaultCheck": {"allowed": false},
        })
    );
    let plan = settle(
        &mut tenant,
        "location_contexts: [{ name: Offices, ip_check: { ips: [192.0.2.0/25] }, default_check: true }]",
    );
    let fields: Vec<&String> = plan.changes[0].fields.keys().collect();
    assert_eq!(fields, ["default_check.allowed", "ip_check.ips"]);
    let sent = body(&plan);
    assert_eq!(
        (&sent["ipCheck"], &sent["name"]),
        (&json!({"allowed": true, "ips": [{"ip": "192.0.2.0/25"}]}), &json!("offices"))
    );
    let plan =
        settle(&mut tenant, "location_contexts: [{ name: offices, country_check: null, user_groups: null }]");
    let sent = body(&plan);
    assert!(sent.get("countryCheck").is_none());
    assert_eq!(sent["userGroupsIds"], json!([]));
    assert_eq!(cleared(&plan), ["user_groups", "country_check"]);
    assert_eq!(tenant.problems("location_contexts: [{ name: offices, ip_check: null }]"), ["E461 -"]);
}

#[test]
fn device_postures() {
    let mut tenant = Tenant::new();
    let text = "
device_postures:
  - name: patched
    user_groups: [engineers]
    windows: { allowed: true, version: { version: '10.0', condition: gte }, antiviruses: [eset, avast], disk_encryption: { type: full_disk } }
    macos: { allowed: true, disk_encrypted: true }
    linux: true
";
    let plan = settle(&mut tenant, text);
    assert_eq!(
        body(&plan)["windows"],
        json!({
            "allowed": true, "version": {"version": "10.0", "condition": "GTE"},
            "antiviruses": ["ESET", "AVAST"], "diskEncryption": {"type": "FULL_DISK"},
        })
    );
    let text = "
device_postures: [{ name: patched, windows: { antiviruses: null, version: { condition: equal } }, linux: null, macos: { disk_encrypted: null } }]";
    let plan = settle(&mut tenant, text);
    let sent = body(&plan);
    assert_eq!(
        sent["windows"],
        json!({
            "allowed": true, "version": {"version": "10.0", "condition": "EQUAL"},
            "antiviruses": [], "diskEncryption": {"type": "FULL_DISK"},
        })
    );
    assert_eq!((sent.get("linux"), &sent["macos"]), (None, &json!({"allowed": true})));
    assert_eq!(cleared(&plan), ["windows.antiviruses", "macos.disk_encrypted", "linux"]);
    // The service shows certificates here: one that is not there is not as desired.
    let text = "device_postures: [{ name: patched, macos: { certificate: PEM } }]";
    assert_eq!(body(&settle(&mut tenant, text))["macos"]["certificate"], "PEM");
}

#[test]
fn settings() {
    let mut tenant = Tenant::new();
    let text = "
settings:
  wpc:
    topology: custom
    subnet: { ipv4: [100.96.0.0/11, 10.200.0.0/16] }
    snat: true
    ip_allocation_mode: both
    domain_routing_subnet: { ipv4: 100.64.0.0/12 }
    default_region: it-mxp
    client_options: [b, a]
  users: { connection_timeout: 60 }
  user: { device_allowance: 5, profile_distribution: manual, connect_auth: every_time }
  dns:
    zones: [{ name: corp.example, addresses: [10.10.0.53] }]
    default_suffix: corp.example
    custom_servers: { primary: 10.10.0.53 }
  auth: { trusted_devices_allowed: false }
  dns_log: true
  access_visibility: false
";
    let plan = settle(&mut tenant, text);
    let shown: Vec<String> = plan
        .operations
        .iter()
        .map(|operation| {
            let body = match &operation.call.body {
                Some(CallBody::Json(json)) => format!(" {json}"),
                Some(CallBody::Text(text)) => format!(" text {text}"),
                None => String::new(),
            };
            format!("{}{body}", operation.call.endpoint)
        })
        .collect();
    let mut shown = shown;
    shown.sort_unstable();
    assert_eq!(shown, EXPECTED_CALLS);
    assert!(plan.changes.iter().all(|change| change.id.is_none()), "settings have no ids");
    // Listed zones are set, others stay in their order, new ones go last.
    let zones = "settings: { dns: { zones: [{ name: b.example, addresses: ['2001:db8::1', 10.0.0.1] }, { name: CORP.example, addresses: [10.10.0.54] }] } }";
    let plan = settle(&mut tenant, zones);
    assert_eq!(
        body(&plan),
        json!({"zones": [
            {"name": "CORP.example", "addresses": ["10.10.0.54"]},
            {"name": "b.example", "addresses": ["2001:db8::1", "10.0.0.1"]},
        ]})
    );
    assert!(tenant.plan("settings: { dns: { zones: [] } }").operations.len() == 1, "an empty list is null");
    let nothing = "settings: { wpc: { client_options: null }, dns: { zones: null, default_suffix: null, custom_servers: null } }";
    let plan = settle(&mut tenant, nothing);
    let mut bodies: Vec<String> = plan
        .operations
        .iter()
        .map(|operation| format!("{:?}", operation.call.body.as_ref().unwrap()))
        .collect();
    bodies.sort_unstable();
    assert_eq!(
        bodies,
        ["Json(Array [])", "Json(Object {\"zones\": Array []})", "Json(Object {})", "Text(\"\")"]
    );
}

/// Absent parts go along as they were read.
const EXPECTED_CALLS: &[&str] = &[
    "PUT /dns-log/user-dns-resolutions/enable",
    "PUT /settings/auth/trusted-devices-allowed false",
    r#"PUT /settings/dns/custom-servers {"primaryIpV4":"10.10.0.53"}"#,
    "PUT /settings/dns/default-suffix text corp.example",
    r#"PUT /settings/dns/zones {"zones":[{"name":"corp.example","addresses":["10.10.0.53"]}]}"#,
    "PUT /settings/user/connect-auth text EVERY_TIME",
    "PUT /settings/user/device-allowance 5",
    "PUT /settings/user/profile-distribution text MANUAL",
    "PUT /settings/users/connection-timeout 60",
    r#"PUT /settings/wpc/client-options ["b","a"]"#,
    "PUT /settings/wpc/default-region text it-mxp",
    r#"PUT /settings/wpc/domain-routing-subnet {"ipV4Address":"100.64.0.0/12","ipV6Address":"fd:0:0:4000::/50"}"#,
    "PUT /settings/wpc/snat true",
    r#"PUT /settings/wpc/subnet {"ipV4Address":["100.96.0.0/11","10.200.0.0/16"],"ipV6Address":["fd:0:0:8000::/49"]}"#,
    "PUT /settings/wpc/topology text CUSTOM",
];

#[test]
fn absent_parts_of_settings_go_back_as_they_were_read() {
    let mut tenant = Tenant::new();
    let text = "settings: { wpc: { subnet: { ipv6: ['fd00:1::/48'] } }, dns: { custom_servers: { primary: 10.0.0.1, secondary: 10.0.0.2 } } }";
    settle(&mut tenant, text);
    assert_eq!(tenant.settings["wpc.subnet"]["ipV4Address"], json!(["100.96.0.0/11"]));
    settle(&mut tenant, "settings: { dns: { custom_servers: { primary: 10.0.0.3 } } }");
    assert_eq!(
        tenant.settings["dns.custom_servers"],
        json!({"primaryIpV4": "10.0.0.3", "secondaryIpV4": "10.0.0.2"})
    );
}

#[test]
fn parts_that_cannot_be_read_are_left_alone() {
    let mut tenant = Tenant::new();
    tenant.settings.insert("wpc.ip_allocation_mode", json!("IP_V4_ONLY"));
    tenant.settings.insert("wpc.subnet", json!({"ipV4Address": ["100.96.0.0/11"]}));
    tenant.settings.insert("wpc.domain_routing_subnet", json!({"ipV4Address": "100.80.0.0/12"}));
    let text = "settings: { wpc: { subnet: { ipv6: ['fd00:1::/48'] }, domain_routing_subnet: { ipv4: 100.64.0.0/12, ipv6: 'fd00:2::/48' } } }";
    let plan = tenant.plan(text);
    assert_eq!(body(&plan), json!({"ipV4Address": "100.64.0.0/12"}));
    let notes: Vec<Option<&str>> = plan.changes.iter().map(|change| change.note.as_deref()).collect();
    assert_eq!(
        notes,
        [
            Some("no-op; `value.ipv6` cannot be compared and counts as equal"),
            Some("`value.ipv6` cannot be compared and counts as equal")
        ]
    );
    // Where answers hold IPv6, what they do not hold is unset.
    tenant.settings.insert("wpc.ip_allocation_mode", json!("BOTH"));
    assert_eq!(tenant.plan(text).operations.len(), 2);
}

#[test]
fn rules_with_the_tenant() {
    let mut tenant = Tenant::new();
    // W510: neither in a live route of its network nor in one of the spec; the last one is.
    let text = "
networks: [{ name: hq, routes: [10.30.0.0/16], ip_services: [
  { name: lan, type: service_destination, routes: [10.10.4.0/24, 10.40.0.0/24, 10.0.0.0/8, 10.30.1.0/24] }] }]";
    let out = ["W510 ip_services[0].routes[1]", "W510 ip_services[0].routes[2]"];
    assert_eq!(tenant.problems(text), out);
    // W453: the type is the tenant's to tell.
    tenant.carry_out(
        &tenant.plan("network_ip_services: [{ network: hq, name: lan, type: service_destination }]"),
    );
    let text = "access_groups: [{ name: x, source: [{ network: hq, ip_services: [lan] }], destination: [{ networks: all }] }]";
    assert_eq!(tenant.problems(text), ["W453 source[0].ip_services[0]"]);
    let own = format!("network_ip_services: [{{ network: hq, name: lan, type: ip_source }}]\n{text}");
    assert_eq!(tenant.problems(&own), [""; 0]);
    // W406: what the plan reads anyway, and only what the spec leaves as it is.
    let route = "networks: [{ name: hq, routes: [100.100.0.0/16] }]";
    assert_eq!(tenant.problems(route), [""; 0], "the subnets are not read only to warn");
    let read = format!("{route}\nsettings: {{ wpc: {{ subnet: {{ ipv6: ['fd00:1::/48'] }} }} }}");
    assert_eq!(tenant.problems(&read), ["W406 routes[0].subnet"]);
    let moved = format!("{route}\nsettings: {{ wpc: {{ subnet: {{ ipv4: [10.200.0.0/16] }} }} }}");
    assert_eq!(tenant.problems(&moved), [""; 0]);
    // E404: the spec itself allows or forbids the overlap.
    let route = "networks: [{ name: paris, routes: [10.10.4.0/24] }]";
    let setting = "settings: { wpc: { routes_advanced_configuration_enabled: ";
    assert_eq!(tenant.problems(route), ["E404 routes[0].subnet"]);
    assert_eq!(tenant.problems(&format!("{route}\n{setting}true }} }}")), [""; 0]);
    tenant.settings.insert("wpc.routes_advanced_configuration_enabled", json!(true));
    assert_eq!(tenant.problems(route), [""; 0]);
    assert_eq!(tenant.problems(&format!("{route}\n{setting}false }} }}")), ["E404 routes[0].subnet"]);
    // W491*: as the setting will be.
    let secondary = "settings: { dns: { custom_servers: { secondary: 10.0.0.2 } } }";
    assert_eq!(tenant.problems(secondary), ["W491 value"]);
    tenant.settings.insert("dns.custom_servers", json!({"primaryIpV4": "10.0.0.1"}));
    assert_eq!(tenant.problems(secondary), [""; 0]);
    // E113*: a new location context needs its default; one that is there has it.
    let text = "location_contexts: [{ name: x, country_check: { countries: [FR] } }]";
    assert_eq!(tenant.problems(text), ["E113 default_check"]);
    let made = text
        .replace("{ countries", "{ allowed: true, countries")
        .replace("] } }", "] }, default_check: true }");
    tenant.carry_out(&tenant.plan(&made));
    assert_eq!(tenant.problems(&text.replace("FR", "IT")), [""; 0]);
}

/// What an item says is checked with what the tenant has beside it.
#[test]
fn rules_of_policies_with_the_tenant() {
    let mut tenant = Tenant::new();
    let context = json!({
        "id": "l1", "name": "c", "defaultCheck": {"allowed": true},
        "ipCheck": {"allowed": true, "ips": [{"ip": "10.0.0.0/8"}]},
    });
    let posture = json!({"id": "p1", "name": "p", "windows": {"diskEncryption": {"type": "FULL_DISK"}}});
    tenant.lists.insert(Kind::LocationContext, vec![context]);
    tenant.lists.insert(Kind::DevicePosture, vec![posture]);
    for (text, expected) in [
        ("location_contexts: [{name: c, ip_check: null}]", &["E461 -"][..]),
        ("location_contexts: [{name: c, ip_check: false}]", &[]),
        ("location_contexts: [{name: d, default_check: true, ip_check: true}]", &["E462 ip_check.ips"]),
        (
            "device_postures: [{name: p, windows: {disk_encryption: {volume: C}}}]",
            &["W471 windows.disk_encryption.volume"],
        ),
    ] {
        assert_eq!(tenant.problems(text), expected, "{text}");
    }
}

#[test]
fn differences_are_shown_as_specs_write_them() {
    let mut tenant = Tenant::new();
    tenant.carry_out(&tenant.plan(ACCESS));
    tenant.settings.insert("dns.zones", json!({"zones": [{"name": "a.example", "addresses": ["10.0.0.1"]}]}));
    let text = "
networks:
  - name: paris
    applications: [{ name: wiki, domains: [b.example, { domain: a.example, exact_match: true }], services: [https, tcp/8000-8100, tcp/22, udp] }]
    ip_services: [{ name: lan, routes: [10.20.4.0/24], services: null }]
access_groups:
  - name: engineers to paris
    source: [{ user_groups: [engineers] }]
    destination: [{ network: paris, applications: [wiki], ip_services: [lan] }, { network: hq, all: true }, { hosts: [bastion] }, { published_services: [p2] }]
settings: { dns: { zones: [{ name: b.example, addresses: [10.0.0.2] }] }, wpc: { topology: custom } }
";
    let plan = tenant.plan(text);
    let shown = |key: &str, field: &str| {
        let change = plan.changes.iter().find(|change| change.key == key).unwrap();
        let [old, new] = &change.fields[field];
        format!("{old} → {new}")
    };
    // What no list of the plan shows is told by its id.
    for (key, field, expected) in [
        (
            "paris/wiki",
            "domains",
            r#"["wiki.corp.example"] → [{"domain":"a.example","exact_match":true},"b.example"]"#,
        ),
        ("paris/wiki", "services", r#"null → ["https","tcp/22","tcp/8000-8100","udp"]"#),
        ("paris/lan", "routes", r#"["10.20.0.0/16"] → ["10.20.4.0/24"]"#),
        ("paris/lan", "services", r#"["any"] → null"#),
        (
            "engineers to paris",
            "source",
            r#"[{"user_groups":["Default","engineers"]},{"network":"paris","ip_services":["lan"]},{"host":"bastion","all":true}] → [{"user_groups":["engineers"]}]"#,
        ),
        (
            "engineers to paris",
            "destination",
            r#"[{"network":"hq","all":true},{"network":"paris","applications":["wiki"],"ip_services":["lan"]},{"published_services":["p1"]},{"type":"host_service","all_covered":false,"parent":"h1","children":["host_ip_service-4"]}] → [{"network":"paris","applications":["wiki"],"ip_services":["lan"]},{"network":"hq","all":true},{"host":"bastion","all":true},{"published_services":["p2"]}]"#,
        ),
        (
            "dns.zones",
            "value",
            r#"[{"name":"a.example","addresses":["10.0.0.1"]}] → [{"name":"a.example","addresses":["10.0.0.1"]},{"name":"b.example","addresses":["10.0.0.2"]}]"#,
        ),
        ("wpc.topology", "value", r#""full_mesh" → "custom""#),
    ] {
        assert_eq!(shown(key, field), expected);
    }
}

#[test]
fn only_pruning_removes_zones() {
    let mut tenant = Tenant::new();
    let zone = |name: &str| json!({"name": name, "addresses": ["10.0.0.1"]});
    tenant
        .settings
        .insert("dns.zones", json!({"zones": [zone("a.example"), zone("b.example"), zone("c.test")]}));
    let text = "settings: { dns: { zones: [{ name: b.example, addresses: [10.0.0.1] }] } }";
    assert!(tenant.plan(text).is_empty());
    for (matching, left) in
        [(None, vec!["b.example"]), (Some("name.endsWith('.test')"), vec!["a.example", "b.example"])]
    {
        let matching = matching.map(|source| Expression::parse(source).unwrap());
        let options = PlanOptions {
            prune: vec![Prune { kind: Kind::Setting, matching }],
            ..PlanOptions::new(Mode::Apply, "apply")
        };
        let Planning::Ready(plan) = tenant.planning_with(text, &options) else { panic!("a plan") };
        let zones: Vec<Value> = left.into_iter().map(zone).collect();
        assert_eq!(body(&plan), json!({ "zones": zones }));
        let mut pruned = tenant.clone();
        pruned.carry_out(&plan);
        let Planning::Ready(plan) = pruned.planning_with(text, &options) else { panic!("a plan") };
        assert!(plan.is_empty());
    }
}
