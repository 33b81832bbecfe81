//! IPsec configuration of network connectors (API section 6.5).

use super::{
    enums::{
        DeadPeerHandling, DiffieHellmanGroup, EncryptionAlgorithm, IkeProtocolVersion, IntegrityAlgorithm,
        IpSecAuthenticationType, IpSecConnectorState, IpSecPlatform, StartupAction,
    },
    field::{filled, request, response, shared},
};
use crate::{Secret, id::NetworkConnectorId};

request! {
    /// `IpSecConfigRequest`: how a connector meets its IPsec peer (API section 6.5).
    ///
    /// The certificate fields are listed up to 1.2.0 and absent from the 1.2.3 pages.
    pub struct IpSecConfigRequest {
        /// What the peer runs on; Terraform requires it.
        pub platform: Option<IpSecPlatform>,
        /// How the peer shows who it is; Terraform requires it.
        pub authentication_type: Option<IpSecAuthenticationType>,
        /// The peer's public address; Terraform requires it.
        pub remote_site_public_ip: Option<String>,
        /// The key, for [`IpSecAuthenticationType::SharedSecret`].
        pub pre_shared_key: Option<Secret>,
        /// Key exchange; Terraform requires it.
        pub ike_protocol: Option<IkeProtocol>,
        /// Host name of the peer.
        pub hostname: Option<String>,
        /// Domain of the peer.
        pub domain: Option<String>,
        /// The authority's certificate, PEM.
        pub ca_certificate: Option<String>,
        /// The peer's certificate, PEM.
        pub peer_certificate: Option<String>,
        /// The remote gateway's certificate, PEM.
        pub remote_gateway_certificate: Option<String>,
        /// The peer's private key, PEM.
        pub peer_certificate_private_key: Option<Secret>,
        /// Pass-phrase of the peer's private key.
        pub peer_certificate_key_passphrase: Option<Secret>,
    }
}

response! {
    /// `IpSecConfigResponse`: how a connector meets its IPsec peer (API section 6.5).
    pub struct IpSecConfigResponse {
        /// What the peer runs on.
        pub platform: Option<IpSecPlatform>,
        /// How the peer shows who it is.
        pub authentication_type: Option<IpSecAuthenticationType>,
        /// The peer's public address.
        pub remote_site_public_ip: Option<String>,
        /// The key, echoed.
        pub pre_shared_key: Option<Secret>,
        /// Key exchange.
        pub ike_protocol: Option<IkeProtocol>,
        /// Host name of the peer.
        pub hostname: Option<String>,
        /// Domain of the peer.
        pub domain: Option<String>,
        /// Whether the connector is started.
        pub connector_state: Option<IpSecConnectorState>,
        /// The other connector of an AWS pair.
        pub paired_aws_connector_id: Option<NetworkConnectorId>,
        /// The server on the service's side.
        pub server_id: Option<String>,
        /// Public address on the service's side; since 1.2.0.
        pub server_ip: Option<String>,
        /// The authority's certificate, PEM.
        pub ca_certificate: Option<String>,
        /// The file that the authority's certificate came from.
        pub ca_certificate_file_name: Option<String>,
        /// The peer's certificate, PEM.
        pub peer_certificate: Option<String>,
        /// The remote gateway's certificate, PEM.
        pub remote_gateway_certificate: Option<String>,
        /// The peer's private key, PEM.
        pub peer_certificate_private_key: Option<Secret>,
        /// Pass-phrase of the peer's private key.
        pub peer_certificate_key_passphrase: Option<Secret>,
    }
}

shared! {
    /// `IkeProtocol`: the key exchange (API section 6.5).
    pub struct IkeProtocol {
        /// Version; Terraform requires it.
        pub protocol_version: Option<IkeProtocolVersion>,
        /// First phase; Terraform requires it.
        pub phase1: Option<IkePhase>,
        /// Second phase; Terraform requires it.
        pub phase2: Option<IkePhase>,
        /// When keys are made anew; Terraform requires it.
        pub rekey: Option<IkeRekey>,
        /// What is done about a silent peer. An object without values is rejected: leave it out whole with
        /// `auto_initiate`.
        pub dead_peer_detection: Option<IkeDeadPeerDetection>,
        /// What the connector does when it starts; Terraform requires it.
        pub startup_action: Option<StartupAction>,
        /// Whether the service initiates by itself; on the 1.2.3 pages, not in 1.2.0.
        pub auto_initiate: Option<bool>,
    }

    /// `IkePhase`: what one phase offers, at least one entry in each list (API section 6.5).
    pub struct IkePhase {
        /// Encryption algorithms.
        pub encryption_algorithms: Option<Vec<EncryptionAlgorithm>>,
        /// Integrity algorithms.
        pub integrity_algorithms: Option<Vec<IntegrityAlgorithm>>,
        /// Diffie-Hellman groups.
        pub diffie_hellman_groups: Option<Vec<DiffieHellmanGroup>>,
        /// Lifetime in seconds, such as 3600.
        pub lifetime_sec: Option<i32>,
    }

    /// `IkeRekey`: when keys are made anew (API section 6.5).
    pub struct IkeRekey {
        /// Margin in seconds, such as 270.
        pub margin_time_sec: Option<i32>,
        /// Fuzz in per cent, such as 100.
        pub fuzz_percent: Option<i32>,
        /// Size of the replay window, such as 1024.
        pub replay_window_size: Option<i32>,
    }

    /// `IkeDeadPeerDetection`: what is done about a silent peer (API section 6.5).
    pub struct IkeDeadPeerDetection {
        /// Seconds of silence, such as 30.
        pub timeout_sec: Option<i32>,
        /// What is done then.
        pub dead_peer_handling: Option<DeadPeerHandling>,
    }
}

impl From<&IpSecConfigResponse> for IpSecConfigRequest {
    /// The configuration that changes nothing.
    fn from(config: &IpSecConfigResponse) -> Self {
        let mut ike_protocol = config.ike_protocol.clone();
        if let Some(ike) = &mut ike_protocol
            && ike.dead_peer_detection.as_ref().is_some_and(|d| *d == IkeDeadPeerDetection::default())
        {
            // The API rejects the object when its fields are unset.
            ike.dead_peer_detection = None;
        }
        Self {
            platform: config.platform.clone(),
            authentication_type: config.authentication_type.clone(),
            remote_site_public_ip: filled(config.remote_site_public_ip.as_deref()),
            pre_shared_key: config.pre_shared_key.clone(),
            ike_protocol,
            hostname: filled(config.hostname.as_deref()),
            domain: filled(config.domain.as_deref()),
            ca_certificate: filled(config.ca_certificate.as_deref()),
            peer_certificate: filled(config.peer_certificate.as_deref()),
            remote_gateway_certificate: filled(config.remote_gateway_certificate.as_deref()),
            peer_certificate_private_key: config.peer_certificate_private_key.clone(),
            peer_certificate_key_passphrase: config.peer_certificate_key_passphrase.clone(),
        }
    }
}
