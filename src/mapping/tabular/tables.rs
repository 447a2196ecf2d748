//! What a mapping file says of tables, checked as far as that goes without the tables: expressions, types, paths, names.
//!
//! Not for: columns of real files (`prepare`).

use std::sync::Arc;

use toml::Spanned;

use super::expr::{Expr, Name, ValueSets};
use super::fields;
use super::file::{EmitFile, FieldFile, FieldType, Missing, PatientsFile, PivotFile, TableFile, TablesFile};
use super::tree::{Leaf, Object, Source, Times, What, path};
use crate::formats::table::Dialect;
use crate::mapping::settings_error::SettingsError;
use crate::mapping::systems::Coding;
use crate::model::Kind;

/// The tables of a source.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub(super) nulls: Arc<[String]>,
    pub(super) sentinels: Arc<[String]>,
    pub(super) patients: Option<PatientsFile>,
    tables: Vec<Table>,
}

/// One table, as the mapping file has it.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    /// Name of its file, in lower case, `*` for any text.
    pattern: String,
    pub(super) dialect: Option<Dialect>,
    pub(super) key: Vec<String>,
    pub(super) optional: Vec<String>,
    pub(super) lookup: bool,
    pub(super) exclude: Vec<(String, Expr<Name>)>,
    /// Those of the rules that reach all rows of a patient.
    pub(super) reaching: Vec<(String, Expr<Name>)>,
    pub(super) joins: Vec<Join>,
    pub(super) emits: Vec<Emit<Name>>,
    /// Code maps that the table's fields name, with the local systems that they read.
    pub code_maps: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(super) struct Join {
    pub name: String,
    pub file: String,
    pub on: Vec<(String, Expr<Name>)>,
    pub missing: Missing,
    pub pivot: Option<PivotFile>,
}

/// A resource to be made of a row.
#[derive(Clone, Debug)]
pub(super) struct Emit<R> {
    pub kind: Kind,
    pub when: Option<Expr<R>>,
    pub id: Vec<Expr<R>>,
    pub namespace: String,
    pub patient: Option<Expr<R>>,
    pub last_updated: Option<(Source<R>, Times)>,
    pub security: Vec<(Option<Expr<R>>, Coding)>,
    pub members: Object<R>,
    /// Columns that say nothing in the resource; known when the columns are.
    pub unused: Vec<usize>,
}

impl Tables {
    /// Checks the tables of a mapping file; `text` is the whole of it, for line numbers.
    pub fn new(file: TablesFile, text: &str) -> Result<Tables, SettingsError> {
        let sets: ValueSets = file.values.into_iter().map(|(name, values)| (name, Arc::new(values))).collect();
        let mut tables = Vec::new();
        for table in &file.tables {
            let checked = Checker { sets: &sets, text, patients: file.patients.as_ref() }.table(table.get_ref());
            let line = line_of(text, table.span().start);
            tables.push(checked.map_err(|what| SettingsError(format!("line {line}: {what}")))?);
        }
        let tables =
            Tables { nulls: file.null_tokens.into(), sentinels: file.date_sentinels.into(), patients: file.patients, tables };
        for table in &tables.tables {
            if let Some(join) = table.joins.iter().find(|join| tables.table_for(&join.file).is_none()) {
                let (name, file) = (&table.name, &join.file);
                return Err(SettingsError(format!("table {name} joins {file}, which no [[table]] reads")));
            }
        }
        Ok(tables)
    }

    /// Whether a file is the table of patients, without which the rows of others cannot be told from orphans.
    pub fn is_patients(&self, file: &str) -> bool {
        self.patients.as_ref().is_some_and(|patients| fits(&patients.file, file))
    }

    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// The table that a delivered file holds: the first whose name fits.
    pub fn table_for(&self, file: &str) -> Option<&Table> {
        let number = self.number_for(file)?;
        self.tables.get(number)
    }

    pub(super) fn number_for(&self, file: &str) -> Option<usize> {
        self.tables.iter().position(|table| fits(&table.pattern, file))
    }

    pub(super) fn get(&self, number: usize) -> Option<&Table> {
        self.tables.get(number)
    }
}

/// Whether a file's name fits a pattern: without its folder, its case and the ending of its compression.
pub(super) fn fits(pattern: &str, file: &str) -> bool {
    let name = if pattern.contains('/') { file } else { file.rsplit('/').next().unwrap_or(file) };
    let name = name.to_lowercase();
    let bare = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let mut parts = pattern.split('*');
    let (first, mut rest) = (parts.next().unwrap_or_default(), bare);
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

struct Checker<'a> {
    sets: &'a ValueSets,
    text: &'a str,
    patients: Option<&'a PatientsFile>,
}

impl Checker<'_> {
    fn table(&self, file: &TableFile) -> Result<Table, String> {
        let stem = file.file.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        let name = file.name.clone().unwrap_or_else(|| stem.to_lowercase());
        if name.is_empty() || name.contains('*') {
            return Err("a table whose file has no name of its own needs a `name`".into());
        }
        let in_table = |what: String| format!("table {name}: {what}");
        if file.lookup != file.emit.is_empty() {
            return Err(in_table("a table has [[table.emit]], or is a `lookup`".into()));
        }
        let mut exclude = Vec::new();
        for rule in &file.exclude {
            let when = Expr::condition(&rule.when, self.sets);
            exclude.push((rule.rule.clone(), when.map_err(|e| in_table(format!("rule {}: {e}", rule.rule)))?));
        }
        let reaching = self.reaching(file).map_err(in_table)?;
        let mut joins = Vec::new();
        for join in &file.join {
            let on = join.on.iter().map(|(column, expr)| Ok((column.clone(), self.expr(expr)?)));
            let on = on.collect::<Result<_, String>>().map_err(|e| in_table(format!("join {}: {e}", join.name)))?;
            if join.on.is_empty() {
                return Err(in_table(format!("join {} has nothing in `on`", join.name)));
            }
            let (name, file) = (join.name.clone(), join.file.clone());
            joins.push(Join { name, file, on, missing: join.missing, pivot: join.pivot.clone() });
        }
        let mut emits = Vec::new();
        for emit in &file.emit {
            emits.push(self.emit(emit).map_err(|e| in_table(format!("{}: {e}", emit.resource)))?);
        }
        Ok(Table {
            pattern: file.file.to_lowercase(),
            dialect: file.dialect.clone(),
            key: file.key.clone(),
            optional: file.optional.clone(),
            lookup: file.lookup,
            code_maps: code_maps(file),
            name,
            exclude,
            reaching,
            joins,
            emits,
        })
    }

    /// Rules that reach all rows of a patient.
    fn reaching(&self, file: &TableFile) -> Result<Vec<(String, Expr<Name>)>, String> {
        let rules: Vec<_> = file.exclude.iter().filter(|rule| rule.with_rows).collect();
        let is_patients = self.patients.is_some_and(|patients| fits(&patients.file.to_lowercase(), &file.file));
        let may_reach = is_patients && file.join.is_empty();
        if !may_reach && !rules.is_empty() {
            return Err("`with_rows` stands in the table of the patients, which joins nothing".into());
        }
        rules.iter().map(|rule| Ok((rule.rule.clone(), self.condition(&rule.when)?))).collect()
    }

    fn expr(&self, text: &str) -> Result<Expr<Name>, String> {
        Expr::parse(text, self.sets).map_err(|e| e.to_string())
    }

    fn condition(&self, text: &str) -> Result<Expr<Name>, String> {
        Expr::condition(text, self.sets).map_err(|e| format!("when: {e}"))
    }

    fn emit(&self, file: &EmitFile) -> Result<Emit<Name>, String> {
        let kind = Kind::from_name(&file.resource).ok_or("no resource type of FHIR R4")?;
        let mut members = Object::default();
        if let Some(patient) = &file.patient {
            let at = file.patient_path.as_deref().or(patient_path(kind));
            let at = at.ok_or("a resource of this type needs a `patient_path`")?;
            self.patient(&mut members, at, patient)?;
        }
        for (name, field) in &file.fields.0 {
            let line = line_of(self.text, Spanned::span(field).start);
            let added = fields::add(&mut members, name, field.get_ref(), self.sets);
            added.map_err(|e| format!("field \"{name}\" (line {line}): {e}"))?;
        }
        if file.residual {
            let leaf = Leaf { what: What::Residual, is_needed: false, field: "residual".into() };
            members.insert(&path("extension:residual")?, leaf)?;
        }
        let security = file.security.iter().map(|label| {
            let when = label.when.as_deref().map(|when| self.condition(when)).transpose()?;
            Ok((when, Coding::new(&label.system, &label.code, &label.display)))
        });
        let id = file.id.as_ref();
        Ok(Emit {
            kind,
            when: file.when.as_deref().map(|when| self.condition(when)).transpose()?,
            id: id.map_or(Vec::new(), |id| id.cols.iter().map(|column| Expr::column(column)).collect()),
            namespace: id.map_or(String::new(), |id| id.namespace.clone()),
            patient: file.patient.as_deref().map(|patient| self.expr(patient)).transpose()?,
            last_updated: file.last_updated.as_ref().map(|field| self.last_updated(field)).transpose()?,
            security: security.collect::<Result<_, String>>()?,
            members,
            unused: Vec::new(),
        })
    }

    /// The reference to the patient.
    fn patient(&self, members: &mut Object<Name>, at: &str, expr: &str) -> Result<(), String> {
        let namespace = self.patients.map_or(String::new(), |patients| patients.namespace.clone());
        let what = What::Reference { kind: Kind::PATIENT.name().into(), namespace, parts: vec![self.expr(expr)?] };
        let mut steps = path(at)?;
        steps.extend(path("reference")?);
        members.insert(&steps, Leaf { what, is_needed: false, field: "patient".into() })
    }

    fn last_updated(&self, file: &FieldFile) -> Result<(Source<Name>, Times), String> {
        // Read as a field of its own, then taken out of the tree again.
        let mut tree = Object::default();
        let file = FieldFile { field_type: FieldType::Instant, ..file.clone() };
        fields::add(&mut tree, "last", &file, self.sets).map_err(|e| format!("last_updated: {e}"))?;
        match tree.members.pop() {
            Some((_, super::tree::Content::Leaf(Leaf { what: What::Time(source, times), .. }))) => Ok((source, times)),
            _ => Err("last_updated: takes a column or an expression".into()),
        }
    }
}

fn code_maps(file: &TableFile) -> Vec<(String, String)> {
    let fields = file.emit.iter().flat_map(|emit| &emit.fields.0).map(|(_, field)| field.get_ref());
    let named = fields.filter_map(|f| Some((f.map.clone()?, f.system.clone().unwrap_or_default())));
    let mut maps: Vec<_> = named.collect();
    maps.sort();
    maps.dedup();
    maps
}

/// The element by which a resource of this type names its patient.
fn patient_path(kind: Kind) -> Option<&'static str> {
    Some(match kind.name() {
        "AllergyIntolerance"
        | "Immunization"
        | "ImmunizationRecommendation"
        | "Claim"
        | "ClaimResponse"
        | "Consent"
        | "ExplanationOfBenefit"
        | "Device"
        | "FamilyMemberHistory"
        | "RelatedPerson"
        | "SupplyDelivery"
        | "EpisodeOfCare"
        | "NutritionOrder"
        | "VisionPrescription"
        | "BodyStructure" => "patient",
        "Condition"
        | "Encounter"
        | "Observation"
        | "DiagnosticReport"
        | "DocumentReference"
        | "MedicationRequest"
        | "MedicationStatement"
        | "MedicationAdministration"
        | "MedicationDispense"
        | "Procedure"
        | "ServiceRequest"
        | "CarePlan"
        | "CareTeam"
        | "Goal"
        | "ImagingStudy"
        | "Specimen"
        | "Composition"
        | "QuestionnaireResponse"
        | "Communication"
        | "ChargeItem"
        | "Flag"
        | "List"
        | "RiskAssessment"
        | "ClinicalImpression"
        | "Media"
        | "Invoice"
        | "DeviceRequest"
        | "DeviceUseStatement"
        | "AdverseEvent"
        | "Basic" => "subject",
        "Account" => "subject[0]",
        "Coverage" => "beneficiary",
        "Appointment" => "participant[0].actor",
        "Task" => "for",
        "Provenance" => "target[0]",
        "AuditEvent" => "entity[0].what",
        _ => return None,
    })
}
