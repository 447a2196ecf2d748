//! Links of narrative: where they lead, and which of them are refused.
//!
//! Not for: the words of a link (`node`).

use super::allow::allowed;
use crate::render::escape::is_direction;

/// Where a link leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// To an element of this page, by its id on the page.
    Inside(String),
    /// http, https, mailto or tel.
    Outside(String),
    /// Refused; the address is shown as text.
    Dead(String),
}

/// Where a link leads (spec ccda-render.md §6). `inside` gives the page's id of an id of the document.
pub(super) fn link(href: &str, inside: impl FnOnce(&str) -> Option<String>) -> Link {
    // Browsers drop these before they look at the scheme, so a scheme must not be told with them in it.
    let plain: String = href.trim().chars().filter(|c| !c.is_control()).collect();
    let dead = || Link::Dead(plain.clone());
    if let Some(id) = plain.strip_prefix('#') {
        return inside(id).map_or_else(dead, Link::Inside);
    }
    let Some((scheme, rest)) = plain.split_once(':') else { return dead() };
    let is_whole = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.starts_with("//") && rest.len() > 2 && !rest.starts_with("///"),
        _ => !rest.is_empty(),
    };
    let allowed = is_whole && allowed().takes_scheme(scheme);
    let is_plain = plain.chars().all(|c| !c.is_whitespace() && c != '\\' && !is_direction(c));
    if allowed && is_plain { Link::Outside(plain) } else { dead() }
}
