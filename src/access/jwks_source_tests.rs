//! Tests of `jwks_source`.
