//! The route table: every method and path that this server answers, with its handler, its door and its form of error.
//! The router, the CapabilityStatement, the OpenAPI document and the tests all read this one table.
//!
//! Not for: what a handler does, or how a request gets to it (`router`).

pub use super::area::Area;
pub use super::door::Door;

use super::answer::{Answer, ApiError};
use super::call::Call;
use super::{alerts, api, fhir, health, oauth, pages, signin};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    /// Also answers `HEAD`.
    Get,
    Post,
    Delete,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

pub type Handler = fn(&Call) -> Result<Answer, ApiError>;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: Method,
    /// Path template; `{name}` stands for one segment.
    pub path: &'static str,
    pub door: Door,
    pub handler: Handler,
    /// What it does, in a line: the OpenAPI summary, and for FHIR the interaction or operation code.
    pub summary: &'static str,
    /// Whether its form may have a file in it.
    pub takes_file: bool,
}

impl Route {
    pub fn area(&self) -> Area {
        Area::of(self.path)
    }

    /// Whether a signed-in person's browser opens it.
    pub fn is_for_sessions(&self) -> bool {
        let by_token = self.door == Door::Token && self.area() == Area::Api && self.method == Method::Get;
        by_token || matches!(self.door, Door::Session | Door::Account)
    }
}

const fn get(path: &'static str, door: Door, handler: Handler, summary: &'static str) -> Route {
    Route { method: Method::Get, path, door, handler, summary, takes_file: false }
}

const fn post(path: &'static str, door: Door, handler: Handler, summary: &'static str) -> Route {
    Route { method: Method::Post, path, door, handler, summary, takes_file: false }
}

const fn upload(path: &'static str, door: Door, handler: Handler, summary: &'static str) -> Route {
    Route { takes_file: true, ..post(path, door, handler, summary) }
}

const fn delete(path: &'static str, door: Door, handler: Handler, summary: &'static str) -> Route {
    Route { method: Method::Delete, path, door, handler, summary, takes_file: false }
}

/// Every route. A literal path stands before a template that would also match it.
pub fn routes() -> &'static [Route] {
    TABLE
}

use Door::{Account, Open, Session, SignIn, Token};

#[rustfmt::skip]
static TABLE: &[Route] = &[
    get("/healthz", Open, health::live, "The process answers."),
    get("/readyz", Open, health::ready, "The archive is open and the access log can be written."),
    get("/metrics", Open, health::metrics, "Counts and latencies in the Prometheus text format; no patient data."),

    get("/.well-known/smart-configuration", Open, oauth::smart::configuration, "How programs get tokens."),
    get("/fhir/.well-known/smart-configuration", Open, oauth::smart::configuration, "smart-configuration"),
    post("/oauth/token", Open, oauth::token::token, "A token for a registered program."),
    post("/oauth/introspect", Open, oauth::introspect::introspect, "Whether a token of this archive stands."),

    get("/fhir/metadata", Open, fhir::capability::metadata, "capabilities"),
    get("/fhir/$export", Token, fhir::bulk::whole, "export"),
    post("/fhir/$export", Token, fhir::bulk::whole, "export"),
    get("/fhir/Patient/$export", Token, fhir::bulk::patients, "export"),
    post("/fhir/Patient/$export", Token, fhir::bulk::patients, "export"),
    get("/fhir/Group/{id}/$export", Token, fhir::bulk::group, "export"),
    post("/fhir/Group/{id}/$export", Token, fhir::bulk::group, "export"),
    get("/fhir/bulk/{job}", Token, fhir::bulk::status::poll, "export-status"),
    delete("/fhir/bulk/{job}", Token, fhir::bulk::status::cancel, "export-status"),
    get("/fhir/bulk/{job}/{file}", Token, fhir::bulk::status::file, "export-file"),
    get("/fhir/Patient/{id}/$everything", Token, fhir::everything::everything, "everything"),
    get("/fhir/Patient/{id}/$ccd", Token, fhir::docref::ccd, "ccd"),
    get("/fhir/DocumentReference/$docref", Token, fhir::docref::docref, "docref"),
    get("/fhir/Binary/{id}", Token, fhir::binary::read, "read"),
    get("/fhir/{kind}", Token, fhir::search_get, "search-type"),
    post("/fhir/{kind}/_search", Token, fhir::search_post, "search-type"),
    get("/fhir/{kind}/{id}", Token, fhir::read::read, "read"),
    get("/fhir/{kind}/{id}/_history", Token, fhir::read::history, "history-instance"),
    get("/fhir/{kind}/{id}/_history/{version}", Token, fhir::read::vread, "vread"),

    get("/api/v1/openapi.json", Open, api::openapi::document, "This document."),
    get("/api/v1/me", Token, api::me, "Who is asking, in which role."),
    get("/api/v1/patients", Token, api::patients::find, "Find patients by name, birth date, number or phone."),
    get("/api/v1/patients/{patient}", Token, api::patients::index, "A patient's identity, counts and sources."),
    get("/api/v1/patients/{patient}/chart", Token, api::patients::chart, "The whole chart as stored."),
    get("/api/v1/patients/{patient}/records", Token, api::patients::records, "A chart's records of some kinds, the newest of each."),
    get("/api/v1/patients/{patient}/series", Token, api::patients::series, "All values of one code, oldest first."),
    get("/api/v1/patients/{patient}/ehi", Token, api::ehi::export, "All there is of one person, as a ZIP; 202 while it is made."),
    get("/api/v1/patients/{patient}/search", Token, api::search::chart, "Search the text of one chart."),
    get("/api/v1/search", Token, api::search::all, "Search the text of all charts."),
    get("/api/v1/records/{id}/original", Token, api::records::original_by_id, "A record's bytes as delivered, by its id alone."),
    get("/api/v1/records/{kind}/{id}", Token, api::records::read, "One record as stored."),
    get("/api/v1/records/{kind}/{id}/original", Token, api::records::original, "A record's bytes as delivered."),
    get("/api/v1/documents/{id}", Token, api::documents::bytes, "A document's bytes."),
    get("/api/v1/documents/{id}/text", Token, api::documents::text, "A document's text."),
    get("/api/v1/documents/{id}/pages/{page}", Token, api::documents::page, "One page of a document as an image (`1.png`)."),
    get("/api/v1/access", Token, api::access::entries, "Who looked at this chart (compliance)."),
    get("/api/v1/access/reports/{report}", Token, api::access::report, "A report on the access log (compliance)."),
    get("/api/v1/releases", Token, api::releases::list, "Requests for records, those due first (HIM)."),
    post("/api/v1/releases", Token, api::releases::open, "Write down a request that came in."),
    upload("/api/v1/releases/papers", Token, api::releases::keep_paper, "Keep a paper that came with a request."),
    get("/api/v1/releases/{number}", Token, api::releases::get, "A request as it stands."),
    post("/api/v1/releases/{number}/moves", Token, api::releases::step, "A move: submit, identify, answer, accept, decide, review, approve, hold and the like."),
    get("/api/v1/releases/{number}/papers/{sha256}", Token, api::releases::paper, "A paper of a request."),
    get("/api/v1/releases/{number}/patients/{subject}/candidates", Token, api::releases::candidates, "Persons of the archive whom a patient of the request may be."),
    get("/api/v1/releases/{number}/patients/{subject}/pick", Token, api::releases::pick, "What would go out by the request's scope."),
    post("/api/v1/releases/{number}/patients/{subject}/pick", Token, api::releases::pick, "What would go out by another scope."),
    post("/api/v1/releases/{number}/assemble", Token, api::releases::assemble, "Freeze what goes out."),
    get("/api/v1/releases/{number}/patients/{subject}/selection", Token, api::releases::selection, "What goes out, frozen."),
    get("/api/v1/releases/{number}/patients/{subject}/redactions", Token, api::releases::redactions, "What is redacted."),
    post("/api/v1/releases/{number}/patients/{subject}/redactions", Token, api::releases::redact, "Say what is redacted, all of it."),
    post("/api/v1/releases/{number}/preview", Token, api::releases::preview, "Begin to make the pages as they would leave."),
    post("/api/v1/releases/{number}/seal", Token, api::releases::seal, "Begin to make the package of what was approved."),
    get("/api/v1/releases/{number}/job", Token, api::releases::job, "How the making of pages or package stands."),
    get("/api/v1/releases/{number}/patients/{subject}/pages", Token, api::releases::pages, "Where the items of the preview stand."),
    get("/api/v1/releases/{number}/patients/{subject}/pages/{page}", Token, api::releases::page, "A page of the preview (`1.png`, `1.txt`)."),
    post("/api/v1/releases/{number}/deliver", Token, api::releases::deliver, "Hand the package out; the disclosure is in the log first."),
    get("/api/v1/releases/{number}/packages/{sha256}", Token, api::releases::package, "A package that was handed out, whole or a range of it."),
    get("/api/v1/releases/{number}/receipts/{handover}", Token, api::releases::receipt, "The proof that a disclosure stands in the access log."),
    post("/api/v1/releases/{number}/supersede", Token, api::releases::supersede, "A new request in the place of this one."),
    get("/api/v1/accessions", Token, api::access::accessions, "The accessions in force."),

    get("/", Session, pages::find::find, "Find a patient."),
    get("/signin", SignIn, pages::sign::form, "The sign-in page."),
    post("/signin", SignIn, pages::sign::sign_in, "Sign in."),
    get("/signin/start", SignIn, signin::start, "To an identity provider."),
    get("/signin/callback", SignIn, signin::callback, "Back from an identity provider."),
    get("/signin/ended", SignIn, signin::ended, "Signed out; on to the provider's own sign-out."),
    post("/signin/backchannel", Open, signin::backchannel, "A provider says that a person has signed out."),
    get("/r/{token}", SignIn, pages::fetch::form, "Where a recipient fetches a release."),
    post("/r/{token}", SignIn, pages::fetch::fetch, "Fetch a release, once."),
    get("/launch", SignIn, signin::launch, "SMART EHR launch."),
    get("/launch/signed", SignIn, signin::signed, "Launch by a signed address."),
    post("/signout", Account, pages::sign::sign_out, "End the session."),
    get("/account/sessions", Account, pages::sessions::own, "One's own sessions."),
    post("/account/sessions/end", Account, pages::sessions::end, "End one of one's own sessions."),
    get("/account/again", Account, signin::again, "To one's identity provider, to prove again who one is."),
    post("/account/role", Account, signin::switch_role, "Act in another of one's roles."),
    post("/account/leave", Account, signin::leave, "Leave the launched patient for the whole archive."),
    get("/patients/{patient}", Session, pages::chart::summary, "A chart's summary."),
    get("/patients/{patient}/search", Session, pages::chart::search, "Words found in a chart."),
    get("/patients/{patient}/access", Session, pages::access::who_looked_at, "Who looked at this chart."),
    get("/patients/{patient}/own-notes", Session, pages::own_notes::page, "One's own psychotherapy notes about a patient."),
    get("/patients/{patient}/break-glass", Session, pages::break_glass::form, "Why restricted records of a patient are to be opened."),
    post("/patients/{patient}/break-glass", Session, pages::break_glass::open, "Open restricted records of a patient for a short time."),
    post("/patients/{patient}/break-glass/stop", Session, pages::break_glass::stop, "End that before its time."),
    get("/patients/{patient}/timeline", Session, pages::timeline::page, "A chart's encounters by year, with what belongs to each."),
    get("/patients/{patient}/notes", Session, pages::documents::list, "Notes and documents of a chart."),
    get("/patients/{patient}/{section}", Session, pages::chart::section, "A section of a chart."),
    get("/patients/{patient}/results/{code}", Session, pages::chart::trend, "All values of one test."),
    get("/patients/{patient}/records/{kind}/{id}", Session, pages::chart::record, "A record in its chart."),
    get("/patients/{patient}/documents/{id}", Session, pages::documents::page, "A document in its chart."),
    get("/patients/{patient}/documents/{id}/print", Session, pages::print::print, "A document set for paper."),
    post("/alerts/{number}/seen", Session, alerts::seen, "An alert was seen."),
    get("/patients/{patient}/documents/{id}/rendered", Session, pages::cda::rendered, "A CDA document by itself, whole and in its author's order."),
    get("/patients/{patient}/documents/{id}/coded", Session, pages::cda::coded, "What a CDA document says in codes."),
    get("/patients/{patient}/documents/{id}/xml", Session, pages::cda::xml, "A CDA document's XML, a page at a time."),
    get("/patients/{patient}/documents/{id}/media/{media}/original", Session, pages::cda::media, "A file that a CDA document holds, to be saved."),
    get("/patients/{patient}/documents/{id}/media/{media}/{page}", Session, pages::cda::picture, "A picture of a CDA document, or a page of a file in it."),
    get("/patients/{patient}/documents/{id}/links/{link}", Session, pages::cda::link, "Where a link of a CDA document leads."),
    get("/records/{kind}/{id}", Session, pages::chart::record_alone, "A record by itself."),
    get("/documents/{id}/body", Session, pages::documents::body, "An HTML document, cleaned, for a frame."),
    get("/documents/{id}/page/{page}", Session, api::documents::page, "One page of a document as an image."),
    get("/documents/{id}/original", Session, pages::documents::original, "A document's bytes, to be saved."),
    get("/search", Session, pages::chart::search_all, "Words found in all charts."),
    get("/access", Session, pages::oversee::start, "What waits for compliance, and who looked at a chart."),
    get("/access/people", Session, pages::looks::of_user, "What a person saw."),
    get("/access/volume", Session, pages::oversee::amounts, "How much the archive is used."),
    get("/access/export", Session, pages::oversee::export, "The access log, to be saved."),
    get("/access/log", Session, pages::log::show, "How the access log stands."),
    post("/access/log", Session, pages::log::check, "Check all of the access log."),
    get("/access/reports/{report}", Session, pages::access::report, "A report on the access log."),
    get("/access/entries/{entry}", Session, pages::access::entry, "One entry of the access log."),
    get("/break-glass", Session, pages::reviews::queue, "Uses of break-glass to review."),
    get("/break-glass/{id}", Session, pages::reviews::detail, "One use of break-glass."),
    post("/break-glass/{id}", Session, pages::reviews::review, "Give a verdict on it."),
    get("/releases", Session, pages::releases::board, "Requests for records, by what is next and when they are due."),
    get("/releases/new", Session, pages::releases::fresh, "The form of a new request."),
    post("/releases/new", Session, pages::releases::open, "Write a request down."),
    get("/releases/{number}", Session, pages::releases::show, "One request: what is next with it."),
    get("/releases/{number}/edit", Session, pages::releases::edit, "The form of a request."),
    post("/releases/{number}/edit", Session, pages::releases::change, "Write it down otherwise."),
    post("/releases/{number}/step", Session, pages::releases::step, "A step that needs a line of text at most."),
    post("/releases/{number}/checks", Session, pages::releases::checks, "Answer the checks of its legal basis."),
    get("/releases/{number}/patients/{subject}", Session, pages::releases::patients, "Persons of the archive beside a patient of the request."),
    post("/releases/{number}/patients/{subject}", Session, pages::releases::choose_patient, "Say which of them it is."),
    upload("/releases/{number}/papers", Session, pages::releases::keep_paper, "Put a paper on file."),
    get("/releases/{number}/papers/{digest}", Session, pages::releases::paper, "A paper on file."),
    get("/releases/{number}/select", Session, pages::releases::select, "What would go out by its scope."),
    post("/releases/{number}/select", Session, pages::releases::choose, "Try another scope, or freeze it."),
    get("/releases/{number}/items/{subject}", Session, pages::releases::items, "Items to decide, each beside its source record."),
    post("/releases/{number}/items/{subject}", Session, pages::releases::decide, "Decide about one."),
    get("/releases/{number}/redact/{subject}", Session, pages::releases::redact, "What is taken out of its pages."),
    post("/releases/{number}/redact/{subject}", Session, pages::releases::mark, "Take words or an area out, or put them back."),
    get("/releases/{number}/review/{subject}", Session, pages::releases::review, "The pages as they would leave."),
    post("/releases/{number}/review/{subject}", Session, pages::releases::reviewed, "Send them for approval."),
    get("/releases/{number}/pages/{subject}/{page}", Session, pages::releases::page, "One of those pages as an image."),
    get("/releases/{number}/approve", Session, pages::releases::approval, "What is to be approved."),
    post("/releases/{number}/approve", Session, pages::releases::approve, "Approve it, as a second person."),
    get("/releases/{number}/deliver", Session, pages::releases::delivery, "By which way it is handed out."),
    post("/releases/{number}/deliver", Session, pages::releases::deliver, "Hand it out."),
    get("/releases/{number}/files/{digest}", Session, pages::releases::file, "A package that was handed out, to be saved."),
    get("/releases/{number}/receipts/{handover}", Session, pages::releases::receipt, "The proof of a handing out."),
    post("/releases/{number}/preview", Session, pages::releases::preview, "Make the pages as they would leave."),
    post("/releases/{number}/seal", Session, pages::releases::seal, "Build and sign what was approved."),
    post("/releases/{number}/verify", Session, pages::releases::verify, "Hold its packages against their manifests."),
    post("/releases/{number}/supersede", Session, pages::releases::supersede, "A new request takes its place."),
    get("/account", Account, pages::account::overview, "One's own account."),
    post("/account/settings", Account, pages::account::keep_settings, "Choose colours and keys for one's own pages."),
    get("/account/password", Account, pages::account::password_form, "The form for another password."),
    post("/account/password", Account, pages::account::change_password, "Change one's own password."),
    get("/account/second-factor", Account, pages::account::second_factor_form, "One's own second factor."),
    post("/account/second-factor", Account, pages::account::second_factor, "Set up, change or leave it."),
    get("/signals", Session, pages::signals::signals, "What of a day of the access log is worth a look."),
    get("/accessions", Session, pages::archivist::accessions, "The accessions, and what was withdrawn."),
    get("/accessions/{accession}", Session, pages::archivist::accession, "The reconciliation of one accession."),
    get("/accessions/{accession}/files.csv", Session, pages::archivist::files, "Its files and their fates, as a table."),
    get("/accessions/{accession}/quarantine", Session, pages::archivist::quarantine, "What of it is in quarantine."),
    get("/accessions/{accession}/quarantine/{item}", Session, pages::archivist::kept, "The form of one item in quarantine."),
    get("/accessions/{accession}/codes", Session, pages::archivist::codes, "How far its codes are mapped."),
    get("/accessions/{accession}/codes.csv", Session, pages::archivist::codes_csv, "Its codes that stand alone, as a table."),
    get("/identity", Session, pages::archivist::identity, "Patients who may be one person."),
    get("/identity/{patient}/{other}", Session, pages::archivist::pair, "Two patients side by side."),
    post("/identity/{patient}/{other}", Session, pages::archivist::decide, "Say whether they are one person."),
    get("/system", Session, pages::archivist::health, "How the archive and this server stand."),
    get("/system/fixity", Session, pages::archivist::fixity, "When the archive was last checked."),
    get("/system/users", Session, pages::archivist::users, "Accounts, roles and programs."),
    get("/system/policy", Session, pages::archivist::policy, "The policy in force, in words."),
    post("/signals", Session, pages::signals::verdict, "Give a verdict on one signal."),
    get("/static/{version}/{name:.*}", Open, pages::asset, "Style sheets, scripts and fonts of the viewer."),
];
