//! What every page of one request begins with: its number, whose records they are, for whom, by when, and how far it has come.
//!
//! Not for: what is next with it (`request`).

use askama::Template;

use super::super::text;
use super::words;
use crate::release::desk::View;
use crate::release::request::{Party, Scope};
use crate::release::selection::Person;

/// Who looks at a page: the identity that steps are made under, and the time.
#[derive(Clone, Debug, Default)]
pub struct Looker {
    pub id: String,
    /// Unix seconds.
    pub now: i64,
}

/// A patient of the request, by the archive once the records are chosen, else as the request writes it.
struct Whose {
    family: String,
    rest: String,
    born: String,
    sex: String,
    numbers: Vec<String>,
    as_written: bool,
}

struct Stage {
    words: String,
    href: String,
    is_done: bool,
    is_next: bool,
}

#[derive(Template)]
#[template(path = "parts/release_head.html")]
pub struct Head {
    number: String,
    /// What this page is for: `review and redact`.
    page: &'static str,
    whose: Vec<Whose>,
    party: String,
    basis: String,
    scope: String,
    /// Day, how far off, tone.
    due: Option<(String, String, &'static str)>,
    by: String,
    stages: Vec<Stage>,
    state: (&'static str, &'static str),
}

impl askama::filters::HtmlSafe for Head {}

/// How far a request has come: 0 check, 1 select, 2 review, 3 approve, 4 seal, 5 deliver, 6 done. By what there is of it, since a
/// request on hold has come as far as before.
pub fn rank(view: &View) -> usize {
    let case = &view.case;
    if case.state.is_out() {
        6
    } else if !case.packages.is_empty() {
        5
    } else if case.approval.is_some() {
        4
    } else if case.reviewer.is_some() {
        3
    } else if case.assembly.is_some() {
        2
    } else {
        usize::from(case.verifier.is_some())
    }
}

/// A person who made a step, by name; "you" is said.
pub fn name_of(view: &View, id: &str, looker: &Looker) -> String {
    let told = view.history.iter().rev().find(|told| told.step.by == id).map(|told| told.who.clone());
    let name = told.unwrap_or_else(|| id.to_string());
    if id == looker.id { format!("{name} (you)") } else { name }
}

/// Who somebody outside is, in a line.
pub fn party(party: &Party) -> String {
    match (party.name.as_str(), party.organisation.as_str()) {
        ("", organisation) => organisation.to_string(),
        (name, "") => name.to_string(),
        (name, organisation) => format!("{name}, {organisation}"),
    }
}

/// What is asked for, in a line.
pub fn scope(scope: &Scope) -> String {
    let dates = match (scope.from, scope.to) {
        (None, None) => "all dates".to_string(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(to)) => format!("to {to}"),
        (Some(from), Some(to)) => format!("{from} to {to}"),
    };
    let types = match scope.types.as_slice() {
        [] => "all of the record set".to_string(),
        types => types.iter().map(|code| words::section(code)).collect::<Vec<_>>().join(", "),
    };
    let more = [
        (!scope.encounters.is_empty(), "some encounters"),
        (!scope.sources.is_empty(), "some sources"),
        (!scope.authors.is_empty(), "some authors"),
        (scope.text.is_some(), "some words"),
    ];
    let more: String = more.iter().filter(|(is_there, _)| *is_there).map(|(_, words)| format!(", {words} only")).collect();
    format!("{dates}, {types}{more}")
}

impl Head {
    pub fn new(view: &View, page: &'static str, looker: &Looker) -> Head {
        let case = &view.case;
        let written = case.request.subjects.iter().map(|subject| Whose {
            family: String::new(),
            rest: subject.name.clone(),
            born: subject.birth_date.clone().unwrap_or_default(),
            sex: String::new(),
            numbers: subject.numbers.clone(),
            as_written: true,
        });
        let due = view.row.due.map(|due| {
            let (left, tone) = words::due_in(due, looker.now);
            let is_running = words::is_running(&view.row);
            if is_running { (words::day(due), left, tone) } else { (words::day(due), String::new(), "plain") }
        });
        let by = case.preparer.as_ref().or(case.verifier.as_ref());
        Head {
            number: case.number.clone(),
            page,
            whose: written.collect(),
            party: party(case.request.recipient()),
            basis: view.basis.as_ref().map_or_else(String::new, |basis| basis.words.clone()),
            scope: scope(&case.request.scope),
            due,
            by: by.map_or_else(String::new, |id| name_of(view, id, looker)),
            stages: stages(view),
            state: words::state(case.state),
        }
    }

    /// The page is about one patient, who is known.
    pub fn of_person(mut self, person: &Person) -> Head {
        let (family, rest) = person.name.split_once(',').map_or(("", person.name.as_str()), |(family, rest)| (family, rest));
        self.whose = vec![Whose {
            family: family.to_string(),
            rest: rest.trim().to_string(),
            born: person.birth_date.clone(),
            sex: person.sex.clone(),
            numbers: person.numbers.clone(),
            as_written: false,
        }];
        self
    }
}

fn stages(view: &View) -> Vec<Stage> {
    let (number, rank) = (&view.case.number, rank(view));
    let pages: u64 = view.case.preview.iter().flat_map(|preview| &preview.subjects).map(|it| it.pages).sum();
    let items: u64 = view.case.assembly.iter().flat_map(|assembly| &assembly.subjects).map(|it| it.items).sum();
    let review = match (view.undecided.len() as u64, pages) {
        (0, 0) => "Review and redact".to_string(),
        (0, pages) => format!("Review, {}", text::counted(pages, "page", "pages")),
        (open, _) => format!("Review: {} to decide", text::counted(open, "item", "items")),
    };
    let select = if items > 0 { format!("Select, {}", text::counted(items, "record", "records")) } else { "Select".into() };
    let all = [
        ("Check".to_string(), ""),
        (select, "/select"),
        (review, "/items"),
        ("Approve".to_string(), "/approve"),
        ("Seal".to_string(), ""),
        ("Deliver".to_string(), "/deliver"),
    ];
    let stage = |(at, (words, path)): (usize, (String, &str))| Stage {
        words,
        href: if at <= rank { format!("/releases/{number}{path}") } else { String::new() },
        is_done: at < rank,
        is_next: at == rank && !view.case.state.is_final(),
    };
    all.into_iter().enumerate().map(stage).collect()
}
