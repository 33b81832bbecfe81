//! The one writer of request and response bodies: the only place where a [`crate::Secret`] is written out.

use serde::Serialize;

/// Serialises `value` as a JSON body, its secrets included.
///
/// The result goes to the wire (or, in the emulator, into its own store) and nowhere else.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    crate::secret::revealing(|| serde_json::to_vec(value))
}

/// As [`write()`], as a JSON value; for bodies that are put together from parts.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<serde_json::Value, serde_json::Error> {
    crate::secret::revealing(|| serde_json::to_value(value))
}
