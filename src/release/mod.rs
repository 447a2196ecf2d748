//! Releases of information: a request with its legal basis, what is chosen, withheld and redacted for it, who approves it, and
//! the package that leaves, which anyone can check.
//!
//! Not for: reading records (`query`), how pages are set (`render`), or HTTP (`server`).

pub mod basis;
pub mod ledger;
pub mod package;
pub mod request;
pub mod workflow;
