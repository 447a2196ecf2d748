//! C-CDA documents of archived records: what a permit lets be read of a chart is read, narrowed to what was asked for, and
//! handed to `render::ccd`. For the command line, the server and packages of a release alike.
//!
//! The caller asks the gate before and answers the permit after, with every record that is named here.
//!
//! Not for: what the records mean in C-CDA (`render::ccd`), or who may have the document (`access`).

use std::collections::{BTreeSet, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::access::{Permit, is_directory};
use crate::config::Config;
use crate::limits::{CCD_DIRECTORY_MAX, CCD_NOTE_BYTES_MAX, CCD_NOTES_BYTES_MAX};
use crate::model::{ArchiveId, Class, Document, DocumentId, Kind, Label, PatientKey, Record, When};
use crate::query::{Archive, QueryError, Selection};
use crate::render::ccd::cda::{Address, Id, Organization, Telecom, Ts};
use crate::render::ccd::ids::uuid_of_uri;
use crate::render::ccd::{self, Chart, Fault, Item, Request};

/// Why no document is made.
#[derive(Debug, thiserror::Error)]
pub enum CcdaError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Render(#[from] Fault),
    #[error("the time of creation is a time to the second with its zone, as 2025-01-02T15:04:05-05:00")]
    Time,
    #[error("days are given as YYYY-MM-DD, and the first is not after the last")]
    Days,
    #[error("the document belongs to no patient")]
    NoPatient,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub patient: PatientKey,
    /// Only this encounter's records.
    pub encounter: Option<ArchiveId>,
    /// `YYYY-MM-DD`, the first and the last day, both inside.
    pub from: Option<String>,
    pub to: Option<String>,
    /// RFC 3339, to the second.
    pub created: String,
}

/// A document with the records that it was made from, for the audit entry.
#[derive(Debug)]
pub struct Made {
    pub bytes: Vec<u8>,
    pub records: Vec<Record>,
}

/// A record with its parsed value.
struct Read {
    record: Record,
    value: Value,
    encounter: Option<String>,
}

/// The Continuity of Care Document of a person. Scope: his `Chart` or `Person`. `keeps` narrows the records further.
pub fn ccd(
    archive: &Archive,
    config: &Config,
    permit: &Permit,
    wanted: &Wanted,
    keeps: &dyn Fn(&Record) -> bool,
) -> Result<Made, CcdaError> {
    let mut request = request(archive, config, permit, &wanted.created)?;
    request.encounter = wanted.encounter.as_ref().map(|id| id.as_str().to_owned());
    (request.from, request.to) = (day(&wanted.from)?, day(&wanted.to)?);
    if request.from.is_some() && request.to.is_some() && request.from > request.to {
        return Err(CcdaError::Days);
    }
    let (patients, mut records) = chart(archive, permit, &wanted.patient, keeps)?;
    if request.encounter.as_deref().is_some_and(|id| !records.iter().any(|r| r.is("Encounter") && r.record.id.as_str() == id)) {
        return Err(QueryError::NotFound.into());
    }
    records.retain(|read| ccd::is_asked(&request, &read.item()));
    let directory = directory(archive, permit, patients.iter().chain(&records));
    let files = files(archive, permit, &records);
    describe(&mut request, config, patients.iter().chain(&records));
    let chart = Chart {
        patients: patients.iter().map(Read::item).collect(),
        records: records.iter().map(Read::item).collect(),
        directory: directory.iter().map(Read::item).chain(files.iter().map(file_item)).collect(),
    };
    let bytes = ccd::ccd(&chart, &request)?;
    drop(chart);
    let records = patients.into_iter().chain(records).chain(directory).map(|read| read.record).collect();
    Ok(Made { bytes, records })
}

/// An Unstructured Document around an archived file. Scope: the `Chart` or `Person` of its patient.
pub fn unstructured(
    archive: &Archive,
    config: &Config,
    permit: &Permit,
    document: Document,
    created: &str,
    keeps: &dyn Fn(&Record) -> bool,
) -> Result<Made, CcdaError> {
    let mut request = request(archive, config, permit, created)?;
    let patient = document.record.patient.clone().ok_or(CcdaError::NoPatient)?;
    let (patients, _) = chart(archive, permit, &patient, &|record| record.kind == Kind::PATIENT && keeps(record))?;
    let told = Read::of(document.record);
    let directory = directory(archive, permit, patients.iter().chain([&told]));
    describe(&mut request, config, patients.iter().chain([&told]));
    let chart = Chart {
        patients: patients.iter().map(Read::item).collect(),
        records: vec![told.item()],
        directory: directory.iter().map(Read::item).collect(),
    };
    let item = (told.is("DocumentReference")).then(|| told.item());
    let bytes =
        ccd::unstructured(&chart, &request, item.as_ref(), document.id.0.as_str(), &document.content_type, document.bytes)?;
    drop(chart);
    let records = patients.into_iter().chain([told]).chain(directory).map(|read| read.record).collect();
    Ok(Made { bytes, records })
}

impl Read {
    fn of(record: Record) -> Read {
        let value: Value = serde_json::from_str(&record.json).unwrap_or_default();
        let of = |place: &Value| place["reference"].as_str().and_then(|r| r.strip_prefix("Encounter/")).map(str::to_owned);
        let context = &value["context"];
        let encounter = of(&value["encounter"]).or_else(|| of(context)).or_else(|| of(&context["encounter"][0]));
        Read { record, value, encounter }
    }

    fn is(&self, kind: &str) -> bool {
        self.record.kind.name() == kind
    }

    fn item(&self) -> Item<'_> {
        Item {
            kind: self.record.kind.name(),
            id: self.record.id.as_str(),
            value: &self.value,
            source: &self.record.source_system,
            encounter: self.encounter.as_deref(),
        }
    }
}

/// The chart that the permit leaves: the Patient records of the person, the one asked for first, and all others.
fn chart(
    archive: &Archive,
    permit: &Permit,
    patient: &PatientKey,
    keeps: &dyn Fn(&Record) -> bool,
) -> Result<(Vec<Read>, Vec<Read>), CcdaError> {
    let found = archive.chart(permit, patient, &Selection::default())?.records;
    let kept = found.into_iter().filter(|record| keeps(record)).map(Read::of);
    let (mut patients, records): (Vec<Read>, Vec<Read>) = kept.partition(|read| read.record.kind == Kind::PATIENT);
    patients.sort_by_key(|read| read.record.id != patient.0);
    Ok((patients, records))
}

/// Practitioners, organizations, places and medications that records refer to, and those that these refer to.
fn directory<'r>(archive: &Archive, permit: &Permit, records: impl Iterator<Item = &'r Read>) -> Vec<Read> {
    let mut wanted = BTreeSet::new();
    records.for_each(|read| references(&read.value, &mut wanted));
    let (mut found, mut seen): (Vec<Read>, HashSet<(Kind, ArchiveId)>) = (Vec::new(), HashSet::new());
    // A role leads to a practitioner and an organization.
    for _ in 0..2 {
        let mut further = BTreeSet::new();
        for (kind, id) in std::mem::take(&mut wanted) {
            let Some(kind) = Kind::from_name(kind) else { continue };
            if seen.len() >= CCD_DIRECTORY_MAX || !permit.covers_record(kind, &id, None) || !seen.insert((kind, id.clone())) {
                continue;
            }
            // What cannot be read stays without its name.
            let record = archive.record(permit, kind, &id).ok().filter(|record| record.patient.is_none());
            if let Some(read) = record.map(Read::of) {
                references(&read.value, &mut further);
                found.push(read);
            }
        }
        wanted = further;
    }
    found
}

/// The directory records that a value refers to.
fn references(value: &Value, found: &mut BTreeSet<(&'static str, ArchiveId)>) {
    // Explicit, since records nest as deep as they were delivered.
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => {
                let reference = members.get("reference").and_then(Value::as_str).and_then(|text| text.split_once('/'));
                if let Some((kind, id)) = reference
                    && let (Some(kind), Some(id)) = (Kind::from_name(kind), ArchiveId::parse(id))
                    && is_directory(kind)
                {
                    found.insert((kind.name(), id));
                }
                waiting.extend(members.values());
            }
            _ => {}
        }
    }
}

/// Attached texts, for the notes of a document: each and all together of bounded size. Others stay where they are.
fn files(archive: &Archive, permit: &Permit, records: &[Read]) -> Vec<(String, Value)> {
    let (mut files, mut left) = (Vec::new(), CCD_NOTES_BYTES_MAX);
    let notes = records.iter().filter(|read| read.is("DocumentReference") || read.is("DiagnosticReport"));
    let attachments = notes.flat_map(|read| {
        let contents = read.value["content"].as_array().into_iter().flatten().map(|content| &content["attachment"]);
        contents.chain(read.value["presentedForm"].as_array().into_iter().flatten())
    });
    for attachment in attachments.filter(|attachment| is_text(attachment)) {
        let url = attachment["url"].as_str().unwrap_or_default();
        let Some(id) = url.strip_prefix("Binary/").and_then(ArchiveId::parse) else { continue };
        let Ok(document) = archive.document(permit, &DocumentId(id.clone())) else { continue };
        if document.bytes.len() > CCD_NOTE_BYTES_MAX.min(left) {
            continue;
        }
        left -= document.bytes.len();
        let data = STANDARD.encode(&document.bytes);
        let binary = json!({"resourceType": "Binary", "id": id.as_str(), "contentType": document.content_type, "data": data});
        files.push((id.as_str().to_owned(), binary));
    }
    files
}

fn is_text(attachment: &Value) -> bool {
    let kind = attachment["contentType"].as_str().unwrap_or_default().to_ascii_lowercase();
    kind.starts_with("text/") || kind.contains("rtf") || kind.contains("xhtml")
}

fn file_item((id, value): &(String, Value)) -> Item<'_> {
    Item { kind: "Binary", id, value, source: "", encounter: None }
}

/// The request without what the records tell.
fn request(archive: &Archive, config: &Config, permit: &Permit, created: &str) -> Result<Request, CcdaError> {
    let facts = archive.facts();
    let id = uuid::Uuid::parse_str(&facts.archive).map_or_else(|_| uuid_of_uri(&facts.archive), |id| id.to_string());
    Ok(Request {
        custodian: custodian(config, &id),
        archive: id,
        software: env!("CARGO_PKG_VERSION").to_owned(),
        created: ccd::created(created).ok_or(CcdaError::Time)?,
        cutover: facts.last_day.as_ref().and_then(ts_of),
        encounter: None,
        from: None,
        to: None,
        confidentiality: "N",
        prohibition: None,
        says_withheld: permit.withheld().is_restricted(),
        masks_ids: true,
    })
}

fn ts_of(day: &When) -> Option<Ts> {
    ccd::values::ts(day.text().get(..10)?)
}

/// As configured; without that, the archive's institution under the archive's own id.
fn custodian(config: &Config, archive: &str) -> Organization {
    let given = &config.custodian;
    let ids = match (&given.oid, &given.npi) {
        (None, None) => vec![Id::Given { root: archive.to_owned(), extension: None }],
        (oid, npi) => {
            let npi = npi.iter().map(|npi| Id::Given { root: "2.16.840.1.113883.4.6".into(), extension: Some(npi.clone()) });
            npi.chain(oid.iter().map(|oid| Id::Given { root: oid.clone(), extension: None })).collect()
        }
    };
    let mut custodian = Organization { ids, ..Organization::default() };
    let name = given.name.clone().or_else(|| config.institution.clone());
    custodian.name = Some(name.unwrap_or_else(|| "Archive of legacy health records".into()));
    let telecom = |value: &String| Telecom::Given { value: format!("tel:{value}"), use_code: Some("WP") };
    custodian.telecoms = given.telephone.iter().map(telecom).collect();
    if given.city.is_some() || !given.address.is_empty() {
        custodian.addresses.push(Address::Given {
            use_code: Some("WP"),
            lines: given.address.clone(),
            city: given.city.clone(),
            county: None,
            state: given.state.clone(),
            postal_code: given.postal_code.clone(),
            country: given.country.clone(),
        });
    }
    custodian
}

/// What the records tell of the document: how confidential it is, whether the notice of Part 2 is due, as of when it stands.
fn describe<'r>(request: &mut Request, config: &Config, records: impl Iterator<Item = &'r Read>) {
    let (mut label, mut ended): (Label, Option<&When>) = (Label::NORMAL, None);
    for read in records {
        label = label.union(read.record.label);
        let day = config.cutover.get(&*read.record.source_system);
        ended = ended.into_iter().chain(day).max_by_key(|day| day.start_us());
    }
    request.cutover = ended.and_then(ts_of).or(request.cutover.take());
    request.confidentiality = match () {
        () if label.holds(Class::VeryRestricted) => "V",
        () if label.is_restricted() => "R",
        () => "N",
    };
    request.prohibition = label.holds(Class::SubstanceUse).then(|| PROHIBITION.to_owned());
}

/// 42 CFR 2.32, the short form of the notice.
pub const PROHIBITION: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

fn day(text: &Option<String>) -> Result<Option<String>, CcdaError> {
    match text {
        Some(day) if day.len() != 10 || ccd::values::ts(day).is_none() => Err(CcdaError::Days),
        day => Ok(day.clone()),
    }
}
