//! The board: every open request in the column of what is next with it, or as a list by the day it is due.
//!
//! Not for: what is in a request (`request`).

use askama::Template;

use super::super::frame::Frame;
use super::super::text;
use super::{render, words};
use crate::release::desk::Row;
use crate::release::workflow::State;

/// Days within which something due is shown as due soon.
const SOON_S: i64 = 7 * 24 * 60 * 60;

/// Which requests are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Show {
    #[default]
    All,
    Mine,
    Nobodys,
    Late,
    Soon,
    Approval,
    Waiting,
    Emergency,
    Ended,
}

impl Show {
    const NAMES: [(&'static str, Show); 9] = [
        ("", Show::All),
        ("mine", Show::Mine),
        ("nobody", Show::Nobodys),
        ("late", Show::Late),
        ("soon", Show::Soon),
        ("approval", Show::Approval),
        ("waiting", Show::Waiting),
        ("emergency", Show::Emergency),
        ("ended", Show::Ended),
    ];

    pub fn of(name: &str) -> Show {
        Show::NAMES.into_iter().find(|(own, _)| *own == name).map_or(Show::All, |(_, show)| show)
    }

    fn name(self) -> &'static str {
        Show::NAMES.into_iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    fn takes(self, row: &Row, page: &BoardPage<'_>) -> bool {
        let late = words::is_running(row) && row.due.is_some_and(|due| words::due_in(due, page.now).1 == "alert");
        let is_final = words::state_of(&row.state).is_final();
        match self {
            Show::Ended => is_final,
            // What one person released alone is looked at even when the request is over.
            Show::Emergency => row.review_due.is_some(),
            _ if is_final => false,
            Show::All => true,
            Show::Mine => row.assignee.as_deref() == Some(page.me),
            Show::Nobodys => row.assignee.is_none(),
            Show::Late => late,
            Show::Soon => words::is_running(row) && !late && row.due.is_some_and(|due| due - page.now <= SOON_S),
            Show::Approval => words::state_of(&row.state) == State::Reviewed,
            Show::Waiting => matches!(words::state_of(&row.state), State::NeedsInfo | State::OnHold),
        }
    }
}

/// The board as somebody asks for it.
pub struct BoardPage<'a> {
    /// Those due first before all others.
    pub rows: &'a [Row],
    pub show: Show,
    pub as_list: bool,
    /// Name of the reader.
    pub me: &'a str,
    /// Unix seconds.
    pub now: i64,
}

/// A request as a card or a row says it.
struct Card {
    number: String,
    href: String,
    patients: String,
    requester: String,
    basis: String,
    due: Option<String>,
    left: String,
    /// `alert`, `caution` or `plain`.
    tone: &'static str,
    tags: Vec<(String, &'static str)>,
    state: (&'static str, &'static str),
    assignee: String,
    why: String,
}

struct Column {
    name: &'static str,
    what: &'static str,
    cards: Vec<Card>,
}

/// Requests under one heading of the list.
struct Stretch {
    name: &'static str,
    tone: &'static str,
    cards: Vec<Card>,
}

/// A figure that leads to the requests it counts.
struct Figure {
    count: usize,
    words: &'static str,
    href: String,
    tone: &'static str,
    current: bool,
}

#[derive(Template)]
#[template(path = "release_board.html")]
struct Page<'a> {
    frame: &'a Frame,
    fact: String,
    figures: Vec<Figure>,
    choices: Vec<(String, String, bool)>,
    /// Addresses of the two forms of the same requests.
    forms: [(&'static str, String, bool); 2],
    as_list: bool,
    columns: Vec<Column>,
    held: Vec<Card>,
    stretches: Vec<Stretch>,
    empty: &'static str,
    is_nothing: bool,
}

fn card(row: &Row, page: &BoardPage<'_>) -> Card {
    let is_running = words::is_running(row);
    let (left, tone) = row.due.filter(|_| is_running).map_or((String::new(), "plain"), |due| words::due_in(due, page.now));
    let state = words::state_of(&row.state);
    let mut tags = Vec::new();
    if let Some(due) = row.review_due {
        tags.push((format!("Released alone: look at it by {}", words::day(due)), "alert"));
    }
    match row.priority.as_str() {
        "emergency" => tags.push(("Emergency".into(), "alert")),
        "urgent" => tags.push(("Urgent".into(), "caution")),
        _ => {}
    }
    Card {
        number: row.number.clone(),
        href: format!("/releases/{}", row.number),
        patients: if row.patients.is_empty() { "No patient yet".into() } else { row.patients.join("; ") },
        requester: row.requester.clone(),
        basis: if row.basis_words.is_empty() { "No legal basis yet".into() } else { row.basis_words.clone() },
        due: row.due.map(words::day),
        left,
        tone,
        tags,
        state: words::state(state),
        assignee: row.assignee.clone().unwrap_or_else(|| "nobody yet".into()),
        why: row.why.clone().unwrap_or_default(),
    }
}

/// Columns by what is next; what waits for something outside has a list of its own.
fn columns(rows: &[&Row], page: &BoardPage<'_>) -> Vec<Column> {
    const COLUMNS: [(&str, &str, &[State]); 5] = [
        ("Check", "Who asks, on what authority", &[State::Draft, State::Verifying]),
        ("Select", "What falls in the scope", &[State::Scoped]),
        ("Review and redact", "Every flagged item decided", &[State::Assembled]),
        ("Approve", "By a second person", &[State::Reviewed]),
        ("Seal and deliver", "Signed, sent, accounted for", &[State::Approved, State::Sealed, State::Delivered]),
    ];
    let of = |states: &[State]| {
        let fits = rows.iter().filter(|row| states.contains(&words::state_of(&row.state)));
        fits.map(|row| card(row, page)).collect()
    };
    COLUMNS.map(|(name, what, states)| Column { name, what, cards: of(states) }).into()
}

fn stretches(rows: &[&Row], page: &BoardPage<'_>) -> Vec<Stretch> {
    let mut all = [
        ("Emergencies to be looked at", "alert"),
        ("Overdue", "alert"),
        ("Due within a week", "caution"),
        ("Later", "plain"),
        ("Waiting or on hold", "plain"),
        ("Delivered", "plain"),
        ("Ended", "plain"),
    ]
    .map(|(name, tone)| Stretch { name, tone, cards: Vec::new() });
    for row in rows {
        let place = if row.review_due.is_some() {
            0
        } else {
            match words::state_of(&row.state) {
                state if state.is_final() => 6,
                State::Delivered => 5,
                State::NeedsInfo | State::OnHold => 4,
                _ if Show::Late.takes(row, page) => 1,
                _ if Show::Soon.takes(row, page) => 2,
                _ => 3,
            }
        };
        if let Some(stretch) = all.get_mut(place) {
            stretch.cards.push(card(row, page));
        }
    }
    all.into_iter().filter(|stretch| !stretch.cards.is_empty()).collect()
}

fn address(show: Show, as_list: bool) -> String {
    let mut parts = Vec::new();
    if !show.name().is_empty() {
        parts.push(format!("show={}", show.name()));
    }
    if as_list {
        parts.push("view=list".into());
    }
    if parts.is_empty() { "/releases".into() } else { format!("/releases?{}", parts.join("&")) }
}

pub fn board(frame: &Frame, page: &BoardPage<'_>) -> String {
    let taken = |show: Show| page.rows.iter().filter(move |row| show.takes(row, page));
    let figure = |show: Show, words: &'static str, tone: &'static str| {
        let count = taken(show).count();
        let tone = if count == 0 { "plain" } else { tone };
        Figure { count, words, href: address(show, page.as_list), tone, current: page.show == show }
    };
    let shown: Vec<&Row> = taken(page.show).collect();
    let (open, held) = (taken(Show::All).count() as u64, taken(Show::Waiting).count());
    let choice = |show: Show, name: String| (name, address(show, page.as_list), page.show == show);
    let is_held = |row: &&&Row| matches!(words::state_of(&row.state), State::NeedsInfo | State::OnHold);
    let as_list = page.as_list || page.show == Show::Ended || page.show == Show::Emergency;
    render(Page {
        frame,
        fact: format!("{} open, {held} of them waiting or on hold", text::count(open)),
        figures: vec![
            figure(Show::Late, "late", "alert"),
            figure(Show::Soon, "due in 7 days", "caution"),
            figure(Show::Approval, "wait for approval", "plain"),
            figure(Show::Waiting, "wait for information or on hold", "plain"),
            figure(Show::Emergency, "released alone, to be looked at", "alert"),
        ],
        choices: vec![
            choice(Show::All, "All".into()),
            choice(Show::Mine, format!("Mine {}", taken(Show::Mine).count())),
            choice(Show::Nobodys, format!("Nobody’s {}", taken(Show::Nobodys).count())),
            choice(Show::Ended, "Ended".into()),
        ],
        forms: [("Board", address(page.show, false), !as_list), ("List", address(page.show, true), as_list)],
        as_list,
        columns: columns(&shown, page),
        held: shown.iter().filter(is_held).map(|row| card(row, page)).collect(),
        stretches: stretches(&shown, page),
        empty: if page.show == Show::All { "No request is open." } else { "No request is like this." },
        is_nothing: shown.is_empty(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const NOW: i64 = 1_780_000_000;
    const DAY: i64 = 24 * 60 * 60;

    pub fn row(number: &str, state: &str, due: Option<i64>) -> Row {
        Row {
            number: number.into(),
            state: state.into(),
            basis: "authorization".into(),
            basis_words: "Authorization".into(),
            priority: "routine".into(),
            received: NOW - 20 * DAY,
            due: due.map(|days| NOW + days * DAY),
            is_overdue: due.is_some_and(|days| days < 0),
            assignee: Some("Ann".into()),
            requester: "Sample & Mock LLP".into(),
            patients: vec!["Quill, Ada <b>, 1950-01-02".into()],
            steps: 3,
            changed: NOW,
            why: None,
            review_due: None,
        }
    }

    #[test]
    fn each_request_is_where_it_is_due_and_filters_count_what_they_show() {
        let mut rows = vec![
            row("2026-000001", "assembled", Some(-2)),
            row("2026-000002", "scoped", Some(3)),
            row("2026-000003", "draft", Some(20)),
            row("2026-000004", "on-hold", Some(-5)),
            row("2026-000005", "closed", Some(-9)),
            row("2026-000006", "delivered", Some(-9)),
        ];
        rows[2].assignee = None;
        rows[3].why = Some("Objection filed".into());
        rows[5].review_due = Some(NOW + DAY);
        let page = |show, as_list| board(&Frame::default(), &BoardPage { rows: &rows, show, as_list, me: "Ann", now: NOW });
        for (show, there) in [
            (Show::All, "12346"),
            (Show::Mine, "1246"),
            (Show::Nobodys, "3"),
            (Show::Late, "14"),
            (Show::Soon, "2"),
            (Show::Waiting, "4"),
            (Show::Emergency, "6"),
            (Show::Ended, "5"),
        ] {
            for as_list in [false, true] {
                let html = page(show, as_list);
                for n in 1..=6 {
                    let is_there = html.contains(&format!("2026-00000{n}</a>"));
                    assert_eq!(is_there, there.contains(&n.to_string()), "{show:?} {as_list} {n}");
                }
            }
        }
        let html = page(Show::All, false);
        for expected in
            ["2 days late", "Objection filed", "5 open, 1 of them", "released alone, to be looked at", "Quill, Ada &#60;b&#62;"]
        {
            assert!(html.contains(expected), "{expected} in {html}");
        }
    }
}
