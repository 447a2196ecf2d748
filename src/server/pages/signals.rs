//! The page of signals, for compliance: asks the gate, draws what was found, and answers with an entry.
//!
//! Not for: finding signals (`oversight`), or gathering the facts that they need.

use crate::access::{Scope, Shown};
use crate::oversight::signals::Findings;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, SignalsPage};

const PAGE_SIZE: usize = 50;

/// `GET /signals?day=`, given how a day's findings are had. Nothing is looked for before the gate allows it.
#[expect(dead_code, reason = "its route comes with the hook that gathers facts")]
pub fn signals(
    call: &Call,
    find: impl FnOnce(&Call, jiff::civil::Date) -> Result<Findings, ApiError>,
) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(None))?;
    let asked = call.query("day").and_then(|day| day.trim().parse().ok());
    // The last day that is over.
    let day = asked.unwrap_or_else(|| jiff::Zoned::now().date().yesterday().unwrap_or_default());
    let findings = find(call, day)?;
    let offset = super::offset(call, PAGE_SIZE);
    let page = SignalsPage { findings: &findings, day: &day.to_string(), offset, page_size: PAGE_SIZE };
    let html = viewer::signals(&super::frame(call), &page);
    let shown = findings.flags.len().saturating_sub(offset).min(PAGE_SIZE);
    let said =
        Shown { event: "audit.query", hits: Some(shown as u64), query: Some(format!("signals of {day}")), ..Shown::default() };
    Ok(permit.answer(Body::html(html), said)?.into())
}
