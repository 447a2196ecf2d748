//! The care dates of `$everything`: which records fall between `start` and `end`, or changed since `_since`.
//!
//! Not for: date parameters of a search (`test`).

use serde_json::Value;

use crate::model::Kind;
use crate::server::answer::ApiError;

use super::params::{self, Type};
use super::span::{Comparator, Span};
use super::values;

/// A window of time with optional sides.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeWindow {
    start: Option<Span>,
    end: Option<Span>,
    since: Option<Span>,
}

impl TimeWindow {
    pub fn parse(start: Option<&str>, end: Option<&str>, since: Option<&str>) -> Result<TimeWindow, ApiError> {
        let read = |name: &'static str, text: Option<&str>| match text {
            None => Ok(None),
            Some(text) => match Span::of(&text.replace(' ', "+")) {
                Some(span) => Ok(Some(span)),
                None => Err(ApiError::bad(format!("'{name}' is not a date or time."))),
            },
        };
        Ok(TimeWindow { start: read("start", start)?, end: read("end", end)?, since: read("_since", since)? })
    }

    pub fn is_open(&self) -> bool {
        self.start.is_none() && self.end.is_none() && self.since.is_none()
    }

    /// Whether some care date of the resource lies in the window. A resource without one is always in.
    pub fn holds(&self, kind: Kind, resource: &Value) -> bool {
        if let Some(since) = self.since {
            let updated = resource.pointer("/meta/lastUpdated").and_then(Value::as_str).and_then(Span::of);
            if updated.is_some_and(|updated| !Comparator::GreaterOrEqual.holds(updated, since)) {
                return false;
            }
        }
        let (mut dated, mut inside) = (false, false);
        for path in care_dates(kind) {
            values::walk(resource, path, &mut |value| {
                values::spans(value, &mut |span| {
                    dated = true;
                    let after = self.start.is_none_or(|start| Comparator::GreaterOrEqual.holds(span, start));
                    inside |= after && self.end.is_none_or(|end| Comparator::LessOrEqual.holds(span, end));
                });
            });
        }
        inside || !dated
    }
}

/// Where a kind says when the care took place: its date parameters, but for a person nothing (a birth is no visit).
fn care_dates(kind: Kind) -> impl Iterator<Item = &'static str> {
    let person = ["Patient", "RelatedPerson", "Practitioner"].contains(&kind.name());
    let params = params::params_of(kind).iter().filter(move |param| param.of == Type::Date && !person);
    params.flat_map(|param| param.paths.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_a_care_date_are_always_in() {
        let window = TimeWindow::parse(Some("2014-01-01"), Some("2014-12-31"), None).unwrap();
        let holds = |kind: &str, json: &str| window.holds(Kind::from_name(kind).unwrap(), &serde_json::from_str(json).unwrap());
        assert!(holds("Patient", r#"{"birthDate":"1950-01-01"}"#));
        assert!(holds("Observation", r#"{"status":"final"}"#));
        assert!(holds("Observation", r#"{"effectiveDateTime":"2014-06-01"}"#));
        assert!(holds("Encounter", r#"{"period":{"start":"2013-12-30","end":"2014-01-02"}}"#));
        assert!(!holds("Observation", r#"{"effectiveDateTime":"2015-06-01"}"#));
        assert!(!holds("Encounter", r#"{"period":{"start":"2015-01-01"}}"#));
        assert!(TimeWindow::parse(Some("soon"), None, None).is_err());
    }
}
