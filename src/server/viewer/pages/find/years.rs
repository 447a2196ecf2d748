//! The years that each source holds of a found patient, small, on the axis that all rows of a list share.
//!
//! Not for: the banner's drawing, which has its own axis (`svg`).

use std::fmt::Write as _;

use super::super::super::frame::Frame;
use super::super::super::html::{Markup, escape};
use super::super::super::svg::Axis;
use crate::model::{Coverage, When};

const WIDTH: f64 = 150.0;
/// Where the cutover rule stands.
const END: f64 = 136.0;
const LINE: f64 = 10.0;

/// One axis for all rows of a list: from the first year held of anybody to the end of the records.
pub struct Years {
    axis: Axis,
    pub first: String,
    pub last: String,
}

impl Years {
    pub fn of<'a>(frame: &Frame, coverage: impl Iterator<Item = &'a Coverage> + Clone) -> Option<Years> {
        let first = coverage.clone().filter_map(|it| it.first.as_ref()).min_by_key(|when| when.start_us())?;
        let known = frame.records_to.as_deref().and_then(When::parse);
        let newest = coverage.filter_map(|it| it.last.as_ref()).max_by_key(|when| when.start_us());
        let last = known.as_ref().or(newest)?;
        Some(Years {
            axis: Axis::new(first.start_us(), last.start_us(), 0.0, END),
            first: first.date_text().chars().take(4).collect(),
            last: last.date_text().to_string(),
        })
    }

    pub fn draw(&self, frame: &Frame, coverage: &[Coverage]) -> Markup {
        let spans =
            coverage.iter().filter_map(|it| Some((frame.badge(&it.source_system), it.first.as_ref()?, it.last.as_ref()?)));
        let spans: Vec<_> = spans.collect();
        if spans.is_empty() {
            return Markup::default();
        }
        let height = LINE * spans.len() as f64;
        let said: Vec<String> =
            spans.iter().map(|(badge, from, to)| format!("{} {} to {}", badge.name, from.date_text(), to.date_text())).collect();
        let mut s = format!(
            r#"<svg class="years" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="{}">"#,
            escape(&said.join("; "))
        );
        for (row, (badge, from, to)) in spans.iter().enumerate() {
            let mid = LINE * row as f64 + LINE / 2.0;
            let (x1, x2) = (self.axis.x(from.start_us()), self.axis.x(to.start_us()));
            let _ = write!(s, r#"<path class="rule" d="M0 {mid}H{END}"/>"#);
            let (y, wide) = (mid - 2.5, (x2 - x1).max(3.0));
            let _ = write!(s, r#"<rect class="f{}" x="{x1:.1}" y="{y}" width="{wide:.1}" height="5"/>"#, badge.hue);
        }
        let _ = write!(s, r#"<rect x="{END}" y="0" width="{}" height="{height}" fill="url(#hatch)"/>"#, WIDTH - END);
        let _ = write!(s, r#"<path class="cutover" d="M{END} 0V{height}"/></svg>"#);
        Markup::trusted(s)
    }
}
