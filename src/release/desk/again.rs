//! A package made again from its record and compared with what left: whoever doubts a package sees that it follows from the
//! archive.
//!
//! Not for: making packages (`making`); nothing is kept here.

use super::*;
use crate::release::build::{self, Rebuilt};

impl Desk {
    /// Makes the package of each subject of a sealed request again. Nothing of a record is shown.
    ///
    /// # Errors
    /// `NotThere` when nothing was sealed; whatever keeps a package from being made.
    pub async fn rebuild(&self, number: &str, who: &Worker<'_>) -> Result<Audited<Vec<Rebuilt>>, DeskError> {
        let told = self.permit(who)?;
        let case = self.entered(number, who).await?.case;
        if case.packages.is_empty() {
            return Err(DeskError::NotThere);
        }
        let mut all = Vec::with_capacity(case.packages.len());
        for (subject, package) in case.packages.iter().enumerate() {
            let permit = self.permit_for(&case, subject, who)?;
            let rebuilt = build::rebuild(&self.workshop(&permit), package)?;
            permit.answer((), self.built(&case, subject, "package made again")?)?;
            all.push(rebuilt);
        }
        Ok(told.answer(all, viewed(&case, "made again and compared"))?)
    }
}
