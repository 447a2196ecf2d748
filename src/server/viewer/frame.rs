//! What surrounds every page: who is signed in, which archive this is, which workspaces the role has.
//!
//! Not for: the patient (`banner`).

use std::sync::Arc;

use crate::access::Role;
use crate::model::When;
use crate::query::{Census, Provenance};
use crate::register::Settings;

use super::assets::Assets;
use super::glass::Glass;
use super::names::Names;
use super::paper::Paper;
use super::source::{Badge, Sources};
use super::text;

/// The facts of one request that every page shows. Holds no patient data.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub institution: String,
    /// The last day that the archive's records reach, `YYYY-MM-DD`.
    pub records_to: Option<String>,
    /// `None` before sign-in.
    pub person: Option<Person>,
    /// The token that every form of this session must send back as `csrf`.
    pub csrf: String,
    /// Seconds after which this session ends when nothing more is asked for; 0 without a session.
    pub idle_s: u64,
    /// What this person has chosen for his pages.
    pub settings: Settings,
    /// When this page was made, for its foot on paper.
    pub made: String,
    /// The path of the request, without its query.
    pub path: String,
    /// What to call the EHR that opened this window on its patient.
    pub launched_by: Option<String>,
    /// Today at the server, `YYYY-MM-DD`; for ages.
    pub today: String,
    pub sources: Sources,
    /// Of the people, organizations, places and medications that the shown records refer to.
    pub names: Names,
    /// The counts of the shown chart, under the filter of its reader.
    pub census: Option<Arc<Census>>,
    /// The one source system of the chart that was asked for; `None`: all.
    pub only: Option<String>,
    /// The last day that somebody declared for the sources of this chart; `None`: nobody did, and records end where they end.
    pub declared_end: Option<When>,
    /// This page on paper.
    pub paper: Paper,
    /// The deliveries of this chart's sources, for the page of its origins.
    pub deliveries: Vec<Provenance>,
    /// Where this reader finds his own psychotherapy notes about the patient of this chart, where such a page is his.
    pub own_notes: Option<String>,
    /// Whether this chart holds back kinds of records, or has them open for now.
    pub glass: Glass,
    /// Accessions in force and the catalog's number.
    pub accessions: u64,
    pub catalog: u64,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub role: Role,
    /// What else he may act as.
    pub other_roles: Vec<Role>,
    /// Signed in through a browser.
    pub has_session: bool,
}

impl Person {
    /// With one role and a session.
    pub fn new(name: &str, role: Role) -> Person {
        Person { name: name.into(), role, other_roles: Vec::new(), has_session: true }
    }
}

/// One workspace in the top bar.
pub struct Workspace {
    pub name: &'static str,
    pub href: &'static str,
    pub current: bool,
}

impl Frame {
    pub fn asset(&self, name: &str) -> String {
        Assets::url(name)
    }

    pub fn badge(&self, source: &str) -> Badge {
        self.sources.badge(source)
    }

    pub fn role_name(&self) -> &'static str {
        self.person.as_ref().map_or("", |p| role_name(p.role))
    }

    /// The workspaces of this role, and only those.
    pub fn workspaces(&self) -> Vec<Workspace> {
        const FIND: (&str, &str) = ("Find a patient", "/");
        const SEARCH: (&str, &str) = ("Search all charts", "/search");
        const ACCESS: (&str, &str) = ("Compliance", "/access");
        const VOLUME: (&str, &str) = ("Volume", "/access/volume");
        const LOG: (&str, &str) = ("Log integrity", "/access/log");
        const REVIEWS: (&str, &str) = ("Break-glass reviews", "/break-glass");
        const SIGNALS: (&str, &str) = ("Worth a look", "/signals");
        const RELEASES: (&str, &str) = ("Releases", "/releases");
        const ACCESSIONS: (&str, &str) = ("Accessions", "/accessions");
        const IDENTITY: (&str, &str) = ("Identity review", "/identity");
        const FIXITY: (&str, &str) = ("Fixity", "/system/fixity");
        const USERS: (&str, &str) = ("Users", "/system/users");
        const POLICY: (&str, &str) = ("Policy", "/system/policy");
        const SYSTEM: (&str, &str) = ("System", "/system");
        if self.launched_by.is_some() {
            return Vec::new();
        }
        let own: &[_] = match self.person.as_ref().map(|p| p.role) {
            None => &[],
            Some(Role::Clinician) => &[FIND],
            Some(Role::Him) => &[FIND, SEARCH, RELEASES, IDENTITY],
            Some(Role::Compliance) => &[ACCESS, SIGNALS, REVIEWS, VOLUME, LOG],
            Some(Role::Archivist) => &[ACCESSIONS, IDENTITY, FIXITY, USERS, POLICY, SYSTEM],
            Some(Role::Admin) => &[SYSTEM, FIXITY, USERS, POLICY],
            Some(Role::Reviewer) => &[REVIEWS],
            Some(Role::Service) => &[],
        };
        let inside = |href: &str| match href {
            // These have others below them that stand beside them.
            "/" | "/system" => self.path == href,
            // Its sub-pages that stand in the bar themselves are not it.
            "/access" => {
                self.path.starts_with("/access") && !own.iter().any(|(_, it)| *it != "/access" && self.path.starts_with(it))
            }
            other => self.path.starts_with(other),
        };
        own.iter().map(|(name, href)| Workspace { name, href, current: inside(href) }).collect()
    }

    /// The other roles of the person: name for the form, and in words.
    pub fn other_roles(&self) -> Vec<(&'static str, &'static str)> {
        self.person.iter().flat_map(|person| person.other_roles.iter()).map(|role| (role.name(), role_name(*role))).collect()
    }

    /// Whether this person may leave the launched patient for the whole archive.
    pub fn may_leave(&self) -> bool {
        self.launched_by.is_some() && self.person.as_ref().is_some_and(|p| matches!(p.role, Role::Clinician | Role::Him))
    }

    /// What the archive says of itself at the foot of each page.
    pub fn accessions_text(&self) -> String {
        format!("{} in force, catalog {}", text::counted(self.accessions, "accession", "accessions"), self.catalog)
    }
}

/// A role as people call it.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Clinician => "Clinician",
        Role::Him => "Health information (HIM)",
        Role::Compliance => "Compliance",
        Role::Archivist => "Archivist",
        Role::Admin => "Administrator",
        Role::Reviewer => "Break-glass reviewer",
        Role::Service => "Service",
    }
}
