//! `chartkeep map profile`: what is in the tables of an old system, in words, as JSON, or as a page to print.
//!
//! Not for: the statistics themselves (`mapping::profile`). Their values are patient data; they go where the user says.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use askama::Template;

use super::super::DONE_WITH_FINDINGS;
use super::super::progress::Meter;
use super::tables;
use crate::durable;
use crate::mapping::profile::{ColumnProfile, Note, Profile, Volume, counted, grouped, notes};

/// See what is in the tables of an old system: types, completeness, keys, links, dates, and what to look at.
///
/// Reads CSV, TSV, pipes and fixed width; delimiter, quotes and encoding are found out. Nothing is changed. The words on the
/// terminal name columns and numbers only; the JSON and the page hold values out of patients' records.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartkeep map profile /deliveries/2024-07-02\n  chartkeep map profile /deliveries/2024-07-02 --html \
profile.html\n\nExit codes: 0 done, 1 done with things to look at, 2 refused or failed."
)]
pub struct ProfileArgs {
    /// Folder of the tables, or one of them
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Print the whole profile as JSON (holds patient data)
    #[arg(long)]
    pub json: bool,
    /// Write a page to read and print into this new file (holds patient data)
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Worker threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub fn run(args: &ProfileArgs) -> anyhow::Result<ExitCode> {
    let meter = Meter::new();
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let profile = tables::profile(&args.dir, threads, &meter);
    meter.end();
    let profile = profile?;
    let notes = notes(&profile);
    if let Some(path) = &args.html {
        let folder = args.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let page = Page { folder: &folder, day: jiff::Zoned::now().date().to_string(), profile: &profile, notes: &notes };
        durable::write_new(path, page.render()?.as_bytes())?;
    }
    if args.json {
        println!("{}", serde_json::json!({ "profile": profile, "notes": notes }));
    } else {
        print!("{}", in_words(&profile, &notes)?);
        if let Some(path) = &args.html {
            println!("The page, which holds patient data: {}", path.display());
        }
    }
    Ok(if notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

/// The profile for a terminal: names and numbers.
fn in_words(profile: &Profile, notes: &[Note]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let rows: u64 = profile.tables.iter().map(|table| table.rows).sum();
    writeln!(out, "{} with {}.", counted(profile.tables.len() as u64, "table"), counted(rows, "row"))?;
    let widest = profile.tables.iter().map(|table| table.file.chars().count()).max().unwrap_or(0).clamp(4, 48);
    writeln!(out, "\n  {:widest$}  {:>12}  {:>7}  key", "file", "rows", "columns")?;
    for table in &profile.tables {
        writeln!(
            out,
            "  {:widest$}  {:>12}  {:>7}  {}",
            table.file,
            grouped(table.rows),
            table.columns.len(),
            table.key().unwrap_or_default()
        )?;
    }
    if !profile.links.is_empty() {
        writeln!(out, "\nColumns that point into other tables:")?;
    }
    for link in &profile.links {
        let from = format!("{}.{}", link.file, link.column);
        writeln!(out, "  {from} → {}.{}  {} %", link.parent_file, link.parent_column, link.percent())?;
    }
    if !notes.is_empty() {
        writeln!(out, "\nTo look at:")?;
    }
    for note in notes {
        let dot = if note.column.is_empty() { "" } else { "." };
        writeln!(out, "  {}{dot}{}: {}", note.file, note.column, note.words)?;
    }
    if !profile.skipped.is_empty() {
        writeln!(out, "\nNot read as tables: {}.", counted(profile.skipped.len() as u64, "file"))?;
    }
    Ok(out)
}

#[derive(Template)]
#[template(path = "profile.html")]
struct Page<'a> {
    folder: &'a str,
    day: String,
    profile: &'a Profile,
    notes: &'a [Note],
}

impl Page<'_> {
    fn rows(&self) -> u64 {
        self.profile.tables.iter().map(|table| table.rows).sum()
    }

    fn notes_of<'n>(&'n self, file: &'n str) -> impl Iterator<Item = &'n Note> {
        self.notes.iter().filter(move |note| note.file == file)
    }

    /// Values of a column that say what it is like: the frequent ones, else how they look.
    fn examples(&self, column: &ColumnProfile) -> Vec<(String, String)> {
        let short = |text: &str| {
            let end = text.char_indices().nth(36).map_or(text.len(), |(end, _)| end);
            if end < text.len() { format!("{}…", &text[..end]) } else { text.to_string() }
        };
        // How UUIDs look says nothing, and neither does which of them is frequent.
        if column.kind == "uuid" {
            return Vec::new();
        }
        let from = if column.top.is_empty() { &column.patterns } else { &column.top };
        from.iter().take(4).map(|(text, count)| (short(text), grouped(*count))).collect()
    }

    fn range(&self, column: &ColumnProfile) -> (String, String) {
        match &column.dates {
            Some(dates) => (dates.earliest.clone(), dates.latest.clone()),
            None if matches!(column.kind, "integer" | "decimal") => (column.least.clone(), column.greatest.clone()),
            None => (String::new(), String::new()),
        }
    }

    fn nulls(&self, column: &ColumnProfile) -> String {
        let named = column.nulls.iter().filter(|(token, _)| !token.is_empty());
        named.map(|(token, count)| format!("{token} {}", grouped(*count))).collect::<Vec<_>>().join(", ")
    }

    /// Years with their rows and the height of their bars in per cent; at most the last sixty.
    fn bars(&self, volume: &Volume) -> Vec<(i16, String, u64)> {
        let (Some(first), Some(last)) = (volume.years.keys().next(), volume.years.keys().next_back()) else { return Vec::new() };
        let first = (*first).max(last.saturating_sub(59));
        let most = volume.years.range(first..).map(|(_, count)| *count).max().unwrap_or(1).max(1);
        let bar = |year: i16| {
            let count = volume.years.get(&year).copied().unwrap_or(0);
            (year, grouped(count), (count * 100).div_ceil(most))
        };
        (first..=*last).map(bar).collect()
    }
}

/// Filters of the page.
mod filters {
    /// A number with commas between its thousands.
    #[askama::filter_fn]
    pub fn grouped(number: impl std::borrow::Borrow<u64>, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::grouped(*number.borrow()))
    }
}
