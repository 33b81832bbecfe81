//! The DNS log (API section 6.21); the reference gives its items no name.

use super::field::response;

response! {
    /// How often one user asked for one domain in one hour (API section 6.21).
    pub struct DnsResolution {
        /// Start of the hour, in milliseconds since 1970.
        pub time: Option<i64>,
        /// Domain.
        pub domain: Option<String>,
        /// Who asked, as `{member}@{tenant}`.
        pub member_id: Option<String>,
        /// Whether the domain is one of the tenant's own.
        pub internal_domain: Option<bool>,
        /// Answers allowed.
        pub allowed_count: Option<i64>,
        /// Answers blocked.
        pub blocked_count: Option<i64>,
        /// Answers that failed.
        pub failed_count: Option<i64>,
    }
}
