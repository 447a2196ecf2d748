//! Files and pictures inside a document (`observationMedia`, `nonXMLBody`; data type ED): what they are, their bytes when
//! they can be had, and how they may be shown (spec ccda-render.md §6).
//!
//! Not for: decoding pictures (`page_images`) or fetching anything: a reference to a file outside stays a name.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::formats::cda::Element;
use crate::formats::{self, MediaKind, encoding, sniff};
use crate::limits::{CDA_MEDIA_BYTES_MAX, CDA_MEDIA_RATIO_MAX};

use super::node::Node;
use super::old_html;
use super::warnings::Warnings;

/// One file or picture.
#[derive(Clone, Debug, Default)]
pub struct Media {
    /// The attribute `ID` of its element, when it has one.
    pub id: String,
    /// What the document says it is.
    pub declared: String,
    /// What it is by its first bytes.
    pub media_type: String,
    pub bytes: Vec<u8>,
    pub usage: MediaUse,
    /// What HTML holds, read as narrative is.
    pub nodes: Vec<Node>,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// How it may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MediaUse {
    /// A picture, decoded and encoded anew before it is shown.
    Picture,
    Pdf,
    /// Text to be shown as it stands.
    Text(String),
    /// Old HTML, to be shown through the list of safe elements.
    Html(String),
    /// Given as a file only.
    Download,
    /// A file that the document names and does not hold.
    Reference(String),
    Fault(MediaFault),
}

impl Media {
    /// What its bytes are, for who makes pictures of its pages.
    pub(super) fn kind(&self) -> MediaKind {
        match self.media_type.as_str() {
            "image/png" => MediaKind::Png,
            "image/jpeg" => MediaKind::Jpeg,
            "image/gif" => MediaKind::Gif,
            "image/bmp" => MediaKind::Bmp,
            "image/tiff" => MediaKind::Tiff,
            _ => MediaKind::Pdf,
        }
    }
}

impl Default for MediaUse {
    fn default() -> MediaUse {
        MediaUse::Fault(MediaFault::Empty)
    }
}

/// Why there are no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MediaFault {
    #[error("it is empty")]
    Empty,
    #[error("its base64 text is damaged")]
    Base64,
    #[error("its compression cannot be undone")]
    Compression,
    #[error("it is larger than is shown")]
    TooLarge,
    #[error("its digest is not the one that the document states")]
    Integrity,
}

/// The body of an unstructured document.
pub(super) fn of_text(text: Element<'_>, warnings: &mut Warnings) -> Media {
    of_value(text, String::new(), warnings)
}

/// The pictures that a `renderMultiMedia` shows by naming an object, each with the region of it that is meant, in words.
pub(super) fn parts(object: Element<'_>) -> Vec<(Element<'_>, Option<String>)> {
    let is_media = |element: &Element<'_>| element.name() == "observationMedia" && element.child("value").is_some();
    if is_media(&object) {
        return vec![(object, None)];
    }
    object.descendants().filter(is_media).map(|media| (media, region_words(object))).collect()
}

/// The content of an `observationMedia`.
pub(super) fn of_object(media: Element<'_>, warnings: &mut Warnings) -> Media {
    let id = media.attr("ID").to_owned();
    match media.child("value") {
        Some(value) => of_value(value, id, warnings),
        None => Media { id, ..Media::default() },
    }
}

/// Shape and corners of a region of interest, in words.
fn region_words(object: Element<'_>) -> Option<String> {
    if object.name() != "regionOfInterest" {
        return None;
    }
    let shape = object.child("code").map_or("", |code| code.attr("code")).to_lowercase();
    let corners: Vec<&str> = object.children("value").map(|value| value.attr("value")).collect();
    Some(format!("[region: {shape} {}]", corners.join(", ")))
}

fn of_value(value: Element<'_>, id: String, warnings: &mut Warnings) -> Media {
    let declared = value.attr("mediaType").to_owned();
    let reference = value.child("reference").map_or("", |reference| reference.attr("value"));
    let is_base64 = value.attr("representation") == "B64";
    let own: String = value.text().into_owned();
    if own.trim().is_empty() {
        let usage = if reference.is_empty() { MediaUse::default() } else { MediaUse::Reference(reference.to_owned()) };
        warnings.add(if reference.is_empty() { "media-empty" } else { "media-not-held" }, "");
        return Media { id, declared, usage, ..Media::default() };
    }
    let bytes = if is_base64 { decoded(&own) } else { Ok(own.clone().into_bytes()) };
    let bytes = bytes.and_then(|bytes| inflated(bytes, value.attr("compression"))).and_then(|bytes| checked(bytes, value));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(fault) => {
            warnings.add("media-refused", "");
            return Media { id, declared, usage: MediaUse::Fault(fault), ..Media::default() };
        }
    };
    of_bytes(bytes, declared, id, warnings)
}

/// A file whose bytes are at hand.
pub(super) fn of_bytes(bytes: Vec<u8>, declared: String, id: String, warnings: &mut Warnings) -> Media {
    let (media_type, usage) = usage_of(&bytes, &declared, warnings);
    let nodes = match &usage {
        MediaUse::Html(html) => old_html::nodes(html, warnings),
        _ => Vec::new(),
    };
    Media { id, declared, media_type, sha256: Sha256::digest(&bytes).into(), bytes, usage, nodes }
}

fn decoded(text: &str) -> Result<Vec<u8>, MediaFault> {
    if text.len() > CDA_MEDIA_BYTES_MAX {
        return Err(MediaFault::TooLarge);
    }
    let plain: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64.decode(plain).map_err(|_| MediaFault::Base64)
}

/// Undoes the compression (v3-CompressionAlgorithm: DF, ZL, GZ), within bounds.
fn inflated(bytes: Vec<u8>, compression: &str) -> Result<Vec<u8>, MediaFault> {
    let most = (bytes.len().saturating_mul(CDA_MEDIA_RATIO_MAX)).min(CDA_MEDIA_BYTES_MAX) as u64;
    let input = bytes.as_slice();
    let mut reader: Box<dyn Read + '_> = match compression {
        "" => return Ok(bytes),
        "DF" => Box::new(flate2::read::DeflateDecoder::new(input)),
        "ZL" => Box::new(flate2::read::ZlibDecoder::new(input)),
        "GZ" => Box::new(flate2::read::GzDecoder::new(input)),
        _ => return Err(MediaFault::Compression),
    };
    let mut out = Vec::new();
    (&mut reader).take(most + 1).read_to_end(&mut out).map_err(|_| MediaFault::Compression)?;
    if out.len() as u64 > most { Err(MediaFault::TooLarge) } else { Ok(out) }
}

/// Holds the bytes against the digest that the document states; SHA-1 is what it is when none is named (data type ED). It
/// tells damage, not forgery.
fn checked(bytes: Vec<u8>, value: Element<'_>) -> Result<Vec<u8>, MediaFault> {
    let stated = value.attr("integrityCheck");
    let digest: Vec<u8> = match value.attr("integrityCheckAlgorithm") {
        _ if stated.is_empty() => return Ok(bytes),
        "SHA-256" => Sha256::digest(&bytes).to_vec(),
        "" | "SHA-1" => Sha1::digest(&bytes).to_vec(),
        _ => return Ok(bytes),
    };
    let is_right = BASE64.decode(stated).is_ok_and(|stated| stated == digest);
    if is_right { Ok(bytes) } else { Err(MediaFault::Integrity) }
}

fn usage_of(bytes: &[u8], declared: &str, warnings: &mut Warnings) -> (String, MediaUse) {
    let hint = Some(declared).filter(|declared| !declared.is_empty());
    let kind = sniff(bytes, hint);
    let class = |media_type: &str| media_type.split('/').next().unwrap_or("").to_ascii_lowercase();
    let found = kind.media_type();
    // What it says it is decides nothing; where the two differ in kind the reader is told.
    if !declared.is_empty() && class(declared) != class(found) && !matches!(kind, MediaKind::Rtf | MediaKind::Unknown) {
        warnings.add("media-mismatch", declared);
    }
    let text = || formats::text_of(bytes, hint).text;
    let usage = match kind {
        MediaKind::Png | MediaKind::Jpeg | MediaKind::Gif | MediaKind::Bmp | MediaKind::Tiff => MediaUse::Picture,
        MediaKind::Pdf => MediaUse::Pdf,
        // A plain text that begins like HTML is still to be read as it stands.
        MediaKind::Html if declared.starts_with("text/plain") => {
            MediaUse::Text(encoding::decode(bytes, encoding::charset(hint), &mut Vec::new()).into_owned())
        }
        MediaKind::Html => MediaUse::Html(encoding::decode(bytes, encoding::charset(hint), &mut Vec::new()).into_owned()),
        MediaKind::Text | MediaKind::Rtf | MediaKind::Docx => MediaUse::Text(text()),
        _ => MediaUse::Download,
    };
    (found.to_owned(), usage)
}
