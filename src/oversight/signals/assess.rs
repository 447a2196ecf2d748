//! The judgement of a day: bits of every sign, summed for every case, and the cases that are worth a look.
//!
//! Not for: which signs there are (`pairs`), how the evidence reads (`words`).

use jiff::civil::Date;

use crate::limits::SIGNAL_FLAGS_MAX;
use crate::model::PatientKey;
use crate::oversight::UserId;

use super::day::Day;
use super::facts::Facts;
use super::history::History;
use super::measure::Spread;
use super::pairs::{Cases, Pair, UserDay};
use super::peers::Peers;
use super::weights::{Rate, Rule, Sign, Signs, Weights, weights};
use super::words;

/// One line of evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Evidence {
    /// `None`: several signs say more together than each alone.
    pub sign: Option<Sign>,
    /// Below 0 when it speaks against snooping.
    pub bits: f64,
    pub words: String,
}

/// Something to look at. Not a verdict.
#[derive(Clone, PartialEq, Debug)]
pub struct Flag {
    pub user: UserId,
    pub user_name: String,
    pub job: String,
    /// The chart; `None`: the user's day as a whole.
    pub patient: Option<PatientKey>,
    pub date: Date,
    /// Sum of the evidence, in bits.
    pub score: f64,
    /// The weightiest first.
    pub evidence: Vec<Evidence>,
    /// First and last act, in microseconds since 1970.
    pub first: i64,
    pub last: i64,
    pub acts: u32,
    /// Charts that the user opened that day.
    pub charts: u32,
}

/// The result of a day.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Findings {
    /// By user: whoever has the highest score first, each user's flags together, the highest of them first.
    pub flags: Vec<Flag>,
    pub acts: u64,
    pub users: u64,
    /// Pairs of user and chart that were judged.
    pub pairs: u64,
    /// Flags beyond the most that are kept.
    pub left_out: u64,
}

impl Findings {
    /// One line of the day's list for each user: all that is flagged of his day.
    pub fn people(&self) -> impl Iterator<Item = &[Flag]> {
        self.flags.chunk_by(|a, b| a.user == b.user)
    }
}

/// What joins this user and this patient, or marks the patient. A chart that shows none of it is judged with the whole day of the user.
const OF_CHART: [Sign; 16] = [
    Sign::OwnChart,
    Sign::Namesake,
    Sign::Surname,
    Sign::Household,
    Sign::Neighbour,
    Sign::Phone,
    Sign::Colleague,
    Sign::SameDepartment,
    Sign::Vip,
    Sign::News,
    Sign::Crowd,
    Sign::Deceased,
    Sign::Repeated,
    Sign::Persistent,
    Sign::BreakGlass,
    Sign::Refused,
];
/// What the day of a user says of every chart in it, each only within bounds.
const OF_DAY: [Sign; 7] =
    [Sign::Dormant, Sign::TwoSites, Sign::Volume, Sign::Strangers, Sign::Walking, Sign::Searches, Sign::OffHoursDay];

/// Judges a day. The same acts, in whatever order, give the same findings.
pub fn assess(day: &Day, facts: &dyn Facts, history: &dyn History) -> Findings {
    let Some(table) = weights() else { return Findings::default() };
    let mut cases = Cases::of(day, facts, history, &table.limits);
    let mut peers = Peers::of(&cases);
    peers.mark(&mut cases);
    let judge = Judge { cases: &cases, peers: &peers, table, of_day: Signs::of(&OF_DAY) };
    let of_chart = Signs::of(&OF_CHART);
    let pairs = cases.pairs.iter().filter(|pair| pair.signs.has_any(of_chart)).map(Case::Chart);
    let mut scored: Vec<(f64, Case<'_>)> =
        pairs.chain(cases.days.iter().map(Case::Day)).filter_map(|case| judge.flagged(case).map(|score| (score, case))).collect();
    let mut best = vec![0.0_f64; day.users.len()];
    for (score, case) in &scored {
        if let Some(best) = best.get_mut(case.user() as usize) {
            *best = best.max(*score);
        }
    }
    let best = |case: &Case<'_>| best.get(case.user() as usize).copied().unwrap_or(0.0);
    scored.sort_unstable_by(|(a, one), (b, other)| {
        let (name, other_name) = (one.name(day), other.name(day));
        let people = best(other).total_cmp(&best(one)).then_with(|| name.0.cmp(&other_name.0));
        people.then_with(|| b.total_cmp(a)).then_with(|| name.1.cmp(&other_name.1))
    });
    let left_out = scored.len().saturating_sub(SIGNAL_FLAGS_MAX) as u64;
    scored.truncate(SIGNAL_FLAGS_MAX);
    Findings {
        flags: scored.iter().filter_map(|(score, case)| judge.flag(*score, *case)).collect(),
        acts: day.len() as u64,
        users: cases.days.len() as u64,
        pairs: cases.pairs.len() as u64,
        left_out,
    }
}

/// What is judged.
#[derive(Clone, Copy)]
pub(super) enum Case<'a> {
    Chart(&'a Pair),
    Day(&'a UserDay),
}

impl Case<'_> {
    pub(super) fn user(self) -> u32 {
        match self {
            Case::Chart(pair) => pair.user,
            Case::Day(day) => day.user,
        }
    }

    fn name(self, day: &Day) -> (Option<&UserId>, Option<&PatientKey>) {
        let patient = match self {
            Case::Chart(pair) => day.patients.get(pair.patient as usize),
            Case::Day(_) => None,
        };
        (day.users.get(self.user() as usize).map(|person| &person.id), patient)
    }
}

/// Weighs cases.
pub(super) struct Judge<'a> {
    pub(super) cases: &'a Cases<'a>,
    pub(super) peers: &'a Peers,
    table: &'a Weights,
    of_day: Signs,
}

impl Judge<'_> {
    /// The score of a case that is worth a look. A weak sign alone never is, whatever it weighs.
    fn flagged(&self, case: Case<'_>) -> Option<f64> {
        let (mut score, mut signs, mut is_strong) = (0.0, 0, false);
        self.weigh(case, &mut |sign, bits| {
            score += bits;
            signs += u32::from(bits > 0.0 && sign.is_some());
            is_strong |= sign.and_then(|sign| self.table.rule(sign)).is_some_and(|rule| !rule.weak && bits > 0.0);
        });
        (score >= self.table.flag && (signs > 1 || is_strong)).then_some(score)
    }

    /// Every sign of a case with its bits, in the order of the table.
    fn weigh(&self, case: Case<'_>, each: &mut dyn FnMut(Option<Sign>, f64)) {
        let day = self.cases.days.get(case.user() as usize);
        let of_user = day.map(|day| day.signs).unwrap_or_default();
        let (signs, known) = match case {
            Case::Day(_) => (of_user, Signs::default()),
            Case::Chart(pair) => {
                let mut signs = pair.signs;
                of_user.iter().for_each(|sign| signs.put(sign, true));
                (signs, pair.known)
            }
        };
        let is_chart = matches!(case, Case::Chart(_));
        // What the day says of a chart stays within bounds; the day has a case of its own.
        let mut room = if is_chart { self.table.day_in_chart } else { f64::INFINITY };
        for rule in &self.table.signs {
            let sign = rule.code;
            if signs.has(sign) {
                let mut bits = self.bits(rule, case);
                if self.of_day.has(sign) {
                    bits = bits.min(room);
                    room -= bits;
                }
                each(Some(sign), bits);
            } else if known.has(sign) {
                each(Some(sign), rule.bits_against(self.peers.rate(rule, case.user(), self.table)));
            }
        }
        for lift in &self.table.together {
            if signs.has_all(Signs::of(&lift.signs)) {
                each(None, lift.bits);
            }
        }
    }

    fn bits(&self, rule: &Rule, case: Case<'_>) -> f64 {
        if let (Rate::Share, Case::Chart(pair)) = (rule.by, case) {
            return rule.bits(words::shared(self.cases, pair, rule.code).1);
        }
        let plain = rule.bits(self.peers.rate(rule, case.user(), self.table));
        (plain + rule.per_doubling * self.excess(rule.code, case)).clamp(0.0, rule.cap)
    }

    /// How far a count lies above its peers: doublings of the distance from which it is unusual.
    fn excess(&self, sign: Sign, case: Case<'_>) -> f64 {
        let least = self.table.limits.least_z;
        let of = |spread: Spread, count: u32| spread.outlier(count, least).map_or(0.0, |z| (z / least).log2());
        let day = self.cases.days.get(case.user() as usize);
        let job = self.peers.job(case.user());
        match (sign, case, day) {
            (Sign::Volume, _, Some(day)) => of(job.volume, day.charts),
            (Sign::Strangers, _, Some(day)) => of(job.strangers, day.strangers),
            (Sign::Crowd, Case::Chart(pair), _) => {
                of(self.peers.crowd, self.peers.at_chart.get(pair.patient as usize).copied().unwrap_or(0))
            }
            _ => 0.0,
        }
    }

    /// How often the other users of the job show a sign, in words.
    pub(super) fn peers_share(&self, user: u32, sign: Sign) -> String {
        let rate = self.table.rule(sign).map_or(0.0, |rule| self.peers.rate(rule, user, self.table));
        format!("{:.0} %", rate * 100.0)
    }

    fn flag(&self, score: f64, case: Case<'_>) -> Option<Flag> {
        let mut evidence = Vec::new();
        self.weigh(case, &mut |sign, bits| {
            if bits.abs() >= 0.05 {
                evidence.push(Evidence { sign, bits, words: String::new() });
            }
        });
        let signs = self.all_signs(case);
        let mut lifts = self.table.together.iter().filter(|lift| signs.has_all(Signs::of(&lift.signs)));
        for line in &mut evidence {
            line.words = match line.sign {
                Some(sign) => words::of(self, case, sign, line.bits < 0.0),
                None => lifts.next().map(|lift| lift.why.clone()).unwrap_or_default(),
            };
        }
        evidence.sort_by(|a, b| b.bits.total_cmp(&a.bits));
        let person = self.cases.day.users.get(case.user() as usize)?;
        let (patient, first, last, acts) = match case {
            Case::Chart(pair) => {
                let key = self.cases.day.patients.get(pair.patient as usize)?;
                (Some(key.clone()), pair.first, pair.last, pair.acts)
            }
            Case::Day(day) => (None, day.first, day.last, day.acts),
        };
        Some(Flag {
            user: person.id.clone(),
            user_name: person.name.clone(),
            job: self
                .cases
                .users
                .get(case.user() as usize)
                .and_then(|user| user.job.clone())
                .map_or(person.role.clone(), |job| job.to_string()),
            patient,
            date: self.cases.day.date(),
            score,
            evidence,
            first,
            last,
            acts,
            charts: self.cases.days.get(case.user() as usize).map_or(0, |day| day.charts),
        })
    }

    fn all_signs(&self, case: Case<'_>) -> Signs {
        let mut signs = match case {
            Case::Chart(pair) => pair.signs,
            Case::Day(_) => Signs::default(),
        };
        let of_user = self.cases.days.get(case.user() as usize).map(|day| day.signs).unwrap_or_default();
        of_user.iter().for_each(|sign| signs.put(sign, true));
        signs
    }
}
