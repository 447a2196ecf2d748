//! Under any filter an archive answers as one that never held what the filter hides: random labels, sources and kinds,
//! every question.
//!
//! Not for: what a role's filter is (`access`), or the answers over HTTP (the gate's tests).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::access::{Filter, Permit, Scope};
use crate::audit::AuditLog;
use crate::model::{ArchiveId, Class, Kind, Label, PatientKey, When, archive_id};
use crate::small_archive::SmallArchive;
use crate::store::document_id;

const SOURCES: [&str; 2] = ["mer", "pvs"];
/// One person each; sources name them by the same UUIDs, so that a chart has parts in both.
const PEOPLE: [&str; 2] = ["7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11", "0c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c12"];
const CODES: [Option<(&str, Class)>; 5] = [
    None,
    Some(("HIV", Class::Hiv)),
    Some(("SUD", Class::SubstanceUse)),
    Some(("VIP", Class::Vip)),
    Some(("newer", Class::Unknown)),
];

/// One record of the story.
#[derive(Clone, Debug)]
struct Line {
    source: &'static str,
    kind: Kind,
    id: String,
    /// Whose it is, by number.
    person: Option<usize>,
    label: Label,
    json: String,
}

/// A small story: what is not said by `codes` has no label.
fn story(codes: &[usize]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut code = codes.iter().copied().cycle();
    let mut add = |source, kind: &str, id: String, person: Option<usize>, rest: String| {
        let code = if person.is_none() { None } else { CODES[code.next().unwrap() % CODES.len()] };
        let label = code.map_or(Label::NORMAL, |(_, class)| Label::of(class));
        let meta = code.map_or(String::new(), |(code, _)| format!(r#""meta":{{"security":[{{"code":"{code}"}}]}},"#));
        let subject =
            person.filter(|_| kind != "Patient").map(|n| format!(r#""subject":{{"reference":"Patient/{}"}},"#, PEOPLE[n]));
        let json = format!(r#"{{"resourceType":"{kind}","id":"{id}",{meta}{}{rest}}}"#, subject.unwrap_or_default());
        lines.push(Line { source, kind: Kind::from_name(kind).unwrap(), id, person, label, json });
    };
    for (s, source) in SOURCES.into_iter().enumerate() {
        add(source, "Organization", format!("org{s}"), None, r#""name":"House""#.into());
        // The Patient record of each lies in one source alone.
        let own = PEOPLE[s].to_string();
        add(
            source,
            "Patient",
            own,
            Some(s),
            format!(r#""name":[{{"family":"Quill{s}","given":["Ann"]}}],"birthDate":"1957-03-14""#),
        );
        for (p, _) in PEOPLE.iter().enumerate() {
            for n in 0..6 {
                let value = format!(
                    r#""code":{{"coding":[{{"code":"718-7"}}]}},"effectiveDateTime":"20{:02}-05-0{n}T10:00:00Z","valueQuantity":{{"value":{n}}}"#,
                    10 + n
                );
                add(source, "Observation", format!("o{s}{p}{n}"), Some(p), value);
            }
            for n in 0..3 {
                let note = format!(
                    r#""date":"2015-0{}-02T10:00:00Z","type":{{"coding":[{{"code":"t{n}"}}]}},"content":[{{"attachment":{{"contentType":"text/plain","title":"Note","data":"Y2hlc3QgcGFpbg=="}}}}]"#,
                    n + 1
                );
                add(source, "DocumentReference", format!("d{s}{p}{n}"), Some(p), note);
            }
            add(source, "Condition", format!("c{s}{p}"), Some(p), r#""recordedDate":"2009-01-01""#.into());
        }
    }
    lines
}

/// An archive of these records, its questions, and a log for permits.
struct Desk {
    _home: tempfile::TempDir,
    archive: Archive,
    log: AuditLog,
}

impl Desk {
    fn of(lines: &[Line]) -> Desk {
        let home = tempfile::tempdir().unwrap();
        let small = SmallArchive::new(home.path());
        for source in SOURCES {
            let own: Vec<&str> = lines.iter().filter(|line| line.source == source).map(|line| line.json.as_str()).collect();
            if !own.is_empty() {
                small.take_lines(source, &(own.join("\n") + "\n"));
            }
        }
        // Declared, since what a source holds up to is told of all of it.
        let cutover: BTreeMap<String, When> =
            SOURCES.iter().map(|source| (source.to_string(), When::parse("2020-01-01").unwrap())).collect();
        let (archive, log) = (small.open_with(cutover), small.log());
        Desk { _home: home, archive, log }
    }

    fn permit(&self, scope: Scope, filter: &Filter) -> Permit {
        Permit::for_test(scope, filter.clone(), &self.log)
    }

    /// Everything that can be asked, as text; places are left out, since ordinals differ.
    fn everything(&self, filter: &Filter, story: &[Line]) -> Vec<(String, String)> {
        let archive = &self.archive;
        let mut told: Vec<(String, String)> = Vec::new();
        let mut tell = |what: String, said: String| told.push((what, said));
        for key in PEOPLE.map(|key| PatientKey::parse(key).unwrap()) {
            let permit = self.permit(Scope::Chart(key.clone()), filter);
            tell(format!("cover {}", key.as_str()), format!("{:?}", archive.chart_index(&permit, &key)));
            for newest in [None, Some(2)] {
                let chart = archive.chart(&permit, &key, &Selection { kinds: Vec::new(), newest });
                let records =
                    chart.map(|chart| chart.records.iter().map(|r| (r.version, r.label, r.json.clone())).collect::<Vec<_>>());
                tell(format!("chart {newest:?}"), format!("{records:?}"));
            }
            for kind in ["Observation", "DocumentReference"].into_iter().filter_map(Kind::from_name) {
                tell(format!("pages of {kind}"), pages_of(archive, &permit, &key, kind));
            }
            let bytes =
                archive.chart_bytes(&permit, &key, b"").map(|all| (String::from_utf8(all.json).unwrap(), all.kinds, all.label));
            tell("bytes".into(), format!("{bytes:?}"));
            let series = archive.series(&permit, &key, "718-7");
            tell(
                "series".into(),
                format!("{:?}", series.map(|s| s.into_iter().map(|p| (p.record, p.value)).collect::<Vec<_>>())),
            );
            tell("search in chart".into(), self.search(&permit, Some(key.clone())));
        }
        tell("search".into(), self.search(&self.permit(Scope::SearchAll, filter), None));
        for text in ["quill", "quill0", "qui", "1957-03-14", "ann"] {
            let found = archive.find_patients(&self.permit(Scope::FindPatients, filter), text, 0, 10).unwrap();
            let hits: Vec<_> = found
                .hits
                .iter()
                .map(|h| (h.patient.key.to_string(), h.patient.records, h.patient.last_seen.clone(), h.score))
                .collect();
            tell(format!("find {text}"), format!("{hits:?} {}", found.total));
        }
        for line in story {
            let id = archive_id(line.source, line.kind.name(), &line.id);
            tell(format!("read {}/{}", line.kind, line.id), self.read(filter, line.kind, &id));
        }
        let all = self.permit(Scope::Everything, filter);
        let mut patients = Vec::new();
        let parts = archive.parts(&all, None).unwrap();
        for part in &parts {
            let keys = archive.patients_of_part(&all, part, None).unwrap();
            patients.extend(keys.iter().map(ToString::to_string));
        }
        archive.each_patient(&all, &mut |key, record| patients.push(format!("{} {}", key.as_str(), record.json))).unwrap();
        patients.sort();
        tell("patients".into(), format!("{patients:?}"));
        let of_nobody = parts.iter().map(|part| archive.nobodys(&all, part, part.start(), &[]).unwrap());
        let others: usize = of_nobody.map(|found| found.map_or(0, |(records, _)| records.len())).sum();
        tell("without patient".into(), format!("{others:?}"));
        told
    }

    fn search(&self, permit: &Permit, patient: Option<PatientKey>) -> String {
        let question = TextQuestion { words: vec!["chest".into()], patient, limit: 50, ..TextQuestion::default() };
        let found = self.archive.search_text(permit, &question).unwrap();
        let mut hits: Vec<_> = found.hits.iter().map(|h| (h.id.as_str().to_string(), h.snippet.clone())).collect();
        hits.sort();
        let facets = [&found.kinds, &found.types, &found.sources, &found.years].map(|facet| facet.values.clone());
        format!("{hits:?} {} {facets:?} {}", found.total, found.not_searchable)
    }

    fn read(&self, filter: &Filter, kind: Kind, id: &ArchiveId) -> String {
        let permit = self.permit(Scope::Record(kind, id.clone()), filter);
        let versions =
            self.archive.versions(&permit, kind, id).map(|all| all.into_iter().map(|r| (r.version, r.json)).collect::<Vec<_>>());
        let origin = self.archive.origin(&permit, kind, id, None).map(|(_, origin)| format!("{:?}", origin.source));
        let document =
            document_id(kind, id.as_str(), 0).map(|document| self.archive.document(&permit, &document).map(|d| d.sha256));
        format!("{versions:?} {origin:?} {document:?} {:?}", self.archive.text_of(&permit, kind, id))
    }
}

/// The pages of a kind, which one after the other hold what the chart holds of it, the newest first.
fn pages_of(archive: &Archive, permit: &Permit, key: &PatientKey, kind: Kind) -> String {
    let whole = match archive.chart(permit, key, &Selection { kinds: vec![kind], newest: None }) {
        Err(error) => return format!("{error:?}"),
        Ok(chart) => chart.records,
    };
    let rows = 3;
    let page = |from: usize| {
        let chart = archive.chart_page(permit, key, PageOf { kind, from, rows }, Vec::new()).unwrap();
        chart.records.into_iter().rev().map(|r| (r.version, r.id, r.place, r.json)).collect::<Vec<_>>()
    };
    let paged: Vec<_> = (0..whole.len()).step_by(rows).flat_map(page).collect();
    let told: Vec<_> = whole.into_iter().rev().map(|r| (r.version, r.id, r.place, r.json)).collect();
    assert_eq!(paged, told, "pages of {kind}");
    assert_eq!(
        page(1_000).len(),
        (told.len().max(1) - 1) % rows + usize::from(!told.is_empty()),
        "beyond the end is the last page"
    );
    format!("{:?}", told.into_iter().map(|(version, id, _, json)| (version, id, json)).collect::<Vec<_>>())
}

fn filter() -> impl Strategy<Value = Filter> {
    let classes = prop::sample::subsequence(vec![Class::Hiv, Class::SubstanceUse, Class::Vip, Class::Unknown], 0..4);
    let hide = prop_oneof![3 => classes.prop_map(|all| all.into_iter().collect::<Label>()), 1 => Just(Label::EVERY)];
    let sources = prop_oneof![2 => Just(None), 1 => prop::sample::select(SOURCES.to_vec()).prop_map(Some)];
    let kinds = prop_oneof![2 => Just(None), 1 => prop::sample::select(vec!["Observation", "DocumentReference", "Patient"]).prop_map(Some)];
    (hide, sources, kinds).prop_map(|(hide, source, kind)| Filter {
        hide,
        hide_sources: source.into_iter().map(str::to_string).collect(),
        hide_kinds: kind.into_iter().filter_map(Kind::from_name).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hidden_records_leave_no_trace(codes in prop::collection::vec(prop_oneof![4 => Just(0usize), 2 => 1..CODES.len()], 50), filters in prop::collection::vec(filter(), 2)) {
        let story = story(&codes);
        let with = Desk::of(&story);
        for filter in filters {
            // A hidden Patient record hides the patient with all that is his, whatever source it is from.
            let is_gone = |person: usize| {
                filter.hide_kinds.contains(&Kind::PATIENT)
                    || story.iter().any(|line| line.kind == Kind::PATIENT && line.person == Some(person) && !filter.allows(line.label))
            };
            let is_left = |line: &&Line| {
                filter.allows(line.label) && filter.allows_of(line.source, line.kind) && !line.person.is_some_and(is_gone)
            };
            let left: Vec<Line> = story.iter().filter(is_left).cloned().collect();
            let without = Desk::of(&left);
            let (hidden, absent) = (with.everything(&filter, &story), without.everything(&filter, &story));
            for ((what, hidden), (_, absent)) in hidden.iter().zip(&absent) {
                prop_assert_eq!(hidden, absent, "{} under {:?}", what, filter);
            }
            for ((what, absent), (_, open)) in absent.iter().zip(&without.everything(&Filter::default(), &story)) {
                prop_assert_eq!(absent, open, "{} with nothing to hide, under {:?}", what, filter);
            }
        }
    }
}
