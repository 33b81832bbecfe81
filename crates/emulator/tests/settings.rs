//! Conformance of settings (API sections 5.20, 6.24 and 6.28; rows 35 to 39 of section 10).

mod kit;

use kit::{ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

/// Path, value of a fresh tenant, another value; texts are raw texts on the wire.
fn settings() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("wpc/topology", json!("FULL_MESH"), json!("CUSTOM")),
        (
            "wpc/subnet",
            json!({"ipV4Address": ["100.96.0.0/11"], "ipV6Address": ["fd:0:0:8000::/49"]}),
            json!({"ipV4Address": ["10.128.0.0/9"], "ipV6Address": []}),
        ),
        ("wpc/snat", json!(false), json!(true)),
        ("wpc/routes-advanced-configuration-enabled", json!(false), json!(true)),
        (
            "wpc/domain-routing-subnet",
            json!({"ipV4Address": "100.80.0.0/12", "ipV6Address": "fd:0:0:4000::/50"}),
            json!({"ipV4Address": "100.64.0.0/12"}),
        ),
        ("wpc/default-region", json!("us-east-1"), json!("it-mxp")),
        ("wpc/client-options", json!([]), json!(["dhcp-option DNS 10.0.0.1"])),
        ("users/connection-timeout", json!(0), json!(30)),
        ("user/profile-distribution", json!("AUTOMATIC"), json!("MANUAL")),
        ("user/device-enforcement", json!("OFF"), json!("LEARN_AND_ENFORCE")),
        ("user/device-allowance", json!(3), json!(5)),
        ("user/device-allowance-force-update", json!(false), json!(true)),
        ("user/connect-auth", json!("ON_PRIOR_AUTH"), json!("EVERY_TIME")),
        (
            "dns/zones",
            json!({"zones": []}),
            json!({"zones": [{"name": "corp.example", "addresses": ["10.0.0.53", "fd00::35"]}]}),
        ),
        ("dns/proxy-enabled", json!(false), json!(true)),
        ("dns/default-suffix", json!(""), json!("corp.example")),
        (
            "dns/custom-servers",
            Value::Null,
            json!({"primaryIpV4": "10.0.0.53", "secondaryIpV4": "10.0.0.54"}),
        ),
        ("auth/two-factor-auth", json!(false), json!(true)),
        ("auth/trusted-devices-allowed", json!(true), json!(false)),
        // Last, since it changes what answers of others hold.
        ("wpc/ip-allocation-mode", json!("BOTH"), json!("IP_V4_ONLY")),
    ]
}

/// Path, body, and the (key, code) pairs of the refusal.
type Case = (&'static str, Value, &'static [(&'static str, &'static str)]);

/// The form in which a value stands in an answer.
fn on_the_wire(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn every_setting_has_its_default_and_keeps_what_is_put() {
    let mut kit = Kit::new();
    for (path, default, other) in settings() {
        // Text answers are told from JSON ones by their content type (row 39).
        let content_type = match &other {
            Value::String(_) => "text/plain;charset=UTF-8",
            _ => "application/json",
        };
        let path = format!("/settings/{path}");
        let fresh = kit.get(&path);
        assert_eq!(fresh.is(200).text, on_the_wire(&default), "{path}");
        let put = kit.put(&path, other.clone());
        assert_eq!(put.is(200).text, on_the_wire(&other), "{path}");
        let read = kit.get(&path);
        assert_eq!(read.text, on_the_wire(&other), "{path}");
        for answered in [put, read] {
            assert_eq!(answered.headers["content-type"], content_type, "{path}");
        }
    }
    for path in ["saml", "ldap"] {
        let mappings = kit.get(&format!("/settings/auth/{path}/group-mappings"));
        assert_eq!(mappings.is(200).json, json!({"mappings": []}));
        assert_eq!(kit.put(&format!("/settings/auth/{path}/group-mappings"), json!({})).status, 405);
    }
}

#[test]
fn an_empty_object_clears_the_custom_servers() {
    let mut kit = Kit::new();
    let path = "/settings/dns/custom-servers";
    kit.put(path, json!({"primaryIpV4": "10.0.0.53"})).is(200);
    assert_eq!(kit.put(path, json!({})).is(200).text, "");
    assert_eq!(kit.get(path).is(200).text, "");
}

#[test]
fn bad_values_are_refused_and_change_nothing() {
    let mut kit = Kit::new();
    let cases: [Case; 21] = [
        ("wpc/topology", json!("RING"), &[("body", ENUM)]),
        ("wpc/topology", json!("\"CUSTOM\""), &[("body", ENUM)]),
        ("wpc/topology", Value::Null, &[("body", ENUM)]),
        ("wpc/ip-allocation-mode", json!("IP_V6_ONLY"), &[("body", ENUM)]),
        ("user/connect-auth", json!("AUTO"), &[("body", ENUM)]),
        ("wpc/default-region", json!("mars-1"), &[("body", NOT_FOUND)]),
        ("wpc/snat", json!("yes"), &[("body", FORMAT)]),
        ("wpc/snat", json!("\"true\""), &[("body", FORMAT)]),
        ("wpc/snat", Value::Null, &[("body", FORMAT)]),
        ("users/connection-timeout", json!(1.5), &[("body", FORMAT)]),
        ("user/device-allowance", json!(2_147_483_648_u64), &[("body", FORMAT)]),
        ("wpc/client-options", json!({}), &[("body", FORMAT)]),
        ("wpc/client-options", json!(["a", 1]), &[("body[1]", FORMAT)]),
        (
            "wpc/subnet",
            json!({"ipV4Address": ["10.0.0.0/8", "10.0.0.1"], "ipV6Address": ["10.0.0.0/8"]}),
            &[("ipV4Address[1]", FORMAT), ("ipV6Address[0]", FORMAT)],
        ),
        ("wpc/subnet", json!([]), &[("body", FORMAT)]),
        ("wpc/domain-routing-subnet", json!({"ipV6Address": "fd00::/48"}), &[("ipV4Address", MISSING)]),
        (
            "dns/zones",
            json!({"zones": [{"addresses": ["x"]}, {"name": ""}]}),
            &[("zones[0].name", MISSING), ("zones[0].addresses[0]", FORMAT), ("zones[1].name", LENGTH)],
        ),
        ("dns/zones", json!({"zones": {}}), &[("zones", FORMAT)]),
        (
            "dns/custom-servers",
            json!({"secondaryIpV4": "::1"}),
            &[("primaryIpV4", MISSING), ("secondaryIpV4", FORMAT)],
        ),
        ("dns/custom-servers", json!("{"), &[("body", FORMAT)]),
        ("dns/proxy-enabled", json!([true]), &[("body", FORMAT)]),
    ];
    let before: Vec<String> =
        settings().iter().map(|(path, ..)| kit.get(&format!("/settings/{path}")).text).collect();
    for (path, body, expected) in cases {
        kit.put(&format!("/settings/{path}"), body).refused(expected);
    }
    let after: Vec<String> =
        settings().iter().map(|(path, ..)| kit.get(&format!("/settings/{path}")).text).collect();
    assert_eq!(before, after);
}

#[test]
fn the_default_suffix_comes_as_text_or_as_a_quoted_string() {
    let mut kit = Kit::new();
    for (sent, kept) in [("corp.example", "corp.example"), ("\"lab.example\"", "lab.example"), ("", "")] {
        assert_eq!(kit.put("/settings/dns/default-suffix", json!(sent)).is(200).text, kept);
        assert_eq!(kit.get("/settings/dns/default-suffix").is(200).text, kept);
    }
}

#[test]
fn an_empty_ipv6_subnet_counts_as_absent() {
    let mut kit = Kit::new();
    // The official client has no other way to leave it out.
    let put = kit.put(
        "/settings/wpc/domain-routing-subnet",
        json!({"ipV4Address": "100.64.0.0/12", "ipV6Address": ""}),
    );
    assert_eq!(put.is(200).json, json!({"ipV4Address": "100.64.0.0/12"}));
}

#[test]
fn ipv4_only_mode_leaves_ipv6_subnets_out() {
    let mut kit = Kit::new();
    kit.put("/settings/wpc/ip-allocation-mode", json!("IP_V4_ONLY")).is(200);
    assert_eq!(kit.get("/settings/wpc/subnet").json, json!({"ipV4Address": ["100.96.0.0/11"]}));
    assert_eq!(kit.get("/settings/wpc/domain-routing-subnet").json, json!({"ipV4Address": "100.80.0.0/12"}));
    kit.put("/settings/wpc/ip-allocation-mode", json!("BOTH")).is(200);
    assert_eq!(kit.get("/settings/wpc/subnet").json["ipV6Address"], json!(["fd:0:0:8000::/49"]));
}

#[test]
fn settings_outlive_a_restart() {
    let mut kit = Kit::new();
    for (path, _, other) in settings() {
        kit.put(&format!("/settings/{path}"), other).is(200);
    }
    let mut restored = Kit::restored(kit.emulator.take_changes());
    for (path, ..) in settings() {
        let path = format!("/settings/{path}");
        assert_eq!(restored.get(&path).text, kit.get(&path).text, "{path}");
    }
    assert_eq!(restored.get("/settings/wpc/topology").text, "CUSTOM");
}

#[test]
fn the_two_switches_ignore_their_body() {
    let mut kit = Kit::new();
    for switch in ["/dns-log/user-dns-resolutions", "/access-visibility"] {
        let mut is = |verb: &str, on: bool, body: Value| {
            if !verb.is_empty() {
                assert_eq!(kit.put(&format!("{switch}/{verb}"), body).is(200).text, "");
            }
            assert_eq!(kit.get(&format!("{switch}/enabled")).is(200).json, json!(on));
        };
        is("", false, Value::Null);
        is("enable", true, json!(true));
        is("enable", true, json!("neither JSON nor anything"));
        is("disable", false, Value::Null);
    }
}
