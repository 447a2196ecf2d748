//! `chartkeep audit export`: the access log as FHIR AuditEvents, CSV, or the entries themselves, with a manifest.
//!
//! Not for: proof (`audit bundle`, `audit verify`). What is written holds names of users and keys of patients.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::commands::overseer::Overseer;
use crate::durable::{self, NewFile};
use crate::model::hex;
use crate::oversight::Projection;
use crate::oversight::forms::{csv, fhir, wide};
use crate::oversight::projection::{Order, Original, Seen, Select};
use crate::oversight::reports::range;

/// Write the access log, or a range of it, for another system: FHIR AuditEvent NDJSON (IHE BALP), CSV, or plain JSON.
///
/// Beside the files lies manifest.json with the range, the counts, the signed checkpoint and the SHA-256 of each file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit export /data/old-ehr /out --from 2026-01-01 --to 2026-03-31
  chartkeep audit export /data/old-ehr /out --format csv --patient mer.123")]
pub struct ExportArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Folder to write into; must be new or empty
    dir: PathBuf,
    #[arg(long, default_value = "ndjson")]
    format: Format,
    /// Day (or instant) from which on
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day (or the instant before which)
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Only entries about this patient, by all keys of the person
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// One AuditEvent for each entry and patient.
    Ndjson,
    /// One row for each entry and patient.
    Csv,
    /// The entries as they stand in the log, one to a line.
    Json,
}

impl Format {
    fn file(self) -> (&'static str, &'static str) {
        match self {
            Format::Ndjson => ("AuditEvent.ndjson", "application/fhir+ndjson"),
            Format::Csv => ("audit.csv", "text/csv; charset=utf-8"),
            Format::Json => ("audit.ndjson", "application/x-ndjson"),
        }
    }
}

/// Acts read at once.
const AT_ONCE: u64 = 2_000;

/// Runs `chartkeep audit export`.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let is_free = std::fs::read_dir(&args.dir).map_or(!args.dir.exists(), |mut entries| entries.next().is_none());
    ensure!(is_free, "{} exists and is not empty", args.dir.display());
    let overseer = Overseer::open(&args.archive)?;
    let patients = args.patient.as_deref().map(|key| overseer.person(key)).transpose()?.unwrap_or_default();
    let zone = TimeZone::system();
    let date = |text: &Option<String>, read: fn(&str, &TimeZone) -> Option<i64>| match text {
        None => Ok(None),
        Some(text) => read(text, &zone).map(Some).with_context(|| format!("not a date: {text}")),
    };
    let (from, to) = (date(&args.from, range::from)?, date(&args.to, range::to)?);
    let question = format!("format={:?} from={:?} to={:?}", args.format, args.from, args.to);
    overseer.projection.catch_up()?;
    let stands_at = overseer.projection.stands_at()?;
    let until = Some(Projection::now(&stands_at));
    let select = Select { patients: patients.clone(), from, to, until, order: Order::OldestFirst, ..Select::default() };
    let acts = overseer.projection.tally(&select)?.acts;
    // The log says that it leaves before it leaves.
    overseer.answer("audit export", "audit.export", &patients, |_| Ok(((), acts, question)))?;
    durable::create_dir_all(&args.dir)?;
    let site = site(&args.archive);
    let mut out = Output::create(&args.dir, args.format, &overseer.projection, site)?;
    let mut offset = 0;
    while offset < acts {
        let page = overseer.projection.acts(&Select { offset, limit: AT_ONCE, ..select.clone() })?;
        out.write(&page)?;
        offset += AT_ONCE;
    }
    let (entries, rows, expired) = (out.entries, out.rows, out.expired);
    let (name, media_type) = args.format.file();
    let digest = out.file.finish_new()?;
    let manifest = json!({
        "format": name,
        "made_at": jiff::Timestamp::now().to_string(),
        "from": args.from,
        "to": args.to,
        "patients": patients.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "entries": entries,
        "rows": rows,
        "expired": expired,
        "log": stands_at,
        "files": [{ "name": name, "type": media_type, "count": rows, "bytes": digest.bytes, "sha256": hex(&digest.sha256) }],
    });
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    durable::write_new(&args.dir.join("manifest.json"), text.as_bytes())?;
    overseer.close();
    println!("{rows} rows of {entries} entries are in {}.", args.dir.display());
    Ok(ExitCode::SUCCESS)
}

/// The archive as its events name it.
pub(super) fn site(archive: &Path) -> fhir::Site {
    let urn = crate::signing::KeyRing::load(archive).ok().and_then(|ring| crate::access::archive_urn(&ring).ok());
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty()).unwrap_or_else(|| "localhost".into());
    fhir::Site { archive: urn.unwrap_or_else(|| "urn:chartkeep:archive".into()), host }
}

struct Output<'a> {
    file: NewFile,
    format: Format,
    projection: &'a Projection,
    site: fhir::Site,
    entries: u64,
    rows: u64,
    expired: u64,
}

impl<'a> Output<'a> {
    fn create(dir: &Path, format: Format, projection: &'a Projection, site: fhir::Site) -> anyhow::Result<Output<'a>> {
        let mut file = NewFile::create(&dir.join(format.file().0))?;
        if format == Format::Csv {
            file.write_all(csv::head(&wide::COLUMNS).as_bytes())?;
        }
        Ok(Output { file, format, projection, site, entries: 0, rows: 0, expired: 0 })
    }

    fn write(&mut self, acts: &[Seen]) -> anyhow::Result<()> {
        let wanted: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
        let originals = self.projection.originals(&wanted)?;
        for (seen, place) in acts.iter().zip(&wanted) {
            self.entries += u64::from(seen.number == 0);
            match originals.get(place) {
                Some(original) => self.write_one(seen, original)?,
                None => self.expired += 1,
            }
        }
        Ok(())
    }

    fn write_one(&mut self, seen: &Seen, original: &Original) -> anyhow::Result<()> {
        let line = original.line();
        match self.format {
            Format::Json if seen.number > 0 => return Ok(()),
            Format::Json => {
                // The bytes of the log are one line of JSON each.
                self.file.write_all(&original.payload)?;
                self.file.write_all(b"\n")?;
            }
            Format::Ndjson => {
                let event: Value = fhir::event(&line, &self.site, seen.number);
                writeln!(self.file, "{event}")?;
            }
            Format::Csv => {
                let patient = line.patients.get(seen.number).map(|patient| patient.archive_id.as_str());
                let cells: Vec<String> = wide::row(original, &line, patient).iter().map(|cell| cell.text()).collect();
                let mut row = String::new();
                csv::push_row(&mut row, cells.iter().map(String::as_str));
                self.file.write_all(row.as_bytes())?;
            }
        }
        self.rows += 1;
        Ok(())
    }
}
