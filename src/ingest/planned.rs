//! A shape with everything that ingest wants to know of its records, worked out once, and the table of all shapes seen.
//!
//! Not for: templates themselves (`formats::fhir::Shape`).

use std::sync::{Arc, Mutex, PoisonError};

use ahash::AHashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::labels::ShapeLabels;
use crate::formats::fhir::{Role, Shape, ShapeFault};
use crate::limits;
use crate::mapping::sensitivity::SourceRules;
use crate::store::codec::WHOLE;
use crate::store::tables::{self, ColumnPlan};

/// A shape and its plans.
pub struct Planned {
    /// Number in the spill; final numbers are given when all shapes are known. [`WHOLE`] when the table was full.
    pub number: u32,
    pub shape: Shape,
    pub columns: Option<ColumnPlan>,
    pub date_leaf: Option<usize>,
    pub labels: ShapeLabels,
    pub references: Vec<usize>,
    pub data: Vec<u16>,
    /// `meta.lastUpdated`.
    pub updated: Option<usize>,
    /// (leaf with the value, system) of the record's own identifiers.
    pub identifiers: Vec<(usize, Box<str>)>,
}

impl Planned {
    fn new(number: u32, shape: Shape, rules: &Arc<SourceRules>) -> Planned {
        let of_role = |wanted: Role| shape.roles().iter().enumerate().filter(move |(_, r)| **r == wanted).map(|(i, _)| i);
        let table = tables::kinds().get(shape.kind());
        // Values that stand in the template follow the leaves, so that a plan can name them too.
        let paths: Vec<&str> =
            shape.paths().iter().map(AsRef::as_ref).chain(shape.constants().iter().map(|(p, _)| p.as_ref())).collect();
        let identifiers = shape.roles().iter().enumerate().filter_map(|(i, role)| match role {
            Role::IdentifierValue(system) => Some((i, shape.system(*system).into())),
            _ => None,
        });
        Planned {
            number,
            columns: table.map(|t| t.plan(&paths)),
            date_leaf: table.and_then(|t| t.date_leaf(&paths)).filter(|leaf| *leaf < shape.leaves()),
            labels: ShapeLabels::of(rules, &shape),
            references: of_role(Role::Reference).collect(),
            data: of_role(Role::Data).map(|i| i as u16).collect(),
            identifiers: identifiers.collect(),
            updated: shape.roles().iter().position(|r| *r == Role::LastUpdated),
            shape,
        }
    }
}

/// All shapes of a run, shared by the workers.
pub struct ShapeRegistry {
    rules: Arc<SourceRules>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_template: AHashMap<Box<[u8]>, Arc<Planned>>,
    list: Vec<Arc<Planned>>,
    bytes: usize,
}

impl ShapeRegistry {
    /// An empty registry; the labels of its shapes are planned by `rules`.
    pub fn new(rules: Arc<SourceRules>) -> ShapeRegistry {
        ShapeRegistry { rules, state: Mutex::default() }
    }

    /// The shape of a template, checked and planned at its first sight. When the table is full, a shape is planned for
    /// this one record and gets the number [`WHOLE`].
    fn get(&self, template: &[u8], leaves: usize) -> Result<Arc<Planned>, ShapeFault> {
        {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = state.by_template.get(template) {
                return Ok(found.clone());
            }
        }
        let shape = Shape::new(template)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = state.by_template.get(template) {
            return Ok(found.clone());
        }
        let full = state.list.len() >= limits::SHAPES_MAX
            || state.bytes + template.len() > limits::SHAPES_BYTES_MAX
            || leaves > limits::LEAVES_MAX
            || template.len() > limits::SHAPES_BYTES_MAX / 64;
        if full {
            return Ok(Arc::new(Planned::new(WHOLE, shape, &self.rules)));
        }
        let planned = Arc::new(Planned::new(state.list.len() as u32 + 1, shape, &self.rules));
        state.bytes += template.len();
        state.by_template.insert(template.into(), planned.clone());
        state.list.push(planned.clone());
        Ok(planned)
    }

    /// All shapes by their final numbers (ordered by template, so that they do not depend on which worker came first),
    /// and the final number of each number in the spill.
    pub fn finish(self) -> (Vec<Arc<Planned>>, Vec<u32>) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut list = state.list;
        list.sort_by(|a, b| a.shape.template().cmp(b.shape.template()));
        let mut finals = vec![WHOLE; list.len() + 1];
        for (index, planned) in list.iter().enumerate() {
            finals[planned.number as usize] = index as u32 + 1;
        }
        (list, finals)
    }
}

/// A worker's own view of the registry: no lock for a shape it has met.
pub struct ShapeCache<'a> {
    registry: &'a ShapeRegistry,
    seen: AHashMap<u64, Arc<Planned>>,
}

impl<'a> ShapeCache<'a> {
    pub fn new(registry: &'a ShapeRegistry) -> Self {
        ShapeCache { registry, seen: AHashMap::new() }
    }

    pub fn get(&mut self, template: &[u8], leaves: usize) -> Result<Arc<Planned>, ShapeFault> {
        let hash = xxh3_64(template);
        if let Some(planned) = self.seen.get(&hash)
            && planned.shape.template() == template
        {
            return Ok(planned.clone());
        }
        let planned = self.registry.get(template, leaves)?;
        if planned.number != WHOLE {
            self.seen.insert(hash, planned.clone());
        }
        Ok(planned)
    }
}
