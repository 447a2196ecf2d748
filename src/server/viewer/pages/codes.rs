//! How far codes have a standard one beside them: the bars with their gates, the codes that stand alone, and these as CSV.
//!
//! Not for: counting (`query`), or mapping codes (the command line, `chartkeep terminology apply`).

use std::sync::Arc;

use askama::Template;

use super::super::frame::Frame;
use super::super::html::Markup;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::accession::percent;
use super::accession_files::csv_cell;
use super::render;
use crate::model::Kind;
use crate::query::{CodeCoverage, Codes, Looked, Unmapped};

/// What is known of an accession's codes.
#[derive(Clone, Debug)]
pub enum CodesFound {
    Counted(Arc<Codes>),
    Counting,
    /// They could not be counted.
    Failed,
    /// Nothing is counted before an accession is in force.
    NotYet,
}

impl From<Looked<Codes>> for CodesFound {
    fn from(looked: Looked<Codes>) -> CodesFound {
        match looked {
            Looked::Done(codes) => CodesFound::Counted(codes),
            Looked::Running => CodesFound::Counting,
            Looked::Failed => CodesFound::Failed,
        }
    }
}

impl CodesFound {
    pub(super) fn fact(&self) -> String {
        match self {
            CodesFound::Counted(_) => "share of records with a standard code; the original code is always kept".into(),
            CodesFound::Counting => "being counted; open this page again in a moment".into(),
            CodesFound::Failed => "could not be counted now".into(),
            CodesFound::NotYet => "counted once the accession is in force".into(),
        }
    }

    fn counted(&self) -> Option<&Codes> {
        match self {
            CodesFound::Counted(codes) => Some(codes),
            _ => None,
        }
    }
}

/// Kinds that matter in care: their name, the standards that count, and the share in percent below which a person has to
/// accept what is not mapped (the plan of ingest, "Code mapping").
const GATES: [(&str, &str, &str, u64); 8] = [
    ("Observation", "Results and vitals", "LOINC", 95),
    ("MedicationRequest", "Medications ordered", "RxNorm", 95),
    ("MedicationStatement", "Medications stated", "RxNorm", 95),
    ("Condition", "Problems", "SNOMED CT, ICD-10-CM", 95),
    ("AllergyIntolerance", "Allergies", "RxNorm, SNOMED CT", 95),
    ("Procedure", "Procedures", "CPT, SNOMED CT", 95),
    ("DiagnosticReport", "Reports", "LOINC", 95),
    ("Immunization", "Immunizations", "CVX", 99),
];

fn gate_of(kind: Kind) -> Option<(&'static str, &'static str, u64)> {
    GATES.iter().find(|gate| gate.0 == kind.name()).map(|gate| (gate.1, gate.2, gate.3))
}

fn passes(coverage: &CodeCoverage, gate: u64) -> bool {
    u128::from(coverage.standard) * 100 >= u128::from(coverage.standard + coverage.local) * u128::from(gate)
}

/// One line of what must hold before an accession is relied on.
pub struct GateLine {
    pub mark: &'static str,
    pub tone: &'static str,
    pub words: String,
    pub beside: String,
}

impl GateLine {
    pub fn good(words: String, beside: String) -> GateLine {
        GateLine { mark: "✓", tone: "checked", words, beside }
    }

    pub fn open(words: String, beside: String) -> GateLine {
        GateLine { mark: "!", tone: "waits", words, beside }
    }

    pub fn bad(words: String, beside: String) -> GateLine {
        GateLine { mark: "✕", tone: "out", words, beside }
    }
}

/// The gates of code mapping as lines.
pub(super) fn gates(codes: &CodesFound) -> Vec<GateLine> {
    let Some(codes) = codes.counted() else { return Vec::new() };
    let gated = || codes.coverage.iter().filter_map(|(kind, it)| Some((gate_of(*kind)?, it)));
    let mut lines: Vec<GateLine> = gated()
        .filter(|((_, _, gate), it)| !passes(it, *gate))
        .map(|((name, _, gate), it)| {
            let share = percent(it.standard, it.standard + it.local);
            GateLine::bad(format!("{name} below gate: map or accept"), format!("{share} of {gate} %"))
        })
        .collect();
    if lines.is_empty() && gated().next().is_some() {
        lines.push(GateLine::good("Code mapping passes its gates".into(), String::new()));
    }
    lines
}

/// Where a share lies on a bar that begins at 80 %, of a hundred.
fn on_scale(share: f64) -> f64 {
    ((share - 80.0) * 5.0).clamp(0.0, 100.0)
}

/// Kinds with their shares; those without a gate come last, or not at all.
pub(super) fn coverage(codes: &CodesFound, accession: &str, gated_alone: bool) -> Table {
    let columns = [
        ("Kind", ""),
        ("Standard", "drop"),
        ("80 to 100 %", "amount drop"),
        ("Mapped", "num"),
        ("Gate", ""),
        ("Unmapped", "num"),
    ];
    let empty = match codes {
        CodesFound::Counted(_) => "No record holds a code.".to_string(),
        other => text::sentence(&format!("{}.", other.fact())),
    };
    let table = Table::new("Share of records with a standard code, by kind", &columns, empty);
    let Some(found) = codes.counted() else { return table };
    let mut kinds: Vec<(Kind, CodeCoverage)> = found.coverage.clone();
    kinds.retain(|(kind, _)| !gated_alone || gate_of(*kind).is_some());
    kinds.sort_by_key(|(kind, it)| (gate_of(*kind).is_none(), std::cmp::Reverse(it.standard + it.local)));
    let row = |(kind, it): &(Kind, CodeCoverage)| {
        let all = it.standard + it.local;
        let share = it.standard as f64 * 100.0 / all.max(1) as f64;
        let (name, standard, gate) = gate_of(*kind).map_or((kind.name(), "", None), |(n, s, g)| (n, s, Some(g)));
        let fails = gate.is_some_and(|gate| !passes(it, gate));
        let sub = match it.by_map {
            0 => text::counted(all, "record", "records"),
            n => format!("{}, {} by a map", text::counted(all, "record", "records"), text::count(n)),
        };
        let tick = gate.map_or_else(String::new, |gate| {
            let x = on_scale(gate as f64);
            format!("<path class=\"gate\" d=\"M{x:.1} 0v12\"/>")
        });
        let bar = format!(
            "<svg class=\"amount\" width=\"100\" height=\"12\" aria-hidden=\"true\"><rect class=\"ground\" y=\"2\" width=\"100\" height=\"8\"/><rect \
             class=\"{}\" y=\"2\" width=\"{:.1}\" height=\"8\"/>{tick}</svg>",
            if fails { "p5" } else { "p1" },
            on_scale(share)
        );
        let gate = match gate {
            None => "<span class=\"missing\">none</span>".into(),
            Some(gate) if fails => format!("<span class=\"out\">✕ below gate</span> {gate} %"),
            Some(gate) => format!("<span class=\"checked\">✓</span> {gate} %"),
        };
        Row::new(vec![
            Cell::main(Some(name.to_string()), None, Some(sub)),
            Cell::optional(Some(standard.to_string()).filter(|s| !s.is_empty())),
            Cell::Markup(Markup::trusted(bar)),
            Cell::Text(percent(it.standard, all)),
            Cell::Markup(Markup::trusted(gate)),
            match it.local {
                0 => Cell::count(0),
                n => Cell::link(Some(text::count(n)), format!("/accessions/{accession}/codes?kind={}", kind.name())),
            },
        ])
    };
    table.rows(kinds.iter().map(row).collect())
}

/// The page of an accession's codes.
pub struct CodesPage<'a> {
    pub accession: &'a str,
    pub source_system: &'a str,
    pub codes: &'a CodesFound,
    /// Only codes of this kind of record.
    pub kind: Option<Kind>,
    pub page: usize,
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a CodesPage<'a>,
    badge: super::super::source::Badge,
    coverage: Table,
    fact: String,
    table: Table,
    paging: Paging,
    listed: String,
}

fn of_kind(codes: &Codes, kind: Option<Kind>) -> Vec<&Unmapped> {
    codes.unmapped.iter().filter(|code| kind.is_none_or(|kind| code.kinds.contains(&kind))).collect()
}

pub fn codes(frame: &Frame, page: &CodesPage<'_>) -> String {
    let columns =
        [("Code and its words", ""), ("System", ""), ("Records", "num"), ("Kinds", "drop"), ("A record that holds it", "drop")];
    let table = Table::new("Codes that stand alone, most frequent first", &columns, "No code stands alone.");
    let row = |code: &&Unmapped| {
        let kinds = code.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        Row::new(vec![
            Cell::main(Some(code.code.clone()), None, Some(code.display.clone()).filter(|words| !words.is_empty())),
            Cell::Text(code.system.clone()),
            Cell::count(code.count),
            Cell::Text(kinds),
            Cell::Text(format!("{}/{}", code.example.0, code.example.1)),
        ])
    };
    let found = page.codes.counted().map(|codes| of_kind(codes, page.kind)).unwrap_or_default();
    let total = found.len() as u64;
    let href = match page.kind {
        Some(kind) => format!("/accessions/{}/codes?kind={}&page=", page.accession, kind.name()),
        None => format!("/accessions/{}/codes?page=", page.accession),
    };
    let (shown, paging) = Paging::cut(found, page.page, &href);
    let of_all = page.codes.counted().map_or(0, |codes| codes.unmapped_total);
    let listed = match (page.codes.counted(), page.kind) {
        (None, _) => page.codes.fact(),
        (Some(codes), None) if of_all > codes.unmapped.len() as u64 => {
            format!("the {} most frequent of {}", text::count(total), text::count(of_all))
        }
        (Some(_), Some(kind)) => format!("{} in {kind}", text::counted(total, "code", "codes")),
        (Some(_), None) => text::counted(total, "code", "codes"),
    };
    render(Page {
        frame,
        badge: frame.badge(page.source_system),
        coverage: coverage(page.codes, page.accession, false),
        fact: page.codes.fact(),
        table: table.rows(shown.iter().map(row).collect()),
        paging,
        listed,
        page,
    })
}

/// The codes that stand alone as a code map whose targets are to be filled in, as `chartkeep terminology unmapped --csv` writes
/// it.
pub fn codes_csv(codes: &Codes, kind: Option<Kind>, day: &str) -> String {
    let mut out = format!(
        "# name: \r\n# version: 1\r\n# owner: \r\n# date: {day}\r\n\
         source_system,source_code,target_system,target_code,target_display,equivalence,source_display,count\r\n"
    );
    for code in of_kind(codes, kind) {
        let [system, code_text, display] = [&code.system, &code.code, &code.display].map(|text| csv_cell(text));
        out.push_str(&format!("{system},{code_text},,,,,{display},{}\r\n", code.count));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> CodesFound {
        let unmapped = Unmapped {
            system: "urn:x".into(),
            code: "=A1".into(),
            display: "Glucose, \"stick\"".into(),
            count: 7,
            kinds: vec![Kind::from_name("Observation").unwrap()],
            example: (Kind::from_name("Observation").unwrap(), "mer.7".into()),
        };
        let coverage = |standard, local| CodeCoverage { standard, by_map: 0, local };
        let kinds = [("Observation", coverage(94, 6)), ("Immunization", coverage(99, 1)), ("Claim", coverage(0, 5))];
        let coverage = kinds.map(|(kind, it)| (Kind::from_name(kind).unwrap(), it)).to_vec();
        let codes = Codes { at: jiff::Timestamp::UNIX_EPOCH, coverage, unmapped: vec![unmapped], unmapped_total: 1 };
        CodesFound::Counted(Arc::new(codes))
    }

    #[test]
    fn a_share_below_its_gate_is_a_line_and_one_without_a_gate_is_none() {
        let lines = gates(&found());
        assert_eq!(lines.len(), 1);
        assert!(lines[0].words.starts_with("Results and vitals below gate") && lines[0].tone == "out");
        let html = coverage(&found(), "acc-1", false).to_string();
        assert!(html.contains("94.0\u{a0}%") && html.contains("✕ below gate") && html.contains("99.0\u{a0}%"), "{html}");
        assert!(gates(&CodesFound::Counting).is_empty());
        assert_eq!((on_scale(70.0), on_scale(90.0), on_scale(100.0)), (0.0, 50.0, 100.0));
    }

    #[test]
    fn the_table_to_fill_in_is_safe_in_a_spreadsheet() {
        let CodesFound::Counted(codes) = found() else { panic!() };
        let csv = codes_csv(&codes, None, "2026-11-23");
        assert!(csv.ends_with("urn:x,'=A1,,,,,\"Glucose, \"\"stick\"\"\",7\r\n"), "{csv}");
        assert!(!codes_csv(&codes, Kind::from_name("Condition"), "").contains("A1"));
    }
}
