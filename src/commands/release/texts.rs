//! `chartkeep release texts`: the notices and certificates that packages carry, and which of them the site has approved.
//!
//! Not for: what the texts say (`release::paper::front::texts`), or approving one, which the site does in its own file.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::config::Config;
use crate::release::paper::front::Texts;
use crate::release::paper::front::texts::Approved;

/// List the notices and certificates with their digests, and whether exactly this text was approved.
///
/// A text is approved in the site's own file: `approved = { by = "…", on = "2026-01-31", sha256 = "…" }`, with the digest that
/// stands here. A notice that has to be approved and is not stops every release that it goes with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep release texts /data/old-ehr
  chartkeep release texts /data/old-ehr --json")]
pub struct TextsArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// A line of the list.
struct Row<'t> {
    kind: &'static str,
    name: &'t str,
    version: &'t str,
    date: &'t str,
    owner: &'t str,
    digest: String,
    approved: Option<&'t Approved>,
    state: &'static str,
}

pub fn run(args: &TextsArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.archive)?;
    let texts = Texts::load(config.release.texts.as_deref())?;
    for row in rows(&texts) {
        if args.json {
            println!("{}", object(&row));
            continue;
        }
        println!("{} {} {}: {}", row.kind, row.name, row.version, row.state);
        println!("  owner {}, of {}", row.owner, row.date);
        println!("  sha256 {}", row.digest);
        if let Some(approved) = row.approved {
            println!("  approved by {} on {}", approved.by, approved.on);
        }
    }
    for warning in texts.warnings() {
        eprintln!("warning: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(texts: &Texts) -> Vec<Row<'_>> {
    let notices = texts.notices().iter().map(|it| Row {
        kind: "notice",
        name: &it.name,
        version: &it.version,
        date: &it.date,
        owner: &it.owner,
        digest: it.digest(),
        approved: it.approved.as_ref(),
        state: state(it.approved.as_ref(), it.is_approved(), it.needs_approval),
    });
    let certificates = texts.certificates().map(|it| Row {
        kind: "certificate",
        name: &it.name,
        version: &it.version,
        date: &it.date,
        owner: &it.owner,
        digest: it.digest(),
        approved: it.approved.as_ref(),
        state: state(it.approved.as_ref(), it.is_approved(), false),
    });
    notices.chain(certificates).collect()
}

fn state(approved: Option<&Approved>, is_approved: bool, has_to_be: bool) -> &'static str {
    match (approved, is_approved) {
        (Some(_), true) => "approved",
        (Some(_), false) => "approved, but not as it stands now",
        (None, _) if has_to_be => "not approved: releases that it goes with are refused",
        (None, _) => "not approved",
    }
}

fn object(row: &Row<'_>) -> serde_json::Value {
    json!({
        "kind": row.kind,
        "name": row.name,
        "version": row.version,
        "date": row.date,
        "owner": row.owner,
        "sha256": row.digest,
        "state": row.state,
        "approved_by": row.approved.map(|it| &it.by),
        "approved_on": row.approved.map(|it| &it.on),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_listed_with_its_state() {
        let texts = Texts::shipped().unwrap();
        let rows = rows(&texts);
        assert_eq!(rows.len(), texts.notices().len() + texts.certificates().count());
        assert!(rows.iter().all(|row| row.digest.len() == 64 && !row.owner.is_empty() && !row.date.is_empty()));
        let waits = rows.iter().filter(|row| row.state.contains("are refused")).count();
        assert!(waits > 0, "the notice of Part 2 waits for the site");
        let approved = Approved { by: "counsel".into(), on: "2026-01-01".into(), sha256: String::new() };
        assert_eq!(state(Some(&approved), false, true), "approved, but not as it stands now");
        assert_eq!(state(Some(&approved), true, true), "approved");
    }
}
