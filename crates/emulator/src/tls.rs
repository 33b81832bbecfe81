//! The emulator's certificate authority and certificate, made in a folder at start and used again while they are good.
//!
//! The folder holds `ca.pem` for clients to trust, `server.pem` and `server-key.pem`. The private key of the authority
//! is never written: it signs one certificate and is forgotten, so that nobody can sign another one in the name of an
//! authority that somebody may have come to trust. The price: when the certificate runs out, or the listener moves to an
//! address that it does not name, the authority is a new one too.

use connexa_types::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::{CryptoProvider, ring},
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, UnixTime,
    pem::{self, PemObject as _},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const CA_FILE: &str = "ca.pem";
const SERVER_FILE: &str = "server.pem";
const KEY_FILE: &str = "server-key.pem";
const LOCK_FILE: &str = "lock";

/// How long a new certificate lasts: within what every client accepts from a server (Apple's cap is 825 days).
const LIFETIME: Duration = Duration::from_hours(24 * 365);
/// A certificate with less than this left is replaced, so that it does not run out under a running emulator.
const RENEW_BEFORE: Duration = Duration::from_hours(24 * 30);
/// A new certificate is valid from a day ago on, for clients whose clock is behind.
const BACKDATED: Duration = Duration::from_hours(24);

/// An error while a TLS identity is made or read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The folder cannot be made.
    #[error("cannot create the TLS folder `{path}`")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the folder cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the folder cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system's random numbers or the current date do not allow a certificate.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// The certificate just made is not accepted by rustls itself.
    #[error("the new certificate is not usable: {0}")]
    Unusable(Unusable),
}

/// Why the files of a folder are not used again.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// At least one of the files is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A file holds something else than its PEM section.
    #[error("`{file}` is not what it should be: {source}")]
    Pem {
        /// The file's name.
        file: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The certificate does not belong to the key, or the authority cannot be read.
    #[error("certificate, key and authority do not fit together: {0}")]
    Mismatch(rustls::Error),
    /// A client would refuse the certificate for this name.
    #[error("the certificate does not hold for `{name}`: {source}")]
    Refused {
        /// The name or address.
        name: String,
        /// The client's reason.
        source: rustls::Error,
    },
    /// The certificate runs out soon.
    #[error("the certificate runs out within {} days", RENEW_BEFORE.as_secs() / 86_400)]
    RunsOut,
}

/// A server's certificate and key, and the authority that clients are to trust.
#[derive(Debug)]
pub struct Identity {
    ca_file: PathBuf,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Returns the identity of `folder` for a listener at `listen`, made now if there is none that is good.
    ///
    /// The folder is created with mode 0700, the key with 0600. Two processes that start at the same time on one folder
    /// wait for each other.
    pub fn load_or_make(folder: &Path, listen: IpAddr, now: Timestamp) -> Result<Self, TlsError> {
        create_folder(folder).map_err(|source| TlsError::Folder { path: folder.to_owned(), source })?;
        let lock_path = folder.join(LOCK_FILE);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|source| TlsError::Write { path: lock_path, source })?;

        let names = names(listen);
        match PemFiles::read(folder)?.and_then(|files| files.check(&names, now)) {
            Ok(config) => return Ok(Self { ca_file: folder.join(CA_FILE), config }),
            Err(Unusable::Missing(file)) => tracing::debug!(file, "no TLS identity yet"),
            Err(reason) => tracing::warn!(%reason, "the TLS identity is replaced"),
        }
        let files = PemFiles::make(&names, now)?;
        let config = files.check(&names, now).map_err(TlsError::Unusable)?;
        files.write(folder)?;
        Ok(Self { ca_file: folder.join(CA_FILE), config })
    }

    /// The file that clients are to trust.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The server side of TLS with this identity, for HTTP/2 and HTTP/1.1.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The names that a certificate must hold for: this machine's own, and the address listened on unless that means all.
fn names(listen: IpAddr) -> Vec<ServerName<'static>> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if !listen.is_unspecified() && !addresses.contains(&listen) {
        addresses.push(listen);
    }
    let localhost = ServerName::try_from("localhost").expect("a DNS name");
    std::iter::once(localhost).chain(addresses.into_iter().map(ServerName::from)).collect()
}

/// The provider of cryptography, handed over wherever one is needed: none is installed process-wide.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The files of a folder, as texts.
struct PemFiles {
    ca: String,
    server: String,
    key: String,
}

impl PemFiles {
    /// Reads the files; the inner error says that one is not there or is not text.
    fn read(folder: &Path) -> Result<Result<Self, Unusable>, TlsError> {
        let read = |name: &'static str| {
            let path = folder.join(name);
            match fs::read(&path) {
                // What is not UTF-8 has no PEM section either, which is found later.
                Ok(bytes) => Ok(Ok(String::from_utf8_lossy(&bytes).into_owned())),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Err(Unusable::Missing(name))),
                Err(source) => Err(TlsError::Read { path, source }),
            }
        };
        let (ca, server, key) = (read(CA_FILE)?, read(SERVER_FILE)?, read(KEY_FILE)?);
        Ok(ca.and_then(|ca| Ok(Self { ca, server: server?, key: key? })))
    }

    /// Makes an authority and a certificate for `names`.
    fn make(names: &[ServerName<'_>], now: Timestamp) -> Result<Self, rcgen::Error> {
        let mut ca = params("connexa emulator CA", now);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;

        let mut server = params("connexa emulator", now);
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        for name in names {
            server.subject_alt_names.push(match name {
                ServerName::IpAddress(address) => SanType::IpAddress((*address).into()),
                other => SanType::DnsName(other.to_str().into_owned().try_into()?),
            });
        }
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &Issuer::new(ca, ca_key))?;
        Ok(Self { ca: ca_certificate.pem(), server: certificate.pem(), key: key.serialize_pem() })
    }

    /// Judges the files as a client would, for every name, now and for some time to come.
    ///
    /// The authority has the same dates as its only certificate, so one check of the certificate's dates is enough.
    fn check(&self, names: &[ServerName<'_>], now: Timestamp) -> Result<Arc<ServerConfig>, Unusable> {
        let certificate = |text: &str, file| {
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|source| Unusable::Pem { file, source })
        };
        let (ca, server) = (certificate(&self.ca, CA_FILE)?, certificate(&self.server, SERVER_FILE)?);
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|source| Unusable::Pem { file: KEY_FILE, source })?;

        let mut roots = RootCertStore::empty();
        roots.add(ca).map_err(Unusable::Mismatch)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .expect("one root and no revocation lists");
        let verify = |name: &ServerName<'_>, ahead: Duration| {
            let seconds = u64::try_from(now.as_second()).unwrap_or(0) + ahead.as_secs();
            let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            verifier.verify_server_cert(&server, &[], name, &[], at)
        };
        for name in names {
            verify(name, Duration::ZERO)
                .map_err(|source| Unusable::Refused { name: name.to_str().into_owned(), source })?;
        }
        if names.iter().any(|name| verify(name, RENEW_BEFORE).is_err()) {
            return Err(Unusable::RunsOut);
        }
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(Unusable::Mismatch)?
            .with_no_client_auth()
            // Refuses a key that is not the certificate's.
            .with_single_cert(vec![server.clone()], key)
            .map_err(Unusable::Mismatch)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Writes the files. A crash in between leaves files that do not fit together, which the next start replaces.
    fn write(&self, folder: &Path) -> Result<(), TlsError> {
        for (name, text, mode) in
            [(KEY_FILE, &self.key, 0o600), (SERVER_FILE, &self.server, 0o644), (CA_FILE, &self.ca, 0o644)]
        {
            let path = folder.join(name);
            replace_file(&path, text, mode).map_err(|source| TlsError::Write { path, source })?;
        }
        Ok(())
    }
}

/// What authority and certificate have in common: a name and the dates.
fn params(common_name: &str, now: Timestamp) -> CertificateParams {
    let date = |t: Timestamp| {
        let date = t.to_zoned(jiff::tz::TimeZone::UTC).date();
        let part = |n: i8| u8::try_from(n).expect("months and days are above 0");
        date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    let mut params = CertificateParams::default();
    params.not_before = date(now.saturating_sub(BACKDATED).expect("a plain duration"));
    params.not_after = date(now.saturating_add(LIFETIME).expect("a plain duration"));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Replaces a file in one step, so that no reader ever sees half of it.
fn replace_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    // Left over from a crash: it may have another mode, so it is not written into.
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file: File = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2025-11-24T08:00:00Z".parse().unwrap()
    }

    fn local() -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn texts(folder: &Path) -> [Vec<u8>; 3] {
        [CA_FILE, SERVER_FILE, KEY_FILE].map(|name| fs::read(folder.join(name)).unwrap())
    }

    #[test]
    fn good_files_are_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("deep/tls");
        let identity = Identity::load_or_make(&folder, local(), now()).unwrap();
        assert_eq!(identity.ca_file(), folder.join("ca.pem"));
        let first = texts(&folder);
        // Another loopback or catch-all address is covered; ten months later there is still time.
        for (listen, later) in [("::1", 0), ("0.0.0.0", 24), ("127.0.0.1", 24 * 300)] {
            let later = now() + Duration::from_hours(later);
            Identity::load_or_make(&folder, listen.parse().unwrap(), later).unwrap();
            assert_eq!(texts(&folder), first, "{listen}");
        }
    }

    #[test]
    fn files_that_will_not_do_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let remade = |why: &str, listen: &str, at: Timestamp| {
            let before = texts(folder);
            Identity::load_or_make(folder, listen.parse().unwrap(), at).unwrap();
            let after = texts(folder);
            assert!(before.iter().zip(&after).all(|(b, a)| b != a), "{why}");
        };
        Identity::load_or_make(folder, local(), now()).unwrap();
        remade("another address", "192.0.2.7", now());
        remade("about to run out", "192.0.2.7", now() + Duration::from_hours(24 * 340));
        remade("not valid yet", "192.0.2.7", now());
        for name in [CA_FILE, SERVER_FILE, KEY_FILE] {
            fs::write(folder.join(name), "no PEM").unwrap();
            remade("no PEM", "127.0.0.1", now());
            fs::write(folder.join(name), [0xff, 0x00]).unwrap();
            remade("no text", "127.0.0.1", now());
            // A good file of another set.
            let other = tempfile::tempdir().unwrap();
            Identity::load_or_make(other.path(), local(), now()).unwrap();
            fs::copy(other.path().join(name), folder.join(name)).unwrap();
            remade("of another set", "127.0.0.1", now());
        }
        fs::remove_file(folder.join(KEY_FILE)).unwrap();
        Identity::load_or_make(folder, local(), now()).unwrap();
        assert!(folder.join(KEY_FILE).exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("tls");
        Identity::load_or_make(&folder, local(), now()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(KEY_FILE)), 0o600);
        // The two certificates are public; the umask may take away from their 0644.
        assert_eq!(mode(&folder.join(CA_FILE)) & 0o600, 0o600);
    }

    #[test]
    fn errors_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Identity::load_or_make(&file, local(), now()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot create the TLS folder `{}`", file.display()));
        fs::create_dir(folder.path().join(CA_FILE)).unwrap();
        let error = Identity::load_or_make(folder.path(), local(), now()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read `{}`", folder.path().join(CA_FILE).display()));
    }
}
