//! One file per command of the command line, and the exit codes.
//!
//! Not for: the work itself; a command wires modules together and prints.


pub mod audit;
mod operator;
pub mod token;
pub mod user;

pub mod synth;


/// Parses the command line and runs the command. Exit codes: 0 done, 1 done with findings, 2 refused or failed.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}
