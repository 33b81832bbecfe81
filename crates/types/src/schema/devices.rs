//! Devices of users (API section 6.14).

use super::{
    enums::ConnectionStatus,
    field::{request, response},
};
use crate::id::{DeviceId, UserId};

request! {
    /// `DeviceRequest`: for create, update and inside a new user (API section 6.14).
    pub struct DeviceRequest {
        /// Name, 1 to 32 characters.
        pub name: String,
        /// Description, 0 to 120 characters; Terraform's nested form wants at least one.
        pub description: Option<String>,
        /// Set by the client when it first connects; may be preset.
        #[serde(rename = "clientUUID")]
        pub client_uuid: Option<String>,
    }
}

response! {
    /// `DeviceResponse`: a device (API section 6.14).
    pub struct DeviceResponse {
        /// Id.
        pub id: DeviceId,
        /// Owner; fixed.
        pub user_id: Option<UserId>,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Set by the client when it first connects.
        #[serde(rename = "clientUUID")]
        pub client_uuid: Option<String>,
        /// IPv4 address that the service assigned.
        pub ip_v4_address: Option<String>,
        /// IPv6 address that the service assigned; absent in IPv4-only mode.
        pub ip_v6_address: Option<String>,
        /// What it runs; known once it has connected.
        pub platform: Option<PlatformResponse>,
        /// Whether it is connected; compare with [`ConnectionStatus::ignoring_case`].
        pub connection_status: Option<ConnectionStatus>,
    }

    /// `PlatformResponse`: what a device runs (API section 6.14).
    pub struct PlatformResponse {
        /// Operating system.
        pub os: Option<String>,
        /// Its version.
        pub version: Option<String>,
        /// Version of the client software; since 1.2.0.
        pub client_version: Option<String>,
    }
}

impl From<&DeviceResponse> for DeviceRequest {
    /// The update that changes nothing. It carries all three fields, for what is omitted may be blanked.
    fn from(device: &DeviceResponse) -> Self {
        Self {
            name: device.name.clone(),
            description: device.description.clone(),
            client_uuid: device.client_uuid.clone(),
        }
    }
}
