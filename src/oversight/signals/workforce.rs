//! The file of the workforce: who the users are as employees. Names, addresses and phone numbers become marks as they are
//! read; only marks are kept.
//!
//! Not for: opening files (`gather`).

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;

use crate::model::PatientKey;

use super::facts::{UserFacts, place_name};
use super::marks::Marks;
use super::sheet::{self, Cells, RowTrouble, SheetError};

/// The employees, by the name that they sign in with.
#[derive(Clone, Debug, Default)]
pub struct Workforce {
    users: BTreeMap<String, UserFacts>,
    by_patient: AHashMap<PatientKey, String>,
}

/// Columns that a file may have; the first is needed. `patient` holds archive keys, several with blanks between them.
const COLUMNS: [&str; 11] =
    ["user", "given", "surname", "patient", "street", "zip", "phone", "job", "department", "facility", "until"];

impl Workforce {
    /// Reads a CSV with a heading. A row that cannot be used is left out and told.
    pub fn parse(bytes: &[u8], marks: &Marks) -> Result<(Workforce, Vec<RowTrouble>), SheetError> {
        let mut workforce = Workforce::default();
        let troubles = sheet::read("workforce", bytes, &COLUMNS, 1, &mut |row| workforce.take(row, marks))?;
        workforce.index();
        Ok((workforce, troubles))
    }

    fn take(&mut self, row: &Cells<'_>, marks: &Marks) -> Result<(), &'static str> {
        let cell = |name: &str| row.get(name);
        let shared = |name: &str| row.some(name).map(Arc::from);
        let user = cell("user");
        if user.is_empty() {
            return Err("no user");
        }
        if self.users.contains_key(user) {
            return Err("this user stands further up");
        }
        let keys: Option<Vec<PatientKey>> = cell("patient").split_whitespace().map(PatientKey::parse).collect();
        let until = row.some("until").map(str::parse).transpose();
        let facts = UserFacts {
            job: shared("job"),
            department: row.some("department").map(place_name),
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
