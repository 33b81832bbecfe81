//! Location contexts (API section 6.17).

use super::field::{each, filled, request, response};
use crate::id::{LocationContextId, UserGroupId};

request! {
    /// `LocationContextRequest`: for create and update; at least one of `ip_check` and `country_check`
    /// (API section 6.17).
    pub struct LocationContextRequest {
        /// Name.
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// Groups that the context applies to; may be empty.
        pub user_groups_ids: Option<Vec<UserGroupId>>,
        /// Check by address.
        pub ip_check: Option<IpCheckRequest>,
        /// Check by country.
        pub country_check: Option<CountryCheckRequest>,
        /// What holds otherwise; required.
        pub default_check: Option<DefaultCheckRequest>,
    }

    /// `IpCheckRequest`: whether these addresses may connect (API section 6.17).
    pub struct IpCheckRequest {
        /// Whether they may.
        pub allowed: Option<bool>,
        /// Addresses, at least one.
        pub ips: Option<Vec<IpRequest>>,
    }

    /// `IpRequest`: addresses and what they are (API section 6.17).
    pub struct IpRequest {
        /// CIDR; a bare address is rejected.
        pub ip: String,
        /// Description.
        pub description: Option<String>,
    }

    /// `CountryCheckRequest`: whether these countries may connect (API section 6.17).
    pub struct CountryCheckRequest {
        /// Whether they may.
        pub allowed: Option<bool>,
        /// ISO 3166 codes of two letters.
        pub countries: Option<Vec<String>>,
    }

    /// `DefaultCheckRequest`: whether everyone else may connect (API section 6.17).
    pub struct DefaultCheckRequest {
        /// Whether they may.
        pub allowed: Option<bool>,
    }
}

response! {
    /// `LocationContextResponse`: a location context (API section 6.17).
    pub struct LocationContextResponse {
        /// Id.
        pub id: LocationContextId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Groups that the context applies to.
        pub user_groups_ids: Vec<UserGroupId>,
        /// Check by address.
        pub ip_check: Option<IpCheckResponse>,
        /// Check by country.
        pub country_check: Option<CountryCheckResponse>,
        /// What holds otherwise.
        pub default_check: Option<DefaultCheckResponse>,
    }

    /// `IpCheckResponse`: whether these addresses may connect (API section 6.17).
    pub struct IpCheckResponse {
        /// Whether they may.
        pub allowed: Option<bool>,
        /// Addresses.
        pub ips: Vec<IpResponse>,
    }

    /// `IpResponse`: addresses and what they are (API section 6.17).
    pub struct IpResponse {
        /// CIDR.
        pub ip: String,
        /// Description.
        pub description: Option<String>,
    }

    /// `CountryCheckResponse`: whether these countries may connect (API section 6.17).
    pub struct CountryCheckResponse {
        /// Whether they may.
        pub allowed: Option<bool>,
        /// ISO 3166 codes of two letters.
        pub countries: Vec<String>,
    }

    /// `DefaultCheckResponse`: whether everyone else may connect (API section 6.17).
    pub struct DefaultCheckResponse {
        /// Whether they may.
        pub allowed: Option<bool>,
    }
}

impl From<&LocationContextResponse> for LocationContextRequest {
    /// The update that changes nothing.
    fn from(context: &LocationContextResponse) -> Self {
        Self {
            name: context.name.clone(),
            description: filled(context.description.as_deref()),
            user_groups_ids: Some(context.user_groups_ids.clone()),
            ip_check: context.ip_check.as_ref().map(IpCheckRequest::from),
            country_check: context.country_check.as_ref().map(CountryCheckRequest::from),
            default_check: context.default_check.as_ref().map(DefaultCheckRequest::from),
        }
    }
}

impl From<&IpCheckResponse> for IpCheckRequest {
    fn from(check: &IpCheckResponse) -> Self {
        Self { allowed: check.allowed, ips: Some(each(&check.ips)) }
    }
}

impl From<&IpResponse> for IpRequest {
    fn from(ip: &IpResponse) -> Self {
        Self { ip: ip.ip.clone(), description: filled(ip.description.as_deref()) }
    }
}

impl From<&CountryCheckResponse> for CountryCheckRequest {
    fn from(check: &CountryCheckResponse) -> Self {
        Self { allowed: check.allowed, countries: Some(check.countries.clone()) }
    }
}

impl From<&DefaultCheckResponse> for DefaultCheckRequest {
    fn from(check: &DefaultCheckResponse) -> Self {
        Self { allowed: check.allowed }
    }
}
