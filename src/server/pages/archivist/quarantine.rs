//! The quarantine browser: places and reasons under the scope of accessions, and the form of one item under a scope and an
//! entry of its own.
//!
//! Not for: the words of an item. They are shown at the command line alone (`chartkeep quarantine show`).

use super::accession::{absent, id_of, named};
use super::looked_at;
use crate::access::{Scope, Shown};
use crate::query::KeptQuestion;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, KeptView, Paging};

/// `GET /accessions/{accession}/quarantine?reason=&file=&page=`
pub fn quarantine(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let Some((it, _)) = named(call, &permit)? else { return Err(absent(permit, "quarantine")) };
    let page = call.number("page", 1, 100_000)?.max(1);
    let asked = KeptQuestion {
        reason: call.query("reason").filter(|code| !code.is_empty()).map(String::from),
        file: call.query("file").and_then(|number| number.parse().ok()),
        offset: (page - 1) * Paging::ROWS,
        size: Paging::ROWS,
    };
    let found = call.archive().quarantined(&permit, id_of(&it), &asked)?;
    let view = KeptView { accession: it.accession.as_str(), source_system: &it.source_system, asked: &asked, found: &found };
    let html = viewer::kept(&super::super::frame(call), &view);
    Ok(permit.answer(Body::html(html), looked_at(format!("quarantine of {}", it.accession), found.rows.len() as u64))?.into())
}

/// `GET /accessions/{accession}/quarantine/{item}?entry=&from=`
pub fn kept(call: &Call) -> Result<Answer, ApiError> {
    let listed = call.ask(Scope::Accessions)?;
    let Some((it, _)) = named(call, &listed)? else { return Err(absent(listed, "quarantine")) };
    listed.answer((), looked_at(format!("quarantine of {}", it.accession), 1))?;
    let permit = call.ask(Scope::QuarantineMasked)?;
    let item = call.param("item").parse::<u64>().map_err(|_| ApiError::not_found());
    let entry = call.number("entry", 0, u32::MAX as usize)? as u32;
    let from = call.number("from", 0, usize::MAX / 2)? as u64;
    let event = "document.view";
    let found = item.map(|item| call.archive().kept_form(&permit, id_of(&it), (item, entry), from));
    let found = found.unwrap_or(Err(crate::query::QueryError::NotFound));
    let (permit, form) = call.found(permit, event, found)?;
    // Nobody knows whose it is: the entry names the place instead of a patient.
    let place = format!("kept item {}.{entry} of {}, masked", form.row.item, it.accession);
    let shown = Shown { event, hits: Some(1), query: Some(place), ..Shown::default() };
    let html = viewer::kept_item(&super::super::frame(call), it.accession.as_str(), &it.source_system, &form);
    Ok(permit.answer(Body::html(html), shown)?.into())
}
