//! Tests of `issuer`.
