//! The sensitivity label of a record, as the policy and the search filter use it.
//!
//! Not for: deciding who may see what (`access`), or code lists that put labels (`ingest`, later issues).

/// A small set of sensitivity classes. Empty means an ordinary record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Label(u8);

impl Label {
    pub const NORMAL: Label = Label(0);
    /// Confidentiality R or V, or a sensitivity code (v3-ActCode, v3-ActUSPrivacyLaw) in `meta.security`.
    pub const RESTRICTED: Label = Label(1);

    pub fn is_restricted(self) -> bool {
        self.0 & 1 != 0
    }

    #[must_use]
    pub fn union(self, other: Label) -> Label {
        Label(self.0 | other.0)
    }

    /// The bits as they stand in the tables and in the index.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// From stored bits; unknown bits mean restricted, since an unknown label must never widen access.
    pub fn from_bits(bits: u8) -> Label {
        if bits == 0 { Label::NORMAL } else { Label::RESTRICTED }
    }

    /// The label that one code of `meta.security` puts on a record.
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
        if PLAIN.contains(&code) || HANDLING.contains(&code) { Label::NORMAL } else { Label::RESTRICTED }
    }
}
