//! The only code that opens network connections: HTTPS requests to addresses of the configuration.
//!
//! Not for: addresses that a request names. No redirect is followed, answers are bounded, and every call has a time limit
//! (spec access.md §12, API7 and API10).

mod syslog;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

pub use syslog::{Severity, Syslog, SyslogError};

/// How long a whole call may take.
const CALL_MAX: Duration = Duration::from_secs(5);

/// Why a call gave nothing. The texts hold no content of what was sent or received.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("{0} cannot be reached")]
    Unreachable(String),
    #[error("{address} answers with status {status}")]
    Status { address: String, status: u16 },
    #[error("{0} answers with more than it may")]
    TooLong(String),
    #[error("{0} is neither https nor an address of this machine")]
    Plain(String),
    #[error("the authorities in {0} cannot be read")]
    Authorities(String),
}

/// A caller with its trusted authorities. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    agent: ureq::Agent,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    pub cache_control: Option<String>,
}

impl Caller {
    /// Trusts the authorities in the PEM file, or those that browsers trust.
    ///
    /// # Errors
    /// `Authorities` when the file cannot be read or holds no certificate.
    pub fn new(ca_file: Option<&Path>) -> Result<Caller, OutboundError> {
        let roots = match ca_file {
            None => RootCerts::WebPki,
            Some(path) => RootCerts::Specific(Arc::new(authorities(path)?)),
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(CALL_MAX))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .build();
        Ok(Caller { agent: config.into() })
    }

    /// `GET`; the answer has at most `most` bytes.
    pub fn get(&self, url: &str, headers: &[(&str, &str)], most: u64) -> Result<Reply, OutboundError> {
        allowed(url)?;
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(url, request.call(), most)
    }

    /// `POST` of `body`; the answer has at most `most` bytes.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8], most: u64) -> Result<Reply, OutboundError> {
        allowed(url)?;
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(url, request.send(body), most)
    }
}

/// Whether anything may be sent to this address, by us or by a browser on our word: TLS always, but to this machine itself.
pub fn is_allowed(url: &str) -> bool {
    let local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| url.starts_with(start));
    local || url.starts_with("https://")
}

fn allowed(url: &str) -> Result<(), OutboundError> {
    if is_allowed(url) { Ok(()) } else { Err(OutboundError::Plain(host(url))) }
}

/// The address without path and query, for messages.
fn host(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn reply(url: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>, most: u64) -> Result<Reply, OutboundError> {
    let mut answer = answer.map_err(|_| OutboundError::Unreachable(host(url)))?;
    let status = answer.status().as_u16();
    if (300..400).contains(&status) {
        return Err(OutboundError::Status { address: host(url), status });
    }
    let cache_control = answer.headers().get("cache-control").and_then(|v| v.to_str().ok()).map(str::to_string);
    let mut body = Vec::new();
    let read = answer.body_mut().as_reader().take(most + 1).read_to_end(&mut body);
    read.map_err(|_| OutboundError::Unreachable(host(url)))?;
    if body.len() as u64 > most {
        return Err(OutboundError::TooLong(host(url)));
    }
    Ok(Reply { status, body, cache_control })
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, OutboundError> {
    let failed = || OutboundError::Authorities(path.display().to_string());
    let pem = std::fs::read(path).map_err(|_| failed())?;
    let found: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() { Err(failed()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_out_in_the_clear_but_to_this_machine() {
        assert!(allowed("https://ehr.example.org/jwks").is_ok());
        assert!(allowed("http://127.0.0.1:8080/x").is_ok());
        for bad in ["http://ehr.example.org/", "http://127.0.0.1.example.org/", "file:///etc/passwd", "ftp://x"] {
            assert!(matches!(allowed(bad), Err(OutboundError::Plain(_))), "{bad}");
        }
    }
}
