//! Pages of made-up documents: nothing lost, nothing that acts.
//!
//! Not for: documents by others (`tests/ccda.rs`).

use super::*;
use crate::render::pdf::Content;

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
        let body = html.split("<div class=\"body\">").nth(1).expect("a body");
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
fn old_habits_of_products_keep_their_words_in_order() {
    // Each piece of narrative, and its words in the order in which they must come.
    let odd = [
        ("<paragraph>a <caption>b</caption> c</paragraph>", "a b c"),
        ("<list><caption>a</caption>b<item>c</item>d<list><item>e</item></list></list>", "a b c d e"),
        (
            "<list listType='ordered' styleCode='BigRoman'><item><caption>a</caption>b<table><tr><td>c</td></tr></table></item></list>",
            "a b c",
        ),
        ("<item>a</item><item>b</item>", "a b"),
        ("<table><caption>a</caption><tfoot><tr><td>b</td></tr></tfoot><tbody><tr><td>c</td></tr></tbody></table>", "a b c"),
        ("<table><tr><td>a</td></tr><caption>b</caption><thead><tr><th>c</th></tr></thead></table>", "a b c"),
        ("<table><tbody>a<td>b</td><td>c</td><tr>d<tr><td>e</td></tr></tr></tbody>f</table>", "a b c d e f"),
        ("<table><thead><tbody><tr><td>a</td></tr></tbody></thead><paragraph>b</paragraph></table>", "a b"),
        ("<table><colgroup><col width='40%'/>a</colgroup><col span='9999999'/><tr><td colspan='x'>b</td></tr></table>", "a b"),
        ("a<footnote ID='f'>b</footnote> c", "a b c"),
        ("<paragraph>a<footnote ID='f'>b</footnote> c</paragraph>", "a b c"),
        ("<table xmlns='http://www.w3.org/1999/xhtml'><tr><td>a<b>b</b></td></tr></table>", "ab"),
        ("a<![CDATA[ <b> & ]]>&#160;&nbsp;&lt;c&gt;", "a <b> & <c>"),
        ("<content>a<content>b<content>c</content></content></content>d", "abcd"),
        ("<sub>a<paragraph>b</paragraph></sub><sup>c</sup>", "a b c"),
        ("<linkHtml href='http://x.example/a'>a <linkHtml href='http://x.example/b'>b</linkHtml></linkHtml> c", "a b c"),
        ("<dl><dt>a</dt><dd>b</dd></dl><hr/><center>c</center><H1>d</H1>", "a b c d"),
        ("<paragraph>a\u{a0}b</paragraph><br>c</br>", "a b c"),
    ];
    for (text, wanted) in odd {
        let made = page(section(text).as_bytes(), Options::default()).unwrap();
        let narrative = &made.sections[0].narrative;
        assert_eq!(super::node::words_of(narrative), wanted, "{text}");
        let html = fragment(&made);
        let shown = strip(&html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let printed = super::text(&made);
        for output in [&shown, &printed] {
            let mut rest = output.split_once("Notes").expect("the section").1;
            for word in wanted.split(' ') {
                rest = rest.split_once(word).unwrap_or_else(|| panic!("{word} of {text}: {output}")).1;
            }
        }
    }
}

#[test]
fn sections_and_bodies_that_the_schema_does_not_know_are_shown() {
    let around = |body: &str| document("").replace("<component><structuredBody></structuredBody></component>", body);
    let cases = [
        around("<component><structuredBody><section><title>T</title><text>word</text></section></structuredBody></component>"),
        around("<component><section><title>T</title><text>word</text></section></component>"),
        document(
            "<component><section><title>T</title><component><section><section><text>word</text></section></section></component></section></component>",
        ),
        document("<component><section><title/><text/><text>word</text></section></component>"),
        document("<component><section><code code='1' displayName='Plan'/>word</section></component>"),
        document("<component><section><paragraph>word</paragraph></section></component>"),
        document("<component><section nullFlavor='NI'><title>word</title><text xsi:nil='true'/></section></component>"),
        around("<component><nonXMLBody><text><paragraph>word</paragraph></text></nonXMLBody></component>"),
        around("<component><nonXMLBody><text mediaType='text/plain'>word</text></nonXMLBody></component>"),
        around(
            "<component><nonXMLBody><text mediaType='text/html' representation='B64'>PHA+d29yZDwvcD4=</text></nonXMLBody></component>",
        ),
        around(
            "<component><nonXMLBody><text>a</text></nonXMLBody><structuredBody><component><section><text>word</text></section></component></structuredBody></component>",
        ),
        document("<component><section><title>a</title><text>b</text></section></component>")
            .replace("xmlns='urn:hl7-org:v3'", "")
            .replace(">b<", ">word<"),
    ];
    for source in cases {
        let made = page(source.as_bytes(), Options::default()).unwrap();
        assert!(fragment(&made).contains("word"), "{source}");
        assert!(text(&made).contains("word"), "{source}");
    }
    let mut deep = String::from("<text>word</text>");
    for _ in 0..100 {
        deep = format!("<component><section><title>T</title>{deep}</section></component>");
    }
    assert!(html(&document(&deep)).contains("word"));
    let nested = format!("{}word{}", "<content>".repeat(400), "</content>".repeat(400));
    assert!(html(&section(&nested)).contains("word"));
}

#[test]
fn html_of_a_body_comes_through_the_same_list() {
    let source = "<html><head><title>Letter</title><style>p{}</style></head><body onload=x()><p>one<p>two <b>three</p></b>\
        <ul><li>four<li>five</ul><table><tr><td>six<td>seven<tr><td>eight</table><script>never</script><img src=http://x.example alt=nine>\
        <a href='javascript:x()'>ten</a> &eacute;leven";
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, source);
    let made = document("").replace(
        "<structuredBody></structuredBody>",
        &format!("<nonXMLBody><text mediaType='text/html' representation='B64'>{encoded}</text></nonXMLBody>"),
    );
    let html = html(&made);
    for words in
        ["Letter", "one", "two", "three", "four", "five", "nine", "ten", "éleven", "<td>six</td><td>seven</td></tr><tr><td>eight"]
    {
        assert!(html.contains(words), "{words}: {html}");
    }
    for never in ["never", "onload", "<img", "href=\"javascript", "<style"] {
        assert!(!html.contains(never), "{never}: {html}");
    }
}

#[test]
fn pictures_of_entries_that_no_narrative_shows_stand_at_the_end_of_their_section() {
    let picture =
        "<observationMedia ID='m'><value mediaType='image/gif'><reference value='scan.gif'/></value></observationMedia>";
    let source = document(&format!(
        "<component><section><title>A</title><text>words</text><entry>{picture}</entry></section></component>\
         <component><section><title>B</title><text><renderMultiMedia referencedObject='r'/></text>\
         <entry><regionOfInterest ID='r'><code code='CIRCLE'/><value value='3'/><value value='4'/><entryRelationship>{}</entryRelationship>\
         </regionOfInterest></entry></section></component>",
        picture.replace("scan", "other")
    ));
    let html = html(&source);
    let (first, second) = html.split_once("id=\"section-2\"").unwrap();
    assert!(first.contains("words") && first.contains("external object not archived: scan.gif"), "{html}");
    assert!(second.contains("other.gif") && second.contains("[region: circle 3, 4]"), "{html}");
}

/// An unstructured document that holds a file.
fn holding(media_type: &str, more: &str, bytes: &[u8]) -> String {
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let body = format!("<nonXMLBody><text mediaType='{media_type}' representation='B64'{more}>{encoded}</text></nonXMLBody>");
    document("").replace("<structuredBody></structuredBody>", &body)
}

#[test]
fn pictures_of_every_kind_are_shown_and_printed() {
    let picture = image::RgbImage::from_pixel(40, 30, image::Rgb([200, 30, 30]));
    for (format, media_type) in [
        (image::ImageFormat::Gif, "image/gif"),
        (image::ImageFormat::Bmp, "image/bmp"),
        (image::ImageFormat::Png, "image/png"),
        (image::ImageFormat::Jpeg, "image/jpeg"),
        (image::ImageFormat::Tiff, "image/tiff"),
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        let made = page(holding(media_type, "", bytes.get_ref()).as_bytes(), Options::default()).unwrap();
        let html = fragment(&made);
        assert!(html.contains("<img") && html.contains("data:image/png;base64,"), "{media_type}: {html}");
        let printed = lopdf::Document::load_mem(&pdf(&made).unwrap().bytes).unwrap();
        let is_image = |object: &lopdf::Object| {
            let dictionary = object.as_stream().ok().map(|stream| &stream.dict);
            dictionary.and_then(|it| it.get(b"Width").ok()).and_then(|it| it.as_i64().ok()) == Some(40)
        };
        assert!(printed.objects.values().any(is_image), "{media_type}");
    }
}

#[test]
fn a_file_that_is_not_what_its_digest_says_is_refused() {
    use sha2::Digest as _;
    let encode = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let (sha1, sha256) = (encode(&sha1::Sha1::digest(b"file words")), encode(&sha2::Sha256::digest(b"file words")));
    for (stated, algorithm, is_right) in [
        (&sha1, "", true),
        (&sha1, "SHA-1", true),
        (&sha256, "SHA-256", true),
        (&sha256, "SHA-1", false),
        (&sha1, "SHA-256", false),
        (&sha1, "HMAC-MD5", true),
    ] {
        let named = if algorithm.is_empty() { String::new() } else { format!(" integrityCheckAlgorithm='{algorithm}'") };
        let html = html(&holding("text/plain", &format!(" integrityCheck='{stated}'{named}"), b"file words"));
        assert_eq!(html.contains("file words"), is_right, "{algorithm}");
        assert_eq!(html.contains("its digest is not the one"), !is_right, "{algorithm}: {html}");
    }
}

#[test]
fn a_mark_that_no_margin_has_room_for_stands_in_full_on_the_first_page() {
    let long = "<table>".repeat(2_000);
    let code = format!("code='R{}'", long.replace('<', "&lt;"));
    let made = page(section("words").replace("code='R'", &code).as_bytes(), Options::default()).unwrap();
    let Content { parts, .. } = paper(&made, true);
    let banner = parts[0].furniture.banner.clone().unwrap();
    assert!(banner.ends_with('…') && banner.len() < 400, "{banner}");
    let in_full = format!("{:?}", parts[0].blocks);
    assert!(in_full.contains(&long));
    assert!(pdf(&made).unwrap().printed.pages < 30);
}

#[test]
fn footnotes_pictures_and_spans() {
    let html = html(&section(
        "<paragraph>A<footnote ID='f1'>first note</footnote> B<footnoteRef IDREF='f1'/><footnoteRef IDREF='nix'/></paragraph>\
         <table><tbody><tr><td colspan='2' rowspan='0'>x</td><td colspan='999999'>y</td></tr></tbody></table>\
         <renderMultiMedia referencedObject='m1 m2'/>",
    ));
    let mark = "<a href=\"#note-1\">[1]</a></sup>";
    assert!(html.contains(&format!("<sup id=\"n-f1\">{mark}<small class=\"note\"> first note </small>")), "{html}");
    assert!(html.contains(&format!("<sup>{mark}")) && html.contains("[?]"), "{html}");
    assert!(html.contains("<div id=\"note-1\">1. first note</div>"), "{html}");
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
