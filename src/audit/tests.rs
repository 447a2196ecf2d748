//! Behaviour of the log as a whole: concurrency, crashes, tampering.
