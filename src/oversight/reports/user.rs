//! What one person saw: patient by patient, with how often, when first and last, what was refused, what was under
//! break-glass.
//!
//! Not for: whether it was proper; signals of that are `signals` and `volume`.

use super::{Ask, ByDay, Cell, Column, Draft, Version, all_acts, date_of, time, within, words};
use crate::oversight::UserId;
use crate::oversight::projection::{OversightError, Projection, Select};

pub(super) fn by_patient(projection: &Projection, user: &UserId, ask: &Ask) -> Result<Draft, OversightError> {
    let select = Select { user: Some(user.clone()), ..within(ask) };
    // The full version lists every entry; the plain one is a sum that any number of them has.
    let acts = if ask.version == Version::Full { all_acts(projection, select.clone())? } else { Vec::new() };
    let mut patients = projection.by_patient(&select)?;
    patients.sort_by(|a, b| (b.last, &a.patient).cmp(&(a.last, &b.patient)));
    let opened = patients.iter().filter(|it| it.patient.is_some() && it.opened > 0).count() as u64;
    let found = patients.iter().filter(|it| it.patient.is_some() && it.opened == 0 && it.found > 0).count() as u64;
    let refused: u64 = patients.iter().map(|it| it.denied).sum();
    let summary = format!(
        "This person opened something of {}, saw {} more in searches only, and was refused {}.",
        words::counted(opened, "patient", "patients"),
        found,
        words::counted(refused, "time", "times")
    );
    let days = projection.days_of(user, ask.from.unwrap_or(0), ask.to.unwrap_or(i64::MAX / 2))?;
    let by_day = Some(ByDay::of("Patients opened", days.into_iter().map(|(day, patients)| (date_of(day), patients))));
    let columns = vec![
        Column::new("patient", "Patient key"),
        Column::new("opened", "Times opened"),
        Column::new("found", "Times found in a search"),
        Column::new("records", "Records"),
        Column::new("refused", "Refused"),
        Column::new("break_glass", "Under break-glass"),
        Column::new("first", "First"),
        Column::new("last", "Last"),
    ];
    let rows = patients
        .into_iter()
        .map(|it| {
            vec![
                Cell::Text(it.patient.unwrap_or_else(|| "no patient (sign-ins and the like)".into())),
                Cell::Count(it.opened),
                Cell::Count(it.found),
                Cell::Count(it.records),
                Cell::Count(it.denied),
                Cell::Count(it.break_glass),
                time(it.first, ask),
                time(it.last, ask),
            ]
        })
        .collect();
    Ok(Draft { summary, columns, rows, by_day, acts, ..Draft::default() })
}
