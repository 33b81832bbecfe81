//! TLS: the configuration (system roots and `--ca-file`, TLS 1.2 and up), and its failures in plain words.
//!
//! The crypto provider is handed over explicitly; nothing is installed process-wide.

use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as TlsError, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A CA file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It cannot be read.
    #[error("cannot read the CA file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not PEM.
    #[error("the CA file `{}` is not valid PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in it.
    #[error("the CA file `{}` holds no PEM certificate (`-----BEGIN CERTIFICATE-----`)", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A section of it is no certificate.
    #[error("certificate {number} of the CA file `{}` cannot be read", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// Why.
        source: TlsError,
    },
}

/// Reads all certificates of a PEM file; other sections (keys) are passed over.
pub(crate) fn read_ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaFileError> {
    let at = || path.to_owned();
    let text = std::fs::read(path).map_err(|source| CaFileError::Read { path: at(), source })?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| CaFileError::Pem { path: at(), source })?;
    if certificates.is_empty() {
        return Err(CaFileError::Empty { path: at() });
    }
    for (index, certificate) in certificates.iter().enumerate() {
        // Checked one by one here, since the verifier would not say which one it stumbled over.
        RootCertStore::empty().add(certificate.clone()).map_err(|source| CaFileError::Certificate {
            path: at(),
            number: index + 1,
            source,
        })?;
    }
    Ok(certificates)
}

/// A configuration that trusts the system's roots and `extra`.
pub(crate) fn client_config(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TlsError> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let alone = extra.is_empty();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let config = match Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        // A system without any roots (a bare container) trusts nobody: plain HTTP to this machine still
        // works, and each HTTPS connection fails as "unknown issuer", with the hint at `--ca-file`.
        Err(_) if alone => builder.with_root_certificates(RootCertStore::empty()),
        Err(error) => return Err(error),
    };
    Ok(config.with_no_client_auth())
}

/// What went wrong with TLS, and what to do about it.
pub(crate) fn explain(error: &TlsError) -> String {
    use CertificateError as C;
    let text = match error {
        TlsError::InvalidCertificate(certificate) => match certificate {
            C::UnknownIssuer => {
                "the server's certificate comes from an authority that is not trusted here; \
                 if the server is meant, name the authority's certificate with `--ca-file`"
            }
            C::Expired | C::ExpiredContext { .. } => {
                "the server's certificate has expired; is the clock right?"
            }
            C::NotValidYet | C::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet; is the clock right?"
            }
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                "the server's certificate is for another name; check the API URL"
            }
            C::Revoked => "the server's certificate has been revoked",
            C::BadEncoding => "the server's certificate cannot be read",
            other => return format!("the server's certificate is not acceptable: {other}"),
        },
        TlsError::NoCertificatesPresented => "the server showed no certificate",
        TlsError::InvalidMessage(_) => "the server does not speak TLS on this port",
        TlsError::AlertReceived(AlertDescription::ProtocolVersion) | TlsError::PeerIncompatible(_) => {
            "the server offers no TLS version or cipher that is acceptable here (TLS 1.2 or later)"
        }
        other => return format!("the TLS handshake failed: {other}"),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn read(content: &str) -> Result<usize, CaFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        read_ca_file(file.path()).map(|c| c.len())
    }

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn a_ca_file_may_hold_several_certificates_and_other_sections() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(read(&format!("# one\n{}\n{key}\n{}", certificate(), certificate())).unwrap(), 2);
    }

    #[test]
    fn a_bad_ca_file_says_what_is_wrong() {
        let missing = read_ca_file(Path::new("/nonexistent/ca.pem")).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the CA file `/nonexistent/ca.pem`");
        assert!(missing.source().is_some());
        assert!(matches!(read("hello"), Err(CaFileError::Empty { .. })));
        let cut = certificate().replace("-----END CERTIFICATE-----", "");
        assert!(matches!(read(&cut), Err(CaFileError::Pem { .. })));
        let wrong = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        let second = read(&format!("{}{wrong}", certificate())).unwrap_err();
        assert!(matches!(second, CaFileError::Certificate { number: 2, .. }), "{second}");
    }
}
