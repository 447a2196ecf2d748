//! The second pass: bucket after bucket, sort, drop byte-equal duplicates, write frames, documents and table rows.
//!
//! Each part (a run of buckets) is gathered by one worker and is complete in itself; parts meet again in `assemble`.
//!
//! Not for: reading deliveries (`deliver`, `spread`) or sealing (`assemble`).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::earlier::{Earlier, Known};
use super::error::IngestError;
use super::labels::{Beyond, Compartment};
use super::planned::Planned;
use super::spill::{self, Spilled};
use crate::formats::fhir::{Target, leaf_text, target};
use crate::limits;
use crate::mapping::sensitivity::SourceRules;
use crate::merkle::Hash;
use crate::model::{Kind, Label, Outcome};
use crate::store::codec::{Decoded, Encoder, RecordIn, WHOLE};
use crate::store::directory::{KindRun, PatientEntry, patient_hash};
use crate::store::documents::PackWriter;
use crate::store::framed::FramedWriter;
use crate::store::layout::Generation;
use crate::store::locator::{alias_hash, name_hash};
use crate::store::tables::{ColumnReport, Row, TableFile, TableWriter};
use crate::store::{Accession, LeafHasher, StoreError};

/// What every worker of the second pass shares.
pub struct GatherPlan<'a> {
    pub source_system: &'a str,
    pub generation: Generation,
    pub rules: Arc<SourceRules>,
    /// What labelled records without a patient give to those that refer to them.
    pub beyond: Beyond,
    pub scratch: PathBuf,
    /// By final number - 1.
    pub shapes: Vec<Arc<Planned>>,
    /// Final number of each number in the spill.
    pub finals: Vec<u32>,
    pub chart_dictionary: Option<Vec<u8>>,
    pub document_dictionary: Option<Vec<u8>>,
    pub level: i32,
    pub secret: [u8; 32],
    /// The day of the ingest, counted from 1970-01-01.
    pub today: i64,
    /// Accessions of the same source system that may hold these records already.
    pub earlier: Vec<Arc<Accession>>,
    pub table_metadata: Vec<(String, String)>,
}

/// What became of one source record. Packed, since a large delivery has one for each of its records in memory.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    pub key: u64,
    /// Outcome (3 bits), kind (9), part (12), whether it was made of a source record (1), place (39).
    packed: u64,
}

/// The place of a record whose bytes lie in an earlier accession.
const ELSEWHERE: u64 = (1 << 39) - 1;
const IS_DERIVED: u64 = 1 << 39;
/// Parts that a fate can name.
pub const PARTS_MAX: usize = 1 << 12;

impl Fate {
    fn new(key: u64, derived: bool, outcome: Outcome, kind: Kind, part: u32, place: Option<u64>) -> Fate {
        let place = place.unwrap_or(ELSEWHERE) | if derived { IS_DERIVED } else { 0 };
        debug_assert!(place <= ELSEWHERE | IS_DERIVED && (part as usize) < PARTS_MAX && kind.number() < 512);
        Fate { key, packed: ((outcome as u64) << 61) | (u64::from(kind.number()) << 52) | (u64::from(part) << 40) | place }
    }

    pub fn outcome(self) -> Outcome {
        match self.packed >> 61 {
            0 => Outcome::Archived,
            1 => Outcome::Version,
            2 => Outcome::Duplicate,
            3 => Outcome::Quarantined,
            _ => Outcome::Excluded,
        }
    }

    pub fn kind(self) -> Option<Kind> {
        Kind::from_number((self.packed >> 52) as u16 & 511)
    }

    pub fn part(self) -> usize {
        (self.packed >> 40) as usize & (PARTS_MAX - 1)
    }

    /// Whether it was made of a source record, and is none itself.
    pub fn is_derived(self) -> bool {
        self.packed & IS_DERIVED != 0
    }

    /// The outcome in the ledger's words.
    pub fn outcome_name(self) -> &'static str {
        match (self.is_derived(), self.outcome()) {
            (false, outcome) => outcome.name(),
            (true, Outcome::Duplicate) => "derived-duplicate",
            (true, Outcome::Version) => "derived-version",
            (true, _) => "derived",
        }
    }

    /// Part-local ordinal of the record with these bytes; `None` when it lies in an earlier accession.
    pub fn place(self) -> Option<u64> {
        Some(self.packed & ELSEWHERE).filter(|place| *place != ELSEWHERE)
    }
}

/// What one part brought.
pub struct PartOutput {
    pub part: u32,
    pub records: u64,
    pub documents: u64,
    /// (name hash, frame of this part).
    pub names: Vec<(u64, u32)>,
    pub fates: Vec<Fate>,
    /// Patients in order, with part-local ordinals.
    pub patients: Vec<PatientEntry>,
    /// (hash of the key, key, part-local ordinal) of records that name a further patient.
    pub also: Vec<(u64, String, u64)>,
    /// Merkle leaves in order, 32 bytes each.
    pub leaves: PathBuf,
    pub files: Vec<(String, crate::durable::FileDigest, Option<u64>)>,
    pub tables: Vec<TableFile>,
    pub columns: Vec<ColumnReport>,
    /// Hashes of reference targets that are not in the same compartment, with an example of who refers.
    pub pending: AHashMap<u64, (u64, u64)>,
    /// Part-local ordinal and label of each labelled record, in order.
    pub labels: Vec<(u64, Label)>,
    /// Names of Binaries in other compartments, with what the documents that they belong to give to them.
    pub attached: Vec<(u64, Label)>,
    /// Name and part-local ordinal of every Binary.
    pub binaries: Vec<(u64, u64)>,
    pub last_day: Option<i64>,
    pub bytes_text: u64,
}

/// A record of the bucket in work.
pub(super) struct Work<'a> {
    pub spilled: Spilled<'a>,
    pub planned: Arc<Planned>,
    /// Final number, or [`WHOLE`].
    pub shape: u32,
    /// Leaves of the planned shape.
    pub leaves: Vec<&'a [u8]>,
    pub name: String,
    /// Ordinal of the encounter that it names, when that lies in the same compartment.
    encounter: Option<u64>,
    /// Bytes of its original text.
    length: usize,
}

/// A record of the compartment in work: shape, leaves, ordinal.
type Seen<'a> = (u32, &'a [u8], u64);

/// Gathers one part.
pub struct Gatherer<'a> {
    plan: &'a GatherPlan<'a>,
    out: PartOutput,
    charts: FramedWriter,
    charts_path: PathBuf,
    pack: PackWriter,
    pack_path: PathBuf,
    tables: TableWriter,
    leaf_file: BufWriter<File>,
    encoder: Encoder,
    hasher: LeafHasher,
    earlier: Earlier<'a>,
    /// Texts without a shared shape are planned one by one.
    registry: super::planned::ShapeRegistry,
    text: Vec<u8>,
}

impl<'a> Gatherer<'a> {
    pub fn new(plan: &'a GatherPlan<'a>, part: u32) -> Result<Gatherer<'a>, IngestError> {
        let charts_path = plan.generation.charts(part);
        let pack_path = plan.generation.documents(part);
        let leaves = plan.scratch.join(format!("leaves{part:04}"));
        let leaf_file = File::create_new(&leaves).map_err(StoreError::write(&leaves))?;
        Ok(Gatherer {
            plan,
            charts: FramedWriter::create(&charts_path, plan.level, plan.chart_dictionary.as_deref())?,
            pack: PackWriter::create(&pack_path, plan.level, plan.document_dictionary.as_deref())?,
            tables: TableWriter::create(&plan.generation.tables(), part, &plan.table_metadata)?,
            charts_path,
            pack_path,
            leaf_file: BufWriter::with_capacity(1 << 20, leaf_file),
            encoder: Encoder::default(),
            hasher: LeafHasher::new(&plan.secret),
            earlier: Earlier::new(&plan.earlier),
            registry: super::planned::ShapeRegistry::new(Arc::clone(&plan.rules)),
            text: Vec::new(),
            out: PartOutput {
                part,
                records: 0,
                documents: 0,
                names: Vec::new(),
                fates: Vec::new(),
                patients: Vec::new(),
                also: Vec::new(),
                leaves,
                files: Vec::new(),
                tables: Vec::new(),
                columns: Vec::new(),
                pending: AHashMap::new(),
                labels: Vec::new(),
                attached: Vec::new(),
                binaries: Vec::new(),
                last_day: None,
                bytes_text: 0,
            },
        })
    }

    /// Gathers one bucket. Buckets must come in their order.
    pub fn bucket(&mut self, bytes: &[u8]) -> Result<(), IngestError> {
        let spans = spill::entries(bytes).map_err(|e| IngestError::Scratch(e.0))?;
        let mut order = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            let spilled = spill::read_record(&bytes[start..end]).map_err(|e| IngestError::Scratch(e.0))?;
            let hash = if spilled.patient.is_empty() { 0 } else { patient_hash(spilled.patient) };
            order.push((hash, spilled));
        }
        order.sort_by(|(ha, a), (hb, b)| {
            (ha, a.patient)
                .cmp(&(hb, b.patient))
                .then_with(|| (self.kind_of(a), a.date, a.key).cmp(&(self.kind_of(b), b.date, b.key)))
        });
        let mut at = 0;
        let mut open: Vec<Work<'_>> = Vec::new();
        let mut open_bytes = 0;
        while at < order.len() {
            let patient = order[at].1.patient;
            let end = at + order[at..].partition_point(|(h, s)| (*h, s.patient) == (order[at].0, patient));
            self.compartment(&order[at..end], &mut open, &mut open_bytes)?;
            at = end;
        }
        self.frame(&mut open, &mut open_bytes)
    }

    fn kind_of(&self, spilled: &Spilled<'_>) -> u16 {
        match self.plan.finals.get(spilled.shape as usize) {
            Some(number) if *number != WHOLE => self.plan.shapes[*number as usize - 1].shape.kind().number(),
            // Texts without a shared shape stand last in their compartment.
            _ => u16::MAX,
        }
    }

    /// One patient's records, or all patientless ones of the bucket.
    fn compartment<'b>(
        &mut self,
        records: &[(u64, Spilled<'b>)],
        open: &mut Vec<Work<'b>>,
        open_bytes: &mut usize,
    ) -> Result<(), IngestError> {
        let patient = records[0].1.patient;
        let mut entry =
            PatientEntry { key: patient.to_string(), first: self.out.records + open.len() as u64, ..Default::default() };
        let mut seen: AHashMap<(Kind, String), Vec<Seen<'b>>> = AHashMap::new();
        let mut names: AHashSet<u64> = AHashSet::new();
        let mut wanted: Vec<(u64, u64)> = Vec::new();
        // Encounters come first in a chart, so that what happened in them can point to them.
        let mut encounters: AHashMap<String, u64> = AHashMap::new();
        // Frames begin at a patient when the one before is well filled; a small chart shares its frame.
        if *open_bytes >= limits::FRAME_RAW_MAX / 5 {
            self.frame(open, open_bytes)?;
        }
        let repeats = super::repeats::find(self, records)?;
        let mut places: AHashMap<u64, u64> = AHashMap::new();
        // Where nothing is labelled, nothing can be because of it.
        let may_label = !self.plan.beyond.is_empty() || records.iter().any(|(_, spilled)| spilled.label != 0);
        let mut compartment = may_label.then(|| Compartment::new(self.plan.source_system));
        let mut days: Vec<(i64, u64)> = Vec::new();
        for (_, spilled) in records.iter() {
            if repeats.contains_key(&spilled.key) {
                continue;
            }
            let mut work = self.prepare(spilled.clone())?;
            let kind = work.planned.shape.kind();
            let earlier = seen.entry((kind, work.name.clone())).or_default();
            let known = earlier.iter().find(|(shape, leaves, _)| *shape == work.shape && *leaves == work.spilled.leaves);
            if let Some((_, _, place)) = known {
                places.insert(work.spilled.key, *place);
                self.fate(&work, Outcome::Duplicate, Some(*place));
                continue;
            }
            let archived = self.archived_already(&work)?;
            if archived == Known::SameBytes {
                self.fate(&work, Outcome::Duplicate, None);
                continue;
            }
            let ordinal = self.out.records + open.len() as u64;
            let is_new = earlier.is_empty() && archived == Known::Nothing;
            let outcome = if is_new { Outcome::Archived } else { Outcome::Version };
            earlier.push((work.shape, work.spilled.leaves, ordinal));
            self.fate(&work, outcome, Some(ordinal));
            if !repeats.is_empty() {
                places.insert(work.spilled.key, ordinal);
            }
            names.insert(name_hash(kind.name(), work.name.as_bytes()));
            if kind.name() == "Encounter" {
                encounters.insert(work.name.clone(), ordinal);
            }
            work.encounter = self.encounter_of(&work, &encounters);
            self.note_references(&work, &mut wanted);
            note_in_directory(&mut entry, &work);
            if let Some(compartment) = &mut compartment {
                let (shown, leaves) = ((ordinal, kind, work.name.as_str()), &work.leaves);
                let leaf = |at: usize| leaves.get(at).copied().unwrap_or_default();
                compartment.take(shown, Label::from_bits(work.spilled.label), &work.planned.labels, leaf);
            }
            if kind == Kind::BINARY {
                self.out.binaries.extend(super::labels::names(kind, &work.name).map(|name| (name, ordinal)));
            }
            // A plan or a slip of the pen in the future is not how far the records reach.
            days.extend(day_of(&work).map(|day| (i64::from(day), ordinal)).filter(|(day, _)| *day <= self.plan.today));
            for also in &work.spilled.also {
                self.out.also.push((patient_hash(also), (*also).to_string(), ordinal));
            }
            if *open_bytes > 0 && *open_bytes + work.length > limits::FRAME_RAW_MAX {
                self.frame(open, open_bytes)?;
            }
            *open_bytes += work.length;
            open.push(work);
        }
        let settled = compartment.map(|compartment| compartment.settle(&self.plan.beyond)).unwrap_or_default();
        // A day that only a labelled record reaches would tell of it.
        let is_open = |ordinal: u64| settled.labels.binary_search_by_key(&ordinal, |(at, _)| *at).is_err();
        let last = days.into_iter().filter(|(_, ordinal)| is_open(*ordinal)).map(|(day, _)| day).max();
        self.out.last_day = self.out.last_day.max(last);
        self.out.labels.extend(settled.labels);
        self.out.attached.extend(settled.attached);
        for (key, (kind, first)) in repeats {
            let place = places.get(&first).copied();
            self.out.fates.push(Fate::new(key, true, Outcome::Duplicate, kind, self.out.part, place));
        }
        for (hash, key) in wanted {
            if !names.contains(&hash) {
                self.out.pending.entry(hash).or_insert((0, key)).0 += 1;
            }
        }
        if !patient.is_empty() && entry.count() > 0 {
            self.out.patients.push(entry);
        }
        Ok(())
    }

    /// Finds a record's shape, leaves and name.
    pub(super) fn prepare<'b>(&mut self, spilled: Spilled<'b>) -> Result<Work<'b>, IngestError> {
        let shape = self.plan.finals.get(spilled.shape as usize).copied().unwrap_or(WHOLE);
        let mut leaves = Vec::new();
        spill::leaf_slices(spilled.leaves, &mut leaves).map_err(|e| IngestError::Scratch(e.0))?;
        let planned = if shape == WHOLE {
            let text = leaves.first().copied().unwrap_or(b"");
            let mut tokenizer = crate::formats::fhir::Tokenizer::default();
            tokenizer.cut(text).map_err(|_| IngestError::Scratch("a record does not read again"))?;
            let mut cache = super::planned::ShapeCache::new(&self.registry);
            let planned = cache
                .get(&tokenizer.template, tokenizer.leaves.len())
                .map_err(|_| IngestError::Scratch("a record does not read again"))?;
            leaves = tokenizer.leaves.iter().map(|l| &text[l.start as usize..l.end as usize]).collect();
            planned
        } else {
            self.plan.shapes[shape as usize - 1].clone()
        };
        let length = planned.shape.template().len() + leaves.iter().map(|l| l.len()).sum::<usize>() - leaves.len();
        let id = planned.shape.id_leaf().map(|i| leaf_text(leaves[i]).into_owned());
        let name = match &id {
            Some(id) => super::spread::archive_name(self.plan.source_system, planned.shape.kind(), Some(id), b""),
            None => {
                let mut text = Vec::with_capacity(length);
                planned.shape.restore(|i| leaves[i], &mut text);
                super::spread::archive_name(self.plan.source_system, planned.shape.kind(), None, &text)
            }
        };
        Ok(Work { spilled, planned, shape, leaves, name, encounter: None, length })
    }

    fn encounter_of(&self, work: &Work<'_>, encounters: &AHashMap<String, u64>) -> Option<u64> {
        let leaf = work.planned.columns.as_ref()?.encounter_leaf()?;
        let reference = leaf_text(work.leaves.get(leaf)?);
        let Target::Local(kind, id) = target(&reference) else { return None };
        encounters.get(&super::spread::archive_name(self.plan.source_system, kind, Some(id), b"")).copied()
    }

    fn fate(&mut self, work: &Work<'_>, outcome: Outcome, place: Option<u64>) {
        let spilled = &work.spilled;
        self.out.fates.push(Fate::new(spilled.key, spilled.derived, outcome, work.planned.shape.kind(), self.out.part, place));
    }

    fn archived_already(&mut self, work: &Work<'_>) -> Result<Known, IngestError> {
        if self.earlier.is_empty() {
            return Ok(Known::Nothing);
        }
        self.text.clear();
        work.planned.shape.restore(|i| work.leaves[i], &mut self.text);
        Ok(self.earlier.look_for(work.planned.shape.kind(), &work.name, &self.text)?)
    }

    fn note_references(&self, work: &Work<'_>, wanted: &mut Vec<(u64, u64)>) {
        for index in &work.planned.references {
            let reference = leaf_text(work.leaves[*index]);
            let hash = match target(&reference) {
                Target::Local(kind, id) => {
                    name_hash(kind.name(), super::spread::archive_name(self.plan.source_system, kind, Some(id), b"").as_bytes())
                }
                Target::Conditional(_, text) => alias_hash(text.as_bytes()),
                _ => continue,
            };
            wanted.push((hash, work.spilled.key));
        }
    }

    /// Writes the open records as one frame, with their documents, rows and Merkle leaves.
    fn frame(&mut self, open: &mut Vec<Work<'_>>, open_bytes: &mut usize) -> Result<(), IngestError> {
        if open.is_empty() {
            return Ok(());
        }
        let base = self.pack.total();
        let mut moved = Vec::with_capacity(open.len());
        for work in open.iter() {
            moved.push(self.move_documents(work)?);
        }
        let mut wholes: Vec<Vec<u8>> = Vec::new();
        for work in open.iter().filter(|w| w.shape == WHOLE) {
            let mut text = Vec::with_capacity(work.length);
            work.planned.shape.restore(|i| work.leaves[i], &mut text);
            wholes.push(text);
        }
        let whole_slices: Vec<[&[u8]; 1]> = wholes.iter().map(|w| [w.as_slice()]).collect();
        let mut whole = whole_slices.iter();
        let records: Vec<RecordIn<'_>> = open
            .iter()
            .zip(&moved)
            .map(|(work, moved)| match work.shape {
                WHOLE => RecordIn { shape: WHOLE, leaves: whole.next().map_or(&[], |w| w.as_slice()), moved: &[] },
                shape => RecordIn { shape, leaves: &work.leaves, moved },
            })
            .collect();
        let (payload, uuids) = self.encoder.encode(&records);
        self.check(&records, &payload, &uuids)?;
        let frame = self.charts.frames() as u32;
        self.charts.push(&payload, &uuids, open.len() as u32, base, &self.charts_path)?;
        for work in open.drain(..) {
            self.write_row_and_leaf(&work)?;
            let kind = work.planned.shape.kind().name();
            self.out.names.push((name_hash(kind, work.name.as_bytes()), frame));
            self.out.records += 1;
        }
        *open_bytes = 0;
        Ok(())
    }

    /// Moves base64 attachments to the documents; gives the leaves that were moved. Only text that encodes back to the
    /// same bytes is moved, and never from a record that is kept whole.
    fn move_documents(&mut self, work: &Work<'_>) -> Result<Vec<u16>, IngestError> {
        let mut moved = Vec::new();
        if work.shape == WHOLE {
            return Ok(moved);
        }
        for index in &work.planned.data {
            // The strict decoder refuses white space, missing padding and stray bits: what it takes has one spelling.
            if let Ok(bytes) = BASE64.decode(work.leaves[usize::from(*index)])
                && !bytes.is_empty()
            {
                self.pack.push(&bytes)?;
                self.out.documents += 1;
                moved.push(*index);
            }
        }
        Ok(moved)
    }

    /// Nothing is written that does not read back: every leaf is compared.
    fn check(&self, records: &[RecordIn<'_>], payload: &[u8], uuids: &[u8]) -> Result<(), IngestError> {
        let leaves_of = |shape: u32| self.plan.shapes.get((shape as usize).wrapping_sub(1)).map(|p| p.shape.leaves());
        let decoded = Decoded::read(payload.to_vec(), uuids, &leaves_of).map_err(|e| IngestError::Scratch(e.0))?;
        let same = decoded.len() == records.len()
            && records.iter().enumerate().all(|(i, record)| {
                decoded.shape(i) == record.shape
                    && record.leaves.iter().enumerate().all(|(l, value)| match decoded.leaf(i, l) {
                        Some(read) => read == *value,
                        None => record.moved.contains(&(l as u16)),
                    })
            });
        if same { Ok(()) } else { Err(IngestError::Scratch("a frame does not read back")) }
    }

    fn write_row_and_leaf(&mut self, work: &Work<'_>) -> Result<(), IngestError> {
        let kind = work.planned.shape.kind();
        self.text.clear();
        work.planned.shape.restore(|i| work.leaves[i], &mut self.text);
        self.out.bytes_text += self.text.len() as u64;
        let leaf: Hash = self.hasher.leaf(kind, &work.name, &self.text);
        self.leaf_file.write_all(&leaf).map_err(StoreError::write(&self.out.leaves))?;
        if let Some(columns) = &work.planned.columns {
            let constants = work.planned.shape.constants();
            let count = work.leaves.len();
            let row = Row {
                patient: (!work.spilled.patient.is_empty()).then_some(work.spilled.patient),
                ordinal: self.out.records,
                encounter: work.encounter,
                leaf: &|i| if i < count { work.leaves[i] } else { constants[i - count].1.as_bytes() },
            };
            self.tables.append(kind, columns, &row)?;
        }
        Ok(())
    }

    /// Completes the part's files.
    pub fn finish(mut self) -> Result<PartOutput, IngestError> {
        let (records, documents) = (self.out.records, self.out.documents);
        let part = self.out.part;
        let digest = self.charts.finish(&self.charts_path)?;
        self.out.files.push((format!("charts/p{part:04}.frames"), digest, Some(records)));
        let digest = self.pack.finish()?;
        debug_assert!(self.pack_path.exists());
        self.out.files.push((format!("documents/p{part:04}.pack"), digest, Some(documents)));
        self.out.columns = self.tables.report();
        self.out.tables = self.tables.finish()?;
        self.leaf_file.flush().map_err(StoreError::write(&self.out.leaves))?;
        Ok(self.out)
    }
}

/// The clinical day of a record; a Patient has none.
fn day_of(work: &Work<'_>) -> Option<i32> {
    let is_dated = work.spilled.date != i64::MIN && work.planned.shape.kind() != Kind::PATIENT;
    is_dated.then(|| work.spilled.date.div_euclid(86_400_000_000) as i32)
}

fn note_in_directory(entry: &mut PatientEntry, work: &Work<'_>) {
    let kind = work.planned.shape.kind();
    match entry.runs.last_mut().filter(|run| run.kind == kind) {
        Some(run) => run.count += 1,
        None => entry.runs.push(KindRun { kind, count: 1 }),
    }
    if let Some(day) = day_of(work) {
        let (from, to) = entry.days.unwrap_or((day, day));
        entry.days = Some((from.min(day), to.max(day)));
    }
}
