//! The board of requests.
//!
//! Not for: one request (`request`).

use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, BoardPage, Show};

/// `GET /releases?show=&view=`
pub fn board(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let show = Show::of(call.query("show").unwrap_or(""));
    // A release that was made alone is to be looked at even when the request is over.
    let ended = matches!(show, Show::Ended | Show::Emergency);
    let rows = super::told(call, call.wait(super::desk(call).list(ended, &who)))?;
    let frame = crate::server::pages::frame(call);
    let page = rows.map(|rows| {
        let page = BoardPage {
            rows: &rows,
            show,
            as_list: call.query("view") == Some("list"),
            me: &who.principal.name,
            now: jiff::Timestamp::now().as_second(),
        };
        Body::html(releases::board(&frame, &page))
    });
    Ok(page.into())
}
