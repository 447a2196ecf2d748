//! A stored record as served FHIR JSON. It differs from the original only in what the archive must rewrite: an id that
//! is not the archive id, references to such ids or by other names, and attachments that lie in the documents.
//!
//! Not for: `meta` additions and Bundles (`server::fhir`).

use super::terminology::Terminology;
use crate::formats::fhir::{CodingList, Role, Shape, Target, leaf_text, target};
use crate::model::{ArchiveId, DocumentId, Kind, archive_id, is_true_uuid};

/// Finds what a name stands for: `urn:uuid:…`, `Type?identifier=…`, or a file of the delivery.
pub trait Resolver {
    fn alias(&self, alias: &str) -> Option<(Kind, String)>;
    /// Whether a record of this type and archive id is here; asked for absolute references only.
    fn holds(&self, kind: Kind, id: &str) -> bool;
    /// Whether the delivery held a file of this name as an attachment.
    fn has_file(&self, name: &str) -> bool;
}

/// The id of attachment `number` (0-based, counted over the record's attachments) of a record.
pub fn document_id(kind: Kind, id: &str, number: usize) -> Option<DocumentId> {
    ArchiveId::parse(&format!("{}-{number}-{id}", kind.number())).map(DocumentId)
}

/// Kind, record id and attachment number of a document id.
pub fn parse_document_id(id: &DocumentId) -> Option<(Kind, ArchiveId, usize)> {
    let mut parts = id.0.as_str().splitn(3, '-');
    let kind = parts.next()?.parse().ok().and_then(Kind::from_number)?;
    let number = parts.next()?.parse().ok()?;
    Some((kind, ArchiveId::parse(parts.next()?)?, number))
}

/// Everything that serving one record needs.
pub(super) struct Serving<'a> {
    pub shape: &'a Shape,
    pub source_system: &'a str,
    pub id: &'a str,
    pub resolver: &'a dyn Resolver,
    /// Codings to be added.
    pub terminology: &'a Terminology,
}

impl Serving<'_> {
    /// Writes the served JSON. `leaf` gives `None` for a leaf that was moved to the documents.
    pub fn write<'a>(&self, leaf: impl Fn(usize) -> Option<&'a [u8]>, out: &mut Vec<u8>) {
        let shape = self.shape;
        let mut attachments = 0;
        let has_id = shape.id_leaf().is_some();
        let mut lists = if self.terminology.is_empty() { &[] } else { shape.codings() };
        for (index, role) in shape.roles().iter().enumerate() {
            let piece = shape.piece(index);
            if index == 0 && !has_id {
                self.put_missing_id(piece, out);
            } else {
                self.piece(index, &mut lists, &leaf, out);
            }
            let value = leaf(index);
            match role {
                Role::Id => out.extend_from_slice(self.id.as_bytes()),
                Role::Reference => self.reference(value.unwrap_or(b""), out),
                Role::Data => {
                    let number = attachments;
                    attachments += 1;
                    match value {
                        None => self.moved(number, out),
                        Some(inline) => out.extend_from_slice(inline),
                    }
                }
                Role::AttachmentUrl => {
                    let number = attachments;
                    attachments += 1;
                    self.attachment_url(value.unwrap_or(b""), number, out);
                }
                _ => out.extend_from_slice(value.unwrap_or(b"")),
            }
        }
        self.piece(shape.leaves(), &mut lists, &leaf, out);
    }

    /// Writes a piece of the template; where a list of codings ends in it, the codings that maps add come before its end.
    fn piece<'a>(&self, index: usize, lists: &mut &[CodingList], leaf: &impl Fn(usize) -> Option<&'a [u8]>, out: &mut Vec<u8>) {
        let piece = self.shape.piece(index);
        let mut from = 0;
        while let Some((list, rest)) = lists.split_first().filter(|(list, _)| list.piece <= index) {
            *lists = rest;
            if list.piece == index {
                out.extend_from_slice(&piece[from..list.at]);
                self.terminology.add_to(list, leaf, out);
                from = list.at;
            }
        }
        out.extend_from_slice(&piece[from..]);
    }

    /// A record without an id gets its archive id as first member.
    fn put_missing_id(&self, piece: &[u8], out: &mut Vec<u8>) {
        let brace = piece.iter().position(|b| *b == b'{').map_or(0, |at| at + 1);
        out.extend_from_slice(&piece[..brace]);
        out.extend_from_slice(b"\"id\":\"");
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(b"\",");
        out.extend_from_slice(&piece[brace..]);
    }

    /// Turns the `"data":"` that was just written into a `url` that leads to the document. A Binary keeps its `data`
    /// member, empty: its bytes are what a read of it answers.
    fn moved(&self, number: usize, out: &mut Vec<u8>) {
        if self.shape.kind() == Kind::BINARY {
            return;
        }
        let Some(id) = document_id(self.shape.kind(), self.id, number) else { return };
        let tail = out.len().saturating_sub(24);
        if let Some(at) = memchr::memmem::rfind(&out[tail..], b"\"data\"") {
            let rest = out.split_off(tail + at + 6);
            out.truncate(tail + at);
            out.extend_from_slice(b"\"url\"");
            out.extend_from_slice(&rest);
            out.extend_from_slice(b"Binary/");
            out.extend_from_slice(id.0.as_str().as_bytes());
        }
    }

    fn attachment_url(&self, value: &[u8], number: usize, out: &mut Vec<u8>) {
        let url = leaf_text(value);
        let rewritten = match target(&url) {
            _ if self.resolver.has_file(&url) => {
                document_id(self.shape.kind(), self.id, number).map(|d| format!("Binary/{}", d.0))
            }
            Target::Local(kind, id) if kind == Kind::BINARY => Some(format!("Binary/{}", self.name_of(kind, id))),
            Target::Urn(urn) => self.resolver.alias(urn).map(|(kind, id)| format!("{kind}/{id}")),
            _ => None,
        };
        match rewritten {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(value),
        }
    }

    fn reference(&self, value: &[u8], out: &mut Vec<u8>) {
        // By far the most references are relative and to UUIDs: these stay as they are.
        let plain = !value.contains(&b'\\');
        if plain
            && value.len() > 36
            && let Ok(text) = std::str::from_utf8(value)
            && is_true_uuid(&text[text.len() - 36..])
            && text[..text.len() - 36].strip_suffix('/').is_some_and(|kind| Kind::from_name(kind).is_some())
        {
            out.extend_from_slice(value);
            return;
        }
        let text = leaf_text(value);
        let rewritten = match target(&text) {
            Target::Local(kind, id) => {
                let name = self.name_of(kind, id);
                let is_absolute = text.contains("://");
                (!is_absolute || self.resolver.holds(kind, &name)).then(|| format!("{kind}/{name}"))
            }
            Target::Urn(urn) => self.resolver.alias(urn).map(|(kind, id)| format!("{kind}/{id}")),
            Target::Conditional(_, query) => self.resolver.alias(query).map(|(kind, id)| format!("{kind}/{id}")),
            Target::Contained | Target::Other => None,
        };
        match rewritten {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(value),
        }
    }

    fn name_of(&self, kind: Kind, id: &str) -> String {
        archive_id(self.source_system, kind.name(), id).as_str().to_string()
    }
}
