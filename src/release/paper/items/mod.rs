//! Records as pages: each kind in a form of its own, its files after it, everything that the record says.
//!
//! What is not printed of a record's JSON: its type, id and `meta` (the header says what matters of them), the addresses of code
//! systems and extensions (their names stand for them), references that have words, and base64 (its size and digest stand for it).
//!
//! Not for: cover, contents and certificates (`front`).

mod blocks;
mod ccda;
#[cfg(test)]
mod file_tests;
mod files;
mod forms;
mod further;
mod labels;
mod names;
mod reading;
mod results;
mod scans;
mod strip;
#[cfg(test)]
mod tests;
mod words;

use serde_json::Value;

pub use names::{named, references};

use crate::model::Document;
use crate::query::Taken;
use crate::release::redaction::{RedactionFault, Redactor};
use crate::release::selection::Item;
use crate::render::pdf;
use crate::render::pdf::content::{Block, Part, Run};

use super::{Exception, Paged, Setting, furniture, item_anchor, section_anchor};
use blocks::{kept, notice, small};
use reading::Reading;

/// The pages of an item. `documents`: its attachments, as far as they could be read.
///
/// # Errors
/// Something of it has to be redacted and cannot be. Whatever else cannot be printed becomes an exception.
pub fn paged(
    item: &Item,
    taken: &Taken,
    documents: &[Document],
    setting: &Setting,
    redactor: &Redactor<'_>,
) -> Result<Paged, RedactionFault> {
    let json: Option<Value> = serde_json::from_str(&taken.record.json).ok();
    let files = files::print(item, json.as_ref().unwrap_or(&Value::Null), documents, redactor)?;
    let mut exceptions = files.exceptions;
    let mut record = match &json {
        Some(json) => form(item, json, setting),
        None => unread(item, taken, &mut exceptions),
    };
    let title = strip::title(item);
    let mut blocks = head(item, &title, setting);
    blocks.push(strip::facts(item, taken, setting, !redactor.is_idle()));
    blocks.append(&mut strip::notices(item, json.as_ref().unwrap_or(&Value::Null), &exceptions));
    pdf::anchors_under(&mut record, &format!("item-{}", item.n));
    blocks.append(&mut record);
    blocks.extend(files.blocks);
    let date = item.date.as_deref().map(labels::date);
    let about = words::joined(" · ", [date.unwrap_or_default(), item.source.system.clone()]);
    let part = Part { furniture: furniture(setting, &title, &about, files.banner), blocks };
    Ok(Paged { part: redactor.part(part), exceptions })
}

/// Headings of the section, where the item begins one, and of the item.
fn head(item: &Item, title: &str, setting: &Setting) -> Vec<Block> {
    let heading = |level, title: &str, bookmark: String, anchor| Block::Heading {
        level,
        words: vec![Run { text: title.to_owned(), ..Run::default() }],
        anchor: Some(anchor),
        outline: Some(bookmark),
    };
    let mut out = Vec::new();
    if let Some(section) = setting.sections.get(&item.n) {
        out.push(heading(1, section, section.clone(), section_anchor(&item.section)));
    }
    let date = item.date.as_deref().map(labels::date).unwrap_or_default();
    out.push(heading(2, title, words::joined("  ", [date, title.to_owned()]), item_anchor(item.n)));
    out
}

fn form(item: &Item, json: &Value, setting: &Setting) -> Vec<Block> {
    let reading = Reading::new(json, &setting.names, (&item.patient, &setting.patient.name));
    let blocks = reading.pages(&item.kind);
    if blocks.is_empty() { vec![small("The record says nothing beyond the lines above.")] } else { blocks }
}

/// A record that is no JSON: its bytes as text.
fn unread(item: &Item, taken: &Taken, exceptions: &mut Vec<Exception>) -> Vec<Block> {
    let why = "the record cannot be read as what it is said to be; it is printed as it was delivered";
    exceptions.push(Exception { item: item.n, attachment: None, why: files::sentence(why), is_native: true });
    let mut blocks = vec![notice(crate::render::pdf::content::BoxLook::Warning, &[files::sentence(why)])];
    blocks.extend(kept(&String::from_utf8_lossy(&taken.original)));
    blocks
}
