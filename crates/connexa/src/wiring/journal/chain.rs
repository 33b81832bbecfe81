//! Hashes: what makes every stored byte of a run answer for itself.
//!
//! A run begins with its *origin*, a hash of who it is. Each record is chained to the one before it, the first to the
//! origin, so that none can be missing, doubled, swapped, changed or another run's. All else that is stored of a run (how it
//! stands, its plan, its keys, its owners) is sealed under its origin.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hash(pub(super) [u8; 32]);

impl Hash {
    /// The hash of these parts, each with its length, so that no two lists of parts are hashed alike.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// What all that a run stores is bound to.
    pub(super) fn origin(identity: &[u8]) -> Self {
        Self::of(&[b"connexa run", identity])
    }

    /// The hash of the next record of a chain.
    pub(super) fn next(&self, seq: u64, epoch: u64, payload: &[u8]) -> Self {
        Self::of(&[&self.0, &seq.to_be_bytes(), &epoch.to_be_bytes(), payload])
    }

    /// The seal of something else that is stored of the run of this origin.
    pub(super) fn seal(&self, what: &str, content: &[u8]) -> Self {
        Self::of(&[&self.0, what.as_bytes(), content])
    }

    /// In hexadecimal digits.
    pub(super) fn to_hex(self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads hexadecimal digits.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_answers_for_every_part() {
        let origin = Hash::origin(b"a");
        let link = origin.next(1, 1, b"x");
        let others = [
            Hash::origin(b"b").next(1, 1, b"x"),
            origin.next(2, 1, b"x"),
            origin.next(1, 2, b"x"),
            origin.next(1, 1, b"y"),
            origin.next(1, 1, b""),
            origin.seal("plan", b"x"),
            origin.seal("plan", b""),
            origin.seal("state", b"x"),
            origin,
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(*other, link);
            assert!(!others[at + 1..].contains(other));
        }
        assert_eq!(Hash::from_hex(&link.to_hex()), Some(link));
        assert_eq!(Hash::from_hex("zz"), None);
    }
}
