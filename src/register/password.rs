//! Passwords: what is taken for one, argon2id hashes (RFC 9106), their verification at constant work, random secrets.
//!
//! Not for: who may sign in (`account`).

use std::path::Path;
use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::RegisterError;
use super::known::KnownPasswords;

/// Lengths that are taken, in characters; the upper bound only keeps a flood away from the hash.
const SHORTEST: usize = 8;
const LONGEST: usize = 1024;
/// Shortest word of the institution's name that nobody may lean on.
const WORD_MIN: usize = 4;

/// Why a password is not taken. The person is told, so that the next one is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordRefusal {
    #[error("a password has at least 8 characters")]
    TooShort,
    #[error("a password has at most 1024 characters")]
    TooLong,
    #[error("without the names of the account and the institution, this password has fewer than 8 characters")]
    Names,
    #[error("this password is on the list of those that have become known elsewhere")]
    Known,
    #[error("the new password is the old one")]
    Same,
}

/// What is taken for a password (OWASP ASVS 5.0, 6.2): length, no names, none that is known; no rules of composition.
#[derive(Clone, Debug, Default)]
pub struct PasswordRules {
    /// In lower case.
    names: Vec<String>,
    known: Option<KnownPasswords>,
}

impl PasswordRules {
    /// `known` is a sorted list of passwords that have become known elsewhere.
    ///
    /// # Errors
    /// `KnownPasswords` when that list cannot be used.
    pub fn new(institution: Option<&str>, known: Option<&Path>) -> Result<PasswordRules, RegisterError> {
        let lower = institution.unwrap_or("").to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= WORD_MIN);
        let names = words.map(String::from).chain(["chartkeep".to_string()]).collect();
        Ok(PasswordRules { names, known: known.map(KnownPasswords::open).transpose()? })
    }

    /// Reads the list on disk: not for request threads.
    pub(super) fn check(&self, account: &str, password: &str) -> Result<(), RegisterError> {
        let length = password.chars().count();
        if length < SHORTEST {
            return Err(RegisterError::BadPassword(PasswordRefusal::TooShort));
        }
        if length > LONGEST {
            return Err(RegisterError::BadPassword(PasswordRefusal::TooLong));
        }
        let mut rest = password.to_lowercase();
        for name in self.names.iter().map(String::as_str).chain([account.to_lowercase().as_str()]) {
            rest = rest.replace(name, "");
        }
        if rest.chars().count() < SHORTEST {
            return Err(RegisterError::BadPassword(PasswordRefusal::Names));
        }
        match &self.known {
            Some(known) if known.holds(password)? => Err(RegisterError::BadPassword(PasswordRefusal::Known)),
            _ => Ok(()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_refused_for_a_reason_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("known.txt");
        std::fs::write(&list, "iloveyou1\npassword1\n").unwrap();
        let rules = PasswordRules::new(Some("Sankt Elsewhere Hospital"), Some(&list)).unwrap();
        let long = "x".repeat(1025);
        for (password, refusal) in [
            ("", Some(PasswordRefusal::TooShort)),
            ("1234567", Some(PasswordRefusal::TooShort)),
            (long.as_str(), Some(PasswordRefusal::TooLong)),
            (&long[..1024], None),
            ("Elsewhere2026", Some(PasswordRefusal::Names)),
            ("chartkeep-1", Some(PasswordRefusal::Names)),
            ("anna.quill99", Some(PasswordRefusal::Names)),
            ("ANNA.QUILLanna.quill", Some(PasswordRefusal::Names)),
            ("Password1", Some(PasswordRefusal::Known)),
            ("iloveyou1", Some(PasswordRefusal::Known)),
            ("iloveyou1 more", None),
            ("elsewhere it rains", None),
            ("päßwörtér", None),
            ("all lower case", None),
        ] {
            let found = match rules.check("anna.quill", password) {
                Ok(()) => None,
                Err(RegisterError::BadPassword(refusal)) => Some(refusal),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, refusal, "{password}");
        }
    }
}
