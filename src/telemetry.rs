//! Log lines to standard error and metrics for Prometheus.
//!
//! Not for: the audit log (`audit`), which is evidence; this is for the people who keep the archive running.
//!
//! **Never logged, at any level, nor put into a metric's name or label:** anything from a record (names, dates, numbers,
//! text, snippets, also inside errors), what was searched for, patient keys and record ids, request paths that hold
//! either, tokens, cookies, passwords, keys. What may be logged: counts, sizes, durations, status codes, accession
//! ids, file names of the archive, account names of those who run it, and the request id, by which the audit log can
//! be asked for the rest.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::Write;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// The environment variable that overrides the configured level, in the syntax of `EnvFilter`.
const LEVEL_VARIABLE: &str = "CHARTKEEP_LOG";

/// Bounds of the buckets of every histogram of durations, in seconds.
const DURATION_BUCKETS_S: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log level is not understood: {0}")]
    Level(String),
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Starts log lines to standard error, at `level` (an `EnvFilter` directive such as `info` or `warn,chartkeep=debug`)
/// unless `CHARTKEEP_LOG` says otherwise. A second call changes nothing.
///
/// # Errors
/// `Level` when the directive is malformed.
pub fn init_logging(level: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let directives = std::env::var(LEVEL_VARIABLE).unwrap_or_else(|_| level.into());
    let filter = EnvFilter::try_new(&directives).map_err(|_| TelemetryError::Level(directives))?;
    // A line that cannot be written (a full disk under a log file) is lost; complaining about it would panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // An error only says that logging has been started before.
    let _ = match format {
        LogFormat::Compact => lines.compact().try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}

/// As a shell tells of a program that a closed pipe ended: 128 and the number of SIGPIPE.
const CLOSED_PIPE: i32 = 141;

/// Makes a panic say where it happened and nothing else: its own text may quote a document or a record.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        // Whoever reads the output has read enough (`chartkeep … | head`): that is no fault of this program.
        let text = panic.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to stdout") && text.contains("Broken pipe") {
            std::process::exit(CLOSED_PIPE);
        }
        let place = panic.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        tracing::error!(%place, "a panic; its text is withheld, since it may hold record content");
        if !tracing::enabled!(tracing::Level::ERROR) {
            // Not `eprintln!`, which panics where it cannot write: a panic in here would end the process.
            let _ = writeln!(std::io::stderr(), "chartkeep: a panic at {place}");
        }
    }));
}

/// The metrics of this process, to be shown at `/metrics`.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Installs the recorder behind the `metrics` macros; once per process.
    ///
    /// # Errors
    /// `Metrics` when one is installed already.
    pub fn install() -> Result<Metrics, TelemetryError> {
        let handle = builder()?.install_recorder()?;
        Ok(Metrics { handle })
    }

    /// All metrics in Prometheus text format 0.0.4.
    pub fn render(&self) -> String {
        // Folds the samples of histograms together; without, they would pile up between two scrapes.
        self.handle.run_upkeep();
        self.handle.render()
    }
}

fn builder() -> Result<PrometheusBuilder, TelemetryError> {
    Ok(PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &DURATION_BUCKETS_S)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_durations_are_rendered() {
        let recorder = builder().unwrap().build_recorder();
        let shown = Metrics { handle: recorder.handle() };
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("chartkeep_gate_denied_total", "reason" => "role").increment(2);
            metrics::histogram!("chartkeep_request_seconds").record(0.003);
        });
        let text = shown.render();
        assert!(text.contains("chartkeep_gate_denied_total{reason=\"role\"} 2"), "{text}");
        assert!(text.contains("chartkeep_request_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }

    #[test]
    fn a_malformed_level_is_refused() {
        assert!(matches!(init_logging("chartkeep=loud", LogFormat::Compact), Err(TelemetryError::Level(_))));
    }
}
