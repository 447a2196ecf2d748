//! The text layer of a PDF, page by page.
//!
//! The same library draws the pages (`render::page_images`), so that what is found is what is shown, the hidden text
//! that scanners lay under their pictures included.
//!
//! Not for: reading words off pictures, document properties, attachments, form data that is not shown.

use std::collections::VecDeque;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::read::ZlibDecoder;
use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro::hayro_interpret::hayro_syntax::page::Page;
use hayro::hayro_interpret::hayro_syntax::{LoadPdfError, Pdf};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache, InterpreterSettings,
    SoftMask, interpret_page,
};
use hayro::kurbo::{BezPath, Point, Vec2};
use memchr::memmem;
use unicode_normalization::UnicodeNormalization;

use super::{Extracted, bounded, finding};
use crate::limits::{EXTRACTED_TEXT_MAX, PDF_BYTES_MAX, PDF_PAGES_MAX, PDF_STREAM_MAX, PDF_TEXT_SECONDS_MAX};
use crate::model::Finding;

pub(super) fn read(bytes: &[u8], read: &mut Extracted) {
    read_pages(bytes, PDF_PAGES_MAX, read);
}

/// The first page alone, where a scan or a report says whose it is.
pub(super) fn read_first(bytes: &[u8], read: &mut Extracted) {
    read_pages(bytes, 1, read);
}

fn read_pages(bytes: &[u8], most: usize, read: &mut Extracted) {
    if bytes.len() > PDF_BYTES_MAX {
        read.findings.push(finding("pdf.too-large", 0, "larger than what is opened"));
        return;
    }
    if holds_bomb(bytes, PDF_STREAM_MAX) {
        read.findings.push(finding("pdf.expansion", 0, "a part of it unpacks to more than what is read"));
        return;
    }
    let copy = bytes.to_vec();
    // Pages look at the clock between themselves; the hard limit is for a single page that does not end.
    let soft = Duration::from_secs(PDF_TEXT_SECONDS_MAX);
    match bounded::run(soft * 2, move || pages_text(copy, soft, most)) {
        Ok((text, findings)) => {
            read.searchable = text.contains(|c: char| !c.is_whitespace());
            read.text = text;
            read.findings.extend(findings);
            if !read.searchable && read.findings.is_empty() {
                read.findings.push(finding("pdf.no-text", 0, "pages are pictures without a text layer"));
            }
        }
        Err(stopped) => read.findings.push(finding("pdf.unreadable", 0, &stopped.to_string())),
    }
}

/// The words of one page, `page` counting from 0; `None` when there is no such page, or it cannot be read.
pub fn page_text(bytes: &[u8], page: usize) -> Option<String> {
    if bytes.len() > PDF_BYTES_MAX || holds_bomb(bytes, PDF_STREAM_MAX) {
        return None;
    }
    let copy = bytes.to_vec();
    let read = move || {
        let pdf = Pdf::new(Arc::new(copy)).ok()?;
        let mut words = Words::default();
        let page = pdf.pages().get(page)?;
        catch_unwind(AssertUnwindSafe(|| words.page(page))).ok()?;
        Some(words.text)
    };
    bounded::run(Duration::from_secs(PDF_TEXT_SECONDS_MAX), read).ok()?
}

/// The words of each page from the first on, as far as time and room reach; `None` when the file cannot be read.
pub fn page_texts(bytes: &[u8]) -> Option<Vec<String>> {
    if bytes.len() > PDF_BYTES_MAX || holds_bomb(bytes, PDF_STREAM_MAX) {
        return None;
    }
    let copy = bytes.to_vec();
    let limit = Duration::from_secs(PDF_TEXT_SECONDS_MAX);
    let read = move || {
        let (started, mut total) = (Instant::now(), 0);
        let pdf = Pdf::new(Arc::new(copy)).ok()?;
        let mut texts = Vec::new();
        for page in pdf.pages().iter().take(PDF_PAGES_MAX) {
            if started.elapsed() > limit / 2 || total > EXTRACTED_TEXT_MAX {
                break;
            }
            let mut words = Words::default();
            let _ = catch_unwind(AssertUnwindSafe(|| words.page(page)));
            total += words.text.len();
            texts.push(words.text);
        }
        Some(texts)
    };
    bounded::run(limit, read).ok()?
}

/// Whether a packed stream of the file unpacks beyond `limit` bytes. The library unpacks without one.
///
/// Not seen: streams under encryption or under a second filter.
fn holds_bomb(bytes: &[u8], limit: u64) -> bool {
    // Deflate packs 1032 bytes into one at best, so a stream too short for the limit need not be tried.
    let least = limit as usize / 1032;
    memmem::find_iter(bytes, b"stream").any(|at| {
        let data = &bytes[at + b"stream".len()..];
        let data = data.strip_prefix(b"\r").unwrap_or(data);
        let data = data.strip_prefix(b"\n").unwrap_or(data);
        // 8: deflate in a zlib wrapper (RFC 1950, 2.2).
        if data.first().is_none_or(|b| b & 0x0F != 8)
            || data.len() < least
            || memmem::find(&data[..least], b"endstream").is_some()
        {
            return false;
        }
        let mut unpacked = ZlibDecoder::new(data).take(limit + 1);
        // A damaged stream ends here with an error, as it will for the library.
        let _ = std::io::copy(&mut unpacked, &mut std::io::sink());
        unpacked.limit() == 0
    })
}

fn pages_text(bytes: Vec<u8>, limit: Duration, most: usize) -> (String, Vec<Finding>) {
    let started = Instant::now();
    let mut findings = Vec::new();
    let mut words = Words::default();
    let bytes = Arc::new(bytes);
    let pdf = match Pdf::new(bytes.clone()) {
        Ok(pdf) => pdf,
        Err(error) if is_encrypted(error, &bytes) => {
            return (String::new(), vec![finding("pdf.encrypted", 0, "encrypted with a password that is not known")]);
        }
        Err(_) => return (String::new(), vec![finding("pdf.damaged", 0, "cannot be opened as a PDF")]),
    };
    let pages = pdf.pages();
    if pages.is_empty() {
        findings.push(finding("pdf.no-pages", 0, "has no page that can be read"));
    }
    let mut failed = 0usize;
    for (number, page) in pages.iter().enumerate() {
        if number == most || started.elapsed() > limit || words.text.len() > EXTRACTED_TEXT_MAX {
            findings.push(finding("pdf.cut", 0, &format!("read up to page {number} of {}", pages.len())));
            break;
        }
        failed += usize::from(catch_unwind(AssertUnwindSafe(|| words.page(page))).is_err());
    }
    if failed > 0 {
        findings.push(finding("pdf.damaged-page", 0, &format!("{failed} pages cannot be read")));
    }
    if words.unknown * 2 > words.glyphs {
        findings.push(finding("pdf.no-unicode", 0, "most characters have no known meaning, only a shape"));
    }
    (words.text, findings)
}

/// Whether a PDF that does not open is encrypted. The library calls some of them damaged, because nothing in them makes
/// sense without the password.
pub fn is_encrypted(error: LoadPdfError, bytes: &[u8]) -> bool {
    matches!(error, LoadPdfError::Decryption(_)) || memmem::find(bytes, b"/Encrypt").is_some()
}

/// Takes the glyphs of a page in the order in which they are drawn and sets them apart by where they stand.
#[derive(Default)]
struct Words {
    text: String,
    /// Glyphs in all, and those whose character is not known.
    glyphs: usize,
    unknown: usize,
    /// Where the last glyph ended.
    end: Option<Point>,
    /// The glyphs before this one: bold is often the same word drawn twice.
    recent: VecDeque<(Point, Option<BfString>)>,
}

/// Distances at which glyphs belong to another line or word, in units of the font size.
const LINE_GAP: f64 = 0.5;
const WORD_GAP: f64 = 0.18;
const COLUMN_GAP: f64 = 1.5;
const SAME_PLACE: f64 = 0.12;
/// Glyphs that are remembered for [`Words::is_repeated`].
const RECENT: usize = 128;
/// Glyph space of a font is 1000 units to its size.
const EM: f64 = 1000.0;

impl Words {
    fn page<'a>(&mut self, page: &'a Page<'a>) {
        let cache = InterpreterCache::new();
        let settings = InterpreterSettings::default();
        let crop = page.intersected_crop_box();
        let view = hayro::kurbo::Rect::new(crop.x0, crop.y0, crop.x1, crop.y1);
        let mut context = Context::new(hayro::kurbo::Affine::IDENTITY, view, &cache, page.xref(), settings);
        self.end = None;
        self.recent.clear();
        interpret_page(page, &mut context, self);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn gap(&mut self, start: Point, along: Vec2, size: f64) {
        let Some(end) = self.end else { return };
        let step = start - end;
        let (forward, sideways) = (step.dot(along), step.cross(along).abs());
        let separator = if sideways > LINE_GAP * size || forward < -2.0 * size {
            '\n'
        } else if forward > COLUMN_GAP * size {
            '\t'
        } else if forward > WORD_GAP * size || forward < -LINE_GAP * size {
            ' '
        } else {
            return;
        };
        if self.text.ends_with(' ') && separator != ' ' {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n', '\t']) {
            self.text.push(separator);
        }
    }

    /// Whether this character was just drawn in this very place.
    fn is_repeated(&mut self, start: Point, character: Option<&BfString>, near: f64) -> bool {
        let repeated = self.recent.iter().any(|(at, known)| at.distance(start) < near && known.as_ref() == character);
        if !repeated {
            self.recent.truncate(RECENT - 1);
            self.recent.push_front((start, character.cloned()));
        }
        repeated
    }

    fn push(&mut self, character: char) {
        match character {
            // Ligatures are a matter of the font.
            '\u{fb00}'..='\u{fb06}' => self.text.extend(character.nfkc()),
            '\u{a0}' => self.text.push(' '),
            '\u{ad}' => self.text.push('-'),
            c if c.is_control() => {}
            c => self.text.push(c),
        }
    }
}

fn advance(glyph: &Glyph) -> f64 {
    let width = match glyph {
        Glyph::Outline(glyph) => glyph.advance_width(),
        Glyph::Type3(glyph) => glyph.advance_width(),
    };
    width.map_or(EM / 2.0, f64::from)
}

impl<'a> Device<'a> for Words {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        if self.text.len() > EXTRACTED_TEXT_MAX {
            return;
        }
        let vertical = run.writing_mode() == WritingMode::Vertical;
        for glyph in run.glyphs() {
            let character = glyph.as_unicode();
            let place = props.transform * glyph.transform();
            let start = place * Point::ORIGIN;
            let width = advance(glyph);
            let next = if vertical { Point::new(0.0, -EM) } else { Point::new(width, 0.0) };
            let unit = if vertical { next } else { Point::new(EM, 0.0) };
            let along = place * unit - start;
            let size = along.hypot();
            if !size.is_finite() || size == 0.0 {
                continue;
            }
            if self.is_repeated(start, character.as_ref(), SAME_PLACE * size) {
                continue;
            }
            self.gap(start, along / size, size);
            match character {
                Some(BfString::Char(c)) => self.push(c),
                Some(BfString::String(s)) => s.chars().for_each(|c| self.push(c)),
                None => self.unknown += 1,
            }
            self.glyphs += 1;
            self.end = Some(place * next);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_stream_that_unpacks_without_end_is_refused() {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&vec![b' '; 1 << 20]).unwrap();
        let packed = packed.finish().unwrap();
        let pdf = [b"%PDF-1.4\n4 0 obj<</Filter/FlateDecode>>stream\r\n".as_slice(), &packed, b"\nendstream\n"].concat();
        assert!(holds_bomb(&pdf, (1 << 20) - 1));
        assert!(!holds_bomb(&pdf, 1 << 20));
    }
}
