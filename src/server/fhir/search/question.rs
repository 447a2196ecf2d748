//! The parameters of one search, read and checked. An unknown one is an error, since leaving out a filter would show
//! more than was asked for; with `Prefer: handling=lenient` it is dropped and the answer says so.
//!
//! Not for: carrying the search out.

use std::cmp::Ordering;

use crate::limits::PAGE_MAX;
use crate::model::{ArchiveId, Kind, PatientKey, Record};
use crate::server::answer::ApiError;
use crate::server::call::Call;
use crate::server::fhir::cursor;

use super::Match;
use super::params::{self, Param, Type};
use super::test::{Condition, split_escaped};
use super::values;

/// Entries of a page when `_count` does not say.
const COUNT_DEFAULT: usize = 50;
/// Most conditions of one search.
const CONDITIONS_MAX: usize = 30;

/// A search as understood.
#[derive(Debug)]
pub struct Question {
    pub kind: Kind,
    /// The one patient whose chart is searched.
    pub patient: Option<PatientKey>,
    /// All keys of that patient's person, once the gate has opened their charts.
    pub person: Vec<PatientKey>,
    /// Without a patient: the records asked for by `_id`.
    pub ids: Option<Vec<ArchiveId>>,
    pub conditions: Vec<Condition>,
    sort: Vec<(&'static Param, bool)>,
    pub count: usize,
    pub offset: usize,
    pub count_only: bool,
    pub with_provenance: bool,
    /// Reference parameters whose targets are included.
    pub includes: Vec<&'static Param>,
    pub elements: Vec<String>,
    pub without_total: bool,
    /// The parameters that were understood, without the cursor: the self link and what a cursor is bound to.
    pub understood: Vec<(String, String)>,
    pub ignored: Vec<String>,
}

impl Question {
    pub fn parse(kind: Kind, call: &Call) -> Result<Question, ApiError> {
        let lenient = call.header("prefer").is_some_and(|prefer| prefer.replace(' ', "").contains("handling=lenient"));
        let mut question = Question::of_pairs(kind, &call.query, lenient, &call.base)?;
        if let Some(sealed) = call.query(cursor::PARAMETER) {
            let offset = cursor::open(&call.app.cursor_key, call.principal()?, &question.text(), sealed);
            let text = "This paging link is not valid for this search, person and server run: search again.";
            question.offset = offset.ok_or_else(|| ApiError::bad(text))? as usize;
        }
        Ok(question)
    }

    /// The same without a request around it.
    pub fn of_pairs(kind: Kind, pairs: &[(String, String)], lenient: bool, base: &str) -> Result<Question, ApiError> {
        let mut question = Question {
            kind,
            patient: None,
            person: Vec::new(),
            ids: None,
            conditions: Vec::new(),
            sort: Vec::new(),
            count: COUNT_DEFAULT,
            offset: 0,
            count_only: false,
            with_provenance: false,
            includes: Vec::new(),
            elements: Vec::new(),
            without_total: false,
            understood: Vec::new(),
            ignored: Vec::new(),
        };
        for (name, value) in pairs.iter().filter(|(name, _)| name != cursor::PARAMETER) {
            let known = question.shape(name, value)? || question.filter(name, value, base)?;
            if known {
                question.understood.push((name.clone(), value.clone()));
            } else if lenient {
                question.ignored.push(name.clone());
            } else {
                let text = format!("'{}' is not a search parameter that this archive knows for {kind}.", brief(name));
                return Err(ApiError::unsupported(text));
            }
        }
        if question.conditions.len() > CONDITIONS_MAX {
            return Err(ApiError::too_costly("There are more than 30 conditions."));
        }
        Ok(question)
    }

    /// Parameters that shape the answer; `false` when this is none of them.
    fn shape(&mut self, name: &str, value: &str) -> Result<bool, ApiError> {
        match name {
            "_count" => match value.parse::<usize>() {
                Ok(0) => self.count_only = true,
                Ok(count) => self.count = count.min(PAGE_MAX),
                Err(_) => return Err(ApiError::bad("'_count' must be a whole number.")),
            },
            "_summary" => match value {
                "count" => self.count_only = true,
                "false" => {}
                _ => return Err(ApiError::unsupported("'_summary' may be count or false.")),
            },
            "_sort" => self.sort = value.split(',').map(|key| self.sort_key(key)).collect::<Result<_, _>>()?,
            "_elements" => self.elements.extend(value.split(',').map(str::to_string)),
            "_total" => match value {
                "none" => self.without_total = true,
                "estimate" | "accurate" => {}
                _ => return Err(ApiError::bad("'_total' may be none, estimate or accurate.")),
            },
            "_include" => self.include(value)?,
            "_revinclude" if value == "Provenance:target" => self.with_provenance = true,
            "_revinclude" => return Err(ApiError::unsupported("'_revinclude' may be Provenance:target.")),
            "_format" | "_pretty" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn sort_key(&self, key: &str) -> Result<(&'static Param, bool), ApiError> {
        let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
        match params::find(self.kind, name) {
            Some(param) if matches!(param.of, Type::Date | Type::Token | Type::String) => Ok((param, descending)),
            _ => Err(ApiError::unsupported(format!("'_sort' cannot order {} by '{}'.", self.kind, brief(name)))),
        }
    }

    fn include(&mut self, value: &str) -> Result<(), ApiError> {
        let mut parts = value.split(':');
        let (kind, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let param = params::find(self.kind, name).filter(|param| param.of == Type::Reference);
        match param {
            Some(param) if kind == self.kind.name() || kind == "*" => self.includes.push(param),
            _ => return Err(ApiError::unsupported(format!("This '_include' is not offered for {}.", self.kind))),
        }
        Ok(())
    }

    /// Parameters that select records; `false` when the kind has none of this name.
    fn filter(&mut self, name: &str, value: &str, base: &str) -> Result<bool, ApiError> {
        let (name, modifier) = name.split_once(':').map_or((name, None), |(name, modifier)| (name, Some(modifier)));
        let Some(param) = params::find(self.kind, name) else { return Ok(false) };
        let names_patient = matches!(name, "patient" | "subject" | "beneficiary") && matches!(modifier, None | Some("Patient"));
        if names_patient && self.patient.is_none() {
            let own = value.strip_prefix(base).and_then(|rest| rest.strip_prefix("/fhir/")).unwrap_or(value);
            let id = own.strip_prefix("Patient/").unwrap_or(own);
            let several = || ApiError::unsupported(format!("'{name}' must name one patient: Patient/<id> or <id>."));
            self.patient = Some(PatientKey::parse(id).ok_or_else(several)?);
        }
        if name == "_id" && modifier.is_none() {
            let ids: Option<Vec<_>> = split_escaped(value, ',').iter().map(|id| ArchiveId::parse(id)).collect();
            self.ids = Some(ids.ok_or_else(|| ApiError::bad("'_id' is not an id of this archive."))?);
        }
        self.conditions.push(Condition::parse(param, modifier, value, base)?);
        Ok(true)
    }

    /// The records that meet every condition, in the order asked for, else in the order given.
    pub fn select(&self, records: impl Iterator<Item = Record>) -> Vec<Match> {
        let mut matches: Vec<Match> = records.filter_map(|record| self.test(record)).collect();
        if !self.sort.is_empty() {
            let mut keyed: Vec<(Vec<Key>, Match)> = matches
                .into_iter()
                .map(|mut found| (self.sort.iter().map(|(param, down)| Key::of(found.resource(), param, *down)).collect(), found))
                .collect();
            keyed.sort_by(|(a, _), (b, _)| self.order(a, b));
            matches = keyed.into_iter().map(|(_, found)| found).collect();
        }
        matches
    }

    fn test(&self, record: Record) -> Option<Match> {
        let mut found = Match { record, resource: None };
        let is_his = |patient: &PatientKey| self.patient.as_ref() == Some(patient) || self.person.contains(patient);
        let lies_here = found.record.patient.as_ref().is_some_and(is_his);
        for condition in &self.conditions {
            // A record that lies in the patient's own compartment is his: no need to look into it for that.
            let given = lies_here && matches!(condition.param.name.as_str(), "patient" | "subject" | "beneficiary");
            if !given && !condition.holds(found.resource()) {
                return None;
            }
        }
        Some(found)
    }

    /// Whether a resource meets every condition, taken by itself.
    pub fn holds(&self, resource: &serde_json::Value) -> bool {
        self.conditions.iter().all(|condition| condition.holds(resource))
    }

    fn order(&self, a: &[Key], b: &[Key]) -> Ordering {
        let keys = a.iter().zip(b).zip(&self.sort);
        keys.map(|((a, b), (_, down))| a.compare(b, *down)).find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
    }

    /// The understood parameters as a query string.
    pub fn text(&self) -> String {
        use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
        const PLAIN: &AsciiSet =
            &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b',').remove(b':').remove(b'/');
        let pair = |(name, value): &(String, String)| {
            format!("{}={}", utf8_percent_encode(name, PLAIN), utf8_percent_encode(value, PLAIN))
        };
        format!("{}?{}", self.kind, self.understood.iter().map(pair).collect::<Vec<_>>().join("&"))
    }

    /// For the audit entry: what was asked, readable.
    pub fn in_words(&self) -> String {
        let pairs: Vec<_> = self.understood.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", self.kind, pairs.join(" "))
    }
}

/// What a record is ordered by; records without a value come last either way.
enum Key {
    Nothing,
    Time(i64),
    Text(String),
}

impl Key {
    fn of(resource: &serde_json::Value, param: &Param, descending: bool) -> Key {
        let mut times: Vec<i64> = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        for path in &param.paths {
            values::walk(resource, path, &mut |value| match param.of {
                Type::Date => values::spans(value, &mut |span| times.push(span.start())),
                Type::Token => values::codes(value, &mut |coded| texts.push(coded.code.to_string())),
                _ => values::strings(value, &mut |text| texts.push(values::fold(text))),
            });
        }
        let time = if descending { times.into_iter().max() } else { times.into_iter().min() };
        let text = if descending { texts.into_iter().max() } else { texts.into_iter().min() };
        time.map(Key::Time).or(text.map(Key::Text)).unwrap_or(Key::Nothing)
    }

    fn compare(&self, other: &Key, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Key::Nothing, Key::Nothing) => return Ordering::Equal,
            (Key::Nothing, _) => return Ordering::Greater,
            (_, Key::Nothing) => return Ordering::Less,
            (Key::Time(a), Key::Time(b)) => a.cmp(b),
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            (Key::Time(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Time(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

/// A client's own parameter name, short enough to be said back.
fn brief(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}
