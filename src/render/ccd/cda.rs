//! The parts of a CDA document that this archive writes, as types: fields stand in the order of the schema, so that no part
//! can be written in another (CDA R2 with the SDTC extensions; C-CDA R2.1).
//!
//! Not for: what FHIR records mean in C-CDA (`sections`), or bytes (`write`).

use super::narrative::{Anchor, Narrative};

/// A template that a part conforms to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Template {
    pub root: &'static str,
    pub extension: Option<&'static str>,
    /// Whether the root alone is declared as well: due for every template that stood in C-CDA R1.1 (CONF:1198-32936).
    pub is_old: bool,
}

impl Template {
    /// Declared with the extension and without.
    pub const fn both(root: &'static str, extension: &'static str) -> Template {
        Template { root, extension: Some(extension), is_old: true }
    }

    /// Declared with the extension alone: templates born after R1.1.
    pub const fn new(root: &'static str, extension: &'static str) -> Template {
        Template { root, extension: Some(extension), is_old: false }
    }

    /// Declared by root alone.
    pub const fn root(root: &'static str) -> Template {
        Template { root, extension: None, is_old: false }
    }
}

/// Why a value is not given (v3-NullFlavor).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Null {
    NoInformation,
    Unknown,
    NotApplicable,
    Other,
    Masked,
    NotAsked,
    AskedUnknown,
}

impl Null {
    pub const ALL: [Null; 7] =
        [Null::NoInformation, Null::Unknown, Null::NotApplicable, Null::Other, Null::Masked, Null::NotAsked, Null::AskedUnknown];

    pub fn code(self) -> &'static str {
        match self {
            Null::NoInformation => "NI",
            Null::Unknown => "UNK",
            Null::NotApplicable => "NA",
            Null::Other => "OTH",
            Null::Masked => "MSK",
            Null::NotAsked => "NASK",
            Null::AskedUnknown => "ASKU",
        }
    }
}

/// An instance identifier (II).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Id {
    /// Root is an OID or a UUID.
    Given { root: String, extension: Option<String> },
    /// Known and partly hidden, or not known at all.
    Null { null: Null, root: Option<String>, extension: Option<String> },
}

/// A coded value (CD, CE): one code, with the words of the source and codes of other systems.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Code {
    pub code: Option<String>,
    /// OID.
    pub system: Option<String>,
    pub system_name: Option<String>,
    pub display: Option<String>,
    /// Present when `code` is not.
    pub null: Option<Null>,
    /// Where the source's own words stand in the narrative.
    pub original: Option<Anchor>,
    pub translations: Vec<Code>,
}

/// A point in time as HL7 writes it (TS): `2014`, `20140312`, `20140312093000-0500`; the precision that the source gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ts(pub String);

/// A bound of an interval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bound<T> {
    Given(T),
    Null(Null),
}

/// When something was (TS, IVL_TS), or how often (PIVL_TS, EIVL_TS).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Time {
    At(Ts),
    Span {
        low: Option<Bound<Ts>>,
        high: Option<Bound<Ts>>,
    },
    Null(Null),
    /// Every `value` `unit` (UCUM), as a second effectiveTime with operator A.
    Every {
        value: String,
        unit: String,
        by_institution: bool,
    },
    /// HS, ACM, PCM …, as a second effectiveTime with operator A.
    Event(&'static str),
}

/// A number with its unit (PQ). Without a unit: a count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quantity {
    /// As archived: the digits are never changed.
    pub value: String,
    /// UCUM.
    pub unit: Option<String>,
}

/// What was found (`value` with its xsi:type).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    Code(Code),
    /// CE, where the template asks for it.
    CodeCe(Code),
    Quantity(Quantity),
    /// IVL_PQ: bound and whether it belongs to the interval.
    Range {
        low: Option<(Quantity, bool)>,
        high: Option<(Quantity, bool)>,
    },
    Text(String),
    Integer(String),
    Boolean(bool),
    Time(Time),
    /// PQ, CD … of this xsi:type without a value.
    Null(&'static str, Null),
}

/// Name, address, telephone as the header and performers need them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name {
    Person {
        use_code: Option<&'static str>,
        prefix: Vec<String>,
        given: Vec<String>,
        family: Option<String>,
        suffix: Vec<String>,
    },
    /// Words that are not cut into parts.
    Whole(String),
    Null(Null),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    Given {
        use_code: Option<&'static str>,
        lines: Vec<String>,
        city: Option<String>,
        county: Option<String>,
        state: Option<String>,
        postal_code: Option<String>,
        country: Option<String>,
    },
    Null(Null),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Telecom {
    /// `tel:…`, `mailto:…`, `http…`
    Given {
        value: String,
        use_code: Option<&'static str>,
    },
    Null(Null),
}

/// An organization.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Organization {
    pub ids: Vec<Id>,
    pub name: Option<String>,
    pub telecoms: Vec<Telecom>,
    pub addresses: Vec<Address>,
}

/// A person or organization that did something (`assignedEntity`; `assignedAuthor` has the same parts).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assigned {
    pub ids: Vec<Id>,
    pub code: Option<Code>,
    pub addresses: Vec<Address>,
    pub telecoms: Vec<Telecom>,
    pub person: Option<Name>,
    pub device: Option<Device>,
    pub organization: Option<Organization>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    pub model: String,
    pub software: String,
}

/// `author` of an entry or section: Author Participation (22.4.119), or a provenance author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    pub templates: Vec<Template>,
    pub time: Bound<Ts>,
    pub assigned: Assigned,
}

/// `performer` of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Performer {
    pub templates: Vec<Template>,
    pub type_code: Option<&'static str>,
    pub time: Option<Time>,
    pub assigned: Assigned,
}

/// `participant` of an entry: the allergen, a device, a place, a verifier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participant {
    pub type_code: &'static str,
    /// participantRole/@classCode
    pub class_code: Option<&'static str>,
    /// Of the participation; `templates` are those of the role.
    pub on_participation: Vec<Template>,
    pub templates: Vec<Template>,
    pub time: Option<Time>,
    pub ids: Vec<Id>,
    pub code: Option<Code>,
    pub addresses: Vec<Address>,
    pub telecoms: Vec<Telecom>,
    pub player: Option<Player>,
    pub scoper: Option<Organization>,
}

/// `playingEntity` or `playingDevice`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Player {
    pub is_device: bool,
    pub class_code: Option<&'static str>,
    pub code: Option<Code>,
    pub name: Option<Name>,
}

/// `consumable` or `product`: a drug or a vaccine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Product {
    pub templates: Vec<Template>,
    pub ids: Vec<Id>,
    pub code: Code,
    pub name: Option<String>,
    pub lot: Option<String>,
    pub manufacturer: Option<Organization>,
}

/// What kind of clinical statement an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Class {
    #[default]
    Observation,
    Act,
    Procedure,
    Encounter,
    SubstanceAdministration,
    Supply,
    Organizer,
}

impl Class {
    /// Element and its usual class code.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Class::Observation => ("observation", "OBS"),
            Class::Act => ("act", "ACT"),
            Class::Procedure => ("procedure", "PROC"),
            Class::Encounter => ("encounter", "ENC"),
            Class::SubstanceAdministration => ("substanceAdministration", "SBADM"),
            Class::Supply => ("supply", "SPLY"),
            Class::Organizer => ("organizer", "CLUSTER"),
        }
    }
}

impl Entry {
    pub fn element(&self) -> &'static str {
        self.class.names().0
    }

    pub fn class_code(&self) -> &'static str {
        self.class_code.unwrap_or(self.class.names().1)
    }

    pub fn mood(&self) -> &'static str {
        self.mood.unwrap_or("EVN")
    }

    /// Whether this claims a template, by its root.
    pub fn claims(&self, root: &str) -> bool {
        self.templates.iter().any(|template| template.root == root)
    }
}

/// A clinical statement. One type for all classes: `write` takes each class's fields in that class's schema order, and a field
/// that a class does not have is a mistake that the tests of `write` find (debug assertion).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entry {
    pub class: Class,
    /// When it is not the class's usual one: BATTERY, CLUSTER, ACT, PCPR …
    pub class_code: Option<&'static str>,
    /// EVN when not given.
    pub mood: Option<&'static str>,
    pub negated: Option<bool>,
    pub templates: Vec<Template>,
    pub ids: Vec<Id>,
    pub code: Option<Code>,
    pub text: Option<Anchor>,
    /// Content of a file in `text` beside the reference: media type and bytes (written as B64).
    pub content: Option<(String, Vec<u8>)>,
    pub status: Option<&'static str>,
    pub times: Vec<Time>,
    pub disposition: Option<Code>,
    pub priority: Option<Code>,
    /// doseQuantity, quantity of a supply.
    pub repeat: Option<String>,
    pub route: Option<Code>,
    pub dose: Option<Bound<Quantity>>,
    pub rate: Option<Quantity>,
    pub quantity: Option<Quantity>,
    pub administration_unit: Option<Code>,
    pub values: Vec<Value>,
    pub interpretations: Vec<Code>,
    pub methods: Vec<Code>,
    pub target_sites: Vec<Code>,
    /// A relative of a family history.
    pub subject: Option<Subject>,
    pub specimen: Option<Code>,
    pub product: Option<Product>,
    pub performers: Vec<Performer>,
    pub authors: Vec<Author>,
    /// The legacy system that says so.
    pub informants: Vec<Organization>,
    pub participants: Vec<Participant>,
    pub related: Vec<Related>,
    /// Precondition of a drug taken as needed.
    pub precondition: Option<Value>,
    pub ranges: Vec<ReferenceRange>,
    /// Members of an organizer.
    pub components: Vec<Entry>,
}

/// `entryRelationship`.
#[derive(Clone, PartialEq, Debug)]
pub struct Related {
    pub type_code: &'static str,
    pub is_inverted: bool,
    pub entry: Entry,
}

/// `relatedSubject` of a family history.
#[derive(Clone, PartialEq, Debug)]
pub struct Subject {
    pub relationship: Code,
    pub gender: Option<Code>,
    pub birth: Option<Ts>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ReferenceRange {
    pub text: Option<String>,
    pub value: Option<Value>,
    pub interpretation: Option<Code>,
}

/// A section, ready to be written.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    pub templates: Vec<Template>,
    pub code: Code,
    pub title: &'static str,
    /// Present when nothing is known: `NI`, and the narrative says so.
    pub null: Option<Null>,
    pub narrative: Narrative,
    pub authors: Vec<Author>,
    pub entries: Vec<SectionEntry>,
}

/// `entry` of a section: DRIV where the narrative was made from it.
#[derive(Clone, PartialEq, Debug)]
pub struct SectionEntry {
    pub entry: Entry,
}
