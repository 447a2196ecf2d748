//! Signals of snooping: a day of the access log is read as a stream, and every pair of a user and a chart, and every user's
//! day as a whole, gets one score with the evidence it is made of.
//!
//! ```text
//! acts ──▶ Day ──▶ assess(day, facts, history) ──▶ flags, highest first
//! ```
//!
//! A flag says "look at this", never "this person did wrong". Scores are sums of bits: what a sign weighs is the logarithm of
//! how much more often it is seen among snooping than in the ordinary work of the same job (`schemas/signals.toml`).
//!
//! `gather` brings the three together for an archive. Not for: who may see the flags (`access`, `server`).

mod assess;
mod day;
mod facts;
mod gather;
mod history;
mod lists;
mod marks;
mod measure;
mod pairs;
mod peers;
mod sheet;
#[cfg(test)]
mod tests;
mod weights;
mod words;
mod workforce;

pub use assess::{Evidence, Findings, Flag, assess};
pub use day::{Day, DayFull};
pub use facts::{Archived, Census, Encounter, Facts, PatientFacts, Sites, SitesError, UserFacts, place_name};
pub use gather::{CaredFor, GatherError, Sources, judge};
pub use history::{History, Opened, Past};
pub use lists::News;
pub use marks::{Mark, Marks};
pub use measure::{robust_z, walk};
pub use sheet::{RowTrouble, SheetError};
pub use weights::{Rule, Sign, weights};
pub use workforce::Workforce;
