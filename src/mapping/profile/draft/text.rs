//! Texts as a mapping file has them: in comments and as values.
//!
//! Not for: what is said (`tables`, `columns`, `elements`).

/// For comments, which end with their line.
pub(super) fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// A text as TOML writes it.
pub(super) fn text(text: impl AsRef<str>) -> String {
    toml::Value::String(text.as_ref().to_string()).to_string()
}
