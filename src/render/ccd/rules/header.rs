//! What the US Realm Header, the CCD and the Unstructured Document demand of the header.
//!
//! What the schema makes the writer write at any rate (a telecom, an address, race and ethnicity, if need be as null flavors)
//! needs no rule.
//!
//! Not for: sections and entries.

use super::{Held, demand, forms};
use crate::render::ccd::cda::{Bound, Id};
use crate::render::ccd::document::{Body, Document};

pub fn check(document: &Document) -> Held {
    forms::templates(&document.templates)?;
    let claims = |root: &str| document.templates.iter().any(|t| t.root == root);
    demand(claims("2.16.840.1.113883.10.20.22.1.1"), "1198-5252", "a document claims the US Realm Header")?;
    forms::ids(&[document.id.clone(), document.set_id.clone()])?;
    demand(matches!(document.id, Id::Given { .. }), "1198-9991", "a document's id is one")?;
    forms::code(&document.code)?;
    let is_loinc = document.code.system.as_deref() == Some(crate::render::ccd::codes::LOINC);
    demand(document.code.code.is_some() && is_loinc, "1198-32948", "a document's code is one of LOINC")?;
    demand(!document.title.trim().is_empty(), "1198-5254", "a document has a title")?;
    forms::ts(&document.time)?;
    // To the second, with its zone.
    demand(document.time.0.len() == 19, "1198-5256", "a document's time is told to the second, with its zone")?;
    demand(["N", "R", "V"].contains(&document.confidentiality), "1198-5259", "a document's confidentiality is N, R or V")?;
    patient(document)?;
    authors(document)?;
    demand(!document.custodian.ids.is_empty(), "1198-5522", "the custodian has an id")?;
    demand(document.custodian.name.is_some(), "1198-5524", "the custodian has a name")?;
    forms::organization(&document.custodian)?;
    document.informants.iter().try_for_each(forms::organization)?;
    for bound in [&document.service.low, &document.service.high] {
        if let Bound::Given(ts) = bound {
            forms::ts(ts)?;
        }
    }
    document.service.performers.iter().try_for_each(forms::assigned)?;
    if let Some(visit) = &document.encounter {
        demand(!visit.ids.is_empty(), "1198-9959", "the encounter has an id")?;
        forms::ids(&visit.ids)?;
        visit.code.iter().chain(&visit.disposition).try_for_each(forms::code)?;
    }
    match &document.body {
        Body::Sections(sections) => demand(!sections.is_empty(), "1198-30660", "a CCD has a structured body"),
        Body::File { bytes, .. } => demand(!bytes.is_empty(), "1198-31087", "an Unstructured Document has a file"),
    }
}

fn patient(document: &Document) -> Held {
    let patient = &document.patient;
    demand(!patient.ids.is_empty(), "1198-5268", "the patient has an id")?;
    forms::ids(&patient.ids)?;
    patient.birth.iter().chain(&patient.deceased_time).try_for_each(forms::ts)?;
    forms::code(&patient.gender)?;
    let codes = patient.marital.iter().chain(&patient.religion).chain(&patient.races).chain(&patient.ethnicities);
    codes.into_iter().try_for_each(forms::code)?;
    let is_known = patient.races.first().is_none_or(|race| race.code.is_some());
    demand(is_known || patient.races.len() == 1, "1198-31347", "further races stand beside one that is known")
}

fn authors(document: &Document) -> Held {
    demand(!document.authors.is_empty(), "1198-5444", "a document has an author")?;
    for author in &document.authors {
        let by = &author.assigned;
        demand(by.person.is_some() != by.device.is_some(), "1198-16790", "an author is a person or a device")?;
        demand(by.person.is_some() || by.organization.is_some(), "1198-8456", "a device has an organization")?;
        forms::author(author)?;
    }
    Ok(())
}
