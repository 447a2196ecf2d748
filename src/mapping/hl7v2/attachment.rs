//! Documents in a message (ED) and pointers to them (RP), as FHIR attachments.
//!
//! A document that stands in one piece of base64 is not copied: the attachment names its bytes in the delivered file.
//! Hexadecimal and plain text, and documents cut into several values, are put together and written as `data`.
//!
//! Not for: which resource an attachment belongs to (`results`, `documents`).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};

use crate::formats::attachment::{Encoding, span_url};
use crate::formats::hl7v2::Value;
use crate::formats::{MediaKind, sniff};
use crate::mapping::Context;
use crate::mapping::fhir::Object;

/// Senders forget the padding, and leave bits in the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// How much of a document is decoded to see what it is.
const HEAD: usize = 12 << 10;

/// A document, or a pointer to one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    pub media_type: String,
    pub title: String,
    pub place: Place,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    Url(String),
    /// Base64.
    Data(String),
}

impl Attachment {
    /// Plain text of the message.
    pub fn text(text: &str, title: &str) -> Attachment {
        let place = Place::Data(STANDARD.encode(text.as_bytes()));
        Attachment { media_type: "text/plain; charset=utf-8".into(), title: title.into(), place }
    }

    /// Whether an RP holds an address or a path.
    pub fn is_pointer(value: Value<'_>) -> bool {
        value.text().contains(['.', '/', '\\', ':'])
    }

    /// What an RP points to. It is never fetched.
    pub fn pointer(value: Value<'_>, title: &str) -> Option<Attachment> {
        let address = value.text();
        if !Attachment::is_pointer(value) {
            return None;
        }
        let kind = media_type(&value.component(3).text(), &value.component(4).text()).unwrap_or_default();
        Some(Attachment { media_type: kind.into(), title: title.into(), place: Place::Url(url(&address)) })
    }

    pub fn write(&self, o: &mut Object<'_>) {
        o.text("contentType", &self.media_type);
        match &self.place {
            Place::Url(url) => o.text("url", url),
            Place::Data(data) => o.text("data", data),
        };
        o.text("title", &self.title);
    }
}

/// An address as FHIR's `url` takes it: without spaces and control characters.
fn url(address: &str) -> String {
    const SPACES: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');
    percent_encoding::utf8_percent_encode(address.trim(), SPACES).to_string()
}

/// Documents out of ED values, in their order. A value that goes on with the document before it is added to it.
pub struct Documents<'m> {
    context: Context<'m>,
    done: Vec<Attachment>,
    /// The last one, which may not be whole yet, and what it is.
    last: Option<(Piece<'m>, MediaKind)>,
}

/// What one value holds of a document.
enum Piece<'m> {
    /// Base64, white space included; with its address, when it stands as it is in the delivered file.
    Base64 {
        text: Cow<'m, str>,
        url: Option<String>,
    },
    Bytes(Vec<u8>),
}

impl<'m> Documents<'m> {
    pub fn new(context: Context<'m>) -> Documents<'m> {
        Documents { context, done: Vec::new(), last: None }
    }

    /// Adds an ED value. False when it holds no data, or data that cannot be decoded.
    pub fn add(&mut self, value: Value<'m>, title: &str) -> bool {
        let hint = media_type(&value.component(2).text(), &value.component(3).text());
        let Some(piece) = self.read(&value.component(4).text(), value.component(5)) else { return false };
        let kind = sniff(&piece.head(), hint);
        let is_same = self.done.last().is_some_and(|before| before.title == title);
        if let Some((open, _)) = self.last.as_mut().filter(|(_, first)| is_same && goes_on(*first, kind)) {
            let mut bytes = std::mem::replace(open, Piece::Bytes(Vec::new())).into_bytes();
            bytes.extend(piece.into_bytes());
            *open = Piece::Bytes(bytes);
            return true;
        }
        self.close();
        let media_type = match (kind, hint) {
            (MediaKind::Unknown, Some(hint)) => hint,
            (MediaKind::Text, Some(hint)) if hint.starts_with("text/") => hint,
            (kind, _) => kind.media_type(),
        };
        self.done.push(Attachment { media_type: media_type.into(), title: title.into(), place: Place::Data(String::new()) });
        self.last = Some((piece, kind));
        true
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.done.len()
    }

    pub fn finish(mut self) -> Vec<Attachment> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        if let (Some((piece, _)), Some(attachment)) = (self.last.take(), self.done.last_mut()) {
            attachment.place = match piece {
                Piece::Base64 { url: Some(url), .. } => Place::Url(url),
                piece => Place::Data(STANDARD.encode(piece.into_bytes())),
            };
        }
    }

    fn read(&self, encoding: &str, data: Value<'m>) -> Option<Piece<'m>> {
        if data.is_empty() || data.is_null() {
            return None;
        }
        let plain = || Some(Piece::Bytes(data.whole().into_owned().into_bytes()));
        match encoding.to_ascii_uppercase().as_str() {
            "HEX" => hexadecimal(&data.whole()).map(Piece::Bytes),
            "A" => plain(),
            "BASE64" => self.base64(data),
            // Not said: base64 when that gives something known, else text.
            _ => {
                let known = |piece: &Piece<'_>| !matches!(sniff(&piece.head(), None), MediaKind::Unknown | MediaKind::Text);
                self.base64(data).filter(known).or_else(plain)
            }
        }
    }

    fn base64(&self, data: Value<'m>) -> Option<Piece<'m>> {
        let text = data.raw();
        let (text, url) = if is_base64(text) {
            let url = data.span().map(|span| {
                let offset = self.context.offset + span.start as u64;
                span_url(self.context.file, Encoding::Base64, offset, span.len() as u64)
            });
            (Cow::Borrowed(text), url)
        } else {
            // Line breaks in it may be written as escapes.
            (data.whole(), None)
        };
        let piece = Piece::Base64 { text, url };
        matches!(&piece, Piece::Base64 { text, .. } if is_base64(text) && !piece.head().is_empty()).then_some(piece)
    }
}

impl Piece<'_> {
    /// The first bytes; empty when they cannot be decoded.
    fn head(&self) -> Vec<u8> {
        match self {
            Piece::Base64 { text, .. } => decode(text.bytes().take(HEAD * 2), HEAD),
            Piece::Bytes(bytes) => bytes[..bytes.len().min(HEAD)].to_vec(),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Piece::Base64 { text, .. } => decode(text.bytes(), usize::MAX),
            Piece::Bytes(bytes) => bytes,
        }
    }
}

/// Whether a value of kind `next` is a further piece of a document that began as `first`: of a kind that has a beginning
/// of its own, and here comes something that has none.
fn goes_on(first: MediaKind, next: MediaKind) -> bool {
    let has_beginning = !matches!(first, MediaKind::Text | MediaKind::Unknown);
    has_beginning && matches!(next, MediaKind::Text | MediaKind::Unknown)
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=') || b.is_ascii_whitespace())
}

/// Decodes at most `most` characters.
fn decode(text: impl Iterator<Item = u8>, most: usize) -> Vec<u8> {
    let text: Vec<u8> = text.filter(|b| !b.is_ascii_whitespace()).take(most).collect();
    LENIENT.decode(&text).unwrap_or_default()
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().filter(|c| !c.is_whitespace()).map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|d| !d.is_empty() && d.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

/// The media type that an ED or RP states in its type and subtype (tables 0191 and 0291), when it can be told.
fn media_type(kind: &str, subtype: &str) -> Option<&'static str> {
    const TYPES: [(&str, &str); 20] = [
        ("PDF", "application/pdf"),
        ("RTF", "application/rtf"),
        ("HTML", "text/html"),
        ("HTM", "text/html"),
        ("XML", "application/xml"),
        ("SGML", "text/sgml"),
        ("TXT", "text/plain"),
        ("TEXT", "text/plain"),
        ("PLAIN", "text/plain"),
        ("JPEG", "image/jpeg"),
        ("JPG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("TIFF", "image/tiff"),
        ("TIF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("DICOM", "application/dicom"),
        ("WAV", "audio/wav"),
        ("BASIC", "audio/basic"),
        ("MSWORD", "application/msword"),
    ];
    let subtype = subtype.rsplit('/').next().unwrap_or_default().trim_start_matches(['x', 'X']).trim_start_matches('-');
    let found = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(subtype));
    let found = found.or_else(|| TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)));
    found.map(|(_, media_type)| *media_type)
}
