//! Full-text search, with snippets taken from the records themselves.
//!
//! Not for: ranking and facets (`index`).

use serde_json::Value;

use super::linked::keys;
use super::sight;
use super::snapshot::Archive;
use super::{QueryError, TextHits, TextQuestion};
use crate::access::Permit;
use crate::index::{marks, text_of_record};

impl Archive {
    /// Full-text search. Scope: `Chart` when the question names a patient, else `SearchAll`.
    pub fn search_text(&self, permit: &Permit, question: &TextQuestion) -> Result<TextHits, QueryError> {
        if !permit.covers_search(question.patient.as_ref()) {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let Some(searcher) = &snapshot.searcher else { return Ok(TextHits::default()) };
        let mut question = question.clone();
        if let Some(patient) = &question.patient
            && permit.covers_patient(patient)
        {
            // A patient who is hidden is answered for like one who is not there.
            let keys = match keys(&snapshot, permit, patient) {
                Err(QueryError::NotFound) => return Ok(TextHits::default()),
                keys => keys?,
            };
            question.moves = snapshot.moved.for_search(keys.iter());
            question.linked = keys.into_iter().skip(1).collect();
        }
        for (accession, ordinal, to) in snapshot.moved.all() {
            if sight::hides_patient(&snapshot, permit.filter(), to)? {
                question.withheld.insert((accession.clone(), ordinal));
            }
        }
        let question = &question;
        let mut hits = searcher.search(question, permit.filter())?;
        for hit in &mut hits.hits {
            if let Some(to) = snapshot.moved.to(&hit.place.accession, hit.place.ordinal) {
                hit.patient = Some(to.clone());
            }
            let Some(accession) = snapshot.accession(&hit.place.accession) else { continue };
            let Some(number) = accession.frame_of(hit.place.ordinal) else { continue };
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
            hit.occurs = marks(question, &text.text).len();
            (hit.snippet, hit.marks) = (snippet.line, snippet.marks);
        }
        Ok(hits)
    }
}
