//! The gate as a client meets it: what leaves the server, to whom, and what stands in the log about it.
//!
//! Not for: the gate's parts on their own (`src/access`), or ways round it that must not compile (`gate_compile`).

mod accounts;
mod archivist;
mod break_glass;
mod disk;
mod docref;
mod documents;
mod fhir;
pub mod harness;
mod kill;
mod leak;
mod linked;
mod live;
mod rate;
mod reassign;
mod routes;
mod session;
mod subsets;
mod table;
mod tls;
mod tokens;
