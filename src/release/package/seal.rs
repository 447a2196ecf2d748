//! The signature of a manifest: a detached JWS (RFC 7515 appendix F, RFC 7797, RFC 8037) and the bare Ed25519 signature for
//! tools that know no JWS.
//!
//! Not for: keys (`signing`), or what is signed (`manifest`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;

use crate::signing::Signer;

/// Names of the signatures in a package.
pub const JWS: &str = "manifest.jws";
pub const SIG: &str = "manifest.sig";
const TYPE: &str = "roi-manifest+jws";

/// The protected header, as it is written: `b64` false, so the manifest itself is signed and not a coded form of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    b64: bool,
    crit: Vec<String>,
    typ: String,
}

/// Why a signature does not count.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealFault {
    #[error("the signature is not of the form of this software")]
    Form,
    #[error("it was signed with the key {0}, which is not the one given")]
    OtherKey(String),
    #[error("the signature does not belong to these bytes")]
    Wrong,
}

/// A key's name in signatures: the first 16 hex digits of the SHA-256 of its 32 bytes.
pub fn key_id(public: &[u8; 32]) -> String {
    super::sha256_hex(public)[..16].to_owned()
}

/// Both signatures of a manifest: the compact JWS with an empty payload, and the 64 bytes.
pub fn sign(manifest: &[u8], signer: &dyn Signer) -> (String, [u8; 64]) {
    let kid = key_id(&signer.public_key());
    let header = format!(r#"{{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"{kid}","typ":"{TYPE}"}}"#);
    let header = BASE64URL.encode(header);
    let signature = signer.sign(&signing_input(&header, manifest));
    (format!("{header}..{}", BASE64URL.encode(signature)), signer.sign(manifest))
}

/// Name of the key that a JWS says it was signed with; worth nothing before the signature is checked.
pub fn said_key(jws: &str) -> Option<String> {
    let decoded = BASE64URL.decode(jws.split_once('.')?.0).ok()?;
    Some(serde_json::from_slice::<Header>(&decoded).ok()?.kid)
}

fn signing_input(header: &str, manifest: &[u8]) -> Vec<u8> {
    [header.as_bytes(), b".", manifest].concat()
}

/// Checks the JWS of a manifest with a key that the checker holds; a key that travels with the package proves nothing.
///
/// # Errors
/// `Form` for anything but exactly our header; `OtherKey`; `Wrong`.
pub fn check_jws(jws: &str, manifest: &[u8], public: &[u8; 32]) -> Result<(), SealFault> {
    let (header, rest) = jws.trim_end_matches('\n').split_once('.').ok_or(SealFault::Form)?;
    let signature = rest.strip_prefix('.').ok_or(SealFault::Form)?;
    let decoded = BASE64URL.decode(header).map_err(|_| SealFault::Form)?;
    let said: Header = serde_json::from_slice(&decoded).map_err(|_| SealFault::Form)?;
    if said.alg != "EdDSA" || said.b64 || said.crit != ["b64"] || said.typ != TYPE {
        return Err(SealFault::Form);
    }
    if said.kid != key_id(public) {
        return Err(SealFault::OtherKey(said.kid.chars().filter(char::is_ascii_hexdigit).take(16).collect()));
    }
    let signature = BASE64URL.decode(signature).map_err(|_| SealFault::Form)?;
    check(&signature, &signing_input(header, manifest), public)
}

/// Checks the bare signature.
///
/// # Errors
/// `Form` when it is not 64 bytes; `Wrong`.
pub fn check(signature: &[u8], message: &[u8], public: &[u8; 32]) -> Result<(), SealFault> {
    let signature = Signature::from_slice(signature).map_err(|_| SealFault::Form)?;
    let key = VerifyingKey::from_bytes(public).map_err(|_| SealFault::Form)?;
    key.verify_strict(message, &signature).map_err(|_| SealFault::Wrong)
}
