//! The tenant's settings, with the values of a fresh tenant (API section 10, rows 35 and 36; all assumed).

use super::addresses::{BlockSize, Pool};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All settings by path below `/settings`. Two switches that live elsewhere in the API are kept here too, under
/// [`Settings::DNS_LOG`] and [`Settings::ACCESS_VISIBILITY`].
#[derive(Debug)]
pub(crate) struct Settings {
    values: BTreeMap<String, Value>,
    pool: Pool,
    /// The pool of a fresh tenant.
    first_pool: Pool,
    domain_routing: Vec<IpNet>,
}

impl Settings {
    pub(crate) const DNS_LOG: &'static str = "dns-log/enabled";
    pub(crate) const ACCESS_VISIBILITY: &'static str = "access-visibility/enabled";

    /// The settings of a fresh tenant.
    pub(crate) fn new(default_region: &str) -> Self {
        let values = [
            ("wpc/topology", json!("FULL_MESH")),
            ("wpc/subnet", json!({"ipV4Address": ["100.96.0.0/11"], "ipV6Address": ["fd:0:0:8000::/49"]})),
            ("wpc/snat", json!(false)),
            ("wpc/routes-advanced-configuration-enabled", json!(false)),
            ("wpc/ip-allocation-mode", json!("BOTH")),
            (
                "wpc/domain-routing-subnet",
                json!({"ipV4Address": "100.80.0.0/12", "ipV6Address": "fd:0:0:4000::/50"}),
            ),
            ("wpc/default-region", json!(default_region)),
            ("wpc/client-options", json!([])),
            ("users/connection-timeout", json!(0)),
            ("user/profile-distribution", json!("AUTOMATIC")),
            ("user/device-enforcement", json!("OFF")),
            ("user/device-allowance", json!(3)),
            ("user/device-allowance-force-update", json!(false)),
            ("user/connect-auth", json!("ON_PRIOR_AUTH")),
            ("dns/zones", json!({"zones": []})),
            ("dns/proxy-enabled", json!(false)),
            ("dns/default-suffix", json!("")),
            ("dns/custom-servers", Value::Null),
            ("auth/two-factor-auth", json!(false)),
            ("auth/trusted-devices-allowed", json!(true)),
            ("auth/saml/group-mappings", json!({"mappings": []})),
            ("auth/ldap/group-mappings", json!({"mappings": []})),
            (Self::DNS_LOG, json!(false)),
            (Self::ACCESS_VISIBILITY, json!(false)),
        ];
        let mut settings = Self {
            values: values.into_iter().map(|(path, value)| (path.to_owned(), value)).collect(),
            pool: Pool::default(),
            first_pool: Pool::default(),
            domain_routing: Vec::new(),
        };
        settings.read_subnets();
        settings.first_pool = settings.pool.clone();
        settings
    }

    /// The value at `path`; null if it is unset or unknown.
    pub(crate) fn get(&self, path: &str) -> &Value {
        self.values.get(path).unwrap_or(&Value::Null)
    }

    /// The paths of all settings.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Stores a value and returns the old one.
    pub(crate) fn set(&mut self, path: &str, value: Value) -> Value {
        let old = self.values.insert(path.to_owned(), value).unwrap_or_default();
        self.read_subnets();
        old
    }

    fn read_subnets(&mut self) {
        let subnet = self.get("wpc/subnet");
        let texts = |name: &str| {
            let list = subnet.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            list.iter().filter_map(Value::as_str)
        };
        let pool = Pool {
            v4: texts("ipV4Address").filter_map(|t| t.parse::<Ipv4Net>().ok()).collect(),
            v6: texts("ipV6Address").filter_map(|t| t.parse::<Ipv6Net>().ok()).collect(),
        };
        let routing = self.get("wpc/domain-routing-subnet");
        let domain_routing = ["ipV4Address", "ipV6Address"]
            .iter()
            .filter_map(|name| routing.get(name)?.as_str()?.parse().ok())
            .collect();
        self.pool = pool;
        self.domain_routing = domain_routing;
    }

    /// The IPv4 addresses of a block. What finds no room in the subnets of the setting has its place in those of a fresh
    /// tenant: a change of the setting cannot take an address away (API section 7.3).
    pub(crate) fn v4(&self, size: BlockSize, block: u64) -> Option<Ipv4Net> {
        self.pool.v4(size, block).or_else(|| self.first_pool.v4(size, block))
    }

    /// The IPv6 addresses of a block; none where the tenant has only IPv4 (API section 6.28).
    pub(crate) fn v6(&self, size: BlockSize, block: u64) -> Option<Ipv6Net> {
        if self.ipv4_only() {
            return None;
        }
        self.pool.v6(size, block).or_else(|| self.first_pool.v6(size, block))
    }

    /// Every subnet that the service keeps for itself: the pool, in which all system subnets lie, and the subnets of
    /// domain routing.
    pub(crate) fn reserved(&self) -> impl Iterator<Item = IpNet> {
        let v4 = self.pool.v4.iter().copied().map(IpNet::V4);
        let v6 = self.pool.v6.iter().copied().map(IpNet::V6);
        v4.chain(v6).chain(self.domain_routing.iter().copied())
    }

    /// Whether answers leave IPv6 out (API section 6.28).
    pub(crate) fn ipv4_only(&self) -> bool {
        self.get("wpc/ip-allocation-mode") == "IP_V4_ONLY"
    }

    /// Whether routes may overlap anything (API section 10, row 20; assumed to be the purpose of the setting).
    pub(crate) fn overlap_allowed(&self) -> bool {
        self.get("wpc/routes-advanced-configuration-enabled") == &Value::Bool(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_set_subnets_have_no_room_for_keeps_an_address() {
        let mut settings = Settings::new("us-east-1");
        settings.set("wpc/subnet", json!({"ipV4Address": ["10.9.0.0/24"], "ipV6Address": []}));
        let v4 = |block| settings.v4(BlockSize::Single, block).map(|net| net.addr().to_string());
        assert_eq!(v4(255).as_deref(), Some("10.9.0.255"));
        assert_eq!(v4(256).as_deref(), Some("100.96.1.0"));
        let v6 = settings.v6(BlockSize::Sixteen, 256).map(|net| net.to_string());
        assert_eq!(v6.as_deref(), Some("fd:0:0:8000::100/124"));
        settings.set("wpc/ip-allocation-mode", json!("IP_V4_ONLY"));
        assert_eq!(settings.v6(BlockSize::Sixteen, 256), None);
    }
}
