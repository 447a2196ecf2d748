//! The automatic checks: what a person has to look at before it goes out, each with why.
//!
//! Not for: whose a document says it is (`whose`), or deciding (`workflow`).

use std::collections::HashMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::choose::{Chosen, SelectionFault};
use super::days;
use super::sets::Checks;
use super::traits::{self, Traits};
use super::whose::{Claim, Known};
use crate::model::{AccessionId, Class, Label, Place, When};
use crate::query::{Held, Inventory, Parted};

/// The flags of an item; each once, with its first reason.
#[derive(Debug, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    pub fn raise(&mut self, flag: &'static str, why: &str) {
        if self.0.iter().all(|(raised, _)| *raised != flag) {
            self.0.push((flag, why.to_owned()));
        }
    }

    /// Flags and reasons, in one order.
    pub fn into_lists(mut self) -> (Vec<String>, Vec<String>) {
        self.0.sort_by_key(|(flag, _)| *flag);
        self.0.into_iter().map(|(flag, why)| (flag.to_owned(), why)).unzip()
    }

    /// What one version of a record shows by itself.
    pub fn of_record(&mut self, held: &Held<'_>, json: &Value, all_versions: bool) {
        if held.is_moved_here {
            self.raise("wrong-patient", "the source filed it under another patient; a statement moved it here");
        }
        if held.names_others {
            self.raise("third-party", "it names another patient of the archive too");
        }
        if traits::is_in_error(json) {
            self.raise("entered-in-error", "the source says that it was entered in error");
        }
        let (version, versions) = (held.record.version, held.versions);
        let status = traits::status(json).unwrap_or_default();
        let is_corrected = ["corrected", "amended", "appended"].contains(&status.as_str());
        if version < versions {
            self.raise("superseded", &format!("version {version} of {versions}: a later one takes its place"));
        } else if status == "superseded" {
            self.raise("superseded", "the source says that another record takes its place");
        } else if versions > 1 && !all_versions && is_corrected {
            self.raise("superseded", &format!("corrected; {} earlier versions stay in the archive", versions - 1));
        }
    }

    /// Classes that a person looks at, and the care of minors.
    pub fn of_classes(&mut self, label: Label, checks: &Checks, service: Option<&When>, births: &[When]) {
        let names = |label: Label| label.classes().map(Class::name).collect::<Vec<_>>().join(", ");
        let sensitive = Label::from_bits(label.bits() & checks.sensitive().bits());
        if sensitive.is_restricted() {
            self.raise("sensitive", &names(sensitive));
        }
        let ages = births.iter().filter_map(|birth| days::age(birth, service?));
        let is_minor = ages.into_iter().any(|age| (checks.minor_from..checks.minor_until).contains(&age));
        if label.holds(Class::Minor) || (is_minor && label.intersects(checks.minor())) {
            self.raise("minor", "care of a minor for which the law of the state may ask for the minor's own consent");
        }
    }

    /// That nobody signed it; that it speaks of a legal hold: the archive keeps all, but whoever prepares a release has to know.
    pub fn of_traits(&mut self, traits: &Traits, is_unsigned: bool) {
        if is_unsigned {
            self.raise("unsigned", "the source does not call it final");
        }
        if ["legal hold", "litigation hold", "preservation notice"].iter().any(|words| traits.says(words)) {
            self.raise("legal-hold", "it speaks of a legal hold: see whether one has to be set on this request");
        }
    }

    /// Filed long after the service.
    pub fn of_filing(&mut self, service: &When, filed: &When, late_days: u32) {
        if let Some(late) = days::between(service, filed).filter(|days| i64::from(*days) > i64::from(late_days)) {
            self.raise("late-filed", &format!("filed {late} days after the service"));
        }
    }

    /// Written while the source had this patient's number merged with another's.
    pub fn of_parting(&mut self, parted: &[Parted], held: &Held<'_>, service: Option<&When>) {
        let ours = parted.iter().filter(|it| held.record.patient.as_ref() == Some(&it.key));
        for it in ours {
            let day = |text: &Option<String>| text.as_deref().and_then(When::parse);
            let (from, until) = (day(&it.from), day(&it.until));
            let words = |when: &Option<When>| when.as_ref().map_or("an unknown day", |when| when.date_text()).to_owned();
            let stood = format!("from {} to {}", words(&from), words(&until));
            if held.record.kind == crate::model::Kind::PATIENT {
                let why =
                    format!("the source merged this number with another patient's {stood}: look at what was written meanwhile");
                self.raise("wrong-patient", &why);
            } else if let (Some(from), Some(until), Some(service)) = (from, until, service)
                && days::between(&from, service).is_some_and(|days| days >= 0)
                && days::between(service, &until).is_some_and(|days| days >= 0)
            {
                self.raise("wrong-patient", &format!("written while this number was merged with another patient's, {stood}"));
            }
        }
    }
}

/// Digest of what a record says, its name and history apart: equal ones say the same.
pub fn content(json: &Value) -> [u8; 32] {
    const APART: [&str; 5] = ["id", "meta", "identifier", "text", "contained"];
    let mut hasher = Sha256::new();
    for (member, value) in json.as_object().into_iter().flatten().filter(|(member, _)| !APART.contains(&member.as_str())) {
        hasher.update(member.as_bytes());
        hasher.update(serde_json::to_vec(value).unwrap_or_default());
    }
    hasher.finalize().into()
}

/// Where each item came from, and whom the message or document names that it was made of.
pub fn trace(inventory: &Inventory<'_>, known: &Known, chosen: &mut [Chosen]) -> Result<(), SelectionFault> {
    let place = |it: &Chosen| {
        let (accession, ordinal) = (it.item.accession.as_str(), it.item.ordinal);
        let accession = AccessionId::parse(accession).unwrap_or_else(|| AccessionId(accession.into()));
        Place { accession, generation: it.item.generation, ordinal }
    };
    let places: Vec<Place> = chosen.iter().map(place).collect();
    let marks = inventory.sources(&places)?;
    // In the order of the delivered files, so that neighbours are read together.
    let mut order: Vec<usize> = (0..chosen.len()).collect();
    order.sort_by_cached_key(|n| {
        marks.get(*n).cloned().flatten().map(|mark| (chosen[*n].item.accession.clone(), mark.file, mark.span))
    });
    let mut last: Option<(Place, crate::query::SourceMark, Option<&'static str>)> = None;
    for n in order {
        let (Some(Some(mark)), Some(place), Some(it)) = (marks.get(n), places.get(n), chosen.get_mut(n)) else { continue };
        it.item.source.file.clone_from(&mark.file);
        it.item.source.number = mark.number;
        if mark.span.is_none() {
            continue;
        }
        let known_already = last.as_ref().filter(|(of, before, _)| of.accession == place.accession && before == mark);
        let words = match known_already {
            Some((_, _, words)) => *words,
            None => {
                let bytes = inventory.source_bytes(place, mark)?;
                let words = bytes.and_then(|bytes| Claim::of_source(&bytes)).and_then(|claim| known.contradicted_by(&claim));
                last = Some((place.clone(), mark.clone(), words));
                words
            }
        };
        if let Some(words) = words {
            it.flags.raise("wrong-patient", words);
        }
    }
    Ok(())
}

/// Items that say or hold the same as one before them.
pub fn repeated(chosen: &mut [Chosen]) {
    let mut files: HashMap<String, usize> = HashMap::new();
    let mut words: HashMap<[u8; 32], usize> = HashMap::new();
    for (n, it) in chosen.iter_mut().enumerate() {
        let mut same = None;
        for file in it.item.attachments.iter().filter(|file| file.bytes > 0) {
            same = same.or(files
                .get(&file.sha256)
                .copied()
                .filter(|before| *before != n)
                .map(|before| ("the same file as", before)));
            files.entry(file.sha256.clone()).or_insert(n);
        }
        // A document's words lie in its files; versions of one record are no repetition.
        if it.item.attachments.is_empty() && it.item.versions == 1 {
            same = same.or(words.get(&it.content).map(|before| ("it says the same as", *before)));
            words.entry(it.content).or_insert(n);
        }
        if let Some((how, before)) = same {
            it.flags.raise("duplicate", &format!("{how} item {}", before + 1));
        }
    }
}
