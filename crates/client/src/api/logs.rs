//! Tokens, logs, sessions, regions, the account, and Cyber Shield's lists.

use super::{CursorRequest, PageRequest, operations};
use connexa_types::{
    Page, Timestamp,
    schema::{
        AddDomainsRequest, AuditLogsResponse, AuthCredentials, DnsResolution, OAuthResponse,
        RemoveDomainsRequest, SessionStatus, SessionsResponse, VpnRegionResponse,
    },
};

operations! {
    /// Tokens (API section 5.1). A [`Client`](crate::Client) gets its own; this is for a look at one.
    mod oauth {
        /// Asks for a token with the client's own key.
        token() -> secret_json OAuthResponse = OauthToken;
    }

    /// Sessions (API section 5.18).
    mod sessions {
        /// Lists sessions that began, or only those that changed, from `start` up to `end`.
        list(
            optional "startDate" start: Option<Timestamp>,
            optional "endDate" end: Option<Timestamp>,
            optional "status" status: Option<&SessionStatus>,
            optional "returnOnlyNew" only_new: Option<bool>,
            cursor cursor: CursorRequest<'_>
        ) -> json SessionsResponse = SessionList;
    }

    /// The audit log (API section 5.18).
    mod audit_log {
        /// Lists changes from `start` up to `end`, at most 24 hours, by anyone or by one initiator.
        list(
            optional "startDate" start: Option<Timestamp>,
            optional "endDate" end: Option<Timestamp>,
            optional "initiatorId" initiator: Option<&str>,
            cursor cursor: CursorRequest<'_>
        ) -> json AuditLogsResponse = AuditLogList;
    }

    /// The DNS log (API section 5.18).
    mod dns_log {
        /// Lists resolutions of the one or two hours from `start` on.
        list(
            query "startHour" start: Timestamp,
            optional "hoursBack" hours: Option<u32>,
            page page: PageRequest
        ) -> json Page<DnsResolution> = DnsLogList;
        /// Switches the log on.
        enable() -> empty () = DnsLogEnable;
        /// Switches the log off.
        disable() -> empty () = DnsLogDisable;
        /// Whether the log is on.
        enabled() -> json bool = DnsLogEnabled;
    }

    /// Access Visibility (API section 5.18).
    mod access_visibility {
        /// Switches it on.
        enable() -> empty () = AccessVisibilityEnable;
        /// Switches it off.
        disable() -> empty () = AccessVisibilityDisable;
        /// Whether it is on.
        enabled() -> json bool = AccessVisibilityEnabled;
    }

    /// Regions (API section 5.18).
    mod regions {
        /// Lists all regions.
        list() -> json Vec<VpnRegionResponse> = RegionList;
    }

    /// The account (API section 5.18).
    mod account {
        /// Makes a new Cloud ID that shares the subscription; answers with its API key.
        create_cloud_id(query "id" cloud_id: &str) -> secret_json AuthCredentials = AccountCloudId;
    }

    /// Cyber Shield's domain lists (API section 5.19). No call reads them.
    mod cybershield {
        /// Puts domains on the allow list.
        allow(body domains: &AddDomainsRequest) -> empty () = AllowListAddDomains;
        /// Takes domains off the allow list.
        stop_allowing(body domains: &RemoveDomainsRequest) -> empty () = AllowListRemoveDomains;
        /// Puts domains on the block list.
        block(body domains: &AddDomainsRequest) -> empty () = BlockListAddDomains;
        /// Takes domains off the block list.
        stop_blocking(body domains: &RemoveDomainsRequest) -> empty () = BlockListRemoveDomains;
    }
}
