//! Pairs of patients who may be one person, scored for review. Nothing is linked by a score.
//!
//! Only patients who share a block (a birth date and a name's sound, a phone number …) are compared, and in a block that
//! is too large only neighbours, so the work grows with the number of patients and not with its square.
//!
//! Not for: what an agreement weighs (`weights`).

use std::hash::Hash;

use ahash::AHashSet;

use super::features::{Agreement, Features, compare, swapped_birth_date};
use super::resolver::Resolver;
use crate::model::PatientKey;
use crate::names::sound;

/// How far apart two patients of one block may stand to be compared.
const NEIGHBOURS: usize = 40;

/// Two patients who may be one person.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    pub a: PatientKey,
    pub b: PatientKey,
    /// In bits.
    pub score: f64,
    pub agreements: Vec<Agreement>,
}

/// What a search for candidates found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Candidates {
    /// The highest score first.
    pub pairs: Vec<Candidate>,
    pub compared: u64,
    /// Blocks in which only neighbours were compared.
    pub large_blocks: u64,
}

/// Pairs that score `least` or more, but for those that are one person already, or were said not to be.
pub fn candidates(patients: &[Features], resolver: &Resolver, least: f64) -> Candidates {
    let mut blocks: Vec<(u64, usize)> = Vec::new();
    let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
    for (number, patient) in patients.iter().enumerate() {
        for_each_block(patient, &mut |block| blocks.push((hasher.hash_one(block), number)));
    }
    // Within a block in the order of names, so that neighbours are those who are most alike.
    let name = |number: usize| patients.get(number).map(|p| (p.family.first(), p.given.first(), &p.born, &p.key));
    blocks.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| name(*x).cmp(&name(*y))));
    blocks.dedup();
    let mut found = Candidates::default();
    let mut seen: AHashSet<(usize, usize)> = AHashSet::new();
    for block in blocks.chunk_by(|(a, _), (b, _)| a == b) {
        found.large_blocks += u64::from(block.len() > NEIGHBOURS + 1);
        for (at, (_, one)) in block.iter().enumerate() {
            for (_, other) in block.iter().skip(at + 1).take(NEIGHBOURS) {
                if !seen.insert((*one.min(other), *one.max(other))) {
                    continue;
                }
                if let (Some(a), Some(b)) = (patients.get(*one), patients.get(*other)) {
                    found.compared += 1;
                    found.pairs.extend(candidate(a, b, resolver, least));
                }
            }
        }
    }
    found.pairs.sort_by(|x, y| y.score.total_cmp(&x.score).then_with(|| (&x.a, &x.b).cmp(&(&y.a, &y.b))));
    found
}

fn candidate(a: &Features, b: &Features, resolver: &Resolver, least: f64) -> Option<Candidate> {
    if a.key == b.key || resolver.are_one(&a.key, &b.key) || resolver.are_apart(&a.key, &b.key) {
        return None;
    }
    let (score, agreements) = compare(a, b);
    let (a, b) = if a.key <= b.key { (a, b) } else { (b, a) };
    (score >= least).then(|| Candidate { a: a.key.clone(), b: b.key.clone(), score, agreements })
}

/// What a patient can be met by.
#[derive(Hash)]
enum Block<'a> {
    BornAndName(&'a str, String),
    BornSwapped(String, &'a str),
    Names(&'a str, &'a str),
    NamesAndYear(String, String, &'a str),
    Phone(&'a str, &'a str),
    Ssn(&'a str, &'a str),
}

fn for_each_block(patient: &Features, block: &mut dyn FnMut(Block<'_>)) {
    let heard = |name: &str| Some(sound(name)).filter(|key| !key.is_empty()).unwrap_or_else(|| name.to_string());
    let (family, given) = (patient.family.first(), patient.given.first());
    let year = patient.born.get(..4).unwrap_or("");
    let is_whole = patient.born.len() == 8;
    for name in [family, given].into_iter().flatten().filter(|_| is_whole) {
        block(Block::BornAndName(&patient.born, heard(name)));
    }
    if let (Some(family), Some(given)) = (family, given) {
        // Sorted, so that swapped names meet.
        let (first, second) = if family <= given { (family, given) } else { (given, family) };
        block(Block::Names(first, second));
        block(Block::NamesAndYear(heard(family), heard(given), year));
        if let Some(swapped) = swapped_birth_date(&patient.born) {
            block(Block::BornSwapped(swapped.min(patient.born.clone()), family));
        }
    }
    for phone in &patient.phones {
        block(Block::Phone(phone, year));
    }
    if let Some(ssn4) = &patient.ssn4 {
        block(Block::Ssn(ssn4, year));
    }
}
