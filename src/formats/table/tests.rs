//! Tests of the table reader by behaviour.
//!
//! Not for: mappings.
