//! Full-text search, with snippets taken from the records themselves.
//!
//! Not for: ranking and facets (`index`).

use serde_json::Value;

use super::linked::keys;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use super::{QueryError, TextHit, TextHits, TextQuestion};
use crate::access::Permit;
use crate::index::{Searcher, marks, text_of_record};

impl Archive {
    /// Full-text search. Scope: `Chart` when the question names a patient, else `SearchAll`.
    pub fn search_text(&self, permit: &Permit, question: &TextQuestion) -> Result<TextHits, QueryError> {
        let snapshot = self.snapshot();
        let mut hits = found(&snapshot, permit, question)?;
        if let Some(searcher) = &snapshot.searcher {
            for hit in &mut hits.hits {
                tell(&snapshot, searcher, permit, question, hit)?;
            }
        }
        Ok(hits)
    }

    /// The same without snippets: no record is read.
    pub fn found_text(&self, permit: &Permit, question: &TextQuestion) -> Result<TextHits, QueryError> {
        found(&self.snapshot(), permit, question)
    }

    /// Fills in the snippets of hits that [`Archive::found_text`] gave, and tells how often each record matches. Scope: the
    /// records.
    pub fn snippets(&self, permit: &Permit, question: &TextQuestion, hits: &mut [TextHit]) -> Result<Vec<u64>, QueryError> {
        let snapshot = self.snapshot();
        let Some(searcher) = &snapshot.searcher else { return Ok(vec![0; hits.len()]) };
        let mut tell = |hit: &mut TextHit| match permit.covers_record(hit.kind, &hit.id, hit.patient.as_ref()) {
            true => tell(&snapshot, searcher, permit, question, hit),
            false => Err(QueryError::OutOfScope),
        };
        hits.iter_mut().map(&mut tell).collect()
    }
}

fn found(snapshot: &Snapshot, permit: &Permit, question: &TextQuestion) -> Result<TextHits, QueryError> {
    if !permit.covers_search(question.patient.as_ref()) {
        return Err(QueryError::OutOfScope);
    }
    let Some(searcher) = &snapshot.searcher else { return Ok(TextHits::default()) };
    let mut question = question.clone();
    if let Some(patient) = &question.patient
        && permit.covers_patient(patient)
    {
        // A patient who is hidden is answered for like one who is not there.
        let keys = match keys(snapshot, permit, patient) {
            Err(QueryError::NotFound) => return Ok(TextHits::default()),
            keys => keys?,
        };
        question.moves = snapshot.moved.for_search(keys.iter());
        question.linked = keys.into_iter().skip(1).collect();
    }
    for (accession, ordinal, to) in snapshot.moved.all() {
        if sight::hides_patient(snapshot, permit.filter(), to)? {
            question.withheld.insert((accession.clone(), ordinal));
        }
    }
    let mut hits = searcher.search(&question, permit.filter())?;
    for hit in &mut hits.hits {
        if let Some(to) = snapshot.moved.to(&hit.place.accession, hit.place.ordinal) {
            hit.patient = Some(to.clone());
        }
    }
    Ok(hits)
}

/// Fills in the snippet of a hit out of the record's text; how often the text matches.
fn tell(
    snapshot: &Snapshot,
    searcher: &Searcher,
    permit: &Permit,
    question: &TextQuestion,
    hit: &mut TextHit,
) -> Result<u64, QueryError> {
    let Some(accession) = snapshot.accession(&hit.place.accession) else { return Ok(0) };
    let Some(number) = accession.frame_of(hit.place.ordinal) else { return Ok(0) };
    let frame = accession.frame(number, false)?;
    let index = (hit.place.ordinal - frame.first_ordinal()) as usize;
    if !sight::sees(permit.filter(), accession, &frame, index) {
        return Err(QueryError::Unreadable("the index has other labels than the records; make it anew".into()));
    }
    let mut json = Vec::new();
    frame.served(index, hit.id.as_str(), &mut json);
    let json: Value = serde_json::from_slice(&json).unwrap_or_default();
    let text = text_of_record(&frame, index, &json)?;
    let snippet = searcher.snippet(question, &text.text);
    hit.section = snippet.at.and_then(|at| text.section_at(at)).map(str::to_string);
    (hit.snippet, hit.marks) = (snippet.line, snippet.marks);
    Ok(marks(question, &text.text).len() as u64)
}
