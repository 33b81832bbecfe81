//! The starred rules of spec section 8: what may be missing from an object, or combined in it.
//!
//! They hold for the object as it will be. The reader of specs applies them to what an item alone decides; the planner
//! calls [`check`] with live fields under the item's. Objects are in the API's request form, secrets replaced by
//! anything that is not null. Problems name the field in spec names and carry no place.

use crate::{
    catalog::{self, Field, FieldType, Required},
    problem::{Code, Problem},
};
use connexa_types::Kind;
use serde_json::Value;

/// Checks an object as it will be.
///
/// `merged` is the whole object in the API's request form, live fields under the item's; what is absent from it is
/// unset. `creating`: nothing of it is live yet. A setting is an object of its `key`, which is its path, and its `value`.
pub fn check(kind: Kind, merged: &Value, creating: bool) -> Vec<Problem> {
    let mut problems = missing(kind, merged, &|_| false);
    problems.extend(combinations(kind, &View { object: merged, whole: true }, creating));
    problems
}

/// Checks what an item decides whatever the live object holds: fields that `owned` lacks can have any value.
pub(crate) fn check_part(kind: Kind, owned: &Value) -> Vec<Problem> {
    combinations(kind, &View { object: owned, whole: false }, false)
}

/// Whether [`check_part`] has anything to say of a kind.
pub(crate) const fn combines(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Network
            | Kind::Host
            | Kind::UserGroup
            | Kind::NetworkConnector
            | Kind::LocationContext
            | Kind::DevicePosture
            | Kind::DnsRecord
            | Kind::Setting
    )
}

/// W111 and E113: required fields that are absent. `given` tells of paths, in spec names, that were given but could not
/// be read: these are no further problem.
pub(super) fn missing(kind: Kind, merged: &Value, given: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    missing_fields(catalog::definition(kind).fields, merged, "", given, &mut problems);
    problems
}

fn missing_fields(
    fields: &[Field],
    object: &Value,
    prefix: &str,
    given: &dyn Fn(&str) -> bool,
    out: &mut Vec<Problem>,
) {
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        let value = field.request.split('/').try_fold(object, |v, name| v.get(name));
        let absent = value.is_none_or(Value::is_null);
        // Regions have a rule of their own: either they are named, or all are included (W441).
        if absent && !matches!(field.ty, FieldType::Regions) && !given(&path) {
            let code = match field.required {
                Required::Seen => Some(Code::error(113)),
                Required::Terraform => Some(Code::warning(111)),
                Required::No | Required::Format => None,
            };
            out.extend(code.map(|c| Problem::new(c, format!("`{path}` is missing")).path(path.clone())));
        }
        if let (FieldType::Object(leaves), Some(value @ Value::Object(_))) = (field.ty, value) {
            missing_fields(leaves, value, &format!("{path}."), given, out);
        }
    }
}

/// The connector of a network against the network's tunneling protocol (W403). Both as they will be, or, with `whole`
/// false, as far as their items decide.
pub fn connector_protocol(network: &Value, connector: &Value, whole: bool) -> Option<Problem> {
    let network = View { object: network, whole };
    let connector = View { object: connector, whole };
    let protocol = match network.at("tunnelingProtocol") {
        Seen::Value(value) => value.as_str()?,
        Seen::Unset => "OPENVPN",
        Seen::Unknown => return None,
    };
    let message = match (protocol, connector.at("ipSecConfig")) {
        ("OPENVPN", Seen::Value(_)) => {
            "an IPsec connector in a network whose `tunneling_protocol` is `openvpn`"
        }
        ("IPSEC", Seen::Unset) => "an OpenVPN connector in a network whose `tunneling_protocol` is `ipsec`",
        _ => return None,
    };
    Some(
        Problem::new(Code::warning(403), message)
            .path("ipsec")
            .hint("use connectors of the network's own protocol"),
    )
}

/// A device to be created beyond what the user's group allows (E431): `number` devices are there with it.
pub fn device_allowance(max_device: i64, number: u64) -> Option<Problem> {
    (i64::try_from(number).unwrap_or(i64::MAX) > max_device).then(|| {
        Problem::new(
            Code::error(431),
            format!("device {number} of a user whose group allows {max_device} (`max_device`)"),
        )
        .hint("remove a device, or raise `max_device` of the group")
    })
}

/// An object, and whether it is all there is.
struct View<'a> {
    object: &'a Value,
    whole: bool,
}

/// What a view shows of a field.
#[derive(Clone, Copy)]
enum Seen<'a> {
    /// A value that is not null, no empty list.
    Value(&'a Value),
    /// Unset, cleared, or an empty list.
    Unset,
    /// Not in this view.
    Unknown,
}

impl<'a> View<'a> {
    fn at(&self, path: &str) -> Seen<'a> {
        let mut value = self.object;
        for name in path.split('/') {
            match value.get(name) {
                Some(Value::Null) => return Seen::Unset,
                Some(inner) => value = inner,
                None if self.whole => return Seen::Unset,
                None => return Seen::Unknown,
            }
        }
        match value {
            Value::Array(list) if list.is_empty() => Seen::Unset,
            value => Seen::Value(value),
        }
    }
}

impl Seen<'_> {
    fn is_set(self) -> bool {
        matches!(self, Self::Value(_))
    }
    fn is_unset(self) -> bool {
        matches!(self, Self::Unset)
    }
    fn is_true(self) -> bool {
        matches!(self, Self::Value(Value::Bool(true)))
    }
    /// Known not to be true.
    fn is_false(self) -> bool {
        matches!(self, Self::Unset | Self::Value(Value::Bool(false)))
    }
    fn is_text(self, text: &str) -> bool {
        matches!(self, Self::Value(v) if v.as_str() == Some(text))
    }
}

fn combinations(kind: Kind, view: &View<'_>, creating: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !combines(kind) {
        return problems;
    }
    match kind {
        Kind::Network | Kind::Host => gateways(view, &mut problems),
        Kind::UserGroup => {
            gateways(view, &mut problems);
            regions(view, &mut problems);
        }
        Kind::NetworkConnector if view.at("ipSecConfig").is_set() => ipsec(view, creating, &mut problems),
        Kind::LocationContext => checks(view, &mut problems),
        Kind::DevicePosture => disk_encryption(view, &mut problems),
        Kind::Setting => setting(view, &mut problems),
        Kind::DnsRecord if view.at("ipv4Addresses").is_unset() && view.at("ipv6Addresses").is_unset() => {
            problems.push(
                Problem::new(Code::warning(481), "the record has no address")
                    .expected("an address in `ipv4` or `ipv6`"),
            );
        }
        _ => {}
    }
    problems
}

fn gateways(view: &View<'_>, problems: &mut Vec<Problem>) {
    let access = view.at("internetAccess");
    let decided = !matches!(access, Seen::Unknown);
    if view.at("gatewaysIds").is_set() && decided && !access.is_text("SPLIT_TUNNEL_OFF") {
        problems.push(
            Problem::new(
                Code::warning(401),
                "`gateways` are of use only with `internet_access: split_tunnel_off`",
            )
            .path("gateways")
            .hint("set `internet_access: split_tunnel_off`, or remove `gateways`"),
        );
    }
}

fn regions(view: &View<'_>, problems: &mut Vec<Problem>) {
    const EXPECTED: &str = "either `regions` or `all_regions_included: true`";
    let (regions, all) = (view.at("vpnRegionIds"), view.at("allRegionsIncluded"));
    let found = if regions.is_set() && all.is_true() {
        "both `regions` and `all_regions_included: true` are given"
    } else if regions.is_unset() && all.is_false() {
        "neither `regions` nor `all_regions_included: true` is given"
    } else {
        return;
    };
    problems.push(Problem::new(Code::warning(441), found).path("regions").expected(EXPECTED));
}

/// E461, E462 and W463: checks of a location context.
fn checks(view: &View<'_>, problems: &mut Vec<Problem>) {
    let (ip, country) = (view.at("ipCheck"), view.at("countryCheck"));
    if ip.is_unset() && country.is_unset() {
        problems.push(
            Problem::new(Code::error(461), "the location context checks neither addresses nor countries")
                .expected("`ip_check` or `country_check`"),
        );
    }
    if ip.is_set() && view.at("ipCheck/ips").is_unset() {
        problems.push(
            Problem::new(Code::error(462), "`ip_check` has no `ips`")
                .path("ip_check.ips")
                .expected("at least one network, such as `192.0.2.0/24`"),
        );
    }
    if country.is_set() && view.at("countryCheck/countries").is_unset() {
        problems.push(
            Problem::new(Code::warning(463), "`country_check` has no `countries`")
                .path("country_check.countries")
                .expected("at least one country, such as `FR`"),
        );
    }
}

/// W471: a volume that does not count.
fn disk_encryption(view: &View<'_>, problems: &mut Vec<Problem>) {
    let of = view.at("windows/diskEncryption/type");
    let decided = !matches!(of, Seen::Unknown);
    if view.at("windows/diskEncryption/volume").is_set() && decided && !of.is_text("SPECIFIC_VOLUME") {
        problems.push(
            Problem::new(Code::warning(471), "`volume` is of use only with `type: specific_volume`")
                .path("windows.disk_encryption.volume")
                .hint("set `type: specific_volume`, or remove `volume`"),
        );
    }
}

/// W491: settings whose first part is missing.
fn setting(view: &View<'_>, problems: &mut Vec<Problem>) {
    let (part, name) = match view.at("key") {
        Seen::Value(key) if key == "wpc.domain_routing_subnet" => ("value/ipV4Address", "ipv4"),
        Seen::Value(key) if key == "dns.custom_servers" => ("value/primaryIpV4", "primary"),
        _ => return,
    };
    if view.at("value").is_set() && view.at(part).is_unset() {
        problems.push(
            Problem::new(Code::warning(491), format!("`{name}` is missing"))
                .path("value")
                .expected(format!("`{name}`, with or without the other part")),
        );
    }
}

fn ipsec(view: &View<'_>, creating: bool, problems: &mut Vec<Problem>) {
    const DETECTION: &str = "ipsec.ike_protocol.dead_peer_detection";
    // A key that an existing connector has is not always returned: only a new one surely lacks it.
    if creating
        && view.at("ipSecConfig/authenticationType").is_text("SHARED_SECRET")
        && view.at("ipSecConfig/preSharedKey").is_unset()
    {
        problems.push(
            Problem::new(Code::warning(413), "`authentication_type: shared_secret` without `pre_shared_key`")
                .path("ipsec.pre_shared_key")
                .hint("give the key, for instance as `{env: NAME}`"),
        );
    }
    if !view.at("ipSecConfig/ikeProtocol").is_set() {
        return;
    }
    let detection = view.at("ipSecConfig/ikeProtocol/deadPeerDetection");
    let initiate = view.at("ipSecConfig/ikeProtocol/autoInitiate");
    if detection.is_set() {
        let lacks =
            |leaf: &str| view.at(&format!("ipSecConfig/ikeProtocol/deadPeerDetection/{leaf}")).is_unset();
        if lacks("timeoutSec") || lacks("deadPeerHandling") {
            problems.push(
                Problem::new(Code::error(411), "`dead_peer_detection` needs both of its fields")
                    .path(DETECTION)
                    .expected("`timeout_sec` and `dead_peer_handling`"),
            );
        }
    }
    let found = if detection.is_set() && initiate.is_true() {
        "both `dead_peer_detection` and `auto_initiate: true` are given"
    } else if detection.is_unset() && initiate.is_false() {
        "neither `dead_peer_detection` nor `auto_initiate: true` is given"
    } else {
        return;
    };
    problems.push(
        Problem::new(Code::warning(412), found)
            .path(DETECTION)
            .expected("either `dead_peer_detection` or `auto_initiate: true`"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(kind: Kind, object: &Value, creating: bool) -> Vec<String> {
        check(kind, object, creating).iter().map(|p| p.code.to_string()).collect()
    }

    #[test]
    fn whole_objects() {
        let none: [&str; 0] = [];
        assert_eq!(codes(Kind::User, &json!({"username": "a"}), true), ["E113"]);
        assert_eq!(codes(Kind::User, &json!({"username": "a", "groupId": "g"}), true), none);
        assert_eq!(codes(Kind::UserGroup, &json!({"name": "g"}), true), ["W441"]);
        assert_eq!(codes(Kind::UserGroup, &json!({"name": "g", "allRegionsIncluded": true}), true), none);
        let both = json!({"name": "g", "allRegionsIncluded": true, "vpnRegionIds": ["r"]});
        assert_eq!(codes(Kind::UserGroup, &both, false), ["W441"]);
        assert_eq!(codes(Kind::Network, &json!({"name": "n", "gatewaysIds": ["g"]}), true), ["W401"]);
        let off = json!({"name": "n", "gatewaysIds": ["g"], "internetAccess": "SPLIT_TUNNEL_OFF"});
        assert_eq!(codes(Kind::Network, &off, true), none);
        assert_eq!(codes(Kind::DnsRecord, &json!({"domain": "d", "ipv4Addresses": []}), false), ["W481"]);
        assert_eq!(codes(Kind::HostConnector, &json!({"name": "c"}), true), ["W111"]);
    }

    #[test]
    fn ipsec_configurations() {
        let mut connector = json!({"name": "c", "vpnRegionId": "r", "ipSecConfig": {
            "platform": "CISCO", "authenticationType": "SHARED_SECRET", "remoteSitePublicIp": "192.0.2.1",
            "preSharedKey": "…",
            "ikeProtocol": {"protocolVersion": "IKE_V2", "phase1": {}, "phase2": {}, "rekey": {},
                            "startupAction": "START", "autoInitiate": true}}});
        let none: [&str; 0] = [];
        assert_eq!(codes(Kind::NetworkConnector, &connector, true), none);
        let ike = &mut connector["ipSecConfig"]["ikeProtocol"];
        ike["deadPeerDetection"] = json!({"timeoutSec": 30});
        assert_eq!(codes(Kind::NetworkConnector, &connector, true), ["E411", "W412"]);
        let ike = connector["ipSecConfig"]["ikeProtocol"].as_object_mut().unwrap();
        ike.remove("deadPeerDetection");
        ike.remove("autoInitiate");
        ike.remove("rekey");
        connector["ipSecConfig"].as_object_mut().unwrap().remove("preSharedKey");
        assert_eq!(codes(Kind::NetworkConnector, &connector, true), ["W111", "W413", "W412"]);
        assert_eq!(codes(Kind::NetworkConnector, &connector, false), ["W111", "W412"]);
        assert_eq!(
            check(Kind::NetworkConnector, &connector, true)[0].path.as_deref(),
            Some("ipsec.ike_protocol.rekey")
        );
    }

    #[test]
    fn parts_decide_only_what_they_hold() {
        assert!(check_part(Kind::UserGroup, &json!({"name": "g"})).is_empty());
        assert!(check_part(Kind::Network, &json!({"gatewaysIds": ["g"]})).is_empty());
        let decided = json!({"gatewaysIds": ["g"], "internetAccess": "RESTRICTED_INTERNET"});
        assert_eq!(check_part(Kind::Network, &decided)[0].code, Code::warning(401));
        let cleared = json!({"ipv4Addresses": null, "ipv6Addresses": []});
        assert_eq!(check_part(Kind::DnsRecord, &cleared)[0].code, Code::warning(481));
    }

    #[test]
    fn policies_and_settings() {
        let none: [&str; 0] = [];
        let context = |rest: Value| {
            let mut object = json!({"name": "c", "defaultCheck": {"allowed": true}});
            object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            codes(Kind::LocationContext, &object, true)
        };
        assert_eq!(context(json!({})), ["E461"]);
        assert_eq!(context(json!({"ipCheck": {"allowed": true}})), ["E462"]);
        assert_eq!(context(json!({"countryCheck": {"allowed": true, "countries": []}})), ["W463"]);
        assert_eq!(context(json!({"ipCheck": {"allowed": true, "ips": [{"ip": "10.0.0.0/8"}]}})), none);
        assert!(check_part(Kind::LocationContext, &json!({"ipCheck": {"allowed": true}})).is_empty());
        let cleared = json!({"ipCheck": null, "countryCheck": null});
        assert_eq!(check_part(Kind::LocationContext, &cleared)[0].code, Code::error(461));
        let disk =
            |of: Value| json!({"name": "p", "windows": {"diskEncryption": {"type": of, "volume": "C"}}});
        assert_eq!(codes(Kind::DevicePosture, &disk(json!("FULL_DISK")), true), ["W471"]);
        assert_eq!(codes(Kind::DevicePosture, &disk(Value::Null), true), ["W471"]);
        assert_eq!(codes(Kind::DevicePosture, &disk(json!("SPECIFIC_VOLUME")), true), none);
        let part = json!({"windows": {"diskEncryption": {"volume": "C"}}});
        assert!(check_part(Kind::DevicePosture, &part).is_empty());
        let setting = |key: &str, value: Value| {
            let object = json!({"key": key, "value": value});
            (check(Kind::Setting, &object, false).len(), check_part(Kind::Setting, &object).len())
        };
        assert_eq!(setting("dns.custom_servers", json!({"secondaryIpV4": "10.0.0.1"})), (1, 0));
        assert_eq!(setting("dns.custom_servers", Value::Null), (0, 0));
        assert_eq!(setting("wpc.domain_routing_subnet", json!({"ipV6Address": "2001:db8::/96"})), (1, 0));
        assert_eq!(setting("wpc.domain_routing_subnet", json!({"ipV4Address": "10.0.0.0/24"})), (0, 0));
        assert_eq!(setting("wpc.snat", json!(true)), (0, 0));
    }

    #[test]
    fn protocols_and_devices() {
        let ipsec = json!({"ipSecConfig": {"platform": "AWS"}});
        let openvpn = json!({"name": "c"});
        let network = |p: &str| json!({"tunnelingProtocol": p});
        assert!(connector_protocol(&network("OPENVPN"), &ipsec, false).is_some());
        assert!(connector_protocol(&network("IPSEC"), &ipsec, true).is_none());
        assert!(connector_protocol(&network("IPSEC"), &openvpn, false).is_none());
        assert!(connector_protocol(&network("IPSEC"), &openvpn, true).is_some());
        assert!(connector_protocol(&json!({}), &ipsec, true).is_some());
        assert!(connector_protocol(&json!({}), &ipsec, false).is_none());
        assert!(device_allowance(3, 3).is_none() && device_allowance(3, 4).is_some());
    }
}
