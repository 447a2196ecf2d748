//! What a handler may return: an `Answer`, made from an audited or a public body alone, or an `ApiError`.
//!
//! Not for: how an error looks (`fault`); security headers and request ids, which the router adds to every response.

use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;

use crate::access::{Audited, GateError, Public};
use crate::oversight::OversightError;
use crate::query::QueryError;

/// `application/fhir+json` as FHIR R4 §3.1.0.1.11 wants it.
pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8; fhirVersion=4.0";
pub const JSON: &str = "application/json";
pub const HTML: &str = "text/html; charset=utf-8";
pub const TEXT: &str = "text/plain; charset=utf-8";

/// A run of bytes of an open file.
#[derive(Debug)]
pub struct FileRun {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
    pub(super) end: u64,
    pub(super) is_packed: bool,
}

/// A response before the router's own headers.
#[derive(Debug)]
pub struct Body {
    pub status: u16,
    pub content_type: Cow<'static, str>,
    /// Further headers; one named here replaces the router's default of that name.
    pub headers: Vec<(&'static str, String)>,
    pub bytes: Vec<u8>,
    /// Sent from the disk instead of `bytes`.
    pub file: Option<FileRun>,
}

impl Body {
    pub fn new(content_type: impl Into<Cow<'static, str>>, bytes: impl Into<Vec<u8>>) -> Body {
        Body { status: 200, content_type: content_type.into(), headers: Vec::new(), bytes: bytes.into(), file: None }
    }

    pub fn json<T: serde::Serialize>(value: &T) -> Result<Body, ApiError> {
        Ok(Body::new(JSON, serde_json::to_vec(value).map_err(|_| ApiError::internal())?))
    }

    pub fn html(page: String) -> Body {
        Body::new(HTML, page)
    }

    /// `303 See Other`: the answer to a form that has done its work.
    pub fn see_other(path: impl Into<String>) -> Body {
        Body { status: 303, ..Body::new(TEXT, "") }.with("Location", path)
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Body {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn status(mut self, status: u16) -> Body {
        self.status = status;
        self
    }
}

/// The only thing that a route may send with success. The field is private: there are two ways in.
#[derive(Debug)]
pub struct Answer(Body);

impl Answer {
    pub(super) fn into_body(self) -> Body {
        self.0
    }

    /// The same answer with a further header.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Into<String>) -> Answer {
        Answer(self.0.with(name, value))
    }
}

impl From<Audited<Body>> for Answer {
    fn from(body: Audited<Body>) -> Answer {
        Answer(body.into_inner())
    }
}

impl From<Public<Body>> for Answer {
    fn from(body: Public<Body>) -> Answer {
        Answer(body.0)
    }
}

/// A refusal or failure, for the client. Texts are fixed or quote a parameter's name; they never hold patient data.
#[derive(Debug, thiserror::Error)]
#[error("{status} {code}")]
pub struct ApiError {
    pub status: u16,
    /// Stable name for programs.
    pub code: &'static str,
    /// Code of the FHIR value set `issue-type`.
    pub issue: &'static str,
    pub text: Cow<'static, str>,
    pub headers: Vec<(&'static str, String)>,
}

impl ApiError {
    pub fn new(status: u16, code: &'static str, issue: &'static str, text: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError { status, code, issue, text: text.into(), headers: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> ApiError {
        self.headers.push((name, value.into()));
        self
    }

    /// Not there, or not to be seen: the same body for both.
    pub fn not_found() -> ApiError {
        ApiError::new(404, "not-found", "not-found", "There is no archived record here, or it may not be shown.")
    }

    pub fn bad(text: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(400, "bad-request", "value", text)
    }

    pub fn unsupported(text: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(400, "unsupported-parameter", "not-supported", text)
    }

    pub fn too_costly(text: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(400, "too-costly", "too-costly", text)
    }

    pub fn forbidden() -> ApiError {
        ApiError::new(403, "forbidden", "forbidden", "This role may not do this.")
    }

    /// RFC 6750 §3.1.
    pub fn insufficient_scope() -> ApiError {
        ApiError::new(403, "insufficient-scope", "forbidden", "The token's scopes do not reach this far.")
            .with("WWW-Authenticate", "Bearer realm=\"chartkeep\", error=\"insufficient_scope\"")
    }

    pub fn login() -> ApiError {
        ApiError::new(401, "sign-in-needed", "login", "A valid access token is needed.")
            .with("WWW-Authenticate", "Bearer realm=\"chartkeep\"")
    }

    pub fn not_acceptable() -> ApiError {
        ApiError::new(406, "not-acceptable", "not-supported", "FHIR is served as JSON only (application/fhir+json).")
    }

    pub fn internal() -> ApiError {
        ApiError::new(
            500,
            "internal",
            "exception",
            "The request failed inside the archive. Its request id helps to find out why.",
        )
    }

    /// The caller asked more than he may in this time (RFC 6585 §4).
    pub fn too_many(retry_after_s: u64) -> ApiError {
        ApiError::new(429, "too-many-requests", "throttled", "There were too many requests. Wait a moment and ask again.")
            .with("Retry-After", retry_after_s.to_string())
    }

    pub fn log_unavailable() -> ApiError {
        let text = "The access log cannot be written, so nothing is shown.";
        ApiError::new(503, "log-unavailable", "transient", text).with("Retry-After", "10")
    }
}

impl From<GateError> for ApiError {
    fn from(error: GateError) -> ApiError {
        match error {
            GateError::Denied => ApiError::forbidden(),
            GateError::LogUnavailable => ApiError::log_unavailable(),
        }
    }
}

impl From<OversightError> for ApiError {
    fn from(error: OversightError) -> ApiError {
        match error {
            OversightError::TooMuch(text) => ApiError::too_costly(text),
            OversightError::BadQuestion(text) => ApiError::bad(text),
            error => {
                tracing::error!(%error, "the access log cannot be asked");
                ApiError::internal()
            }
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        match error {
            QueryError::NotFound => ApiError::not_found(),
            QueryError::OutOfScope => ApiError::forbidden(),
            QueryError::BadQuestion(text) => ApiError::bad(text),
            QueryError::Unreadable(why) => {
                tracing::error!(%why, "the archive cannot be read");
                ApiError::internal()
            }
            QueryError::Damaged(why) => {
                tracing::error!(%why, "stored content does not match its digest");
                ApiError::new(500, "damaged", "exception", "The stored content does not match its digest, so it is not shown.")
            }
        }
    }
}
