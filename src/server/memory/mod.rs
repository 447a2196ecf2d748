//! What the server remembers between requests, so that it is not read again: names, counts, tokens that
//! stand.
//!
//! Not for: anything that has to outlive the process (`register`, `audit`).

mod directory;
mod standing;
mod tallies;

pub use directory::Directory;
pub use standing::Standing;
pub use tallies::Tallies;
