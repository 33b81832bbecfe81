//! The calls of the official Go client, in its own shapes, over HTTPS (API sections 1.2, 1.5, 2.5 and 7.12).
//!
//! Its habits: HTTP Basic with a JSON body and no content type for the token, a content type on every call with or
//! without a body, fields that only answers have and nulls in bodies, the parent id on the delete of a connector, pages
//! of 100, no `page` when it is 0, `true` or `false` as the body of a switch, raw text for text settings.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod https;

use bytes::Bytes;
use connexa_emulator::{
    Config, Embedded, Emulator, Limits,
    clock::system_clock,
    server::{Deadlines, ServeOptions, ServeTransport, Server},
    tls::Identity,
};
use connexa_types::Timestamp;
use http::{HeaderMap, Request, Response, Version};
use https::Client;
use serde_json::{Value, json};
use std::{net::Ipv4Addr, sync::Arc};
use tokio::{sync::oneshot, task::JoinHandle};

struct Running {
    client: Client,
    token: String,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// What the Go client looks at in an answer.
struct Answered {
    status: u16,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Running {
    async fn start(limits: Limits, version: Version) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity =
            Identity::load_or_make(folder.path(), Ipv4Addr::LOCALHOST.into(), Timestamp::now()).unwrap();
        let ca_file = identity.ca_file().to_owned();
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let transport = ServeTransport::Https(identity);
        let server =
            Server::bind(ServeOptions { listen, transport, deadlines: Deadlines::default() }).await.unwrap();
        let address = server.address();
        let clock = system_clock();
        let emulator = Emulator::new(Config { limits, ..Config::default() }, clock());
        let (stop, stopped) = oneshot::channel::<()>();
        let done = tokio::spawn(async move {
            let emulator = Arc::new(Embedded::in_memory(emulator));
            server.run(emulator, clock, async { drop(stopped.await) }).await.unwrap();
        });
        let client = Client::tls(address, &ca_file, version).await;
        let mut running = Self { client, token: String::new(), stop, done, _folder: folder };
        running.sign_in().await;
        running
    }

    /// `NewClient`: HTTP Basic, a JSON body, no content type.
    async fn sign_in(&mut self) {
        let request = Request::post("https://localhost/api/v1/oauth/token")
            .header("host", "localhost")
            .header("authorization", "Basic ZW11bGF0b3I6ZW11bGF0b3I=")
            .header("accept", "application/json")
            .header("user-agent", "Go-http-client/1.1")
            .body(Bytes::from(json!({"grant_type": "client_credentials", "scope": "default"}).to_string()))
            .unwrap();
        let answered = self.send(request).await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        assert_eq!(answered.json["token_type"], "bearer");
        answered.json["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    async fn send(&mut self, request: Request<Bytes>) -> Answered {
        let response: Response<Bytes> = self.client.send(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answered { status: head.status.as_u16(), headers: head.headers, text, json }
    }

    /// `DoRequest`: a content type in any case. A refused call is an error there, and fails the test here.
    async fn call(&mut self, method: &str, path: &str, content_type: &str, body: String) -> Answered {
        let answered = self.try_call(method, path, content_type, body).await;
        assert!(
            (200..300).contains(&answered.status),
            "{method} {path}: {} {}",
            answered.status,
            answered.text
        );
        // The client reads these three as integers, and fails if one is none.
        for header in ["x-ratelimit-replenish-rate", "x-ratelimit-replenish-time", "x-ratelimit-remaining"] {
            answered.headers[header].to_str().unwrap().parse::<i32>().unwrap();
        }
        answered
    }

    async fn try_call(&mut self, method: &str, path: &str, content_type: &str, body: String) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://localhost/api/v1{path}"))
            .header("host", "localhost")
            .header("authorization", format!("Bearer {}", self.token))
            .header("user-agent", "cloudconnexa-go")
            .header("content-type", content_type)
            .body(Bytes::from(body))
            .unwrap();
        self.send(request).await
    }

    async fn get(&mut self, path: &str) -> Value {
        self.call("GET", path, "application/json", String::new()).await.json
    }

    async fn json(&mut self, method: &str, path: &str, body: Value) -> Value {
        self.call(method, path, "application/json", body.to_string()).await.json
    }

    async fn empty(&mut self, method: &str, path: &str) -> String {
        self.call(method, path, "application/json", String::new()).await.text
    }

    async fn stop(self) {
        drop(self.client);
        self.stop.send(()).expect("the server still runs");
        self.done.await.expect("the server ends in order");
    }
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

/// A connector as the client's struct is written out, response-only fields included.
fn connector(name: &str) -> Value {
    json!({
        "name": name, "description": "test", "networkItemId": "", "networkItemType": "", "vpnRegionId": "it-mxp",
        "ipV4Address": "", "ipV6Address": "", "profile": "", "connectionStatus": "", "tunnelingProtocol": "", "licensed": false,
    })
}

#[tokio::test]
async fn the_live_test_passes_with_the_default_limits() {
    // e2e/client_test.go: a network with a connector, a route, an IP service; the delete takes them all.
    for version in [Version::HTTP_2, Version::HTTP_11] {
        let mut go = Running::start(Limits::DEFAULT, version).await;
        assert_eq!(go.get("/networks?page=0&size=100").await["content"], json!([]));
        go.get("/networks/connectors?page=0&size=10").await;
        let regions = go.get("/regions").await;
        assert!(regions.as_array().unwrap().iter().any(|r| r["id"] == "it-mxp"));
        let network = json!({
            "id": "", "name": "test-1", "description": "test", "egress": false, "internetAccess": "SPLIT_TUNNEL_ON",
            "systemSubnets": null, "connectors": [connector("test-1")], "routes": null, "tunnelingProtocol": "OPENVPN",
        });
        let network = go.json("POST", "/networks", network).await;
        assert_eq!(network["connectors"][0]["networkItemId"], network["id"]);
        let network = id(&network);
        assert!(
            !go.get(&format!("/networks/{network}")).await["systemSubnets"].as_array().unwrap().is_empty()
        );
        let route = json!({"description": "test", "value": "10.201.7.0/24"});
        let route = go.json("POST", &format!("/networks/routes?networkId={network}"), route).await;
        assert_eq!((&route["subnet"], &route["type"]), (&json!("10.201.7.0/24"), &json!("IP_V4")));
        let service = json!({
            "name": "test-1", "description": "test", "networkItemType": "NETWORK", "networkItemId": network, "id": "",
            "type": "IP_SOURCE", "routes": [{"description": "test", "value": "10.201.7.0/24"}],
            "config": {"customServiceTypes": null, "serviceTypes": ["ANY"]},
        });
        let service = go.json("POST", &format!("/networks/ip-services?networkId={network}"), service).await;
        assert_eq!(service["routes"][0]["parentRouteId"], route["id"]);
        go.empty("DELETE", &format!("/networks/{network}")).await;
        assert_eq!(go.get("/networks?page=0&size=100").await["totalPages"], 0);
        go.stop().await;
    }
}

#[tokio::test]
async fn networks_and_hosts_with_all_they_own() {
    let mut go = Running::start(Limits::UNLIMITED, Version::HTTP_2).await;
    let network = json!({"id": "", "name": "n", "description": "d", "egress": true, "internetAccess": "SPLIT_TUNNEL_ON",
        "systemSubnets": null, "connectors": null, "routes": null, "tunnelingProtocol": "OPENVPN"});
    let network = go.json("POST", "/networks", network).await;
    // An update sends back what was read, children and all.
    let network_id = id(&network);
    go.json("PUT", &format!("/networks/{network_id}"), network).await;
    let host = json!({"id": "", "name": "h", "description": "d", "domain": "h.example", "internetAccess": "SPLIT_TUNNEL_ON",
        "systemSubnets": null, "connectors": [connector("c")]});
    let host_id = id(&go.json("POST", "/hosts", host).await);

    for (kind, parent, parent_id) in [("networks", "networkId", &network_id), ("hosts", "hostId", &host_id)] {
        let made =
            go.json("POST", &format!("/{kind}/connectors?{parent}={parent_id}"), connector("c2")).await;
        let connector_id = id(&made);
        let path = format!("/{kind}/connectors/{connector_id}");
        let page = go.get(&format!("/{kind}/connectors?page=0&size=100&{parent}={parent_id}")).await;
        assert!(page["content"].as_array().unwrap().contains(&made));
        go.json("PUT", &path, made).await;
        assert!(!go.empty("POST", &format!("{path}/profile")).await.is_empty());
        assert!(!go.empty("POST", &format!("{path}/profile/encrypt")).await.is_empty());
        assert_eq!(go.empty("PUT", &format!("{path}/suspend")).await, "");
        assert_eq!(go.empty("PUT", &format!("{path}/activate")).await, "");
        go.empty("DELETE", &format!("{path}?{parent}={parent_id}")).await;

        let item = if kind == "networks" { "NETWORK" } else { "HOST" };
        let config = json!({"customServiceTypes": [{"protocol": "TCP", "port": [{"upperValue": 443, "lowerValue": 443}]}],
            "serviceTypes": ["CUSTOM", "SSH"]});
        let application = json!({"name": "a", "description": "d", "networkItemType": item, "networkItemId": parent_id, "id": "",
            "routes": [{"value": "a.example", "allowEmbeddedIp": false}], "config": config});
        let application =
            go.json("POST", &format!("/{kind}/applications?{parent}={parent_id}"), application).await;
        assert_eq!(application["routes"][0]["domain"], "a.example");
        let path = format!("/{kind}/applications/{}", id(&application));
        let update = json!({"name": "b", "description": "d", "networkItemType": item, "networkItemId": parent_id,
            "id": application["id"], "routes": [{"value": "b.example", "allowEmbeddedIp": true}], "config": config});
        go.json("PUT", &path, update).await;
        go.empty("DELETE", &path).await;

        let service = json!({"name": "s", "description": "d", "networkItemType": item, "networkItemId": parent_id, "id": "",
            "type": "SERVICE_DESTINATION", "routes": null, "config": config});
        let service = go.json("POST", &format!("/{kind}/ip-services?{parent}={parent_id}"), service).await;
        let path = format!("/{kind}/ip-services/{}", id(&service));
        assert_eq!(go.get(&path).await, service);
        go.empty("DELETE", &path).await;
    }
    go.empty("DELETE", &format!("/hosts/{host_id}")).await;
    go.stop().await;
}

#[tokio::test]
async fn users_groups_and_devices() {
    let mut go = Running::start(Limits::UNLIMITED, Version::HTTP_2).await;
    let group = json!({"connectAuth": "ON_PRIOR_AUTH", "id": "", "internetAccess": "SPLIT_TUNNEL_ON", "maxDevice": 3,
        "name": "g", "systemSubnets": null, "vpnRegionIds": null, "allRegionsIncluded": true});
    let group = go.json("POST", "/user-groups", group).await;
    let group_id = id(&group);
    go.json("PUT", &format!("/user-groups/{group_id}"), group).await;
    // A group is read by listing all.
    let groups = go.get("/user-groups?page=0&size=100").await;
    assert!(groups["content"].as_array().unwrap().iter().any(|g| g["id"] == json!(group_id)));

    let user = json!({"id": "", "username": "u", "role": "MEMBER", "email": "u@example.com", "authType": "", "firstName": "F",
        "lastName": "L", "groupId": group_id, "status": "", "devices": null, "connectionStatus": "", "licensed": false});
    let user = go.json("POST", "/users", user).await;
    assert_eq!(user["status"], "INVITED");
    let user_id = id(&user);
    go.json("PUT", &format!("/users/{user_id}"), user).await;
    for action in ["suspend", "activate"] {
        go.empty("PUT", &format!("/users/{user_id}/{action}")).await;
    }
    assert_eq!(go.get(&format!("/users/{user_id}")).await["status"], "ACTIVE");

    let device = json!({"name": "laptop", "description": "", "clientUUID": ""});
    let device = go.json("POST", &format!("/devices?userId={user_id}"), device).await;
    let path = format!("/devices/{}", id(&device));
    let page = go.get(&format!("/devices?size=100&userId={user_id}")).await;
    assert_eq!((&page["page"], &page["content"]), (&json!(0), &json!([device])));
    go.json("PUT", &format!("{path}?userId={user_id}"), json!({"name": "desktop", "description": "d"})).await;
    let profile = go.empty("POST", &format!("{path}/profile?regionId=it-mxp&userId={user_id}")).await;
    assert!(!profile.is_empty());
    go.empty("DELETE", &format!("{path}/profile?userId={user_id}")).await;
    go.empty("DELETE", &format!("{path}?userId={user_id}")).await;
    go.empty("DELETE", &format!("/users/{user_id}")).await;
    go.empty("DELETE", &format!("/user-groups/{group_id}")).await;
    go.stop().await;
}

#[tokio::test]
async fn policies_and_records() {
    let mut go = Running::start(Limits::UNLIMITED, Version::HTTP_2).await;
    let group = json!({"id": "", "name": "all to all", "source": [{"type": "USER_GROUP", "allCovered": true}],
        "destination": [{"type": "HOST_SERVICE", "allCovered": true}]});
    let group = go.json("POST", "/access-groups", group).await;
    go.json("PUT", &format!("/access-groups/{}", id(&group)), group.clone()).await;
    assert_eq!(go.get("/access-groups?page=0&size=100").await["totalElements"], 2);
    go.empty("DELETE", &format!("/access-groups/{}", id(&group))).await;

    let context = json!({"id": "", "name": "c", "userGroupsIds": [], "defaultCheck": {"allowed": false},
        "ipCheck": {"allowed": true, "ips": [{"ip": "192.0.2.0/24", "description": ""}]}});
    let context = go.json("POST", "/location-contexts", context).await;
    go.json("PUT", &format!("/location-contexts/{}", id(&context)), context.clone()).await;
    go.empty("DELETE", &format!("/location-contexts/{}", id(&context))).await;

    let record = json!({"id": "", "domain": "d.example", "description": "d", "ipv4Addresses": ["10.0.0.1"], "ipv6Addresses": null});
    let record = go.json("POST", "/dns-records", record).await;
    let path = format!("/dns-records/{}", id(&record));
    go.json("PUT", &path, record).await;
    go.empty("DELETE", &path).await;
    // What is gone is known by its text.
    let gone = go.try_call("GET", &path, "application/json", String::new()).await;
    assert!(gone.status == 400 && gone.text.contains("not found"), "{}", gone.text);

    let sessions = go.get("/sessions?returnOnlyNew=true&size=100&status=COMPLETED").await;
    assert!(sessions["sessions"].is_array());
    go.stop().await;
}

#[tokio::test]
async fn settings_and_switches() {
    let mut go = Running::start(Limits::UNLIMITED, Version::HTTP_2).await;
    let texts = [
        ("wpc/topology", "CUSTOM"),
        ("wpc/ip-allocation-mode", "BOTH"),
        ("wpc/default-region", "fi-hel"),
        ("user/profile-distribution", "MANUAL"),
        ("user/device-enforcement", "ENFORCE"),
        ("user/connect-auth", "NO_AUTH"),
        ("dns/default-suffix", "corp.example"),
    ];
    for (path, value) in texts {
        let path = format!("/settings/{path}");
        let set = go.call("PUT", &path, "text/plain", value.to_owned()).await;
        assert_eq!(set.text, value, "{path}");
        assert_eq!(go.empty("GET", &path).await, value, "{path}");
    }
    let values = [
        ("wpc/snat", json!(true)),
        ("wpc/routes-advanced-configuration-enabled", json!(true)),
        ("wpc/client-options", json!(["a"])),
        ("wpc/subnet", json!({"ipV4Address": ["100.96.0.0/11"], "ipV6Address": ["fd:0:0:8000::/49"]})),
        (
            "wpc/domain-routing-subnet",
            json!({"ipV4Address": "100.80.0.0/12", "ipV6Address": "fd:0:0:4000::/50"}),
        ),
        ("users/connection-timeout", json!(60)),
        ("user/device-allowance", json!(7)),
        ("user/device-allowance-force-update", json!(true)),
        ("dns/zones", json!({"zones": [{"name": "z.example", "addresses": ["10.0.0.1"]}]})),
        ("dns/proxy-enabled", json!(true)),
        ("auth/two-factor-auth", json!(true)),
        ("auth/trusted-devices-allowed", json!(false)),
    ];
    for (path, value) in values {
        let path = format!("/settings/{path}");
        assert_eq!(go.json("PUT", &path, value.clone()).await, value, "{path}");
        assert_eq!(go.get(&path).await, value, "{path}");
    }
    // Custom servers: an empty body stands for none.
    assert_eq!(go.empty("GET", "/settings/dns/custom-servers").await, "");
    let servers = json!({"primaryIpV4": "10.0.0.1"});
    assert_eq!(go.json("PUT", "/settings/dns/custom-servers", servers.clone()).await, servers);
    for switch in ["/dns-log/user-dns-resolutions", "/access-visibility"] {
        for (verb, on) in [("enable", true), ("disable", false)] {
            go.json("PUT", &format!("{switch}/{verb}"), json!(on)).await;
            assert_eq!(go.get(&format!("{switch}/enabled")).await, json!(on));
        }
    }
    go.stop().await;
}
