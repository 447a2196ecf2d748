//! Who is who: from what was said about patient keys to persons, and from what is known of patients to pairs that a
//! person should look at. Pure: the same statements and patients always give the same answer.
//!
//! Nothing is merged. A person is a set of patient keys whose records are shown together, each under its own key; taking
//! a statement back gives exactly the state before it.
//!
//! Not for: writing statements (`statements`), or reading patients (`query`).

mod candidates;
mod crosswalk;
mod events;
mod features;
mod reassigned;
mod resolver;
mod weights;

#[cfg(test)]
mod tests;

pub use candidates::{Candidate, Candidates, candidates};
pub use crosswalk::{Crosswalk, CrosswalkError, DelimitedRows, Known, Plan, Row, Status, Trouble};
pub use events::{SharedNamespaces, links_of_patient, statements_of};
pub use features::{Agreement, Features, compare};
pub use reassigned::{Reassigned, Reassignment};
pub use resolver::{Conflict, Parted, Resolver, Said};
pub use weights::{Weights, weights};
