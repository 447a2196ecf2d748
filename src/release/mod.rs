//! Releases of information: requests, selection, redaction, approval, package, certificate. Empty so far: its place in
//! the layers is kept.
//!
//! Not for: reading records (`query`), or what a document looks like (`render`).
