//! Pages of other PDF files, taken over as they are: content, resources, and what forms and stamps show on them.
//!
//! Nothing that acts comes along: no scripts, links, files or forms, only what is seen. A file that is encrypted or cannot be
//! taken apart is a fault, and whoever asked says so on a page of its own.
//!
//! Not for: reading their text (`formats::pdf`), the margin around them (`flow`).

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};

use super::PdfFault;
use super::strip::WholePage;
use super::write::{name, packed, reference};
use crate::limits::{PDF_SHEET_CONTENT_MAX, PDF_SHEET_DEPTH_MAX, PDF_SHEET_OBJECTS_MAX, PDF_SHEET_POINTS_MAX};

/// A file taken apart, and what of it was brought over.
pub struct Opened {
    file: Arc<Vec<u8>>,
    document: Document,
    pages: Vec<ObjectId>,
    brought: HashMap<ObjectId, u32>,
    /// Objects that have a number and are still to be copied.
    waiting: Vec<(usize, ObjectId)>,
}

/// How many pages a file has, when its pages can be taken over.
pub fn count(file: &[u8]) -> Result<u32, PdfFault> {
    let document = taken_apart(file)?;
    u32::try_from(document.page_iter().count()).map_err(|_| PdfFault::Broken)
}

/// Which pages of a file can be taken over, in order.
///
/// # Errors
/// None of it can.
pub fn standing(file: &Arc<Vec<u8>>) -> Result<Vec<bool>, PdfFault> {
    let mut opened = Opened::of(file)?;
    let count = u32::try_from(opened.pages.len()).map_err(|_| PdfFault::Broken)?;
    let mut objects = Vec::new();
    Ok((0..count).map(|page| opened.form(page, &mut objects).is_ok()).collect())
}

fn taken_apart(file: &[u8]) -> Result<Document, PdfFault> {
    // The library is not ours and the file is not either.
    let options = || LoadOptions { max_decompressed_size: Some(PDF_SHEET_CONTENT_MAX), ..LoadOptions::default() };
    let document = catch_unwind(|| Document::load_mem_with_options(file, options()));
    let document = document.map_err(|_| PdfFault::Broken)?.map_err(|_| PdfFault::Broken)?;
    if document.is_encrypted() {
        return Err(PdfFault::Encrypted);
    }
    Ok(document)
}

impl Opened {
    pub fn of(file: &Arc<Vec<u8>>) -> Result<Opened, PdfFault> {
        let document = taken_apart(file)?;
        let pages = document.page_iter().collect();
        Ok(Opened { file: Arc::clone(file), document, pages, brought: HashMap::new(), waiting: Vec::new() })
    }

    pub fn is(&self, file: &Arc<Vec<u8>>) -> bool {
        Arc::ptr_eq(&self.file, file)
    }

    /// Brings a page over as a form; objects that pages share come once.
    pub fn page(&mut self, number: u32, objects: &mut Vec<Object>) -> Result<WholePage, PdfFault> {
        let (mut form, content, frame) = self.form(number, objects)?;
        form.set("Filter", name("FlateDecode"));
        objects.push(Object::Stream(Stream::new(form, packed(&content))));
        let number = objects.len();
        Ok(WholePage { width: frame.width, height: frame.height, number, matrix: frame.matrix, words: Vec::new() })
    }

    /// A page's form without its drawing, the drawing, and how it is shown.
    fn form(&mut self, number: u32, objects: &mut Vec<Object>) -> Result<(Dictionary, Vec<u8>, Shown), PdfFault> {
        let id = *self.pages.get(number as usize).ok_or(PdfFault::NoSuchPage)?;
        let page = self.document.get_dictionary(id).map_err(|_| PdfFault::Broken)?.clone();
        let frame = self.frame(id)?;
        let mut content = catch_unwind(AssertUnwindSafe(|| self.content(id))).unwrap_or(Err(PdfFault::Broken))?;
        let mut resources = self.inherited(id, b"Resources").and_then(|found| found.as_dict().ok().cloned()).unwrap_or_default();
        self.stamps(&page, &mut content, &mut resources);
        let resources = self.bring(&Object::Dictionary(resources), objects, 0)?;
        let mut form = Dictionary::new();
        form.set("Type", name("XObject"));
        form.set("Subtype", name("Form"));
        form.set("BBox", frame.bounds.map(Object::Real).to_vec());
        form.set("Resources", resources);
        if let Ok(group) = page.get(b"Group") {
            form.set("Group", self.bring(group, objects, 0)?);
        }
        self.settle(objects)?;
        Ok((form, content, frame))
    }

    /// The page's drawing, its pieces put together; a piece that cannot be unpacked makes the page a broken one.
    fn content(&self, page: ObjectId) -> Result<Vec<u8>, PdfFault> {
        let mut content = Vec::new();
        for id in self.document.get_page_contents(page) {
            let piece = self.document.get_object(id).and_then(Object::as_stream).map_err(|_| PdfFault::Broken)?;
            let room = PDF_SHEET_CONTENT_MAX.saturating_sub(content.len());
            content.append(&mut piece.get_plain_content_with_limit(room).map_err(|_| PdfFault::Broken)?);
            content.push(b'\n');
        }
        Ok(content)
    }

    /// An attribute of a page, or of the nodes above it.
    fn inherited(&self, page: ObjectId, key: &[u8]) -> Option<&Object> {
        let mut node = self.document.get_dictionary(page).ok()?;
        for _ in 0..PDF_SHEET_DEPTH_MAX {
            if let Ok(found) = node.get(key) {
                return self.document.dereference(found).ok().map(|pair| pair.1);
            }
            node = self.document.get_dictionary(node.get(b"Parent").ok()?.as_reference().ok()?).ok()?;
        }
        None
    }

    fn rectangle(&self, object: &Object) -> Option<[f32; 4]> {
        let object = self.document.dereference(object).ok()?.1;
        let edges = object.as_array().ok()?;
        let mut numbers = [0.0; 4];
        for (number, edge) in numbers.iter_mut().zip(edges) {
            *number = self.document.dereference(edge).ok()?.1.as_float().ok()?;
        }
        let [a, b, c, d] = numbers;
        (edges.len() == 4).then(|| [a.min(c), b.min(d), a.max(c), b.max(d)])
    }

    /// What of the page is shown, how it is turned, and how large it then is.
    fn frame(&self, page: ObjectId) -> Result<Shown, PdfFault> {
        let of = |key: &[u8]| self.inherited(page, key).and_then(|found| self.rectangle(found));
        let media = of(b"MediaBox").unwrap_or([0.0, 0.0, 612.0, 792.0]);
        let crop = of(b"CropBox").unwrap_or(media);
        let bounds = [crop[0].max(media[0]), crop[1].max(media[1]), crop[2].min(media[2]), crop[3].min(media[3])];
        let [left, bottom, right, top] = bounds;
        let (across, up) = (right - left, top - bottom);
        let is_sound = |size: f32| size.is_finite() && (1.0..=PDF_SHEET_POINTS_MAX).contains(&size);
        if !is_sound(across) || !is_sound(up) {
            return Err(PdfFault::Broken);
        }
        let turned = self.inherited(page, b"Rotate").and_then(|found| found.as_i64().ok()).unwrap_or(0).rem_euclid(360);
        let (width, height, matrix) = match turned {
            90 => (up, across, [0.0, -1.0, 1.0, 0.0, -bottom, right]),
            180 => (across, up, [-1.0, 0.0, 0.0, -1.0, right, top]),
            270 => (up, across, [0.0, 1.0, -1.0, 0.0, top, -left]),
            _ => (across, up, [1.0, 0.0, 0.0, 1.0, -left, -bottom]),
        };
        Ok(Shown { bounds, width, height, matrix })
    }

    /// Draws what annotations show (filled fields, stamps, notes) after the page's own content.
    fn stamps(&self, page: &Dictionary, content: &mut Vec<u8>, resources: &mut Dictionary) {
        let annotations = page.get(b"Annots").ok().and_then(|found| self.document.dereference(found).ok());
        let Some(annotations) = annotations.and_then(|found| found.1.as_array().ok()) else { return };
        let mut forms = match resources.get(b"XObject").ok().and_then(|found| self.document.dereference(found).ok()) {
            Some((_, Object::Dictionary(forms))) => forms.clone(),
            _ => Dictionary::new(),
        };
        // The page's own state must not reach them.
        content.splice(0..0, *b"q\n");
        content.extend_from_slice(b"\nQ\n");
        for (number, annotation) in annotations.iter().enumerate() {
            let Some((form, matrix)) = self.appearance(annotation) else { continue };
            let key = format!("Stamp{number}");
            forms.set(key.as_str(), Object::Reference(form));
            let matrix = matrix.map(|value| format!("{value:.4}")).join(" ");
            content.extend_from_slice(format!("q {matrix} cm /{key} Do Q\n").as_bytes());
        }
        resources.set("XObject", forms);
    }

    /// The form that an annotation shows and the matrix that puts it into its rectangle.
    fn appearance(&self, annotation: &Object) -> Option<(ObjectId, [f32; 6])> {
        const HIDDEN: i64 = 1 << 1 | 1 << 5;
        let annotation = self.document.dereference(annotation).ok()?.1.as_dict().ok()?;
        let flags = annotation.get(b"F").and_then(Object::as_i64).unwrap_or(0);
        let kind = annotation.get(b"Subtype").and_then(Object::as_name).unwrap_or_default();
        if flags & HIDDEN != 0 || kind == b"Popup" {
            return None;
        }
        let of = |found: &Object| self.document.dereference(found).ok().map(|(id, object)| (id, object.clone()));
        let faces = of(annotation.get(b"AP").ok()?)?.1;
        let (mut id, mut shown) = of(faces.as_dict().ok()?.get(b"N").ok()?)?;
        if let Object::Dictionary(states) = &shown {
            let state = annotation.get(b"AS").and_then(Object::as_name).ok()?;
            (id, shown) = of(states.get(state).ok()?)?;
        }
        let form = shown.as_stream().ok()?;
        let target = self.rectangle(annotation.get(b"Rect").ok()?)?;
        let own = self.rectangle(form.dict.get(b"BBox").ok()?)?;
        let numbers = |found: &Object| -> Option<Vec<f32>> { found.as_array().ok()?.iter().map(|n| n.as_float().ok()).collect() };
        let matrix = form.dict.get(b"Matrix").ok().and_then(numbers).unwrap_or_else(|| vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let [a, b, c, d, e, f] = matrix.as_slice() else { return None };
        let corners = [(own[0], own[1]), (own[0], own[3]), (own[2], own[1]), (own[2], own[3])];
        let moved = corners.map(|(x, y)| (a * x + c * y + e, b * x + d * y + f));
        let edge = |pick: fn(f32, f32) -> f32, of: fn(&(f32, f32)) -> f32| moved.iter().map(of).reduce(pick);
        let (left, right) = (edge(f32::min, |p| p.0)?, edge(f32::max, |p| p.0)?);
        let (low, high) = (edge(f32::min, |p| p.1)?, edge(f32::max, |p| p.1)?);
        let (across, up) = (right - left, high - low);
        if across <= 0.0 || up <= 0.0 {
            return None;
        }
        let (x, y) = ((target[2] - target[0]) / across, (target[3] - target[1]) / up);
        Some((id?, [x, 0.0, 0.0, y, target[0] - left * x, target[1] - low * y]))
    }

    /// Copies an object with all that it leads to; references get the part's own numbers.
    fn bring(&mut self, object: &Object, objects: &mut Vec<Object>, depth: usize) -> Result<Object, PdfFault> {
        if depth > PDF_SHEET_DEPTH_MAX {
            return Err(PdfFault::Broken);
        }
        Ok(match object {
            Object::Reference(id) => self.refer(*id, objects)?,
            Object::Array(items) => {
                let items: Result<Vec<Object>, PdfFault> =
                    items.iter().map(|item| self.bring(item, objects, depth + 1)).collect();
                Object::Array(items?)
            }
            Object::Dictionary(dictionary) => Object::Dictionary(self.entries(dictionary, objects, depth)?),
            Object::Stream(stream) => {
                let dictionary = self.entries(&stream.dict, objects, depth)?;
                Object::Stream(Stream::new(dictionary, stream.content.clone()))
            }
            plain => plain.clone(),
        })
    }

    fn entries(&mut self, from: &Dictionary, objects: &mut Vec<Object>, depth: usize) -> Result<Dictionary, PdfFault> {
        // What acts, what leads back to the file's structure, and what is not seen stays behind.
        const LEFT: [&[u8]; 13] = [
            b"Parent",
            b"P",
            b"AA",
            b"A",
            b"JS",
            b"AF",
            b"Metadata",
            b"PieceInfo",
            b"StructParent",
            b"StructParents",
            b"Annots",
            b"OPI",
            b"Length",
        ];
        let mut to = Dictionary::new();
        for (key, value) in from {
            if !LEFT.contains(&key.as_slice()) {
                to.set(key.clone(), self.bring(value, objects, depth + 1)?);
            }
        }
        Ok(to)
    }

    /// Copies what was referred to, until nothing waits.
    fn settle(&mut self, objects: &mut Vec<Object>) -> Result<(), PdfFault> {
        while let Some((number, id)) = self.waiting.pop() {
            let Some(found) = self.document.objects.get(&id).cloned() else { continue };
            let copy = self.bring(&found, objects, 0)?;
            if let Some(slot) = objects.get_mut(number - 1) {
                *slot = copy;
            }
        }
        Ok(())
    }

    fn refer(&mut self, id: ObjectId, objects: &mut Vec<Object>) -> Result<Object, PdfFault> {
        if let Some(number) = self.brought.get(&id) {
            return Ok(reference(*number));
        }
        let Some(found) = self.document.objects.get(&id) else { return Ok(Object::Null) };
        let kind = found.as_dict().and_then(|found| found.get(b"Type")).and_then(Object::as_name).unwrap_or_default();
        if matches!(kind, b"Page" | b"Pages" | b"Catalog" | b"Action" | b"Filespec") {
            return Ok(Object::Null);
        }
        // Numbered before it is copied: objects may lead back to themselves.
        objects.push(Object::Null);
        let number = objects.len();
        let reference_to = reference(number as u32);
        self.brought.insert(id, number as u32);
        if self.brought.len() > PDF_SHEET_OBJECTS_MAX {
            return Err(PdfFault::Broken);
        }
        self.waiting.push((number, id));
        Ok(reference_to)
    }
}

struct Shown {
    bounds: [f32; 4],
    width: f32,
    height: f32,
    matrix: [f32; 6],
}
