//! A first mapping file from a profile, to be edited by a person: which table is what, keys, patients, columns by their
//! names, formats as they were seen. A guess that a person has to decide is marked `# ?`.
//!
//! Not for: deciding, or reading mapping files (`mapping::tabular`).

mod columns;
mod elements;
mod tables;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Profile, TableProfile, percent};
use columns::Sheet;
use tables::{Plan, Purpose, plan};
use text::{one_line, text};

/// The text of a mapping file.
pub fn draft(profile: &Profile, source: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(profile, source, &mut out);
    out
}

fn write(profile: &Profile, source: &str, out: &mut String) -> std::fmt::Result {
    let plan = plan(profile);
    writeln!(out, "# A first mapping, drafted from what is in the tables. It rests on names of columns and on how values look:")?;
    writeln!(out, "# read every line, decide those marked `# ?`, then check it with `chartkeep map check`.")?;
    writeln!(out, "schema = 1\nsource = {}\nversion = \"draft\"", text(source))?;
    writeln!(out, "timezone = \"UTC\"  # ? the zone of times that name none")?;
    nulls(profile, out)?;
    if let Some((table, column)) = &plan.patients {
        let all = profile.tables.iter().find(|t| t.file == *table).and_then(|t| t.column(column));
        let filled = all.map_or(100.0, super::ColumnProfile::completeness);
        writeln!(out, "\n[patients]\nfile = {}\ncolumn = {}  # {filled} % filled", text(table), text(column))?;
    } else {
        writeln!(out, "\n# ? No table of patients was found. Name it here, or no row can be given to a patient:")?;
        writeln!(out, "# [patients]\n# file = \"\"\n# column = \"\"")?;
    }
    let mut body = String::new();
    let mut sets = Vec::new();
    for table in order(profile, &plan) {
        one_table(profile, &plan, table, source, &mut body, &mut sets)?;
    }
    for set in sets {
        write!(out, "\n{set}")?;
    }
    out.push_str(&body);
    Ok(())
}

/// Patients first, then who treats and where, then visits, then the rest; as the files come.
fn order<'p>(profile: &'p Profile, plan: &Plan) -> Vec<&'p TableProfile> {
    let mut tables: Vec<&TableProfile> = profile.tables.iter().filter(|table| !table.columns.is_empty()).collect();
    tables.sort_by_key(|table| plan.purpose(&table.file));
    tables
}

/// Texts and days that stand for nothing.
fn nulls(profile: &Profile, out: &mut String) -> std::fmt::Result {
    let columns = || profile.tables.iter().flat_map(|table| &table.columns);
    let mut tokens: BTreeSet<&str> = columns().flat_map(|c| c.nulls.keys()).map(String::as_str).collect();
    let mut days = BTreeSet::new();
    for (day, _) in columns().filter_map(|c| c.dates.as_ref()).flat_map(|dates| &dates.sentinels) {
        let is_zeros = day.bytes().all(|b| !b.is_ascii_digit() || b == b'0');
        if is_zeros {
            tokens.insert(day)
        } else {
            days.insert(day.as_str())
        };
    }
    tokens.remove("");
    let list = |of: &BTreeSet<&str>| of.iter().map(text).collect::<Vec<_>>().join(", ");
    writeln!(out, "null_tokens = [{}]{}", list(&tokens), if tokens.is_empty() { "" } else { "  # ? as they were seen" })?;
    writeln!(out, "date_sentinels = [{}]{}", list(&days), if days.is_empty() { "" } else { "  # ? days that may stand for none" })
}

fn one_table(
    profile: &Profile,
    plan: &Plan,
    table: &TableProfile,
    source: &str,
    out: &mut String,
    sets: &mut Vec<String>,
) -> std::fmt::Result {
    let purpose = plan.purpose(&table.file);
    writeln!(out, "\n# {}{}", super::counted(table.rows, "row"), faults(table))?;
    writeln!(out, "[[table]]\nfile = {}\ndialect = {}", text(&table.file), table.dialect)?;
    let patient = plan.patient_column(profile, table);
    if purpose != Purpose::Lookup {
        let key = [table.key(), patient.as_deref()].into_iter().flatten().filter(|name| is_always_filled(table, name));
        let mut key: Vec<String> = key.map(text).collect();
        key.dedup();
        if !key.is_empty() {
            writeln!(out, "key = [{}]", key.join(", "))?;
        }
    }
    if purpose == Purpose::Lookup {
        writeln!(out, "lookup = true  # ? no patient is named in it; its rows are only looked up by others")?;
        return Ok(());
    }
    for volume in table.volume.iter().filter(|volume| !volume.gaps.is_empty()) {
        let years = super::notes::spans(&volume.gaps);
        writeln!(out, "# ? hardly any rows in {years} by {}: is the extract whole?", one_line(&volume.column))?;
    }
    let mut sheet = Sheet::new(profile, table, source);
    elements::add(&mut sheet, purpose, plan);
    writeln!(out, "\n  [[table.emit]]\n  resource = \"{}\"{}", purpose.resource(), purpose.doubt())?;
    if let Some(key) = table.key() {
        let namespace = if purpose == Purpose::Patient { String::new() } else { namespace(plan, purpose, table) };
        writeln!(out, "  id = {{ cols = [{}]{namespace} }}", text(key))?;
    }
    if let Some(column) = &patient {
        let orphans = profile.links.iter().find(|link| link.file == table.file && link.column == *column);
        let note = match orphans {
            Some(link) => format!("  # {} % of the values are patients", link.percent()),
            None => "  # ? by its name alone".to_string(),
        };
        writeln!(out, "  patient = {}{note}", text(columns::expression(column)))?;
    }
    let left = sheet.unused(&[table.key(), patient.as_deref()]);
    if !left.is_empty() {
        writeln!(out, "  residual = true  # ? kept, but without a meaning: {}", one_line(&left.join(", ")))?;
    }
    writeln!(out, "  [table.emit.fields]")?;
    out.push_str(&sheet.lines);
    sets.append(&mut sheet.sets);
    Ok(())
}

/// Two tables of one resource type may count from 1 each.
fn namespace(plan: &Plan, purpose: Purpose, table: &TableProfile) -> String {
    let stem = super::links::table_stem(&table.file);
    if plan.has_several(purpose) { format!(", namespace = {}", text(&stem)) } else { String::new() }
}

fn is_always_filled(table: &TableProfile, name: &str) -> bool {
    table.column(name).is_some_and(|column| column.empty() == 0)
}

fn faults(table: &TableProfile) -> String {
    let faulty = table.faulty_rows();
    if faulty == 0 { String::new() } else { format!(", {} % of them not readable", percent(faulty, table.rows)) }
}
