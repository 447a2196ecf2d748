//! SMART EHR launch of the viewer (SMART App Launch 2.2; spec access.md §6): the EHR sends a browser with a patient in
//! context, and the archive opens that patient's chart when it is sure that it is the same person.
//!
//! Not for: launches by signed address (`signed`).

use serde_json::{Map, Value};

use crate::access::{GateError, Public, Role, Shown};
use crate::config::IssuerUse;
use crate::model::{ArchiveId, Kind, PatientKey};
use crate::query::QueryError;
use crate::register::{Begin, Outside};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};

use super::arrive;
use super::code;
use super::matching::Demographics;
use super::provider::Provider;
use super::refusal::{Refusal, Stop};

/// Longest `launch` parameter, in bytes.
const LAUNCH_MAX: usize = 2 << 10;

/// `GET /launch?iss=&launch=`: `iss` is one of the configured FHIR bases, byte for byte, or nothing goes out.
pub fn launch(call: &Call) -> Result<Answer, ApiError> {
    begin(call).map_or_else(|stop| stop.answer(call), |body| Ok(Public(body).into()))
}

fn begin(call: &Call) -> Result<Body, Stop> {
    code::may_attempt(call)?;
    let once = |name: &str| {
        let mut values = call.query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let base = once("iss").ok_or_else(Refusal::unknown_issuer)?;
    let provider = call.app.elsewhere.of_fhir_base(base).ok_or_else(|| {
        let named: String = base.chars().filter(|c| !c.is_control()).take(200).collect();
        Refusal::unknown_issuer().with("iss", named)
    })?;
    let launch = once("launch").filter(|launch| !launch.is_empty() && launch.len() <= LAUNCH_MAX);
    let launch = launch.ok_or_else(|| Refusal::bad_launch("no-launch"))?;
    let mut asked = vec![("scope", "launch openid fhirUser patient/Patient.rs"), ("aud", base), ("launch", launch)];
    if let Some(acr) = &provider.row().min_acr {
        asked.push(("acr_values", acr));
    }
    code::send_away(call, provider, IssuerUse::Launch, code::Purpose::Launch, &asked)
}

/// The launch has come back: who the patient is, whether he is ours, and whether he is the same person.
pub fn finish(call: &Call, provider: &Provider, answer: &Map<String, Value>, person: &Outside, role: Role) -> Result<Body, Stop> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let who = arrive::principal(person, role)?;
    let opened = (|| {
        let number =
            text("patient").filter(|id| ArchiveId::parse(id).is_some()).ok_or_else(|| Refusal::bad_launch("no-patient"))?;
        let is_bearer = text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = text("access_token").filter(|_| is_bearer).ok_or_else(|| Refusal::bad_launch("no-access-token"))?;
        let namespace = provider.row().patient_namespace.as_deref().unwrap_or_default();
        // Whether the archive knows the number at all comes first: of others nothing is asked.
        let launched = Launched::new(namespace, number, provider.embeds());
        let key = launched.known(call)?;
        let claimed = Demographics::of_patient(&provider.patient(number, token)?);
        launched.open(call, &key, person, role, &claimed, text("encounter"))
    })();
    opened.map_err(|stop: Stop| stop.of(&who))
}

/// A patient whom an EHR has open, by the EHR's own number.
pub struct Launched<'a> {
    namespace: &'a str,
    number: &'a str,
    embedded: bool,
}

impl<'a> Launched<'a> {
    pub fn new(namespace: &'a str, number: &'a str, embedded: bool) -> Launched<'a> {
        Launched { namespace, number, embedded }
    }

    /// The patient of the archive whom the number means, by the crosswalk; never by a name.
    pub fn known(&self, call: &Call) -> Result<PatientKey, Stop> {
        let key = call.archive().patient_named(self.namespace, self.number).map_err(ApiError::from)?;
        let called = || Refusal::no_record().with("number", format!("{} {}", self.namespace, self.number));
        key.ok_or_else(|| called().into())
    }

    /// Opens a window on the patient, once the archive's own record of him agrees with what the EHR says.
    pub fn open(
        &self,
        call: &Call,
        key: &PatientKey,
        person: &Outside,
        role: Role,
        claimed: &Demographics,
        encounter: Option<&str>,
    ) -> Result<Body, Stop> {
        let mut principal = arrive::principal(person, role)?;
        principal.bound_to = Some(key.clone());
        let scope = call.archive().chart_scope(key);
        let keys = scope.patients().to_vec();
        let permit = call.gate().ask(&principal, scope, call.context.clone()).map_err(|error| match error {
            GateError::Denied => Stop::from(Refusal::denied()),
            other => Stop::Failed(other.into()),
        })?;
        let record = match call.archive().record(&permit, Kind::PATIENT, &key.0) {
            Ok(record) => record,
            // Not there and hidden from this role look the same.
            Err(QueryError::NotFound) => return Err(Refusal::no_record().into()),
            Err(other) => return Err(ApiError::from(other).into()),
        };
        let archived: Value = serde_json::from_str(&record.json).map_err(|_| ApiError::internal())?;
        let ours = Demographics::of_patient(&archived);
        if let Err(difference) = ours.agrees_with(claimed) {
            // Whoever opened him is shown in what the two differ, and nothing else of the archive's.
            let sides = ours.beside(claimed, difference);
            let query = Some(format!("launch stopped, {} differs", difference.code()));
            let shown = Shown { query, hits: Some(1), ..shown("record.read", [&record]) };
            let sides = permit.answer(sides, shown).map_err(ApiError::from)?.into_inner();
            return Err(Refusal::mismatch(difference.code(), &keys).beside(sides).into());
        }
        // Nothing of the record is shown yet; the entry says that it was opened, by which number and for which encounter.
        let query = match encounter.filter(|id| ArchiveId::parse(id).is_some()) {
            Some(encounter) => format!("{} {}, encounter {encounter}", self.namespace, self.number),
            None => format!("{} {}", self.namespace, self.number),
        };
        let shown = Shown { event: "auth.launch", patients: keys, query: Some(query), ..Shown::default() };
        permit.answer((), shown).map_err(ApiError::from)?;
        let launched = Begin::Launched { embedded: self.embedded };
        let arrived = arrive::begin(call, person, role, launched, Some(key))?;
        let window = arrived.window.ok_or_else(ApiError::internal)?;
        Ok(Body::see_other(format!("/in/{}/patients/{key}", window.id)).with("Set-Cookie", arrived.cookie))
    }
}
