//! Device posture policies (API section 6.15).

use super::{
    enums::{Antivirus, DiskEncryptionType, VersionCondition},
    field::{filled, request, response, shared},
};
use crate::id::{DevicePostureId, UserGroupId};

request! {
    /// `DevicePostureRequest`: for create and update (API section 6.15).
    pub struct DevicePostureRequest {
        /// Name; required (assumed).
        pub name: String,
        /// Description, 1 to 120 characters.
        pub description: Option<String>,
        /// Groups that the policy applies to; may be empty (assumed).
        pub user_groups_ids: Option<Vec<UserGroupId>>,
        /// What is asked of Windows devices.
        pub windows: Option<WindowsRequest>,
        /// What is asked of macOS devices.
        pub macos: Option<MacOSRequest>,
        /// What is asked of Linux devices.
        pub linux: Option<LinuxRequest>,
        /// What is asked of Android devices.
        pub android: Option<AndroidRequest>,
        /// What is asked of iOS devices.
        pub ios: Option<IOSRequest>,
    }

    /// `WindowsRequest`: what is asked of Windows devices (API section 6.15).
    pub struct WindowsRequest {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
        /// Version of the operating system.
        pub version: Option<VersionPolicy>,
        /// Products, one of which must run (assumed).
        pub antiviruses: Option<Vec<Antivirus>>,
        /// What must be encrypted.
        pub disk_encryption: Option<DiskEncryption>,
        /// Certificate that the device must hold.
        pub certificate: Option<String>,
    }

    /// `MacOSRequest`: what is asked of macOS devices (API section 6.15).
    pub struct MacOSRequest {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
        /// Version of the operating system.
        pub version: Option<VersionPolicy>,
        /// Products, one of which must run (assumed).
        pub antiviruses: Option<Vec<Antivirus>>,
        /// Whether the disk must be encrypted.
        pub disk_encrypted: Option<bool>,
        /// Certificate that the device must hold.
        pub certificate: Option<String>,
    }

    /// `LinuxRequest`: what is asked of Linux devices (API section 6.15).
    pub struct LinuxRequest {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
    }

    /// `AndroidRequest`: what is asked of Android devices (API section 6.15).
    pub struct AndroidRequest {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
    }

    /// `IOSRequest`: what is asked of iOS devices (API section 6.15).
    pub struct IOSRequest {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
    }
}

response! {
    /// `DevicePostureResponse`: a device posture policy (API section 6.15).
    pub struct DevicePostureResponse {
        /// Id.
        pub id: DevicePostureId,
        /// Name.
        pub name: String,
        /// Description.
        pub description: Option<String>,
        /// Groups that the policy applies to.
        pub user_groups_ids: Vec<UserGroupId>,
        /// What is asked of Windows devices.
        pub windows: Option<WindowsResponse>,
        /// What is asked of macOS devices.
        pub macos: Option<MacOSResponse>,
        /// What is asked of Linux devices.
        pub linux: Option<LinuxResponse>,
        /// What is asked of Android devices.
        pub android: Option<AndroidResponse>,
        /// What is asked of iOS devices.
        pub ios: Option<IOSResponse>,
    }

    /// `WindowsResponse`: what is asked of Windows devices (API section 6.15).
    pub struct WindowsResponse {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
        /// Version of the operating system.
        pub version: Option<VersionPolicy>,
        /// Products, one of which must run (assumed).
        pub antiviruses: Vec<Antivirus>,
        /// What must be encrypted.
        pub disk_encryption: Option<DiskEncryption>,
        /// Certificate that the device must hold.
        pub certificate: Option<String>,
    }

    /// `MacOSResponse`: what is asked of macOS devices (API section 6.15).
    pub struct MacOSResponse {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
        /// Version of the operating system.
        pub version: Option<VersionPolicy>,
        /// Products, one of which must run (assumed).
        pub antiviruses: Vec<Antivirus>,
        /// Whether the disk must be encrypted.
        pub disk_encrypted: Option<bool>,
        /// Certificate that the device must hold.
        pub certificate: Option<String>,
    }

    /// `LinuxResponse`: what is asked of Linux devices (API section 6.15).
    pub struct LinuxResponse {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
    }

    /// `AndroidResponse`: what is asked of Android devices (API section 6.15).
    pub struct AndroidResponse {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
    }

    /// `IOSResponse`: what is asked of iOS devices (API section 6.15).
    pub struct IOSResponse {
        /// Whether such devices may connect at all.
        pub allowed: Option<bool>,
    }
}

shared! {
    /// `VersionPolicy`: a version and how it is compared (API section 6.15).
    pub struct VersionPolicy {
        /// Version.
        pub version: Option<String>,
        /// How it is compared.
        pub condition: Option<VersionCondition>,
    }

    /// `DiskEncryption`: what of a Windows device must be encrypted (API section 6.15).
    pub struct DiskEncryption {
        /// How much.
        pub r#type: Option<DiskEncryptionType>,
        /// Which volume, such as `C`, for [`DiskEncryptionType::SpecificVolume`].
        pub volume: Option<String>,
    }
}

impl From<&DevicePostureResponse> for DevicePostureRequest {
    /// The update that changes nothing.
    fn from(policy: &DevicePostureResponse) -> Self {
        Self {
            name: policy.name.clone(),
            description: filled(policy.description.as_deref()),
            user_groups_ids: Some(policy.user_groups_ids.clone()),
            windows: policy.windows.as_ref().map(WindowsRequest::from),
            macos: policy.macos.as_ref().map(MacOSRequest::from),
            linux: policy.linux.as_ref().map(LinuxRequest::from),
            android: policy.android.as_ref().map(AndroidRequest::from),
            ios: policy.ios.as_ref().map(IOSRequest::from),
        }
    }
}

impl From<&WindowsResponse> for WindowsRequest {
    fn from(windows: &WindowsResponse) -> Self {
        Self {
            allowed: windows.allowed,
            version: windows.version.clone(),
            antiviruses: Some(windows.antiviruses.clone()),
            disk_encryption: windows.disk_encryption.clone(),
            certificate: windows.certificate.clone(),
        }
    }
}

impl From<&MacOSResponse> for MacOSRequest {
    fn from(macos: &MacOSResponse) -> Self {
        Self {
            allowed: macos.allowed,
            version: macos.version.clone(),
            antiviruses: Some(macos.antiviruses.clone()),
            disk_encrypted: macos.disk_encrypted,
            certificate: macos.certificate.clone(),
        }
    }
}

impl From<&LinuxResponse> for LinuxRequest {
    fn from(linux: &LinuxResponse) -> Self {
        Self { allowed: linux.allowed }
    }
}

impl From<&AndroidResponse> for AndroidRequest {
    fn from(android: &AndroidResponse) -> Self {
        Self { allowed: android.allowed }
    }
}

impl From<&IOSResponse> for IOSRequest {
    fn from(ios: &IOSResponse) -> Self {
        Self { allowed: ios.allowed }
    }
}
