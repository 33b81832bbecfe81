//! How desired states are written into plan files: names of fields as texts, which are read back as those of the catalog.

use super::FieldValue;
use crate::{catalog, sorted_map::SortedMap};

/// Fields by spec name.
pub(super) mod fields {
    use super::{FieldValue, SortedMap, catalog};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(in crate::desired) fn serialize<S: Serializer>(
        fields: &SortedMap<&'static str, FieldValue>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        fields.serialize(serializer)
    }

    pub(in crate::desired) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SortedMap<&'static str, FieldValue>, D::Error> {
        let named = SortedMap::<String, FieldValue>::deserialize(deserializer)?;
        let mut fields = SortedMap::new();
        for (name, value) in named {
            let known = catalog::field_name(&name)
                .ok_or_else(|| D::Error::custom(format_args!("unknown field `{name}`")))?;
            fields.insert(known, value);
        }
        Ok(fields)
    }
}

/// The name of a unit.
pub(super) mod unit {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use std::sync::Arc;

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(in crate::desired) fn serialize<S: Serializer>(
        unit: &Option<Arc<str>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        unit.as_deref().serialize(serializer)
    }

    pub(in crate::desired) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Arc::from))
    }
}
