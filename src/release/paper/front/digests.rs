//! What could not be brought onto pages, with why; and the digests of all records, with how to check the package.
//!
//! Not for: digests of files, which `manifest.json` holds: a page cannot hold the digest of the file that it is in.

use std::collections::BTreeMap;

use super::words::*;
use super::{END, Front};
use crate::release::paper::{Exception, item_anchor};
use crate::release::selection::Item;
use crate::render::pdf::content::{Anchor, Block, Marker, Part, Table};

pub fn part(front: &Front<'_>, exceptions: &[Exception]) -> Part {
    let numbers: BTreeMap<usize, usize> = front.items.iter().enumerate().map(|(at, item)| (item.n, at)).collect();
    let mut blocks = vec![title("Exceptions", "exceptions")];
    blocks.extend(excepted(front, exceptions, &numbers));
    blocks.push(title("Digests", "digests"));
    blocks.extend(how(front));
    // The list counts as the contents do.
    let items = front.items.iter().map(|item| vec![of_item(item)]).collect();
    blocks.push(Block::List { marker: Marker::Arabic, items });
    blocks.push(Block::Place { anchor: Some(Anchor(END.into())), level: 1, outline: None });
    front.page("Exceptions and digests", blocks)
}

fn excepted(front: &Front<'_>, exceptions: &[Exception], numbers: &BTreeMap<usize, usize>) -> Vec<Block> {
    if exceptions.is_empty() {
        return vec![says("None: everything of the records in this package stands on its pages.")];
    }
    let mut table = Table {
        head: head(&[">No.", "Date", "Record", "What is not on the pages, and why", "Given"]),
        is_full: true,
        ..Table::default()
    };
    for exception in exceptions {
        let at = numbers.get(&exception.item);
        let item = at.and_then(|at| front.items.get(*at));
        let name = item.map_or("", |item| if item.title.is_empty() { &item.kind } else { &item.title });
        let file = exception.attachment.as_deref().and_then(|id| item?.attachments.iter().find(|file| file.id == id));
        let what = match file {
            Some(file) => format!("{} ({}): ", file.title.as_deref().unwrap_or("A file"), file.media_type),
            None if exception.attachment.is_some() => "A file: ".to_owned(),
            None => String::new(),
        };
        let is_here = item.is_some_and(|item| front.of_volume.iter().any(|other| other.n == item.n));
        table.body.push(vec![
            right(vec![plain(&at.map_or_else(|| "–".to_owned(), |at| (at + 1).to_string()))]),
            cell(vec![plain(item.and_then(|item| item.date.as_deref()).unwrap_or("no date"))]),
            cell(vec![if is_here { linked(name, item_anchor(exception.item)) } else { plain(name) }]),
            cell(vec![plain(&what), plain(&exception.why)]),
            cell(vec![plain(if exception.is_native { "as a file" } else { "not given" })]),
        ]);
    }
    let words = "What stands here belongs to the records of this package and could not be printed. Where a file is given, it lies in \
                 the folder native, as the archive holds it.";
    vec![says(words), Block::Table(table)]
}

fn how(front: &Front<'_>) -> Vec<Block> {
    let mut blocks = vec![says(
        "Below stand, for each record, its name in the archive, the file of the delivery that it came in with its number in that \
         file, and the SHA-256 of its bytes as they were delivered. Whoever has a record's original can compute it again. manifest.json holds the same values, the SHA-256 of every file of the package, and for each record its \
         place in the Merkle tree of the delivery that it came with.",
    )];
    let signed = match front.build {
        Some(build) => vec![
            ("Signed with", vec![build.key.clone()]),
            ("SHA-256 of the public key", vec![super::key_fingerprint(&build.key_public).unwrap_or_default()]),
            ("Package", vec![build.package_id.clone()]),
        ],
        None => vec![("Signed with", vec!["(at approval)".to_owned()])],
    };
    let ask = Some(&front.plan.custodian.phone).filter(|phone| !phone.is_empty());
    let ask = ask.map_or_else(String::new, |phone| format!(" (telephone {phone})"));
    blocks.push(facts(signed));
    blocks.push(says(&format!(
        "VERIFY.txt in the package says how to check the signature and every file with sha256sum and openssl, without our software \
         and without a network. Compare the digest of the key with one that you got from us on another way{ask}.",
    )));
    blocks
}

/// Two lines: which record, from where, and its digest.
fn of_item(item: &Item) -> Block {
    let number = if item.source.number > 0 { format!(" #{}", item.source.number) } else { String::new() };
    let from = format!("{}/{} · {}, {}{number}\n", item.kind, item.id, item.source.system, item.source.file);
    small(vec![plain(&from), mono(&item.sha256)])
}
