//! Windows on launched patients: their id stands first in every address (`/in/{window}/…`), so that a page leads only to
//! pages of the same patient, and two windows of one person cannot cross. This is the one place that puts it there.
//!
//! Not for: which patient a window is on (`register`), or what may be opened in it (`access`).

use crate::register::Who;
use crate::server::answer::{Body, HTML};
use crate::server::call::Call;
use crate::server::headers::{PAGE_POLICY, framed_by};

/// What stands before a window's id.
pub const PREFIX: &str = "/in/";
/// The address of any page in a window, for the route table.
pub const TEMPLATE: &str = "/in/{window}";

/// The path without its window.
pub fn bare_path(path: &str) -> &str {
    let rest = path.strip_prefix(PREFIX);
    rest.and_then(|rest| rest.find('/').and_then(|slash| rest.get(slash..))).unwrap_or(path)
}

/// Makes an answer fit the window that it is for: links stay in the window, and the EHR that launched it may frame it.
pub fn dress(call: &Call, mut body: Body) -> Body {
    let frames = frames(call);
    if !frames.is_empty() {
        let own = body.headers.iter().position(|(name, _)| *name == "Content-Security-Policy");
        let policy = own.map_or_else(|| PAGE_POLICY.to_string(), |at| body.headers.swap_remove(at).1);
        body = body.with("Content-Security-Policy", framed_by(&policy, &frames));
    }
    let Some(window) = &call.window else { return body };
    for (name, value) in &mut body.headers {
        if *name == "Location" && value.starts_with("/patients/") {
            *value = format!("{PREFIX}{}{value}", window.id);
        }
    }
    // A stored document has a policy of its own and no links of ours.
    let is_page = body.content_type == HTML && !body.headers.iter().any(|(_, value)| value.starts_with("sandbox"));
    if is_page && let Ok(html) = std::str::from_utf8(&body.bytes) {
        body.bytes = carried(html, &window.id).into_bytes();
    }
    body
}

/// Sites that may show this answer in a frame: those of the session's own launch; and where there is no session, pages on
/// the way of a launch, which hold no patient's data, those of any.
fn frames(call: &Call) -> Vec<String> {
    let elsewhere = &call.app.elsewhere;
    match &call.session {
        Some(session) => match &session.who {
            Who::Outside { issuer, .. } if session.embedded => elsewhere.frames_of(issuer),
            _ => Vec::new(),
        },
        None => {
            let on_the_way = ["/launch", "/signin/callback", PREFIX];
            let is_launch = on_the_way.iter().any(|start| call.context.path.starts_with(start));
            if is_launch { elsewhere.all_frames() } else { Vec::new() }
        }
    }
}

/// The page with each of its links inside the window. Text of records cannot be taken for a link: it is escaped, so it
/// has no quotation marks.
fn carried(html: &str, window: &str) -> String {
    const LINKS: [&str; 3] = [" href=\"", " action=\"", " src=\""];
    // What is the same in every window, or outside of it.
    const APART: [&str; 4] = ["//", "/static/", "/signin", PREFIX];
    let mut out = String::with_capacity(html.len() + html.len() / 16);
    let mut rest = html;
    while let Some(at) = rest.find("=\"/") {
        let (before, after) = rest.split_at(at + 2);
        out.push_str(before);
        if LINKS.iter().any(|link| before.ends_with(link)) && !APART.iter().any(|start| after.starts_with(start)) {
            out.push_str(PREFIX);
            out.push_str(window);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_a_page_stays_in_its_window_and_nothing_else_changes() {
        let page = r#"<a href="/patients/p1">x</a><form action="/account/leave"><img src="/documents/d/page/1.png">
<link href="/static/v/a.css"><a href="https://x.example/">=&quot;/</a><a href="/signin">y</a><p title="/patients/p1"></p><a href="x">"#;
        let expected = r#"<a href="/in/w/patients/p1">x</a><form action="/in/w/account/leave"><img src="/in/w/documents/d/page/1.png">
<link href="/static/v/a.css"><a href="https://x.example/">=&quot;/</a><a href="/signin">y</a><p title="/patients/p1"></p><a href="x">"#;
        assert_eq!(carried(page, "w"), expected);
        assert_eq!(carried(expected, "w"), expected, "a link that is in a window stays there");
    }

    #[test]
    fn a_window_is_no_part_of_the_path() {
        for (path, bare) in [
            ("/in/abc/patients/x", "/patients/x"),
            ("/in/abc/", "/"),
            ("/in/abc", "/in/abc"),
            ("/patients/in/x", "/patients/in/x"),
            ("/in/abc/fhir/Patient", "/fhir/Patient"),
        ] {
            assert_eq!(bare_path(path), bare);
        }
    }
}
