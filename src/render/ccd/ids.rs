//! Names that follow from what they name (UUID version 5, RFC 9562 §5.5), so that the same request gives the same bytes.
//!
//! Not for: ids of records, which the archive has given.

use sha1::{Digest as _, Sha1};
use uuid::{Builder, Uuid};

/// The UUID of a name in a name space.
pub fn uuid_of(space: &Uuid, name: &str) -> Uuid {
    let digest = Sha1::new().chain_update(space.as_bytes()).chain_update(name.as_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    Builder::from_sha1_bytes(bytes).into_uuid()
}

/// The UUID of a URI.
pub fn uuid_of_uri(uri: &str) -> String {
    uuid_of(&Uuid::NAMESPACE_URL, uri).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_rfc_has_it() {
        // RFC 9562, appendix A.4.
        assert_eq!(uuid_of(&Uuid::NAMESPACE_DNS, "www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
