//! Chartkeep: a read-only archive for retired electronic health record systems.
//!
//! The modules follow the flow of the data, sources → ingest → store → index → query → server and release; which may
//! import which stands in ARCHITECTURE.md and is held by `tests/house.rs`.
//!
//! Not for: anything by itself. The binary calls `commands`; the integration tests call what they examine.

pub mod access;
pub mod audit;
pub mod commands;
pub mod config;
pub mod durable;
pub mod export;
pub mod formats;
pub mod identity;
pub mod index;
pub mod ingest;
pub mod limits;
pub mod mapping;
pub mod merkle;
pub mod model;
pub mod names;
pub mod outbound;
pub mod oversight;
pub mod query;
pub mod register;
pub mod release;
pub mod render;
pub mod server;
pub mod signing;
#[cfg(test)]
pub(crate) mod small_archive;
pub mod sources;
pub mod statements;
pub mod store;
pub mod synth;
pub mod telemetry;
