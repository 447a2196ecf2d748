//! What must hold for whatever comes out of a reader, however bad the bytes were.
//!
//! Not for: what is right for one input; a reader's own tests say that.

use std::ops::Range;

use chartkeep::formats::attachment;
use chartkeep::formats::fhir::{Shape, Tokenizer};
use chartkeep::mapping::{Context, Fate, Mapped};

use super::dice::Dice;

/// Source records of one input that are looked at.
pub const RECORDS_MAX: usize = 200;

/// A cutter's one function.
pub type Cut<'a> = &'a mut dyn FnMut(&[u8], bool, &mut Vec<Range<usize>>) -> usize;

/// Cuts an input that comes in blocks of any size, as files do. Demands that the ranges are in order and inside.
pub fn cut_in_blocks(input: &[u8], cut: Cut<'_>, dice: &mut Dice) -> Vec<Range<usize>> {
    let (mut all, mut base, mut filled) = (Vec::new(), 0, 0);
    let most = if dice.once_in(2) { 32 } else { 1 << 14 };
    loop {
        // As the ingest does it: a buffer that gave nothing grows to twice its length.
        let least = if base + filled < 4096 { 1 } else { (filled / 4).max(1) };
        let end = (base + filled + least + dice.below(most)).min(input.len());
        let is_last = end == input.len();
        let buffer = &input[base..end];
        let mut items = Vec::new();
        let done = cut(buffer, is_last, &mut items);
        assert!(done <= buffer.len(), "a cutter is done with more than it has");
        assert!(items.iter().all(|item| item.start <= item.end && item.end <= done), "an item ends behind what is done");
        all.extend(items.into_iter().map(|item| item.start + base..item.end + base));
        base += done;
        filled = end - base;
        if is_last {
            assert_eq!(done, buffer.len(), "at the end everything is done with");
            break;
        }
    }
    assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start), "items are in order and apart");
    all
}

/// Cuts an input in one go and in blocks, and demands the same items.
pub fn cut_alike(input: &[u8], whole: Cut<'_>, blocks: Cut<'_>, dice: &mut Dice) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    assert_eq!(whole(input, true, &mut items), input.len(), "at the end everything is done with");
    let again = cut_in_blocks(input, blocks, dice);
    assert_eq!(items.len(), again.len(), "the number of items depends on the blocks");
    assert!(items == again, "the places of items depend on the blocks");
    items
}

/// Demands that a mapped record can go into the ledger and that its resources can be archived.
pub fn mapped(mapped: &Mapped, length: usize, cx: &Context<'_>) {
    let is_word = |text: &str| !text.is_empty() && text.len() <= 300 && !text.chars().any(char::is_control);
    assert!(is_word(&mapped.kind), "no kind for the ledger: {:?}", mapped.kind);
    match &mapped.fate {
        Fate::Archived | Fate::Joined => {}
        Fate::Excluded(rule) => assert!(is_word(rule), "no rule for the ledger: {rule:?}"),
        Fate::Quarantined(reason) => {
            assert!(is_word(reason), "no reason for the ledger: {reason:?}");
            assert!(mapped.resources.is_empty(), "resources of a record in quarantine");
        }
    }
    let mut tokenizer = Tokenizer::default();
    for bytes in &mapped.resources {
        resource(bytes, length, cx, &mut tokenizer);
    }
}

fn resource(bytes: &[u8], length: usize, cx: &Context<'_>, tokenizer: &mut Tokenizer) {
    let shown = || String::from_utf8_lossy(bytes).chars().take(300).collect::<String>();
    if let Err(fault) = tokenizer.cut(bytes) {
        panic!("a resource is not JSON: {fault}: {}", shown());
    }
    if let Err(fault) = Shape::new(&tokenizer.template) {
        panic!("a resource is no FHIR: {fault}: {}", shown());
    }
    let value: serde_json::Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(fault) => panic!("another parser does not read a resource: {fault}: {}", shown()),
    };
    let id = value["id"].as_str().unwrap_or_default();
    assert!(!id.contains(['/', '#', '?', '|']) && value["id"] != "", "an id that no reference can hold: {id:?}");
    addresses(&value, length, cx);
}

/// Demands that documents that are pointed to lie inside the delivered file.
fn addresses(value: &serde_json::Value, length: usize, cx: &Context<'_>) {
    match value {
        serde_json::Value::Array(values) => values.iter().for_each(|value| addresses(value, length, cx)),
        serde_json::Value::Object(members) => {
            let is_attachment = members.contains_key("contentType");
            if let Some((file, Some(span))) =
                members.get("url").and_then(|url| attachment::parse(url.as_str()?)).filter(|_| is_attachment)
            {
                let end = cx.offset + length as u64;
                let is_inside = file == cx.file && span.offset >= cx.offset && span.offset + span.length <= end;
                assert!(is_inside, "a document outside its record: {span:?} in {}..{end}", cx.offset);
            }
            members.values().for_each(|value| addresses(value, length, cx));
        }
        _ => {}
    }
}
