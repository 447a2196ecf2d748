//! People who come from elsewhere: sign-in at an identity provider, launch by an EHR with a patient, signed launch
//! addresses; and the windows on launched patients.
//!
//! Not for: accounts of this archive (`pages::sign`), or access tokens of programs (`access`).

mod again;
mod arrive;
mod code;
mod launch;
mod leave;
mod logout;
mod matching;
mod person;
mod provider;
mod refusal;
mod signed;
pub mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::Issuers;
use crate::config::{AccessConfig, IssuerUse};

pub use again::{again, again_address, may_prove_again};
pub use arrive::session_cookie;
pub use code::{callback, start};
pub use launch::launch;
pub use leave::{leave, switch_role};
pub use logout::{after_sign_out, backchannel, ended, start_address};
pub use signed::signed;

use provider::Provider;
use signed::SharedSecret;

/// Why signing in from elsewhere is not set up as the configuration has it; the server does not start then. The texts
/// hold no secrets.
#[derive(Debug, thiserror::Error)]
#[error("{row}: {problem}")]
pub struct SetUpError {
    row: String,
    problem: String,
}

impl SetUpError {
    fn new(row: impl Into<String>, problem: impl Into<String>) -> SetUpError {
        SetUpError { row: row.into(), problem: problem.into() }
    }
}

/// Everyone who may send people here. One per process.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// Of this archive, as providers know it; without a slash at the end.
    public_url: String,
    providers: BTreeMap<String, Arc<Provider>>,
    launchers: BTreeMap<String, SharedSecret>,
    local_accounts: bool,
}

impl Elsewhere {
    /// Reads keys and secrets; asks nobody yet.
    ///
    /// # Errors
    /// The row that is not usable, and why.
    pub fn of(config: &AccessConfig, issuers: &Issuers) -> Result<Elsewhere, SetUpError> {
        let mut all = Elsewhere {
            public_url: config.public_url.as_deref().unwrap_or("").trim_end_matches('/').to_string(),
            local_accounts: !config.no_local_accounts,
            ..Elsewhere::default()
        };
        for keys in issuers.all() {
            if keys.serves(IssuerUse::SignIn) || keys.serves(IssuerUse::Launch) {
                all.providers.insert(keys.row().iss.clone(), Arc::new(Provider::of(keys.clone())?));
            }
        }
        for row in &config.signed_launch {
            let secret = SharedSecret::of(row)?;
            if all.launchers.insert(row.name.clone(), secret).is_some() {
                return Err(SetUpError::new(&row.name, "stands twice under access.signed_launch"));
            }
        }
        Ok(all)
    }

    /// Whether accounts of this archive may sign in.
    pub fn has_local_accounts(&self) -> bool {
        self.local_accounts
    }

    /// Providers where people may sign in: their exact names, and what to call them.
    pub fn sign_in_at(&self) -> impl Iterator<Item = (&str, &str)> {
        let serving = self.providers.values().filter(|provider| provider.serves(IssuerUse::SignIn));
        serving.map(|provider| (provider.iss(), provider.called()))
    }

    /// The provider of exactly this name, for this use.
    fn provider(&self, iss: &str, wanted: IssuerUse) -> Option<&Arc<Provider>> {
        self.providers.get(iss).filter(|provider| provider.serves(wanted))
    }

    /// The provider whose EHR has exactly this FHIR base.
    fn of_fhir_base(&self, base: &str) -> Option<&Arc<Provider>> {
        let serving = self.providers.values().filter(|provider| provider.serves(IssuerUse::Launch));
        serving.into_iter().find(|provider| provider.row().fhir_base.as_deref() == Some(base))
    }

    /// Whether sessions that this issuer has vouched for still stand.
    pub fn vouches(&self, issuer: &str) -> bool {
        self.providers.contains_key(issuer) || self.launchers.values().any(|launcher| launcher.issuer() == issuer)
    }

    /// What to call an issuer.
    pub fn name_of(&self, issuer: &str) -> String {
        let launcher = || self.launchers.values().find(|launcher| launcher.issuer() == issuer).map(|l| l.name().to_string());
        self.providers.get(issuer).map(|provider| provider.called().to_string()).or_else(launcher).unwrap_or_default()
    }

    /// Sites that may show in a frame what this issuer launched.
    fn frames_of(&self, issuer: &str) -> Vec<String> {
        let launcher = || self.launchers.values().find(|launcher| launcher.issuer() == issuer).map(|l| l.frames().to_vec());
        self.providers.get(issuer).map(|provider| provider.row().frame_ancestors.clone()).or_else(launcher).unwrap_or_default()
    }

    /// Sites that may show any launch in a frame, for pages that say why there is none.
    fn all_frames(&self) -> Vec<String> {
        let providers = self.providers.values().flat_map(|provider| provider.row().frame_ancestors.clone());
        let mut all: Vec<String> = providers.chain(self.launchers.values().flat_map(|l| l.frames().to_vec())).collect();
        all.sort();
        all.dedup();
        all
    }

    fn callback_url(&self) -> String {
        format!("{}/signin/callback", self.public_url)
    }
}
