//! The inputs that damage begins with: small, made up here, of every form that a reader knows; and files by others where
//! `CHARTKEEP_CORPUS` names a folder of them.
//!
//! Not for: damaging them (`mutate`).

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use chartkeep::formats::table::Dialect;
use chartkeep::mapping::tabular::ready;

use super::dice::Dice;

/// An input and what it is called. A name with a slash is a table of a system that has a ready mapping.
pub struct Seed {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Files by others that a target takes, and how long they may be.
const OTHERS_MAX: usize = 60;
const OTHERS_BYTES_MAX: u64 = 150 << 10;

fn made(seeds: &[(&str, &[u8])]) -> Vec<Seed> {
    seeds.iter().map(|(name, bytes)| Seed { name: (*name).into(), bytes: bytes.to_vec() }).collect()
}

/// Adds files below a folder of the corpus that have one of these endings, from all over it.
fn with_others(mut seeds: Vec<Seed>, folder: &str, endings: &[&str]) -> Vec<Seed> {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") else { return seeds };
    let mut files = Vec::new();
    below(&Path::new(&corpus).join(folder), &mut files);
    files.retain(|path| {
        let name = path.to_string_lossy().to_lowercase();
        endings.iter().any(|ending| name.ends_with(ending)) && path.metadata().is_ok_and(|m| m.len() <= OTHERS_BYTES_MAX)
    });
    files.sort();
    let step = files.len().div_ceil(OTHERS_MAX).max(1);
    for path in files.into_iter().step_by(step) {
        if let (Ok(bytes), Some(name)) = (std::fs::read(&path), path.file_name()) {
            seeds.push(Seed { name: name.to_string_lossy().into_owned(), bytes });
        }
    }
    seeds
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { below(&path, files) } else { files.push(path) }
    }
}

pub const MESSAGES: &str = "FHS|^~\\&|LAB|OLD\rBHS|^~\\&|LAB|OLD\r\
MSH|^~\\&|REG|OLD|ARC|NEW|20110403081500+0200||ADT^A01^ADT_A01|M1|P|2.5.1|||||DEU|UNICODE UTF-8\rEVN|A01|201104030814\r\
PID|1||4711^^^OLD^MR~123-45-6789^^^USSSA^SS||Ahlgren^Eva^M^^Dr.^^L~Berg^Eva^^^^^M|Holm^Ada|19550703|F||2106-3^White^HL70005|\
12 Oak St&12^Apt 2^Springfield^IL^62701^USA^H^^Sangamon||^PRN^PH^^1^217^5550100~^NET^Internet^eva@example.org||en|M||A1|||||||||||N\r\
NK1|1|Ahlgren^Jan|SPO|12 Oak St^^Springfield|5550101\rPV1|1|I|ICU^12^B^OLD||||77^Weiss^Otto^^^Dr.^^^NPI||||||||||||V9^^^OLD|||||||||||||||||||||||||20110401|20110403\r\
AL1|1|DA|7980^Penicillin^RXNORM|SV|Rash~Hives|20010101\rDG1|1||K80.20^Gallstone^I10|||F\rIN1|1|P1|C1|Insurer One||||G1||||20100101||||Ahlgren^Eva|SEL\r\
MSH|^~\\&|LAB|OLD|ARC|NEW|201104041200||ORU^R01|M2|P|2.3\rPID|1||4711^^^OLD^MR||Ahlgren^Eva\rPV1|1|O\rORC|RE|O1|F1||CM\r\
OBR|1|O1|F1|2345-7^Glucose^LN|||201104040900|||||||201104040905|BLD|77^Weiss^Otto||||||201104041100||LAB|F\r\
OBX|1|NM|2345-7^Glucose^LN||>5.4|mmol/L|3.9-5.8|H|||F|||201104040900\rNTE|1||fasting \\T\\ rested\\.br\\second\r\
OBX|2|ST|X1^Note^L||\\X48692C\\ \\F\\ done||||||C\rOBX|3|ED|PDF^Report^L||^AP^PDF^Base64^JVBERi0xLjQKJSVFT0YK||||||F\rOBX|4|TX|T^Text^L||line one~line two||||||F\r\
SPM|1|S1||BLD^Blood^HL70487|||||||||||||20110404\rZLB|1|own~thing^x&y\r\
MSH|^~\\&|IMM|OLD|||20120101||VXU^V04^VXU_V04|M3|T|2.5.1\rPID|1||99^^^OLD^MR||Child^Test||20110601|M\rORC|RE||V1\r\
RXA|0|1|20120101|20120101|08^Hep B^CVX|0.5|mL^^UCUM||00^new^NIP001|^Nurse^N||||L1|20130101|MSD^Merck^MVX|||CP|A\rRXR|IM^^HL70162|LA\r\
MSH|^~\\&|REG|OLD|||20120202||ADT^A40|M4|P|2.3\rEVN|A40|20120202\rPID|1||4711^^^OLD^MR\rMRG|4700^^^OLD^MR\r\
MSH|^~\\&|TR|OLD|||20120203||MDM^T02|M5|P|2.4\rPID|1||4711^^^OLD^MR\rTXA|1|DS^Discharge|TX|20120203|77^Weiss||||||D1|||||AU\rOBX|1|FT|||Discharged\\.sp2\\well.\r\
MSH|^~\\&|SCH|OLD|||20120204||SIU^S12|M6|P|2.4\rSCH|A1|A1|||||CHECK^Check||30|min|^^30^201205010900^201205010930\rPID|1||4711^^^OLD^MR\rRGS|1\rAIP|1||77^Weiss\r\
MSH|^~\\&|PH|OLD|||20120205||RDE^O11|M7|P|2.5\rPID|1||4711^^^OLD^MR\rORC|NW|R1\rRXE|1^BID^D10^20120205|00093^Amoxicillin^NDC|500||mg|CAP||||20|EA|2\rRXR|PO\rTQ1|1||Q8H\r\
MSH|^~\\&|BIL|OLD|||20120206||DFT^P03|M8|P|2.3\rPID|1||4711^^^OLD^MR\rFT1|1|T1||20120206||CG|99213^Visit^CPT||||1|120.00^USD\rPR1|1||0DT|Removal|20110403\rBTS|8\rFTS|1\r";

pub fn hl7v2() -> Vec<Seed> {
    let framed = MESSAGES.split_inclusive("\rMSH").map(|m| format!("\u{b}{m}\u{1c}\r")).collect::<String>();
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(MESSAGES.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let other = MESSAGES.replace('|', "$").replace("^~\\&", "*%!+").replace('^', "*");
    let seeds = made(&[
        ("batch", MESSAGES.as_bytes()),
        ("lines", MESSAGES.replace('\r', "\r\n").as_bytes()),
        ("framed", framed.as_bytes()),
        ("wide", &wide),
        ("other marks", other.as_bytes()),
        ("latin", &[b"MSH|^~\\&|A|B|||2011||ADT^A08|1|P|2.3||||||8859/1\rPID|1||7||M".as_slice(), b"\xfcller\r"].concat()),
    ]);
    with_others(seeds, "hl7v2", &[".hl7", ".txt", ".er7", ".dat", ".msg"])
}

pub const DOCUMENT: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><templateId root="2.16.840.1.113883.10.20.22.1.2"/>
<id root="2.999.1" extension="D-1"/><code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summary"/><title>Summary of care</title>
<effectiveTime value="20140304120000-0500"/><confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>
<recordTarget><patientRole><id root="2.999.2" extension="4711"/><id root="2.16.840.1.113883.4.1" extension="123-45-6789"/>
<addr use="HP"><streetAddressLine>12 Oak St</streetAddressLine><city>Springfield</city><postalCode>62701</postalCode></addr><telecom use="HP" value="tel:+1-217-555-0100"/>
<patient><name use="L"><given>Eva</given><family>Ahlgren</family></name><administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19550703"/>
<raceCode code="2106-3" codeSystem="2.16.840.1.113883.6.238"/></patient></patientRole></recordTarget>
<author><time value="20140304"/><assignedAuthor><id root="2.16.840.1.113883.4.6" extension="1234567893"/><assignedPerson><name>Otto Weiss</name></assignedPerson></assignedAuthor></author>
<custodian><assignedCustodian><representedCustodianOrganization><id root="2.999.3"/><name>Old Hospital</name></representedCustodianOrganization></assignedCustodian></custodian>
<componentOf><encompassingEncounter><id root="2.999.4" extension="V9"/><effectiveTime><low value="20140301"/><high nullFlavor="UNK"/></effectiveTime></encompassingEncounter></componentOf>
<component><structuredBody>
<component><section><templateId root="2.16.840.1.113883.10.20.22.2.5.1"/><code code="11450-4" codeSystem="2.16.840.1.113883.6.1"/><title>Problems</title>
<text><table><tr><th>Problem</th></tr><tr><td ID="p1">Asthma &amp; wheeze</td></tr></table></text>
<entry><act classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.3"/><id root="2.999.5" extension="1"/><code code="CONC"/><statusCode code="active"/><effectiveTime><low value="2010"/></effectiveTime>
<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.4"/><id root="2.999.5" extension="2"/><code code="55607006" codeSystem="2.16.840.1.113883.6.96"/><text><reference value="#p1"/></text><statusCode code="completed"/>
<effectiveTime><low value="20100405"/></effectiveTime><value xsi:type="CD" code="195967001" codeSystem="2.16.840.1.113883.6.96"><originalText><reference value="#p1"/></originalText><translation code="J45.9" codeSystem="2.16.840.1.113883.6.90"/></value></observation></entryRelationship></act></entry></section></component>
<component><section><templateId root="2.16.840.1.113883.10.20.22.2.1.1"/><code code="10160-0" codeSystem="2.16.840.1.113883.6.1"/><title>Medications</title><text><list><item ID="m1">Albuterol</item></list></text>
<entry><substanceAdministration classCode="SBADM" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.16"/><id root="2.999.6"/><statusCode code="active"/><effectiveTime xsi:type="IVL_TS"><low value="20120806"/></effectiveTime><effectiveTime xsi:type="PIVL_TS" operator="A"><period value="12" unit="h"/></effectiveTime>
<routeCode code="C38216" codeSystem="2.16.840.1.113883.3.26.1.1"/><doseQuantity value="1" unit="mg"/><rateQuantity><low value="1"/></rateQuantity><consumable><manufacturedProduct><manufacturedMaterial><code code="573621" codeSystem="2.16.840.1.113883.6.88"><originalText>Albuterol</originalText></code></manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry></section></component>
<component><section><templateId root="2.16.840.1.113883.10.20.22.2.3.1"/><code code="30954-2" codeSystem="2.16.840.1.113883.6.1"/><title>Results</title><text>Glucose <content ID="r1">5.4</content></text>
<entry><organizer classCode="BATTERY" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.1"/><id root="2.999.7"/><code code="24323-8" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/>
<component><observation classCode="OBS" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.2"/><id root="2.999.8"/><code code="2345-7" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/><effectiveTime value="201403040800"/><value xsi:type="PQ" value="5.4" unit="mmol/L"/><interpretationCode code="H"/>
<referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="3.9" unit="mmol/L"/><high value="5.8" unit="mmol/L"/></value></observationRange></referenceRange></observation></component></organizer></entry></section></component>
<component><section><code code="48765-2" codeSystem="2.16.840.1.113883.6.1"/><title>Allergies</title><text><paragraph>Penicillin<br/>rash</paragraph></text></section></component>
<component><section><code code="11369-6" codeSystem="2.16.840.1.113883.6.1"/><title>Immunizations</title><text/><entry><substanceAdministration classCode="SBADM" moodCode="EVN" negationInd="false"><templateId root="2.16.840.1.113883.10.20.22.4.52"/><id root="2.999.9"/><statusCode code="completed"/><effectiveTime value="20120101"/><consumable><manufacturedProduct><manufacturedMaterial><code code="08" codeSystem="2.16.840.1.113883.12.292"/><lotNumberText>L1</lotNumberText></manufacturedMaterial></manufacturedProduct></consumable></substanceAdministration></entry></section></component>
</structuredBody></component></ClinicalDocument>
"##;

pub fn cda() -> Vec<Seed> {
    let start = DOCUMENT.find("<component><structuredBody>").unwrap_or(0);
    let file = "<component><nonXMLBody><text mediaType=\"application/rtf\" representation=\"B64\">e1xydGYxIGhlbGxvfQ==\n</text></nonXMLBody></component></ClinicalDocument>";
    let wide: Vec<u8> =
        std::iter::once(0xfeff).chain(DOCUMENT.replace("UTF-8", "UTF-16").encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let seeds = made(&[
        ("document", DOCUMENT.as_bytes()),
        ("file", format!("{}{file}", &DOCUMENT[..start]).as_bytes()),
        (
            "prefix",
            DOCUMENT.replace('<', "<h:").replace("<h:/", "</h:").replace("<h:?", "<?").replace("xmlns=", "xmlns:h=").as_bytes(),
        ),
        ("wide", &wide),
    ]);
    with_others(seeds, "ccda", &[".xml"])
}

/// Documents with narrative of every kind, and bodies that are files.
pub fn pages() -> Vec<Seed> {
    let with = |body: &str| {
        format!(
            "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:sdtc=\"urn:hl7-org:sdtc\"><title>T</title><confidentialityCode code=\"R\"/>\
             <recordTarget><patientRole><id root=\"1.2\" extension=\"7\"/><patient><name><given>A</given></name></patient></patientRole></recordTarget>\
             <component>{body}</component></ClinicalDocument>"
        )
    };
    let file = |kind: &str, text: &str| {
        with(&format!("<nonXMLBody><text mediaType=\"{kind}\" representation=\"B64\">{text}</text></nonXMLBody>"))
    };
    let narrative = with(NARRATIVE);
    let mut seeds = cda();
    seeds.extend(made(&[
        ("narrative", narrative.as_bytes()),
        ("html body", file("text/html", "PGRpdj48cD5vbmU8dGFibGU+PHRyPjx0ZD50d288L3RhYmxlPjx1bD48bGk+dGhyZWU=").as_bytes()),
        ("rtf body", file("text/rtf", "e1xydGYxIGhlbGxvXHBhciB3b3JsZH0=").as_bytes()),
        (
            "picture body",
            file("image/png", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
                .as_bytes(),
        ),
    ]));
    seeds
}

const NARRATIVE: &str = "<structuredBody><component><section><code code=\"1\"/><title>A<sup>2</sup></title><text ID=\"t\">\
<paragraph styleCode=\"xIndent\"><caption>c</caption>a<content ID=\"c1\" styleCode=\"Bold xAlert\" revised=\"delete\">b</content>\
<footnote ID=\"f\">note</footnote><footnoteRef IDREF=\"f\"/><linkHtml href=\"#c1\" title=\"x\">in</linkHtml><linkHtml href=\"https://x.example/\">out</linkHtml></paragraph>\
<list listType=\"ordered\" styleCode=\"BigRoman\"><caption>l</caption><item>one<list><item>two</item></list></item></list>\
<table summary=\"s\"><caption>t</caption><colgroup><col width=\"40%\"/><col span=\"2\"/></colgroup><thead><tr><th scope=\"col\" ID=\"h\">H</th><th>I</th></tr></thead>\
<tfoot><tr><td colspan=\"2\">F</td></tr></tfoot><tbody><tr><td rowspan=\"2\" headers=\"h\">x<table><tr><td>y</td></tr></table></td><td align=\"right\">1   2   3</td></tr><tr><td/></tr></tbody></table>\
<pre>p  q\n r</pre><renderMultiMedia referencedObject=\"m n\"/></text><entry><observationMedia ID=\"m\"><value mediaType=\"text/plain\">words</value></observationMedia></entry>\
<entry><observation><code code=\"2\" displayName=\"Only coded\"/></observation></entry><component><section nullFlavor=\"NI\"><text/></section></component></section></component></structuredBody>";

/// A dialect by chance.
pub fn dialect(dice: &mut Dice) -> Dialect {
    let written = [
        "{ delimiter = \"|\", quote = \"none\", escape = \"backslash\" }",
        "{ delimiter = \",\", quote = \"'\", escape = \"backslash\", line_end = \"crlf\" }",
        "{ delimiter = \"tab\", quote = \"none\", encoding = \"utf-16le\" }",
        "{ delimiter = \";\", encoding = \"utf-16be\", line_end = \"cr\" }",
        "{ delimiter = \",\", encoding = \"utf-8-or-windows-1252\" }",
        "{ columns = [{ name = \"a\", start = 1, len = 8 }, { name = \"b\", start = 9, len = 5 }], encoding = \"windows-1252\" }",
        "{ columns = [{ name = \"a\", start = 3, len = 9223372036854775807 }], encoding = \"utf-8\", header = true }",
    ];
    let text: toml::Table = format!("d = {}", dice.pick(&written)).parse().expect("written as TOML");
    text["d"].clone().try_into().expect("a dialect")
}

/// The tables of a system that has a ready mapping, by name.
pub fn delivery(system: &str) -> BTreeMap<String, Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/legacy");
    let folder = match (system, std::env::var_os("CHARTKEEP_CORPUS")) {
        ("hartwell-pm", _) => fixtures.join("hartwell"),
        ("synthea", Some(corpus)) => Path::new(&corpus).join("csv/synthea-full-set"),
        _ => fixtures.join(system),
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let mut bytes = std::fs::read(entry.path()).unwrap_or_default();
        bytes.truncate(4 << 10);
        files.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    files
}

pub fn tables() -> Vec<Seed> {
    let mut seeds = made(&[
        ("quoted", b"id,name,note\r\n1,\"Ahlgren, Eva\",\"said \"\"no\"\"\nand left\"\r\n2,,\r\n3,M\xc3\xbcller,2011-02-03\r\n"),
        ("pipes", b"ID|NAME|BORN|CODE\n1|Eva|1955-07-03|A\n2|O\\|tto|19600101|B\n3|N\\\\|NULL|\\N\n"),
        ("latin", b"id;name;amount\n1;M\xfcller;1,5\n2;Gr\xfcn;-2,5\n"),
        ("columns", b"00001Ahlgren   19550703\n00002Weiss     19600101\n00003          \n\x1a"),
        ("dates", b"a,b,c\n31.12.2010,2010-12-31T08:00:00Z,12/31/2010\n01.01.1900,2010-02-30,1/2/10\n"),
    ]);
    for system in ready::names() {
        let tables = delivery(&system).into_iter();
        seeds.extend(tables.map(|(file, bytes)| Seed { name: format!("{system}/{file}"), bytes }));
    }
    with_others(seeds, "csv", &[".csv", ".txt"])
}

pub fn rtf() -> Vec<Seed> {
    let seeds = made(&[
        ("letter", br"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset128 MS;}}{\*\generator x;}\f0\b Dear\b0  Eva,\par caf\'e9 \u8364? \u-3? {\f1\'82\'a0}\par\trowd\cell a\cell b\row{\pict\bin4 abcd}{\field{\*\fldinst HYPERLINK x}{\fldrslt here}}\uc2\u945 ab\line\tab end}"),
        ("old", br"{\rtf1\mac Hello {\upr{one}{\*\ud{two}}} \'8e {\object{\result words}}\page}"),
    ]);
    with_others(seeds, "documents", &[".rtf"])
}

pub fn html() -> Vec<Seed> {
    let seeds = made(&[
        ("page", b"<!DOCTYPE html><html><head><meta charset=\"windows-1252\"><title>Note</title><style>p{}</style><script>x()</script></head><body onload=x><h1>Visit</h1><p>Caf\xe9 &amp; more &#8364; <b>bold<i>both</b></i><table border=1><tr><td>a<td>b</table><pre> as \n is </pre><ul><li>one<li>two</ul><a href=\"javascript:x\">go</a><img src=x onerror=y><!-- hidden --></body></html>"),
    ]);
    with_others(seeds, "documents", &[".html", ".htm"])
}

pub fn pdf() -> Vec<Seed> {
    let content = b"BT /F1 12 Tf 72 700 Td (Discharge summary) Tj 0 -14 Td [(Ahl) -20 (gren)] TJ ET q 1 0 0 1 5 5 cm /X1 Do Q";
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(content).expect("in memory");
    let packed = packed.finish().expect("in memory");
    let seeds = made(&[("plain", &one_page(content, "")), ("packed", &one_page(&packed, "/Filter /FlateDecode"))]);
    with_others(seeds, "documents", &[".pdf"])
}

fn one_page(content: &[u8], filter: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let map = b"/CIDInit begincmap 1 begincodespacerange <00> <ff> endcodespacerange 2 beginbfchar <41> <0041> <42> <00420043> endbfchar endcmap";
    let objects: [Vec<u8>; 7] = [
        b"<</Type /Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>".to_vec(),
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources <</Font <</F1 5 0 R>> /XObject <</X1 6 0 R>>>>>>".to_vec(),
        [format!("<</Length {} {filter}>>\nstream\n", content.len()).as_bytes(), content, b"\nendstream"].concat(),
        b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 7 0 R>>".to_vec(),
        b"<</Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X1 6 0 R>>>> /Length 10>>\nstream\nq /X1 Do Q\nendstream".to_vec(),
        [format!("<</Length {}>>\nstream\n", map.len()).as_bytes(), map, b"\nendstream"].concat(),
    ];
    let mut table = String::new();
    for (number, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend([format!("{} 0 obj\n", number + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let start = out.len();
    let end = format!("xref\n0 8\n0000000000 65535 f \n{table}trailer\n<</Size 8 /Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    out.extend(end.bytes());
    out
}

pub fn docx() -> Vec<Seed> {
    let body = "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r><w:t>Dear</w:t><w:tab/><w:t xml:space=\"preserve\"> Eva</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>";
    let parts = [("[Content_Types].xml", "<Types/>"), ("word/document.xml", body), ("word/footnotes.xml", body)];
    let seeds = made(&[("packed", &zipped(&parts, true)), ("stored", &zipped(&parts, false))]);
    with_others(seeds, "documents", &[".docx"])
}

fn zipped(members: &[(&str, &str)], is_packed: bool) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let method = if is_packed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    for (name, content) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default().compression_method(method)).expect("in memory");
        zip.write_all(content.as_bytes()).expect("in memory");
    }
    zip.finish().expect("in memory").into_inner()
}

fn tarred(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *content).expect("in memory");
    }
    tar.into_inner().expect("in memory")
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("in memory");
    packed.finish().expect("in memory")
}

pub fn containers() -> Vec<Seed> {
    let members = [("Patient.ndjson", "{\"resourceType\":\"Patient\",\"id\":\"1\"}\n"), ("sub/a.txt", "words words words words")];
    let (packed, stored) = (zipped(&members, true), zipped(&members, false));
    let long = "x/".repeat(80) + "name.txt";
    let tar = tarred(&[("a.txt", b"one"), (&long, b"two"), ("in.zip", &stored)]);
    let nested = tarred(&[("in.tar.gz", &gzipped(&tarred(&[("deep.zip", &packed)])))]);
    made(&[
        ("packed", &packed),
        ("stored", &stored),
        ("tar", &tar),
        ("tar.gz", &gzipped(&tar)),
        ("tar.zst", &zstd::encode_all(tar.as_slice(), 3).expect("in memory")),
        ("nested", &nested),
        ("zip in zip", &zipped(&[("b.txt", "b"), ("c.zip", &String::from_utf8_lossy(&stored))], true)),
    ])
}

pub const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","meta":{"versionId":"1","lastUpdated":"2020-01-01T00:00:00Z","security":[{"system":"http://x","code":"R"}]},"identifier":[{"system":"urn:oid:1.2","value":"4711"}],"name":[{"family":"Ahlgren","given":["Eva","M\u00fc"]}],"birthDate":"1955-07-03","multipleBirthInteger":2,"contained":[{"resourceType":"Organization","id":"o","name":"a \"b\""}]}"#;
pub const RESULT: &str = r##"{"resourceType":"Observation","id":"o1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2011-04-04","valueQuantity":{"value":5.40,"unit":"mmol/L","system":"http://unitsofmeasure.org"},"component":[{"valueString":"x"}],"extension":[{"url":"http://e/1","valueBoolean":true}]}"##;
pub const NOTE: &str = r#"{"resourceType":"DocumentReference","id":"d1","status":"current","subject":{"reference":"urn:uuid:5b7c0f0e-1111-4222-8333-444455556666"},"content":[{"attachment":{"contentType":"text/plain","data":"aGVsbG8gd29ybGQ=","url":"scans/a.pdf"}}]}"#;

/// A Bundle of the records above.
pub fn bundle() -> String {
    format!(
        "{{ \"resourceType\": \"Bundle\", \"type\": \"collection\",\n \"entry\": [ {{\"fullUrl\":\"urn:uuid:5b7c0f0e-1111-4222-8333-444455556666\",\"resource\": {PATIENT} }},\n {{\"resource\":{RESULT}}}, {{\"request\":{{}}}}, {{\"resource\":{NOTE}}} ] }}\n"
    )
}

pub fn fhir() -> Vec<Seed> {
    let lines = [PATIENT, RESULT, NOTE].join("\n");
    let seeds = made(&[("lines", lines.as_bytes()), ("bundle", bundle().replace('\n', "").as_bytes())]);
    with_others(with_others(seeds, "fhir-bundles", &[".json"]), "fhir-ndjson", &[".ndjson"])
}

pub fn code_maps() -> Vec<Seed> {
    made(&[
        ("table", b"# name: labs\n# version: 1\n# owner: lab\n# date: 2020-01-01\nsource_system,source_code,target_system,target_code,target_display,equivalence\nurn:x,GLU,http://loinc.org,2345-7,\"Glucose, serum\",equivalent\nurn:x,NA,http://loinc.org,2951-2,Sodium,wider\n"),
        ("concept map", br#"{"resourceType":"ConceptMap","name":"labs","version":"1","publisher":"lab","date":"2020-01-01","status":"active","group":[{"source":"urn:x","target":"http://loinc.org","element":[{"code":"GLU","target":[{"code":"2345-7","display":"Glucose","equivalence":"equivalent"},{"equivalence":"unmatched"}]}]}]}"#),
    ])
}

pub fn settings() -> Vec<Seed> {
    let mut seeds = made(&[("small", b"schema = 1\nsource = \"old\"\nversion = \"1\"\ntimezone = \"Europe/Zurich\"\nnever_delivered = [\"Goals\"]\n[hl7v2]\nexclude_processing_ids = [\"T\"]\nnull_times = [\"19000101\"]\n[cda]\npatient_roots = [\"1.2\"]\n[documents]\npattern = \"{patient}/{date:%Y%m%d}_{type}.{ext}\"\ndate_formats = [\"%d.%m.%Y\"]\n[documents.manifest]\nfile = \"list.csv\"\ncolumns = { file = \"file\", patient = \"patient\", date = \"date\" }\n[documents.types.LET]\ndisplay = \"Letter\"\nsecurity = [\"R\"]\n")]);
    let named = |name: String| Some(Seed { bytes: ready::text(&name)?.into_bytes(), name });
    seeds.extend(ready::names().into_iter().filter_map(named));
    seeds
}

pub fn expressions() -> Vec<Seed> {
    let all = [
        "concat(A, if(B is null, '', ' '), b.C)",
        "A = '' or not (B is null and num(C) >= 2.5)",
        "coalesce(split(A, ' ', 2), upper(trim(B)), 'x')",
        "substr(lower(A), 2, 3)",
        "matches(A, '^[0-9]{4}-(0|1)[0-9]') and A in ('a', 'b')",
        "date(A, '%Y-%m-%d') < date(B, '%d.%m.%Y')",
    ];
    made(&all.map(|text| (text, text.as_bytes())))
}

pub fn pictures() -> Vec<Seed> {
    let mut seeds = pdf();
    let image = image::GrayImage::from_fn(40, 30, |x, y| image::Luma([(x * y) as u8]));
    for (name, format) in
        [("png", image::ImageFormat::Png), ("tiff", image::ImageFormat::Tiff), ("jpeg", image::ImageFormat::Jpeg)]
    {
        let mut out = Cursor::new(Vec::new());
        image.write_to(&mut out, format).expect("in memory");
        seeds.push(Seed { name: name.into(), bytes: out.into_inner() });
    }
    with_others(seeds, "documents", &[".tif", ".jpg", ".png"])
}
