//! The operator at the command line and the archive that he works on: who he is, its keys, its audit log.
//!
//! Not for: what a command does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::access::{Gate, Policy, Principal, RequestContext, Role, entry};
use crate::audit::{AuditLog, Entry, Outcome};
use crate::config::Config;
use crate::register::{BlockingRegister, PasswordRules, REGISTER_FILE};
use crate::signing::{KeyPurpose, KeyRing, SigningKey, default_private_dir, load_signer};

/// An archive as an operator's command sees it.
pub(super) struct Workplace {
    archive: PathBuf,
    private_keys: PathBuf,
    rules: PasswordRules,
    /// The site's own policy, where it has one.
    policy: Option<PathBuf>,
    pub(super) ring: KeyRing,
    pub(super) log: AuditLog,
}

impl Workplace {
    /// Opens the archive for a command that writes audit entries; works while others, `serve` among them, have it open.
    pub(super) fn open(archive: &Path) -> anyhow::Result<Workplace> {
        let config = Config::load(archive)?;
        let ring = load_ring(archive)?;
        let rules = PasswordRules::new(config.institution.as_deref(), config.access.known_passwords.as_deref())?;
        let private_keys = config.private_keys.unwrap_or_else(|| default_private_dir(archive));
        let audit_key = load_signer(&private_keys, KeyPurpose::Audit)?;
        let log = AuditLog::open_configured(archive, Arc::new(audit_key), &config.audit)?;
        Ok(Workplace { archive: archive.to_path_buf(), private_keys, rules, policy: config.access.policy, ring, log })
    }

    /// The gate, under the policy in force. A policy that is not the one of the last time is entered in the log before it
    /// decides anything.
    pub(super) fn gate(&self) -> anyhow::Result<Gate> {
        let policy = policy_in_force(self.policy.as_deref())?;
        let register = self.register()?;
        let before = register.last_policy()?;
        let known = before.clone().unwrap_or_else(|| Policy::built_in().digest().to_string());
        if *known != *policy.digest() {
            let detail = vec![
                ("from", known),
                ("to", policy.digest().to_string()),
                ("name", policy.name().into()),
                ("version", policy.version().into()),
            ];
            self.log.append(operator_entry("policy.changed", Role::Admin, "policy", detail))?;
        }
        if before.as_deref() != Some(&*policy.digest()) {
            register.note_policy(&policy.digest())?;
        }
        Ok(Gate::new(self.log.clone(), policy))
    }

    pub(super) fn register(&self) -> anyhow::Result<BlockingRegister> {
        Ok(BlockingRegister::open(&self.archive.join(REGISTER_FILE))?.with_rules(self.rules.clone()))
    }

    pub(super) fn signer(&self, purpose: KeyPurpose) -> anyhow::Result<SigningKey> {
        Ok(load_signer(&self.private_keys, purpose)?)
    }
}

/// The policy of a site's file, or the built-in one.
pub(super) fn policy_in_force(file: Option<&Path>) -> anyhow::Result<Arc<Policy>> {
    Ok(match file {
        Some(path) => Arc::new(Policy::load(path)?),
        None => Policy::built_in(),
    })
}

/// The register of an archive, for a command that only looks.
pub(super) fn open_register(archive: &Path) -> anyhow::Result<BlockingRegister> {
    load_ring(archive)?;
    Ok(BlockingRegister::open(&archive.join(REGISTER_FILE))?)
}

/// A folder without keys is no archive, and no command may begin to make it one.
fn load_ring(archive: &Path) -> anyhow::Result<KeyRing> {
    KeyRing::load(archive).with_context(|| format!("{} is not an archive", archive.display()))
}

/// An entry about `event` by the operator, acting in `role`; `command` is its name, without arguments.
pub(super) fn operator_entry(event: &'static str, role: Role, command: &str, detail: Vec<(&'static str, String)>) -> Entry {
    let principal = Principal::operator(&operator_name(), role, role.usual_purpose());
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: command.into(),
        ..RequestContext::default()
    };
    Entry { detail, ..entry(event, &principal, &context) }
}

/// The operator as the operating system's session names him. Whoever may run commands here may also set these
/// variables: the name says who it was among honest operators, and no more.
pub(super) fn operator_name() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "unknown".into())
}

/// Makes a change once its entry is durable, so that no change goes unlogged; a change that then fails is logged as such.
pub(super) fn logged<T, E: std::error::Error + Send + Sync + 'static>(
    workplace: &Workplace,
    event: &'static str,
    command: &str,
    detail: Vec<(&'static str, String)>,
    change: impl FnOnce() -> Result<T, E>,
) -> anyhow::Result<T> {
    let entry = operator_entry(event, Role::Admin, command, detail);
    workplace.log.append(entry.clone())?;
    change().map_err(|error| {
        let mut failed = entry;
        failed.outcome = Outcome::MinorFailure;
        failed.outcome_desc = Some(error.to_string());
        match workplace.log.append(failed) {
            Ok(_) => error.into(),
            Err(log) => anyhow::Error::from(error).context(log),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit;
    use crate::config::CONFIG_FILE;
    use crate::signing::init_keys;

    #[test]
    fn a_policy_that_changed_is_logged_once_with_both_digests() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        init_keys(&archive, &default_private_dir(&archive)).unwrap();
        let gate = || {
            let workplace = Workplace::open(&archive).unwrap();
            let digest = workplace.gate().map(|gate| gate.policy().digest().to_string());
            workplace.log.close();
            digest
        };
        let changes = || -> Vec<(String, String)> {
            let query = audit::Query { newest_first: false, ..audit::Query::default() };
            let entries = audit::read(&archive, &query).unwrap().into_iter();
            let changes = entries.filter(|found| found.entry["event"] == "policy.changed");
            let text = |found: &audit::Found, name: &str| found.entry["detail"][name].as_str().unwrap().to_string();
            changes.map(|found| (text(&found, "from"), text(&found, "to"))).collect()
        };
        let built_in = gate().unwrap();
        assert_eq!((built_in.as_str(), changes().len()), (&*Policy::built_in().digest(), 0), "as it came is no change");
        std::fs::write(archive.join(CONFIG_FILE), "[access]\npolicy = \"site.toml\"").unwrap();
        assert!(gate().is_err(), "a policy that is not there is no reason to take another");
        let file = archive.join("site.toml");
        std::fs::write(&file, format!("{}\n# ours", Policy::built_in().text())).unwrap();
        let site = gate().unwrap();
        assert_eq!(changes(), [(built_in.clone(), site.clone())]);
        assert_eq!((gate().unwrap(), changes().len()), (site.clone(), 1), "said once");
        std::fs::write(&file, "schema = 1\nname = \"broken\"").unwrap();
        assert!(gate().is_err());
        std::fs::remove_file(archive.join(CONFIG_FILE)).unwrap();
        assert_eq!((gate().unwrap(), changes().pop()), (built_in.clone(), Some((site, built_in))));
    }
}
