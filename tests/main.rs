//! The one integration-test binary; a module per behaviour.
mod exit;
mod gate_compile;
mod support;
mod verify;
