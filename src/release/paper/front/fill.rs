//! Facts in texts: words in braces stand for what the archive knows of this package, and are set when the pages are made.
//!
//! Not for: where texts come from (`texts`).

use super::words::{bold, late_bates, late_page, party, plain};
use super::{END, Front};
use crate::render::pdf::content::{Anchor, Run};

/// A fact that a text may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    Patient,
    Package,
    Custodian,
    Request,
    Recipient,
    Pages,
    Bates,
    Software,
    Version,
    Digest,
}

impl Fact {
    const ALL: [(&'static str, Fact); 10] = [
        ("patient", Fact::Patient),
        ("package", Fact::Package),
        ("custodian", Fact::Custodian),
        ("request", Fact::Request),
        ("recipient", Fact::Recipient),
        ("pages", Fact::Pages),
        ("bates", Fact::Bates),
        ("software", Fact::Software),
        ("version", Fact::Version),
        ("digest", Fact::Digest),
    ];
}

/// A piece of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'t> {
    Words(&'t str),
    Fact(Fact),
    /// Braces around no known name.
    Unknown(&'t str),
}

/// A text cut at its braces. A brace without its partner is a word.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let open = rest.find('{').unwrap_or(rest.len());
        if open > 0 {
            let (words, after) = rest.split_at(open);
            rest = after;
            return Some(Piece::Words(words));
        }
        let Some((name, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            return Some(Piece::Words(std::mem::take(&mut rest)));
        };
        rest = after;
        let known = Fact::ALL.iter().find(|(known, _)| *known == name);
        Some(known.map_or(Piece::Unknown(name), |(_, fact)| Piece::Fact(*fact)))
    })
}

/// The paragraphs of a text with the facts of this package.
pub fn paragraphs(front: &Front<'_>, text: &str) -> Vec<Vec<Run>> {
    let mut paragraphs = Vec::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let mut runs = Vec::new();
        for piece in pieces(paragraph) {
            match piece {
                Piece::Words(words) => runs.push(plain(&words.replace('\n', " "))),
                Piece::Fact(fact) => runs.extend(said(front, fact)),
                // The loader lets none through.
                Piece::Unknown(name) => runs.push(plain(name)),
            }
        }
        paragraphs.push(runs);
    }
    paragraphs
}

fn said(front: &Front<'_>, fact: Fact) -> Vec<Run> {
    let plan = front.plan;
    match fact {
        Fact::Patient => vec![bold(&front.selection.patient.name)],
        Fact::Package => vec![plain(&front.package_id())],
        Fact::Custodian => vec![plain(&plan.custodian.name)],
        Fact::Request => vec![plain(&plan.request)],
        Fact::Recipient => vec![plain(&party(&plan.recipient))],
        Fact::Software => vec![plain(&plan.generator.name)],
        Fact::Version => vec![plain(&plan.generator.version)],
        Fact::Digest => vec![plain("SHA-256")],
        Fact::Pages => pages(front),
        Fact::Bates => bates(front),
    }
}

/// How many pages there are: of all volumes where that is known, else of this file.
pub fn pages(front: &Front<'_>) -> Vec<Run> {
    match front.pages {
        Some(pages) => vec![plain(&super::words::count(pages))],
        None if front.setting.volume.is_some() => vec![plain("this volume "), late_page(&Anchor(END.into()))],
        None => vec![late_page(&Anchor(END.into()))],
    }
}

/// First and last Bates number, in words.
pub fn bates(front: &Front<'_>) -> Vec<Run> {
    let (Some(numbers), Some(_)) = (&front.setting.bates, front.build) else {
        let words = if front.plan.bates.is_some() { "numbered when the release is approved" } else { "without Bates numbers" };
        return vec![plain(words)];
    };
    let number = |at: u64| format!("{}{at:0width$}", numbers.prefix, width = usize::from(numbers.digits));
    let first = front.build.and_then(|build| build.bates_first).unwrap_or(numbers.first);
    let mut runs = vec![plain(&format!("{} to ", number(first)))];
    match front.pages {
        Some(pages) => runs.push(plain(&number(first.saturating_add(pages).saturating_sub(1)))),
        None => runs.push(late_bates(&Anchor(END.into()), &number(0))),
    }
    if front.pages.is_none() && front.setting.volume.is_some() {
        runs.push(plain(" (this volume)"));
    }
    runs
}
