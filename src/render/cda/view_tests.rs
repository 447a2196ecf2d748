//! Views of a page: moved, folded and set aside, and nothing of it lost.
//!
//! Not for: what a section holds (`tests`).

use super::super::{Options, page};
use super::*;

struct Nowhere;

impl Places for Nowhere {
    fn picture(&self, media: Option<usize>, number: u32) -> String {
        format!("/m/{}/{number}.png", media.map_or("body".into(), |at| at.to_string()))
    }
    fn file(&self, media: Option<usize>) -> String {
        format!("/m/{}/original", media.map_or("body".into(), |at| at.to_string()))
    }
    fn outside(&self, address: &str) -> String {
        format!("/out/{}", address_key(address))
    }
}

fn document(sections: &[(&str, &str, &str)]) -> Page {
    let sections: String = sections
        .iter()
        .map(|(code, title, text)| {
            format!("<component><section><code code='{code}'/><title>{title}</title><text>{text}</text></section></component>")
        })
        .collect();
    let source = format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><structuredBody>{sections}</structuredBody></component></ClinicalDocument>"
    );
    page(source.as_bytes(), Options::default()).expect("a page")
}

fn titles(page: &Page, view: &View) -> Vec<String> {
    contents(page, view).into_iter().map(|entry| entry.heading).collect()
}

#[test]
fn a_clinician_reads_problems_first_and_no_section_is_lost() {
    let page = document(&[
        ("48768-6", "Payers", "insurer"),
        ("30954-2", "Results", "sodium"),
        ("99999-9", "Odd", "odd words"),
        ("48765-2", "Allergies", ""),
        ("11450-4", "Problems", "asthma"),
    ]);
    assert_eq!(titles(&page, &View::Author), ["Payers", "Results", "Odd", "Allergies", "Problems"]);
    let clinical = View::Clinical { only: BTreeSet::new(), folded: false };
    assert_eq!(titles(&page, &clinical), ["Problems", "Results", "Payers", "Odd", "Allergies"], "empty ones last");
    let only = View::Clinical { only: ["2".to_string()].into(), folded: false };
    let entries = contents(&page, &only);
    assert_eq!((entries[0].heading.as_str(), entries[0].is_apart), ("Results", false));
    assert!(entries[1..].iter().all(|entry| entry.is_apart));
    for view in [View::Author, clinical, only] {
        let html = body(&page, &view, &Nowhere);
        for words in ["insurer", "sodium", "odd words", "asthma"] {
            assert_eq!(html.matches(words).count(), 1, "{words} in {view:?}: {html}");
        }
        // Print puts each back to its author's place.
        for (at, path) in [(0, "1"), (4, "5")] {
            let placed = html.contains(&format!(" at-{at}\" id=\"section-{path}\""));
            assert!(placed || view == View::Author, "{view:?}: {html}");
        }
    }
}

#[test]
fn the_style_sheet_has_a_place_for_every_section_that_moves() {
    let css = include_str!("../../../web/static/cda.css");
    for at in 1..=CDA_SECTIONS_REORDERED_MAX {
        assert!(css.contains(&format!(".at-{at} {{ order: {at}; }}")), "{at}");
    }
    let many: Vec<_> = (0..CDA_SECTIONS_REORDERED_MAX + 3).map(|_| ("11450-4", "Problems", "asthma")).collect();
    let html = body(&document(&many), &View::Clinical { only: ["1".to_string()].into(), folded: true }, &Nowhere);
    assert_eq!(html.matches("asthma").count(), many.len());
}

#[test]
fn links_lead_by_a_page_that_names_the_site_and_pictures_to_the_server() {
    let page = document(&[("11450-4", "Problems", "<linkHtml href='https://example.org/a?b=1'>there</linkHtml>")]);
    let html = body(&page, &View::Author, &Nowhere);
    let key = address_key("https://example.org/a?b=1");
    assert!(html.contains(&format!("href=\"/out/{key}\"")) && !html.contains("href=\"https"), "{html}");
    assert_eq!(outside(&page, &key), Some("https://example.org/a?b=1"));
    assert_eq!(outside(&page, &address_key("https://evil.example/")), None);
    assert!(html.contains("Words only: this section has no coded entries."), "{html}");
}

#[test]
fn a_body_that_was_archived_beside_takes_the_place_of_its_name() {
    let source = "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><nonXMLBody><text mediaType='text/plain'>\
                  <reference value='note.txt'/></text></nonXMLBody></component></ClinicalDocument>";
    let mut page = page(source.as_bytes(), Options::default()).expect("a page");
    assert!(body_is_elsewhere(&page));
    assert!(body(&page, &View::Author, &Nowhere).contains("external object not archived: note.txt"));
    set_body(&mut page, b"Seen and well.".to_vec(), "text/plain");
    let html = body(&page, &View::Author, &Nowhere);
    assert!(html.contains("Seen and well.") && html.contains("/m/body/original") && !html.contains("not archived"), "{html}");
}
