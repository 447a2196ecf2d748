//! Configuration of who may come in: identity providers, launches, the policy's file.
//!
//! Not for: what a role may do (`access::policy`), or the secrets themselves, which stand in files of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Problem, from_folder};

/// `[access]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// This archive as tokens name it (`aud`) and as it names itself to identity providers: its public base URL, without a
    /// slash at the end. Needed when there are issuers.
    pub public_url: Option<String>,
    /// The policy; without one the built-in policy rules.
    pub policy: Option<PathBuf>,
    /// Whether local accounts may sign in.
    pub no_local_accounts: bool,
    /// Roles that local accounts may take with a second factor alone.
    pub second_factor_roles: Vec<String>,
    /// Passwords that have become known elsewhere and are not taken: a sorted file of SHA-1 digests or of plain lines.
    pub known_passwords: Option<PathBuf>,
    /// Identity providers, most often one.
    pub issuer: Vec<Issuer>,
    /// Launches by signed address, for an EHR without SMART.
    pub signed_launch: Vec<SignedLaunch>,
}

/// What an issuer is for (spec access.md §1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerUse {
    /// Its access tokens are taken at `/fhir` and `/api`.
    Resource,
    /// People sign in to the viewer there.
    SignIn,
    /// It launches the viewer with a patient in context (SMART EHR launch).
    Launch,
}

/// `[[access.issuer]]`: one identity provider. No issuer is ever learned from a request.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Exactly as `iss` says it; compared byte for byte.
    pub iss: String,
    /// How the sign-in page calls it.
    #[serde(default)]
    pub name: String,
    #[serde(rename = "use")]
    pub uses: Vec<IssuerUse>,
    /// Keys: an address, or a file; else the discovery document's `jwks_uri`.
    pub jwks_url: Option<String>,
    pub jwks_file: Option<PathBuf>,
    /// JWS algorithms of its tokens, of RS256 RS384 PS256 PS384 ES256 ES384 EdDSA.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Audiences that mean this archive; `access.public_url` + `/fhir` when empty.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Whether its access tokens carry no `typ` of RFC 9068.
    #[serde(default)]
    pub allow_untyped: bool,
    /// Where its access tokens are asked about (RFC 7662), the signed ones too; this archive then needs a `client_id` there.
    pub introspection_url: Option<String>,
    /// Whether access tokens that are not signed are its own, to be asked about there. One issuer at most: a token that says
    /// nothing must not be shown to several.
    #[serde(default)]
    pub opaque_tokens: bool,
    /// FHIR base of its EHR: the exact `iss` of a launch.
    pub fhir_base: Option<String>,
    /// This archive as its client.
    pub client_id: Option<String>,
    pub client_secret_file: Option<PathBuf>,
    /// PEM of the key for `private_key_jwt`.
    pub client_key_file: Option<PathBuf>,
    /// Sites that may show the viewer in a frame after a launch of this issuer.
    #[serde(default)]
    pub frame_ancestors: Vec<String>,
    /// Source system and identifier type under which the crosswalk knows this EHR's patient ids.
    pub patient_namespace: Option<String>,
    /// The claim that names roles or groups, and what its values mean here.
    #[serde(default)]
    pub roles_claim: Option<String>,
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    pub min_acr: Option<String>,
    /// PEM of the authorities to trust for its TLS; else those of the browsers.
    pub ca_file: Option<PathBuf>,
}

/// `[[access.signed_launch]]`: an EHR that signs launch addresses with a shared secret.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedLaunch {
    pub name: String,
    /// At least 32 bytes, in a file.
    pub secret_file: PathBuf,
    pub patient_namespace: String,
    #[serde(default)]
    pub frame_ancestors: Vec<String>,
}

impl AccessConfig {
    /// The namespaces of the patient numbers that launches come with.
    pub fn patient_namespaces(&self) -> Vec<String> {
        let of_issuers = self.issuer.iter().filter_map(|issuer| issuer.patient_namespace.clone());
        of_issuers.chain(self.signed_launch.iter().map(|launch| launch.patient_namespace.clone())).collect()
    }

    pub(super) fn check(&mut self, folder: &Path) -> Result<(), Problem> {
        [&mut self.policy, &mut self.known_passwords].into_iter().flatten().for_each(|path| from_folder(folder, path));
        for issuer in &mut self.issuer {
            let files = [&mut issuer.jwks_file, &mut issuer.client_secret_file, &mut issuer.client_key_file, &mut issuer.ca_file];
            files.into_iter().flatten().for_each(|path| from_folder(folder, path));
            if issuer.uses.is_empty() {
                return Err((format!("access.issuer.{}.use", issuer.iss), "names no use"));
            }
        }
        self.signed_launch.iter_mut().for_each(|launch| from_folder(folder, &mut launch.secret_file));
        if (!self.issuer.is_empty() || !self.signed_launch.is_empty()) && self.public_url.is_none() {
            return Err(("access.public_url".into(), "is needed when there are issuers or launches"));
        }
        Ok(())
    }
}
