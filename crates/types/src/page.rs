//! The page envelope of ordinary lists (API section 4.1).

use crate::schema::field::lenient;
use serde::{Deserialize, Serialize};

/// One page of a list. `page` counts from 0; the list is read while `page + 1 < total_pages`.
///
/// All sixteen `Page…Response` schemas of API section 6.2 are this type with their item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items of this page.
    #[serde(default = "Vec::new", deserialize_with = "lenient", bound(deserialize = "T: Deserialize<'de>"))]
    pub content: Vec<T>,
    /// All items of the list.
    #[serde(default, deserialize_with = "lenient")]
    pub total_elements: u32,
    /// ⌈total elements / size⌉; 0 for an empty list.
    #[serde(default, deserialize_with = "lenient")]
    pub total_pages: u32,
    /// Items in this page.
    #[serde(default, deserialize_with = "lenient")]
    pub number_of_elements: u32,
    /// Number of this page, from 0.
    #[serde(default, deserialize_with = "lenient")]
    pub page: u32,
    /// Asked-for page size, 1 to 1000.
    #[serde(default, deserialize_with = "lenient")]
    pub size: u32,
    /// Fields that this version does not know, such as the beta API's `success`.
    #[serde(flatten)]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}
