//! The viewer's pages: pure functions from data to HTML, plus its static files. No reading, no permits, no HTTP here:
//! the routes ask the gate, read through `query`, and call these functions with what they got.
//!
//! Not for: routes, sessions, cookies, headers (`server`).
//!
//! The addresses that the pages link to, and the function that answers each:
//!
//! | address | page |
//! | --- | --- |
//! | `GET /` (`?q=`, `?page=`, `?row=`) | [`find`]; `POST /alerts/{number}/seen` from its alerts |
//! | `GET /signin` (`?next=`), `POST /signin` (`user`, `password`, `next`, `csrf`) | [`sign_in`] |
//! | `POST /signout` (`csrf`) | redirect to `/signin` |
//! | `GET /patients/{key}` and `/patients/{key}/{section}` (`?source=`, `?page=`, `?print=1`; sheets `?tests=`, `?to=`, `?test=`, `?abnormal=1`) | [`section`]; slugs in [`Section`] |
//! | `GET /patients/{key}/timeline` (`?year=`, `?encounter=`, `?setting=`, `?source=`, `?untied=`, `?all=`, `?page=`) | [`timeline`] |
//! | `GET /patients/{key}/results/{code}` (`?page=`, `?print=1`) | [`trend`] |
//! | `GET /patients/{key}/records/{Kind}/{id}`, `/records/{Kind}/{id}` (no patient) | [`record`] |
//! | `GET /patients/{key}/notes` (`?q=`, filters, `?page=`) | [`documents`] |
//! | `GET /patients/{key}/documents/{docid}` (`?q=`, filters, `?sheet=`, `?zoom=`, `?turn=`), `…/coded` | [`document`] |
//! | `GET /patients/{key}/documents/{docid}/print` (`?from=`, `?to=`) | [`print`], or archived markup under [`print_head`] |
//! | `GET /patients/{key}/documents/{docid}/rendered`, `…/xml` (`?page=`), `…/links/{key}` | [`document_alone`], [`document`], [`link_out`] |
//! | `GET /patients/{key}/documents/{docid}/media/{n}/{page}.png`, `…/original` | pictures and files that a CDA document holds |
//! | `GET /documents/{docid}/body` | HTML of an HTML document, own strict policy with `sandbox`; framed by [`document`] |
//! | `GET /documents/{docid}/page/{n}.png` | image of a page, `n` from 1; shown by [`document`] |
//! | `GET /documents/{docid}/original` | the bytes, `Content-Disposition: attachment` |
//! | `GET /patients/{key}/own-notes` | [`own_notes`] |
//! | `GET /patients/{key}/search` (`?q=`, `?page=`) | [`search`] |
//! | `GET /search` (`?q=`, `?page=`) | [`search_all`] |
//! | `GET /access` (`?patient=`, `?q=`), `/patients/{key}/access`, `/access/people` | [`access_start`], [`looks()`], [`looks_copy`] |
//! | `GET`, `POST /access/log`; `GET /access/volume`, `/access/export` | [`log_page`], [`volume`], [`export`] |
//! | `GET /access/reports/{report}` | [`access_report`] |
//! | `GET /access/entries/{stream}:{number}` | [`access_entry`] |
//! | `GET`, `POST /signals` (`?day=`, `?page=`) | [`signals`] |
//! | `GET`, `POST /patients/{key}/break-glass`, `POST …/break-glass/stop` | [`break_glass`] |
//! | `GET /break-glass` (`?state=all`, `?page=`), `GET`, `POST /break-glass/{id}` | [`reviews`], [`review`] |
//! | `GET /releases` (`?show=`, `?view=list`), `/releases/new`, `/releases/{number}` and what is below it | [`releases`] |
//! | `GET /account`, `POST /account/settings`, `GET`, `POST /account/password`, `/account/second-factor` | [`account`], [`password`], [`second_factor`] |
//! | `GET /accessions`, `/accessions/{id}` (`?files=`), `…/files.csv` | [`accessions`], [`accession`], [`accession_csv`] |
//! | `GET /accessions/{id}/quarantine` (`?reason=`, `?file=`, `?page=`), `…/quarantine/{item}` (`?entry=`, `?from=`) | [`kept`], [`kept_item`] |
//! | `GET /accessions/{id}/codes` (`?kind=`, `?page=`), `…/codes.csv` | [`codes`], [`codes_csv`] |
//! | `GET /identity` (`?page=`), `GET`, `POST /identity/{a}/{b}` (`decision`, `reason`, `confirm`) | [`identity`], [`identity_pair`] |
//! | `GET /system`, `/system/fixity`, `/system/users`, `/system/policy` | [`health`], [`fixity`], [`users`], [`policy`] |
//! | `GET /static/{hash}/{name}` (name may hold `/`) | [`Assets::get`]; immutable when the hash is [`Assets::version`] |
//! | absent or refused; log down; anything else | [`not_here`], [`log_down`], [`message`] |
//!
//! A chart's pages are given a [`Chart`](crate::model::Chart) whose records cover [`Section::kinds`]; all of the shown kinds are named in the
//! audit entry, the banner's allergies among them.

mod alike;
mod assets;
mod banner;
mod bars;
mod chart_nav;
mod columns;
mod fhir;
mod flowsheet;
mod frame;
mod glass;
mod html;
mod log_status;
mod names;
mod pages;
mod panel;
mod paper;
mod query;
pub mod releases;
mod sections;
mod series;
mod source;
mod svg;
mod table;
mod text;
mod timeline;
mod trend;

#[cfg(test)]
mod gallery;
#[cfg(test)]
mod gallery_log;

pub use assets::Assets;
pub use chart_nav::Section;
pub use frame::{Frame, Person, role_name};
pub use glass::{Glass, class_name, class_names};
pub use html::url_part;
pub use names::{Names, birth_date_in, name_in};
pub use pages::access::{AccessReport, access_entry, access_report};
pub use pages::accession::{AccessionReport, Quarantine, SignOffRow, accession};
pub use pages::accession_files::{Declared, FileRow, Totals, accession_csv};
pub use pages::accessions::{AccessionRow, AccessionState, WithdrawnRow, accessions};
pub use pages::account::{AccountPage, FactorPage, FactorState, PasswordPage, account, password, second_factor};
pub use pages::break_glass::{
    BreakGlassForm, ProofAsked, ReasonChoice, UsePage, UseRow, VerdictRow, break_glass, break_glass_closed, review, reviews,
};
pub use pages::chart::{section, trend};
pub use pages::codes::{CodesFound, CodesPage, codes, codes_csv};
pub use pages::document::{DocumentBody, DocumentPage, Provenance, TextBody, document, documents};
pub use pages::document_cda::{CodedSection, LinkPage, Rendered, document_alone, hits_by_section, link_out};
pub use pages::document_scan::{Scan, Zoom};
pub use pages::fetch::fetch;
pub use pages::find::{AlertRow, FindPage, Recent, find};
pub use pages::identity::{IdentityList, IdentityPair, identity, identity_pair};
pub use pages::kept::{KeptView, kept, kept_item};
pub use pages::log::{LogPage, log_page};
pub use pages::looks::{DayFlags, Flagged, LooksPage, looks, looks_copy};
pub use pages::message::{Message, Side, Tone, log_down, message, not_here};
pub use pages::oversee::{ExportPage, Found, SignalsWait, StartPage, VolumePage, Waits, access_start, export, volume};
pub use pages::own_notes::own_notes;
pub use pages::print::{PrintBody, PrintPage, print, print_head};
pub use pages::record::{RecordPage, record};
pub use pages::search::{Opened, SearchPage, document_of, search, search_all};
pub use pages::sessions::{SessionRow, sessions};
pub use pages::sign_in::{SignIn, sign_in};
pub use pages::signals::{SignalsPage, signals};
pub use pages::system::{CheckRow, HealthPage, HealthRow, KeyRow, PolicyPage, UserRow, fixity, health, policy, users};
pub use paper::Paper;
pub use query::Query;
pub use sections::notes_list::Listing;
pub use source::{Badge, Sources};
pub use table::Paging;
pub use text::bytes;
pub use timeline::{Asked, KINDS as TIMELINE_KINDS, YearRead, belongs_to, timeline};
