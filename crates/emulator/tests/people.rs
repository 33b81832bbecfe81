//! Conformance of user groups, users and devices (API sections 5.11 to 5.13 and 6.12 to 6.14).

mod kit;

use kit::{CONFLICT, ENUM, FORMAT, Kit, LENGTH, MISSING, NOT_FOUND};
use serde_json::{Value, json};

fn group(kit: &mut Kit, name: &str) -> String {
    kit.created("/user-groups", json!({"name": name, "allRegionsIncluded": true}))
}

fn user(kit: &mut Kit, name: &str, group: &str) -> String {
    kit.created("/users", json!({"username": name, "groupId": group}))
}

#[test]
fn a_fresh_tenant_has_a_default_group_and_its_owner() {
    let mut kit = Kit::new();
    let groups = kit.list("/user-groups");
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["name"], "Default");
    let users = kit.list("/users");
    assert_eq!(users.len(), 1);
    assert_eq!((&users[0]["role"], &users[0]["status"]), (&json!("OWNER"), &json!("ACTIVE")));
    assert_eq!(users[0]["groupId"], groups[0]["id"]);
    let path = format!("/user-groups/{}", groups[0]["id"].as_str().unwrap());
    kit.delete(&path).refused(&[("id", CONFLICT)]);
    assert_eq!(kit.put(&path, groups[0].clone()).is(200).json, groups[0]);
}

#[test]
fn groups_have_regions_of_their_own_or_all() {
    let mut kit = Kit::new();
    let created =
        kit.post("/user-groups", json!({"name": "g", "vpnRegionIds": ["it-mxp"], "tunnelBypass": {}}));
    let mut seen = created.is(201).json.clone();
    assert_eq!(seen["systemSubnets"].as_array().unwrap().len(), 2);
    seen.as_object_mut().unwrap().remove("systemSubnets");
    assert_eq!(
        seen,
        json!({
            "id": created.id(), "name": "g", "vpnRegionIds": ["it-mxp"], "allRegionsIncluded": false,
            "internetAccess": "SPLIT_TUNNEL_ON", "maxDevice": 3, "connectAuth": "ON_PRIOR_AUTH", "gatewaysIds": [],
            "tunnelBypass": {"ipv4Subnets": []},
        })
    );
    let both = kit
        .post("/user-groups", json!({"name": "h", "vpnRegionIds": ["it-mxp"], "allRegionsIncluded": true}));
    assert_eq!(both.is(201).json["vpnRegionIds"], json!([]));
    for neither in
        [json!({}), json!({"vpnRegionIds": [], "allRegionsIncluded": false}), json!({"vpnRegionIds": null})]
    {
        let mut body = neither;
        body["name"] = json!("n");
        kit.post("/user-groups", body).refused(&[("vpnRegionIds", MISSING)]);
    }
    kit.post(
        "/user-groups",
        json!({"name": "x".repeat(41), "vpnRegionIds": ["it-mxp", "mars"], "maxDevice": "3",
        "connectAuth": "AUTO", "tunnelBypass": {"ipv4Subnets": ["10.0.0.0/8", "fd00::/8"]}}),
    )
    .refused(&[
        ("name", LENGTH),
        ("vpnRegionIds[1]", NOT_FOUND),
        ("maxDevice", FORMAT),
        ("connectAuth", ENUM),
        ("tunnelBypass.ipv4Subnets[1]", FORMAT),
    ]);
    kit.post("/user-groups", json!({"name": "DEFAULT", "allRegionsIncluded": true}))
        .refused(&[("name", CONFLICT)]);
    // An update takes the full body.
    kit.put(&format!("/user-groups/{}", created.id()), json!({"name": "g"})).refused(&[
        ("vpnRegionIds", MISSING),
        ("internetAccess", MISSING),
        ("maxDevice", MISSING),
        ("connectAuth", MISSING),
    ]);
}

#[test]
fn groups_with_members_stay_and_others_are_forgotten() {
    let mut kit = Kit::new();
    let (first, second) = (group(&mut kit, "first"), group(&mut kit, "second"));
    let member = user(&mut kit, "ada", &first);
    kit.put(&format!("/users/{member}"), json!({"groupId": first, "secondaryGroupIds": [second]})).is(200);
    for id in [&first, &second] {
        kit.delete(&format!("/user-groups/{id}")).refused(&[("id", CONFLICT)]);
    }
    let context = json!({"name": "l", "userGroupsIds": [second], "defaultCheck": {"allowed": true},
        "ipCheck": {"allowed": true, "ips": [{"ip": "192.0.2.0/24"}]}});
    let context = kit.created("/location-contexts", context);
    kit.delete(&format!("/users/{member}")).is(204);
    kit.delete(&format!("/user-groups/{second}")).is(204);
    assert_eq!(kit.get(&format!("/location-contexts/{context}")).json["userGroupsIds"], json!([]));
}

#[test]
fn a_user_lives_its_life() {
    let mut kit = Kit::new();
    let group = group(&mut kit, "g");
    let body = json!({"username": "ada", "email": "ada@example.com", "groupId": group, "status": "ACTIVE", "authType": 7,
        "devices": [{"name": "laptop", "description": ""}, {"name": "phone", "clientUUID": "u"}]});
    let created = kit.post("/users", body);
    let id = created.is(201).id();
    assert_eq!(created.json["devices"].as_array().unwrap().len(), 2);
    assert_eq!(kit.list(&format!("/devices?userId={id}")), *created.json["devices"].as_array().unwrap());
    let mut seen = created.json.clone();
    seen.as_object_mut().unwrap().remove("devices");
    assert_eq!(
        seen,
        json!({
            "id": id, "username": "ada", "email": "ada@example.com", "groupId": group, "secondaryGroupIds": [], "role": "MEMBER",
            "status": "INVITED", "authType": "INTERNAL", "connectionStatus": "OFFLINE", "licensed": true,
        })
    );
    let path = format!("/users/{id}");
    // What is left out stays, and the username never changes.
    let updated =
        kit.put(&path, json!({"groupId": group, "firstName": "Ada", "username": "eva", "role": "ADMIN"}));
    let mut expected = created.json.clone();
    expected["firstName"] = json!("Ada");
    expected["role"] = json!("ADMIN");
    assert_eq!(updated.is(200).json, expected);
    for (action, status) in
        [("suspend", "SUSPENDED"), ("suspend", "SUSPENDED"), ("activate", "ACTIVE"), ("activate", "ACTIVE")]
    {
        kit.put(&format!("{path}/{action}"), Value::Null).is(200);
        assert_eq!(kit.get(&path).json["status"], status);
    }
    assert_eq!(kit.post(&format!("{path}/reset-mfa"), Value::Null).is(200).json, json!({"success": true}));
    for action in ["resend-invitation", "force-password-change"] {
        assert_eq!(kit.post(&format!("{path}/{action}"), Value::Null).is(200).text, "");
    }
    kit.post("/users", json!({"username": "ADA", "groupId": group})).refused(&[("username", CONFLICT)]);
    kit.delete(&path).is(204);
    assert_eq!(kit.list("/devices"), [] as [Value; 0]);
    for action in ["activate", "suspend"] {
        kit.put(&format!("{path}/{action}"), Value::Null).refused(&[("id", NOT_FOUND)]);
    }
}

#[test]
fn faults_of_users_are_reported_at_once() {
    let mut kit = Kit::new();
    kit.post(
        "/users",
        json!({"email": "", "firstName": "x".repeat(21), "groupId": "x", "secondaryGroupIds": ["y"],
        "role": "KING", "devices": [{"name": "x".repeat(33), "description": "x".repeat(121)}]}),
    )
    .refused(&[
        ("username", MISSING),
        ("email", LENGTH),
        ("firstName", LENGTH),
        ("groupId", NOT_FOUND),
        ("secondaryGroupIds[0]", NOT_FOUND),
        ("role", ENUM),
        ("devices[0].name", LENGTH),
        ("devices[0].description", LENGTH),
    ]);
    let group = group(&mut kit, "g");
    let id = user(&mut kit, "ada", &group);
    kit.put(&format!("/users/{id}"), json!({"status": "GONE"}))
        .refused(&[("groupId", MISSING), ("status", ENUM)]);
    kit.post("/users", json!({"username": "eva", "groupId": group, "role": "OWNER"}))
        .refused(&[("role", CONFLICT)]);
    kit.put(&format!("/users/{id}"), json!({"groupId": group, "role": "OWNER"}))
        .refused(&[("role", CONFLICT)]);
}

#[test]
fn the_owner_stays_what_it_is() {
    let mut kit = Kit::new();
    let owner = kit.list("/users").remove(0);
    let path = format!("/users/{}", owner["id"].as_str().unwrap());
    for change in [
        json!({"role": "ADMIN"}),
        json!({"role": "OWNER"}),
        json!({"email": "x@example.com"}),
        json!({"status": "SUSPENDED"}),
    ] {
        let mut body = change;
        body["groupId"] = owner["groupId"].clone();
        kit.put(&path, body).refused(&[("role", CONFLICT)]);
    }
    let same =
        json!({"groupId": owner["groupId"], "email": owner["email"], "status": "ACTIVE", "lastName": "New"});
    assert_eq!(kit.put(&path, same).is(200).json["lastName"], "New");
    kit.put(&format!("{path}/suspend"), Value::Null).refused(&[("id", CONFLICT)]);
    kit.put(&format!("{path}/activate"), Value::Null).is(200);
    kit.delete(&path).refused(&[("id", CONFLICT)]);
}

#[test]
fn devices_belong_to_their_user_and_are_limited() {
    let mut kit = Kit::new();
    let group = kit.created("/user-groups", json!({"name": "g", "allRegionsIncluded": true, "maxDevice": 2}));
    let three = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]);
    kit.post("/users", json!({"username": "eva", "groupId": group, "devices": three}))
        .refused(&[("devices", CONFLICT)]);
    let (ada, eva) = (user(&mut kit, "ada", &group), user(&mut kit, "eva", &group));
    let created = kit.post(
        &format!("/devices?userId={ada}"),
        json!({"name": "laptop", "description": "", "clientUUID": "u"}),
    );
    let mut seen = created.is(201).json.clone();
    for address in ["ipV4Address", "ipV6Address"] {
        assert!(seen.as_object_mut().unwrap().remove(address).is_some());
    }
    let id = created.id();
    assert_eq!(
        seen,
        json!({"id": id, "userId": ada, "name": "laptop", "description": "", "clientUUID": "u", "connectionStatus": "OFFLINE"})
    );
    kit.created(&format!("/devices?userId={ada}"), json!({"name": "laptop"}));
    let full = kit.post(&format!("/devices?userId={ada}"), json!({"name": "third"}));
    full.refused(&[("name", CONFLICT)]);
    assert_eq!(full.json["errorMessage"], "Device limit is exceeded");

    let path = format!("/devices/{id}");
    assert_eq!(kit.get(&format!("{path}?userId={ada}")).is(200).json, created.json);
    let replaced = kit.put(&format!("{path}?userId={ada}"), json!({"name": "desktop"}));
    assert!(replaced.is(200).json.get("clientUUID").is_none());
    let profile = format!("{path}/profile?userId={ada}&regionId=");
    assert!(kit.post(&format!("{profile}it-mxp"), Value::Null).is(200).text.contains("it-mxp"));
    kit.post(&format!("{profile}mars"), Value::Null).refused(&[("regionId", NOT_FOUND)]);
    kit.post(&format!("{path}/profile"), Value::Null).refused(&[("userId", MISSING), ("regionId", MISSING)]);
    assert_eq!(kit.delete(&format!("{path}/profile?userId={ada}")).is(200).text, "");
    for method in ["GET", "PUT", "DELETE"] {
        kit.call(method, &path, Value::Null).refused(&[("userId", MISSING)]);
        kit.call(method, &format!("{path}?userId={eva}"), Value::Null).refused(&[("id", NOT_FOUND)]);
    }
    kit.delete(&format!("{path}?userId={ada}")).is(204);
    kit.post("/devices?userId=x", json!({"name": "d"})).refused(&[("id", NOT_FOUND)]);
}
