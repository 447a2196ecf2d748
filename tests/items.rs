//! The made-up hospital, in every form that it arrives in, as pages of a release: every word of every text is in the file that is
//! read back, in its order, and every file is there or said to be missing.
//!
//! Not for: single elements of records (`src/release/paper/items`).

use std::process::Command;

use chartkeep::formats::{MediaKind, text_of};
use chartkeep::model::{ArchiveId, Document, DocumentId, Kind, Record};
use chartkeep::query::Taken;
use chartkeep::release::paper::items::paged;
use chartkeep::release::paper::{Exception, Setting};
use chartkeep::release::redaction::{Redactions, Redactor};
use chartkeep::release::selection::{Item, Person};
use chartkeep::render::pdf::content::{Content, Part};
use chartkeep::render::pdf::typeset;
use chartkeep::store::Accession;
use chartkeep::synth::{Format, Options};
use sha2::{Digest, Sha256};

use crate::support::archive::accessions;
use crate::support::{Hospital, chartkeep, folder, init, loaded};

/// Records of one kind that are printed.
const EACH: usize = 25;
const NAME: &str = "QUILLFEATHER, Jane";

/// A record of an archive with its files.
struct Held {
    item: Item,
    taken: Taken,
    documents: Vec<Document>,
}

fn held(accession: &Accession) -> Vec<Held> {
    let mut out: Vec<Held> = Vec::new();
    for number in 0..accession.frames() {
        let frame = accession.frame(number, true).expect("the frame reads");
        for index in 0..frame.len() {
            let (Some(kind), Some((id, original_id))) = (frame.kind(index), frame.names(index)) else { continue };
            let many = out.iter().filter(|held| held.taken.record.kind == kind).count();
            if many >= EACH * if kind.name() == "DocumentReference" { 4 } else { 1 } {
                continue;
            }
            let mut json = Vec::new();
            frame.served(index, &id, &mut json);
            let record = Record {
                kind,
                id: ArchiveId::parse(&id).expect("an id"),
                original_id: original_id.as_str().into(),
                patient: None,
                place: accession.place(frame.ordinal(index)),
                source_system: accession.source_system.clone(),
                version: 1,
                label: frame.label(index),
                json: String::from_utf8(json).expect("text").into(),
            };
            let files = (0..).map_while(|file| frame.attachment(index, file).ok().flatten()).enumerate();
            let documents = files.map(|(file, bytes)| document(&record, file, bytes)).collect();
            let item = Item { n: out.len(), kind: kind.name().into(), title: kind.name().into(), ..Item::default() };
            let original = frame.original(index).expect("a record reads");
            out.push(Held { item, taken: Taken { record, original, leaf: None }, documents });
        }
    }
    out
}

fn document(record: &Record, number: usize, bytes: Vec<u8>) -> Document {
    let id = ArchiveId::parse(&format!("{}-{number}-{}", record.kind.number(), record.id)).expect("an id");
    let root: serde_json::Value = serde_json::from_str(&record.json).expect("JSON");
    let attachment = root.pointer(&format!("/content/{number}/attachment")).or(root.pointer(&format!("/presentedForm/{number}")));
    let declared = attachment.unwrap_or(&root)["contentType"].as_str().unwrap_or_default().to_owned();
    let sha256 = Sha256::digest(&bytes).into();
    Document { id: DocumentId(id), record: record.clone(), content_type: declared, title: None, bytes, sha256 }
}

/// Prints records and gives the text of each, without the lines that every page has, and what is missing.
fn printed(all: &[Held]) -> Vec<(String, Vec<Exception>)> {
    let patient = Person { name: NAME.into(), birth_date: "1961".into(), numbers: vec!["MRN 1".into()], ..Person::default() };
    let setting = Setting { patient, custodian: "Riverside".into(), ..Setting::default() };
    let redactions = Redactions::default();
    let (mut parts, mut exceptions): (Vec<Part>, Vec<Vec<Exception>>) = Default::default();
    for Held { item, taken, documents } in all {
        let made = paged(item, taken, documents, &setting, &Redactor::new(&redactions, item.n)).expect("nothing is redacted");
        parts.push(made.part);
        exceptions.push(made.exceptions);
    }
    let made = typeset(&Content { parts, ..Content::default() }).expect("a file");
    assert!(made.printed.lost.is_empty(), "{:?}", made.printed.lost);
    let home = folder();
    let file = home.path().join("records.pdf");
    std::fs::write(&file, &made.bytes).expect("written");
    let read = Command::new("pdftotext").arg("-raw").arg(&file).arg("-").output().expect("poppler");
    let text = String::from_utf8(read.stdout).expect("text");
    let pages: Vec<&str> = text.split('\u{c}').map(|page| page.split(NAME).next().unwrap_or_default()).collect();
    let of = |range: &std::ops::Range<u32>| pages[range.start as usize - 1..range.end as usize - 1].join("\n");
    made.printed.parts.iter().map(of).zip(exceptions).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// A CDA document without its entries, whose words are data beside the narrative. Any other file as it is.
fn without_entries(bytes: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let mut pieces = text.replace("<entry ", "<entry>").split("<entry>").map(str::to_owned).collect::<Vec<_>>();
    pieces.iter_mut().skip(1).for_each(|piece| *piece = piece.split_once("</entry>").map_or("", |(_, after)| after).to_owned());
    pieces.concat().into_bytes()
}

/// Checks the files of records against their pages; how many had words.
fn check(name: &str, all: &[Held]) -> usize {
    let mut read = 0;
    for (held, (text, exceptions)) in all.iter().zip(printed(all)) {
        let about = format!("{name}: {} {}", held.item.kind, held.taken.record.id);
        let found = words(&text);
        for document in &held.documents {
            let is_told = exceptions.iter().any(|it| it.attachment.as_deref() == Some(document.id.0.as_str()));
            let own = text_of(&without_entries(&document.bytes), Some(&document.content_type));
            match own.kind {
                MediaKind::Text | MediaKind::Rtf | MediaKind::Html if !is_told => {
                    let mut rest = found.iter();
                    let lost = words(&own.text).into_iter().find(|word| !rest.any(|found| found == word));
                    assert_eq!(lost, None, "{about}: not there, or not in its place");
                    read += 1;
                }
                MediaKind::Cda if !is_told => {
                    let lost = words(&own.text).into_iter().find(|word| !found.contains(word));
                    assert_eq!(lost, None, "{about}");
                    read += 1;
                }
                MediaKind::Pdf | MediaKind::Tiff | MediaKind::Jpeg | MediaKind::Png => {
                    assert!(is_told || text.contains("of its own follow"), "{about}: {:?}", own.kind);
                }
                _ => assert!(is_told, "{about}: {:?} is neither printed nor missing", own.kind),
            }
        }
        for exception in &exceptions {
            let lost = words(&exception.why).into_iter().find(|word| !found.contains(word));
            assert_eq!(lost, None, "{about}: the page does not say {:?}", exception.why);
        }
    }
    read
}

#[test]
fn every_word_of_the_hospitals_texts_is_on_the_pages() {
    for accession in accessions(loaded()) {
        let all = held(&accession);
        assert!(all.iter().any(|held| held.taken.record.kind == Kind::PATIENT));
        let read = check("FHIR", &all);
        assert!(read >= 20, "{read} texts");
    }
}

#[test]
fn what_arrived_in_other_forms_is_on_the_pages_too() {
    for format in [Format::Hl7v2, Format::Ccda] {
        let hospital = Hospital::new(&Options { format, patients: 6, seed: 15, ..Options::default() });
        let home = folder();
        let archive = init(&home);
        chartkeep([
            "ingest".as_ref(),
            "--source-system".as_ref(),
            "mer".as_ref(),
            archive.as_os_str(),
            hospital.delivery().as_os_str(),
        ]);
        for accession in accessions(&archive) {
            let all = held(&accession);
            let read = check(&format!("{format:?}"), &all);
            assert!(read >= 5, "{format:?}: {read} texts of {} records", all.len());
        }
    }
}
