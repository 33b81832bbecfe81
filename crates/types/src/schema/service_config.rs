//! Which traffic an application or IP service is about (API section 6.9).

use super::{
    enums::{ServiceProtocol, ServiceType},
    field::{each, listed, request, response, shared},
};

request! {
    /// `ServiceConfigRequest`: services by name and by range (API section 6.9).
    pub struct ServiceConfigRequest {
        /// Services by name; [`ServiceType::Any`] alone is everything, [`ServiceType::Custom`] goes with a custom list.
        pub service_types: Option<Vec<ServiceType>>,
        /// Services by range; Terraform puts all ranges of one protocol into one entry.
        pub custom_service_types: Option<Vec<CustomServiceTypeRequest>>,
    }

    /// `CustomServiceTypeRequest`: ranges of one protocol; no ranges is all of it (API section 6.9).
    pub struct CustomServiceTypeRequest {
        /// Protocol.
        pub protocol: Option<ServiceProtocol>,
        /// Ports, for TCP and UDP.
        pub port: Option<Vec<RangeInteger>>,
        /// ICMP types, for ICMP.
        pub icmp_type: Option<Vec<RangeInteger>>,
    }
}

response! {
    /// `ServiceConfigResponse`: services by name and by range (API section 6.9).
    pub struct ServiceConfigResponse {
        /// Services by name.
        pub service_types: Vec<ServiceType>,
        /// Services by range.
        pub custom_service_types: Vec<CustomServiceTypeResponse>,
    }

    /// `CustomServiceTypeResponse`: ranges of one protocol (API section 6.9).
    pub struct CustomServiceTypeResponse {
        /// Protocol.
        pub protocol: Option<ServiceProtocol>,
        /// Ports, for TCP and UDP.
        pub port: Vec<RangeInteger>,
        /// ICMP types, for ICMP.
        pub icmp_type: Vec<RangeInteger>,
    }
}

shared! {
    /// `RangeInteger`: one number, or a range with both ends in it (API section 6.9).
    pub struct RangeInteger {
        /// One number (assumed); Terraform sends equal ends instead.
        pub value: Option<i32>,
        /// Lower end.
        pub lower_value: Option<i32>,
        /// Upper end.
        pub upper_value: Option<i32>,
    }
}

impl From<&ServiceConfigResponse> for ServiceConfigRequest {
    /// The configuration that changes nothing.
    fn from(config: &ServiceConfigResponse) -> Self {
        Self {
            service_types: Some(config.service_types.clone()),
            custom_service_types: Some(each(&config.custom_service_types)),
        }
    }
}

impl From<&CustomServiceTypeResponse> for CustomServiceTypeRequest {
    fn from(custom: &CustomServiceTypeResponse) -> Self {
        Self {
            protocol: custom.protocol.clone(),
            port: listed(&custom.port),
            icmp_type: listed(&custom.icmp_type),
        }
    }
}
