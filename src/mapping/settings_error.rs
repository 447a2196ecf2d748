//! Why a mapping file cannot be used.
//!
//! Not for: what may stand in one (`settings`, `tabular`).

/// Why a mapping file cannot be used; names the line where it can.
#[derive(Debug, thiserror::Error)]
#[error("mapping file: {0}")]
pub struct SettingsError(pub String);
