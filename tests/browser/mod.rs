//! Pages in a real browser: attacks that do nothing, views that lose nothing, no barriers for those who cannot see or point.
//!
//! Not for: what pages say (`gate`, and the tests beside the renderer).

mod attacks;
mod chrome;
mod desk;
mod hands;
mod keyboard;
mod pages;
mod releases;
mod site;
mod tasks;
mod visitor;
mod world;

use std::path::{Path, PathBuf};
use std::time::Instant;

use chartkeep::render::cda;
use serde_json::json;

use crate::gate::harness::entries_by_request;
use crate::support::{Folder, chartkeep, folder};
use attacks::{Attack, Outcome};
use chrome::{Chrome, chrome, of};
use world::{Signed, world};

/// Fails with all faults of a table at once.
#[track_caller]
fn demand(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Runs a check of one row, so that the others are looked at too.
fn row(faults: &mut Vec<String>, name: &str, check: impl FnOnce()) {
    if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)) {
        let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        faults.push(format!("{name}: {}", words.unwrap_or_default()));
    }
}

/// The page that the command line writes, as a file; `None` when it refuses.
fn written(home: &Folder, attack: &Attack) -> Option<PathBuf> {
    let (source, page) = (home.path().join(format!("{}.xml", attack.name)), home.path().join(format!("{}.html", attack.name)));
    std::fs::write(&source, &attack.document).expect("written");
    let run = chartkeep([Path::new("ccda"), Path::new("render"), &source, Path::new("--html"), &page]);
    match attack.outcome {
        Outcome::Shown(_) => assert!([Some(0), Some(1)].contains(&run.code), "{}: {run:?}", attack.name),
        _ => assert!(![Some(0), Some(1)].contains(&run.code) || !page.exists(), "{}: {run:?}", attack.name),
    }
    page.exists().then_some(page)
}

/// Links and handlers that could act, anywhere in the page.
const ACTIVE: &str = "return [...document.querySelectorAll('*')].flatMap(e => {
    const odd = [...e.attributes].filter(a => /^on|^style$|^srcset$|^formaction$/i.test(a.name)).map(a => a.name);
    const inside = e.closest('.cda') !== null;
    const bad = inside && ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'FORM', 'META', 'BASE', 'LINK', 'SVG', 'VIDEO'].includes(e.tagName.toUpperCase());
    const href = e.getAttribute('href') ?? '';
    const there = inside && e.tagName === 'A' && e.hasAttribute('href') && !/^(#|https?:|mailto:|tel:|\\/(in\\/[^/]+\\/)?patients\\/)/.test(href);
    return odd.concat(bad ? [e.tagName] : [], there ? ['href ' + href] : []);
})";

fn check_page(chrome: &Chrome, name: &str, url: &str, own: &str, words: &[&str]) {
    chrome.open(url).expect_quiet(name, own);
    let text = chrome.words();
    for wanted in words {
        assert!(text.contains(wanted), "{name}: {wanted:?} is not in: {text}");
    }
    assert_eq!(chrome.ask(ACTIVE), json!([]), "{name}");
    let foreign_ids =
        "return [...document.querySelectorAll('.narrative [id]')].map(e => e.id).filter(id => !/^(n|note)-/.test(id))";
    assert_eq!(chrome.ask(foreign_ids), json!([]), "{name}");
}

#[test]
fn no_attack_does_anything_in_a_page_from_the_command_line() {
    let Some(chrome) = chrome() else { return };
    let (world, home) = (world(), folder());
    let mut faults = Vec::new();
    for attack in attacks::all(&world.evil.address) {
        row(&mut faults, attack.name, || {
            let begun = Instant::now();
            let page = written(&home, &attack);
            assert!(begun.elapsed().as_secs() < 10, "took {:?}", begun.elapsed());
            if let (Some(page), Outcome::Shown(words)) = (page, attack.outcome) {
                let url = format!("file://{}", page.display());
                check_page(&of(&chrome), attack.name, &url, &url, words);
            }
        });
    }
    assert_eq!(world.evil.calls(), 0, "someone called");
    demand(&faults);
}

#[test]
fn no_attack_does_anything_in_the_viewer() {
    let Some(chrome) = chrome() else { return };
    let world = world();
    let chrome = of(&chrome);
    let reader = Signed::in_as(&world, &chrome, "clinician");
    let mut faults = Vec::new();
    for (number, attack) in attacks::all(&world.evil.address).into_iter().enumerate() {
        row(&mut faults, attack.name, || {
            let page = world.page_of(attack.name);
            match attack.outcome {
                // What is no CDA to the archive is kept as the file that it is.
                Outcome::Unreadable => {
                    if let Some(page) = page {
                        check_page(&chrome, attack.name, &reader.url(&page), &reader.own, &[]);
                        assert_eq!(chrome.ask("return document.querySelector('.cda')"), json!(null), "{}", attack.name);
                    }
                }
                Outcome::Refused => {
                    let page = page.expect("it is in the archive");
                    check_page(
                        &chrome,
                        attack.name,
                        &reader.url(&page),
                        &reader.own,
                        &["cannot be shown here", "not shown as a page"],
                    );
                    check_page(
                        &chrome,
                        attack.name,
                        &reader.url(&format!("{page}/xml")),
                        &reader.own,
                        &["<!DOCTYPE ClinicalDocument"],
                    );
                }
                Outcome::Shown(words) => {
                    let page = page.expect("it is in the archive");
                    check_page(&chrome, attack.name, &reader.url(&page), &reader.own, words);
                    // The same writers make the other two pages; some of each are looked at.
                    let (part, words) = [("xml", &["<ClinicalDocument"][..]), ("rendered", words)][number % 2];
                    if number % 5 == 0 {
                        check_page(&chrome, attack.name, &reader.url(&format!("{page}/{part}")), &reader.own, words);
                    }
                }
            }
        });
    }
    assert_eq!(world.evil.calls(), 0, "someone called");
    demand(&faults);
}

#[test]
fn a_clinicians_view_says_so_and_print_has_everything_in_the_authors_order() {
    let Some(chrome) = chrome() else { return };
    let world = world();
    let chrome = of(&chrome);
    let reader = Signed::in_as(&world, &chrome, "clinician");
    let page = world.page_of("example").expect("the example");
    let headings = "return [...document.querySelectorAll('.body-of > .section')].map(e => [e.querySelector('h2').innerText,
        Math.round(e.getBoundingClientRect().top), e.tagName === 'DETAILS' ? e.open : true])";
    let ordered = |chrome: &Chrome| {
        let all = chrome.ask(headings);
        let mut all: Vec<(i64, String)> =
            all.as_array().unwrap().iter().map(|e| (e[1].as_i64().unwrap(), e[0].as_str().unwrap().to_string())).collect();
        all.sort();
        all.into_iter().map(|(_, heading)| heading).collect::<Vec<_>>()
    };
    chrome.open(&reader.url(&page)).expect_quiet("author's order", &reader.own);
    let authors = ordered(&chrome);
    assert_eq!(authors[..3], ["Payers", "Social history", "Results"]);
    assert!(!chrome.words().contains("order was changed"));
    let narrative = "return [...document.querySelectorAll('.cda .narrative')].map(e => e.textContent).sort().join('\\n')";
    let all_words = chrome.ask(narrative);

    for query in ["view=clinical", "view=clinical&fold=all", "view=clinical&only=3&only=4"] {
        chrome.open(&reader.url(&format!("{page}?{query}"))).expect_quiet(query, &reader.own);
        let words = chrome.words();
        assert!(words.contains("The author’s order was changed.") && words.contains("Back to the author’s order"), "{query}");
        assert_ne!(ordered(&chrome), authors, "{query}");
        assert_eq!(chrome.ask(narrative), all_words, "{query}: every word is still there");
        if query == "view=clinical" {
            assert_eq!(ordered(&chrome)[..3], ["Problems", "Allergies", "Medications"]);
        }
        chrome.look_printed();
        assert_eq!(ordered(&chrome), authors, "{query} on paper");
        let hidden =
            "return [...document.querySelectorAll('.cda .narrative')].filter(e => e.getBoundingClientRect().height < 5).length";
        assert_eq!(chrome.ask(hidden), json!(0), "{query}: nothing is folded on paper");
        chrome.look("light", 1440);
    }
    let all = chrome.words();
    assert!(
        all.contains("2 coded only") && all.contains("words only") && all.contains("without words in the narrative"),
        "{all}"
    );
    chrome.open(&reader.url(&format!("{page}/rendered"))).expect_quiet("for print", &reader.own);
    let alone = "return [...document.querySelectorAll('.cda > .section > h2')].map(e => e.innerText)";
    assert_eq!(chrome.ask(alone), json!(authors));
}

#[test]
fn pictures_files_and_links_of_a_document_are_served_here_and_each_leaves_an_entry() {
    let Some(chrome) = chrome() else { return };
    let world = world();
    let chrome = of(&chrome);
    let reader = Signed::in_as(&world, &chrome, "clinician");
    let page = world.page_of("example").expect("the example");
    let seen = chrome.open(&reader.url(&page));
    seen.expect_quiet("pictures", &reader.own);
    let picture = seen.requests.iter().find(|url| url.ends_with("/media/0/1.png")).expect("the picture is asked for here");
    let loaded = "const i = document.querySelector('.cda img'); return [i.complete, i.naturalWidth]";
    assert_eq!(chrome.ask(loaded), json!([true, 2]));
    let asked = |path: &str| {
        let entries = entries_by_request(&world.archive);
        entries.into_values().flatten().filter(|e| e["query"]["path"].as_str() == Some(path)).collect::<Vec<_>>()
    };
    let path = picture.strip_prefix(&reader.own).expect("our own").to_string();
    let entry = asked(&path).pop().expect("the picture has its entry");
    assert_eq!((entry["event"].as_str(), entry["outcome"].as_str()), (Some("document.view"), Some("0")), "{entry}");

    let answer = reader.get(&path.replace("/1.png", "/original"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")));
    assert!(answer.header("content-disposition").is_some_and(|value| value.starts_with("attachment")));
    assert_eq!(asked(&path.replace("/1.png", "/original"))[0]["event"], "document.download");
    for nothing in ["/media/7/1.png", "/media/0/9.png", "/media/x/original", "/media/body/original", "/links/00"] {
        assert_eq!(reader.get(&format!("{page}{nothing}")).status, 404, "{nothing}");
    }

    let link = chrome.ask("return document.querySelector('.cda a[href*=\"/links/\"]').getAttribute('href')");
    let link = link.as_str().expect("a link").to_string();
    chrome.open(&reader.url(&link)).expect_quiet("a link out", &reader.own);
    assert!(chrome.words().contains("goes to www.example.org"), "{}", chrome.words());

    for (name, words) in
        [("scan-beside", "Words of the file beside"), ("scan-missing", "external object not archived: not-there.txt")]
    {
        chrome.open(&reader.url(&world.page_of(name).expect(name))).expect_quiet(name, &reader.own);
        assert!(chrome.words().contains(words), "{name}: {}", chrome.words());
    }
}

#[test]
fn long_xml_comes_in_parts_and_whoever_may_not_read_gets_none_of_it() {
    let Some(chrome) = chrome() else { return };
    let world = world();
    let chrome = of(&chrome);
    let reader = Signed::in_as(&world, &chrome, "clinician");
    let page = world.page_of("long").expect("the long one");
    chrome.open(&reader.url(&format!("{page}/xml?page=2"))).expect_quiet("xml", &reader.own);
    let words = chrome.words();
    assert!(words.contains("Part 2 of") && words.contains("Part before") && words.contains("Next part"), "{words}");
    let size = chrome.ask("return document.querySelectorAll('*').length").as_u64().unwrap();
    assert!(size < 6_000, "{size} elements");
    let archivist = Signed::new(&world, "archivist");
    for part in ["", "/xml", "/rendered", "/media/0/1.png"] {
        assert_eq!(archivist.get(&format!("{page}{part}")).status, 403, "{part}");
    }
}

#[test]
fn documents_have_no_barriers() {
    let Some(chrome) = chrome() else { return };
    let world = world();
    let chrome = of(&chrome);
    let reader = Signed::in_as(&world, &chrome, "clinician");
    let mut faults = Vec::new();
    let page = world.page_of("example").expect("the example");
    for (name, path) in [
        ("author", page.clone()),
        ("clinical", format!("{page}?view=clinical&only=2")),
        ("xml", format!("{page}/xml")),
        ("alone", format!("{page}/rendered")),
        ("file", world.page_of("scan-beside").expect("a scan")),
    ] {
        for (scheme, width) in [("light", 1440), ("dark", 800)] {
            chrome.look(scheme, width);
            row(&mut faults, name, || {
                chrome.open(&reader.url(&path)).expect_quiet(name, &reader.own);
                assert_eq!(chrome.barriers(), Vec::<String>::new(), "{scheme} {width}");
            });
            chrome.picture(&format!("{name}-{scheme}-{width}"));
        }
        chrome.printed(name);
    }
    demand(&faults);
}

/// Documents by others, of as many vendors: small enough for every run.
const OF_THE_CORPUS: [&str; 5] = [
    "hl7-examples/Discharge_Summary.xml",
    "hl7-examples/Unstructured_Document_embed.xml",
    "hl7-examples/Diagnostic_Imaging_Report.xml",
    "onc-cures-2020/170.315_b1_toc_gold_sample1_v6.xml",
    "legacy-cda/SampleCCDDocument.xml",
];

#[test]
fn documents_by_others_have_no_barriers() {
    let (Some(corpus), Some(chrome)) = (std::env::var_os("CHARTKEEP_CORPUS"), chrome()) else { return };
    let (chrome, home) = (of(&chrome), folder());
    let mut faults = Vec::new();
    for name in OF_THE_CORPUS {
        let bytes = std::fs::read(Path::new(&corpus).join("ccda").join(name)).expect("the corpus reads");
        let html = cda::standalone(&cda::page(&bytes, cda::Options::default()).expect(name));
        let file = home.path().join("page.html");
        std::fs::write(&file, html).expect("written");
        let url = format!("file://{}", file.display());
        row(&mut faults, name, || {
            chrome.open(&url).expect_quiet(name, &url);
            assert_eq!(chrome.barriers(), Vec::<String>::new());
        });
    }
    demand(&faults);
}
