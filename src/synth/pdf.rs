//! A one-page PDF with a text layer, in the built-in Helvetica.
//!
//! Not for: releases (`render`), which use printpdf. That writer puts a process-wide counter into the file's `/ID`;
//! here the same patient must give the same bytes in whatever order threads come to it.

use super::notes::Note;

/// Lays a note out on US Letter; what does not fit on the page is left out, as a printer would not do.
pub fn one_page(note: &Note) -> Vec<u8> {
    let mut content = String::from("BT\n/F1 9.5 Tf\n54 745 Td\n12 TL\n");
    for line in lines(&note.text(), 98).take(58) {
        content.push('(');
        for c in line.chars() {
            match c {
                '(' | ')' | '\\' => content.extend(['\\', c]),
                c if c.is_ascii() => content.push(c),
                // WinAnsi agrees with Latin-1 from here on; an octal escape keeps the file 7-bit.
                c if ('\u{a0}'..='\u{ff}').contains(&c) => content.push_str(&format!("\\{:03o}", c as u32)),
                '’' => content.push_str("\\222"),
                _ => content.push('?'),
            }
        }
        content.push_str(") Tj T*\n");
    }
    content.push_str("ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_string(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>"
            .to_string(),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_string(),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", i + 1));
    }
    let start = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for offset in offsets {
        file.push_str(&format!("{offset:010} 00000 n \n"));
    }
    file.push_str(&format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1));
    file.into_bytes()
}

/// The lines of a text, broken at spaces to at most `width` characters.
pub fn lines(text: &str, width: usize) -> impl Iterator<Item = String> + '_ {
    text.lines().flat_map(move |paragraph| {
        let (mut done, mut line) = (Vec::new(), String::new());
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                done.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        done.push(line);
        done
    })
}
