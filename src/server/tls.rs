//! TLS from a certificate chain and a key in PEM files: TLS 1.2 and 1.3, HTTP/2 by ALPN (which actix-web sets itself).
//!
//! Not for: asking clients for certificates.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use super::ServeError;

/// The settings of the listener.
///
/// # Errors
/// `Tls` with the file that cannot be used; never with its content.
pub fn load(certificate: &Path, key: &Path) -> Result<rustls::ServerConfig, ServeError> {
    let wrong = |path: &Path, what: &str| ServeError::Tls(format!("{}: {what}", path.display()));
    let open = |path: &Path| File::open(path).map(BufReader::new).map_err(|error| wrong(path, &error.to_string()));
    let chain: Vec<_> =
        rustls_pemfile::certs(&mut open(certificate)?).collect::<Result<_, _>>().map_err(|_| wrong(certificate, "is not PEM"))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "holds no certificate"));
    }
    let secret = rustls_pemfile::private_key(&mut open(key)?).map_err(|_| wrong(key, "is not PEM"))?;
    let secret = secret.ok_or_else(|| wrong(key, "holds no private key"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ServeError::Tls(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|_| wrong(key, "does not fit the certificate"))
}
