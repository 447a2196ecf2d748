//! Progress on a terminal as a bar with rate and time left; elsewhere as plain lines, a few of them.
//!
//! Not for: results. Progress goes to standard error.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far a long command is.
pub(super) struct Meter {
    bar: Option<ProgressBar>,
    started: Instant,
    /// Last tenth that was printed as a line, plus one.
    printed: AtomicU64,
    what: std::sync::Mutex<&'static str>,
}

impl Meter {
    pub(super) fn new() -> Meter {
        let bar = std::io::stderr().is_terminal().then(|| ProgressBar::new(0));
        Meter { bar, started: Instant::now(), printed: AtomicU64::new(0), what: std::sync::Mutex::new("") }
    }

    /// Step `done` of `of` of a stage; `is_bytes` chooses the unit.
    pub(super) fn show(&self, what: &'static str, done: u64, of: u64, is_bytes: bool) {
        let is_new = {
            let mut held = self.what.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::replace(&mut *held, what) != what
        };
        match &self.bar {
            Some(bar) => {
                if is_new {
                    let form = if is_bytes {
                        "{msg:12} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
                    } else {
                        "{msg:12} {bar:30} {pos}/{len} {eta} left"
                    };
                    bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
                    bar.reset();
                    bar.set_message(what);
                }
                bar.set_length(of);
                bar.set_position(done);
            }
            None => {
                let tenth = (done * 10).checked_div(of).unwrap_or(10);
                let due = is_new || self.printed.load(Ordering::Relaxed) < tenth / 5;
                if due {
                    self.printed.store(tenth / 5, Ordering::Relaxed);
                    eprintln!(
                        "{:7.1} s  {what}  {}%",
                        self.started.elapsed().as_secs_f64(),
                        (done * 100).checked_div(of).unwrap_or(100)
                    );
                }
            }
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
