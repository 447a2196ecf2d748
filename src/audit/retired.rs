//! The signed note that stands in place of a segment whose entries were retired: which ones, when, why, and on whose word.
//!
//! The hashes of the entries stay (`tiles`), so that everything that was ever proved can still be proved. Not for: when
//! entries may go (`retention`).

use jiff::Timestamp;

use crate::signing::{Signer, VerifierKey, sign_note, verify_note};

use super::frame::Hash;
use super::state::time_text;
use super::{hex, parse_hash};

const FORMAT_LINE: &str = "chartkeep retired entries v1";

/// A range of entries that are gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Retired {
    /// Number of the first entry.
    pub first: u64,
    /// Number of the first entry that stays.
    pub end: u64,
    /// The chain value after the last of them, where the next segment goes on.
    pub chain: Hash,
    /// Time of the last of them.
    pub newest: Timestamp,
    pub at: Timestamp,
    pub operator: String,
    pub approver: String,
    pub reason: String,
}

impl Retired {
    pub(crate) fn sign(&self, origin: &str, signer: &dyn Signer) -> String {
        let text = format!(
            "{FORMAT_LINE}\n{origin}\nfirst {}\nend {}\nchain {}\nnewest {}\nretired {}\noperator {}\napprover {}\nreason {}\n",
            self.first,
            self.end,
            hex(&self.chain),
            time_text(self.newest),
            time_text(self.at),
            one_line(&self.operator),
            one_line(&self.approver),
            one_line(&self.reason),
        );
        sign_note(&text, signer)
    }

    pub(crate) fn parse(note: &[u8], origin: &str, keys: &[VerifierKey]) -> Option<Retired> {
        let text = verify_note(std::str::from_utf8(note).ok()?, keys).ok()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FORMAT_LINE || lines.next()? != origin {
            return None;
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let retired = Retired {
            first: value("first")?.parse().ok()?,
            end: value("end")?.parse().ok()?,
            chain: parse_hash(value("chain")?)?,
            newest: value("newest")?.parse().ok()?,
            at: value("retired")?.parse().ok()?,
            operator: value("operator")?.to_string(),
            approver: value("approver")?.to_string(),
            reason: value("reason")?.to_string(),
        };
        (lines.next().is_none() && retired.first < retired.end).then_some(retired)
    }
}

/// What people typed, in one line of a note.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SigningKey;

    #[test]
    fn a_note_comes_back_and_no_other_passes() {
        let key = SigningKey::random("k").unwrap();
        let at: Timestamp = "2036-01-02T03:04:05.000006Z".parse().unwrap();
        let retired = Retired {
            first: 0,
            end: 7,
            chain: [7; 32],
            newest: at,
            at,
            operator: "anna".into(),
            approver: "bert\nreason none".into(),
            reason: "ten years are over".into(),
        };
        let note = retired.sign("chartkeep/audit/s0000", &key);
        let read = |note: &str, origin: &str| Retired::parse(note.as_bytes(), origin, &[key.verifier()]);
        let expected = Retired { approver: "bert reason none".into(), ..retired.clone() };
        assert_eq!(read(&note, "chartkeep/audit/s0000"), Some(expected));
        assert_eq!(read(&note, "chartkeep/audit/s0001"), None);
        assert_eq!(read(&note.replace("end 7", "end 9"), "chartkeep/audit/s0000"), None);
    }
}
