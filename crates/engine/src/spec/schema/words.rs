//! What things are, in a sentence each, for those who write specs in an editor.

use crate::catalog::Field;
use connexa_types::Kind;

pub(super) const ID: &str =
    "The id of the object that the item stands for. It pins the identity: another name renames it.";
pub(super) const KIND: &str = "The kind of the item; it must be the one of the list that it stands in.";
pub(super) const PARENT: &str = "The item or object that it belongs to: a name or an id.";
pub(super) const RENAMED_FROM: &str = "The name that the object had before.";
pub(super) const UNIT: &str = "All items with this word succeed or are undone together.";
pub(super) const ATOMIC: &str = "The item and all its children succeed or are undone together.";
pub(super) const DEPENDS_ON: &str = "Items that must have succeeded before, each as `KIND/KEY`, such as `user/ada` or `network_connector/paris/paris-1`.";
pub(super) const DEPENDENCIES: &str =
    "Kinds that wait for all items of other kinds: `access_groups: [dns_records]`.";
pub(super) const RESPONSE_ONLY: &str = "Set by the service alone: ignored.";

/// The list of a kind.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Network => "Networks: sites that connectors join to the tenant.",
        Kind::Host => "Hosts: single machines that connectors join to the tenant.",
        Kind::NetworkConnector => "Connectors of networks.",
        Kind::HostConnector => "Connectors of hosts.",
        Kind::NetworkRoute => "Routes of networks: the subnets that are reached through them.",
        Kind::NetworkApplication => "Applications of networks: domains that are reached through them.",
        Kind::HostApplication => "Applications of hosts: domains that are reached through them.",
        Kind::NetworkIpService => "IP services of networks.",
        Kind::HostIpService => "IP services of hosts.",
        Kind::UserGroup => "User groups.",
        Kind::User => "Users.",
        Kind::Device => "Devices of users.",
        Kind::AccessGroup => "Access groups: who may reach what.",
        Kind::LocationContext => "Location contexts: from where user groups may connect.",
        Kind::DevicePosture => "Device postures: what devices of user groups must be like.",
        Kind::DnsRecord => "DNS records of the tenant.",
        Kind::Setting => "Settings of the tenant, nested by path; only what is named is changed.",
        Kind::AllowDomain => "Domains that Cyber Shield always lets through.",
        Kind::BlockDomain => "Domains that Cyber Shield always blocks.",
    }
}

/// One item of a kind.
pub(super) fn item(kind: Kind) -> &'static str {
    match kind {
        Kind::Network => "A network.",
        Kind::Host => "A host.",
        Kind::NetworkConnector => "A connector of a network.",
        Kind::HostConnector => "A connector of a host.",
        Kind::NetworkRoute => "A route of a network; a plain text is its subnet.",
        Kind::NetworkApplication => "An application of a network.",
        Kind::HostApplication => "An application of a host.",
        Kind::NetworkIpService => "An IP service of a network.",
        Kind::HostIpService => "An IP service of a host.",
        Kind::UserGroup => "A user group.",
        Kind::User => "A user.",
        Kind::Device => "A device of a user; a plain text is its name.",
        Kind::AccessGroup => "An access group.",
        Kind::LocationContext => "A location context.",
        Kind::DevicePosture => "A device posture.",
        Kind::DnsRecord => "A DNS record.",
        Kind::Setting => "A setting, by its path.",
        Kind::AllowDomain | Kind::BlockDomain => "A domain.",
    }
}

/// A field of a kind, or a leaf within one.
pub(super) fn field(kind: Option<Kind>, field: &Field) -> &'static str {
    match (field.name, kind) {
        ("name", Some(Kind::NetworkConnector | Kind::HostConnector)) => {
            "Its name; unique in its network or host."
        }
        ("name", Some(Kind::Device)) => "Its name; unique among the user's devices.",
        ("name", _) => "Its name.",
        ("username", _) => "The name to log in with. It is fixed: another one makes another user.",
        ("subnet", _) => "The network in CIDR form. It is fixed: another one makes another route.",
        ("domain", Some(Kind::DnsRecord)) => "The domain. It is fixed: another one makes another record.",
        ("domain", Some(Kind::Host)) => "The domain under which the host is reached.",
        ("domain", _) => "The domain of the remote site.",
        ("description", _) => "A description; null clears it where it may be empty.",
        ("internet_access", _) => {
            "How internet traffic goes: `split_tunnel_on` directly, `split_tunnel_off` through the gateways, `restricted_internet` not at all."
        }
        ("gateways", _) => {
            "Networks with `egress` that carry internet traffic; all of them if there are none."
        }
        ("egress", _) => "Whether the network may carry internet traffic of others.",
        ("tunneling_protocol", _) => "The protocol of its connectors.",
        ("region", _) => "The id of the region that it connects to, such as `eu-central-1`.",
        ("ipsec", _) => "The configuration of an IPsec connector.",
        ("platform", _) => "The kind of the remote device.",
        ("authentication_type", _) => "How both sides prove who they are.",
        ("remote_site_public_ip", _) => "The public address of the remote site.",
        ("pre_shared_key", _) => "The shared secret.",
        ("hostname", _) => "The host name of the remote site.",
        ("ca_certificate", _) => "The certificate authority, PEM text.",
        ("peer_certificate", _) => "The certificate of this side, PEM text.",
        ("remote_gateway_certificate", _) => "The certificate of the remote side, PEM text.",
        ("peer_certificate_private_key", _) => "The private key of this side's certificate.",
        ("peer_certificate_key_passphrase", _) => "The passphrase of that private key.",
        ("ike_protocol", _) => "How keys are exchanged.",
        ("protocol_version", _) => "The version of IKE.",
        ("phase1", _) => "Algorithms of phase 1.",
        ("phase2", _) => "Algorithms of phase 2.",
        ("encryption_algorithms", _) => "Algorithms of encryption.",
        ("integrity_algorithms", _) => "Algorithms of integrity.",
        ("diffie_hellman_groups", _) => "Diffie-Hellman groups.",
        ("lifetime_sec", _) => "Seconds after which keys are made anew.",
        ("rekey", _) => "When keys are made anew.",
        ("margin_time_sec", _) => "Seconds before the end of a key at which a new one is made.",
        ("fuzz_percent", _) => "Percent by which that margin varies.",
        ("replay_window_size", _) => "Packets in which a repetition is found.",
        ("dead_peer_detection", _) => "How a lost peer is found.",
        ("timeout_sec", _) => "Seconds of silence after which a peer is lost.",
        ("dead_peer_handling", _) => "What is done then.",
        ("startup_action", _) => "Whether the tunnel is started or waited for.",
        ("auto_initiate", _) => "Whether the tunnel is started by traffic.",
        ("domains", _) => "The domains: plain texts, or mappings with `domain` and how it is matched.",
        ("services", _) => "What is reached: named types, protocols and ranges of ports.",
        ("type", Some(Kind::NetworkIpService)) => {
            "Whether the service may be a source or a destination of access groups."
        }
        ("type", _) => "What must be encrypted.",
        ("routes", _) => "The networks of the service, each within a route of its network.",
        ("regions", _) => "The regions that users may connect to, or `all`.",
        ("all_regions_included", _) => {
            "Whether users may connect to all regions; the same as `regions: all`."
        }
        ("max_device", _) => "The most devices that a user may have.",
        ("connect_auth", _) => "When users must prove who they are.",
        ("tunnel_bypass", _) => "Networks that are reached outside the tunnel.",
        ("email", _) => "The address that invitations go to.",
        ("first_name", _) => "The first name.",
        ("last_name", _) => "The last name.",
        ("group", _) => "The user group.",
        ("secondary_groups", _) => "Further user groups; null leaves all of them.",
        ("role", _) => "What the user may do in the administration.",
        ("client_uuid", _) => "The client's own id, set by the client at its first connection.",
        ("source", _) => "Who may reach.",
        ("destination", _) => "What may be reached.",
        ("user_groups", _) => "The user groups that it is for.",
        ("ip_check", _) => "Addresses from which to connect, or not.",
        ("country_check", _) => "Countries from which to connect, or not.",
        ("default_check", _) => "Whether to connect from anywhere else.",
        ("allowed", _) => "Whether it is allowed.",
        ("ips", _) => "The address ranges.",
        ("countries", _) => "Codes of countries, two letters.",
        ("windows", _) => "What Windows devices must be like, or whether they may connect.",
        ("macos", _) => "What macOS devices must be like, or whether they may connect.",
        ("linux", _) => "Whether Linux devices may connect.",
        ("android", _) => "Whether Android devices may connect.",
        ("ios", _) => "Whether iOS devices may connect.",
        ("version", _) => "The version of the system.",
        ("condition", _) => "How the version is compared.",
        ("antiviruses", _) => "Programs of which one must run.",
        ("disk_encryption" | "disk_encrypted", _) => "Whether the disk must be encrypted.",
        ("volume", _) => "The volume.",
        ("certificate", _) => "A certificate that the device must have, PEM text.",
        ("ipv4", _) => "IPv4.",
        ("ipv6", _) => "IPv6.",
        ("primary", _) => "The first server.",
        ("secondary", _) => "The second server.",
        _ => "",
    }
}

/// A group of settings.
pub(super) fn branch(name: &str) -> &'static str {
    match name {
        "wpc" => "The network of the tenant as a whole.",
        "dns" => "Name resolution.",
        "user" | "users" => "What holds for all users.",
        "auth" => "Logging in.",
        _ => "",
    }
}

/// A setting.
pub(super) fn setting(path: &str) -> &'static str {
    match path {
        "wpc.topology" => "Whether all may reach all, or as access groups say.",
        "wpc.subnet" => "The subnets that addresses of connectors and devices come from.",
        "wpc.snat" => "Whether source addresses are translated.",
        "wpc.routes_advanced_configuration_enabled" => "Whether routes of different networks may overlap.",
        "wpc.ip_allocation_mode" => "Whether addresses of both families are given out.",
        "wpc.domain_routing_subnet" => "The subnets that stand for domains of applications.",
        "wpc.default_region" => "The region that is proposed.",
        "wpc.client_options" => "Options that clients get, in order.",
        "users.connection_timeout" => "After how long a connection ends.",
        "user.device_allowance" => "The most devices that a user may have.",
        "user.profile_distribution" => "How users get their profiles.",
        "user.device_enforcement" => "Whether users are held to their known devices.",
        "user.device_allowance_force_update" => {
            "Whether the number of devices holds for all user groups at once."
        }
        "user.connect_auth" => "When users must prove who they are.",
        "dns.zones" => "Zones with servers of their own. Named zones are set, others stay; null removes all.",
        "dns.proxy_enabled" => "Whether clients ask the DNS proxy.",
        "dns.default_suffix" => "The suffix that short names get; null removes it.",
        "dns.custom_servers" => "Servers of your own; null removes them.",
        "auth.two_factor_auth" => "Whether users need a second factor.",
        "auth.trusted_devices_allowed" => {
            "Whether a device may be trusted, so that the second factor is asked for less often."
        }
        "dns_log" => "Whether queries are logged.",
        "access_visibility" => "Whether access is recorded.",
        _ => "",
    }
}
