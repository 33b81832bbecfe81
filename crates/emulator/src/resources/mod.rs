//! The operations of the API.
//!
//! [`run`] names the function behind each [`Endpoint`]. When it is called, the request has passed every check up to and
//! with its required query parameters. A function then goes on in the order of row 57 of API section 10, and leaves at
//! the first stage that fails:
//!
//! 1. other faults of the query ([`Request::page`], [`Query::word`](crate::request::Query::word));
//! 2. the object of the path, or the parent that the query names ([`find`]);
//! 3. the body ([`body`], which reads JSON and reports every bad field at once);
//! 4. uniqueness ([`unique`]);
//! 5. rules and conflicts, one at a time ([`Refusal::conflict`]), nested children as routes, connectors, devices;
//! 6. only then changes, which cannot fail ([`State::create`], [`State::update`], [`State::act`],
//!    [`State::delete_tree`]): they keep indexes, audit log and store in step by themselves.
//!
//! # Writing a resource
//!
//! Follow [`dns_records`]:
//!
//! - A `static REQUEST: Schema` lists the fields of the request in the order of the *response* schema, with their rules
//!   and defaults. What [`body`] returns is the stored form of the object.
//! - Fields that only the service sets are added before [`State::create`], and copied from the old object before
//!   [`State::update`] ([`keep`]).
//! - Lists, reads and plain deletes are the shared [`list`], [`get`] and [`delete`] below.
//! - What is added only when an answer is written (children, addresses, IPv6 or not) goes into [`render`].
//! - A kind with unique names, or whose fields name other objects, is entered in `unique_name` and `references` of
//!   [`state`](crate::state).
//! - Secrets or switches that no answer shows live in `Object::hidden`, changed by [`State::act`].
//! - The functions get their line in [`run`].

pub(crate) mod regions;

mod access_groups;
mod account;
mod applications;
mod connectors;
mod cybershield;
mod device_postures;
mod devices;
mod dns_records;
mod hosts;
pub(crate) mod internet_access;
mod ip_services;
mod ipsec;
mod location_contexts;
mod logs;
mod networks;
mod profiles;
mod routes;
mod service_config;
mod settings;
mod user_groups;
mod users;

use crate::{
    config::Names,
    refusal::Refusal,
    request::{Answer, PageRequest, Request},
    state::{
        State,
        table::{Object, text},
    },
    validate::{self, Absent, Rule, Schema},
};
use access_groups::Side;
use connexa_types::{Endpoint, Kind};
use serde_json::{Map, Value};

/// Runs the operation that a request names.
pub(crate) fn run(request: &Request<'_>, state: &mut State) -> Result<Answer, Refusal> {
    match request.endpoint {
        // The service takes it before it looks at bearers, quota and permissions.
        Endpoint::OauthToken => Err(Refusal::Forbidden),
        Endpoint::NetworkList => list(request, state, Kind::Network),
        Endpoint::NetworkCreate => networks::create(request, state),
        Endpoint::NetworkGet => get(request, state, Kind::Network),
        Endpoint::NetworkUpdate => networks::update(request, state),
        Endpoint::NetworkDelete => networks::delete(request, state),
        Endpoint::NetworkConnectorList => list(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorCreate => connectors::create(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorGet => get(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorUpdate => connectors::update(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorDelete => delete(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorProfile => connectors::profile(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorProfileRevoke => connectors::revoke(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorProfileEncrypt => connectors::token(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorProfileBundle => connectors::bundle(request, state, Kind::NetworkConnector),
        Endpoint::NetworkConnectorIpsecStart => connectors::run_ipsec(request, state, true),
        Endpoint::NetworkConnectorIpsecStop => connectors::run_ipsec(request, state, false),
        Endpoint::NetworkConnectorActivate => {
            connectors::suspend(request, state, Kind::NetworkConnector, false)
        }
        Endpoint::NetworkConnectorSuspend => {
            connectors::suspend(request, state, Kind::NetworkConnector, true)
        }
        Endpoint::NetworkRouteList => list(request, state, Kind::NetworkRoute),
        Endpoint::NetworkRouteCreate => routes::create(request, state),
        Endpoint::NetworkRouteGet => get(request, state, Kind::NetworkRoute),
        Endpoint::NetworkRouteUpdate => routes::update(request, state),
        Endpoint::NetworkRouteDelete => delete(request, state, Kind::NetworkRoute),
        Endpoint::NetworkApplicationList => list(request, state, Kind::NetworkApplication),
        Endpoint::NetworkApplicationCreate => applications::create(request, state, Kind::NetworkApplication),
        Endpoint::NetworkApplicationGet => get(request, state, Kind::NetworkApplication),
        Endpoint::NetworkApplicationUpdate => applications::update(request, state, Kind::NetworkApplication),
        Endpoint::NetworkApplicationDelete => delete(request, state, Kind::NetworkApplication),
        Endpoint::NetworkIpServiceList => list(request, state, Kind::NetworkIpService),
        Endpoint::NetworkIpServiceCreate => ip_services::create_for_network(request, state),
        Endpoint::NetworkIpServiceGet => get(request, state, Kind::NetworkIpService),
        Endpoint::NetworkIpServiceUpdate => ip_services::update_of_network(request, state),
        Endpoint::NetworkIpServiceDelete => delete(request, state, Kind::NetworkIpService),
        Endpoint::HostList => list(request, state, Kind::Host),
        Endpoint::HostCreate => hosts::create(request, state),
        Endpoint::HostGet => get(request, state, Kind::Host),
        Endpoint::HostUpdate => hosts::update(request, state),
        Endpoint::HostDelete => delete(request, state, Kind::Host),
        Endpoint::HostConnectorList => list(request, state, Kind::HostConnector),
        Endpoint::HostConnectorCreate => connectors::create(request, state, Kind::HostConnector),
        Endpoint::HostConnectorGet => get(request, state, Kind::HostConnector),
        Endpoint::HostConnectorUpdate => connectors::update(request, state, Kind::HostConnector),
        Endpoint::HostConnectorDelete => delete(request, state, Kind::HostConnector),
        Endpoint::HostConnectorProfile => connectors::profile(request, state, Kind::HostConnector),
        Endpoint::HostConnectorProfileRevoke => connectors::revoke(request, state, Kind::HostConnector),
        Endpoint::HostConnectorProfileEncrypt => connectors::token(request, state, Kind::HostConnector),
        Endpoint::HostConnectorProfileBundle => connectors::bundle(request, state, Kind::HostConnector),
        Endpoint::HostConnectorActivate => connectors::suspend(request, state, Kind::HostConnector, false),
        Endpoint::HostConnectorSuspend => connectors::suspend(request, state, Kind::HostConnector, true),
        Endpoint::HostApplicationList => list(request, state, Kind::HostApplication),
        Endpoint::HostApplicationCreate => applications::create(request, state, Kind::HostApplication),
        Endpoint::HostApplicationGet => get(request, state, Kind::HostApplication),
        Endpoint::HostApplicationUpdate => applications::update(request, state, Kind::HostApplication),
        Endpoint::HostApplicationDelete => delete(request, state, Kind::HostApplication),
        Endpoint::HostIpServiceList => list(request, state, Kind::HostIpService),
        Endpoint::HostIpServiceCreate => ip_services::create_for_host(request, state),
        Endpoint::HostIpServiceGet => get(request, state, Kind::HostIpService),
        Endpoint::HostIpServiceUpdate => ip_services::update_of_host(request, state),
        Endpoint::HostIpServiceDelete => delete(request, state, Kind::HostIpService),
        Endpoint::UserList => list(request, state, Kind::User),
        Endpoint::UserCreate => users::create(request, state),
        Endpoint::UserGet => get(request, state, Kind::User),
        Endpoint::UserUpdate => users::update(request, state),
        Endpoint::UserDelete => users::delete(request, state),
        Endpoint::UserActivate => users::suspend(request, state, false),
        Endpoint::UserSuspend => users::suspend(request, state, true),
        Endpoint::UserResetMfa => users::reset_mfa(request, state),
        Endpoint::UserResendInvitation => users::note(request, state, "RESEND_INVITATION"),
        Endpoint::UserForcePasswordChange => users::note(request, state, "FORCE_PASSWORD_CHANGE"),
        Endpoint::UserGroupList => list(request, state, Kind::UserGroup),
        Endpoint::UserGroupCreate => user_groups::create(request, state),
        Endpoint::UserGroupGet => get(request, state, Kind::UserGroup),
        Endpoint::UserGroupUpdate => user_groups::update(request, state),
        Endpoint::UserGroupDelete => user_groups::delete(request, state),
        Endpoint::DeviceList => list(request, state, Kind::Device),
        Endpoint::DeviceCreate => devices::create(request, state),
        Endpoint::DeviceGet => devices::get(request, state),
        Endpoint::DeviceUpdate => devices::update(request, state),
        Endpoint::DeviceDelete => devices::delete(request, state),
        Endpoint::DeviceProfile => devices::profile(request, state),
        Endpoint::DeviceProfileRevoke => devices::revoke(request, state),
        Endpoint::DevicePostureList => list(request, state, Kind::DevicePosture),
        Endpoint::DevicePostureCreate => device_postures::create(request, state),
        Endpoint::DevicePostureGet => get(request, state, Kind::DevicePosture),
        Endpoint::DevicePostureUpdate => device_postures::update(request, state),
        Endpoint::DevicePostureDelete => delete(request, state, Kind::DevicePosture),
        Endpoint::AccessGroupList => list(request, state, Kind::AccessGroup),
        Endpoint::AccessGroupCreate => access_groups::create(request, state),
        Endpoint::AccessGroupGet => get(request, state, Kind::AccessGroup),
        Endpoint::AccessGroupUpdate => access_groups::update(request, state),
        Endpoint::AccessGroupDelete => access_groups::delete(request, state),
        Endpoint::AccessGroupSourceAdd => access_groups::add(request, state, Side::Source),
        Endpoint::AccessGroupSourceRemove => access_groups::remove(request, state, Side::Source),
        Endpoint::AccessGroupDestinationAdd => access_groups::add(request, state, Side::Destination),
        Endpoint::AccessGroupDestinationRemove => access_groups::remove(request, state, Side::Destination),
        Endpoint::LocationContextList => list(request, state, Kind::LocationContext),
        Endpoint::LocationContextCreate => location_contexts::create(request, state),
        Endpoint::LocationContextGet => get(request, state, Kind::LocationContext),
        Endpoint::LocationContextUpdate => location_contexts::update(request, state),
        Endpoint::LocationContextDelete => delete(request, state, Kind::LocationContext),
        Endpoint::DnsRecordList => list(request, state, Kind::DnsRecord),
        Endpoint::DnsRecordCreate => dns_records::create(request, state),
        Endpoint::DnsRecordGet => get(request, state, Kind::DnsRecord),
        Endpoint::DnsRecordUpdate => dns_records::update(request, state),
        Endpoint::DnsRecordDelete => delete(request, state, Kind::DnsRecord),
        Endpoint::RegionList => Ok(regions::list()),
        Endpoint::SessionList => logs::sessions(request, state),
        Endpoint::AuditLogList => logs::audit_log(request, state),
        Endpoint::DnsLogList => logs::dns_log(request, state),
        Endpoint::DnsLogEnable => Ok(logs::switch(state, logs::DNS_LOG, true)),
        Endpoint::DnsLogDisable => Ok(logs::switch(state, logs::DNS_LOG, false)),
        Endpoint::DnsLogEnabled => Ok(logs::switched(state, logs::DNS_LOG)),
        Endpoint::AccessVisibilityEnable => Ok(logs::switch(state, logs::ACCESS_VISIBILITY, true)),
        Endpoint::AccessVisibilityDisable => Ok(logs::switch(state, logs::ACCESS_VISIBILITY, false)),
        Endpoint::AccessVisibilityEnabled => Ok(logs::switched(state, logs::ACCESS_VISIBILITY)),
        Endpoint::AccountCloudId => account::create_cloud_id(request),
        Endpoint::AllowListAddDomains => cybershield::add(request, state, Kind::AllowDomain),
        Endpoint::AllowListRemoveDomains => cybershield::remove(request, state, Kind::AllowDomain),
        Endpoint::BlockListAddDomains => cybershield::add(request, state, Kind::BlockDomain),
        Endpoint::BlockListRemoveDomains => cybershield::remove(request, state, Kind::BlockDomain),
        Endpoint::SettingWpcTopologyGet
        | Endpoint::SettingWpcTopologySet
        | Endpoint::SettingWpcSubnetGet
        | Endpoint::SettingWpcSubnetSet
        | Endpoint::SettingWpcSnatGet
        | Endpoint::SettingWpcSnatSet
        | Endpoint::SettingWpcRoutesAdvancedConfigurationEnabledGet
        | Endpoint::SettingWpcRoutesAdvancedConfigurationEnabledSet
        | Endpoint::SettingWpcIpAllocationModeGet
        | Endpoint::SettingWpcIpAllocationModeSet
        | Endpoint::SettingWpcDomainRoutingSubnetGet
        | Endpoint::SettingWpcDomainRoutingSubnetSet
        | Endpoint::SettingWpcDefaultRegionGet
        | Endpoint::SettingWpcDefaultRegionSet
        | Endpoint::SettingWpcClientOptionsGet
        | Endpoint::SettingWpcClientOptionsSet
        | Endpoint::SettingUsersConnectionTimeoutGet
        | Endpoint::SettingUsersConnectionTimeoutSet
        | Endpoint::SettingUserProfileDistributionGet
        | Endpoint::SettingUserProfileDistributionSet
        | Endpoint::SettingUserDeviceEnforcementGet
        | Endpoint::SettingUserDeviceEnforcementSet
        | Endpoint::SettingUserDeviceAllowanceGet
        | Endpoint::SettingUserDeviceAllowanceSet
        | Endpoint::SettingUserDeviceAllowanceForceUpdateGet
        | Endpoint::SettingUserDeviceAllowanceForceUpdateSet
        | Endpoint::SettingUserConnectAuthGet
        | Endpoint::SettingUserConnectAuthSet
        | Endpoint::SettingDnsZonesGet
        | Endpoint::SettingDnsZonesSet
        | Endpoint::SettingDnsProxyEnabledGet
        | Endpoint::SettingDnsProxyEnabledSet
        | Endpoint::SettingDnsDefaultSuffixGet
        | Endpoint::SettingDnsDefaultSuffixSet
        | Endpoint::SettingDnsCustomServersGet
        | Endpoint::SettingDnsCustomServersSet
        | Endpoint::SettingAuthTwoFactorAuthGet
        | Endpoint::SettingAuthTwoFactorAuthSet
        | Endpoint::SettingAuthTrustedDevicesAllowedGet
        | Endpoint::SettingAuthTrustedDevicesAllowedSet
        | Endpoint::SettingAuthSamlGroupMappingsGet
        | Endpoint::SettingAuthLdapGroupMappingsGet => settings::run(request, state),
    }
}

/// Answers a page of a kind; `networkId`, `hostId` or `userId` in the query narrow it to one parent. An unknown parent
/// has no children, so the page is empty.
fn list(request: &Request<'_>, state: &State, kind: Kind) -> Result<Answer, Refusal> {
    let page = request.page()?;
    let parent = parent_parameter(kind).and_then(|name| request.query.get(name));
    let total = state.objects(kind, parent).len();
    let content =
        state.page(kind, parent, page.offset(), page.limit()).map(|object| render(state, kind, object));
    Ok(page_answer(page, total, content.collect()))
}

/// The envelope of a page (API section 4.1).
fn page_answer(page: PageRequest, total: usize, content: Vec<Value>) -> Answer {
    Answer::Json(Value::Object(Map::from_iter([
        ("numberOfElements".to_owned(), content.len().into()),
        ("content".to_owned(), content.into()),
        ("totalElements".to_owned(), total.into()),
        ("totalPages".to_owned(), total.div_ceil(page.limit()).into()),
        ("page".to_owned(), page.page.into()),
        ("size".to_owned(), page.size.into()),
    ])))
}

/// Answers the object of the path.
fn get(request: &Request<'_>, state: &State, kind: Kind) -> Result<Answer, Refusal> {
    let object = find(state, kind, request.id())?;
    Ok(Answer::Json(render(state, kind, object)))
}

/// Deletes the object of the path with its children.
fn delete(request: &Request<'_>, state: &mut State, kind: Kind) -> Result<Answer, Refusal> {
    find(state, kind, request.id())?;
    state.delete_tree(kind, request.id());
    Ok(Answer::Empty)
}

/// Finds an object by the id in the path or, for a parent, in the query.
fn find<'a>(state: &'a State, kind: Kind, id: &str) -> Result<&'a Object, Refusal> {
    state.get(kind, id).ok_or(Refusal::Gone(kind))
}

/// Reads and checks the body; every bad field is reported at once.
fn body(request: &Request<'_>, schema: &Schema, state: &State) -> Result<Map<String, Value>, Refusal> {
    validate::check(schema, &request.json_object()?, state, Absent::Default)
}

/// Refuses a name (in the field `key`) that another object than `except` holds, unless names may repeat.
fn unique(
    request: &Request<'_>,
    state: &State,
    kind: Kind,
    key: &str,
    fields: &Map<String, Value>,
    except: Option<&str>,
) -> Result<(), Refusal> {
    if request.config.names == Names::MayRepeat {
        return Ok(());
    }
    match state.holder_of_name(kind, text(fields, key)) {
        Some(holder) if Some(holder) != except => {
            let name = kind.singular().replace('_', " ");
            Err(Refusal::conflict(key, format!("A {name} with this {key} already exists")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Answers the object as it now is.
fn shown(state: &State, kind: Kind, id: &str) -> Result<Answer, Refusal> {
    find(state, kind, id).map(|object| Answer::Json(render(state, kind, object)))
}

/// Copies fields that only the service sets from an object to its replacement.
fn keep(object: &Object, fields: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = object.fields.get(*name) {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
}

/// Writes an object as answers show it.
fn render(state: &State, kind: Kind, object: &Object) -> Value {
    let mut fields = object.fields.clone();
    for (name, child_kind) in nested(kind) {
        let children = state.objects(*child_kind, Some(object.id()));
        let children: Vec<Value> = children.map(|child| render(state, *child_kind, child)).collect();
        fields.insert((*name).to_owned(), children.into());
    }
    if kind == Kind::NetworkIpService {
        ip_services::add_parent_routes(state, object, &mut fields);
    }
    state.add_addresses(kind, object, &mut fields);
    Value::Object(fields)
}

/// The children that stand inside the answer of their parent (API section 7.5).
const fn nested(kind: Kind) -> &'static [(&'static str, Kind)] {
    match kind {
        Kind::Network => &[("routes", Kind::NetworkRoute), ("connectors", Kind::NetworkConnector)],
        Kind::Host => &[("connectors", Kind::HostConnector)],
        Kind::User => &[("devices", Kind::Device)],
        _ => &[],
    }
}

/// The rule of most descriptions (row 18): may be absent, but not empty.
const fn description() -> Rule {
    Rule::Length(1, 120)
}

/// The parent that the query names; empty, and so unknown, if it names none.
fn parent_id<'a>(request: &'a Request<'_>, kind: Kind) -> &'a str {
    parent_parameter(kind).and_then(|name| request.query.get(name)).unwrap_or_default()
}

/// The query parameter that names the parent of a kind.
fn parent_parameter(kind: Kind) -> Option<&'static str> {
    match kind.parent()? {
        Kind::Network => Some("networkId"),
        Kind::Host => Some("hostId"),
        Kind::User => Some("userId"),
        _ => None,
    }
}
