//! The hospital's documents alone: a folder of files, an index of them, and the mapping file that explains the index.
//!
//! Not for: reading such folders.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::SynthError;
use super::super::people::Person;
use super::super::sink::Type;
use super::Writer;
use super::output::Output;
use super::records::{Records, labels, text};

/// Of each kind of document: LOINC code, the scanning station's own code for it, title.
const KINDS: [(&str, &str, &str); 7] = [
    ("11506-3", "PROG", "Progress note"),
    ("18842-5", "DISCH", "Discharge summary"),
    ("11488-4", "CONS", "Consultation note"),
    ("11504-8", "OPNOTE", "Surgical operation note"),
    ("51852-2", "LETTER", "Letter"),
    ("34748-4", "PHONE", "Telephone encounter note"),
    ("34111-5", "EDNOTE", "Emergency department note"),
];

const INDEX: &str = "index.csv";
const HEADER: &str = "file,patient,date,type,author,title,visit\r\n";

/// Writes files as it goes, the index with them, and the mapping file last.
#[derive(Default)]
pub(super) struct Scans {
    has_begun: bool,
    /// Types that stand in the index, and the sensitivity codes of each.
    types: BTreeMap<String, (usize, Vec<String>)>,
}

impl Scans {
    /// The station's code for a document: restricted ones have codes of their own.
    fn kind(&mut self, document: &Value) -> String {
        let loinc = text(document, "/type/coding/0/code");
        let place = KINDS.iter().position(|(code, ..)| *code == loinc).unwrap_or(0);
        let security = labels(document);
        let mut code = KINDS[place].1.to_owned();
        security.iter().skip(1).for_each(|label| code.push_str(&format!("-{label}")));
        self.types.insert(code.clone(), (place, security.into_iter().map(String::from).collect()));
        code
    }
}

impl Writer for Scans {
    fn patient(&mut self, person: &Person, records: &Records<'_>, out: &mut Output) -> Result<(), SynthError> {
        if !std::mem::replace(&mut self.has_begun, true) {
            out.append(INDEX, HEADER.as_bytes())?;
        }
        for document in records.all(Type::DocumentReference) {
            let media = text(document, "/content/0/attachment/contentType");
            let (media, ending) = match media {
                "application/pdf" => (media, "pdf"),
                "application/rtf" => (media, "rtf"),
                "text/html" => (media, "html"),
                "image/tiff" => (media, "tif"),
                _ => ("text/plain", "txt"),
            };
            let date = text(document, "/date");
            let number: String = text(document, "/id").chars().filter(|c| *c != '-').take(12).collect();
            let file = format!("{}/{}/{number}.{ending}", person.mrn, date.get(..4).unwrap_or("undated"));
            let kind = self.kind(document);
            let visit = text(document, "/context/encounter/0/reference");
            let visit = records.target(Type::Encounter, visit).map_or("", |visit| text(visit, "/identifier/0/value"));
            let author = text(document, "/author/0/display");
            let title = text(document, "/content/0/attachment/title");
            let row = [&file, &person.mrn, date, &kind, author, title, visit].map(quoted).join(",");
            out.append(INDEX, format!("{row}\r\n").as_bytes())?;
            out.file(&file, &records.document(document))?;
            out.count(&file, &format!("file:{media}"), 1);
            out.joined(INDEX, "row:document list", 1);
        }
        out.tell(Type::DocumentReference, records.all(Type::DocumentReference).len() as u64);
        Ok(())
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), SynthError> {
        out.file("mapping.toml", self.mapping().as_bytes())
    }
}

impl Scans {
    fn mapping(&self) -> String {
        let mut toml = format!(
            "# What the scanning station's index says.\nschema = 1\nsource = \"scanstation\"\nversion = \"1\"\n\
             timezone = \"America/New_York\"\n\n[documents]\npatient_namespace = \"SOH\"\nencounter_namespace = \"SOHV\"\n\
             date_formats = [\"%Y-%m-%dT%H:%M:%S%:z\"]\n\n[documents.manifest]\nfile = \"{INDEX}\"\n\n\
             [documents.manifest.columns]\n"
        );
        for column in ["file", "patient", "date", "type", "author", "title"] {
            toml.push_str(&format!("{column} = \"{column}\"\n"));
        }
        toml.push_str("encounter = \"visit\"\n");
        for (code, (place, security)) in &self.types {
            let (loinc, _, title) = KINDS[*place];
            toml.push_str(&format!("\n[documents.types.{code}]\ndisplay = \"{title}\"\nloinc = \"{loinc}\"\n"));
            toml.push_str(&format!("loinc_display = \"{title}\"\n"));
            if !security.is_empty() {
                toml.push_str(&format!("security = {security:?}\n"));
            }
        }
        toml
    }
}

/// A field of CSV.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}
