//! Networks and what they own.

use super::{PageRequest, operations};
use connexa_types::{
    Page, SecretValue,
    id::{NetworkApplicationId, NetworkConnectorId, NetworkId, NetworkIpServiceId, NetworkRouteId},
    schema::{
        BundleType, NetworkApplicationRequest, NetworkApplicationResponse, NetworkConnectorRequest,
        NetworkConnectorResponse, NetworkCreateRequest, NetworkIpServiceRequest, NetworkIpServiceResponse,
        NetworkResponse, NetworkRouteRequest, NetworkRouteResponse, NetworkUpdateRequest,
    },
};

operations! {
    /// Networks (API section 5.2).
    mod networks {
        /// Lists networks.
        list(page page: PageRequest) -> json Page<NetworkResponse> = NetworkList;
        /// Creates a network.
        create(body network: &NetworkCreateRequest) -> json NetworkResponse = NetworkCreate;
        /// Reads a network.
        get(path id: &NetworkId) -> json NetworkResponse = NetworkGet;
        /// Changes a network.
        update(path id: &NetworkId, body network: &NetworkUpdateRequest)
            -> json NetworkResponse = NetworkUpdate;
        /// Deletes a network.
        delete(path id: &NetworkId) -> empty () = NetworkDelete;
    }

    /// Connectors of networks (API section 5.3).
    mod network_connectors {
        /// Lists connectors, all of them or those of one network.
        list(page page: PageRequest, optional "networkId" network_id: Option<&NetworkId>)
            -> json Page<NetworkConnectorResponse> = NetworkConnectorList;
        /// Creates a connector.
        create(query "networkId" network_id: &NetworkId, body connector: &NetworkConnectorRequest)
            -> json NetworkConnectorResponse = NetworkConnectorCreate;
        /// Reads a connector.
        get(path id: &NetworkConnectorId) -> json NetworkConnectorResponse = NetworkConnectorGet;
        /// Changes a connector.
        update(path id: &NetworkConnectorId, body connector: &NetworkConnectorRequest)
            -> json NetworkConnectorResponse = NetworkConnectorUpdate;
        /// Deletes a connector.
        delete(path id: &NetworkConnectorId) -> empty () = NetworkConnectorDelete;
        /// Fetches the profile, an `.ovpn` text.
        profile(path id: &NetworkConnectorId) -> secret SecretValue = NetworkConnectorProfile;
        /// Revokes the profile; true if there was one.
        revoke_profile(path id: &NetworkConnectorId) -> json bool = NetworkConnectorProfileRevoke;
        /// Fetches the connector token.
        token(path id: &NetworkConnectorId) -> secret SecretValue = NetworkConnectorProfileEncrypt;
        /// Fetches the link to an installer that holds the profile.
        profile_bundle(path id: &NetworkConnectorId, query "type" bundle: &BundleType)
            -> secret SecretValue = NetworkConnectorProfileBundle;
        /// Starts IPsec.
        start_ipsec(path id: &NetworkConnectorId) -> empty () = NetworkConnectorIpsecStart;
        /// Stops IPsec.
        stop_ipsec(path id: &NetworkConnectorId) -> empty () = NetworkConnectorIpsecStop;
        /// Lets a suspended connector connect again.
        activate(path id: &NetworkConnectorId) -> empty () = NetworkConnectorActivate;
        /// Keeps a connector from connecting.
        suspend(path id: &NetworkConnectorId) -> empty () = NetworkConnectorSuspend;
    }

    /// Routes of networks (API section 5.4).
    mod network_routes {
        /// Lists routes, all of them or those of one network.
        list(page page: PageRequest, optional "networkId" network_id: Option<&NetworkId>)
            -> json Page<NetworkRouteResponse> = NetworkRouteList;
        /// Creates a route.
        create(query "networkId" network_id: &NetworkId, body route: &NetworkRouteRequest)
            -> json NetworkRouteResponse = NetworkRouteCreate;
        /// Reads a route.
        get(path id: &NetworkRouteId) -> json NetworkRouteResponse = NetworkRouteGet;
        /// Changes a route.
        update(path id: &NetworkRouteId, body route: &NetworkRouteRequest)
            -> json NetworkRouteResponse = NetworkRouteUpdate;
        /// Deletes a route.
        delete(path id: &NetworkRouteId) -> empty () = NetworkRouteDelete;
    }

    /// Applications of networks (API section 5.5).
    mod network_applications {
        /// Lists applications, all of them or those of one network.
        list(page page: PageRequest, optional "networkId" network_id: Option<&NetworkId>)
            -> json Page<NetworkApplicationResponse> = NetworkApplicationList;
        /// Creates an application.
        create(query "networkId" network_id: &NetworkId, body application: &NetworkApplicationRequest)
            -> json NetworkApplicationResponse = NetworkApplicationCreate;
        /// Reads an application.
        get(path id: &NetworkApplicationId) -> json NetworkApplicationResponse = NetworkApplicationGet;
        /// Changes an application.
        update(path id: &NetworkApplicationId, body application: &NetworkApplicationRequest)
            -> json NetworkApplicationResponse = NetworkApplicationUpdate;
        /// Deletes an application.
        delete(path id: &NetworkApplicationId) -> empty () = NetworkApplicationDelete;
    }

    /// IP services of networks (API section 5.6).
    mod network_ip_services {
        /// Lists IP services, all of them or those of one network.
        list(page page: PageRequest, optional "networkId" network_id: Option<&NetworkId>)
            -> json Page<NetworkIpServiceResponse> = NetworkIpServiceList;
        /// Creates an IP service.
        create(query "networkId" network_id: &NetworkId, body service: &NetworkIpServiceRequest)
            -> json NetworkIpServiceResponse = NetworkIpServiceCreate;
        /// Reads an IP service.
        get(path id: &NetworkIpServiceId) -> json NetworkIpServiceResponse = NetworkIpServiceGet;
        /// Changes an IP service.
        update(path id: &NetworkIpServiceId, body service: &NetworkIpServiceRequest)
            -> json NetworkIpServiceResponse = NetworkIpServiceUpdate;
        /// Deletes an IP service.
        delete(path id: &NetworkIpServiceId) -> empty () = NetworkIpServiceDelete;
    }
}
