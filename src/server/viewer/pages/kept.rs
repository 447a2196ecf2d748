//! The quarantine browser: what is kept whole, by reason and file, and the form of one item with its signs and control
//! characters visible.
//!
//! Not for: replacing letters and digits; what comes here holds none of a record any more (`query::kept`).

use askama::Template;

use super::super::frame::Frame;
use super::super::html::{Markup, escape, url_part};
use super::super::source::Badge;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::accession::reason_words;
use super::render;
use crate::query::{KeptForm, KeptPage, KeptQuestion, KeptRow};

/// What the browser shows.
pub struct KeptView<'a> {
    pub accession: &'a str,
    pub source_system: &'a str,
    pub asked: &'a KeptQuestion,
    pub found: &'a KeptPage,
}

/// One choice of a filter.
struct Choice {
    words: String,
    count: String,
    href: String,
    on: bool,
}

#[derive(Template)]
#[template(path = "kept.html")]
struct List<'a> {
    frame: &'a Frame,
    view: &'a KeptView<'a>,
    badge: Badge,
    fact: String,
    reasons: Vec<Choice>,
    files: Vec<Choice>,
    table: Table,
    paging: Paging,
}

fn address(view: &KeptView<'_>, reason: Option<&str>, file: Option<usize>, page: Option<usize>) -> String {
    let parts = [
        reason.map(|reason| format!("reason={}", url_part(reason))),
        file.map(|file| format!("file={file}")),
        page.map(|page| format!("page={page}")),
    ];
    let query = parts.into_iter().flatten().collect::<Vec<_>>().join("&");
    let path = format!("/accessions/{}/quarantine", view.accession);
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

pub fn kept(frame: &Frame, view: &KeptView<'_>) -> String {
    let (asked, found) = (view.asked, view.found);
    let reason = asked.reason.as_deref();
    let all = |count: u64, on: bool, href: String| Choice { words: "All".into(), count: text::count(count), href, on };
    let mut reasons: Vec<Choice> =
        vec![all(found.reasons.values().sum(), reason.is_none(), address(view, None, asked.file, None))];
    reasons.extend(found.reasons.iter().map(|(code, count)| Choice {
        words: reason_words(code),
        count: text::count(*count),
        href: address(view, Some(code), asked.file, None),
        on: reason == Some(code),
    }));
    let mut files: Vec<Choice> = vec![all(found.files.values().sum(), asked.file.is_none(), address(view, reason, None, None))];
    files.extend(found.files.iter().map(|((number, name), count)| Choice {
        words: name.clone(),
        count: text::count(*count),
        href: address(view, reason, Some(*number), None),
        on: asked.file == Some(*number),
    }));
    let columns = [("Item", ""), ("Reason", ""), ("What it is", "drop")];
    let row = |r: &KeptRow| {
        let entry = if r.entry > 0 { format!("?entry={}", r.entry) } else { String::new() };
        let href = format!("/accessions/{}/quarantine/{}{entry}", view.accession, r.item);
        let place = if r.entry > 0 {
            format!("item {}, entry {}", text::count(r.number), r.entry)
        } else {
            format!("item {}", text::count(r.number))
        };
        Row::new(vec![
            Cell::main(Some(format!("{} {place}", r.file)), Some(href), None),
            Cell::Text(r.reason.clone()),
            Cell::Text(kind_words(&r.kind)),
        ])
    };
    let table = Table::new("Quarantined items in the order of the delivery", &columns, "Nothing is in quarantine here.");
    render(List {
        frame,
        badge: frame.badge(view.source_system),
        fact: format!("{}, kept whole", text::counted(found.total, "item", "items")),
        reasons,
        files,
        table: table.rows(found.rows.iter().map(row).collect()),
        paging: Paging::of(
            asked.offset,
            found.rows.len(),
            found.total,
            false,
            |page| address(view, reason, asked.file, Some(page)),
            asked.size,
        ),
        view,
    })
}

/// What a source record is, for people.
fn kind_words(kind: &str) -> String {
    match kind.split_once(':') {
        Some(("hl7v2", name)) => format!("HL7 v2 message {name}"),
        Some(("cda", name)) => format!("CDA document {name}"),
        Some(("row", name)) => format!("Row of {name}"),
        Some(("file", name)) => format!("File, {name}"),
        _ if kind == "?" => "Not readable".into(),
        _ => kind.into(),
    }
}

#[derive(Template)]
#[template(path = "kept_item.html")]
struct Item<'a> {
    frame: &'a Frame,
    accession: &'a str,
    badge: Badge,
    form: &'a KeptForm,
    kind: String,
    reason: String,
    bytes: String,
    shown: String,
    digest: String,
    text: Markup,
    next: Option<String>,
    command: String,
}

/// The form of one item.
pub fn kept_item(frame: &Frame, accession: &str, source_system: &str, form: &KeptForm) -> String {
    let row = &form.row;
    let entry = if row.entry > 0 { format!(" --entry {}", row.entry) } else { String::new() };
    let last = form.next.unwrap_or(form.bytes);
    let and = if row.entry > 0 { format!("&entry={}", row.entry) } else { String::new() };
    render(Item {
        frame,
        accession,
        badge: frame.badge(source_system),
        kind: kind_words(&row.kind),
        reason: reason_words(row.reason.split(':').next().unwrap_or_default()),
        bytes: text::bytes(form.bytes),
        shown: match (form.from, form.next) {
            (0, None) => "the whole item".into(),
            (from, _) => format!("bytes {} to {} of {}", text::count(from + 1), text::count(last), text::count(form.bytes)),
        },
        digest: form.sha256.clone(),
        text: visible(&form.text),
        next: form.next.map(|next| format!("/accessions/{accession}/quarantine/{}?from={next}{and}", row.item)),
        command: format!("chartkeep quarantine show ARCHIVE {accession} {}{entry}", row.item),
        form,
    })
}

/// Text as lines with numbers, each control character as its sign.
fn visible(text: &str) -> Markup {
    let mut out = String::with_capacity(text.len() * 2);
    let mut number = 1;
    let begin = |out: &mut String, number: &mut u64| {
        out.push_str(&format!("<i>{number}</i>"));
        *number += 1;
    };
    begin(&mut out, &mut number);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => {
                let both = c == '\r' && chars.peek() == Some(&'\n');
                if both {
                    chars.next();
                }
                let sign = if both {
                    "␍␊"
                } else if c == '\r' {
                    "␍"
                } else {
                    "␊"
                };
                out.push_str(&format!("<b>{sign}</b>\n"));
                if chars.peek().is_some() {
                    begin(&mut out, &mut number);
                }
            }
            c if (c as u32) < 0x20 => {
                let sign = char::from_u32(0x2400 + c as u32).unwrap_or('␦');
                out.push_str(&format!("<b>{sign}</b>"));
            }
            '\u{7f}' => out.push_str("<b>␡</b>"),
            char::REPLACEMENT_CHARACTER => out.push_str("<b>�</b>"),
            c => out.push_str(&escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Markup::trusted(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_signs_and_markup_is_text() {
        let html = visible("<x>\t\"&\r\nXX\0\u{7f}\rx\u{1b}[9").to_string();
        assert_eq!(
            html,
            "<i>1</i>&lt;x&gt;<b>␉</b>&quot;&amp;<b>␍␊</b>\n<i>2</i>XX<b>␀</b><b>␡</b><b>␍</b>\n<i>3</i>x<b>␛</b>[9"
        );
    }

    #[test]
    fn filters_keep_each_other_and_each_item_leads_to_its_form() {
        let row = KeptRow {
            item: 41,
            entry: 2,
            file: "a&b.hl7".into(),
            number: 7,
            kind: "hl7v2:ADT^A01".into(),
            reason: "json".into(),
        };
        let found = KeptPage {
            rows: vec![row],
            total: 1,
            reasons: [("json".to_string(), 1)].into(),
            files: [((3, "a&b.hl7".to_string()), 1)].into(),
        };
        let asked = KeptQuestion { reason: Some("json".into()), file: Some(3), offset: 0, size: 100 };
        let html = kept(&Frame::default(), &KeptView { accession: "acc-1", source_system: "mer", asked: &asked, found: &found });
        assert!(html.contains("/accessions/acc-1/quarantine/41?entry=2") && html.contains("item 7, entry 2"));
        assert!(html.contains("?reason=json&#38;file=3") || html.contains("?reason=json&amp;file=3"), "{html}");
    }
}
