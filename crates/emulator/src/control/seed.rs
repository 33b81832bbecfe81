//! Objects in any number: a tenant of the size that a test needs, the same each time.

use crate::{request::Query, resources::regions, service::Emulator, state::table::Object};
use connexa_types::{Endpoint, Kind, Now};
use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::net::Ipv4Addr;

/// How many objects to make of each kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SeedRequest {
    /// What all names start with.
    prefix: String,
    networks: u32,
    connectors_per_network: u32,
    routes_per_network: u32,
    hosts: u32,
    connectors_per_host: u32,
    user_groups: u32,
    users: u32,
    devices_per_user: u32,
    dns_records: u32,
    access_groups: u32,
}

impl Default for SeedRequest {
    fn default() -> Self {
        Self {
            prefix: "seed".to_owned(),
            networks: 0,
            connectors_per_network: 0,
            routes_per_network: 0,
            hosts: 0,
            connectors_per_host: 0,
            user_groups: 0,
            users: 0,
            devices_per_user: 0,
            dns_records: 0,
            access_groups: 0,
        }
    }
}

/// The most objects of one request.
const MOST: u64 = 1_000_000;

impl SeedRequest {
    fn total(&self) -> u64 {
        let with = |parents: u32, children: &[u32]| {
            let each = children.iter().map(|n| u64::from(*n)).sum::<u64>() + 1;
            u64::from(parents).saturating_mul(each)
        };
        with(self.networks, &[self.connectors_per_network, self.routes_per_network])
            .saturating_add(with(self.hosts, &[self.connectors_per_host]))
            .saturating_add(with(self.users, &[self.devices_per_user]))
            .saturating_add(u64::from(self.user_groups))
            .saturating_add(u64::from(self.dns_records))
            .saturating_add(u64::from(self.access_groups))
    }
}

/// Makes the objects by the operations of the API, so that each is one that a client could have made. Returns how many
/// of each kind there are now; an error says what was refused, and what was made before stays.
pub(super) fn plant(emulator: &mut Emulator, now: Now, request: &SeedRequest) -> Result<Value, String> {
    let total = request.total();
    if total > MOST {
        return Err(format!("{total} objects are more than {MOST}, the most of one request"));
    }
    let region = regions::default_region();
    let prefix = &request.prefix;
    let mut gardener = Gardener { emulator, now, subnet: 0 };

    gardener.many(request.user_groups, Kind::UserGroup, Endpoint::UserGroupCreate, |_, n| {
        Ok(json!({
            "name": format!("{prefix}-group-{n}"), "allRegionsIncluded": true, "maxDevice": 100,
            "internetAccess": "SPLIT_TUNNEL_ON",
        }))
    })?;
    gardener.many(request.networks, Kind::Network, Endpoint::NetworkCreate, |gardener, n| {
        let name = format!("{prefix}-network-{n}");
        let connectors = (1..=request.connectors_per_network)
            .map(|c| json!({"name": format!("{name}-connector-{c}"), "vpnRegionId": region}));
        let connectors: Vec<Value> = connectors.collect();
        let routes = (0..request.routes_per_network).map(|_| gardener.free_subnet());
        let routes: Vec<Value> =
            routes.map(|net| net.map(|net| json!({"value": net.to_string()}))).collect::<Result<_, _>>()?;
        Ok(json!({"name": name, "egress": false, "connectors": connectors, "routes": routes}))
    })?;
    gardener.many(request.hosts, Kind::Host, Endpoint::HostCreate, |_, n| {
        let name = format!("{prefix}-host-{n}");
        let connectors = (1..=request.connectors_per_host)
            .map(|c| json!({"name": format!("{name}-connector-{c}"), "vpnRegionId": region}));
        Ok(json!({"name": name, "connectors": connectors.collect::<Vec<_>>()}))
    })?;
    gardener.many(request.users, Kind::User, Endpoint::UserCreate, |gardener, n| {
        let name = format!("{prefix}-user-{n}");
        let devices = (1..=request.devices_per_user).map(|d| json!({"name": format!("device-{d}")}));
        Ok(json!({
            "username": name, "email": format!("{name}@example.com"), "groupId": gardener.roomiest_group(),
            "devices": devices.collect::<Vec<_>>(),
        }))
    })?;
    gardener.many(request.dns_records, Kind::DnsRecord, Endpoint::DnsRecordCreate, |_, n| {
        let address = Ipv4Addr::from_bits(0x0a00_0000 | (n & 0x00ff_ffff));
        Ok(json!({"domain": format!("{prefix}-{n}.example.com"), "ipv4Addresses": [address.to_string()]}))
    })?;
    gardener.many(request.access_groups, Kind::AccessGroup, Endpoint::AccessGroupCreate, |_, n| {
        Ok(json!({
            "name": format!("{prefix}-access-{n}"),
            "source": [{"type": "USER_GROUP", "allCovered": true}],
            "destination": [{"type": "NETWORK_SERVICE", "allCovered": true}],
        }))
    })?;

    let state = &gardener.emulator.state;
    let counts = Kind::ALL
        .iter()
        .filter(|kind| **kind != Kind::Setting)
        .map(|kind| (kind.plural().to_owned(), Value::from(state.objects(*kind, None).len())));
    Ok(json!({"objects": counts.collect::<Map<_, _>>()}))
}

struct Gardener<'a> {
    emulator: &'a mut Emulator,
    now: Now,
    /// Where the search for the next free subnet starts.
    subnet: u32,
}

impl Gardener<'_> {
    /// Makes `count` objects, numbered on from those that are there; numbers whose names are taken are left out.
    fn many(
        &mut self,
        count: u32,
        kind: Kind,
        endpoint: Endpoint,
        body: impl Fn(&mut Self, u32) -> Result<Value, String>,
    ) -> Result<(), String> {
        let mut number = 0;
        for _ in 0..count {
            let made = loop {
                number += 1;
                let body = body(self, number)?;
                let name = ["name", "username", "domain"].iter().find_map(|field| body[*field].as_str());
                let taken = name.is_some_and(|name| self.emulator.state.holder_of_name(kind, name).is_some());
                if !taken {
                    break body;
                }
            };
            self.one(endpoint, &made)?;
        }
        Ok(())
    }

    fn one(&mut self, endpoint: Endpoint, body: &Value) -> Result<(), String> {
        let text = body.to_string();
        let response =
            self.emulator.act_for(self.now, None, endpoint, Vec::new(), Query::default(), text.as_bytes());
        if response.status().is_success() {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(response.body());
        Err(format!("`{endpoint}` of `{text}` was refused: {answer}"))
    }

    /// The next /28 of 10.0.0.0/8 that overlaps nothing.
    fn free_subnet(&mut self) -> Result<IpNet, String> {
        while self.subnet < 1 << 20 {
            let address = Ipv4Addr::from_bits(0x0a00_0000 | (self.subnet << 4));
            self.subnet += 1;
            let net = IpNet::V4(Ipv4Net::new_assert(address, 28));
            let state = &self.emulator.state;
            let reserved = state.settings().reserved().any(|own| own.contains(&net) || net.contains(&own));
            if !reserved && state.routes().overlapping(&net, None).is_none() {
                return Ok(net);
            }
        }
        Err("10.0.0.0/8 has no room for further routes".to_owned())
    }

    /// The user group whose users may have most devices.
    fn roomiest_group(&self) -> String {
        let room = |group: &&Object| group.fields.get("maxDevice").and_then(Value::as_u64);
        // The first of several.
        let groups = self.emulator.state.objects(Kind::UserGroup, None).rev();
        groups.max_by_key(room).map_or_else(String::new, |group| group.id().to_owned())
    }
}
