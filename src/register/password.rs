//! Passwords: argon2id hashes (RFC 9106), their verification at constant work, and random secrets.
//!
//! Not for: who may sign in (`account`).

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::RegisterError;

/// Lengths that are taken, in characters; the upper bound only keeps a flood away from the hash.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=1024;

pub(super) fn check_length(password: &str) -> Result<(), RegisterError> {
    if LENGTHS.contains(&password.chars().count()) { Ok(()) } else { Err(RegisterError::BadPassword) }
}

/// The PHC string of `password`, with the library's default cost (argon2id, 19 MiB, 2 passes: OWASP's minimum) and a
/// fresh salt.
pub(super) fn hash(password: &str) -> Result<String, RegisterError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| RegisterError::Hashing)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one behind `stored`. With `None` (no such account, or it is locked) the same work is done
/// on a hash that nothing matches, so that the time taken tells nothing.
pub(super) fn matches(password: &str, stored: Option<&str>) -> bool {
    let hash = stored.unwrap_or_else(|| unmatched_hash());
    let good = PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    good && stored.is_some()
}

fn unmatched_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash("nobody's password").unwrap_or_default())
}

/// `N` random bytes as base64url text.
pub(super) fn random_text<const N: usize>() -> Result<Zeroizing<String>, RegisterError> {
    let mut bytes = Zeroizing::new([0u8; N]);
    getrandom::fill(bytes.as_mut()).map_err(|_| RegisterError::NoRandomness)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// A random password of 120 bits, as 20 base64url characters.
pub fn generate_password() -> Result<Zeroizing<String>, RegisterError> {
    random_text::<15>()
}
