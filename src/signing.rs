//! Ed25519 keys, signers and signed notes.
