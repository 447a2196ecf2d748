//! The page with one's own sessions.
//!
//! Not for: reading or ending sessions.

use askama::Template;

use super::super::frame::Frame;
use super::render;

/// One session.
#[derive(Clone, Debug, Default)]
pub struct SessionRow {
    /// As audit entries call it; worthless as a credential.
    pub id: String,
    /// The one that this page is shown in.
    pub is_this: bool,
    pub began: String,
    pub seen: String,
    pub role: String,
    pub from: String,
    /// The browser, as it calls itself.
    pub with: String,
    /// Opened by the EHR for a patient.
    pub launched: bool,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page<'a> {
    frame: &'a Frame,
    rows: &'a [SessionRow],
}

pub fn sessions(frame: &Frame, rows: &[SessionRow]) -> String {
    render(Page { frame, rows })
}
