//! What a request asks for, in a form that records are compared with.
//!
//! Not for: deciding where a record goes (`choose`).

use std::collections::HashSet;

use super::choose::SelectionFault;
use super::sets::{RecordSet, RecordSets};
use crate::access::Permit;
use crate::limits::RELEASE_HITS_PAGE;
use crate::model::{ArchiveId, Class, Kind, Label};
use crate::names::fold;
use crate::query::{Archive, TextQuestion, parse_question};
use crate::release::basis::Basis;
use crate::release::request::{Request, Scope};

/// What is asked for, ready to be compared with records.
pub(super) struct Asked<'a> {
    pub scope: &'a Scope,
    pub set: &'a RecordSet,
    /// By section.
    pub sections: Vec<bool>,
    pub only_class: Option<Class>,
    pub withheld: Label,
    pub authors: Vec<String>,
    /// Records whose text holds the words; `None`: no words are asked for.
    pub hits: Option<HashSet<(Kind, ArchiveId)>>,
    /// Files without words, which a search says nothing about.
    pub not_searchable: u64,
}

impl<'a> Asked<'a> {
    pub fn of(
        archive: &Archive,
        permit: &Permit,
        request: &'a Request,
        basis: &Basis,
        sets: &'a RecordSets,
    ) -> Result<Asked<'a>, SelectionFault> {
        let scope = &request.scope;
        let name = if scope.record_set.is_empty() { &basis.record_set } else { &scope.record_set };
        let set = sets.set(name).ok_or_else(|| SelectionFault::UnknownSet(name.clone()))?;
        if let Some(unknown) = scope.types.iter().find(|it| !sets.is_type(it)) {
            return Err(SelectionFault::UnknownType(unknown.clone()));
        }
        let named: Option<Vec<Class>> = request.named_classes.iter().map(|it| Class::from_name(&it.class)).collect();
        let unknown = || request.named_classes.iter().find(|it| Class::from_name(&it.class).is_none()).map_or("", |it| &it.class);
        let named = named.ok_or_else(|| SelectionFault::UnknownClass(unknown().to_owned()))?;
        let sections = sets.section.iter().map(|section| {
            let is_named = scope.types.iter().any(|name| section.is_called(name));
            let usual = set.sections.contains(&section.code);
            section.always
                || if scope.types.is_empty() { usual } else { is_named && (usual || set.if_named.contains(&section.code)) }
        });
        let (hits, not_searchable) = match scope.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            None => (None, 0),
            Some(text) => {
                let (hits, silent) = hits(archive, permit, text)?;
                (Some(hits), silent)
            }
        };
        Ok(Asked {
            scope,
            set,
            sections: sections.collect(),
            only_class: set.only_class.as_deref().and_then(Class::from_name),
            withheld: basis.withheld(named.into_iter().collect()),
            authors: scope.authors.iter().map(|name| fold(name.trim())).filter(|name| !name.is_empty()).collect(),
            hits,
            not_searchable,
        })
    }
}

/// The records of the person whose text holds these words, and how many have no text.
fn hits(archive: &Archive, permit: &Permit, text: &str) -> Result<(HashSet<(Kind, ArchiveId)>, u64), SelectionFault> {
    let (words, phrases) = parse_question(text);
    let patient = permit.scope().patients().first().cloned();
    let mut question = TextQuestion { words, phrases, patient, limit: RELEASE_HITS_PAGE, ..TextQuestion::default() };
    let mut found = HashSet::new();
    loop {
        let page = archive.search_text(permit, &question)?;
        let got = page.hits.len();
        found.extend(page.hits.into_iter().map(|hit| (hit.kind, hit.id)));
        question.offset += got;
        if question.offset as u64 >= page.total {
            return Ok((found, page.not_searchable));
        }
        // The index pages so far and no further; less than all would look like all.
        if got == 0 || found.len() < question.offset {
            return Err(SelectionFault::TooManyHits);
        }
    }
}
