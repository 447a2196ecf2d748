//! Notes and documents: a section for each type of note, with the text of those that are text; scans and archived C-CDA
//! documents by name, format and size, since they leave as their own files.
//!
//! The text of a file lies in a Binary that the chart's directory may hold; inline data is read where it stands.
//!
//! Not for: reports of results, or the files themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::formats::{MediaKind, sniff, text_of};
use crate::render::ccd::cda::{Class, Code, Entry, Null, Related, Section, Template, Time};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, LOINC_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::narrative::Anchors;
use crate::render::ccd::values;

use super::routing::{Place, codings};
use super::sheet::{self, Sheet, Spec, unknown_author};
use super::words;

const SPEC: Spec = Spec {
    prefix: "note",
    code: ("34109-9", "Note"),
    title: "Notes",
    templates: &[Template::new("2.16.840.1.113883.10.20.22.2.65", "2016-11-01")],
    with_entries: &[],
    needs_entries: true,
    columns: &["Date", "Note", "Author", "Content", "Details"],
};

const ACTIVITY: Template = Template::new("2.16.840.1.113883.10.20.22.4.202", "2016-11-01");

/// Types of note with a section of a name of its own, in the order of the document (value set Note Types,
/// 2.16.840.1.113883.11.20.9.68). Other types of LOINC have a section each that is called "Notes".
const TYPES: [(&str, &str, &str); 8] = [
    ("34117-2", "History and physical note", "History and Physical Notes"),
    ("11488-4", "Consult note", "Consultation Notes"),
    ("18842-5", "Discharge summary", "Discharge Summaries"),
    ("11506-3", "Progress note", "Progress Notes"),
    ("34111-5", "Emergency department note", "Emergency Department Notes"),
    ("34746-8", "Nurse note", "Nursing Notes"),
    ("28570-0", "Procedure note", "Procedure Notes"),
    ("11504-8", "Surgical operation note", "Operative Notes"),
];

/// One section for each type of note; none when there are no notes.
pub fn notes(cx: &Context<'_>) -> Vec<Section> {
    let mut groups: Vec<(Type, Vec<Item<'_>>)> = Vec::new();
    for item in cx.placed(Place::Notes) {
        let kind = Type::of(item.root());
        match groups.iter_mut().find(|(known, _)| known.code == kind.code) {
            Some((_, items)) => items.push(item),
            None => groups.push((kind, vec![item])),
        }
    }
    groups.sort_by(|(a, _), (b, _)| (a.rank, &a.code).cmp(&(b.rank, &b.code)));
    let mut anchors = Anchors::new(SPEC.prefix);
    let mut sections = Vec::with_capacity(groups.len());
    for (kind, items) in groups {
        let mut sheet = Sheet::continued(cx, &SPEC, anchors);
        items.iter().for_each(|item| note(&mut sheet, item, &kind));
        let mut section;
        (section, anchors) = sheet.finish_as(codes::fixed(&kind.code, LOINC, &kind.display));
        section.title = kind.title;
        sections.push(section);
    }
    sections
}

struct Type {
    rank: usize,
    code: String,
    display: String,
    title: &'static str,
}

impl Type {
    fn of(root: Node<'_>) -> Type {
        let mut loinc = root.at("type").at("coding").items().filter(|c| c.at("system").text().as_deref() == Some(LOINC_URI));
        let all = || codings(root.at("type")).filter(|(system, _)| system == LOINC_URI);
        let known = all().find_map(|(_, code)| TYPES.iter().enumerate().find(|(_, known)| known.0 == code));
        if let Some((rank, (code, display, title))) = known {
            return Type { rank, code: (*code).to_owned(), display: (*display).to_owned(), title };
        }
        let own = loinc.find_map(|coding| {
            let code = coding.at("code").text().filter(|code| !code.contains(char::is_whitespace))?;
            Some((code, coding.at("display").text()))
        });
        match own {
            Some((code, display)) if code != SPEC.code.0 => {
                let display = display.or_else(|| concept(root.at("type"))).unwrap_or_else(|| SPEC.code.1.to_owned());
                Type { rank: TYPES.len(), code, display, title: SPEC.title }
            }
            _ => Type { rank: TYPES.len() + 1, code: SPEC.code.0.into(), display: SPEC.code.1.into(), title: SPEC.title },
        }
    }
}

fn note(sheet: &mut Sheet<'_, '_>, item: &Item<'_>, kind: &Type) {
    let (root, cx) = (item.root(), sheet.cx);
    let contents = if item.kind == "Composition" { vec![composed(root)] } else { attached(cx, root) };
    let name = name(root);
    let row = sheet.begin();
    let date = words::when(root, "date").or_else(|| root.at("created").text().map(|text| words::date(&text)));
    sheet.say(date.clone().or_else(|| words::period(root.at("context").at("period"))));
    let what = sheet.key("what", name.clone());
    sheet.say(words::references(cx, root, root.at("author")));
    sheet.say(Some(
        words::joined(contents.iter().map(|content| Some(content.words.clone()))).unwrap_or_else(|| "no content".into()),
    ));
    sheet.add(details(cx, root));
    let coded = [root.at("type"), root.at("class")].into_iter();
    let more = ["category", "securityLabel"].iter().flat_map(|name| root.at(name).items());
    sheet.end(item, coded.chain(more).collect::<Vec<_>>());
    let heading = words::joined_by(", ", [name, date]).unwrap_or_default();
    let texts = contents.into_iter().filter_map(|content| content.text).enumerate();
    let passages: Vec<Anchor> =
        texts.map(|(at, text)| sheet.passage(&format!("text-{}", at + 1), heading.clone(), text)).collect();
    if !words::is_mistaken(root) {
        sheet.push(activity(cx, item, passages.into_iter().next().unwrap_or(row), what, kind));
    }
}

fn name(root: Node<'_>) -> Option<String> {
    let title = root.at("title").text().or_else(|| root.at("description").text());
    let attached = || root.at("content").items().find_map(|content| content.at("attachment").at("title").text());
    let kind = concept(root.at("type"));
    let title = title.or_else(attached).filter(|title| Some(title) != kind.as_ref());
    words::joined_by(": ", [kind, title])
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let context = root.at("context");
    let signed = root.at("attester").items().map(|attester| {
        let who = words::reference(cx, root, attester.at("party"));
        words::joined_by(", ", [who, words::when(attester, "time")])
    });
    words::joined([
        words::named("State", root.at("docStatus").text().map(|state| words::sentence(&state).to_lowercase())),
        words::named("Visit", words::period(context.at("period"))),
        words::named("Event", concepts(context.at("event"))),
        words::named("Place", concept(context.at("facilityType"))),
        words::named("Service", concept(context.at("practiceSetting"))),
        words::named("Signed", words::reference(cx, root, root.at("authenticator")).or_else(|| words::joined(signed))),
        words::named("Kept by", words::reference(cx, root, root.at("custodian"))),
        words::named("Replaces", words::joined(root.at("relatesTo").items().map(|r| words::reference(cx, root, r.at("target"))))),
        words::named("About", root.at("description").text().filter(|_| root.at("title").exists())),
    ])
}

struct Content {
    /// Format and size, and where the whole is.
    words: String,
    text: Option<String>,
}

/// The files of a document.
fn attached(cx: &Context<'_>, root: Node<'_>) -> Vec<Content> {
    root.at("content").items().map(|content| file(cx, content.at("attachment"))).collect()
}

fn file(cx: &Context<'_>, attachment: Node<'_>) -> Content {
    let declared = attachment.at("contentType").text();
    let url = attachment.at("url").text();
    let binary = url.as_deref().and_then(|url| cx.resolve(url));
    let data = attachment.at("data").text().or_else(|| binary?.root().at("data").text());
    let bytes = data.and_then(|data| STANDARD.decode(data.split_whitespace().collect::<String>()).ok());
    let kind = bytes.as_deref().map(|bytes| sniff(bytes, declared.as_deref()));
    let is_document = matches!(kind, Some(MediaKind::Cda)) || declared.as_deref().is_some_and(|d| d.contains("hl7-v3"));
    let size = bytes.as_ref().map(|bytes| bytes.len().to_string()).or_else(|| attachment.at("size").text());
    let format = kind.map(|kind| kind.media_type().to_owned()).or(declared.clone()).unwrap_or_else(|| "unknown format".into());
    let format = if is_document { format!("archived CDA document ({format})") } else { format };
    let is_text = matches!(kind, Some(MediaKind::Text | MediaKind::Html | MediaKind::Rtf));
    let text = bytes.filter(|_| is_text).and_then(|bytes| words_of(&bytes, declared.as_deref()));
    let place = match &text {
        Some(_) => "text below".to_owned(),
        None => match url {
            Some(outside) if outside.contains("://") => format!("not copied here; at {outside}, as the record says"),
            Some(inside) => format!("not copied here; the archive has it as {inside}"),
            None => "not copied here; the archive has it".to_owned(),
        },
    };
    let words = [Some(format), size.map(|size| format!("{size} bytes")), Some(place)];
    Content { words: words::joined_by(", ", words).unwrap_or_default(), text }
}

/// The text of a file; what was cut says so.
fn words_of(bytes: &[u8], declared: Option<&str>) -> Option<String> {
    let read = text_of(bytes, declared);
    let mut text = read.text.trim_end().to_owned();
    if text.trim().is_empty() {
        return None;
    }
    if read.findings.iter().any(|finding| finding.code == "text.cut") {
        text.push_str("\n[The text goes on; the archive has the whole.]");
    }
    Some(text)
}

/// The sections of a Composition in the order of the document.
fn composed(root: Node<'_>) -> Content {
    let mut text = String::new();
    let mut waiting: Vec<Node<'_>> = root.at("section").items().collect();
    waiting.reverse();
    let mut count = 0;
    while let Some(section) = waiting.pop() {
        count += 1;
        let title = section.at("title").text().or_else(|| concept(section.at("code")));
        let div = section.at("text").at("div").text();
        let words = div.and_then(|div| words_of(div.as_bytes(), Some("text/html; charset=utf-8")));
        for part in [title, words].into_iter().flatten() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&part);
        }
        let below = waiting.len();
        waiting.extend(section.at("section").items());
        waiting[below..].reverse();
    }
    let words = if count == 1 { "1 section".to_owned() } else { format!("{count} sections") };
    Content { words, text: (!text.is_empty()).then_some(text) }
}

fn activity(cx: &Context<'_>, item: &Item<'_>, text: Anchor, what: Option<Anchor>, kind: &Type) -> Entry {
    let root = item.root();
    let mut entry = sheet::entry(cx, item, &text, Class::Act);
    entry.templates.push(ACTIVITY);
    let mut code = codes::fixed(SPEC.code.0, LOINC, SPEC.code.1);
    code.original = what;
    code.translations = root.at("type").at("coding").items().map(codes::coding).collect::<Vec<Code>>();
    if code.translations.is_empty() && kind.code != SPEC.code.0 {
        code.translations.push(codes::fixed(&kind.code, LOINC, &kind.display));
    }
    entry.code = Some(code);
    entry.status = Some(match (root.at("status").text().as_deref(), root.at("docStatus").text().as_deref()) {
        (Some("superseded"), _) => "obsolete",
        (Some("preliminary"), _) | (_, Some("preliminary")) => "active",
        _ => "completed",
    });
    let visit = || values::span(root.at("context").at("period"));
    let time = values::time(root, "date").or_else(visit);
    if entry.authors.is_empty() {
        entry.authors.push(unknown_author(time.as_ref().and_then(|time| values::start(time).cloned())));
    }
    entry.times = vec![time.unwrap_or(Time::Null(Null::Unknown))];
    entry.related = visit_of(cx, item).into_iter().collect();
    entry
}

/// The visit in which it was written, where the document tells of it.
fn visit_of(cx: &Context<'_>, item: &Item<'_>) -> Option<Related> {
    let root = item.root();
    let named = root.at("context").at("encounter").items().chain(root.at("encounter").items());
    let visit = named.filter_map(|visit| cx.resolve(&visit.at("reference").text()?)).find(|found| found.kind == "Encounter")?;
    let request = cx.request;
    let is_told = request.from.is_none() && request.to.is_none() && request.encounter.as_deref().is_none_or(|id| id == visit.id);
    let is_past = visit.root().at("status").text().as_deref() != Some("planned") && !words::is_mistaken(visit.root());
    let entry = Entry { class: Class::Encounter, ids: vec![cx.id(&visit)], ..Entry::default() };
    (is_told && is_past).then_some(Related { type_code: "COMP", is_inverted: true, entry })
}
