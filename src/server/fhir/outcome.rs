//! OperationOutcome: the body of every FHIR answer that is not a success.
//!
//! Not for: choosing the status or the text (`answer::ApiError`).

/// One issue as an OperationOutcome (FHIR R4 §2.29).
pub fn json(severity: &str, code: &str, text: &str) -> Vec<u8> {
    value(severity, code, text).to_string().into_bytes()
}

pub fn value(severity: &str, code: &str, text: &str) -> serde_json::Value {
    serde_json::json!({
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "details": {"text": text}}]
    })
}
