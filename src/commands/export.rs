//! `chartkeep export`: everything back as FHIR NDJSON with the documents beside, or one record's original bytes.
//!
//! Not for: packages for a requester (`release`). What leaves goes through the gate, with an operator and a purpose.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use super::operator::{Workplace, operator_name};
use crate::access::{Gate, Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::config::Config;
use crate::durable;
use crate::model::{ArchiveId, DocumentId, Kind, Label, PatientKey, Record};
use crate::query::{Archive, QueryError, Selection, Source, Walk};
use crate::signing::KeyPurpose;

/// Write records back as FHIR R4 NDJSON, one file per type, with attachments as files beside.
///
/// Every patient is one answer of the gate: the audit log names each record before it is written. With --original one
/// record's bytes go to standard output exactly as they were delivered.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep export /data/old-ehr /out --purpose RECORDMGT
  chartkeep export /data/old-ehr /out --patient 7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11 --purpose PATRQT
  chartkeep export /data/old-ehr --original Observation/7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11 --purpose HLEGAL")]
pub struct ExportArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Folder to write into; must be new or empty
    #[arg(required_unless_present = "original")]
    pub dir: Option<PathBuf>,
    /// Only this patient (the key, as in the viewer's address)
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Print one record's original bytes: Type/id
    #[arg(long, value_name = "TYPE/ID", conflicts_with = "patient")]
    pub original: Option<String>,
    /// Purpose of use: RECORDMGT, HLEGAL or PATRQT
    #[arg(long, default_value = "RECORDMGT", value_parser = parse_purpose)]
    pub purpose: Purpose,
}

pub(super) fn parse_purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_code(text).ok_or_else(|| "not a purpose of use that this archive knows".into())
}

/// The gate and the archive as the operator meets them.
struct Exporter {
    gate: Gate,
    archive: Archive,
    principal: Principal,
}

/// Runs `chartkeep export`.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let workplace = Workplace::open(&args.archive)?;
    let config = Config::load(&args.archive)?;
    let exporter = Exporter {
        gate: workplace.gate()?,
        archive: Archive::open(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?,
        principal: Principal::operator(&operator_name(), Role::Him, args.purpose),
    };
    let done = match (&args.original, &args.dir) {
        (Some(name), _) => exporter.original(name),
        (None, Some(dir)) => exporter.all(dir, args.patient.as_deref()),
        (None, None) => bail!("name a folder to write into"),
    };
    workplace.log.close();
    done.map(|()| ExitCode::SUCCESS)
}

impl Exporter {
    fn context(&self) -> RequestContext {
        RequestContext {
            request_id: uuid::Uuid::now_v7().to_string(),
            method: "CLI".into(),
            path: "export".into(),
            ..RequestContext::default()
        }
    }

    fn original(&self, name: &str) -> anyhow::Result<()> {
        let parsed = name.split_once('/').and_then(|(kind, id)| Some((Kind::from_name(kind)?, ArchiveId::parse(id)?)));
        let (kind, id) = parsed.context("name the record as Type/id")?;
        let permit = self.gate.ask(&self.principal, Scope::Record(kind, id.clone()), self.context())?;
        let (record, origin) = self.archive.origin(&permit, kind, &id, None)?;
        let Source::Shown { bytes, mut beside } = origin.source else {
            bail!("the source record also speaks of what may not be shown with this purpose");
        };
        beside.insert(0, record);
        let shown = shown("document.download", &beside);
        let bytes = permit.answer(bytes, shown)?.into_inner();
        std::io::stdout().write_all(&bytes)?;
        Ok(())
    }

    fn all(&self, dir: &Path, patient: Option<&str>) -> anyhow::Result<()> {
        let is_free = std::fs::read_dir(dir).map_or(!dir.exists(), |mut entries| entries.next().is_none());
        ensure!(is_free, "{} exists and is not empty", dir.display());
        durable::create_dir_all(&dir.join("documents"))?;
        let mut out = Output { dir: dir.to_path_buf(), files: BTreeMap::new(), records: 0, documents: 0 };
        let patients = match patient {
            Some(key) => vec![PatientKey::parse(key).context("not a patient key")?],
            None => self.patients()?,
        };
        for key in &patients {
            self.patient(key, &mut out)?;
        }
        if patient.is_none() {
            self.without_patient(&mut out)?;
        }
        let (records, documents) = (out.records, out.documents);
        out.finish()?;
        println!("{records} records of {} patients and {documents} documents are in {}.", patients.len(), dir.display());
        Ok(())
    }

    fn patients(&self) -> anyhow::Result<Vec<PatientKey>> {
        let permit = self.gate.ask(&self.principal, Scope::Everything, self.context())?;
        let mut keys = Vec::new();
        self.archive.patients(&permit, &mut |key| {
            keys.push(key.clone());
            true
        })?;
        let shown = Shown { event: "export.bulk.start", hits: Some(keys.len() as u64), ..Shown::default() };
        Ok(permit.answer(keys, shown)?.into_inner())
    }

    fn patient(&self, key: &PatientKey, out: &mut Output) -> anyhow::Result<()> {
        let permit = self.gate.ask(&self.principal, Scope::Chart(key.clone()), self.context())?;
        let records = match self.archive.chart(&permit, key, &Selection::default()) {
            Ok(chart) => chart.records,
            Err(QueryError::NotFound) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let documents = records
            .iter()
            .flat_map(|record| document_ids(&record.json))
            .map(|id| self.archive.document(&permit, &id).map(|d| (id, d.bytes)))
            .filter(|found| !matches!(found, Err(QueryError::NotFound)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut about = shown("export.bulk.file", &records);
        about.patients = vec![key.clone()];
        let (records, documents) = permit.answer((records, documents), about)?.into_inner();
        out.write(&records, &documents)
    }

    fn without_patient(&self, out: &mut Output) -> anyhow::Result<()> {
        let mut walk = Walk::default();
        loop {
            let permit = self.gate.ask(&self.principal, Scope::Everything, self.context())?;
            let Some((records, next)) = self.archive.without_patient(&permit, walk)? else {
                permit.answer((), Shown { event: "export.bulk.end", hits: Some(out.records), ..Shown::default() })?.into_inner();
                return Ok(());
            };
            walk = next;
            let about = shown("export.bulk.file", &records);
            let records = permit.answer(records, about)?.into_inner();
            out.write(&records, &[])?;
        }
    }
}

fn shown(event: &'static str, records: &[Record]) -> Shown {
    let mut kinds: Vec<Kind> = records.iter().map(|r| r.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut patients: Vec<PatientKey> = records.iter().filter_map(|r| r.patient.clone()).collect();
    patients.sort_unstable();
    patients.dedup();
    Shown {
        event,
        patients,
        places: records.iter().map(|r| r.place.clone()).collect(),
        label: records.iter().fold(Label::NORMAL, |l, r| l.union(r.label)),
        kinds,
        hits: Some(records.len() as u64),
        query: None,
    }
}

/// The documents that a record's attachments lead to.
fn document_ids(json: &str) -> Vec<DocumentId> {
    json.match_indices("\"Binary/")
        .filter_map(|(at, _)| {
            let rest = &json[at + 8..];
            ArchiveId::parse(&rest[..rest.find('"')?]).map(DocumentId)
        })
        .collect()
}

/// The files of an export.
struct Output {
    dir: PathBuf,
    files: BTreeMap<&'static str, durable::NewFile>,
    records: u64,
    documents: u64,
}

impl Output {
    fn write(&mut self, records: &[Record], documents: &[(DocumentId, Vec<u8>)]) -> anyhow::Result<()> {
        for record in records {
            let name = record.kind.name();
            let file = match self.files.get_mut(name) {
                Some(file) => file,
                None => {
                    let file = durable::NewFile::create(&self.dir.join(format!("{name}.ndjson")))?;
                    self.files.entry(name).or_insert(file)
                }
            };
            // A record that was delivered over several lines still is one line here.
            if record.json.contains(['\n', '\r']) {
                let value: serde_json::Value = serde_json::from_str(&record.json)?;
                file.write_all(value.to_string().as_bytes())?;
            } else {
                file.write_all(record.json.as_bytes())?;
            }
            file.write_all(b"\n")?;
            self.records += 1;
        }
        for (id, bytes) in documents {
            durable::write_new(&self.dir.join("documents").join(id.0.as_str()), bytes)?;
            self.documents += 1;
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        for (_, file) in self.files {
            file.finish()?;
        }
        Ok(())
    }
}
