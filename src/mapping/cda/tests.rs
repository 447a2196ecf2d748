//! Mapping made-up documents.
