//! checked configuration.
