//! Papers that came with a request: the request itself, authorization, order, proof of identity.
//!
//! Not for: records of patients.

use super::*;
use crate::release::request::Paper;

impl Desk {
    /// Keeps the bytes of a paper and gives what the request is to say of it (`Move::Write` puts it there). Its kind of file is
    /// told by its bytes. `kind`: request, authorization, consent, order, subpoena, identity, other.
    pub fn keep_paper(&self, bytes: &[u8], name: &str, kind: &str, who: &Worker<'_>) -> Result<Paper, DeskError> {
        let _ = (bytes, name, kind, who);
        Err(DeskError::NotBuilt)
    }

    /// A paper of a request with its bytes.
    pub async fn paper(&self, number: &str, sha256: &str, who: &Worker<'_>) -> Result<Audited<(Paper, Vec<u8>)>, DeskError> {
        let _ = (number, sha256, who);
        Err(DeskError::NotBuilt)
    }
}
