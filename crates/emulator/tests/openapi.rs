//! The OpenAPI document against the emulator itself: every operation is there, is routed, and answers what it says; and
//! Swagger UI beside it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod kit;

use bytes::Bytes;
use connexa_emulator::{Config, Limits};
use connexa_types::{AnswerShape, Endpoint};
use http::Request;
use kit::{Answered, Kit};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn get(kit: &mut Kit, path: &str) -> Answered {
    kit.send(Request::get(path).body(Bytes::new()).unwrap())
}

fn document(kit: &mut Kit) -> Value {
    get(kit, "/docs/openapi.json").is(200).json.clone()
}

/// A call of an operation, and what came back.
struct Stop {
    endpoint: Endpoint,
    answered: Answered,
}

/// A walk that takes in every operation once or more, each with success.
struct Tour {
    kit: Kit,
    stops: Vec<Stop>,
}

impl Tour {
    /// Calls an operation; `id` stands for the parameter of its path.
    fn call(&mut self, endpoint: Endpoint, id: &str, query: &str, body: Value) -> Value {
        let info = endpoint.info();
        let path = info.path.replace("{id}", id).replace("{userId}", id);
        let answered = self.kit.call(info.method.as_str(), &format!("{path}?{query}"), body);
        assert_eq!(answered.status, info.status, "{endpoint}: {}", answered.text);
        let json = answered.json.clone();
        self.stops.push(Stop { endpoint, answered });
        json
    }

    fn make(&mut self, endpoint: Endpoint, query: &str, body: Value) -> String {
        self.call(endpoint, "", query, body)["id"].as_str().unwrap().to_owned()
    }

    /// Calls operations that need nothing but an id and a query.
    fn each(&mut self, endpoints: &[Endpoint], id: &str, query: &str) {
        for endpoint in endpoints {
            self.call(*endpoint, id, query, Value::Null);
        }
    }

    fn walk() -> Self {
        let kit = Kit::with(Config { limits: Limits::UNLIMITED, account_enabled: true, ..Config::default() });
        let mut tour = Self { kit, stops: Vec::new() };
        tour.call(Endpoint::OauthToken, "", "client_id=emulator&client_secret=emulator", Value::Null);
        tour.people();
        tour.networks();
        tour.hosts();
        tour.policies();
        tour.settings();
        tour.logs();
        tour
    }

    fn people(&mut self) {
        let bypass = json!({"ipv4Subnets": ["192.0.2.0/24"]});
        let group = json!({"name": "g", "allRegionsIncluded": true, "internetAccess": "SPLIT_TUNNEL_ON",
            "maxDevice": 3, "connectAuth": "NO_AUTH", "tunnelBypass": bypass});
        let group_id = self.make(Endpoint::UserGroupCreate, "", group.clone());
        self.call(Endpoint::UserGroupUpdate, &group_id, "", group);
        let user = json!({"username": "u", "groupId": group_id, "devices": [{"name": "phone"}]});
        let user = self.make(Endpoint::UserCreate, "", user);
        self.call(Endpoint::UserUpdate, &user, "", json!({"groupId": group_id, "firstName": "Ada"}));
        let of_user = format!("userId={user}&regionId=it-mxp");
        let device = self.make(Endpoint::DeviceCreate, &of_user, json!({"name": "d", "clientUUID": "c"}));
        self.call(Endpoint::DeviceUpdate, &device, &of_user, json!({"name": "e"}));
        self.each(
            &[
                Endpoint::DeviceGet,
                Endpoint::DeviceList,
                Endpoint::DeviceProfile,
                Endpoint::DeviceProfileRevoke,
            ],
            &device,
            &of_user,
        );
        self.each(&[Endpoint::DeviceDelete], &device, &of_user);
        self.each(
            &[
                Endpoint::UserGet,
                Endpoint::UserList,
                Endpoint::UserSuspend,
                Endpoint::UserActivate,
                Endpoint::UserResetMfa,
                Endpoint::UserResendInvitation,
                Endpoint::UserForcePasswordChange,
                Endpoint::UserDelete,
            ],
            &user,
            "",
        );
        self.each(
            &[Endpoint::UserGroupGet, Endpoint::UserGroupList, Endpoint::UserGroupDelete],
            &group_id,
            "",
        );
    }

    fn networks(&mut self) {
        let connector = json!({"name": "c", "description": "d", "vpnRegionId": "it-mxp"});
        let network = json!({"name": "n", "connectors": [connector], "routes": [{"value": "10.1.0.0/16"}]});
        let id = self.make(Endpoint::NetworkCreate, "", network.clone());
        self.call(Endpoint::NetworkUpdate, &id, "", network);
        let parent = format!("networkId={id}");
        let route = self.make(Endpoint::NetworkRouteCreate, &parent, json!({"value": "fd01::/32"}));
        self.call(
            Endpoint::NetworkRouteUpdate,
            &route,
            "",
            json!({"value": "fd02::/32", "description": "d"}),
        );
        self.each(&[Endpoint::NetworkRouteGet, Endpoint::NetworkRouteList], &route, &parent);
        let config = json!({"serviceTypes": ["CUSTOM"], "customServiceTypes": [
            {"protocol": "TCP", "port": [{"lowerValue": 1, "upperValue": 2}]},
            {"protocol": "ICMP", "icmpType": [{"value": 8}]},
        ]});
        let application = json!({"name": "a", "config": config,
            "routes": [{"value": "a.example", "allowEmbeddedIp": true, "exactMatch": true}]});
        let made = self.make(Endpoint::NetworkApplicationCreate, &parent, application.clone());
        self.call(Endpoint::NetworkApplicationUpdate, &made, "", application);
        self.each(
            &[
                Endpoint::NetworkApplicationGet,
                Endpoint::NetworkApplicationList,
                Endpoint::NetworkApplicationDelete,
            ],
            &made,
            &parent,
        );
        let service =
            json!({"name": "s", "type": "IP_SOURCE", "routes": [{"value": "10.1.2.0/24"}], "config": config});
        let made = self.make(Endpoint::NetworkIpServiceCreate, &parent, service.clone());
        self.call(Endpoint::NetworkIpServiceUpdate, &made, "", service);
        self.each(
            &[
                Endpoint::NetworkIpServiceGet,
                Endpoint::NetworkIpServiceList,
                Endpoint::NetworkIpServiceDelete,
            ],
            &made,
            &parent,
        );
        let made = self.make(Endpoint::NetworkConnectorCreate, &parent, connector.clone());
        self.call(Endpoint::NetworkConnectorUpdate, &made, "", connector);
        self.each(
            &[
                Endpoint::NetworkConnectorGet,
                Endpoint::NetworkConnectorList,
                Endpoint::NetworkConnectorProfile,
                Endpoint::NetworkConnectorProfileEncrypt,
                Endpoint::NetworkConnectorProfileRevoke,
                Endpoint::NetworkConnectorSuspend,
                Endpoint::NetworkConnectorActivate,
            ],
            &made,
            &parent,
        );
        self.each(&[Endpoint::NetworkConnectorProfileBundle], &made, "type=DMG");
        self.each(&[Endpoint::NetworkConnectorDelete], &made, "");
        self.ipsec();
        self.each(&[Endpoint::NetworkGet, Endpoint::NetworkList], &id, "");
        self.each(&[Endpoint::NetworkRouteDelete], &route, "");
        self.each(&[Endpoint::NetworkDelete], &id, "");
    }

    fn ipsec(&mut self) {
        let phase = json!({"encryptionAlgorithms": ["AES256"], "integrityAlgorithms": ["SHA2_256"],
            "diffieHellmanGroups": ["G_14"], "lifetimeSec": 3600});
        let config = json!({
            "platform": "CISCO", "authenticationType": "SHARED_SECRET", "remoteSitePublicIp": "192.0.2.1",
            "preSharedKey": "k", "hostname": "h", "ikeProtocol": {
                "protocolVersion": "IKE_V2", "phase1": phase, "phase2": phase, "startupAction": "START",
                "rekey": {"marginTimeSec": 270, "fuzzPercent": 100, "replayWindowSize": 1024},
                "deadPeerDetection": {"timeoutSec": 30, "deadPeerHandling": "RESTART"}, "autoInitiate": true,
            },
        });
        let connector = json!({"name": "i", "vpnRegionId": "fi-hel", "ipSecConfig": config});
        let network = json!({"name": "i", "tunnelingProtocol": "IPSEC", "connectors": [connector]});
        let made = self.call(Endpoint::NetworkCreate, "", "", network);
        let id = made["connectors"][0]["id"].as_str().unwrap();
        self.each(
            &[
                Endpoint::NetworkConnectorIpsecStart,
                Endpoint::NetworkConnectorIpsecStop,
                Endpoint::NetworkConnectorGet,
            ],
            id,
            "",
        );
    }

    fn hosts(&mut self) {
        let connector = json!({"name": "c", "vpnRegionId": "it-mxp"});
        let host = json!({"name": "h", "domain": "h.example", "connectors": [connector]});
        let id = self.make(Endpoint::HostCreate, "", host.clone());
        self.call(Endpoint::HostUpdate, &id, "", host);
        let parent = format!("hostId={id}");
        let application =
            json!({"name": "a", "routes": [{"value": "a.example"}], "config": {"serviceTypes": ["SSH"]}});
        let made = self.make(Endpoint::HostApplicationCreate, &parent, application.clone());
        self.call(Endpoint::HostApplicationUpdate, &made, "", application);
        self.each(
            &[Endpoint::HostApplicationGet, Endpoint::HostApplicationList, Endpoint::HostApplicationDelete],
            &made,
            &parent,
        );
        let made = self.make(Endpoint::HostIpServiceCreate, &parent, json!({"name": "s", "config": {}}));
        self.call(Endpoint::HostIpServiceUpdate, &made, "", json!({"name": "t"}));
        self.each(
            &[Endpoint::HostIpServiceGet, Endpoint::HostIpServiceList, Endpoint::HostIpServiceDelete],
            &made,
            &parent,
        );
        let made = self.make(Endpoint::HostConnectorCreate, &parent, connector.clone());
        self.call(Endpoint::HostConnectorUpdate, &made, "", connector);
        self.each(
            &[
                Endpoint::HostConnectorGet,
                Endpoint::HostConnectorList,
                Endpoint::HostConnectorProfile,
                Endpoint::HostConnectorProfileEncrypt,
                Endpoint::HostConnectorProfileRevoke,
                Endpoint::HostConnectorSuspend,
                Endpoint::HostConnectorActivate,
            ],
            &made,
            &parent,
        );
        self.each(&[Endpoint::HostConnectorProfileBundle], &made, "type=MSI");
        self.each(&[Endpoint::HostConnectorDelete], &made, "");
        self.each(&[Endpoint::HostGet, Endpoint::HostList, Endpoint::HostDelete], &id, "");
    }

    fn policies(&mut self) {
        let posture = json!({"name": "p", "windows": {"allowed": true, "antiviruses": ["AVG"],
            "version": {"version": "10", "condition": "GTE"}, "diskEncryption": {"type": "FULL_DISK"}},
            "macos": {"diskEncrypted": true}, "linux": {"allowed": true}, "android": {}, "ios": {}});
        let made = self.make(Endpoint::DevicePostureCreate, "", posture.clone());
        self.call(Endpoint::DevicePostureUpdate, &made, "", posture);
        self.each(
            &[Endpoint::DevicePostureGet, Endpoint::DevicePostureList, Endpoint::DevicePostureDelete],
            &made,
            "",
        );
        let context = json!({"name": "c", "userGroupsIds": [], "defaultCheck": {"allowed": true},
            "ipCheck": {"allowed": true, "ips": [{"ip": "192.0.2.0/24", "description": "d"}]},
            "countryCheck": {"allowed": false, "countries": ["DE"]}});
        let made = self.make(Endpoint::LocationContextCreate, "", context.clone());
        self.call(Endpoint::LocationContextUpdate, &made, "", context);
        self.each(
            &[Endpoint::LocationContextGet, Endpoint::LocationContextList, Endpoint::LocationContextDelete],
            &made,
            "",
        );
        let (source, destination) = (
            json!({"type": "HOST", "allCovered": true}),
            json!({"type": "HOST_SERVICE", "allCovered": true}),
        );
        let group =
            json!({"name": "a", "description": "d", "source": [source], "destination": [destination]});
        let made = self.make(Endpoint::AccessGroupCreate, "", group.clone());
        self.call(Endpoint::AccessGroupUpdate, &made, "", group);
        self.call(Endpoint::AccessGroupSourceAdd, &made, "", source);
        self.call(Endpoint::AccessGroupDestinationAdd, &made, "", destination);
        self.each(&[Endpoint::AccessGroupSourceRemove], &made, "type=HOST");
        self.each(&[Endpoint::AccessGroupDestinationRemove], &made, "type=HOST_SERVICE");
        self.each(
            &[Endpoint::AccessGroupGet, Endpoint::AccessGroupList, Endpoint::AccessGroupDelete],
            &made,
            "",
        );
        let record =
            json!({"domain": "r.example", "ipv4Addresses": ["10.0.0.1"], "ipv6Addresses": ["fd00::1"]});
        let made = self.make(Endpoint::DnsRecordCreate, "", record.clone());
        self.call(Endpoint::DnsRecordUpdate, &made, "", record);
        self.each(&[Endpoint::DnsRecordGet, Endpoint::DnsRecordList, Endpoint::DnsRecordDelete], &made, "");
        let add = json!({"domainAndComments": [{"domain": "x.example", "comment": "c"}]});
        let remove = json!({"domains": ["x.example"]});
        self.call(Endpoint::AllowListAddDomains, "", "", add.clone());
        self.call(Endpoint::AllowListRemoveDomains, "", "", remove.clone());
        self.call(Endpoint::BlockListAddDomains, "", "", add);
        self.call(Endpoint::BlockListRemoveDomains, "", "", remove);
    }

    fn settings(&mut self) {
        let values = [
            (Endpoint::SettingWpcSubnetSet, json!({"ipV4Address": ["10.64.0.0/10"], "ipV6Address": []})),
            (Endpoint::SettingWpcClientOptionsSet, json!(["o"])),
            (Endpoint::SettingWpcDomainRoutingSubnetSet, json!({"ipV4Address": "100.64.0.0/12"})),
            (Endpoint::SettingDnsZonesSet, json!({"zones": [{"name": "z", "addresses": ["10.0.0.1"]}]})),
            (Endpoint::SettingDnsCustomServersSet, json!({"primaryIpV4": "10.0.0.1"})),
            (Endpoint::SettingWpcTopologySet, json!("CUSTOM")),
            (Endpoint::SettingWpcIpAllocationModeSet, json!("IP_V4_ONLY")),
            (Endpoint::SettingWpcDefaultRegionSet, json!("fi-hel")),
            (Endpoint::SettingUserProfileDistributionSet, json!("MANUAL")),
            (Endpoint::SettingUserDeviceEnforcementSet, json!("ENFORCE")),
            (Endpoint::SettingUserConnectAuthSet, json!("NO_AUTH")),
            (Endpoint::SettingDnsDefaultSuffixSet, json!("corp.example")),
            (Endpoint::SettingUsersConnectionTimeoutSet, json!(5)),
            (Endpoint::SettingUserDeviceAllowanceSet, json!(7)),
        ];
        for (endpoint, value) in values {
            self.call(endpoint, "", "", value);
        }
        for endpoint in Endpoint::ALL.iter().filter(|e| e.info().path.starts_with("/settings/")) {
            let bare = matches!(endpoint.info().answer, AnswerShape::Json("boolean"));
            match endpoint.info().method.as_str() {
                "GET" => self.call(*endpoint, "", "", Value::Null),
                _ if bare => self.call(*endpoint, "", "", json!(true)),
                _ => continue,
            };
        }
    }

    fn logs(&mut self) {
        self.each(&[Endpoint::SessionList], "", "size=100&startDate=2025-05-10T00:00:00Z");
        self.each(&[Endpoint::AuditLogList], "", "size=100");
        self.each(&[Endpoint::DnsLogList], "", "startHour=2025-06-01T10:00:00Z&hoursBack=2");
        self.each(
            &[
                Endpoint::DnsLogEnable,
                Endpoint::DnsLogEnabled,
                Endpoint::DnsLogDisable,
                Endpoint::AccessVisibilityEnable,
                Endpoint::AccessVisibilityEnabled,
                Endpoint::AccessVisibilityDisable,
                Endpoint::RegionList,
            ],
            "",
            "",
        );
        self.each(&[Endpoint::AccountCloudId], "", "id=acme");
    }
}

/// What the document says of an operation.
fn operation(document: &Value, endpoint: Endpoint) -> &Value {
    &document["paths"][endpoint.info().path][endpoint.info().method.as_str().to_ascii_lowercase()]
}

/// A validator of a schema of the document. Objects may have no field that the document does not name, since what the
/// emulator answers has to be in it.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut components = document["components"].clone();
    for schema in components["schemas"].as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = json!(false);
        }
    }
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": components});
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn every_operation_answers_as_the_document_says() {
    let mut tour = Tour::walk();
    let document = document(&mut tour.kit);
    let visited: BTreeSet<Endpoint> = tour.stops.iter().map(|stop| stop.endpoint).collect();
    let missed: Vec<_> = Endpoint::ALL.iter().filter(|e| !visited.contains(e)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    for Stop { endpoint, answered } in &tour.stops {
        let content = &operation(&document, *endpoint)["responses"][answered.status.as_str()]["content"];
        let content_type = answered.headers.get("content-type").map(|t| t.to_str().unwrap());
        match content_type {
            Some("application/json") => {
                let validator = validator(&document, &content["application/json"]["schema"]);
                let errors: Vec<String> = validator
                    .iter_errors(&answered.json)
                    .map(|e| format!("{}: {e}", e.instance_path()))
                    .collect();
                assert!(errors.is_empty(), "{endpoint}: {errors:#?}\n{}", answered.text);
                assert!(!content.is_null(), "{endpoint}");
            }
            Some(_) => {
                let validator = validator(&document, &content["text/plain"]["schema"]);
                assert!(validator.is_valid(&json!(answered.text)), "{endpoint}: {}", answered.text);
                assert!(!content.is_null(), "{endpoint}");
            }
            None => assert_eq!((&answered.text[..], content), ("", &Value::Null), "{endpoint}"),
        }
    }
}

#[test]
fn refusals_are_in_the_document() {
    let mut kit = Kit::new();
    let document = document(&mut kit);
    let refused = &document["components"]["responses"]["Refused"];
    let validator = validator(&document, &refused["content"]["application/json"]["schema"]);
    for answered in [kit.post("/networks", json!({"description": ""})), kit.get("/networks/x")] {
        assert!(validator.is_valid(&answered.is(400).json), "{}", answered.text);
        for header in refused["headers"].as_object().unwrap().keys() {
            assert!(answered.headers.contains_key(header), "{header}");
        }
    }
}

#[test]
fn the_document_has_the_operations_of_the_table_and_no_loose_ends() {
    let mut kit = Kit::new();
    let document = document(&mut kit);
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            ids.insert(operation["operationId"].as_str().unwrap());
            // Unknown ids are refused by the operation itself, so it is routed.
            let answered = kit.call(&method.to_ascii_uppercase(), &path.replace("{id}", "x"), Value::Null);
            assert!(!matches!(answered.status.as_u16(), 404 | 405 | 429), "{method} {path}");
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|p| p["in"] == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
        }
    }
    assert_eq!(ids.len(), Endpoint::ALL.len());
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    // Nothing stands there that no operation needs.
    for part in ["schemas", "responses", "headers"] {
        for name in document["components"][part].as_object().unwrap().keys() {
            assert!(references.contains(&format!("#/components/{part}/{name}")), "{part}/{name}");
        }
    }
    let status = &document["components"]["schemas"]["UserStatus"]["enum"];
    assert_eq!(status, &json!(["INVITED", "ACTIVE", "SUSPENDED", "SUSPENDED_IDP"]));
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

#[test]
fn swagger_ui_comes_with_its_files() {
    let mut kit = Kit::with(Config { limits: "1:1:1000:shared".parse().unwrap(), ..Config::default() });
    let moved = get(&mut kit, "/docs/swagger-ui");
    assert_eq!(
        (moved.status.as_u16(), moved.headers["location"].to_str().unwrap()),
        (302, "/docs/swagger-ui/")
    );
    let page = get(&mut kit, "/docs/swagger-ui/").is(200).text.clone();
    // Every file that the page names is there, and so is the document.
    let mut files = 0;
    for name in page.split('"').filter_map(|part| part.strip_prefix("./")) {
        let request = Request::get(format!("/docs/swagger-ui/{name}")).body(Bytes::new()).unwrap();
        let response = kit.emulator.handle(kit.now, request).into_answer().unwrap();
        assert!(response.status() == 200 && response.body().len() > 100, "{name}");
        files += 1;
    }
    assert_eq!(files, 4);
    assert!(page.contains("\"../openapi.json\""));
    for path in ["/docs", "/docs/", "/docs/swagger-ui/none.js", "/api/v1/docs/openapi.json"] {
        get(&mut kit, path).is(404);
    }
    let posted = kit.send(Request::post("/docs/openapi.json").body(Bytes::new()).unwrap());
    assert_eq!((posted.status.as_u16(), posted.headers["allow"].to_str().unwrap()), (405, "GET, HEAD"));
    // None of it cost a token.
    kit.get("/regions").is(200);
    kit.get("/regions").is(429);
}
