//! Where ids come from: a counter and a seed, so that equal seeds and equal calls give equal ids.

use sha2::{Digest, Sha256};

/// A source of ids that never repeats one.
#[derive(Clone, Debug)]
pub(crate) struct IdSource {
    seed: u64,
    /// How many ids were given out; part of the stored state.
    count: u64,
}

impl IdSource {
    pub(crate) const fn new(seed: u64, count: u64) -> Self {
        Self { seed, count }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the next id, in the shape of a version 4 UUID.
    pub(crate) fn next_uuid(&mut self) -> String {
        self.count += 1;
        let digest = digest("id", self.seed, &self.count.to_be_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let text = hex(&bytes);
        format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
    }
}

/// Returns 32 bytes that depend on a purpose, a seed and an input, and look random.
pub(crate) fn digest(purpose: &str, seed: u64, input: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    hash.update([0]);
    hash.update(seed.to_be_bytes());
    hash.update(input);
    hash.finalize().into()
}

/// Writes bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_uuids_and_continue_after_a_restart() {
        let mut ids = IdSource::new(7, 0);
        let first = ids.next_uuid();
        let second = ids.next_uuid();
        assert_ne!(first, second);
        assert_eq!(first.len(), 36);
        assert_eq!(&first[14..15], "4");
        assert!(matches!(&first[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(IdSource::new(7, 1).next_uuid(), second);
        assert_ne!(IdSource::new(8, 0).next_uuid(), first);
    }
}
