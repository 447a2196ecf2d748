//! Reading made-up documents, sound and damaged.
//!
//! Not for: what documents mean in FHIR (`mapping::cda`).

use proptest::prelude::*;

use super::*;
use crate::limits::XML_DEPTH_MAX;

fn document(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><?xml-stylesheet href=\"CDA.xsl\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\" \
         xmlns:sdtc=\"urn:hl7-org:sdtc\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n  {body}\n</ClinicalDocument>\n"
    )
}

#[test]
fn elements_by_name() {
    let xml = document(
        "<id root='1.2' extension='A&amp;B'/><title>A &lt;b&gt;&#181; <!-- - -->c</title><x:code xmlns:x='urn:hl7-org:v3' x:a='1' code=' 7 '/>\
         <sdtc:deceasedInd value='true'/><value xsi:type='cda:PQ'/><other xmlns='urn:x'/>",
    );
    let document = Document::read(xml.as_bytes()).unwrap();
    let root = document.root();
    assert_eq!(root.child("id").unwrap().attr("extension"), "A&B");
    assert_eq!(document.title(), "A <b>µ c");
    assert_eq!(root.child("code").unwrap().attr("code"), "7");
    assert_eq!(root.child("sdtc:deceasedInd").unwrap().attr("value"), "true");
    assert!(root.child("deceasedInd").is_none() && root.child("other").is_none());
    assert_eq!(root.child("value").unwrap().xsi_type(), "PQ");
    assert_eq!(&xml[root.child("value").unwrap().span().unwrap()], "<value xsi:type='cda:PQ'/>");
    assert!(document.findings().is_empty());
}

const SECTIONS: &str = r##"<component><structuredBody>
  <component><section><code code="11450-4" displayName="Problem list"/><title>Problems &amp;
    more</title><text>
      Seen <content ID="p1">Asthma,
      mild</content>.<br/>Two
      <list><item>one</item><item><caption>B</caption>two</item></list>
      <table><thead><tr><th>Name</th><th>Since</th></tr></thead><tbody><tr><td>Asthma</td><td>2009</td></tr></tbody></table>
    </text>
    <entry><act><id root="1"/></act></entry><entry/>
    <component><section><code code="X" displayName="Inner"/><text><paragraph>inner</paragraph></text><entry/></section></component>
  </section></component>
  <component><section><title>Empty</title></section></component>
</structuredBody></component>"##;

#[test]
fn sections_and_their_words() {
    let xml = document(SECTIONS);
    let document = Document::read(xml.as_bytes()).unwrap();
    let all = document.all_sections();
    let seen: Vec<_> = all.iter().map(|s| (s.path.as_str(), s.title(), s.entries().count())).collect();
    assert_eq!(seen, [("1", "Problems & more".into(), 2), ("1.1", "Inner".into(), 1), ("2", "Empty".into(), 0)]);
    assert_eq!(document.entry_count(), 3);
    assert_eq!(text_of(&document.referenced("#p1").unwrap()), "Asthma, mild");
    let texts = section_texts(&document);
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0].text, "Seen Asthma, mild.\nTwo\none\nB\ntwo\nName\tSince\nAsthma\t2009");
    assert_eq!((texts[1].code.as_str(), texts[1].title.as_str(), texts[1].text.as_str()), ("X", "Inner", "inner"));
}

fn codes(findings: &[crate::model::Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.code).collect()
}

#[test]
fn encodings() {
    let body = "<title>Überweisung – é</title>";
    let plain = document(body).split_once("?>").unwrap().1.to_owned();
    let utf16 = |text: &str, mark: bool| -> Vec<u8> {
        let mark = if mark { "\u{feff}" } else { "" };
        format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let declared = |name: &str| format!("<?xml version='1.0' encoding='{name}'?>{plain}");
    let windows = |text: &str| encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        ("without a declaration", plain.clone().into_bytes(), &[]),
        ("with a mark", format!("\u{feff}{}", declared("UTF-8")).into_bytes(), &[]),
        ("windows-1252", windows(&declared("windows-1252")), &[]),
        ("latin-1, as it is meant", windows(&declared("ISO-8859-1")), &[]),
        ("a lie", windows(&declared("UTF-8")), &["text.guessed-encoding"]),
        ("UTF-16", utf16(&declared("UTF-16"), true), &[]),
        ("UTF-16 without a mark", utf16(&declared("UTF-16"), false), &[]),
    ];
    for (name, bytes, findings) in cases {
        assert!(looks_like_cda(&bytes), "{name}");
        let document = Document::read(&bytes).unwrap();
        assert_eq!((document.title().as_str(), codes(document.findings())), ("Überweisung – é", findings.to_vec()), "{name}");
        let span = document.header("title").unwrap().span();
        match std::str::from_utf8(&bytes) {
            Ok(text) => assert_eq!(&text[span.unwrap()], body, "{name}"),
            Err(_) => assert_eq!(span, None, "{name}"),
        }
    }
}

#[test]
fn entities_are_never_expanded() {
    let subset =
        "<!DOCTYPE ClinicalDocument [<!ENTITY a 'expanded'><!ENTITY b SYSTEM 'file:///etc/hostname'>\n <!ENTITY c '&a;&a;'> ]>";
    let xml = document("<title>&a;|&b;|&c;|&nbsp;|&#0;|&#x1F;|a & b</title><id extension='&a;'/>");
    let xml = xml.replace("<ClinicalDocument", &format!("{subset}<ClinicalDocument"));
    assert!(looks_like_cda(xml.as_bytes()));
    let read = Document::read(xml.as_bytes()).unwrap();
    assert_eq!(read.header("title").unwrap().text(), "&a;|&b;|&c;|\u{a0}|\u{fffd}|\u{fffd}|a & b");
    assert_eq!(read.header("id").unwrap().attr("extension"), "&a;");
    assert!(read.has_internal_subset());
    assert_eq!(codes(read.findings()), ["cda.internal-subset", "xml.entity"]);
    let bare = document("").replace("<ClinicalDocument", "<!DOCTYPE ClinicalDocument><ClinicalDocument");
    assert_eq!(codes(Document::read(bare.as_bytes()).unwrap().findings()), ["xml.doctype"]);
}

#[test]
fn namespaces_that_are_missing_or_wrong() {
    let cases: [(&str, &[&str]); 6] = [
        ("<ClinicalDocument><id root='7'/></ClinicalDocument>", &["cda.namespace"]),
        ("<ClinicalDocument xmlns='urn:other'><id root='7'/></ClinicalDocument>", &["cda.namespace"]),
        ("<n:ClinicalDocument xmlns:n='urn:hl7-org:v3'><n:id root='7'/></n:ClinicalDocument>", &[]),
        ("<n:ClinicalDocument><n:id root='7'/></n:ClinicalDocument>", &["cda.namespace"]),
        ("<ClinicalDocument xmlns='urn:hl7-org:v3'><a xmlns='urn:x'><id/></a><id root='7'/></ClinicalDocument>", &[]),
        (
            "<ClinicalDocument xmlns='urn:hl7-org:v3'><value xsi:type='CD' p:type='x'/><id root='7'/></ClinicalDocument>",
            &["xml.undeclared-prefix"],
        ),
    ];
    for (xml, findings) in cases {
        let document = Document::read(xml.as_bytes()).unwrap();
        assert_eq!(document.header("id").unwrap().attr("root"), "7", "{xml}");
        assert_eq!(codes(document.findings()), findings, "{xml}");
        assert!(document.header("value").is_none_or(|value| value.xsi_type() == "CD"));
    }
}

#[test]
fn faults_name_their_place() {
    let start = "<ClinicalDocument xmlns='urn:hl7-org:v3'>";
    let deep = format!("{start}{}", "<a>".repeat(XML_DEPTH_MAX));
    let at = start.len() as u64;
    let cases = [
        (start.to_owned(), "xml.cut", at),
        (format!("{start}<a></b></ClinicalDocument>"), "xml.not-well-formed", at + 3),
        (format!("{start}<a b='1' b='2'/></ClinicalDocument>"), "xml.not-well-formed", at),
        (format!("{start}<a b=1/></ClinicalDocument>"), "xml.not-well-formed", at),
        (format!("{start}<a"), "xml.not-well-formed", at),
        (format!("{start}</ClinicalDocument><a/>"), "xml.second-root", at + 19),
        (deep, "xml.too-deep", at + 3 * (XML_DEPTH_MAX as u64 - 1)),
        ("<section xmlns='urn:hl7-org:v3'/>".to_owned(), "cda.no-document", 0),
        ("words".to_owned(), "xml.no-root", 5),
        (String::new(), "xml.no-root", 0),
    ];
    for (xml, code, offset) in cases {
        assert_eq!(Document::read(xml.as_bytes()).unwrap_err(), Fault { code, offset }, "{}", &xml[..xml.len().min(80)]);
    }
    // After characters that took one byte each in the original.
    let latin = encoding_rs::WINDOWS_1252.encode("<?xml version='1.0' encoding='ISO-8859-1'?><ClinicalDocument>éé</a>").0;
    assert_eq!(Document::read(&latin).unwrap_err().offset, latin.len() as u64 - 4);
}

#[test]
fn what_is_no_document() {
    let section = "<section xmlns='urn:hl7-org:v3'><ClinicalDocument/></section>";
    let mime = "Content-Type: text/xml\r\n\r\n<ClinicalDocument/>";
    for head in [section, mime, "", "<", "<?xml version='1.0'", "<!DOCTYPE x [", "<html/>"] {
        assert!(!looks_like_cda(head.as_bytes()), "{head}");
    }
}

#[test]
fn endless_attributes_and_prefixes_are_bounded() {
    let many = |what: &str| (0..100_000).map(|i| format!(" {what}{i}='{i}'")).collect::<String>();
    for what in ["a", "xmlns:p"] {
        let xml = document(&format!("<id root='1'{}/><title>t</title>", many(what)));
        let document = Document::read(xml.as_bytes()).unwrap();
        assert_eq!(document.title(), "t");
        assert!(!document.findings().is_empty());
    }
}

#[test]
fn where_a_body_in_base64_lies() {
    let body = |inside: &str| {
        document(&format!(
            "<component><nonXMLBody><text mediaType='text/plain' representation='B64'>{inside}</text></nonXMLBody></component>"
        ))
    };
    let xml = body("\n aGVs\n bG8= \n");
    let read = Document::read(xml.as_bytes()).unwrap();
    let Body::File(text) = read.body() else { panic!("no body") };
    assert_eq!(&xml[read.base64_span(text).unwrap()], "\n aGVs\n bG8= \n");
    for broken in ["<![CDATA[aGVsbG8=]]>", "aGVs&#10;bG8=", "<reference value='x'/>aGVs"] {
        let xml = body(broken);
        let read = Document::read(xml.as_bytes()).unwrap();
        let Body::File(text) = read.body() else { panic!("no body") };
        assert_eq!(read.base64_span(text), None, "{broken}");
    }
}

/// Reads everything that can be read of a document.
fn walk(bytes: &[u8]) {
    looks_like_cda(bytes);
    let Ok(document) = Document::read(bytes) else { return };
    section_texts(&document);
    document.entry_count();
    for element in document.root().descendants() {
        let inside =
            element.inner_span().is_none_or(|inner| element.span().is_some_and(|s| s.start <= inner.start && inner.end <= s.end));
        assert!(inside && element.span().is_none_or(|span| bytes.get(span).is_some()));
        assert!(element.attributes().count() <= crate::limits::XML_ATTRIBUTES_MAX);
        assert!(element.elements().count() <= element.descendants().count());
        element.text();
    }
}

proptest! {
    #[test]
    fn damaged_documents_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6), cut in any::<prop::sample::Index>()) {
        let sound = document(&format!("<title>A&amp;é</title><sdtc:x xsi:type='a:B' ID='q'/>{SECTIONS}"));
        let mut bytes = sound.into_bytes();
        for (at, byte, how) in edits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes[at] = b"<>&;'\"/="[usize::from(byte) % 8],
            }
        }
        walk(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        walk(&bytes);
    }
}
