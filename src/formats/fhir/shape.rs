//! A shape: the template that many records share, checked and understood once. It knows the path and the role of each
//! leaf, so that reading a record is only copying its leaves.
//!
//! Not for: the values themselves, or columns of tables (`store::tables` plans these from the paths).

use crate::limits;
use crate::model::Kind;

use super::concepts::{self, Closed, CodingList};
use super::tokens::{BARE, STRING};

/// What a leaf is to the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Plain,
    /// The record's own `id`.
    Id,
    /// Any `reference` outside `contained` resources' own ids.
    Reference,
    /// Base64 of an attachment (`data` of an Attachment or a Binary).
    Data,
    /// A code of the record's security labels, or of something that it contains.
    SecurityCode,
    /// The `value` of one of the record's own identifiers; the number is the place of its system in `Shape::systems`.
    IdentifierValue(u16),
    LastUpdated,
    VersionId,
    /// The `url` of an attachment: inside the delivery, in the archive, or elsewhere.
    AttachmentUrl,
}

/// Why a template is not a FHIR resource. The texts carry no values.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShapeFault {
    #[error("not well-formed JSON: {0}")]
    NotJson(String),
    #[error("not a JSON object")]
    NotAnObject,
    #[error("no resourceType")]
    NoType,
    #[error("resourceType is not a FHIR R4 type")]
    UnknownType,
    #[error("a member occurs twice in one object")]
    DuplicateMember,
}

impl ShapeFault {
    pub fn code(&self) -> &'static str {
        match self {
            ShapeFault::NotJson(_) => "not-json",
            ShapeFault::NotAnObject => "not-an-object",
            ShapeFault::NoType => "no-resource-type",
            ShapeFault::UnknownType => "unknown-resource-type",
            ShapeFault::DuplicateMember => "duplicate-member",
        }
    }
}

/// A checked template.
#[derive(Debug)]
pub struct Shape {
    template: Box<[u8]>,
    /// Offset of each marker in the template.
    marks: Box<[u32]>,
    paths: Box<[Box<str>]>,
    roles: Box<[Role]>,
    systems: Box<[Box<str>]>,
    /// Values that stand in the template (`resourceType`, `system`, canonical `url`), with their paths.
    constants: Box<[(Box<str>, Box<str>)]>,
    kind: Kind,
    /// Leaves that may name the patient, the best first.
    patient_leaves: Box<[u16]>,
    id_leaf: Option<u16>,
    codings: Box<[CodingList]>,
}

impl Shape {
    /// Checks a template and works out its paths and roles.
    pub fn new(template: &[u8]) -> Result<Shape, ShapeFault> {
        let mut walk = Walk::new(template);
        walk.value(0)?;
        walk.space();
        if walk.at != template.len() {
            return Err(ShapeFault::NotJson(format!("text after the end at template byte {}", walk.at)));
        }
        if !walk.is_object {
            return Err(ShapeFault::NotAnObject);
        }
        let kind = match walk.constant("resourceType") {
            None => return Err(ShapeFault::NoType),
            Some(name) => Kind::from_name(name).ok_or(ShapeFault::UnknownType)?,
        };
        let (roles, systems) = roles_of(&walk);
        let patient_leaves = patient_leaves_of(kind, &walk.paths);
        let constants: Vec<(Box<str>, Box<str>)> =
            walk.constants.iter().map(|(p, v)| (p.as_str().into(), v.as_str().into())).collect();
        let id_leaf = roles.iter().position(|r| *r == Role::Id).map(|i| i as u16);
        let codings = concepts::lists(&walk.codings, &walk.marks, &walk.paths, &constants);
        Ok(Shape {
            codings,
            template: template.into(),
            marks: walk.marks.into(),
            paths: walk.paths.into(),
            roles: roles.into(),
            systems: systems.into(),
            constants: constants.into(),
            kind,
            patient_leaves: patient_leaves.into(),
            id_leaf,
        })
    }

    pub fn template(&self) -> &[u8] {
        &self.template
    }

    /// How many leaves a record of this shape has.
    pub fn leaves(&self) -> usize {
        self.marks.len()
    }

    /// The path of each leaf, for instance `code.coding[0].code`.
    pub fn paths(&self) -> &[Box<str>] {
        &self.paths
    }

    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    pub fn system(&self, number: u16) -> &str {
        &self.systems[usize::from(number)]
    }

    pub fn constants(&self) -> &[(Box<str>, Box<str>)] {
        &self.constants
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn patient_leaves(&self) -> &[u16] {
        &self.patient_leaves
    }

    pub fn id_leaf(&self) -> Option<usize> {
        self.id_leaf.map(usize::from)
    }

    /// The lists of codings, in the order of the template.
    pub fn codings(&self) -> &[CodingList] {
        &self.codings
    }

    /// The template text between two leaves: piece 0 stands before the first leaf, piece n behind the last.
    #[inline]
    pub fn piece(&self, index: usize) -> &[u8] {
        let from = if index == 0 { 0 } else { self.marks[index - 1] as usize + 1 };
        let to = self.marks.get(index).map_or(self.template.len(), |m| *m as usize);
        &self.template[from..to]
    }

    /// Appends the original text of a record: the template with its leaves put back.
    #[inline]
    pub fn restore<'a>(&self, leaf: impl Fn(usize) -> &'a [u8], out: &mut Vec<u8>) {
        for index in 0..self.marks.len() {
            out.extend_from_slice(self.piece(index));
            out.extend_from_slice(leaf(index));
        }
        out.extend_from_slice(self.piece(self.marks.len()));
    }
}

fn roles_of(walk: &Walk<'_>) -> (Vec<Role>, Vec<Box<str>>) {
    let mut systems: Vec<Box<str>> = Vec::new();
    let roles = walk
        .paths
        .iter()
        .map(|path| match path.as_ref() {
            "id" => Role::Id,
            "meta.lastUpdated" => Role::LastUpdated,
            "meta.versionId" => Role::VersionId,
            "data" => Role::Data,
            p if is_security_code(p) => Role::SecurityCode,
            p if p.ends_with(".reference") => Role::Reference,
            p if p.ends_with(".data") && is_attachment(p) => Role::Data,
            p if p.ends_with(".url") && is_attachment(p) => Role::AttachmentUrl,
            p if is_identifier_value(p) => {
                let owner = p.strip_suffix("value").unwrap_or(p);
                let system = walk.constant(&format!("{owner}system")).unwrap_or("");
                systems.push(system.into());
                Role::IdentifierValue((systems.len() - 1) as u16)
            }
            _ => Role::Plain,
        })
        .collect();
    (roles, systems)
}

/// Security labels of the record, of what it contains, and of the document that it describes.
fn is_security_code(path: &str) -> bool {
    let is_own = |path: &str| {
        let meta = path.starts_with("meta.security[") && path.ends_with("].code") && !path.contains("extension");
        let document = path.starts_with("securityLabel[") && path.contains("].coding[") && path.ends_with("].code");
        meta || document || path == "confidentiality"
    };
    let contained = path.strip_prefix("contained[").and_then(|rest| rest.split_once("]."));
    is_own(contained.map_or(path, |(_, inner)| inner))
}

fn is_identifier_value(path: &str) -> bool {
    let Some(inner) = path.strip_prefix("identifier").and_then(|p| p.strip_suffix(".value")) else { return false };
    inner.is_empty() || (inner.starts_with('[') && inner.ends_with(']') && !inner[1..].contains('['))
}

/// Attachments of R4 stand in members of these names.
fn is_attachment(path: &str) -> bool {
    const OWNERS: [&str; 9] = [
        "attachment",
        "presentedForm",
        "photo",
        "content",
        "valueAttachment",
        "contentAttachment",
        "image",
        "sourceAttachment",
        "multimedia",
    ];
    let owner = path.rsplit_once('.').map_or(path, |(owner, _)| owner);
    let last = owner.rsplit('.').next().unwrap_or(owner);
    OWNERS.contains(&last.split('[').next().unwrap_or(last))
}

/// Which leaves may name the patient of a record, the surest first.
fn patient_leaves_of(kind: Kind, paths: &[Box<str>]) -> Vec<u16> {
    const SURE: [&str; 5] =
        ["subject.reference", "patient.reference", "beneficiary.reference", "for.reference", "individual.reference"];
    if kind == Kind::PATIENT {
        return Vec::new();
    }
    let mut leaves: Vec<u16> = Vec::new();
    for sure in SURE {
        leaves.extend(paths.iter().position(|p| p.as_ref() == sure).map(|i| i as u16));
    }
    for (i, path) in paths.iter().enumerate() {
        if path.ends_with(".reference")
            && !path.starts_with("contained[")
            && !leaves.contains(&(i as u16))
            && i <= usize::from(u16::MAX)
        {
            leaves.push(i as u16);
        }
    }
    leaves
}

/// Walks a template once, collecting paths and constants, with bounded depth.
struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    path: String,
    paths: Vec<Box<str>>,
    marks: Vec<u32>,
    constants: Vec<(String, String)>,
    codings: Vec<Closed>,
    is_object: bool,
}

impl<'a> Walk<'a> {
    fn new(text: &'a [u8]) -> Self {
        Walk {
            text,
            at: 0,
            path: String::new(),
            paths: vec![],
            marks: vec![],
            constants: vec![],
            codings: vec![],
            is_object: false,
        }
    }

    fn constant(&self, path: &str) -> Option<&str> {
        self.constants.iter().find(|(p, _)| p == path).map(|(_, v)| v.as_str())
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault<T>(&self, what: &str) -> Result<T, ShapeFault> {
        Err(ShapeFault::NotJson(format!("{what} at template byte {}", self.at)))
    }

    fn value(&mut self, depth: usize) -> Result<(), ShapeFault> {
        if depth > limits::JSON_DEPTH_MAX {
            return self.fault("nested too deep");
        }
        self.space();
        match self.text.get(self.at) {
            Some(b'{') => {
                self.is_object = depth == 0 || self.is_object;
                self.object(depth)
            }
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                if self.text.get(self.at + 1) == Some(&STRING) {
                    self.at += 1;
                    self.leaf();
                    if self.text.get(self.at) != Some(&b'"') {
                        return self.fault("a broken string");
                    }
                    self.at += 1;
                } else {
                    let value = self.string()?;
                    self.constants.push((self.path.clone(), value));
                }
                Ok(())
            }
            Some(&BARE) => {
                self.leaf();
                Ok(())
            }
            Some(b'n') => {
                self.at += 4; // the tokenizer has checked the word
                Ok(())
            }
            _ => self.fault("a value is missing"),
        }
    }

    fn leaf(&mut self) {
        self.marks.push(self.at as u32);
        self.paths.push(self.path.as_str().into());
        self.at += 1;
    }

    /// A string that stands whole in the template, with its escapes as written.
    fn string(&mut self) -> Result<String, ShapeFault> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return self.fault("a string without an end"),
            }
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        self.at += 1;
        Ok(text)
    }

    fn object(&mut self, depth: usize) -> Result<(), ShapeFault> {
        self.at += 1;
        let base = self.path.len();
        let mut names: ahash::AHashSet<String> = ahash::AHashSet::new();
        self.space();
        if self.text.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.text.get(self.at) != Some(&b'"') {
                return self.fault("a member name is missing");
            }
            let name = self.string()?;
            self.space();
            if self.text.get(self.at) != Some(&b':') {
                return self.fault("a colon is missing");
            }
            self.at += 1;
            if base > 0 {
                self.path.push('.');
            }
            self.path.push_str(&name);
            if !names.insert(name) {
                return Err(ShapeFault::DuplicateMember);
            }
            self.value(depth + 1)?;
            self.path.truncate(base);
            self.space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault("a comma or a closing brace is missing"),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), ShapeFault> {
        self.at += 1;
        let base = self.path.len();
        self.space();
        if self.text.get(self.at) == Some(&b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            self.path.push_str(&format!("[{index}]"));
            self.value(depth + 1)?;
            self.path.truncate(base);
            self.space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    if self.path == "coding" || self.path.ends_with(".coding") {
                        let (path, place) = (self.path.clone(), self.at as u32);
                        self.codings.push(Closed { path, place, elements: index + 1 });
                    }
                    self.at += 1;
                    break;
                }
                _ => return self.fault("a comma or a closing bracket is missing"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::fhir::Tokenizer;

    fn shape(json: &str) -> Result<Shape, ShapeFault> {
        let mut t = Tokenizer::default();
        t.cut(json.as_bytes()).unwrap();
        Shape::new(&t.template)
    }

    #[test]
    fn paths_roles_and_restoring() {
        let json = r#"{"resourceType":"Observation","id":"o1","meta":{"security":[{"system":"s","code":"R"}]},
            "code":{"coding":[{"code":"4548-4"},{"code":"x"}]},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":7.40}}"#;
        let s = shape(json).unwrap();
        let paths: Vec<&str> = s.paths().iter().map(AsRef::as_ref).collect();
        assert_eq!(
            paths,
            [
                "id",
                "meta.security[0].code",
                "code.coding[0].code",
                "code.coding[1].code",
                "subject.reference",
                "valueQuantity.value"
            ]
        );
        assert_eq!(s.roles()[1], Role::SecurityCode);
        assert_eq!(s.patient_leaves(), [4]);
        let mut t = Tokenizer::default();
        t.cut(json.as_bytes()).unwrap();
        let mut out = Vec::new();
        s.restore(|i| &json.as_bytes()[t.leaves[i].start as usize..t.leaves[i].end as usize], &mut out);
        assert_eq!(out, json.as_bytes());
    }

    #[test]
    fn what_is_no_resource_is_refused_with_its_reason() {
        assert_eq!(shape("[1]").unwrap_err(), ShapeFault::NotAnObject);
        assert_eq!(shape("{}").unwrap_err(), ShapeFault::NoType);
        assert_eq!(shape(r#"{"resourceType":"Unicorn"}"#).unwrap_err(), ShapeFault::UnknownType);
        assert_eq!(shape(r#"{"resourceType":"Patient","a":1,"a":2}"#).unwrap_err(), ShapeFault::DuplicateMember);
        for bad in [
            r#"{"resourceType":"Patient","#,
            r#"{"resourceType":"Patient"}}"#,
            r#"{"a" 1}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":}"#,
            r#"{"a":1 2}"#,
        ] {
            assert!(matches!(shape(bad), Err(ShapeFault::NotJson(_))), "{bad}");
        }
        assert!(matches!(shape(&format!("{}1{}", "[".repeat(200), "]".repeat(200))), Err(ShapeFault::NotJson(_))));
    }
}
