//! The kinds of document that the archive tells apart, and the media types under which they are served.
//!
//! Not for: telling what kind some bytes are (`sniff`).

/// The kinds of document that the archive tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MediaKind {
    Text,
    Html,
    Rtf,
    Pdf,
    Tiff,
    Jpeg,
    Png,
    Gif,
    Bmp,
    /// Sound: a dictation.
    Wav,
    /// XML whose root is an HL7 `ClinicalDocument`.
    Cda,
    Xml,
    Docx,
    Xlsx,
    Zip,
    /// The compound file of older office programs (DOC, XLS, MSG), and of encrypted documents.
    Ole,
    Json,
    Unknown,
}

impl MediaKind {
    /// The media type under which a document of this kind is served.
    pub fn media_type(self) -> &'static str {
        match self {
            MediaKind::Text => "text/plain",
            MediaKind::Html => "text/html",
            MediaKind::Rtf => "application/rtf",
            MediaKind::Pdf => "application/pdf",
            MediaKind::Tiff => "image/tiff",
            MediaKind::Jpeg => "image/jpeg",
            MediaKind::Png => "image/png",
            MediaKind::Gif => "image/gif",
            MediaKind::Bmp => "image/bmp",
            MediaKind::Wav => "audio/wav",
            MediaKind::Cda | MediaKind::Xml => "application/xml",
            MediaKind::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            MediaKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            MediaKind::Zip => "application/zip",
            MediaKind::Ole => "application/x-ole-storage",
            MediaKind::Json => "application/json",
            MediaKind::Unknown => "application/octet-stream",
        }
    }
}
