//! `chartkeep policy`: the rules of who may see what, shown, checked, and tried against a table of cases.
//!
//! Not for: deciding (`access::policy`), or putting a policy into force, which `chartkeep.toml` does.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::access::{CaseOutcome, Cases, CellOutcome, Decision, Policy};
use crate::config::Config;
use crate::model::Class;

use super::DONE_WITH_FINDINGS;
use super::operator::policy_in_force;

/// Show the policy in force, check a file, or run a table of cases against one.
///
/// A site's own policy is named in chartkeep.toml: [access] policy = "policy.toml". Without one the built-in policy rules.
#[derive(Debug, clap::Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    action: PolicyAction,
}

#[derive(Debug, clap::Subcommand)]
enum PolicyAction {
    Show(ShowArgs),
    Check(CheckArgs),
    Test(TestArgs),
}

/// Print the policy in force at an archive, or the built-in one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep policy show > policy.toml      the built-in policy, to begin one's own
  chartkeep policy show archive --rules")]
struct ShowArgs {
    /// The archive's folder; without it, the built-in policy
    archive: Option<PathBuf>,
    /// Only the rules' names, with what each is for
    #[arg(long)]
    rules: bool,
}

/// Check a policy file: its form, and the bounds that no file can loosen. Every fault is named with its line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep policy check policy.toml")]
struct CheckArgs {
    file: PathBuf,
}

/// Run a table of cases and print what the policy decides of each, with the rule that won.
///
/// schemas/policy-cases.toml of the sources is such a table, for the built-in policy.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep policy test cases.toml --policy policy.toml
  chartkeep policy test cases.toml --cells

Exit codes: 0 all as expected, 1 some not, 2 refused or failed.")]
struct TestArgs {
    /// The table of cases
    cases: PathBuf,
    /// The policy to try; without it, the built-in one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print every combination and not only every case
    #[arg(long)]
    cells: bool,
}

/// Runs `chartkeep policy`.
pub fn run(args: &PolicyArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        PolicyAction::Show(args) => show(args),
        PolicyAction::Check(args) => check(args),
        PolicyAction::Test(args) => test(args),
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let file = match &args.archive {
        Some(archive) => Config::load(archive)?.access.policy,
        None => None,
    };
    let policy = policy_in_force(file.as_deref())?;
    eprintln!("{}", in_a_line(&policy));
    let mut out = std::io::stdout().lock();
    if !args.rules {
        out.write_all(policy.text().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = policy.rules().map(|(id, _)| id.len()).max().unwrap_or(0);
    for (id, note) in policy.rules() {
        writeln!(out, "{id:width$}  {note}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    println!("{}", in_a_line(&Policy::load(&args.file)?));
    Ok(ExitCode::SUCCESS)
}

fn in_a_line(policy: &Policy) -> String {
    let (name, version, rules) = (policy.name(), policy.version(), policy.rules().count());
    format!("policy {name}, version {version}: {rules} rules, sha256 {}", policy.digest())
}

fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let policy = policy_in_force(args.policy.as_deref())?;
    let outcomes = Cases::load(&args.cases)?.run(&policy);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", in_a_line(&policy))?;
    for case in &outcomes {
        write_case(&mut out, case, args.cells)?;
    }
    let cells: usize = outcomes.iter().map(|case| case.cells.len()).sum();
    let wrong = outcomes.iter().filter(|case| !case.holds()).count();
    writeln!(
        out,
        "{} cases of {cells} combinations: {}",
        outcomes.len(),
        match wrong {
            0 => "all as expected".into(),
            wrong => format!("{wrong} not as expected"),
        }
    )?;
    out.flush()?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

fn write_case(out: &mut impl Write, case: &CaseOutcome, all_cells: bool) -> std::io::Result<()> {
    let mut verdicts: Vec<String> = case.cells.iter().map(|cell| format!("{} by {}", cell.verdict(), cell.rule())).collect();
    verdicts.sort_unstable();
    verdicts.dedup();
    let mark = if case.holds() { "ok " } else { "NOT" };
    writeln!(out, "{mark}  {}: {} ({})", case.name, verdicts.join("; "), case.cells.len())?;
    for cell in case.cells.iter().filter(|cell| all_cells || cell.mismatch.is_some()) {
        let expected = cell.mismatch.as_ref().map(|words| format!(": line {}, {words}", case.line)).unwrap_or_default();
        let CellOutcome { role, right, purpose, channel, .. } = cell;
        let (role, right, purpose, channel) = (role.name(), right.name(), purpose.code(), channel.name());
        let (verdict, rule, hidden) = (cell.verdict(), cell.rule(), hidden(cell));
        writeln!(out, "       {verdict:5} {role} {right} {purpose} {channel} by {rule}{hidden}{expected}")?;
    }
    Ok(())
}

/// What an allowed question does not see, in words.
fn hidden(cell: &CellOutcome) -> String {
    let Decision::Allow(allowed) = &cell.decision else { return String::new() };
    let filter = &allowed.filter;
    let classes = Class::ALL.into_iter().filter(|class| filter.hide.holds(*class)).map(|class| class.name().to_string());
    let sources = filter.hide_sources.iter().map(|source| format!("source {source}"));
    let kinds = filter.hide_kinds.iter().map(|kind| kind.name().to_string());
    let all: Vec<String> = classes.chain(sources).chain(kinds).collect();
    if all.is_empty() { String::new() } else { format!(", hiding {}", all.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: PolicyArgs,
    }

    fn run_line(words: &[&str]) -> anyhow::Result<ExitCode> {
        run(&Line::try_parse_from(["policy"].iter().chain(words))?.args)
    }

    #[test]
    fn the_shipped_table_holds_and_another_policy_breaks_it() {
        let schemas = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let (policy, cases) = (schemas.join("policy.toml"), schemas.join("policy-cases.toml"));
        let (policy, cases) = (policy.to_str().unwrap(), cases.to_str().unwrap());
        assert_eq!(run_line(&["check", policy]).unwrap(), ExitCode::SUCCESS);
        assert_eq!(run_line(&["test", cases, "--cells"]).unwrap(), ExitCode::SUCCESS);
        assert_eq!(run_line(&["show", "--rules"]).unwrap(), ExitCode::SUCCESS);
        let folder = tempfile::tempdir().unwrap();
        let strict = folder.path().join("strict.toml");
        std::fs::write(&strict, "schema = 1\nname = \"strict\"\nversion = \"1\"").unwrap();
        assert_eq!(run_line(&["test", cases, "--policy", strict.to_str().unwrap()]).unwrap(), ExitCode::from(DONE_WITH_FINDINGS));
        std::fs::write(&strict, "schema = 1\nname = \"strict\"\nversion = \"1\"\n[[rule]]\nid = \"x\"\neffect = \"may\"")
            .unwrap();
        let refused = run_line(&["check", strict.to_str().unwrap()]).unwrap_err().to_string();
        assert!(refused.contains("strict.toml is refused:\n  line 6:"), "{refused}");
    }
}
