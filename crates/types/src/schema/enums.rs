//! The API's enums (API sections 5 and 6). Each keeps a value it does not know and writes it back unchanged.
//!
//! Where the reference only lists values, what is said of them here is their usual sense.

use crate::open_enum::open_enum;

// Networks, hosts, connectors (API sections 6.3, 6.4, 6.27).
open_enum! {
    /// Where traffic to the internet goes (API section 6.27).
    InternetAccess {
        /// Private and trusted traffic in the tunnel, other internet traffic goes out locally.
        SplitTunnelOn = "SPLIT_TUNNEL_ON",
        /// Everything in the tunnel; the internet is reached through the chosen gateways.
        SplitTunnelOff = "SPLIT_TUNNEL_OFF",
        /// Private and trusted traffic in the tunnel, other internet traffic blocked.
        RestrictedInternet = "RESTRICTED_INTERNET",
    }
    /// How connectors reach the service (API section 6.27).
    TunnelingProtocol {
        /// Connector software.
        Openvpn = "OPENVPN",
        /// An IPsec peer.
        Ipsec = "IPSEC",
    }
    /// What a connector, application or IP service hangs on (API sections 6.4, 6.7, 6.8).
    NetworkItemType {
        /// A network.
        Network = "NETWORK",
        /// A host.
        Host = "HOST",
    }
    /// Whether a connector, device or user is connected (API section 6.27).
    ///
    /// The case of live answers varies, so compare through [`ConnectionStatus::ignoring_case`].
    ConnectionStatus {
        /// Connected.
        Online = "ONLINE",
        /// Not connected.
        Offline = "OFFLINE",
        /// Connected, but in trouble.
        OnlineWithIssues = "ONLINE_WITH_ISSUES",
    }
}

impl ConnectionStatus {
    /// The status with letter case disregarded: `online` is [`ConnectionStatus::Online`].
    ///
    /// The value itself is written back as it was received.
    #[must_use]
    pub fn ignoring_case(&self) -> Self {
        match Self::from(self.as_str().to_ascii_uppercase().as_str()) {
            Self::Unknown(_) => self.clone(),
            known => known,
        }
    }

    /// Whether the status says connected without trouble, in whatever case.
    pub fn is_online(&self) -> bool {
        self.ignoring_case() == Self::Online
    }
}

// IPsec (API section 6.5).
open_enum! {
    /// What an IPsec peer runs on.
    IpSecPlatform {
        /// Amazon Web Services.
        Aws = "AWS",
        /// Cisco.
        Cisco = "CISCO",
        /// Microsoft Azure.
        Azure = "AZURE",
        /// Google Cloud.
        Gcp = "GCP",
        /// Anything else.
        Other = "OTHER",
    }
    /// How an IPsec peer shows who it is.
    IpSecAuthenticationType {
        /// A pre-shared key.
        SharedSecret = "SHARED_SECRET",
        /// Certificates; their fields are absent from the 1.2.3 pages.
        Certificate = "CERTIFICATE",
    }
    /// Whether an IPsec connector is started.
    IpSecConnectorState {
        /// Started.
        Active = "ACTIVE",
        /// Stopped.
        Suspended = "SUSPENDED",
    }
    /// Version of the Internet Key Exchange.
    IkeProtocolVersion {
        /// Version 1.
        V1 = "IKE_V1",
        /// Version 2.
        V2 = "IKE_V2",
    }
    /// An encryption algorithm of a phase.
    EncryptionAlgorithm {
        /// AES, 128 bits.
        Aes128 = "AES128",
        /// AES, 256 bits.
        Aes256 = "AES256",
        /// AES-GCM, 128 bits.
        Aes128Gcm16 = "AES128_GCM_16",
        /// AES-GCM, 256 bits.
        Aes256Gcm16 = "AES256_GCM_16",
    }
    /// An integrity algorithm of a phase.
    IntegrityAlgorithm {
        /// SHA-1.
        Sha1 = "SHA1",
        /// SHA-2, 256 bits.
        Sha2_256 = "SHA2_256",
        /// SHA-2, 384 bits.
        Sha2_384 = "SHA2_384",
        /// SHA-2, 512 bits.
        Sha2_512 = "SHA2_512",
    }
    /// A Diffie-Hellman group of a phase.
    DiffieHellmanGroup {
        /// Group 1.
        G1 = "G_1",
        /// Group 2.
        G2 = "G_2",
        /// Group 5.
        G5 = "G_5",
        /// Group 14.
        G14 = "G_14",
        /// Group 15.
        G15 = "G_15",
        /// Group 16.
        G16 = "G_16",
        /// Group 19.
        G19 = "G_19",
        /// Group 20.
        G20 = "G_20",
        /// Group 24.
        G24 = "G_24",
    }
    /// What is done about a peer that no longer answers.
    DeadPeerHandling {
        /// The connection is made anew.
        Restart = "RESTART",
        /// Nothing.
        None = "NONE",
    }
    /// What an IPsec connector does when it starts.
    StartupAction {
        /// It opens the connection.
        Start = "START",
        /// It waits for the peer.
        Attach = "ATTACH",
    }
}

// Routes, applications, IP services (API sections 6.6 to 6.9).
open_enum! {
    /// The address family of a route, derived from its subnet (API sections 6.6, 6.8).
    RouteType {
        /// IPv4.
        IpV4 = "IP_V4",
        /// IPv6.
        IpV6 = "IP_V6",
    }
    /// The type of an application's route (API section 6.7).
    DomainRouteType {
        /// A domain name.
        Domain = "DOMAIN",
    }
    /// What a network IP service may be used for (API section 6.8).
    IpServiceType {
        /// A source of access groups.
        IpSource = "IP_SOURCE",
        /// A destination.
        ServiceDestination = "SERVICE_DESTINATION",
    }
    /// A service by name (API section 6.9).
    ServiceType {
        /// Everything; stands alone.
        Any = "ANY",
        /// What `customServiceTypes` lists.
        Custom = "CUSTOM",
        /// Border Gateway Protocol.
        Bgp = "BGP",
        /// Dynamic Host Configuration Protocol.
        Dhcp = "DHCP",
        /// Domain Name System.
        Dns = "DNS",
        /// File Transfer Protocol.
        Ftp = "FTP",
        /// Web.
        Http = "HTTP",
        /// Web over TLS.
        Https = "HTTPS",
        /// Mailbox access.
        Imap = "IMAP",
        /// Mailbox access over TLS.
        Imaps = "IMAPS",
        /// Network Time Protocol.
        Ntp = "NTP",
        /// Mailbox retrieval.
        Pop3 = "POP3",
        /// Mailbox retrieval over TLS.
        Pop3s = "POP3S",
        /// Mail transfer.
        Smtp = "SMTP",
        /// Mail transfer over TLS.
        Smtps = "SMTPS",
        /// Simple Network Management Protocol.
        Snmp = "SNMP",
        /// Secure Shell.
        Ssh = "SSH",
        /// Telnet.
        Telnet = "TELNET",
        /// Trivial File Transfer Protocol.
        Tftp = "TFTP",
    }
    /// The protocol of a custom service type (API section 6.9).
    ServiceProtocol {
        /// TCP, with port ranges.
        Tcp = "TCP",
        /// UDP, with port ranges.
        Udp = "UDP",
        /// ICMP, with ranges of types.
        Icmp = "ICMP",
    }
}

// Users, groups, devices (API sections 6.12 to 6.15).
open_enum! {
    /// What a user may administer (API section 6.12).
    UserRole {
        /// The tenant's one owner.
        Owner = "OWNER",
        /// An ordinary user.
        Member = "MEMBER",
        /// An administrator.
        Admin = "ADMIN",
    }
    /// Where a user is in its life (API section 7.9).
    UserStatus {
        /// Created, has never logged in.
        Invited = "INVITED",
        /// In use.
        Active = "ACTIVE",
        /// Suspended by an administrator.
        Suspended = "SUSPENDED",
        /// Suspended by the identity provider.
        SuspendedIdp = "SUSPENDED_IDP",
    }
    /// Who vouches for a user (API section 6.12).
    AuthType {
        /// The service itself.
        Internal = "INTERNAL",
        /// A SAML identity provider.
        Saml = "SAML",
        /// A directory.
        Ldap = "LDAP",
        /// Google.
        Google = "GOOGLE",
        /// Microsoft.
        Microsoft = "MICROSOFT",
    }
    /// When a user must authenticate to connect (API section 6.27).
    ConnectAuth {
        /// Never.
        NoAuth = "NO_AUTH",
        /// When an earlier authentication has run out.
        OnPriorAuth = "ON_PRIOR_AUTH",
        /// Each time.
        EveryTime = "EVERY_TIME",
    }
    /// How a version is compared (API section 6.15).
    VersionCondition {
        /// At least.
        Gte = "GTE",
        /// At most.
        Lte = "LTE",
        /// Exactly.
        Equal = "EQUAL",
    }
    /// How much of a Windows device must be encrypted (API section 6.15).
    DiskEncryptionType {
        /// The whole disk.
        FullDisk = "FULL_DISK",
        /// One volume.
        SpecificVolume = "SPECIFIC_VOLUME",
    }
    /// A product that guards a device (API section 6.15).
    Antivirus {
        /// Avast.
        Avast = "AVAST",
        /// AVG.
        Avg = "AVG",
        /// Avira.
        Avira = "AVIRA",
        /// Bitdefender.
        Bitdefender = "BITDEFENDER",
        /// `CrowdStrike` Falcon.
        CrowdstrikeFalcon = "CROWDSTRIKE_FALCON",
        /// ESET.
        Eset = "ESET",
        /// Malwarebytes.
        Malwarebytes = "MALWAREBYTES",
        /// `McAfee`.
        Mcafee = "MCAFEE",
        /// Microsoft Defender.
        MicrosoftDefender = "MICROSOFT_DEFENDER",
        /// Norton.
        Norton = "NORTON",
        /// `SentinelOne`.
        SentinelOne = "SENTINEL_ONE",
        /// Cortex XDR (Windows, since 1.2.3). The literal is assumed.
        CortexXdr = "CORTEX_XDR",
    }
}

// Access groups (API sections 5.15, 6.16).
open_enum! {
    /// What a source of an access group names.
    AccessItemSourceType {
        /// User groups.
        UserGroup = "USER_GROUP",
        /// A network, or IP services of it.
        NetworkService = "NETWORK_SERVICE",
        /// A host.
        Host = "HOST",
    }
    /// What a destination of an access group names.
    AccessItemDestinationType {
        /// User groups.
        UserGroup = "USER_GROUP",
        /// A network, or applications and IP services of it.
        NetworkService = "NETWORK_SERVICE",
        /// A host, or applications and IP services of it.
        HostService = "HOST_SERVICE",
        /// Published applications; no call of this API makes them.
        PublishedService = "PUBLISHED_SERVICE",
    }
    /// The `type` query of the call that removes sources. It has one value more than the request enum
    /// (API section 12, item 8).
    AccessItemSourceRemovalType {
        /// User groups.
        UserGroup = "USER_GROUP",
        /// Networks.
        Network = "NETWORK",
        /// A network, or IP services of it.
        NetworkService = "NETWORK_SERVICE",
        /// A host.
        Host = "HOST",
    }
}

// Queries and settings (API sections 5.3, 5.18, 5.20, 6.27).
open_enum! {
    /// The installer that a profile is bundled with (query `type`).
    BundleType {
        /// For macOS.
        Dmg = "DMG",
        /// For Windows.
        Msi = "MSI",
    }
    /// Where a session is in its life.
    SessionStatus {
        /// Going on.
        Active = "ACTIVE",
        /// Over.
        Completed = "COMPLETED",
        /// Never came about.
        Failed = "FAILED",
    }
    /// `/settings/wpc/topology`.
    Topology {
        /// Everyone reaches everything.
        FullMesh = "FULL_MESH",
        /// Access groups decide.
        Custom = "CUSTOM",
    }
    /// `/settings/wpc/ip-allocation-mode`, since 1.2.3.
    IpAllocationMode {
        /// IPv4 and IPv6.
        Both = "BOTH",
        /// IPv4 only: answers hold no IPv6 fields.
        IpV4Only = "IP_V4_ONLY",
    }
    /// `/settings/user/profile-distribution`.
    ProfileDistribution {
        /// Users fetch their profiles.
        Automatic = "AUTOMATIC",
        /// Administrators hand them out.
        Manual = "MANUAL",
    }
    /// `/settings/user/device-enforcement`.
    DeviceEnforcement {
        /// Off.
        Off = "OFF",
        /// The first device used is learned, then enforced.
        LearnAndEnforce = "LEARN_AND_ENFORCE",
        /// Only known devices connect.
        Enforce = "ENFORCE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_status_compares_without_case_and_is_written_as_received() {
        let received: ConnectionStatus = serde_json::from_str("\"Online_With_Issues\"").unwrap();
        assert_eq!(received.ignoring_case(), ConnectionStatus::OnlineWithIssues);
        assert_eq!(serde_json::to_string(&received).unwrap(), "\"Online_With_Issues\"");
        assert!(ConnectionStatus::from("online").is_online());
        assert!(!ConnectionStatus::from("OFFLINE").is_online());
        let new = ConnectionStatus::from("Asleep");
        assert_eq!(new.ignoring_case(), new);
    }
}
