//! What is kept of a job beside its files: who asked for what, and how it stands. No record content, and no secret.
//!
//! Not for: carrying it out (`run`, `person`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Attributes, Holder, Principal, Purpose, RequestContext, Role, Scopes};

/// Whose a job is: the same person or program, in the same role and for the same purpose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owner {
    pub issuer: String,
    pub subject: String,
    pub client: Option<String>,
    pub role: String,
    pub purpose: String,
}

impl Owner {
    pub fn of(principal: &Principal) -> Owner {
        Owner {
            issuer: principal.issuer.clone(),
            subject: principal.subject.clone(),
            client: principal.client_id.clone(),
            role: principal.role.name().into(),
            purpose: principal.purpose.code().into(),
        }
    }
}

/// What a program asked for, and from where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The whole address, and the site's root in it.
    pub request: String,
    pub base: String,
    pub name: String,
    pub scopes: String,
    pub token: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: String,
    pub method: String,
    pub path: String,
}

impl Asked {
    /// The context of the entries that its work leaves: that of the request which began it.
    pub fn context(&self) -> RequestContext {
        RequestContext {
            ip: self.ip.clone(),
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            applies_scopes: true,
        }
    }
}

/// Of whom a bulk export is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    System,
    Patients,
    /// The patients of a source system.
    Source(String),
}

/// A bulk export.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bulk {
    pub asked: Asked,
    pub level: Level,
    /// Types, all that the scopes allow when none were named.
    pub kinds: Vec<String>,
    /// Type and search parameters; several of one type are alternatives.
    pub filters: Vec<(String, Vec<(String, String)>)>,
    pub since: Option<String>,
    pub patients: Option<Vec<String>>,
}

/// What a job makes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Bulk(Box<Bulk>),
    /// All there is of the person who has this key.
    Person(String),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Running,
    Done,
    /// Why, in words for the client.
    Failed(String),
}

/// A file that is ready to be fetched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct File {
    /// As its address ends, and where it lies in the job's folder.
    pub name: String,
    pub path: String,
    /// Resource type; empty for a ZIP.
    pub kind: String,
    pub records: u64,
    pub bytes: u64,
    pub sha256: String,
    /// Whether it tells of what went wrong instead of holding records.
    pub is_error: bool,
}

/// How a job stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JobRecord {
    pub owner: Owner,
    pub what: What,
    pub state: State,
    /// Name of the archive's state that it is made of, and when that was read (RFC 3339).
    pub archive: String,
    pub transaction_time: String,
    /// Unix seconds; 0 while it is under way.
    pub expires: i64,
    pub files: Vec<File>,
    /// Bits of all classes of labels in its files, for asking again before one is handed out.
    pub label: u32,
}

impl JobRecord {
    pub fn new(principal: &Principal, what: What) -> JobRecord {
        JobRecord {
            owner: Owner::of(principal),
            what,
            state: State::Running,
            archive: String::new(),
            transaction_time: String::new(),
            expires: 0,
            files: Vec::new(),
            label: 0,
        }
    }

    pub fn is_over(&self, now: i64) -> bool {
        self.state != State::Running && self.expires <= now
    }

    /// Whether a later process can do something with it. A person is not kept on disk as a principal, so that what he asked for
    /// and did not get before the end is asked for anew.
    pub fn may_be_taken_up(&self) -> bool {
        self.state != State::Running || matches!(self.what, What::Bulk(_))
    }

    /// The program that asked for a bulk export, as its token described it.
    pub fn principal(&self, bulk: &Bulk) -> Option<Principal> {
        let (role, purpose) = (Role::from_name(&self.owner.role)?, Purpose::from_code(&self.owner.purpose)?);
        let owner = &self.owner;
        let mut principal = Principal::outside(&owner.issuer, &owner.subject, &bulk.asked.name, role, Attributes::default());
        principal.purpose = purpose;
        principal.client_id = owner.client.clone();
        principal.token_id = bulk.asked.token.clone();
        principal.scopes = Some(Arc::new(Scopes::parse(&bulk.asked.scopes).held_by(Holder::Client)));
        Some(principal)
    }
}
