//! `update`: items of files, and fields for whatever is named.

use crate::{
    support::{assert_valid, keys},
    tenant::{OBJECTS, Tenant},
};
use serde_json::json;
use std::fs;

#[test]
fn what_is_named_gets_the_fields_and_nothing_else_is_called() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let report = tenant.run("update networks paris rome --set description=new -y -o json").exits(0).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["network/paris", "network/rome"]);
    assert_eq!(report["succeeded"][0]["action"], "update");
    assert_eq!(report["succeeded"][0]["item"], json!({ "name": "paris", "description": "new" }));
    assert_eq!(tenant.calls(), ["GET /networks", "PUT /networks/{id}", "PUT /networks/{id}"]);
    assert_eq!(tenant.get("networks", "paris")["description"], "new");
    assert_eq!(tenant.get("networks", "paris")["egress"], false);

    tenant.calls();
    let again = tenant.run("update networks paris rome --set description=new -y -o json").exits(0).json();
    assert_eq!(again["succeeded"][1]["action"], "no-op");
    assert_eq!(tenant.calls(), ["GET /networks"]);

    tenant.run("update networks paris --unset description --set egress=TRUE -y").exits(0);
    let paris = tenant.get("networks", "paris");
    assert_eq!((paris.get("description"), &paris["egress"]), (None, &json!(true)));
}

#[test]
fn an_item_without_an_object_fails_alone_and_before_any_call() {
    let tenant = Tenant::with(OBJECTS);
    let items = "- { name: paris, description: one }\n- { description: nameless }\n- { name: nowhere, description: two }\n\
                 - { id: 3f0c0a52-8a1e-4f6e-9a55-0c8a1d1f9b11, description: three }\n- { name: rome, description: four }\n";
    let file = tenant.bench.file("items.yaml", items);
    tenant.calls();
    let report = tenant.run("update networks -f items.yaml -y -o json").exits(4).json();
    assert_valid(&report);
    assert_eq!(keys(&report, "succeeded"), ["network/paris", "network/rome"]);
    let failed = report["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 3, "{report:#}");
    for change in failed {
        assert_eq!(change["error_type"], "ValidationError", "{change:#}");
        assert_eq!(change["attempts"].as_u64().unwrap_or(0), 0);
    }
    assert_eq!(failed[1]["key"], "nowhere");
    assert_eq!(tenant.updates(), ["PUT /networks/{id}", "PUT /networks/{id}"]);
    assert_eq!(tenant.names("networks"), ["oslo", "paris", "rome"], "nothing is created");
    assert_eq!(fs::read_to_string(file).unwrap(), items, "the input is left as it was");

    let named = tenant.run("update networks nowhere oslo --set description=x -y -o json").exits(4).json();
    assert_eq!(keys(&named, "failed"), ["network/nowhere"]);
    assert_eq!(keys(&named, "succeeded"), ["network/oslo"]);
    // What is written to be mended is in the items' own form.
    let failures = fs::read_to_string(named["failures_file"].as_str().unwrap()).unwrap();
    assert!(failures.contains("name: nowhere") && failures.contains("description: x"), "{failures}");
}

#[test]
fn lists_change_by_elements() {
    let tenant = Tenant::with(OBJECTS);
    let group = |fields: &str| {
        tenant.words(
            &[&["update", "user-groups", "engineers", "-y"], &*fields.split(' ').collect::<Vec<_>>()]
                .concat(),
        )
    };
    group("--add tunnel_bypass=203.0.113.0/24|198.51.100.0/24").exits(0);
    let bypass = |tenant: &Tenant| tenant.get("user-groups", "engineers")["tunnel_bypass"].clone();
    assert_eq!(bypass(&tenant), json!(["198.51.100.0/24", "203.0.113.0/24"]));
    tenant.calls();
    group("--add tunnel_bypass=203.0.113.0/24").exits(0);
    assert_eq!(tenant.updates(), [""; 0], "what is in it already changes nothing");
    group("--remove tunnel_bypass=198.51.100.0/24").exits(0);
    assert_eq!(bypass(&tenant), json!(["203.0.113.0/24"]));
    group("--add regions=it-mxp").exits(0);
    assert_eq!(tenant.get("user-groups", "engineers")["regions"], json!(["eu-central-1", "it-mxp"]));

    // References by name, over all of several users.
    tenant.run("update users ada --add secondary_groups=interns -y").exits(0);
    assert_eq!(tenant.get("users", "ada")["secondary_groups"], json!(["interns"]));
    tenant.run("update users ada bob --remove secondary_groups=Interns -y").exits(0);
    assert_eq!(tenant.get("users", "ada").get("secondary_groups"), None);

    // All regions are in already.
    tenant.calls();
    tenant.run("update user-groups interns --add regions=it-mxp -y").exits(0);
    assert_eq!(tenant.updates(), [""; 0]);
}

#[test]
fn flags_that_cannot_be_meant_are_usage_errors() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    for (line, said) in [
        ("update networks paris --set descripton=x", "descripton"),
        ("update networks paris --set egress=maybe", "egress"),
        ("update networks paris --set description", "FIELD=VALUE"),
        ("update networks paris --set description=", "--unset"),
        ("update networks paris --unset egress", "egress"),
        ("update networks paris --add description=x", "no list"),
        ("update networks paris --set description=a --set description=b", "twice"),
        ("update networks paris rome --set name=lyon", "one object"),
        ("update networks paris", "--set"),
        ("update networks", "-f"),
        ("update networks pa[ris --set description=x", "glob"),
        ("update block-domains a.example --set comment=x", "created and deleted"),
        ("update planets mars --set name=x", "planets"),
    ] {
        let came = tenant.run(line).exits(64);
        assert!(came.stderr.contains(said), "{line}: {}", came.stderr);
        assert_eq!(tenant.updates(), [""; 0], "{line}");
    }
}

#[test]
fn a_rename_keeps_the_object() {
    let tenant = Tenant::with(OBJECTS);
    let id = tenant.get("networks", "oslo")["id"].clone();
    tenant.calls();
    tenant.run("update networks oslo --set name=bergen -y").exits(0);
    assert_eq!(tenant.updates(), ["PUT /networks/{id}"]);
    assert_eq!(tenant.get("networks", "bergen")["id"], id);
}

#[test]
fn a_dry_run_shows_old_and_new() {
    let tenant = Tenant::with(OBJECTS);
    tenant.calls();
    let plan = tenant.run("update networks paris nowhere --set description=new -n -o json").exits(4).json();
    assert_valid(&plan);
    assert_eq!(plan["changes"][0]["fields"]["description"], json!(["office", "new"]));
    assert_eq!(keys(&plan, "refused"), ["network/nowhere"]);
    assert_eq!(tenant.updates(), [""; 0]);
    // Nobody is there to be asked.
    tenant.run("update networks paris --set description=new").exits(3);
    assert_eq!(tenant.updates(), [""; 0]);
}
