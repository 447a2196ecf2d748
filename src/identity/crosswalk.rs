//! A crosswalk file: rows of (number in a source, source or assigning authority, enterprise number, status, date), from
//! the site's master patient index. It is authoritative for the numbers that it names.
//!
//! Not for: reading files or patients (`commands`), or writing what follows.

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;
use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use serde_json::Value;

use super::resolver::{Parts, Resolver, Said};
use crate::model::PatientKey;
use crate::statements::{Evidence, Statement};

/// Why a file is no crosswalk file.
#[derive(Debug, thiserror::Error)]
pub enum CrosswalkError {
    #[error("the file is empty")]
    Empty,
    #[error("the heading has no column for {0}; it needs local id, authority and enterprise id, and may have status and date")]
    Column(&'static str),
}

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// From 1, the heading included.
    pub number: u64,
    pub local: String,
    /// The source system, or the assigning authority of the number, as written.
    pub authority: String,
    pub enterprise: String,
    pub status: Status,
}

/// What a row says of its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Active,
    /// Out of use, still that person's.
    Retired,
    /// Not that person's any more.
    Removed,
}

/// What keeps a row from being used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// Without a local id, an authority or an enterprise id.
    Incomplete,
    /// A status that is not known.
    Status,
    /// No patient of the archive has this number; it counts when the file is imported again after he came.
    Unknown,
    /// Several patients of the archive have this number.
    Ambiguous,
    /// A person said otherwise of this pair.
    HeldBack,
    /// The same number stands under another enterprise number further up.
    Contradicted,
}

impl Trouble {
    pub fn words(self) -> &'static str {
        match self {
            Trouble::Incomplete => "local id, authority or enterprise id is missing",
            Trouble::Status => "the status is not known",
            Trouble::Unknown => "no patient of the archive has this number",
            Trouble::Ambiguous => "several patients of the archive have this number",
            Trouble::HeldBack => "a person said otherwise",
            Trouble::Contradicted => "the number stands under another enterprise id further up",
        }
    }
}

/// A parsed file.
#[derive(Clone, Debug, Default)]
pub struct Crosswalk {
    pub rows: Vec<Row>,
    /// Rows that cannot be read, by number.
    pub bad: Vec<(u64, Trouble)>,
}

impl Crosswalk {
    /// Reads a delimited text with a heading; the delimiter (comma, semicolon, tab, bar) is told by the heading.
    pub fn parse(bytes: &[u8]) -> Result<Crosswalk, CrosswalkError> {
        let mut table = DelimitedRows::of(bytes);
        let heading = table.next().ok_or(CrosswalkError::Empty)?;
        let columns = Columns::of(&heading)?;
        let mut crosswalk = Crosswalk::default();
        let mut number = 1;
        for cells in table {
            number += 1;
            match columns.row(number, &cells) {
                Ok(row) => crosswalk.rows.push(row),
                Err(trouble) => crosswalk.bad.push((number, trouble)),
            }
        }
        Ok(crosswalk)
    }
}

/// Where the columns stand.
struct Columns {
    local: usize,
    authority: usize,
    enterprise: usize,
    status: Option<usize>,
}

impl Columns {
    fn of(heading: &[String]) -> Result<Columns, CrosswalkError> {
        let plain: Vec<String> =
            heading.iter().map(|h| h.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()).collect();
        let find = |names: &[&str]| plain.iter().position(|h| names.contains(&h.as_str()));
        Ok(Columns {
            local: find(&["localid", "local", "patientid", "mrn", "localnumber"])
                .ok_or(CrosswalkError::Column("the local id"))?,
            authority: find(&["authority", "sourcesystem", "source", "system", "assigningauthority", "namespace"])
                .ok_or(CrosswalkError::Column("the authority or source system"))?,
            enterprise: find(&["enterpriseid", "enterprise", "eid", "empi", "empiid", "mpi", "mpiid", "euid"])
                .ok_or(CrosswalkError::Column("the enterprise id"))?,
            status: find(&["status", "state"]),
        })
    }

    fn row(&self, number: u64, cells: &[String]) -> Result<Row, Trouble> {
        let cell = |at: usize| cells.get(at).map_or("", |cell| cell.trim()).to_string();
        let (local, authority, enterprise) = (cell(self.local), cell(self.authority), cell(self.enterprise));
        if local.is_empty() || authority.is_empty() || enterprise.is_empty() {
            return Err(Trouble::Incomplete);
        }
        let status = match self.status.map(cell).unwrap_or_default().to_lowercase().as_str() {
            "" | "active" | "a" | "current" | "valid" => Status::Active,
            "retired" | "inactive" | "merged" | "old" | "i" => Status::Retired,
            "removed" | "unlinked" | "deleted" | "d" => Status::Removed,
            _ => return Err(Trouble::Status),
        };
        Ok(Row { number, local, authority, enterprise, status })
    }
}

/// Rows of cells out of delimited text, the heading first.
pub struct DelimitedRows<'a> {
    reader: Reader,
    rest: &'a [u8],
}

impl<'a> DelimitedRows<'a> {
    /// The delimiter (comma, semicolon, tab, bar) is told by the heading.
    pub fn of(bytes: &'a [u8]) -> DelimitedRows<'a> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let heading = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        let count = |delimiter: &u8| heading.iter().filter(|b| *b == delimiter).count();
        let delimiter = [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(count).unwrap_or(b',');
        DelimitedRows { reader: ReaderBuilder::new().delimiter(delimiter).build(), rest: bytes }
    }
}

impl Iterator for DelimitedRows<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        let (mut cells, mut cell) = (Vec::new(), Vec::new());
        let mut piece = [0; 256];
        loop {
            let (result, read, written) = self.reader.read_field(self.rest, &mut piece);
            self.rest = self.rest.get(read..).unwrap_or_default();
            cell.extend_from_slice(piece.get(..written).unwrap_or_default());
            match result {
                // Nothing more comes: the empty input that follows ends the last row.
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => {
                    cells.push(String::from_utf8_lossy(&cell).into_owned());
                    cell.clear();
                    if record_end {
                        return Some(cells);
                    }
                }
                ReadFieldResult::End => return None,
            }
        }
    }
}

/// The patients of the archive by the numbers that a file names: (authority, number), folded.
#[derive(Debug, Default)]
pub struct Known {
    /// Numbers that the file names; others are not worth remembering.
    wanted: BTreeSet<String>,
    patients: AHashMap<(String, String), Vec<PatientKey>>,
}

impl Known {
    pub fn new(crosswalk: &Crosswalk) -> Known {
        Known { wanted: crosswalk.rows.iter().map(|row| folded(&row.local)).collect(), patients: AHashMap::new() }
    }

    /// Takes one Patient: its id in the source, and its identifiers by their namespace (whole, or its last part), by
    /// their assigner, and by the source system.
    pub fn add(&mut self, patient: &PatientKey, source_system: &str, original_id: &str, json: &Value) {
        self.put(source_system, original_id, patient);
        for identifier in json.get("identifier").and_then(Value::as_array).into_iter().flatten() {
            let text = |pointer: &str| identifier.pointer(pointer).and_then(Value::as_str);
            let Some(value) = text("/value") else { continue };
            self.put(source_system, value, patient);
            for name in [text("/system"), text("/assigner/display")].into_iter().flatten() {
                self.put(name, value, patient);
                self.put(name.rsplit(['/', ':']).next().unwrap_or(name), value, patient);
            }
        }
    }

    fn put(&mut self, authority: &str, value: &str, patient: &PatientKey) {
        let value = folded(value);
        if self.wanted.contains(&value) {
            let patients = self.patients.entry((folded(authority), value)).or_default();
            if !patients.contains(patient) && patients.len() < 2 {
                patients.push(patient.clone());
            }
        }
    }

    /// The one patient who has the number of a row.
    pub fn find(&self, row: &Row) -> Result<&PatientKey, Trouble> {
        match self.patients.get(&(folded(&row.authority), folded(&row.local))).map(Vec::as_slice) {
            None | Some([]) => Err(Trouble::Unknown),
            Some([one]) => Ok(one),
            Some(_) => Err(Trouble::Ambiguous),
        }
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What an import would do.
#[derive(Debug, Default)]
pub struct Plan {
    pub statements: Vec<Statement>,
    /// Rows that are not used, by number.
    pub troubles: Vec<(u64, Trouble)>,
    /// Rows whose number was found.
    pub found: u64,
    /// People with more than one number among them.
    pub people: u64,
}

impl Plan {
    /// What must be said so that the patients whom `crosswalk` names are one person exactly where it says so. Nothing is
    /// said twice: an import of the same file again has an empty plan.
    ///
    /// `launching` are authorities whose numbers launches of the viewer come with: their numbers are remembered too.
    pub fn of(crosswalk: &Crosswalk, known: &Known, resolver: &Resolver, launching: &[String], file: &str, sha256: &str) -> Plan {
        let launching = launching.iter().map(|authority| folded(authority)).collect();
        let mut planner = Planner { resolver, launching, file, sha256, plan: Plan::default() };
        planner.plan.troubles = crosswalk.bad.clone();
        let (people, of_key) = planner.people(crosswalk, known);
        planner.numbers(crosswalk, &people);
        let gone = planner.take_back(&of_key);
        planner.connect(&people, &gone);
        planner.plan.troubles.sort_unstable();
        planner.plan
    }
}

/// A patient under an enterprise number, with his row.
type Member<'a> = (PatientKey, &'a Row);

/// The enterprise number of each patient and the row that says so; no number for one whom the file removes.
type OfKey<'a> = BTreeMap<PatientKey, (Option<&'a str>, u64)>;

fn is_crosswalk(said: &Said) -> bool {
    matches!(said.evidence, Evidence::Crosswalk { .. })
}

struct Planner<'a> {
    resolver: &'a Resolver,
    launching: BTreeSet<String>,
    file: &'a str,
    sha256: &'a str,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn evidence(&self, row: u64) -> Evidence {
        Evidence::Crosswalk { file: self.file.to_string(), sha256: self.sha256.to_string(), row }
    }

    /// The patients by enterprise number, and the enterprise number of each.
    fn people<'r>(&mut self, crosswalk: &'r Crosswalk, known: &Known) -> (BTreeMap<&'r str, Vec<Member<'r>>>, OfKey<'r>) {
        let mut people: BTreeMap<&'r str, Vec<Member<'r>>> = BTreeMap::new();
        let mut of_key = OfKey::new();
        for row in &crosswalk.rows {
            let key = match known.find(row) {
                Ok(key) => key.clone(),
                // Of an EHR that the archive does not hold: `numbers` looks at it.
                Err(Trouble::Unknown) if self.is_launching(row) => continue,
                Err(trouble) => {
                    self.plan.troubles.push((row.number, trouble));
                    continue;
                }
            };
            self.plan.found += 1;
            let is_member = row.status != Status::Removed;
            match of_key.get(&key) {
                Some((Some(before), _)) if is_member && *before != row.enterprise => {
                    self.plan.troubles.push((row.number, Trouble::Contradicted));
                    continue;
                }
                // That a number was removed from one person says nothing against its place with another.
                Some((Some(_), _)) if !is_member => continue,
                _ => {}
            }
            of_key.insert(key.clone(), (is_member.then_some(row.enterprise.as_str()), row.number));
            if row.status == Status::Retired && !self.resolver.is_retired(&key) {
                let (reason, evidence) = ("retired in the crosswalk".to_string(), self.evidence(row.number));
                self.plan.statements.push(Statement::Retire { key: key.to_string(), reason, evidence });
            }
            if is_member {
                let members = people.entry(&row.enterprise).or_default();
                if members.iter().all(|(other, _)| *other != key) {
                    members.push((key, row));
                }
            }
        }
        (people, of_key)
    }

    fn is_launching(&self, row: &Row) -> bool {
        self.launching.contains(&folded(&row.authority))
    }

    /// Whose the numbers of launching EHRs are: the patient in the archive under the same enterprise number. A number that
    /// an earlier file gave to someone else is taken from him.
    fn numbers(&mut self, crosswalk: &Crosswalk, people: &BTreeMap<&str, Vec<Member<'_>>>) {
        for row in &crosswalk.rows {
            if !self.is_launching(row) {
                continue;
            }
            let member = people.get(row.enterprise.as_str()).and_then(|members| members.first());
            let key = member.map(|(key, _)| key).filter(|_| row.status != Status::Removed);
            if key.is_none() && row.status != Status::Removed {
                self.plan.troubles.push((row.number, Trouble::Unknown));
            }
            let (authority, number) = (row.authority.clone(), row.local.clone());
            let said: Vec<(&PatientKey, bool)> = self
                .resolver
                .said_of_number(&authority, &number)
                .map(|(key, said)| (key, said.iter().all(is_crosswalk)))
                .collect();
            for (other, _) in said.iter().filter(|(other, by_file)| *by_file && Some(*other) != key) {
                let (reason, evidence) = ("no longer in the crosswalk".to_string(), self.evidence(row.number));
                let (key, authority, number) = (other.to_string(), authority.clone(), number.clone());
                self.plan.statements.push(Statement::NumberBack { key, authority, number, reason, evidence });
            }
            if let Some(key) = key.filter(|key| said.iter().all(|(known, _)| known != key)) {
                self.plan.found += 1;
                let (reason, evidence) = ("the same enterprise id".to_string(), self.evidence(row.number));
                let key = key.to_string();
                self.plan.statements.push(Statement::Number { key, authority, number, reason, evidence });
            }
        }
    }

    /// Takes back the links that rest on crosswalk files alone and connect patients whom this file keeps apart.
    fn take_back<'k>(&mut self, of_key: &OfKey<'_>) -> BTreeSet<(&'k PatientKey, &'k PatientKey)>
    where
        'a: 'k,
    {
        let mut gone = BTreeSet::new();
        let resolver = self.resolver;
        for (a, b, said) in resolver.all_links() {
            let (Some((of_a, _)), Some((of_b, row))) = (of_key.get(a), of_key.get(b)) else { continue };
            if said.iter().all(is_crosswalk) && (of_a.is_none() || of_a != of_b) {
                gone.insert((a, b));
                let (reason, evidence) = ("no longer in the crosswalk".to_string(), self.evidence(*row));
                self.plan.statements.push(Statement::Unlink { a: a.to_string(), b: b.to_string(), reason, evidence });
            }
        }
        gone
    }

    /// A link from each person's first patient to those whom no crosswalk file connects with him yet.
    fn connect(&mut self, people: &BTreeMap<&str, Vec<Member<'_>>>, gone: &BTreeSet<(&PatientKey, &PatientKey)>) {
        let resolver = self.resolver;
        let mut joined = Parts::default();
        for (a, b, said) in resolver.all_links() {
            if said.iter().any(is_crosswalk) && !resolver.are_two(a, b) && !gone.contains(&(a, b)) {
                joined.join(a, b);
            }
        }
        for members in people.values() {
            let [(first, _), others @ ..] = members.as_slice() else { continue };
            self.plan.people += u64::from(!others.is_empty());
            for (key, row) in others {
                if resolver.are_apart(first, key) {
                    self.plan.troubles.push((row.number, Trouble::HeldBack));
                } else if !joined.are_joined(first, key) {
                    joined.join(first, key);
                    let (reason, evidence) = ("the same enterprise id".to_string(), self.evidence(row.number));
                    let (a, b) = (first.to_string(), key.to_string());
                    self.plan.statements.push(Statement::Link { a, b, reason, evidence });
                }
            }
        }
    }
}
