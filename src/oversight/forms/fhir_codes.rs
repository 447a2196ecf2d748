//! Codes of the FHIR form: what kind of AuditEvent each event of the log is (spec audit.md §4).
//!
//! Not for: building one (`fhir`).

/// A code of a system, with its usual words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code {
    pub system: &'static str,
    pub code: &'static str,
    pub display: &'static str,
}

pub const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const BALP_AUTHORIZATION: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType";

const fn dcm(code: &'static str, display: &'static str) -> Code {
    Code { system: DCM, code, display }
}

const fn interaction(code: &'static str) -> Code {
    Code { system: INTERACTION, code, display: code }
}

const fn lifecycle(code: &'static str, display: &'static str) -> Code {
    Code { system: LIFECYCLE, code, display }
}

const REST: Code = Code { system: EVENT_TYPE, code: "rest", display: "Restful Operation" };
const SECURITY_ALERT: Code = dcm("110113", "Security Alert");
const AUTHENTICATION: Code = dcm("110114", "User Authentication");
const APPLICATION: Code = dcm("110100", "Application Activity");
const LOG_USED: Code = dcm("110101", "Audit Log Used");
const EXPORT: Code = dcm("110106", "Export");
const IMPORT: Code = dcm("110107", "Import");
const LOGIN: Code = dcm("110122", "Login");
const LOGOUT: Code = dcm("110123", "Logout");

pub const SOURCE: Code = dcm("110153", "Source Role ID");
pub const DESTINATION: Code = dcm("110152", "Destination Role ID");
pub const APPLICATION_AGENT: Code = dcm("110150", "Application");

/// Who takes part in the event and what it is about: the rows of the table in spec audit.md §4.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Read,
    Search,
    Operation,
    Disclosure,
    Export,
    SignIn,
    Denied,
    BreakGlass,
    LogRead,
    Other,
}

/// Type, subtype and shape of an event.
pub fn codes(event: &str) -> (Code, Option<Code>, Shape) {
    match event {
        "record.read" | "document.view" | "document.download" | "document.print" => {
            (REST, Some(interaction("read")), Shape::Read)
        }
        "record.search" | "patient.search" => (REST, Some(interaction("search-type")), Shape::Search),
        "record.everything" => (REST, Some(interaction("operation")), Shape::Operation),
        "disclosure" => (EXPORT, Some(lifecycle("disclose", "Disclose Record Lifecycle Event")), Shape::Disclosure),
        "export.bulk.start" | "export.bulk.file" | "export.bulk.end" => {
            (EXPORT, Some(lifecycle("extract", "Extract Record Lifecycle Event")), Shape::Export)
        }
        "release.viewed" => (EXPORT, Some(lifecycle("access", "Access/View Record Lifecycle Event")), Shape::Other),
        "release.refused" => (SECURITY_ALERT, None, Shape::Other),
        "release.changed" | "release.created" | "release.approved" | "release.delivered" | "release.fetched" => {
            (EXPORT, Some(lifecycle("transmit", "Transmit Record Lifecycle Event")), Shape::Export)
        }
        "auth.login" | "auth.login_failed" | "auth.launch" => (AUTHENTICATION, Some(LOGIN), Shape::SignIn),
        "auth.logout" | "auth.session_expired" | "auth.session_ended" => (AUTHENTICATION, Some(LOGOUT), Shape::SignIn),
        "auth.token_issued" | "auth.token_rejected" | "auth.token_revoked" | "auth.step_up" | "auth.rate_limited" => {
            (AUTHENTICATION, None, Shape::SignIn)
        }
        "authz.denied" => {
            let by_role = Code { system: BALP_AUTHORIZATION, code: "AuthZ-Role", display: "Authorization by role" };
            (SECURITY_ALERT, Some(by_role), Shape::Denied)
        }
        "authz.abandoned" => (REST, Some(interaction("operation")), Shape::Other),
        "btg.start" | "btg.use" => (SECURITY_ALERT, Some(dcm("110127", "Emergency Override Started")), Shape::BreakGlass),
        "btg.stop" => (SECURITY_ALERT, Some(dcm("110138", "Emergency Override Stopped")), Shape::BreakGlass),
        "btg.reviewed" => (SECURITY_ALERT, None, Shape::BreakGlass),
        "signal.reviewed" => (SECURITY_ALERT, None, Shape::Other),
        "audit.query" | "audit.verify" | "audit.export" | "audit.published" => (LOG_USED, None, Shape::LogRead),
        "audit.start" => (APPLICATION, Some(dcm("110134", "Audit Recording Started")), Shape::Other),
        "audit.stop" => (APPLICATION, Some(dcm("110133", "Audit Recording Stopped")), Shape::Other),
        "app.start" => (APPLICATION, Some(dcm("110120", "Application Start")), Shape::Other),
        "app.stop" => (APPLICATION, Some(dcm("110121", "Application Stop")), Shape::Other),
        "user.role_changed" => (SECURITY_ALERT, Some(dcm("110136", "Security Roles Changed")), Shape::Other),
        "user.created"
        | "user.disabled"
        | "user.credential_changed"
        | "user.unlocked"
        | "client.created"
        | "client.disabled"
        | "relation.imported"
        | "policy.changed"
        | "label.changed" => (SECURITY_ALERT, Some(dcm("110137", "User Security Attributes Changed")), Shape::Other),
        "hold.set" => (APPLICATION, Some(lifecycle("hold", "Place On Hold Record Lifecycle Event")), Shape::Other),
        "hold.cleared" => (APPLICATION, Some(lifecycle("unhold", "Remove Hold Record Lifecycle Event")), Shape::Other),
        "identity.changed" => (APPLICATION, Some(lifecycle("merge", "Merge Record Lifecycle Event")), Shape::Other),
        "ingest.run" => (IMPORT, None, Shape::Other),
        // Plain reading of what is no patient’s; the request says what was read, as it does of the log.
        "archive.viewed" => (REST, Some(interaction("read")), Shape::LogRead),
        _ => (APPLICATION, None, Shape::Other),
    }
}

/// Events of a FHIR type and subtype, for searching; `None` for a wildcard.
pub fn events_of(kind: Option<&str>, subtype: Option<&str>) -> Vec<&'static str> {
    let fits = |wanted: Option<&str>, code: Option<Code>| match (wanted, code) {
        (None, _) => true,
        (Some(wanted), Some(code)) => match wanted.split_once('|') {
            Some((system, value)) => (system.is_empty() || system == code.system) && (value.is_empty() || value == code.code),
            None => wanted == code.code,
        },
        (Some(_), None) => false,
    };
    let own = |wanted: Option<&str>, event: &str| wanted.is_some_and(|it| it == event || it == format!("{OWN_EVENT}|{event}"));
    let fits_event = |event: &&&'static str| {
        let (of_type, of_subtype, _) = codes(event);
        fits(kind, Some(of_type)) && (fits(subtype, of_subtype) || own(subtype, event))
    };
    crate::audit::EVENTS.iter().filter(fits_event).copied().collect()
}

/// The archive's own names of events, where the standards' are wider.
pub const OWN_EVENT: &str = "urn:chartkeep:audit-event";
