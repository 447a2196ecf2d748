//! Configuration of the web server: bounds on requests, and who may frame the viewer.
//!
//! Not for: TLS files and the address, which are options of `serve`.

use std::path::Path;

use serde::Deserialize;

use super::Problem;

/// `[http]` (spec access.md §11).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Requests of one principal a second, and how many at once after a pause.
    pub requests_per_second: u32,
    pub requests_burst: u32,
    /// Searches for patients of one principal a minute.
    pub patient_searches_per_minute: u32,
    /// Failed sign-ins and refused tokens of one address a minute.
    pub failures_per_minute: u32,
    /// Longest time for one answer, in seconds.
    pub answer_seconds: u32,
    /// Origins whose scripts may read `/fhir` (CORS). Exact; none by default.
    pub origins: Vec<String>,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            requests_per_second: 20,
            requests_burst: 60,
            patient_searches_per_minute: 30,
            failures_per_minute: 10,
            answer_seconds: 30,
            origins: Vec::new(),
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&mut self, _folder: &Path) -> Result<(), Problem> {
        let none = |key: &str| (format!("http.{key}"), "is at least 1");
        let numbers = [
            ("requests_per_second", self.requests_per_second),
            ("requests_burst", self.requests_burst),
            ("patient_searches_per_minute", self.patient_searches_per_minute),
            ("failures_per_minute", self.failures_per_minute),
            ("answer_seconds", self.answer_seconds),
        ];
        numbers.into_iter().find(|(_, n)| *n == 0).map_or(Ok(()), |(key, _)| Err(none(key)))
    }
}
