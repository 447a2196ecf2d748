//! Records by year, a small drawing for each kind on one axis: where the source has a gap, it is hatched and said.
//!
//! Not for: the report on paper (`ingest::page`).

use std::collections::BTreeMap;

use super::super::html::Markup;
use super::super::text;

/// Kinds drawn: those with most records.
const KINDS: usize = 6;
/// The oldest records are not drawn while together they are fewer than one of so many: one stray date must not press the
/// others together.
const STRAY: u64 = 200;
const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 38.0;

/// One kind, drawn.
pub struct YearBars {
    pub kind: String,
    pub total: String,
    pub drawing: Markup,
    pub first: i32,
    pub last: i32,
    /// The same for whoever does not see the drawing.
    pub words: String,
    /// Years between the first and the last that hold nothing.
    pub gaps: String,
    pub earlier: String,
}

/// The kinds with most records, all on one axis of years.
pub fn year_bars(years: &BTreeMap<i32, BTreeMap<String, u64>>) -> Vec<YearBars> {
    let total = |year: &i32| years.get(year).map_or(0, |kinds| kinds.values().sum::<u64>());
    let all: u64 = years.keys().map(total).sum();
    let mut passed = 0;
    let first = years.keys().find(|year| {
        passed += total(year);
        passed * STRAY >= all
    });
    let (Some(first), Some((last, _))) = (first, years.last_key_value()) else { return Vec::new() };
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in years.values().flatten() {
        *kinds.entry(kind).or_default() += count;
    }
    let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    let of = |kind: &str, year: i32| years.get(&year).and_then(|kinds| kinds.get(kind)).copied().unwrap_or(0);
    kinds.iter().take(KINDS).map(|(kind, count)| drawn(kind, *count, (*first, *last), &|year| of(kind, year))).collect()
}

fn drawn(kind: &str, total: u64, (first, last): (i32, i32), of: &dyn Fn(i32) -> u64) -> YearBars {
    let most = (first..=last).map(of).max().unwrap_or(1).max(1);
    let step = WIDTH / f64::from(last - first + 1);
    let own: Vec<i32> = (first..=last).filter(|year| of(*year) > 0).collect();
    let (from, to) = (own.first().copied().unwrap_or(first), own.last().copied().unwrap_or(last));
    let mut bars = String::new();
    for year in first..=last {
        let (records, x) = (of(year), f64::from(year - first) * step);
        let is_gap = records == 0 && (from..=to).contains(&year);
        // A year with anything in it is seen.
        let height =
            if is_gap { HEIGHT } else { (records as f64 * HEIGHT / most as f64).max(if records > 0 { 1.0 } else { 0.0 }) };
        let fill = if is_gap { "fill=\"url(#hatch)\"" } else { "class=\"p1\"" };
        if height > 0.0 {
            bars.push_str(&format!(
                "<rect {fill} x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
                x,
                HEIGHT - height,
                (step - 1.0).max(0.5)
            ));
        }
    }
    let drawing = format!(
        "<svg class=\"years\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{bars}</svg>"
    );
    let gaps = runs((from..=to).filter(|year| of(*year) == 0));
    let drawn: u64 = (first..=last).map(of).sum();
    YearBars {
        kind: kind.to_string(),
        total: text::count(total),
        drawing: Markup::trusted(drawing),
        first,
        last,
        words: format!("{from} to {to}, most in a year {}", text::count(most)),
        gaps: if gaps.is_empty() { String::new() } else { format!("{gaps}: none in the source") },
        earlier: match total - drawn.min(total) {
            0 => String::new(),
            n => format!("{} before {first}", text::count(n)),
        },
    }
}

/// Years as `2007 to 2008, 2011`.
fn runs(years: impl Iterator<Item = i32>) -> String {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for year in years {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == year => *to = year,
            _ => runs.push((year, year)),
        }
    }
    let words = runs.into_iter().map(|(from, to)| if from == to { from.to_string() } else { format!("{from} to {to}") });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_hatched_and_said_and_a_stray_date_does_not_press_the_others_together() {
        let of = |n: u64| BTreeMap::from([("Observation".to_string(), n)]);
        let years = BTreeMap::from([(1901, of(1)), (2004, of(400)), (2007, of(300)), (2009, of(200))]);
        let bars = year_bars(&years);
        let it = bars.first().unwrap();
        assert_eq!((bars.len(), it.first, it.last, it.total.as_str()), (1, 2004, 2009, "901"));
        assert_eq!((it.gaps.as_str(), it.earlier.as_str()), ("2005 to 2006, 2008: none in the source", "1 before 2004"));
        assert_eq!(it.drawing.to_string().matches("#hatch").count(), 3);
        assert!(year_bars(&BTreeMap::new()).is_empty());
    }
}
