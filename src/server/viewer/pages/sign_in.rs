//! The sign-in page.
//!
//! Not for: checking a password.

use askama::Template;

use super::super::frame::Frame;
use super::render;

/// What was typed and what came of it. The password is never given back.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    pub user: String,
    /// Where to go after signing in: a path of this archive.
    pub next: String,
    /// Whether the site uses second factors, so that everyone is asked for a code: who has one is not told.
    pub asks_code: bool,
    /// One sentence, the same for a wrong name, a wrong password and a wrong code.
    pub problem: Option<String>,
    /// Identity providers: what to call each, and the address that begins a sign-in there.
    pub providers: Vec<(String, String)>,
    /// The archive has no accounts of its own.
    pub no_accounts: bool,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    frame: &'a Frame,
    form: &'a SignIn,
}

pub fn sign_in(frame: &Frame, form: &SignIn) -> String {
    render(Page { frame, form })
}
