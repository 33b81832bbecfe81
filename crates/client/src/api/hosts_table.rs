//! Hosts and what they own.

use super::{PageRequest, operations};
use connexa_types::{
    Page, SecretValue,
    id::{HostApplicationId, HostConnectorId, HostId, HostIpServiceId},
    schema::{
        BundleType, HostApplicationRequest, HostApplicationResponse, HostConnectorRequest,
        HostConnectorResponse, HostCreateRequest, HostIpServiceRequest, HostIpServiceResponse, HostResponse,
        HostUpdateRequest,
    },
};

operations! {
    /// Hosts (API section 5.7).
    mod hosts {
        /// Lists hosts.
        list(page page: PageRequest) -> json Page<HostResponse> = HostList;
        /// Creates a host.
        create(body host: &HostCreateRequest) -> json HostResponse = HostCreate;
        /// Reads a host.
        get(path id: &HostId) -> json HostResponse = HostGet;
        /// Changes a host.
        update(path id: &HostId, body host: &HostUpdateRequest) -> json HostResponse = HostUpdate;
        /// Deletes a host.
        delete(path id: &HostId) -> empty () = HostDelete;
    }

    /// Connectors of hosts (API section 5.8).
    mod host_connectors {
        /// Lists connectors, all of them or those of one host.
        list(page page: PageRequest, optional "hostId" host_id: Option<&HostId>)
            -> json Page<HostConnectorResponse> = HostConnectorList;
        /// Creates a connector.
        create(query "hostId" host_id: &HostId, body connector: &HostConnectorRequest)
            -> json HostConnectorResponse = HostConnectorCreate;
        /// Reads a connector.
        get(path id: &HostConnectorId) -> json HostConnectorResponse = HostConnectorGet;
        /// Changes a connector.
        update(path id: &HostConnectorId, body connector: &HostConnectorRequest)
            -> json HostConnectorResponse = HostConnectorUpdate;
        /// Deletes a connector.
        delete(path id: &HostConnectorId) -> empty () = HostConnectorDelete;
        /// Fetches the profile, an `.ovpn` text.
        profile(path id: &HostConnectorId) -> secret SecretValue = HostConnectorProfile;
        /// Revokes the profile; true if there was one.
        revoke_profile(path id: &HostConnectorId) -> json bool = HostConnectorProfileRevoke;
        /// Fetches the connector token.
        token(path id: &HostConnectorId) -> secret SecretValue = HostConnectorProfileEncrypt;
        /// Fetches the link to an installer that holds the profile.
        profile_bundle(path id: &HostConnectorId, query "type" bundle: &BundleType)
            -> secret SecretValue = HostConnectorProfileBundle;
        /// Lets a suspended connector connect again.
        activate(path id: &HostConnectorId) -> empty () = HostConnectorActivate;
        /// Keeps a connector from connecting.
        suspend(path id: &HostConnectorId) -> empty () = HostConnectorSuspend;
    }

    /// Applications of hosts (API section 5.9).
    mod host_applications {
        /// Lists applications, all of them or those of one host.
        list(page page: PageRequest, optional "hostId" host_id: Option<&HostId>)
            -> json Page<HostApplicationResponse> = HostApplicationList;
        /// Creates an application.
        create(query "hostId" host_id: &HostId, body application: &HostApplicationRequest)
            -> json HostApplicationResponse = HostApplicationCreate;
        /// Reads an application.
        get(path id: &HostApplicationId) -> json HostApplicationResponse = HostApplicationGet;
        /// Changes an application.
        update(path id: &HostApplicationId, body application: &HostApplicationRequest)
            -> json HostApplicationResponse = HostApplicationUpdate;
        /// Deletes an application.
        delete(path id: &HostApplicationId) -> empty () = HostApplicationDelete;
    }

    /// IP services of hosts (API section 5.10).
    mod host_ip_services {
        /// Lists IP services, all of them or those of one host.
        list(page page: PageRequest, optional "hostId" host_id: Option<&HostId>)
            -> json Page<HostIpServiceResponse> = HostIpServiceList;
        /// Creates an IP service.
        create(query "hostId" host_id: &HostId, body service: &HostIpServiceRequest)
            -> json HostIpServiceResponse = HostIpServiceCreate;
        /// Reads an IP service.
        get(path id: &HostIpServiceId) -> json HostIpServiceResponse = HostIpServiceGet;
        /// Changes an IP service.
        update(path id: &HostIpServiceId, body service: &HostIpServiceRequest)
            -> json HostIpServiceResponse = HostIpServiceUpdate;
        /// Deletes an IP service.
        delete(path id: &HostIpServiceId) -> empty () = HostIpServiceDelete;
    }
}
