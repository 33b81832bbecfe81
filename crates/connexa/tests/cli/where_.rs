//! `--where`: objects by what they are.

use crate::{
    support::keys,
    tenant::{OBJECTS, Tenant},
};

fn picked(tenant: &Tenant, expression: &str) -> Vec<String> {
    let words = ["update", "users", "--where", expression, "--set", "last_name=Lovelace", "-n", "-o", "json"];
    let mut keys = keys(&tenant.words(&words).exits(0).json(), "changes");
    keys.sort();
    keys
}

#[test]
fn an_expression_picks_by_fields_and_by_names_of_references() {
    let tenant = Tenant::with(OBJECTS);
    assert_eq!(picked(&tenant, "group == 'interns'"), ["user/bob", "user/cyd"]);
    assert_eq!(picked(&tenant, "group == 'interns' && has(item.first_name)"), ["user/cyd"]);
    assert_eq!(picked(&tenant, "first_name == 'Cyd' || username.startsWith('a')"), ["user/ada", "user/cyd"]);
    assert_eq!(picked(&tenant, "role == 'MEMBER' && email.endsWith('@example.com')").len(), 3);
    assert_eq!(picked(&tenant, "false"), [""; 0]);
}

#[test]
fn names_globs_and_the_expression_are_united_and_each_object_comes_once() {
    let tenant = Tenant::with(OBJECTS);
    let id = tenant.get("users", "bob")["id"].as_str().unwrap().to_owned();
    let words = [
        "update",
        "users",
        "cyd",
        "BOB",
        "b*",
        &id,
        "--where",
        "true",
        "--set",
        "last_name=X",
        "-n",
        "-o",
        "json",
    ];
    let plan = tenant.words(&words).exits(0).json();
    let keys = keys(&plan, "changes");
    assert_eq!(&keys[..3], ["user/cyd", "user/bob", "user/ada"], "as given, then by key: {keys:?}");

    let came = tenant.run("update users x* ada --set last_name=Y -n").exits(0);
    assert!(came.stderr.contains("no user matches `x*`"), "{}", came.stderr);
}

#[test]
fn globs_go_over_each_part_of_a_childs_key() {
    let tenant = Tenant::with(OBJECTS);
    let picked = |glob: &str| {
        let words = ["update", "network-connectors", glob, "--set", "description=d", "-n", "-o", "json"];
        let mut keys = keys(&tenant.words(&words).exits(0).json(), "changes");
        keys.sort();
        keys
    };
    let all = [
        "network_connector/paris/paris-1",
        "network_connector/paris/paris-2",
        "network_connector/rome/rome-1",
    ];
    assert_eq!(picked("*"), all);
    assert_eq!(picked("paris/*"), all[..2]);
    assert_eq!(picked("*/*-1"), [all[0], all[2]]);
    assert_eq!(picked("paris-?"), all[..2]);
    assert_eq!(picked("par*"), all[..2], "the own part, not the parent's");
    assert_eq!(picked("rome*/paris*"), [""; 0]);
}

#[test]
fn what_is_no_expression_of_the_kind_is_told_before_any_call() {
    let tenant = Tenant::with("");
    tenant.calls();
    for (expression, said) in [
        ("usernme == 'a'", "did you mean `username`?"),
        ("username ==", "--where"),
        ("username.startswith('a')", "did you mean `startsWith`?"),
        ("role == 'chief'", "it is one of"),
        ("", "empty"),
    ] {
        let came = tenant.words(&["delete", "users", "--where", expression]).exits(64);
        assert!(came.stderr.contains(said), "{expression}: {}", came.stderr);
        assert_eq!(tenant.calls(), [""; 0]);
    }
    let came = tenant.words(&["delete", "users", "--where", "username"]).exits(64);
    assert!(came.stderr.contains("not to true or false"), "{}", came.stderr);
}
