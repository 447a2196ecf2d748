//! The two Tantivy schemas and how facts are written into their fields, both ways.
//!
//! Not for: which words a text has (`words`) or which terms a patient has (`names`).
//!
//! The text index keeps nothing in Tantivy's document store: all that a hit shows lies in dictionary-coded columns. The
//! facts with few values that facets count (kind, type, source, year, with accession and generation) are one column,
//! the *group*: counting a hit for all facets is one look-up and one addition.

use std::sync::Arc;

use tantivy::schema::{BytesOptions, FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{RawTokenizer, TokenizerManager};

use crate::model::{ArchiveId, IndexDoc, Kind, Label, PatientKey, is_true_uuid};

use super::words::Stems;

/// Version of schemas and encodings; another one means that the index must be rebuilt.
pub const SCHEMA_VERSION: u32 = 2;
/// Marks in the field `mark` of a text document.
pub const MARK_NO_TEXT: &str = "no-text";
/// Bits that a label may have, those of later versions too.
const LABEL_BITS: u32 = 32;
/// Names of the tokenizers.
const STEMS: &str = "stems";
const RAW: &str = "raw";
/// Parts the facts of a group; it is taken out of the facts themselves.
const UNIT: char = '\u{1f}';

/// The marks of a label in the field `mark` of a text document: one for each class, with its bit.
pub fn label_marks(label: Label) -> impl Iterator<Item = (Label, String)> {
    let bits = (0..LABEL_BITS).map(|bit| (Label::from_bits(1 << bit), format!("label-{bit}")));
    bits.filter(move |(class, _)| class.intersects(label))
}

/// The tokenizers that both schemas name, beside the engine's own: it asks for its default even for numbers.
pub fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(STEMS, Stems::new());
    manager.register(RAW, RawTokenizer::default());
    manager
}

fn terms_only() -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(RAW).set_index_option(IndexRecordOption::Basic);
    TextOptions::default().set_indexing_options(indexing.set_fieldnorms(false))
}

/// Fields of `patients/`.
#[derive(Clone, Copy, Debug)]
pub struct PatientFields {
    /// Every way to find the patient, as terms of `names`.
    pub term: Field,
    /// First letters of the name, packed so that numbers sort as names do.
    pub order: Field,
    /// Birth date as `day_number`, 0 when not recorded.
    pub born: Field,
    /// A hash of the key, so that no two patients ever tie.
    pub tie: Field,
    /// Name of the source system.
    pub source: Field,
    /// The whole `PatientIndexDoc` (`stored`).
    pub doc: Field,
}

pub fn patient_schema() -> (Schema, PatientFields) {
    let mut schema = Schema::builder();
    let fields = PatientFields {
        term: schema.add_text_field("term", terms_only()),
        order: schema.add_u64_field("order", FAST),
        born: schema.add_u64_field("born", FAST),
        tie: schema.add_u64_field("tie", FAST),
        source: schema.add_text_field("source", TextOptions::default().set_fast(RAW)),
        doc: schema.add_bytes_field("doc", STORED),
    };
    (schema.build(), fields)
}

/// Fields of `text/`.
#[derive(Clone, Copy, Debug)]
pub struct TextFields {
    /// Title, then text: stems with frequencies and positions.
    pub text: Field,
    pub mark: Field,
    pub patient: Field,
    pub group: Field,
    pub ordinal: Field,
    pub day: Field,
    /// A true UUID as two numbers: 16 bytes a document instead of 36 and a dictionary.
    pub id_high: Field,
    pub id_low: Field,
    /// Any other id.
    pub id_text: Field,
    pub title: Field,
    pub author: Field,
}

pub fn text_schema() -> (Schema, TextFields) {
    let mut schema = Schema::builder();
    let stems = TextFieldIndexing::default().set_tokenizer(STEMS).set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let column = || TextOptions::default().set_fast(RAW);
    let fields = TextFields {
        text: schema.add_text_field("text", TextOptions::default().set_indexing_options(stems)),
        mark: schema.add_text_field("mark", terms_only()),
        patient: schema.add_bytes_field("patient", BytesOptions::default().set_indexed().set_fast()),
        group: schema.add_text_field("group", column()),
        ordinal: schema.add_u64_field("ordinal", FAST),
        day: schema.add_u64_field("day", FAST),
        id_high: schema.add_u64_field("id_high", FAST),
        id_low: schema.add_u64_field("id_low", FAST),
        id_text: schema.add_text_field("id_text", column()),
        title: schema.add_text_field("title", column()),
        author: schema.add_text_field("author", column()),
    };
    (schema.build(), fields)
}

/// A true UUID as a number.
pub fn uuid_number(id: &str) -> Option<u128> {
    if !is_true_uuid(id) {
        return None;
    }
    id.bytes().filter(|b| *b != b'-').try_fold(0u128, |n, b| Some(n << 4 | u128::from(char::from(b).to_digit(16)?)))
}

/// The id that `uuid_number` came from.
pub fn uuid_text(number: u128) -> String {
    let hex = format!("{number:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A patient key as bytes: 1 and the 16 bytes of a UUID, or 0 and the text.
pub fn key_bytes(key: &PatientKey) -> Vec<u8> {
    match uuid_number(key.as_str()) {
        Some(number) => [&[1][..], &number.to_be_bytes()].concat(),
        None => [&[0][..], key.as_str().as_bytes()].concat(),
    }
}

pub fn key_from_bytes(bytes: &[u8]) -> Option<PatientKey> {
    match bytes.split_first()? {
        (1, rest) => PatientKey::parse(&uuid_text(u128::from_be_bytes(rest.try_into().ok()?))),
        (0, rest) => PatientKey::parse(std::str::from_utf8(rest).ok()?),
        _ => None,
    }
}

/// A date of `YYYY`, `YYYY-MM` or `YYYY-MM-DD` as a number `YYYYMMDD` with 00 for what is not known: numbers sort as
/// dates do and keep the precision.
pub fn day_number(date: &str) -> Option<u64> {
    let mut parts = date.splitn(3, '-').map(|p| p.parse::<u64>().ok());
    let year = parts.next()??;
    let month = parts.next().unwrap_or(Some(0))?;
    let day = parts.next().unwrap_or(Some(0))?;
    (year <= 9999 && month <= 12 && day <= 31).then_some(year * 10_000 + month * 100 + day)
}

/// The text of a `day_number`, with the precision that it had.
pub fn day_text(number: u64) -> String {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    match (month, day) {
        (0, _) => format!("{year:04}"),
        (_, 0) => format!("{year:04}-{month:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}"),
    }
}

/// The last day that a partial date may mean.
pub fn last_day(number: u64) -> u64 {
    match (number / 100 % 100, number % 100) {
        (0, _) => number + 1231,
        (_, 0) => number + 31,
        _ => number,
    }
}

/// The facts that hits are counted by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub kind: Kind,
    pub type_code: Option<Arc<str>>,
    pub source: Arc<str>,
    /// `YYYY`, or empty.
    pub year: Arc<str>,
    pub accession: Arc<str>,
    pub generation: u32,
}

impl Group {
    /// The group of one document as written in its column.
    pub fn text_of(doc: &IndexDoc) -> String {
        let clean = |text: &str| text.replace(UNIT, " ");
        let year = doc.when.as_ref().map_or("", |w| w.date_text().get(..4).unwrap_or(""));
        [
            doc.place.accession.as_str(),
            &doc.place.generation.to_string(),
            &doc.kind.number().to_string(),
            &clean(&doc.source_system),
            year,
            &doc.type_code.as_deref().map(clean).unwrap_or_default(),
        ]
        .join("\u{1f}")
    }

    pub fn parse(text: &str) -> Option<Group> {
        let mut facts = text.splitn(6, UNIT);
        let accession = facts.next()?.into();
        let generation = facts.next()?.parse().ok()?;
        let kind = Kind::from_number(facts.next()?.parse().ok()?)?;
        let (source, year, code) = (facts.next()?.into(), facts.next()?.into(), facts.next()?);
        let type_code = (!code.is_empty()).then(|| code.into());
        Some(Group { kind, type_code, source, year, accession, generation })
    }
}

/// The archive id from its columns.
pub fn id_from_numbers(high: u64, low: u64) -> Option<ArchiveId> {
    ArchiveId::parse(&uuid_text(u128::from(high) << 64 | u128::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_keys_come_back_exactly() {
        for id in ["7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11", "00000000-0000-0000-0000-000000000001", "mer.1", "x.abcdefghijklmno"] {
            let key = PatientKey::parse(id).unwrap();
            assert_eq!(key_from_bytes(&key_bytes(&key)), Some(key));
        }
        let number = uuid_number("0c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11").unwrap();
        let id = id_from_numbers((number >> 64) as u64, number as u64).unwrap();
        assert_eq!(id.as_str(), "0c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11");
    }

    #[test]
    fn dates_keep_their_precision_and_order() {
        for date in ["1957", "1957-03", "1957-03-14"] {
            assert_eq!(day_text(day_number(date).unwrap()), date);
        }
        assert!(day_number("1957") < day_number("1957-03") && day_number("1957-03") < day_number("1957-03-14"));
        assert_eq!(last_day(day_number("1957").unwrap()), 19_571_231);
        assert!(day_number("14.3.1957").is_none() && day_number("").is_none());
    }
}
