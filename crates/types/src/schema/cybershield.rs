//! Cyber Shield's lists of domains (API section 6.23). No call reads them.

use super::field::request;

request! {
    /// `AddDomainsRequest`: at most 1000 entries; of a repeated domain the last entry wins (API section 6.23).
    pub struct AddDomainsRequest {
        /// Domains with their comments.
        pub domain_and_comments: Vec<DomainAndComment>,
    }

    /// `DomainAndComment`: at most 150 characters together (API section 6.23).
    pub struct DomainAndComment {
        /// Fully qualified domain name.
        pub domain: String,
        /// Comment; mandatory on the allow list, as its page says.
        pub comment: Option<String>,
    }

    /// `RemoveDomainsRequest`: each domain once (API section 6.23).
    pub struct RemoveDomainsRequest {
        /// Fully qualified domain names.
        pub domains: Vec<String>,
    }
}
