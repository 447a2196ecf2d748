//! The configuration of one archive: an optional `chartkeep.toml`, checked whole before anything starts.
//!
//! Not for: bounds of the software (`limits`), secrets (they stand in files of their own), or anything that changes
//! while the archive runs (`register`).

mod access;
mod audit;
mod custodian;
mod http;
mod notices;
mod release;
mod viewer;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::{Precision, When};

pub use access::{AccessConfig, Issuer, IssuerUse, SignedLaunch};
pub use audit::{AuditConfig, SyslogTarget};
pub use custodian::CustodianConfig;
pub use http::HttpConfig;
pub use notices::NoticeConfig;
pub use release::{ContactConfig, ReleaseConfig};
pub use viewer::ViewerConfig;

/// The file's name, inside the archive's folder or beside it.
pub const CONFIG_FILE: &str = "chartkeep.toml";

/// Why the configuration was refused; `serve` does not start then.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The text names the line and the key.
    #[error("{path}: {text}", path = path.display())]
    Malformed { path: PathBuf, text: String },
    #[error("{path}: {key} {problem}", path = path.display())]
    Invalid { path: PathBuf, key: String, problem: &'static str },
    #[error("{inside} and {beside} both exist; keep one", inside = inside.display(), beside = beside.display())]
    Twice { inside: PathBuf, beside: PathBuf },
}

/// A checked configuration. Every field has a default, so that an archive needs no file at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Shown in the viewer's head and on reports.
    pub institution: Option<String>,
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; without any, one on this machine.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where the private keys lie; `None`: the default place beside the archive.
    pub private_keys: Option<PathBuf>,
    pub log_level: String,
    pub log_format: LogFormat,
    pub session: SessionConfig,
    /// Whether a delivery is read by nobody until a sample of it was looked at and accepted (`chartkeep signoff`).
    pub publish_needs_signoff: bool,
    /// The last day that each source system was in use.
    pub cutover: BTreeMap<String, When>,
    /// Who keeps the archive, as documents name it.
    pub custodian: CustodianConfig,
    /// Identity providers, launches and the policy's file.
    pub access: AccessConfig,
    /// Where copies of the access log and of its checkpoints go.
    pub audit: AuditConfig,
    /// Bounds and frames of the web server.
    pub http: HttpConfig,
    /// Who is told at once of break-glass and of alarms.
    pub notices: NoticeConfig,
    /// Texts, numbers and volumes of releases.
    pub release: ReleaseConfig,
    /// What the pages do by themselves.
    pub viewer: ViewerConfig,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Compact,
    Json,
}

/// How long a signed-in person stays so (spec access.md §10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// 1 to 60.
    pub idle_minutes: u32,
    /// 1 to 24.
    pub absolute_hours: u32,
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig { idle_minutes: 15, absolute_hours: 12 }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            institution: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            trusted_proxies: Vec::new(),
            private_keys: None,
            log_level: "info".into(),
            log_format: LogFormat::default(),
            session: SessionConfig::default(),
            publish_needs_signoff: false,
            cutover: BTreeMap::new(),
            custodian: CustodianConfig::default(),
            access: AccessConfig::default(),
            audit: AuditConfig::default(),
            http: HttpConfig::default(),
            notices: NoticeConfig::default(),
            release: ReleaseConfig::default(),
            viewer: ViewerConfig::default(),
        }
    }
}

/// A key and what is wrong with its value.
pub(crate) type Problem = (String, &'static str);

/// A relative path of the file, from the file's folder.
fn from_folder(folder: &Path, path: &mut PathBuf) {
    *path = folder.join(&*path);
}

/// The file as written. An unknown key is an error: a misspelt setting must not silently do nothing.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ConfigFile {
    institution: Option<String>,
    listen: Option<SocketAddr>,
    trusted_proxies: Vec<IpAddr>,
    private_keys: Option<PathBuf>,
    log_level: Option<String>,
    log_format: LogFormat,
    session: SessionConfig,
    publish_needs_signoff: bool,
    cutover: BTreeMap<String, String>,
    custodian: CustodianConfig,
    access: AccessConfig,
    audit: AuditConfig,
    http: HttpConfig,
    notices: NoticeConfig,
    release: ReleaseConfig,
    viewer: ViewerConfig,
}

impl Config {
    /// The configuration of the archive at `archive`: `chartkeep.toml` inside it or beside it, or the defaults.
    pub fn load(archive: &Path) -> Result<Config, ConfigError> {
        let inside = archive.join(CONFIG_FILE);
        let beside = archive.parent().unwrap_or(Path::new("")).join(CONFIG_FILE);
        match (inside.exists(), beside.exists()) {
            (true, true) => Err(ConfigError::Twice { inside, beside }),
            (true, false) => Config::read(&inside),
            (false, true) => Config::read(&beside),
            (false, false) => Ok(Config::default()),
        }
    }

    /// The configuration in the file at `path`. Relative paths in it start from its folder.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
        Config::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let file: ConfigFile =
            toml::from_str(text).map_err(|error| ConfigError::Malformed { path: path.to_path_buf(), text: error.to_string() })?;
        let invalid = |key: &str, problem| ConfigError::Invalid { path: path.to_path_buf(), key: key.into(), problem };
        if !(1..=60).contains(&file.session.idle_minutes) {
            return Err(invalid("session.idle_minutes", "is from 1 to 60"));
        }
        if !(1..=24).contains(&file.session.absolute_hours) {
            return Err(invalid("session.absolute_hours", "is from 1 to 24"));
        }
        let mut cutover = BTreeMap::new();
        for (source_system, day) in file.cutover {
            let day = When::parse(&day)
                .filter(|day| day.precision() == Precision::Day)
                .ok_or_else(|| invalid(&format!("cutover.{source_system}"), "is a day, YYYY-MM-DD"))?;
            cutover.insert(source_system, day);
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let (mut access, mut audit, mut http, mut notices) = (file.access, file.audit, file.http, file.notices);
        let mut release = file.release;
        file.custodian.check().map_err(|(key, problem)| invalid(&key, problem))?;
        access.check(folder).map_err(|(key, problem)| invalid(&key, problem))?;
        audit.check(folder).map_err(|(key, problem)| invalid(&key, problem))?;
        http.check(folder).map_err(|(key, problem)| invalid(&key, problem))?;
        notices.check(folder).map_err(|(key, problem)| invalid(&key, problem))?;
        release.check(folder).map_err(|(key, problem)| invalid(&key, problem))?;
        let defaults = Config::default();
        Ok(Config {
            institution: file.institution,
            listen: file.listen.unwrap_or(defaults.listen),
            trusted_proxies: file.trusted_proxies,
            private_keys: file.private_keys.map(|keys| path.parent().unwrap_or(Path::new("")).join(keys)),
            log_level: file.log_level.unwrap_or(defaults.log_level),
            log_format: file.log_format,
            session: file.session,
            publish_needs_signoff: file.publish_needs_signoff,
            cutover,
            custodian: file.custodian,
            access,
            audit,
            http,
            notices,
            release,
            viewer: file.viewer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/archive/chartkeep.toml"))
    }

    #[test]
    fn a_full_file_is_read() {
        let config = parse(
            r#"
            institution = "Sankt Elsewhere"
            listen = "0.0.0.0:8443"
            trusted_proxies = ["10.0.0.7", "::1"]
            private_keys = "keys"
            log_level = "warn"
            log_format = "json"
            publish_needs_signoff = true
            [session]
            idle_minutes = 10
            [cutover]
            mer = "2019-06-30"
            "#,
        )
        .unwrap();
        assert_eq!(config.listen.port(), 8443);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.private_keys.as_deref(), Some(Path::new("/etc/archive/keys")));
        assert_eq!(config.session, SessionConfig { idle_minutes: 10, absolute_hours: 12 });
        assert_eq!(config.cutover["mer"].text(), "2019-06-30");
        assert_eq!(config.log_format, LogFormat::Json);
        assert!(config.publish_needs_signoff);
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn a_misspelt_key_or_an_impossible_value_is_refused_by_name() {
        for (text, named) in [
            ("instituton = 'x'", "instituton"),
            ("[session]\nidle = 5", "idle"),
            ("[session]\nidle_minutes = 0", "idle_minutes"),
            ("[session]\nabsolute_hours = 48", "absolute_hours"),
            ("listen = 'everywhere'", "listen"),
            ("trusted_proxies = ['10.0.0.0/8']", "trusted_proxies"),
            ("[cutover]\nmer = '2019-02-30'", "cutover.mer"),
            ("[cutover]\nmer = '2019'", "cutover.mer"),
            ("[release]\nbates_prefix = 'RIV-1'", "release.bates_prefix"),
            ("[release]\nvolume_pages = 10", "release.volume_pages"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_file_lies_inside_the_archive_or_beside_it_but_not_both() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        std::fs::create_dir(&archive).unwrap();
        assert_eq!(Config::load(&archive).unwrap(), Config::default());
        std::fs::write(folder.path().join(CONFIG_FILE), "log_level = 'debug'").unwrap();
        assert_eq!(Config::load(&archive).unwrap().log_level, "debug");
        std::fs::write(archive.join(CONFIG_FILE), "log_level = 'warn'").unwrap();
        assert!(matches!(Config::load(&archive), Err(ConfigError::Twice { .. })));
    }
}
