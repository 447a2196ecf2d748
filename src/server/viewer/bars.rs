//! Amounts by day as bars: how much was opened, over the days that a report covers. Colours come from classes in the style.
//!
//! Not for: what stands out (`oversight`), or values of a patient over time (`trend`).

use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::Date;

use super::html::{Markup, escape};
use super::text;
use crate::oversight::reports::ByDay;

/// Most bars of one drawing; over a longer time a bar stands for several days.
const BARS_MAX: i64 = 92;
/// Least days that are drawn.
const DAYS_MIN: i64 = 28;
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 96.0;
/// Room for the numbers at the left, and for the days below.
const LEFT: f64 = 44.0;
const BELOW: f64 = 20.0;

/// The days of a report as bars, with words for who does not see them. `None` when there is nothing to draw.
pub fn bars(by_day: &ByDay) -> Option<(String, Markup)> {
    let (first, last) = (by_day.days.iter().map(|it| it.0).min()?, by_day.days.iter().map(|it| it.0).max()?);
    let between = |from: Date, to: Date| from.until(to).map_or(0, |span| i64::from(span.get_days()));
    // A single day among empty ones says more than one bar as wide as the page.
    let days = (between(first, last) + 1).max(DAYS_MIN);
    let start = last.checked_sub((days - 1).days()).ok()?;
    let width = (days + BARS_MAX - 1) / BARS_MAX;
    let mut sums = vec![0_u64; usize::try_from((days + width - 1) / width).ok()?];
    for (day, amount) in &by_day.days {
        if let Some(sum) = usize::try_from(between(start, *day) / width).ok().and_then(|at| sums.get_mut(at)) {
            *sum += amount;
        }
    }
    let most = sums.iter().copied().max().filter(|most| *most > 0)?;
    let each = if width == 1 { "each day".to_string() } else { format!("each {width} days") };
    let words = format!("{}, {each}", by_day.what);
    Some((words.clone(), drawing(&words, &sums, most, (start, last))))
}

fn drawing(words: &str, sums: &[u64], most: u64, (start, last): (Date, Date)) -> Markup {
    let total: u64 = sums.iter().sum();
    let said = format!("{words}, {start} to {last}: {} in all, at most {}.", text::count(total), text::count(most));
    let step = (WIDTH - LEFT) / sums.len() as f64;
    let mut s =
        format!(r#"<svg class="bars" viewBox="0 0 {WIDTH} {:.0}" role="img" aria-label="{}">"#, HEIGHT + BELOW, escape(&said));
    for (share, amount) in [(0.0, most), (1.0, 0)] {
        let y = 6.0 + share * (HEIGHT - 6.0);
        let _ = write!(s, r#"<path class="grid" d="M{LEFT} {y:.1}H{WIDTH}"/>"#);
        let _ = write!(
            s,
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            y + 4.0,
            text::count(amount)
        );
    }
    for (at, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum > 0) {
        let high = ((HEIGHT - 6.0) * *sum as f64 / most as f64).max(1.5);
        let x = LEFT + at as f64 * step;
        let wide = (step * 0.72).clamp(1.5, 36.0);
        let _ = write!(s, r#"<rect class="amount" x="{x:.1}" y="{:.1}" width="{wide:.1}" height="{high:.1}"/>"#, HEIGHT - high);
    }
    let y = HEIGHT + 15.0;
    let _ = write!(s, r#"<text class="tick" x="{LEFT}" y="{y:.1}">{start}</text>"#);
    let _ = write!(s, r#"<text class="tick" x="{WIDTH}" y="{y:.1}" text-anchor="end">{last}</text></svg>"#);
    Markup::trusted(s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_amount_is_in_a_bar_and_long_times_have_wider_ones() {
        let days = |count: i64| (0..count).map(|n| (date(2026, 1, 1).checked_add(n.days()).unwrap(), 2)).collect();
        for (count, bars_drawn, each) in
            [(1, 1, "each day"), (30, 30, "each day"), (92, 92, "each day"), (365, 92, "each 4 days")]
        {
            let (words, svg) = bars(&ByDay { what: "Charts opened", days: days(count) }).unwrap();
            let svg = svg.to_string();
            assert_eq!(svg.matches("class=\"amount\"").count(), bars_drawn, "{count} days");
            assert!(words.ends_with(each) && svg.contains(&format!(": {} in all", 2 * count)), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("style="), "{svg}");
        }
        assert!(bars(&ByDay { what: "Charts opened", days: Vec::new() }).is_none());
        assert!(bars(&ByDay { what: "Charts opened", days: vec![(date(2026, 1, 1), 0)] }).is_none());
    }
}
