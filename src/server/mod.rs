//! The web server: FHIR, the JSON API and the viewer behind one route table; TLS, limits, sign-in.
//!
//! Not for: reading the archive's files: every record comes through `query` under a permit. The server cannot name the
//! store or the index.

mod alerts;
mod answer;
mod api;
mod area;
mod call;
mod door;
mod events;
mod fault;
mod fhir;
mod headers;
mod health;
mod jobs;
mod lookup;
mod memory;
mod multipart;
mod notices;
mod oauth;
mod owed;
mod packed;
mod pages;
mod rate;
mod router;
pub mod routes;
mod serve;
mod signin;
mod state;
mod statements;
mod stream;
mod tls;
pub mod viewer;
mod watch;

pub use serve::{ServeError, ServeOptions, Services, run};

#[cfg(test)]
mod tests;
