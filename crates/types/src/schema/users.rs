//! Users (API section 6.12).

use super::{
    devices::{DeviceRequest, DeviceResponse},
    enums::{AuthType, ConnectionStatus, UserRole, UserStatus},
    field::{filled, listed, request, response},
};
use crate::id::{UserGroupId, UserId};
use serde_json::Value;

request! {
    /// `UserCreateRequest`: a new user with its devices (API section 6.12).
    pub struct UserCreateRequest {
        /// Login name, 1 to 120 characters; fixed, unique (assumed).
        pub username: String,
        /// E-mail address, 1 to 120 characters; the invitation goes there.
        pub email: Option<String>,
        /// First name, 1 to 20 characters.
        pub first_name: Option<String>,
        /// Last name, 1 to 20 characters.
        pub last_name: Option<String>,
        /// Primary group; required.
        pub group_id: UserGroupId,
        /// Further groups; known since 1.2.0.
        pub secondary_group_ids: Option<Vec<UserGroupId>>,
        /// Role.
        pub role: Option<UserRole>,
        /// Devices to create with it.
        pub devices: Option<Vec<DeviceRequest>>,
    }

    /// `UserUpdateRequest`: what is left out stays as it is (API sections 6.12, 7.7).
    pub struct UserUpdateRequest {
        /// E-mail address, 1 to 120 characters.
        pub email: Option<String>,
        /// First name, 1 to 20 characters.
        pub first_name: Option<String>,
        /// Last name, 1 to 20 characters.
        pub last_name: Option<String>,
        /// Primary group; an update without it is rejected.
        pub group_id: Option<UserGroupId>,
        /// Further groups; known since 1.2.0.
        pub secondary_group_ids: Option<Vec<UserGroupId>>,
        /// Role.
        pub role: Option<UserRole>,
        /// Status; in the schema, unproven: suspend and activate have calls of their own.
        pub status: Option<UserStatus>,
    }
}

response! {
    /// `UserResponse`: a user with its devices (API section 6.12).
    pub struct UserResponse {
        /// Id.
        pub id: UserId,
        /// Login name.
        pub username: String,
        /// E-mail address.
        pub email: Option<String>,
        /// First name.
        pub first_name: Option<String>,
        /// Last name.
        pub last_name: Option<String>,
        /// Primary group.
        pub group_id: Option<UserGroupId>,
        /// Further groups; known since 1.2.0.
        pub secondary_group_ids: Vec<UserGroupId>,
        /// Role.
        pub role: Option<UserRole>,
        /// Status.
        pub status: Option<UserStatus>,
        /// Devices.
        pub devices: Vec<DeviceResponse>,
        /// Who vouches for the user.
        pub auth_type: Option<AuthType>,
        /// Whether the user is connected; compare with [`ConnectionStatus::ignoring_case`].
        pub connection_status: Option<ConnectionStatus>,
        /// Whether the subscription covers the user; since 1.1.1.
        pub licensed: Option<bool>,
    }

    /// `GenericResponseVoid`: what reset-mfa answers (API section 6.12).
    pub struct GenericResponseVoid {
        /// Whether it was done.
        pub success: Option<bool>,
        /// Anything; null as a rule.
        pub content: Option<Value>,
    }
}

impl From<&UserResponse> for UserUpdateRequest {
    /// The update that changes nothing. It never carries a status, which has calls of its own.
    fn from(user: &UserResponse) -> Self {
        Self {
            email: filled(user.email.as_deref()),
            first_name: filled(user.first_name.as_deref()),
            last_name: filled(user.last_name.as_deref()),
            group_id: user.group_id.clone(),
            secondary_group_ids: listed(&user.secondary_group_ids),
            role: user.role.clone(),
            status: None,
        }
    }
}
