//! Which person a subject is, and which of the person's records go out.
//!
//! Not for: what is chosen first and why (`selection`), or taking words out of pages (`redaction`).

use super::*;
use crate::limits::RELEASE_CANDIDATES_MAX;
use crate::model::{Class, Kind, Label};
use crate::query::PatientHit;
use crate::release::redaction::{Redactions, Region, Term};
use crate::release::request::Subject;
use crate::release::selection::{self, Item, Selection};
use crate::release::workflow::{Assembled, Assembly, Decision, Flag};

/// A person of the archive whom a subject of a request may be.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub hit: PatientHit,
    /// All keys of the person: what `Move::Identify` takes.
    pub keys: Vec<String>,
    /// Whether birth date and every number of the request agree with this person.
    pub agrees: bool,
}

/// What would go out of a subject's records, not frozen.
#[derive(Clone, Debug)]
pub struct Picked {
    pub selection: Selection,
    /// About how many pages that makes.
    pub pages: u64,
    /// Whether nothing had to be guessed.
    pub is_exact: bool,
}

impl Desk {
    /// Persons of the archive whom a subject may be, found by what the request says of it. Nobody is chosen here.
    pub async fn candidates(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<Vec<Candidate>>, DeskError> {
        self.check(who)?;
        let case = self.entered(number, who).await?.case;
        let wanted = case.request.subjects.get(subject).ok_or(DeskError::NotThere)?;
        let permit = self.gate.ask(who.principal, crate::access::Scope::FindPatients, who.context.clone())?;
        let mut found: Vec<Candidate> = Vec::new();
        let questions = wanted.numbers.iter().map(String::as_str).chain([wanted.name.as_str()]);
        for question in questions.map(str::trim).filter(|question| !question.is_empty()) {
            for hit in self.archive.find_patients(&permit, question, 0, RELEASE_CANDIDATES_MAX)?.hits {
                let keys = self.person(&hit.patient.key);
                if found.len() < RELEASE_CANDIDATES_MAX && !found.iter().any(|it| it.keys.contains(&hit.patient.key.to_string()))
                {
                    let agrees = agrees(wanted, &hit);
                    found.push(Candidate { hit, keys, agrees });
                }
            }
        }
        let mut shown = viewed(&case, format!("who patient {} may be", subject + 1));
        (shown.event, shown.hits) = ("patient.search", Some(found.len() as u64));
        for hit in found.iter().map(|it| &it.hit) {
            let own = (&hit.patient.key, &hit.patient.place, hit.patient.label);
            let linked = hit.linked.iter().map(|it| (&it.key, &it.place, it.label));
            for (key, place, label) in std::iter::once(own).chain(linked) {
                shown.patients.push(key.clone());
                shown.places.push(place.clone());
                shown.label = shown.label.union(label);
            }
        }
        shown.kinds = if found.is_empty() { Vec::new() } else { vec![Kind::PATIENT] };
        Ok(permit.answer(found, shown)?)
    }

    /// What would go out of a subject's records by the request's scope, or by another that is being tried.
    pub async fn pick(
        &self,
        number: &str,
        subject: usize,
        scope: Option<crate::release::request::Scope>,
        who: &Worker<'_>,
    ) -> Result<Audited<Picked>, DeskError> {
        let case = self.entered(number, who).await?.case;
        let permit = self.permit_for(&case, subject, who)?;
        let mut request = case.request.clone();
        request.scope = scope.unwrap_or(request.scope);
        let selection = self.choose(&permit, &request, subject, number)?;
        let shown = shown_of(&case, &selection, "what would go out");
        let estimate = selection::estimate(&selection);
        Ok(permit.answer(Picked { selection, pages: estimate.pages, is_exact: estimate.is_exact }, shown)?)
    }

    /// Freezes what goes out of every subject's records.
    pub async fn assemble(&self, seen: &Seen, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let entered = self.as_seen(seen, who).await?;
        let case = &entered.case;
        // Refused before any record is read.
        self.try_out(case, Move::Assemble(Assembly::default()), who)?;
        // What the selections were made by stays beside them: the site's files may be others tomorrow.
        for text in [&self.rules.text, &self.sets.text] {
            self.shelf.put(text.as_bytes())?;
        }
        let mut assembly = Assembly::default();
        for subject in 0..case.request.subjects.len() {
            let permit = self.permit_for(case, subject, who)?;
            let selection = self.choose(&permit, &case.request, subject, &case.number)?;
            let assembled = Assembled {
                selection_sha256: self.shelf.put(&selection.to_bytes())?,
                items: selection.items.len() as u64,
                flagged: flagged(&selection),
            };
            permit.answer((), shown_of(case, &selection, "frozen"))?;
            assembly.subjects.push(assembled);
        }
        self.make(&entered, Move::Assemble(assembly), who).await
    }

    /// The frozen selection of a subject.
    pub async fn selection(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<Selection>, DeskError> {
        let case = self.entered(number, who).await?.case;
        let permit = self.permit_for(&case, subject, who)?;
        let selection = self.frozen(&case, subject)?;
        let shown = shown_of(&case, &selection, "what goes out");
        Ok(permit.answer(selection, shown)?)
    }

    /// Says what is done with an item.
    pub async fn decide(
        &self,
        seen: &Seen,
        subject: usize,
        item: usize,
        decision: Decision,
        who: &Worker<'_>,
    ) -> Result<Seen, DeskError> {
        self.step(seen, Move::Decide { subject, item, decision }, who).await
    }

    /// What is redacted of a subject's items; empty when nothing is.
    pub async fn redactions(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<Redactions>, DeskError> {
        let permit = self.permit(who)?;
        let case = self.entered(number, who).await?.case;
        let redactions = self.redacted(&case, subject)?;
        Ok(permit.answer(redactions, viewed(&case, format!("redactions for patient {}", subject + 1)))?)
    }

    /// Says what is redacted of a subject's items, all of it. Who and when of what is new are filled in here.
    pub async fn redact(
        &self,
        seen: &Seen,
        subject: usize,
        mut redactions: Redactions,
        who: &Worker<'_>,
    ) -> Result<Seen, DeskError> {
        self.check(who)?;
        let entered = self.as_seen(seen, who).await?;
        let case = &entered.case;
        self.try_out(case, Move::Redact { subject, redactions_sha256: String::new() }, who)?;
        let assembled = case.assembly.as_ref().and_then(|it| it.subjects.get(subject)).ok_or(DeskError::NotThere)?;
        let before = self.redacted(case, subject)?;
        redactions.v = 1;
        redactions.selection_sha256.clone_from(&assembled.selection_sha256);
        let (by, at) = (&who.actor.id, now());
        for term in &mut redactions.terms {
            let is_same = |it: &&Term| (&it.text, &it.item, &it.reason) == (&term.text, &term.item, &term.reason);
            let known = before.terms.iter().find(is_same);
            (term.by, term.at) = known.map_or((by.clone(), at), |it| (it.by.clone(), it.at));
        }
        for region in &mut redactions.regions {
            let place = |it: &Region| Region { by: String::new(), at: 0, ..it.clone() };
            let known = before.regions.iter().find(|it| place(it) == place(region));
            (region.by, region.at) = known.map_or((by.clone(), at), |it| (it.by.clone(), it.at));
        }
        self.check_redactions(case, subject, &redactions)?;
        let redactions_sha256 = if redactions.is_empty() { String::new() } else { self.shelf.put(&redactions.to_bytes())? };
        self.make(&entered, Move::Redact { subject, redactions_sha256 }, who).await
    }

    pub(super) fn frozen(&self, case: &Case, subject: usize) -> Result<Selection, DeskError> {
        let assembled = case.assembly.as_ref().and_then(|it| it.subjects.get(subject)).ok_or(DeskError::NotThere)?;
        self.kept(&assembled.selection_sha256)
    }

    pub(super) fn redacted(&self, case: &Case, subject: usize) -> Result<Redactions, DeskError> {
        match case.redactions.get(&subject).filter(|digest| !digest.is_empty()) {
            Some(digest) => self.kept(digest),
            None => Ok(Redactions::default()),
        }
    }

    /// A file of the shelf, of the form `T`.
    pub(super) fn kept<T: serde::de::DeserializeOwned>(&self, digest: &str) -> Result<T, DeskError> {
        serde_json::from_slice(&self.shelf.get(digest)?).map_err(|_| DeskError::Ledger(LedgerError::Unreadable))
    }

    /// Whether the guard would let a move pass now.
    pub(super) fn try_out(&self, case: &Case, made: Move, who: &Worker<'_>) -> Result<(), DeskError> {
        case.clone().make(made, &who.actor, now(), &self.rules).map(drop).map_err(DeskError::Refused)
    }

    pub(super) async fn make(&self, entered: &Entered, made: Move, who: &Worker<'_>) -> Result<Seen, DeskError> {
        let made = self.ledger().make(entered, made, who, now()).await?;
        Ok(Seen { number: made.case.number, steps: made.steps })
    }
}

/// Whether nothing that the request says of a subject speaks against this person, and something speaks for it.
fn agrees(wanted: &Subject, hit: &PatientHit) -> bool {
    let identities = || std::iter::once(&hit.patient.identity).chain(hit.linked.iter().map(|it| &it.identity));
    let born = |day: &String| identities().any(|it| it.birth_date.as_ref().is_some_and(|birth| birth.date_text() == day));
    let has = |number: &String| identities().any(|it| it.identifiers.iter().any(|(_, known)| known == number));
    wanted.birth_date.as_ref().is_some_and(born) && wanted.numbers.iter().all(has)
}

/// The items of a selection that somebody has to decide about.
fn flagged(selection: &Selection) -> Vec<Flag> {
    let of = |item: &Item| Flag { item: item.n, why: item.flags.join(" ") };
    selection.items.iter().filter(|item| !item.flags.is_empty()).map(of).collect()
}

/// What the log says of a look at a selection: every record in it.
pub(super) fn shown_of(case: &Case, selection: &Selection, what: &str) -> Shown {
    let mut shown = viewed(case, format!("patient {}: {what}", selection.subject + 1));
    shown.patients = selection.keys.iter().filter_map(|key| PatientKey::parse(key)).collect();
    shown.hits = Some(selection.items.len() as u64);
    for item in &selection.items {
        shown.places.extend(item.place());
        let classes = item.classes.iter().filter_map(|name| Class::from_name(name)).map(Label::of);
        shown.label = classes.fold(shown.label, Label::union);
        if let Some(kind) = item.kind().filter(|kind| !shown.kinds.contains(kind)) {
            shown.kinds.push(kind);
        }
    }
    shown
}
