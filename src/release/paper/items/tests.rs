//! Proofs.
//!
//! Not for: x.
