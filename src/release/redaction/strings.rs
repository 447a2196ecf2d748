//! Words that a PDF holds beside what it draws: replacement texts of marked content, descriptions, properties, metadata, comments
//! inside pictures.
//!
//! Not for: drawn letters (`glyphs`).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::content::Content;
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};

use crate::limits::{PDF_SHEET_CONTENT_MAX, PDF_SHEET_DEPTH_MAX};

/// The file cannot be read this way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

pub fn opened(file: &[u8]) -> Result<Document, Unreadable> {
    let options = || LoadOptions { max_decompressed_size: Some(PDF_SHEET_CONTENT_MAX), ..LoadOptions::default() };
    let document = catch_unwind(|| Document::load_mem_with_options(file, options()));
    let document = document.map_err(|_| Unreadable)?.map_err(|_| Unreadable)?;
    if document.is_encrypted() { Err(Unreadable) } else { Ok(document) }
}

/// A text string of PDF: UTF-16 or UTF-8 with its mark, else bytes that are letters.
pub fn decoded(bytes: &[u8]) -> String {
    let units = |order: fn([u8; 2]) -> u16, rest: &[u8]| {
        let units: Vec<u16> = rest.chunks(2).filter_map(|pair| Some(order([*pair.first()?, *pair.get(1)?]))).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        },
    }
}

/// Every text string inside an object; what it refers to is not followed.
pub fn inside(object: &Object, see: &mut dyn FnMut(&str)) {
    nested(object, 0, see);
}

fn nested(object: &Object, depth: usize, see: &mut dyn FnMut(&str)) {
    if depth > PDF_SHEET_DEPTH_MAX * 2 {
        return;
    }
    match object {
        Object::String(bytes, _) => see(&decoded(bytes)),
        Object::Array(items) => items.iter().for_each(|item| nested(item, depth + 1, see)),
        Object::Dictionary(dictionary) => {
            // Which set of characters a font has: words of the format, `Adobe` and `Identity`.
            let said = dictionary.iter().filter(|(key, _)| !matches!(key.as_slice(), b"Registry" | b"Ordering"));
            said.for_each(|(_, value)| nested(value, depth + 1, see));
        }
        Object::Stream(stream) => stream.dict.iter().for_each(|(_, value)| nested(value, depth + 1, see)),
        _ => {}
    }
}

/// The texts that marked content gives beside its drawing, and whether it belongs to a layer.
pub fn in_content(content: &[u8], see: &mut dyn FnMut(&str)) -> Result<bool, Unreadable> {
    if memchr::memmem::find(content, b"BDC").is_none() && memchr::memmem::find(content, b"DP").is_none() {
        return Ok(false);
    }
    let decoded = catch_unwind(AssertUnwindSafe(|| Content::decode(content)));
    let decoded = decoded.map_err(|_| Unreadable)?.map_err(|_| Unreadable)?;
    let mut has_layers = false;
    for operation in &decoded.operations {
        if matches!(operation.operator.as_str(), "BDC" | "DP") {
            has_layers |= operation.operands.first().is_some_and(|tag| tag.as_name().is_ok_and(|tag| tag == b"OC"));
            operation.operands.iter().for_each(|operand| inside(operand, see));
        }
    }
    Ok(has_layers)
}

/// What a stream unpacks to, when it is no picture.
pub fn unpacked(stream: &Stream) -> Result<Vec<u8>, Unreadable> {
    let unpacked = catch_unwind(AssertUnwindSafe(|| stream.get_plain_content_with_limit(PDF_SHEET_CONTENT_MAX)));
    unpacked.map_err(|_| Unreadable)?.map_err(|_| Unreadable)
}

pub fn is_picture(dictionary: &Dictionary) -> bool {
    dictionary.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Image")
}

/// Comments and metadata of a JPEG, as far as they are letters.
pub fn in_jpeg(bytes: &[u8], see: &mut dyn FnMut(&str)) {
    let Some(mut rest) = bytes.strip_prefix(b"\xff\xd8") else { return };
    while let [0xff, marker, high, low, ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(segment) = rest.get(4..length.max(2) + 2) else { return };
        match marker {
            0xe0..=0xef | 0xfe => letters(segment, see),
            0xda => return,
            _ => {}
        }
        rest = rest.get(length.max(2) + 2..).unwrap_or_default();
    }
}

/// Runs of letters in bytes, of one byte each or of two.
fn letters(bytes: &[u8], see: &mut dyn FnMut(&str)) {
    const LEAST: usize = 3;
    see(&String::from_utf8_lossy(bytes));
    for start in [0, 1] {
        for order in [u16::from_be_bytes, u16::from_le_bytes] {
            let mut run = String::new();
            for pair in bytes.get(start..).unwrap_or_default().chunks_exact(2) {
                let unit = order([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]);
                match char::from_u32(u32::from(unit)).filter(|c| !c.is_control() && u32::from(*c) < 0x2000) {
                    Some(letter) => run.push(letter),
                    None => {
                        if run.chars().count() >= LEAST {
                            see(&run);
                        }
                        run.clear();
                    }
                }
            }
            if run.chars().count() >= LEAST {
                see(&run);
            }
        }
    }
}

/// Who wrote the drawing of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The press: which of its texts are read as one tells the page as it is copied (`glyphs`).
    Press,
    /// Anybody: words may be given piece by piece, so all pieces of a drawing are read in a row as well.
    Others,
}

/// What a page brings with it when it is taken over as it is: streams that draw, each by its number, and hidden texts.
#[derive(Debug, Default)]
pub struct Baggage {
    pub drawings: BTreeSet<ObjectId>,
    pub texts: Vec<String>,
    pub has_layers: bool,
}

impl Baggage {
    pub fn of(document: &Document, page: ObjectId, origin: Origin) -> Result<Baggage, Unreadable> {
        let mut baggage = Baggage::default();
        let mut said = Vec::new();
        for id in document.get_page_contents(page) {
            let piece = document.get_object(id).and_then(Object::as_stream).map_err(|_| Unreadable)?;
            said.append(&mut baggage.content(piece)?);
        }
        baggage.take_in(said, origin);
        let mut node = document.get_dictionary(page).map_err(|_| Unreadable)?;
        let mut seen = BTreeSet::new();
        // Of an annotation its looks come along, and nothing that it says beside them.
        let annotations = node.get(b"Annots").ok().and_then(|found| document.dereference(found).ok());
        for annotation in annotations.and_then(|found| found.1.as_array().ok()).into_iter().flatten() {
            let looks = document.dereference(annotation).ok().and_then(|found| found.1.as_dict().ok()?.get(b"AP").ok());
            if let Some(looks) = looks {
                baggage.bring(document, looks, &mut seen, 0)?;
            }
        }
        for _ in 0..PDF_SHEET_DEPTH_MAX {
            if let Ok(resources) = node.get(b"Resources") {
                baggage.bring(document, resources, &mut seen, 0)?;
                break;
            }
            let above = node.get(b"Parent").and_then(Object::as_reference).and_then(|id| document.get_dictionary(id));
            let Ok(above) = above else { break };
            node = above;
        }
        Ok(baggage)
    }

    /// The texts beside a drawing.
    fn content(&mut self, stream: &Stream) -> Result<Vec<String>, Unreadable> {
        let content = unpacked(stream)?;
        let mut said = Vec::new();
        self.has_layers |= in_content(&content, &mut |text| said.push(text.to_owned()))?;
        Ok(said)
    }

    fn take_in(&mut self, mut said: Vec<String>, origin: Origin) {
        if origin == Origin::Others && said.len() > 1 {
            said.push(said.join(" "));
        }
        self.texts.append(&mut said);
    }

    fn bring(
        &mut self,
        document: &Document,
        object: &Object,
        seen: &mut BTreeSet<ObjectId>,
        depth: usize,
    ) -> Result<(), Unreadable> {
        if depth > PDF_SHEET_DEPTH_MAX {
            return Err(Unreadable);
        }
        match object {
            Object::Reference(id) => {
                let Some(found) = document.objects.get(id) else { return Ok(()) };
                let kind = found.as_dict().and_then(|found| found.get(b"Type")).and_then(Object::as_name).unwrap_or_default();
                if matches!(kind, b"Page" | b"Pages" | b"Catalog") || !seen.insert(*id) {
                    return Ok(());
                }
                if matches!(found, Object::Stream(_)) {
                    self.drawings.insert(*id);
                }
                self.bring(document, found, seen, depth + 1)
            }
            Object::Array(items) => items.iter().try_for_each(|item| self.bring(document, item, seen, depth + 1)),
            Object::Dictionary(dictionary) => self.entries(document, dictionary, seen, depth),
            Object::Stream(stream) => {
                let texts = &mut self.texts;
                if is_picture(&stream.dict) {
                    in_jpeg(&stream.content, &mut |text| texts.push(text.to_owned()));
                } else {
                    let said = self.content(stream)?;
                    self.take_in(said, Origin::Others);
                }
                self.entries(document, &stream.dict, seen, depth)
            }
            Object::String(bytes, _) => {
                self.texts.push(decoded(bytes));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn entries(
        &mut self,
        document: &Document,
        dictionary: &Dictionary,
        seen: &mut BTreeSet<ObjectId>,
        depth: usize,
    ) -> Result<(), Unreadable> {
        // What says how letters and colours look is shared by pages that have nothing else in common.
        const LOOKS: [&[u8]; 9] = [
            b"Parent",
            b"P",
            b"ColorSpace",
            b"FontDescriptor",
            b"ToUnicode",
            b"Encoding",
            b"DescendantFonts",
            b"Function",
            b"Metadata",
        ];
        self.has_layers |= dictionary.has(b"OC") || dictionary.has(b"OCGs");
        for (key, value) in dictionary {
            if !LOOKS.contains(&key.as_slice()) {
                self.bring(document, value, seen, depth + 1)?;
            }
        }
        Ok(())
    }
}
