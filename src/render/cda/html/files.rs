//! Pictures and files of a page: decoded and encoded anew inside the page, or asked for where a server has them.
//!
//! Not for: what a file is (`media`), drawing its pages (`page_images`).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::limits::CDA_PICTURE_PAGES_MAX;
use crate::model::hex;
use crate::render::page_images;

use super::super::media::{Media, MediaUse};
use super::{Writer, escape_value};

/// Width of a page of a scan, in pixels.
const SCAN_WIDTH_PX: u32 = 1_000;

/// What a file is, in words.
pub(in crate::render::cda) fn file_words(media: &Media) -> String {
    let kind = if media.media_type.is_empty() { &media.declared } else { &media.media_type };
    match &media.usage {
        MediaUse::Reference(name) => format!("external object not archived: {name}"),
        MediaUse::Fault(fault) => format!("{kind}: {fault}"),
        MediaUse::Picture => format!("picture, {kind}, {} bytes", media.bytes.len()),
        _ => format!("{kind}, {} bytes", media.bytes.len()),
    }
}

impl Writer<'_> {
    pub(in crate::render::cda) fn file(&mut self, media: &Media) {
        self.raw("<figure class=\"file\">");
        match &media.usage {
            MediaUse::Picture | MediaUse::Pdf => self.pictures(media),
            MediaUse::Text(text) => {
                self.raw("<pre>\n");
                self.text(text);
                self.raw("</pre>");
            }
            MediaUse::Html(_) => {
                self.raw("<div class=\"narrative\">");
                self.nodes(&media.nodes);
                self.raw("</div>");
            }
            MediaUse::Download | MediaUse::Reference(_) | MediaUse::Fault(_) => {}
        }
        self.raw("<figcaption>");
        self.text(&file_words(media));
        if !media.bytes.is_empty() {
            let _ = write!(self.out, ", SHA-256 <code>{}</code>", hex(&media.sha256));
            if let Some(places) = self.places {
                self.raw(". <a href=\"");
                escape_value(&places.file(self.place_of(media)), &mut self.out);
                self.raw("\">Download</a>");
            }
        }
        self.raw("</figcaption></figure>");
    }

    /// Which of the page's media it is; `None` for the file that is its body.
    fn place_of(&self, media: &Media) -> Option<usize> {
        self.page.media.iter().position(|own| std::ptr::eq(own, media))
    }

    /// Every page as a picture that was decoded and encoded anew here: nothing of the original's bytes reaches the browser.
    fn pictures(&mut self, media: &Media) {
        let kind = media.kind();
        let pages = page_images::page_count(&media.bytes, kind).unwrap_or(0);
        for number in 1..=pages.min(CDA_PICTURE_PAGES_MAX) {
            let of = if pages > 1 { format!("Page {number} of {pages}") } else { "Picture".to_owned() };
            if let Some(places) = self.places {
                let _ = write!(self.out, "<img alt=\"{of}\" loading=\"lazy\" src=\"");
                escape_value(&places.picture(self.place_of(media), number), &mut self.out);
                self.raw("\">");
                continue;
            }
            match page_images::page_png(&media.bytes, kind, number - 1, SCAN_WIDTH_PX) {
                Ok(png) => {
                    let _ = write!(self.out, "<img alt=\"{of}\" src=\"data:image/png;base64,{}\">", BASE64.encode(png));
                }
                Err(_) => {
                    let _ = write!(self.out, "<p class=\"missing\">Page {number} cannot be shown.</p>");
                }
            }
        }
        if pages == 0 {
            self.raw("<p class=\"missing\">This picture cannot be shown.</p>");
        } else if pages > CDA_PICTURE_PAGES_MAX {
            let _ = write!(self.out, "<p class=\"missing\">{pages} pages; the first {CDA_PICTURE_PAGES_MAX} are shown here.</p>");
        }
    }
}
