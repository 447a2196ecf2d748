//! Who the person of a release is, as the sources record it: for the head of every page, and for comparing documents with.
//!
//! Not for: which keys are one person (`query`).

use super::Person;
use crate::access::Permit;
use crate::model::{Kind, PatientIdentity, PatientKey};
use crate::query::{Archive, QueryError, identity_of};

/// The person, and every identity of him: of each key and each version of its Patient record.
pub struct People {
    pub person: Person,
    pub identities: Vec<PatientIdentity>,
}

/// Labels of identifiers that are numbers of medical records.
const RECORD_NUMBERS: [&str; 5] = ["MR", "MRN", "PI", "PT", "MRT"];

/// Reads the Patient records of these keys, the first first. A person without any is known by nothing.
pub fn of(archive: &Archive, permit: &Permit, keys: &[PatientKey]) -> Result<People, QueryError> {
    let mut people = People { person: Person::default(), identities: Vec::new() };
    let asked = permit.scope().patients().first().cloned();
    let others = keys.iter().filter(|key| Some(*key) != asked.as_ref());
    for key in asked.iter().chain(others) {
        let versions = match archive.versions(permit, Kind::PATIENT, &key.0) {
            Ok(versions) => versions,
            Err(QueryError::NotFound) => continue,
            Err(error) => return Err(error),
        };
        for record in versions.iter().rev() {
            let identity = identity_of(&serde_json::from_str(&record.json).unwrap_or_default());
            people.person.take(&identity, &record.source_system);
            people.identities.push(identity);
        }
    }
    Ok(people)
}

impl Person {
    /// Adds what an identity says: the first name, birth date and sex stay, other names and numbers are gathered.
    fn take(&mut self, identity: &PatientIdentity, source: &str) {
        let name = printed(identity);
        let fill = |place: &mut String, value: String| {
            if place.is_empty() {
                *place = value;
            }
        };
        fill(&mut self.name, name.clone());
        for other in identity.other_names.iter().chain([&name]) {
            if !other.is_empty() && *other != self.name && !self.other_names.contains(other) {
                self.other_names.push(other.clone());
            }
        }
        fill(&mut self.birth_date, identity.birth_date.as_ref().map_or_else(String::new, |day| day.text().to_owned()));
        fill(&mut self.sex, identity.sex.clone().unwrap_or_default());
        self.deceased = self.deceased.take().or_else(|| identity.deceased.clone());
        for (_, value) in identity.identifiers.iter().filter(|(label, _)| RECORD_NUMBERS.contains(&label.as_str())) {
            let number = format!("MRN {value} ({source})");
            if !self.numbers.contains(&number) {
                self.numbers.push(number);
            }
        }
    }
}

/// `FAMILY, Given Middle`
fn printed(identity: &PatientIdentity) -> String {
    let given = identity.given.join(" ");
    match identity.family.as_deref().map(str::to_uppercase) {
        Some(family) if given.is_empty() => family,
        Some(family) => format!("{family}, {given}"),
        None => given,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::When;

    #[test]
    fn names_and_numbers_of_all_keys_are_gathered_once() {
        let ann = |family: &str, number: &str| PatientIdentity {
            family: Some(family.into()),
            given: vec!["Ann".into(), "Marie".into()],
            birth_date: When::parse("1957-03-14"),
            identifiers: vec![("MR".into(), number.into()), ("SS".into(), "000-00-0000".into())],
            ..PatientIdentity::default()
        };
        let mut person = Person::default();
        for (family, number, source) in
            [("Quill", "1", "mer"), ("Byrd", "1", "mer"), ("Quill", "1", "mer"), ("Quill", "7", "pvs")]
        {
            person.take(&ann(family, number), source);
        }
        assert_eq!((person.name.as_str(), person.birth_date.as_str()), ("QUILL, Ann Marie", "1957-03-14"));
        assert_eq!(person.other_names, ["BYRD, Ann Marie"]);
        assert_eq!(person.numbers, ["MRN 1 (mer)", "MRN 7 (pvs)"]);
    }
}
