//! Amounts over time as stacked columns, by group, with what is outlined on top; the sentence that says the same, and the table.
//!
//! Not for: summing (`oversight::columns`), or values of a patient over time (`trend`). Colours come from classes in the style.

use std::fmt::Write as _;

use askama::Template;
use jiff::civil::Date;

use super::html::{Markup, escape};
use super::table::{Cell, Row, Table};
use super::text;
use crate::oversight::columns::{Columns, Step};

const WIDE: f64 = 960.0;
const NARROW: f64 = 660.0;
const PLOT: f64 = 120.0;
const TOP: f64 = 22.0;
const LEFT: f64 = 40.0;
const BELOW: f64 = 22.0;

/// A drawing with its legend and table.
#[derive(Template)]
#[template(path = "parts/columns.html")]
pub struct Chart {
    pub title: String,
    pub fact: String,
    /// Class of the swatch, name, total.
    pub legend: Vec<(String, String, String)>,
    pub wide: Markup,
    pub narrow: Markup,
    /// One sentence, for whoever does not see the drawing.
    pub words: String,
    pub table: Table,
}

impl askama::filters::HtmlSafe for Chart {}

impl Chart {
    /// `what` is what is counted: `times shown`.
    pub fn of(columns: &Columns, title: String, fact: String, what: &'static str) -> Chart {
        let class = |at: usize| if at < columns.groups.len() { format!("c{}", at + 1) } else { "outlined".to_string() };
        let legend = columns.all().enumerate().filter(|(_, group)| group.total() > 0);
        let legend = legend.map(|(at, group)| (class(at), group.name.clone(), text::count(group.total()))).collect();
        let words = words(columns, what);
        let is_drawn = columns.most() > 0;
        let drawing = |width: f64, name: &str| if is_drawn { drawing(columns, width, name, &words) } else { Markup::default() };
        Chart {
            title,
            fact,
            legend,
            wide: drawing(WIDE, "wide"),
            narrow: drawing(NARROW, "narrow"),
            table: table(columns, what),
            words,
        }
    }
}

fn words(columns: &Columns, what: &str) -> String {
    let (Some(first), Some(last)) = (columns.starts.first(), columns.starts.last()) else { return String::new() };
    if columns.total() == 0 {
        return format!("No {what} from {first} to {last}.");
    }
    let groups: Vec<String> = columns
        .all()
        .filter(|group| group.total() > 0)
        .map(|group| format!("{} {}", group.name, text::count(group.total())))
        .collect();
    let most = columns.most();
    let at = (0..columns.starts.len()).rev().find(|at| columns.sum_at(*at) == most);
    let peak = at.and_then(|at| columns.starts.get(at)).map(|start| format!(", {}", name_of(columns.step, *start)));
    format!(
        "{} {what}, {first} to {last}: {}. At most {} in one {}{}.",
        text::count(columns.total()),
        groups.join(", "),
        text::count(most),
        columns.step.name(),
        peak.unwrap_or_default()
    )
}

/// What a column stands for, in words.
fn name_of(step: Step, start: Date) -> String {
    match step {
        Step::Day => start.to_string(),
        Step::Week => format!("week of {start}"),
        Step::Month => start.to_string().get(..7).unwrap_or_default().to_string(),
    }
}

/// A round number at or above the most, and into how many parts the axis is cut.
fn scale(most: u64) -> (u64, u64) {
    let mut unit = 1;
    loop {
        for (top, parts) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (10, 2), (15, 3), (20, 4), (30, 3), (40, 4), (50, 5)] {
            if most <= top * unit {
                return (top * unit, if unit == 1 { parts.min(top) } else { parts });
            }
        }
        unit *= 10;
    }
}

fn drawing(columns: &Columns, width: f64, name: &str, words: &str) -> Markup {
    let (top, parts) = scale(columns.most());
    let step = (width - LEFT) / columns.starts.len() as f64;
    let wide = (step * 0.82).clamp(2.0, 34.0);
    let y = |amount: u64| TOP + PLOT * (1.0 - amount as f64 / top as f64);
    let height = TOP + PLOT + BELOW;
    let mut s = format!(
        r#"<svg class="columns {name}" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{}">"#,
        escape(words)
    );
    for part in 0..=parts {
        let amount = top * part / parts;
        let at = y(amount);
        let class = if part == 0 { "axis" } else { "grid" };
        let _ = write!(s, r#"<path class="{class}" d="M{LEFT:.0} {at:.1}H{width:.0}"/>"#);
        let _ = write!(
            s,
            r#"<text class="tick" x="{:.0}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            at + 4.0,
            text::count(amount)
        );
    }
    let mut newest = None;
    for at in 0..columns.starts.len() {
        let x = LEFT + at as f64 * step + (step - wide) / 2.0;
        let mut below = 0;
        for (number, group) in columns.all().enumerate() {
            let amount = group.amounts.get(at).copied().unwrap_or(0);
            if amount == 0 {
                continue;
            }
            let (low, high) = (y(below), y(below + amount));
            below += amount;
            let tall = (low - high).max(1.0);
            if number < columns.groups.len() {
                let class = number + 1;
                let _ = write!(
                    s,
                    r#"<rect class="c{class}" x="{x:.1}" y="{:.1}" width="{wide:.1}" height="{:.1}"/>"#,
                    high + 0.5,
                    (tall - 1.0).max(0.8)
                );
            } else {
                // Half a pixel in, so that the outline does not stand out beside the others.
                let _ = write!(
                    s,
                    r#"<rect class="outlined" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/>"#,
                    x + 0.75,
                    high + 0.75,
                    wide - 1.5,
                    (tall - 1.5).max(1.0)
                );
                newest = Some((x + wide, high));
            }
        }
    }
    if let (Some((x, top)), Some(group)) = (newest, columns.outlined.as_ref()) {
        let under = format!("{} under {}", text::count(group.total()), group.name.to_lowercase());
        let _ = write!(
            s,
            r#"<text class="said-outlined" x="{x:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            (top - 6.0).max(12.0),
            escape(&under)
        );
    }
    ticks(&mut s, columns, step);
    s.push_str("</svg>");
    Markup::trusted(s)
}

/// Days or months below, as many as there is room for.
fn ticks(s: &mut String, columns: &Columns, step: f64) {
    let y = TOP + PLOT + 16.0;
    let mut free_from = 0.0;
    let mut year = 0;
    for (at, start) in columns.starts.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| columns.starts.get(at));
        let is_first_of_month = before.is_none_or(|before| before.month() != start.month());
        let is_due = match columns.step {
            Step::Day => at % 7 == 0,
            Step::Week | Step::Month => is_first_of_month,
        };
        let x = LEFT + at as f64 * step;
        if !is_due || x < free_from {
            continue;
        }
        let label = match columns.step {
            Step::Day => start.to_string(),
            _ if start.year() != year => start.strftime("%b %Y").to_string(),
            _ => start.strftime("%b").to_string(),
        };
        year = start.year();
        free_from = x + 6.5 * label.len() as f64 + 10.0;
        let _ = write!(s, r#"<text class="tick" x="{x:.1}" y="{y:.1}">{label}</text>"#);
    }
}

fn table(columns: &Columns, what: &'static str) -> Table {
    let head = match columns.step {
        Step::Day => "Day",
        Step::Week => "Week from",
        Step::Month => "Month",
    };
    let mut table = Table::new(format!("{what} over time, only when there were any"), &[(head, "date")], "There were none.");
    for group in columns.all() {
        table.columns.push(super::table::Column {
            head: GROUP_HEADS.iter().find(|it| **it == group.name).copied().unwrap_or("Amount"),
            class: "num",
        });
    }
    let has_total = columns.all().count() > 1;
    if has_total {
        table.columns.push(super::table::Column { head: "All", class: "num" });
    }
    let row = |at: usize, start: &Date| {
        let mut cells = vec![Cell::Text(match columns.step {
            Step::Month => name_of(Step::Month, *start),
            _ => start.to_string(),
        })];
        cells.extend(columns.all().map(|group| Cell::count(group.amounts.get(at).copied().unwrap_or(0))));
        if has_total {
            cells.push(Cell::count(columns.sum_at(at)));
        }
        Row::new(cells)
    };
    let filled = columns.starts.iter().enumerate().filter(|(at, _)| columns.sum_at(*at) > 0);
    table.rows(filled.map(|(at, start)| row(at, start)).collect())
}

/// Names of groups as heads: a table's heads are known when it is compiled.
const GROUP_HEADS: [&str; 7] = ["Clinicians", "HIM", "Programs", "Others", "Break-glass", "Uses of break-glass", "Disclosures"];

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_drawing_the_sentence_and_the_table_say_the_same() {
        let mut columns = Columns::over(date(2026, 8, 1), date(2026, 11, 22), None, &["Clinicians", "HIM"], Some("Break-glass"));
        for (group, day, amount) in
            [(0, date(2026, 9, 3), 4), (1, date(2026, 9, 3), 2), (2, date(2026, 11, 18), 1), (0, date(2026, 11, 18), 3)]
        {
            columns.add(group, day, amount);
        }
        let html = Chart::of(&columns, "10 looks".into(), "per week".into(), "times shown").to_string();
        assert!(html.contains("10 times shown, 2026-07-27 to 2026-11-16: Clinicians 7, HIM 2, Break-glass 1."), "{html}");
        assert!(html.contains("At most 6 in one week, week of 2026-08-31."), "{html}");
        // Each drawn twice: wide and narrow.
        for (class, count) in [("rect class=\"c1\"", 4), ("rect class=\"c2\"", 2), ("rect class=\"outlined\"", 2)] {
            assert_eq!(html.matches(class).count(), count, "{class}");
        }
        assert!(html.contains("1 under break-glass") && !html.contains("NaN") && !html.contains("style="), "{html}");
        let empty = Chart::of(&Columns::default(), String::new(), String::new(), "times shown").to_string();
        assert!(!empty.contains("<svg"), "{empty}");
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (most, top) in [(1, 1), (3, 3), (6, 10), (13, 15), (31, 40), (47, 50), (51, 100), (3_120, 4_000)] {
            assert_eq!(scale(most).0, top, "{most}");
            assert_eq!(scale(most).0 % scale(most).1, 0, "{most}");
        }
    }
}
