//! Putting the parts together: kept items, locator, directory, ledger, report, manifest; then the seal, which demands
//! that the ledger balances.
//!
//! Not for: making the parts (`gather`), publishing (`mod`).

use std::collections::BTreeMap;
use std::path::Path;

use ahash::{AHashMap, AHashSet};

use super::declared::{Agreement, Declared};
use super::error::IngestError;
use super::gather::{Fate, PartOutput};
use super::labels::{gathered, with_attached};
use super::planned::Planned;
use super::profile::{TablePart, profile};
use super::report::{self, Facts, Patients, Report};
use super::spill::{Kept, KeptBucket};
use super::spread::SpreadCounts;
use super::summary::IngestSummary;
use super::tally::Tally;
use crate::durable;
use crate::mapping::settings::Settings;
use crate::model::{Kind, Outcome, When, civil_from_days};
use crate::signing::Signer;
use crate::store::StoreError;
use crate::store::directory::DirectoryWriter;
use crate::store::documents::PackWriter;
use crate::store::labels::Labels;
use crate::store::layout::{Generation, LABELS};
use crate::store::ledger::{FileRecord, LedgerRow, LedgerWriter, write_files};
use crate::store::locator::{FRAMES_MAX, alias_hash, write_locator};
use crate::store::manifest::{DerivedTotals, FORMAT, FileEntry, LabelRules, LedgerTotals, Manifest, Seal, hex, to_note};
use crate::store::merkle_root;
use crate::store::shapes::write_shapes;

/// Everything that the passes brought.
pub struct Pieces<'a> {
    pub accession: &'a str,
    pub source_system: &'a str,
    pub fingerprint: String,
    pub generation: Generation,
    pub parts: Vec<PartOutput>,
    pub spread: SpreadCounts,
    pub files: Vec<FileRecord>,
    pub shapes: &'a [std::sync::Arc<Planned>],
    pub kept_bucket: &'a Path,
    pub alias_bucket: &'a Path,
    pub document_dictionary: Option<Vec<u8>>,
    pub level: i32,
    pub secret: [u8; 32],
    pub now: String,
    pub seconds: f64,
    pub settings: &'a Settings,
    pub reprocess_of: Option<&'a str>,
    /// What the sending system says that it delivered.
    pub declared: Option<Declared>,
    pub label_rules: LabelRules,
}

/// Quarantined items that the report shows by their places.
const EXAMPLES: usize = 200;

/// What the kept items came to: their ledger rows, by key.
struct KeptRows {
    rows: Vec<(u64, LedgerRow)>,
    quarantined: u64,
    excluded: u64,
    examples: Vec<report::Example>,
    entry: FileEntry,
}

/// Writes all remaining files of the generation and `seal.json` beside it.
pub fn assemble(
    mut pieces: Pieces<'_>,
    seal_path: &Path,
    signer: &dyn Signer,
) -> Result<(Seal, Manifest, IngestSummary, Report), IngestError> {
    let generation = pieces.generation.clone();
    let mut entries: Vec<FileEntry> = Vec::new();
    for (kind, count) in pieces.spread.items.by_kind() {
        *pieces.spread.by_kind.entry(kind.to_string()).or_default() += count;
    }
    let kept = kept_items(&mut pieces)?;
    entries.push(kept.entry.clone());
    entries.extend(entries_of_parts(&pieces)?);

    let names = names(&mut pieces.parts)?;
    let digest = write_locator(&generation.locator(), &names)?;
    entries.push(FileEntry::new("locator/ids.loc", &digest, Some(names.len() as u64)));
    let aliases = aliases(&mut pieces)?;
    let dangling = dangling(&pieces.parts, &names, &aliases);
    drop(names);

    let starts = starts(&pieces.parts);
    let mut people = Patients::of(&pieces.parts);
    let (digest, patients) = directory(&mut pieces.parts, &starts, &generation)?;
    entries.push(FileEntry::new("locator/patients.dir", &digest, Some(patients)));

    entries.push(labels(&mut pieces.parts, &starts, &generation)?);
    people.named_only = patients.checked_sub(people.charts).ok_or_else(|| {
        IngestError::Unbalanced(format!("{} charts were made, {patients} patients are in the directory", people.charts))
    })?;
    let totals = ledger(&mut pieces, kept, &starts, &generation, &mut entries)?;
    let digest = write_files(&generation.ledger_files(), pieces.files.clone(), aliases)?;
    entries.push(FileEntry::new("ledger/files.json", &digest, Some(pieces.files.len() as u64)));

    let leaf_files: Vec<_> = pieces.parts.iter().map(|p| p.leaves.clone()).collect();
    let (records, root) = merkle_root(&leaf_files)?;
    demand_balance(&pieces, &totals, records)?;
    totals.tally.check(&pieces.files, &pieces.spread.by_kind, &pieces.spread.derived).map_err(IngestError::Unbalanced)?;

    let mut summary = IngestSummary {
        records: totals.totals,
        by_kind: pieces.spread.by_kind.clone(),
        bytes_in: pieces.files.iter().map(|f| f.content_bytes).sum(),
        agreement: None,
    };
    let data_to = pieces.parts.iter().filter_map(|p| p.last_day).max().map(day_text);
    let repeated = totals.repeated;
    let facts = Facts {
        quarantined: totals.examples,
        dangling,
        patients,
        people,
        data_to: data_to.clone(),
        counts: totals.tally.finish(),
        profile: profile(tables(&pieces), day_of(&pieces.now), &pieces.settings.never_delivered)?,
        merkle_root: hex(&root),
    };
    let report = report::make(&pieces, &summary, facts);
    summary.agreement = report.declared.as_ref().map(|_| Agreement::of(&report.compared()));
    for (name, bytes) in [("report.json", report.to_json()), ("report.html", report.to_html(None))] {
        let digest = durable::write_new(&generation.dir().join(name), &bytes).map_err(StoreError::from)?;
        entries.push(FileEntry::new(name, &digest, None));
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = Manifest {
        format: FORMAT,
        accession: pieces.accession.into(),
        generation: 1,
        parts: pieces.parts.iter().map(|p| p.records).collect(),
        files: entries,
        label_rules: pieces.label_rules.clone(),
    };
    let seal = seal(&pieces, &summary, repeated, records, hex(&root), data_to);
    write_manifest(&generation, &manifest)?;
    durable::write_new(seal_path, to_note(&seal, signer)?.as_bytes()).map_err(StoreError::from)?;
    Ok((seal, manifest, summary, report))
}

/// The files of the parts, and those that all parts share.
fn entries_of_parts(pieces: &Pieces<'_>) -> Result<Vec<FileEntry>, IngestError> {
    let generation = &pieces.generation;
    let mut entries = Vec::new();
    for part in &pieces.parts {
        for (path, digest, rows) in &part.files {
            entries.push(FileEntry::new(path, digest, *rows));
        }
        for table in &part.tables {
            let path = format!("tables/{}/p{:04}.parquet", table.kind, part.part);
            entries.push(FileEntry { path, bytes: table.bytes, sha256: hex(&table.sha256), rows: Some(table.rows) });
        }
    }
    for (name, path) in
        [("charts/dictionary", generation.chart_dictionary()), ("documents/dictionary", generation.document_dictionary())]
    {
        let (bytes, sha256) = super::deliver::hash_file(&path).map_err(StoreError::read(&path))?;
        entries.push(FileEntry { path: name.into(), bytes, sha256, rows: None });
    }
    let templates: Vec<&[u8]> = pieces.shapes.iter().map(|p| p.shape.template()).collect();
    let digest = write_shapes(&generation.shapes(), &templates)?;
    entries.push(FileEntry::new("charts/shapes.zst", &digest, Some(templates.len() as u64)));
    Ok(entries)
}

/// What the accession is, for ever.
fn seal(
    pieces: &Pieces<'_>,
    summary: &IngestSummary,
    repeated: u64,
    records: u64,
    merkle_root: String,
    data_to: Option<String>,
) -> Seal {
    Seal {
        format: FORMAT,
        accession: pieces.accession.into(),
        source_system: pieces.source_system.into(),
        delivery_sha256: pieces.fingerprint.clone(),
        records,
        documents: pieces.parts.iter().map(|p| p.documents).sum(),
        merkle_root,
        salt_secret: hex(&pieces.secret),
        ledger: summary.records,
        by_kind: pieces.spread.by_kind.clone(),
        derived: DerivedTotals {
            made: pieces.spread.derived.values().sum(),
            repeated,
            by_kind: pieces.spread.derived.clone(),
            mapping: pieces.settings.version.clone(),
            mapping_sha256: pieces.settings.sha256.clone(),
            time_zone: pieces.settings.zone_name.clone(),
        },
        reprocess_of: pieces.reprocess_of.map(str::to_string),
        bytes_in: summary.bytes_in,
        sealed_at: pieces.now.clone(),
        made_by: format!("chartkeep {} fhir-r4 reader 1", env!("CARGO_PKG_VERSION")),
        data_to,
    }
}

/// Writes a manifest in its one form.
pub fn write_manifest(generation: &Generation, manifest: &Manifest) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec_pretty(manifest).map_err(|e| StoreError::Refused(e.to_string()))?;
    text.push(b'\n');
    durable::write_new(&generation.manifest(), &text)?;
    Ok(())
}

/// `YYYY-MM-DD` of a day counted from 1970-01-01.
pub fn day_text(day: i64) -> String {
    let (y, m, d) = civil_from_days(day);
    format!("{y:04}-{m:02}-{d:02}")
}

/// Days since 1970 of an instant in RFC 3339.
fn day_of(instant: &str) -> i64 {
    When::parse(instant).map_or(0, |when| when.start_us().div_euclid(86_400_000_000))
}

/// The table files of all parts.
fn tables(pieces: &Pieces<'_>) -> Vec<TablePart> {
    let of_part = |p: &PartOutput| {
        let number = p.part;
        p.tables.iter().map(move |t| TablePart { part: number, kind: t.kind, path: t.path.clone() }).collect::<Vec<_>>()
    };
    pieces.parts.iter().flat_map(of_part).collect()
}

/// Sealing demands that every source record that was read has exactly one fate, and that what is archived or was made
/// of what is archived lies in the charts, and nothing else.
fn demand_balance(pieces: &Pieces<'_>, ledger: &LedgerOutcome, records: u64) -> Result<(), IngestError> {
    let totals = &ledger.totals;
    let items = pieces.spread.items.len() as u64;
    let read = pieces.spread.records + items;
    let by_kind: u64 = pieces.spread.by_kind.values().sum();
    let in_parts: u64 = pieces.parts.iter().map(|p| p.records).sum();
    let in_files: u64 =
        pieces.files.iter().filter(|f| f.pieces > 0 && !matches!(f.fate.as_str(), "kept" | "container")).map(|f| f.items).sum();
    let made: u64 = pieces.spread.derived.values().sum();
    let mut mapped = LedgerTotals::default();
    pieces.spread.items.count(&mut mapped);
    let expected = (totals.archived - mapped.archived) + (made - ledger.repeated);
    let is_even = totals.balances() && totals.input == read && by_kind == read && items == in_files;
    if is_even && expected == records && records == in_parts {
        return Ok(());
    }
    Err(IngestError::Unbalanced(format!(
        "read {read} (by type {by_kind}; cut from files {in_files}, mapped {items}); archived {} + duplicate {} + quarantined {} + \
         excluded {} + joined {} = {}; made {made}, of which repeated {}; expected in charts {expected}, found {in_parts}, in the \
         tree {records}",
        totals.archived, totals.duplicate, totals.quarantined, totals.excluded, totals.joined, totals.input, ledger.repeated
    )))
}

fn kept_items(pieces: &mut Pieces<'_>) -> Result<KeptRows, IngestError> {
    let bucket = KeptBucket::open(pieces.kept_bucket)?;
    let number = pieces.parts.len() as u32;
    let mut pack = PackWriter::create(&pieces.generation.documents(number), pieces.level, pieces.document_dictionary.as_deref())?;
    let mut rows = Vec::new();
    let (mut quarantined, mut excluded) = (0, 0);
    let mut examples = Vec::new();
    for index in 0..bucket.len() {
        let item = bucket.read(index)?;
        let document = pack.push(&item.bytes)?;
        let at = item.key >> 24;
        let outcome = match item.kept {
            Kept::Piece => {
                if let Some(file) = pieces.files.get_mut(at as usize) {
                    file.document.get_or_insert(document);
                }
                continue;
            }
            Kept::Envelope => "envelope",
            Kept::Excluded => {
                excluded += 1;
                Outcome::Excluded.name()
            }
            Kept::Quarantined => {
                quarantined += 1;
                if let (true, Some((file, line))) = (examples.len() < EXAMPLES, place_of(&pieces.files, at)) {
                    let entry = item.key & 0xff_ffff;
                    examples.push(report::Example { file, line, entry, kind: item.kind.clone(), reason: item.reason.clone() });
                }
                Outcome::Quarantined.name()
            }
        };
        let row = LedgerRow {
            item: at,
            entry: (item.key & 0xff_ffff) as u32,
            kind: item.kind,
            outcome: outcome.into(),
            ordinal: None,
            document: Some(document),
            reason: (!item.reason.is_empty()).then_some(item.reason),
            span: None,
            units: None,
        };
        rows.push((item.key, row));
    }
    let total = pack.total();
    let digest = pack.finish()?;
    let entry = FileEntry::new(&format!("documents/p{number:04}.pack"), &digest, Some(total));
    Ok(KeptRows { rows, quarantined, excluded, examples, entry })
}

/// File name and 1-based number of an item.
fn place_of(files: &[FileRecord], item: u64) -> Option<(String, u64)> {
    let at = files.partition_point(|f| f.first_item + f.items <= item);
    files.get(at).map(|f| (f.name.clone(), item - f.first_item + 1))
}

/// First ordinal of each part.
fn starts(parts: &[PartOutput]) -> Vec<u64> {
    let mut starts = vec![0];
    for part in parts {
        starts.push(starts[starts.len() - 1] + part.records);
    }
    starts
}

/// (hash, global frame) of all records, sorted.
fn names(parts: &mut [PartOutput]) -> Result<Vec<(u64, u32)>, IngestError> {
    let mut all = Vec::with_capacity(parts.iter().map(|p| p.names.len()).sum());
    let mut base = 0u32;
    for part in parts {
        let names = std::mem::take(&mut part.names);
        let frames = names.iter().map(|(_, frame)| frame + 1).max().unwrap_or(0);
        all.extend(names.into_iter().map(|(hash, frame)| (hash, base + frame)));
        base += frames;
    }
    if base > FRAMES_MAX {
        return Err(IngestError::Delivery(
            "the delivery makes more frames than one accession can hold; deliver it in two".into(),
        ));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// The other names of records under which references ask for them.
fn aliases(pieces: &mut Pieces<'_>) -> Result<BTreeMap<String, String>, IngestError> {
    let mut aliases = pieces.spread.aliases.drain(..).collect();
    let parts = &pieces.parts;
    let is_asked = |hash| parts.iter().any(|part| part.pending.contains_key(&hash));
    super::aliases::add_asked(pieces.alias_bucket, is_asked, &mut aliases)?;
    Ok(aliases)
}

/// How many references lead nowhere, and some of the places that hold them.
fn dangling(parts: &[PartOutput], names: &[(u64, u32)], aliases: &BTreeMap<String, String>) -> report::Dangling {
    let aliases: AHashSet<u64> = aliases.keys().map(|alias| alias_hash(alias.as_bytes())).collect();
    let mut found = report::Dangling::default();
    for part in parts {
        for (hash, (count, key)) in &part.pending {
            let known = names.binary_search_by(|(h, _)| h.cmp(hash)).is_ok() || aliases.contains(hash);
            if !known {
                found.references += count;
                found.targets += 1;
                found.examples.push(*key);
            }
        }
    }
    found.examples.sort_unstable();
    found.examples.dedup();
    found.examples.truncate(20);
    found
}

fn directory(
    parts: &mut [PartOutput],
    starts: &[u64],
    generation: &Generation,
) -> Result<(durable::FileDigest, u64), IngestError> {
    let mut also: Vec<(u64, String, u64)> = Vec::new();
    for (part, start) in parts.iter_mut().zip(starts) {
        also.extend(part.also.drain(..).map(|(hash, key, ordinal)| (hash, key, ordinal + start)));
    }
    also.sort_unstable();
    let mut also = also.into_iter().peekable();
    let mut writer = DirectoryWriter::create(&generation.directory())?;
    let mut count = 0;
    for (part, start) in parts.iter_mut().zip(starts) {
        for mut entry in part.patients.drain(..) {
            let own = (crate::store::directory::patient_hash(&entry.key), entry.key.clone());
            // Patients who are only named, and have no chart of their own here, come in between.
            while let Some((hash, key, ordinal)) = also.next_if(|(h, k, _)| (*h, k) <= (own.0, &own.1)) {
                if (hash, &key) == (own.0, &own.1) {
                    entry.also.push(ordinal);
                } else {
                    let mut ordinals = vec![ordinal];
                    while let Some((_, _, more)) = also.next_if(|(_, k, _)| *k == key) {
                        ordinals.push(more);
                    }
                    writer.push(&crate::store::directory::PatientEntry { key, also: ordinals, ..Default::default() })?;
                    count += 1;
                }
            }
            entry.first += start;
            writer.push(&entry)?;
            count += 1;
        }
    }
    while let Some((_, key, ordinal)) = also.next() {
        let mut ordinals = vec![ordinal];
        while let Some((_, _, more)) = also.next_if(|(_, k, _)| *k == key) {
            ordinals.push(more);
        }
        writer.push(&crate::store::directory::PatientEntry { key, also: ordinals, ..Default::default() })?;
        count += 1;
    }
    Ok((writer.finish()?, count))
}

/// Writes the labels of all parts.
fn labels(parts: &mut [PartOutput], starts: &[u64], generation: &Generation) -> Result<FileEntry, IngestError> {
    let attached = gathered(parts.iter_mut().flat_map(|part| std::mem::take(&mut part.attached)));
    let mut all = Labels::default();
    for (part, start) in parts.iter_mut().zip(starts) {
        with_attached(&mut part.labels, &part.binaries, &attached);
        part.labels.iter().for_each(|(ordinal, label)| all.push(start + ordinal, *label));
    }
    let (digest, runs) = all.write(&generation.labels())?;
    Ok(FileEntry::new(LABELS, &digest, Some(runs)))
}

struct LedgerOutcome {
    totals: LedgerTotals,
    /// Made resources that say again what another record says.
    repeated: u64,
    examples: Vec<report::Example>,
    tally: Tally,
}

/// The ledger's writer, with every row counted as it is written.
struct Book<'a> {
    writer: LedgerWriter,
    path: &'a Path,
    files: &'a [FileRecord],
    tally: Tally,
}

impl Book<'_> {
    fn push(&mut self, row: LedgerRow) -> Result<(), IngestError> {
        self.tally.note(&row, self.files);
        Ok(self.writer.push(row, self.path)?)
    }
}

fn ledger(
    pieces: &mut Pieces<'_>,
    kept: KeptRows,
    starts: &[u64],
    generation: &Generation,
    entries: &mut Vec<FileEntry>,
) -> Result<LedgerOutcome, IngestError> {
    let mut fates: Vec<Fate> = Vec::with_capacity(pieces.parts.iter().map(|p| p.fates.len()).sum());
    for part in &mut pieces.parts {
        // Taken, not appended: the part's own memory is given back at once.
        fates.extend(std::mem::take(&mut part.fates));
    }
    fates.sort_unstable_by_key(|f| f.key);
    let path = generation.ledger();
    let writer = LedgerWriter::create(&path)?;
    let mut totals = LedgerTotals { quarantined: kept.quarantined, excluded: kept.excluded, ..Default::default() };
    let mut repeated = 0;
    let mut examples = kept.examples;
    pieces.spread.items.settle();
    pieces.spread.items.count(&mut totals);
    let names: AHashMap<Kind, String> = Kind::all().map(|k| (k, k.name().to_string())).collect();
    let mut kept_rows = kept.rows.into_iter().map(|(_, row)| row).peekable();
    let mut items = pieces.spread.items.ledger_rows().peekable();
    let mut book = Book { writer, path: &path, files: &pieces.files, tally: Tally::default() };
    let mut others_before = |key: u64, book: &mut Book<'_>| -> Result<(), IngestError> {
        // Kept rows and source records are no fates; all three come in the order of items and entries.
        let is_before = |row: &LedgerRow| (row.item << 24 | u64::from(row.entry)) < key;
        while let Some(row) = kept_rows.next_if(is_before) {
            book.push(row)?;
        }
        while let Some(row) = items.next_if(is_before) {
            if let ("quarantined", true, Some((file, line))) =
                (row.outcome.as_str(), examples.len() < EXAMPLES, place_of(&pieces.files, row.item))
            {
                let reason = row.reason.clone().unwrap_or_default();
                examples.push(report::Example { file, line, entry: 0, kind: row.kind.clone(), reason });
            }
            book.push(row)?;
        }
        Ok(())
    };
    for fate in fates {
        others_before(fate.key, &mut book)?;
        match (fate.is_derived(), fate.outcome()) {
            (true, Outcome::Duplicate) => repeated += 1,
            (true, _) => {}
            (false, Outcome::Duplicate) => totals.duplicate += 1,
            (false, _) => totals.archived += 1,
        }
        let ordinal = fate.place().map(|place| starts[fate.part()] + place);
        let row = LedgerRow {
            item: fate.key >> 24,
            entry: (fate.key & 0xff_ffff) as u32,
            kind: fate.kind().and_then(|kind| names.get(&kind).cloned()).unwrap_or_default(),
            outcome: fate.outcome_name().into(),
            ordinal,
            document: None,
            reason: None,
            span: None,
            units: None,
        };
        book.push(row)?;
    }
    others_before(u64::MAX, &mut book)?;
    totals.input = totals.archived + totals.duplicate + totals.quarantined + totals.excluded + totals.joined;
    let Book { writer, tally, .. } = book;
    let (digest, rows) = writer.finish(&path)?;
    entries.push(FileEntry::new("ledger/records.parquet", &digest, Some(rows)));
    Ok(LedgerOutcome { totals, repeated, examples, tally })
}
