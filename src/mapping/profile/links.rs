//! Which columns point into the key of which table.
//!
//! A column of names that nothing else uses (UUIDs, long numbers) gives itself away by its values. Small numbers occur
//! everywhere, so there the name of the column must speak for the table as well.
//!
//! Not for: deciding; a link is a proposal with its orphans counted.

use std::cmp::Reverse;

use super::table::TableKeys;
use super::values::{Inclusion, Values};
use super::{ColumnProfile, Link, TableProfile, names};

/// Least share of a column's distinct values that must occur in the parent.
const SHARE_MIN: f64 = 0.5;

/// A column that may be pointed at.
struct Parent<'a> {
    table: &'a TableProfile,
    column: &'a ColumnProfile,
    values: &'a Values,
}

/// All links between (and within) the tables. `keys` belong to `tables`, in the same order.
pub fn links(tables: &[TableProfile], keys: &[TableKeys]) -> Vec<Link> {
    let parents = parents(tables, keys);
    let mut links = Vec::new();
    for (table, keys) in tables.iter().zip(keys) {
        for (place, values) in &keys.columns {
            let Some(column) = table.columns.get(*place) else { continue };
            links.extend(best(table, column, values, &parents));
        }
    }
    links
}

fn parents<'a>(tables: &'a [TableProfile], keys: &'a [TableKeys]) -> Vec<Parent<'a>> {
    let mut parents = Vec::new();
    for (table, keys) in tables.iter().zip(keys) {
        debug_assert_eq!(table.file, keys.file);
        for (place, values) in &keys.columns {
            let Some(column) = table.columns.get(*place) else { continue };
            // The best key, or one of the same kind: a person has a number and perhaps a second one.
            let is_key = table.keys.iter().take(3).any(|key| key.column == column.name);
            if is_key && column.filled > 0 {
                parents.push(Parent { table, column, values });
            }
        }
    }
    parents
}

/// The parent that a column fits best, if any.
fn best(table: &TableProfile, column: &ColumnProfile, values: &Values, parents: &[Parent<'_>]) -> Option<Link> {
    let is_own_key = |parent: &&Parent<'_>| !(parent.table.file == table.file && parent.column.name == column.name);
    let fits = parents.iter().filter(is_own_key).filter_map(|parent| {
        let affinity = affinity(column, parent, table);
        let is_telling = column.kind == "uuid" || column.shortest >= 8;
        // A table's own key is no pointer to a table that merely has the same numbers.
        let is_key = table.keys.first().is_some_and(|key| key.column == column.name && key.repeated_values == 0);
        if parent.column.kind != column.kind || (affinity == 0 && (!is_telling || is_key || column.kind == "code")) {
            return None;
        }
        let inclusion = values.inclusion(parent.values);
        let is_in = inclusion.values > 0 && inclusion.share() >= SHARE_MIN;
        is_in.then_some((parent, affinity, inclusion))
    });
    let rank =
        |found: &(&Parent<'_>, u32, Inclusion)| (found.1, (found.2.share() * 1000.0) as u32, Reverse(found.0.column.filled));
    let (parent, _, inclusion) = fits.max_by_key(rank)?;
    Some(Link {
        file: table.file.clone(),
        column: column.name.clone(),
        parent_file: parent.table.file.clone(),
        parent_column: parent.column.name.clone(),
        values: inclusion.values,
        orphan_values: inclusion.orphan_values,
        orphan_rows: inclusion.orphan_rows,
        is_exact: inclusion.is_exact,
    })
}

/// How much the names say that the column points at the parent: 0 nothing.
fn affinity(column: &ColumnProfile, parent: &Parent<'_>, table: &TableProfile) -> u32 {
    let name = names::squeezed(&column.name);
    let stem = table_stem(&parent.table.file);
    let key = names::squeezed(&parent.column.name);
    let is_own = parent.table.file == table.file;
    let bare = name.trim_end_matches("id").trim_end_matches("key");
    if !is_own && (name == stem || bare == stem || (name == key && key != "id" && key.len() > 2)) {
        3
    } else if stem.len() > 3 && bare.len() > 3 && (bare.ends_with(&stem) || (stem.ends_with(bare) && !is_own)) {
        2
    } else if is_own && bare.ends_with("parent") {
        1
    } else {
        0
    }
}

/// What a table is about, by the name of its file: `patient` of `export/PATIENTS.csv`.
pub fn table_stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = names::squeezed(name.split('.').next().unwrap_or(name));
    match name.strip_suffix("ies") {
        Some(front) => format!("{front}y"),
        None => name.strip_suffix('s').filter(|front| front.len() > 2).unwrap_or(&name).to_string(),
    }
}
