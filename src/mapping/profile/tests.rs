//! Tests of profiles by behaviour.
//!
//! Not for: the parts by themselves; those stand beside them.
