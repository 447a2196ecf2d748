//! Configuration of the viewer: what its pages do by themselves.
//!
//! Not for: what may be seen (the policy), or a person's own settings (`register::settings`).

use serde::Deserialize;

/// `[viewer]`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewerConfig {
    /// Whether the page that finds patients searches when somebody stops typing, from three letters on. Each such search is one
    /// in the access log and counts against `http.patient_searches_per_minute`. Otherwise Enter alone searches.
    pub search_as_you_type: bool,
}

impl Default for ViewerConfig {
    fn default() -> ViewerConfig {
        ViewerConfig { search_as_you_type: true }
    }
}
