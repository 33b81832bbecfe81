//! Who may reach what, from where and on which device; names inside the tenant.

use super::{PageRequest, operations};
use connexa_types::{
    Page,
    id::{AccessGroupId, DevicePostureId, DnsRecordId, LocationContextId},
    schema::{
        AccessGroupRequest, AccessGroupResponse, AccessItemDestinationRequest, AccessItemDestinationType,
        AccessItemSourceRemovalType, AccessItemSourceRequest, DevicePostureRequest, DevicePostureResponse,
        DnsRecordRequest, DnsRecordResponse, LocationContextRequest, LocationContextResponse,
    },
};

operations! {
    /// Device posture policies (API section 5.14).
    mod device_postures {
        /// Lists device posture policies.
        list(page page: PageRequest) -> json Page<DevicePostureResponse> = DevicePostureList;
        /// Creates a device posture policy.
        create(body posture: &DevicePostureRequest) -> json DevicePostureResponse = DevicePostureCreate;
        /// Reads a device posture policy.
        get(path id: &DevicePostureId) -> json DevicePostureResponse = DevicePostureGet;
        /// Changes a device posture policy.
        update(path id: &DevicePostureId, body posture: &DevicePostureRequest)
            -> json DevicePostureResponse = DevicePostureUpdate;
        /// Deletes a device posture policy.
        delete(path id: &DevicePostureId) -> empty () = DevicePostureDelete;
    }

    /// Access groups (API section 5.15).
    mod access_groups {
        /// Lists access groups.
        list(page page: PageRequest) -> json Page<AccessGroupResponse> = AccessGroupList;
        /// Creates an access group.
        create(body group: &AccessGroupRequest) -> json AccessGroupResponse = AccessGroupCreate;
        /// Reads an access group.
        get(path id: &AccessGroupId) -> json AccessGroupResponse = AccessGroupGet;
        /// Changes an access group.
        update(path id: &AccessGroupId, body group: &AccessGroupRequest)
            -> json AccessGroupResponse = AccessGroupUpdate;
        /// Deletes an access group.
        delete(path id: &AccessGroupId) -> empty () = AccessGroupDelete;
        /// Adds one source.
        add_source(path id: &AccessGroupId, body source: &AccessItemSourceRequest)
            -> json AccessGroupResponse = AccessGroupSourceAdd;
        /// Removes all sources of a type, those of one parent, or one.
        remove_source(
            path id: &AccessGroupId,
            query "type" of: &AccessItemSourceRemovalType,
            optional "parentId" parent: Option<&str>,
            optional "childId" child: Option<&str>
        ) -> json AccessGroupResponse = AccessGroupSourceRemove;
        /// Adds one destination.
        add_destination(path id: &AccessGroupId, body destination: &AccessItemDestinationRequest)
            -> json AccessGroupResponse = AccessGroupDestinationAdd;
        /// Removes all destinations of a type, those of one parent, or one.
        remove_destination(
            path id: &AccessGroupId,
            query "type" of: &AccessItemDestinationType,
            optional "parentId" parent: Option<&str>,
            optional "childId" child: Option<&str>
        ) -> json AccessGroupResponse = AccessGroupDestinationRemove;
    }

    /// Location contexts (API section 5.16).
    mod location_contexts {
        /// Lists location contexts.
        list(page page: PageRequest) -> json Page<LocationContextResponse> = LocationContextList;
        /// Creates a location context.
        create(body context: &LocationContextRequest) -> json LocationContextResponse = LocationContextCreate;
        /// Reads a location context.
        get(path id: &LocationContextId) -> json LocationContextResponse = LocationContextGet;
        /// Changes a location context.
        update(path id: &LocationContextId, body context: &LocationContextRequest)
            -> json LocationContextResponse = LocationContextUpdate;
        /// Deletes a location context.
        delete(path id: &LocationContextId) -> empty () = LocationContextDelete;
    }

    /// DNS records (API section 5.17).
    mod dns_records {
        /// Lists DNS records.
        list(page page: PageRequest) -> json Page<DnsRecordResponse> = DnsRecordList;
        /// Creates a DNS record.
        create(body record: &DnsRecordRequest) -> json DnsRecordResponse = DnsRecordCreate;
        /// Reads a DNS record.
        get(path id: &DnsRecordId) -> json DnsRecordResponse = DnsRecordGet;
        /// Changes a DNS record.
        update(path id: &DnsRecordId, body record: &DnsRecordRequest)
            -> json DnsRecordResponse = DnsRecordUpdate;
        /// Deletes a DNS record.
        delete(path id: &DnsRecordId) -> empty () = DnsRecordDelete;
    }
}
