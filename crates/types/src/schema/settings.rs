//! Settings that are objects (API section 6.24). Those with a PUT are read and sent in one form, so what was read can
//! be changed and sent back as it is. Settings of one value are texts, booleans and numbers (API section 5.20).

use super::field::{response, shared};
use crate::id::UserGroupId;

shared! {
    /// `Subnet`: the address ranges of the tenant, `/settings/wpc/subnet` (API section 6.24).
    pub struct Subnet {
        /// IPv4 CIDRs.
        pub ip_v4_address: Option<Vec<String>>,
        /// IPv6 CIDRs; absent in IPv4-only mode.
        pub ip_v6_address: Option<Vec<String>>,
    }

    /// `DomainRoutingSubnet`: the address ranges that domains are mapped into (API section 6.24).
    pub struct DomainRoutingSubnet {
        /// IPv4 CIDR; Terraform requires it.
        pub ip_v4_address: Option<String>,
        /// IPv6 CIDR; absent in IPv4-only mode.
        pub ip_v6_address: Option<String>,
    }

    /// `DnsZones`: all zones at once, `/settings/dns/zones` (API section 6.24).
    pub struct DnsZones {
        /// Zones.
        pub zones: Vec<DnsZone>,
    }

    /// `DnsZone`: a zone and the servers that answer for it (API section 6.24).
    pub struct DnsZone {
        /// Name.
        pub name: String,
        /// Addresses of its servers.
        pub addresses: Option<Vec<String>>,
    }

    /// `DnsServerAddresses`: the tenant's own DNS servers, `/settings/dns/custom-servers` (API section 6.24).
    pub struct DnsServerAddresses {
        /// First server; Terraform requires it.
        pub primary_ip_v4: Option<String>,
        /// Second server.
        pub secondary_ip_v4: Option<String>,
    }
}

response! {
    /// `GroupMappingResponse`: how groups of the identity provider become user groups (API section 6.24).
    pub struct GroupMappingResponse {
        /// Where users without a mapping go.
        pub fallback_group_id: Option<UserGroupId>,
        /// Mappings.
        pub mappings: Vec<GroupMappingRecordResponse>,
    }

    /// `GroupMappingRecordResponse`: the groups of the identity provider that become one user group
    /// (API section 6.24).
    pub struct GroupMappingRecordResponse {
        /// The user group.
        pub group_id: Option<UserGroupId>,
        /// Names of the identity provider's groups, each once.
        pub idp_group_names: Vec<String>,
        /// Place of the mapping among all.
        pub sorting_order: Option<i32>,
    }
}
