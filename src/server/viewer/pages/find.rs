//! Find a patient: one box, what was understood, who was found and why, and the identity of the chosen row.
//!
//! Not for: searching (`query`).

use askama::Template;

use super::super::banner::{self, Linked, Name};
use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::source::Badge;
use super::super::table::Paging;
use super::super::text;
use super::render;
use crate::query::PatientHit;
use crate::query::PatientHits;

/// What was asked and what came back.
#[derive(Default)]
pub struct FindPage<'a> {
    pub q: &'a str,
    /// `None`: nothing asked yet, or too little to search with (then `q` is not empty).
    pub answer: Option<&'a PatientHits>,
    /// Hits before the first one shown, and hits on a page.
    pub offset: usize,
    pub page_size: usize,
    /// The chosen row on this page, from 0.
    pub row: usize,
    /// What the search could not see, one sentence each.
    pub unseen: &'a [String],
    /// What waits for this reader's eyes.
    pub alerts: Vec<AlertRow>,
}

/// What somebody should look at: an EHR's launch that was stopped, since its patient and the archive's were not one person, or
/// wrong answers at the link of a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertRow {
    pub number: i64,
    /// What the EHR is called; the request, for a link.
    pub from: String,
    /// The request whose link it is; `None` for a launch.
    pub request: Option<String>,
    pub differs: &'static str,
    /// The patient's key in this archive.
    pub patient: String,
    /// Who launched it or made the link, and when (UTC).
    pub who: String,
    pub last: String,
    /// How often and since when, if more than once.
    pub again: Option<String>,
}

struct Hit {
    href: String,
    choose: String,
    name: Vec<(String, bool)>,
    listed: String,
    other_names: String,
    born: Vec<(String, bool)>,
    person: String,
    died: Option<String>,
    numbers: Vec<String>,
    address: String,
    phone: String,
    last_seen: String,
    records: String,
    badge: Badge,
    linked: Vec<Linked>,
    why: String,
    chosen: bool,
}

/// The identity card of the chosen row.
struct Card {
    name: Name,
    href: String,
    lines: Vec<(&'static str, Vec<String>)>,
    badge: Badge,
    died: Option<String>,
}

#[derive(Template)]
#[template(path = "find.html")]
struct Page<'a> {
    frame: &'a Frame,
    q: &'a str,
    asked: bool,
    count: String,
    understood: Vec<(String, String)>,
    too_many: bool,
    confusing: Option<String>,
    hits: Vec<Hit>,
    card: Option<Card>,
    paging: Paging,
    unseen: &'a [String],
    alerts: &'a [AlertRow],
}

pub fn find(frame: &Frame, ask: &FindPage<'_>) -> String {
    let words: Vec<String> = ask.q.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 1).map(str::to_lowercase).collect();
    let found: &[PatientHit] = ask.answer.map_or(&[], |a| &a.hits);
    let row = ask.row.min(found.len().saturating_sub(1));
    let query = url_part(ask.q);
    let size = ask.page_size.max(1);
    let page = ask.offset / size + 1;
    let choose = |i: usize| format!("/?q={query}&page={page}&row={i}");
    let hits = found.iter().enumerate().map(|(i, h)| hit(frame, h, &words, choose(i), i == row)).collect();
    let total = ask.answer.map_or(0, |a| a.total);
    let capped = ask.answer.is_some_and(|a| a.total_capped);
    let html = Page {
        frame,
        q: ask.q,
        asked: ask.answer.is_some(),
        count: match (total, capped) {
            (n, true) => format!("More than {} patients", text::count(n)),
            (n, false) => text::counted(n, "patient", "patients"),
        },
        understood: ask.answer.map_or_else(Vec::new, |a| a.understood.clone()),
        too_many: total > 50,
        confusing: confusing(found),
        hits,
        card: found.get(row).map(|h| card(frame, h)),
        paging: Paging::of(ask.offset, found.len(), total, capped, |p| format!("/?q={query}&page={p}"), size),
        unseen: ask.unseen,
        alerts: &ask.alerts,
    };
    render(html)
}

fn hit(frame: &Frame, hit: &PatientHit, words: &[String], choose: String, chosen: bool) -> Hit {
    let identity = &hit.patient.identity;
    let born = identity.birth_date.as_ref().map_or(text::NOT_RECORDED, |b| b.date_text());
    let sex = identity.sex.as_deref().unwrap_or("sex not recorded");
    let ages = banner::ages(identity, None, &frame.today).replace(" today", "");
    let listed = Name::of(identity).listed();
    let first = |list: &[String]| list.first().cloned();
    Hit {
        href: format!("/patients/{}", hit.patient.key),
        choose,
        name: mark(&listed, words),
        listed,
        other_names: identity.other_names.join("; "),
        born: mark(born, words),
        person: if ages.is_empty() { sex.to_string() } else { format!("{ages}, {sex}") },
        died: banner::died(identity),
        numbers: banner::record_numbers(identity),
        address: first(&identity.addresses).unwrap_or_else(|| "Address not recorded".into()),
        phone: first(&identity.phones).map_or("Phone not recorded".into(), |p| format!("Phone …{}", tail(&p))),
        last_seen: hit.patient.last_seen.as_ref().map_or(text::NOT_RECORDED.into(), |w| w.date_text().to_string()),
        records: text::counted(hit.patient.records, "record", "records"),
        badge: frame.badge(&hit.patient.source_system),
        linked: hit.linked.iter().map(|linked| Linked::of(frame, linked)).collect(),
        why: sentence(&hit.why),
        chosen,
    }
}

fn tail(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(4)..].iter().collect()
}

fn sentence(why: &[String]) -> String {
    let joined = why.join(", ");
    let mut chars = joined.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// Splits a text into pieces, those that a search word begins told apart from the rest.
fn mark(text: &str, words: &[String]) -> Vec<(String, bool)> {
    let mut out: Vec<(String, bool)> = Vec::new();
    let mut push = |piece: &str, on: bool| match out.last_mut() {
        _ if piece.is_empty() => {}
        Some((last, was)) if *was == on => last.push_str(piece),
        _ => out.push((piece.to_string(), on)),
    };
    for token in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let lower = token.to_lowercase();
        // Lower case may change the length of a text; then it is not marked rather than cut in the middle of a letter.
        let hit = words.iter().filter(|w| lower.starts_with(*w)).map(|w| w.len()).max();
        match hit.filter(|n| lower.len() == token.len() && token.is_char_boundary(*n)) {
            Some(n) => {
                push(&token[..n], true);
                push(&token[n..], false);
            }
            None => push(token, false),
        }
    }
    out
}

/// Says how many of the hits share a family name and a birth year with another.
fn confusing(hits: &[PatientHit]) -> Option<String> {
    let key = |h: &PatientHit| {
        let year = h.patient.identity.birth_date.as_ref()?.text().get(..4)?.to_string();
        Some((h.patient.identity.family.as_ref()?.to_lowercase(), year))
    };
    let keys: Vec<_> = hits.iter().filter_map(key).collect();
    let alike = keys.iter().filter(|k| keys.iter().filter(|o| o == k).count() > 1).count();
    let number = match alike {
        0 | 1 => return None,
        2 => "Two".to_string(),
        3 => "Three".to_string(),
        n => n.to_string(),
    };
    Some(format!("{number} of these are easily confused."))
}

fn card(frame: &Frame, hit: &PatientHit) -> Card {
    let identity = &hit.patient.identity;
    let ages = banner::ages(identity, None, &frame.today).replace(" today", "");
    let born = identity.birth_date.as_ref().map_or(text::NOT_RECORDED.to_string(), |b| b.date_text().to_string());
    let or_missing = |list: &[String]| if list.is_empty() { vec![text::NOT_RECORDED.to_string()] } else { list.to_vec() };
    let mut lines = vec![
        ("Born", vec![if ages.is_empty() { born } else { format!("{born} ({ages})") }]),
        ("Sex", vec![identity.sex.as_deref().map_or(text::NOT_RECORDED.into(), text::sentence)]),
    ];
    if !identity.other_names.is_empty() {
        lines.push(("Other names", identity.other_names.clone()));
    }
    lines.push(("Numbers", or_missing(&banner::record_numbers(identity))));
    lines.push(("Address", or_missing(&identity.addresses)));
    lines.push(("Phone", or_missing(&identity.phones)));
    let seen = hit.patient.last_seen.as_ref().map_or(text::NOT_RECORDED.to_string(), |w| w.date_text().to_string());
    lines.push(("Last seen", vec![seen]));
    lines.push(("Records", vec![text::count(hit.patient.records)]));
    Card {
        name: Name::of(identity),
        href: format!("/patients/{}", hit.patient.key),
        lines,
        badge: frame.badge(&hit.patient.source_system),
        died: banner::died(identity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matched_beginnings_are_told_apart() {
        let marked = mark("Quillfeather, Marigold Anne", &["quill".into(), "mari".into()]);
        let shown: Vec<String> = marked.iter().map(|(t, on)| if *on { format!("[{t}]") } else { t.clone() }).collect();
        assert_eq!(shown.concat(), "[Quill]feather, [Mari]gold Anne");
        assert_eq!(mark("1957-03-14", &["1957".into()])[0], ("1957".to_string(), true));
        assert_eq!(mark("Éa", &["é".into()]).len(), 2);
    }
}
