//! The API's base URL: HTTPS, or plain HTTP to this machine; nothing but scheme, host and port.

use connexa_types::TenantId;
use std::{fmt, net::IpAddr, str::FromStr};
use url::{Host, Url};

/// Where a tenant's API is. The path of what was configured is stripped, as the official clients do (API
/// section 1.1).
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Scheme, host and port, without a final slash.
    origin: String,
    tenant: TenantId,
    loopback: bool,
}

/// A text that is no usable base URL. Its text never repeats credentials that stood in the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Nothing there.
    #[error("the API URL is empty; expected `https://CLOUD-ID.api.openvpn.com`")]
    Empty,
    /// No `://`.
    #[error("the API URL has no scheme; expected `https://` and a host")]
    NoScheme,
    /// A scheme other than `https` and `http`.
    #[error("the API URL has scheme `{0}`; expected `https`")]
    Scheme(String),
    /// Plain HTTP to another machine.
    #[error("the API URL is plain `http` to `{0}`; that is allowed for this machine only, expected `https`")]
    PlainHttp(String),
    /// A user name or password.
    #[error("the API URL holds a user name or a password; credentials do not belong into a URL")]
    Credentials,
    /// The URL cannot be read.
    #[error("the API URL cannot be read: {0}")]
    Unreadable(String),
    /// Not a Cloud ID.
    #[error("`{0}` is no Cloud ID; expected 1 to 63 letters, digits and hyphens")]
    CloudId(String),
}

impl BaseUrl {
    /// The base URL of a Cloud ID, `https://CLOUD-ID.api.openvpn.com`.
    pub fn from_cloud_id(id: &str) -> Result<Self, BaseUrlError> {
        let valid =
            (1..=63).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !valid {
            return Err(BaseUrlError::CloudId(crate::text::escape(&crate::text::cut(id, 80))));
        }
        format!("https://{id}.api.openvpn.com").parse()
    }

    /// The tenant that this URL stands for: its origin.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// As [`Self::tenant`], by value.
    pub fn origin(&self) -> TenantId {
        self.tenant.clone()
    }

    /// The origin as text, without a final slash.
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Whether `host` is this machine by its very name; no name is looked up.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BaseUrlError::Empty);
        }
        if !text.contains("://") {
            return Err(BaseUrlError::NoScheme);
        }
        let url = Url::parse(text).map_err(|e| BaseUrlError::Unreadable(e.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(BaseUrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Credentials);
        }
        let Some(host) = url.host() else {
            return Err(BaseUrlError::Unreadable("empty host".to_owned()));
        };
        let loopback = is_loopback(&host);
        if url.scheme() == "http" && !loopback {
            return Err(BaseUrlError::PlainHttp(host.to_string()));
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { tenant: TenantId::new(&*origin), origin, loopback })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({:?})", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, BaseUrlError> {
        text.parse::<BaseUrl>().map(|b| b.to_string())
    }

    #[test]
    fn only_scheme_host_and_port_are_kept() {
        for text in [
            "https://acme.api.openvpn.com",
            "https://acme.api.openvpn.com/",
            " https://ACME.api.openvpn.com:443/api/beta?x=1#y\n",
        ] {
            assert_eq!(parse(text).unwrap(), "https://acme.api.openvpn.com", "{text}");
        }
        assert_eq!(parse("http://127.0.0.1:8443/api/v1").unwrap(), "http://127.0.0.1:8443");
        assert_eq!(parse("http://[::1]:80").unwrap(), "http://[::1]");
        assert_eq!(parse("http://localhost:8080").unwrap(), "http://localhost:8080");
        assert_eq!(BaseUrl::from_cloud_id("Acme-1").unwrap().as_str(), "https://acme-1.api.openvpn.com");
    }

    #[test]
    fn what_is_refused() {
        use BaseUrlError as E;
        assert_eq!(parse("  "), Err(E::Empty));
        assert_eq!(parse("acme.api.openvpn.com"), Err(E::NoScheme));
        assert_eq!(parse("localhost:8443"), Err(E::NoScheme));
        assert_eq!(parse("ftp://acme"), Err(E::Scheme("ftp".to_owned())));
        for host in ["acme.api.openvpn.com", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert_eq!(parse(&format!("http://{host}")), Err(E::PlainHttp(host.to_owned())));
        }
        for id in ["", "a.b", "a/b", "a@b", "é", &"a".repeat(64)] {
            assert!(matches!(BaseUrl::from_cloud_id(id), Err(E::CloudId(_))), "{id}");
        }
        let error = parse("https://me:canary@acme.api.openvpn.com").unwrap_err();
        assert_eq!(error, E::Credentials);
        assert!(!error.to_string().contains("canary"));
        assert!(matches!(parse("https://"), Err(E::Unreadable(_))));
    }
}
