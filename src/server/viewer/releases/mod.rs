//! The release workspace: the board of requests, and the pages of one request from its form to its delivery.
//!
//! Not for: doing anything (`release::desk`), or asking for it (`server::pages::releases`).

mod approve;
mod board;
mod form;
mod hand;
mod head;
mod items;
mod patient;
mod pick;
mod redact;
mod request;
mod review;
mod words;

pub use approve::{ApprovePage, approve};
pub use board::{BoardPage, Show, board};
pub use form::{FormPage, form};
pub use hand::{DeliverPage, HandedPage, deliver, handed};
pub use head::Looker;
pub use items::{ItemsPage, Source, items};
pub use patient::{PatientPage, patient};
pub use pick::{PickPage, pick};
pub use redact::{Found, REASONS, RedactPage, Spot, in_words as redaction_in_words, redact};
pub use request::{Checked, RequestPage, request};
pub use review::{ReviewPage, flagged_pages, review};
pub use words::{CARRIED, group_of};

use super::pages::render;
