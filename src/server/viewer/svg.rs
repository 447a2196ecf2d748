//! Small drawings on a time axis: sparkline, coverage, encounter strip. Colours come from classes in the style, so that
//! theme and print restyle them; every axis ends at the cutover rule, and hatch means "outside the archive".
//!
//! Not for: the large trend chart (`trend`).

use std::fmt::Write as _;

use crate::model::{When, civil_from_days};

use super::html::{Markup, escape};

const YEAR_US: f64 = 365.25 * 86_400e6;
/// Width of the hatched strip after the cutover rule, in pixels.
pub const AFTER: f64 = 8.0;

/// Maps instants to pixels.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    pub left: f64,
    pub right: f64,
}

impl Axis {
    /// An axis from one instant to another (microseconds); a span of nothing becomes one year.
    pub fn new(from: i64, to: i64, left: f64, right: f64) -> Axis {
        let (mut from, to) = (from as f64, to as f64);
        if to - from < YEAR_US / 12.0 {
            from = to - YEAR_US;
        }
        Axis { from, to, left, right }
    }

    pub fn x(&self, us: i64) -> f64 {
        let share = (us as f64 - self.from) / (self.to - self.from);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Years to write under the axis, at most `most`, with their pixel.
    pub fn years(&self, most: usize) -> Vec<(i64, f64)> {
        let year_of = |us: f64| 1970 + (us / YEAR_US).floor() as i64;
        let (first, last) = (year_of(self.from), year_of(self.to));
        let step = [1, 2, 5, 10, 20, 50].into_iter().find(|s| ((last - first) / s) as usize <= most).unwrap_or(100);
        (first..=last)
            .filter(|y| y % step == 0)
            .filter_map(|y| Some((y, When::parse(&format!("{y:04}"))?.start_us())))
            .filter(|(_, us)| *us as f64 >= self.from && *us as f64 <= self.to)
            .map(|(y, us)| (y, self.x(us)))
            .collect()
    }
}

/// One point of a drawn series.
#[derive(Clone, Copy, Debug)]
pub struct Dot {
    pub us: i64,
    pub value: f64,
    pub outside: bool,
}

/// The reference interval behind a series; open ends are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Band {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Band {
    pub fn is_given(&self) -> bool {
        self.low.is_some() || self.high.is_some()
    }
}

/// The value range that a drawing shows: all points, and the band when it lies near them.
pub fn value_range(dots: &[Dot], band: Band) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for d in dots {
        (low, high) = (low.min(d.value), high.max(d.value));
    }
    if !low.is_finite() {
        return (0.0, 1.0);
    }
    for edge in [band.low, band.high].into_iter().flatten() {
        (low, high) = (low.min(edge), high.max(edge));
    }
    if high <= low {
        let pad = if high == 0.0 { 1.0 } else { high.abs() * 0.1 };
        (low, high) = (low - pad, high + pad);
    }
    (low, high)
}

/// The calendar year of an instant.
pub fn year_of(us: i64) -> i64 {
    civil_from_days(us.div_euclid(86_400_000_000)).0
}

/// Years for the head over drawings of one axis: the first and the last, and the one between them where there is one.
pub fn year_marks(from: i64, to: i64) -> Vec<String> {
    let (first, last) = (year_of(from), year_of(to));
    let mut years = vec![first, (first + last) / 2, last];
    if last - first < 4 {
        years.remove(1);
    }
    years.dedup();
    years.into_iter().map(|year| year.to_string()).collect()
}

/// What a drawing so narrow can show of thousands of values: the least and the greatest of each pixel, and the last of all.
fn thinned(dots: &[Dot], axis: Axis) -> Vec<Dot> {
    let mut kept: Vec<Dot> = Vec::new();
    for column in dots.chunk_by(|a, b| axis.x(a.us).floor() == axis.x(b.us).floor()) {
        let mut ends: Vec<&Dot> = [
            column.iter().min_by(|a, b| a.value.total_cmp(&b.value)),
            column.iter().max_by(|a, b| a.value.total_cmp(&b.value)),
            column.last(),
        ]
        .into_iter()
        .flatten()
        .collect();
        ends.sort_by_key(|dot| dot.us);
        ends.dedup_by(|a, b| a.us == b.us && a.value == b.value);
        kept.extend(ends);
    }
    kept
}

/// A series without numbers: line, band, dots outside the range, last value. The row it stands in says it all.
pub fn sparkline(dots: &[Dot], band: Band, from: i64, to: i64, width: u32, height: u32) -> Markup {
    let (w, h) = (f64::from(width), f64::from(height));
    let axis = Axis::new(from, to, 2.0, w - AFTER - 3.0);
    let (low, high) = value_range(dots, band);
    let y = |v: f64| 3.0 + (1.0 - (v - low) / (high - low)) * (h - 6.0);
    let mut s =
        format!(r#"<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">"#);
    if band.is_given() {
        let (top, bottom) = (y(band.high.unwrap_or(high)), y(band.low.unwrap_or(low)));
        let right = axis.right - axis.left + 2.0;
        let _ =
            write!(s, r#"<rect class="band" x="0" y="{top:.1}" width="{:.1}" height="{:.1}"/>"#, right, (bottom - top).max(2.0));
    }
    let few = dots.len() < 3;
    let dots = thinned(dots, axis);
    if !few {
        for line in unbroken(&dots) {
            let points: Vec<String> = line.iter().map(|d| format!("{:.1},{:.1}", axis.x(d.us), y(d.value))).collect();
            let _ = write!(s, r#"<polyline class="line" points="{}"/>"#, points.join(" "));
        }
    }
    // One path for all of them: a page has many drawings, and each may have many values outside its range.
    let (last, before) = dots.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before));
    let outside: String =
        before.iter().filter(|d| d.outside).map(|d| format!("M{:.1} {:.1}h0", axis.x(d.us), y(d.value))).collect();
    if !outside.is_empty() {
        let _ = write!(s, r#"<path class="outs" d="{outside}"/>"#);
    }
    let round = |d: &Dot, r: f64| {
        let class = if d.outside { "dot out" } else { "dot" };
        format!(r#"<circle class="{class}" cx="{:.1}" cy="{:.1}" r="{r}"/>"#, axis.x(d.us), y(d.value))
    };
    s.extend(before.iter().filter(|d| few && !d.outside).map(|d| round(d, 1.4)));
    s.extend(last.map(|d| round(d, 2.6)));
    let rule = axis.right + 3.0;
    let _ = write!(s, r#"<rect x="{rule:.1}" y="0" width="{AFTER}" height="{height}" fill="url(#hatch)"/>"#);
    let _ = write!(s, r#"<path class="cutover" d="M{rule:.1} 0V{height}"/></svg>"#);
    Markup::trusted(s)
}

/// A line is broken where nothing was measured for more than three years.
pub fn unbroken(dots: &[Dot]) -> impl Iterator<Item = &[Dot]> {
    dots.chunk_by(|a, b| ((b.us - a.us) as f64) < 3.0 * YEAR_US).filter(|line| line.len() > 1)
}

/// One source's bar in the coverage drawing.
pub struct Span {
    pub letters: String,
    pub hue: usize,
    pub from: i64,
    pub to: i64,
    pub words: String,
}

/// The years that each source holds, on one axis that ends at the cutover.
pub fn coverage(spans: &[Span], cutover: i64, cutover_day: &str) -> Markup {
    const LEFT: f64 = 38.0;
    const WIDTH: f64 = 330.0;
    let first = spans.iter().map(|s| s.from).min().unwrap_or(cutover);
    let axis = Axis::new(first, cutover, LEFT, WIDTH - 24.0);
    let height = 15.0 * spans.len() as f64;
    let said: Vec<String> = spans.iter().map(|s| s.words.clone()).collect();
    let mut s = format!(
        r#"<svg class="coverage" viewBox="0 0 {WIDTH} {:.0}" role="img" aria-label="{}">"#,
        height + 18.0,
        escape(&format!("Years held. {}. Records end {cutover_day}.", said.join("; ")))
    );
    for (i, span) in spans.iter().enumerate() {
        let mid = 15.0 * i as f64 + 8.0;
        let (x1, x2) = (axis.x(span.from), axis.x(span.to));
        let _ = write!(s, r#"<text class="code c{}" x="0" y="{:.0}">{}</text>"#, span.hue, mid + 4.0, escape(&span.letters));
        let _ = write!(s, r#"<path class="rule" d="M{LEFT} {mid:.1}H{:.1}"/>"#, axis.right);
        let _ = write!(
            s,
            r#"<rect class="f{}" x="{x1:.1}" y="{:.1}" width="{:.1}" height="7"/>"#,
            span.hue,
            mid - 3.5,
            (x2 - x1).max(3.0)
        );
    }
    let _ = write!(s, r#"<rect x="{:.1}" y="0" width="22" height="{height:.0}" fill="url(#hatch)"/>"#, axis.right);
    let _ = write!(s, r#"<path class="cutover" d="M{:.1} 0V{:.0}"/>"#, axis.right, height + 2.0);
    for (year, x) in axis.years(4) {
        if x < axis.right - 66.0 {
            let _ = write!(s, r#"<text class="tick" x="{x:.1}" y="{:.0}" text-anchor="middle">{year}</text>"#, height + 14.0);
        }
    }
    let _ = write!(
        s,
        r#"<text class="tick strong" x="{:.1}" y="{:.0}" text-anchor="end">{}</text></svg>"#,
        axis.right + 22.0,
        height + 14.0,
        escape(cutover_day)
    );
    Markup::trusted(s)
}

/// One lane of the encounter strip.
pub struct Lane {
    pub name: &'static str,
    pub shape: Shape,
    pub marks: Vec<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Stay,
    Triangle,
    Tick,
    Diamond,
}

/// A mark in a lane: when, until when (stays), and from which source.
#[derive(Clone, Copy)]
pub struct Mark {
    pub from: i64,
    pub to: i64,
    pub hue: usize,
}

/// Encounters and procedures over the years, one lane for each kind, in one of the two widths of the layout.
pub fn strip(lanes: &[Lane], from: i64, to: i64, to_day: &str, width: u32) -> Markup {
    const LANE: f64 = 25.0;
    let left = 116.0;
    let after = if width > 900 { 84.0 } else { 54.0 };
    let axis = Axis::new(from, to, left, f64::from(width) - after);
    let height = LANE * lanes.len() as f64;
    let class = if width > 900 { "strip wide" } else { "strip narrow" };
    let said: Vec<String> = lanes.iter().map(|l| format!("{} {}", l.name, l.marks.len())).collect();
    let mut s = format!(
        r#"<svg class="{class}" viewBox="0 0 {width} {:.0}" role="img" aria-label="{}">"#,
        height + 24.0,
        escape(&format!("{}. Records end {to_day}.", said.join(", ")))
    );
    for (year, x) in axis.years(if width > 900 { 14 } else { 7 }) {
        let _ = write!(s, r#"<path class="grid" d="M{x:.1} 0V{height}"/>"#);
        if x < axis.right - 96.0 {
            let _ = write!(s, r#"<text class="tick" x="{x:.1}" y="{:.0}" text-anchor="middle">{year}</text>"#, height + 17.0);
        }
    }
    for (i, lane) in lanes.iter().enumerate() {
        let (top, mid) = (LANE * i as f64, LANE * (i as f64 + 0.5));
        let _ = write!(s, r#"<text class="lane" x="0" y="{:.1}">{}</text>"#, mid + 4.0, lane.name);
        let _ = write!(
            s,
            r#"<text class="lane count" x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            left - 14.0,
            mid + 4.0,
            lane.marks.len()
        );
        let _ = write!(s, r#"<path class="rule" d="M0 {:.1}H{:.1}"/>"#, top + LANE, axis.right);
        for m in &lane.marks {
            mark(&mut s, lane.shape, m, axis, mid);
        }
    }
    let x = axis.right;
    let _ = write!(s, r#"<rect x="{x:.1}" y="0" width="{after}" height="{height}" fill="url(#hatch)"/>"#);
    let _ = write!(s, r#"<path class="cutover" d="M{x:.1} 0V{:.1}"/>"#, height + 4.0);
    if width > 900 {
        let mid = height / 2.0;
        let middle = x + after / 2.0;
        let _ = write!(s, r#"<rect class="plate" x="{:.1}" y="{:.1}" width="72" height="32"/>"#, x + 6.0, mid - 16.0);
        let _ = write!(s, r#"<text class="tick" x="{middle:.1}" y="{:.1}" text-anchor="middle">Outside</text>"#, mid - 2.0);
        let _ = write!(s, r#"<text class="tick" x="{middle:.1}" y="{:.1}" text-anchor="middle">this archive</text>"#, mid + 11.0);
    }
    let _ = write!(
        s,
        r#"<text class="tick strong" x="{:.1}" y="{:.0}" text-anchor="end">Records end {}</text></svg>"#,
        (x + after).min(x + 62.0),
        height + 17.0,
        escape(to_day)
    );
    Markup::trusted(s)
}

fn mark(s: &mut String, shape: Shape, m: &Mark, axis: Axis, mid: f64) {
    let x = axis.x(m.from);
    let _ = match shape {
        Shape::Stay => {
            let wide = (axis.x(m.to) - x).max(5.0);
            write!(s, r#"<rect class="f{}" x="{x:.1}" y="{:.1}" width="{wide:.1}" height="11"/>"#, m.hue, mid - 5.5)
        }
        Shape::Tick => write!(s, r#"<path class="k{}" d="M{x:.1} {:.1}v14"/>"#, m.hue, mid - 7.0),
        Shape::Triangle => write!(s, r#"<path class="f{}" d="M{x:.1} {:.1}l4.5 8.5h-9z"/>"#, m.hue, mid - 4.5),
        Shape::Diamond => write!(s, r#"<path class="f{}" d="M{x:.1} {:.1}l4.8 4.8l-4.8 4.8l-4.8 -4.8z"/>"#, m.hue, mid - 4.8),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_stay_inside_and_break_at_long_gaps() {
        let us = |t: &str| When::parse(t).unwrap().start_us();
        let dot = |t: &str, value: f64| Dot { us: us(t), value, outside: value > 9.0 };
        let dots = [dot("2010", 5.0), dot("2011", 6.0), dot("2016", 9.5), dot("2017", 7.0)];
        assert_eq!(unbroken(&dots).count(), 2);
        let svg = sparkline(&dots, Band { low: Some(4.0), high: None }, us("2010"), us("2018"), 150, 24).to_string();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("class=\"outs\"") && !svg.contains("NaN") && !svg.contains("style="));
        let empty = sparkline(&[], Band::default(), us("2010"), us("2010"), 150, 24).to_string();
        assert!(!empty.contains("NaN"));
    }

    #[test]
    fn thousands_of_values_draw_no_more_than_a_few_for_each_pixel_and_keep_their_ends() {
        let day = 86_400_000_000;
        let dots: Vec<Dot> = (0..5_000).map(|n| Dot { us: n * day, value: (n % 90) as f64, outside: n % 2 == 0 }).collect();
        let svg = sparkline(&dots, Band { low: Some(20.0), high: Some(40.0) }, 0, 5_000 * day, 92, 20).to_string();
        assert!(svg.len() < 12_000 && svg.matches('<').count() < 12, "{} bytes", svg.len());
        let axis = Axis::new(0, 5_000 * day, 2.0, 81.0);
        let kept = thinned(&dots, axis);
        assert!(kept.len() <= 3 * 82 && kept.iter().any(|d| d.value == 89.0) && kept.iter().any(|d| d.value == 0.0));
        assert_eq!(kept.last().map(|d| d.us), Some(4_999 * day));
    }

    #[test]
    fn a_head_over_drawings_names_the_years_that_they_span() {
        let us = |t: &str| When::parse(t).unwrap().start_us();
        assert_eq!(year_marks(us("2014-05-02"), us("2024-06-30")), ["2014", "2019", "2024"]);
        assert_eq!(year_marks(us("2022-12-31"), us("2024-01-01")), ["2022", "2024"]);
        assert_eq!(year_marks(us("2024-01-01"), us("2024-12-31")), ["2024"]);
        assert_eq!(year_marks(us("1968-02-29"), us("1969-12-31")), ["1968", "1969"]);
    }

    #[test]
    fn years_on_an_axis_are_few() {
        let us = |t: &str| When::parse(t).unwrap().start_us();
        let axis = Axis::new(us("1998"), us("2024-06-30"), 0.0, 100.0);
        let years: Vec<i64> = axis.years(5).into_iter().map(|(y, _)| y).collect();
        assert_eq!(years, [2000, 2005, 2010, 2015, 2020]);
    }
}
