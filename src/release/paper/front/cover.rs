//! The letter that the records come with, and the short one of later volumes.
//!
//! Not for: the completeness page, which says what is not there.

use super::fill::{bates, pages};
use super::words::*;
use super::{Front, place};
use crate::release::paper::item_anchor;
use crate::release::request::{Party, Scope};
use crate::render::pdf::content::{Block, BoxLook, Marker, Part, Run, Table};

pub fn part(front: &Front<'_>) -> Part {
    let mut blocks = letterhead(front);
    blocks.extend(draft(front));
    blocks.push(heading(&format!("Records of {}", front.selection.patient.name)));
    blocks.extend(letter(front));
    blocks.extend(questions(front));
    blocks.push(heading("Patient"));
    blocks.push(patient(front));
    blocks.push(heading("Request"));
    blocks.push(request(front));
    blocks.push(heading("What is enclosed"));
    blocks.extend(enclosed(front));
    front.page("Cover letter", blocks)
}

/// The cover of a later volume.
pub fn short(front: &Front<'_>) -> Part {
    let (at, all) = front.setting.volume.unwrap_or((1, 1));
    let mut blocks = letterhead(front);
    blocks.push(heading(&format!("Records of {}: volume {at} of {all}", front.selection.patient.name)));
    let mut words = vec![plain(&format!("This volume goes on where volume {} ends. ", at.saturating_sub(1)))];
    words.push(plain(
        "The cover letter, the notices, the certificate if there is one, and the contents of all volumes stand in volume 1.",
    ));
    blocks.push(paragraph(words));
    blocks.push(patient(front));
    let records = front.of_volume.len() as u64;
    blocks.push(facts(vec![
        ("Request", vec![front.plan.request.clone()]),
        ("Package", vec![front.package_id()]),
        ("In this volume", vec![counted(records, "record", "records")]),
        ("Dates of service", vec![span(front.of_volume)]),
    ]));
    front.page("Cover", blocks)
}

fn letterhead(front: &Front<'_>) -> Vec<Block> {
    let from = &front.plan.custodian;
    let mut line: Vec<&str> = vec![&from.department];
    line.extend(from.address.iter().map(String::as_str));
    line.retain(|part| !part.is_empty());
    let contact: Vec<&str> = [from.phone.as_str(), &from.email].into_iter().filter(|part| !part.is_empty()).collect();
    let mut under = line.join(" · ");
    if !contact.is_empty() {
        under.push('\n');
        under.push_str(&contact.join(" · "));
    }
    let mut head = vec![title_of_letter(front), small(vec![plain(&under)]), Block::Rule];
    let date = front.build.map_or(&front.plan.made, |build| &build.approved);
    head.push(says(&day(date)));
    let to = address(&front.plan.recipient);
    if !to.is_empty() {
        head.push(says(&to.join("\n")));
    }
    head
}

fn title_of_letter(front: &Front<'_>) -> Block {
    let outline = if front.is_later_volume() { "Cover" } else { "Cover letter" };
    Block::Heading {
        level: 1,
        words: vec![plain(&front.plan.custodian.name)],
        anchor: Some(place("cover")),
        outline: Some(outline.into()),
    }
}

fn address(party: &Party) -> Vec<String> {
    let mut lines = vec![party.name.clone(), party.organisation.clone()];
    lines.extend(party.address.iter().cloned());
    lines.retain(|line| !line.is_empty());
    lines
}

/// Whoever sees a preview knows that it is one.
fn draft(front: &Front<'_>) -> Option<Block> {
    let words = "Preview for review. These pages are not released; the package gets its number and its signature at approval.";
    let boxed = Block::Box { look: BoxLook::Warning, blocks: vec![says(words)] };
    front.build.is_none().then_some(boxed)
}

fn letter(front: &Front<'_>) -> Vec<Block> {
    let records = counted(front.items.len() as u64, "record", "records");
    let mut first = vec![plain(&format!("Enclosed is a copy of {records} from our archive, "))];
    first.extend(bates(front));
    let received = day(&front.plan.received);
    first.push(plain(&format!(". We release it on request {}, received {received}, ", front.plan.request)));
    first.push(plain("on the legal basis stated below. "));
    if front.is_to_another() {
        first.push(plain("It comes to you as the recipient whom the request names. "));
    }
    if let Some((_, all)) = front.setting.volume {
        first.push(plain(&format!("There are {all} volumes; this is the first. ")));
    }
    first.extend([
        plain("What was searched, and what is not here, is said under "),
        linked("Completeness", place("completeness")),
    ]);
    first.push(plain(". How to check that nothing was changed is said under Digests, at the end, and in the file VERIFY.txt."));
    let certified = match &front.texts.certificate {
        Some(certificate) => {
            let name = linked(&certificate.title, place("certificate"));
            vec![plain("The custodian’s certification is enclosed ("), name, plain("). It counts only when it is signed.")]
        }
        None => vec![bold("This copy is not certified.")],
    };
    vec![paragraph(first), paragraph(certified)]
}

fn patient(front: &Front<'_>) -> Block {
    let person = &front.selection.patient;
    facts(vec![
        ("Name", vec![person.name.clone()]),
        ("Also recorded as", person.other_names.clone()),
        ("Born", vec![person.birth_date.clone()]),
        ("Sex", vec![person.sex.clone()]),
        ("Died", person.deceased.clone().into_iter().collect()),
        ("Record numbers", person.numbers.clone()),
    ])
}

fn request(front: &Front<'_>) -> Block {
    let plan = front.plan;
    let mut asked_by = vec![party(&plan.requester)];
    if !plan.requester.relation.is_empty() {
        asked_by.push(format!("Relation to the patient: {}", plan.requester.relation));
    }
    let mut delivered = counted(front.items.len() as u64, "record", "records");
    let span = span(front.items);
    if !span.is_empty() {
        delivered.push_str(&format!(", dates of service {span}"));
    }
    facts(vec![
        ("Request", vec![format!("{}, received {}", plan.request, day(&plan.received))]),
        ("Requested by", asked_by),
        ("Purpose", vec![plan.purpose.clone()]),
        ("Legal basis", vec![plan.authority.words.clone(), plan.citation.clone()]),
        ("Asked for", asked(&front.selection.scope)),
        ("Delivered", vec![delivered]),
        ("Definition of records", vec![front.selection.record_set.clone()]),
        ("Package", vec![front.package_id()]),
        ("Takes the place of", front.build.and_then(|build| build.supersedes.clone()).into_iter().collect()),
    ])
}

/// The scope in words.
pub fn asked(scope: &Scope) -> Vec<String> {
    let mut words = vec![match (scope.from, scope.to) {
        (Some(from), Some(to)) => format!("Dates of service {from} to {to}"),
        (Some(from), None) => format!("Dates of service from {from}"),
        (None, Some(to)) => format!("Dates of service up to {to}"),
        (None, None) => "All dates of service".to_owned(),
    }];
    let mut list = |what: &str, values: &[String]| {
        if !values.is_empty() {
            words.push(format!("{what}: {}", values.join(", ")));
        }
    };
    let types: Vec<String> = scope.types.iter().map(|it| section_title(it)).collect();
    list("Types", &types);
    list("Encounters", &scope.encounters);
    list("Sources", &scope.sources);
    list("Authors", &scope.authors);
    if let Some(text) = &scope.text {
        words.push(format!("Records that hold the words “{text}”"));
    }
    if scope.all_versions {
        words.push("Earlier versions too".to_owned());
    }
    words
}

fn enclosed(front: &Front<'_>) -> Vec<Block> {
    let head = head(&["Part", ">Records", "Dates of service", "Page"]);
    let mut table = Table { head, is_full: true, ..Table::default() };
    let mut row = |name: &str, records: Vec<Run>, dates: &str, page: Vec<Run>| {
        table.body.push(vec![cell(vec![plain(name)]), right(records), cell(vec![plain(dates)]), cell(page)]);
    };
    for (name, at) in front.matter_before().into_iter().filter(|(_, at)| *at != "cover") {
        row(name, Vec::new(), "", vec![late_page(&place(at))]);
    }
    for (at, section, items) in by_section(front.items) {
        let page = match (front.volumes.get(at), items.first()) {
            (Some(volume), _) if *volume > 1 => vec![plain(&format!("volume {volume}"))],
            (_, Some(first)) => vec![late_page(&item_anchor(first.n))],
            _ => Vec::new(),
        };
        row(&section_title(section), vec![plain(&count(items.len() as u64))], &span(items), page);
    }
    for (name, at) in super::MATTER_AFTER {
        let last = front.setting.volume.map(|(_, all)| vec![plain(&format!("volume {all}"))]);
        row(name, Vec::new(), "", last.unwrap_or_else(|| vec![late_page(&place(at))]));
    }
    let of = if front.setting.volume.is_some() && front.pages.is_none() { "Pages of this volume" } else { "Pages in all" };
    let records = vec![bold(&count(front.items.len() as u64))];
    table.foot.push(vec![cell(vec![bold(of)]), right(records), cell(vec![bold(&span(front.items))]), cell(pages(front))]);
    let mut blocks = vec![Block::Table(table)];
    if !front.native.is_empty() {
        let files = counted(front.native.len() as u64, "file goes", "files go");
        blocks.push(says(&format!("Beside these pages {files} with the package; they are listed under Completeness.")));
    }
    if !front.plan.consents.is_empty() {
        blocks.push(says("A copy of the consent goes with the records, in the folder consent."));
    }
    if !front.texts.notices.is_empty() {
        blocks.push(heading("Notices"));
        blocks.push(says(
            "These notices go with the records. Please read them before you use the records; they are printed in full.",
        ));
        let items = front.texts.notices.iter().map(|notice| vec![says(&notice.title)]);
        blocks.push(Block::List { marker: Marker::Disc, items: items.collect() });
    }
    blocks
}

fn questions(front: &Front<'_>) -> [Block; 2] {
    let from = &front.plan.custodian;
    let mut ways: Vec<&str> = [from.phone.as_str(), &from.email].into_iter().filter(|way| !way.is_empty()).collect();
    if !from.hours.is_empty() {
        ways.push(&from.hours);
    }
    let department = if from.department.is_empty() { &from.name } else { &from.department };
    let mut words = vec![plain("Questions about this copy: "), plain(department)];
    if !ways.is_empty() {
        words.push(plain(&format!(", {}", ways.join(", "))));
    }
    words.push(plain(&format!(". Please name the request {}.", front.plan.request)));
    let meant = "If you are not the recipient named above, please tell us at once, and do not read, copy or keep these pages.";
    [paragraph(words), says(meant)]
}

impl Front<'_> {
    fn is_to_another(&self) -> bool {
        party(&self.plan.requester) != party(&self.plan.recipient)
    }
}
