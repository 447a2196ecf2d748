//! Sensitivity labels: the classes that a record is marked with, and the set of them that the policy and every search
//! filter use.
//!
//! Not for: deciding who may see what (`access`), or the code lists that put labels (`mapping::sensitivity`).

/// A class of sensitivity. The numbers are stored; a number is never given to another class.
///
/// Codes in the comments are those of v3-ActCode and v3-ActUSPrivacyLaw (spec access.md §8).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Class {
    /// Confidentiality `R` (or a code of no known meaning), without a topic.
    Restricted = 0,
    /// Confidentiality `V`.
    VeryRestricted = 1,
    /// Substance use: `SUD`, `ETH`, `ETHUD`, `OPIOIDUD`, `42CFRPart2`.
    SubstanceUse = 2,
    /// Notes of psychotherapy kept apart (45 CFR 164.501): `PSYTHPN`, `HIPAAPsyNotes`.
    PsychotherapyNotes = 3,
    /// `PSY`, `MH`, `BH`, `COGN`, `DVD`, `EMOTDIS`.
    MentalHealth = 4,
    /// `HIV`.
    Hiv = 5,
    /// `GDIS`, `SICKLE`, `SCA`.
    Genetic = 6,
    /// Sexual and reproductive health: `SEX`, `STD`, `PREGNANT`.
    Reproductive = 7,
    /// Violence and abuse: `SDV`, `VIO`, `MST`.
    Violence = 8,
    /// Confidential care of minors: `MINOR`, `ADOL`.
    Minor = 9,
    /// `VIP`, `CEL`.
    Vip = 10,
    /// Workforce of the organisation: `EMP`.
    Workforce = 11,
    /// Marked by the site for a department or source of its own; see the archive's label rules.
    Site = 12,
    /// A code that this version does not know. Nobody but HIM sees it.
    Unknown = 13,
}

impl Class {
    pub const ALL: [Class; 14] = [
        Class::Restricted,
        Class::VeryRestricted,
        Class::SubstanceUse,
        Class::PsychotherapyNotes,
        Class::MentalHealth,
        Class::Hiv,
        Class::Genetic,
        Class::Reproductive,
        Class::Violence,
        Class::Minor,
        Class::Vip,
        Class::Workforce,
        Class::Site,
        Class::Unknown,
    ];

    /// The name in policies, label rules, audit entries and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Class::Restricted => "restricted",
            Class::VeryRestricted => "very-restricted",
            Class::SubstanceUse => "substance-use",
            Class::PsychotherapyNotes => "psychotherapy-notes",
            Class::MentalHealth => "mental-health",
            Class::Hiv => "hiv",
            Class::Genetic => "genetic",
            Class::Reproductive => "reproductive",
            Class::Violence => "violence",
            Class::Minor => "minor",
            Class::Vip => "vip",
            Class::Workforce => "workforce",
            Class::Site => "site",
            Class::Unknown => "unknown",
        }
    }

    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// A set of sensitivity classes. Empty means an ordinary record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Label(u32);

impl Label {
    pub const NORMAL: Label = Label(0);
    pub const RESTRICTED: Label = Label::of(Class::Restricted);
    /// Every class there is, those of later versions too.
    pub const EVERY: Label = Label(u32::MAX);

    pub const fn of(class: Class) -> Label {
        Label(1 << class as u8)
    }

    /// Whether any class is set.
    pub fn is_restricted(self) -> bool {
        self.0 != 0
    }

    pub fn holds(self, class: Class) -> bool {
        self.intersects(Label::of(class))
    }

    /// Whether the two sets share a class.
    pub fn intersects(self, other: Label) -> bool {
        self.0 & other.0 != 0
    }

    #[must_use]
    pub fn union(self, other: Label) -> Label {
        Label(self.0 | other.0)
    }

    /// What stands in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Label) -> Label {
        Label(self.0 & !other.0)
    }

    /// The classes of the set, in the order of their numbers; bits of later versions as `Unknown`.
    pub fn classes(self) -> impl Iterator<Item = Class> {
        let known = Class::ALL.iter().fold(Label::NORMAL, |all, class| all.union(Label::of(*class)));
        let all = if self.without(known).is_restricted() { self.union(Label::of(Class::Unknown)) } else { self };
        Class::ALL.into_iter().filter(move |class| all.holds(*class))
    }

    /// The names of its classes as policies and access log entries write them, with a space between.
    pub fn codes(self) -> String {
        self.classes().map(Class::name).collect::<Vec<_>>().join(" ")
    }

    /// The bits as they are stored.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// From stored bits. Those of later versions are kept: an unknown label must never widen access.
    pub fn from_bits(bits: u32) -> Label {
        Label(bits)
    }

    /// The label that one code of `meta.security` puts on a record. A code of no known meaning is `Unknown`.
    pub fn of_security_code(code: &str) -> Label {
        const PLAIN: [&str; 4] = ["N", "M", "L", "U"];
        const HANDLING: [&str; 12] = [
            "TREAT",
            "HPAYMT",
            "HOPERAT",
            "NODSCLCD",
            "NORDSCLCD",
            "PERSISTLABEL",
            "CPLYPOL",
            "SUBSETTED",
            "HTEST",
            "ETREAT",
            "HRESCH",
            "NOAUTH",
        ];
        let class = match code {
            _ if PLAIN.contains(&code) || HANDLING.contains(&code) => return Label::NORMAL,
            "R" => Class::Restricted,
            "V" => Class::VeryRestricted,
            "SUD" | "ETH" | "ETHUD" | "OPIOIDUD" | "42CFRPart2" => Class::SubstanceUse,
            "PSYTHPN" | "HIPAAPsyNotes" => Class::PsychotherapyNotes,
            "PSY" | "MH" | "BH" | "COGN" | "DVD" | "EMOTDIS" => Class::MentalHealth,
            "HIV" => Class::Hiv,
            "GDIS" | "SICKLE" | "SCA" => Class::Genetic,
            "SEX" | "STD" | "PREGNANT" => Class::Reproductive,
            "SDV" | "VIO" | "MST" => Class::Violence,
            "MINOR" | "ADOL" => Class::Minor,
            "VIP" | "CEL" => Class::Vip,
            "EMP" => Class::Workforce,
            _ => Class::Unknown,
        };
        Label::of(class)
    }
}

impl FromIterator<Class> for Label {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Label {
        classes.into_iter().fold(Label::NORMAL, |all, class| all.union(Label::of(class)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_later_version_stay_and_are_unknown() {
        let later = Label::from_bits(1 << 31 | Label::of(Class::Hiv).bits());
        assert_eq!(later.bits(), 1 << 31 | 1 << 5);
        assert_eq!(later.classes().collect::<Vec<_>>(), [Class::Hiv, Class::Unknown]);
        assert!(later.intersects(Label::EVERY));
    }

    #[test]
    fn numbers_and_names_of_classes_are_fixed_for_ever() {
        for (number, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(Label::of(class).bits(), 1 << number);
            assert_eq!(Class::from_name(class.name()), Some(class));
        }
        assert_eq!(Label::of_security_code("N"), Label::NORMAL);
        assert_eq!(Label::of_security_code("42CFRPart2"), Label::of(Class::SubstanceUse));
        assert_eq!(Label::of_security_code("QQQ"), Label::of(Class::Unknown));
    }
}
