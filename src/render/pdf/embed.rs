//! The fonts in the file: the glyphs that its pages use, what their codes mean, and how wide they are.
//!
//! printpdf embeds a font whole and knows one code for a glyph; allsorts, the font library under it, makes the subset here.
//!
//! Not for: which font draws what (`faces`).

use std::io::{self, Write};

use allsorts::binary::read::ReadScope;
use allsorts::font_data::FontData;
use allsorts::subset::{CmapTarget, SubsetProfile, subset};
use allsorts::tag;
use lopdf::{Dictionary, Object};
use sha2::{Digest, Sha256};

use super::canvas::Used;
use super::faces::{Face, FaceNumber};
use super::write::{File, name, packed, reference, stream};

/// Writes all fonts that are used; the dictionary of their names.
pub fn fonts<W: Write>(file: &mut File<W>, used: &Used) -> io::Result<Dictionary> {
    let mut names = Dictionary::new();
    for (number, codes) in used.faces() {
        names.set(format!("F{number}"), reference(font(file, number, &codes)?));
    }
    Ok(names)
}

fn font<W: Write>(file: &mut File<W>, number: FaceNumber, codes: &[u16]) -> io::Result<u32> {
    let face = Face::of(number);
    let mut glyphs: Vec<u16> = std::iter::once(0).chain(codes.iter().map(|code| face.glyph(*code))).collect();
    glyphs.sort_unstable();
    glyphs.dedup();
    let bytes = cut(face, &glyphs);
    let is_cut = bytes.is_some();
    let bytes = bytes.unwrap_or_else(|| face.data.to_vec());
    let base = format!("{}+{}", subset_tag(codes), face.name);

    let mut data = Dictionary::new();
    data.set("Length1", bytes.len() as i64);
    let data = file.add(&stream(data, packed(&bytes)))?;
    let map = file.add(&stream(Dictionary::new(), packed(&glyph_map(face, codes, &glyphs, is_cut))))?;
    let meaning = file.add(&stream(Dictionary::new(), packed(&meanings(face, codes))))?;

    let mut descriptor = Dictionary::new();
    descriptor.set("Type", name("FontDescriptor"));
    descriptor.set("FontName", name(&base));
    descriptor.set("Flags", 4);
    descriptor.set("FontBBox", face.bounds.map(|edge| Object::Integer(i64::from(edge))).to_vec());
    descriptor.set("ItalicAngle", if face.name.contains("Italic") { -12 } else { 0 });
    descriptor.set("Ascent", i64::from(face.ascent));
    descriptor.set("Descent", i64::from(face.descent));
    descriptor.set("CapHeight", 714);
    descriptor.set("StemV", if face.name.contains("Bold") { 140 } else { 80 });
    descriptor.set("FontFile2", reference(data));
    let descriptor = file.add(&Object::Dictionary(descriptor))?;

    let mut system = Dictionary::new();
    system.set("Registry", Object::string_literal("Adobe"));
    system.set("Ordering", Object::string_literal("Identity"));
    system.set("Supplement", 0);
    let mut descendant = Dictionary::new();
    descendant.set("Type", name("Font"));
    descendant.set("Subtype", name("CIDFontType2"));
    descendant.set("BaseFont", name(&base));
    descendant.set("CIDSystemInfo", system);
    descendant.set("FontDescriptor", reference(descriptor));
    descendant.set("DW", 1000);
    descendant.set("W", widths(face, codes));
    descendant.set("CIDToGIDMap", reference(map));
    let descendant = file.add(&Object::Dictionary(descendant))?;

    let mut font = Dictionary::new();
    font.set("Type", name("Font"));
    font.set("Subtype", name("Type0"));
    font.set("BaseFont", name(&base));
    font.set("Encoding", name("Identity-H"));
    font.set("DescendantFonts", vec![reference(descendant)]);
    font.set("ToUnicode", reference(meaning));
    file.add(&Object::Dictionary(font))
}

/// The font with these glyphs alone, numbered in their order; parts of composed glyphs come after them.
fn cut(face: &Face, glyphs: &[u16]) -> Option<Vec<u8>> {
    let font = ReadScope::new(face.data).read::<FontData<'_>>().ok()?;
    let provider = font.table_provider(0).ok()?;
    let tables = [tag::HEAD, tag::HHEA, tag::HMTX, tag::MAXP, tag::CVT, tag::FPGM, tag::PREP];
    subset(&provider, glyphs, &SubsetProfile::Custom(tables.to_vec()), CmapTarget::Unicode).ok()
}

/// Six letters that differ for differing subsets.
fn subset_tag(codes: &[u16]) -> String {
    let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()).collect();
    Sha256::digest(bytes).iter().take(6).map(|byte| char::from(b'A' + byte % 26)).collect()
}

/// The glyph of each code up to the last one in use.
fn glyph_map(face: &Face, codes: &[u16], glyphs: &[u16], is_cut: bool) -> Vec<u8> {
    let last = codes.last().copied().unwrap_or(0);
    let mut map = vec![0; (usize::from(last) + 1) * 2];
    for code in codes {
        let glyph = face.glyph(*code);
        let place = if is_cut { glyphs.binary_search(&glyph).unwrap_or(0) as u16 } else { glyph };
        if let Some(slot) = map.get_mut(usize::from(*code) * 2..usize::from(*code) * 2 + 2) {
            slot.copy_from_slice(&place.to_be_bytes());
        }
    }
    map
}

/// `[code [width width …] code […]]`
fn widths(face: &Face, codes: &[u16]) -> Object {
    let mut all = Vec::new();
    for run in codes.chunk_by(|a, b| a + 1 == *b) {
        let Some(first) = run.first() else { continue };
        all.push(Object::Integer(i64::from(*first)));
        all.push(Object::Array(run.iter().map(|code| Object::Integer(i64::from(face.width(*code)))).collect()));
    }
    Object::Array(all)
}

/// What each code means, as a CMap.
fn meanings(face: &Face, codes: &[u16]) -> Vec<u8> {
    let mut out = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
         /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
         /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
         1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
    );
    let known: Vec<(u16, char)> = codes.iter().filter_map(|code| Some((*code, face.character(*code)?))).collect();
    for block in known.chunks(100) {
        out.push_str(&format!("{} beginbfchar\n", block.len()));
        for (code, character) in block {
            out.push_str(&format!("<{code:04X}> <"));
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("{unit:04X}"));
            }
            out.push_str(">\n");
        }
        out.push_str("endbfchar\n");
    }
    out.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
    out.into_bytes()
}
