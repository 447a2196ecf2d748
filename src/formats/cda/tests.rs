//! Reading made-up documents, sound and damaged.

use super::*;

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
