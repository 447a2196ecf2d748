//! A PDF file, written object after object as they become known: nothing that is written is held.
//!
//! lopdf's own writer takes a document that is complete in memory; here its object types are used, and a file of any length
//! goes straight to its reader. Objects of a part count from 1 and are shifted when their turn comes.
//!
//! Not for: what the objects say (`press`, `embed`).

use std::cell::RefCell;
use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress, Status};
use lopdf::{Dictionary, Object, Stream, StringFormat};

/// Page text hardly gets smaller above this.
const LEVEL: u32 = 5;

/// Compressed as streams are here.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    thread_local! {
        // Its tables are larger than most streams; each thread makes them once.
        static PACKER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), true));
    }
    PACKER.with_borrow_mut(|packer| {
        packer.reset();
        let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let taken = packer.total_in() as usize;
            match packer.compress_vec(bytes.get(taken..).unwrap_or_default(), &mut out, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return out,
                _ => out.reserve(out.capacity()),
            }
        }
    })
}

/// A stream of bytes that are already compressed.
pub fn stream(mut dictionary: Dictionary, packed: Vec<u8>) -> Object {
    dictionary.set("Filter", name("FlateDecode"));
    Object::Stream(Stream::new(dictionary, packed))
}

pub fn name(name: &str) -> Object {
    Object::Name(name.as_bytes().to_vec())
}

pub fn reference(number: u32) -> Object {
    Object::Reference((number, 0))
}

/// A text string: UTF-16 with its mark, unless plain letters say it.
pub fn text(text: &str) -> Object {
    if text.chars().all(|character| (' '..='~').contains(&character)) {
        return Object::String(text.as_bytes().to_vec(), StringFormat::Literal);
    }
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    Object::String(units.flat_map(u16::to_be_bytes).collect(), StringFormat::Hexadecimal)
}

/// Writes objects and remembers where.
pub struct File<W: Write> {
    out: W,
    offset: u64,
    /// Where each object starts, from number 1 on.
    places: Vec<u64>,
}

impl<W: Write> File<W> {
    pub fn new(out: W) -> io::Result<File<W>> {
        let mut file = File { out, offset: 0, places: Vec::new() };
        file.bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")?;
        Ok(file)
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Bytes written so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Numbers for objects that are written later; the first of them.
    pub fn reserve(&mut self, count: usize) -> u32 {
        let first = self.places.len() as u32 + 1;
        self.places.resize(self.places.len() + count, 0);
        first
    }

    pub fn add(&mut self, object: &Object) -> io::Result<u32> {
        let number = self.reserve(1);
        self.put(number, object, 0)?;
        Ok(number)
    }

    /// Writes an object whose references are all shifted by so much.
    pub fn put(&mut self, number: u32, object: &Object, shift: u32) -> io::Result<()> {
        if let Some(place) = self.places.get_mut(number as usize - 1) {
            *place = self.offset;
        }
        let mut text = Vec::with_capacity(256);
        writeln!(text, "{number} 0 obj")?;
        match object {
            Object::Stream(stream) => {
                let mut dictionary = stream.dict.clone();
                dictionary.set("Length", Object::Integer(stream.content.len() as i64));
                of_dictionary(&mut text, &dictionary, shift);
                text.extend_from_slice(b"stream\n");
                self.bytes(&text)?;
                self.bytes(&stream.content)?;
                self.bytes(b"\nendstream\nendobj\n")
            }
            _ => {
                of(&mut text, object, shift);
                text.extend_from_slice(b"\nendobj\n");
                self.bytes(&text)
            }
        }
    }

    /// The table of objects and the trailer.
    pub fn finish(mut self, mut trailer: Dictionary) -> io::Result<W> {
        let start = self.offset;
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.places.len() + 1).into_bytes();
        for place in &self.places {
            // A number that was never used is a free one.
            if *place == 0 {
                table.extend_from_slice(b"0000000000 00001 f \n");
            } else {
                writeln!(table, "{place:010} 00000 n ")?;
            }
        }
        trailer.set("Size", Object::Integer(self.places.len() as i64 + 1));
        table.extend_from_slice(b"trailer\n");
        of_dictionary(&mut table, &trailer, 0);
        write!(table, "\nstartxref\n{start}\n%%EOF\n")?;
        self.bytes(&table)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn of(out: &mut Vec<u8>, object: &Object, shift: u32) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Object::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Object::Real(value) => {
            let text = if value.is_finite() { format!("{value:.5}") } else { "0".into() };
            out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
        }
        Object::Name(name) => of_name(out, name),
        Object::String(bytes, StringFormat::Literal) => literal(out, bytes),
        Object::String(bytes, StringFormat::Hexadecimal) => {
            out.push(b'<');
            for byte in bytes {
                out.extend_from_slice(format!("{byte:02X}").as_bytes());
            }
            out.push(b'>');
        }
        Object::Array(items) => {
            out.push(b'[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(b' ');
                }
                of(out, item, shift);
            }
            out.push(b']');
        }
        Object::Dictionary(dictionary) => of_dictionary(out, dictionary, shift),
        // A stream stands for itself, never inside another object.
        Object::Stream(_) => out.extend_from_slice(b"null"),
        Object::Reference((number, _)) => out.extend_from_slice(format!("{} 0 R", number + shift).as_bytes()),
    }
}

fn of_dictionary(out: &mut Vec<u8>, dictionary: &Dictionary, shift: u32) {
    out.extend_from_slice(b"<<");
    for (key, value) in dictionary {
        of_name(out, key);
        out.push(b' ');
        of(out, value, shift);
        out.push(b'\n');
    }
    out.extend_from_slice(b">>\n");
}

fn of_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("#{byte:02X}").as_bytes());
        }
    }
}

fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'(');
    for byte in bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(*byte),
        }
    }
    out.push(b')');
}
