//! Pages that say one thing: nothing here, the log is down, an error. They carry no patient data.
//!
//! Not for: notes inside a page.

use askama::Template;

use super::super::frame::Frame;
use super::render;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tone {
    #[default]
    Plain,
    Caution,
    Error,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Caution => "caution",
            Tone::Error => "error",
        }
    }
}

/// What happened, what it means for the data, what to do, and a code to tell the archive desk.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub tone: Tone,
    pub title: String,
    pub text: String,
    /// Words and address of the one way on.
    pub link: Option<(String, String)>,
    pub code: Option<String>,
    /// What two systems say of one person, side by side, where that is why nothing is opened.
    pub sides: Vec<Side>,
}

/// One thing that both systems were asked about.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Side {
    pub what: &'static str,
    pub current: String,
    pub archived: String,
    pub differs: bool,
}

impl std::fmt::Debug for Side {
    /// Without what the systems say.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("what", &self.what).field("differs", &self.differs).finish_non_exhaustive()
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Page<'a> {
    frame: &'a Frame,
    message: &'a Message,
}

pub fn message(frame: &Frame, message: &Message) -> String {
    render(Page { frame, message })
}

/// One text for what is not there and what may not be seen.
pub fn not_here(frame: &Frame) -> String {
    let words = Message {
        title: "No archived record here.".into(),
        text: "Check the number, or find the patient.".into(),
        link: Some(("Find the patient".into(), "/".into())),
        ..Message::default()
    };
    message(frame, &words)
}

/// The access log cannot be written, so nothing is shown. `code` names the request for the archive desk.
pub fn log_down(frame: &Frame, code: &str) -> String {
    let words = Message {
        tone: Tone::Error,
        title: "This cannot be opened right now.".into(),
        text: "The access log cannot be written, so nothing is shown. Nothing is lost. Try again in a minute, or tell the archive desk the code.".into(),
        link: None,
        code: Some(code.to_string()),
        ..Message::default()
    };
    message(frame, &words)
}
