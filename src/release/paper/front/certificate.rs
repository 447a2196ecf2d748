//! The certification of the custodian, ready to be signed: what it is about, boxes that nobody has ticked, what the system
//! recorded, lines for the signature.
//!
//! The pages keep apart what a person says and what the system recorded. Nothing is said in the signer's name here.
//!
//! Not for: the words, which are the site's (`texts`), or whether they are enough in law.

use super::Front;
use super::fill::{bates, pages, paragraphs};
use super::texts::{Certificate, FactGroup, Notary};
use super::words::*;
use crate::release::build::Provenance;
use crate::render::pdf::content::{Block, BoxLook, Cell, Look, Part, Run, Table};

/// A box that is not ticked.
const BOX: &str = "☐";

pub fn part(front: &Front<'_>) -> Option<Part> {
    let certificate = front.texts.certificate.as_ref()?;
    let mut blocks = vec![title(&certificate.title, "certificate")];
    blocks.push(small(vec![plain(&certificate.citation)]));
    if !front.plan.certificate.as_ref().is_some_and(|text| text.approved) {
        let words = "The text of this form has not been approved by the custodian's counsel.";
        blocks.push(Block::Box { look: BoxLook::Warning, blocks: vec![says(words)] });
    }
    blocks.push(fields(&caption(certificate)));
    blocks.extend(paragraphs(front, &certificate.opening).into_iter().map(paragraph));
    blocks.push(heading("What I state"));
    blocks.push(small(vec![plain("Each statement counts only where the signer has ticked its box.")]));
    blocks.push(statements(front, certificate));
    if !certificate.explains.is_empty() {
        blocks.extend(paragraphs(front, &certificate.explains).into_iter().map(|mut words| {
            words.push(plain(":"));
            paragraph(words)
        }));
        blocks.push(lines(4));
    }
    let mut declared = vec![heading("Declaration")];
    declared.extend(paragraphs(front, &certificate.declaration).into_iter().map(paragraph));
    declared.extend(paragraphs(front, &certificate.abroad).into_iter().map(small));
    declared.push(fields(&["Signature", "Signed on (date), at (place)", "Name in print", "Title", "Employer", "Telephone"]));
    blocks.push(together(declared));
    blocks.extend(notary(certificate.notary));
    blocks.extend(recorded(front, certificate));
    if !certificate.reminder.is_empty() {
        let words = paragraphs(front, &certificate.reminder).into_iter().map(paragraph);
        let blocks_of_box = std::iter::once(paragraph(vec![bold("Reminder for the parties")])).chain(words).collect();
        blocks.push(Block::Box { look: BoxLook::Plain, blocks: blocks_of_box });
    }
    blocks.push(small(vec![plain(&format!(
        "Form {}, version {}, of {}; SHA-256 of its text {}",
        certificate.name,
        certificate.version,
        certificate.date,
        certificate.digest()
    ))]));
    Some(front.page(&certificate.title, blocks))
}

/// What the court's papers begin with.
fn caption(certificate: &Certificate) -> Vec<&'static str> {
    match certificate.notary {
        Notary::Required => vec!["State of", "County of", "Court", "Matter (title and number)"],
        Notary::None | Notary::Optional => vec!["Court", "Matter (title and number)"],
    }
}

/// Fields of a form, two beside each other, with room for a pen; the label stands small above.
fn fields(labels: &[&str]) -> Block {
    let field = |label: &&str| {
        let label = Block::Paragraph { words: vec![muted(label)], look: Look::Small, anchor: None };
        Cell { blocks: vec![label, room()], ..Cell::default() }
    };
    let rows = labels.chunks(2).map(|pair| {
        let mut cells: Vec<Cell> = pair.iter().map(field).collect();
        cells.resize_with(2, Cell::default);
        cells
    });
    Block::Table(Table { body: rows.collect(), is_full: true, ..Table::default() })
}

/// Lines to write on.
fn lines(count: usize) -> Block {
    let line = || vec![Cell { blocks: vec![room()], ..Cell::default() }];
    Block::Table(Table { body: (0..count).map(|_| line()).collect(), is_full: true, ..Table::default() })
}

fn statements(front: &Front<'_>, certificate: &Certificate) -> Block {
    let rows = certificate.statements.iter().map(|statement| {
        let words: Vec<Block> = paragraphs(front, statement).into_iter().map(paragraph).collect();
        vec![cell(vec![plain(BOX)]), Cell { blocks: words, ..Cell::default() }]
    });
    Block::Table(Table { body: rows.collect(), is_full: true, ..Table::default() })
}

fn notary(notary: Notary) -> Option<Block> {
    let words = match notary {
        Notary::None => return None,
        Notary::Optional => "Notary, where the law asks for one",
        Notary::Required => "Notary",
    };
    Some(together(vec![
        heading(words),
        says("Subscribed and sworn to (or affirmed) before me."),
        fields(&["Notary public (seal)", "Date", "State and county", "My commission expires"]),
    ]))
}

/// Blocks on one page: a signature never stands apart from what is signed.
fn together(blocks: Vec<Block>) -> Block {
    let row = vec![Cell { blocks, ..Cell::default() }];
    Block::Table(Table { body: vec![row], is_full: true, ..Table::default() })
}

/// What the system recorded, in its own name.
fn recorded(front: &Front<'_>, certificate: &Certificate) -> Vec<Block> {
    let mut blocks =
        vec![Block::Heading { level: 2, words: vec![plain("What the system recorded")], anchor: None, outline: None }];
    blocks.push(small(vec![plain(
        "The software filled in what follows from its own records. It is not a statement of the signer, unless a ticked statement \
         above refers to it.",
    )]));
    for group in &certificate.facts {
        match group {
            FactGroup::Copy => blocks.extend(copy(front)),
            FactGroup::System => blocks.extend(system(front)),
            FactGroup::Process => {
                blocks.push(heading("How the system works"));
                blocks.extend(paragraphs(front, &certificate.process).into_iter().map(paragraph));
            }
            FactGroup::Migration => blocks.extend(migration(front)),
            FactGroup::Method => blocks.extend(method(front)),
            FactGroup::Redaction => blocks.extend(redaction(front)),
            FactGroup::Gaps => blocks.extend(gaps(front)),
        }
    }
    blocks
}

fn copy(front: &Front<'_>) -> Vec<Block> {
    let person = &front.selection.patient;
    let mut extent = vec![muted("Extent: ")];
    extent.extend(bates(front));
    extent.push(plain("; number of pages "));
    extent.extend(pages(front));
    let people = front.build.map_or(&[][..], |build| &build.approvals).iter();
    let people = people.map(|it| format!("{}: {}, {}", section_title(&it.role), it.name, minute(&it.at)));
    let born = format!("{}, born {}", person.name, person.birth_date);
    vec![
        heading("The copy"),
        paragraph(extent),
        facts(vec![
            ("Package", vec![front.package_id()]),
            ("Request", vec![front.plan.request.clone()]),
            ("Patient", vec![born, person.numbers.join(" · ")]),
            ("Records", vec![count(front.items.len() as u64)]),
            ("Volumes", front.setting.volume.map(|(_, all)| all.to_string()).into_iter().collect()),
            ("Made as of", vec![minute(&front.setting.as_of)]),
            ("Steps, by whom, when", people.collect()),
        ]),
    ]
}

fn system(front: &Front<'_>) -> Vec<Block> {
    let generator = &front.plan.generator;
    vec![
        heading("The system"),
        facts(vec![
            ("Software", vec![format!("{} {}", generator.name, generator.version)]),
            ("Kept by", vec![front.plan.custodian.name.clone()]),
            ("State of the archive", vec![front.selection.catalog.clone()]),
            ("Records chosen by", vec![front.selection.record_set.clone()]),
        ]),
    ]
}

fn migration(front: &Front<'_>) -> Vec<Block> {
    let mut blocks = vec![heading("Where the records came from")];
    if front.plan.provenance.is_empty() {
        blocks.push(says("No record of this package came from a delivery."));
    }
    blocks.extend(front.plan.provenance.iter().map(of_source));
    blocks
}

fn of_source(of: &Provenance) -> Block {
    let mut became = vec![format!("{} archived", count(of.archived))];
    let fates =
        [("the same as another", of.duplicate), ("kept whole, not readable", of.quarantined), ("left out by rule", of.excluded)];
    became.extend(fates.iter().filter(|(_, number)| *number > 0).map(|(words, number)| format!("{} {words}", count(*number))));
    if of.joined > 0 {
        became.push(format!("{} rows of lookup tables, joined to others", count(of.joined)));
    }
    let conversion = if of.mapping.is_empty() {
        "None: records are kept as they were delivered".to_owned()
    } else {
        let made = counted(of.derived, "record was made", "records were made");
        format!(
            "{made} by the mapping {} (SHA-256 {}); the delivered originals are kept beside them",
            of.mapping, of.mapping_sha256
        )
    };
    let zone = Some(&of.time_zone).filter(|zone| !zone.is_empty() && !of.mapping.is_empty());
    facts(vec![
        ("Source system", vec![of.system.clone()]),
        ("Extract reaches to", of.data_to.clone().into_iter().collect()),
        ("Taken into the archive", vec![minute(&of.sealed)]),
        ("Accession", vec![of.accession.clone()]),
        ("Read by", vec![of.made_by.clone()]),
        ("Conversion", vec![conversion]),
        ("Times without a zone", zone.map(|zone| format!("read as {zone}")).into_iter().collect()),
        ("Reconciliation", vec![format!("{} source records: {}", count(of.input), became.join("; "))]),
        ("Delivery, SHA-256", vec![of.delivery_sha256.clone()]),
        ("Merkle root", vec![format!("{} over {} records", of.merkle_root, count(of.records))]),
    ])
}

fn method(front: &Front<'_>) -> Vec<Block> {
    let signed = match front.build {
        Some(build) => {
            let print = super::key_fingerprint(&build.key_public).unwrap_or_default();
            format!("Ed25519 (RFC 8032) over manifest.json, with the key {}; SHA-256 of the public key {print}", build.key)
        }
        None => "Ed25519 (RFC 8032) over manifest.json, at approval".to_owned(),
    };
    vec![
        heading("Digests and signature"),
        facts(vec![
            ("Digest algorithm", vec!["SHA-256 (FIPS 180-4)".to_owned()]),
            (
                "What has a digest",
                vec![
                    "Every file of the package, in manifest.json".to_owned(),
                    "The delivered bytes of every record, in manifest.json and on the pages of digests".to_owned(),
                    "Every record as a leaf of the Merkle tree (RFC 6962) of its accession, whose root was signed when it was \
                     taken into the archive"
                        .to_owned(),
                ],
            ),
            ("Signature", vec![signed]),
            ("How to check", vec!["VERIFY.txt in the package, with standard tools".to_owned()]),
        ]),
    ]
}

/// What was redacted and why, by reason.
pub fn redaction(front: &Front<'_>) -> Vec<Block> {
    let mut blocks = vec![heading("Redactions")];
    let Some(redactions) = front.redactions.filter(|redactions| !redactions.is_empty()) else {
        blocks.push(says("Nothing was redacted."));
        return blocks;
    };
    blocks.push(says(
        "Words or regions were removed from the pages for the reasons below. The code stands in the place of what was removed.",
    ));
    let reasons = redactions.reasons.iter().map(|reason| {
        let words: Vec<Run> = vec![bold(&reason.code), plain("  "), plain(&reason.words)];
        vec![paragraph(words)]
    });
    blocks.push(Block::List { marker: crate::render::pdf::content::Marker::Disc, items: reasons.collect() });
    blocks
}

fn gaps(front: &Front<'_>) -> Vec<Block> {
    let mut blocks = vec![heading("Known gaps")];
    blocks.extend(super::completeness::not_loaded(front));
    blocks.push(says(
        "What was searched and what was not asked for is said under Completeness; what could not be brought onto pages, under \
         Exceptions.",
    ));
    blocks
}
