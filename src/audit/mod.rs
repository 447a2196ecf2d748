//! The tamper-evident audit log: entries, hash chain, Merkle tree, signed checkpoints, verification.
//!
//! Not for: deciding what may be read (`access`).

/// The log of this process: one writer thread, one stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditLog;
