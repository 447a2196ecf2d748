//! What a person says of two patient keys: `link`, `unlink`, `not-same`.
//!
//! Not for: what files and records say (`sources`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, ensure};

use super::{Desk, operator_name, pair, words};
use crate::model::{Kind, PatientKey};
use crate::statements::{Evidence, Statement};

#[derive(Debug, clap::Args)]
pub struct PairArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// A patient key: the last part of a chart's address
    a: String,
    /// Another
    b: String,
    /// Why; stands in the chart and in the log
    #[arg(long)]
    reason: String,
    /// Who vouches for it [default: the operator]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Say that two patient keys are two people: they are not proposed again, and no source links this pair
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep identity not-same archive mer.123 mer.124 --reason 'twins'
  chartkeep identity not-same archive mer.123 mer.124 --reason 'one of them never existed' --withdraw")]
pub struct NotSameArgs {
    #[command(flatten)]
    pair: PairArgs,
    /// Take it back
    #[arg(long)]
    withdraw: bool,
}

impl PairArgs {
    fn read(&self) -> anyhow::Result<(PatientKey, PatientKey)> {
        ensure!(!self.reason.trim().is_empty(), "say why with --reason");
        pair(&self.a, &self.b)
    }

    fn by(&self) -> String {
        self.by.clone().unwrap_or_else(operator_name)
    }
}

pub fn link(args: &PairArgs) -> anyhow::Result<ExitCode> {
    let (a, b) = args.read()?;
    let desk = Desk::open(&args.archive)?;
    for key in [&a, &b] {
        ensure!(desk.archive.kinds_of(&key.0).contains(&Kind::PATIENT), "{key} is no patient of this archive");
    }
    ensure!(!desk.resolver.are_two(&a, &b), "it was said that they are two people; take that back first: not-same --withdraw");
    ensure!(desk.resolver.links(&a, &b).is_empty(), "they are linked already");
    let statement =
        Statement::Link { a: a.to_string(), b: b.to_string(), reason: args.reason.clone(), evidence: Evidence::Person };
    say(&desk, "identity link", args, &[statement])
}

pub fn unlink(args: &PairArgs) -> anyhow::Result<ExitCode> {
    let (a, b) = args.read()?;
    let desk = Desk::open(&args.archive)?;
    let mut statements = Vec::new();
    let (reason, evidence) = (|| args.reason.clone(), Evidence::Person);
    if !desk.resolver.links(&a, &b).is_empty() {
        let (a, b) = (a.to_string(), b.to_string());
        statements.push(Statement::Unlink { a, b, reason: reason(), evidence: evidence.clone() });
    }
    for (from, into) in [(&a, &b), (&b, &a)] {
        if !desk.resolver.merges(from, into).is_empty() {
            let (from, into) = (from.to_string(), into.to_string());
            statements.push(Statement::Unmerge { from, into, reason: reason(), evidence: evidence.clone() });
        }
    }
    if statements.is_empty() && desk.resolver.are_one(&a, &b) {
        bail!("nothing connects just these two; they are one person through others: see identity show");
    }
    ensure!(!statements.is_empty(), "they are not linked");
    say(&desk, "identity unlink", args, &statements)
}

pub fn not_same(args: &NotSameArgs) -> anyhow::Result<ExitCode> {
    let (a, b) = args.pair.read()?;
    let desk = Desk::open(&args.pair.archive)?;
    let stands = desk.resolver.are_two(&a, &b);
    ensure!(stands == args.withdraw, if stands { "that is said already" } else { "that was never said" });
    let (a, b, reason) = (a.to_string(), b.to_string(), args.pair.reason.clone());
    let statement = if args.withdraw { Statement::MaybeSame { a, b, reason } } else { Statement::NotSame { a, b, reason } };
    say(&desk, "identity not-same", &args.pair, &[statement])
}

fn say(desk: &Desk, command: &str, args: &PairArgs, statements: &[Statement]) -> anyhow::Result<ExitCode> {
    desk.say(command, &args.by(), statements)?;
    desk.workplace.log.close();
    for statement in statements {
        println!("Said: {}.", words(statement));
    }
    Ok(ExitCode::SUCCESS)
}
