//! Filling an index from the store: every accession in force, patients and text, on all cores.
//!
//! Not for: what an index looks like inside (`build`, `patients`, `text`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::record_text::text_of_record;
use super::{IndexBuilder, IndexError};
use crate::durable;
use crate::model::{ArchiveId, IndexDoc, Kind, Label, PatientIdentity, PatientIndexDoc, PatientKey, When};
use crate::store::directory::PatientEntry;
use crate::store::labels::Labels;
use crate::store::layout::Layout;
use crate::store::manifest::{Catalog, IndexInForce};
use crate::store::{Accession, ChartFrame, StoreError};

/// Why an index could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a worker panicked")]
    Worker,
}

impl From<durable::DurableError> for FillError {
    fn from(e: durable::DurableError) -> Self {
        FillError::Store(e.into())
    }
}

/// Builds a new index over `accessions` beside the one in force.
pub fn rebuild(
    layout: &Layout,
    current: &Catalog,
    accessions: &[Arc<Accession>],
    threads: usize,
) -> Result<IndexInForce, FillError> {
    let number = current.index.as_ref().map_or(1, |i| i.number + 1);
    let dir = layout.index(number);
    if dir.exists() {
        // Left by a run that died before it published.
        durable::remove_dir_all(&dir)?;
    }
    durable::create_dir_all(&dir)?;
    let builder = IndexBuilder::create(&dir, threads)?;
    for at in 0..accessions.len() {
        let frame = AtomicU32::new(0);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| frames(&builder, accessions, at, &frame))).collect();
            workers.into_iter().try_for_each(|w| w.join().map_err(|_| FillError::Worker)?)
        })?;
    }
    let report = builder.finish()?;
    Ok(IndexInForce { number, manifest_sha256: report.manifest_sha256 })
}

/// Removes indexes that neither this nor the last catalog names.
pub fn remove_unused(layout: &Layout, current: &Catalog, before: &Catalog) -> Result<(), FillError> {
    let kept: Vec<u64> = [current, before].iter().filter_map(|c| c.index.as_ref().map(|i| i.number)).collect();
    let dir = layout.indexes();
    for entry in std::fs::read_dir(&dir).map_err(StoreError::read(&dir))? {
        let entry = entry.map_err(StoreError::read(&dir))?;
        let number = entry.file_name().to_str().and_then(|n| n.parse::<u64>().ok());
        if number.is_some_and(|n| !kept.contains(&n)) {
            durable::remove_dir_all(&entry.path())?;
        }
    }
    Ok(())
}

fn frames(builder: &IndexBuilder, accessions: &[Arc<Accession>], at: usize, next: &AtomicU32) -> Result<(), FillError> {
    let accession = &accessions[at];
    let mut directories = Directories::new(accessions);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= accession.frames() {
            return Ok(());
        }
        let frame = accession.frame(number, false)?;
        for index in 0..frame.len() {
            let Some(kind) = frame.kind(index) else { continue };
            if kind == Kind::PATIENT {
                patient(builder, &mut directories, at, &frame, index)?;
            } else if is_text_kind(kind) {
                text(builder, &mut directories, accession, &frame, index, kind)?;
            }
        }
    }
}

/// Kinds whose words are searched across patients. Coded records are searched inside an open chart, where reading all
/// of them costs less than any index would.
pub fn is_text_kind(kind: Kind) -> bool {
    matches!(
        kind.name(),
        "DocumentReference" | "DiagnosticReport" | "Composition" | "Communication" | "Media" | "ClinicalImpression"
    )
}

fn json_of(frame: &ChartFrame<'_>, index: usize, id: &str) -> Value {
    let mut bytes = Vec::new();
    frame.served(index, id, &mut bytes);
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// The directories of all accessions, with the page of each that was read last.
struct Directories<'a> {
    accessions: &'a [Arc<Accession>],
    pages: Vec<Vec<PatientEntry>>,
}

impl<'a> Directories<'a> {
    fn new(accessions: &'a [Arc<Accession>]) -> Self {
        Directories { accessions, pages: vec![Vec::new(); accessions.len()] }
    }

    /// What accession `number` holds of a patient.
    fn entry(&mut self, number: usize, key: &PatientKey) -> Result<Option<&PatientEntry>, StoreError> {
        if !self.pages[number].iter().any(|e| e.key == key.as_str()) {
            self.pages[number] = self.accessions[number].directory().page_of(key.as_str())?;
        }
        Ok(self.pages[number].iter().find(|e| e.key == key.as_str()))
    }

    /// What the `Patient` records of a key are labelled with, in whatever accession.
    fn label_of(&mut self, key: Option<&PatientKey>) -> Result<Label, StoreError> {
        let mut label = Label::NORMAL;
        let Some(key) = key else { return Ok(label) };
        let accessions = self.accessions;
        for (number, accession) in accessions.iter().enumerate().filter(|(_, a)| a.labels().all().is_restricted()) {
            if let Some(entry) = self.entry(number, key)? {
                label = label.union(patient_label(accession.labels(), entry));
            }
        }
        Ok(label)
    }
}

/// What the `Patient` records of a compartment are labelled with.
fn patient_label(labels: &Labels, entry: &PatientEntry) -> Label {
    let own = entry.by_kind().filter(|(kind, _)| *kind == Kind::PATIENT);
    own.fold(Label::NORMAL, |all, (_, run)| all.union(labels.union(run)))
}

/// How many `Patient` records a compartment begins with: the versions of one.
fn versions(entry: &PatientEntry) -> u64 {
    entry.runs.iter().find(|r| r.kind == Kind::PATIENT).map_or(0, |r| r.count)
}

fn patient(
    builder: &IndexBuilder,
    directories: &mut Directories<'_>,
    number: usize,
    frame: &ChartFrame<'_>,
    index: usize,
) -> Result<(), FillError> {
    let accession = &directories.accessions[number];
    let Some((id, _)) = frame.names(index) else { return Ok(()) };
    let Some(key) = PatientKey::parse(&id) else { return Ok(()) };
    // Of several versions the last in the chart is the current one, and a later accession's comes after all of these.
    let (mut records, mut last) = (0, None);
    // A version that is hidden hides the patient: the others would tell that he is there.
    let (mut label, mut chart_label) = (frame.label(index), Label::NORMAL);
    for (at, other) in directories.accessions.iter().enumerate() {
        let Some(entry) = directories.entry(at, &key)? else { continue };
        let is_older = at == number && frame.ordinal(index) + 1 < entry.first + versions(entry);
        if is_older || (at > number && versions(entry) > 0) {
            return Ok(());
        }
        let labels = other.labels();
        label = label.union(patient_label(labels, entry));
        chart_label = chart_label.union(labels.union(entry.ordinals()));
        records += entry.count();
        last = last.max(entry.days.map(|(_, last)| last));
    }
    builder.add_patient(PatientIndexDoc {
        identity: identity_of(&json_of(frame, index, &id)),
        key,
        source_system: accession.source_system.clone(),
        place: accession.place(frame.ordinal(index)),
        label,
        chart_label,
        records,
        last_seen: last.and_then(|last| When::parse(&day_text(last))),
    })?;
    Ok(())
}

fn day_text(day: i32) -> String {
    let (y, m, d) = crate::model::civil_from_days(i64::from(day));
    format!("{y:04}-{m:02}-{d:02}")
}

fn text(
    builder: &IndexBuilder,
    directories: &mut Directories<'_>,
    accession: &Accession,
    frame: &ChartFrame<'_>,
    index: usize,
    kind: Kind,
) -> Result<(), FillError> {
    let Some((id, _)) = frame.names(index) else { return Ok(()) };
    let Some(id) = ArchiveId::parse(&id) else { return Ok(()) };
    let json = json_of(frame, index, id.as_str());
    let words = text_of_record(frame, index, &json)?.text;
    // A Composition without words of its own only orders records and a document, which are searched themselves: it is no
    // document that a search has missed.
    if kind.name() == "Composition" && words.is_empty() {
        builder.leave_out();
        return Ok(());
    }
    let patient = patient_of(&json);
    // Who may not know of the patient may not find his documents.
    let label = frame.label(index).union(directories.label_of(patient.as_ref())?);
    builder.add_text(IndexDoc {
        kind,
        patient,
        place: accession.place(frame.ordinal(index)),
        source_system: accession.source_system.clone(),
        label,
        type_code: string(&json, &["type", "code"], "code"),
        title: title_of(&json),
        author: author_of(&json),
        when: frame.date(index),
        text: words,
        id,
    })?;
    Ok(())
}

fn patient_of(json: &Value) -> Option<PatientKey> {
    let reference = ["subject", "patient"].iter().find_map(|m| json.get(m)?.get("reference")?.as_str())?;
    PatientKey::parse(reference.strip_prefix("Patient/")?)
}

/// The first coding's `member` below the first of `names` that is there.
fn string(json: &Value, names: &[&str], member: &str) -> Option<String> {
    let concept = names.iter().find_map(|n| json.get(n))?;
    concept.pointer("/coding/0")?.get(member)?.as_str().map(str::to_string)
}

fn title_of(json: &Value) -> String {
    let from = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_string);
    from("/content/0/attachment/title")
        .or_else(|| from("/title"))
        .or_else(|| from("/type/text"))
        .or_else(|| string(json, &["type", "code"], "display"))
        .or_else(|| from("/code/text"))
        .or_else(|| from("/description"))
        .unwrap_or_default()
}

fn author_of(json: &Value) -> Option<String> {
    ["author", "performer", "sender"].iter().find_map(|m| {
        let value = json.get(m)?;
        value.as_array().map_or(Some(value), |list| list.first())?.get("display")?.as_str().map(str::to_string)
    })
}

/// Who a patient is, from the FHIR `Patient` (R4 §8.1).
pub fn identity_of(json: &Value) -> PatientIdentity {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).map(str::to_string);
    let list = |value: &Value, member: &str| value.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let names = list(json, "name");
    let main = names.iter().find(|n| n.get("use").and_then(Value::as_str) == Some("official")).or_else(|| names.first());
    let given =
        |name: &Value| -> Vec<String> { list(name, "given").iter().filter_map(|g| g.as_str().map(str::to_string)).collect() };
    let whole = |name: &Value| {
        text(name, "text").unwrap_or_else(|| {
            let mut parts = given(name);
            parts.extend(text(name, "family"));
            parts.join(" ")
        })
    };
    let mut family = main.and_then(|n| text(n, "family"));
    let mut given_names = main.map(given).unwrap_or_default();
    if family.is_none() && given_names.is_empty() {
        // Only a text: the last word is taken for the family name, as in "Ann Example".
        let words: Vec<String> =
            main.and_then(|n| text(n, "text")).unwrap_or_default().split_whitespace().map(str::to_string).collect();
        family = words.last().cloned();
        given_names = words.iter().take(words.len().saturating_sub(1)).cloned().collect();
    }
    let mut labels: BTreeMap<String, ()> = BTreeMap::new();
    let identifiers = list(json, "identifier")
        .iter()
        .filter_map(|i| {
            let value = text(i, "value")?;
            let label = i
                .pointer("/type/coding/0/code")
                .or_else(|| i.pointer("/type/text"))
                .or_else(|| i.get("system"))
                .and_then(Value::as_str)
                .unwrap_or("id");
            labels.entry(label.to_string()).or_default();
            Some((label.to_string(), value))
        })
        .collect();
    let address = |a: &Value| {
        let mut parts: Vec<String> = list(a, "line").iter().filter_map(|l| l.as_str().map(str::to_string)).collect();
        parts.extend(["city", "state", "postalCode"].iter().filter_map(|m| text(a, m)));
        parts.join(", ")
    };
    PatientIdentity {
        family,
        given: given_names,
        other_names: names
            .iter()
            .filter(|n| main.is_none_or(|m| !std::ptr::eq(*n, m)))
            .map(whole)
            .filter(|n| !n.is_empty())
            .collect(),
        birth_date: text(json, "birthDate").as_deref().and_then(When::parse),
        deceased: text(json, "deceasedDateTime")
            .or_else(|| (json.get("deceasedBoolean") == Some(&Value::Bool(true))).then(|| "yes".into())),
        sex: text(json, "gender"),
        identifiers,
        phones: list(json, "telecom")
            .iter()
            .filter(|t| t.get("system").and_then(Value::as_str).is_none_or(|s| s == "phone"))
            .filter_map(|t| text(t, "value"))
            .collect(),
        addresses: list(json, "address").iter().map(address).filter(|a| !a.is_empty()).collect(),
    }
}
