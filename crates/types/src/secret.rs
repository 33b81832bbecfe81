//! Secrets that cannot be printed, logged or serialised by accident.
//!
//! [`Secret`] stands in wire schemas, [`SecretValue`] is one resolved value on its way to a request or a file,
//! [`SecretRef`] is what specs, plans and journals hold in its place, [`SecretHash`] is enough to compare and
//! not enough to send. Only [`crate::body`] reveals a [`Secret`].

use crate::pointer::JsonPointer;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use sha2::{Digest, Sha256};
use std::{cell::Cell, collections::BTreeMap, fmt, fmt::Write as _, sync::Arc};
use zeroize::Zeroize;

/// The secret fields of the API's bodies: JSON name → path in spec names, which goes into the keyed hash.
pub const SECRET_FIELDS: &[(&str, &str)] = &[
    ("preSharedKey", "ipsec.pre_shared_key"),
    ("peerCertificatePrivateKey", "ipsec.peer_certificate_private_key"),
    ("peerCertificateKeyPassphrase", "ipsec.peer_certificate_key_passphrase"),
];

/// A secret text. It has no `Display`, its `Debug` shows nothing, and it is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// Shows the text. Every use is a place where a secret leaves: a request body, a header, a file of the user's.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

thread_local! {
    /// Whether the writer of bodies is at work on this thread; see [`revealing`].
    static REVEALING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `write` with secrets serialisable on this thread. Only [`crate::body`] calls it.
pub(crate) fn revealing<T>(write: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            REVEALING.set(self.0);
        }
    }
    let _restore = Restore(REVEALING.replace(true));
    write()
}

/// A secret field of a wire schema. Plain serialisation refuses it: only the writer of request and response bodies
/// ([`crate::body`]) can write it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(SecretValue);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretValue::new(text))
    }
    /// Shows the text; see [`SecretValue::expose`].
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if REVEALING.get() {
            s.serialize_str(self.expose())
        } else {
            Err(ser::Error::custom("a secret is written only into request and response bodies"))
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::new)
    }
}

/// `hmac-sha256:KEYID:HEX`: a keyed hash of a field's path and its secret value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// Reads a hash; `None` if it has not the form `hmac-sha256:8 hex digits:64 hex digits`.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("hmac-sha256:")?;
        let (key, hex) = rest.split_once(':')?;
        let hexadecimal = |s: &str, n| s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit());
        (hexadecimal(key, 8) && hexadecimal(hex, 64)).then(|| Self(text.to_ascii_lowercase()))
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Which key made it: the first 8 hex digits of the key's SHA-256.
    pub fn key_id(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected `hmac-sha256:KEYID:HEX`"))
    }
}

/// The 32 random bytes under which secrets are hashed; they stay in the state directory.
#[derive(Clone)]
pub struct SealingKey([u8; 32]);

impl SealingKey {
    /// Wraps the key's bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Hashes `value` of the field at `field` (spec names, such as `ipsec.pre_shared_key`).
    pub fn seal(&self, field: &str, value: &str) -> SecretHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(field.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        let key_id = hex(&Sha256::digest(self.0)[..4]);
        SecretHash(format!("hmac-sha256:{key_id}:{}", hex(&mac.finalize().into_bytes())))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

/// Where a secret comes from; what plans, journals and mended specs hold in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; one final line end is dropped.
    File(String),
    /// A program and its arguments, run without a shell; one final line end of its output is dropped.
    Command(Vec<String>),
    /// Given in the spec itself: known only to the process that read the spec, found there by its hash.
    Inline,
}

/// A secret by reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRef {
    /// The field's path in spec names; part of the hash.
    pub field: String,
    /// Where the value comes from.
    pub source: SecretSource,
    /// Hash of the value, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<SecretHash>,
}

/// The resolved secrets of one call: place in its body → value.
#[derive(Clone, Debug, Default)]
pub struct SecretValues(pub BTreeMap<JsonPointer, Arc<SecretValue>>);

impl SecretValues {
    /// No secrets.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_serialisation_refuses_and_nothing_prints() {
        let s = Secret::new("canary");
        assert!(serde_json::to_string(&s).is_err());
        assert!(serde_json::to_value(&s).is_err());
        assert!(!format!("{s:?} {:?} {:?}", s.0, SealingKey::new([7; 32])).contains("canary"));
        assert_eq!(crate::body::write(&s).unwrap(), b"\"canary\"");
        // A panic inside the writer does not leave the thread revealing.
        let caught = std::panic::catch_unwind(|| revealing(|| panic!("inside")));
        assert!(caught.is_err() && serde_json::to_string(&s).is_err());
    }

    #[test]
    fn hashes_bind_field_value_and_key() {
        let k = SealingKey::new([1; 32]);
        let h = k.seal("ipsec.pre_shared_key", "a");
        assert_eq!(SecretHash::parse(h.as_str()), Some(h.clone()));
        assert_ne!(h, k.seal("ipsec.pre_shared_key", "b"));
        assert_ne!(h, k.seal("ipsec.other", "a"));
        assert_ne!(h.key_id(), SealingKey::new([2; 32]).seal("ipsec.pre_shared_key", "a").key_id());
        assert!(SecretHash::parse("hmac-sha256:zz:00").is_none());
    }
}
