//! Notes and documents: the list with its facets, and where each document's content is.
//!
//! Not for: showing a document (`pages::document`).

use super::super::fhir::{self, Item, Node};
use super::super::html::url_part;
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, nothing};

/// One document of the list.
pub struct View<'a> {
    pub item: Item<'a>,
    pub title: Option<String>,
    pub date: Option<String>,
    pub author: Option<String>,
    pub place: Option<String>,
    /// `Amended`, `Unsigned draft`, `Replaced`, `Entered in error`.
    pub tag: Option<(&'static str, &'static str)>,
    /// The content, when there is an attachment in the archive.
    pub document: Option<String>,
    pub format: Option<String>,
}

impl<'a> View<'a> {
    pub fn of(item: Item<'a>) -> View<'a> {
        let root = item.root();
        let attachment = root.at("content").items().map(|c| c.at("attachment")).find(|a| a.exists());
        let attachment = attachment.or_else(|| root.at("presentedForm").items().next());
        // A type in words says most; a bare code says less than the document's own title.
        let worded =
            Some(root.at("type")).filter(|t| t.at("text").exists() || t.at("coding").items().any(|c| c.at("display").exists()));
        let title = worded
            .and_then(fhir::concept)
            .or_else(|| root.at("title").text())
            .or_else(|| root.at("description").text())
            .or_else(|| fhir::concept(root.at("type")));
        // What lists the sections of a document that stands in the list itself says so.
        let lists_sections =
            item.record.kind.name() == "Composition" && !root.at("section").items().any(|s| s.at("text").exists());
        let title = title.map(|title| if lists_sections { format!("Sections of {title}") } else { title });
        let authors: Vec<_> = root.at("author").items().filter_map(|a| item.reference(a)).collect();
        View {
            title: title.or_else(|| attachment.and_then(|a| a.at("title").text())),
            date: fhir::date_of(root).or_else(|| root.at("context").at("period").at("start").text()),
            author: (!authors.is_empty()).then(|| authors.join(", ")),
            place: item.reference(root.at("custodian")),
            tag: tag(root),
            document: attachment.and_then(document_id),
            format: attachment.and_then(|a| a.at("contentType").text()).map(|t| format_name(&t)),
            item,
        }
    }

    /// The document's page, or the record's when it has no content of its own.
    pub fn href(&self, base: &str) -> String {
        match &self.document {
            Some(id) => format!("{base}/documents/{}", url_part_id(id)),
            None => self.item.href(),
        }
    }

    fn kind(&self) -> String {
        self.title.clone().unwrap_or_else(|| text::NOT_RECORDED.into())
    }

    fn year(&self) -> String {
        self.date.as_deref().and_then(|d| d.get(..4)).unwrap_or(text::NOT_RECORDED).to_string()
    }
}

/// Document ids are FHIR ids and need no escaping; anything else is escaped whole.
fn url_part_id(id: &str) -> String {
    if crate::model::ArchiveId::parse(id).is_some() { id.to_string() } else { url_part(id) }
}

/// `Binary/<id>` as the archive writes it.
fn document_id(attachment: Node<'_>) -> Option<String> {
    let url = attachment.at("url").text()?;
    url.strip_prefix("Binary/").map(str::to_string)
}

fn tag(root: Node<'_>) -> Option<(&'static str, &'static str)> {
    match (root.at("status").text().as_deref(), root.at("docStatus").text().as_deref()) {
        (Some("entered-in-error"), _) | (_, Some("entered-in-error")) => Some(("Entered in error", "caution")),
        (Some("superseded"), _) => Some(("Replaced by a newer one", "caution")),
        (_, Some("preliminary")) | (Some("preliminary"), _) => Some(("Unsigned draft", "caution")),
        (_, Some("amended")) | (Some("amended"), _) => Some(("Amended", "plain")),
        _ => None,
    }
}

/// A media type as people call it.
pub fn format_name(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match essence {
        "text/plain" => "Text",
        "text/html" | "application/xhtml+xml" => "HTML",
        "text/rtf" | "application/rtf" => "RTF",
        "application/pdf" => "PDF",
        "image/tiff" => "TIFF scan",
        "image/png" | "image/jpeg" => "Image",
        "application/hl7-v3+xml" | "text/xml" | "application/xml" => "XML",
        other => return other.to_string(),
    }
    .to_string()
}

/// One facet: its name, and each value with its count and the address that turns it on or off.
pub struct Facet {
    pub name: &'static str,
    pub values: Vec<FacetValue>,
}

pub struct FacetValue {
    pub words: String,
    pub badge: Option<super::super::source::Badge>,
    pub count: String,
    pub href: String,
    pub on: bool,
}

/// The page of notes: facets that add up, and the list.
pub struct Notes {
    pub fact: String,
    pub facets: Vec<Facet>,
    pub filtered: bool,
    pub panel: Panel,
}

const FACETS: [(&str, &str); 3] = [("type", "Kind"), ("source", "Source"), ("year", "Year")];

pub fn views<'a>(ask: &Ask<'a>) -> Vec<View<'a>> {
    ask.items(&["DocumentReference", "Composition"]).into_iter().map(View::of).collect()
}

fn facet_of(view: &View<'_>, facet: &str) -> String {
    match facet {
        "type" => view.kind(),
        "source" => view.item.record.source_system.to_string(),
        _ => view.year(),
    }
}

pub fn notes(ask: &Ask<'_>) -> Notes {
    let views = views(ask);
    let chosen: Vec<(&str, Option<&str>)> = FACETS.iter().map(|(key, _)| (*key, ask.query.get(key))).collect();
    let passes = |v: &View<'_>, except: &str| {
        chosen.iter().all(|(key, value)| *key == except || value.is_none_or(|value| facet_of(v, key) == value))
    };
    let facets = FACETS.iter().map(|(key, name)| Facet { name, values: values(ask, &views, key, &chosen, &passes) }).collect();
    let shown: Vec<_> = views.iter().filter(|v| passes(v, "")).collect();
    let base = format!("/patients/{}", ask.chart.index.patient);
    let fact = match shown.len() == views.len() {
        true => format!("{}, newest first", text::count(views.len() as u64)),
        false => format!("{} of {}, newest first", text::count(shown.len() as u64), text::count(views.len() as u64)),
    };
    let row = |v: &&View<'_>| {
        Row::new(vec![
            Cell::date(v.date.as_deref()),
            Cell::main(v.title.clone(), Some(v.href(&base)), None),
            v.tag.map_or(Cell::Blank, |(words, tone)| Cell::Tag(words.into(), tone)),
            Cell::text(v.author.clone()),
            Cell::optional(v.place.clone()),
            Cell::text(v.format.clone()),
            ask.badge(&v.item),
        ])
    };
    let filter = address(&ask.href, &chosen);
    let join = if filter.contains('?') { '&' } else { '?' };
    let page = ask.query.number("page").unwrap_or(1);
    let (rows, paging) = super::Paging::cut(shown.iter().map(row).collect(), page, &format!("{filter}{join}page="));
    let columns = [
        ("Date and time", "date"),
        ("Document", ""),
        ("State", "drop"),
        ("Author", ""),
        ("Where", "drop"),
        ("Format", "drop"),
        ("Source", "src"),
    ];
    let empty = if views.is_empty() { nothing(ask, "documents") } else { "No document passes these filters.".into() };
    let table = Table::new("Notes and documents, newest first", &columns, empty).rows(rows);
    let filtered = chosen.iter().any(|(_, v)| v.is_some());
    Notes { fact, facets, filtered, panel: Panel { table: Some(table), paging, ..Panel::default() } }
}

fn values(
    ask: &Ask<'_>,
    views: &[View<'_>],
    key: &str,
    chosen: &[(&str, Option<&str>)],
    passes: &dyn Fn(&View<'_>, &str) -> bool,
) -> Vec<FacetValue> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for v in views {
        let value = facet_of(v, key);
        let n = u64::from(passes(v, key));
        match counts.iter_mut().find(|c| c.0 == value) {
            Some(c) => c.1 += n,
            None => counts.push((value, n)),
        }
    }
    match key {
        "year" => counts.sort_by(|a, b| b.0.cmp(&a.0)),
        _ => counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))),
    }
    let value = |(value, n): (String, u64)| {
        let on = chosen.iter().any(|(k, v)| *k == key && *v == Some(value.as_str()));
        let next: Vec<(&str, Option<&str>)> =
            chosen.iter().map(|(k, v)| (*k, if *k == key { (!on).then_some(value.as_str()) } else { *v })).collect();
        FacetValue {
            badge: (key == "source").then(|| ask.frame.badge(&value)),
            href: address(&ask.href, &next),
            count: text::count(n),
            on,
            words: value,
        }
    };
    counts.into_iter().map(value).collect()
}

fn address(href: &str, chosen: &[(&str, Option<&str>)]) -> String {
    let parts: Vec<String> = chosen.iter().filter_map(|(k, v)| v.map(|v| format!("{k}={}", url_part(v)))).collect();
    if parts.is_empty() { href.to_string() } else { format!("{href}?{}", parts.join("&")) }
}

/// The newest documents of the summary: discharge summaries, operative notes, directives and consults before the rest.
pub fn summary(ask: &Ask<'_>, total: u64) -> Panel {
    const KEY: [&str; 6] = ["discharge", "operative", "advance directive", "history and physical", "consult", "summary"];
    let mut views = views(ask);
    let rank = |v: &View<'_>| {
        let title = v.kind().to_lowercase();
        KEY.iter().position(|k| title.contains(k)).unwrap_or(KEY.len())
    };
    views.sort_by_key(rank);
    // One of each kind first, so that twenty consults do not push out the only directive.
    let mut seen: Vec<String> = Vec::new();
    let (mut first, mut more): (Vec<&View<'_>>, Vec<&View<'_>>) = (Vec::new(), Vec::new());
    for v in &views {
        if seen.contains(&v.kind()) {
            more.push(v);
        } else {
            seen.push(v.kind());
            first.push(v);
        }
    }
    let base = format!("/patients/{}", ask.chart.index.patient);
    let shown: Vec<_> = first.into_iter().chain(more).take(8).collect();
    let fact = format!("{} of {}", shown.len(), text::count(total));
    let row = |v: &View<'_>| {
        let sub = v.author.clone().unwrap_or_else(|| "author not recorded".into());
        Row::new(vec![
            Cell::main(v.title.clone(), Some(v.href(&base)), Some(sub)),
            Cell::day(v.date.as_deref()),
            ask.badge(&v.item),
        ])
    };
    let columns = [("Document", ""), ("Date", "date"), ("Source", "src")];
    let table = Table::new("Key documents", &columns, nothing(ask, "documents")).rows(shown.into_iter().map(row).collect());
    Panel::of_table("Key documents", fact, table).link("All documents", format!("{}/notes", ask.href))
}
