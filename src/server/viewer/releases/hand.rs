//! Handing the package out: by which way, and what is shown once afterwards.
//!
//! Not for: the recipient's own page.

use askama::Template;

use super::super::ProofAsked;
use super::super::frame::Frame;
use super::super::text;
use super::head::{Head, Looker, party};
use super::{render, words};
use crate::release::desk::{Handed, View};

pub struct DeliverPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub proof: ProofAsked,
    pub again: String,
    pub problem: Option<String>,
}

struct Package {
    at: usize,
    name: String,
    about: String,
}

#[derive(Template)]
#[template(path = "release_deliver.html")]
struct Form<'a> {
    frame: &'a Frame,
    page: &'a DeliverPage<'a>,
    head: Head,
    base: String,
    packages: Vec<Package>,
    recipient: Vec<String>,
    channel: String,
    is_encrypted: bool,
    is_again: bool,
    is_ready: bool,
}

impl Form<'_> {
    fn channels(&self) -> &'static [(&'static str, &'static str)] {
        &words::CHANNELS
    }
}

pub fn deliver(frame: &Frame, page: &DeliverPage<'_>) -> String {
    let case = &page.view.case;
    let recipient = case.request.recipient();
    let package = |(at, it): (usize, &crate::release::workflow::Package)| Package {
        at,
        name: case.request.subjects.get(at).map_or_else(String::new, |subject| subject.name.clone()),
        about: format!("{}, {}", text::counted(it.pages, "page", "pages"), text::bytes(it.bytes)),
    };
    let lines = std::iter::once(party(recipient)).chain(recipient.address.iter().cloned());
    render(Form {
        frame,
        page,
        head: Head::new(page.view, "deliver", page.looker),
        base: format!("/releases/{}", case.number),
        packages: case.packages.iter().enumerate().map(package).collect(),
        recipient: lines
            .chain([recipient.phone.clone(), recipient.email.clone(), case.request.delivery.address.clone()])
            .filter(|line| !line.is_empty())
            .collect(),
        channel: case.request.delivery.channel.clone(),
        is_encrypted: case.request.delivery.is_encrypted,
        is_again: !case.handovers.is_empty(),
        is_ready: case.sealed().is_some(),
    })
}

pub struct HandedPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub handed: &'a Handed,
    /// The site's address, for links.
    pub site: &'a str,
}

struct File {
    name: String,
    whose: String,
    href: String,
    size: String,
    digest: String,
    secret: Option<String>,
}

struct Link {
    whose: String,
    address: String,
    pin: String,
    until: String,
}

#[derive(Template)]
#[template(path = "release_handed.html")]
struct Done<'a> {
    frame: &'a Frame,
    head: Head,
    base: String,
    files: Vec<File>,
    links: Vec<Link>,
    receipt: String,
    has_secrets: bool,
}

pub fn handed(frame: &Frame, page: &HandedPage<'_>) -> String {
    let base = format!("/releases/{}", page.view.case.number);
    let whose = |at: usize| page.view.case.request.subjects.get(at).map_or_else(String::new, |it| it.name.clone());
    let file = |it: &crate::release::desk::HandedFile| File {
        name: it.name.clone(),
        whose: whose(it.subject),
        href: format!("{base}/files/{}", it.sha256),
        size: text::bytes(it.bytes),
        digest: it.sha256.clone(),
        secret: it.secret.as_ref().map(|secret| secret.to_string()),
    };
    let link = |it: &crate::release::desk::Link| Link {
        whose: whose(it.subject),
        address: format!("{}{}", page.site, it.path.as_str()),
        pin: it.pin.to_string(),
        until: words::minute(it.expires),
    };
    let files: Vec<File> = page.handed.files.iter().map(file).collect();
    let links: Vec<Link> = page.handed.links.iter().map(link).collect();
    render(Done {
        frame,
        head: Head::new(page.view, "handed out", page.looker),
        receipt: format!("{base}/receipts/{}", page.handed.handover),
        has_secrets: !links.is_empty() || files.iter().any(|file| file.secret.is_some()),
        files,
        links,
        base,
    })
}
