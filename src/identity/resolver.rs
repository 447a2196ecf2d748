//! Statements resolved to persons: which keys belong together, and which of them survived a merge.
//!
//! What stands is a set of pairs, each with who said it, so the order of a file or of two accessions cannot matter, and
//! a pair taken back leaves nothing behind. Persons are the connected parts of what stands. A pair that was said to be two
//! people does not connect, whatever else is said of it.
//!
//! Not for: asking whether a key is in the archive; a merge may arrive before the patient.

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;
use jiff::Timestamp;

use crate::limits::LINKED_KEYS_MAX;
use crate::model::PatientKey;
use crate::statements::{Evidence, Made, Statement};

/// Who said a thing, when, and on what ground.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub at: Timestamp,
    /// The subject of whoever made the statement.
    pub by: String,
    pub reason: String,
    pub evidence: Evidence,
}

/// A patient number that the source merged with another and parted from it again: what was written meanwhile may be about
/// either patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parted {
    /// The key of the person asked about.
    pub key: PatientKey,
    pub other: PatientKey,
    /// When the merge stood, as the messages say.
    pub from: Option<String>,
    pub until: Option<String>,
}

/// Two keys, the smaller first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Pair(PatientKey, PatientKey);

impl Pair {
    fn of(a: &PatientKey, b: &PatientKey) -> Pair {
        if a <= b { Pair(a.clone(), b.clone()) } else { Pair(b.clone(), a.clone()) }
    }
}

/// What cannot be right as it stands, for review.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// One key was merged into several that were not merged into each other.
    MergedTwice(PatientKey),
    /// Merges that lead back to where they began.
    MergedInACircle(PatientKey),
    /// Two keys that are two people, and yet one through others.
    ApartAndTogether(PatientKey, PatientKey),
    /// More keys than one person can have; they are shown apart. One of them, and how many.
    TooMany(PatientKey, usize),
}

/// What stands, and the persons that follow from it.
#[derive(Debug, Default)]
pub struct Resolver {
    /// In force, with everyone who said it.
    links: BTreeMap<Pair, Vec<Said>>,
    /// From a key to those it was merged into, likewise.
    merges: BTreeMap<PatientKey, BTreeMap<PatientKey, Vec<Said>>>,
    apart: BTreeSet<Pair>,
    /// Pairs that somebody looked at and put off, until something else is said of them.
    put_off: BTreeMap<Pair, Said>,
    retired: BTreeSet<PatientKey>,
    /// Numbers in systems that the archive does not hold: (authority, number) with whose it is, and who said so.
    numbers: BTreeMap<(String, String), BTreeMap<PatientKey, Vec<Said>>>,
    /// Pairs that a person took back and nobody connected since.
    taken_back: BTreeSet<Pair>,
    /// Connections that the source made and undid, and did not make again: from when until when they stood.
    parted: BTreeMap<Pair, (Option<String>, Option<String>)>,
    /// Number of the person of each key that any pair names.
    person_of: AHashMap<PatientKey, usize>,
    persons: Vec<Vec<PatientKey>>,
}

impl Resolver {
    /// Replays statements, oldest first.
    pub fn of<'a>(statements: impl IntoIterator<Item = &'a Made>) -> Resolver {
        let mut resolver = Resolver::default();
        for made in statements {
            resolver.replay(made);
        }
        resolver.connect();
        resolver
    }

    /// Likewise; what a message says counts as long as its accession is in force, like the records that it made.
    pub fn in_force(statements: &[Made], is_in_force: impl Fn(&str) -> bool) -> Resolver {
        Resolver::of(statements.iter().filter(|made| made.statement.accession().is_none_or(&is_in_force)))
    }

    fn replay(&mut self, made: &Made) {
        let said = |reason: &str, evidence: &Evidence| Said {
            at: made.at,
            by: made.by.1.clone(),
            reason: reason.to_string(),
            evidence: evidence.clone(),
        };
        match &made.statement {
            Statement::LabelPut { .. } | Statement::SignOff(_) => {}
            // What is said of records is `reassigned`'s.
            Statement::Reassign { .. } | Statement::ReassignBack { .. } => {}
            Statement::Link { a, b, reason, evidence } => {
                if let Some((a, b)) = two_keys(a, b) {
                    let pair = Pair::of(&a, &b);
                    self.taken_back.remove(&pair);
                    self.parted.remove(&pair);
                    self.links.entry(pair).or_default().push(said(reason, evidence));
                }
            }
            Statement::Merge { from, into, reason, evidence } => {
                if let Some((from, into)) = two_keys(from, into) {
                    let pair = Pair::of(&from, &into);
                    self.taken_back.remove(&pair);
                    self.parted.remove(&pair);
                    self.merges.entry(from).or_default().entry(into).or_default().push(said(reason, evidence));
                }
            }
            Statement::Unlink { a, b, evidence, .. } => {
                if let Some((a, b)) = two_keys(a, b) {
                    let had = self.links.remove(&Pair::of(&a, &b));
                    self.remember(&a, &b, had.is_some() && evidence.is_person());
                    self.part(&a, &b, had, evidence);
                }
            }
            Statement::Unmerge { from, into, evidence, .. } => {
                if let Some((from, into)) = two_keys(from, into) {
                    let had = self.merges.get_mut(&from).and_then(|all| all.remove(&into));
                    self.merges.retain(|_, all| !all.is_empty());
                    self.remember(&from, &into, had.is_some() && evidence.is_person());
                    self.part(&from, &into, had, evidence);
                }
            }
            Statement::Later { a, b, reason } => {
                if let Some((a, b)) = two_keys(a, b) {
                    self.put_off.insert(Pair::of(&a, &b), said(reason, &Evidence::Person));
                }
            }
            Statement::NotSame { a, b, .. } => self.apart.extend(two_keys(a, b).map(|(a, b)| Pair::of(&a, &b))),
            Statement::MaybeSame { a, b, .. } => {
                if let Some((a, b)) = two_keys(a, b) {
                    self.apart.remove(&Pair::of(&a, &b));
                }
            }
            Statement::Number { key, authority, number, reason, evidence } => {
                if let Some(key) = PatientKey::parse(key) {
                    let of_number = self.numbers.entry(numbered(authority, number)).or_default();
                    of_number.entry(key).or_default().push(said(reason, evidence));
                }
            }
            Statement::NumberBack { key, authority, number, .. } => {
                let place = numbered(authority, number);
                if let (Some(key), Some(of_number)) = (PatientKey::parse(key), self.numbers.get_mut(&place)) {
                    of_number.remove(&key);
                }
            }
            Statement::Retire { key, .. } => self.retired.extend(PatientKey::parse(key)),
            Statement::Reinstate { key, .. } => {
                if let Some(key) = PatientKey::parse(key) {
                    self.retired.remove(&key);
                }
            }
        }
    }

    fn remember(&mut self, a: &PatientKey, b: &PatientKey, by_person: bool) {
        if by_person {
            self.taken_back.insert(Pair::of(a, b));
        }
    }

    /// Notes a connection that a message undid: the source may have written under one number what is about the other.
    fn part(&mut self, a: &PatientKey, b: &PatientKey, had: Option<Vec<Said>>, evidence: &Evidence) {
        let told = |evidence: &Evidence| match evidence {
            Evidence::Message { at, .. } => Some(at.clone()),
            _ => None,
        };
        if let (Some(had), Some(until)) = (had, told(evidence)) {
            let since = had.iter().find_map(|said| told(&said.evidence)).flatten();
            self.parted.insert(Pair::of(a, b), (since, until));
        }
    }

    /// Finds the connected parts.
    fn connect(&mut self) {
        let merges = self.merges.iter().flat_map(|(from, all)| all.keys().map(move |into| Pair::of(from, into)));
        let pairs: BTreeSet<Pair> = self.links.keys().cloned().chain(merges).filter(|pair| !self.apart.contains(pair)).collect();
        let mut parts = Parts::default();
        for Pair(a, b) in &pairs {
            parts.join(a, b);
        }
        (self.person_of, self.persons) = parts.finish();
    }

    /// All keys of the person that `key` is of, sorted; the key itself alone when nothing is said of it, or when the
    /// group is too large to be one person.
    pub fn person(&self, key: &PatientKey) -> Vec<PatientKey> {
        match self.group(key) {
            [] => vec![key.clone()],
            keys if keys.len() > LINKED_KEYS_MAX => vec![key.clone()],
            keys => keys.to_vec(),
        }
    }

    /// The patient who has this number at this authority; nobody when it was given to two people. Of several keys of one
    /// person the one in use, then the smallest.
    pub fn numbered(&self, authority: &str, number: &str) -> Option<PatientKey> {
        let keys: Vec<&PatientKey> = self.numbers.get(&numbered(authority, number))?.keys().collect();
        let first = keys.first()?;
        let is_one_person = keys.iter().all(|key| self.are_one(first, key));
        keys.iter().min_by_key(|key| (self.retired.contains(**key), **key)).filter(|_| is_one_person).map(|key| (*key).clone())
    }

    /// Whether anything is said of this number.
    pub fn names_number(&self, authority: &str, number: &str) -> bool {
        self.numbers.get(&numbered(authority, number)).is_some_and(|of_number| !of_number.is_empty())
    }

    /// All that was said of who has this number.
    pub(super) fn said_of_number(&self, authority: &str, number: &str) -> impl Iterator<Item = (&PatientKey, &[Said])> {
        let of_number = self.numbers.get(&numbered(authority, number));
        of_number.into_iter().flatten().map(|(key, said)| (key, said.as_slice()))
    }

    /// Whether nothing connects any two keys.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    /// Every group of connected keys, however large.
    pub fn groups(&self) -> impl Iterator<Item = &[PatientKey]> {
        self.persons.iter().map(Vec::as_slice)
    }

    fn group(&self, key: &PatientKey) -> &[PatientKey] {
        self.person_of.get(key).and_then(|number| self.persons.get(*number)).map_or(&[], Vec::as_slice)
    }

    /// Whether both are one person as things stand.
    pub fn are_one(&self, a: &PatientKey, b: &PatientKey) -> bool {
        a == b || self.person_of.get(a).is_some_and(|number| self.person_of.get(b) == Some(number))
    }

    /// Whether they were said to be two people, or a person took a connection of the two back.
    pub fn are_apart(&self, a: &PatientKey, b: &PatientKey) -> bool {
        let pair = Pair::of(a, b);
        self.apart.contains(&pair) || self.taken_back.contains(&pair)
    }

    /// What the source merged with any of these keys and parted again.
    pub fn parted_from(&self, keys: &[PatientKey]) -> Vec<Parted> {
        let sides = self.parted.iter().flat_map(|(Pair(a, b), times)| [(a, b, times), (b, a, times)]);
        let ours = sides.filter(|(key, other, _)| keys.contains(key) && !keys.contains(other));
        let parted = |(key, other, (from, until)): (&PatientKey, &PatientKey, &(Option<String>, Option<String>))| Parted {
            key: key.clone(),
            other: other.clone(),
            from: from.clone(),
            until: until.clone(),
        };
        ours.map(parted).collect()
    }

    /// Whether they were said to be two people.
    pub fn are_two(&self, a: &PatientKey, b: &PatientKey) -> bool {
        self.apart.contains(&Pair::of(a, b))
    }

    /// Who looked at a pair and put it off last.
    pub fn put_off(&self, a: &PatientKey, b: &PatientKey) -> Option<&Said> {
        self.put_off.get(&Pair::of(a, b))
    }

    pub fn is_retired(&self, key: &PatientKey) -> bool {
        self.retired.contains(key)
    }

    /// Who said that the two are linked; empty when no link between them stands.
    pub fn links(&self, a: &PatientKey, b: &PatientKey) -> &[Said] {
        self.links.get(&Pair::of(a, b)).map_or(&[], Vec::as_slice)
    }

    /// Who said that the first was merged into the second.
    pub fn merges(&self, from: &PatientKey, into: &PatientKey) -> &[Said] {
        self.merges.get(from).and_then(|all| all.get(into)).map_or(&[], Vec::as_slice)
    }

    /// Every link in force.
    pub fn all_links(&self) -> impl Iterator<Item = (&PatientKey, &PatientKey, &[Said])> {
        self.links.iter().map(|(Pair(a, b), said)| (a, b, said.as_slice()))
    }

    /// The key that `key` lives on as: where its merges lead. Of several ends one in use comes first, then the smallest;
    /// a circle counts as its keys.
    pub fn survivor(&self, key: &PatientKey) -> PatientKey {
        let (reached, ends) = self.follow(key);
        let among = if ends.is_empty() { &reached } else { &ends };
        let best = among.iter().min_by_key(|end| (self.retired.contains(*end), *end));
        best.unwrap_or(key).clone()
    }

    /// All keys that merges lead to from `key`, itself among them, and those of them that no merge leads on from.
    fn follow(&self, key: &PatientKey) -> (BTreeSet<PatientKey>, BTreeSet<PatientKey>) {
        let (mut reached, mut ends) = (BTreeSet::new(), BTreeSet::new());
        let mut waiting = vec![key.clone()];
        while let Some(at) = waiting.pop() {
            // A group that is too large is shown apart; where its merges lead is nobody's question.
            if reached.len() > LINKED_KEYS_MAX || !reached.insert(at.clone()) {
                continue;
            }
            let onward = self.merges.get(&at).into_iter().flat_map(BTreeMap::keys);
            let onward: Vec<&PatientKey> = onward.filter(|into| !self.are_two(&at, into)).collect();
            if onward.is_empty() {
                ends.insert(at);
            }
            waiting.extend(onward.into_iter().cloned());
        }
        (reached, ends)
    }

    /// In words, why `key` belongs with others of its person: one line for each pair that names it and stands.
    pub fn reasons(&self, key: &PatientKey) -> Vec<String> {
        let mut lines = Vec::new();
        for other in self.person(key).iter().filter(|other| *other != key && !self.are_two(key, other)) {
            for (how, all) in [
                (format!("Linked with {other}"), self.links(key, other)),
                (format!("Merged into {other}"), self.merges(key, other)),
                (format!("Survives {other}, which was merged into it"), self.merges(other, key)),
            ] {
                lines.extend(all.iter().map(|said| format!("{how}: {}", said.words())));
            }
        }
        lines
    }

    /// What cannot be right as it stands.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut all = Vec::new();
        for from in self.merges.keys().filter(|from| self.group(from).len() <= LINKED_KEYS_MAX) {
            match self.follow(from).1.len() {
                0 => all.push(Conflict::MergedInACircle(from.clone())),
                1 => {}
                _ => all.push(Conflict::MergedTwice(from.clone())),
            }
        }
        let together = self.apart.iter().filter(|Pair(a, b)| self.are_one(a, b));
        all.extend(together.map(|Pair(a, b)| Conflict::ApartAndTogether(a.clone(), b.clone())));
        let large = self.persons.iter().filter(|keys| keys.len() > LINKED_KEYS_MAX);
        all.extend(large.filter_map(|keys| Some(Conflict::TooMany(keys.first()?.clone(), keys.len()))));
        all
    }
}

impl Said {
    /// "crosswalk file mpi.csv, row 12 (2026-11-23)".
    pub fn words(&self) -> String {
        let day = self.at.strftime("%Y-%m-%d");
        match &self.evidence {
            Evidence::Person => format!("by {}, {day}: {}", self.by, self.reason),
            Evidence::Crosswalk { file, row, .. } => format!("crosswalk file {file}, row {row}, read {day}"),
            Evidence::Message { accession, item, at } => {
                let at = at.as_deref().map_or_else(String::new, |at| format!(" of {at}"));
                format!("message{at} in accession {accession}, item {item}")
            }
            Evidence::PatientLink { patient } => format!("the source's own link in Patient {patient}, read {day}"),
            Evidence::Rule { rule } => format!("rule {rule}, {day}"),
        }
    }
}

/// Authorities are names that people write; a number is exact, since many systems tell `aB` from `Ab`.
fn numbered(authority: &str, number: &str) -> (String, String) {
    (authority.trim().to_lowercase(), number.trim().to_string())
}

/// Two different keys, when both are of the form of one. A key merged into itself says nothing.
fn two_keys(a: &str, b: &str) -> Option<(PatientKey, PatientKey)> {
    let (a, b) = (PatientKey::parse(a)?, PatientKey::parse(b)?);
    (a != b).then_some((a, b))
}

/// Sets of keys that grow together.
#[derive(Default)]
pub(super) struct Parts {
    number: AHashMap<PatientKey, usize>,
    parent: Vec<usize>,
}

impl Parts {
    fn number_of(&mut self, key: &PatientKey) -> usize {
        if let Some(number) = self.number.get(key) {
            return *number;
        }
        let number = self.parent.len();
        self.parent.push(number);
        self.number.insert(key.clone(), number);
        number
    }

    fn root(&mut self, mut at: usize) -> usize {
        while let Some(&parent) = self.parent.get(at).filter(|parent| **parent != at) {
            let above = self.parent.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parent.get_mut(at) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    pub(super) fn join(&mut self, a: &PatientKey, b: &PatientKey) {
        let (a, b) = (self.number_of(a), self.number_of(b));
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.parent.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }

    pub(super) fn are_joined(&mut self, a: &PatientKey, b: &PatientKey) -> bool {
        let numbers = self.number.get(a).copied().zip(self.number.get(b).copied());
        a == b || numbers.is_some_and(|(a, b)| self.root(a) == self.root(b))
    }

    /// The number of each key's set, and the sets, sorted.
    fn finish(mut self) -> (AHashMap<PatientKey, usize>, Vec<Vec<PatientKey>>) {
        let keys: BTreeMap<PatientKey, usize> = std::mem::take(&mut self.number).into_iter().collect();
        let (mut set_of_root, mut person_of, mut persons) = (AHashMap::new(), AHashMap::new(), Vec::<Vec<PatientKey>>::new());
        for (key, number) in keys {
            let root = self.root(number);
            let set = *set_of_root.entry(root).or_insert_with(|| {
                persons.push(Vec::new());
                persons.len() - 1
            });
            if let Some(members) = persons.get_mut(set) {
                members.push(key.clone());
            }
            person_of.insert(key, set);
        }
        (person_of, persons)
    }
}
