//! The gate: principals, policy, permits. Every record that leaves the archive passes here.
//!
//! Not for: reading records (`query`), HTTP (`server`), or account storage (`register`).

mod gate;
mod permit;
mod principal;

pub use gate::{Gate, GateError, RequestContext};
pub use permit::{Audited, Filter, Permit, Public, Scope, Shown};
pub use principal::{Principal, Purpose, Role};
