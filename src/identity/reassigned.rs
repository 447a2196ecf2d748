//! Statements resolved to the records that lie in another chart than the one they were filed in.
//!
//! Not for: finding those records (`query`).

use std::collections::BTreeMap;

use super::Said;
use crate::model::{ArchiveId, Kind, PatientKey};
use crate::statements::{Evidence, Made, Statement};

/// Where a record lies by statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reassignment {
    /// Whose chart it was filed in.
    pub from: PatientKey,
    pub to: PatientKey,
    pub said: Said,
}

/// The reassignments in force: of each record the last one, unless it was taken back.
#[derive(Debug, Default)]
pub struct Reassigned {
    by_record: BTreeMap<(Kind, ArchiveId), Reassignment>,
}

impl Reassigned {
    /// Replays statements, oldest first.
    pub fn of<'a>(statements: impl IntoIterator<Item = &'a Made>) -> Reassigned {
        let mut all = Reassigned::default();
        for made in statements {
            all.replay(made);
        }
        all
    }

    fn replay(&mut self, made: &Made) {
        match &made.statement {
            Statement::Reassign { kind, id, from, to, reason, evidence } => {
                if let Some((record, from, to)) = named(kind, id, from, to) {
                    let said = said(made, reason, evidence);
                    self.by_record.insert(record, Reassignment { from, to, said });
                }
            }
            Statement::ReassignBack { kind, id, from, to, .. } => {
                if let Some((record, _, to)) = named(kind, id, from, to)
                    && self.by_record.get(&record).is_some_and(|stands| stands.to == to)
                {
                    self.by_record.remove(&record);
                }
            }
            _ => {}
        }
    }

    pub fn get(&self, kind: Kind, id: &ArchiveId) -> Option<&Reassignment> {
        self.by_record.get(&(kind, id.clone()))
    }

    /// Every reassignment in force.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &ArchiveId, &Reassignment)> {
        self.by_record.iter().map(|((kind, id), it)| (*kind, id, it))
    }
}

/// A record and two patients, if all names are ones. A Patient is never reassigned: two of them are linked.
fn named(kind: &str, id: &str, from: &str, to: &str) -> Option<((Kind, ArchiveId), PatientKey, PatientKey)> {
    let kind = Kind::from_name(kind).filter(|kind| *kind != Kind::PATIENT)?;
    Some(((kind, ArchiveId::parse(id)?), PatientKey::parse(from)?, PatientKey::parse(to)?))
}

fn said(made: &Made, reason: &str, evidence: &Evidence) -> Said {
    Said { at: made.at, by: made.by.1.clone(), reason: reason.to_string(), evidence: evidence.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(statement: Statement) -> Made {
        let by = ("cli".to_string(), "ann".to_string());
        Made { stream: "s0000".into(), seq: 0, at: jiff::Timestamp::UNIX_EPOCH, by, statement }
    }

    fn put(kind: &str, to: &str) -> Made {
        let (kind, id, from, to) = (kind.into(), "m.o1".into(), "m.1".into(), to.into());
        made(Statement::Reassign { kind, id, from, to, reason: "misfiled".into(), evidence: Evidence::Person })
    }

    fn back(to: &str) -> Made {
        let (kind, id, from, to) = ("Observation".into(), "m.o1".into(), "m.1".into(), to.into());
        made(Statement::ReassignBack { kind, id, from, to, reason: "no".into(), evidence: Evidence::Person })
    }

    #[test]
    fn the_last_one_holds_until_it_is_taken_back() {
        let stands = |statements: &[Made]| -> Vec<String> {
            Reassigned::of(statements).iter().map(|(kind, id, it)| format!("{kind}/{id} {} {}", it.from, it.to)).collect()
        };
        assert_eq!(stands(&[put("Observation", "m.2")]), ["Observation/m.o1 m.1 m.2"]);
        assert_eq!(stands(&[put("Observation", "m.2"), put("Observation", "m.3")]), ["Observation/m.o1 m.1 m.3"]);
        assert!(stands(&[put("Observation", "m.2"), back("m.2")]).is_empty());
        assert_eq!(stands(&[put("Observation", "m.3"), back("m.2")]), ["Observation/m.o1 m.1 m.3"], "another one was meant");
        assert!(stands(&[put("Patient", "m.2")]).is_empty());
    }
}
