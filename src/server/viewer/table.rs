//! The one table of the viewer: head, rows in groups, cells that say when nothing was recorded, source badge last.
//!
//! Not for: flowsheets, whose columns are times (`flowsheet`).

use askama::Template;

use super::html::Markup;
use super::source::Badge;
use super::text::{self, Date, NOT_RECORDED};

/// A table, or the words that stand in its place when it has no rows.
#[derive(Default, Template)]
#[template(path = "parts/table.html")]
pub struct Table {
    /// Read by screen readers; what the rows are and how they are ordered.
    pub caption: String,
    pub columns: Vec<Column>,
    pub groups: Vec<Group>,
    /// Said instead of an empty table.
    pub empty: Markup,
    /// Years of the axis that the drawings of its column `spark` share: they stand in the head instead of its words.
    pub years: Vec<String>,
}

impl askama::filters::HtmlSafe for Table {}

#[derive(Clone, Debug)]
pub struct Column {
    pub head: &'static str,
    /// Style of its cells: `num`, `date`, `src`, `drop` (may go at 900 px) …
    pub class: &'static str,
}

/// Rows under an optional heading.
#[derive(Default)]
pub struct Group {
    pub heading: Option<String>,
    pub rows: Vec<Row>,
}

#[derive(Default)]
pub struct Row {
    pub cells: Vec<Cell>,
    pub current: bool,
}

pub enum Cell {
    Text(String),
    /// The row's name: a link, a second line below.
    Main {
        text: String,
        href: Option<String>,
        sub: Option<String>,
        strong: bool,
        alert: bool,
    },
    Date(Date),
    Badge(Badge),
    /// Of all sources that say what the row says.
    Badges(Vec<Badge>),
    /// A tag: words and its tone (`plain`, `caution`, `alert`, `good`).
    Tag(String, &'static str),
    Markup(Markup),
    Missing,
    Blank,
}

impl Cell {
    pub fn text(text: Option<String>) -> Cell {
        text.map_or(Cell::Missing, Cell::Text)
    }

    /// Text that may be absent by nature, so that its absence needs no words.
    pub fn optional(text: Option<String>) -> Cell {
        text.map_or(Cell::Blank, Cell::Text)
    }

    pub fn date(text: Option<&str>) -> Cell {
        text.map_or(Cell::Missing, |t| Cell::Date(text::date(t)))
    }

    /// The day alone, where the time of day would only be noise.
    pub fn day(text: Option<&str>) -> Cell {
        text.map_or(Cell::Missing, |t| Cell::Date(Date { time: None, ..text::date(t) }))
    }

    pub fn link(text: Option<String>, href: String) -> Cell {
        Cell::Main { text: text.unwrap_or_else(|| NOT_RECORDED.into()), href: Some(href), sub: None, strong: false, alert: false }
    }

    pub fn main(text: Option<String>, href: Option<String>, sub: Option<String>) -> Cell {
        Cell::Main { text: text.unwrap_or_else(|| NOT_RECORDED.into()), href, sub, strong: false, alert: false }
    }

    pub fn count(n: u64) -> Cell {
        Cell::Text(text::count(n))
    }
}

impl Table {
    pub fn new(caption: impl Into<String>, columns: &[(&'static str, &'static str)], empty: impl Into<Markup>) -> Table {
        Table {
            caption: caption.into(),
            columns: columns.iter().map(|&(head, class)| Column { head, class }).collect(),
            groups: Vec::new(),
            empty: empty.into(),
            years: Vec::new(),
        }
    }

    pub fn rows(mut self, rows: Vec<Row>) -> Table {
        self.group(None, rows);
        self
    }

    /// Adds a group, unless it is empty.
    pub fn group(&mut self, heading: Option<String>, rows: Vec<Row>) {
        if !rows.is_empty() {
            self.groups.push(Group { heading, rows });
        }
    }

    /// A heading over the groups that follow.
    pub fn heading(&mut self, heading: &str) {
        self.groups.push(Group { heading: Some(heading.to_string()), rows: Vec::new() });
    }

    fn cells<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a Column, &'a Cell)> {
        self.columns.iter().zip(&row.cells)
    }
}

impl Row {
    pub fn new(cells: Vec<Cell>) -> Row {
        Row { cells, current: false }
    }
}

/// One page of a long list, with the words and links that lead on.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "parts/paging.html")]
pub struct Paging {
    pub words: String,
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl askama::filters::HtmlSafe for Paging {}

impl Paging {
    /// Rows shown on one page.
    pub const ROWS: usize = 50;

    /// Cuts `rows` to page `page` (from 1) and says where that is. `href` is the address up to the page number.
    pub fn cut<T>(rows: Vec<T>, page: usize, href: &str) -> (Vec<T>, Paging) {
        let total = rows.len();
        let pages = total.div_ceil(Paging::ROWS).max(1);
        let page = page.clamp(1, pages);
        let start = (page - 1) * Paging::ROWS;
        let shown: Vec<T> = rows.into_iter().skip(start).take(Paging::ROWS).collect();
        let paging = Paging::of(start, shown.len(), total as u64, false, |p| format!("{href}{p}"), Paging::ROWS);
        (shown, paging)
    }

    /// For lists that were cut before they came here.
    pub fn of(start: usize, shown: usize, total: u64, capped: bool, href: impl Fn(usize) -> String, size: usize) -> Paging {
        if total <= size as u64 && start == 0 && !capped {
            return Paging::default();
        }
        let of = if capped { format!("more than {}", text::count(total)) } else { text::count(total) };
        let page = start / size.max(1) + 1;
        let more = capped || ((start + shown) as u64) < total;
        Paging {
            words: format!("Rows {} to {} of {of}", text::count(start as u64 + 1), text::count((start + shown) as u64)),
            previous: (page > 1).then(|| href(page - 1)),
            next: (more && shown > 0).then(|| href(page + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_says_where_it_is() {
        let (rows, paging) = Paging::cut((0..250).collect(), 5, "?page=");
        assert_eq!((rows.first(), rows.len()), (Some(&200), 50));
        assert_eq!(paging.words, "Rows 201 to 250 of 250");
        assert_eq!((paging.previous.as_deref(), paging.next), (Some("?page=4"), None));
        assert!(Paging::cut(vec![1], 9, "?page=").1.words.is_empty());
    }

    #[test]
    fn cells_are_escaped_and_absence_is_said() {
        let table = Table::new("Problems", &[("Problem", ""), ("Since", "date")], "None.")
            .rows(vec![Row::new(vec![Cell::Text("<b>x</b>".into()), Cell::Missing])]);
        let html = table.to_string();
        assert!(html.contains("&#60;b&#62;x") && !html.contains("<b>x"), "{html}");
        assert!(html.contains("not recorded"));
        assert!(Table::new("Problems", &[], "No problems.").to_string().contains("No problems."));
    }
}
