//! One rule, and whether it fits a question.
//!
//! Not for: what follows when several fit (`decide`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{Purpose, Role};
use super::{DenyReason, Right};
use crate::access::Channel;
use crate::model::{Kind, Label};

/// One `[[rule]]`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rule {
    pub id: Arc<str>,
    pub note: String,
    pub effect: Effect,
    /// Each list: of whom or what it speaks; `None`: of all.
    pub roles: Option<Vec<Role>>,
    pub rights: Option<Vec<Right>>,
    pub purposes: Option<Vec<Purpose>>,
    pub channels: Option<Vec<Channel>>,
    /// What a permit demands, or what exempts from a denial or a hiding.
    pub facts: Facts,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Effect {
    Permit {
        sees: Label,
        breaks: Vec<Breaks>,
        /// Only for a token with `system/` scopes.
        system_scope: bool,
    },
    Deny,
    Hide {
        classes: Label,
        sources: BTreeSet<String>,
        kinds: BTreeSet<Kind>,
    },
}

/// Classes that a break-glass opens, and the only reasons for which it does. `None`: for any.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Breaks {
    pub classes: Label,
    pub reasons: Option<Vec<String>>,
}

impl Breaks {
    pub fn open_for(&self, reason: &str) -> bool {
        self.reasons.as_ref().is_none_or(|only| only.iter().any(|code| code == reason))
    }
}

/// What can be true of a person who asks. All that is stated must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Facts {
    pub facilities: Option<Vec<String>>,
    pub departments: Option<Vec<String>>,
    pub relation: bool,
}

/// A question in the terms of rules.
pub(super) struct Asked<'a> {
    pub role: Role,
    pub right: Right,
    pub purpose: Purpose,
    pub channel: Channel,
    pub facility: Option<&'a str>,
    pub department: Option<&'a str>,
    pub has_system_scope: bool,
    pub is_related: bool,
}

impl Facts {
    fn is_stated(&self) -> bool {
        *self != Facts::default()
    }

    fn missing(&self, asked: &Asked<'_>) -> Option<DenyReason> {
        let lacks = |wanted: &Option<Vec<String>>, have: Option<&str>| {
            wanted.as_ref().is_some_and(|wanted| !have.is_some_and(|have| wanted.iter().any(|name| name == have)))
        };
        if lacks(&self.facilities, asked.facility) || lacks(&self.departments, asked.department) {
            Some(DenyReason::Attributes)
        } else {
            (self.relation && !asked.is_related).then_some(DenyReason::Relation)
        }
    }
}

fn names<T: PartialEq>(list: &Option<Vec<T>>, one: &T) -> bool {
    list.as_ref().is_none_or(|list| list.contains(one))
}

impl Rule {
    pub fn speaks_of(&self, role: Role) -> bool {
        names(&self.roles, &role)
    }

    /// Why this permit does not fit; `None` when it does.
    pub fn refusal(&self, asked: &Asked<'_>) -> Option<DenyReason> {
        let lacks_scope = matches!(self.effect, Effect::Permit { system_scope: true, .. }) && !asked.has_system_scope;
        if !names(&self.roles, &asked.role) || !names(&self.rights, &asked.right) {
            Some(DenyReason::Role)
        } else if !names(&self.channels, &asked.channel) {
            Some(DenyReason::Channel)
        } else if !names(&self.purposes, &asked.purpose) {
            Some(DenyReason::Purpose)
        } else if lacks_scope {
            Some(DenyReason::Scopes)
        } else {
            self.facts.missing(asked)
        }
    }

    /// Whether this denial or hiding strikes.
    pub fn strikes(&self, asked: &Asked<'_>) -> bool {
        let is_meant = names(&self.roles, &asked.role)
            && names(&self.rights, &asked.right)
            && names(&self.channels, &asked.channel)
            && names(&self.purposes, &asked.purpose);
        is_meant && !(self.facts.is_stated() && self.facts.missing(asked).is_none())
    }
}
