//! One identity provider: where its endpoints are, as it says itself, and the calls to them.
//!
//! Not for: the keys of its tokens (`access`), or what a sign-in does with the answers (`code`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::access::{Credentials, IssuerKeys, form_urlencoded};
use crate::config::{Issuer, IssuerUse};
use crate::limits::PROVIDER_ANSWER_MAX;
use crate::outbound::{Caller, is_allowed};

use super::SetUpError;

/// How long a discovery document is believed, and how long a failure to get it.
const FRESH_FOR: Duration = Duration::from_secs(3600);
const FAILED_FOR: Duration = Duration::from_secs(10);

/// Why a provider gave nothing that can be used. The codes are for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider cannot be reached")]
    Unreachable,
    #[error("the provider's discovery document cannot be used")]
    Discovery,
    #[error("the provider refuses the code")]
    Refused,
    #[error("the provider's answer is not what the standard says")]
    Answer,
}

/// What a provider says of itself (OpenID Connect Discovery §3; SMART App Launch 2.2, conformance).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    pub authorization: String,
    pub token: String,
    pub end_session: Option<String>,
    pub userinfo: Option<String>,
    /// Whether its answers say which issuer they are of (RFC 9207).
    pub names_itself: bool,
    /// Algorithms that it takes a client's assertion in; empty when it does not say.
    pub assertion_algorithms: Vec<String>,
}

impl Endpoints {
    /// Reads a discovery document, which must be of exactly this issuer.
    fn parse(document: &[u8], issuer: &str) -> Option<Endpoints> {
        let document: Map<String, Value> = serde_json::from_slice(document).ok()?;
        if document.get("issuer")?.as_str()? != issuer {
            return None;
        }
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        // An endpoint elsewhere than on TLS or this machine would give the code away.
        let endpoint = |name: &str| text(name).filter(|url| is_allowed(url) && url.is_ascii()).map(str::to_string);
        let algorithms = document.get("token_endpoint_auth_signing_alg_values_supported").and_then(Value::as_array);
        Some(Endpoints {
            authorization: endpoint("authorization_endpoint")?,
            token: endpoint("token_endpoint")?,
            end_session: endpoint("end_session_endpoint"),
            userinfo: endpoint("userinfo_endpoint"),
            names_itself: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            assertion_algorithms: algorithms.into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect(),
        })
    }
}

/// A document that was asked for, and when.
type Remembered = Mutex<Option<(Instant, Result<Arc<Endpoints>, ProviderError>)>>;

#[derive(Debug)]
pub struct Provider {
    pub keys: Arc<IssuerKeys>,
    caller: Caller,
    credentials: Credentials,
    client_id: String,
    for_sign_in: Remembered,
    for_launch: Remembered,
}

impl Provider {
    /// # Errors
    /// What is missing in the issuer's row, or which of its files cannot be used.
    pub fn of(keys: Arc<IssuerKeys>) -> Result<Provider, SetUpError> {
        let row = keys.row().clone();
        let wrong = |problem: &str| SetUpError::new(format!("access.issuer {}", row.iss), problem);
        if !is_allowed(&row.iss) {
            return Err(wrong("is neither https nor an address of this machine"));
        }
        let client_id = row.client_id.clone().ok_or_else(|| wrong("needs client_id for signing people in"))?;
        if row.uses.contains(&IssuerUse::Launch) {
            let base = row.fhir_base.as_deref().ok_or_else(|| wrong("needs fhir_base for launches"))?;
            if !is_allowed(base) || base.ends_with('/') {
                return Err(wrong("fhir_base is https, without a slash at the end"));
            }
            row.patient_namespace.as_ref().ok_or_else(|| wrong("needs patient_namespace for launches"))?;
        }
        let bad_frame = |site: &&String| !is_origin(site);
        if row.frame_ancestors.iter().any(|site| bad_frame(&site)) {
            return Err(wrong("frame_ancestors are origins, like https://ehr.example.org"));
        }
        let caller = Caller::new(row.ca_file.as_deref()).map_err(|error| wrong(&error.to_string()))?;
        let credentials = Credentials::of(&row).map_err(|problem| wrong(&problem))?;
        Ok(Provider {
            keys,
            caller,
            credentials,
            client_id,
            for_sign_in: Remembered::default(),
            for_launch: Remembered::default(),
        })
    }

    pub fn row(&self) -> &Issuer {
        self.keys.row()
    }

    pub fn iss(&self) -> &str {
        &self.row().iss
    }

    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    pub fn called(&self) -> &str {
        let row = self.row();
        if row.name.is_empty() { &row.iss } else { &row.name }
    }

    pub fn serves(&self, wanted: IssuerUse) -> bool {
        self.keys.serves(wanted)
    }

    /// Whether what it launches may stand in a frame of its EHR.
    pub fn embeds(&self) -> bool {
        !self.row().frame_ancestors.is_empty()
    }

    /// The endpoints: for a launch as the EHR's FHIR base names them, else as the issuer does. May wait for one answer;
    /// of many who ask at once one does, and a failure stands for a few seconds.
    pub fn endpoints(&self, wanted: IssuerUse) -> Result<Arc<Endpoints>, ProviderError> {
        let (place, url) = match (&wanted, &self.row().fhir_base) {
            (IssuerUse::Launch, Some(base)) => (&self.for_launch, format!("{base}/.well-known/smart-configuration")),
            _ => (&self.for_sign_in, format!("{}/.well-known/openid-configuration", self.iss().trim_end_matches('/'))),
        };
        let mut remembered = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, known)) = &*remembered
            && at.elapsed() < if known.is_ok() { FRESH_FOR } else { FAILED_FOR }
        {
            return known.clone();
        }
        let found = self.discover(&url);
        if let Err(error) = &found {
            tracing::warn!(issuer = self.iss(), %error, "signing in there is not possible at the moment");
        }
        *remembered = Some((Instant::now(), found.clone()));
        found
    }

    fn discover(&self, url: &str) -> Result<Arc<Endpoints>, ProviderError> {
        let reply = self.caller.get(url, &[("accept", "application/json")], PROVIDER_ANSWER_MAX);
        let reply = reply.map_err(|_| ProviderError::Unreachable)?;
        let document = Some(reply.body).filter(|_| reply.status == 200).ok_or(ProviderError::Discovery)?;
        Endpoints::parse(&document, self.iss()).map(Arc::new).ok_or(ProviderError::Discovery)
    }

    /// Exchanges a code for what it stands for (RFC 6749 §4.1.3, RFC 7636 §4.5).
    pub fn exchange(
        &self,
        endpoints: &Endpoints,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Map<String, Value>, ProviderError> {
        let mut form = form_urlencoded(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ]);
        let proof = self.credentials.prove(&self.client_id, &endpoints.token, &endpoints.assertion_algorithms);
        let proof = proof.ok_or(ProviderError::Answer)?;
        for (name, value) in &proof.parameters {
            form.push('&');
            form.push_str(&form_urlencoded(&[(name, value)]));
        }
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        headers.extend(proof.authorization.as_deref().map(|value| ("authorization", value.as_str())));
        let reply = self.caller.post(&endpoints.token, &headers, form.as_bytes(), PROVIDER_ANSWER_MAX);
        let reply = reply.map_err(|_| ProviderError::Unreachable)?;
        match reply.status {
            200 => serde_json::from_slice(&reply.body).map_err(|_| ProviderError::Answer),
            400..=499 => Err(ProviderError::Refused),
            _ => Err(ProviderError::Unreachable),
        }
    }

    /// What the provider says of the person where its id_token is short (OpenID Connect Core §5.3): of the same subject, or
    /// nothing of it counts.
    pub fn userinfo(&self, url: &str, access_token: &str, subject: &str) -> Result<Map<String, Value>, ProviderError> {
        let authorization = format!("Bearer {access_token}");
        let headers = [("accept", "application/json"), ("authorization", authorization.as_str())];
        let reply = self.caller.get(url, &headers, PROVIDER_ANSWER_MAX).map_err(|_| ProviderError::Unreachable)?;
        let body = Some(reply.body).filter(|_| reply.status == 200).ok_or(ProviderError::Answer)?;
        let claims: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| ProviderError::Answer)?;
        let is_same = claims.get("sub").and_then(Value::as_str) == Some(subject);
        if is_same { Ok(claims) } else { Err(ProviderError::Answer) }
    }

    /// The patient as the launching EHR has him, read once. `id` has the form of a FHIR id.
    pub fn patient(&self, id: &str, access_token: &str) -> Result<Value, ProviderError> {
        let base = self.row().fhir_base.as_deref().ok_or(ProviderError::Discovery)?;
        let authorization = format!("Bearer {access_token}");
        let headers = [("accept", "application/fhir+json"), ("authorization", authorization.as_str())];
        let reply = self.caller.get(&format!("{base}/Patient/{id}"), &headers, PROVIDER_ANSWER_MAX);
        let reply = reply.map_err(|_| ProviderError::Unreachable)?;
        let body = Some(reply.body).filter(|_| reply.status == 200).ok_or(ProviderError::Answer)?;
        let patient: Value = serde_json::from_slice(&body).map_err(|_| ProviderError::Answer)?;
        let is_asked = patient.get("resourceType").and_then(Value::as_str) == Some("Patient")
            && patient.get("id").and_then(Value::as_str) == Some(id);
        if is_asked { Ok(patient) } else { Err(ProviderError::Answer) }
    }
}

/// `scheme://host[:port]`, which is safe inside a policy header.
pub fn is_origin(site: &str) -> bool {
    let host = site.strip_prefix("https://").or_else(|| site.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)))
}

/// `url` with these parameters, whether it has some of its own or not.
pub fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    format!("{url}{}{}", if url.contains('?') { '&' } else { '?' }, form_urlencoded(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_document_counts_only_for_its_own_issuer_and_with_safe_endpoints() {
        let document = |issuer: &str, token: &str| {
            serde_json::json!({
                "issuer": issuer, "authorization_endpoint": "https://idp.example/auth", "token_endpoint": token,
                "end_session_endpoint": "http://idp.example/end", "authorization_response_iss_parameter_supported": true
            })
            .to_string()
        };
        let good =
            Endpoints::parse(document("https://idp.example", "https://idp.example/token").as_bytes(), "https://idp.example");
        let good = good.unwrap();
        assert!(good.names_itself && good.end_session.is_none(), "an end-session endpoint in the clear is not used");
        for (issuer, token) in [
            ("https://idp.example/", "https://idp.example/token"),
            ("https://other.example", "https://idp.example/token"),
            ("https://idp.example", "http://idp.example/token"),
            ("https://idp.example", "javascript:alert(1)"),
        ] {
            assert_eq!(Endpoints::parse(document(issuer, token).as_bytes(), "https://idp.example"), None, "{issuer} {token}");
        }
    }

    #[test]
    fn only_origins_may_frame() {
        assert!(is_origin("https://ehr.example.org") && is_origin("http://127.0.0.1:8080"));
        for bad in ["*", "https://ehr.example.org/x", "https://a b", "https://a;script-src *", "ehr.example.org", "https://"] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
