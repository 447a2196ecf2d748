//! The pages, one module for each workspace: view structs in, HTML out.
//!
//! Not for: rows of the chart's sections (`sections`).

pub mod access;
pub mod accession;
pub mod accession_files;
pub mod accessions;
pub mod account;
pub mod break_glass;
pub mod chart;
pub mod codes;
pub mod document;
pub mod document_cda;
pub mod document_scan;
pub mod document_text;
pub mod fetch;
pub mod find;
pub mod identity;
pub mod kept;
pub mod log;
pub mod looks;
pub mod message;
pub mod oversee;
pub mod own_notes;
pub mod print;
pub mod record;
mod record_said;
pub mod search;
pub mod sessions;
pub mod sign_in;
pub mod signals;
mod summary;
pub mod system;
mod years;

use askama::Template;

use super::banner::Banner;
use super::chart_nav::{ChartNav, Section};
use super::frame::Frame;
use crate::model::Chart;

/// What surrounds a page that speaks of a patient.
pub struct Shell {
    pub banner: Banner,
    pub nav: ChartNav,
    /// What is in the search box.
    pub q: String,
}

impl Shell {
    pub(super) fn new(frame: &Frame, chart: &Chart, current: Option<Section>) -> Shell {
        Shell { banner: Banner::new(frame, chart), nav: ChartNav::new(frame, chart, current), q: String::new() }
    }
}

/// A template that fails to render is a mistake of ours that shows no data: an empty page says so to the tests.
pub fn render(page: impl Template) -> String {
    page.render().unwrap_or_default()
}
