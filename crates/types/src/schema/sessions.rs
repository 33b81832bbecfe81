//! Sessions (API section 6.19). Times are kept as they were written (ISO 8601, UTC).

use super::{enums::SessionStatus, field::response};
use crate::id::{DeviceId, HostId, NetworkId, ResourceId, SessionId, UserId};

response! {
    /// `SessionsResponse`: one part of the list (API sections 4.2, 6.19).
    pub struct SessionsResponse {
        /// Sessions.
        pub sessions: Vec<SessionResponse>,
        /// Cursor of the next part; absent at the end.
        pub next_cursor: Option<String>,
    }

    /// `SessionResponse`: one connection of a user, host or network (API section 6.19).
    pub struct SessionResponse {
        /// Id.
        pub id: SessionId,
        /// Name of the user.
        pub user_name: Option<String>,
        /// Id of the user.
        pub user_id: Option<UserId>,
        /// Name of the user's group.
        pub user_group: Option<String>,
        /// Name of the user's primary group; since 1.1.6.
        pub primary_group_name: Option<String>,
        /// Names of the user's further groups; since 1.1.6.
        pub secondary_group_names: Vec<String>,
        /// Name of the host.
        pub host_name: Option<String>,
        /// Id of the host.
        pub host_id: Option<HostId>,
        /// Name of the network.
        pub network_name: Option<String>,
        /// Id of the network.
        pub network_id: Option<NetworkId>,
        /// Name of the device.
        pub device_name: Option<String>,
        /// Id of the device.
        pub device_id: Option<DeviceId>,
        /// What the client calls itself.
        #[serde(rename = "clientUUID")]
        pub client_uuid: Option<String>,
        /// Operating system.
        pub os_type: Option<String>,
        /// Version of the operating system.
        pub os_version: Option<String>,
        /// Name of the connector.
        pub connector_name: Option<String>,
        /// Id of the connector, of a network or a host.
        pub connector_id: Option<ResourceId>,
        /// Region, by name or id.
        pub region: Option<String>,
        /// Start.
        pub session_start_time: Option<String>,
        /// Where the session is in its life.
        pub status: Option<SessionStatus>,
        /// Why it ended, as a code.
        pub disconnect_reason: Option<String>,
        /// Why it ended, in words.
        pub disconnect_reason_description: Option<String>,
        /// First name of the user.
        pub first_name: Option<String>,
        /// Last name of the user.
        pub last_name: Option<String>,
        /// E-mail address of the user.
        pub email: Option<String>,
        /// Bytes received.
        pub bytes_in: Option<i64>,
        /// Bytes sent.
        pub bytes_out: Option<i64>,
        /// Transport protocol.
        pub protocol: Option<String>,
        /// Public address.
        pub public_ip: Option<String>,
        /// IPv4 address in the tunnel.
        pub tunnel_ip_v4: Option<String>,
        /// IPv6 address in the tunnel.
        pub tunnel_ip_v6: Option<String>,
        /// End.
        pub session_end_time: Option<String>,
        /// Duration in seconds.
        pub session_duration_seconds: Option<i64>,
    }
}
