//! Evidence in plain words, with the numbers behind it. Nothing of what a chart says, and no name of a patient.
//!
//! Not for: what the evidence weighs (`assess`).

use super::assess::{Case, Judge};
use super::marks::Mark;
use super::pairs::{Cases, Pair, UserDay};
use super::weights::Sign;

/// The rarest mark that the two share by this sign: how many patients have it, and their share of all.
pub(super) fn shared(cases: &Cases<'_>, pair: &Pair, sign: Sign) -> (u64, f64) {
    let everybody = (cases.facts.census().patients(), 1.0);
    let user = cases.users.get(pair.user as usize);
    let patient = cases.patients.get(pair.patient as usize).and_then(Option::as_ref);
    let (Some(user), Some(patient)) = (user, patient) else { return everybody };
    let one = |mark: Option<Mark>| mark.into_iter().collect::<Vec<_>>();
    let (own, theirs) = match sign {
        Sign::Namesake => (one(user.full_name), &patient.full_names),
        Sign::Surname => (user.surnames.clone(), &patient.surnames),
        Sign::Household => (one(user.household), &patient.households),
        Sign::Neighbour => (one(user.street), &patient.streets),
        Sign::Phone => (one(user.phone), &patient.phones),
        _ => return everybody,
    };
    let census = cases.facts.census();
    let common = own.into_iter().filter(|mark| theirs.contains(mark));
    common.map(|mark| (census.bearers(mark), census.share(mark))).min_by_key(|(count, _)| *count).unwrap_or(everybody)
}

/// A line about one sign; `is_against` when it is its absence that speaks.
pub(super) fn of(judge: &Judge<'_>, case: Case<'_>, sign: Sign, is_against: bool) -> String {
    if is_against {
        return against(sign).into();
    }
    match case {
        Case::Chart(pair) => of_chart(judge, pair, sign).or_else(|| of_day(judge, pair.user, sign)),
        Case::Day(day) => of_day(judge, day.user, sign),
    }
    .unwrap_or_default()
}

fn against(sign: Sign) -> &'static str {
    match sign {
        Sign::NoEncounter => "The patient was treated in the user's department",
        Sign::NoRelation => "A care relation joins the two",
        Sign::Alone => "Others of the user's department opened the chart as well",
        _ => "",
    }
}

fn of_chart(judge: &Judge<'_>, pair: &Pair, sign: Sign) -> Option<String> {
    let cases = judge.cases;
    let job = &judge.peers.job(pair.user).name;
    let bearers = |what: &str| {
        let (count, _) = shared(cases, pair, sign);
        let all = thousands(cases.facts.census().patients());
        match count {
            0 | 1 => format!("{what}; no other patient of {all} has it"),
            _ => format!("{what}; {} of {all} patients have it", thousands(count)),
        }
    };
    let text = match sign {
        Sign::OwnChart => "The user's own chart".into(),
        Sign::Namesake => bearers("Same first name and surname as the user"),
        Sign::Surname => bearers("Same surname as the user"),
        Sign::Household => bearers("Same house as the user"),
        Sign::Neighbour => bearers("Same street as the user"),
        Sign::Phone => bearers("Same phone number as the user"),
        Sign::Colleague => "The patient works here".into(),
        Sign::SameDepartment => "The patient works in the user's department".into(),
        Sign::Vip => "The patient is labelled as a very important person".into(),
        Sign::News => "The patient is on the list of those in the news".into(),
        Sign::Crowd => {
            let count = judge.peers.at_chart.get(pair.patient as usize).copied().unwrap_or(0);
            format!("{count} users without any relation opened this chart that day")
        }
        Sign::Deceased => "The patient died more than 90 days before".into(),
        Sign::Repeated | Sign::Persistent => {
            format!("Opened on {} days of the last weeks, without a visit in between", pair.days)
        }
        Sign::BreakGlass => "Opened by break-glass; the patient was never in the user's department".into(),
        Sign::Refused => "Asked for, and refused".into(),
        Sign::NoEncounter => format!(
            "No visit of the patient to the user's department; {} of the charts that other users ({job}) opened",
            judge.peers_share(pair.user, sign)
        ),
        Sign::NoRelation => format!(
            "No care relation joins the two; {} of the charts that other users ({job}) opened",
            judge.peers_share(pair.user, sign)
        ),
        Sign::Alone => "Nobody else of the user's department opened the chart that day".into(),
        Sign::OffHours => format!("At {:02} o'clock, an hour at which this user hardly ever works", cases.day.hour(pair.first)),
        _ => return None,
    };
    Some(text)
}

fn of_day(judge: &Judge<'_>, user: u32, sign: Sign) -> Option<String> {
    let cases = judge.cases;
    let day: &UserDay = cases.days.get(user as usize)?;
    let job = judge.peers.job(user);
    let text = match sign {
        Sign::Left => {
            let until = cases.users.get(user as usize)?.until?;
            format!("The employment ended on {until}")
        }
        Sign::Dormant => format!("The account had not been used for {} days", day.asleep?),
        Sign::TwoSites => {
            let name = |site: u32| cases.site_names.get(site as usize).map_or("?", |name| name);
            let (a, b) = day.sites?;
            format!("Acts from two sites within an hour: {} and {}", name(a), name(b))
        }
        Sign::Volume => {
            format!("{} charts that day; the median of {} users ({}) is {}", day.charts, job.users, job.name, job.volume.median)
        }
        Sign::Strangers => format!(
            "{} charts without visit, relation or a colleague at them; the median of {} users ({}) is {}",
            day.strangers, job.users, job.name, job.strangers.median
        ),
        Sign::Walking => format!("{} neighbouring record numbers opened within ten minutes", day.walk),
        Sign::Searches => format!("{} of {} searches opened nothing", day.unopened, day.searches),
        Sign::OffHoursDay => format!("{} of {} charts at hours at which this user hardly ever works", day.off_hours, day.charts),
        _ => return None,
    };
    Some(text)
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn large_numbers_are_grouped() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(super::thousands(count), text);
        }
    }
}
