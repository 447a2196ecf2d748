//! Whose a document says it is, against who the person is: the recordTarget of a CDA document, the PID of a message, the head of a
//! note or of a scan with a text layer.
//!
//! Careful both ways: a flag is raised where what the document says cannot be reconciled (another name and no number of this
//! person; another birth date and no number), not where it merely says less, spells otherwise, or has a former family name.
//!
//! Not for: finding out who it is then.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::formats::cda::Element;
use crate::formats::{MediaKind, cda, head_of, hl7v2};
use crate::limits::RELEASE_HEAD_TEXT_MAX;
use crate::model::{PatientIdentity, Precision};
use crate::names::{nicknames, sound, tokens};

/// What is known of the person, of all keys.
#[derive(Debug, Default)]
pub struct Known {
    names: BTreeSet<String>,
    sounds: BTreeSet<String>,
    /// Digits, `19570314`.
    births: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

/// Whom a document names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claim {
    names: Vec<String>,
    births: Vec<String>,
    numbers: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Says {
    Nothing,
    Same,
    /// Some of the name only, as twins or a former name have it.
    Part,
    Other,
}

impl Known {
    pub fn of(identities: &[PatientIdentity]) -> Known {
        let mut known = Known::default();
        for identity in identities {
            let names = identity.family.iter().chain(&identity.given).chain(&identity.other_names);
            for token in names.flat_map(|name| tokens(name)) {
                known.sounds.extend(Some(sound(&token)).filter(|sound| !sound.is_empty()));
                known.names.extend(nicknames(&token).iter().cloned());
                known.names.insert(token);
            }
            let birth = identity.birth_date.as_ref().filter(|birth| birth.precision() >= Precision::Day);
            known.births.extend(birth.map(|birth| digits(birth.date_text())));
            known.numbers.extend(identity.identifiers.iter().filter_map(|(_, value)| number(value)));
        }
        known
    }

    /// In words, when the claim cannot be about this person.
    pub fn contradicted_by(&self, claim: &Claim) -> Option<&'static str> {
        let name = self.name(claim);
        let other = |known: &BTreeSet<String>, said: &[String]| match said {
            _ if known.is_empty() || said.is_empty() => Says::Nothing,
            _ if said.iter().any(|it| known.contains(it)) => Says::Same,
            _ => Says::Other,
        };
        let (birth, number) = (other(&self.births, &claim.births), other(&self.numbers, &claim.numbers));
        match (name, birth, number) {
            (Says::Other, Says::Other, _) => Some("it names another patient: name and birth date are others"),
            (Says::Other, _, Says::Other) => Some("it names another patient: name and number are others"),
            (_, Says::Other, Says::Other) => Some("it names another patient: birth date and number are others"),
            (Says::Part, _, Says::Other) => Some("it names another patient: part of the name and the number are others"),
            (Says::Other, _, Says::Nothing) => Some("it names another patient: the name is another"),
            (_, Says::Other, Says::Nothing) => Some("it names another patient: the birth date is another"),
            _ => None,
        }
    }

    fn name(&self, claim: &Claim) -> Says {
        let judged = claim.names.iter().map(|name| self.one_name(name));
        // The best of several names counts.
        judged
            .min_by_key(|says| match says {
                Says::Same => 0,
                Says::Part => 1,
                Says::Nothing => 2,
                Says::Other => 3,
            })
            .unwrap_or(Says::Nothing)
    }

    fn one_name(&self, name: &str) -> Says {
        // Initials and the name as one word tell nothing apart.
        let parts: Vec<String> = name.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').map(str::to_owned).collect();
        let mut met = Vec::new();
        for part in parts.iter().filter(|part| part.chars().count() > 1) {
            let tokens = tokens(part);
            let knows = |token: &String| {
                self.names.contains(token)
                    || nicknames(token).iter().any(|other| self.names.contains(other))
                    || Some(sound(token)).is_some_and(|sound| !sound.is_empty() && self.sounds.contains(&sound))
            };
            if !tokens.is_empty() {
                met.push(tokens.iter().any(knows));
            }
        }
        match (met.is_empty() || self.names.is_empty(), met.iter().filter(|it| **it).count()) {
            (true, _) => Says::Nothing,
            (_, 0) => Says::Other,
            (_, count) if count == met.len() || count >= 2 => Says::Same,
            _ => Says::Part,
        }
    }
}

impl Claim {
    fn some(self) -> Option<Claim> {
        (!self.names.is_empty() || !self.births.is_empty()).then_some(self)
    }

    /// Whom a file names in its own header; `None` where it names nobody in a form that is known.
    pub fn of_file(bytes: &[u8], kind: MediaKind, declared: &str) -> Option<Claim> {
        match kind {
            MediaKind::Cda => Claim::of_cda(bytes),
            MediaKind::Text | MediaKind::Html | MediaKind::Rtf | MediaKind::Pdf | MediaKind::Docx => {
                Claim::of_head(&head_of(bytes, Some(declared)).text)
            }
            _ => None,
        }
    }

    /// Whom a delivered message or document names.
    pub fn of_source(bytes: &[u8]) -> Option<Claim> {
        if cda::looks_like_cda(bytes.get(..RELEASE_HEAD_TEXT_MAX.min(bytes.len())).unwrap_or_default()) {
            return Claim::of_cda(bytes);
        }
        let message = hl7v2::Message::parse(bytes).ok()?;
        let pid = message.first("PID")?;
        let mut claim = Claim::default();
        for id in pid.field(3).repetitions() {
            claim.numbers.extend(number(&id.component(1).text()));
        }
        for name in pid.field(5).repetitions().chain(pid.field(9).repetitions()) {
            let parts: Vec<String> = (1..=3).map(|n| name.component(n).text().into_owned()).filter(|it| !it.is_empty()).collect();
            claim.names.extend(Some(parts.join(" ")).filter(|name| !name.is_empty()));
        }
        let birth = digits(&pid.field(7).component(1).text());
        claim.births.extend(birth.get(..8).map(str::to_owned));
        claim.some()
    }

    fn of_cda(bytes: &[u8]) -> Option<Claim> {
        let document = cda::Document::read(bytes).ok()?;
        let mut claim = Claim::default();
        for role in document.patient_roles() {
            claim.numbers.extend(role.children("id").filter_map(|id| number(id.attr("extension"))));
            let Some(patient) = role.child("patient") else { continue };
            let words = |name: Element<'_>| {
                let parts = name.elements().filter(|part| part.is("given") || part.is("family"));
                let parts: Vec<String> =
                    parts.map(|part| part.text().trim().to_owned()).filter(|part| !part.is_empty()).collect();
                if parts.is_empty() { name.text().trim().to_owned() } else { parts.join(" ") }
            };
            claim.names.extend(patient.children("name").map(words).filter(|name| !name.is_empty()));
            let birth = patient.child("birthTime").map(|it| digits(it.attr("value"))).unwrap_or_default();
            claim.births.extend(birth.get(..8).map(str::to_owned));
        }
        claim.some()
    }

    /// Labelled words in the first lines of a text.
    fn of_head(text: &str) -> Option<Claim> {
        static LABELS: LazyLock<Option<Labels>> = LazyLock::new(Labels::new);
        let labels = LABELS.as_ref()?;
        let end = (0..=RELEASE_HEAD_TEXT_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let head = &text[..end];
        let all = |label: &Regex| -> Vec<String> {
            label.captures_iter(head).filter_map(|found| Some(found.get(1)?.as_str().trim().to_owned())).collect()
        };
        let mut claim = Claim { numbers: all(&labels.number).iter().filter_map(|it| number(it)).collect(), ..Claim::default() };
        claim.births = all(&labels.birth).iter().filter_map(|it| birth(it)).collect();
        let names =
            all(&labels.name).into_iter().map(|name| labels.stop.split(&name).next().unwrap_or_default().trim().to_owned());
        claim.names = names.filter(|name| looks_like_name(name)).collect();
        claim.some()
    }
}

struct Labels {
    name: Regex,
    birth: Regex,
    number: Regex,
    /// What stands behind a name on its line.
    stop: Regex,
}

impl Labels {
    fn new() -> Option<Labels> {
        let number = r"(?im)\b(?:MRN|M\.R\.N\.|medical record (?:number|no\.?|#)|patient (?:id|number|no\.?)|record number)\s*[:#]+\s*([A-Z0-9][A-Z0-9-]{2,19})\b";
        Some(Labels {
            name: Regex::new(
                r"(?im)(?:^\s*(?:full )?name|\bpatient(?: name|'s name)?|\bname of patient)\s*:[ \t]*([^\r\n\t]{3,80})",
            )
            .ok()?,
            birth: Regex::new(
                r"(?im)\b(?:DOB|D\.O\.B\.|date of birth|birth ?date|born)\s*:?\s*([0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{2,4})\b",
            )
            .ok()?,
            number: Regex::new(number).ok()?,
            stop: Regex::new(
                r"(?i) {2,}|\b(?:MRN|DOB|D\.O\.B\.|born|date of birth|sex|gender|age|account|visit|patient id)\b|[;|(]",
            )
            .ok()?,
        })
    }
}

/// Two to five words that begin with a capital, no digits: `QUILL, Ann M.`; a sentence is none.
fn looks_like_name(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
    let is_particle = |word: &str| ["van", "von", "de", "der", "den", "la", "le", "di", "da", "del", "bin", "al"].contains(&word);
    (2..=5).contains(&words.len())
        && words.iter().all(|word| is_particle(word) || word.chars().next().is_some_and(char::is_uppercase))
        && text.chars().all(|c| c.is_alphabetic() || c.is_whitespace() || ",.'’-".contains(c))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A birth date in the forms that people write: year first, or the American order. A day above twelve tells the European one.
fn birth(text: &str) -> Option<String> {
    let parts: Vec<u32> = text.split(['-', '/', '.']).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [first, second, third] = parts.as_slice() else { return None };
    let (year, month, day) = match (first, second, third) {
        (year, month, day) if *year > 31 => (year, month, day),
        (day, month, year) if *day > 12 => (year, month, day),
        (month, day, year) => (year, month, day),
    };
    // A year of two digits says too little.
    ((1850..2200).contains(year) && (1..=12).contains(month) && (1..=31).contains(day))
        .then(|| format!("{year:04}{month:02}{day:02}"))
}

/// A number as it is compared: letters and digits, without leading noughts; nothing shorter than three.
fn number(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let plain = plain.trim_start_matches('0').to_owned();
    (plain.len() >= 3).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::When;

    fn known() -> Known {
        Known::of(&[PatientIdentity {
            family: Some("O'Quill".into()),
            given: vec!["Katherine".into(), "Mary".into()],
            other_names: vec!["Katherine Byrd".into()],
            birth_date: When::parse("1957-03-14"),
            identifiers: vec![("MR".into(), "0012345".into())],
            ..PatientIdentity::default()
        }])
    }

    /// Head of a note, and whether it is somebody else's.
    #[test]
    fn heads_of_notes_are_judged_with_care() {
        for (head, is_other) in [
            ("Patient: Katherine O'Quill   MRN: 12345   Born: 03/14/1957", false),
            ("Patient: QUILL, KATIE\nDOB: 3/14/1957", false),
            ("Patient Name: Kathryn Oquill\nDate of birth: 1957-03-14", false),
            // A former name, a married name with the same number.
            ("Patient: Katherine Byrd", false),
            ("Patient: Katherine Summers   MRN: 0012345", false),
            // Somebody else.
            ("Patient: Walter Tamm   MRN: 99887   Born: 07/02/1941", true),
            ("Patient: Walter Tamm", true),
            ("Patient: Tamm, Walter\nDOB: 14.03.1957\nMRN: 555-22", true),
            // A namesake born on another day; a twin with a number of her own.
            ("Patient: Katherine O'Quill\nDOB: 05/06/1988", true),
            ("Patient: Margaret O'Quill\nDOB: 03/14/1957\nMRN: 77123", true),
            // A slip of the keyboard where the number agrees; another hospital's number.
            ("Patient: Katherine O'Quill\nDOB: 03/14/1975\nMRN: 12345", false),
            ("Patient: Katherine O'Quill\nDOB: 03/14/1957\nMRN: A-777", false),
            // No claim at all.
            ("Patient: denies chest pain and fever.", false),
            ("Patient: The patient reports that he is well", false),
            ("Physician: Walter Tamm\nName of drug: Aspirin", false),
            ("MRN: 99887", false),
            ("", false),
        ] {
            let claim = Claim::of_head(head);
            let words = claim.as_ref().and_then(|claim| known().contradicted_by(claim));
            assert_eq!(words.is_some(), is_other, "{head}: {claim:?} {words:?}");
        }
    }

    #[test]
    fn messages_and_documents_are_judged_by_their_headers() {
        let message = |pid: &str| format!("MSH|^~\\&|A|B|C|D|2015||ORU^R01|1|P|2.3\r{pid}\r");
        for (pid, is_other) in [
            ("PID|1||12345^^^MER||O'QUILL^KATHERINE||19570314|F", false),
            ("PID|1||12345^^^MER||TAMM^WALTER||19410702|M", true),
            ("PID|1||12345^^^MER||SUMMERS^KATHERINE||19570314|F", false),
            ("PID|1||12345^^^MER", false),
        ] {
            let claim = Claim::of_source(message(pid).as_bytes());
            assert_eq!(claim.and_then(|claim| known().contradicted_by(&claim)).is_some(), is_other, "{pid}");
        }
        let cda = |id: &str, given: &str, family: &str, birth: &str| {
            format!(
                "<ClinicalDocument xmlns='urn:hl7-org:v3'><recordTarget><patientRole><id root='1.2' extension='{id}'/><patient><name>\
                 <given>{given}</given><family>{family}</family></name><birthTime value='{birth}'/></patient></patientRole>\
                 </recordTarget></ClinicalDocument>"
            )
        };
        for (document, is_other) in [
            (cda("12345", "Katherine", "O'Quill", "19570314"), false),
            (cda("99887", "Walter", "Tamm", "19410702"), true),
            (cda("12345", "Walter", "Tamm", "194107021200"), true),
        ] {
            let claim = Claim::of_source(document.as_bytes());
            assert_eq!(claim.and_then(|claim| known().contradicted_by(&claim)).is_some(), is_other, "{document}");
        }
    }

    #[test]
    fn who_is_not_known_is_not_contradicted() {
        let claim = Claim::of_head("Patient: Walter Tamm   MRN: 99887   Born: 07/02/1941").unwrap();
        assert_eq!(Known::default().contradicted_by(&claim), None);
    }
}
