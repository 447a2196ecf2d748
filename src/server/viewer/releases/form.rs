//! The form of a request: the legal basis first, then what that basis asks for; what is missing stands beside its field.
//!
//! Not for: reading what was typed (`server::pages::releases::write`).

use std::collections::BTreeMap;

use askama::Template;

use super::super::frame::Frame;
use super::{render, words};
use crate::release::basis::{Basis, Rules};
use crate::release::request::{Party, Priority, Request, Subject};

pub struct FormPage<'a> {
    /// `None`: a new request.
    pub number: Option<&'a str>,
    pub steps: i64,
    pub rules: &'a Rules,
    pub request: &'a Request,
    /// `YYYY-MM-DD`.
    pub received: &'a str,
    /// Fields with what is wrong or missing, in words.
    pub problems: &'a BTreeMap<&'static str, String>,
    /// A note or fee that was typed, and not kept yet.
    pub note: &'a str,
    /// Names of certificates with their titles.
    pub certificates: &'a [(String, String)],
    /// Whether the page asks for the basis, though one is written down.
    pub asks_basis: bool,
}

#[derive(Template)]
#[template(path = "release_form.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a FormPage<'a>,
    basis: Option<&'a Basis>,
    action: String,
    subjects: Vec<Subject>,
    recipient: Party,
    checks: Vec<String>,
}

impl Page<'_> {
    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> Option<&str> {
        self.page.problems.get(field).map(String::as_str)
    }

    fn classes(&self, names: &[String]) -> String {
        names.iter().map(|name| words::class(name)).collect::<Vec<_>>().join(", ")
    }

    fn has_type(&self, code: &str) -> bool {
        self.page.request.scope.types.iter().any(|own| own == code || words::group_of(own) == code)
    }

    fn types(&self) -> Vec<(String, String)> {
        words::types()
    }

    fn channels(&self) -> &'static [(&'static str, &'static str)] {
        &words::CHANNELS
    }

    fn priorities(&self) -> [(&'static str, &'static str, bool); 3] {
        let own = self.page.request.priority;
        [
            ("routine", "Routine", Priority::Routine),
            ("urgent", "Urgent", Priority::Urgent),
            ("emergency", "Emergency: care is waiting", Priority::Emergency),
        ]
        .map(|(code, words, priority)| (code, words, priority == own))
    }

    fn expires(&self) -> String {
        self.page.request.expires.map_or_else(String::new, |day| day.to_string())
    }

    fn from(&self) -> String {
        self.page.request.scope.from.map_or_else(String::new, |day| day.to_string())
    }

    fn to(&self) -> String {
        self.page.request.scope.to.map_or_else(String::new, |day| day.to_string())
    }
}

pub fn form(frame: &Frame, page: &FormPage<'_>) -> String {
    let basis = page.rules.basis(&page.request.basis).filter(|_| !page.asks_basis);
    let subjects = if page.request.subjects.is_empty() { vec![Subject::default()] } else { page.request.subjects.clone() };
    let checks = basis.iter().flat_map(|basis| &basis.checks).filter_map(|code| page.rules.checks.get(code).cloned());
    render(Page {
        frame,
        page,
        basis,
        action: page.number.map_or_else(|| "/releases/new".into(), |number| format!("/releases/{number}/edit")),
        subjects,
        recipient: page.request.recipient.clone().unwrap_or_default(),
        checks: checks.collect(),
    })
}
