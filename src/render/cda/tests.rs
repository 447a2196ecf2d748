//! Pages of made-up documents: nothing lost, nothing that acts.
//!
//! Not for: documents by others (`tests/ccda.rs`).

use super::*;

fn document(body: &str) -> String {
    format!(
        "<ClinicalDocument xmlns='urn:hl7-org:v3' xmlns:sdtc='urn:hl7-org:sdtc' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
         <id root='1.2.3' extension='D1'/><code code='34133-9' codeSystem='2.16.840.1.113883.6.1'/><title>Visit</title>\
         <effectiveTime value='20240315140500-0500'/><confidentialityCode code='R'/>\
         <recordTarget><patientRole><id root='2.16.840.1.113883.4.1' extension='111-22-3333'/>\
         <patient><name use='L'><given>Ada</given><family>Quill</family></name><birthTime value='19500102'/></patient>\
         </patientRole></recordTarget><component><structuredBody>{body}</structuredBody></component></ClinicalDocument>"
    )
}

fn section(text: &str) -> String {
    document(&format!("<component><section><title>Notes</title><text>{text}</text></section></component>"))
}

fn html(source: &str) -> String {
    fragment(&page(source.as_bytes(), Options::default()).expect("a page"))
}

#[test]
fn header_and_narrative_are_all_there() {
    let page = page(
        section("<paragraph>Took <content styleCode='Bold'>aspirin</content> 81&#181;g &amp; left</paragraph>").as_bytes(),
        Options { mask_ids: true },
    )
    .unwrap();
    let html = standalone(&page);
    for words in [
        "Visit",
        "Ada Quill",
        "2 Jan 1950",
        "15 Mar 2024, 14:05 −05:00",
        "•••-••-3333",
        "is marked Restricted",
        "Not legally authenticated",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(html.contains("Took <span class=\"s-bold\">aspirin</span> 81µg &amp; left"), "{html}");
    assert!(text(&page).contains("Took aspirin 81µg & left"), "{}", text(&page));
}

#[test]
fn what_would_act_becomes_words_and_the_page_goes_on() {
    let attacks = [
        ("<paragraph onmouseover='x()' style='position:fixed'>word</paragraph>", "onmouseover"),
        ("<linkHtml href='JaVaScRiPt:alert(1)'>word</linkHtml>", "href=\"JaVa"),
        ("<linkHtml href='java&#x0A;script:alert(1)'>word</linkHtml>", "<a"),
        ("<linkHtml href='data:text/html,x'>word</linkHtml>", "<a"),
        ("<linkHtml href='//evil.example/x'>word</linkHtml>", "<a"),
        ("<script>word</script>", "<script"),
        ("<iframe src='http://evil.example'>word</iframe>", "<iframe"),
        ("<![CDATA[<script>word</script>]]>", "<script"),
        ("<img src='http://evil.example/x.png' onerror='x()' alt='word'/>", "<img"),
        ("<table><tr onclick='x()'><td style='x'>word</td></tr></table>", "onclick"),
        ("<content styleCode='hidden fixed'>word</content>", "hidden"),
        ("<content ID='&quot;&gt;&lt;b'>word</content>", "\"><b"),
    ];
    for (text, never) in attacks {
        let html = html(&section(&format!("{text}<paragraph>after</paragraph>")));
        assert!(html.contains("word") && html.contains("after"), "{text}: {html}");
        // Below the body the page says what was left out, by name.
        let body = html.split("<main>").nth(1).and_then(|rest| rest.split("</main>").next()).expect("a body");
        assert!(!body.contains(never), "{text}: {body}");
    }
}

#[test]
fn text_that_the_schema_forbids_is_still_text() {
    let odd = [
        "<table>loose<tr>between<td>cell</td></tr><td>alone</td></table>",
        "<list>before<item>one<list listType='ordered'><item>two</item></list></item>after</list>",
        "<tr><td>row</td></tr>",
        "<unknown><deep>word</deep></unknown>",
        "<paragraph><table><tbody><tr><td>inside</td></tr></tbody></table></paragraph>",
        "<br>text in a break</br>",
        "<content revised='delete'>gone</content>",
    ];
    for text in odd {
        let source = section(text);
        let all = html(&source);
        let words =
            crate::formats::cda::Document::read(source.as_bytes()).unwrap().sections()[0].text().unwrap().text().into_owned();
        let wanted: String = words.split_whitespace().collect();
        let got: String = strip(&all).split_whitespace().collect();
        for word in
            ["loose", "between", "cell", "alone", "before", "one", "two", "after", "row", "word", "inside", "break", "gone"]
        {
            assert!(!wanted.contains(word) || got.contains(word), "{word} of {text}: {all}");
        }
    }
}

/// Text of HTML that this module wrote.
fn strip(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[test]
fn footnotes_pictures_and_spans() {
    let html = html(&section(
        "<paragraph>A<footnote ID='f1'>first note</footnote> B<footnoteRef IDREF='f1'/><footnoteRef IDREF='nix'/></paragraph>\
         <table><tbody><tr><td colspan='2' rowspan='0'>x</td><td colspan='999999'>y</td></tr></tbody></table>\
         <renderMultiMedia referencedObject='m1 m2'/>",
    ));
    assert!(html.contains("<sup id=\"n-f1\">[1]</sup>") && html.contains("<sup>[1]</sup>") && html.contains("[?]"), "{html}");
    assert!(html.contains("1. first note"));
    assert!(html.contains("colspan=\"2\"") && html.contains("colspan=\"1000\"") && !html.contains("rowspan"));
    assert!(html.contains("object m1") && html.contains("object m2"));
}

#[test]
fn an_internal_subset_is_refused_and_a_bare_doctype_is_not() {
    let plain = section("<paragraph>x</paragraph>");
    let bare = format!("<!DOCTYPE ClinicalDocument>{plain}");
    assert!(page(bare.as_bytes(), Options::default()).is_ok());
    let subset = format!("<!DOCTYPE ClinicalDocument [<!ENTITY e 'x'>]>{plain}");
    assert_eq!(page(subset.as_bytes(), Options::default()).unwrap_err(), Unrenderable::InternalSubset);
}

#[test]
fn entries_without_words_are_flagged() {
    let source = document(
        "<component><section><title>Problems</title><text><paragraph ID='p1'>Asthma</paragraph></text>\
         <entry><observation><code code='1' displayName='Problem'/><value xsi:type='CD' code='2' displayName='Asthma'/></observation></entry>\
         <entry><observation><code code='1' displayName='Finding'/><value xsi:type='CD' code='3' displayName='Gout'/></observation></entry>\
         </section></component>",
    );
    let html = html(&source);
    assert!(html.contains("without words in the narrative (1)") && html.contains("Finding: Gout"), "{html}");
}

#[test]
fn no_rule_of_the_style_sheet_hides_text() {
    let css = include_str!("../../../web/static/cda.css");
    for never in ["display: none", "visibility: hidden", "opacity:", "font-size: 0", "color: transparent", "url(", "@import"] {
        assert!(!css.contains(never), "{never}");
    }
}
