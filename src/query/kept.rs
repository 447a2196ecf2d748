//! What lies in quarantine, by reason and file, and the form of one such item: its bytes with every letter and digit
//! replaced. Nobody knows what is in it, so that whoever may not read records sees its form alone; the bytes themselves are
//! `review`'s.
//!
//! Words of formats stay (names of segments, members and elements), where they stand as such. Not for: deciding what is kept.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::QueryError;
use super::review::{file_of, find_kept};
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::limits::KEPT_SHOWN_BYTES;
use crate::model::{AccessionId, hex};
use crate::store::Accession;
use crate::store::ledger::rows_of_outcome;

/// Which items are wanted.
#[derive(Clone, Debug, Default)]
pub struct KeptQuestion {
    /// The code of a reason.
    pub reason: Option<String>,
    /// The place of a file among the delivered files.
    pub file: Option<usize>,
    pub offset: usize,
    pub size: usize,
}

/// One quarantined item by its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptRow {
    /// The ledger's number, and the entry of a Bundle or 0.
    pub item: u64,
    pub entry: u32,
    pub file: String,
    /// 1-based number in its file.
    pub number: u64,
    pub kind: String,
    pub reason: String,
}

/// A page of them, with what there is under the other filter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeptPage {
    pub rows: Vec<KeptRow>,
    pub total: u64,
    /// By the code of the reason, of the file asked for.
    pub reasons: BTreeMap<String, u64>,
    /// By number and name of the file, for the reason asked for.
    pub files: BTreeMap<(usize, String), u64>,
}

/// The form of a kept item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptForm {
    pub row: KeptRow,
    /// Bytes and SHA-256 of the whole item.
    pub bytes: u64,
    pub sha256: String,
    /// From which byte on, and the text with letters as `x`, digits as `9`, and other characters as they are.
    pub from: u64,
    pub text: String,
    /// Where the next part begins.
    pub next: Option<u64>,
}

/// The code that a reason begins with; a detail may follow.
fn code_of(reason: &str) -> &str {
    reason.split(':').next().unwrap_or(reason).trim()
}

impl Archive {
    /// The quarantined items of an accession; no content. Scope: `Accessions`.
    pub fn quarantined(&self, permit: &Permit, id: &AccessionId, asked: &KeptQuestion) -> Result<KeptPage, QueryError> {
        if !permit.covers_accessions() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let accession = reviewable(&snapshot, id)?;
        let mut page = KeptPage::default();
        rows_of_outcome(&accession.paths().ledger(), "quarantined", |row| {
            let file = accession.files.partition_point(|f| f.first_item + f.items <= row.item);
            let reason = row.reason.clone().unwrap_or_default();
            let code = code_of(&reason).to_string();
            let is_of_file = asked.file.is_none_or(|wanted| wanted == file);
            let is_of_reason = asked.reason.as_deref().is_none_or(|wanted| wanted == code);
            let name = accession.files.get(file).map_or_else(String::new, |f| f.name.clone());
            if is_of_reason {
                *page.files.entry((file, name.clone())).or_default() += 1;
            }
            if is_of_file {
                *page.reasons.entry(code).or_default() += 1;
            }
            if is_of_file && is_of_reason {
                if (asked.offset as u64..(asked.offset + asked.size) as u64).contains(&page.total) {
                    let number = accession.files.get(file).map_or(0, |f| row.item.saturating_sub(f.first_item) + 1);
                    page.rows.push(KeptRow { item: row.item, entry: row.entry, file: name, number, kind: row.kind, reason });
                }
                page.total += 1;
            }
        })?;
        Ok(page)
    }

    /// The form of a quarantined item from a byte on, at most as much as one page shows. Scope: `QuarantineMasked`.
    pub fn kept_form(
        &self,
        permit: &Permit,
        id: &AccessionId,
        (item, entry): (u64, u32),
        from: u64,
    ) -> Result<KeptForm, QueryError> {
        if !permit.covers_kept_form() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let accession = reviewable(&snapshot, id)?;
        let (row, bytes) = find_kept(accession, item, entry)?;
        let file = file_of(accession, item).ok_or(QueryError::NotFound)?;
        let start = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
        let end = (start + KEPT_SHOWN_BYTES).min(bytes.len());
        Ok(KeptForm {
            row: KeptRow {
                item,
                entry,
                file: file.name.clone(),
                number: item.saturating_sub(file.first_item) + 1,
                kind: row.kind,
                reason: row.reason.unwrap_or_default(),
            },
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            from: start as u64,
            text: masked(bytes.get(start..end).unwrap_or_default()),
            next: (end < bytes.len()).then_some(end as u64),
        })
    }
}

fn reviewable<'a>(snapshot: &'a Snapshot, id: &AccessionId) -> Result<&'a Accession, QueryError> {
    let all = snapshot.accessions.iter().chain(&snapshot.awaiting);
    all.map(AsRef::as_ref).find(|accession| accession.id == *id).ok_or(QueryError::NotFound)
}

/// Names of HL7 v2 segments.
const SEGMENTS: [&str; 34] = [
    "MSH", "SFT", "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "AL1", "IAM", "DG1", "PR1", "GT1", "IN1", "IN2", "ORC", "OBR", "OBX",
    "NTE", "SPM", "TXA", "RXA", "RXR", "RXE", "RXO", "MRG", "FT1", "ARV", "ROL", "CTD", "FHS", "BHS", "BTS", "FTS",
];

/// Members of FHIR JSON and elements of XML documents that tell where in a record one is.
const NAMES: [&str; 58] = [
    "resourceType",
    "id",
    "meta",
    "identifier",
    "system",
    "value",
    "code",
    "coding",
    "display",
    "text",
    "status",
    "subject",
    "patient",
    "reference",
    "encounter",
    "effectiveDateTime",
    "issued",
    "category",
    "valueQuantity",
    "unit",
    "name",
    "family",
    "given",
    "birthDate",
    "gender",
    "address",
    "telecom",
    "extension",
    "url",
    "type",
    "content",
    "attachment",
    "contentType",
    "data",
    "entry",
    "resource",
    "fullUrl",
    "period",
    "start",
    "end",
    "author",
    "date",
    "ClinicalDocument",
    "component",
    "section",
    "title",
    "templateId",
    "effectiveTime",
    "recordTarget",
    "patientRole",
    "structuredBody",
    "observation",
    "act",
    "organizer",
    "table",
    "tr",
    "td",
    "th",
];

/// Letters as `x` and `X`, digits as `9`, a byte that is no UTF-8 as `�`; signs and control characters as they are.
fn masked(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    let mut before = '\n';
    while let Some(c) = rest.chars().next() {
        if !c.is_alphanumeric() {
            out.push(if c.is_ascii() || c == char::REPLACEMENT_CHARACTER { c } else { '·' });
            (before, rest) = (c, rest.get(c.len_utf8()..).unwrap_or_default());
            continue;
        }
        let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if is_of_format(before, word, after) {
            out.push_str(word);
        } else {
            out.extend(word.chars().map(|c| match c {
                c if c.is_numeric() => '9',
                c if c.is_uppercase() => 'X',
                _ => 'x',
            }));
        }
        (before, rest) = ('x', after);
    }
    out
}

/// Whether a word is one of a format, standing where only those stand.
fn is_of_format(before: char, word: &str, after: &str) -> bool {
    match before {
        '\n' | '\r' => SEGMENTS.contains(&word) && after.starts_with('|'),
        '"' => NAMES.contains(&word) && after.strip_prefix('"').is_some_and(|after| after.trim_start().starts_with(':')),
        '<' | '/' => NAMES.contains(&word) && after.starts_with([' ', '>', '/', '\n', '\r']),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_or_digit_of_a_record_is_left() {
        for (item, form) in [
            ("PID|1||4711^^^MER||Quillfeather^Ann||31/02/2011", "PID|9||9999^^^XXX||Xxxxxxxxxxxx^Xxx||99/99/9999"),
            ("PID Quill\rOBX|1", "XXX Xxxxx\rOBX|9"),
            (r#"{"resourceType": "Patient", "id":"Id", "Ann":1}"#, r#"{"resourceType": "Xxxxxxx", "id":"Xx", "Xxx":9}"#),
            ("<title>Title of Ann</title><b>x</b>", "<title>Xxxxx xx Xxx</title><x>x</x>"),
            ("Zoë Ångström 2½ ٣", "Xxx Xxxxxxxx 99 9"),
            ("\"1,2\",\tNULL\r\n\0", "\"9,9\",\tXXXX\r\n\0"),
        ] {
            assert_eq!(masked(item.as_bytes()), form);
        }
        assert_eq!(masked(b"M\xfcller"), "X\u{fffd}xxxx");
        assert_eq!((code_of("csv.fields: 3 of 4"), code_of("json")), ("csv.fields", "json"));
    }
}
