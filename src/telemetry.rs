//! tracing and metrics, the never-log rule.
