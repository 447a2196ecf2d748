//! The pages around the records, printed and read back; the texts; the recipe of VERIFY.txt, run as it stands.
//!
//! Not for: the typesetter (`render::pdf`), the records' own pages (`items`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::*;
use crate::release::basis::Rules;
use crate::release::build::Text;
use crate::release::package::manifest::{Approval, Coded, File, Generator, Manifest, VERSION};
use crate::release::package::{seal, sha256_hex};
use crate::release::redaction::{Reason, Term};
use crate::release::request::{Party, Scope};
use crate::release::selection::{Attachment, Count, Coverage, Exclusion, Origin, Person, Searched};
use crate::render::pdf::content::{Bates, Content, Look};
use crate::render::pdf::{Pdf, typeset};
use crate::signing::{Signer, SigningKey};

/// Everything that a front speaks of.
struct Case {
    plan: Plan,
    selection: Selection,
    setting: Setting,
    texts: Chosen,
    build: BuildRecord,
    redactions: Redactions,
    native: Vec<String>,
}

fn party(name: &str, organisation: &str, relation: &str) -> Party {
    Party {
        name: name.into(),
        organisation: organisation.into(),
        address: vec!["12 Court Street, Suite 400".into(), "Albany, NY 12207".into()],
        relation: relation.into(),
        ..Party::default()
    }
}

fn items(count: usize) -> Vec<Item> {
    let sections = ["demographics", "encounters", "results", "imaging", "clinical-notes", "scanned-documents"];
    let titles = [
        ("Patient", "Demographics", None),
        ("Encounter", "Emergency department visit", Some("Okafor, Chidi MD")),
        ("Observation", "Basic metabolic panel", Some("Riverside Laboratory")),
        ("DiagnosticReport", "CT abdomen and pelvis with contrast", Some("Łukasz Wiśniewski, MD")),
        ("DocumentReference", "Discharge summary", Some("Αλεξάνδρα Παπαδοπούλου, MD")),
        ("DocumentReference", "Scanned consent for operation", None),
    ];
    let item = |n: usize| {
        let at = n * sections.len() / count.max(1);
        let (kind, title, author) = titles[at];
        Item {
            n,
            section: sections[at].into(),
            kind: kind.into(),
            id: format!("5f2c{n:08}-7b1e-4c7a-9d53-1c0a5a3e77d2"),
            accession: "20190701-mer-3f2a".into(),
            title: title.into(),
            date: Some(format!("20{:02}-{:02}-{:02}", 10 + n % 9, 1 + n % 12, 1 + n % 28)),
            author: author.map(Into::into),
            status: Some(if n % 7 == 3 { "amended" } else { "final" }.into()),
            source: Origin { system: "Meridian EHR".into(), file: "extract/results.ndjson".into(), number: n as u64 + 1 },
            sha256: sha256_hex(&n.to_le_bytes()),
            attachments: vec![Attachment {
                id: format!("file-{n}"),
                media_type: "application/dicom".into(),
                title: Some("Series 1".into()),
                pages: Some(3),
                ..Attachment::default()
            }],
            ..Item::default()
        }
    };
    (0..count).map(item).collect()
}

fn selection(count: usize) -> Selection {
    Selection {
        v: 1,
        request: "ROI-2026-000123".into(),
        patient: Person {
            name: "NGUYỄN, Thị Hương".into(),
            other_names: vec!["Нгуен, Хыонг".into(), "NGUYEN, Huong T.".into()],
            birth_date: "1960-02-03".into(),
            sex: "female".into(),
            deceased: None,
            numbers: vec!["MRN 471100 (Meridian EHR)".into(), "MRN 88-1203 (Old Lakeside, merged 2014)".into()],
        },
        catalog: "catalog 7, SHA-256 9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab".into(),
        basis: "authorization".into(),
        record_set: "legal-health-record 1".into(),
        scope: Scope {
            from: Some(jiff::civil::date(2010, 1, 1)),
            to: Some(jiff::civil::date(2019, 6, 30)),
            types: vec!["results".into(), "imaging".into(), "clinical-notes".into()],
            ..Scope::default()
        },
        items: items(count),
        excluded: vec![
            Exclusion { why: "class".into(), detail: "substance-use".into(), count: 4, ..Exclusion::default() },
            Exclusion { why: "record-set".into(), detail: "drafts".into(), count: 3, ..Exclusion::default() },
        ],
        beyond: vec![Count { section: "billing".into(), count: 41 }, Count { section: "medications".into(), count: 12 }],
        coverage: Coverage {
            searched: vec![
                Searched {
                    accession: "20190701-mer-3f2a".into(),
                    system: "Meridian EHR".into(),
                    first: Some("2004-03-19".into()),
                    last: Some("2019-06-28".into()),
                    records: 1312,
                    quarantined: 17,
                },
                Searched { accession: "20200103-lak-91bc".into(), system: "Old Lakeside".into(), ..Searched::default() },
            ],
            not_loaded: vec!["The paging system of Old Lakeside was never delivered to the archive.".into()],
        },
        ..Selection::default()
    }
}

fn plan(selection: &Selection) -> Plan {
    Plan {
        v: 1,
        request: "ROI-2026-000123".into(),
        selection_sha256: selection.digest(),
        received: "2026-11-02T09:00:00Z".into(),
        made: "2026-11-20T15:30:00Z".into(),
        requester: party("Maria Esposito", "Esposito & Lang LLP", "attorney for the patient"),
        recipient: party("Maria Esposito", "Esposito & Lang LLP", ""),
        authority: Coded { code: "authorization".into(), words: "The patient's authorization".into() },
        citation: "45 CFR 164.508".into(),
        purpose: "Claim arising from the operation of May 2017".into(),
        bates: Some(("RIV26-".into(), 8)),
        generator: Generator { name: "Chartkeep".into(), version: "0.1.0".into(), ..Generator::default() },
        custodian: Custodian {
            name: "Riverside General Hospital".into(),
            department: "Health Information Management".into(),
            address: vec!["400 River Road".into(), "Troy, NY 12180".into()],
            phone: "+1-518-555-0142".into(),
            email: "him@riverside.example".into(),
            hours: "Monday to Friday, 8:00 to 16:30".into(),
        },
        provenance: vec![Provenance {
            accession: "20190701-mer-3f2a".into(),
            system: "Meridian EHR".into(),
            data_to: Some("2019-06-30".into()),
            sealed: "2019-07-01T22:14:03Z".into(),
            made_by: "Chartkeep 0.1.0".into(),
            mapping: "meridian-hl7v2 3".into(),
            mapping_sha256: sha256_hex(b"mapping"),
            time_zone: "America/New_York".into(),
            delivery_sha256: sha256_hex(b"delivery"),
            records: 9_812_004,
            merkle_root: sha256_hex(b"root"),
            input: 9_900_000,
            archived: 9_812_004,
            duplicate: 87_979,
            quarantined: 17,
            derived: 14_233_871,
            ..Provenance::default()
        }],
        tells_withheld: true,
        ..Plan::default()
    }
}

impl Case {
    fn new(count: usize, certificate: Option<&str>) -> Case {
        let selection = selection(count);
        let mut plan = plan(&selection);
        let texts = Texts::shipped().unwrap();
        let rules = Rules::shipped().unwrap();
        let classes = BTreeSet::from(["hiv", "mental-health"]);
        plan.notices = texts.notices_for(rules.basis("authorization").unwrap(), &classes).unwrap();
        plan.certificate = certificate.map(|name| texts.certificate(name).unwrap());
        let texts = chosen(&texts, &plan);
        let setting = Setting {
            request: plan.request.clone(),
            patient: selection.patient.clone(),
            custodian: plan.custodian.name.clone(),
            as_of: "2026-11-23T10:04:00Z".into(),
            standing: "Copy, not certified".into(),
            notices: texts.short_lines(),
            bates: Some(Bates { prefix: "RIV26-".into(), first: 17, digits: 8, is_of_file: true }),
            ..Setting::default()
        };
        let approval =
            |role: &str, name: &str| Approval { role: role.into(), name: name.into(), at: "2026-11-23T10:04:00Z".into() };
        let build = BuildRecord {
            package_id: "0b9e5f0a-54f1-4c44-9a55-8a6f60b0c4de".into(),
            approved: "2026-11-23T10:04:00Z".into(),
            bates_first: Some(17),
            approvals: vec![approval("prepared", "Dana Whitfield"), approval("approved", "José Ibáñez")],
            key: "riverside-release-2026".into(),
            key_public: crate::release::package::hex(&[7; 32]),
            ..BuildRecord::default()
        };
        let reason = |code: &str, words: &str| Reason { code: code.into(), words: words.into() };
        let redactions = Redactions {
            reasons: vec![reason("R-1", "Another person is named"), reason("R-3", "42 CFR Part 2")],
            terms: vec![Term { text: "Jane Roe".into(), reason: "R-1".into(), ..Term::default() }],
            ..Redactions::default()
        };
        let native = vec!["native/000012-ct.dcm".into(), "native/000014-summary.xml".into()];
        Case { plan, selection, setting, texts, build, redactions, native }
    }

    /// Prints the pages with a stand-in for each record, of which those of `volume` (numbers, volume of each) are here.
    fn print(&self, name: &str, volumes: &[u32], is_preview: bool, exceptions: &[Exception]) -> Pdf {
        let items: Vec<&Item> = self.selection.items.iter().collect();
        let at = self.setting.volume.map_or(1, |(at, _)| at);
        let of_volume: Vec<&Item> =
            items.iter().enumerate().filter(|(n, _)| volumes.get(*n).is_none_or(|it| *it == at)).map(|(_, it)| *it).collect();
        let front = Front {
            plan: &self.plan,
            selection: &self.selection,
            setting: &self.setting,
            texts: &self.texts,
            redactions: Some(&self.redactions),
            items: &items,
            of_volume: &of_volume,
            volumes,
            pages: None,
            build: (!is_preview).then_some(&self.build),
            native: &self.native,
        };
        let mut parts = opening(&front);
        parts.extend(of_volume.iter().map(|item| {
            let words = vec![words::plain(&item.title)];
            let block = Block::Paragraph { words, look: Look::Body, anchor: Some(crate::release::paper::item_anchor(item.n)) };
            front.page(&item.title, vec![block])
        }));
        parts.extend(closing(&front, exceptions));
        let content = Content { title: "Release".into(), language: Some("en".into()), created: 0, seed: [1; 32], parts };
        let pdf = typeset(&content).unwrap();
        if let Ok(folder) = std::env::var("FRONT_OUT") {
            std::fs::write(format!("{folder}/{name}.pdf"), &pdf.bytes).unwrap();
        }
        pdf
    }
}

/// The texts of a plan as they come back from where they were kept.
fn chosen(texts: &Texts, plan: &Plan) -> Chosen {
    let kept: BTreeMap<String, Vec<u8>> =
        texts.files(plan).unwrap().into_iter().map(|bytes| (sha256_hex(&bytes), bytes)).collect();
    Chosen::of::<TextFault>(plan, |digest| Ok(kept[digest].clone())).unwrap()
}

/// The words of a file, with every run of blanks as one space.
fn text(pdf: &Pdf) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.pdf");
    std::fs::write(&file, &pdf.bytes).unwrap();
    let output = Command::new("pdftotext").arg("-raw").arg(&file).arg("-").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn exceptions() -> Vec<Exception> {
    let exception = |item, attachment: Option<&str>, why: &str, is_native| Exception {
        item,
        attachment: attachment.map(Into::into),
        why: why.into(),
        is_native,
    };
    vec![
        exception(11, Some("file-11"), "pictures of this kind cannot be printed; the file is given as it is", true),
        exception(20, None, "the file is damaged and cannot be opened", false),
    ]
}

#[test]
fn the_pages_say_what_a_stranger_needs() {
    let case = Case::new(24, Some("fre-902-11"));
    let pdf = case.print("certified", &[], false, &exceptions());
    assert!(pdf.printed.lost.is_empty() && pdf.printed.missing.is_empty(), "{:?} {:?}", pdf.printed.lost, pdf.printed.missing);
    let text = text(&pdf);
    let last = format!("RIV26-{:08}", 16 + pdf.printed.pages);
    for words in [
        "November 23, 2026",
        "Esposito & Lang LLP",
        "24 records",
        &format!("RIV26-00000017 to {last}. Number of pages: {}", pdf.printed.pages),
        "Нгуен, Хыонг",
        "Old Lakeside, merged 2014",
        "Αλεξάνδρα Παπαδοπούλου",
        "Dates of service 2010-01-01 to 2019-06-30",
        "The paging system of Old Lakeside was never delivered",
        "Billing 41",
        "Outside the definition of records",
        "native/000012-ct.dcm",
        "pictures of this kind cannot be printed",
        "R-3 42 CFR Part 2",
        "9,812,004 archived",
        &case.selection.items[23].sha256,
        &key_fingerprint(&case.build.key_public).unwrap(),
        &case.build.package_id,
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert!(!text.contains("substance"), "a class that was withheld is not told");
    assert!(!text.contains('{') && !text.contains('}'), "a fact was not filled in");
}

#[test]
fn a_preview_names_no_number_and_says_what_it_is() {
    let mut case = Case::new(12, None);
    case.setting.bates = None;
    case.setting.standing = "Preview, not released".into();
    let text = text(&case.print("preview", &[], true, &[]));
    for words in ["Preview for review", "This copy is not certified", "numbered when the release is approved"] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert!(!text.contains(&case.build.package_id) && !text.contains("RIV26-0"));
}

#[test]
fn every_certificate_is_printed_with_all_facts_and_no_ticked_box() {
    for certificate in Texts::shipped().unwrap().certificates() {
        let case = Case::new(6, Some(&certificate.name));
        let pdf = case.print(&certificate.name, &[], false, &[]);
        assert!(pdf.printed.lost.is_empty() && pdf.printed.missing.is_empty(), "{}", certificate.name);
        let text = text(&pdf);
        assert!(text.matches('☐').count() == certificate.statements.len(), "{}", certificate.name);
        for words in [&certificate.title, "has not been approved", "Signature", "SHA-256 (FIPS 180-4)", "Chartkeep 0.1.0"] {
            assert!(text.contains(words), "{words:?} is not in {}", certificate.name);
        }
        assert!(!text.contains(['{', '}', '☑', '☒']), "{}", certificate.name);
        assert!(!certificate.is_approved() && certificate.citation.len() > 5, "{}", certificate.name);
        let is_federal = certificate.name.starts_with("fre-");
        assert_eq!(is_federal, text.contains("under penalty of perjury that the foregoing is true"), "{}", certificate.name);
    }
}

#[test]
fn volumes_know_of_each_other() {
    let mut case = Case::new(40, None);
    let volumes: Vec<u32> = (0..40).map(|n| if n < 25 { 1 } else { 2 }).collect();
    case.setting.volume = Some((1, 2));
    let first = case.print("volume-1", &volumes, false, &[]);
    assert!(first.printed.lost.is_empty(), "{:?}", first.printed.lost);
    let words = text(&first);
    assert!(words.contains("vol. 2") && words.contains("End of volume 1") && words.contains("There are 2 volumes"), "{words}");
    case.setting.volume = Some((2, 2));
    let second = case.print("volume-2", &volumes, false, &[]);
    assert!(second.printed.lost.is_empty(), "{:?}", second.printed.lost);
    let words = text(&second);
    assert!(
        words.contains("volume 2 of 2") && words.contains("goes on where volume 1 ends") && !words.contains("vol. 1"),
        "{words}"
    );
    assert!(words.contains(&case.selection.items[0].sha256), "the last volume holds the digests of all");
}

/// `FRONT_ITEMS` sets another count: 100,000 shows what time and memory the largest chart takes.
#[test]
fn contents_of_many_records_number_and_link_each() {
    let count = std::env::var("FRONT_ITEMS").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000);
    let case = Case::new(count, None);
    let items: Vec<&Item> = case.selection.items.iter().collect();
    let front = Front {
        plan: &case.plan,
        selection: &case.selection,
        setting: &case.setting,
        texts: &case.texts,
        redactions: None,
        items: &items,
        of_volume: &items,
        volumes: &[],
        pages: None,
        build: Some(&case.build),
        native: &[],
    };
    let mut parts = opening(&front);
    let stand_in =
        |item: &&Item| Block::Place { anchor: Some(crate::release::paper::item_anchor(item.n)), level: 2, outline: None };
    let blocks = items.iter().map(stand_in).chain([words::says("The records.")]).collect();
    parts.push(front.page("Records", blocks));
    parts.extend(closing(&front, &[]));
    let began = std::time::Instant::now();
    let pdf = typeset(&Content { parts, ..Content::default() }).unwrap();
    println!("{count} items: {} pages in {:?}", pdf.printed.pages, began.elapsed());
    assert!(pdf.printed.lost.is_empty());
    if count <= 2_000 {
        let text = text(&pdf);
        assert!(text.contains(&format!("{count}. DocumentReference/")), "the last record has its number");
        assert!(items.iter().all(|item| text.contains(&item.sha256)), "each record has its digest");
    }
}

#[test]
fn notices_go_with_basis_and_class() {
    let (texts, rules) = (Texts::shipped().unwrap(), Rules::shipped().unwrap());
    let names = |basis: &str, classes: &[&str]| {
        let chosen = texts.notices_for(rules.basis(basis).unwrap(), &classes.iter().copied().collect()).unwrap();
        chosen.into_iter().map(|text| text.name).collect::<Vec<_>>()
    };
    for (basis, classes, expected) in [
        ("patient-access", &["hiv", "substance-use"][..], &["archived-copy"][..]),
        ("patient-directed", &[], &["archived-copy", "redisclosure"]),
        ("authorization", &["hiv"], &["archived-copy", "hiv", "redisclosure"]),
        ("authorization", &["substance-use"], &["archived-copy", "part2-statement-1", "redisclosure"]),
        ("part2-consent", &[], &["archived-copy", "part2-statement-1", "redisclosure"]),
        ("treatment", &["substance-use"], &["archived-copy", "part2-statement-1", "part2-tpo"]),
        ("court-order", &["genetic", "mental-health"], &["archived-copy", "mental-health", "genetic", "legal-process"]),
        ("part2-order", &["substance-use"], &["archived-copy", "part2-statement-1", "legal-process"]),
        ("research", &[], &["archived-copy"]),
        ("psychotherapy-authorization", &["psychotherapy-notes"], &["archived-copy", "psychotherapy-notes", "redisclosure"]),
    ] {
        assert_eq!(names(basis, classes), expected, "{basis} {classes:?}");
    }
}

/// A site's folder with notices.
fn site(notices: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let head = "version = \"1\"\nowner = \"Privacy\"\ndate = \"2026-11-23\"\n";
    std::fs::write(folder.path().join("notices.toml"), format!("{head}{notices}")).unwrap();
    folder
}

const STATEMENT: &str = "[[notice]]\nname = \"part2-statement-1\"\nserves = \"part2\"\nversion = \"2\"\ntitle = \"Part 2\"\n\
     citation = \"42 CFR 2.32\"\ndate = \"2026-11-23\"\nclasses = [\"substance-use\"]\nneeds_approval = true\n";

#[test]
fn part_2_records_wait_for_a_text_that_the_site_approved() {
    let rules = Rules::shipped().unwrap();
    let chosen =
        |texts: &Texts| texts.notices_for(rules.basis("part2-consent").unwrap(), &BTreeSet::from(["substance-use"])).unwrap();
    let refused = |texts: &Texts| texts.check(&chosen(texts)).unwrap_err().to_string();
    let shipped = Texts::shipped().unwrap();
    assert!(refused(&shipped).contains("part2-statement-1 is not approved"), "{}", refused(&shipped));

    // Approving the placeholder helps nobody.
    let digest = chosen(&shipped).into_iter().find(|text| text.name == "part2-statement-1").unwrap().sha256;
    let placeholder = shipped.notices().iter().find(|it| it.name == "part2-statement-1").unwrap();
    let approved = super::texts::Approved { by: "A. Counsel".into(), on: "2026-11-23".into(), sha256: digest };
    let notice = super::texts::Notice { approved: Some(approved), ..placeholder.clone() };
    assert!(!notice.is_approved());

    // The site's own text, not approved, then approved, then changed.
    let text = "text = \"The rules forbid it, and here are all the conditions.\"\n";
    let folder = site(&format!("{STATEMENT}{text}"));
    let texts = Texts::load(Some(folder.path())).unwrap();
    let error = texts.check(&chosen(&texts)).unwrap_err();
    let TextFault::Unapproved { name, sha256 } = &error else { panic!("{error}") };
    assert_eq!(name, "part2-statement-1");
    let approval = format!("[notice.approved]\nby = \"A. Counsel\"\non = \"2026-11-23\"\nsha256 = \"{sha256}\"\n");
    let folder = site(&format!("{STATEMENT}{text}{approval}"));
    let texts = Texts::load(Some(folder.path())).unwrap();
    texts.check(&chosen(&texts)).unwrap();
    assert!(chosen(&texts).iter().any(|text| text.name == "part2-statement-1" && text.approved));
    let folder = site(&format!("{STATEMENT}{}{approval}", text.replace("forbid", "may forbid")));
    let texts = Texts::load(Some(folder.path())).unwrap();
    assert!(refused(&texts).contains("part2-statement-1"));
    assert!(texts.warnings().iter().any(|it| it.contains("changed since it was approved")), "{:?}", texts.warnings());

    // A text chosen before, another by now.
    assert!(matches!(texts.check(&chosen(&shipped)), Err(TextFault::Changed(_))));
    // A site that prefers the short statement approves that.
    let short = STATEMENT.replace("statement-1", "statement-2");
    let text = "text = \"42 CFR part 2 prohibits unauthorized use or disclosure of these records.\"\n";
    let read = |approval: &str| Texts::load(Some(site(&format!("{short}{text}{approval}")).path())).unwrap();
    let digest = read("").notices().iter().find(|it| it.name == "part2-statement-2").unwrap().digest();
    let texts = read(&format!("[notice.approved]\nby = \"A. Counsel\"\non = \"2026-11-23\"\nsha256 = \"{digest}\"\n"));
    assert!(chosen(&texts).iter().any(|text| text.name == "part2-statement-2"));
    texts.check(&chosen(&texts)).unwrap();
}

#[test]
fn faulty_texts_are_refused_or_warned_of() {
    for (notice, what) in [
        ("[[notice]]\nname = \"Upper\"\nversion = \"1\"\ndate = \"2026-11-23\"\ntext = \"x\"", "small letters"),
        ("[[notice]]\nname = \"a\"\nversion = \"1\"\ndate = \"soon\"\ntext = \"x\"", "YYYY-MM-DD"),
        ("[[notice]]\nname = \"a\"\nversion = \"1\"\ndate = \"2026-11-23\"\ntext = \"\"", "has no text"),
        (
            "[[notice]]\nname = \"a\"\nversion = \"1\"\ndate = \"2026-11-23\"\ntext = \"for {someone}\"",
            "no fact is called someone",
        ),
        ("[[notice]]\nname = \"a\"\nversion = \"1\"\ncolour = \"red\"", "colour"),
    ] {
        let error = Texts::load(Some(site(notice).path())).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    assert!(matches!(Texts::load(Some(std::path::Path::new("/nowhere/at/all"))), Err(TextFault::Unreadable { .. })));
    let old =
        "text = \"\"\"The federal rules (42 CFR part 2) prohibit you from making any\nfurther disclosure of information.\"\"\"\n";
    let texts = Texts::load(Some(site(&format!("{STATEMENT}{old}")).path())).unwrap();
    assert!(texts.warnings().iter().any(|it| it.contains("before 2024")), "{:?}", texts.warnings());
    assert!(Texts::shipped().unwrap().warnings().is_empty());
}

#[test]
fn texts_come_back_under_their_digests_and_no_others() {
    let texts = Texts::shipped().unwrap();
    let certificate = Some(texts.certificate("fre-902-13").unwrap());
    let plan = Plan { certificate, ..Plan::default() };
    assert_eq!(chosen(&texts, &plan).certificate.unwrap().name, "fre-902-13");
    let other = texts.files(&plan).unwrap().remove(0);
    let named = Text { sha256: sha256_hex(b"another"), ..plan.certificate.clone().unwrap() };
    let plan = Plan { certificate: Some(named), ..Plan::default() };
    assert!(Chosen::of::<TextFault>(&plan, |_| Ok(other.clone())).is_err());
}

/// Runs a command of VERIFY.txt in a folder, as whoever reads it would.
fn shell(folder: &std::path::Path, command: &str) -> (bool, String) {
    let output = Command::new("bash").arg("-c").arg(command).current_dir(folder).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn the_commands_of_verify_txt_find_what_is_true_and_what_is_not() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("ROI-2026-000123");
    std::fs::create_dir_all(folder.join("native")).unwrap();
    let signer = SigningKey::random("release").unwrap();
    let mut case = Case::new(6, None);
    case.build.key_public = crate::release::package::hex(&signer.public_key());
    let recipe = verify_text(&case.plan, &case.build);
    assert!(recipe.lines().count() < 66 && recipe.lines().all(|line| line.chars().count() < 160), "it is one page");
    let contents = [("VERIFY.txt", recipe.as_bytes()), ("release.pdf", b"%PDF"), ("native/000001 scan.tif", b"II*")];
    let file = |path: &str, bytes: &[u8]| File {
        path: path.into(),
        bytes: bytes.len() as u64,
        sha256: sha256_hex(bytes),
        media_type: "application/octet-stream".into(),
        pages: path.ends_with("pdf").then_some(1),
    };
    let files = contents.iter().map(|(path, bytes)| file(path, bytes)).collect();
    // A name that looks like what the recipe looks for does no harm.
    let requester = r#"A "path":"VERIFY.txt","sha256":"00" B"#.to_owned();
    let manifest = Manifest { v: VERSION, files, requester, ..Manifest::default() }.to_bytes();
    contents.iter().for_each(|(path, bytes)| std::fs::write(folder.join(path), bytes).unwrap());
    let (jws, signature) = seal::sign(&manifest, &signer);
    std::fs::write(folder.join("manifest.json"), &manifest).unwrap();
    std::fs::write(folder.join("manifest.jws"), jws).unwrap();
    std::fs::write(folder.join("manifest.sig"), signature).unwrap();

    let pem: Vec<&str> =
        recipe.lines().filter(|line| line.starts_with("-----") || line.starts_with("MCowBQYDK2VwAyEA")).collect();
    assert_eq!(pem.len(), 3);
    std::fs::write(above.path().join("key.pem"), pem.join("\n") + "\n").unwrap();
    let commands: Vec<&str> = recipe
        .lines()
        .filter_map(|line| line.strip_prefix("   "))
        .filter(|it| ["openssl", "grep", "echo", "find"].iter().any(|tool| it.starts_with(tool)))
        .collect();
    let [print, signed, digests, named, there] = commands[..] else { panic!("{commands:?}") };
    let fingerprint = key_fingerprint(&case.build.key_public).unwrap();
    assert!(shell(&folder, print).1.starts_with(&fingerprint) && recipe.contains(&format!("must print {fingerprint}")));
    assert!(shell(&folder, signed).1.contains("Signature Verified Successfully"));
    let (holds, said) = shell(&folder, digests);
    assert!(holds && said.lines().count() == 3 && said.lines().all(|line| line.ends_with(": OK")), "{said}");
    assert_eq!(shell(&folder, named).1, shell(&folder, there).1);

    std::fs::write(folder.join("native/000001 scan.tif"), b"II+").unwrap();
    assert!(!shell(&folder, digests).0, "a changed file is found");
    std::fs::write(folder.join("more.txt"), b"").unwrap();
    assert_ne!(shell(&folder, named).1, shell(&folder, there).1, "an added file is found");
    std::fs::write(folder.join("manifest.json"), [&manifest[..], b" "].concat()).unwrap();
    assert!(!shell(&folder, signed).0, "a changed manifest is found");
}

#[test]
fn a_withheld_document_leaves_a_sheet_that_does_not_name_it() {
    let case = Case::new(6, None);
    let sheet = slip_sheet(&case.setting, &case.selection.items[3], "Withheld under the custodian's policy.");
    let pdf = typeset(&Content { parts: vec![sheet], ..Content::default() }).unwrap();
    let text = text(&pdf);
    assert!(text.contains("Document withheld") && text.contains("Imaging") && !text.contains("abdomen"), "{text}");
}
