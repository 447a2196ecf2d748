//! Configuration of the access log: where copies of it and of its checkpoints go, and how long it is kept.
//!
//! Not for: switching it off. There is no such setting.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Problem, from_folder};

/// `[audit]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// A folder outside the server's trust domain where each checkpoint is dropped.
    pub witness: Option<PathBuf>,
    pub syslog: Option<SyslogTarget>,
    /// Free space on the log's disk below which nothing more is shown, in MiB: 64 to 1,048,576. When not set, the larger of
    /// 2 GiB and 5 % of the disk.
    pub reserve_mib: Option<u32>,
    /// CSV of who the users are, for the signals of snooping.
    pub workforce: Option<PathBuf>,
    /// CSV of address ranges and the sites that they stand for, for the same signals.
    pub sites: Option<PathBuf>,
    /// CSV of the patients of whom the news speak, for the same signals.
    pub news: Option<PathBuf>,
    /// 6 to 100; entries about a patient stay longer where the patient's own floor is later.
    pub retention_years: u32,
    /// The rules of that floor, instead of the built-in ones (`schemas/retention.toml`).
    pub retention: Option<PathBuf>,
}

impl Default for AuditConfig {
    fn default() -> AuditConfig {
        AuditConfig {
            witness: None,
            syslog: None,
            reserve_mib: None,
            workforce: None,
            sites: None,
            news: None,
            retention_years: 10,
            retention: None,
        }
    }
}

/// `[audit.syslog]`: a collector by RFC 5424 over TLS (RFC 5425).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogTarget {
    /// `host:port`; the port is 6514 as a rule.
    pub address: String,
    /// PEM of the authorities to trust; else those of the browsers.
    pub ca_file: Option<PathBuf>,
    /// Whether every entry goes out, or checkpoints and alarms alone.
    #[serde(default)]
    pub entries: bool,
}

impl AuditConfig {
    pub(super) fn check(&mut self, folder: &Path) -> Result<(), Problem> {
        for path in
            [&mut self.witness, &mut self.workforce, &mut self.sites, &mut self.news, &mut self.retention].into_iter().flatten()
        {
            from_folder(folder, path);
        }
        if let Some(SyslogTarget { ca_file: Some(file), .. }) = &mut self.syslog {
            from_folder(folder, file);
        }
        if self.reserve_mib.is_some_and(|mib| !(64..=1 << 20).contains(&mib)) {
            return Err(("audit.reserve_mib".into(), "is from 64 to 1048576"));
        }
        if (6..=100).contains(&self.retention_years) { Ok(()) } else { Err(("audit.retention_years".into(), "is from 6 to 100")) }
    }
}
