//! A scanned page: a bilevel TIFF at fax resolution with letters drawn dot by dot, slightly askew.
//!
//! Not for: pages with a text layer (`pdf`). There is nothing to read in it but the picture.

use super::pdf::lines;

/// Pixels: US Letter at 150 dots per inch.
const WIDTH: usize = 1272;
const HEIGHT: usize = 1648;
const ROW_BYTES: usize = WIDTH / 8;
const SCALE: usize = 2;

/// Renders a text in capitals; characters that the font lacks are blots.
pub fn page(text: &str) -> Vec<u8> {
    let mut bits = vec![0_u8; ROW_BYTES * HEIGHT];
    let columns = (WIDTH - 200) / (6 * SCALE);
    for (row, line) in lines(text, columns).take((HEIGHT - 200) / 20).enumerate() {
        for (column, c) in line.chars().enumerate() {
            // A sheet is never fed straight: the line sinks by a dot every 200.
            let x = 100 + column * 6 * SCALE;
            draw(&mut bits, c, x, 100 + row * 20 + x / 200);
        }
    }
    tiff(&bits)
}

fn draw(bits: &mut [u8], c: char, x: usize, y: usize) {
    for (dy, row) in glyph(c).into_iter().enumerate() {
        for dx in (0..5).filter(|dx| row >> (4 - dx) & 1 == 1) {
            for (sx, sy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (px, py) = (x + dx * SCALE + sx, y + dy * SCALE + sy);
                if px < WIDTH && py < HEIGHT {
                    bits[py * ROW_BYTES + px / 8] |= 0x80 >> (px % 8);
                }
            }
        }
    }
}

fn glyph(c: char) -> [u8; 7] {
    match c.to_ascii_uppercase() {
        ' ' => [0; 7],
        c @ 'A'..='Z' => LETTERS[c as usize - 'A' as usize],
        c @ '0'..='9' => DIGITS[c as usize - '0' as usize],
        c => MARKS.iter().find(|(mark, _)| *mark == c).map_or([0, 0, 14, 14, 14, 0, 0], |(_, rows)| *rows),
    }
}

/// TIFF 6.0 baseline bilevel (§3), PackBits (§9), one strip, 0 = white.
fn tiff(bits: &[u8]) -> Vec<u8> {
    let mut strip = Vec::new();
    bits.chunks(ROW_BYTES).for_each(|row| pack(row, &mut strip));
    let tags: [(u16, u16, u32); 11] = [
        (256, 4, WIDTH as u32),
        (257, 4, HEIGHT as u32),
        (258, 3, 1),             // bits per sample
        (259, 3, 32773),         // compression: PackBits
        (262, 3, 0),             // photometric: white is zero
        (273, 4, 8),             // strip offset: after the header
        (277, 3, 1),             // samples per pixel
        (278, 4, HEIGHT as u32), // rows per strip
        (279, 4, strip.len() as u32),
        (282, 5, 0), // resolution, offset set below
        (283, 5, 0),
    ];
    let directory = (8 + strip.len()).next_multiple_of(2);
    let resolution = (directory + 2 + tags.len() * 12 + 4) as u32;
    let mut file = Vec::with_capacity(directory + 200);
    file.extend_from_slice(b"II*\0");
    file.extend_from_slice(&(directory as u32).to_le_bytes());
    file.extend_from_slice(&strip);
    file.resize(directory, 0);
    file.extend_from_slice(&(tags.len() as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        file.extend_from_slice(&tag.to_le_bytes());
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&1_u32.to_le_bytes());
        file.extend_from_slice(&(if kind == 5 { resolution } else { value }).to_le_bytes());
    }
    file.extend_from_slice(&0_u32.to_le_bytes());
    file.extend_from_slice(&150_u32.to_le_bytes());
    file.extend_from_slice(&1_u32.to_le_bytes());
    file
}

/// PackBits of one row: runs of three and more are repeated, the rest is literal.
fn pack(row: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < row.len() {
        let run = row[at..].iter().take(128).take_while(|b| **b == row[at]).count();
        if run > 2 {
            out.push((1_i32 - run as i32) as u8);
            out.push(row[at]);
            at += run;
            continue;
        }
        let start = at;
        while at < row.len() && at - start < 128 && !(at + 2 < row.len() && row[at] == row[at + 1] && row[at] == row[at + 2]) {
            at += 1;
        }
        out.push((at - start - 1) as u8);
        out.extend_from_slice(&row[start..at]);
    }
}

/// Five columns by seven rows, most significant bit at the left.
#[rustfmt::skip]
const LETTERS: [[u8; 7]; 26] = [
    [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001], // A
    [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110], // B
    [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110], // C
    [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110], // D
    [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111], // E
    [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000], // F
    [0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01110], // G
    [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001], // H
    [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110], // I
    [0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100], // J
    [0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001], // K
    [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111], // L
    [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001], // M
    [0b10001, 0b11001, 0b10101, 0b10011, 0b10001, 0b10001, 0b10001], // N
    [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110], // O
    [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000], // P
    [0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101], // Q
    [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001], // R
    [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110], // S
    [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100], // T
    [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110], // U
    [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100], // V
    [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001], // W
    [0b10001, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b10001], // X
    [0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100], // Y
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111], // Z
];

#[rustfmt::skip]
const DIGITS: [[u8; 7]; 10] = [
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110], // 0
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110], // 1
    [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111], // 2
    [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110], // 3
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010], // 4
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110], // 5
    [0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110], // 6
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000], // 7
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110], // 8
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110], // 9
];

#[rustfmt::skip]
const MARKS: [(char, [u8; 7]); 10] = [
    ('.', [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100]),
    (',', [0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100, 0b01000]),
    (':', [0b00000, 0b01100, 0b01100, 0b00000, 0b01100, 0b01100, 0b00000]),
    ('-', [0b00000, 0b00000, 0b00000, 0b11111, 0b00000, 0b00000, 0b00000]),
    ('/', [0b00001, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b10000]),
    ('(', [0b00010, 0b00100, 0b01000, 0b01000, 0b01000, 0b00100, 0b00010]),
    (')', [0b01000, 0b00100, 0b00010, 0b00010, 0b00010, 0b00100, 0b01000]),
    ('%', [0b11001, 0b11001, 0b00010, 0b00100, 0b01000, 0b10011, 0b10011]),
    ('\'', [0b00100, 0b00100, 0b01000, 0b00000, 0b00000, 0b00000, 0b00000]),
    (';', [0b00000, 0b01100, 0b01100, 0b00000, 0b01100, 0b01100, 0b01000]),
];
