//! The audit log (API section 6.20). Times are kept as they were written (ISO 8601, UTC); the values of operation,
//! entity type and initiator type are not published.

use super::field::response;
use crate::id::AuditLogId;
use serde_json::{Map, Value};

response! {
    /// `AuditLogsResponse`: one part of the list (API sections 4.2, 6.20).
    pub struct AuditLogsResponse {
        /// Entries.
        pub audit_logs: Vec<AuditLogResponse>,
        /// Cursor of the next part; absent at the end.
        pub next_cursor: Option<String>,
    }

    /// `AuditLogResponse`: who changed what (API section 6.20).
    pub struct AuditLogResponse {
        /// Id.
        pub id: AuditLogId,
        /// The tenant.
        pub tenant_id: Option<String>,
        /// When.
        pub timestamp: Option<String>,
        /// What made the change.
        pub initiator_type: Option<String>,
        /// Who made the change, such as an e-mail address.
        pub initiator_id: Option<String>,
        /// First name of who made the change.
        pub initiator_first_name: Option<String>,
        /// Last name of who made the change.
        pub initiator_last_name: Option<String>,
        /// E-mail address of who made the change.
        pub initiator_email: Option<String>,
        /// Name of who made the change.
        pub initiator_name: Option<String>,
        /// Public address of who made the change.
        pub initiator_public_ip: Option<String>,
        /// More about who made the change; texts by name.
        pub initiator_attributes: Option<Map<String, Value>>,
        /// What was done.
        pub operation: Option<String>,
        /// What was changed, its kind.
        pub entity_type: Option<String>,
        /// What was changed, its id.
        pub entity_id: Option<String>,
        /// What was changed, its name.
        pub entity_name: Option<String>,
        /// The kind of its parent.
        pub entity_parent_type: Option<String>,
        /// The id of its parent.
        pub entity_parent_id: Option<String>,
        /// The name of its parent.
        pub entity_parent_name: Option<String>,
        /// Description.
        pub description: Option<String>,
        /// The request that made the change.
        pub request_id: Option<String>,
        /// More about the change.
        pub additional_info: Vec<AuditLogInfo>,
        /// What changed in which field.
        pub fields: Vec<AuditLogField>,
        /// Whether who made the change has been deleted since.
        pub initiator_deleted: Option<bool>,
    }

    /// An entry of `additionalInfo`; the reference gives it no name (API section 6.20).
    pub struct AuditLogInfo {
        /// Name.
        pub name: Option<String>,
        /// Value, of any type.
        pub value: Option<Value>,
    }

    /// An entry of `fields`; the reference gives it no name (API section 6.20).
    pub struct AuditLogField {
        /// Name of the field.
        pub name: Option<String>,
        /// Value before, of any type.
        pub old_value: Option<Value>,
        /// Value after, of any type.
        pub new_value: Option<Value>,
    }
}
