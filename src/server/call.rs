//! One request as a handler sees it: who asks, what was asked, and the way to the gate.
//!
//! Not for: reading sockets (`router`) or deciding (`access`).

use std::sync::Arc;

use actix_web::http::header::HeaderMap;

use crate::access::{Audited, Gate, Permit, Principal, RequestContext, Scope, Shown};
use crate::model::{ArchiveId, Kind, PatientKey, Record};
use crate::query::{Archive, QueryError};
use crate::register::{Context, Session};

use super::answer::ApiError;
use super::events;
use super::multipart::Upload;
use super::rate::caller_of;
use super::state::App;

/// A request with its principal. Lives on a blocking thread, so everything in it is owned.
pub struct Call {
    pub app: Arc<App>,
    pub(super) principal: Option<Principal>,
    /// The browser session, when one was used.
    pub(super) session: Option<Session>,
    /// The window on a launched patient that the address names.
    pub(super) window: Option<Context>,
    /// Values of the `{…}` parts of the path, percent-decoded.
    pub(super) params: Vec<(String, String)>,
    /// Query parameters in their order, decoded; for a POST of a form, followed by those of the body.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    /// Fields of a form body.
    pub form: Vec<(String, String)>,
    /// The file of a form that has one.
    pub file: Option<Upload>,
    /// The body of a `POST` to the API, as it came.
    pub body: Vec<u8>,
    /// `https://host[:port]`, for absolute links.
    pub base: String,
    pub context: RequestContext,
}

impl Call {
    /// Who asks. Only routes behind a door have a principal; elsewhere this is a sign-in error, never a default.
    pub fn principal(&self) -> Result<&Principal, ApiError> {
        self.principal.as_ref().ok_or_else(ApiError::login)
    }

    pub fn gate(&self) -> &Gate {
        &self.app.gate
    }

    pub fn archive(&self) -> &Archive {
        &self.app.archive
    }

    /// Asks the gate. A denial is in the log before this returns.
    pub fn ask(&self, scope: Scope) -> Result<Permit, ApiError> {
        if scope == Scope::FindPatients {
            let caller = caller_of(self.principal()?);
            self.app.rates.search(&caller).map_err(|exceeded| events::rate_limited(self, "patient-search", exceeded))?;
        }
        Ok(self.gate().ask(self.principal()?, scope, self.context.clone())?)
    }

    /// Asks the gate for the chart of a patient, and with it for those of all his keys.
    pub fn ask_chart(&self, patient: &PatientKey) -> Result<Permit, ApiError> {
        self.ask(self.archive().chart_scope(patient))
    }

    /// Unwraps what a query found; what is not there is logged as an empty answer before the client hears 404.
    pub fn found<T>(&self, permit: Permit, event: &'static str, result: Result<T, QueryError>) -> Result<(Permit, T), ApiError> {
        match result {
            Ok(value) => Ok((permit, value)),
            Err(QueryError::NotFound) => {
                let shown = Shown { event, patients: scope_patient(&permit), hits: Some(0), ..Shown::default() };
                permit.answer((), shown)?;
                Err(ApiError::not_found())
            }
            Err(QueryError::OutOfScope) => Err(self.beyond(permit)),
            Err(other) => Err(other.into()),
        }
    }

    /// A record was asked for by its id and turned out to be another patient's than the permit reaches: a denial in the
    /// log, and for the client as if it were not there.
    pub fn beyond(&self, permit: Permit) -> ApiError {
        permit.refuse();
        ApiError::not_found()
    }

    /// Waits for a call to the register. Handlers run on blocking threads, where waiting is allowed.
    pub fn wait<F: Future>(&self, work: F) -> F::Output {
        tokio::runtime::Handle::current().block_on(work)
    }

    pub fn is_get(&self) -> bool {
        matches!(self.context.method.as_str(), "GET" | "HEAD")
    }

    /// The session cookie's name. The `__Host-` prefix binds it to this host, but browsers want HTTPS for it.
    pub fn session_cookie(&self) -> &'static str {
        if self.is_secure() { "__Host-sid" } else { "sid" }
    }

    /// Whether the browser came over TLS.
    pub fn is_secure(&self) -> bool {
        self.base.starts_with("https://")
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.get_all("cookie").filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first value of a form field; empty when it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    /// A part of the path. The names stand in the route table.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    pub fn id_param(&self, name: &str) -> Result<ArchiveId, ApiError> {
        ArchiveId::parse(self.param(name)).ok_or_else(ApiError::not_found)
    }

    pub fn patient_param(&self, name: &str) -> Result<PatientKey, ApiError> {
        PatientKey::parse(self.param(name)).ok_or_else(ApiError::not_found)
    }

    pub fn kind_param(&self, name: &str) -> Result<Kind, ApiError> {
        Kind::from_name(self.param(name)).ok_or_else(ApiError::not_found)
    }

    /// A whole-number query parameter within bounds, or its default.
    pub fn number(&self, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
        match self.query(name) {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(n) if n <= max => Ok(n),
                _ => Err(ApiError::bad(format!("'{name}' must be a whole number from 0 to {max}."))),
            },
        }
    }
}

fn scope_patient(permit: &Permit) -> Vec<PatientKey> {
    match permit.scope() {
        Scope::Chart(_) | Scope::Person(_) | Scope::OwnNotes(_) | Scope::Ehi(_) => permit.scope().patients().to_vec(),
        _ => Vec::new(),
    }
}

/// The audit entry's account of these records.
pub fn shown<'r>(event: &'static str, records: impl IntoIterator<Item = &'r Record>) -> Shown {
    let mut shown = Shown { event, ..Shown::default() };
    for record in records {
        shown.places.push(record.place.clone());
        shown.label = shown.label.union(record.label);
        if !shown.kinds.contains(&record.kind) {
            shown.kinds.push(record.kind);
        }
        if let Some(patient) = &record.patient
            && !shown.patients.contains(patient)
        {
            shown.patients.push(patient.clone());
        }
    }
    shown
}

/// Several audited values as one.
pub fn together<T>(values: Vec<Audited<T>>) -> Option<Audited<Vec<T>>> {
    let mut values = values.into_iter();
    let first = values.next()?.map(|value| vec![value]);
    Some(values.fold(first, |all, next| {
        all.map(|mut all| {
            all.push(next.into_inner());
            all
        })
    }))
}
