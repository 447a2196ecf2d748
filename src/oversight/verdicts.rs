//! Verdicts on signals of snooping. The log itself keeps them: each is an entry (`signal.reviewed`) that says on which signal,
//! what was found and by whom; a later one goes before an earlier one.
//!
//! Not for: the review of break-glass, which has a queue (`register`).

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::UserId;
use super::projection::{Order, OversightError, Projection, Select};
use crate::model::PatientKey;

/// The event, and the facts of its entries.
pub const EVENT: &str = "signal.reviewed";
pub const DAY: &str = "day";
pub const USER: &str = "user";
pub const ISSUER: &str = "issuer";
pub const VERDICT: &str = "verdict";
pub const COMMENT: &str = "comment";

/// Verdicts on the signals of one day that are read at most.
const VERDICTS_MAX: u64 = 5_000;

/// What somebody may find.
pub const VERDICTS: [(&str, &str); 3] =
    [("explained", "Explained"), ("followed-up", "To be followed up"), ("needs-information", "Ask the person")];

/// A signal: whose act, on which chart; `None`: the person's day as a whole.
pub type Signal = (UserId, Option<PatientKey>);

/// One verdict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// The entry that keeps it: stream and number.
    pub entry: (String, u64),
    /// Unix microseconds.
    pub at: i64,
    pub by: String,
    /// A name of [`VERDICTS`].
    pub verdict: String,
    pub comment: String,
}

impl Verdict {
    pub fn words(&self) -> &str {
        VERDICTS.iter().find(|(name, _)| *name == self.verdict).map_or(&self.verdict, |(_, words)| words)
    }

    /// Whether something is still to be done.
    pub fn is_open(&self) -> bool {
        self.verdict == "needs-information"
    }
}

/// Verdicts on signals, of each signal the oldest first.
pub type Given = BTreeMap<Signal, Vec<Verdict>>;

/// The verdicts on the signals of a day.
pub fn of_day(projection: &Projection, day: Date) -> Result<Given, OversightError> {
    Ok(since(projection, day)?.remove(&day).unwrap_or_default())
}

/// The verdicts on the signals of a day and of those after it, by day.
pub fn since(projection: &Projection, day: Date) -> Result<BTreeMap<Date, Given>, OversightError> {
    let from = day.to_zoned(projection.zone().clone()).ok().map(|at| at.timestamp().as_microsecond());
    let select = Select {
        events: vec![EVENT.into()],
        from,
        entries_only: true,
        order: Order::OldestFirst,
        limit: VERDICTS_MAX,
        ..Select::default()
    };
    let acts = projection.acts(&select)?;
    let places: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let originals = projection.originals(&places)?;
    let mut found: BTreeMap<Date, Given> = BTreeMap::new();
    for (seen, place) in acts.iter().zip(places) {
        let Some(line) = originals.get(&place).map(|original| original.line()) else { continue };
        let of = line.fact(DAY).and_then(|text| text.parse::<Date>().ok()).filter(|of| *of >= day);
        let Some(of) = of.filter(|_| seen.act.outcome == 0) else { continue };
        let fact = |name: &str| line.fact(name).unwrap_or_default();
        let signal = (UserId { issuer: fact(ISSUER), subject: fact(USER) }, seen.act.patient.clone());
        let by = if seen.act.user_name.is_empty() { seen.act.user.subject.clone() } else { seen.act.user_name.clone() };
        let verdict = Verdict { entry: place, at: seen.act.at, by, verdict: fact(VERDICT), comment: fact(COMMENT) };
        found.entry(of).or_default().entry(signal).or_default().push(verdict);
    }
    Ok(found)
}
