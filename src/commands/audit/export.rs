//! `chartkeep audit export`: the access log as FHIR AuditEvents, CSV, or the entries themselves, with a manifest.
//!
//! Not for: proof (`audit bundle`, `audit verify`). What is written holds names of users and keys of patients.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::commands::overseer::Overseer;
use crate::durable::{self, NewFile};
use crate::model::hex;
use crate::oversight::Projection;
use crate::oversight::forms::export::{self, Form, Written};
use crate::oversight::forms::fhir;
use crate::oversight::projection::{Order, Select};
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
    fn form(self) -> Form {
        match self {
            Format::Ndjson => Form::Fhir,
            Format::Csv => Form::Csv,
            Format::Json => Form::Entries,
        }
    }
}

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
    let form = args.format.form();
    let (name, media_type) = form.file();
    let mut file = NewFile::create(&args.dir.join(name))?;
    let Written { entries, rows, expired } = export::write(&overseer.projection, &select, form, &site, &mut file)?;
    let digest = file.finish_new()?;
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
