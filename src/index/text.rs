//! Full-text search: hits, total and facets of one question in a single walk over what matches.
//!
//! Not for: patients (`patients`), snippets (`snippet`), parsing what a person typed (`words`).
//!
//! The filter is a clause of the query, so a hidden record is never visited. Ranking must not tell of it either: BM25
//! weighs words by how many documents hold them, hidden ones included. Here the score of a document depends on the
//! document and the question alone (fixed statistics), so an index with hidden records answers exactly as one without.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};
use tantivy::query::{
    AllQuery, Bm25StatisticsProvider, BooleanQuery, ConstScoreQuery, EnableScoring, Occur, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, Score, Term};

use crate::access::Filter;
use crate::limits::PAGE_MAX;
use crate::model::{AccessionId, ArchiveId, Kind, PatientKey, Place};

use super::schema::{self, Group, MARK_NO_TEXT, day_number, day_text, key_bytes, key_from_bytes, last_day};
use super::segments::TextSegment;
use super::words::{Stems, stemmed};
use super::{Facet, IndexError, Moves, Searcher, TextHit, TextHits, TextQuestion};

/// Farthest that a reader may page, in hits: what stands behind is found by a narrower question.
const OFFSET_MAX: usize = 10_000;
/// Scores are compared in steps of 1/256, coarser than what the order of a floating-point sum may change.
const SCORE_STEPS: Score = 256.0;
/// Most words and phrases of one question that are searched for; further ones are not read.
const TERMS_MAX: usize = 64;

impl Searcher {
    /// The hits of a question, a page of them, with total, facets and what was not searched, all under `filter`.
    /// Snippets are left empty. A question without words and phrases lists what fits the rest of it.
    pub fn search(&self, question: &TextQuestion, filter: &Filter) -> Result<TextHits, IndexError> {
        let asked = Terms::of(question);
        let days = Days::of(question)?;
        let keep = question.offset.min(OFFSET_MAX) + question.limit.min(PAGE_MAX);
        let mut walk = Walk::new(self, question, filter, days, keep);
        walk.run(&*self.query(question, &asked, filter, false), asked.is_empty() || question.newest_first)?;
        let mut without_text = Walk::new(self, question, filter, days, 0);
        without_text.run(&*self.query(question, &Terms::default(), filter, true), true)?;

        let page = walk.page.into_sorted();
        let hits = page.into_iter().skip(question.offset).map(|rank| self.hit(rank.segment, rank.doc));
        let hits = hits.collect::<Result<_, _>>()?;
        let facets = Facets::of(self, &walk.counts);
        let not_searchable = without_text.counts.iter().flatten().map(|n| u64::from(*n)).sum();
        let total = walk.counts.iter().flatten().map(|n| u64::from(*n)).sum();
        let Facets { kinds, types, sources, years } = facets;
        Ok(TextHits { hits, total, kinds, types, sources, years, not_searchable })
    }

    fn query(&self, question: &TextQuestion, asked: &Terms, filter: &Filter, without_text: bool) -> Box<dyn Query> {
        let fields = &self.inner.text_fields;
        let term = |field: Field, text: &str, option| -> Box<dyn Query> {
            Box::new(TermQuery::new(Term::from_field_text(field, text), option))
        };
        let silent = |query: Box<dyn Query>| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(query, 0.0)) };
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for word in &asked.words {
            clauses.push((Occur::Must, term(fields.text, word, IndexRecordOption::WithFreqs)));
        }
        for phrase in &asked.phrases {
            let terms = phrase.iter().map(|(at, stem)| (*at, Term::from_field_text(fields.text, stem))).collect();
            clauses.push((Occur::Must, Box::new(PhraseQuery::new_with_offset(terms))));
        }
        if let Some(patient) = &question.patient {
            let of = |key: &PatientKey| -> Box<dyn Query> {
                let key = Term::from_field_bytes(fields.patient, &key_bytes(key));
                Box::new(TermQuery::new(key, IndexRecordOption::Basic))
            };
            // Whose a moved record is, the walk tells.
            let from = question.moves.iter().flat_map(|moves| &moves.from);
            let others: Vec<&PatientKey> = question.linked.iter().chain(from).collect();
            let keys = std::iter::once(patient).chain(others.iter().copied()).map(|key| (Occur::Should, of(key)));
            let whose = if others.is_empty() { of(patient) } else { Box::new(BooleanQuery::new(keys.collect())) };
            clauses.push((Occur::Must, silent(whose)));
        }
        if without_text {
            clauses.push((Occur::Must, silent(term(fields.mark, MARK_NO_TEXT, IndexRecordOption::Basic))));
        }
        if clauses.is_empty() {
            clauses.push((Occur::Must, silent(Box::new(AllQuery))));
        }
        for (class, mark) in schema::label_marks(filter.hide) {
            if self.inner.text_segments.iter().any(|segment| segment.labels.intersects(class)) {
                clauses.push((Occur::MustNot, term(fields.mark, &mark, IndexRecordOption::Basic)));
            }
        }
        Box::new(BooleanQuery::new(clauses))
    }

    fn hit(&self, segment: usize, doc: DocId) -> Result<TextHit, IndexError> {
        let segment = &self.inner.text_segments[segment];
        let group = segment.group(doc).ok_or(IndexError::Damaged("a text hit has no group"))?;
        let ordinal = segment.ordinal.first(doc).ok_or(IndexError::Damaged("a text hit has no place"))?;
        Ok(TextHit {
            kind: group.kind,
            id: segment.id(doc)?.ok_or(IndexError::Damaged("a text hit has no id"))?,
            patient: segment.patient(doc)?,
            place: Place { accession: AccessionId(group.accession.clone()), generation: group.generation, ordinal },
            source_system: group.source.to_string(),
            type_code: group.type_code.as_deref().map(str::to_string),
            title: text_of(&segment.title, doc)?.unwrap_or_default(),
            author: text_of(&segment.author, doc)?,
            date: segment.day.as_ref().and_then(|day| day.first(doc)).map(day_text),
            snippet: String::new(),
            marks: Vec::new(),
            occurs: 0,
            section: None,
        })
    }
}

impl TextSegment {
    fn group_number(&self, doc: DocId) -> Option<usize> {
        self.group.as_ref()?.ords().first(doc).map(|ord| ord as usize)
    }

    fn group(&self, doc: DocId) -> Option<&Group> {
        self.groups.get(self.group_number(doc)?)
    }

    fn id(&self, doc: DocId) -> Result<Option<ArchiveId>, IndexError> {
        let number = |column: &Option<Column<u64>>| column.as_ref().and_then(|c| c.first(doc));
        if let (Some(high), Some(low)) = (number(&self.id_high), number(&self.id_low)) {
            return Ok(schema::id_from_numbers(high, low));
        }
        Ok(text_of(&self.id_text, doc)?.and_then(|text| ArchiveId::parse(&text)))
    }

    fn patient(&self, doc: DocId) -> Result<Option<crate::model::PatientKey>, IndexError> {
        let Some((column, ord)) = self.patient.as_ref().and_then(|c| Some((c, c.ords().first(doc)?))) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        column.ord_to_bytes(ord, &mut bytes)?;
        Ok(key_from_bytes(&bytes))
    }
}

fn text_of(column: &Option<StrColumn>, doc: DocId) -> Result<Option<String>, IndexError> {
    let Some((column, ord)) = column.as_ref().and_then(|c| Some((c, c.ords().first(doc)?))) else {
        return Ok(None);
    };
    let mut text = String::new();
    column.ord_to_str(ord, &mut text)?;
    Ok(Some(text))
}

/// The index terms of a question.
#[derive(Default)]
struct Terms {
    words: Vec<String>,
    /// Each with its distance from the phrase's first word.
    phrases: Vec<Vec<(usize, String)>>,
}

impl Terms {
    fn of(question: &TextQuestion) -> Terms {
        let mut terms = Terms::default();
        let mut stems = Stems::new();
        let parts = question.words.iter().cloned().chain(question.phrases.iter().map(|words| words.join(" ")));
        for text in parts.take(TERMS_MAX) {
            let found = stemmed(&mut stems, &text);
            match found.as_slice() {
                [] => {}
                [(_, stem)] if terms.words.contains(stem) => {}
                [(_, stem)] => terms.words.push(stem.clone()),
                _ => terms.phrases.push(found),
            }
        }
        terms
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.phrases.is_empty()
    }
}

/// The asked span of days, as `day_number`s, both ends inside.
#[derive(Clone, Copy)]
struct Days {
    from: u64,
    to: u64,
    any: bool,
}

impl Days {
    fn of(question: &TextQuestion) -> Result<Days, IndexError> {
        let day = |text: &Option<String>| -> Result<Option<u64>, IndexError> {
            text.as_deref().map(|t| day_number(t).ok_or(IndexError::BadQuestion("a day is written YYYY-MM-DD"))).transpose()
        };
        let (from, to) = (day(&question.from)?, day(&question.to)?.map(last_day));
        Ok(Days { from: from.unwrap_or(0), to: to.unwrap_or(u64::MAX), any: from.is_none() && to.is_none() })
    }

    /// A partial date lies inside when any day that it may mean does.
    fn hold(&self, day: Option<u64>) -> bool {
        self.any || day.is_some_and(|day| day <= self.to && last_day(day) >= self.from)
    }
}

/// One walk over everything that matches a query: counts by group, and the best of it.
struct Walk<'a> {
    searcher: &'a Searcher,
    /// Of a question inside a chart, when records were moved: its keys, and what was moved.
    moves: Option<(Vec<&'a PatientKey>, &'a Moves)>,
    withheld: &'a BTreeSet<(AccessionId, u64)>,
    /// Whether no patient is there, and with them nothing that is theirs.
    hides_patients: bool,
    days: Days,
    newest_first: bool,
    /// Per segment and group: whether it is asked for, and how many hits it has.
    wanted: Vec<Vec<bool>>,
    counts: Vec<Vec<u32>>,
    page: Page,
}

impl<'a> Walk<'a> {
    fn new(searcher: &'a Searcher, question: &'a TextQuestion, filter: &Filter, days: Days, keep: usize) -> Walk<'a> {
        let asked = |list: &[String], value: Option<&str>| list.is_empty() || value.is_some_and(|v| list.iter().any(|l| l == v));
        let wanted = |group: &Group| {
            // What a filter hides of sources and kinds is whole groups, so it is not asked for.
            filter.allows_of(&group.source, group.kind)
                && (question.kinds.is_empty() || question.kinds.contains(&group.kind))
                && asked(&question.type_codes, group.type_code.as_deref())
                && asked(&question.sources, Some(&group.source))
        };
        let keys = || question.patient.iter().chain(&question.linked).collect();
        let segments = &searcher.inner.text_segments;
        Walk {
            searcher,
            withheld: &question.withheld,
            hides_patients: filter.hide_kinds.contains(&Kind::PATIENT),
            moves: question.moves.as_ref().filter(|_| question.patient.is_some()).map(|moves| (keys(), moves)),
            days,
            newest_first: question.newest_first,
            wanted: segments.iter().map(|s| s.groups.iter().map(wanted).collect()).collect(),
            counts: segments.iter().map(|s| vec![0; s.groups.len()]).collect(),
            page: Page { keep, best: BinaryHeap::new() },
        }
    }

    fn run(&mut self, query: &dyn Query, unscored: bool) -> Result<(), IndexError> {
        let inner = &self.searcher.inner;
        let scoring = match unscored {
            true => EnableScoring::disabled_from_searcher(&inner.texts),
            false => EnableScoring::enabled_from_statistics_provider(&FixedStatistics, &inner.texts),
        };
        let weight = query.weight(scoring)?;
        for (i, reader) in inner.texts.segment_readers().iter().enumerate() {
            if unscored {
                weight.for_each_no_score(reader, &mut |docs| docs.iter().for_each(|doc| self.visit(i, *doc, 0.0)))?;
            } else {
                weight.for_each(reader, &mut |doc, score| self.visit(i, doc, score))?;
            }
        }
        Ok(())
    }

    /// Whether the document lies in the chart asked for, once moved records are counted where they were moved to.
    fn lies_here(&self, segment: &TextSegment, group: usize, doc: DocId) -> bool {
        if self.hides_patients && segment.patient.as_ref().is_some_and(|column| column.ords().first(doc).is_some()) {
            return false;
        }
        if !self.withheld.is_empty()
            && let Some((group, ordinal)) = segment.groups.get(group).zip(segment.ordinal.first(doc))
            && self.withheld.contains(&(AccessionId(group.accession.clone()), ordinal))
        {
            return false;
        }
        let Some((keys, moves)) = &self.moves else { return true };
        let places = segment.groups.get(group).and_then(|group| moves.to.get(&AccessionId(group.accession.clone())));
        let moved_to = places.zip(segment.ordinal.first(doc)).and_then(|(places, ordinal)| places.get(&ordinal));
        match moved_to {
            Some(to) => keys.contains(&to),
            None if moves.from.is_empty() => true,
            None => segment.patient(doc).ok().flatten().is_some_and(|patient| keys.contains(&&patient)),
        }
    }

    fn visit(&mut self, i: usize, doc: DocId, score: Score) {
        let segment = &self.searcher.inner.text_segments[i];
        let Some(number) = segment.group_number(doc).filter(|n| self.wanted[i][*n]) else {
            return;
        };
        let day = || segment.day.as_ref().and_then(|column| column.first(doc));
        if !self.days.any && !self.days.hold(day()) {
            return;
        }
        if !self.lies_here(segment, number, doc) {
            return;
        }
        self.counts[i][number] += 1;
        let steps = (score * SCORE_STEPS) as u64;
        if self.page.keep == 0 || !self.newest_first && self.page.is_below(steps) {
            return;
        }
        let newest = day().unwrap_or(0);
        let worth = if self.newest_first { (newest, steps) } else { (steps, newest) };
        let group = &segment.groups[number];
        let place = (group.accession.clone(), group.generation, segment.ordinal.first(doc).unwrap_or(0));
        self.page.offer(Rank { worth, place: Reverse(place), segment: i, doc });
    }
}

/// Where a hit stands among others; greater is better. The place decides between equals, so that the order is the same
/// however the index was cut and built.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    worth: (u64, u64),
    place: Reverse<(Arc<str>, u32, u64)>,
    segment: usize,
    doc: DocId,
}

/// The best hits seen so far.
struct Page {
    keep: usize,
    best: BinaryHeap<Reverse<Rank>>,
}

impl Page {
    /// Whether a hit of this first worth cannot come in any more.
    fn is_below(&self, first: u64) -> bool {
        self.best.len() >= self.keep && self.best.peek().is_some_and(|worst| first < worst.0.worth.0)
    }

    fn offer(&mut self, rank: Rank) {
        if self.best.len() < self.keep {
            self.best.push(Reverse(rank));
        } else if let Some(mut worst) = self.best.peek_mut()
            && rank > worst.0
        {
            *worst = Reverse(rank);
        }
    }

    fn into_sorted(self) -> Vec<Rank> {
        self.best.into_sorted_vec().into_iter().map(|r| r.0).collect()
    }
}

/// Statistics that are the same for every word and archive.
struct FixedStatistics;

impl Bm25StatisticsProvider for FixedStatistics {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(200_000_000)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(1_000_000)
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        Ok(1_000)
    }
}

struct Facets {
    kinds: Facet,
    types: Facet,
    sources: Facet,
    years: Facet,
}

impl Facets {
    fn of(searcher: &Searcher, counts: &[Vec<u32>]) -> Facets {
        let [mut kinds, mut types, mut sources, mut years] = [const { BTreeMap::<&str, u64>::new() }; 4];
        for (segment, counts) in searcher.inner.text_segments.iter().zip(counts) {
            for (group, count) in segment.groups.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let count = u64::from(*count);
                *kinds.entry(group.kind.name()).or_default() += count;
                *sources.entry(&group.source).or_default() += count;
                if let Some(code) = &group.type_code {
                    *types.entry(code).or_default() += count;
                }
                if !group.year.is_empty() {
                    *years.entry(&group.year).or_default() += count;
                }
            }
        }
        let owned = |map: BTreeMap<&str, u64>| map.into_iter().map(|(v, n)| (v.to_string(), n)).collect::<Vec<_>>();
        let by_count = |map| {
            let mut values = owned(map);
            values.sort_by_key(|(_, n)| Reverse(*n));
            Facet { values }
        };
        let years = Facet { values: owned(years).into_iter().rev().collect() };
        Facets { kinds: by_count(kinds), types: by_count(types), sources: by_count(sources), years }
    }
}
