//! The hospital as CSV.
//!
//! Not for: reading CSV.

use super::super::{Options, SynthError};
use super::Writer;

pub(super) fn writer(_options: &Options) -> Result<Box<dyn Writer>, SynthError> {
    Err(SynthError::NotMade("csv"))
}
