//! `delete`: by name, by file, by what objects are, and all that a spec names.

use crate::{
    support::{assert_valid, keys},
    tenant::{OBJECTS, Tenant},
};
use serde_json::json;

#[test]
fn what_is_named_is_deleted_and_what_is_not_there_is_already_gone() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let report = tenant.run("delete networks paris nowhere -y -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded")[..2], ["network/paris", "network/nowhere"]);
    assert_eq!(report["succeeded"][1]["note"], "already gone");
    assert_eq!(tenant.updates(), ["DELETE /networks/{id}"], "children go with their network");
    assert_eq!(tenant.names("networks"), ["oslo", "rome"]);

    tenant.calls();
    let again = tenant.run("delete networks paris -y -o json").exits(0).json();
    assert_eq!(again["succeeded"][0]["note"], "already gone");
    assert_eq!(tenant.updates(), [""; 0]);
}

#[test]
fn children_ids_and_files_name_objects_too() {
    let tenant = Tenant::with(OBJECTS);
    let id = tenant.get("networks", "oslo")["id"].as_str().unwrap().to_owned();
    tenant.run("delete network-connectors paris/paris-1 -y").exits(0);
    assert_eq!(tenant.names("network-connectors"), ["paris/paris-2", "rome/rome-1"]);
    tenant.words(&["delete", "networks", &id, "-y"]).exits(0);
    tenant.bench.file("gone.yaml", "- ada\n- { username: bob, group: whatever }\n- nobody\n");
    let report = tenant.run("delete users -f gone.yaml -y -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(
        tenant.names("users").iter().filter(|name| ["ada", "bob"].contains(&name.as_str())).count(),
        0
    );
    assert_eq!(tenant.names("networks"), ["paris", "rome"]);
}

#[test]
fn what_an_expression_finds_must_be_meant() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let words = ["delete", "users", "--where", "group == 'interns'", "-y"];
    let came = tenant.words(&words).exits(3);
    assert!(came.stderr.contains("--max-deletes 2"), "{}", came.stderr);
    assert_eq!(tenant.updates(), [""; 0]);
    tenant.words(&[&words[..], &["--max-deletes", "1"]].concat()).exits(3);
    tenant.words(&[&words[..], &["--max-deletes", "2"]].concat()).exits(0);
    assert_eq!(tenant.updates(), ["DELETE /users/{id}"; 2]);
}

#[test]
fn a_large_part_of_a_kind_must_be_meant_unless_it_is_named() {
    let networks: Vec<_> = (0..12).map(|i| json!({ "name": format!("net-{i}"), "egress": true })).collect();
    let tenant = Tenant::with(&json!({ "networks": networks }).to_string());
    tenant.calls();
    tenant.run("delete networks net-* -y").exits(3);
    tenant.run("delete networks net-1 net-1? -y").exits(0);
    assert_eq!(tenant.updates().len(), 3, "few need not be said");
    tenant.run("delete networks net-2 net-3 net-4 net-5 net-6 -y").exits(0);
    assert_eq!(tenant.updates().len(), 5, "what is named counts as meant");
}

#[test]
fn a_spec_is_taken_down_dependents_first() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let report = tenant.run("delete -f tenant.yaml -y -o json").exits(0).json();
    assert_valid(&report);
    let calls = tenant.updates();
    // The service refuses to delete a group that has members: all succeeded, so users went before their groups.
    assert_eq!(calls.iter().filter(|call| call.contains("/user-groups/")).count(), 2);
    assert_eq!(calls.len(), 3 + 2 + 3, "{calls:?}");
    assert_eq!(tenant.names("networks"), [""; 0]);
}

#[test]
fn settings_are_refused_one_by_one_and_what_can_go_goes() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let forms = [
        (
            "all.yaml",
            "networks: [{ name: oslo }]\nsettings: { wpc: { snat: true }, dns: { proxy_enabled: true } }\n",
        ),
        (
            "all.json",
            r#"{"settings": [{"key": "wpc.snat", "value": true}, "dns.proxy_enabled"], "networks": ["rome"]}"#,
        ),
    ];
    for (file, spec) in forms {
        tenant.bench.file(file, spec);
        let report = tenant.run(&format!("delete -f {file} -y -o json")).exits(4).json();
        assert_valid(&report);
        assert_eq!(keys(&report, "failed"), ["setting/wpc.snat", "setting/dns.proxy_enabled"]);
        for failed in report["failed"].as_array().unwrap() {
            assert_eq!(failed["error_type"], "UnknownKind");
            assert!(failed["error"].as_str().unwrap().contains("settings cannot be deleted"), "{failed}");
            assert!(failed["attempts"].is_null() || failed["attempts"] == 0, "{failed}");
        }
        assert_eq!(tenant.updates(), ["DELETE /networks/{id}"]);
    }
    assert_eq!(tenant.names("networks"), ["paris"]);

    // A command of another kind takes its own, and fails each setting.
    tenant.bench.file("some.yaml", "settings: { wpc: { snat: 7 } }\nusers: [ada]\nnetworks: [paris]\n");
    for (command, taken, status) in [
        ("update users", "user/ada", 4),
        ("suspend users", "user/ada", 4),
        ("delete networks", "network/paris", 4),
    ] {
        let report = tenant.run(&format!("{command} -f some.yaml -y -o json")).exits(status).json();
        assert_valid(&report);
        let failed = keys(&report, "failed");
        assert!(failed.contains(&"setting/wpc.snat".to_owned()), "{command}: {failed:?}");
        assert!(!failed.contains(&taken.to_owned()), "{command}: {failed:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let tenant = Tenant::with("");
    tenant.bench.file("settings.yaml", "settings: { wpc: { snat: true } }\n");
    for line in [
        "delete",
        "delete networks",
        "delete settings wpc.snat",
        "delete settings -f settings.yaml",
        "do suspend settings -f settings.yaml",
        "suspend networks -f settings.yaml",
        "update allow-domains -f settings.yaml",
        "delete planets mars",
    ] {
        tenant.run(line).exits(64);
    }
}
