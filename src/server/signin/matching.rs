//! Whether two descriptions are of one person: birth date, family name, sex. Used before a launched chart is opened, where
//! the crosswalk already says who it should be; a disagreement stops the launch.
//!
//! Not for: finding patients. Nobody is looked for by name here.

use serde_json::Value;

use crate::names::fold;
use crate::server::viewer::Side;

/// What both sides say of a person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demographics {
    /// Family names, present and former, folded to letters and digits.
    families: Vec<String>,
    given: Vec<String>,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    born: Option<String>,
    sex: Option<String>,
    /// Name, birth date and sex as that side writes them, for people to compare.
    written: [String; 3],
}

/// In what they disagree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    BirthDate,
    FamilyName,
    Sex,
    /// One of them says neither a name nor a birth date that the other has too.
    NothingInCommon,
}

impl Difference {
    pub fn code(self) -> &'static str {
        match self {
            Difference::BirthDate => "birth-date",
            Difference::FamilyName => "family-name",
            Difference::Sex => "sex",
            Difference::NothingInCommon => "nothing-in-common",
        }
    }
}

impl Demographics {
    pub fn new(family: &str, given: Option<&str>, born: &str, sex: Option<&str>) -> Demographics {
        Demographics {
            families: [family].into_iter().filter_map(plain).collect(),
            given: given.into_iter().flat_map(str::split_whitespace).filter_map(plain).collect(),
            born: date(born),
            sex: sex.map(str::to_lowercase),
            written: [in_words(family, given.unwrap_or("")), born.to_string(), sex.unwrap_or("").to_string()],
        }
    }

    /// Name, birth date and sex of this person beside those of the one who is claimed to be he, those told apart that differ.
    pub fn beside(&self, claimed: &Demographics, difference: Difference) -> Vec<Side> {
        let differs = |what| match difference {
            Difference::BirthDate => what == "Born",
            Difference::FamilyName => what == "Name",
            Difference::Sex => what != "Born",
            Difference::NothingInCommon => false,
        };
        let or_missing = |text: &String| if text.is_empty() { "not recorded".to_string() } else { text.clone() };
        let rows = ["Name", "Born", "Sex"].into_iter().zip(claimed.written.iter().zip(&self.written));
        let side = |(what, (current, archived)): (&'static str, (&String, &String))| Side {
            what,
            current: or_missing(current),
            archived: or_missing(archived),
            differs: differs(what),
        };
        rows.map(side).collect()
    }

    /// Of a FHIR Patient: all of its names, since people marry and move.
    pub fn of_patient(patient: &Value) -> Demographics {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_string);
        let first = |path: &str| patient.pointer(path).and_then(Value::as_str);
        let given = patient.pointer("/name/0/given").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let given = given.collect::<Vec<_>>().join(" ");
        let family = first("/name/0/family").map(|family| in_words(family, &given));
        let name = family.or_else(|| first("/name/0/text").map(str::to_string));
        let mut all = Demographics {
            written: [
                name.unwrap_or_default(),
                text(patient, "birthDate").unwrap_or_default(),
                text(patient, "gender").unwrap_or_default(),
            ],
            born: text(patient, "birthDate").as_deref().and_then(date),
            sex: text(patient, "gender"),
            ..Demographics::default()
        };
        for name in patient.get("name").and_then(Value::as_array).into_iter().flatten() {
            let given = name.get("given").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            all.given.extend(given.flat_map(str::split_whitespace).filter_map(plain));
            match text(name, "family") {
                Some(family) => all.families.extend(plain(&family)),
                // Only a text: the last word is taken for the family name, as the archive does everywhere.
                None => {
                    let whole = text(name, "text").unwrap_or_default();
                    let mut words: Vec<&str> = whole.split_whitespace().collect();
                    all.families.extend(words.pop().and_then(plain));
                    all.given.extend(words.into_iter().filter_map(plain));
                }
            }
        }
        all
    }

    /// Whether what the EHR claims may be this archived person. The claim must say when he was born and his family name;
    /// an archived record that lacks one of the two is judged by the other.
    ///
    /// # Errors
    /// The first thing in which they disagree.
    pub fn agrees_with(&self, claimed: &Demographics) -> Result<(), Difference> {
        if claimed.families.is_empty() || claimed.born.is_none() {
            return Err(Difference::NothingInCommon);
        }
        let same_birth = self.born.as_ref().zip(claimed.born.as_ref()).map(|(a, b)| are_one_date(a, b));
        let has_name = !self.families.is_empty();
        match (same_birth, has_name.then(|| shares(&self.families, &claimed.families))) {
            (None, None) => return Err(Difference::NothingInCommon),
            (Some(false), _) => return Err(Difference::BirthDate),
            (_, Some(false)) => return Err(Difference::FamilyName),
            _ => {}
        }
        // What a register says of sex may be corrected in a life. With the same birth date, family and given name it is
        // the same person; with another given name it may be his twin.
        let known = |sex: &Option<String>| sex.clone().filter(|sex| sex == "male" || sex == "female");
        let differs = known(&self.sex).zip(known(&claimed.sex)).is_some_and(|(a, b)| a != b);
        let is_surely_one = same_birth == Some(true) && has_name && shares(&self.given, &claimed.given);
        if differs && !is_surely_one { Err(Difference::Sex) } else { Ok(()) }
    }
}

/// `Family, Given`.
fn in_words(family: &str, given: &str) -> String {
    [family, given].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn shares(a: &[String], b: &[String]) -> bool {
    a.iter().any(|one| b.contains(one))
}

/// Letters and digits of a name, folded: `O'Brien` and `OBRIEN` are one, `Núñez` and `Nunez` too.
fn plain(name: &str) -> Option<String> {
    Some(fold(name).chars().filter(|c| c.is_alphanumeric()).collect::<String>()).filter(|name| !name.is_empty())
}

/// The date part of a date or time, when it has the form of one.
fn date(text: &str) -> Option<String> {
    let day = text.trim().split('T').next()?;
    let form = [4, 7, 10].contains(&day.len())
        && day.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    form.then(|| day.to_string())
}

/// Two dates agree as far as the less exact one says.
fn are_one_date(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archived(json: &str) -> Demographics {
        Demographics::of_patient(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_launch_opens_only_the_same_person() {
        use Difference::{BirthDate, FamilyName, NothingInCommon, Sex};
        let núñez = r#"{"birthDate":"1957-03-14","gender":"female",
            "name":[{"family":"Núñez-O'Brien","given":["Ann Marie"]},{"use":"maiden","family":"Quill","given":["Ann"]}]}"#;
        let year = r#"{"birthDate":"1957","name":[{"text":"Ann Quill"}]}"#;
        let nameless = r#"{"birthDate":"1957-03-14"}"#;
        let bare = r#"{"gender":"female"}"#;
        let ehr = |family: &str, given: &str, born: &str, sex: &str| Demographics::new(family, Some(given), born, Some(sex));
        for (record, claimed, expected) in [
            (núñez, ehr("NUNEZ OBRIEN", "Ann", "1957-03-14", "female"), Ok(())),
            (núñez, ehr("Quill", "Ann", "1957-03-14", "female"), Ok(())),
            (núñez, ehr("Quill", "Ann", "1957-03-15", "female"), Err(BirthDate)),
            (núñez, ehr("Quill", "Ann", "1957-04-13", "female"), Err(BirthDate)),
            (núñez, ehr("Quilt", "Ann", "1957-03-14", "female"), Err(FamilyName)),
            (núñez, ehr("Nunez", "Ann", "1957-03-14", "female"), Err(FamilyName)),
            (núñez, ehr("Quill", "Tom", "1957-03-14", "male"), Err(Sex)),
            (núñez, ehr("Quill", "Ann", "1957-03-14", "male"), Ok(())),
            (núñez, ehr("Quill", "Tom", "1957-03-14", "unknown"), Ok(())),
            (núñez, ehr("Quill", "Ann", "1957", "female"), Ok(())),
            (núñez, ehr("", "Ann", "1957-03-14", "female"), Err(NothingInCommon)),
            (núñez, ehr("Quill", "Ann", "", "female"), Err(NothingInCommon)),
            (núñez, ehr("Quill", "Ann", "14.03.1957", "female"), Err(NothingInCommon)),
            (year, ehr("Quill", "Ann", "1957-03-14", "female"), Ok(())),
            (year, ehr("Quill", "Ann", "1958-03-14", "female"), Err(BirthDate)),
            (nameless, ehr("Quill", "Ann", "1957-03-14", "female"), Ok(())),
            (bare, ehr("Quill", "Ann", "1957-03-14", "female"), Err(NothingInCommon)),
        ] {
            assert_eq!(archived(record).agrees_with(&claimed), expected, "{record} {claimed:?}");
        }
    }
}
