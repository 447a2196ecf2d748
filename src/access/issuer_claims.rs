//! From the proven claims of an outside issuer to the person or program that they speak for: one role, what is known of
//! the person, his purpose, the scopes, the patient of a launch.
//!
//! Not for: proving the claims (`issuer`), or what the role may do (`policy`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::Issuer;

use super::claims::{seconds, texts};
use super::scopes::{Holder, Scopes};
use super::{Attributes, Principal, Purpose, Role, TokenError};

/// Longest text of one claim that is taken over, in bytes.
const TEXT_BYTES_MAX: usize = 512;
/// The claim with roles when the row names none.
const ROLES_CLAIM: &str = "roles";

/// A token that was found good.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Without `bound_to`: whom `patient` means is known to the archive's statements alone.
    pub principal: Principal,
    /// The patient of the launch, as the issuer's EHR calls him.
    pub patient: Option<LaunchPatient>,
    /// Unix seconds; 0 when the issuer does not say when it issued it.
    pub issued: u64,
    pub expires: u64,
}

/// A patient by the name that others have for him.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LaunchPatient {
    /// An id of the archive itself.
    Own(String),
    /// An id of an EHR, in the namespace that the issuer's row gives it.
    Foreign { namespace: String, id: String },
}

/// Makes the principal of an access token.
pub(super) fn accept(row: &Issuer, roles: &BTreeMap<String, Role>, claims: &Map<String, Value>) -> Result<Accepted, TokenError> {
    let subject = text(claims, "sub")?.ok_or(TokenError::Claims)?;
    let client = match text(claims, "client_id")? {
        Some(client) => Some(client),
        None => text(claims, "azp")?,
    };
    // RFC 9068 §2.2: a client that acts for nobody is its own subject.
    let holder = if client == Some(subject) { Holder::Client } else { Holder::Person };
    let scopes = Scopes::parse(&scope_text(claims)?).held_by(holder);
    let role = match role_of(row, roles, claims)? {
        Some(role) => role,
        None if holder == Holder::Client && scopes.grants_any() => Role::Service,
        None => return Err(TokenError::Role),
    };
    let attributes = attributes(claims)?;
    if holder == Holder::Person && row.min_acr.is_some() && attributes.acr != row.min_acr {
        return Err(TokenError::Acr);
    }
    let purpose = purpose(claims)?.unwrap_or(role.usual_purpose());
    let name = ["name", "preferred_username"].into_iter().find_map(|claim| text(claims, claim).ok().flatten());
    let mut principal = Principal::without_credentials(&row.iss, subject, name.unwrap_or(subject), role, purpose);
    principal.token_id = text(claims, "jti")?.map(str::to_string);
    principal.client_id = client.map(str::to_string);
    principal.attributes = attributes;
    let patient = match (text(claims, "patient")?, &row.patient_namespace) {
        (Some(id), Some(namespace)) => Some(LaunchPatient::Foreign { namespace: namespace.clone(), id: id.to_string() }),
        // An id that nobody can place is no patient of ours.
        (Some(_), None) => return Err(TokenError::Patient),
        (None, _) => None,
    };
    principal.scopes = Some(Arc::new(scopes));
    let expires = seconds(claims, "exp")?.ok_or(TokenError::Time)?;
    let issued = seconds(claims, "iat")?.unwrap_or(0);
    Ok(Accepted { principal, patient, issued, expires })
}

/// A text of one line; `None` when the claim is not there.
fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Result<Option<&'c str>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if is_plain(text) => Ok(Some(text)),
        Some(_) => Err(TokenError::Claims),
    }
}

fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

/// `scope` (RFC 9068 §2.2.3), or `scp` as some issuers have it.
fn scope_text(claims: &Map<String, Value>) -> Result<String, TokenError> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        None => Ok(String::new()),
        some => texts(some).map(|words| words.join(" ")).ok_or(TokenError::Claims),
    }
}

/// The one role that the claim's values mean here. Values that mean nothing here are passed over; values that mean several
/// roles make the token void, since whoever holds several acts in one at a time, and a request cannot be left to choose.
///
/// # Errors
/// `RoleAmbiguous`.
pub(super) fn role_of(
    row: &Issuer,
    roles: &BTreeMap<String, Role>,
    claims: &Map<String, Value>,
) -> Result<Option<Role>, TokenError> {
    let held = held_roles(row, roles, claims)?;
    match held.iter().collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [role] => Ok(Some(*role)),
        _ => Err(TokenError::RoleAmbiguous),
    }
}

/// All roles that the claim's values mean here, for a sign-in that lets the person choose.
pub fn held_roles(
    row: &Issuer,
    roles: &BTreeMap<String, Role>,
    claims: &Map<String, Value>,
) -> Result<BTreeSet<Role>, TokenError> {
    let name = row.roles_claim.as_deref().unwrap_or(ROLES_CLAIM);
    // A name may be an address with dots in it; else the dots lead inwards (`realm_access.roles`).
    let inwards = || {
        name.split('.').try_fold((None, Some(claims)), |(_, at), step| {
            let value = at?.get(step)?;
            Some((Some(value), value.as_object()))
        })
    };
    let values = match claims.get(name).or_else(|| inwards().and_then(|(value, _)| value)) {
        None => return Ok(BTreeSet::new()),
        some => texts(some).ok_or(TokenError::Role)?,
    };
    Ok(values.into_iter().filter_map(|value| roles.get(value).copied()).collect())
}

/// What the claims say of the person beside his role.
pub fn attributes(claims: &Map<String, Value>) -> Result<Attributes, TokenError> {
    let own = |name: &str| text(claims, name).map(|text| text.map(str::to_string));
    let auth_time = seconds(claims, "auth_time")?.map(i64::try_from).transpose().map_err(|_| TokenError::Time)?;
    Ok(Attributes {
        facility: own("facility")?,
        department: own("department")?,
        npi: own("npi")?,
        fhir_user: own("fhirUser")?,
        acr: own("acr")?,
        amr: match claims.get("amr") {
            None => Vec::new(),
            some => texts(some).ok_or(TokenError::Claims)?.into_iter().map(str::to_string).collect(),
        },
        auth_time,
    })
}

/// `purpose_of_use`: a code, or one coding of it; where IHE IUA has it, or at the top.
fn purpose(claims: &Map<String, Value>) -> Result<Option<Purpose>, TokenError> {
    let extension = claims.get("extensions").and_then(|all| all.get("ihe_iua"));
    let Some(said) = claims.get("purpose_of_use").or_else(|| extension?.get("purpose_of_use")) else { return Ok(None) };
    let one = match said {
        Value::Array(several) => match &several[..] {
            [one] => one,
            _ => return Err(TokenError::Purpose),
        },
        one => one,
    };
    let code = one.as_str().or_else(|| one.get("code")?.as_str()).ok_or(TokenError::Purpose)?;
    Purpose::from_code(code).map(Some).ok_or(TokenError::Purpose)
}
