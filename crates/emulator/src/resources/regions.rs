//! Regions (API section 6.22): four ids were seen, the others are made up (row 56).

use crate::request::Answer;
use serde_json::{Value, json};

struct Region {
    id: &'static str,
    continent: &'static str,
    country: &'static str,
    country_iso: &'static str,
    name: &'static str,
}

const fn region(
    id: &'static str,
    continent: &'static str,
    country: &'static str,
    country_iso: &'static str,
    name: &'static str,
) -> Region {
    Region { id, continent, country, country_iso, name }
}

static REGIONS: [Region; 12] = [
    region("us-east-1", "North America", "United States", "US", "Virginia"),
    region("eu-central-1", "Europe", "Germany", "DE", "Frankfurt"),
    region("it-mxp", "Europe", "Italy", "IT", "Milan"),
    region("fi-hel", "Europe", "Finland", "FI", "Helsinki"),
    region("us-west-1", "North America", "United States", "US", "California"),
    region("ca-central-1", "North America", "Canada", "CA", "Montreal"),
    region("eu-west-2", "Europe", "United Kingdom", "GB", "London"),
    region("fr-par", "Europe", "France", "FR", "Paris"),
    region("ap-southeast-1", "Asia", "Singapore", "SG", "Singapore"),
    region("ap-northeast-1", "Asia", "Japan", "JP", "Tokyo"),
    region("ap-southeast-2", "Oceania", "Australia", "AU", "Sydney"),
    region("sa-east-1", "South America", "Brazil", "BR", "Sao Paulo"),
];

/// The region that a fresh tenant uses where none is named (row 36).
pub(crate) fn default_region() -> &'static str {
    REGIONS[0].id
}

/// Whether there is such a region.
pub(crate) fn exists(id: &str) -> bool {
    REGIONS.iter().any(|region| region.id == id)
}

/// A bare array, not a page.
pub(super) fn list() -> Answer {
    let all: Vec<Value> = REGIONS
        .iter()
        .map(|region| {
            json!({
                "id": region.id,
                "continent": region.continent,
                "country": region.country,
                "countryIso": region.country_iso,
                "regionName": region.name,
            })
        })
        .collect();
    Answer::Json(all.into())
}
