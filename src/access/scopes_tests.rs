//! Tests of `scopes`.
