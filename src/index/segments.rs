//! The columns of the segments of both indexes, opened once.
//!
//! Not for: searching in them (`patients`, `text`).

use std::sync::Arc;

use tantivy::columnar::{BytesColumn, Column, StrColumn};
use tantivy::{InvertedIndexReader, SegmentReader};

use crate::model::Label;

use super::schema::{self, Group, PatientFields, TextFields};
use super::{IndexError, names};

/// One segment of the patient index, opened once.
pub struct PatientSegment {
    pub terms: Arc<InvertedIndexReader>,
    pub order: Column<u64>,
    pub born: Column<u64>,
    pub tie: Column<u64>,
    pub source: Option<StrColumn>,
    /// The labels that its patients have, each set once, with what their terms begin with.
    pub labels: Vec<(Label, String)>,
    pub patients: usize,
}

impl PatientSegment {
    pub fn open(reader: &SegmentReader, fields: &PatientFields) -> Result<PatientSegment, IndexError> {
        let columns = reader.fast_fields();
        let terms = reader.inverted_index(fields.term)?;
        Ok(PatientSegment {
            labels: labels_in(&terms)?,
            terms,
            source: columns.str("source")?,
            order: columns.u64("order")?,
            born: columns.u64("born")?,
            tie: columns.u64("tie")?,
            patients: reader.max_doc() as usize,
        })
    }
}

/// The labels that lead the terms of a segment; those of one label lie together.
fn labels_in(terms: &InvertedIndexReader) -> Result<Vec<(Label, String)>, IndexError> {
    let unreadable = || IndexError::Damaged("a term of the patient index has no readable label");
    let mut labels = vec![(Label::NORMAL, names::label_prefix(Label::NORMAL))];
    let mut after = names::LABELLED.to_string();
    loop {
        let mut stream = terms.terms().range().gt(&after).into_stream()?;
        let Some((term, _)) = stream.next() else { return Ok(labels) };
        let label = std::str::from_utf8(term).ok().and_then(names::label_of).ok_or_else(unreadable)?;
        let prefix = names::label_prefix(label);
        after = format!("{prefix}{}", char::MAX);
        labels.push((label, prefix));
    }
}

/// The columns of one segment, opened once.
pub struct TextSegment {
    /// Every class that a document of the segment carries.
    pub labels: Label,
    pub groups: Vec<Group>,
    pub group: Option<StrColumn>,
    pub day: Option<Column<u64>>,
    pub ordinal: Column<u64>,
    pub id_high: Option<Column<u64>>,
    pub id_low: Option<Column<u64>>,
    pub id_text: Option<StrColumn>,
    pub patient: Option<BytesColumn>,
    pub title: Option<StrColumn>,
    pub author: Option<StrColumn>,
}

impl TextSegment {
    pub fn open(reader: &SegmentReader, fields: &TextFields) -> Result<TextSegment, IndexError> {
        let marks = reader.inverted_index(fields.mark)?;
        let mut labels = Label::NORMAL;
        for (class, mark) in schema::label_marks(Label::EVERY) {
            if marks.terms().get(&mark)?.is_some() {
                labels = labels.union(class);
            }
        }
        let columns = reader.fast_fields();
        let group = columns.str("group")?;
        let mut groups = Vec::new();
        if let Some(column) = &group {
            let mut text = String::new();
            for ord in 0..column.num_terms() as u64 {
                text.clear();
                column.ord_to_str(ord, &mut text)?;
                groups.push(Group::parse(&text).ok_or(IndexError::Damaged("a group of the text index is not readable"))?);
            }
        }
        Ok(TextSegment {
            labels,
            groups,
            group,
            day: columns.column_opt("day")?,
            ordinal: columns.u64("ordinal")?,
            id_high: columns.column_opt("id_high")?,
            id_low: columns.column_opt("id_low")?,
            id_text: columns.str("id_text")?,
            patient: columns.bytes("patient")?,
            title: columns.str("title")?,
            author: columns.str("author")?,
        })
    }
}
