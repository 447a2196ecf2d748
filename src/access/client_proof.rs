//! This archive as a client of others: how it proves at a token or introspection endpoint who it is.
//!
//! Not for: the archive's own signing keys (`signing`), or the calls themselves.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::config::Issuer;

/// How long an assertion holds, in seconds (SMART App Launch 2.2: at most five minutes).
const ASSERTION_S: u64 = 120;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Shortest client secret, in bytes.
const SECRET_MIN: usize = 16;

/// What the issuer knows this archive by.
pub enum Credentials {
    /// `private_key_jwt` (RFC 7523): the algorithms that the key can sign in, the best first.
    Key(Vec<(Algorithm, EncodingKey)>),
    /// `client_secret_basic`.
    Secret(Zeroizing<String>),
}

impl fmt::Debug for Credentials {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::Key(_) => "Credentials::Key(…)",
            Credentials::Secret(_) => "Credentials::Secret(…)",
        })
    }
}

/// What is sent along with a request.
pub struct ClientProof {
    pub parameters: Vec<(&'static str, String)>,
    pub authorization: Option<Zeroizing<String>>,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

impl Credentials {
    /// # Errors
    /// Which file is missing or cannot be used; never with its content.
    pub fn of(row: &Issuer) -> Result<Credentials, String> {
        match (&row.client_key_file, &row.client_secret_file) {
            (Some(key), _) => signing_keys(key).map(Credentials::Key),
            (None, Some(secret)) => {
                let secret = secret_in(secret)?;
                if secret.len() < SECRET_MIN {
                    Err(format!("client_secret_file holds fewer than {SECRET_MIN} bytes"))
                } else {
                    Ok(Credentials::Secret(secret))
                }
            }
            (None, None) => Err("needs client_key_file or client_secret_file".into()),
        }
    }

    /// The proof for the endpoint at `audience`. `None` when the issuer takes none of the algorithms of the key; an empty
    /// list says nothing of them.
    pub fn prove(&self, client_id: &str, audience: &str, algorithms: &[String]) -> Option<ClientProof> {
        match self {
            Credentials::Secret(secret) => {
                // RFC 6749 §2.3.1: both are form-encoded before they are joined.
                let pair = form_urlencoded(&[(client_id, secret)]).replacen('=', ":", 1);
                let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(Zeroizing::new(pair).as_bytes())));
                Some(ClientProof { parameters: Vec::new(), authorization: Some(value) })
            }
            Credentials::Key(keys) => {
                let takes = |algorithm: Algorithm| {
                    algorithms.is_empty() || algorithms.iter().any(|name| *name == format!("{algorithm:?}"))
                };
                let (algorithm, key) = keys.iter().find(|(algorithm, _)| takes(*algorithm))?;
                let assertion = assertion(client_id, audience, *algorithm, key)?;
                let parameters = vec![
                    ("client_id", client_id.to_string()),
                    ("client_assertion_type", ASSERTION_TYPE.to_string()),
                    ("client_assertion", assertion),
                ];
                Some(ClientProof { parameters, authorization: None })
            }
        }
    }
}

fn assertion(client_id: &str, audience: &str, algorithm: Algorithm, key: &EncodingKey) -> Option<String> {
    let now = jsonwebtoken::get_current_timestamp();
    let claims = Assertion {
        iss: client_id,
        sub: client_id,
        aud: audience,
        jti: uuid::Uuid::new_v4().to_string(),
        iat: now,
        exp: now + ASSERTION_S,
    };
    jsonwebtoken::encode(&Header::new(algorithm), &claims, key).ok()
}

/// The key in every algorithm that it can sign in, which is found by signing: RS384 and ES384 come first, as SMART wants.
fn signing_keys(path: &Path) -> Result<Vec<(Algorithm, EncodingKey)>, String> {
    super::install_backend();
    let pem = secret_in(path)?;
    let read = |read: fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>| read(pem.as_bytes()).ok();
    let candidates = [
        (Algorithm::RS384, read(EncodingKey::from_rsa_pem)),
        (Algorithm::PS384, read(EncodingKey::from_rsa_pem)),
        (Algorithm::RS256, read(EncodingKey::from_rsa_pem)),
        (Algorithm::ES384, read(EncodingKey::from_ec_pem)),
        (Algorithm::ES256, read(EncodingKey::from_ec_pem)),
        (Algorithm::EdDSA, read(EncodingKey::from_ed_pem)),
    ];
    let signs = |algorithm, key: &EncodingKey| assertion("a", "b", algorithm, key).is_some();
    let keys: Vec<_> =
        candidates.into_iter().filter_map(|(algorithm, key)| Some((algorithm, key?))).filter(|(a, key)| signs(*a, key)).collect();
    if keys.is_empty() {
        Err(format!("{} holds no private key that can sign (RSA, P-256, P-384, Ed25519; PEM)", path.display()))
    } else {
        Ok(keys)
    }
}

/// A secret file's text without the line end.
fn secret_in(path: &Path) -> Result<Zeroizing<String>, String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_string()))
}

/// `a=b&c=d`, encoded.
pub fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, &KEPT).to_string();
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}
