//! Patient search: every thing asked must match in some way; the better the ways, the higher the hit.
//!
//! Not for: reading the question (`patient_question`) or the terms of a patient (`names`).
//!
//! Each thing asked is expanded into the terms of the index that answer it, each with a worth and a reason. Their
//! postings fill one byte per patient with the best worth, and patients with all bytes set are hits. The cost is the
//! postings read plus one pass over the bytes: no query tree, no re-ranking, no bound on how many patients one word may find.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ahash::AHashMap;
use tantivy::columnar::Column;
use tantivy::postings::TermInfo;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, DocId, DocSet, TERMINATED, TantivyDocument};

use crate::access::Filter;
use crate::limits::PAGE_MAX;
use crate::model::{Kind, PatientIndexDoc, When};
use crate::names::{nicknames, sound};

use super::names::{self, Role};
use super::patient_question::{self, Asked, Reading};
use super::segments::PatientSegment;
use super::typo::for_each_slip;
use super::{IndexError, Matched, PatientHit, PatientMatches, Searcher, stored};

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
    /// Letters of a name that were typed, where the rest of it was not; 0: all.
    letters: usize,
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

/// What a filter leaves of one segment.
struct Left<'a> {
    /// What the terms of patients begin with whose label is not hidden.
    labels: Vec<&'a str>,
    /// For each source system whether it is hidden; `None` when none is.
    sources: Option<Vec<bool>>,
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
        if filter.hide_kinds.contains(&Kind::PATIENT) {
            return Ok(PatientMatches { understood, ..Default::default() });
        }
        let offset = offset.min(TOTAL_CAP as usize);
        let keep = offset + limit.min(PAGE_MAX);
        let mut best = BinaryHeap::new();
        let mut total = 0;
        let mut answers: Vec<Answers> = asked.iter().map(|_| Answers::default()).collect();
        for (i, segment) in self.inner.patient_segments.iter().enumerate() {
            let left = segment.left_by(filter)?;
            let worths = segment.worths(&asked, &left, &mut answers)?;
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
        let (why, matched) = why(&patient, answers);
        Ok(PatientHit { why, matched, score: f32::from(rank.worth), patient })
    }
}

/// The reasons why a patient matches, one for each thing asked, and what of him matched; both without repeats.
fn why(patient: &PatientIndexDoc, answers: &[Answers]) -> (Vec<String>, Vec<Matched>) {
    let terms = names::terms(patient);
    let label = names::label_prefix(patient.label).len();
    let (mut reasons, mut matched) = (Vec::new(), Vec::new());
    for answers in answers {
        let met = terms.iter().filter_map(|term| Some((term, answers.terms.get(term.as_str())?)));
        let Some((term, best)) = met.max_by_key(|(_, found)| found.worth) else { continue };
        let reason = best.words();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        let what = names::matched(term.get(label..).unwrap_or_default(), best.letters);
        matched.extend(what.filter(|what| !matched.contains(what)));
    }
    (reasons, matched)
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
    fn worths(&self, asked: &[Asked], left: &Left<'_>, answers: &mut [Answers]) -> Result<Vec<Vec<u8>>, IndexError> {
        let mut all = Vec::with_capacity(asked.len());
        for (asked, answers) in asked.iter().zip(answers) {
            let mut expansion = Expansion { segment: self, left, found: Answers::default(), term: String::new() };
            for label in &left.labels {
                for reading in &asked.readings {
                    expansion.read(label, reading)?;
                }
            }
            let mut worths = vec![0u8; self.patients];
            for (term, found) in expansion.found.terms {
                self.fill(&term, found.worth, left, &mut worths)?;
                answers.add(&term, found);
            }
            all.push(worths);
        }
        Ok(all)
    }

    fn fill(&self, term: &str, worth: u8, left: &Left<'_>, worths: &mut [u8]) -> Result<(), IndexError> {
        let Some(info) = self.terms.terms().get(term)? else { return Ok(()) };
        let mut postings = self.terms.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        let mut doc = postings.doc();
        while doc != TERMINATED {
            if self.is_left(left, doc) {
                let best = &mut worths[doc as usize];
                *best = worth.max(*best);
            }
            doc = postings.advance();
        }
        Ok(())
    }

    fn left_by(&self, filter: &Filter) -> Result<Left<'_>, IndexError> {
        let labels = self.labels.iter().filter(|(label, _)| filter.allows(*label)).map(|(_, prefix)| prefix.as_str());
        let mut sources = None;
        if let Some(column) = self.source.as_ref().filter(|_| !filter.hide_sources.is_empty()) {
            let mut hidden = vec![false; column.num_terms()];
            let mut name = String::new();
            for (ord, is_hidden) in hidden.iter_mut().enumerate() {
                name.clear();
                column.ord_to_str(ord as u64, &mut name)?;
                *is_hidden = filter.hide_sources.contains(&name);
            }
            sources = Some(hidden).filter(|hidden| hidden.contains(&true));
        }
        Ok(Left { labels: labels.collect(), sources })
    }

    /// Whether a patient's source system is not hidden. One whose source cannot be told is.
    fn is_left(&self, left: &Left<'_>, doc: DocId) -> bool {
        let Some(hidden) = &left.sources else { return true };
        let ord = self.source.as_ref().and_then(|column| column.ords().first(doc));
        ord.and_then(|ord| hidden.get(ord as usize)).is_some_and(|hidden| !hidden)
    }

    /// Whether any patient whose source is not hidden has a term.
    fn has_any_left(&self, left: &Left<'_>, info: &TermInfo) -> Result<bool, IndexError> {
        if left.sources.is_none() {
            return Ok(true);
        }
        let mut postings = self.terms.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let mut doc = postings.doc();
        while doc != TERMINATED && !self.is_left(left, doc) {
            doc = postings.advance();
        }
        Ok(doc != TERMINATED)
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
    left: &'a Left<'a>,
    found: Answers,
    /// The term being looked up; kept so that thousands of look-ups need no memory each.
    term: String,
}

impl Expansion<'_> {
    fn read(&mut self, label: &str, reading: &Reading) -> Result<(), IndexError> {
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

    fn name(&mut self, label: &str, name: &str) -> Result<(), IndexError> {
        let letters = name.chars().count();
        let heard = sound(name);
        for role in Role::ALL {
            let (written, by_sound, start) = role.ways();
            self.look(label, written, name, Match { worth: worth(EXACT, role), why: "{}", role, letters: 0 })?;
            let starts = Match { worth: worth(START, role), why: "start of {}", role, letters };
            if letters <= names::START_LETTERS {
                self.look(label, start, name, starts)?;
            } else {
                self.starts(label, written, name, starts)?;
            }
            if !heard.is_empty() {
                self.look(label, by_sound, &heard, Match { worth: worth(SOUND, role), why: "sounds like {}", role, letters: 0 })?;
            }
            if role != Role::Family {
                for other in nicknames(name) {
                    self.look(
                        label,
                        written,
                        other,
                        Match { worth: worth(NICKNAME, role), why: "nickname of {}", role, letters: 0 },
                    )?;
                }
            }
        }
        if letters < SLIP_LETTERS_MIN {
            return Ok(());
        }
        let mut failed = None;
        for_each_slip(name, |meant, slip| {
            for role in Role::ALL {
                let found = Match { worth: worth(SLIP, role), why: slip.words(), role, letters: 0 };
                if let Err(e) = self.look(label, role.ways().0, meant, found) {
                    failed = Some(e);
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn birth_date(&mut self, label: &str, y: u32, m: u32, d: u32) -> Result<(), IndexError> {
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

    fn fact(&mut self, label: &str, way: char, value: &str, worth: u8, why: &'static str) -> Result<(), IndexError> {
        self.look(label, way, value, Match { worth, why, role: Role::Other, letters: 0 })
    }

    /// Takes one term when the segment has it.
    fn look(&mut self, label: &str, way: char, value: &str, found: Match) -> Result<(), IndexError> {
        self.term.clear();
        self.term.push_str(label);
        self.term.push(way);
        self.term.push_str(value);
        if self.segment.terms.terms().get(&self.term)?.is_some() {
            self.found.add(&self.term, found);
        }
        Ok(())
    }

    /// Takes the terms that start alike.
    fn starts(&mut self, label: &str, way: char, value: &str, found: Match) -> Result<(), IndexError> {
        let start = format!("{label}{way}{value}");
        let mut stream = self.segment.terms.terms().range().gt(&start).into_stream()?;
        let mut taken = 0;
        while taken < STARTS_MAX
            && let Some((term, info)) = stream.next()
            && term.starts_with(start.as_bytes())
        {
            // What hidden patients alone are called must not use up the bound.
            if self.segment.has_any_left(self.left, info)? {
                self.found.add(std::str::from_utf8(term).map_err(|_| IndexError::Damaged("a term is not text"))?, found);
                taken += 1;
            }
        }
        Ok(())
    }
}
