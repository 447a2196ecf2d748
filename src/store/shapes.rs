//! The shape table of an accession: each distinct template once.
//!
//! File: zstd of (count, then length and bytes of each template), behind its plain length as u64 LE. Shape 0 is the
//! whole record and has no template; the first template in the file is shape 1.
//!
//! Not for: understanding a template (`formats::fhir::Shape`).

use std::path::Path;
use std::sync::OnceLock;

use super::StoreError;
use super::codec::wire::{Cursor, put_bytes, put_varint};
use crate::durable::{self, FileDigest};
use crate::formats::fhir::Shape;
use crate::limits;

/// Writes the shape table.
pub fn write_shapes(path: &Path, templates: &[&[u8]]) -> Result<FileDigest, StoreError> {
    let mut plain = Vec::new();
    put_varint(&mut plain, templates.len() as u64);
    for template in templates {
        put_bytes(&mut plain, template);
    }
    let mut out = (plain.len() as u64).to_le_bytes().to_vec();
    out.extend(zstd::bulk::compress(&plain, 12).map_err(StoreError::write(path))?);
    Ok(durable::write_new(path, &out)?)
}

/// An open shape table; a template is understood when first used.
pub struct ShapeTable {
    plain: Vec<u8>,
    spans: Vec<(usize, usize)>,
    shapes: Vec<OnceLock<Option<Box<Shape>>>>,
}

impl ShapeTable {
    pub fn open(path: &Path) -> Result<ShapeTable, StoreError> {
        let damaged = |what: &str| StoreError::damaged(path, 0, what);
        let bytes = std::fs::read(path).map_err(StoreError::read(path))?;
        let (head, packed) = bytes.split_first_chunk::<8>().ok_or_else(|| damaged("too short"))?;
        let length = usize::try_from(u64::from_le_bytes(*head)).ok().filter(|l| *l <= 2 * limits::SHAPES_BYTES_MAX);
        let plain = zstd::bulk::decompress(packed, length.ok_or_else(|| damaged("out of bounds"))?)
            .map_err(|_| damaged("cannot be unpacked"))?;
        let spans = read_spans(&plain).map_err(|_| damaged("cannot be read"))?;
        let shapes = spans.iter().map(|_| OnceLock::new()).collect();
        Ok(ShapeTable { plain, spans, shapes })
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The shape of a number above 0.
    pub fn get(&self, number: u32) -> Option<&Shape> {
        let index = (number as usize).checked_sub(1)?;
        let (start, end) = *self.spans.get(index)?;
        self.shapes[index].get_or_init(|| Shape::new(&self.plain[start..end]).ok().map(Box::new)).as_deref()
    }

    /// How many leaves shape `number` has.
    pub fn leaves(&self, number: u32) -> Option<usize> {
        self.get(number).map(Shape::leaves)
    }
}

fn read_spans(plain: &[u8]) -> Result<Vec<(usize, usize)>, super::codec::CodecError> {
    let mut cursor = Cursor::new(plain);
    let count = cursor.count(plain.len())?;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let length = cursor.count(plain.len())?;
        let range = cursor.take(length)?;
        spans.push((range.start, range.end));
    }
    if cursor.at == plain.len() { Ok(spans) } else { Err(super::codec::CodecError("bytes after the end")) }
}
