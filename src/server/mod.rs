//! server.

pub mod viewer;
