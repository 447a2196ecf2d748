//! The trend chart: one test over the years with its reference band, points by source, labels on few of them, and the
//! same values as a table beside it.
//!
//! Not for: sparklines (`svg`). Lines are straight and never smoothed; nothing is drawn that was not measured.

use std::fmt::Write as _;

use askama::Template;

use super::banner::End;
use super::html::{Markup, escape};
use super::series::{Measure, Series};
use super::svg::{self, Axis, Band, Dot};
use super::table::{Cell, Paging, Row, Table};
use super::text;

const TOP: f64 = 16.0;
const PLOT: f64 = 150.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 58.0;

/// The panel with the drawing of one series.
#[derive(Template)]
#[template(path = "parts/trend.html")]
pub struct Trend {
    pub title: String,
    pub fact: String,
    pub legend: Vec<Legend>,
    pub wide: Markup,
    pub narrow: Markup,
    pub table_href: Option<String>,
    /// Said when there is nothing to draw.
    pub words: String,
}

impl askama::filters::HtmlSafe for Trend {}

pub struct Legend {
    pub badge: super::source::Badge,
    pub sign: Markup,
    pub values: usize,
}

impl Trend {
    pub fn new(series: &Series, end: &End, table_href: Option<String>) -> Trend {
        let n = series.measures.len();
        let unit = series.unit.as_deref().unwrap_or("no unit recorded");
        let span = match (series.measures.first(), series.measures.last()) {
            (Some(a), Some(b)) if n > 1 => format!("{} to {}", a.date.day, b.date.day),
            (Some(a), _) => a.date.day.clone(),
            _ => String::new(),
        };
        let drawn = series.dots().len();
        let words = match drawn {
            0 => "These results are words, not numbers, or have no readable date. They stand in the table.".to_string(),
            _ if drawn < n => format!(
                "{} without a number or date are only in the table.",
                text::counted((n - drawn) as u64, "value", "values")
            ),
            _ => String::new(),
        };
        let picture = |width| if drawn == 0 { Markup::default() } else { draw(series, end, width) };
        Trend {
            title: series.name.clone(),
            fact: format!("{}, {span}, {unit}", text::counted(n as u64, "value", "values")),
            legend: legend(series),
            wide: picture(1144),
            narrow: picture(734),
            table_href,
            words,
        }
    }
}

fn legend(series: &Series) -> Vec<Legend> {
    let mut legend: Vec<Legend> = Vec::new();
    for m in &series.measures {
        match legend.iter_mut().find(|l| l.badge.name == m.source.name) {
            Some(l) => l.values += 1,
            None => {
                let mut sign =
                    String::from(r#"<svg class="sign" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">"#);
                point(&mut sign, m.source.hue, 5.0, 5.0);
                sign.push_str("</svg>");
                legend.push(Legend { badge: m.source.clone(), sign: Markup::trusted(sign), values: 1 });
            }
        }
    }
    legend
}

/// Values on one page of the table of a test.
const VALUES: usize = 100;

/// The values as a table, newest first, a page of them. `href` is the address up to the number of a page.
pub fn table(series: &Series, page: usize, href: &str) -> (Table, Paging) {
    let row = |m: &&Measure| {
        Row::new(vec![
            Cell::Date(m.date.clone()),
            Cell::Markup(value_markup(m)),
            flag_cell(m),
            Cell::optional(m.range.clone()),
            Cell::optional(m.status.as_deref().map(text::sentence)),
            Cell::main(Some("Record".into()), Some(m.href.clone()), None),
            Cell::Badge(m.source.clone()),
        ])
    };
    let columns = [
        ("Date", "date"),
        ("Value", "value"),
        ("Flag", "flag"),
        ("Reference", ""),
        ("Status", "drop"),
        ("Archived as", "drop"),
        ("Source", "src"),
    ];
    let total = series.measures.len();
    let start = (page.clamp(1, total.div_ceil(VALUES).max(1)) - 1) * VALUES;
    let shown: Vec<&Measure> = series.measures.iter().rev().skip(start).take(VALUES).collect();
    let paging = Paging::of(start, shown.len(), total as u64, false, |page| format!("{href}{page}"), VALUES);
    let paging = Paging { words: paging.words.replacen("Rows", "Values", 1), ..paging };
    let caption = format!("{}: all values, newest first", series.name);
    (Table::new(caption, &columns, "No values.").rows(shown.iter().map(row).collect()), paging)
}

/// A value as lists show it; its flag has a column of its own.
pub fn value_markup(m: &Measure) -> Markup {
    let text = escape(&m.text);
    Markup::trusted(match &m.flag {
        None => format!(r#"<span class="v">{text}</span>"#),
        Some(f) => format!(r#"<span class="v out{}">{text}</span>"#, if f.critical { " crit" } else { "" }),
    })
}

/// The flag of a value: the letters that the laboratory gave, and a sign for which way it is outside.
pub fn flag_cell(m: &Measure) -> Cell {
    let Some(f) = &m.flag else { return Cell::Blank };
    let sign = match f.letters.trim_matches(['(', ')']) {
        "H" | "HU" => "▲ ",
        "HH" | "H>" => "▲▲ ",
        "L" | "LU" => "▼ ",
        "LL" | "L<" => "▼▼ ",
        _ => "",
    };
    Cell::Markup(Markup::trusted(format!(
        r#"<span class="out" title="{}"><span aria-hidden="true">{sign}</span>{}<span class="vh">, {}</span></span>"#,
        f.words(),
        escape(&f.letters),
        f.words()
    )))
}

/// Most values that are marked by a point of their own.
const POINTS_MAX: usize = 400;

fn draw(series: &Series, end: &End, width: u32) -> Markup {
    let dots = series.dots();
    let drawn: Vec<&Measure> = series.measures.iter().filter(|m| m.us.is_some() && m.number.is_some()).collect();
    let seconds: Vec<Dot> = drawn.iter().filter_map(|m| Some(Dot { us: m.us?, value: m.second?, outside: false })).collect();
    let (Some(first), Some(last)) = (drawn.first(), drawn.last()) else { return Markup::default() };
    let axis = Axis::new(dots.first().map_or(0, |d| d.us), end.us, LEFT + 12.0, f64::from(width) - RIGHT);
    let all: Vec<Dot> = dots.iter().chain(&seconds).copied().collect();
    let scale = Scale::new(svg::value_range(&all, series.band()));
    let mut s = format!(
        r#"<svg class="trend {}" viewBox="0 0 {width} {:.0}" role="img" aria-label="{}">"#,
        if width > 900 { "wide" } else { "narrow" },
        TOP + PLOT + 30.0,
        escape(&sentence(series, first, last))
    );
    bands(&mut s, &drawn, axis, &scale, series);
    for tick in scale.ticks() {
        let y = scale.y(tick);
        let _ = write!(s, r#"<path class="grid" d="M{LEFT} {y:.1}H{:.1}"/>"#, axis.right);
        let _ = write!(
            s,
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 8.0,
            y + 4.0,
            scale.label(tick)
        );
    }
    time_axis(&mut s, axis, end, width);
    for line in svg::unbroken(&dots).chain(svg::unbroken(&seconds)) {
        let points: Vec<String> = line.iter().map(|d| format!("{:.1},{:.1}", axis.x(d.us), scale.y(d.value))).collect();
        let _ = write!(s, r#"<polyline class="line" points="{}"/>"#, points.join(" "));
    }
    // So many points would only thicken the line; each value stands in the table beside it.
    let marked = if drawn.len() > POINTS_MAX { &[][..] } else { &drawn[..] };
    for (m, d) in marked.iter().zip(&dots) {
        point(&mut s, m.source.hue, axis.x(d.us), scale.y(d.value));
        if let Some(v) = m.second {
            point(&mut s, m.source.hue, axis.x(d.us), scale.y(v));
        }
    }
    labels(&mut s, &drawn, &dots, axis, &scale);
    s.push_str("</svg>");
    Markup::trusted(s)
}

fn sentence(series: &Series, first: &Measure, last: &Measure) -> String {
    let unit = series.unit.as_deref().unwrap_or_default();
    format!(
        "{}, {}, from {} to {}; first {} {unit}, last {} {unit}.",
        series.name,
        text::counted(series.measures.len() as u64, "value", "values"),
        first.date.day,
        last.date.day,
        first.text,
        last.text
    )
}

/// The value axis: from a round number, five rules or fewer, not forced to zero.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
}

impl Scale {
    fn new((low, high): (f64, f64)) -> Scale {
        let rough = (high - low) / 4.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(power * 10.0);
        Scale { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    fn y(&self, v: f64) -> f64 {
        TOP + (1.0 - (v - self.low) / (self.high - self.low)) * PLOT
    }

    fn ticks(&self) -> Vec<f64> {
        let n = ((self.high - self.low) / self.step).round() as usize;
        (0..=n.min(8)).map(|i| self.low + self.step * i as f64).collect()
    }

    fn label(&self, v: f64) -> String {
        let digits = (-self.step.log10().floor()).clamp(0.0, 6.0) as usize;
        let digits = if (self.step * 10f64.powi(digits as i32)).fract().abs() > 1e-9 { digits + 1 } else { digits };
        text::value(&format!("{v:.digits$}"))
    }
}

/// The reference interval, stepping where the laboratory changed it.
fn bands(s: &mut String, drawn: &[&Measure], axis: Axis, scale: &Scale, series: &Series) {
    let given: Vec<(i64, Band)> = drawn.iter().filter(|m| m.band.is_given()).filter_map(|m| Some((m.us?, m.band))).collect();
    let runs: Vec<&[(i64, Band)]> = given.chunk_by(|a, b| a.1 == b.1).collect();
    for (i, run) in runs.iter().enumerate() {
        let Some(&(start, band)) = run.first() else { continue };
        let x1 = if i == 0 { LEFT } else { axis.x(start) };
        let x2 = runs.get(i + 1).and_then(|r| r.first()).map_or(axis.right, |r| axis.x(r.0));
        let (top, bottom) = (scale.y(band.high.unwrap_or(scale.high)), scale.y(band.low.unwrap_or(scale.low)));
        let _ = write!(s, r#"<rect class="band" x="{x1:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"/>"#, x2 - x1, bottom - top);
        for edge in [band.high, band.low].into_iter().flatten() {
            let _ = write!(s, r#"<path class="edge" d="M{x1:.1} {:.1}H{x2:.1}"/>"#, scale.y(edge));
        }
        if i + 1 == runs.len() && bottom - top > 15.0 && x2 - x1 > 160.0 {
            let words = escape(&format!("Reference {}", series.range()));
            let _ = write!(s, r#"<text class="tick" x="{:.1}" y="{:.1}">{words}</text>"#, x1 + 8.0, bottom - 5.0);
        }
    }
}

fn time_axis(s: &mut String, axis: Axis, end: &End, width: u32) {
    let bottom = TOP + PLOT;
    for (year, x) in axis.years(if width > 900 { 12 } else { 7 }) {
        let _ = write!(s, r#"<path class="rule" d="M{x:.1} {bottom:.1}v5"/>"#);
        if x < axis.right - 70.0 {
            let _ = write!(s, r#"<text class="tick" x="{x:.1}" y="{:.1}" text-anchor="middle">{year}</text>"#, bottom + 19.0);
        }
    }
    let x = axis.right;
    let _ = write!(
        s,
        r#"<rect x="{x:.1}" y="{}" width="{:.1}" height="{}" fill="url(#hatch)"/>"#,
        TOP - 12.0,
        RIGHT - 10.0,
        PLOT + 12.0
    );
    let _ = write!(s, r#"<path class="cutover" d="M{x:.1} {}V{:.1}"/>"#, TOP - 12.0, bottom + 6.0);
    let _ = write!(
        s,
        r#"<text class="tick strong" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
        x,
        bottom + 19.0,
        escape(&end.day)
    );
}

/// A point in the shape and colour of its source.
fn point(s: &mut String, hue: usize, x: f64, y: f64) {
    let _ = match (hue.max(1) - 1) % 4 {
        0 => write!(s, r#"<circle class="pt f{hue}" cx="{x:.1}" cy="{y:.1}" r="3.6"/>"#),
        1 => write!(s, r#"<rect class="pt f{hue}" x="{:.1}" y="{:.1}" width="6.6" height="6.6"/>"#, x - 3.3, y - 3.3),
        2 => write!(s, r#"<path class="pt f{hue}" d="M{x:.1} {:.1}l4 7h-8z"/>"#, y - 4.2),
        _ => write!(s, r#"<path class="pt f{hue}" d="M{x:.1} {:.1}l4.4 4.4l-4.4 4.4l-4.4 -4.4z"/>"#, y - 4.4),
    };
}

/// Words at the first, the last, and at most three turning points that stand clear of each other.
fn labels(s: &mut String, drawn: &[&Measure], dots: &[Dot], axis: Axis, scale: &Scale) {
    let last = drawn.len() - 1;
    let mut chosen: Vec<usize> = if last == 0 { vec![0] } else { vec![0, last] };
    let mut turns: Vec<(f64, usize)> = (1..last)
        .filter_map(|i| {
            let (a, b, c) = (dots[i - 1].value, dots[i].value, dots[i + 1].value);
            let turn = (b - a) * (b - c);
            (turn > 0.0).then(|| ((b - (scale.low + scale.high) / 2.0).abs(), i))
        })
        .collect();
    turns.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, i) in turns {
        let clear = chosen.iter().all(|j| (axis.x(dots[i].us) - axis.x(dots[*j].us)).abs() > 96.0);
        if clear && chosen.len() < 5 {
            chosen.push(i);
        }
    }
    for i in chosen {
        let (x, y) = (axis.x(dots[i].us), scale.y(dots[i].value));
        let before = if i > 0 { dots[i - 1].value } else { dots[i].value };
        let above = i == 0 || dots[i].value >= before;
        let y = if above && y > TOP + 4.0 { y - 9.0 } else { y + 18.0 };
        let anchor = if i == 0 && last > 0 {
            "start"
        } else if i == last {
            "end"
        } else {
            "middle"
        };
        let x = if i == 0 && last > 0 {
            x - 4.0
        } else if i == last {
            x - 2.0
        } else {
            x
        };
        let flag = drawn[i].flag.as_ref().map_or(String::new(), |f| format!(" {}", f.letters));
        let place = if last == 0 {
            ""
        } else if i == 0 {
            ", first"
        } else if i == last {
            ", last"
        } else {
            ""
        };
        let words = escape(&format!("{}{flag}{place}", drawn[i].text));
        let _ = write!(s, r#"<text class="label" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{words}</text>"#);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_starts_at_a_round_number_with_few_rules() {
        for (range, most) in [((4.2, 11.2), 5), ((0.57, 1.62), 6), ((128.0, 140.0), 6), ((0.0, 1.0), 6)] {
            let scale = Scale::new(range);
            assert!(scale.ticks().len() <= most, "{range:?} {:?}", scale.ticks());
            assert!(scale.low <= range.0 && scale.high >= range.1);
        }
        let scale = Scale::new((0.5, 1.5));
        assert_eq!(scale.label(0.5), "0.50");
    }
}
