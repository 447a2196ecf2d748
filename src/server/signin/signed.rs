//! Launch by a signed address, for an EHR without SMART: a JWT that the EHR signs with a secret that both sides hold. It
//! says who is asking and for which patient, lives two minutes, and opens once.
//!
//! Not for: tokens of programs (`access`). No such token is ever taken as an access token.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::access::{Attributes, Public, Role};
use crate::config::SignedLaunch;
use crate::register::Outside;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;

use super::SetUpError;
use super::arrive;
use super::launch::Launched;
use super::matching::Demographics;
use super::person::is_plain;
use super::provider::is_origin;
use super::refusal::{Refusal, Stop};

/// Longest token, in bytes.
const TOKEN_MAX: usize = 4 << 10;
/// Longest life that a token may still have, and the clock skew that is forgiven, in seconds.
const LIFE_MAX_S: i64 = 120;
const SKEW_S: i64 = 30;
/// Shortest secret, in bytes: as long as the digest (RFC 7518 §3.2).
const SECRET_MIN: usize = 32;

/// The EHR's side of a shared secret.
pub struct SharedSecret {
    row: SignedLaunch,
    issuer: String,
    secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for SharedSecret {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSecret").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl SharedSecret {
    pub fn of(row: &SignedLaunch) -> Result<SharedSecret, SetUpError> {
        let wrong = |problem: String| SetUpError::new(format!("access.signed_launch {}", row.name), problem);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if row.name.is_empty() || row.name.len() > 64 || !row.name.bytes().all(plain) {
            return Err(wrong("name is 1 to 64 letters, digits, or . _ -".into()));
        }
        if !row.frame_ancestors.iter().all(|site| is_origin(site)) {
            return Err(wrong("frame_ancestors are origins, like https://ehr.example.org".into()));
        }
        let mut secret = std::fs::read(&row.secret_file)
            .map(Zeroizing::new)
            .map_err(|error| wrong(format!("{}: {error}", row.secret_file.display())))?;
        while secret.last().is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            secret.pop();
        }
        if secret.len() < SECRET_MIN {
            return Err(wrong(format!("the secret has fewer than {SECRET_MIN} bytes")));
        }
        Ok(SharedSecret { issuer: format!("launch:{}", row.name), row: row.clone(), secret })
    }

    /// As principals and entries name it; no identity provider can have such a name.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn name(&self) -> &str {
        &self.row.name
    }

    pub fn frames(&self) -> &[String] {
        &self.row.frame_ancestors
    }

    fn signed(&self, message: &str, signature: &[u8]) -> bool {
        Hmac::<Sha256>::new_from_slice(&self.secret).is_ok_and(|mut mac| {
            mac.update(message.as_bytes());
            mac.verify_slice(signature).is_ok()
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: Option<String>,
}

/// What the EHR says. Serde refuses a claim that is unknown, missing, of another type, or there twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// The name of the row.
    iss: String,
    /// The user, as the EHR knows him, and how he is called.
    sub: String,
    #[serde(default)]
    name: Option<String>,
    /// `clinician` or `him`; else clinician.
    #[serde(default)]
    role: Option<String>,
    /// This archive's public URL.
    #[serde(default)]
    aud: Option<String>,
    /// The patient by the EHR's number, and what it knows of him.
    patient: String,
    family: String,
    birthdate: String,
    #[serde(default)]
    given: Option<String>,
    #[serde(default)]
    gender: Option<String>,
    #[serde(default)]
    encounter: Option<String>,
    #[serde(default)]
    iat: Option<i64>,
    exp: i64,
    jti: String,
}

/// `GET /launch/signed?token=`
pub fn signed(call: &Call) -> Result<Answer, ApiError> {
    begin(call).map_or_else(|stop| stop.answer(call), |body| Ok(Public(body).into()))
}

fn begin(call: &Call) -> Result<Body, Stop> {
    super::code::may_attempt(call)?;
    let (launcher, claims) = proven(call, jiff::Timestamp::now().as_second())?;
    let role = claims.role.as_deref().unwrap_or(Role::Clinician.name());
    // A secret in two configuration files is no ground to let anyone run the archive or read its log.
    let allowed = [Role::Clinician, Role::Him];
    let role = allowed.into_iter().find(|allowed| allowed.name() == role).ok_or_else(|| Refusal::bad_launch("role"))?;
    let name = claims.name.as_deref().filter(|name| is_plain(name)).unwrap_or(&claims.sub);
    let person = Outside {
        issuer: launcher.issuer.clone(),
        subject: claims.sub.clone(),
        name: name.to_string(),
        roles: BTreeSet::from([role.name().to_string()]).into_iter().collect(),
        auth_time: 0,
        attributes: serde_json::to_string(&Attributes::default()).unwrap_or_else(|_| "{}".into()),
        provider_sid: None,
    };
    let who = arrive::principal(&person, role)?;
    // Used up before anything is looked up, so that a copy of the address is worth nothing.
    let fresh = call.wait(call.app.register.use_once(&launcher.issuer, &claims.jti, claims.exp + SKEW_S))?;
    if !fresh {
        return Err(Stop::from(Refusal::bad_launch("used-before")).of(&who));
    }
    let claimed = Demographics::new(&claims.family, claims.given.as_deref(), &claims.birthdate, claims.gender.as_deref());
    let launched = Launched::new(&launcher.row.patient_namespace, &claims.patient, !launcher.frames().is_empty());
    let key = launched.known(call).map_err(|stop| stop.of(&who))?;
    launched.open(call, &key, &person, role, &claimed, claims.encounter.as_deref()).map_err(|stop| stop.of(&who))
}

/// The claims of the address, signed by whom they name, for this archive and for now.
fn proven(call: &Call, now: i64) -> Result<(&SharedSecret, Claims), Stop> {
    let bad = |reason: &'static str| Stop::from(Refusal::bad_launch(reason));
    let token = call.query("token").filter(|token| token.len() <= TOKEN_MAX).ok_or_else(|| bad("form"))?;
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| bad("form"))?;
    let (header, payload) = message.split_once('.').ok_or_else(|| bad("form"))?;
    let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).map_err(|_| bad("form"));
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| bad("header"))?;
    if header.alg != "HS256" || header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(bad("header"));
    }
    let claims: Claims = serde_json::from_slice(&decode(payload)?).map_err(|_| bad("claims"))?;
    let elsewhere = &call.app.elsewhere;
    // The name only picks a row; nothing of the claims is believed before the signature is checked.
    let launcher = elsewhere.launchers.get(&claims.iss).ok_or_else(Refusal::unknown_issuer)?;
    if !launcher.signed(message, &decode(signature)?) {
        return Err(bad("signature"));
    }
    let in_time = claims.exp > now - SKEW_S && claims.exp <= now + LIFE_MAX_S + SKEW_S;
    if !in_time || claims.iat.is_some_and(|iat| iat > now + SKEW_S) {
        return Err(bad("time"));
    }
    if claims.aud.as_deref().is_some_and(|aud| aud.trim_end_matches('/') != elsewhere.public_url) {
        return Err(bad("audience"));
    }
    if !is_plain(&claims.sub) || !is_plain(&claims.jti) || !is_plain(&claims.patient) {
        return Err(bad("claims"));
    }
    Ok((launcher, claims))
}
