//! A record as a line of an export: as reading it would show it, on one line, with absolute addresses of its documents, since a
//! line has no site around it.
//!
//! Not for: which records are written.

use crate::export::line_of;
use crate::model::{ArchiveId, Record};
use crate::server::fhir::splice::write_resource;

/// The line, without its end.
pub fn of(record: &Record, base: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(record.json.len() + 200);
    write_resource(&mut json, record);
    line_of(&with_addresses(&json, base))
}

/// Puts the server before the address of each document: in members `url`, and nowhere else.
fn with_addresses(json: &[u8], base: &str) -> Vec<u8> {
    const LEAD: &[u8] = b"\"Binary/";
    let mut out = Vec::with_capacity(json.len() + 200);
    let mut from = 0;
    for at in memchr::memmem::find_iter(json, LEAD) {
        if is_url(&json[..at]) && is_id(&json[at + LEAD.len()..]) {
            out.extend_from_slice(&json[from..=at]);
            out.extend_from_slice(base.as_bytes());
            out.extend_from_slice(b"/fhir/");
            from = at + 1;
        }
    }
    out.extend_from_slice(&json[from..]);
    out
}

/// Whether what stands before a value is the name of a member `url`.
fn is_url(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    before.strip_suffix(b":").is_some_and(|name| {
        let name = name.trim_ascii_end();
        name.ends_with(b"\"url\"") && !name.ends_with(b"\\\"url\"")
    })
}

fn is_id(after: &[u8]) -> bool {
    let end = after.iter().position(|byte| *byte == b'"');
    end.and_then(|end| std::str::from_utf8(&after[..end]).ok()).is_some_and(|id| ArchiveId::parse(id).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_get_the_address_of_the_site_and_words_stay() {
        let text = |json: &str| String::from_utf8(with_addresses(json.as_bytes(), "https://x")).unwrap();
        assert_eq!(text(r#"{"url":"Binary/a-0"}"#), r#"{"url":"https://x/fhir/Binary/a-0"}"#);
        assert_eq!(text("{\"url\" :\n \"Binary/a-0\"}"), "{\"url\" :\n \"https://x/fhir/Binary/a-0\"}");
        for same in [
            r#"{"title":"Binary/a-0"}"#,
            r#"{"url":"Binary/not an id"}"#,
            r#"{"text":"he wrote \"url\":\"Binary/a-0\" by hand"}"#,
            r#"{"url":"other/Binary/a-0"}"#,
        ] {
            assert_eq!(text(same), same);
        }
    }
}
