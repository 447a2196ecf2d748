//! Everything that the archive holds of one person, counted before anything is hidden, and handed out under a permit: for
//! releases, which have to say of every record whether it goes, stays, or was not asked for.
//!
//! What the permit hides is counted by kind and class and by nothing else: no id, no day, no words. What statements moved to
//! another chart is counted by kind. So the three add up to what the accessions' directories say.
//!
//! Not for: opening a chart (`chart`), or which records a release takes (`release::selection`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ahash::AHashMap;
use sha2::{Digest, Sha256};

use super::QueryError;
use super::part::{Part, parts_of};
use super::reassigned::patients_now;
use super::record::{last_updated, record_at};
use super::sight::{self, Days};
use super::snapshot::{Archive, Snapshot};
use super::wanted::Selection;
use crate::access::{Filter, Permit, Scope};
use crate::identity::Parted;
use crate::limits::RELEASE_RECORDS_MAX;
use crate::model::{ArchiveId, Kind, Label, PatientKey, Place, Record, When, hex};
use crate::store::ledger::{FileRecord, PIECE_BYTES, first_items_of};
use crate::store::{Accession, ChartFrame};

/// All that is held of a person, as of one catalog.
pub struct Inventory<'p> {
    permit: &'p Permit,
    snapshot: Arc<Snapshot>,
    /// All keys of the person that the permit is for, sorted.
    pub keys: Vec<PatientKey>,
    /// Number of the catalog in force and its digest: `7 sha256:…`.
    pub catalog: String,
    /// Every accession in force, whether it holds anything of the person or not.
    pub holdings: Vec<Holding>,
    /// Records that the permit hides.
    pub hidden: Vec<Hidden>,
    /// Records that were filed under this person and that statements moved to another.
    pub moved_away: BTreeMap<Kind, u64>,
    /// Numbers of other patients that the source merged with this person's and parted again.
    pub parted: Vec<Parted>,
    /// In words: accessions that are kept and not read.
    pub set_aside: Vec<String>,
    /// By accession and ordinal; what is not hidden.
    known: AHashMap<(usize, u64), Version>,
    /// The piece of a kept file that was read last: accession, number of the piece, its bytes. Neighbours lie together.
    piece: RefCell<Option<(usize, u64, Vec<u8>)>>,
}

/// One accession in force.
#[derive(Clone, Debug)]
pub struct Holding {
    pub accession: String,
    pub generation: u32,
    pub source_system: String,
    /// Records of the person in it, hidden ones and earlier versions included.
    pub records: u64,
    /// First and last day of those that the permit shows, `YYYY-MM-DD`.
    pub first: Option<String>,
    pub last: Option<String>,
    /// Source items of the whole accession that could not be read.
    pub quarantined: u64,
}

/// Records that the permit hides, by kind and by the classes for which it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hidden {
    pub kind: Kind,
    /// Empty: not for a class, but for their source, their kind, or because the patient is hidden altogether.
    pub classes: Label,
    pub count: u64,
}

/// Which version of its record something is.
#[derive(Clone, Copy, Debug)]
struct Version {
    number: u32,
    of: u32,
}

/// One version of one record, open for reading.
pub struct Held<'a> {
    frame: &'a ChartFrame<'a>,
    index: usize,
    /// With the number of its version.
    pub record: Record,
    /// How many versions there are.
    pub versions: u32,
    /// The clinical date by which a chart is ordered.
    pub when: Option<When>,
    /// Whether it names a patient who is not this person.
    pub names_others: bool,
    /// The source filed it under another patient; a statement moved it here.
    pub is_moved_here: bool,
}

/// Where in the delivery a record came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceMark {
    /// Delivered file.
    pub file: String,
    /// 1-based number of the line, message or row in it; 0 where the file is one record.
    pub number: u64,
    /// Offset and length of a mapped source record in the content of its file.
    pub span: Option<(u64, u64)>,
}

/// A version as it is first met.
struct Met {
    updated: String,
    at: (usize, u64),
    hidden: Option<Label>,
}

impl Archive {
    /// What there is of the person of the permit. Scope: his `Chart` or `Person`.
    ///
    /// # Errors
    /// `OutOfScope` for another scope; `BadQuestion` when there are more records than a release can hold.
    pub fn inventory<'p>(&self, permit: &'p Permit) -> Result<Inventory<'p>, QueryError> {
        let (Scope::Chart(_) | Scope::Person(_)) = permit.scope() else { return Err(QueryError::OutOfScope) };
        let mut keys = permit.scope().patients().to_vec();
        keys.sort_unstable();
        keys.dedup();
        let snapshot = self.snapshot();
        let mut inventory = Inventory {
            permit,
            catalog: format!("{} sha256:{}", snapshot.catalog.number, snapshot.catalog_sha256),
            holdings: snapshot.accessions.iter().map(|accession| Holding::of(accession)).collect(),
            hidden: Vec::new(),
            moved_away: BTreeMap::new(),
            parted: snapshot.identity.parted_from(&keys),
            set_aside: set_aside(&snapshot),
            known: AHashMap::new(),
            piece: RefCell::new(None),
            snapshot,
            keys,
        };
        inventory.count()?;
        Ok(inventory)
    }
}

impl Inventory<'_> {
    /// Meets every record once, whatever the permit hides, and tells versions and hidden ones apart.
    fn count(&mut self) -> Result<(), QueryError> {
        let snapshot = self.snapshot.clone();
        let mut sight = Sight { snapshot: &snapshot, permit: self.permit, of_patient: AHashMap::new() };
        let (mut names, mut met): (AHashMap<(Kind, String), Vec<Met>>, usize) = (AHashMap::new(), 0);
        let mut days: Vec<Days> = vec![None; self.holdings.len()];
        for part in &parts_of(&snapshot, &Filter::default(), &self.keys)? {
            let number = number_of(&snapshot, part.accession);
            for (kind, run) in part.entry.by_kind() {
                let gone = snapshot.moved.within(&part.accession.id, run);
                let to_others =
                    gone.filter(|at| snapshot.moved.to(&part.accession.id, *at).is_some_and(|to| !self.keys.contains(to)));
                let count = to_others.count() as u64;
                if count > 0 {
                    *self.moved_away.entry(kind).or_default() += count;
                }
            }
            part.visit(&Selection::default(), &Filter::default(), &mut |frame, index| {
                let (Some(kind), Some((id, _))) = (frame.kind(index), frame.names(index)) else { return Ok(()) };
                let hidden = sight.hides(part, frame, index, kind, &id)?;
                if hidden.is_none()
                    && let Some(days) = days.get_mut(number)
                {
                    *days = sight::widened(*days, frame, index);
                }
                if let Some(holding) = self.holdings.get_mut(number) {
                    holding.records += 1;
                }
                met += 1;
                if met > RELEASE_RECORDS_MAX {
                    return Err(QueryError::BadQuestion("the person has more records than a release can hold"));
                }
                let version = Met { updated: last_updated(frame, index), at: (number, frame.ordinal(index)), hidden };
                names.entry((kind, id)).or_default().push(version);
                Ok(())
            })?;
        }
        for (holding, days) in self.holdings.iter_mut().zip(days) {
            (holding.first, holding.last) = days.map_or((None, None), |(from, to)| (Some(day(from)), Some(day(to))));
        }
        self.sort(names);
        Ok(())
    }

    /// Numbers the versions of each name. A hidden version hides the record: its other versions would tell that there is one.
    fn sort(&mut self, names: AHashMap<(Kind, String), Vec<Met>>) {
        let mut hidden: BTreeMap<(Kind, u32), u64> = BTreeMap::new();
        for ((kind, _), mut versions) in names {
            if versions.iter().any(|version| version.hidden.is_some()) {
                let classes = versions.iter().filter_map(|version| version.hidden).fold(Label::NORMAL, Label::union);
                *hidden.entry((kind, classes.bits())).or_default() += versions.len() as u64;
                continue;
            }
            // Equal times keep the order of publication and of the chart, as everywhere.
            versions.sort_by(|a, b| a.updated.cmp(&b.updated).then(a.at.cmp(&b.at)));
            let of = versions.len() as u32;
            let numbered = versions.iter().zip(1..).map(|(version, number)| (version.at, Version { number, of }));
            self.known.extend(numbered);
        }
        let list = hidden.into_iter().map(|((kind, bits), count)| Hidden { kind, classes: Label::from_bits(bits), count });
        self.hidden = list.collect();
    }

    /// How many records there are in all: those that [`Inventory::each`] gives, the hidden ones, and those moved away.
    pub fn total(&self) -> u64 {
        let hidden: u64 = self.hidden.iter().map(|hidden| hidden.count).sum();
        self.known.len() as u64 + hidden + self.moved_away.values().sum::<u64>()
    }

    /// Calls `visit` for every version of every record that the permit shows: accession by accession, by kind and date.
    pub fn each<E: From<QueryError>>(&self, visit: &mut dyn FnMut(Held<'_>) -> Result<(), E>) -> Result<(), E> {
        let parts = parts_of(&self.snapshot, &Filter::default(), &self.keys)?;
        for part in &parts {
            let number = number_of(&self.snapshot, part.accession);
            let mut fault = None;
            let walked = part.visit(&Selection::default(), &Filter::default(), &mut |frame, index| {
                let Some(version) = self.known.get(&(number, frame.ordinal(index))) else { return Ok(()) };
                let Some(held) = self.held(part, frame, index, *version) else { return Ok(()) };
                visit(held).map_err(|error| {
                    fault = Some(error);
                    QueryError::NotFound
                })
            });
            if let Some(fault) = fault {
                return Err(fault);
            }
            walked?;
        }
        Ok(())
    }

    fn held<'a>(&self, part: &Part<'_>, frame: &'a ChartFrame<'a>, index: usize, version: Version) -> Option<Held<'a>> {
        let mut record = record_at(part.accession, frame, index, Some(part.key.clone()))?;
        record.version = version.number;
        let patients = patients_now(&self.snapshot, part.accession, frame, index);
        let is_own = |patient: &PatientKey| self.keys.binary_search(patient).is_ok();
        let names_others = patients.iter().any(|patient| !is_own(patient));
        let is_moved_here = self.snapshot.moved.to(&part.accession.id, frame.ordinal(index)).is_some();
        Some(Held { frame, index, record, versions: version.of, when: frame.date(index), names_others, is_moved_here })
    }

    /// Where these records came from; `None` for places that are not of this inventory. Each accession's ledger is read once.
    pub fn sources(&self, places: &[Place]) -> Result<Vec<Option<SourceMark>>, QueryError> {
        let mut wanted: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        let at: Vec<Option<(usize, u64)>> = places.iter().map(|place| self.at(place)).collect();
        for (number, ordinal) in at.iter().flatten() {
            wanted.entry(*number).or_default().insert(*ordinal);
        }
        let mut found: AHashMap<(usize, u64), SourceMark> = AHashMap::new();
        for (number, ordinals) in wanted {
            let Some(accession) = self.snapshot.accessions.get(number) else { continue };
            for (ordinal, (item, span)) in first_items_of(&accession.paths().ledger(), &ordinals)? {
                found.extend(mark(&accession.files, item, span).map(|mark| ((number, ordinal), mark)));
            }
        }
        Ok(at.into_iter().map(|at| found.get(&at?).cloned()).collect())
    }

    /// The source record behind a mark, as delivered, for comparing whom it names. It may speak of more than the record that
    /// was made of it: it must not be shown.
    pub fn source_bytes(&self, place: &Place, mark: &SourceMark) -> Result<Option<Vec<u8>>, QueryError> {
        let (Some((number, _)), Some((offset, length))) = (self.at(place), mark.span) else { return Ok(None) };
        let Some(accession) = self.snapshot.accessions.get(number) else { return Ok(None) };
        let Some(file) = accession.files.iter().find(|file| file.name == mark.file) else { return Ok(None) };
        let piece = PIECE_BYTES as u64;
        let (first, last) = (offset / piece, offset.saturating_add(length.saturating_sub(1)) / piece);
        let Some(document) = file.document.filter(|_| first == last) else {
            return Ok(Some(accession.kept_bytes(file, offset, length)?));
        };
        let mut held = self.piece.borrow_mut();
        let wanted = (number, document + first);
        if held.as_ref().is_none_or(|(accession, piece, _)| (*accession, *piece) != wanted) {
            *held = Some((number, document + first, accession.kept(document + first)?));
        }
        let from = (offset - first * piece) as usize;
        Ok(held.as_ref().and_then(|(_, _, bytes)| bytes.get(from..from + length as usize)).map(<[u8]>::to_vec))
    }

    /// Where a place lies among the accessions, if it is of this inventory.
    fn at(&self, place: &Place) -> Option<(usize, u64)> {
        let is_it = |a: &Arc<Accession>| a.id == place.accession && a.generation == place.generation;
        let at = (self.snapshot.accessions.iter().position(is_it)?, place.ordinal);
        self.known.contains_key(&at).then_some(at)
    }
}

/// What the permit hides, asked for each record.
struct Sight<'a> {
    snapshot: &'a Snapshot,
    permit: &'a Permit,
    of_patient: AHashMap<PatientKey, bool>,
}

impl Sight<'_> {
    /// `None`: it is shown. Else the classes for which it is hidden; none where it is for something else.
    fn hides(
        &mut self,
        part: &Part<'_>,
        frame: &ChartFrame<'_>,
        index: usize,
        kind: Kind,
        id: &str,
    ) -> Result<Option<Label>, QueryError> {
        let filter = self.permit.filter();
        let label = frame.label(index);
        let classes = Label::from_bits(label.bits() & filter.hide.bits());
        if classes.is_restricted() || !sight::sees(filter, part.accession, frame, index) {
            return Ok(Some(classes));
        }
        let Some(id) = ArchiveId::parse(id) else { return Ok(Some(Label::NORMAL)) };
        let patients = patients_now(self.snapshot, part.accession, frame, index);
        let covering = patients.iter().find(|patient| self.permit.covers_record(kind, &id, Some(patient)));
        for patient in patients.first().into_iter().chain(covering) {
            if self.hides_patient(patient)? {
                return Ok(Some(Label::NORMAL));
            }
        }
        Ok(None)
    }

    fn hides_patient(&mut self, patient: &PatientKey) -> Result<bool, QueryError> {
        if let Some(known) = self.of_patient.get(patient) {
            return Ok(*known);
        }
        let hides = sight::hides_patient(self.snapshot, self.permit.filter(), patient)?;
        self.of_patient.insert(patient.clone(), hides);
        Ok(hides)
    }
}

impl Held<'_> {
    /// SHA-256 of the record's bytes as delivered, hexadecimal.
    pub fn sha256(&self) -> Result<String, QueryError> {
        Ok(hex(&Sha256::digest(self.frame.original(self.index)?)))
    }

    /// The bytes of its attachment of this number, as [`crate::model::DocumentId`]s count; `None` when they were not delivered.
    pub fn file(&self, number: usize) -> Result<Option<Vec<u8>>, QueryError> {
        Ok(self.frame.attachment(self.index, number)?)
    }
}

impl Holding {
    fn of(accession: &Accession) -> Holding {
        Holding {
            accession: accession.id.as_str().to_owned(),
            generation: accession.generation,
            source_system: accession.source_system.to_string(),
            records: 0,
            first: None,
            last: None,
            quarantined: accession.seal.ledger.quarantined,
        }
    }
}

fn mark(files: &[FileRecord], item: u64, span: Option<(u64, u64)>) -> Option<SourceMark> {
    let file = files.get(files.partition_point(|f| f.first_item + f.items <= item))?;
    let number = if file.items == 1 && file.separators.len() <= 1 { 0 } else { item.checked_sub(file.first_item)? + 1 };
    Some(SourceMark { file: file.name.clone(), number, span })
}

fn number_of(snapshot: &Snapshot, accession: &Accession) -> usize {
    snapshot.accessions.iter().position(|it| it.id == accession.id).unwrap_or(usize::MAX)
}

fn day(day: i32) -> String {
    let (y, m, d) = crate::model::civil_from_days(i64::from(day));
    format!("{y:04}-{m:02}-{d:02}")
}

fn set_aside(snapshot: &Snapshot) -> Vec<String> {
    let awaiting = snapshot.catalog.awaiting.iter();
    let awaiting =
        awaiting.map(|it| format!("Delivery {} of {} awaits sign-off and was not searched.", it.accession, it.source_system));
    let withdrawn = snapshot.catalog.withdrawn.iter().map(|it| {
        let of = &it.accession;
        let instead = it.replaced_by.as_ref().map_or_else(String::new, |other| format!("; {other} holds its records instead"));
        format!("Delivery {} of {} was withdrawn and was not searched{instead}.", of.accession, of.source_system)
    });
    awaiting.chain(withdrawn).collect()
}
