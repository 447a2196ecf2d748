//! The tables that hold what happened to patients, and their columns.
//!
//! Not for: what stands in them (`rows`).

use super::table::Table;

pub const PATIENTS: Table = Table {
    file: "PATIENTS.CSV",
    name: "patients",
    columns: &[
        "PAT_NO",
        "LAST_NAME",
        "FIRST_NAME",
        "MIDDLE",
        "ALIAS",
        "MAIDEN",
        "SEX",
        "BIRTH",
        "DEATH",
        "SSN",
        "STREET",
        "TOWN",
        "STATE",
        "ZIP",
        "OLD_STREET",
        "OLD_TOWN",
        "OLD_STATE",
        "OLD_ZIP",
        "OLD_UNTIL",
        "PHONE",
        "MOBILE",
        "RACE",
        "HISPANIC",
        "LANG",
        "MARITAL",
        "BIRTH_ORDER",
        "CHANGED",
        "DEL",
    ],
};
pub const VISITS: Table = Table {
    file: "VISITS.CSV",
    name: "visits",
    columns: &[
        "VISIT_NO", "PAT_NO", "KIND", "CLASS", "STARTED", "ENDED", "PLACE", "USER_NO", "REASON", "DISPO", "SENS", "CHANGED",
        "DEL",
    ],
};
pub const PROBLEMS: Table = Table {
    file: "PROBLEMS.CSV",
    name: "problems",
    columns: &[
        "PROB_NO", "PAT_NO", "VISIT_NO", "PROBLEM", "ICD10", "KIND", "STATE", "ONSET", "RESOLVED", "ENTERED", "USER_NO", "SENS",
        "DEL",
    ],
};
pub const ALLERGIES: Table = Table {
    file: "ALLERGIES.CSV",
    name: "allergies",
    columns: &["ALG_NO", "PAT_NO", "SUBSTANCE", "CATEGORY", "REACTION", "SEVERITY", "ENTERED", "DEL"],
};
pub const ORDERS: Table = Table {
    file: "ORDERS.CSV",
    name: "orders",
    columns: &[
        "RX_NO", "PAT_NO", "VISIT_NO", "DRUG", "SIG", "PER_DAY", "STATE", "WRITTEN", "USER_NO", "REFILLS", "QTY", "SENS", "DEL",
    ],
};
pub const HOME_MEDS: Table =
    Table { file: "HOMEMEDS.CSV", name: "homemeds", columns: &["HM_NO", "PAT_NO", "VISIT_NO", "DRUG", "SIG", "ASKED", "SENS"] };
pub const DOSES: Table = Table {
    file: "DOSES.CSV",
    name: "doses",
    columns: &["DOSE_NO", "PAT_NO", "VISIT_NO", "DRUG", "SIG", "AMOUNT", "GIVEN", "USER_NO", "SENS"],
};
pub const FILLS: Table = Table {
    file: "FILLS.CSV",
    name: "fills",
    columns: &["FILL_NO", "PAT_NO", "DRUG", "SIG", "QTY", "DAYS", "HANDED_OUT", "SENS"],
};
pub const RESULTS: Table = Table {
    file: "RESULTS.CSV",
    name: "results",
    columns: &[
        "RES_NO", "PAT_NO", "VISIT_NO", "TEST", "CODE_SYS", "RESULT", "UNITS", "LOW", "HIGH", "FLAG", "STATE", "TAKEN",
        "REPORTED", "REMARK", "SENS", "DEL",
    ],
};
pub const REPORTS: Table = Table {
    file: "REPORTS.CSV",
    name: "reports",
    columns: &["RPT_NO", "PAT_NO", "VISIT_NO", "PANEL", "SECTION", "TAKEN", "REPORTED", "CONCLUSION", "SENS"],
};
pub const SIGNS: Table = Table {
    file: "SIGNS.CSV",
    name: "signs",
    columns: &["SIGN_NO", "PAT_NO", "VISIT_NO", "SIGN", "VALUE", "VALUE2", "UNITS", "ANSWER", "TAKEN", "SENS"],
};
pub const SHOTS: Table =
    Table { file: "SHOTS.CSV", name: "shots", columns: &["SHOT_NO", "PAT_NO", "VISIT_NO", "CVX", "GIVEN", "LOT", "REFUSED"] };
pub const PROCEDURES: Table = Table {
    file: "PROCS.CSV",
    name: "procs",
    columns: &["PROC_NO", "PAT_NO", "VISIT_NO", "PROC", "STARTED", "ENDED", "USER_NO"],
};
pub const RELATIVES: Table =
    Table { file: "RELATIVES.CSV", name: "relatives", columns: &["REL_NO", "PAT_NO", "RELATION", "ILLNESS", "ONSET", "ASKED"] };
pub const POLICIES: Table = Table {
    file: "POLICIES.CSV",
    name: "policies",
    columns: &["POL_NO", "PAT_NO", "PAYER", "MEMBER", "GROUP_NO", "FROM_DATE", "UNTIL_DATE"],
};
pub const NOTES: Table = Table {
    file: "NOTES.CSV",
    name: "notes",
    columns: &["NOTE_NO", "PAT_NO", "VISIT_NO", "KIND", "WRITTEN", "USER_NO", "SENS", "MEDIA", "NOTE"],
};
pub const SCANS: Table = Table {
    file: "SCANS.CSV",
    name: "document list",
    columns: &["PATH", "PAT_NO", "SCANNED", "KIND", "AUTHOR", "TITLE", "VISIT_NO"],
};
