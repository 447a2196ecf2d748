//! Configuration of notices: who is told at once of break-glass and of alarms.
//!
//! Not for: the review that follows (`register`), or the log of it (`audit`).

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Problem, from_folder};

/// `[notices]`. With neither set, notices stand in the review queue and the access log alone, and `serve` says so.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeConfig {
    /// `https://…`: gets a POST of JSON without patient data beyond the archive's own patient key.
    pub webhook: Option<String>,
    /// The webhook's bearer secret, in a file.
    pub webhook_secret_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// Notices also go to the collector of `[audit.syslog]`.
    pub syslog: bool,
    /// Days within which a use of break-glass is to be reviewed; 7 when not set.
    pub review_days: Option<u32>,
}

impl NoticeConfig {
    pub(super) fn check(&mut self, folder: &Path) -> Result<(), Problem> {
        [&mut self.webhook_secret_file, &mut self.ca_file].into_iter().flatten().for_each(|path| from_folder(folder, path));
        if self.webhook.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://127.0.0.1")) {
            return Err(("notices.webhook".into(), "is an https address"));
        }
        if self.review_days.is_some_and(|days| days == 0 || days > 30) {
            return Err(("notices.review_days".into(), "is from 1 to 30"));
        }
        Ok(())
    }
}
