//! DNS records (API section 6.18).

use super::field::{filled, request, response};
use crate::id::DnsRecordId;

request! {
    /// `DnsRecordRequest`: for create and update; one of the two lists has an entry (API section 6.18).
    pub struct DnsRecordRequest {
        /// Domain; unique (assumed). Terraform treats it as fixed although PUT carries it.
        pub domain: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// IPv4 addresses.
        pub ipv4_addresses: Option<Vec<String>>,
        /// IPv6 addresses; the service keeps the written form.
        pub ipv6_addresses: Option<Vec<String>>,
    }
}

response! {
    /// `DnsRecordResponse`: a DNS record (API section 6.18).
    pub struct DnsRecordResponse {
        /// Id.
        pub id: DnsRecordId,
        /// Domain.
        pub domain: String,
        /// Description.
        pub description: Option<String>,
        /// IPv4 addresses.
        pub ipv4_addresses: Vec<String>,
        /// IPv6 addresses, in the written form; may be absent in IPv4-only mode.
        pub ipv6_addresses: Vec<String>,
    }
}

impl From<&DnsRecordResponse> for DnsRecordRequest {
    /// The update that changes nothing.
    fn from(record: &DnsRecordResponse) -> Self {
        Self {
            domain: record.domain.clone(),
            description: filled(record.description.as_deref()),
            ipv4_addresses: Some(record.ipv4_addresses.clone()),
            ipv6_addresses: Some(record.ipv6_addresses.clone()),
        }
    }
}
