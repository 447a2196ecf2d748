//! Terms taken out of pages before they are set: each stretch of words that reads as one, across runs, cells and lines.
//!
//! The words of a part are read in the order in which they will stand on paper; a term that begins in one paragraph or cell and
//! ends in the next is found too. In its place stands a mark, one in each paragraph that lost something.
//!
//! Not for: finding (`fold`), pictures and pages of other files (`pixels`, `sheet`).

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::Redactions;
use super::fold::{Hit, Needles, Order};
use crate::release::package::hex;
use crate::render::pdf::content::{Block, Cell, Line, Look, Part, Picture, PlacedWord, Run, Table};

/// How a text goes on from the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// In the same paragraph.
    Same,
    /// In the next paragraph, cell or line.
    Next,
    /// Nobody reads them as one.
    Apart,
}

/// What is printed where hits were: `[R-1: 42 CFR Part 2]`.
pub fn mark(redactions: &Redactions, terms: &[usize]) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for term in terms.iter().filter_map(|term| redactions.terms.get(*term)) {
        if !codes.contains(&term.reason.as_str()) {
            codes.push(&term.reason);
        }
    }
    codes.into_iter().map(|code| named(redactions, code)).collect()
}

/// A reason as it is printed.
pub fn named(redactions: &Redactions, code: &str) -> String {
    match redactions.reasons.iter().find(|reason| reason.code == code) {
        Some(reason) => format!("[{code}: {}]", reason.words),
        None => format!("[{code}]"),
    }
}

/// A stretch to be taken out, with the terms that asked for it.
struct Gap {
    at: Range<usize>,
    terms: Vec<usize>,
}

/// Hits that touch or overlap become one.
fn gaps(hits: Vec<Hit>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for hit in hits {
        match gaps.last_mut() {
            Some(last) if hit.at.start < last.at.end => {
                last.at.end = last.at.end.max(hit.at.end);
                last.terms.push(hit.term);
            }
            _ => gaps.push(Gap { at: hit.at, terms: vec![hit.term] }),
        }
    }
    gaps
}

/// A text without its terms.
pub fn text(redactions: &Redactions, needles: &Needles, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for gap in gaps(needles.hits(text, Order::Written)) {
        out.push_str(text.get(done..gap.at.start).unwrap_or_default());
        out.push_str(&mark(redactions, &gap.terms));
        done = gap.at.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// What was taken out of a part.
#[derive(Debug, Default)]
pub struct Taken {
    /// Every term that was met, as often as it was.
    pub terms: Vec<usize>,
    /// Digests over all texts of the part.
    pub before_sha256: String,
    pub after_sha256: String,
}

/// Takes the terms out of a part.
pub fn part(redactions: &Redactions, needles: &Needles, part: &mut Part) -> Taken {
    if needles.is_empty() {
        return Taken::default();
    }
    let mut found = Vec::new();
    without_pictures(redactions, needles, &mut part.blocks, &mut found);
    let mut streams = Streams::default();
    walk(part, &mut |text, joint, is_form| streams.take_in(text, joint, is_form));
    let mut edits = streams.edits(redactions, needles);
    found.append(&mut edits.found);
    if found.is_empty() {
        return Taken::default();
    }
    let before_sha256 = digest(part);
    let mut number = 0;
    walk(part, &mut |text, _, _| {
        let from = edits.cuts.partition_point(|cut| cut.piece < number);
        let cuts = edits.cuts.get(from..).unwrap_or_default();
        let cuts: Vec<&Cut> = cuts.iter().take_while(|cut| cut.piece == number).collect();
        number += 1;
        for cut in cuts.iter().rev() {
            text.replace_range(cut.at.clone(), &cut.mark);
        }
    });
    Taken { terms: found, before_sha256, after_sha256: digest(part) }
}

/// SHA-256 over all texts of a part, each ended by a null.
fn digest(part: &mut Part) -> String {
    let mut digest = Sha256::new();
    walk(part, &mut |text, _, _| {
        digest.update(text.as_bytes());
        digest.update([0]);
    });
    hex(&digest.finalize())
}

/// Texts that are read as one, each with the pieces that it was put together from.
#[derive(Default)]
struct Streams {
    all: Vec<Stream>,
    pieces: usize,
}

#[derive(Default)]
struct Stream {
    text: String,
    segments: Vec<Segment>,
}

/// Where a stretch of a piece stands in its stream.
struct Segment {
    start: usize,
    length: usize,
    piece: usize,
    offset: usize,
    paragraph: usize,
}

/// What goes out of a piece, and what comes there.
struct Cut {
    piece: usize,
    at: Range<usize>,
    mark: String,
}

#[derive(Default)]
struct Edits {
    /// In the order of the pieces and inside them.
    cuts: Vec<Cut>,
    found: Vec<usize>,
}

impl Streams {
    fn take_in(&mut self, text: &str, joint: Joint, is_form: bool) {
        let piece = self.pieces;
        self.pieces += 1;
        if joint == Joint::Apart || self.all.is_empty() {
            self.all.push(Stream::default());
        }
        let mut joint = joint;
        for literal in literals(text, is_form) {
            if let Some(stream) = self.all.last_mut() {
                stream.add(text.get(literal.clone()).unwrap_or_default(), joint, piece, literal.start);
            }
            joint = Joint::Same;
            if literal.end < text.len() {
                self.all.push(Stream::default());
            }
        }
    }

    fn edits(&self, redactions: &Redactions, needles: &Needles) -> Edits {
        let mut edits = Edits::default();
        for stream in &self.all {
            let hits = needles.hits(&stream.text, Order::Written);
            edits.found.extend(hits.iter().map(|hit| hit.term));
            for gap in gaps(hits) {
                stream.cut(&gap, &mark(redactions, &gap.terms), &mut edits.cuts);
            }
        }
        edits.cuts.sort_by_key(|cut| (cut.piece, cut.at.start));
        edits
    }
}

impl Stream {
    fn add(&mut self, text: &str, joint: Joint, piece: usize, offset: usize) {
        let paragraph = self.segments.last().map_or(0, |last| last.paragraph + usize::from(joint != Joint::Same));
        if joint == Joint::Next && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.segments.push(Segment { start: self.text.len(), length: text.len(), piece, offset, paragraph });
        self.text.push_str(text);
    }

    /// Cuts the gap out of each piece that it reaches into; the first of each paragraph gets the mark.
    fn cut(&self, gap: &Gap, mark: &str, cuts: &mut Vec<Cut>) {
        let first = self.segments.partition_point(|segment| segment.start + segment.length <= gap.at.start);
        let mut marked = None;
        for segment in self.segments.get(first..).unwrap_or_default() {
            if segment.start >= gap.at.end {
                break;
            }
            let from = gap.at.start.max(segment.start) - segment.start;
            let to = gap.at.end.min(segment.start + segment.length).saturating_sub(segment.start);
            if from >= to {
                continue;
            }
            let mark = if marked == Some(segment.paragraph) { "" } else { mark };
            marked = Some(segment.paragraph);
            cuts.push(Cut { piece: segment.piece, at: segment.offset + from..segment.offset + to, mark: mark.to_owned() });
        }
    }
}

/// The stretches of a text that are printed as they stand; in forms of furniture numbers take the place of `{page}` and its like.
fn literals(text: &str, is_form: bool) -> Vec<Range<usize>> {
    const NUMBERS: [&str; 5] = ["{page}", "{pages}", "{sheet}", "{sheets}", "{bates}"];
    let mut literals = Vec::new();
    let mut done = 0;
    if is_form {
        for (at, _) in text.match_indices('{') {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(number) = NUMBERS.iter().find(|number| rest.starts_with(**number)) {
                literals.push(done..at);
                done = at + number.len();
            }
        }
    }
    literals.push(done..text.len());
    literals
}

/// Takes a text, how it goes on from the one before, and whether it is a form of furniture.
type See<'s> = dyn FnMut(&mut String, Joint, bool) + 's;

/// Every text of a part, in the order of reading.
fn walk(part: &mut Part, see: &mut See<'_>) {
    for lines in [&mut part.furniture.head, &mut part.furniture.foot] {
        for (number, Line { left, middle, right }) in lines.iter_mut().enumerate() {
            see(left, if number == 0 { Joint::Apart } else { Joint::Next }, true);
            see(middle, Joint::Next, true);
            see(right, Joint::Next, true);
        }
    }
    if let Some(bates) = &mut part.furniture.bates {
        see(&mut bates.prefix, Joint::Apart, false);
    }
    if let Some(banner) = &mut part.furniture.banner {
        see(banner, Joint::Apart, true);
    }
    see(&mut String::new(), Joint::Apart, false);
    blocks(&mut part.blocks, see);
    // Titles of bookmarks are read one by one, beside the pages.
    titles(&mut part.blocks, see);
}

fn blocks(all: &mut [Block], see: &mut See<'_>) {
    for block in all {
        match block {
            Block::Heading { words, .. } | Block::Paragraph { words, .. } | Block::Contents { words, .. } => runs(words, see),
            Block::List { items, .. } => items.iter_mut().for_each(|item| blocks(item, see)),
            Block::Table(table) => cells(table, see),
            Block::Facts(facts) => {
                for (label, lines) in facts {
                    see(label, Joint::Next, false);
                    lines.iter_mut().for_each(|line| see(line, Joint::Next, false));
                }
            }
            Block::Box { blocks: inner, .. } | Block::Indent(inner) => blocks(inner, see),
            Block::Picture(picture) => runs(&mut picture.caption, see),
            Block::Sheet(_) | Block::Rule | Block::NewPage | Block::Place { .. } => {}
        }
    }
}

fn cells(table: &mut Table, see: &mut See<'_>) {
    runs(&mut table.caption, see);
    for row in table.head.iter_mut().chain(&mut table.body).chain(&mut table.foot) {
        row.iter_mut().for_each(|cell| blocks(&mut cell.blocks, see));
    }
}

fn runs(words: &mut [Run], see: &mut See<'_>) {
    let mut joint = Joint::Next;
    for Run { text, late, .. } in words {
        if late.is_some() {
            // A number is printed in its place.
            joint = Joint::Apart;
            continue;
        }
        see(text, joint, false);
        joint = Joint::Same;
    }
}

fn titles(all: &mut [Block], see: &mut See<'_>) {
    for block in all {
        match block {
            Block::Heading { outline: Some(title), .. } | Block::Place { outline: Some(title), .. } => {
                see(title, Joint::Apart, false);
            }
            Block::Picture(picture) => see(&mut picture.alt, Joint::Apart, false),
            Block::List { items, .. } => items.iter_mut().for_each(|item| titles(item, see)),
            Block::Table(Table { head, body, foot, .. }) => {
                let cells = head.iter_mut().chain(body).chain(foot).flatten();
                cells.for_each(|cell: &mut Cell| titles(&mut cell.blocks, see));
            }
            Block::Box { blocks, .. } | Block::Indent(blocks) => titles(blocks, see),
            _ => {}
        }
    }
}

/// Pictures were redacted before they came here. One whose words still hold a term gives way to a line that says so.
fn without_pictures(redactions: &Redactions, needles: &Needles, all: &mut [Block], found: &mut Vec<usize>) {
    for block in all {
        match block {
            Block::Picture(picture) => {
                let terms = terms_on(needles, picture);
                found.extend(&terms);
                if !terms.is_empty() {
                    let text = format!("Picture withheld {}", mark(redactions, &terms));
                    *block = Block::Paragraph { words: vec![Run { text, ..Run::default() }], look: Look::Body, anchor: None };
                }
            }
            Block::List { items, .. } => {
                items.iter_mut().for_each(|item| without_pictures(redactions, needles, item, found));
            }
            Block::Table(Table { head, body, foot, .. }) => {
                let cells = head.iter_mut().chain(body).chain(foot).flatten();
                cells.for_each(|cell| without_pictures(redactions, needles, &mut cell.blocks, found));
            }
            Block::Box { blocks, .. } | Block::Indent(blocks) => without_pictures(redactions, needles, blocks, found),
            _ => {}
        }
    }
}

fn terms_on(needles: &Needles, picture: &Picture) -> Vec<usize> {
    placed_hits(needles, &picture.words).into_iter().map(|(_, term)| term).collect()
}

/// The words of a picture that terms stand in, with the term.
pub fn placed_hits(needles: &Needles, words: &[PlacedWord]) -> Vec<(usize, usize)> {
    let mut text = String::new();
    let mut starts = Vec::with_capacity(words.len());
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        starts.push(text.len());
        text.push_str(&word.text);
    }
    let mut found = Vec::new();
    // Where their lines end is not told: a line may end after each hyphen.
    let hits = [Order::Drawn, Order::Written].map(|order| needles.hits(&text, order));
    for hit in hits.into_iter().flatten() {
        let first = starts.partition_point(|start| *start <= hit.at.start).saturating_sub(1);
        let last = starts.partition_point(|start| *start < hit.at.end);
        found.extend((first..last).map(|word| (word, hit.term)));
    }
    found.sort_unstable();
    found.dedup();
    found
}
