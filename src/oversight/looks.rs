//! Looks: what was done with one person's record, or by one user, told as visits: one for each of the other side and day, with
//! the entries that it is made of, and the amounts over time.
//!
//! Who and which kinds; never what a record says. Not for: tables to be sorted and handed out (`reports`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::UserId;
use super::accounting::{Rules, Suspension, is_suspended};
use super::columns::Columns;
use super::projection::{OversightError, Projection, Seen, Select, StandsAt};
use crate::limits::REPORT_ACTS_MAX;
use crate::model::PatientKey;

/// Looking into the log about somebody, and judging what stands there, are no looks at his chart.
const ABOUT_LOG: [&str; 4] = ["audit.query", "audit.export", "btg.reviewed", "signal.reviewed"];
/// Uses of break-glass of which one page tells more than their number.
const USES_MAX: usize = 200;
/// Groups of the drawing; whoever has another role is in the last.
const GROUPS: [(&str, &[&str]); 4] =
    [("Clinicians", &["clinician"]), ("HIM", &["him"]), ("Programs", &["service"]), ("Others", &[])];

/// Whom it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Of {
    /// All keys of one person.
    Patient(Vec<PatientKey>),
    User(UserId),
}

/// Which acts are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum What {
    #[default]
    All,
    Shown,
    Found,
    Refused,
    BreakGlass,
}

impl What {
    pub const ALL: [(What, &'static str, &'static str); 5] = [
        (What::All, "", "Everything, refusals too"),
        (What::Shown, "shown", "What was shown"),
        (What::Found, "found", "Found in searches"),
        (What::Refused, "refused", "Refused"),
        (What::BreakGlass, "break-glass", "Under break-glass"),
    ];

    pub fn from_name(name: &str) -> What {
        What::ALL.into_iter().find(|(_, it, _)| *it == name).map_or(What::All, |(what, _, _)| what)
    }

    pub fn name(self) -> &'static str {
        What::ALL.into_iter().find(|(what, _, _)| *what == self).map_or("", |(_, name, _)| name)
    }

    fn takes(self, seen: &Seen) -> bool {
        let act = &seen.act;
        match self {
            What::All => true,
            What::Shown => is_shown(seen),
            What::Found => act.event == "patient.search",
            What::Refused => act.outcome >= 8,
            What::BreakGlass => act.break_glass.is_some(),
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub of: Of,
    pub from: Date,
    /// The last day.
    pub to: Date,
    pub what: What,
    /// Name of a role; empty for any.
    pub role: String,
    /// Code of a purpose; empty for any.
    pub purpose: String,
    pub zone: TimeZone,
    /// Suspensions of the accounting about this patient.
    pub suspended: Vec<Suspension>,
    /// For the patient's own copy: what a suspension holds back is not there, and not counted.
    pub leave_out_suspended: bool,
}

/// What one user did with one person's record on one day.
#[derive(Clone, PartialEq, Debug)]
pub struct Visit {
    pub day: Date,
    pub user: UserId,
    pub name: String,
    pub roles: BTreeSet<String>,
    pub purposes: BTreeSet<String>,
    /// The key that stands for the person; `None` for sign-ins and the like.
    pub patient: Option<PatientKey>,
    /// Uses of break-glass.
    pub uses: BTreeSet<String>,
    /// Something of it is a disclosure that a suspension keeps from the patient for now.
    pub is_suspended: bool,
    /// Oldest first.
    pub acts: Vec<Seen>,
}

impl Visit {
    pub fn first(&self) -> i64 {
        self.acts.first().map_or(0, |seen| seen.act.at)
    }

    pub fn last(&self) -> i64 {
        self.acts.last().map_or(0, |seen| seen.act.at)
    }

    pub fn refused(&self) -> u64 {
        self.acts.iter().filter(|seen| seen.act.outcome >= 8).count() as u64
    }

    pub fn shown(&self) -> u64 {
        self.acts.iter().filter(|seen| is_shown(seen)).count() as u64
    }

    pub fn records(&self) -> u64 {
        self.acts.iter().filter(|seen| is_shown(seen)).map(|seen| seen.act.records).sum()
    }

    /// How often each kind of act showed something, by event; what was disclosed to somebody outside too.
    pub fn by_event(&self) -> BTreeMap<&str, u64> {
        let mut amounts = BTreeMap::new();
        let is_told = |seen: &&Seen| is_shown(seen) || seen.act.event == "disclosure" && seen.act.outcome == 0;
        for seen in self.acts.iter().filter(is_told) {
            *amounts.entry(seen.act.event.as_str()).or_default() += 1;
        }
        amounts
    }
}

/// A use of break-glass as the log tells it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Use {
    pub reason: Option<String>,
    pub text: Option<String>,
    /// Unix seconds.
    pub begun: i64,
    pub verdict: Option<String>,
}

/// The answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Looks {
    /// Newest first.
    pub visits: Vec<Visit>,
    /// How often something was shown, by role; under break-glass apart.
    pub columns: Columns,
    /// Times that something was shown, and to how many; of the dates, whatever else narrows.
    pub shown: u64,
    pub people: u64,
    pub patients: u64,
    pub refused: u64,
    pub under: u64,
    /// Times that a search showed the name.
    pub found: u64,
    /// Looks into the log itself about this patient, which are not among the visits.
    pub about_log: u64,
    pub uses: BTreeMap<String, Use>,
    /// Roles and purposes that occur, for narrowing.
    pub roles: BTreeSet<String>,
    pub purposes: BTreeSet<String>,
    /// Visits with a disclosure that a suspension keeps from the patient.
    pub held_back: u64,
    pub stands_at: Vec<StandsAt>,
}

fn is_shown(seen: &Seen) -> bool {
    seen.act.records > 0 && seen.act.outcome == 0 && seen.act.event != "patient.search"
}

/// Gathers the visits. `person_of` gives the key that stands for a person, so that several keys of one are one visit.
///
/// # Errors
/// `TooMuch` when the dates hold more acts than one page can tell.
pub fn looks(
    projection: &Projection,
    question: &Question,
    person_of: &dyn Fn(&PatientKey) -> PatientKey,
) -> Result<Looks, OversightError> {
    projection.catch_up()?;
    let stands_at = projection.stands_at()?;
    let acts = acts_of(projection, question, &stands_at)?;
    let mut looks = Looks { stands_at, ..Looks::default() };
    looks.about_log = acts.iter().filter(|seen| is_about_log(question, seen)).count() as u64;
    let acts: Vec<Seen> = acts.into_iter().filter(|seen| !is_about_log(question, seen)).collect();
    let suspended = suspended_entries(projection, &acts, question)?;
    let is_left_out = |seen: &Seen| question.leave_out_suspended && suspended.contains(&(seen.act.stream.clone(), seen.act.seq));
    let acts: Vec<Seen> = acts.into_iter().filter(|seen| !is_left_out(seen)).collect();
    looks.count(&acts, question);
    let mut visits: BTreeMap<(Date, UserId, Option<PatientKey>), Visit> = BTreeMap::new();
    for seen in acts.into_iter().filter(|seen| is_wanted(question, seen)) {
        let day = day_of(seen.act.at, &question.zone);
        let patient = match question.of {
            Of::Patient(_) => None,
            Of::User(_) => seen.act.patient.as_ref().map(person_of),
        };
        let is_suspended = suspended.contains(&(seen.act.stream.clone(), seen.act.seq));
        let visit = visits.entry((day, seen.act.user.clone(), patient.clone())).or_insert_with(|| Visit {
            day,
            user: seen.act.user.clone(),
            name: seen.act.user_name.clone(),
            roles: BTreeSet::new(),
            purposes: BTreeSet::new(),
            patient,
            uses: BTreeSet::new(),
            is_suspended: false,
            acts: Vec::new(),
        });
        visit.is_suspended |= is_suspended;
        visit.roles.extend(Some(seen.act.role.clone()).filter(|role| !role.is_empty()));
        visit.purposes.extend(seen.act.purpose.clone());
        visit.uses.extend(seen.act.break_glass.clone());
        // An entry that names several keys of one person is one act on him.
        if !visit.acts.iter().rev().take(8).any(|known| same_entry(known, &seen)) {
            visit.acts.push(seen);
        }
    }
    looks.visits = visits.into_values().collect();
    looks.visits.sort_by(|a, b| (b.last(), &b.user).cmp(&(a.last(), &a.user)));
    looks.held_back = looks.visits.iter().filter(|visit| visit.is_suspended).count() as u64;
    looks.uses = uses(projection, &looks.visits)?;
    Ok(looks)
}

fn same_entry(a: &Seen, b: &Seen) -> bool {
    a.act.seq == b.act.seq && a.act.stream == b.act.stream
}

fn day_of(at: i64, zone: &TimeZone) -> Date {
    Timestamp::from_microsecond(at).unwrap_or_default().to_zoned(zone.clone()).date()
}

/// The acts of the dates, oldest first, once for each entry of a patient.
fn acts_of(projection: &Projection, question: &Question, stands_at: &[StandsAt]) -> Result<Vec<Seen>, OversightError> {
    let start = |day: Date| day.to_zoned(question.zone.clone()).ok().map(|at| at.timestamp().as_microsecond());
    let mut select = Select {
        from: start(question.from),
        to: question.to.tomorrow().ok().and_then(start),
        until: Some(Projection::now(stands_at)),
        limit: REPORT_ACTS_MAX as u64 + 1,
        ..Select::default()
    };
    match &question.of {
        Of::Patient(keys) if keys.is_empty() => return Ok(Vec::new()),
        Of::Patient(keys) => select.patients.clone_from(keys),
        Of::User(user) => select.user = Some(user.clone()),
    }
    let mut acts = projection.acts(&select)?;
    if acts.len() > REPORT_ACTS_MAX {
        return Err(OversightError::TooMuch("There is more than one report can hold: narrow the dates."));
    }
    if matches!(question.of, Of::Patient(_)) {
        let mut entries = BTreeSet::new();
        acts.retain(|seen| entries.insert((seen.act.stream.clone(), seen.act.seq)));
    }
    acts.reverse();
    Ok(acts)
}

fn is_about_log(question: &Question, seen: &Seen) -> bool {
    matches!(question.of, Of::Patient(_)) && ABOUT_LOG.contains(&seen.act.event.as_str())
}

fn is_wanted(question: &Question, seen: &Seen) -> bool {
    let purpose = seen.act.purpose.as_deref().unwrap_or("");
    question.what.takes(seen)
        && (question.role.is_empty() || question.role == seen.act.role)
        && (question.purpose.is_empty() || question.purpose == purpose)
}

impl Looks {
    fn count(&mut self, acts: &[Seen], question: &Question) {
        let names: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        let newest = acts.last().map_or(question.to, |seen| day_of(seen.act.at, &question.zone));
        let oldest = acts.first().map_or(question.from, |seen| day_of(seen.act.at, &question.zone));
        let last = question.to.min(newest.checked_add(7.days()).unwrap_or(newest)).max(newest);
        let first = question.from.max(oldest.checked_sub(7.days()).unwrap_or(oldest)).min(oldest);
        let mut columns = Columns::over(first, last, None, &names, Some("Break-glass"));
        let (mut people, mut patients) = (BTreeSet::new(), BTreeSet::new());
        let mut counted = BTreeSet::new();
        for seen in acts {
            let act = &seen.act;
            self.roles.extend(Some(act.role.clone()).filter(|role| !role.is_empty()));
            self.purposes.extend(act.purpose.clone().filter(|purpose| !purpose.is_empty()));
            // An entry that names several keys is one look.
            if !counted.insert((act.stream.as_str(), act.seq)) {
                continue;
            }
            self.found += u64::from(act.event == "patient.search" && act.outcome == 0 && act.patient.is_some());
            self.refused += u64::from(act.outcome >= 8);
            if !is_shown(seen) {
                continue;
            }
            self.shown += 1;
            self.under += u64::from(act.break_glass.is_some());
            people.insert(&act.user);
            patients.extend(&act.patient);
            let group = GROUPS.iter().position(|(_, roles)| roles.contains(&act.role.as_str())).unwrap_or(GROUPS.len() - 1);
            let group = if act.break_glass.is_some() { GROUPS.len() } else { group };
            columns.add(group, day_of(act.at, &question.zone), 1);
        }
        (self.people, self.patients) = (people.len() as u64, patients.len() as u64);
        self.columns = columns.without_empty();
    }
}

/// Disclosures among the acts that a suspension in force keeps from the patient, and what was done for the same request.
fn suspended_entries(
    projection: &Projection,
    acts: &[Seen],
    question: &Question,
) -> Result<BTreeSet<(String, u64)>, OversightError> {
    let now = Timestamp::now().as_second();
    if !question.suspended.iter().any(|it| it.is_in_force(now)) {
        return Ok(BTreeSet::new());
    }
    let rules = Rules::shipped()?;
    let is_release = |seen: &&Seen| seen.act.event == "disclosure" || seen.act.event.starts_with("release.");
    let wanted: Vec<(String, u64)> = acts.iter().filter(is_release).map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let lines: Vec<_> = projection.originals(&wanted)?.into_iter().map(|(place, original)| (place, original.line())).collect();
    let hidden = |line: &super::line::Line| {
        line.event == "disclosure" && is_suspended(line, rules.basis(line.recipient.authority.as_str()), &question.suspended, now)
    };
    let requests: BTreeSet<String> =
        lines.iter().filter(|(_, line)| hidden(line)).filter_map(|(_, line)| line.fact("request")).collect();
    let is_hidden = |line: &super::line::Line| hidden(line) || line.fact("request").is_some_and(|it| requests.contains(&it));
    Ok(lines.into_iter().filter(|(_, line)| is_hidden(line)).map(|(place, _)| place).collect())
}

/// What the log says of the uses of break-glass in these visits: why, and what their review found.
fn uses(projection: &Projection, visits: &[Visit]) -> Result<BTreeMap<String, Use>, OversightError> {
    let ids: BTreeSet<&String> = visits.iter().flat_map(|visit| &visit.uses).collect();
    let mut uses = BTreeMap::new();
    for id in ids.into_iter().take(USES_MAX) {
        let events = ["btg.start", "btg.reviewed"].map(String::from).to_vec();
        let select = Select { break_glass: Some(id.clone()), events, entries_only: true, limit: 100, ..Select::default() };
        let mut acts = projection.acts(&select)?;
        acts.reverse();
        let places: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
        let originals = projection.originals(&places)?;
        let mut it = Use::default();
        for (seen, place) in acts.iter().zip(&places) {
            let Some(line) = originals.get(place).map(|original| original.line()) else { continue };
            if line.event == "btg.start" {
                it.begun = seen.act.at / 1_000_000;
                it.reason = line.btg.reason_code.some();
                it.text = line.btg.reason_text.some();
            } else {
                it.verdict = line.fact("verdict");
            }
        }
        uses.insert(id.clone(), it);
    }
    Ok(uses)
}
