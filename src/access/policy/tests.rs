//! The built-in policy cell by cell, what every policy keeps to whatever it says, and faulty files by name.
//!
//! Not for: the gate (`access::tests`).

mod built_in;
mod faulty;
mod laws;
