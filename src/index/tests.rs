//! Tests of the index as a whole: what is found and why, facets, the manifest, and that hidden records leave no trace.
//!
//! Not for: who may search; `query` asks the gate.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::access::Filter;
use crate::model::{
    AccessionId, ArchiveId, Class, IndexDoc, Kind, Label, PatientIdentity, PatientIndexDoc, PatientKey, Place, When, archive_id,
};

fn opened() -> Filter {
    Filter::default()
}
fn hiding() -> Filter {
    Filter::unlabelled_only()
}

fn place(ordinal: u64) -> Place {
    Place { accession: AccessionId::parse("acc-0123456789abcdef").unwrap(), generation: 1, ordinal }
}

fn patient(n: u64, family: &str, given: &[&str], born: &str) -> PatientIndexDoc {
    let identity = PatientIdentity {
        family: Some(family.into()),
        given: given.iter().map(|g| g.to_string()).collect(),
        birth_date: When::parse(born),
        identifiers: vec![("MRN".into(), format!("MER-{:06}", 100_000 + n))],
        phones: vec![format!("(555) 010-{:04}", 1000 + n)],
        ..Default::default()
    };
    PatientIndexDoc {
        key: PatientKey(archive_id("mer", "Patient", &n.to_string())),
        source_system: "mer".into(),
        place: place(n),
        label: Label::NORMAL,
        identity,
        chart_label: Label::NORMAL,
        records: 3,
        last_seen: When::parse("2014-05"),
    }
}

fn note(n: u64, title: &str, text: &str, date: &str) -> IndexDoc {
    IndexDoc {
        kind: Kind::from_name("DocumentReference").unwrap(),
        id: archive_id("mer", "DocumentReference", &n.to_string()),
        patient: PatientKey::parse(&format!("mer.{}", n % 2)),
        place: place(1000 + n),
        source_system: "mer".into(),
        label: Label::NORMAL,
        type_code: Some("11506-3".into()),
        title: title.into(),
        author: Some("A. Physician".into()),
        when: When::parse(date),
        text: text.into(),
    }
}

fn build(dir: &Path, patients: &[PatientIndexDoc], notes: &[IndexDoc], threads: usize) -> (Searcher, IndexReport) {
    let builder = IndexBuilder::create(dir, threads).unwrap();
    patients.iter().for_each(|p| builder.add_patient(p.clone()).unwrap());
    notes.iter().for_each(|n| builder.add_text(n.clone()).unwrap());
    let report = builder.finish().unwrap();
    (Searcher::open(dir).unwrap(), report)
}

fn question(text: &str) -> TextQuestion {
    let (words, phrases) = parse_question(text);
    TextQuestion { words, phrases, limit: 20, ..Default::default() }
}

fn ids(hits: &TextHits) -> Vec<&str> {
    hits.hits.iter().map(|h| h.id.as_str()).collect()
}

#[test]
fn each_way_of_matching_a_patient_is_found_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut maiden = patient(3, "Lund", &["Eva"], "1971");
    maiden.identity.other_names = vec!["Eva Brandt".into()];
    let people = [
        patient(1, "Quill", &["Marianne"], "1957-03-14"),
        patient(2, "O'Brien-Núñez", &["William", "J"], "1960-07-04"),
        maiden,
        patient(4, "Smyth", &["José"], "1962-02"),
    ];
    let (searcher, _) = build(dir.path(), &people, &[], 1);
    for (asked, key, why) in [
        ("quill", "mer.1", "family name"),
        ("MARIANNE quill", "mer.1", "given name; family name"),
        ("quill, marianne", "mer.1", "family name; given name"),
        ("mari", "mer.1", "start of given name"),
        ("q m", "mer.1", "start of family name; start of given name"),
        ("quil 1957", "mer.1", "start of family name; birth year"),
        ("qill", "mer.1", "family name with one letter missing"),
        ("quiill", "mer.1", "family name with one letter added"),
        ("quell", "mer.1", "family name with one letter changed"),
        ("qulil", "mer.1", "family name with two letters swapped"),
        ("bill", "mer.2", "nickname of given name"),
        ("nunez", "mer.2", "family name"),
        ("obrien", "mer.2", "family name"),
        ("brandt", "mer.3", "other name"),
        ("schmith", "", ""),
        ("smith", "mer.4", "family name with one letter changed"),
        ("smithe", "mer.4", "sounds like family name"),
        ("jose", "mer.4", "given name"),
        ("pepe", "mer.4", "nickname of given name"),
        ("3/14/1957", "mer.1", "birth date"),
        ("mar 1957", "mer.1", "birth month; birth year"),
        ("1957-03", "mer.1", "birth month and year"),
        ("2-28-1962", "mer.4", "birth month and year, all that is recorded"),
        ("lund 5 may 1971", "mer.3", "family name; birth year, all that is recorded"),
        ("quill 1975-03-14", "mer.1", "family name; birth year with two digits swapped"),
        ("4/7/1960", "mer.2", "birth date with day and month swapped"),
        ("mer100002", "mer.2", "record number"),
        ("MER-100002", "mer.2", "record number"),
        ("quill 0001", "mer.1", "family name; end of record number"),
        ("555-010-1003", "mer.3", "phone"),
        ("010-1003", "mer.3", "phone"),
        ("quill brien", "", ""),
        ("quill 1958", "", ""),
    ] {
        let found = searcher.find_patients(asked, &opened(), 0, 10).unwrap();
        let best = found.hits.first();
        assert_eq!(best.map_or("", |h| h.patient.key.as_str()), key, "{asked}");
        assert_eq!(best.map_or(String::new(), |h| h.why.join("; ")), why, "{asked}");
        assert_eq!(found.total as usize, found.hits.len());
    }
    let nothing = searcher.find_patients(" , ", &opened(), 0, 10).unwrap();
    assert!(nothing.hits.is_empty() && nothing.understood.is_empty());
    let hit = &searcher.find_patients("lund", &opened(), 0, 10).unwrap().hits[0];
    assert_eq!(hit.patient.identity.identifiers, people[2].identity.identifiers);
    assert_eq!(hit.patient.last_seen, When::parse("2014-05"));
}

#[test]
fn patients_are_ranked_sensibly_and_paged_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let people = [
        patient(1, "Adams", &["Martin"], "1950-01-01"),
        patient(2, "Martin", &["Zoe"], "1950-01-01"),
        patient(3, "Martinez", &["Ann"], "1950-01-01"),
        patient(4, "Marten", &["Bob"], "1950-01-01"),
        patient(5, "Martin", &["Ann"], "1950-01-01"),
    ];
    let (searcher, _) = build(dir.path(), &people, &[], 1);
    let keys = |offset, limit| -> Vec<String> {
        let found = searcher.find_patients("martin", &opened(), offset, limit).unwrap();
        assert_eq!((found.total, found.total_capped), (5, false));
        found.hits.iter().map(|h| h.patient.key.to_string()).collect()
    };
    // Exact family by name, exact given, start, slip.
    assert_eq!(keys(0, 10), ["mer.5", "mer.2", "mer.1", "mer.3", "mer.4"]);
    assert_eq!([keys(0, 2), keys(2, 2), keys(4, 2)].concat(), keys(0, 10));
}

#[test]
fn a_total_above_the_cap_is_told_as_capped() {
    let dir = tempfile::tempdir().unwrap();
    let people: Vec<_> = (0..1001).map(|n| patient(n, "Smith", &["Ann"], "1950")).collect();
    let (searcher, _) = build(dir.path(), &people, &[], 1);
    let found = searcher.find_patients("smith", &opened(), 990, 20).unwrap();
    assert_eq!((found.total, found.total_capped, found.hits.len()), (1000, true, 11));
    let found = searcher.find_patients("smith mer100500", &opened(), 0, 20).unwrap();
    assert_eq!((found.total, found.total_capped, found.hits.len()), (1, false, 1));
}

#[test]
fn text_is_found_by_stems_phrases_and_facets() {
    let dir = tempfile::tempdir().unwrap();
    let mut scan = note(5, "Scanned consent", "", "2012-01-05");
    scan.kind = Kind::from_name("DiagnosticReport").unwrap();
    scan.type_code = None;
    let mut uuid = note(6, "Letter", "Chest pain again, and pain.", "2013-08");
    uuid.id = ArchiveId::parse("7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11").unwrap();
    uuid.source_system = "pvs".into();
    let notes = [
        note(1, "Progress note", "Patient complained of chest pain.", "2011-06-02"),
        note(2, "Progress note", "No pain in the chest. Complains of fièvre.", "2014-02-11T08:00:00Z"),
        note(3, "Discharge summary", "Routine.", "2014-03-01"),
        scan,
        uuid,
    ];
    let (searcher, report) = build(dir.path(), &[], &notes, 2);
    assert_eq!((report.texts, report.not_searchable), (5, 1));
    let ask = |q: &TextQuestion| searcher.search(q, &opened()).unwrap();

    let mut sorted = ids(&ask(&question("complaining"))).iter().map(|s| s.to_string()).collect::<Vec<_>>();
    sorted.sort();
    assert_eq!(sorted, ["mer.1", "mer.2"]);
    assert_eq!(ids(&ask(&question("\"chest pain\" complained"))), ["mer.1"]);
    assert_eq!(ids(&ask(&question("FIEVRE"))), ["mer.2"]);
    assert_eq!(ids(&ask(&question("discharge"))), ["mer.3"]);
    assert_eq!(ids(&ask(&question("consent"))), ["mer.5"]);
    assert_eq!(ids(&ask(&question("absent"))), [""; 0]);

    let pain = ask(&TextQuestion { newest_first: true, ..question("pain") });
    assert_eq!(ids(&pain), ["mer.2", "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11", "mer.1"]);
    assert_eq!((pain.total, pain.not_searchable), (3, 1));
    assert_eq!(pain.sources.values, [("mer".to_string(), 2), ("pvs".to_string(), 1)]);
    assert_eq!(pain.kinds.values, [("DocumentReference".to_string(), 3)]);
    assert_eq!(pain.types.values, [("11506-3".to_string(), 3)]);
    let years: Vec<_> = pain.years.values.iter().map(|(y, n)| (y.as_str(), *n)).collect();
    assert_eq!(years, [("2014", 1), ("2013", 1), ("2011", 1)]);
    let letter = &pain.hits[1];
    assert_eq!((letter.title.as_str(), letter.date.as_deref(), letter.place.ordinal), ("Letter", Some("2013-08"), 1006));
    assert_eq!(letter.patient, PatientKey::parse("mer.0"));

    let days = |from: &str, to: &str| {
        let q = TextQuestion { from: Some(from.into()), to: Some(to.into()), ..question("pain") };
        ask(&q).total
    };
    assert_eq!((days("2013-08-15", "2013-08-15"), days("2011-06-02", "2011-06-02"), days("2012-01-01", "2013-07-31")), (1, 1, 0));
    let within = TextQuestion { patient: PatientKey::parse("mer.1"), ..question("pain") };
    assert_eq!((ids(&ask(&within)), ask(&within).not_searchable), (vec!["mer.1"], 1));
    let by_source = TextQuestion { sources: vec!["pvs".into()], ..question("pain") };
    assert_eq!((ask(&by_source).total, ask(&by_source).not_searchable), (1, 0));
    let paged = TextQuestion { offset: 1, limit: 1, newest_first: true, ..question("pain") };
    assert_eq!(ids(&ask(&paged)), ["7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11"]);
    let everything = TextQuestion { limit: 20, ..Default::default() };
    assert_eq!(ask(&everything).total, 5);
    assert!(matches!(
        searcher.search(&TextQuestion { from: Some("soon".into()), ..question("pain") }, &opened()),
        Err(IndexError::BadQuestion(_))
    ));
}

#[test]
fn an_empty_index_answers_and_a_second_build_into_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (searcher, report) = build(dir.path(), &[], &[], 1);
    assert_eq!((report.patients, report.texts), (0, 0));
    assert_eq!(searcher.search(&question("pain"), &opened()).unwrap().total, 0);
    assert_eq!(searcher.find_patients("quill", &opened(), 0, 10).unwrap().total, 0);
    assert!(IndexBuilder::create(dir.path(), 1).is_err());
    assert!(verify(dir.path(), Some(&report.manifest_sha256)).unwrap().is_empty());
}

#[test]
fn any_changed_byte_and_any_strange_or_missing_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (_, report) = build(dir.path(), &[patient(1, "Quill", &["Ann"], "1957")], &[note(1, "Note", "Text.", "2011")], 1);
    let digest = Some(report.manifest_sha256.as_str());
    assert!(verify(dir.path(), digest).unwrap().is_empty());
    let mut total = 0;
    for folder in ["", "patients", "text"] {
        for entry in std::fs::read_dir(dir.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            total += bytes.len() as u64;
            for at in [0, bytes.len() / 2, bytes.len() - 1] {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                std::fs::write(&path, flipped).unwrap();
                assert!(!verify(dir.path(), digest).unwrap().is_empty(), "{}", path.display());
            }
            std::fs::remove_file(&path).unwrap();
            assert!(!verify(dir.path(), digest).unwrap().is_empty());
            std::fs::write(&path, bytes).unwrap();
        }
    }
    assert_eq!(total, report.bytes);
    std::fs::write(dir.path().join("text/strange"), b"x").unwrap();
    let expected = IndexFinding { file: "text/strange".into(), what: "is not in the manifest" };
    assert_eq!(verify(dir.path(), digest).unwrap(), [expected]);
}

#[cfg(unix)]
#[test]
fn an_index_is_opened_without_writing_to_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    build(dir.path(), &[patient(1, "Quill", &["Ann"], "1957")], &[], 1);
    let files = || -> usize { std::fs::read_dir(dir.path().join("patients")).unwrap().count() };
    let before = files();
    let searcher = Searcher::open(dir.path()).unwrap();
    assert_eq!(searcher.find_patients("quill", &hiding(), 0, 10).unwrap().total, 1);
    assert_eq!(files(), before);
}

/// Everything that an answer tells, as text.
fn told(searcher: &Searcher, filter: &Filter, texts: &[TextQuestion], people: &[&str]) -> Vec<String> {
    let text = texts.iter().map(|q| format!("{:?}", searcher.search(q, filter).unwrap()));
    let found = people.iter().map(|asked| {
        let found = searcher.find_patients(asked, filter, 0, 5).unwrap();
        let hits: Vec<_> = found.hits.iter().map(|h| (h.patient.key.to_string(), h.score, h.why.clone())).collect();
        format!("{asked}: {hits:?} {} {} {:?}", found.total, found.total_capped, found.understood)
    });
    // The Debug form of an id hides it, so ids are told apart.
    let ids = texts.iter().map(|q| ids(&searcher.search(q, filter).unwrap()).join(","));
    text.chain(ids.collect::<Vec<_>>()).chain(found).collect()
}

type Corpus = (Vec<PatientIndexDoc>, Vec<IndexDoc>);

/// Labels of one class, of two, and of one that this version does not know; most records have none.
fn label() -> impl Strategy<Value = Label> {
    let classes = [Class::Restricted, Class::SubstanceUse, Class::Hiv, Class::Vip];
    let some = prop::sample::subsequence(classes.to_vec(), 1..3).prop_map(|classes| classes.into_iter().collect::<Label>());
    prop_oneof![4 => Just(Label::NORMAL), 3 => some, 1 => Just(Label::from_bits(1 << 30))]
}

/// What a policy may hide, all of it or any part.
fn filter() -> impl Strategy<Value = Filter> {
    let hide = prop_oneof![2 => label(), 1 => Just(Label::EVERY)];
    let sources = prop::sample::subsequence(SOURCES.to_vec(), 0..2);
    let kinds = prop::sample::subsequence(vec![10u16, 11, Kind::PATIENT.number()], 0..2);
    (hide, sources, kinds).prop_map(|(hide, sources, kinds)| Filter {
        hide,
        hide_sources: sources.into_iter().map(str::to_string).collect(),
        hide_kinds: kinds.into_iter().filter_map(Kind::from_number).collect(),
    })
}

const SOURCES: [&str; 3] = ["mer", "pvs", "lab"];

fn corpus() -> impl Strategy<Value = Corpus> {
    let words = prop::collection::vec(prop::sample::select(vec!["pain", "chest", "fever", "left", "no", "cough"]), 0..12);
    let text = (words, 0..4u8, label(), 0..3usize, prop::sample::select(SOURCES.to_vec()));
    let names = vec!["Smith", "Smyth", "Smit", "Smithers", "Jones"];
    let person = (prop::sample::select(names), 0..3usize, label(), prop::sample::select(SOURCES.to_vec()));
    (prop::collection::vec(person, 0..10), prop::collection::vec(text, 0..25)).prop_map(|(people, texts)| {
        let people = people.into_iter().enumerate().map(|(n, (family, given, label, source))| {
            let mut doc = patient(n as u64, family, &[["William", "Bill", "Ann"][given]], "1957-03-14");
            (doc.label, doc.source_system) = (label, source.into());
            doc
        });
        let texts = texts.into_iter().enumerate().map(|(n, (words, kind, label, year, source))| {
            let mut doc = note(n as u64, "Note", &words.join(" "), ["2011-06-02", "2014", "2015-01-01"][year]);
            doc.kind = Kind::from_number(10 + u16::from(kind)).unwrap();
            doc.type_code = (kind > 0).then(|| format!("t{kind}"));
            (doc.label, doc.source_system) = (label, source.into());
            doc
        });
        (people.collect(), texts.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Under any filter an index answers as one that never held what the filter hides.
    #[test]
    fn hidden_records_leave_no_trace((people, texts) in corpus(), filter in filter()) {
        let (all, open) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (with, _) = build(all.path(), &people, &texts, 2);
        let leaves = |label, source: &str, kind| filter.allows(label) && filter.allows_of(source, kind);
        let people: Vec<_> = people.into_iter().filter(|p| leaves(p.label, &p.source_system, Kind::PATIENT)).collect();
        // Where no patient is there, nothing of theirs is.
        let is_open = |t: &IndexDoc| t.patient.is_none() || !filter.hide_kinds.contains(&Kind::PATIENT);
        let texts: Vec<_> = texts.into_iter().filter(|t| is_open(t) && leaves(t.label, &t.source_system, t.kind)).collect();
        let (without, _) = build(open.path(), &people, &texts, 1);
        let questions = [
            question("pain"),
            question("chest pain fever"),
            question("\"chest pain\""),
            question("note"),
            TextQuestion { limit: 5, ..Default::default() },
            TextQuestion { newest_first: true, offset: 2, limit: 3, ..question("pain") },
            TextQuestion { patient: PatientKey::parse("mer.1"), ..question("no") },
            TextQuestion { type_codes: vec!["t1".into()], to: Some("2014-12-31".into()), ..question("left") },
        ];
        let asked = ["smith", "smi", "s", "smiht", "bill", "jones 1957", "mer100001", "0001", "william smith"];
        prop_assert_eq!(told(&with, &filter, &questions, &asked), told(&without, &filter, &questions, &asked));
        prop_assert_eq!(told(&without, &filter, &questions, &asked), told(&without, &opened(), &questions, &asked));
    }
}
