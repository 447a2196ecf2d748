//! One row to resources.
//!
//! Not for: writing members (`write`), or cutting rows (`formats::table`).

use jiff::tz::TimeZone;

use super::expr::{Expr, Slot, Value};
use super::file::Missing;
use super::lookup::Key;
use super::prepare::PreparedTable;
use super::tables::Emit;
use super::view::{Fault, View};
use super::write::{Writer, read_time};
use crate::formats::table::{self, Row};
use crate::mapping::fhir::Resource;
use crate::mapping::id::id;
use crate::mapping::systems::Coding;
use crate::mapping::{Context, Fate, Mapped};
use crate::model::Finding;

/// Buffers that rows are mapped with, one after another.
#[derive(Default)]
pub struct Scratch {
    row: table::Scratch,
    joined: Vec<Option<usize>>,
}

/// Maps one row, as the table's cutter gives it.
pub fn map_row(bytes: &[u8], table: &PreparedTable, cx: &Context<'_>, scratch: &mut Scratch) -> Mapped {
    let mut mapped = Mapped { kind: table.kind.clone(), ..Mapped::default() };
    let Scratch { row, joined } = scratch;
    let row = Row::parse(bytes, &table.dialect, row).and_then(|row| row.expect_fields(table.columns.len()).map(|()| row));
    let row = match row {
        Ok(row) => row,
        Err(fault) => {
            mapped.fate = Fate::Quarantined(unreadable(&table.name, &fault));
            return mapped;
        }
    };
    mapped.units = u32::try_from(row.len()).unwrap_or(u32::MAX);
    note_row(&row, table, cx, &mut mapped.findings);
    let made = join(row, table, cx.zone, joined)
        .and_then(|()| map_view(View { row, table, joined, zone: cx.zone }, cx.offset, &mut mapped));
    if let Err(fault) = made {
        mapped.resources.clear();
        let at = if fault.at > 0 { format!(", character {}", fault.at) } else { String::new() };
        mapped.fate = Fate::Quarantined(format!("{}: {}.{}{at}", fault.reason, table.name, fault.field));
    }
    mapped
}

/// The code of a row that cannot be read, as the ledger knows it, and the place.
fn unreadable(table: &str, fault: &table::Fault) -> String {
    let code = if matches!(fault.code, "encoding" | "field-count") { "" } else { "parser: " };
    format!("{code}{}: {table}, byte {}, field {}", fault.code, fault.offset, fault.field)
}

fn note_row(row: &Row<'_>, table: &PreparedTable, cx: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut note = |code| findings.push(Finding { code, offset: cx.offset, note: table.name.clone() });
    if row.nuls > 0 {
        note("row.nul");
    }
    if row.is_fallback {
        note("row.encoding-fallback");
    }
}

/// Finds the rows of other tables that belong to this one.
fn join<'a>(row: Row<'_>, table: &'a PreparedTable, zone: &TimeZone, joined: &mut Vec<Option<usize>>) -> Result<(), Fault<'a>> {
    joined.clear();
    for join in &table.joins {
        let view = View { row, table, joined, zone };
        let mut key = Key::default();
        let mut is_whole = true;
        for expr in &join.on {
            match expr.eval(&view) {
                Ok(value) => match value.into_text() {
                    Some(part) => key.add(&part),
                    None => is_whole = false,
                },
                Err(failed) => return Err(Fault { reason: "expr-error", field: &join.name, at: failed.0 }),
            }
        }
        let found = if is_whole { join.lookup.find(key.digest()) } else { None };
        if is_whole && found.is_none() && join.missing == Missing::Quarantine {
            return Err(Fault { reason: "join-missing", field: &join.name, at: 0 });
        }
        joined.push(found);
    }
    Ok(())
}

fn map_view<'a>(view: View<'a>, offset: u64, mapped: &mut Mapped) -> Result<(), Fault<'a>> {
    let table = view.table;
    if let Some(key) = table.keys.iter().find(|place| view.own(**place).is_none()) {
        let field = table.columns.get(*key).map_or("", String::as_str);
        return Err(Fault { reason: "key-null", field, at: 0 });
    }
    for (rule, when) in &table.exclude {
        if is_true(when, &view, rule)? {
            mapped.fate = Fate::Excluded(rule.clone());
            return Ok(());
        }
    }
    if table.lookup {
        mapped.fate = Fate::Joined;
        return Ok(());
    }
    if let Some(rule) = excluded_patient(&view) {
        mapped.fate = Fate::Excluded(rule.into());
        return Ok(());
    }
    for emit in &table.emits {
        let is_wanted = emit.when.as_ref().map_or(Ok(true), |when| is_true(when, &view, emit.kind.name()))?;
        if is_wanted {
            let resource = Emitting { view, emit, offset }.resource(mapped)?;
            mapped.resources.push(resource);
        }
    }
    if mapped.resources.is_empty() {
        mapped.fate = Fate::Excluded("no-emit-applies".into());
    }
    Ok(())
}

/// The rule that keeps all rows of this row's patient out.
fn excluded_patient<'a>(view: &View<'a>) -> Option<&'a str> {
    let patients = view.table.patients.as_ref().filter(|patients| !patients.rules.is_empty())?;
    let expr = view.table.emits.iter().find_map(|emit| emit.patient.as_ref())?;
    let number = expr.eval(view).ok()?.into_text()?;
    let rule = patients.known.find(&number)??;
    patients.rules.get(usize::from(rule)).map(String::as_str)
}

fn is_true<'a>(when: &'a Expr<Slot>, view: &View<'a>, field: &'a str) -> Result<bool, Fault<'a>> {
    when.is_true(view).map_err(|failed| Fault { reason: "expr-error", field, at: failed.0 })
}

/// One resource in the making.
struct Emitting<'a> {
    view: View<'a>,
    emit: &'a Emit<Slot>,
    offset: u64,
}

impl<'a> Emitting<'a> {
    fn resource(&self, mapped: &mut Mapped) -> Result<Vec<u8>, Fault<'a>> {
        let id = self.id()?;
        self.patient(mapped)?;
        let mut resource = Resource::new(self.emit.kind.name(), &id);
        resource.meta(&self.last_updated()?, &self.security()?);
        let (view, unused, offset) = (self.view, self.emit.unused.as_slice(), self.offset);
        let mut writer = Writer { view, unused, offset, findings: &mut mapped.findings, fault: None };
        writer.object(&mut resource.object(), &self.emit.members);
        match writer.fault {
            Some(fault) => Err(fault),
            None => Ok(resource.finish()),
        }
    }

    fn text(&self, expr: &'a Expr<Slot>, field: &'a str) -> Result<Option<std::borrow::Cow<'a, str>>, Fault<'a>> {
        let value = expr.eval(&self.view).map_err(|failed| Fault { reason: "expr-error", field, at: failed.0 })?;
        Ok(Value::into_text(value))
    }

    fn id(&self) -> Result<String, Fault<'a>> {
        if self.emit.id.is_empty() {
            return Ok(String::new());
        }
        let mut parts = Vec::with_capacity(self.emit.id.len());
        for part in &self.emit.id {
            parts.push(self.text(part, "id")?.ok_or(Fault { reason: "key-null", field: "id", at: 0 })?);
        }
        let parts: Vec<&str> = [self.emit.namespace.as_str()].into_iter().chain(parts.iter().map(AsRef::as_ref)).collect();
        Ok(id(&parts))
    }

    /// Checks that the patient is known; makes a bare one where the mapping asks for that.
    fn patient(&self, mapped: &mut Mapped) -> Result<(), Fault<'a>> {
        let Some(expr) = &self.emit.patient else { return Ok(()) };
        let number = self.text(expr, "patient")?.ok_or(Fault { reason: "key-null", field: "patient", at: 0 })?;
        let Some(patients) = &self.view.table.patients else { return Ok(()) };
        if patients.known.find(&number).is_some() {
            return Ok(());
        }
        if !patients.create_stub {
            return Err(Fault { reason: "orphan-patient", field: "patient", at: 0 });
        }
        mapped.resources.push(Resource::new("Patient", &id(&[&patients.namespace, &number])).finish());
        let note = self.view.table.name.clone();
        mapped.findings.push(Finding { code: "patient.stub", offset: self.offset, note });
        Ok(())
    }

    fn last_updated(&self) -> Result<String, Fault<'a>> {
        let Some((source, times)) = &self.emit.last_updated else { return Ok(String::new()) };
        let Some(text) = self.text(&source.expr, "last_updated")? else { return Ok(String::new()) };
        match read_time(&text, times, &self.view) {
            Some(time) => Ok(time),
            None if source.omit_invalid => Ok(String::new()),
            None => Err(Fault { reason: "date-invalid", field: "last_updated", at: 0 }),
        }
    }

    fn security(&self) -> Result<Vec<Coding>, Fault<'a>> {
        let mut labels = Vec::new();
        for (when, label) in &self.emit.security {
            if when.as_ref().map_or(Ok(true), |when| is_true(when, &self.view, "security"))? {
                labels.push(label.clone());
            }
        }
        Ok(labels)
    }
}

/// A row as a person sees it who asks how it was mapped: each column with its value, and whether the mapping uses it; then
/// the partners found. For the eyes of that person only.
pub fn explain(bytes: &[u8], table: &PreparedTable, zone: &TimeZone, scratch: &mut Scratch) -> Vec<String> {
    let Scratch { row, joined } = scratch;
    let Ok(row) = Row::parse(bytes, &table.dialect, row) else { return Vec::new() };
    let mut lines = Vec::new();
    for (place, name) in table.columns.iter().enumerate() {
        let used = if table.unused.contains(&place) { "unused" } else { "used  " };
        lines.push(format!("{used}  {name} = {}", row.get(place).unwrap_or("(no such field)")));
    }
    if join(row, table, zone, joined).is_ok() {
        for (join, found) in table.joins.iter().zip(joined.iter()) {
            let found = if found.is_some() { "found" } else { "no partner" };
            lines.push(format!("join    {}: {found}", join.name));
        }
    }
    lines
}
