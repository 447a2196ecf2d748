//! Proofs of redaction: every place where a word or a picture can hide, by files that are made, redacted, printed and read again.
//!
//! Not for: single steps, which have their tests beside them.
