//! Public keys of others: a JWK Set (RFC 7517) read into keys that can verify, each for the algorithms of its own kind.
//!
//! Not for: where a set comes from and how long it is believed (`jwks_source`).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::limits::{JWKS_BYTES_MAX, JWKS_KEYS_MAX};

use super::TokenError;
use super::token_backend::install_backend;
use super::token_form::{self, Parts, is_kid};

/// Sizes of an RSA modulus that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Why a set is not taken. The texts hold nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwksError {
    #[error("the key set is not a JSON object with a list of keys")]
    Form,
    #[error("the key set holds more than {JWKS_KEYS_MAX} keys or {JWKS_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the key set holds two keys of one name")]
    Duplicate,
    #[error("the key set holds no key that could verify a signature")]
    NoKey,
}

/// What a key is made of, and with it which algorithms it can serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Family {
    fn serves(self, algorithm: Algorithm) -> bool {
        match self {
            Family::Rsa => matches!(algorithm, Algorithm::RS256 | Algorithm::RS384 | Algorithm::PS256 | Algorithm::PS384),
            Family::P256 => algorithm == Algorithm::ES256,
            Family::P384 => algorithm == Algorithm::ES384,
            Family::Ed25519 => algorithm == Algorithm::EdDSA,
        }
    }
}

/// The algorithms that a token may be signed with: asymmetric ones alone (spec access.md §2 step 4).
pub fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}

/// One key for verifying.
#[derive(Clone, Debug)]
pub struct Key {
    family: Family,
    /// What the set says the key is for; no other algorithm then.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl Key {
    /// Whether the signature of the token is this key's, made with `algorithm`.
    ///
    /// # Errors
    /// `Algorithm` when the key is not one for it; `Signature`.
    pub(super) fn verify(&self, token: &Parts<'_>, algorithm: Algorithm) -> Result<(), TokenError> {
        if !self.family.serves(algorithm) || self.algorithm.is_some_and(|own| own != algorithm) {
            return Err(TokenError::Algorithm);
        }
        install_backend();
        match jsonwebtoken::crypto::verify(token.signature, token.message.as_bytes(), &self.key, algorithm) {
            Ok(true) => Ok(()),
            _ => Err(TokenError::Signature),
        }
    }

    /// The key that a JWK describes; `None` for one that is of another kind, too weak, or not for verifying.
    fn of(jwk: &Map<String, Value>) -> Option<Key> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if jwk.get("use").is_some_and(|used| used != "sig") {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops")
            && !operations.as_array()?.iter().any(|operation| operation == "verify")
        {
            return None;
        }
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            // SEC 1 §2.3.3: the point, not compressed.
            (x.len() == size && y.len() == size).then(|| DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()))
        };
        let (family, key) = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                is_strong_rsa(&n, &e).then(|| (Family::Rsa, DecodingKey::from_rsa_raw_components(&n, &e)))?
            }
            ("EC", Some("P-256")) => (Family::P256, point(32)?),
            ("EC", Some("P-384")) => (Family::P384, point(48)?),
            ("OKP", Some("Ed25519")) => {
                let x = bytes("x").filter(|x| x.len() == 32)?;
                (Family::Ed25519, DecodingKey::from_ed_der(&x))
            }
            // `oct` among them: what is published is no secret.
            _ => return None,
        };
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(algorithm(name.as_str()?).filter(|algorithm| family.serves(*algorithm))?),
        };
        Some(Key { family, algorithm, key })
    }
}

fn is_strong_rsa(n: &[u8], e: &[u8]) -> bool {
    let significant = |number: &[u8]| number.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<u8>>();
    let (n, e) = (significant(n), significant(e));
    let bits = n.len() * 8 - n.first().map_or(0, |top| top.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    RSA_BITS.contains(&bits) && odd(&n) && odd(&e) && e.len() <= 8 && e != [1]
}

/// Keys by name.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: BTreeMap<String, Key>,
}

impl KeySet {
    /// Reads a JWK Set. Keys without a name, of other kinds or uses are left out; a name that stands twice makes the set void.
    pub fn parse(json: &[u8]) -> Result<KeySet, JwksError> {
        if json.len() as u64 > JWKS_BYTES_MAX {
            return Err(JwksError::TooLarge);
        }
        let set = token_form::object(json).ok_or(JwksError::Form)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(JwksError::Form)?;
        if listed.len() > JWKS_KEYS_MAX {
            return Err(JwksError::TooLarge);
        }
        let (mut keys, mut names) = (BTreeMap::new(), BTreeSet::new());
        for jwk in listed {
            let jwk = jwk.as_object().ok_or(JwksError::Form)?;
            let Some(kid) = jwk.get("kid").and_then(Value::as_str) else { continue };
            if !names.insert(kid) {
                return Err(JwksError::Duplicate);
            }
            if let Some(key) = Key::of(jwk).filter(|_| is_kid(kid)) {
                keys.insert(kid.to_string(), key);
            }
        }
        if keys.is_empty() { Err(JwksError::NoKey) } else { Ok(KeySet { keys }) }
    }

    pub fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.get(kid)
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
