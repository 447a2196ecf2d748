//! Notes and documents of a chart: what each one is, says of itself, and where its content is.
//!
//! Not for: their list with its filters (`notes_list`), showing a document (`pages::document`).

use super::super::fhir::{self, Item, Node};
use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Section, nothing};
use crate::model::Chart;

/// Most attachments of one record that are linked to.
const PARTS_MAX: usize = 20;

/// One document of the list.
pub struct View<'a> {
    pub item: Item<'a>,
    pub title: Option<String>,
    pub date: Option<String>,
    pub author: Option<String>,
    pub place: Option<String>,
    /// `Amended`, `Unsigned draft`, `Replaced`, `Entered in error`.
    pub tag: Option<(&'static str, &'static str)>,
    /// How far it came in the source, in words, for each document.
    pub state: &'static str,
    /// The content, when there is an attachment in the archive.
    pub document: Option<String>,
    pub format: Option<String>,
    /// Whether it names the sections of a document that stands in the list itself, and holds no words of its own.
    pub lists_sections: bool,
    /// All that it holds, with their formats: most hold one.
    pub parts: Vec<(String, String)>,
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
        let part = |a: Node<'_>| Some((document_id(a)?, format_name(&a.at("contentType").text().unwrap_or_default())));
        let authors: Vec<_> = root.at("author").items().filter_map(|a| item.reference(a)).collect();
        View {
            title: title.or_else(|| attachment.and_then(|a| a.at("title").text())),
            date: fhir::date_of(root).or_else(|| root.at("context").at("period").at("start").text()),
            author: (!authors.is_empty()).then(|| authors.join(", ")),
            place: item.reference(root.at("custodian")),
            tag: tag(root),
            state: state(root),
            document: attachment.and_then(document_id),
            format: attachment.and_then(|a| a.at("contentType").text()).map(|t| format_name(&t)),
            parts: root.at("content").items().filter_map(|c| part(c.at("attachment"))).take(PARTS_MAX).collect(),
            lists_sections,
            item,
        }
    }

    /// The records that this one replaces, as references.
    pub fn replaces(&self) -> Vec<String> {
        let relates = self.item.root().at("relatesTo").items();
        let replaced = relates.filter(|r| r.at("code").text().as_deref() == Some("replaces"));
        replaced.filter_map(|r| r.at("target").at("reference").text()).collect()
    }

    /// The document's page, or the record's when it has no content of its own.
    pub fn href(&self, base: &str) -> String {
        match &self.document {
            Some(id) => format!("{base}/documents/{}", url_part_id(id)),
            None => self.item.href(),
        }
    }

    pub fn kind(&self) -> String {
        self.title.clone().unwrap_or_else(|| text::NOT_RECORDED.into())
    }

    pub fn year(&self) -> String {
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

/// What the source said of how final it is.
fn state(root: Node<'_>) -> &'static str {
    let said = root.at("docStatus").text().or_else(|| root.at("status").text());
    match tag(root) {
        Some((words, _)) => words,
        None if said.as_deref() == Some("final") => "Signed or final",
        None => "Not stated",
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
        "image/png" | "image/jpeg" | "image/gif" | "image/bmp" => "Image",
        "application/hl7-v3+xml" | "text/xml" | "application/xml" => "XML",
        "" => "Format not recorded",
        other => return other.to_string(),
    }
    .to_string()
}

/// The documents of a chart, newest first.
pub fn views<'a>(frame: &'a Frame, chart: &'a Chart) -> Vec<View<'a>> {
    fhir::named_items(chart, &frame.names, &["DocumentReference", "Composition"]).into_iter().map(View::of).collect()
}

/// The newest documents of the summary: discharge summaries, operative notes, directives and consults before the rest.
pub fn summary(ask: &Ask<'_>, total: u64) -> Panel {
    const KEY: [&str; 6] = ["discharge", "operative", "advance directive", "history and physical", "consult", "summary"];
    let mut views = views(ask.frame, ask.chart);
    if views.iter().any(|v| !v.lists_sections) {
        views.retain(|v| !v.lists_sections);
    }
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
    let table = Table::new("Key documents", &columns, nothing(ask, Section::Notes, "documents"))
        .rows(shown.into_iter().map(row).collect());
    Panel::of_table("Key documents", fact, table).link("All documents", format!("{}/notes", ask.href))
}
