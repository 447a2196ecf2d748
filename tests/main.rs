//! The one integration-test binary; a module per behaviour.
//!
//! Not for: what a module does inside; its own tests stand beside it in `src/`.

mod accession;
mod browser;
mod ccd;
mod ccda;
mod containers;
mod corpus;
mod crash;
mod detection;
mod exit;
mod exports;
mod formats;
mod gate;
mod gate_compile;
#[path = "../benches/hospital/mod.rs"]
mod hospital;
mod house;
mod ingest;
mod items;
mod labels;
mod mapped;
mod oversight;
mod packages;
#[path = "../benches/packer/mod.rs"]
mod packer;
mod proof;
mod releases;
mod sealed;
mod signin;
mod support;
mod terminology;
mod verify;
