//! The sections of a Continuity of Care Document, each from the records that belong there.
//!
//! A section is a pure function of the chart; it gives narrative and entries together, so that every entry has its words.
//!
//! Not for: the header, or how anything is written as XML.

pub mod routing;
