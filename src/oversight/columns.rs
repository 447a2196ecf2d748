//! Amounts over time in groups: what the charts of the reports draw and their tables list. One column stands for a day, a week
//! or a month, whichever leaves few enough of them.
//!
//! Not for: drawing (`server::viewer`), or what stands out (`reports::volume`).

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Most columns that one drawing has room for.
const COLUMNS_MAX: i64 = 62;
/// Days from which on a column stands for a month.
const WEEKS_MAX_DAYS: i64 = 7 * COLUMNS_MAX;
/// Fewest days that are drawn: a single day among empty ones says more than one column as wide as the page.
const DAYS_MIN: i64 = 28;

/// What one column stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Step {
    #[default]
    Day,
    Week,
    Month,
}

impl Step {
    pub const ALL: [Step; 3] = [Step::Day, Step::Week, Step::Month];

    pub fn name(self) -> &'static str {
        match self {
            Step::Day => "day",
            Step::Week => "week",
            Step::Month => "month",
        }
    }

    pub fn from_name(name: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.name() == name)
    }

    /// The finest that leaves few enough columns.
    fn of_span(days: i64) -> Step {
        match days {
            days if days <= COLUMNS_MAX => Step::Day,
            days if days <= WEEKS_MAX_DAYS => Step::Week,
            _ => Step::Month,
        }
    }

    /// The first day of the column that a day falls into.
    pub fn start(self, day: Date) -> Date {
        match self {
            Step::Day => day,
            Step::Week => {
                let back = i64::from(day.weekday().since(Weekday::Monday));
                day.checked_sub(back.days()).unwrap_or(day)
            }
            Step::Month => day.first_of_month(),
        }
    }

    fn next(self, start: Date) -> Option<Date> {
        let span = match self {
            Step::Day => 1.days(),
            Step::Week => 1.weeks(),
            Step::Month => 1.months(),
        };
        start.checked_add(span).ok()
    }
}

/// One group: a hue of the drawing, a column of its table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub name: String,
    /// One for each start.
    pub amounts: Vec<u64>,
}

impl Group {
    pub fn total(&self) -> u64 {
        self.amounts.iter().sum()
    }
}

/// Amounts over time. The groups exclude each other: they add up to the whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Columns {
    pub step: Step,
    /// First day of each column, without a gap.
    pub starts: Vec<Date>,
    pub groups: Vec<Group>,
    /// What is drawn as an outline on top, not filled.
    pub outlined: Option<Group>,
}

impl Columns {
    /// Empty columns from one day to another, both included. `None` for the step: the finest that fits.
    pub fn over(first: Date, last: Date, step: Option<Step>, names: &[&str], outlined: Option<&str>) -> Columns {
        let days = first.until(last).map_or(0, |span| i64::from(span.get_days())) + 1;
        let step = step.unwrap_or_else(|| Step::of_span(days));
        let first = match step {
            Step::Day if days < DAYS_MIN => last.checked_sub((DAYS_MIN - 1).days()).unwrap_or(first),
            _ => first,
        };
        let mut starts = Vec::new();
        let mut at = Some(step.start(first));
        while let Some(start) = at.filter(|start| *start <= last) {
            starts.push(start);
            at = step.next(start);
        }
        let group = |name: &str| Group { name: name.into(), amounts: vec![0; starts.len()] };
        let groups = names.iter().map(|name| group(name)).collect();
        Columns { step, groups, outlined: outlined.map(group), starts }
    }

    fn place(&self, day: Date) -> Option<usize> {
        self.starts.binary_search(&self.step.start(day)).ok()
    }

    /// Adds an amount to a group by its number; one beyond the last is the outlined one.
    pub fn add(&mut self, group: usize, day: Date, amount: u64) {
        let Some(at) = self.place(day) else { return };
        let found = if group < self.groups.len() { self.groups.get_mut(group) } else { self.outlined.as_mut() };
        if let Some(sum) = found.and_then(|group| group.amounts.get_mut(at)) {
            *sum += amount;
        }
    }

    /// All groups, the outlined one last.
    pub fn all(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().chain(&self.outlined)
    }

    pub fn sum_at(&self, at: usize) -> u64 {
        self.all().filter_map(|group| group.amounts.get(at)).sum()
    }

    pub fn total(&self) -> u64 {
        self.all().map(Group::total).sum()
    }

    pub fn most(&self) -> u64 {
        (0..self.starts.len()).map(|at| self.sum_at(at)).max().unwrap_or(0)
    }

    /// Takes away groups in which nothing is, but the first.
    pub fn without_empty(mut self) -> Columns {
        let first = self.groups.first().map(|group| group.name.clone());
        self.groups.retain(|group| group.total() > 0 || Some(&group.name) == first.as_ref());
        self.outlined = self.outlined.filter(|group| group.total() > 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_amount_is_in_one_column_whatever_the_step() {
        for (days, step, most) in
            [(1, Step::Day, 28), (62, Step::Day, 62), (63, Step::Week, 10), (365, Step::Week, 54), (900, Step::Month, 31)]
        {
            let (first, last) = (date(2024, 2, 28), date(2024, 2, 28).checked_add((days - 1_i64).days()).unwrap());
            let mut columns = Columns::over(first, last, None, &["Clinicians", "HIM"], Some("Break-glass"));
            assert_eq!(columns.step, step, "{days} days");
            assert!(columns.starts.len() <= most, "{days} days: {}", columns.starts.len());
            let mut day = first;
            while day <= last {
                columns.add(0, day, 1);
                columns.add(2, day, 1);
                day = day.tomorrow().unwrap();
            }
            assert_eq!(columns.total(), 2 * days as u64, "{days} days");
            assert_eq!(columns.without_empty().groups.len(), 1, "an empty group is not told");
        }
    }

    #[test]
    fn weeks_begin_on_monday() {
        assert_eq!(Step::Week.start(date(2026, 11, 22)), date(2026, 11, 16));
        assert_eq!(Step::Week.start(date(2026, 11, 16)), date(2026, 11, 16));
    }
}
