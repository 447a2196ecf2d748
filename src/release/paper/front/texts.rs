//! The site's words in a package: notices and certificates as data, each with its version, citation, owner, date, and whether the
//! site approved exactly this text.
//!
//! Shipped texts lie in `schemas/release`; a site's folder adds texts and takes the place of shipped ones, by name. An approval
//! names the digest of the text, so whoever changes a text ends its approval.
//!
//! Not for: how texts are printed (`certificate`, `notices`), or what a law asks for: counsel decides that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fill::{self, Piece};
use crate::limits::{RELEASE_TEXT_BYTES_MAX, RELEASE_TEXT_FILES_MAX};
use crate::release::basis::Basis;
use crate::release::build::{Plan, Text};
use crate::release::package::sha256_hex;

const NOTICES: &str = include_str!("../../../../schemas/release/notices.toml");
const CERTIFICATES: [&str; 7] = [
    include_str!("../../../../schemas/release/certificates/fre-902-11.toml"),
    include_str!("../../../../schemas/release/certificates/fre-902-13.toml"),
    include_str!("../../../../schemas/release/certificates/fre-902-14.toml"),
    include_str!("../../../../schemas/release/certificates/hi-622-53.toml"),
    include_str!("../../../../schemas/release/certificates/ny-cplr-4518.toml"),
    include_str!("../../../../schemas/release/certificates/tn-68-11-405.toml"),
    include_str!("../../../../schemas/release/certificates/wv-57-5-4e.toml"),
];
/// What stands in a text where the site has to write the rest.
const UNFINISHED: &str = "[[";
/// Words of the notice of 42 CFR 2.32 before the rule of 2024.
const SUPERSEDED: [&str; 2] =
    ["prohibit you from making any further disclosure", "prohibits unauthorized disclosure of these records"];

/// Why texts cannot be loaded or used. They name texts, never a patient.
#[derive(Debug, thiserror::Error)]
pub enum TextFault {
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{place}: {error}")]
    Form { place: String, error: toml::de::Error },
    #[error("{name}: {what}")]
    Wrong { name: String, what: String },
    #[error("no notice is called {0}")]
    NoNotice(String),
    #[error("no certificate is called {0}")]
    NoCertificate(String),
    #[error("the notice {name} is not approved by the site: complete its text if need be, then approve the digest {sha256}")]
    Unapproved { name: String, sha256: String },
    #[error("the text {0} was changed since it was chosen")]
    Changed(String),
}

/// Who approved which text.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    pub by: String,
    /// `YYYY-MM-DD`
    pub on: String,
    pub sha256: String,
}

/// A notice to the recipient.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notice {
    pub name: String,
    pub version: String,
    pub title: String,
    pub citation: String,
    pub owner: String,
    pub date: String,
    /// A line at the foot of every page; empty: none.
    pub short: String,
    /// Another name that it answers to; several notices may serve one name.
    pub serves: String,
    pub always: bool,
    pub classes: Vec<String>,
    pub bases: Vec<String>,
    pub except: Vec<String>,
    pub needs_approval: bool,
    /// Paragraphs, apart by empty lines.
    pub text: String,
    #[serde(skip_serializing)]
    pub approved: Option<Approved>,
}

/// Whether a notary's block is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notary {
    #[default]
    None,
    /// It is printed as one that may be left out.
    Optional,
    Required,
}

/// Facts of the system that a certificate lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactGroup {
    /// What was copied, by whom it was prepared and approved.
    Copy,
    /// Which software, which archive.
    System,
    /// How the software works.
    Process,
    /// Where the records came from, how they were converted and reconciled.
    Migration,
    /// Digests and signatures.
    Method,
    Redaction,
    /// What was never loaded or is not on the pages.
    Gaps,
}

/// A certificate that a person signs. Nothing in it is said in the signer's name before it is signed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificate {
    pub name: String,
    pub version: String,
    pub title: String,
    /// Empty: of no one state.
    pub state: String,
    pub citation: String,
    pub owner: String,
    pub date: String,
    pub notary: Notary,
    /// What it is about.
    pub opening: String,
    /// What only the signer can say; each is printed as a box that is not ticked.
    pub statements: Vec<String>,
    pub facts: Vec<FactGroup>,
    /// How the system works, where the certificate is about that.
    pub process: String,
    /// What the signer writes out by hand; empty: nothing.
    pub explains: String,
    pub declaration: String,
    /// The declaration for who signs outside the United States.
    pub abroad: String,
    /// What the parties have to do with it.
    pub reminder: String,
    #[serde(skip_serializing)]
    pub approved: Option<Approved>,
}

/// A file of notices.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeFile {
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "owner")]
    _owner: String,
    #[serde(rename = "date")]
    _date: String,
    #[serde(default)]
    notice: Vec<Notice>,
}

/// All texts of a site.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// In the order of the files, the shipped ones first.
    notices: Vec<Notice>,
    certificates: BTreeMap<String, Certificate>,
    warnings: Vec<String>,
}

/// The texts of one plan, as they were when it was made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chosen {
    pub notices: Vec<Notice>,
    pub certificate: Option<Certificate>,
}

impl Texts {
    /// The texts of this version of the software.
    ///
    /// # Errors
    /// None, unless the files that the program was built with are wrong; a test holds that they are not.
    pub fn shipped() -> Result<Texts, TextFault> {
        let mut texts = Texts::default();
        texts.add_notices("notices.toml", NOTICES)?;
        for text in CERTIFICATES {
            texts.add_certificate("certificates", text)?;
        }
        Ok(texts)
    }

    /// The shipped texts and those of the site's folder, which may hold `notices.toml` and `certificates/*.toml`.
    ///
    /// # Errors
    /// A file that cannot be read or is not of the form, with its place; a fact that no text may ask for.
    pub fn load(folder: Option<&Path>) -> Result<Texts, TextFault> {
        let mut texts = Texts::shipped()?;
        let Some(folder) = folder else { return Ok(texts) };
        let unreadable = |path: &Path, source| TextFault::Unreadable { path: path.to_path_buf(), source };
        // A folder that is not there is a mistake of the configuration, not a site without texts.
        std::fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
        let notices = folder.join("notices.toml");
        if notices.exists() {
            texts.add_notices(&notices.display().to_string(), &read(&notices)?)?;
        }
        let certificates = folder.join("certificates");
        if certificates.is_dir() {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(&certificates).map_err(|source| unreadable(&certificates, source))? {
                let path = entry.map_err(|source| unreadable(&certificates, source))?.path();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    files.push(path);
                }
            }
            if files.len() > RELEASE_TEXT_FILES_MAX {
                let what = format!("holds more than {RELEASE_TEXT_FILES_MAX} files");
                return Err(TextFault::Wrong { name: certificates.display().to_string(), what });
            }
            files.sort();
            for file in files {
                texts.add_certificate(&file.display().to_string(), &read(&file)?)?;
            }
        }
        Ok(texts)
    }

    fn add_notices(&mut self, place: &str, text: &str) -> Result<(), TextFault> {
        let form = |error| TextFault::Form { place: place.to_owned(), error };
        let file: NoticeFile = toml::from_str(text).map_err(form)?;
        for notice in file.notice {
            checked(&notice.name, &notice.version, &notice.date, &[&notice.text])?;
            if notice.text.trim().is_empty() {
                return wrong(&notice.name, "has no text");
            }
            let (short, said) = (spaced(&notice.text), notice.approved.as_ref().map(|it| it.sha256.clone()));
            let is_part2 = short.to_lowercase().contains("42 cfr part 2");
            if is_part2 && SUPERSEDED.iter().any(|words| short.contains(words)) {
                self.warn(&notice.name, "holds words of 42 CFR 2.32 as it was before 2024");
            }
            if said.is_some_and(|sha256| sha256 != notice.digest()) {
                self.warn(&notice.name, &format!("was changed since it was approved; its digest is now {}", notice.digest()));
            }
            match self.notices.iter_mut().find(|other| other.name == notice.name) {
                Some(other) => *other = notice,
                None => self.notices.push(notice),
            }
        }
        Ok(())
    }

    fn add_certificate(&mut self, place: &str, text: &str) -> Result<(), TextFault> {
        let form = |error| TextFault::Form { place: place.to_owned(), error };
        let certificate: Certificate = toml::from_str(text).map_err(form)?;
        let mut parts = vec![certificate.opening.as_str(), &certificate.process, &certificate.explains];
        parts.extend([certificate.declaration.as_str(), &certificate.abroad, &certificate.reminder]);
        parts.extend(certificate.statements.iter().map(String::as_str));
        checked(&certificate.name, &certificate.version, &certificate.date, &parts)?;
        if certificate.statements.is_empty() || certificate.declaration.trim().is_empty() {
            return wrong(&certificate.name, "needs statements and a declaration");
        }
        if certificate.approved.as_ref().is_some_and(|it| it.sha256 != certificate.digest()) {
            let digest = certificate.digest();
            self.warn(&certificate.name, &format!("was changed since it was approved; its digest is now {digest}"));
        }
        self.certificates.insert(certificate.name.clone(), certificate);
        Ok(())
    }

    fn warn(&mut self, name: &str, what: &str) {
        self.warnings.push(format!("{name} {what}"));
    }

    /// What whoever runs the archive should know of its texts.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// By name.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.values()
    }

    /// The notices that go with records of these classes under a basis, in their order.
    ///
    /// # Errors
    /// The basis names a notice that there is not.
    pub fn notices_for(&self, basis: &Basis, classes: &BTreeSet<&str>) -> Result<Vec<Text>, TextFault> {
        if let Some(name) = basis.notices.iter().find(|name| !self.notices.iter().any(|it| it.answers_to(name))) {
            return Err(TextFault::NoNotice(name.clone()));
        }
        let mut chosen: Vec<&Notice> = Vec::new();
        for notice in self.notices.iter().filter(|notice| notice.goes_with(basis, classes)) {
            let served = chosen.iter_mut().find(|it| it.served() == notice.served());
            match served {
                // Of several that serve one name the first approved goes; without any, the first, which `check` refuses.
                Some(other) if !other.is_approved() && notice.is_approved() => *other = notice,
                Some(_) => {}
                None => chosen.push(notice),
            }
        }
        Ok(chosen.into_iter().map(Notice::named).collect())
    }

    /// A certificate by its name.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn certificate(&self, name: &str) -> Result<Text, TextFault> {
        let found = self.certificates.get(name).ok_or_else(|| TextFault::NoCertificate(name.to_owned()))?;
        Ok(found.named())
    }

    /// Whether records may be released with these texts.
    ///
    /// # Errors
    /// The name of a notice that has to be approved and is not, with its digest; a text that is another by now.
    pub fn check(&self, notices: &[Text]) -> Result<(), TextFault> {
        for text in notices {
            let named = self.notices.iter().find(|it| it.name == text.name);
            let notice = named.ok_or_else(|| TextFault::NoNotice(text.name.clone()))?;
            if notice.digest() != text.sha256 {
                return Err(TextFault::Changed(text.name.clone()));
            }
            if notice.needs_approval && !notice.is_approved() {
                return Err(TextFault::Unapproved { name: text.name.clone(), sha256: text.sha256.clone() });
            }
        }
        Ok(())
    }

    /// The bytes of the texts of a plan, each under its digest: they are put on the shelf when the plan is made, so that the
    /// same pages can be made again when the site's texts are others.
    ///
    /// # Errors
    /// A text is no longer there, or another by now.
    pub fn files(&self, plan: &Plan) -> Result<Vec<Vec<u8>>, TextFault> {
        let mut files = Vec::new();
        for text in plan.notices.iter().chain(&plan.certificate) {
            let notice = self.notices.iter().find(|it| it.digest() == text.sha256).map(Notice::to_bytes);
            let certificate = || self.certificates.values().find(|it| it.digest() == text.sha256).map(Certificate::to_bytes);
            files.push(notice.or_else(certificate).ok_or_else(|| TextFault::Changed(text.name.clone()))?);
        }
        Ok(files)
    }
}

impl Chosen {
    /// The texts of a plan from wherever `get` finds bytes by their digest, as a rule the shelf.
    ///
    /// # Errors
    /// Those of `get`; bytes that are no text, or not the one that the plan names.
    pub fn of<E: From<TextFault>>(plan: &Plan, mut get: impl FnMut(&str) -> Result<Vec<u8>, E>) -> Result<Chosen, E> {
        let changed = |text: &Text| E::from(TextFault::Changed(text.name.clone()));
        let mut chosen = Chosen::default();
        for text in &plan.notices {
            let bytes = get(&text.sha256)?;
            let read = serde_json::from_slice::<Notice>(&bytes).ok().filter(|notice| notice.digest() == text.sha256);
            chosen.notices.push(read.ok_or_else(|| changed(text))?);
        }
        if let Some(text) = &plan.certificate {
            let bytes = get(&text.sha256)?;
            let read = serde_json::from_slice::<Certificate>(&bytes).ok().filter(|it| it.digest() == text.sha256);
            chosen.certificate = Some(read.ok_or_else(|| changed(text))?);
        }
        Ok(chosen)
    }

    /// Short lines for the foot of every page, each once.
    pub fn short_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for notice in self.notices.iter().filter(|notice| !notice.short.is_empty()) {
            if !lines.contains(&notice.short) {
                lines.push(notice.short.clone());
            }
        }
        lines
    }
}

impl Notice {
    /// Canonical JSON, without the approval.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }

    /// Whether the site approved exactly this text, and it is whole.
    pub fn is_approved(&self) -> bool {
        !self.text.contains(UNFINISHED) && self.approved.as_ref().is_some_and(|it| it.sha256 == self.digest())
    }

    fn served(&self) -> &str {
        if self.serves.is_empty() { &self.name } else { &self.serves }
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.serves == name
    }

    fn goes_with(&self, basis: &Basis, classes: &BTreeSet<&str>) -> bool {
        let of_basis = |codes: &[String]| codes.contains(&basis.code);
        if basis.notices.iter().any(|name| self.answers_to(name)) {
            return true;
        }
        let is_called_for = match (self.classes.is_empty(), self.bases.is_empty()) {
            (true, true) => self.always,
            (true, false) => of_basis(&self.bases),
            (false, no_bases) => {
                self.classes.iter().any(|class| classes.contains(class.as_str())) && (no_bases || of_basis(&self.bases))
            }
        };
        (self.always || is_called_for) && !of_basis(&self.except)
    }

    fn named(&self) -> Text {
        let approved = self.is_approved();
        Text { name: self.name.clone(), version: self.version.clone(), sha256: self.digest(), approved }
    }
}

impl Certificate {
    /// Canonical JSON, without the approval.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }

    pub fn is_approved(&self) -> bool {
        self.approved.as_ref().is_some_and(|it| it.sha256 == self.digest())
    }

    fn named(&self) -> Text {
        let approved = self.is_approved();
        Text { name: self.name.clone(), version: self.version.clone(), sha256: self.digest(), approved }
    }
}

/// Reads a file of texts.
fn read(path: &Path) -> Result<String, TextFault> {
    let unreadable = |source| TextFault::Unreadable { path: path.to_path_buf(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(RELEASE_TEXT_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > RELEASE_TEXT_BYTES_MAX {
        let what = format!("is longer than {RELEASE_TEXT_BYTES_MAX} bytes");
        return Err(TextFault::Wrong { name: path.display().to_string(), what });
    }
    Ok(text)
}

fn wrong<T>(name: &str, what: impl Into<String>) -> Result<T, TextFault> {
    Err(TextFault::Wrong { name: name.to_owned(), what: what.into() })
}

fn checked(name: &str, version: &str, date: &str, parts: &[&str]) -> Result<(), TextFault> {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_name {
        return wrong(name, "a text's name is of small letters, digits and hyphens");
    }
    if version.is_empty() {
        return wrong(name, "has no version");
    }
    if date.parse::<jiff::civil::Date>().is_err() {
        return wrong(name, "its date is a day, YYYY-MM-DD");
    }
    for part in parts {
        let unknown = fill::pieces(part).find_map(|piece| match piece {
            Piece::Unknown(name) => Some(name.to_owned()),
            Piece::Words(_) | Piece::Fact(_) => None,
        });
        if let Some(unknown) = unknown {
            return wrong(name, format!("no fact is called {unknown}"));
        }
    }
    Ok(())
}

/// A text with every run of blanks as one space.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
