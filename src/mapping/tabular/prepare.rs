//! A mapping for the files of one delivery: dialects and headers read, columns found, lookups in memory.
//!
//! Not for: mapping rows (`map`).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::expr::{Expr, Slot};
use super::file::Missing;
use super::lookup::{Key, Known, Lookup, LookupError, each_row};
use super::resolve::{Columns, place, unused};
use super::tables::{Emit, Join, Table, Tables, fits};
use crate::formats::table::{Dialect, RowCutter, detect, read_header};
use crate::limits::TABLE_HEAD_BYTES;
use crate::mapping::Cutter;
use crate::model::Finding;

/// Why a mapping does not fit a delivery.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("{file}: {what}")]
    Misfit { file: String, what: String },
    #[error("{file}: cannot be read: {source}")]
    Read { file: String, source: io::Error },
}

/// Opens a delivered file by its name.
pub type Open<'a> = dyn Fn(&str) -> io::Result<Box<dyn Read>> + 'a;

/// The tables of a delivery, ready to be mapped.
pub struct Prepared {
    tables: BTreeMap<String, PreparedTable>,
    /// What was noticed on the way: dialects found, keys of lookups that occur twice.
    pub findings: Vec<(String, Finding)>,
}

/// A delivered file and its mapping.
pub struct PreparedTable {
    /// Name in the ledger.
    pub(super) kind: String,
    pub(super) name: String,
    pub dialect: Dialect,
    pub columns: Vec<String>,
    pub(super) keys: Vec<usize>,
    pub(super) lookup: bool,
    pub(super) exclude: Vec<(String, Expr<Slot>)>,
    pub(super) joins: Vec<PreparedJoin>,
    pub(super) emits: Vec<Emit<Slot>>,
    pub(super) nulls: Arc<[String]>,
    pub(super) sentinels: Arc<[String]>,
    pub(super) patients: Option<Arc<Patients>>,
    /// Columns that nothing uses.
    pub(super) unused: Vec<usize>,
}

pub(super) struct PreparedJoin {
    pub name: String,
    pub on: Vec<Expr<Slot>>,
    pub lookup: Arc<Lookup>,
    pub missing: Missing,
}

pub(super) struct Patients {
    pub known: Known,
    pub namespace: String,
    pub create_stub: bool,
}

/// How the bytes of a delivered table become rows.
pub struct TableReader<'a> {
    pub cutter: Box<dyn Cutter>,
    pub table: &'a PreparedTable,
}

impl Cutter for RowCutter {
    fn cut(&mut self, buffer: &[u8], is_last: bool, items: &mut Vec<Range<usize>>) -> usize {
        RowCutter::cut(self, buffer, is_last, items)
    }
}

impl PreparedTable {
    pub fn reader(&self) -> TableReader<'_> {
        TableReader { cutter: Box::new(RowCutter::new(&self.dialect)), table: self }
    }

    pub fn is_lookup(&self) -> bool {
        self.lookup
    }

    /// The resource types that rows may become.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.emits.iter().map(|emit| emit.kind.name())
    }

    /// Columns that no expression uses, in their order.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.unused.iter().filter_map(|place| self.columns.get(*place)).map(String::as_str)
    }
}

/// A delivered table before its mapping is fitted to it.
struct Delivered {
    file: String,
    table: usize,
    dialect: Dialect,
    columns: Vec<String>,
}

struct Preparing<'a> {
    tables: &'a Tables,
    open: &'a Open<'a>,
    delivered: Vec<Delivered>,
    /// Lookups by what is kept of which table.
    lookups: BTreeMap<String, Arc<Lookup>>,
    findings: Vec<(String, Finding)>,
}

impl Prepared {
    /// Fits the tables to the files of a delivery. Files that no table names are left to others.
    pub fn new(tables: &Tables, files: &[String], open: &Open<'_>) -> Result<Prepared, PrepareError> {
        let (lookups, findings) = (BTreeMap::new(), Vec::new());
        let mut preparing = Preparing { tables, open, delivered: Vec::new(), lookups, findings };
        for file in files {
            if let Some(table) = tables.number_for(file) {
                let delivered = preparing.head(file, table)?;
                preparing.delivered.push(delivered);
            }
        }
        let patients = preparing.patients()?;
        let mut prepared = BTreeMap::new();
        for number in 0..preparing.delivered.len() {
            if let Some((file, table)) = preparing.table(number, patients.clone())? {
                prepared.insert(file, table);
            }
        }
        Ok(Prepared { tables: prepared, findings: preparing.findings })
    }

    /// The mapping of a delivered file.
    pub fn get(&self, file: &str) -> Option<&PreparedTable> {
        self.tables.get(file)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &PreparedTable)> {
        self.tables.iter().map(|(file, table)| (file.as_str(), table))
    }
}

fn misfit(file: &str, what: impl Into<String>) -> PrepareError {
    PrepareError::Misfit { file: file.to_string(), what: what.into() }
}

impl Preparing<'_> {
    fn open(&self, file: &str) -> Result<Box<dyn Read>, PrepareError> {
        (self.open)(file).map_err(|source| PrepareError::Read { file: file.to_string(), source })
    }

    /// Reads the beginning of a file: its dialect, where the mapping names none, and the names of its columns.
    fn head(&mut self, file: &str, table: usize) -> Result<Delivered, PrepareError> {
        let mut head = Vec::new();
        let read = self.open(file)?.take(TABLE_HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(|source| PrepareError::Read { file: file.to_string(), source })?;
        let declared = self.tables.get(table).and_then(|table| table.dialect.clone());
        let dialect = declared.unwrap_or_else(|| {
            let (dialect, findings) = detect(&head);
            self.findings.extend(findings.into_iter().map(|finding| (file.to_string(), finding)));
            dialect
        });
        let columns = read_header(&head, &dialect);
        if columns.is_empty() {
            return Err(misfit(file, "its header cannot be read; the dialect may be another"));
        }
        Ok(Delivered { file: file.to_string(), table, dialect, columns })
    }

    fn patients(&self) -> Result<Option<Arc<Patients>>, PrepareError> {
        let Some(patients) = &self.tables.patients else { return Ok(None) };
        let pattern = patients.file.to_lowercase();
        let mut known = Known::default();
        let mut is_there = false;
        for delivered in self.delivered.iter().filter(|delivered| fits(&pattern, &delivered.file)) {
            let column = place(&delivered.columns, &patients.column);
            let column = column.ok_or_else(|| misfit(&delivered.file, format!("no column {}", patients.column)))?;
            self.each(delivered, |row| match row.get(column).map(str::trim) {
                Some(value) if !value.is_empty() => known.add(value),
                _ => Ok(()),
            })?;
            is_there = true;
        }
        if !is_there && !self.delivered.is_empty() {
            return Err(misfit(&patients.file, "the table of the patients was not delivered, or no [[table]] reads it"));
        }
        let (namespace, create_stub) = (patients.namespace.clone(), patients.create_stub);
        Ok(Some(Arc::new(Patients { known, namespace, create_stub })))
    }

    fn each(
        &self,
        delivered: &Delivered,
        with: impl FnMut(&crate::formats::table::Row<'_>) -> Result<(), LookupError>,
    ) -> Result<(), PrepareError> {
        each_row(self.open(&delivered.file)?, &delivered.dialect, with).map_err(|error| match error {
            LookupError::Read(source) => PrepareError::Read { file: delivered.file.clone(), source },
            LookupError::TooLarge => misfit(&delivered.file, error.to_string()),
        })
    }

    /// Fits one delivered table.
    fn table(&mut self, number: usize, patients: Option<Arc<Patients>>) -> Result<Option<(String, PreparedTable)>, PrepareError> {
        let tables = self.tables;
        let Some(delivered) = self.delivered.get(number) else { return Ok(None) };
        let Some(table) = tables.get(delivered.table) else { return Ok(None) };
        let (file, own) = (delivered.file.clone(), delivered.columns.clone());
        let dialect = delivered.dialect.clone();
        let fault = |what: String| misfit(&file, what);
        let mut columns = Columns::new(table, &own);
        let (exclude, emits, ons) = fit(table, &mut columns).map_err(fault)?;
        let mut keys = Vec::new();
        for key in &table.key {
            let place = columns.place(key).ok_or_else(|| misfit(&file, format!("no key column {key}")))?;
            if let Some(used) = columns.used.get_mut(place) {
                *used = true;
            }
            keys.push(place);
        }
        let Columns { joined, used, .. } = columns;
        let mut joins = Vec::new();
        for ((join, on), asked) in table.joins.iter().zip(ons).zip(&joined) {
            let lookup = self.lookup(&file, join, asked)?;
            joins.push(PreparedJoin { name: join.name.clone(), on, lookup, missing: join.missing });
        }
        let prepared = PreparedTable {
            kind: format!("row:{}", table.name),
            name: table.name.clone(),
            dialect,
            columns: own,
            keys,
            lookup: table.lookup,
            exclude,
            joins,
            emits,
            nulls: tables.nulls.clone(),
            sentinels: tables.sentinels.clone(),
            patients,
            unused: unused(&used),
        };
        Ok(Some((file, prepared)))
    }

    /// The columns of a joined table that are asked for, by key; read once however many tables ask for them.
    fn lookup(&mut self, asker: &str, join: &Join, asked: &[String]) -> Result<Arc<Lookup>, PrepareError> {
        let on: Vec<&String> = join.on.iter().map(|(column, _)| column).collect();
        let name = format!("{} {on:?} {asked:?} {:?}", join.file, join.pivot);
        if let Some(lookup) = self.lookups.get(&name) {
            return Ok(lookup.clone());
        }
        let pattern = join.file.to_lowercase();
        let mut lookup = Lookup::new(asked.len());
        let mut is_there = false;
        for delivered in self.delivered.iter().filter(|delivered| fits(&pattern, &delivered.file)) {
            self.fill(&mut lookup, delivered, join, asked)?;
            is_there = true;
        }
        if !is_there {
            return Err(misfit(asker, format!("joins {}, which was not delivered", join.file)));
        }
        if lookup.repeated > 0 {
            let note = format!("{} rows of {} repeat the key of another; the first is taken", lookup.repeated, join.file);
            self.findings.push((asker.to_string(), Finding { code: "lookup.repeated-key", offset: 0, note }));
        }
        let lookup = Arc::new(lookup);
        self.lookups.insert(name, lookup.clone());
        Ok(lookup)
    }

    fn fill(&self, lookup: &mut Lookup, from: &Delivered, join: &Join, asked: &[String]) -> Result<(), PrepareError> {
        let find = |name: &String| {
            place(&from.columns, name).ok_or_else(|| misfit(&from.file, format!("no column {name} (join {})", join.name)))
        };
        let keys = join.on.iter().map(|(column, _)| find(column)).collect::<Result<Vec<_>, _>>()?;
        let nulls = self.tables.nulls.clone();
        let pivot = match &join.pivot {
            None => None,
            Some(pivot) => Some((find(&pivot.attribute)?, find(&pivot.value)?)),
        };
        let cells = if pivot.is_some() { Vec::new() } else { asked.iter().map(find).collect::<Result<Vec<_>, _>>()? };
        self.each(from, |row| {
            let value = |column: usize| {
                let value = row.get(column).map(str::trim).filter(|value| !value.is_empty());
                value.filter(|value| !nulls.iter().any(|null| null == value))
            };
            let mut key = Key::default();
            for column in &keys {
                match value(*column) {
                    Some(part) => key.add(part),
                    None => return Ok(()),
                }
            }
            match pivot {
                None => lookup.add(key.digest(), cells.iter().map(|column| value(*column))),
                Some((attribute, content)) => {
                    let column = value(attribute).and_then(|name| place(asked, name));
                    column.map_or(Ok(()), |column| lookup.pivot(key.digest(), column, value(content).unwrap_or_default()))
                }
            }
        })
    }
}

type Fitted = (Vec<(String, Expr<Slot>)>, Vec<Emit<Slot>>, Vec<Vec<Expr<Slot>>>);

/// The expressions of a table over its columns.
fn fit(table: &Table, columns: &mut Columns<'_>) -> Result<Fitted, String> {
    let mut ons = Vec::new();
    for (number, join) in table.joins.iter().enumerate() {
        let on = join.on.iter().map(|(_, expr)| columns.expr(expr, number)).collect::<Result<Vec<_>, _>>();
        ons.push(on.map_err(|what| format!("join {}: {what}", join.name))?);
    }
    let mut exclude = Vec::new();
    for (rule, when) in &table.exclude {
        let when = columns.expr(when, table.joins.len()).map_err(|what| format!("rule {rule}: {what}"))?;
        exclude.push((rule.clone(), when));
    }
    let emits = table.emits.iter().map(|emit| columns.emit(emit)).collect::<Result<_, _>>()?;
    Ok((exclude, emits, ons))
}
