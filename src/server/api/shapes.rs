//! The shapes of the JSON API: one type per body, made by hand from the model so that the wire form is a decision.
//!
//! Not for: FHIR resources, which go out as stored.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{ChartIndex, LinkedPatient, PatientIdentity, ValuePoint};
use crate::query::{PatientHit, PatientHits, TextHit, TextHits};

#[derive(Serialize, ToSchema)]
pub struct Me {
    pub subject: String,
    pub name: String,
    /// clinician, him, compliance, archivist or admin.
    pub role: &'static str,
    /// Purpose of use, a code of v3-ActReason.
    pub purpose: &'static str,
}

/// Who a patient is, as one source system recorded it.
#[derive(Serialize, ToSchema)]
pub struct Identity {
    pub family: Option<String>,
    pub given: Vec<String>,
    pub other_names: Vec<String>,
    /// As precise as the source gave it.
    pub birth_date: Option<String>,
    pub deceased: Option<String>,
    pub sex: Option<String>,
    pub identifiers: Vec<Identifier>,
    pub phones: Vec<String>,
    pub addresses: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Identifier {
    pub label: String,
    pub value: String,
}

impl From<PatientIdentity> for Identity {
    fn from(identity: PatientIdentity) -> Identity {
        Identity {
            family: identity.family,
            given: identity.given,
            other_names: identity.other_names,
            birth_date: identity.birth_date.map(|when| when.text().to_string()),
            deceased: identity.deceased,
            sex: identity.sex,
            identifiers: identity.identifiers.into_iter().map(|(label, value)| Identifier { label, value }).collect(),
            phones: identity.phones,
            addresses: identity.addresses,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Patients {
    pub total: u64,
    /// True when counting stopped at a bound and there are more.
    pub total_capped: bool,
    /// How the question was understood.
    pub understood: Vec<Understood>,
    pub patients: Vec<FoundPatient>,
}

#[derive(Serialize, ToSchema)]
pub struct Understood {
    pub part: String,
    pub value: String,
}

#[derive(Serialize, ToSchema)]
pub struct FoundPatient {
    pub key: String,
    pub source_system: String,
    pub identity: Identity,
    pub records: u64,
    pub last_seen: Option<String>,
    /// Why it matched, in words.
    pub why: Vec<String>,
    /// The person's other keys.
    pub linked: Vec<Linked>,
}

/// Another key of the same person.
#[derive(Serialize, ToSchema)]
pub struct Linked {
    pub key: String,
    pub source_system: String,
    pub identity: Identity,
    /// What the link rests on, a line for each statement.
    pub reasons: Vec<String>,
}

impl From<LinkedPatient> for Linked {
    fn from(linked: LinkedPatient) -> Linked {
        Linked {
            key: linked.key.to_string(),
            source_system: linked.source_system.to_string(),
            identity: linked.identity.into(),
            reasons: linked.reasons,
        }
    }
}

impl From<PatientHits> for Patients {
    fn from(hits: PatientHits) -> Patients {
        Patients {
            total: hits.total,
            total_capped: hits.total_capped,
            understood: hits.understood.into_iter().map(|(part, value)| Understood { part, value }).collect(),
            patients: hits.hits.into_iter().map(FoundPatient::from).collect(),
        }
    }
}

impl From<PatientHit> for FoundPatient {
    fn from(hit: PatientHit) -> FoundPatient {
        FoundPatient {
            key: hit.patient.key.to_string(),
            source_system: hit.patient.source_system.to_string(),
            identity: hit.patient.identity.into(),
            records: hit.patient.records,
            last_seen: hit.patient.last_seen.map(|when| when.text().to_string()),
            why: hit.why,
            linked: hit.linked.into_iter().map(Linked::from).collect(),
        }
    }
}

/// The cover of a chart.
#[derive(Serialize, ToSchema)]
pub struct Cover {
    pub patient: String,
    pub identity: Identity,
    pub counts: Vec<Count>,
    pub sources: Vec<Source>,
    /// The last day that the archive's data reach.
    pub cutover: Option<String>,
    /// The person's other keys; their records are part of this chart.
    pub linked: Vec<Linked>,
}

#[derive(Serialize, ToSchema)]
pub struct Count {
    /// A value: a resource type, a document type, a source, a year.
    pub value: String,
    pub count: u64,
}

#[derive(Serialize, ToSchema)]
pub struct Source {
    pub source_system: String,
    pub first: Option<String>,
    pub last: Option<String>,
    pub records: u64,
}

impl From<ChartIndex> for Cover {
    fn from(index: ChartIndex) -> Cover {
        let text = |when: Option<crate::model::When>| when.map(|when| when.text().to_string());
        Cover {
            patient: index.patient.to_string(),
            identity: index.identity.into(),
            counts: index.counts.iter().map(|n| Count { value: n.kind.name().to_string(), count: n.count }).collect(),
            sources: index
                .coverage
                .into_iter()
                .map(|source| Source {
                    source_system: source.source_system.to_string(),
                    first: text(source.first),
                    last: text(source.last),
                    records: source.records,
                })
                .collect(),
            cutover: text(index.cutover),
            linked: index.linked.into_iter().map(Linked::from).collect(),
        }
    }
}

/// Values of one code, oldest first.
#[derive(Serialize, ToSchema)]
pub struct Series {
    pub code: String,
    pub points: Vec<Point>,
}

#[derive(Serialize, ToSchema)]
pub struct Point {
    /// Id of the Observation.
    pub record: String,
    pub when: Option<String>,
    /// The number as written, with its trailing zeros; or the text value.
    pub value: String,
    pub unit: Option<String>,
    pub flag: Option<String>,
    pub low: Option<String>,
    pub high: Option<String>,
    pub source_system: String,
}

impl From<ValuePoint> for Point {
    fn from(point: ValuePoint) -> Point {
        Point {
            record: point.record.to_string(),
            when: point.when.map(|when| when.text().to_string()),
            value: point.value,
            unit: point.unit,
            flag: point.flag,
            low: point.low,
            high: point.high,
            source_system: point.source_system.to_string(),
        }
    }
}

/// One page of a text search.
#[derive(Serialize, ToSchema)]
pub struct Hits {
    pub total: u64,
    pub hits: Vec<Hit>,
    pub kinds: Vec<Count>,
    pub types: Vec<Count>,
    pub sources: Vec<Count>,
    pub years: Vec<Count>,
    /// Documents under the same filter that have no text and so were not searched.
    pub not_searchable: u64,
}

#[derive(Serialize, ToSchema)]
pub struct Hit {
    pub kind: String,
    pub id: String,
    pub patient: Option<String>,
    pub source_system: String,
    pub type_code: Option<String>,
    pub title: String,
    pub author: Option<String>,
    pub date: Option<String>,
    pub snippet: String,
    /// Hits inside the snippet: start and end in bytes of its UTF-8.
    pub marks: Vec<[usize; 2]>,
    /// The title of the section that the snippet begins in, where the document has sections.
    pub section: Option<String>,
}

impl From<TextHits> for Hits {
    fn from(hits: TextHits) -> Hits {
        let counts = |facet: crate::query::Facet| {
            facet.values.into_iter().map(|(value, count)| Count { value, count }).collect::<Vec<_>>()
        };
        Hits {
            total: hits.total,
            hits: hits.hits.into_iter().map(Hit::from).collect(),
            kinds: counts(hits.kinds),
            types: counts(hits.types),
            sources: counts(hits.sources),
            years: counts(hits.years),
            not_searchable: hits.not_searchable,
        }
    }
}

impl From<TextHit> for Hit {
    fn from(hit: TextHit) -> Hit {
        Hit {
            kind: hit.kind.name().to_string(),
            id: hit.id.to_string(),
            patient: hit.patient.map(|patient| patient.to_string()),
            source_system: hit.source_system,
            type_code: hit.type_code,
            title: hit.title,
            author: hit.author,
            date: hit.date,
            snippet: hit.snippet,
            marks: hit.marks.into_iter().map(|mark| [mark.start, mark.end]).collect(),
            section: hit.section,
        }
    }
}

/// The accessions in force.
#[derive(Serialize, ToSchema)]
pub struct Accessions {
    pub accessions: Vec<Accession>,
}

#[derive(Serialize, ToSchema)]
pub struct Accession {
    pub accession: String,
    pub generation: u32,
    pub source_system: String,
    pub records: u64,
    pub patients: u64,
    pub bytes: u64,
    pub quarantined: u64,
    /// RFC 3339, UTC.
    pub sealed_at: String,
}

/// Who looked at a chart, newest first.
#[derive(Serialize, ToSchema)]
pub struct AccessEntries {
    pub patient: String,
    pub entries: Vec<AccessEntry>,
}

/// One entry of the access log.
#[derive(Serialize, ToSchema)]
pub struct AccessEntry {
    pub stream: String,
    pub seq: u64,
    /// RFC 3339, UTC.
    pub time: String,
    /// The entry as it stands in the log.
    #[schema(value_type = Object)]
    pub entry: serde_json::Map<String, serde_json::Value>,
}
