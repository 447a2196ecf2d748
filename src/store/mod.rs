//! store.

pub mod tables;
