//! Public keys as signed notes name them (C2SP signed-note "verifier key"): their text form, their ids, and whether a
//! signature is theirs.
//!
//! Not for: private keys (`key`), or which public keys an archive trusts (`ring`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// The algorithm byte of Ed25519 in key ids and key texts.
const ED25519: u8 = 1;

/// Why a note or a key text is not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note")]
    Malformed,
    #[error("signed by an unknown key")]
    UnknownKey,
    #[error("the signature does not match the text")]
    BadSignature,
    #[error("not a verifier key")]
    BadKey,
}

/// A public key with its name, as written `name+keyid+base64` (C2SP signed-note "verifier key").
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    pub fn new(name: &str, public: [u8; 32]) -> VerifierKey {
        VerifierKey { name: name.to_string(), public }
    }

    /// Reads the text form; anything but the exact form that [`std::fmt::Display`] writes is refused.
    pub fn parse(text: &str) -> Result<VerifierKey, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadKey);
        };
        let bytes = BASE64.decode(encoded).map_err(|_| NoteError::BadKey)?;
        let public: [u8; 32] = bytes.strip_prefix(&[ED25519]).and_then(|rest| rest.try_into().ok()).ok_or(NoteError::BadKey)?;
        let key = VerifierKey::new(name, public);
        if !is_key_name(name) || VerifyingKey::from_bytes(&public).is_err() || key.to_string() != text {
            return Err(NoteError::BadKey);
        }
        Ok(key)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.public
    }

    pub(super) fn id(&self) -> [u8; 4] {
        key_id(&self.name, &self.public)
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.public)
            .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let mut encoded = vec![ED25519];
        encoded.extend_from_slice(&self.public);
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(encoded))
    }
}

/// A key name is not empty and holds neither white space nor `+`.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// SHA-256(name ‖ line feed ‖ algorithm ‖ public key), its first four bytes.
pub(super) fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([b'\n', ED25519]);
    hash.update(public);
    let digest: [u8; 32] = hash.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}
