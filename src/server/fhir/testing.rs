//! Made-up records and principals for the tests of this module.
//!
//! Not for: anything that ships.

use crate::access::{Principal, Purpose, Role};
use crate::model::{AccessionId, ArchiveId, Kind, Label, Place, Record};

pub fn record(kind: &str, json: &str) -> Record {
    Record {
        kind: Kind::from_name(kind).unwrap(),
        id: ArchiveId::parse("a").unwrap(),
        original_id: "a".into(),
        patient: None,
        place: Place { accession: AccessionId::parse("acc-0123456789abcdef").unwrap(), generation: 1, ordinal: 7 },
        source_system: "mer-east".into(),
        version: 3,
        label: Label::NORMAL,
        json: json.into(),
    }
}

pub fn principal(role: Role) -> Principal {
    Principal::local("u1", "U", role, Purpose::Treat, "s")
}
