//! Secrets inside schemas are written by the writer of bodies alone, and shown by nobody.

use connexa_types::{Secret, body, schema::*};
use serde_json::json;

fn connector() -> NetworkConnectorResponse {
    serde_json::from_value(json!({
        "id": "c-1",
        "name": "paris-1",
        "ipSecConfig": {
            "preSharedKey": "canary",
            "peerCertificatePrivateKey": "canary",
            "peerCertificateKeyPassphrase": "canary",
        },
    }))
    .expect("the answer can be read")
}

#[test]
fn plain_serialisation_refuses_each_secret_field() {
    let full = connector().ip_sec_config.expect("it was in the answer");
    let secrets: [fn(&mut IpSecConfigResponse) -> &mut Option<Secret>; 3] = [
        |c| &mut c.pre_shared_key,
        |c| &mut c.peer_certificate_private_key,
        |c| &mut c.peer_certificate_key_passphrase,
    ];
    for keep in secrets {
        let mut one = IpSecConfigResponse::default();
        *keep(&mut one) = keep(&mut full.clone()).clone();
        assert!(serde_json::to_string(&one).is_err());
        assert!(serde_json::to_value(&one).is_err());
        assert!(serde_json::to_string(&IpSecConfigRequest::from(&one)).is_err());
        let text =
            String::from_utf8(body::write(&one).expect("a body holds secrets")).expect("JSON is UTF-8");
        assert!(text.contains("canary"));
    }
    assert!(serde_json::to_string(&IpSecConfigResponse::default()).is_ok());
}

#[test]
fn a_secret_deep_inside_is_refused_and_not_shown() {
    let network = NetworkResponse { connectors: vec![connector()], ..NetworkResponse::default() };
    let refused = serde_json::to_string(&network).expect_err("a secret is inside");
    assert!(!refused.to_string().contains("canary"));
    assert!(!format!("{network:?} {network:#?}").contains("canary"));
    assert!(!format!("{:?}", NetworkConnectorRequest::from(&connector())).contains("canary"));
}

#[test]
fn tokens_and_new_keys_are_secret() {
    let token: OAuthResponse =
        serde_json::from_value(json!({"access_token": "canary", "refresh_token": "canary"}))
            .expect("a token");
    let key: AuthCredentials = serde_json::from_value(json!({"clientSecret": "canary"})).expect("a key");
    assert!(serde_json::to_string(&token).is_err());
    assert!(serde_json::to_string(&key).is_err());
    assert!(!format!("{token:?} {key:?}").contains("canary"));
    assert_eq!(body::to_value(&token).expect("a body")["refresh_token"], "canary");
    assert_eq!(body::to_value(&key).expect("a body")["clientSecret"], "canary");
}
