//! The parts of the site, by path: FHIR, the JSON API, tokens, the viewer, operation.
//!
//! Not for: the paths themselves (`routes`).

/// The part of the site a path belongs to: decides how errors look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Area {
    Fhir,
    Api,
    /// Where programs ask for tokens, and learn how.
    Oauth,
    Viewer,
    Ops,
}

impl Area {
    /// The area of any path, for answers to paths that have no route.
    pub fn of(path: &str) -> Area {
        let under = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if under("/fhir") {
            Area::Fhir
        } else if under("/api") {
            Area::Api
        } else if under("/oauth") || under("/.well-known") {
            Area::Oauth
        } else if ["/healthz", "/readyz", "/metrics"].contains(&path) {
            Area::Ops
        } else {
            Area::Viewer
        }
    }
}
