//! Immunizations: RXA of VXU.
//!
//! Not for: the patient and the visit (`patient`, `visit`).

use super::group::Group;
use crate::mapping::Mapped;

pub(super) fn map(_group: &Group<'_>, _out: &mut Mapped) {}
