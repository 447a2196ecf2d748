//! Why someone who came from elsewhere is not let in: one page for him, one code for the log.
//!
//! Not for: denials of the policy (`access`).

use crate::access::{Principal, Public, entry};
use crate::audit::Outcome;
use crate::model::PatientKey;
use crate::register::RegisterError;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::rate::address_of;
use crate::server::viewer::{self, Message, Side, Tone};
use crate::server::{alerts, door, events, pages};

use super::provider::ProviderError;

/// A refusal. What the person reads tells no more than he needs; `reason` stands in the log.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    pub reason: &'static str,
    title: &'static str,
    text: &'static str,
    /// The event of its entry, whom it was about, and what else the entry says: no content of records.
    event: &'static str,
    patients: Vec<PatientKey>,
    detail: Vec<(&'static str, String)>,
    /// Whose sign-in it was, as far as that is proven.
    who: Principal,
    /// Whether its entry stands in the log already.
    is_logged: bool,
    /// What both systems say of the patient.
    sides: Vec<Side>,
    /// In what an EHR's patient and the archive's are not one person: whoever keeps identities is told.
    differs: Option<&'static str>,
}

/// Why a request about coming from elsewhere ends early.
#[derive(Debug)]
pub enum Stop {
    Refused(Box<Refusal>),
    Failed(ApiError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(Box::new(refusal))
    }
}

impl From<ProviderError> for Stop {
    fn from(error: ProviderError) -> Stop {
        Refusal::from(error).into()
    }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Stop {
        Stop::Failed(error)
    }
}

impl From<RegisterError> for Stop {
    fn from(error: RegisterError) -> Stop {
        Stop::Failed(door::register_down(&error))
    }
}

impl Stop {
    /// Writes down whose sign-in it was.
    #[must_use]
    pub fn of(mut self, who: &Principal) -> Stop {
        if let Stop::Refused(refusal) = &mut self {
            refusal.who = who.clone();
        }
        self
    }

    /// The page, once the entry is in the log.
    pub fn answer(self, call: &Call) -> Result<Answer, ApiError> {
        match self {
            Stop::Refused(refusal) => refusal.answer(call),
            Stop::Failed(error) => Err(error),
        }
    }
}

/// What happened to the sign-in itself.
const NOT_SIGNED_IN: &str = "You are not signed in";

impl Refusal {
    pub fn new(status: u16, reason: &'static str, title: &'static str, text: &'static str) -> Refusal {
        let who = Principal::unproven("");
        let event = "auth.login_failed";
        let (patients, detail) = (Vec::new(), Vec::new());
        Refusal { status, reason, title, text, event, patients, detail, who, is_logged: false, sides: Vec::new(), differs: None }
    }

    /// The answer does not belong to a sign-in of this browser: never begun, too old, come back before, or another's.
    pub fn state() -> Refusal {
        let text = "This sign-in is too old, or was begun in another window. Begin again.";
        Refusal::new(400, "state", NOT_SIGNED_IN, text)
    }

    pub fn unknown_issuer() -> Refusal {
        let text = "This address names a place that may not send people here. Tell the archive desk.";
        Refusal::new(400, "unlisted-issuer", "This cannot be opened", text)
    }

    pub fn mixed_up() -> Refusal {
        Refusal::new(400, "issuer-mixup", NOT_SIGNED_IN, "The answer came from another place than was asked. Begin again.")
    }

    /// The provider itself said no.
    pub fn by_provider() -> Refusal {
        Refusal::new(403, "refused-by-provider", NOT_SIGNED_IN, "Your organisation's sign-in did not let you through.")
    }

    pub fn bad_token(reason: &'static str) -> Refusal {
        Refusal::new(400, reason, NOT_SIGNED_IN, "What your organisation's sign-in answered cannot be relied on. Begin again.")
    }

    pub fn no_role() -> Refusal {
        let text = "Your organisation's sign-in gives you no role in this archive. Ask the archive desk.";
        Refusal::new(403, "no-role", NOT_SIGNED_IN, text)
    }

    /// Whoever checks the log must not be the one who runs the archive (spec access.md §7).
    pub fn conflicting_roles() -> Refusal {
        let text = "Your organisation's sign-in gives you two roles that one person may not hold. Ask the archive desk.";
        Refusal::new(403, "conflicting-roles", NOT_SIGNED_IN, text)
    }

    pub fn weak_sign_in() -> Refusal {
        let text = "This archive needs a stronger sign-in than your organisation reported.";
        Refusal::new(403, "acr", NOT_SIGNED_IN, text)
    }

    /// Whoever came back from the provider did not prove there that he is the person of this session.
    pub fn not_proved(reason: &'static str) -> Refusal {
        let text = "Your organisation's sign-in did not prove again that it is you. Go back and try once more; your session \
                    goes on as it was.";
        let mut refusal = Refusal::new(403, reason, "This was not you, or not just now", text);
        refusal.event = "auth.step_up";
        refusal
    }

    /// A launch that says nothing of a patient, or not what is needed to be sure of him.
    pub fn bad_launch(reason: &'static str) -> Refusal {
        let text = "The EHR did not say which patient is meant, or not enough to be sure. Open the patient there again.";
        Refusal::new(400, reason, "This patient cannot be opened", text).of_launch()
    }

    pub fn no_record() -> Refusal {
        let text = "The archive knows no patient for the one that is open in the EHR. If you expect older records, ask the archive desk.";
        Refusal::new(404, "not-in-crosswalk", "No archived record", text).of_launch()
    }

    /// The EHR's patient and the archive's differ in what nobody's changes.
    pub fn mismatch(of: &'static str, patients: &[PatientKey]) -> Refusal {
        let text =
            "The health information desk has been told and has to look at this patient. Do not search for the name instead.";
        let title = "This may be a different person. The chart was not opened.";
        let mut refusal = Refusal::new(403, "context-mismatch", title, text);
        (refusal.event, refusal.patients, refusal.differs) = ("authz.denied", patients.to_vec(), Some(of));
        refusal.with("differs", of)
    }

    /// The gate said no, and has logged it.
    pub fn denied() -> Refusal {
        let mut refusal = Refusal::new(403, "denied", "This cannot be shown", "Your role may not open patients' charts.");
        refusal.is_logged = true;
        refusal
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Refusal {
        self.detail.push((name, text.into()));
        self
    }

    /// Shows what both systems say, once that stands in the log.
    #[must_use]
    pub fn beside(mut self, sides: Vec<Side>) -> Refusal {
        self.sides = sides;
        self
    }

    fn of_launch(mut self) -> Refusal {
        self.event = "auth.launch";
        self
    }

    /// Writes the entry, unless that is done, and makes the page.
    fn answer(self, call: &Call) -> Result<Answer, ApiError> {
        if self.status < 500 && self.status != 404 {
            call.app.rates.failed(&address_of(call.context.ip.as_deref()));
        }
        if !self.is_logged {
            let mut entry = entry(self.event, &self.who, &call.context);
            entry.outcome = if self.event == "authz.denied" { Outcome::SeriousFailure } else { Outcome::MinorFailure };
            entry.outcome_desc = Some(self.reason.to_string());
            (entry.patients, entry.detail) = (self.patients.clone(), self.detail);
            events::write(call, entry)?;
        }
        if let Some(differs) = self.differs {
            alerts::of_mismatch(call, &self.who, self.patients, differs);
        }
        let message = Message {
            tone: if self.sides.is_empty() { Tone::Caution } else { Tone::Error },
            sides: self.sides,
            title: self.title.into(),
            text: self.text.into(),
            link: None,
            code: Some(call.context.request_id.clone()),
        };
        Ok(Public(Body::html(viewer::message(&pages::bare_frame(call), &message)).status(self.status)).into())
    }
}

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Refusal {
        let down = "Your organisation's sign-in cannot be reached at the moment. Try again in a minute.";
        match error {
            ProviderError::Unreachable => Refusal::new(503, "provider-unreachable", NOT_SIGNED_IN, down),
            ProviderError::Discovery => Refusal::new(503, "provider-discovery", NOT_SIGNED_IN, down),
            ProviderError::Refused => Refusal::bad_token("code-refused"),
            ProviderError::Answer => Refusal::bad_token("provider-answer"),
        }
    }
}
