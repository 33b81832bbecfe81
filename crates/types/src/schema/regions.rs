//! VPN regions (API section 6.22).

use super::field::response;
use crate::id::RegionId;

response! {
    /// `VpnRegionResponse`: a place to connect to (API section 6.22).
    pub struct VpnRegionResponse {
        /// Id, such as `eu-central-1` or `it-mxp`.
        pub id: RegionId,
        /// Continent.
        pub continent: Option<String>,
        /// Country.
        pub country: Option<String>,
        /// ISO 3166 code of the country.
        pub country_iso: Option<String>,
        /// Name of the region.
        pub region_name: Option<String>,
    }
}
