//! Configuration of releases: the site's own texts, how pages are numbered and cut into volumes, whom a recipient can ask.
//!
//! Not for: legal bases (`schemas/release/bases.toml`), or who may release (the policy).

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Problem, from_folder};

/// `[release]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReleaseConfig {
    /// Folder with the site's notices and certificates: `notices.toml`, `certificates/*.toml`. A text of a shipped name takes
    /// that one's place.
    pub texts: Option<PathBuf>,
    /// What Bates numbers begin with; the year follows: `RIV` gives `RIV26-00000001`. `None`: pages bear no such numbers.
    pub bates_prefix: Option<String>,
    /// 6 to 10.
    pub bates_digits: u8,
    /// Where a volume ends: 50 to 20,000 pages.
    pub volume_pages: u64,
    /// Likewise, in MiB: 10 to 2,000.
    pub volume_mib: u64,
    /// Whether recipients are told what was withheld, by category and count.
    pub tells_withheld: bool,
    /// Whether a sheet stands where a document was taken out by decision.
    pub slip_sheets: bool,
    /// The site's own legal bases and definitions of records, in the form of `schemas/release/bases.toml` and `record-sets.toml`,
    /// in place of those.
    pub bases: Option<PathBuf>,
    pub record_sets: Option<PathBuf>,
    pub contact: ContactConfig,
}

impl Default for ReleaseConfig {
    fn default() -> ReleaseConfig {
        ReleaseConfig {
            texts: None,
            bates_prefix: None,
            bates_digits: 8,
            volume_pages: 1000,
            volume_mib: 200,
            tells_withheld: false,
            slip_sheets: false,
            bases: None,
            record_sets: None,
            contact: ContactConfig::default(),
        }
    }
}

/// `[release.contact]`: whom a recipient asks. What is not given is taken from `[custodian]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactConfig {
    /// `Health Information Management`
    pub department: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    /// `Monday to Friday, 8:00 to 16:30`
    pub hours: Option<String>,
}

impl ReleaseConfig {
    pub(super) fn check(&mut self, folder: &Path) -> Result<(), Problem> {
        for path in [&mut self.texts, &mut self.bases, &mut self.record_sets].into_iter().flatten() {
            from_folder(folder, path);
        }
        let invalid = |key: &str, problem| Err((format!("release.{key}"), problem));
        let is_prefix = |prefix: &str| (1..=8).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_alphanumeric());
        if self.bates_prefix.as_deref().is_some_and(|prefix| !is_prefix(prefix)) {
            return invalid("bates_prefix", "is 1 to 8 letters and digits");
        }
        if !(6..=10).contains(&self.bates_digits) {
            return invalid("bates_digits", "is from 6 to 10");
        }
        if !(50..=20_000).contains(&self.volume_pages) {
            return invalid("volume_pages", "is from 50 to 20000");
        }
        if !(10..=2_000).contains(&self.volume_mib) {
            return invalid("volume_mib", "is from 10 to 2000");
        }
        let contact = &self.contact;
        for (key, text) in [("department", &contact.department), ("phone", &contact.phone), ("email", &contact.email)] {
            if text.as_deref().is_some_and(|text| text.len() > 200 || text.contains(char::is_control)) {
                return invalid(&format!("contact.{key}"), "is one line of at most 200 characters");
            }
        }
        if contact.hours.as_deref().is_some_and(|text| text.len() > 200 || text.contains(char::is_control)) {
            return invalid("contact.hours", "is one line of at most 200 characters");
        }
        Ok(())
    }
}
