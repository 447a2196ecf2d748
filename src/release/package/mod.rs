//! A release package: what is in it (`manifest`), its signatures (`seal`), its one file (`container`), its encryption for the way
//! (`wrap`), and the check that anyone can make (`verify`).
//!
//! Not for: what its pages say and how they look (`render`), or leave to hand it out (`workflow`).

pub mod container;
mod contents;
pub mod manifest;
mod numbers;
pub mod seal;
pub mod verify;
pub mod wrap;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

pub use contents::AUDIT_PROOF;

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
