//! Every kind of page of the viewer once: no barriers, light and dark, at 1440, 1024 and 800, and no scrolling sideways down to 320;
//! its picture is kept. A page route that nobody visits makes the tests fail.
//!
//! Not for: what a page says beyond the words by which it is known.

use std::collections::BTreeSet;

use chartkeep::server::routes::{Area, Method, routes};
use serde_json::json;

use super::chrome::{Chrome, chrome, of};
use super::releases;
use super::site::site;
use super::tasks::signed_in;
use super::visitor::{Visitor, WIDE, route_of};
use super::{demand, row};

/// Role, name of its picture, address, a word by which it is known.
#[rustfmt::skip]
static PAGES: &[(&str, &str, &str, &str)] = &[
    ("clinician", "find", "/", "Find a patient"),
    ("clinician", "find-hits", "/?q={family}", "Is this the patient?"),
    ("clinician", "find-nobody", "/?q=zzyzx", "No patient in this archive matches"),
    ("clinician", "summary", "/patients/{patient}", "Summary"),
    ("clinician", "summary-two-sources", "/patients/{both}", "HBI"),
    ("clinician", "problems", "/patients/{patient}/problems", "Problems"),
    ("clinician", "allergies", "/patients/{patient}/allergies", "Allergies"),
    ("clinician", "medications", "/patients/{patient}/medications", "Medications"),
    ("clinician", "results", "/patients/{patient}/results", "Results"),
    ("clinician", "trend", "/patients/{patient}/results/4548-4", "Hemoglobin A1c"),
    ("clinician", "vitals", "/patients/{patient}/vitals", "Vital signs"),
    ("clinician", "immunizations", "/patients/{patient}/immunizations", "Immunizations"),
    ("clinician", "encounters", "/patients/{patient}/encounters", "Encounters"),
    ("clinician", "procedures", "/patients/{patient}/procedures", "Procedures"),
    ("clinician", "notes", "/patients/{patient}/notes", "Notes and documents"),
    ("clinician", "timeline", "/patients/{patient}/timeline", "encounters"),
    ("clinician", "imaging", "/patients/{patient}/imaging", "Imaging reports"),
    ("clinician", "reports", "/patients/{patient}/reports", "Other reports"),
    ("clinician", "orders", "/patients/{patient}/orders", "Orders"),
    ("clinician", "care-team", "/patients/{patient}/care-team", "Care team and plans"),
    ("clinician", "family-social", "/patients/{patient}/family-social", "Family and social"),
    ("clinician", "directives", "/patients/{patient}/directives", "Directives and consents"),
    ("clinician", "billing", "/patients/{patient}/billing", "Billing"),
    ("clinician", "corrections", "/patients/{patient}/corrections", "Corrections"),
    ("clinician", "old-audit", "/patients/{patient}/old-audit", "Old system audit trail"),
    ("clinician", "origins", "/patients/{patient}/origins", "Record origins"),
    ("clinician", "everything", "/patients/{patient}/everything", "Everything"),
    ("clinician", "search-in-chart", "/patients/{patient}/search?q=metformin", "Words in this chart"),
    ("clinician", "record", "/patients/{patient}/records/Patient/{patient}", "Where it came from"),
    ("clinician", "record-alone", "/records/Organization/mer.org-1", "Where it came from"),
    ("clinician", "document-text", "/patients/{text-of}/documents/{text}", "Digest checked"),
    ("clinician", "document-html", "/patients/{html-of}/documents/{html}", "Digest checked"),
    ("clinician", "document-pdf", "/patients/{pdf-of}/documents/{pdf}", "Digest checked"),
    ("clinician", "document-rtf", "/patients/{rtf-of}/documents/{rtf}", "Digest checked"),
    ("clinician", "document-cda", "/patients/{cda-of}/documents/{cda}", "Digest checked"),
    ("clinician", "document-tiff", "/patients/{tiff-of}/documents/{tiff}", "Digest checked"),
    ("clinician", "document-coded", "/patients/{cda-of}/documents/{cda}/coded", "in codes"),
    ("clinician", "document-xml", "/patients/{cda-of}/documents/{cda}/xml", "ClinicalDocument"),
    ("clinician", "document-rendered", "/patients/{cda-of}/documents/{cda}/rendered", ""),
    ("clinician", "print", "/patients/{text-of}/documents/{text}/print", "Not the certified record"),
    ("clinician", "break-glass-ask", "/patients/{restricted}/break-glass", "Break-glass access"),
    ("clinician", "account", "/account", "Your account"),
    ("clinician", "password", "/account/password", "Password"),
    ("clinician", "second-factor", "/account/second-factor", "second factor"),
    ("clinician", "sessions", "/account/sessions", "Your sessions"),
    ("clinician", "nothing-here", "/patients/00000000-0000-4000-8000-000000000000", "No archived record here"),
    ("him", "identity-him", "/identity", "Identity review"),
    ("him", "search-all", "/search?q=metformin", "Search all charts"),
    ("compliance", "access", "/access", "Newest acts"),
    ("compliance", "who-saw", "/access?patient={patient}", "By person and day"),
    ("compliance", "who-saw-from-the-chart", "/patients/{patient}/access", "By person and day"),
    ("compliance", "what-a-person-saw", "/access/people?user=site-clinician&issuer=local", "By patient and day"),
    ("compliance", "volume", "/access/volume", "How this is counted"),
    ("compliance", "log", "/access/log", "Check it yourself"),
    ("compliance", "export", "/access/export", "Export the access log"),
    ("compliance", "report-patient", "/access/reports/patient?patient={patient}", "Who saw a patient's chart"),
    ("compliance", "report-volume", "/access/reports/volume", "Days that stand out"),
    ("compliance", "report-disclosures", "/access/reports/disclosures?patient={patient}", "Accounting of disclosures"),
    ("compliance", "report-patient-full", "/access/reports/patient?patient={patient}&version=full", "Each row is one entry"),
    ("compliance", "report-patient-paper", "/access/reports/patient?patient={patient}&copy=1", "The whole report"),
    ("compliance", "who-saw-paper", "/access?patient={patient}&copy=1", "How to read this"),
    ("compliance", "report-break-glass", "/access/reports/break-glass", "Uses of break-glass"),
    ("compliance", "entry", "/access/entries/s0000:60", "s0000"),
    ("compliance", "signals", "/signals", "Worth a look"),
    ("compliance", "reviews", "/break-glass", "Break-glass reviews"),
    ("compliance", "review", "/break-glass/{use}", "What was said"),
    ("archivist", "accessions", "/accessions", "Accessions"),
    ("archivist", "accession", "/accessions/{accession}", "Every record is accounted for"),
    ("archivist", "accession-files", "/accessions/{accession}?files=1", "By file"),
    ("archivist", "quarantine", "/accessions/{accession}/quarantine", "Quarantine"),
    ("archivist", "quarantine-item", "/accessions/{accession}/quarantine/{kept}", "This is the item’s form, not its words"),
    ("archivist", "codes", "/accessions/{accession}/codes", "Codes that stand alone"),
    ("archivist", "identity", "/identity", "Identity review"),
    ("archivist", "identity-pair", "/identity/{one}/{other}", "Are these two one person?"),
    ("archivist", "system", "/system", "For monitoring"),
    ("archivist", "fixity", "/system/fixity", "How to run one"),
    ("archivist", "users", "/system/users", "Users and roles"),
    ("archivist", "policy", "/system/policy", "SHA-256 of its file"),
    ("", "sign-in", "/signin", "Sign in"),
];

/// How far what is drawn may move before it rests: a line of a snippet that breaks elsewhere when the serif arrives, and no more.
const SHIFT: f64 = 0.015;

/// Page routes that are visited elsewhere, or are no pages; why.
#[rustfmt::skip]
static ELSEWHERE: &[(&str, &str)] = &[
    ("/signin/start", "leads to an identity provider: tests/signin"),
    ("/signin/callback", "comes back from one: tests/signin"),
    ("/signin/ended", "leads on to one: tests/signin"),
    ("/launch", "leads to one: tests/signin"),
    ("/launch/signed", "leads to a chart at once: tests/signin"),
    ("/account/again", "leads to an identity provider: tests/signin"),
    ("/r/{token}", "the page of a recipient, who has no account: visited by `desk`"),
    ("/patients/{patient}/own-notes", "only for whom the record names as author by NPI: tests/signin"),
    ("/patients/{patient}/documents/{id}/media/{media}/original", "a file"),
    ("/patients/{patient}/documents/{id}/media/{media}/{page}", "a picture"),
    ("/patients/{patient}/documents/{id}/links/{link}", "visited by the test of a document's links"),
    ("/documents/{id}/body", "a frame within a page"),
    ("/documents/{id}/page/{page}", "a picture"),
    ("/documents/{id}/original", "a file"),
    ("/accessions/{accession}/files.csv", "a file"),
    ("/accessions/{accession}/codes.csv", "a file"),
    ("/releases/{number}/papers/{digest}", "a file"),
    ("/releases/{number}/pages/{subject}/{page}", "a picture"),
    ("/releases/{number}/files/{digest}", "a file"),
    ("/releases/{number}/receipts/{handover}", "a file"),
    ("/static/{version}/{name:.*}", "style, script, fonts"),
];

#[test]
fn every_kind_of_page_is_without_barriers_and_fits_its_window() {
    let Some(chrome) = chrome() else { return };
    let (chrome, site) = (of(&chrome), site());
    let mut faults = Vec::new();
    let mut visited = BTreeSet::new();
    for role in ["clinician", "him", "compliance", "archivist", ""] {
        let mut visitor = match role {
            "" => {
                chrome.forget_cookies();
                Visitor::new(&chrome, &site.server.address, &site.facts)
            }
            role => signed_in(&chrome, &site, role, "with"),
        };
        for (_, name, path, words) in PAGES.iter().filter(|(of, ..)| *of == role) {
            row(&mut faults, &format!("{name} ({path})"), || {
                visitor.open(path);
                visitor.expect(&[words]);
                // A document alone runs no script at all, ours neither.
                let shifted = if path.ends_with("/rendered") { 0.0 } else { visitor.chrome.shifted() };
                assert!(shifted < SHIFT, "what is drawn moves by itself: {shifted}");
            });
            inspect(visitor.chrome, name, &mut faults);
        }
        visited.extend(visitor.visited);
    }
    for route in routes_of_pages().difference(&visited) {
        faults.push(format!("{route} did not come up"));
    }
    demand(&faults);
}

/// What the rows of [`PAGES`] are pages of.
fn routes_of_pages() -> BTreeSet<&'static str> {
    PAGES.iter().map(|(_, name, path, _)| route_of(path).unwrap_or_else(|| panic!("{name}: {path} is no page"))).collect()
}

/// Looks at the open page in every size and both themes, once for barriers in each theme.
pub fn inspect(chrome: &Chrome, name: &str, faults: &mut Vec<String>) {
    for (scheme, width) in
        [("light", 320), ("light", 800), ("light", 1024), ("light", 1440), ("dark", 1440), ("dark", 1024), ("dark", 800)]
    {
        chrome.look(scheme, width);
        if scheme == "light" {
            row(faults, &format!("{name} at {width}"), || {
                let wide = chrome.ask(WIDE);
                assert_eq!(wide, json!([]), "scrolls sideways");
            });
        }
        if width > 320 {
            chrome.picture(&format!("{name}-{scheme}-{width}"));
        }
    }
    chrome.look("light", 1440);
    row(faults, name, || assert_eq!(chrome.barriers(), Vec::<String>::new()));
}

#[test]
fn no_page_route_is_without_a_visit() {
    let visited = routes_of_pages();
    let pages =
        routes().iter().filter(|route| route.area() == Area::Viewer && route.method == Method::Get).map(|route| route.path);
    let is_known =
        |path: &&str| visited.contains(path) || releases::VISITS.contains(path) || ELSEWHERE.iter().any(|(own, _)| own == path);
    let left: Vec<&str> = pages.clone().filter(|path| !is_known(path)).collect();
    assert!(left.is_empty(), "no test of the browser visits {left:?}: add a row to PAGES");
    let gone: Vec<&str> = ELSEWHERE.iter().map(|(path, _)| *path).filter(|path| !pages.clone().any(|own| own == *path)).collect();
    assert!(gone.is_empty(), "there is no such route any more: {gone:?}");
}
