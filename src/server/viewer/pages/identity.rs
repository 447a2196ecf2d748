//! Identity review: pairs of patients who may be one person, two of them side by side, the decision and its second look, and the
//! records that were moved to another chart.
//!
//! Nothing of anybody's care is here. Not for: comparing (`query::candidates`).

use askama::Template;

use super::super::frame::Frame;
use super::super::source::Badge;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::render;
use crate::model::{ArchiveId, Kind, PatientIdentity};
use crate::query::{Agreement, Decision, PairPage, PairRow, PairSide, Reassignment};

/// What the list shows.
pub struct IdentityList<'a> {
    /// `None`: the patients are still being compared.
    pub pairs: Option<&'a PairPage>,
    pub failed: bool,
    pub reassigned: &'a [(Kind, ArchiveId, Reassignment)],
    pub offset: usize,
    pub size: usize,
    /// What was just said, in words.
    pub said: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "identity.html")]
struct List<'a> {
    frame: &'a Frame,
    list: &'a IdentityList<'a>,
    fact: String,
    table: Table,
    paging: Paging,
    compared: String,
    moved: Table,
    moved_fact: String,
}

fn full_name(identity: &PatientIdentity) -> String {
    let family = identity.family.clone().unwrap_or_else(|| text::NOT_RECORDED.into());
    if identity.given.is_empty() { family } else { format!("{family}, {}", identity.given.join(" ")) }
}

fn born(identity: &PatientIdentity) -> String {
    identity.birth_date.as_ref().map_or_else(|| text::NOT_RECORDED.to_string(), |born| born.date_text().to_string())
}

pub fn identity(frame: &Frame, list: &IdentityList<'_>) -> String {
    let columns =
        [("Patients", ""), ("Born", "date"), ("What agrees", ""), ("What differs", ""), ("Weight", "num"), ("State", "")];
    let empty = match (list.pairs, list.failed) {
        (Some(_), _) => "No pair waits for a decision.",
        (None, true) => "The patients could not be compared now. Try again in a minute.",
        (None, false) => "All patients are being compared. Open this page again in a moment.",
    };
    let mut table = Table::new("Pairs of patients, the likeliest first", &columns, empty);
    for row in list.pairs.iter().flat_map(|page| &page.rows) {
        table.group(None, pair_rows(frame, row));
    }
    let page = list.pairs;
    let paging = page.map_or_else(Paging::default, |page| {
        Paging::of(list.offset, page.rows.len(), page.total, false, |page| format!("/identity?page={page}"), list.size)
    });
    let moved = moved_table(list.reassigned);
    render(List {
        frame,
        fact: page.map_or_else(String::new, |page| {
            let waiting = text::counted(page.total - page.put_off, "pair waits", "pairs wait");
            let later = if page.put_off > 0 { format!(", {} put off", text::count(page.put_off)) } else { String::new() };
            let most = if page.is_capped { ", the likeliest of more" } else { "" };
            format!("{waiting} for a decision{later}{most}")
        }),
        table,
        paging,
        compared: page.map_or_else(String::new, |page| {
            format!(
                "{} compared at {}.",
                text::counted(page.patients, "patient", "patients"),
                page.at.strftime("%Y-%m-%d %H:%M UTC")
            )
        }),
        moved,
        moved_fact: match list.reassigned.len() as u64 {
            0 => "none".into(),
            n => text::counted(n, "record", "records"),
        },
        list,
    })
}

/// One pair is two rows: a patient each, what agrees and differs beside the first.
fn pair_rows(frame: &Frame, row: &PairRow) -> Vec<Row> {
    let href = address(row);
    let (agree, differ): (Vec<&Agreement>, Vec<&Agreement>) = row.agreements.iter().partition(|a| a.weight > 0.0);
    let words = |list: &[&Agreement]| list.iter().map(|a| agreement_words(a)).collect::<Vec<_>>().join(", ");
    let state = match &row.put_off {
        Some(said) => Cell::Tag(format!("Put off {}", said.at.strftime("%Y-%m-%d")), ""),
        None => Cell::Tag("Waits".into(), "caution"),
    };
    let one = |side: &PairSide, rest: Vec<Cell>| {
        let sub = format!("{}, {}", frame.badge(&side.patient.source_system).letters, side.patient.key);
        let main = Cell::main(Some(full_name(&side.patient.identity)), Some(href.clone()), Some(sub));
        Row::new([main, Cell::Text(born(&side.patient.identity))].into_iter().chain(rest).collect())
    };
    vec![
        one(&row.a, vec![Cell::Text(words(&agree)), Cell::Text(words(&differ)), Cell::Text(format!("{:.1}", row.score)), state]),
        one(&row.b, vec![Cell::Blank, Cell::Blank, Cell::Blank, Cell::Blank]),
    ]
}

fn address(row: &PairRow) -> String {
    format!("/identity/{}/{}", row.a.patient.key, row.b.patient.key)
}

fn agreement_words(it: &Agreement) -> String {
    let field = match it.field {
        "family" => "family name",
        "given" => "given name",
        "SSN-4" => "last four of the social security number",
        other => other,
    };
    match it.level {
        "same" => field.to_string(),
        "different" => field.to_string(),
        level => format!("{field} ({level})"),
    }
}

fn moved_table(all: &[(Kind, ArchiveId, Reassignment)]) -> Table {
    let columns = [("Record", ""), ("From", ""), ("To", ""), ("Said by", ""), ("When", "date"), ("Reason", "")];
    let row = |(kind, id, it): &(Kind, ArchiveId, Reassignment)| {
        Row::new(vec![
            Cell::Text(format!("{kind}/{id}")),
            Cell::Text(it.from.to_string()),
            Cell::Text(it.to.to_string()),
            Cell::Text(it.said.by.clone()),
            Cell::day(Some(&it.said.at.to_string())),
            Cell::Text(it.said.reason.clone()),
        ])
    };
    Table::new("Records that lie in another chart than they were filed in", &columns, "No record was moved to another chart.")
        .rows(all.iter().map(row).collect())
}

/// The page of one pair.
pub struct IdentityPair<'a> {
    pub row: &'a PairRow,
    /// What was chosen, and the reason as typed; shown again when something is missing.
    pub decision: Option<Decision>,
    pub reason: &'a str,
    pub problem: Option<&'static str>,
    /// The second look: nothing is said before it is confirmed.
    pub confirm: bool,
}

/// One fact of both, and how they stand to each other.
struct Fact {
    name: &'static str,
    a: Vec<String>,
    b: Vec<String>,
    mark: &'static str,
    words: String,
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "identity_pair.html")]
struct Pair<'a> {
    frame: &'a Frame,
    page: &'a IdentityPair<'a>,
    badges: [Badge; 2],
    names: [String; 2],
    facts: Vec<Fact>,
    score: String,
    action: String,
    chosen: Option<(&'static str, &'static str)>,
}

impl Pair<'_> {
    fn is(&self, name: &str) -> bool {
        self.page.decision.is_some_and(|decision| decision.name() == name)
    }
}

/// A decision as a heading, and what follows from it.
fn decision_words(decision: Decision) -> (&'static str, &'static str) {
    match decision {
        Decision::Link => (
            "Say that these two are one person?",
            "Their charts open as one from now on, each record under its own number and source. Nothing is merged, and it can be taken back with “chartkeep identity unlink”.",
        ),
        Decision::NotSame => (
            "Say that these two are two people?",
            "They are not proposed again, and no source links this pair. It can be taken back with “chartkeep identity not-same --withdraw”.",
        ),
        Decision::Later => {
            ("Put this pair off?", "It stays in the list, behind the others, with your reason. Nothing changes in any chart.")
        }
    }
}

pub fn identity_pair(frame: &Frame, page: &IdentityPair<'_>) -> String {
    let row = page.row;
    render(Pair {
        frame,
        badges: [frame.badge(&row.a.patient.source_system), frame.badge(&row.b.patient.source_system)],
        names: [full_name(&row.a.patient.identity), full_name(&row.b.patient.identity)],
        facts: facts(row),
        score: format!("{:.1}", row.score),
        action: address(row),
        chosen: page.decision.map(decision_words),
        page,
    })
}

fn facts(row: &PairRow) -> Vec<Fact> {
    let (a, b) = (&row.a.patient.identity, &row.b.patient.identity);
    let level = |field: &str| row.agreements.iter().find(|it| it.field == field);
    let lists = |field: &'static str, name: &'static str, a: Vec<String>, b: Vec<String>| fact(name, a, b, level(field));
    let one = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    let day = |it: &PatientIdentity| it.birth_date.iter().map(|born| born.date_text().to_string()).collect::<Vec<_>>();
    let numbers =
        |it: &PatientIdentity| it.identifiers.iter().map(|(label, value)| format!("{value} ({label})")).collect::<Vec<_>>();
    let held = |side: &PairSide| {
        let days = side.days.as_ref().map(|(from, to)| format!(", {from} to {to}")).unwrap_or_default();
        vec![format!("{}{days}", text::counted(side.records, "record", "records"))]
    };
    let mut facts = vec![
        lists("family", "Family name", one(&a.family), one(&b.family)),
        lists("given", "Given names", a.given.clone(), b.given.clone()),
        plain("Other names", a.other_names.clone(), b.other_names.clone()),
        lists("birth date", "Birth date", day(a), day(b)),
        lists("sex", "Sex as recorded", one(&a.sex), one(&b.sex)),
        plain("Died", one(&a.deceased), one(&b.deceased)),
        plain("Numbers", numbers(a), numbers(b)),
        lists("address", "Addresses", a.addresses.clone(), b.addresses.clone()),
        lists("phone", "Telephone", a.phones.clone(), b.phones.clone()),
    ];
    let quiet = |name, a, b| Fact { name, a, b, mark: "", words: String::new(), tone: "missing" };
    facts.push(quiet("Holds", held(&row.a), held(&row.b)));
    facts.push(quiet("Said so far", row.a.patient.reasons.clone(), row.b.patient.reasons.clone()));
    facts
}

/// A fact that the comparison weighed, or that cannot be compared.
fn fact(name: &'static str, a: Vec<String>, b: Vec<String>, level: Option<&Agreement>) -> Fact {
    let Some(it) = level else { return plain(name, a, b) };
    let words = match it.level {
        "same" => "agrees".to_string(),
        "different" => "differs".to_string(),
        level => level.to_string(),
    };
    let (mark, tone) = match (it.level, it.weight > 0.0) {
        ("same", _) => ("✓", "checked"),
        (_, true) => ("≈", "near"),
        (_, false) => ("≠", "out"),
    };
    Fact { name, a, b, mark, words, tone }
}

/// A fact that is shown and not weighed.
fn plain(name: &'static str, a: Vec<String>, b: Vec<String>) -> Fact {
    let shared = a.iter().any(|value| b.contains(value));
    let (mark, words, tone) = match (a.is_empty(), b.is_empty()) {
        (true, true) => ("", "recorded in neither", "missing"),
        (true, false) | (false, true) => ("", "recorded in one alone", "missing"),
        _ if shared => ("✓", "agrees", "checked"),
        _ => ("≠", "differs", "out"),
    };
    Fact { name, a, b, mark, words: words.into(), tone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_says_in_words_whether_it_agrees() {
        let level = |level, weight| Agreement { field: "birth date", level, weight };
        let said = |it: &Agreement| {
            let fact = fact("Birth date", vec!["a".into()], vec!["b".into()], Some(it));
            (fact.mark, fact.words, fact.tone)
        };
        assert_eq!(said(&level("same", 9.0)), ("✓", "agrees".into(), "checked"));
        assert_eq!(said(&level("one digit differs", 3.0)), ("≈", "one digit differs".into(), "near"));
        assert_eq!(said(&level("different", -5.0)), ("≠", "differs".into(), "out"));
        assert_eq!(plain("Died", vec![], vec!["2016".into()]).words, "recorded in one alone");
        assert_eq!(plain("Numbers", vec!["1".into()], vec!["2".into()]).words, "differs");
    }
}
