//! Papers that came with a request: the request itself, authorization, order, proof of identity.
//!
//! Not for: records of patients.

use super::*;
use crate::formats::{MediaKind, sniff};
use crate::limits::PAPER_BYTES_MAX;
use crate::release::request::Paper;

/// What a paper may be.
const KINDS: [&str; 7] = ["request", "authorization", "consent", "order", "subpoena", "identity", "other"];

impl Desk {
    /// Keeps the bytes of a paper and gives what the request is to say of it (`Move::Write` puts it there). Its kind of file is
    /// told by its bytes. `kind`: request, authorization, consent, order, subpoena, identity, other.
    ///
    /// # Errors
    /// `Paper` when it is too large, or none of the kinds of file that people look at here.
    pub fn keep_paper(&self, bytes: &[u8], name: &str, kind: &str, who: &Worker<'_>) -> Result<Paper, DeskError> {
        self.check(who)?;
        let refused = DeskError::Paper(PAPER_BYTES_MAX >> 20);
        let media = sniff(bytes, None);
        let is_paper = matches!(media, MediaKind::Pdf | MediaKind::Tiff | MediaKind::Jpeg | MediaKind::Png | MediaKind::Text);
        let known = KINDS.into_iter().find(|known| *known == kind);
        let (Some(kind), true) = (known, is_paper && !bytes.is_empty() && bytes.len() <= PAPER_BYTES_MAX) else {
            return Err(refused);
        };
        let mut kept = entry("release.changed", who.principal, who.context);
        kept.action = Action::Create;
        let sha256 = self.shelf.put(bytes)?;
        kept.detail = vec![("move", "paper".into()), ("kind", kind.into()), ("sha256", sha256.clone())];
        self.log().append(kept).map_err(LedgerError::from)?;
        let name: String =
            name.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(120).collect();
        let media_type = media.media_type().to_owned();
        Ok(Paper { kind: kind.to_owned(), name, media_type, bytes: bytes.len() as u64, sha256 })
    }

    /// A paper of a request with its bytes.
    pub async fn paper(&self, number: &str, sha256: &str, who: &Worker<'_>) -> Result<Audited<(Paper, Vec<u8>)>, DeskError> {
        let permit = self.permit(who)?;
        let case = self.entered(number, who).await?.case;
        let paper = case.request.papers.iter().find(|paper| paper.sha256 == sha256).ok_or(DeskError::NotThere)?;
        let bytes = self.shelf.get(&paper.sha256)?;
        Ok(permit.answer((paper.clone(), bytes), viewed(&case, format!("paper {}", paper.kind)))?)
    }
}
