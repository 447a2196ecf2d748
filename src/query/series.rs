//! One patient's values of one code over time, read from the columns of the chart frames without building records.
//!
//! Not for: flowsheets of everything (`chart` with Observations).

use ahash::AHashMap;

use super::QueryError;
use super::chart::visit_chart;
use super::snapshot::Archive;
use super::wanted::Selection;
use crate::access::Permit;
use crate::formats::fhir::{Part, Shape, leaf_text};
use crate::model::{AccessionId, ArchiveId, Kind, PatientKey, ValuePoint, When};
use crate::store::Accession;
use crate::store::codec::WHOLE;

/// Where the parts of a value stand among the leaves of a shape.
#[derive(Clone, Debug, Default)]
struct ValueLeaves {
    codes: Vec<usize>,
    value: Option<usize>,
    comparator: Option<usize>,
    unit: Option<usize>,
    flag: Option<usize>,
    low: Option<usize>,
    high: Option<usize>,
}

impl ValueLeaves {
    /// The leaves below `prefix` (empty, or `component[n].`).
    fn of(shape: &Shape, prefix: &str) -> ValueLeaves {
        let mut found = ValueLeaves::default();
        for (leaf, path) in shape.paths().iter().enumerate() {
            let Some(path) = path.strip_prefix(prefix) else { continue };
            match path {
                "valueQuantity.value" | "valueString" | "valueInteger" | "valueBoolean" | "valueCodeableConcept.text" => {
                    found.value = Some(leaf);
                }
                "valueCodeableConcept.coding[0].display" | "valueDateTime" => found.value = found.value.or(Some(leaf)),
                "valueQuantity.comparator" => found.comparator = Some(leaf),
                "valueQuantity.unit" => found.unit = Some(leaf),
                "valueQuantity.code" => found.unit = found.unit.or(Some(leaf)),
                "interpretation[0].coding[0].code" => found.flag = Some(leaf),
                "referenceRange[0].low.value" => found.low = Some(leaf),
                "referenceRange[0].high.value" => found.high = Some(leaf),
                code if code.starts_with("code.coding[") && code.ends_with("].code") => found.codes.push(leaf),
                _ => {}
            }
        }
        found
    }

    fn all_of(shape: &Shape) -> Vec<ValueLeaves> {
        let mut all = vec![ValueLeaves::of(shape, "")];
        for number in 0.. {
            let component = ValueLeaves::of(shape, &format!("component[{number}]."));
            if component.codes.is_empty() {
                break;
            }
            all.push(component);
        }
        all
    }
}

impl Archive {
    /// One patient's values of one code (of the Observation or of a component), oldest first. Scope: `Chart` of this
    /// patient.
    pub fn series(&self, permit: &Permit, patient: &PatientKey, code: &str) -> Result<Vec<ValuePoint>, QueryError> {
        let snapshot = self.snapshot();
        let observations = Kind::from_name("Observation").ok_or(QueryError::NotFound)?;
        let selection = Selection { kinds: vec![observations], newest: None };
        let mut points: Vec<ValuePoint> = Vec::new();
        // By accession, since each numbers its shapes itself, and shape.
        let mut plans: AHashMap<AccessionId, AHashMap<u32, Vec<ValueLeaves>>> = AHashMap::new();
        visit_chart(&snapshot, permit, patient, &selection, &mut |accession, frame, at| {
            frame.view(at, |shape, leaf| {
                let make = || ValueLeaves::all_of(shape);
                let number = frame.decoded.shape(at);
                if !plans.contains_key(&accession.id) {
                    plans.insert(accession.id.clone(), AHashMap::new());
                }
                let Some(plans) = plans.get_mut(&accession.id) else { return };
                let plan = plans.entry(number).or_insert_with(make);
                // Records that are kept whole share a number.
                if number == WHOLE {
                    *plan = make();
                }
                for leaves in plan.iter() {
                    let is_asked = leaves.codes.iter().any(|c| leaf(*c).is_some_and(|l| l == code.as_bytes()))
                        || (!accession.terminology().is_empty() && is_mapped_to(accession, shape, leaf, leaves, code));
                    if !is_asked {
                        continue;
                    }
                    let text = |at: Option<usize>| at.and_then(leaf).map(|l| leaf_text(l).into_owned());
                    let Some(value) = text(leaves.value) else { continue };
                    let id = frame.names(at).and_then(|(id, _)| ArchiveId::parse(&id));
                    let Some(record) = id else { continue };
                    points.push(ValuePoint {
                        record,
                        place: accession.place(frame.ordinal(at)),
                        when: date_of(shape, leaf),
                        value: text(leaves.comparator).map_or(value.clone(), |c| format!("{c} {value}")),
                        unit: text(leaves.unit),
                        flag: text(leaves.flag),
                        low: text(leaves.low),
                        high: text(leaves.high),
                        source_system: accession.source_system.clone(),
                    });
                }
            });
            Ok(())
        })?;
        points.sort_by_key(|p| p.when.as_ref().map(When::start_us));
        Ok(points)
    }
}

/// Whether a code map gives the code to one of the codes at these leaves.
fn is_mapped_to<'x>(
    accession: &Accession,
    shape: &Shape,
    leaf: &dyn Fn(usize) -> Option<&'x [u8]>,
    leaves: &ValueLeaves,
    code: &str,
) -> bool {
    let is_of_value = |part: &Part| matches!(part, Part::Leaf(at) if leaves.codes.contains(at));
    let lists = shape.codings().iter().filter(|list| list.codings.iter().any(|(_, code)| is_of_value(code)));
    lists.flat_map(|list| list.codings.iter()).any(|(system, source)| {
        let text = |part: &Part| match part {
            Part::Constant(value) => leaf_text(value.as_bytes()).into_owned(),
            Part::Leaf(at) => leaf_text(leaf(*at).unwrap_or(b"")).into_owned(),
        };
        accession.terminology().targets(&text(system), &text(source)).any(|(_, target)| target == code)
    })
}

fn date_of<'x>(shape: &Shape, leaf: &dyn Fn(usize) -> Option<&'x [u8]>) -> Option<When> {
    const PATHS: [&str; 4] = ["effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "issued"];
    PATHS.iter().find_map(|wanted| {
        let at = shape.paths().iter().position(|p| p.as_ref() == *wanted)?;
        When::parse(&leaf_text(leaf(at)?))
    })
}
