//! Plain words for the codes of the log: events, purposes, roles, kinds of data.
//!
//! Not for: the full version, which keeps the codes.

use crate::access::Role;

/// What happened, for a lay reader. `records` tells whether anything was shown.
pub fn event(event: &str, outcome: u8, records: u64) -> String {
    let failed = outcome > 0;
    let words = match event {
        "patient.search" if records > 0 => "Found in a search",
        "patient.search" => "Searched for; nothing was shown",
        "record.read" if records > 0 => "Chart or record shown",
        "record.read" => "Asked for; nothing was shown",
        "record.search" => "Searched in the chart",
        "record.everything" => "Whole chart handed over",
        "document.view" => "Document shown",
        "document.download" => "Document downloaded",
        "document.print" => "Document printed",
        "export.bulk.start" | "export.bulk.file" | "export.bulk.end" => "Exported",
        "release.viewed" => "Request for records or its pages looked at",
        "release.fetched" => "Release fetched by its recipient",
        "release.refused" => "Link of a release refused",
        "release.changed" => "Request for records worked on",
        "release.created" => "Release prepared",
        "release.approved" => "Release approved",
        "release.delivered" => "Release delivered",
        "disclosure" => "Disclosed to somebody outside",
        "disclosure.suspended" => "Accounting of a disclosure suspended",
        "disclosure.resumed" => "Suspension of the accounting ended",
        "authz.denied" => "Refused",
        "authz.abandoned" => "Permitted; nothing was shown",
        "btg.start" => "Break-glass begun",
        "btg.use" => "Used break-glass",
        "btg.stop" => "Break-glass ended",
        "btg.reviewed" => "Use of break-glass reviewed",
        "signal.reviewed" => "Signal of snooping reviewed",
        "audit.query" => "Access log read",
        "audit.export" => "Access log exported",
        "audit.verify" => "Access log checked",
        "auth.login" => "Signed in",
        "auth.login_failed" => "Sign-in failed",
        "auth.logout" => "Signed out",
        "auth.session_expired" | "auth.session_ended" => "Session ended",
        "auth.launch" => "Came from another system",
        "app.start" => "The archive was started",
        "app.stop" => "The archive was stopped",
        "ingest.run" => "Delivery read into the archive",
        "archive.viewed" => "Accession, accounts, policy or state of the archive looked at",
        "archive.maintained" => "Archive maintained",
        "label.changed" => "Sensitivity of a record changed",
        "identity.changed" | "identity.reviewed" => "Who is who decided",
        "alert.seen" => "Alert marked as seen",
        "auth.step_up" => "Proved again who it is",
        "auth.token_revoked" => "Tokens taken back",
        "hold.set" => "Put under a legal hold",
        "hold.cleared" => "Legal hold lifted",
        other => return other.replace(['.', '_'], " "),
    };
    if failed && event != "authz.denied" && event != "authz.abandoned" { format!("{words} (failed)") } else { words.to_string() }
}

/// How often something was shown, in words: `2 documents`.
pub fn amount(event: &str, count: u64) -> String {
    let (one, many) = match event {
        "record.read" => ("page of the chart", "pages of the chart"),
        "record.search" => ("search in the chart", "searches in the chart"),
        "record.everything" => ("whole chart", "whole charts"),
        "document.view" => ("document", "documents"),
        "document.download" => ("download", "downloads"),
        "document.print" => ("print", "prints"),
        "export.bulk.start" | "export.bulk.file" | "export.bulk.end" => ("export", "exports"),
        "disclosure" => ("disclosure", "disclosures"),
        "release.viewed" | "release.changed" => ("page of a release", "pages of a release"),
        "btg.start" | "btg.use" | "btg.stop" => ("use of break-glass", "uses of break-glass"),
        _ => ("other act", "other acts"),
    };
    counted(count, one, many)
}

/// What a purpose means, for readers who have not met the word: a line for the glossary of a printed report.
pub fn purpose_meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "TREAT" => "Caring for the patient, now or before a visit.",
        "ETREAT" => "Caring for the patient in an emergency.",
        "BTG" => "Opening restricted records in an emergency, with a reason given. Every such use is reviewed.",
        "HPAYMT" => "Billing, and payment by an insurer.",
        "HOPERAT" => "Running the organization: checking quality, teaching, planning.",
        "HLEGAL" => "A request by a court, a lawyer or an agency, checked by the health information office.",
        "HCOMPL" => "Checking that the rules are kept, this report among it.",
        "RECORDMGT" => "Keeping the archive in order: moving, checking and correcting records.",
        "PATRQT" => "The patient asked for it.",
        "FAMRQT" => "The family asked for it.",
        "PWATRNY" => "Somebody with a power of attorney asked for it.",
        "PUBHLTH" => "Reporting to public health agencies, as the law demands.",
        "HRESCH" => "Research under the rules for it.",
        "HSYSADMIN" => "Running the machines.",
        _ => return None,
    })
}

/// A purpose of use, a code of v3-ActReason.
pub fn purpose(code: &str) -> String {
    let words = match code {
        "TREAT" => "Treatment",
        "ETREAT" => "Emergency treatment",
        "BTG" => "Break-glass",
        "HPAYMT" => "Payment",
        "HOPERAT" => "Operations",
        "HLEGAL" => "Legal request",
        "HCOMPL" => "Compliance",
        "RECORDMGT" => "Records management",
        "PATRQT" => "Patient's request",
        "FAMRQT" => "Request of the family",
        "PWATRNY" => "Power of attorney",
        "PUBHLTH" => "Public health",
        "HRESCH" => "Research",
        "HSYSADMIN" => "System administration",
        "" => "not stated",
        other => other,
    };
    words.to_string()
}

/// A role as people call it.
pub fn role(name: &str) -> String {
    let words = match Role::from_name(name) {
        Some(Role::Clinician) => "Clinician",
        Some(Role::Him) => "Health information",
        Some(Role::Compliance) => "Compliance",
        Some(Role::Archivist) => "Archivist",
        Some(Role::Admin) => "Administrator",
        Some(Role::Reviewer) => "Break-glass reviewer",
        Some(Role::Service) => "Program",
        None => name,
    };
    words.to_string()
}

/// Kinds of data, as a list in words.
pub fn domains(names: &str) -> String {
    let one = |name: &str| match name {
        "meds" => "medications".to_string(),
        "demographics" => "name and address".to_string(),
        other => other.to_string(),
    };
    names.split(' ').filter(|name| !name.is_empty()).map(one).collect::<Vec<_>>().join(", ")
}

/// `1 person`, `2 persons`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
