//! The release workspace: the board of requests, and the pages of one request from its form to its delivery.
//!
//! Not for: doing anything (`release::desk`), or asking for it (`server::pages::releases`).

mod board;
mod form;
mod head;
mod patient;
mod request;
mod words;

pub use board::{BoardPage, Show, board};
pub use form::{FormPage, form};
pub use head::Looker;
pub use patient::{PatientPage, patient};
pub use request::{Checked, RequestPage, request};
pub use words::SECTIONS;

use super::pages::render;
