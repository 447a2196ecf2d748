//! The one integration-test binary; a module per behaviour.
mod gate_compile;
