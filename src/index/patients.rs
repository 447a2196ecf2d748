//! Patient search: every thing asked must match in some way; the better the ways, the higher the hit.
//!
//! Not for: reading the question (`patient_question`) or the terms of a patient (`names`).
//!
//! Each thing asked is expanded into the terms of the index that answer it, each with a worth and a reason. Their
//! postings fill one byte per patient with the best worth, and patients with all bytes set are hits. The cost is the
//! postings read plus one pass over the bytes: no query tree, no re-ranking, no bound on how many patients one word may find.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use ahash::AHashMap;
use tantivy::columnar::Column;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, DocSet, InvertedIndexReader, SegmentReader, TERMINATED, TantivyDocument};

use crate::access::Filter;
use crate::limits::PAGE_MAX;
use crate::model::{PatientIndexDoc, When};
use crate::names::{nicknames, sound};

use super::names::{self, Role};
use super::patient_question::{self, Asked, Reading};
use super::schema::PatientFields;
use super::typo::for_each_slip;
use super::{IndexError, PatientHit, PatientMatches, Searcher, stored};

/// Totals above this are told as "more than".
const TOTAL_CAP: u64 = 1_000;
/// Most recorded names that one typed start stands for.
const STARTS_MAX: usize = 2_000;
/// Fewest letters of a typed name in which a slip is looked for.
const SLIP_LETTERS_MIN: usize = 4;

/// What one matching term is worth, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Match {
    worth: u8,
    /// `{}` stands for the name's role.
    why: &'static str,
    role: Role,
}

impl Match {
    fn words(&self) -> String {
        self.why.replace("{}", self.role.words())
    }
}

/// Worths: exact, start, nickname, slip, sound, in this order; the family name above the given name.
fn worth(base: u8, role: Role) -> u8 {
    match role {
        Role::Family => base + 2,
        Role::Given => base + 1,
        Role::Other => base,
    }
}
const EXACT: u8 = 40;
const START: u8 = 30;
const NICKNAME: u8 = 22;
const SLIP: u8 = 14;
const SOUND: u8 = 8;

/// One segment of the patient index, opened once.
pub struct PatientSegment {
    terms: Arc<InvertedIndexReader>,
    order: Column<u64>,
    born: Column<u64>,
    tie: Column<u64>,
    patients: usize,
}

impl PatientSegment {
    pub fn open(reader: &SegmentReader, fields: &PatientFields) -> Result<PatientSegment, IndexError> {
        let columns = reader.fast_fields();
        Ok(PatientSegment {
            terms: reader.inverted_index(fields.term)?,
            order: columns.u64("order")?,
            born: columns.u64("born")?,
            tie: columns.u64("tie")?,
            patients: reader.max_doc() as usize,
        })
    }
}

impl Searcher {
    /// Patients that match free text: names in any order, birth date in usual forms, record numbers, phone.
    /// A page of `limit` hits from `offset`, best first, all under `filter`.
    pub fn find_patients(&self, text: &str, filter: &Filter, offset: usize, limit: usize) -> Result<PatientMatches, IndexError> {
        let asked = patient_question::parse(text);
        let understood = asked.iter().map(Asked::understood).collect();
        if asked.is_empty() {
            return Ok(PatientMatches { understood, ..Default::default() });
        }
        let labels: &[char] = if filter.hide.is_restricted() { &[names::OPEN] } else { &[names::OPEN, names::RESTRICTED] };
        let offset = offset.min(TOTAL_CAP as usize);
        let keep = offset + limit.min(PAGE_MAX);
        let mut best = BinaryHeap::new();
        let mut total = 0;
        let mut answers: Vec<Answers> = asked.iter().map(|_| Answers::default()).collect();
        for (i, segment) in self.inner.patient_segments.iter().enumerate() {
            let worths = segment.worths(&asked, labels, &mut answers)?;
            total += segment.rank(i, &worths, keep, &mut best);
        }
        let page = best.into_sorted_vec().into_iter().skip(offset).map(|Reverse(rank)| self.patient_hit(&rank, &answers));
        let hits = page.collect::<Result<_, _>>()?;
        Ok(PatientMatches { hits, total: total.min(TOTAL_CAP), total_capped: total > TOTAL_CAP, understood })
    }

    fn patient_hit(&self, rank: &Rank, answers: &[Answers]) -> Result<PatientHit, IndexError> {
        let doc: TantivyDocument = self.inner.patients.doc(DocAddress::new(rank.segment, rank.doc))?;
        let bytes = doc.get_first(self.inner.patient_fields.doc).and_then(|value| value.as_bytes());
        let patient = stored::read(bytes.ok_or(IndexError::Damaged("a patient of the index is not stored"))?)?;
        Ok(PatientHit { why: why(&patient, answers), score: f32::from(rank.worth), patient })
    }
}

/// The reasons why a patient matches, one for each thing asked, without repeats.
fn why(patient: &PatientIndexDoc, answers: &[Answers]) -> Vec<String> {
    let terms = names::terms(patient);
    let mut reasons = Vec::new();
    for answers in answers {
        let best = terms.iter().filter_map(|term| answers.terms.get(term.as_str())).max_by_key(|m| m.worth);
        let reason = best.map(Match::words).unwrap_or_default();
        if !reason.is_empty() && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

/// The terms of the index that answer one thing asked.
#[derive(Default)]
struct Answers {
    terms: AHashMap<String, Match>,
}

impl Answers {
    fn add(&mut self, term: &str, found: Match) {
        match self.terms.get_mut(term) {
            Some(known) if known.worth >= found.worth => {}
            Some(known) => *known = found,
            None => {
                self.terms.insert(term.to_string(), found);
            }
        }
    }
}

/// Where a hit stands among others; greater is better. Equals stand by name, birth date and a hash of the key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    worth: u16,
    name: Reverse<(u64, u64, u64)>,
    segment: u32,
    doc: u32,
}

impl PatientSegment {
    /// For each thing asked the best worth of every patient of this segment, 0 for no match.
    fn worths(&self, asked: &[Asked], labels: &[char], answers: &mut [Answers]) -> Result<Vec<Vec<u8>>, IndexError> {
        let mut all = Vec::with_capacity(asked.len());
        for (asked, answers) in asked.iter().zip(answers) {
            let mut expansion = Expansion { segment: self, found: Answers::default(), term: String::new() };
            for label in labels {
                for reading in &asked.readings {
                    expansion.read(*label, reading)?;
                }
            }
            let mut worths = vec![0u8; self.patients];
            for (term, found) in expansion.found.terms {
                self.fill(&term, found.worth, &mut worths)?;
                answers.add(&term, found);
            }
            all.push(worths);
        }
        Ok(all)
    }

    fn fill(&self, term: &str, worth: u8, worths: &mut [u8]) -> Result<(), IndexError> {
        let Some(info) = self.terms.terms().get(term)? else { return Ok(()) };
        let mut postings = self.terms.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        let mut doc = postings.doc();
        while doc != TERMINATED {
            let best = &mut worths[doc as usize];
            *best = worth.max(*best);
            doc = postings.advance();
        }
        Ok(())
    }

    /// Offers every patient that matches all things asked, and counts them.
    fn rank(&self, segment: usize, worths: &[Vec<u8>], keep: usize, best: &mut BinaryHeap<Reverse<Rank>>) -> u64 {
        let Some((first, others)) = worths.split_first() else { return 0 };
        let mut total = 0;
        for (doc, worth) in first.iter().enumerate().filter(|(_, worth)| **worth > 0) {
            let mut sum = u16::from(*worth);
            if !others.iter().all(|w| {
                sum += u16::from(w[doc]);
                w[doc] > 0
            }) {
                continue;
            }
            total += 1;
            if keep == 0 || best.len() >= keep && best.peek().is_some_and(|worst| sum < worst.0.worth) {
                continue;
            }
            let doc = doc as u32;
            let value = |column: &Column<u64>| column.first(doc).unwrap_or(0);
            let name = Reverse((value(&self.order), value(&self.born), value(&self.tie)));
            let rank = Reverse(Rank { worth: sum, name, segment: segment as u32, doc });
            if best.len() < keep {
                best.push(rank);
            } else if let Some(mut worst) = best.peek_mut()
                && rank < *worst
            {
                *worst = rank;
            }
        }
        total
    }
}

/// Finds the terms of one segment that answer a reading.
struct Expansion<'a> {
    segment: &'a PatientSegment,
    found: Answers,
    /// The term being looked up; kept so that thousands of look-ups need no memory each.
    term: String,
}

impl Expansion<'_> {
    fn read(&mut self, label: char, reading: &Reading) -> Result<(), IndexError> {
        match reading {
            Reading::Name(name) => self.name(label, name),
            Reading::BirthDate(y, m, d) => self.birth_date(label, *y, *m, *d),
            Reading::BirthMonthOfYear(y, m) => {
                self.fact(label, names::BORN, &format!("{y:04}{m:02}"), 34, "birth month and year")?;
                self.fact(label, names::BORN_PARTLY, &format!("{y:04}"), 12, "birth year, all that is recorded")
            }
            Reading::BirthYear(y) => self.fact(label, names::BORN, &y.to_string(), 30, "birth year"),
            Reading::BirthMonth(m) => self.fact(label, names::BIRTH_MONTH, &format!("{m:02}"), 35, "birth month"),
            Reading::Number(number) => {
                self.fact(label, names::NUMBER, number, 60, "record number")?;
                let end = Some(number).filter(|n| n.chars().count() == 4);
                end.map_or(Ok(()), |end| self.fact(label, names::NUMBER_END, end, 20, "end of record number"))
            }
            Reading::Phone(digits) => match digits.len() {
                4 => self.fact(label, names::PHONE_END, digits, 18, "end of phone"),
                7 => self.fact(label, names::PHONE_SEVEN, digits, 45, "phone"),
                _ => self.fact(label, names::PHONE, names::last(digits, 10).unwrap_or(digits), 50, "phone"),
            },
        }
    }

    fn name(&mut self, label: char, name: &str) -> Result<(), IndexError> {
        let letters = name.chars().count();
        let heard = sound(name);
        for role in Role::ALL {
            let (written, by_sound, start) = role.ways();
            self.look(label, written, name, Match { worth: worth(EXACT, role), why: "{}", role })?;
            let starts = Match { worth: worth(START, role), why: "start of {}", role };
            if letters <= names::START_LETTERS {
                self.look(label, start, name, starts)?;
            } else {
                self.starts(label, written, name, starts)?;
            }
            if !heard.is_empty() {
                self.look(label, by_sound, &heard, Match { worth: worth(SOUND, role), why: "sounds like {}", role })?;
            }
            if role != Role::Family {
                for other in nicknames(name) {
                    self.look(label, written, other, Match { worth: worth(NICKNAME, role), why: "nickname of {}", role })?;
                }
            }
        }
        if letters < SLIP_LETTERS_MIN {
            return Ok(());
        }
        let mut failed = None;
        for_each_slip(name, |meant, slip| {
            for role in Role::ALL {
                let found = Match { worth: worth(SLIP, role), why: slip.words(), role };
                if let Err(e) = self.look(label, role.ways().0, meant, found) {
                    failed = Some(e);
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn birth_date(&mut self, label: char, y: u32, m: u32, d: u32) -> Result<(), IndexError> {
        self.fact(label, names::BORN, &format!("{y:04}{m:02}{d:02}"), 55, "birth date")?;
        self.fact(label, names::BORN_PARTLY, &format!("{y:04}{m:02}"), 16, "birth month and year, all that is recorded")?;
        self.fact(label, names::BORN_PARTLY, &format!("{y:04}"), 12, "birth year, all that is recorded")?;
        if m != d && When::parse(&format!("{y:04}-{d:02}-{m:02}")).is_some() {
            self.fact(label, names::BORN, &format!("{y:04}{d:02}{m:02}"), 14, "birth date with day and month swapped")?;
        }
        let year: Vec<char> = format!("{y:04}").chars().collect();
        for i in 1..3 {
            let mut swapped = year.clone();
            swapped.swap(i, i + 1);
            if swapped != year {
                let value = format!("{}{m:02}{d:02}", swapped.iter().collect::<String>());
                self.fact(label, names::BORN, &value, 10, "birth year with two digits swapped")?;
            }
        }
        Ok(())
    }

    fn fact(&mut self, label: char, way: char, value: &str, worth: u8, why: &'static str) -> Result<(), IndexError> {
        self.look(label, way, value, Match { worth, why, role: Role::Other })
    }

    /// Takes one term when the segment has it.
    fn look(&mut self, label: char, way: char, value: &str, found: Match) -> Result<(), IndexError> {
        self.term.clear();
        self.term.extend([label, way]);
        self.term.push_str(value);
        if self.segment.terms.terms().get(&self.term)?.is_some() {
            self.found.add(&self.term, found);
        }
        Ok(())
    }

    /// Takes the terms that start alike.
    fn starts(&mut self, label: char, way: char, value: &str, found: Match) -> Result<(), IndexError> {
        let start = format!("{label}{way}{value}");
        let mut stream = self.segment.terms.terms().range().gt(&start).into_stream()?;
        for _ in 0..STARTS_MAX {
            match stream.next() {
                Some((term, _)) if term.starts_with(start.as_bytes()) => {
                    self.found.add(std::str::from_utf8(term).map_err(|_| IndexError::Damaged("a term is not text"))?, found);
                }
                _ => break,
            }
        }
        Ok(())
    }
}
