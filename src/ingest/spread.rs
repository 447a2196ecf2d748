//! The first pass over a delivery: each JSON text is cut, understood through its shape, and put into the bucket of its
//! patient; what a mapper makes of a message, document or row goes the same way. What is no record is kept whole with its
//! reason.
//!
//! Not for: reading files (`deliver`), the order of records, or what is written for ever (`gather`).

use std::collections::BTreeMap;

use ahash::AHashMap;
use serde::Deserialize;
use std::borrow::Cow;

use super::aliases;
use super::items::Items;
use super::labels;
use super::planned::{Planned, ShapeCache, ShapeRegistry};
use super::spill::{BucketWriter, Buckets, Kept, Spilled};
use crate::formats::fhir::{Leaf, Target, Tokenizer, leaf_text, split_bundle, target};
use crate::mapping::{Context, Fate, IdentityEvent, Mapper};
use crate::model::{Kind, Label, When, archive_id, is_true_uuid};
use crate::store::StoreError;
use crate::store::codec::WHOLE;
use crate::store::codec::wire::put_varint;
use crate::store::directory::patient_hash;
use crate::store::locator::name_hash;

/// How records are spread: patients by their hash, patientless records by theirs, and one bucket for kept items.
#[derive(Clone, Copy, Debug)]
pub struct BucketPlan {
    /// Buckets of patients; a power of two.
    pub patients: usize,
    /// Buckets of records without a patient; a power of two.
    pub others: usize,
}

impl BucketPlan {
    /// Buckets for a delivery of about `bytes` unpacked bytes.
    pub fn for_bytes(bytes: u64) -> BucketPlan {
        let wanted = (bytes / (48 << 20)).clamp(1, 1024).next_power_of_two() as usize;
        BucketPlan { patients: wanted, others: (wanted / 4).max(1) }
    }

    pub fn total(self) -> usize {
        self.patients + self.others + 2
    }

    pub fn kept(self) -> usize {
        self.patients + self.others
    }

    pub fn aliases(self) -> usize {
        self.patients + self.others + 1
    }

    fn of(self, count: usize, hash: u64) -> usize {
        if count == 1 { 0 } else { (hash >> (64 - count.trailing_zeros())) as usize }
    }
}

/// What a worker has counted.
#[derive(Default, Debug)]
pub struct SpreadCounts {
    /// Source records of FHIR, whatever their fate.
    pub records: u64,
    /// Source records of every form.
    pub by_kind: BTreeMap<String, u64>,
    /// Mapped source records.
    pub items: Items,
    /// Resources that were made of them, by type.
    pub derived: BTreeMap<String, u64>,
    /// How often mappers found what.
    pub findings: BTreeMap<String, u64>,
    /// Names of labelled records without a patient, with what they give to records that refer to them.
    pub beyond: Vec<(u64, Label)>,
    /// What source records say about who is who, each with the item that says it.
    pub identity: Vec<(u64, IdentityEvent)>,
    /// A `urn:uuid:` of a Bundle, and the `Type/archive-id` that it stands for.
    pub aliases: Vec<(String, String)>,
    /// How often each reason was given for quarantine.
    pub reasons: BTreeMap<String, u64>,
}

/// One worker of the first pass.
pub struct Spreader<'a> {
    source_system: &'a str,
    plan: BucketPlan,
    shapes: ShapeCache<'a>,
    out: BucketWriter<'a>,
    tokenizer: Tokenizer,
    leaves: Vec<u8>,
    counts: SpreadCounts,
    by_kind: AHashMap<Kind, u64>,
    derived: AHashMap<Kind, u64>,
}

/// A source record on its way to its mapper.
pub struct Source<'a> {
    pub item: u64,
    pub bytes: &'a [u8],
    /// Its length in the delivered file; more than `bytes` when it is mapped by its head alone.
    pub length: u64,
}

/// A resource, cut into its leaves and understood.
#[derive(Clone, Copy)]
struct Cut<'t> {
    key: u64,
    bytes: &'t [u8],
    planned: &'t Planned,
    leaves: &'t [Leaf],
}

impl<'t> Cut<'t> {
    fn leaf(&self, index: usize) -> &'t [u8] {
        &self.bytes[self.leaves[index].start as usize..self.leaves[index].end as usize]
    }

    fn id(&self) -> Option<Cow<'t, str>> {
        self.planned.shape.id_leaf().map(|i| leaf_text(self.leaf(i)))
    }
}

/// Types and archive ids behind the `fullUrl`s of a Bundle.
type FullUrls = AHashMap<String, (Kind, String)>;

impl<'a> Spreader<'a> {
    pub fn new(source_system: &'a str, plan: BucketPlan, registry: &'a ShapeRegistry, buckets: &'a Buckets) -> Self {
        Spreader {
            source_system,
            plan,
            shapes: ShapeCache::new(registry),
            out: BucketWriter::new(buckets),
            tokenizer: Tokenizer::default(),
            leaves: Vec::new(),
            counts: SpreadCounts::default(),
            by_kind: AHashMap::new(),
            derived: AHashMap::new(),
        }
    }

    pub fn finish(mut self) -> Result<SpreadCounts, StoreError> {
        for (kind, count) in self.by_kind {
            *self.counts.by_kind.entry(kind.name().to_string()).or_default() += count;
        }
        for (kind, count) in self.derived {
            *self.counts.derived.entry(kind.name().to_string()).or_default() += count;
        }
        self.out.finish()?;
        Ok(self.counts)
    }

    /// Takes one JSON text (a line or a whole file).
    pub fn item(&mut self, item: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if memchr::memmem::find(bytes, b"\"Bundle\"").is_some()
            && let Some(done) = self.bundle(item, bytes)
        {
            return done;
        }
        self.record(item << 24, bytes, None, None)
    }

    /// A piece of a file that is kept whole.
    pub fn piece(&mut self, file: u64, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.out.keep(self.plan.kept(), file << 24 | number, Kept::Piece, "", "", bytes)
    }

    /// Maps a source record and spreads what was made of it.
    pub fn mapped(&mut self, source: &Source<'_>, mapper: &dyn Mapper, cx: &Context<'_>) -> Result<(), StoreError> {
        let mapped = mapper.map(source.bytes, cx);
        let mut made = 0;
        for text in &mapped.resources {
            made += 1;
            let is_record = made < (1 << 24) && self.derived(source.item << 24 | made, text)?;
            if !is_record {
                self.found("mapping.resource-unusable");
            }
        }
        for finding in &mapped.findings {
            self.found(finding.code);
        }
        if let Fate::Quarantined(reason) = &mapped.fate {
            let code = reason.split(':').next().unwrap_or(reason);
            *self.counts.reasons.entry(code.to_string()).or_default() += 1;
        }
        let unclear = mapped.identity.iter().find_map(|event| match event {
            IdentityEvent::Unclear(what) => Some(what.as_str()),
            _ => None,
        });
        if unclear.is_some() {
            self.found("identity-unclear");
        }
        let span = (cx.offset, source.length);
        self.counts.items.push(source.item, span, source.bytes, &mapped, unclear);
        self.counts.identity.extend(mapped.identity.into_iter().map(|event| (source.item, event)));
        Ok(())
    }

    fn found(&mut self, code: &str) {
        match self.counts.findings.get_mut(code) {
            Some(count) => *count += 1,
            None => _ = self.counts.findings.insert(code.to_string(), 1),
        }
    }

    /// Spreads a resource that a mapper made; false when it is none.
    fn derived(&mut self, key: u64, bytes: &[u8]) -> Result<bool, StoreError> {
        let mut tokenizer = std::mem::take(&mut self.tokenizer);
        let planned = match tokenizer.cut(bytes) {
            Ok(()) => self.shapes.get(&tokenizer.template, tokenizer.leaves.len()).ok(),
            Err(_) => None,
        };
        let done = match &planned {
            Some(planned) => self.put(&Cut { key, bytes, planned, leaves: &tokenizer.leaves }, None, true),
            None => Ok(()),
        };
        self.tokenizer = tokenizer;
        if let Some(planned) = &planned {
            *self.derived.entry(planned.shape.kind()).or_default() += 1;
        }
        done.map(|()| planned.is_some())
    }

    /// Spreads a Bundle's entries; `None` when the text is no Bundle after all.
    fn bundle(&mut self, item: u64, bytes: &[u8]) -> Option<Result<(), StoreError>> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(rename = "resourceType", borrow, default)]
            kind: Option<Cow<'a, str>>,
            #[serde(borrow, default)]
            id: Option<Cow<'a, str>>,
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let head: Head<'_> = serde_json::from_str(text).ok()?;
        (head.kind.as_deref() == Some("Bundle")).then_some(())?;
        let Some(parts) = split_bundle(text) else {
            return Some(self.quarantine(item << 24, "bundle-form", "Bundle", bytes));
        };
        if parts.entries.len() >= (1 << 24) - 1 {
            return Some(self.quarantine(item << 24, "too-many-entries", "Bundle", bytes));
        }
        let mut urls = FullUrls::new();
        for entry in &parts.entries {
            let resource = &text[entry.start..entry.end];
            let Ok(head) = serde_json::from_str::<Head<'_>>(resource) else { continue };
            let kind = head.kind.as_deref().and_then(Kind::from_name);
            if let (Some(url), Some(kind)) = (&entry.full_url, kind) {
                let name = archive_name(self.source_system, kind, head.id.as_deref(), resource.as_bytes());
                urls.insert(url.clone(), (kind, name));
            }
        }
        let mut envelope = Vec::with_capacity(bytes.len() / 8);
        let mut at = 0;
        for (index, entry) in parts.entries.iter().enumerate() {
            envelope.extend_from_slice(&bytes[at..entry.start]);
            envelope.push(0);
            at = entry.end;
            let key = (item << 24) | (index as u64 + 1);
            if let Err(e) = self.record(key, &bytes[entry.start..entry.end], Some(&urls), entry.full_url.as_deref()) {
                return Some(Err(e));
            }
        }
        envelope.extend_from_slice(&bytes[at..]);
        Some(self.out.keep(self.plan.kept(), item << 24, Kept::Envelope, "", "Bundle", &envelope))
    }

    fn quarantine(&mut self, key: u64, reason: &str, kind: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.counts.records += 1;
        *self.counts.by_kind.entry(kind.to_string()).or_default() += 1;
        *self.counts.reasons.entry(reason.to_string()).or_default() += 1;
        self.out.keep(self.plan.kept(), key, Kept::Quarantined, reason, kind, bytes)
    }

    /// Spreads one resource. `urls` and `full_url` are those of the Bundle it came in.
    fn record(&mut self, key: u64, bytes: &[u8], urls: Option<&FullUrls>, full_url: Option<&str>) -> Result<(), StoreError> {
        if std::str::from_utf8(bytes).is_err() {
            return self.quarantine(key, "not-utf8", "?", bytes);
        }
        let mut tokenizer = std::mem::take(&mut self.tokenizer);
        let planned = match tokenizer.cut(bytes) {
            Err(fault) => Err(format!("not-json: {fault}")),
            Ok(()) => self.shapes.get(&tokenizer.template, tokenizer.leaves.len()).map_err(|fault| match fault {
                crate::formats::fhir::ShapeFault::NotJson(_) => format!("not-json: {}", line_fault(bytes)),
                other => other.code().to_string(),
            }),
        };
        let done = match planned {
            Ok(planned) => {
                let text = Cut { key, bytes, planned: &planned, leaves: &tokenizer.leaves };
                self.spread(&text, urls, full_url)
            }
            Err(reason) => {
                let kind = if reason.starts_with("not-json") { "?".to_string() } else { claimed_type(bytes) };
                self.quarantine(key, &reason, &kind, bytes)
            }
        };
        self.tokenizer = tokenizer;
        done
    }

    /// Spreads a resource that was delivered as it is.
    fn spread(&mut self, text: &Cut<'_>, urls: Option<&FullUrls>, full_url: Option<&str>) -> Result<(), StoreError> {
        self.aliases(text, full_url)?;
        self.put(text, urls, false)?;
        self.counts.records += 1;
        *self.by_kind.entry(text.planned.shape.kind()).or_default() += 1;
        Ok(())
    }

    /// Puts a resource into the bucket of its patient.
    fn put(&mut self, text: &Cut<'_>, urls: Option<&FullUrls>, derived: bool) -> Result<(), StoreError> {
        let Cut { key, bytes, planned, leaves } = *text;
        let leaf = |index: usize| text.leaf(index);
        let kind = planned.shape.kind();
        let id = text.id();
        let mut patients = Vec::new();
        if kind == Kind::PATIENT {
            patients.push(archive_name(self.source_system, kind, id.as_deref(), bytes));
        }
        for index in planned.shape.patient_leaves() {
            let reference = leaf_text(leaf(usize::from(*index)));
            let named = match target(&reference) {
                Target::Local(Kind::PATIENT, id) => Some(archive_name(self.source_system, Kind::PATIENT, Some(id), b"")),
                Target::Urn(url) => match urls.and_then(|urls| urls.get(url)) {
                    Some((Kind::PATIENT, name)) => Some(name.clone()),
                    _ => None,
                },
                _ => None,
            };
            patients.extend(named.filter(|key| !patients.contains(key)).into_iter().collect::<Vec<_>>());
        }
        let label = planned.labels.plan.label(leaf);
        if patients.is_empty() {
            let given = label.union(planned.labels.plan.place(leaf));
            if given.is_restricted() {
                let name = archive_name(self.source_system, kind, id.as_deref(), bytes);
                self.counts.beyond.extend(labels::names(kind, &name).map(|name| (name, given)));
            }
        }
        // A patient has no date of his own: his versions stand in the order in which they were made.
        let dated = if kind == Kind::PATIENT { planned.updated } else { planned.date_leaf };
        let date = dated.and_then(|i| When::parse(&leaf_text(leaf(i)))).map_or(i64::MIN, |w| w.start_us());
        self.leaves.clear();
        if planned.number == WHOLE {
            put_varint(&mut self.leaves, 1);
            put_varint(&mut self.leaves, bytes.len() as u64);
            self.leaves.extend_from_slice(bytes);
        } else {
            put_varint(&mut self.leaves, leaves.len() as u64);
            for index in 0..leaves.len() {
                let value = leaf(index);
                put_varint(&mut self.leaves, value.len() as u64);
                self.leaves.extend_from_slice(value);
            }
        }
        let plan = self.plan;
        let (bucket, patient) = match patients.first() {
            Some(first) => (plan.of(plan.patients, patient_hash(first)), first.as_str()),
            None => {
                let hash = name_hash(kind.name(), id.as_deref().unwrap_or("").as_bytes());
                (plan.patients + plan.of(plan.others, hash), "")
            }
        };
        let also = patients.iter().skip(1).map(String::as_str).collect();
        let label = label.bits();
        let record = Spilled { key, shape: planned.number, derived, label, date, patient, also, leaves: &self.leaves };
        self.out.put(bucket, &record)
    }

    /// Other names under which references may ask for this record.
    fn aliases(&mut self, text: &Cut<'_>, full_url: Option<&str>) -> Result<(), StoreError> {
        let Cut { bytes, planned, .. } = *text;
        let leaf = |index: usize| text.leaf(index);
        let id = text.id();
        let id = id.as_deref();
        let kind = planned.shape.kind();
        let has_identifiers = !planned.identifiers.is_empty() && is_asked_by_identifier(kind);
        let url_differs = full_url.is_some_and(|url| url.starts_with("urn:") && uuid_of(url) != id);
        if !has_identifiers && !url_differs {
            return Ok(());
        }
        let own = format!("{kind}/{}", archive_name(self.source_system, kind, id, bytes));
        if has_identifiers {
            for (value_leaf, system) in &planned.identifiers {
                let value = leaf_text(leaf(*value_leaf));
                let line = aliases::line(&format!("{kind}?identifier={system}|{value}"), &own);
                self.out.line(self.plan.aliases(), &line)?;
            }
        }
        if let (true, Some(url)) = (url_differs, full_url) {
            self.counts.aliases.push((url.to_string(), own));
        }
        Ok(())
    }
}

/// Kinds that conditional references usually ask for. Patients are not among them: a compartment is never guessed.
fn is_asked_by_identifier(kind: Kind) -> bool {
    matches!(kind.name(), "Practitioner" | "PractitionerRole" | "Organization" | "Location" | "Device" | "HealthcareService")
}

/// The archive id of a record as text; a record without an id is named by the digest of its bytes.
pub fn archive_name(source_system: &str, kind: Kind, id: Option<&str>, bytes: &[u8]) -> String {
    match id {
        Some(id) if is_true_uuid(id) => id.to_string(),
        Some(id) => archive_id(source_system, kind.name(), id).as_str().to_string(),
        None => crate::store::id_of_bytes(source_system, kind, bytes).as_str().to_string(),
    }
}

fn uuid_of(url: &str) -> Option<&str> {
    url.strip_prefix("urn:uuid:")
}

/// Where a text stops being JSON, from the strict parser; without any of the text itself.
fn line_fault(bytes: &[u8]) -> String {
    match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        Err(e) => format!("line {}, column {}", e.line(), e.column()),
        Ok(_) => "nested too deep or not one value".to_string(),
    }
}

/// The type that a refused resource claims, when it is a plain word; `?` otherwise.
fn claimed_type(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "resourceType", borrow, default)]
        kind: Option<Cow<'a, str>>,
    }
    let head: Option<Head<'_>> = serde_json::from_slice(bytes).ok();
    match head.and_then(|h| h.kind) {
        Some(name) if !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            name.into_owned()
        }
        _ => "?".to_string(),
    }
}
