//! TLS from a certificate chain and a key in PEM files: TLS 1.2 and 1.3, HTTP/2 by ALPN (which actix-web sets itself).
//! When the files change, connections made from then on get the new certificate; running ones keep theirs.
//!
//! Not for: asking clients for certificates.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::ServeError;

/// The certificate in force, and the files that it came from.
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    held: RwLock<Held>,
}

struct Held {
    certified: Arc<CertifiedKey>,
    /// When the two files were last changed.
    read_at: [Option<SystemTime>; 2],
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.held.read().unwrap_or_else(PoisonError::into_inner).certified.clone())
    }
}

impl Certificates {
    /// # Errors
    /// `Tls` with the file that cannot be used; never with its content.
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Certificates>, ServeError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let read_at = [changed(chain), changed(key)];
        let held = Held { certified: read(chain, key, &provider)?, read_at };
        Ok(Arc::new(Certificates { chain: chain.into(), key: key.into(), provider, held: RwLock::new(held) }))
    }

    /// The settings of a listener that shows the certificate in force.
    ///
    /// # Errors
    /// `Tls` when the library refuses its own defaults.
    pub fn server_config(self: &Arc<Self>) -> Result<rustls::ServerConfig, ServeError> {
        let config = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| ServeError::Tls(error.to_string()))?;
        Ok(config.with_no_client_auth().with_cert_resolver(self.clone()))
    }

    /// Takes the files' new content when they have changed; `true` when it did. Files that cannot be used change nothing:
    /// a half-written key must not stop the service.
    ///
    /// # Errors
    /// `Tls` with the file that cannot be used.
    pub fn reload(&self) -> Result<bool, ServeError> {
        let read_at = [changed(&self.chain), changed(&self.key)];
        if self.held.read().unwrap_or_else(PoisonError::into_inner).read_at == read_at {
            return Ok(false);
        }
        let certified = read(&self.chain, &self.key, &self.provider)?;
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { certified, read_at };
        Ok(true)
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ServeError> {
    let wrong = |path: &Path, what: &str| ServeError::Tls(format!("{}: {what}", path.display()));
    let open = |path: &Path| File::open(path).map(BufReader::new).map_err(|error| wrong(path, &error.to_string()));
    let chain: Vec<_> =
        rustls_pemfile::certs(&mut open(certificate)?).collect::<Result<_, _>>().map_err(|_| wrong(certificate, "is not PEM"))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "holds no certificate"));
    }
    let secret = rustls_pemfile::private_key(&mut open(key)?).map_err(|_| wrong(key, "is not PEM"))?;
    let secret = secret.ok_or_else(|| wrong(key, "holds no private key"))?;
    let certified = CertifiedKey::from_der(chain, secret, provider).map_err(|_| wrong(key, "does not fit the certificate"))?;
    Ok(Arc::new(certified))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_string()]).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (chain, key)
    }

    fn shown(certificates: &Certificates) -> Vec<u8> {
        certificates.held.read().unwrap().certified.cert[0].to_vec()
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = write(folder.path(), "a.example.org");
        let certificates = Certificates::load(&chain, &key).unwrap();
        let first = shown(&certificates);
        assert!(!certificates.reload().unwrap());

        write(folder.path(), "b.example.org");
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        File::options().write(true).open(&chain).unwrap().set_modified(later).unwrap();
        assert!(certificates.reload().unwrap());
        let second = shown(&certificates);
        assert_ne!(first, second);

        std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        File::options().write(true).open(&key).unwrap().set_modified(later).unwrap();
        assert!(certificates.reload().is_err());
        assert_eq!(shown(&certificates), second);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_by_name() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (chain, _) = write(one.path(), "a.example.org");
        let (_, key) = write(two.path(), "a.example.org");
        let error = Certificates::load(&chain, &key).unwrap_err().to_string();
        assert!(error.contains("key.pem") && error.contains("does not fit"), "{error}");
    }
}
