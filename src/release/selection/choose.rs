//! Choosing: every record of the person is met once and goes to the items, to the exclusions, or beyond what was asked for.
//!
//! Not for: what a record says of itself (`traits`), or checks of what was chosen (`flags`).

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::asked::Asked;
use super::days::{self, Fit};
use super::files::Read;
use super::flags::{self, Flags};
use super::sets::RecordSets;
use super::traits::{self, Author, FileAt, Traits};
use super::whose::Known;
use super::{Count, Exclusion, Item, Origin, Selection, VERSION, coverage, files, person};
use crate::access::{Permit, Purpose};
use crate::formats::fhir::node::Node;
use crate::model::{Class, Kind, Label, PatientKey, When};
use crate::names::fold;
use crate::query::{Archive, Held, Inventory, QueryError};
use crate::release::basis::{Basis, Rules};
use crate::release::package::sha256_hex;
use crate::release::request::Request;

/// Why nothing is chosen. The texts hold no patient data.
#[derive(Debug, thiserror::Error)]
pub enum SelectionFault {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the request has no patient of this number")]
    NoSubject,
    #[error("the patient has not been found in the archive yet")]
    NotResolved,
    #[error("who is who has changed since the patient was found: look again which person is meant")]
    PersonChanged,
    #[error("the permit is for another person or another purpose than the legal basis has")]
    WrongPermit,
    #[error("no legal basis is called that")]
    UnknownBasis,
    #[error("no definition of records is called {0}")]
    UnknownSet(String),
    #[error("no section of records is called {0}")]
    UnknownType(String),
    #[error("no class of records is called {0}")]
    UnknownClass(String),
    #[error("too many records hold these words: choose more of them")]
    TooManyHits,
}

/// The purpose of use under which a chart is gone through for a basis.
pub fn purpose(basis: &Basis) -> Option<Purpose> {
    Purpose::from_code(&basis.purpose)
}

/// What a release of this request takes of its patient number `subject`. `number` is the request's.
///
/// The permit's scope is the whole person (`Archive::chart_scope` of any of his keys), its purpose that of the basis.
///
/// # Errors
/// What stands in [`SelectionFault`]: in doubt nothing is chosen.
pub fn choose(
    archive: &Archive,
    permit: &Permit,
    request: &Request,
    subject: usize,
    number: &str,
    rules: &Rules,
    sets: &RecordSets,
) -> Result<Selection, SelectionFault> {
    let basis = rules.basis(&request.basis).ok_or(SelectionFault::UnknownBasis)?;
    let keys = keys_of(archive, permit, request, subject, basis)?;
    let asked = Asked::of(archive, permit, request, basis, sets)?;
    let inventory = archive.inventory(permit)?;
    let people = person::of(archive, permit, &keys)?;
    let mut chooser = Chooser {
        archive,
        permit,
        rules: &rules.version,
        basis,
        sets,
        asked,
        known: Known::of(&people.identities),
        births: people.identities.iter().filter_map(|it| it.birth_date.clone()).collect(),
        parted: inventory.parted.clone(),
        authors: HashMap::new(),
        chosen: Vec::new(),
        excluded: Vec::new(),
        beyond: vec![0; sets.section.len()],
        binaries: HashMap::new(),
        carriers: HashMap::new(),
        ends: HashMap::new(),
    };
    inventory.each(&mut |held| chooser.meet(&held))?;
    let set = chooser.asked.set;
    let mut selection = Selection {
        v: VERSION,
        request: number.to_owned(),
        subject,
        keys: keys.iter().map(|key| key.as_str().to_owned()).collect(),
        patient: people.person,
        catalog: inventory.catalog.clone(),
        basis: basis.code.clone(),
        rules: rules.version.clone(),
        record_set: format!("{} {}", set.code, set.version),
        bases_sha256: sha256_hex(rules.text.as_bytes()),
        record_sets_sha256: sha256_hex(sets.text.as_bytes()),
        scope: request.scope.clone(),
        coverage: coverage::coverage(&inventory, chooser.asked.not_searchable),
        ..Selection::default()
    };
    chooser.finish(&inventory, &mut selection)?;
    Ok(selection)
}

/// The keys of the person, once it is certain that request, permit and archive mean the same one.
fn keys_of(
    archive: &Archive,
    permit: &Permit,
    request: &Request,
    subject: usize,
    basis: &Basis,
) -> Result<Vec<PatientKey>, SelectionFault> {
    let subject = request.subjects.get(subject).ok_or(SelectionFault::NoSubject)?;
    let parsed = subject.keys.iter().map(|key| PatientKey::parse(key)).collect::<Option<Vec<_>>>();
    let mut keys = parsed.filter(|keys| !keys.is_empty()).ok_or(SelectionFault::NotResolved)?;
    keys.sort_unstable();
    keys.dedup();
    let sorted = |keys: &[PatientKey]| {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys
    };
    let first = keys.first().ok_or(SelectionFault::NotResolved)?;
    if sorted(archive.chart_scope(first).patients()) != keys {
        return Err(SelectionFault::PersonChanged);
    }
    if sorted(permit.scope().patients()) != keys || purpose(basis) != Some(permit.principal().purpose) {
        return Err(SelectionFault::WrongPermit);
    }
    Ok(keys)
}

/// What became of a record.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Chosen,
    Excluded { why: &'static str, detail: String },
    Beyond,
}

/// A record on its way to the items.
pub(super) struct Chosen {
    pub item: Item,
    pub section: usize,
    pub flags: Flags,
    /// Digest of what the record says, its name apart.
    pub content: [u8; 32],
    /// When it was filed, where that has to be compared with the end of its encounter.
    pub filed: Option<When>,
    pub carries: Vec<String>,
}

pub(super) struct Chooser<'a> {
    archive: &'a Archive,
    permit: &'a Permit,
    rules: &'a str,
    basis: &'a Basis,
    pub(super) sets: &'a RecordSets,
    asked: Asked<'a>,
    pub(super) known: Known,
    births: Vec<When>,
    parted: Vec<crate::query::Parted>,
    authors: HashMap<Author, Option<String>>,
    pub(super) chosen: Vec<Chosen>,
    excluded: Vec<(usize, Exclusion)>,
    beyond: Vec<u64>,
    /// Binary records, which follow whatever names them: their id, section, and what would become of them alone.
    binaries: HashMap<String, Vec<(usize, Fate, Chosen)>>,
    /// What became of a record that names a Binary.
    carriers: HashMap<String, (usize, Fate)>,
    /// When encounters ended.
    pub(super) ends: HashMap<String, When>,
}

impl Chooser<'_> {
    /// One version of one record.
    fn meet(&mut self, held: &Held<'_>) -> Result<(), SelectionFault> {
        let record = &held.record;
        let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
        let traits = Traits::of(record.kind, &json);
        let section = self.sets.section_of(&traits);
        let service = held.when.clone().or_else(|| traits::any_day(&json)).filter(|_| record.kind != Kind::PATIENT);
        let end = traits::end(&json);
        if record.kind.name() == "Encounter"
            && let Some(end) = end.clone().or_else(|| service.clone())
        {
            self.ends.insert(record.id.as_str().to_owned(), end);
        }
        let author = self.author(&json);
        let mut flags = Flags::default();
        let fate = self.fate(held, &traits, section, (service.as_ref(), end.as_ref()), author.as_deref(), &mut flags);
        let is_binary = record.kind == Kind::BINARY;
        let names = traits::files(record.kind, record.id.as_str(), &json);
        let carries: Vec<String> = names
            .iter()
            .filter_map(|file| match &file.at {
                FileAt::Binary(id) if !is_binary => Some(id.as_str().to_owned()),
                _ => None,
            })
            .collect();
        for id in &carries {
            let held = self.carriers.entry(id.clone()).or_insert((section, Fate::Beyond));
            if matches!((&held.1, &fate), (Fate::Beyond, _) | (Fate::Excluded { .. }, Fate::Chosen)) {
                *held = (section, fate.clone());
            }
        }
        if !is_binary && !matches!(fate, Fate::Chosen) {
            self.set_aside(section, &fate, held, service.as_ref());
            return Ok(());
        }
        let mut item = self.item(held, &json, &traits, section, service.as_ref(), author);
        if matches!(fate, Fate::Chosen) {
            item.sha256 = held.sha256()?;
            self.look(held, &json, &traits, service.as_ref(), end.as_ref(), &mut flags);
            for file in &names {
                let read = files::read(self.archive, self.permit, held, file)?;
                self.take(read, &mut item, &mut flags);
            }
        }
        let filed = traits::filed(record.kind, &json).filter(|_| end.is_none() && record.kind.name() != "Observation");
        let content = flags::content(&json);
        let chosen = Chosen { item, section, flags, content, filed, carries };
        if is_binary {
            self.binaries.entry(record.id.as_str().to_owned()).or_default().push((section, fate, chosen));
        } else {
            self.chosen.push(chosen);
        }
        Ok(())
    }

    /// Where a record goes: first whether it was asked for, then whether it may go.
    fn fate(
        &self,
        held: &Held<'_>,
        traits: &Traits,
        section: usize,
        (service, end): (Option<&When>, Option<&When>),
        author: Option<&str>,
        flags: &mut Flags,
    ) -> Fate {
        let (asked, record) = (&self.asked, &held.record);
        let always = self.sets.section.get(section).is_some_and(|it| it.always);
        let is_wanted =
            |list: &[String], value: Option<&str>| list.is_empty() || value.is_some_and(|it| list.iter().any(|x| x == it));
        let is_current = record.version == held.versions;
        let mut is_asked = asked.sections.get(section).copied().unwrap_or(false) && (is_current || asked.scope.all_versions);
        if is_asked && !always {
            let folded = author.map(fold).unwrap_or_default();
            is_asked = asked.only_class.is_none_or(|class| record.label.holds(class))
                && is_wanted(&asked.scope.sources, Some(&record.source_system))
                && is_wanted(&asked.scope.encounters, traits.encounter.as_deref())
                && (asked.authors.is_empty() || asked.authors.iter().any(|name| folded.contains(name.as_str())))
                && asked.hits.as_ref().is_none_or(|hits| hits.contains(&(record.kind, record.id.clone())))
                && self.is_in_time(service, end, flags);
        }
        if !is_asked {
            return Fate::Beyond;
        }
        let closed = Label::from_bits(record.label.bits() & asked.withheld.bits());
        if closed.is_restricted() {
            let classes: Vec<&str> = closed.classes().map(Class::name).collect();
            let detail = format!("{} (basis {}, rules {})", classes.join(", "), self.basis.code, self.rules);
            return Fate::Excluded { why: "class", detail };
        }
        match self.sets.kept_out(asked.set, traits) {
            Some(out) => Fate::Excluded { why: "record-set", detail: out.code.clone() },
            None => Fate::Chosen,
        }
    }

    fn is_in_time(&self, service: Option<&When>, end: Option<&When>, flags: &mut Flags) -> bool {
        let scope = self.asked.scope;
        if scope.from.is_none() && scope.to.is_none() {
            return true;
        }
        match days::fit(service, end, scope.from, scope.to) {
            Fit::Inside => {}
            Fit::Perhaps => flags.raise("out-of-range", "its date does not tell whether it lies within the days asked for"),
            Fit::Unknown => flags.raise("no-date", "it has no date, and only some days are asked for"),
            Fit::Outside => return false,
        }
        true
    }

    fn set_aside(&mut self, section: usize, fate: &Fate, held: &Held<'_>, service: Option<&When>) {
        match fate {
            Fate::Chosen => {}
            Fate::Beyond => {
                if let Some(count) = self.beyond.get_mut(section) {
                    *count += 1;
                }
            }
            Fate::Excluded { why, detail } => {
                let record = &held.record;
                let exclusion = Exclusion {
                    section: self.code(section),
                    kind: record.kind.name().to_owned(),
                    id: record.id.as_str().to_owned(),
                    date: service.map(|when| when.date_text().to_owned()),
                    why: (*why).to_owned(),
                    detail: detail.clone(),
                    count: 1,
                };
                self.excluded.push((section, exclusion));
            }
        }
    }

    fn code(&self, section: usize) -> String {
        self.sets.section.get(section).map_or_else(String::new, |it| it.code.clone())
    }

    fn item(
        &self,
        held: &Held<'_>,
        json: &Value,
        traits: &Traits,
        section: usize,
        service: Option<&When>,
        author: Option<String>,
    ) -> Item {
        let record = &held.record;
        Item {
            section: self.code(section),
            kind: record.kind.name().to_owned(),
            id: record.id.as_str().to_owned(),
            accession: record.place.accession.as_str().to_owned(),
            generation: record.place.generation,
            ordinal: record.place.ordinal,
            version: record.version,
            versions: held.versions,
            patient: record.patient.as_ref().map_or_else(String::new, |key| key.as_str().to_owned()),
            title: traits::title(record.kind, json),
            date: service.map(|when| when.date_text().to_owned()),
            author,
            status: traits::status(json),
            encounter: traits.encounter.clone(),
            source: Origin { system: record.source_system.to_string(), ..Origin::default() },
            classes: record.label.classes().map(|class| class.name().to_owned()).collect(),
            length: record.json.len() as u64,
            ..Item::default()
        }
    }

    /// The name of whoever wrote a record, looked up in the directory where the record only refers to it.
    fn author(&mut self, json: &Value) -> Option<String> {
        let author = traits::author(json)?;
        let (kind, id) = match &author {
            Author::Named(words) => return Some(words.clone()),
            Author::At(kind, id) => (*kind, id.clone()),
        };
        if let Some(known) = self.authors.get(&author) {
            return known.clone();
        }
        // What cannot be read stays without its name.
        let record = self.archive.record(self.permit, kind, &id).ok().filter(|record| record.patient.is_none());
        let value: Option<Value> = record.and_then(|record| serde_json::from_str(&record.json).ok());
        let name = value.and_then(|value| {
            let node = Node::new(&value);
            let of_role = || ["practitioner", "organization"].iter().find_map(|member| node.at(member).at("display").text());
            traits::person_name(node).or_else(of_role)
        });
        self.authors.insert(author, name.clone());
        name
    }

    /// Flags that the record itself raises.
    fn look(
        &self,
        held: &Held<'_>,
        json: &Value,
        traits: &Traits,
        service: Option<&When>,
        end: Option<&When>,
        flags: &mut Flags,
    ) {
        let checks = &self.sets.checks;
        flags.of_record(held, json, self.asked.scope.all_versions);
        flags.of_classes(held.record.label, checks, service, &self.births);
        flags.of_traits(traits, self.sets.is_unsigned(traits));
        if let Some((filed, service)) = traits::filed(held.record.kind, json).zip(end.or(service)) {
            flags.of_filing(service, &filed, checks.late_days);
        }
        flags.of_parting(&self.parted, held, service);
    }

    fn take(&self, read: Read, item: &mut Item, flags: &mut Flags) {
        if let Some(why) = read.unreadable {
            flags.raise("unreadable", &why);
        }
        if let Some(words) = read.claim.as_ref().and_then(|claim| self.known.contradicted_by(claim)) {
            flags.raise("wrong-patient", words);
        }
        item.attachments.extend(read.attachment);
    }

    /// Settles what follows from all records together, and puts them in order.
    fn finish(mut self, inventory: &Inventory<'_>, selection: &mut Selection) -> Result<(), SelectionFault> {
        self.settle_binaries();
        self.late_by_encounter();
        let place = |it: &Chosen| (it.section, it.item.date.is_none(), it.item.date.clone(), it.item.title.clone());
        self.chosen.sort_by_cached_key(|it| (place(it), it.item.id.clone(), it.item.version, it.item.ordinal));
        for (n, chosen) in self.chosen.iter_mut().enumerate() {
            chosen.item.n = n;
        }
        flags::trace(inventory, &self.known, &mut self.chosen)?;
        flags::repeated(&mut self.chosen);
        self.excluded.sort_by(|(a, one), (b, other)| (a, &one.date, &one.id).cmp(&(b, &other.date, &other.id)));
        selection.items = self.chosen.into_iter().map(Chosen::into_item).collect();
        selection.excluded = self.excluded.into_iter().map(|(_, exclusion)| exclusion).collect();
        selection.excluded.extend(coverage::hidden(inventory));
        let beyond = self.sets.section.iter().zip(self.beyond).filter(|(_, count)| *count > 0);
        selection.beyond = beyond.map(|(section, count)| Count { section: section.code.clone(), count }).collect();
        Ok(())
    }

    /// A Binary goes where the record goes that names it; and a record does not go without its Binary.
    fn settle_binaries(&mut self) {
        let withheld: BTreeMap<String, Fate> = self
            .binaries
            .iter()
            .filter_map(|(id, all)| {
                let fate =
                    all.iter().map(|(_, fate, _)| fate).find(|fate| matches!(fate, Fate::Excluded { why: "class", .. }))?;
                Some((id.clone(), fate.clone()))
            })
            .collect();
        let (out, kept): (Vec<Chosen>, Vec<Chosen>) =
            std::mem::take(&mut self.chosen).into_iter().partition(|it| it.carries.iter().any(|id| withheld.contains_key(id)));
        self.chosen = kept;
        for chosen in out {
            let fate = chosen.carries.iter().find_map(|id| withheld.get(id)).cloned().unwrap_or(Fate::Beyond);
            for id in &chosen.carries {
                self.carriers.insert(id.clone(), (chosen.section, fate.clone()));
            }
            self.put_aside(chosen.section, fate, chosen);
        }
        for (id, versions) in std::mem::take(&mut self.binaries) {
            for (section, own, chosen) in versions {
                match self.carriers.get(&id).cloned() {
                    _ if matches!(own, Fate::Excluded { .. }) => self.put_aside(section, own, chosen),
                    None if matches!(own, Fate::Chosen) => self.chosen.push(chosen),
                    None => self.put_aside(section, own, chosen),
                    Some((section, Fate::Chosen)) => {
                        let fate = Fate::Excluded { why: "carried", detail: "goes out with the record that names it".into() };
                        self.put_aside(section, fate, chosen);
                    }
                    Some((section, fate)) => self.put_aside(section, fate, chosen),
                }
            }
        }
    }

    fn put_aside(&mut self, section: usize, fate: Fate, chosen: Chosen) {
        match fate {
            Fate::Excluded { why, detail } => {
                let Item { kind, id, date, .. } = chosen.item;
                let (section_code, why) = (self.code(section), why.to_owned());
                self.excluded.push((section, Exclusion { section: section_code, kind, id, date, why, detail, count: 1 }));
            }
            Fate::Chosen | Fate::Beyond => {
                if let Some(count) = self.beyond.get_mut(section) {
                    *count += 1;
                }
            }
        }
    }

    /// A document that says no end of its service is late when its encounter ended long before.
    fn late_by_encounter(&mut self) {
        let late_days = self.sets.checks.late_days;
        for chosen in &mut self.chosen {
            let ended = chosen.item.encounter.as_ref().and_then(|id| self.ends.get(id));
            if let Some((ended, filed)) = ended.zip(chosen.filed.as_ref()) {
                chosen.flags.of_filing(ended, filed, late_days);
            }
        }
    }
}

impl Chosen {
    fn into_item(self) -> Item {
        let (flags, reasons) = self.flags.into_lists();
        Item { flags, reasons, ..self.item }
    }
}
