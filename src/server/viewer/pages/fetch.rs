//! The page on which a recipient fetches a package.
//!
//! Not for: checking what is typed there.

use askama::Template;

use super::super::frame::Frame;
use super::render;

#[derive(Template)]
#[template(path = "fetch.html")]
struct Page<'a> {
    frame: &'a Frame,
    /// Where the form goes; `None`: the link does not work, or no more.
    address: Option<&'a str>,
    problem: Option<&'a str>,
}

pub fn fetch(frame: &Frame, address: Option<&str>, problem: Option<&str>) -> String {
    render(Page { frame, address, problem })
}
