//! From the claims of an id_token to a person with his roles (OpenID Connect Core §5.1).
//!
//! Not for: proving the claims (`access`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::access::{Role, attributes, held_roles};
use crate::config::Issuer;
use crate::register::Outside;

use super::refusal::{Refusal, Stop};

/// Stands in `roles` for everyone whom the issuer signs in.
const EVERYONE: &str = "*";
/// Longest name or subject that is taken over, in bytes.
const TEXT_MAX: usize = 255;

/// The person, and the role that he begins with.
pub fn of(row: &Issuer, roles: &BTreeMap<String, Role>, claims: &Map<String, Value>) -> Result<(Outside, Role), Stop> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| is_plain(text));
    let subject = text("sub").ok_or_else(|| Refusal::bad_token("subject"))?;
    let attributes = attributes(claims).map_err(|_| Refusal::bad_token("claims"))?;
    let now = jiff::Timestamp::now().as_second();
    if attributes.auth_time.is_some_and(|at| at > now + 60) {
        return Err(Refusal::bad_token("auth-time").into());
    }
    if row.min_acr.is_some() && attributes.acr != row.min_acr {
        return Err(Refusal::weak_sign_in().with("subject", subject).into());
    }
    let mut held = held_roles(row, roles, claims).map_err(|_| Refusal::bad_token("roles"))?;
    held.extend(roles.get(EVERYONE));
    let role = first_of(&held).map_err(|refusal| Stop::from(refusal.with("subject", subject)))?;
    let name = ["name", "preferred_username"].into_iter().find_map(text).unwrap_or(subject);
    let person = Outside {
        issuer: row.iss.clone(),
        subject: subject.to_string(),
        name: name.to_string(),
        roles: held.iter().map(|role| role.name().to_string()).collect(),
        // Whoever is not said to have proved it at some time has to do so before it matters.
        auth_time: attributes.auth_time.unwrap_or(0),
        attributes: serde_json::to_string(&attributes).unwrap_or_else(|_| "{}".into()),
        provider_sid: text("sid").map(str::to_string),
    };
    Ok((person, role))
}

/// The role to begin with: the one that stands first in the order of roles; he may take another later.
fn first_of(held: &BTreeSet<Role>) -> Result<Role, Box<Refusal>> {
    if held.contains(&Role::Compliance) && held.contains(&Role::Archivist) {
        return Err(Box::new(Refusal::conflicting_roles()));
    }
    // A service is a program; nobody signs in as one.
    held.iter().find(|role| **role != Role::Service).copied().ok_or_else(|| Box::new(Refusal::no_role()))
}

pub fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control)
}
