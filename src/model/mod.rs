//! What a record is: kinds, ids, partial dates, labels, origins, findings. Plain values without IO.
//!
//! Not for: reading or writing anything, JSON shapes of the API (the borders `server` and `store` have their own), policy.

mod chart;
mod finding;
mod hex;
mod ids;
mod kind;
mod label;
mod when;

pub use chart::{
    Chart, ChartIndex, Coverage, Document, DocumentId, IndexDoc, KindCount, LinkedPatient, PatientIdentity, PatientIndexDoc,
    Place, Record, ValuePoint,
};
pub use finding::{Finding, Outcome};
pub use hex::{hex, unhex};
pub use ids::{AccessionId, ArchiveId, PatientKey, archive_id, is_true_uuid};
pub use kind::Kind;
pub use label::{Class, Label};
pub use when::{Precision, When};
pub(crate) use when::{civil_from_days, days_from_civil};
