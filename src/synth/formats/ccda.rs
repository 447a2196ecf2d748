//! The hospital as C-CDA.
//!
//! Not for: reading C-CDA.

use super::super::{Options, SynthError};
use super::Writer;

pub(super) fn writer(_options: &Options) -> Result<Box<dyn Writer>, SynthError> {
    Err(SynthError::NotMade("ccda"))
}
