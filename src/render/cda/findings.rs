//! What the codes of warnings mean, in a sentence for a reader.
//!
//! Not for: counting them (`page`).

/// A code in words; a code that is not here says enough by itself.
pub(super) fn words(code: &str) -> &'static str {
    match code {
        "broken-ref" => "Something is referred to that the document does not hold",
        "cda.internal-subset" => "The document declares entities of its own; none was used",
        "cda.namespace" => "The document is not in the namespace of CDA; read as if it were",
        "dead-link" => "A link that leads nowhere that may be opened; its address is shown",
        "dropped-attribute" => "An attribute that is not on the list of what a page takes over",
        "dropped-element" => "A picture at an outside address, which is never fetched",
        "dropped-style" => "A style code that is not on the list of what a page takes over",
        "duplicate-id" => "A name that stands more than once; references lead to the first",
        "empty-narrative" => "A section with coded entries and no words",
        "media-empty" => "A file or picture without content",
        "media-mismatch" => "A file is of another kind than the document says",
        "media-not-held" => "A file that the document names and does not hold",
        "media-not-in-narrative" => {
            "A picture among the coded entries that no narrative shows; it stands at the end of its section"
        }
        "media-refused" => "A file or picture that cannot be unpacked",
        "multiple-patients" => "The document names more than one patient",
        "no-body" => "The document has no body",
        "no-patient" => "The document names no patient",
        "schema-order" => "Words or elements where the schema has no place for them; shown where they stand",
        "sections-too-deep" => "Sections nested too deep to have headings of their own",
        "span-clamped" => "A cell that claims to be wider or higher than a table can be",
        "unknown-element" => "An element that narrative does not have; its words are shown",
        "xml.doctype" => "A document type, which is ignored",
        "xml.entity" => "An entity that XML does not know, shown as it is written",
        "xml.outside-root" => "Text outside of the document",
        "xml.undeclared-prefix" => "A namespace prefix that is not declared",
        _ => "See the code",
    }
}
