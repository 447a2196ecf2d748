//! Oversight: what the access log tells those who answer for the archive. A projection of the log that can be asked
//! quickly, the reports on it, signals of snooping, and the forms in which all of it is handed out.
//!
//! Not for: the log itself and its proof (`audit`), or deciding who may read it (`access`).

pub mod accounting;
mod act;
pub mod columns;
pub mod forms;
pub mod integrity;
pub mod line;
pub mod looks;
pub mod projection;
pub mod reports;
pub mod signals;
pub mod verdicts;
pub mod volume;

#[cfg(test)]
mod tests;

pub use act::{Act, UserId};
pub use projection::{OversightError, Projection};
