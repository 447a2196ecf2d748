//! The access log, or a range of it, written out for another system: FHIR AuditEvents, CSV, or the entries as they stand. Page by page,
//! so that memory does not grow with the range.
//!
//! Not for: who may have it and where it goes (`server`, `commands`), or proofs (`bundle`).

use std::io::{self, Write};

use super::{csv, fhir, wide};
use crate::oversight::projection::{Order, OversightError, Projection, Seen, Select};

/// In which form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// One AuditEvent for each entry and patient.
    Fhir,
    /// One row for each entry and patient.
    Csv,
    /// The entries as they stand in the log, one to a line.
    Entries,
}

impl Form {
    pub const ALL: [Form; 3] = [Form::Csv, Form::Fhir, Form::Entries];

    pub fn name(self) -> &'static str {
        match self {
            Form::Fhir => "ndjson",
            Form::Csv => "csv",
            Form::Entries => "json",
        }
    }

    pub fn from_name(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.name() == name)
    }

    /// Name and media type of its file.
    pub fn file(self) -> (&'static str, &'static str) {
        match self {
            Form::Fhir => ("AuditEvent.ndjson", "application/fhir+ndjson"),
            Form::Csv => ("audit.csv", "text/csv; charset=utf-8"),
            Form::Entries => ("audit.ndjson", "application/x-ndjson"),
        }
    }
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    pub entries: u64,
    pub rows: u64,
    /// Entries that the log holds no more.
    pub expired: u64,
}

/// Why nothing more was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Oversight(#[from] OversightError),
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Acts read at once.
const AT_ONCE: u64 = 2_000;

/// Writes the selected acts, oldest first.
pub fn write(
    projection: &Projection,
    select: &Select,
    form: Form,
    site: &fhir::Site,
    out: &mut dyn Write,
) -> Result<Written, ExportError> {
    if form == Form::Csv {
        out.write_all(csv::head(&wide::COLUMNS).as_bytes())?;
    }
    let mut written = Written::default();
    let mut offset = 0;
    loop {
        let order = Order::OldestFirst;
        let page = projection.acts(&Select { offset, limit: AT_ONCE, order, ..select.clone() })?;
        write_page(projection, &page, form, site, out, &mut written)?;
        if (page.len() as u64) < AT_ONCE {
            return Ok(written);
        }
        offset += AT_ONCE;
    }
}

fn write_page(
    projection: &Projection,
    acts: &[Seen],
    form: Form,
    site: &fhir::Site,
    out: &mut dyn Write,
    written: &mut Written,
) -> Result<(), ExportError> {
    let wanted: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let originals = projection.originals(&wanted)?;
    for (seen, place) in acts.iter().zip(&wanted) {
        written.entries += u64::from(seen.number == 0);
        let Some(original) = originals.get(place) else {
            written.expired += 1;
            continue;
        };
        let line = original.line();
        match form {
            Form::Entries if seen.number > 0 => continue,
            Form::Entries => {
                // The bytes of the log are one line of JSON each.
                out.write_all(&original.payload)?;
                out.write_all(b"\n")?;
            }
            Form::Fhir => writeln!(out, "{}", fhir::event(&line, site, seen.number))?,
            Form::Csv => {
                let patient = line.patients.get(seen.number).map(|patient| patient.archive_id.as_str());
                let cells: Vec<String> = wide::row(original, &line, patient).iter().map(|cell| cell.text()).collect();
                let mut row = String::new();
                csv::push_row(&mut row, cells.iter().map(String::as_str));
                out.write_all(row.as_bytes())?;
            }
        }
        written.rows += 1;
    }
    Ok(())
}
