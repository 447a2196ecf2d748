//! The file of the workforce: who the users are as employees. Names, addresses and phone numbers become marks as they are
//! read; only marks are kept.
//!
//! Not for: opening files (`commands`).

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};

use crate::formats::table::{Dialect, Fault, Row, RowCutter, Scratch};
use crate::limits::WORKFORCE_ROWS_MAX;
use crate::model::PatientKey;

use super::facts::UserFacts;
use super::marks::{Mark, Marks};

/// Why a file is no file of the workforce. Never what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum WorkforceError {
    #[error("the file is empty")]
    Empty,
    #[error("the heading cannot be read: {0}")]
    Heading(Fault),
    #[error(
        "the heading has no column {0}; it needs user, and may have given, surname, patient, street, zip, phone, job, department, facility, until"
    )]
    Column(&'static str),
    #[error("the heading names {0} twice")]
    Twice(&'static str),
    #[error("the file has more than {WORKFORCE_ROWS_MAX} rows")]
    TooLong,
}

/// A row that was left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowTrouble {
    /// From 1, the heading included.
    pub row: u64,
    pub what: &'static str,
}

/// The employees, by the name that they sign in with.
#[derive(Clone, Debug, Default)]
pub struct Workforce {
    users: BTreeMap<String, UserFacts>,
    by_patient: AHashMap<PatientKey, String>,
}

/// One employee as kept. Names are only ever added.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    user: String,
    job: Option<String>,
    department: Option<String>,
    facility: Option<String>,
    #[serde(default)]
    patients: Vec<String>,
    #[serde(default)]
    surnames: Vec<Mark>,
    full_name: Option<Mark>,
    household: Option<Mark>,
    street: Option<Mark>,
    phone: Option<Mark>,
    until: Option<String>,
}

/// Columns that a file may have; the first is needed. `patient` holds archive keys, several with blanks between them.
const COLUMNS: [&str; 11] =
    ["user", "given", "surname", "patient", "street", "zip", "phone", "job", "department", "facility", "until"];

impl Workforce {
    /// Reads a CSV with a heading. A row that cannot be used is left out and told.
    pub fn parse(bytes: &[u8], marks: &Marks) -> Result<(Workforce, Vec<RowTrouble>), WorkforceError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // The heading is read as a row like any other.
        let dialect = Dialect { header: false, ..Dialect::default() };
        let mut rows = Vec::new();
        RowCutter::new(&dialect).cut(bytes, true, &mut rows);
        let mut rows = rows.into_iter().filter_map(|range| bytes.get(range));
        let mut scratch = Scratch::default();
        let heading = Row::parse(rows.next().ok_or(WorkforceError::Empty)?, &dialect, &mut scratch);
        let columns = Columns::of(&heading.map_err(WorkforceError::Heading)?)?;
        let (mut workforce, mut troubles) = (Workforce::default(), Vec::new());
        for (number, row) in (2..).zip(rows) {
            if number > WORKFORCE_ROWS_MAX {
                return Err(WorkforceError::TooLong);
            }
            let read = Row::parse(row, &dialect, &mut scratch).map_err(|fault| fault.code);
            let done = read.and_then(|row| workforce.take(&columns, &row, marks));
            troubles.extend(done.err().map(|what| RowTrouble { row: number, what }));
        }
        workforce.index();
        Ok((workforce, troubles))
    }

    fn take(&mut self, columns: &Columns, row: &Row<'_>, marks: &Marks) -> Result<(), &'static str> {
        row.expect_fields(columns.count).map_err(|fault| fault.code)?;
        let cell = |name: &str| columns.place(name).and_then(|place| row.get(place)).unwrap_or_default().trim();
        let shared = |name: &str| Some(cell(name)).filter(|text| !text.is_empty()).map(Arc::from);
        let user = cell("user");
        if user.is_empty() {
            return Err("no user");
        }
        if self.users.contains_key(user) {
            return Err("this user stands further up");
        }
        let keys: Option<Vec<PatientKey>> = cell("patient").split_whitespace().map(PatientKey::parse).collect();
        let until = Some(cell("until")).filter(|text| !text.is_empty()).map(str::parse).transpose();
        let facts = UserFacts {
            job: shared("job"),
            department: shared("department"),
            facility: shared("facility"),
            patients: keys.ok_or("no patient key")?,
            surnames: marks.surname(cell("surname")),
            full_name: marks.full_name(cell("given"), cell("surname")),
            household: marks.household(cell("street"), cell("zip")),
            street: marks.street(cell("street"), cell("zip")),
            phone: marks.phone(cell("phone")),
            until: until.map_err(|_| "until is no day; write it as 2026-11-30")?,
        };
        self.users.insert(user.to_string(), facts);
        Ok(())
    }

    /// What is kept of the file: a line of JSON for each employee, in the order of their names.
    pub fn to_lines(&self) -> Result<String, serde_json::Error> {
        let text = |shared: &Option<Arc<str>>| shared.as_deref().map(str::to_string);
        let mut lines = String::new();
        for (user, facts) in &self.users {
            let kept = Kept {
                user: user.clone(),
                job: text(&facts.job),
                department: text(&facts.department),
                facility: text(&facts.facility),
                patients: facts.patients.iter().map(PatientKey::to_string).collect(),
                surnames: facts.surnames.clone(),
                full_name: facts.full_name,
                household: facts.household,
                street: facts.street,
                phone: facts.phone,
                until: facts.until.map(|day| day.to_string()),
            };
            lines.push_str(&serde_json::to_string(&kept)?);
            lines.push('\n');
        }
        Ok(lines)
    }

    /// From what was kept.
    pub fn from_lines(lines: &str) -> Result<Workforce, serde_json::Error> {
        let mut workforce = Workforce::default();
        for line in lines.lines() {
            let kept: Kept = serde_json::from_str(line)?;
            let facts = UserFacts {
                job: kept.job.map(Arc::from),
                department: kept.department.map(Arc::from),
                facility: kept.facility.map(Arc::from),
                patients: kept.patients.iter().filter_map(|key| PatientKey::parse(key)).collect(),
                surnames: kept.surnames,
                full_name: kept.full_name,
                household: kept.household,
                street: kept.street,
                phone: kept.phone,
                until: kept.until.and_then(|day| day.parse().ok()),
            };
            workforce.users.insert(kept.user, facts);
        }
        workforce.index();
        Ok(workforce)
    }

    fn index(&mut self) {
        let charts = |(user, facts): (&String, &UserFacts)| {
            facts.patients.iter().map(|key| (key.clone(), user.clone())).collect::<Vec<_>>()
        };
        self.by_patient = self.users.iter().flat_map(charts).collect();
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// By subject: the name that the account or the identity provider gives.
    pub fn user(&self, subject: &str) -> Option<&UserFacts> {
        self.users.get(subject)
    }

    pub fn users(&self) -> impl Iterator<Item = &UserFacts> {
        self.users.values()
    }

    /// The employee whose own chart this is.
    pub fn employee(&self, patient: &PatientKey) -> Option<&UserFacts> {
        self.users.get(self.by_patient.get(patient)?)
    }
}

/// Where the columns stand.
struct Columns {
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Columns {
    fn of(heading: &Row<'_>) -> Result<Columns, WorkforceError> {
        let names: Vec<String> = heading.iter().map(|name| name.trim().to_lowercase()).collect();
        let mut places = [None; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            *place = names.iter().position(|name| name == column);
            if names.iter().filter(|name| *name == column).count() > 1 {
                return Err(WorkforceError::Twice(column));
            }
        }
        let columns = Columns { places, count: names.len() };
        columns.place("user").ok_or(WorkforceError::Column("user"))?;
        Ok(columns)
    }

    fn place(&self, column: &str) -> Option<usize> {
        let at = COLUMNS.iter().position(|name| *name == column)?;
        self.places.get(at).copied().flatten()
    }
}
