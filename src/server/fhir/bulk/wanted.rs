//! What an export is asked for: types, searches, time and patients, read and checked at once so that no job is begun that cannot
//! be carried out. What is not offered is refused, since leaving out a filter would hand out more than was asked for.
//!
//! Not for: carrying it out (`server::jobs`).

use crate::access::Act;
use crate::limits::BULK_PATIENTS_MAX;
use crate::model::{Kind, PatientKey, Record};
use crate::query::Archive;
use crate::server::answer::ApiError;
use crate::server::call::Call;
use crate::server::fhir::search::{Comparator, Question, Span, parse};
use crate::server::fhir::sight::Sight;
use crate::server::jobs::{Asked, Bulk, Level};
use crate::server::router::pairs;

/// Search parameters that shape an answer and select nothing: they mean nothing in an export.
const SHAPING: [&str; 9] =
    ["_sort", "_include", "_revinclude", "_elements", "_count", "_summary", "_total", "_format", "_pretty"];
/// Most searches of one export.
const FILTERS_MAX: usize = 50;
const FORMATS: [&str; 3] = ["application/fhir+ndjson", "application/ndjson", "ndjson"];

/// What is wanted.
pub struct Wanted {
    pub kinds: Vec<Kind>,
    /// Of each type that has any, records must meet one.
    filters: Vec<Question>,
    texts: Vec<(String, Vec<(String, String)>)>,
    since: Option<(String, Span)>,
    pub patients: Option<Vec<PatientKey>>,
}

impl Wanted {
    /// Reads the parameters of a request, and refuses what the scopes do not reach.
    pub fn read(call: &Call) -> Result<Wanted, ApiError> {
        let sight = Sight::of(call)?;
        let mut wanted = Wanted { kinds: Vec::new(), filters: Vec::new(), texts: Vec::new(), since: None, patients: None };
        let lenient = call.header("prefer").is_some_and(|prefer| prefer.replace(' ', "").contains("handling=lenient"));
        for (name, value) in &call.query {
            match name.as_str() {
                "_type" => wanted.types(value)?,
                "_typeFilter" => wanted.filter(value, &call.base)?,
                "_since" => wanted.since = Some(instant(value)?),
                "patient" => wanted.patient(value, &call.base)?,
                "_outputFormat" => {
                    // An unescaped `+` of a query string arrives as a space.
                    if !FORMATS.contains(&value.replace("fhir ndjson", "fhir+ndjson").as_str()) {
                        return Err(ApiError::unsupported("'_outputFormat' may be application/fhir+ndjson."));
                    }
                }
                "_format" | "_pretty" => {}
                // These would hand out less, or in another order: leaving them out is what a lenient client asks for.
                "_elements" | "includeAssociatedData" | "organizeOutputBy" | "allowPartialManifests" if lenient => {}
                other => {
                    let name: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
                    return Err(ApiError::unsupported(format!("'{name}' is not a parameter of $export here.")));
                }
            }
        }
        if wanted.patients.is_some() && call.is_get() {
            return Err(ApiError::unsupported("'patient' is sent by POST, where it stands in no address."));
        }
        let named = !wanted.kinds.is_empty();
        for kind in wanted.kinds.iter().filter(|_| named) {
            sight.want(*kind, Act::Search)?;
        }
        if !named {
            wanted.kinds = Kind::all().filter(|kind| sight.may(*kind, Act::Search)).collect();
        }
        if let Some(filter) = wanted.filters.iter().find(|filter| !wanted.kinds.contains(&filter.kind)) {
            return Err(ApiError::bad(format!("'_typeFilter' names {}, which is not among the types.", filter.kind)));
        }
        Ok(wanted)
    }

    /// What a record of a job says was wanted; `None` when this version does not understand it.
    pub fn again(bulk: &Bulk) -> Option<Wanted> {
        let kinds = bulk.kinds.iter().map(|name| Kind::from_name(name)).collect::<Option<_>>()?;
        let mut filters = Vec::new();
        for (kind, pairs) in &bulk.filters {
            filters.push(Question::of_pairs(Kind::from_name(kind)?, pairs, false, &bulk.asked.base).ok()?);
        }
        let since = match &bulk.since {
            Some(text) => Some(instant(text).ok()?),
            None => None,
        };
        Some(Wanted { kinds, filters, texts: Vec::new(), since, patients: None })
    }

    /// The same as a job keeps it.
    pub fn bulk(self, asked: Asked, level: Level) -> Bulk {
        Bulk {
            asked,
            level,
            kinds: self.kinds.iter().map(|kind| kind.name().to_string()).collect(),
            filters: self.texts,
            since: self.since.map(|(text, _)| text),
            patients: self.patients.map(|keys| keys.iter().map(ToString::to_string).collect()),
        }
    }

    /// Whether a record is wanted. One that came to the archive since then is new to the client, however old it is.
    pub fn takes(&self, archive: &Archive, record: &Record) -> bool {
        let mut filters = self.filters.iter().filter(|filter| filter.kind == record.kind).peekable();
        let needs_look = self.since.is_some() || filters.peek().is_some();
        if !needs_look {
            return true;
        }
        let resource = parse(record);
        let is_new = self.since.as_ref().is_none_or(|(_, since)| {
            let updated = resource.pointer("/meta/lastUpdated").and_then(serde_json::Value::as_str).and_then(Span::of);
            let sealed = archive.sealed_at(&record.place.accession).as_deref().and_then(Span::of);
            [updated, sealed].into_iter().flatten().any(|time| Comparator::GreaterOrEqual.holds(time, *since))
        });
        is_new && (filters.peek().is_none() || filters.any(|filter| filter.holds(&resource)))
    }

    fn types(&mut self, value: &str) -> Result<(), ApiError> {
        for name in value.split(',').filter(|name| !name.is_empty()) {
            let unknown = || ApiError::bad("'_type' names a type that FHIR R4 does not have.");
            let kind = Kind::from_name(name.trim()).ok_or_else(unknown)?;
            if !self.kinds.contains(&kind) {
                self.kinds.push(kind);
            }
        }
        Ok(())
    }

    fn filter(&mut self, value: &str, base: &str) -> Result<(), ApiError> {
        let broken = || ApiError::bad("'_typeFilter' is a type and its search, as in 'Observation?category=laboratory'.");
        let (name, search) = value.split_once('?').ok_or_else(broken)?;
        let kind = Kind::from_name(name).ok_or_else(broken)?;
        let pairs = pairs(search)?;
        if pairs.is_empty() || pairs.iter().any(|(name, _)| SHAPING.contains(&name.as_str())) {
            return Err(ApiError::unsupported("'_typeFilter' selects records, and does not sort, include or cut them."));
        }
        if self.filters.len() == FILTERS_MAX {
            return Err(ApiError::too_costly("There are more than 50 searches."));
        }
        self.filters.push(Question::of_pairs(kind, &pairs, false, base)?);
        self.texts.push((kind.name().into(), pairs));
        Ok(())
    }

    fn patient(&mut self, value: &str, base: &str) -> Result<(), ApiError> {
        let patients = self.patients.get_or_insert_default();
        for value in value.split(',') {
            let own = value.strip_prefix(base).and_then(|rest| rest.strip_prefix("/fhir/")).unwrap_or(value);
            let id = own.strip_prefix("Patient/").unwrap_or(own);
            let key = PatientKey::parse(id).ok_or_else(|| ApiError::bad("'patient' is a reference to a Patient."))?;
            if !patients.contains(&key) {
                patients.push(key);
            }
        }
        if patients.len() > BULK_PATIENTS_MAX {
            return Err(ApiError::too_costly("There are more than 1000 patients."));
        }
        Ok(())
    }
}

fn instant(text: &str) -> Result<(String, Span), ApiError> {
    let text = text.replace(' ', "+");
    let span = Span::of(&text).ok_or_else(|| ApiError::bad("'_since' is not an instant."))?;
    Ok((text, span))
}
