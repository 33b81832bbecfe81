//! The account call (API section 5.18; row 50): a Cloud ID that shares this tenant's subscription.

use crate::{
    refusal::{Code, Refusal},
    request::{Answer, Request},
    state::ids::{digest, hex},
};
use serde_json::json;

/// Answers the key of the new Cloud ID. Nothing else comes of it: the emulator is one tenant.
///
/// The fields of the answer are assumed.
pub(super) fn create_cloud_id(request: &Request<'_>) -> Result<Answer, Refusal> {
    let id = request.query.get("id").unwrap_or_default();
    if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Refusal::one("id", Code::Format, "Must be letters, digits and hyphens"));
    }
    let secret = |purpose| hex(&digest(purpose, request.config.seed, id.as_bytes()));
    Ok(Answer::Json(json!({
        "clientId": secret("cloud id client").split_at(32).0,
        "clientSecret": secret("cloud id secret"),
    })))
}
