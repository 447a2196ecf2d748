//! Damage that knows what it damages: bytes, numbers, the marks of a format, its nesting, and pieces of other inputs.
//!
//! Not for: choosing the inputs (`seeds`), or what must hold for what comes out (`targets`).

use std::ops::Range;

use super::dice::Dice;
use super::marks::Marks;

/// Inputs do not grow beyond this.
const BYTES_MAX: usize = 1 << 20;

const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999999",
    "1e999",
    "0.00000000000000000000000000000000001",
];
const WORDS: [u32; 8] = [0, 1, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

/// Damages an input in one to a few places. `others` are further inputs of the same target, to take pieces from.
pub fn mutate(bytes: &mut Vec<u8>, others: &[&[u8]], marks: &Marks, dice: &mut Dice) {
    let times = 1 + if dice.once_in(3) { dice.below(12) } else { dice.below(3) };
    for _ in 0..times {
        once(bytes, others, marks, dice);
        bytes.truncate(BYTES_MAX);
    }
}

fn once(bytes: &mut Vec<u8>, others: &[&[u8]], marks: &Marks, dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let span = span(bytes.len(), dice);
    match dice.below(18) {
        0 | 1 => flip(bytes, dice),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(..at)),
        4 => drop(bytes.drain(span)),
        5 => repeat(bytes, span, dice),
        6 => {
            let length = dice.length(64);
            let noise: Vec<u8> = (0..length).map(|_| dice.byte()).collect();
            insert(bytes, at, &noise);
        }
        7 => {
            let other = *dice.pick(others);
            let piece = &other[self::span(other.len(), dice)];
            insert(bytes, at, piece);
        }
        8 => {
            // The head of one and the tail of another.
            let other = *dice.pick(others);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.below(other.len() + 1)..]);
        }
        9 | 10 => number(bytes, at, dice),
        11 => word(bytes, at, dice),
        12 => nest(bytes, span, marks, dice),
        13 => {
            let length = if dice.once_in(16) { BYTES_MAX } else { dice.length(1 << 16) };
            let byte = match dice.below(3) {
                0 => dice.byte(),
                1 => *bytes.get(at).unwrap_or(&b'A'),
                _ => *dice.pick(marks.tokens).as_bytes().first().unwrap_or(&b'A'),
            };
            let run = vec![byte; length];
            insert(bytes, at, &run);
        }
        14 => {
            let piece = bytes[span].to_vec();
            insert(bytes, at, &piece);
        }
        15 => replace_token(bytes, at, marks, dice),
        _ => {
            let token = dice.pick(marks.tokens).as_bytes();
            let times = if dice.once_in(8) { dice.length(4096) } else { 1 };
            insert(bytes, at, &token.repeat(times.min(BYTES_MAX / token.len().max(1))));
        }
    }
}

/// A random span, short as a rule.
fn span(length: usize, dice: &mut Dice) -> Range<usize> {
    let start = dice.below(length + 1);
    start..start + dice.length(length - start)
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(bytes.splice(at..at, piece.iter().copied()));
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte = if dice.once_in(2) { *byte ^ (1 << dice.below(8)) } else { dice.byte() };
    }
}

fn repeat(bytes: &mut Vec<u8>, span: Range<usize>, dice: &mut Dice) {
    let piece = bytes[span.clone()].to_vec();
    let most = (BYTES_MAX / 4) / piece.len().max(1);
    let many = piece.repeat(dice.length(1 << 12).min(most));
    insert(bytes, span.end, &many);
}

/// Puts another number in the place of the first digits behind `at`.
fn number(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|step| at + step) else { return };
    let end = bytes[start..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |step| start + step);
    let other = dice.pick(&NUMBERS).bytes();
    drop(bytes.splice(start..end, other));
}

/// Puts another number in the place of four, two or eight bytes of a binary form.
fn word(bytes: &mut [u8], at: usize, dice: &mut Dice) {
    let word = *dice.pick(&WORDS);
    let written = if dice.once_in(2) { word.to_le_bytes() } else { word.to_be_bytes() };
    let length = *dice.pick(&[2, 4, 4]);
    for (to, from) in bytes.iter_mut().skip(at).take(length).zip(written) {
        *to = from;
    }
}

/// Puts levels around a span, whole or without their ends.
fn nest(bytes: &mut Vec<u8>, span: Range<usize>, marks: &Marks, dice: &mut Dice) {
    let Some((open, close)) = (!marks.nests.is_empty()).then(|| *dice.pick(marks.nests)) else { return };
    let most = (BYTES_MAX / 4) / (open.len() + close.len()).max(1);
    let depth = if dice.once_in(4) { dice.below(1 << 16) } else { dice.length(2000) }.min(most);
    if !dice.once_in(3) {
        insert(bytes, span.end, close.repeat(depth).as_bytes());
    }
    insert(bytes, span.start, open.repeat(depth).as_bytes());
}

/// Puts one mark in the place of the next other one.
fn replace_token(bytes: &mut Vec<u8>, at: usize, marks: &Marks, dice: &mut Dice) {
    let (old, new) = (dice.pick(marks.tokens).as_bytes(), dice.pick(marks.tokens).as_bytes());
    if let Some(start) = memchr::memmem::find(&bytes[at..], old).map(|step| at + step) {
        drop(bytes.splice(start..start + old.len(), new.iter().copied()));
    }
}
