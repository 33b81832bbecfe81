//! People, their groups and their devices.

use super::{PageRequest, operations};
use connexa_types::{
    Page, SecretValue,
    id::{DeviceId, RegionId, UserGroupId, UserId},
    schema::{
        DeviceRequest, DeviceResponse, GenericResponseVoid, UserCreateRequest, UserGroupRequest,
        UserGroupResponse, UserResponse, UserUpdateRequest,
    },
};

operations! {
    /// Users (API section 5.11).
    mod users {
        /// Lists users.
        list(page page: PageRequest) -> json Page<UserResponse> = UserList;
        /// Creates a user.
        create(body user: &UserCreateRequest) -> json UserResponse = UserCreate;
        /// Reads a user.
        get(path id: &UserId) -> json UserResponse = UserGet;
        /// Changes a user.
        update(path id: &UserId, body user: &UserUpdateRequest) -> json UserResponse = UserUpdate;
        /// Deletes a user.
        delete(path id: &UserId) -> empty () = UserDelete;
        /// Lets a suspended user connect again.
        activate(path id: &UserId) -> empty () = UserActivate;
        /// Keeps a user from connecting.
        suspend(path id: &UserId) -> empty () = UserSuspend;
        /// Makes a user enrol a second factor anew.
        reset_mfa(path id: &UserId) -> json Option<GenericResponseVoid> = UserResetMfa;
        /// Mails the invitation again.
        resend_invitation(path id: &UserId) -> empty () = UserResendInvitation;
        /// Ends a user's sessions and asks for a new password.
        force_password_change(path id: &UserId) -> empty () = UserForcePasswordChange;
    }

    /// User groups (API section 5.12).
    mod user_groups {
        /// Lists user groups.
        list(page page: PageRequest) -> json Page<UserGroupResponse> = UserGroupList;
        /// Creates a user group.
        create(body group: &UserGroupRequest) -> json UserGroupResponse = UserGroupCreate;
        /// Reads a user group.
        get(path id: &UserGroupId) -> json UserGroupResponse = UserGroupGet;
        /// Changes a user group.
        update(path id: &UserGroupId, body group: &UserGroupRequest)
            -> json UserGroupResponse = UserGroupUpdate;
        /// Deletes a user group.
        delete(path id: &UserGroupId) -> empty () = UserGroupDelete;
    }

    /// Devices of users (API section 5.13).
    mod devices {
        /// Lists devices, all of them or those of one user.
        list(page page: PageRequest, optional "userId" user_id: Option<&UserId>)
            -> json Page<DeviceResponse> = DeviceList;
        /// Creates a device.
        create(query "userId" user_id: &UserId, body device: &DeviceRequest)
            -> json DeviceResponse = DeviceCreate;
        /// Reads a device.
        get(path id: &DeviceId, query "userId" user_id: &UserId) -> json DeviceResponse = DeviceGet;
        /// Changes a device.
        update(path id: &DeviceId, query "userId" user_id: &UserId, body device: &DeviceRequest)
            -> json DeviceResponse = DeviceUpdate;
        /// Deletes a device.
        delete(path id: &DeviceId, query "userId" user_id: &UserId) -> empty () = DeviceDelete;
        /// Fetches the profile for one region, an `.ovpn` text.
        profile(path id: &DeviceId, query "userId" user_id: &UserId, query "regionId" region_id: &RegionId)
            -> secret SecretValue = DeviceProfile;
        /// Revokes the profile.
        revoke_profile(path id: &DeviceId, query "userId" user_id: &UserId)
            -> text String = DeviceProfileRevoke;
    }
}
