//! A first mapping file from a profile, to be edited by a person.
//!
//! Not for: deciding.
