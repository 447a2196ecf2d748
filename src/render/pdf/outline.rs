//! The outline, places inside the file, and what the file says of itself.
//!
//! Not for: pages (`press`).

use std::io::{self, Write};

use lopdf::{Dictionary, Object};
use printpdf::{OffsetDateTime, PdfDocument, PdfSaveOptions};

use super::flow::Bookmark;
use super::write::{File, name, reference, text};

/// What a file says of itself.
#[derive(Clone, Debug, Default)]
pub struct Cover {
    pub title: String,
    /// BCP 47.
    pub language: Option<String>,
    /// Seconds since 1970.
    pub created: i64,
    /// Makes the file's `/ID`.
    pub seed: [u8; 32],
    /// 0: as many as the machine has.
    pub threads: usize,
}

/// A place: the page and the height above its bottom.
pub fn destination(page: u32, top: f32) -> Vec<Object> {
    vec![reference(page), name("XYZ"), Object::Null, Object::Integer(top.ceil() as i64), Object::Null]
}

/// Writes bookmarks, each under the last one of a lower level; the number of the root.
pub fn write<W: Write>(file: &mut File<W>, bookmarks: &[Bookmark], first_page: u32) -> io::Result<Option<u32>> {
    if bookmarks.is_empty() {
        return Ok(None);
    }
    let root = file.reserve(1);
    let first = file.reserve(bookmarks.len());
    // Children of the root and of each bookmark, in order.
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); bookmarks.len() + 1];
    let mut parents = vec![0; bookmarks.len()];
    let mut above: Vec<usize> = Vec::new();
    for (number, mark) in bookmarks.iter().enumerate() {
        while above.last().and_then(|last| bookmarks.get(*last)).is_some_and(|last| last.level >= mark.level) {
            above.pop();
        }
        let parent = above.last().map_or(0, |last| last + 1);
        parents[number] = parent;
        children[parent].push(number);
        above.push(number);
    }
    let id = |number: usize| reference(first + number as u32);
    for siblings in &children {
        for (place, number) in siblings.iter().enumerate() {
            let (Some(mark), Some(parent), Some(under)) =
                (bookmarks.get(*number), parents.get(*number), children.get(number + 1))
            else {
                continue;
            };
            let mut entry = Dictionary::new();
            entry.set("Title", text(&mark.title));
            entry.set("Parent", if *parent == 0 { reference(root) } else { id(parent - 1) });
            entry.set("Dest", destination(first_page + mark.page as u32, mark.top));
            if let Some(before) = place.checked_sub(1).and_then(|place| siblings.get(place)) {
                entry.set("Prev", id(*before));
            }
            if let Some(next) = siblings.get(place + 1) {
                entry.set("Next", id(*next));
            }
            if let (Some(first), Some(last)) = (under.first(), under.last()) {
                entry.set("First", id(*first));
                entry.set("Last", id(*last));
                // Closed: what lies under it is not counted.
                entry.set("Count", -(under.len() as i64));
            }
            file.put(first + *number as u32, &Object::Dictionary(entry), 0)?;
        }
    }
    let mut entry = Dictionary::new();
    entry.set("Type", name("Outlines"));
    if let Some(top) = children.first()
        && let (Some(first), Some(last)) = (top.first(), top.last())
    {
        entry.set("First", id(*first));
        entry.set("Last", id(*last));
        entry.set("Count", top.len() as i64);
    }
    file.put(root, &Object::Dictionary(entry), 0)?;
    Ok(Some(root))
}

/// Title, dates and maker, as printpdf writes them; without the conformance that it would claim.
pub fn information(cover: &Cover) -> Dictionary {
    let mut document = PdfDocument::new(&cover.title);
    let info = &mut document.metadata.info;
    if let Ok(created) = OffsetDateTime::from_unix_timestamp(cover.created) {
        (info.creation_date, info.modification_date, info.metadata_date) = (created, created, created);
    }
    info.creator = "Chartkeep".into();
    info.producer = "Chartkeep".into();
    let document = document.to_lopdf_document(&PdfSaveOptions::default(), &mut Vec::new());
    let info = document.trailer.get(b"Info").and_then(|id| document.dereference(id)).and_then(|found| found.1.as_dict());
    let kept = [b"Title".as_slice(), b"CreationDate", b"ModDate", b"Creator", b"Producer"];
    let Ok(info) = info else { return Dictionary::new() };
    info.iter().filter(|(key, _)| kept.contains(&key.as_slice())).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The same for programs that read XMP.
pub fn xmp(cover: &Cover) -> String {
    let escaped = quick_xml::escape::escape(cover.title.as_str());
    let language = quick_xml::escape::escape(cover.language.as_deref().unwrap_or("x-default"));
    let created = jiff::Timestamp::from_second(cover.created).map_or_else(|_| String::new(), |time| time.to_string());
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\
         <dc:format>application/pdf</dc:format>\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{escaped}</rdf:li></rdf:Alt></dc:title>\
         <dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>\
         <xmp:CreateDate>{created}</xmp:CreateDate><xmp:ModifyDate>{created}</xmp:ModifyDate>\
         <xmp:CreatorTool>Chartkeep</xmp:CreatorTool><pdf:Producer>Chartkeep</pdf:Producer>\
         </rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>"
    )
}
