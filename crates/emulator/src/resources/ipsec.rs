//! The IPsec configuration of a network connector (API section 6.5).
//!
//! Certificates are absent from the 1.2.3 pages, but the official clients still send them: they are taken and echoed, as
//! the pre-shared key is (row 47 of section 10).

use crate::{
    state::table::text,
    validate::{MANY, Nest, Rule, Schema, optional, present, required, schema},
};
use connexa_types::schema::{
    DeadPeerHandling, DiffieHellmanGroup, EncryptionAlgorithm, IkeProtocolVersion, IntegrityAlgorithm,
    IpSecAuthenticationType, IpSecPlatform, StartupAction,
};
use serde_json::{Map, Value};

/// `IpSecConfigRequest`.
pub(super) static CONFIG: Schema = Schema {
    fields: &[
        required("platform", Rule::Word(IpSecPlatform::VALUES)),
        required("authenticationType", Rule::Word(IpSecAuthenticationType::VALUES)),
        required("remoteSitePublicIp", Rule::Ip),
        optional("preSharedKey", Rule::Text),
        required("ikeProtocol", Rule::Object(&IKE_PROTOCOL)),
        optional("hostname", Rule::Text),
        optional("domain", Rule::Text),
        optional("caCertificate", Rule::Text),
        optional("peerCertificate", Rule::Text),
        optional("remoteGatewayCertificate", Rule::Text),
        optional("peerCertificatePrivateKey", Rule::Text),
        optional("peerCertificateKeyPassphrase", Rule::Text),
    ],
    also: Some(shared_secret_has_a_key),
};

/// Dead peer detection may be left out whole, but not sent empty: seen in the official client's newer tests.
static IKE_PROTOCOL: Schema = schema(&[
    required("protocolVersion", Rule::Word(IkeProtocolVersion::VALUES)),
    required("phase1", Rule::Object(&PHASE)),
    required("phase2", Rule::Object(&PHASE)),
    required("rekey", Rule::Object(&REKEY)),
    optional("deadPeerDetection", Rule::Object(&DEAD_PEER_DETECTION)),
    required("startupAction", Rule::Word(StartupAction::VALUES)),
    optional("autoInitiate", Rule::Bool),
]);

static PHASE: Schema = schema(&[
    required("encryptionAlgorithms", Rule::List(1, MANY, &Rule::Word(EncryptionAlgorithm::VALUES))),
    required("integrityAlgorithms", Rule::List(1, MANY, &Rule::Word(IntegrityAlgorithm::VALUES))),
    required("diffieHellmanGroups", Rule::List(1, MANY, &Rule::Word(DiffieHellmanGroup::VALUES))),
    optional("lifetimeSec", Rule::Integer),
]);

static REKEY: Schema = schema(&[
    optional("marginTimeSec", Rule::Integer),
    optional("fuzzPercent", Rule::Integer),
    optional("replayWindowSize", Rule::Integer),
]);

static DEAD_PEER_DETECTION: Schema = schema(&[
    required("timeoutSec", Rule::Integer),
    required("deadPeerHandling", Rule::Word(DeadPeerHandling::VALUES)),
]);

/// Assumed: who authenticates by shared secret has to send it.
fn shared_secret_has_a_key(config: &Map<String, Value>, nest: &mut Nest<'_>) {
    if text(config, "authenticationType") == "SHARED_SECRET" && !present(config, "preSharedKey") {
        nest.missing("preSharedKey");
    }
}
