//! Paging cursors: an offset sealed with the process's own key, bound to the principal and to the query.
//!
//! Not for: hiding anything; an offset is no secret, but it must not be portable to another question or person.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::access::Principal;

/// The query parameter that carries a cursor.
pub const PARAMETER: &str = "_cursor";
const MAC_BYTES: usize = 16;

/// The cursor of `offset` in the answer to `question`, for this principal.
pub fn seal(key: &[u8; 64], principal: &Principal, question: &str, offset: u64) -> String {
    let mut bytes = offset.to_be_bytes().to_vec();
    bytes.extend_from_slice(&mac(key, principal, question, offset));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The offset of a cursor; `None` when it was not made by this process for this principal and question.
pub fn open(key: &[u8; 64], principal: &Principal, question: &str, cursor: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (offset, given) = bytes.split_first_chunk::<8>()?;
    let offset = u64::from_be_bytes(*offset);
    let right = mac(key, principal, question, offset);
    bool::from(subtle::ConstantTimeEq::ct_eq(&right[..], given)).then_some(offset)
}

fn mac(key: &[u8; 64], principal: &Principal, question: &str, offset: u64) -> [u8; MAC_BYTES] {
    // One whole block of SHA-256, so that no length can be wrong.
    let mut hmac = Hmac::<Sha256>::new(key.into());
    for part in [&principal.issuer, &principal.subject, principal.role.name(), question] {
        hmac.update(&(part.len() as u64).to_be_bytes());
        hmac.update(part.as_bytes());
    }
    hmac.update(&offset.to_be_bytes());
    let mut out = [0; MAC_BYTES];
    out.copy_from_slice(&hmac.finalize().into_bytes()[..MAC_BYTES]);
    out
}

#[cfg(test)]
mod tests {
    use super::super::testing::principal;
    use super::*;
    use crate::access::Role;

    #[test]
    fn a_cursor_opens_only_for_its_own_question_and_person() {
        let (key, who) = ([7; 64], principal(Role::Clinician));
        let cursor = seal(&key, &who, "Observation?patient=a", 50);
        assert_eq!(open(&key, &who, "Observation?patient=a", &cursor), Some(50));
        assert_eq!(open(&key, &who, "Observation?patient=b", &cursor), None);
        assert_eq!(open(&key, &principal(Role::Him), "Observation?patient=a", &cursor), None);
        assert_eq!(open(&[8; 64], &who, "Observation?patient=a", &cursor), None);
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(open(&key, &who, "Observation?patient=a", &URL_SAFE_NO_PAD.encode(&bytes)), None, "byte {at}");
            bytes[at] ^= 1;
        }
        for broken in ["", "AA", "!!!!", "AAAAAAAAAAA"] {
            assert_eq!(open(&key, &who, "Observation?patient=a", broken), None);
        }
    }
}
