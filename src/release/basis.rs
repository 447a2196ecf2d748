//! The legal bases of releases as data (`schemas/release/bases.toml`): what is checked, which classes of records may go out,
//! whether the accounting shows it, which notices go with it, when it is due.
//!
//! Not for: deciding that a document is sufficient in law. A named person answers each check; this says which there are.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::access::Purpose;
use crate::model::{Class, Label};

/// The rules as a file has them.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub version: String,
    pub owner: String,
    pub date: toml::value::Datetime,
    pub citation: String,
    /// Code of a check, and its words.
    pub checks: BTreeMap<String, String>,
    pub basis: Vec<Basis>,
    /// The text that they were read from; selections name its digest.
    #[serde(skip)]
    pub text: String,
}

/// One legal basis.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    pub code: String,
    pub words: String,
    pub citation: String,
    /// Its code in the accounting's rules (`schemas/disclosures.toml`).
    pub disclosure: String,
    /// Code of v3-ActReason.
    pub purpose: String,
    /// Codes of the checks that must be answered with yes.
    pub checks: Vec<String>,
    /// Classes that may go out under the basis alone.
    pub classes: Vec<String>,
    /// Classes that go out when the request's document names them, and then only.
    pub named_classes: Vec<String>,
    /// Classes that never go out under this basis.
    pub never: Vec<String>,
    /// Which definition of records is chosen first (`schemas/release/record-sets.toml`).
    pub record_set: String,
    /// Whether no more than asked for may be chosen (45 CFR 164.502(b)).
    pub minimum_necessary: bool,
    /// Whether the document ends on a day or with an event, which must be written down.
    #[serde(default)]
    pub has_expiry: bool,
    /// Whether such a request waits for more documents when it comes in.
    #[serde(default)]
    pub needs_info_first: bool,
    /// Whether one person alone may release in an emergency, with review after.
    #[serde(default)]
    pub emergency: bool,
    /// Notices that always go with it, beside those that classes of records bring.
    #[serde(default)]
    pub notices: Vec<String>,
    /// Whether a copy of the consent goes with the records (42 CFR 2.32).
    #[serde(default)]
    pub encloses_consent: bool,
    /// Days from receipt.
    pub due_days: u16,
    /// The one extension, with written notice; 0: none.
    #[serde(default)]
    pub extension_days: u16,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("the rules of legal bases cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    #[error("the file of legal bases cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("basis {basis}: {what}")]
    Basis { basis: String, what: String },
    #[error(
        "line {line}, basis {basis}: the accounting of disclosures has no basis that is called {code} (schemas/disclosures.toml)"
    )]
    Disclosure { line: usize, basis: String, code: String },
    #[error("{file}: {fault}")]
    In { file: String, fault: Box<RulesError> },
}

/// The accounting's rules, as far as they are asked for here: which bases it knows.
#[derive(Deserialize)]
struct Accounting {
    basis: Vec<Accounted>,
}

#[derive(Deserialize)]
struct Accounted {
    code: String,
}

/// Where each basis of a file names its code in the accounting.
#[derive(Deserialize)]
struct Places {
    basis: Vec<Placed>,
}

#[derive(Deserialize)]
struct Placed {
    disclosure: toml::Spanned<String>,
}

impl Rules {
    /// The rules of this version of the software.
    ///
    /// # Errors
    /// None, unless the file that the program was built with is wrong; a test holds that it is not.
    pub fn shipped() -> Result<Rules, RulesError> {
        Rules::parse(include_str!("../../schemas/release/bases.toml"))
    }

    /// The site's rules, when it has its own.
    ///
    /// # Errors
    /// As `parse`; a file that is not there. The file is named.
    pub fn load(own: Option<&Path>) -> Result<Rules, RulesError> {
        let Some(path) = own else { return Rules::shipped() };
        let read = super::own_text(path).map_err(RulesError::from).and_then(|text| Rules::parse(&text));
        read.map_err(|fault| RulesError::In { file: path.display().to_string(), fault: Box::new(fault) })
    }

    /// Reads and checks rules.
    ///
    /// # Errors
    /// What is wrong, with the basis: an unknown class, check or code of the accounting, one class in two lists, a basis twice.
    pub fn parse(text: &str) -> Result<Rules, RulesError> {
        let mut rules: Rules = toml::from_str(text)?;
        rules.text = text.to_owned();
        rules.is_accounted_for()?;
        for (place, basis) in rules.basis.iter().enumerate() {
            let fault = |what: String| Err(RulesError::Basis { basis: basis.code.clone(), what });
            if rules.basis[..place].iter().any(|other| other.code == basis.code) {
                return fault("stands twice".into());
            }
            if let Some(check) = basis.checks.iter().find(|check| !rules.checks.contains_key(*check)) {
                return fault(format!("no check is called {check}"));
            }
            if Purpose::from_code(&basis.purpose).is_none() {
                return fault(format!("no purpose of use is called {}", basis.purpose));
            }
            for name in basis.classes.iter().chain(&basis.named_classes).chain(&basis.never) {
                let Some(class) = Class::from_name(name) else {
                    return fault(format!("no class is called {name}"));
                };
                let lists = [&basis.classes, &basis.named_classes, &basis.never];
                let times = lists.iter().flat_map(|list| list.iter()).filter(|it| *it == class.name()).count();
                if times > 1 {
                    return fault(format!("class {name} stands in {times} lists"));
                }
            }
        }
        Ok(rules)
    }

    /// Whether the accounting knows each basis: one that it does not know would stand there without words, for want of a letter.
    fn is_accounted_for(&self) -> Result<(), RulesError> {
        let known: Accounting = toml::from_str(include_str!("../../schemas/disclosures.toml"))?;
        let places: Places = toml::from_str(&self.text)?;
        for (basis, place) in self.basis.iter().zip(&places.basis) {
            if !known.basis.iter().any(|it| it.code == basis.disclosure) {
                let before = self.text.get(..place.disclosure.span().start).unwrap_or_default();
                let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
                let (basis, code) = (basis.code.clone(), basis.disclosure.clone());
                return Err(RulesError::Disclosure { line, basis, code });
            }
        }
        Ok(())
    }

    pub fn basis(&self, code: &str) -> Option<&Basis> {
        self.basis.iter().find(|basis| basis.code == code)
    }
}

impl Basis {
    /// Classes of records that stay out, when the request's document names `named`. A class that the rules do not mention
    /// stays out.
    pub fn withheld(&self, named: Label) -> Label {
        let of = |names: &[String]| {
            let classes = names.iter().filter_map(|name| Class::from_name(name)).map(Label::of);
            classes.fold(Label::NORMAL, Label::union)
        };
        let mut open = of(&self.classes);
        for class in Class::ALL.map(Label::of) {
            if named.intersects(class) && of(&self.named_classes).intersects(class) {
                open = open.union(class);
            }
        }
        Label::EVERY.without(open.without(of(&self.never)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_hold_together() {
        let rules = Rules::shipped().unwrap();
        assert!(rules.basis.len() >= 15);
        for basis in &rules.basis {
            assert!(basis.citation.contains("CFR"), "{}", basis.code);
            assert!(basis.checks.iter().all(|check| rules.checks.contains_key(check)), "{}", basis.code);
            let spoken = basis.classes.len() + basis.named_classes.len() + basis.never.len();
            assert!(spoken <= Class::ALL.len(), "{}", basis.code);
            assert!(basis.withheld(Label::EVERY).holds(Class::Unknown), "{}", basis.code);
        }
    }

    #[test]
    fn a_class_goes_out_only_where_basis_and_document_say_so() {
        let rules = Rules::shipped().unwrap();
        let stays = |basis: &str, class: Class, named: &[Class]| {
            let named = named.iter().copied().map(Label::of).fold(Label::NORMAL, Label::union);
            rules.basis(basis).unwrap().withheld(named).holds(class)
        };
        use Class::{Hiv, PsychotherapyNotes, SubstanceUse};
        for (basis, class, named, expected) in [
            ("patient-access", Hiv, vec![], false),
            ("patient-access", PsychotherapyNotes, vec![PsychotherapyNotes], true),
            ("authorization", Hiv, vec![], true),
            ("authorization", Hiv, vec![Hiv], false),
            ("authorization", SubstanceUse, vec![Hiv], true),
            ("authorization", PsychotherapyNotes, vec![PsychotherapyNotes], true),
            ("psychotherapy-authorization", PsychotherapyNotes, vec![PsychotherapyNotes], false),
            ("subpoena", SubstanceUse, vec![SubstanceUse], true),
            ("subpoena", Hiv, vec![Hiv], true),
            ("court-order", SubstanceUse, vec![SubstanceUse], true),
            ("part2-consent", SubstanceUse, vec![], false),
        ] {
            assert_eq!(stays(basis, class, &named), expected, "{basis} {class:?} {named:?}");
        }
    }

    #[test]
    fn faulty_rules_are_refused_with_their_place() {
        let shipped = include_str!("../../schemas/release/bases.toml");
        for (from, to, what) in [
            ("checks = [\"agency\"]", "checks = [\"nobody\"]", "no check is called nobody"),
            ("code = \"coroner\"", "code = \"research\"", "stands twice"),
            ("purpose = \"HRESCH\"", "purpose = \"FUN\"", "no purpose of use is called FUN"),
            ("classes = [\"restricted\", \"site\"]", "classes = [\"hiv\", \"site\"]", "class hiv stands in 2 lists"),
        ] {
            assert!(shipped.contains(from), "{from}");
            let error = Rules::parse(&shipped.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_basis_that_the_accounting_does_not_know_is_refused_with_file_and_line() {
        let shipped = include_str!("../../schemas/release/bases.toml");
        let faulty = shipped.replacen("disclosure = \"law-enforcement\"", "disclosure = \"law-enforcment\"", 1);
        let line = faulty.lines().position(|line| line.contains("law-enforcment")).unwrap() + 1;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bases.toml");
        std::fs::write(&path, faulty).unwrap();
        let error = Rules::load(Some(&path)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: line {line}, basis law-enforcement: ", path.display())), "{error}");
        assert!(error.contains("law-enforcment") && error.contains("disclosures.toml"), "{error}");
        let missing = Rules::load(Some(&folder.path().join("none.toml"))).unwrap_err().to_string();
        assert!(missing.contains("none.toml"), "{missing}");
    }
}
