//! The files of a record, after it: texts as they were typed, documents as authored, scans and PDF pages as they are. What cannot
//! be printed is named with why, and never missing.
//!
//! Not for: the record (`forms`), files beside the pages (`build`).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::blocks::{kept, notice, small};
use super::{ccda, scans};
use crate::formats::{self, MediaKind, encoding, sniff};
use crate::model::{Document, Finding, hex};
use crate::release::paper::Exception;
use crate::release::redaction::{RedactionFault, Redactor};
use crate::release::selection::Item;
use crate::render::cda;
use crate::render::pdf::content::{Block, BoxLook};

/// A file that is to be printed.
struct File<'d> {
    id: String,
    declared: &'d str,
    title: Option<&'d str>,
    bytes: Bytes<'d>,
}

enum Bytes<'d> {
    Here(Arc<Vec<u8>>),
    Of(&'d [u8]),
    /// Why there are none.
    Not(&'static str),
}

/// A file while it is printed.
pub struct Printing<'a, 'r> {
    pub redactor: &'a Redactor<'r>,
    item: usize,
    /// Which file of the item it is, from 1.
    number: usize,
    pub id: &'a str,
    pub blocks: Vec<Block>,
    /// A line for the top of all pages of the item.
    pub banner: Option<String>,
    /// Pages that are the file's own.
    pub pages: Option<usize>,
    exceptions: Vec<Exception>,
}

/// The files of an item on its pages.
#[derive(Default)]
pub struct Printed {
    pub blocks: Vec<Block>,
    pub exceptions: Vec<Exception>,
    pub banner: Option<String>,
}

/// Prints all files of an item: those that the selection names, in its order; others that are at hand; those in the record itself.
pub fn print(item: &Item, json: &Value, documents: &[Document], redactor: &Redactor<'_>) -> Result<Printed, RedactionFault> {
    let files = all(item, json, documents);
    let mut out = Printed::default();
    let count = files.len();
    for (at, file) in files.iter().enumerate() {
        let mut printing = Printing {
            redactor,
            item: item.n,
            number: at + 1,
            id: &file.id,
            blocks: Vec::new(),
            banner: None,
            pages: None,
            exceptions: Vec::new(),
        };
        printing.file(file)?;
        let Printing { blocks, banner, pages, exceptions, .. } = printing;
        out.blocks.extend(head(file, at + 1, count, pages));
        if !exceptions.is_empty() {
            let lines: Vec<String> = exceptions.iter().map(|exception| exception.why.clone()).collect();
            out.blocks.push(notice(BoxLook::Warning, &lines));
        }
        if pages.is_some() {
            let outline = Some(format!("{}, pages", name(file, at + 1, count)));
            out.blocks.push(Block::Place { anchor: None, level: 4, outline });
        }
        out.blocks.extend(blocks);
        out.exceptions.extend(exceptions);
        out.banner = out.banner.or(banner);
    }
    Ok(out)
}

fn all<'d>(item: &'d Item, json: &'d Value, documents: &'d [Document]) -> Vec<File<'d>> {
    let by_id: HashMap<&str, &Document> = documents.iter().map(|document| (document.id.0.as_str(), document)).collect();
    let of = |document: &'d Document| File {
        id: document.id.0.as_str().to_owned(),
        declared: &document.content_type,
        title: document.title.as_deref(),
        bytes: Bytes::Of(&document.bytes),
    };
    let mut files: Vec<File<'d>> = Vec::new();
    for attachment in &item.attachments {
        files.push(match by_id.get(attachment.id.as_str()) {
            Some(document) => of(document),
            None => File {
                id: attachment.id.clone(),
                declared: &attachment.media_type,
                title: attachment.title.as_deref(),
                bytes: Bytes::Not("a file of this record could not be read from the archive"),
            },
        });
    }
    let others = documents.iter().filter(|document| item.attachments.iter().all(|it| it.id != document.id.0.as_str()));
    files.extend(others.map(of));
    inside(json, &mut files);
    files
}

/// Files that the record itself holds or names and that are not among those at hand.
fn inside<'d>(json: &'d Value, files: &mut Vec<File<'d>>) {
    let mut waiting = vec![json];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items.iter().rev()),
            Value::Object(members) => {
                let text = |key: &str| members.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                let is_file = members.contains_key("contentType");
                let found = match (text("data").filter(|_| is_file), text("url")) {
                    (Some(data), _) => held(data, files),
                    (None, Some(url)) => named(url, is_file, files),
                    (None, None) => None,
                };
                if let Some((id, bytes)) = found {
                    files.push(File { id, declared: text("contentType").unwrap_or_default(), title: text("title"), bytes });
                }
                waiting.extend(members.values().rev());
            }
            _ => {}
        }
    }
}

/// A file that stands in the record as base64, unless it is at hand already.
fn held<'d>(data: &str, files: &[File<'d>]) -> Option<(String, Bytes<'d>)> {
    let id = format!("inline-{}", files.len() + 1);
    let plain: Vec<u8> = data.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let Ok(bytes) = BASE64.decode(&plain) else {
        return Some((id, Bytes::Not("a file inside this record is damaged: it is no base64")));
    };
    let is_here = files.iter().any(|file| match &file.bytes {
        Bytes::Here(known) => known.as_slice() == bytes,
        Bytes::Of(known) => *known == bytes,
        Bytes::Not(_) => false,
    });
    (!is_here).then(|| (id, Bytes::Here(Arc::new(bytes))))
}

/// A file that the record names and that is not at hand.
fn named<'d>(url: &str, is_file: bool, files: &[File<'d>]) -> Option<(String, Bytes<'d>)> {
    match url.strip_prefix("Binary/") {
        Some(id) if files.iter().any(|file| file.id == id) => None,
        Some(id) => Some((id.to_owned(), Bytes::Not("a file that this record names was not delivered to the archive"))),
        None if is_file => Some((url.to_owned(), Bytes::Not("a file that this record names lies outside the archive"))),
        None => None,
    }
}

fn name(file: &File<'_>, number: usize, count: usize) -> String {
    let of = if count > 1 { format!("File {number} of {count}") } else { "File of the record".to_owned() };
    match file.title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("{of}: {title}"),
        None => of,
    }
}

/// What a file is, above its content.
fn head(file: &File<'_>, number: usize, count: usize, pages: Option<usize>) -> Vec<Block> {
    let title = name(file, number, count);
    let words = vec![super::blocks::run(&title)];
    let mut about = vec![if file.declared.is_empty() { "type not given".to_owned() } else { file.declared.to_owned() }];
    if let Some(bytes) = file.bytes.get() {
        about.push(format!("{} bytes", bytes.len()));
        about.extend(pages.map(|pages| format!("{pages} {} of its own follow", if pages == 1 { "page" } else { "pages" })));
        about.push(format!("SHA-256 {}", hex(&Sha256::digest(bytes))));
    }
    vec![Block::Heading { level: 3, words, anchor: None, outline: Some(title) }, small(&about.join(", "))]
}

impl Bytes<'_> {
    fn get(&self) -> Option<&[u8]> {
        match self {
            Bytes::Here(bytes) => Some(bytes),
            Bytes::Of(bytes) => Some(bytes),
            Bytes::Not(_) => None,
        }
    }

    fn shared(&self) -> Arc<Vec<u8>> {
        match self {
            Bytes::Here(bytes) => Arc::clone(bytes),
            Bytes::Of(bytes) => Arc::new(bytes.to_vec()),
            Bytes::Not(_) => Arc::default(),
        }
    }
}

impl Printing<'_, '_> {
    /// Something of the file is not on the pages; the file itself goes along.
    pub fn fault(&mut self, why: &str) {
        self.except(why, true);
    }

    /// Something is not on the pages and nowhere else.
    pub fn absent(&mut self, why: &str) {
        self.except(why, false);
    }

    fn except(&mut self, why: &str, is_native: bool) {
        let exception = Exception { item: self.item, attachment: Some(self.id.to_owned()), why: sentence(why), is_native };
        if !self.exceptions.contains(&exception) {
            self.exceptions.push(exception);
        }
    }

    /// Nothing of the file can be printed.
    pub fn refused(&mut self, why: &str) -> Result<(), RedactionFault> {
        self.fault(why);
        Ok(())
    }

    /// How pages came about.
    pub fn note(&mut self, words: &str) {
        self.blocks.push(small(words));
    }

    /// Keeps names of places of this file apart from all others.
    pub fn place(&self) -> String {
        format!("item-{}-file-{}", self.item, self.number)
    }

    fn file(&mut self, file: &File<'_>) -> Result<(), RedactionFault> {
        let bytes = match (&file.bytes, file.bytes.get()) {
            (Bytes::Not(why), _) => {
                self.absent(why);
                return Ok(());
            }
            (_, bytes) => bytes.unwrap_or_default(),
        };
        if bytes.is_empty() {
            return self.refused("a file of this record is empty");
        }
        let declared = Some(file.declared).filter(|declared| !declared.is_empty());
        let kind = sniff(bytes, declared);
        let is_words = matches!(kind, MediaKind::Text | MediaKind::Html | MediaKind::Json | MediaKind::Xml);
        if is_words && (file.declared.starts_with("image/") || file.declared.contains("pdf")) {
            self.fault("a file is not the picture or PDF that it is said to be; what is in it is printed as text");
            self.text(bytes, None);
            return Ok(());
        }
        match kind {
            MediaKind::Cda => ccda::print(bytes, self)?,
            MediaKind::Pdf => scans::pdf(&file.bytes.shared(), self)?,
            kind @ (MediaKind::Tiff | MediaKind::Jpeg | MediaKind::Png) => scans::scanned(&file.bytes.shared(), kind, self)?,
            MediaKind::Html if !file.declared.starts_with("text/plain") => self.html(bytes, declared),
            MediaKind::Text | MediaKind::Json | MediaKind::Xml | MediaKind::Html => self.text(bytes, declared),
            MediaKind::Rtf => self.words(bytes, declared, memchr::memmem::find(bytes, b"\\pict").is_some()),
            MediaKind::Docx => self.words(bytes, declared, true),
            kind => self.fault(refusal(kind, bytes)),
        }
        Ok(())
    }

    /// Text as it was typed.
    fn text(&mut self, bytes: &[u8], declared: Option<&str>) {
        let mut findings = Vec::new();
        let text = encoding::decode(bytes, encoding::charset(declared), &mut findings);
        self.found(&findings);
        self.blocks.extend(kept(&text));
        self.silent(text.trim().is_empty());
    }

    /// The words of a document whose looks are not printed.
    fn words(&mut self, bytes: &[u8], declared: Option<&str>, has_more: bool) {
        let read = formats::text_of(bytes, declared);
        self.found(&read.findings);
        if has_more {
            self.fault("a word processor's document is printed as its words; pictures and layout are in the file alone");
        }
        self.blocks.extend(kept(&read.text));
        self.silent(read.text.trim().is_empty());
    }

    fn html(&mut self, bytes: &[u8], declared: Option<&str>) {
        let mut findings = Vec::new();
        let text = encoding::decode(bytes, encoding::charset(declared), &mut findings);
        self.found(&findings);
        let blocks = cda::html_blocks(&text, &self.place());
        if memchr::memmem::find(text.to_ascii_lowercase().as_bytes(), b"<img").is_some() {
            self.fault("pictures that an HTML document shows are not printed");
        }
        self.silent(blocks.is_empty());
        self.blocks.extend(blocks);
    }

    fn silent(&mut self, is_empty: bool) {
        if is_empty {
            self.fault("no words were found in a file");
        }
    }

    /// What was odd in reading a file; findings tell it without content.
    fn found(&mut self, findings: &[Finding]) {
        for finding in findings {
            self.fault(&format!(
                "a file is not quite sound, and what could be read is printed: {} ({})",
                finding.note, finding.code
            ));
        }
    }
}

fn refusal(kind: MediaKind, bytes: &[u8]) -> &'static str {
    let is_dicom = bytes.get(128..132) == Some(b"DICM");
    match kind {
        _ if is_dicom => "an image of a modality (DICOM) cannot be printed",
        MediaKind::Gif => "a picture of the kind GIF cannot be printed",
        MediaKind::Wav => "a sound recording cannot be printed",
        MediaKind::Ole => "a document of an older office program, or an encrypted one, cannot be printed",
        MediaKind::Zip => "a container of files (zip) cannot be printed",
        MediaKind::Xlsx => "a spreadsheet cannot be printed",
        _ => "a file is of a kind that cannot be printed, or it is damaged",
    }
}

/// A reason as a sentence.
pub fn sentence(why: &str) -> String {
    let mut chars = why.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
