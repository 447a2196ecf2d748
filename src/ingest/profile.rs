//! A profile of what was archived, out of the tables just written: which elements of USCDI are there, for how many patients,
//! how the records spread over the years, and which dates cannot be right.
//!
//! The tables are read once, part after part; a patient lies in one part, so that memory is bounded by the patients of
//! one. Not for: how columns are filled (the table writer counts that), or any value: only counts leave.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ahash::AHashMap;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use serde::{Deserialize, Serialize};

use super::uscdi::{Checklist, ELEMENTS_MAX, checklist};
use crate::model::{Kind, civil_from_days, days_from_civil};
use crate::store::tables::{FieldType, KindTable, TableError, kinds, scan};

/// How far one element of USCDI is there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ElementLine {
    pub class: String,
    pub element: String,
    pub records: u64,
    pub patients: u64,
    /// The mapping's settings say that the source never held it.
    #[serde(default)]
    pub never_delivered: bool,
}

/// Dates of one column that cannot be right, or should be looked at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DateLine {
    pub kind: String,
    pub column: String,
    /// Before the year 1900.
    pub early: u64,
    /// After the day of sealing.
    pub future: u64,
    /// Before the patient was born.
    pub before_birth: u64,
}

/// What the tables show.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Version of the list that `elements` follows.
    pub uscdi: String,
    /// Patients with a chart or a record in a table.
    pub patients: u64,
    pub elements: Vec<ElementLine>,
    /// Only columns with such dates.
    pub dates: Vec<DateLine>,
    /// Records of each year since 1900, by kind.
    pub years: BTreeMap<i32, BTreeMap<String, u64>>,
}

/// One table file of a part.
pub struct TablePart {
    pub part: u32,
    pub kind: Kind,
    pub path: PathBuf,
}

const DAY_MS: i64 = 86_400_000;
/// The first year that is believed.
const FIRST_YEAR: i64 = 1900;

/// Kinds whose first date is not something that happened to the patient during care.
fn is_event(kind: Kind) -> bool {
    !matches!(kind.name(), "Patient" | "RelatedPerson" | "Device" | "Location" | "Organization" | "PractitionerRole")
}

/// What was seen of the patient in work.
#[derive(Clone, Copy, Default)]
struct Person {
    shown: u128,
    /// Milliseconds since 1970.
    born: Option<i64>,
}

/// The patients of one part.
#[derive(Default)]
struct People {
    numbers: AHashMap<String, usize>,
    list: Vec<Person>,
}

impl People {
    fn number(&mut self, key: &str) -> usize {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        self.list.push(Person::default());
        self.numbers.insert(key.to_string(), self.list.len() - 1);
        self.list.len() - 1
    }
}

struct Counter<'a> {
    list: &'static Checklist,
    never_delivered: &'a [String],
    /// The day of sealing, as days since 1970.
    today: i64,
    records: Vec<u64>,
    patients: Vec<u64>,
    people: u64,
    dates: BTreeMap<(Kind, String), DateLine>,
    years: BTreeMap<i32, BTreeMap<Kind, u64>>,
}

/// Reads the tables of an accession. `today` is the day of sealing, counted from 1970.
pub fn profile(mut tables: Vec<TablePart>, today: i64, never_delivered: &[String]) -> Result<Profile, TableError> {
    // Patients first: their births are held against the dates of the other kinds.
    tables.sort_by_key(|t| (t.part, t.kind != Kind::PATIENT, t.kind));
    let list = checklist();
    let mut counter = Counter {
        list,
        never_delivered,
        today,
        records: vec![0; ELEMENTS_MAX],
        patients: vec![0; ELEMENTS_MAX],
        people: 0,
        dates: BTreeMap::new(),
        years: BTreeMap::new(),
    };
    for part in tables.chunk_by(|a, b| a.part == b.part) {
        let mut people = People::default();
        for table in part {
            counter.table(table, &mut people)?;
        }
        counter.people += people.list.len() as u64;
        for person in people.list {
            count_bits(person.shown, &mut counter.patients);
        }
    }
    Ok(counter.finish())
}

fn count_bits(mut bits: u128, counts: &mut [u64]) {
    while bits != 0 {
        counts[bits.trailing_zeros() as usize] += 1;
        bits &= bits - 1;
    }
}

impl Counter<'_> {
    fn table(&mut self, part: &TablePart, people: &mut People) -> Result<(), TableError> {
        let Some(table) = kinds().get(part.kind) else { return Ok(()) };
        let plan = Plan::of(self.list, table);
        let columns: Vec<&str> = std::iter::once("patient").chain(plan.columns.iter().map(String::as_str)).collect();
        for batch in scan(&part.path, &columns)? {
            self.batch(&plan, &batch?, people);
        }
        Ok(())
    }

    fn batch(&mut self, plan: &Plan<'_>, batch: &RecordBatch, people: &mut People) {
        let Some(keys) = batch.column_by_name("patient").and_then(|c| c.as_string_opt::<i32>()) else { return };
        let columns: Vec<Option<&dyn Array>> =
            plan.columns.iter().map(|name| batch.column_by_name(name).map(AsRef::as_ref)).collect();
        let mut current: Option<(&str, usize)> = None;
        for row in 0..batch.num_rows() {
            let person = keys.is_valid(row).then(|| keys.value(row)).map(|key| match current {
                Some((before, number)) if before == key => number,
                _ => {
                    let number = people.number(key);
                    current = Some((key, number));
                    number
                }
            });
            let shown = plan.elements_of(&columns, row);
            count_bits(shown, &mut self.records);
            if let Some(person) = person.and_then(|number| people.list.get_mut(number)) {
                person.shown |= shown;
                self.dates(plan, &columns, row, Some(person));
            } else {
                self.dates(plan, &columns, row, None);
            }
        }
    }

    fn dates(&mut self, plan: &Plan<'_>, columns: &[Option<&dyn Array>], row: usize, person: Option<&mut Person>) {
        let at = |column: usize| {
            let times = columns.get(column).copied().flatten()?.as_primitive_opt::<TimestampMillisecondType>()?;
            times.is_valid(row).then(|| times.value(row))
        };
        let mut first = None;
        let born = person.as_ref().and_then(|p| p.born);
        for (column, name) in &plan.dates {
            let Some(ms) = at(*column) else { continue };
            let is_first = first.is_none();
            first = first.or(Some(ms));
            let day = ms.div_euclid(DAY_MS);
            let early = day < days_from_civil(FIRST_YEAR, 1, 1);
            let future = day > self.today + 1;
            // A date without a time may lie a zone away from the birth; a day is let pass.
            let before_birth = is_first && is_event(plan.kind) && born.is_some_and(|born| ms < born - DAY_MS) && !early;
            if early || future || before_birth {
                let line = self.dates.entry((plan.kind, (*name).to_string())).or_default();
                line.early += u64::from(early);
                line.future += u64::from(future);
                line.before_birth += u64::from(before_birth);
            }
        }
        let Some(ms) = first else { return };
        if plan.kind == Kind::PATIENT {
            if let Some(person) = person {
                person.born = Some(ms);
            }
        } else if is_event(plan.kind) {
            let (year, _, _) = civil_from_days(ms.div_euclid(DAY_MS));
            let (this_year, _, _) = civil_from_days(self.today);
            if (FIRST_YEAR..=this_year + 1).contains(&year) {
                *self.years.entry(year as i32).or_default().entry(plan.kind).or_default() += 1;
            }
        }
    }

    fn finish(self) -> Profile {
        let elements = self.list.elements().take(ELEMENTS_MAX).enumerate().map(|(number, (class, element))| ElementLine {
            class: class.into(),
            element: element.name.clone(),
            records: self.records[number],
            patients: self.patients[number],
            never_delivered: self.never_delivered.iter().any(|word| Checklist::means(word, class, &element.name)),
        });
        let name = |(kind, count): (Kind, u64)| (kind.name().to_string(), count);
        Profile {
            uscdi: self.list.version.clone(),
            patients: self.people,
            elements: elements.collect(),
            dates: self
                .dates
                .into_iter()
                .map(|((kind, column), line)| DateLine { kind: kind.name().into(), column, ..line })
                .collect(),
            years: self.years.into_iter().map(|(year, by_kind)| (year, by_kind.into_iter().map(name).collect())).collect(),
        }
    }
}

/// What is asked of each row of a kind.
struct Plan<'a> {
    kind: Kind,
    /// The columns to read.
    columns: Vec<String>,
    /// Of each rule: the bit of its element, and the columns of which it wants one.
    rules: Vec<(u128, Vec<usize>)>,
    /// A column that rules look into: the rules that do, and by value those that it lets pass.
    gates: Vec<(usize, u64, AHashMap<&'a str, u64>)>,
    /// Date columns, the chart's own date first.
    dates: Vec<(usize, &'a str)>,
}

impl<'a> Plan<'a> {
    fn of(list: &'a Checklist, table: &'a KindTable) -> Plan<'a> {
        let mut plan = Plan { kind: table.kind, columns: Vec::new(), rules: Vec::new(), gates: Vec::new(), dates: Vec::new() };
        for (number, (element, rule)) in list.rules_of(table.kind).into_iter().take(64).enumerate() {
            let any = rule.any.iter().map(|name| plan.column(name)).collect();
            plan.rules.push((1 << element, any));
            for (name, values) in &rule.only {
                let column = plan.column(name);
                let at = plan.gates.iter().position(|g| g.0 == column).unwrap_or_else(|| {
                    plan.gates.push((column, 0, AHashMap::new()));
                    plan.gates.len() - 1
                });
                plan.gates[at].1 |= 1 << number;
                for value in values {
                    *plan.gates[at].2.entry(value).or_default() |= 1 << number;
                }
            }
        }
        let mut dates: Vec<_> = table.fields.iter().filter(|f| f.field_type == FieldType::When).collect();
        let rank = |path: &String| table.date_paths().iter().position(|p| p.as_str() == path);
        dates.sort_by_key(|f| f.paths.iter().filter_map(rank).min().unwrap_or(usize::MAX));
        for field in dates.into_iter().filter(|f| f.paths.iter().any(|p| rank(p).is_some())) {
            let column = plan.column(&field.name);
            plan.dates.push((column, &field.name));
        }
        plan
    }

    fn column(&mut self, name: &str) -> usize {
        self.columns.iter().position(|c| c == name).unwrap_or_else(|| {
            self.columns.push(name.to_string());
            self.columns.len() - 1
        })
    }

    /// The elements that a row shows, as bits.
    fn elements_of(&self, columns: &[Option<&dyn Array>], row: usize) -> u128 {
        let mut open = u64::MAX;
        for (column, all, values) in &self.gates {
            let texts = columns.get(*column).copied().flatten().and_then(|c| c.as_string_opt::<i32>());
            let value = texts.filter(|t| t.is_valid(row)).map(|t| t.value(row));
            open &= !all | value.and_then(|v| values.get(v)).copied().unwrap_or(0);
        }
        let mut shown = 0;
        for (number, (element, any)) in self.rules.iter().enumerate() {
            if open >> number & 1 == 1 && shown & element == 0 {
                let is_there = |column: &usize| columns.get(*column).copied().flatten().is_some_and(|c| c.is_valid(row));
                if any.iter().any(is_there) {
                    shown |= element;
                }
            }
        }
        shown
    }
}
