//! What stands at the head of an item: what it is, when, by whom, in which state, and where it came from.
//!
//! Not for: the record itself (`forms`).

use super::blocks::notice;
use super::labels::{date, kind};
use crate::model::hex;
use crate::query::Taken;
use crate::release::paper::{Exception, Setting};
use crate::release::selection::Item;
use crate::render::pdf::content::{Block, BoxLook};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The title that headings, bookmarks and margins have.
pub fn title(item: &Item) -> String {
    let title = item.title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() { kind(&item.kind) } else { title }
}

/// The facts of an item.
pub fn facts(item: &Item, taken: &Taken, setting: &Setting, is_redacted: bool) -> Block {
    let record = &taken.record;
    let mut facts: Vec<(String, Vec<String>)> = Vec::new();
    let mut row = |label: &str, lines: Vec<String>| facts.push((label.to_owned(), lines));
    row("Type", vec![format!("{} ({})", kind(&item.kind), item.kind)]);
    row("Date", vec![item.date.as_deref().map_or_else(|| "not recorded".to_owned(), date)]);
    row("Author", vec![item.author.clone().unwrap_or_else(|| "not recorded".to_owned())]);
    row("Status", vec![status(item)]);
    let at = match item.source.number {
        0 => String::new(),
        number => format!(", item {number}"),
    };
    let file = if item.source.file.is_empty() { String::new() } else { format!(", file {}{at}", item.source.file) };
    row("Source", vec![format!("{}{file}", item.source.system)]);
    row("Source id", vec![record.original_id.to_string()]);
    let versions = if item.versions > 1 {
        format!("{} of {} that exist", item.version, item.versions)
    } else {
        "the only one that exists".to_owned()
    };
    row("Version", vec![versions]);
    let day = setting.imported.get(&item.accession).map_or_else(String::new, |day| format!("{day}, "));
    row("As of archive import", vec![format!("{day}accession {}", item.accession)]);
    // With the digest of the whole, what was taken out of a short record could be guessed.
    let digest = if is_redacted { "not given: parts are redacted".into() } else { hex(&Sha256::digest(&taken.original)) };
    row("SHA-256 as delivered", vec![digest]);
    Block::Box { look: BoxLook::Plain, blocks: vec![Block::Facts(facts)] }
}

/// The state in the source's words; that nobody signed is part of it.
fn status(item: &Item) -> String {
    let status = item.status.clone().unwrap_or_else(|| "not recorded".to_owned());
    if has(item, "unsigned") && !status.to_lowercase().contains("unsigned") { format!("{status}, unsigned") } else { status }
}

fn has(item: &Item, flag: &str) -> bool {
    item.flags.iter().any(|known| known == flag)
}

/// What a reader must know before the first word: that the record is mistaken, not final, or not whole on these pages.
pub fn notices(item: &Item, json: &Value, exceptions: &[Exception]) -> Vec<Block> {
    let mut out = Vec::new();
    let is = |key: &str, word: &str| json.get(key).and_then(Value::as_str) == Some(word);
    let status = |word: &str| ["status", "lifecycleStatus", "docStatus"].iter().any(|key| is(key, word));
    let verified = json.pointer("/verificationStatus/coding").and_then(Value::as_array).into_iter().flatten();
    let mut verified = verified.filter_map(|coding| coding.get("code")?.as_str());
    if has(item, "entered-in-error") || status("entered-in-error") || verified.any(|code| code == "entered-in-error") {
        let words = "The source system marks this record as entered in error.";
        out.push(notice(BoxLook::Warning, &[words.to_owned()]));
    }
    if has(item, "unsigned") {
        out.push(notice(BoxLook::Notice, &["The source system has no signature for this record.".to_owned()]));
    }
    if status("preliminary") {
        out.push(notice(
            BoxLook::Notice,
            &["This record is preliminary: the source system has no final version of it.".to_owned()],
        ));
    }
    if item.version < item.versions || status("superseded") || has(item, "superseded") {
        out.push(notice(BoxLook::Notice, &["The archive holds a newer version of this record.".to_owned()]));
    }
    if !exceptions.is_empty() {
        let mut lines = vec!["Not everything of this record is on these pages:".to_owned()];
        lines.extend(exceptions.iter().map(|exception| exception.why.clone()));
        out.push(notice(BoxLook::Warning, &lines));
    }
    out
}
