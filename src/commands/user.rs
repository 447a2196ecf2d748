//! `chartkeep user`: the accounts of people who sign in to the viewer.
//!
//! Not for: signing in, roles' rights (`access`), or outside identity providers.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

use crate::access::Role;
use crate::audit::Outcome;
use crate::register::{Account, BlockingRegister, NewAccount, generate_password, is_account_name};

use super::operator::{Workplace, open_register, operator_entry};
use super::sessions::{self, SessionsArgs};

/// Names a file whose first line is the password.
const PASSWORD_FILE_VARIABLE: &str = "CHARTKEEP_PASSWORD_FILE";
/// Longest first line that is read as a password, in bytes.
const PASSWORD_LINE_MAX: u64 = 8 << 10;

/// Add, list, disable and enable the accounts of people who sign in, or change a password.
#[derive(Debug, clap::Args)]
pub struct UserArgs {
    #[command(subcommand)]
    action: UserAction,
}

#[derive(Debug, clap::Subcommand)]
enum UserAction {
    Add(AddArgs),
    /// List the accounts with their roles and state
    #[command(after_help = "Example:\n  chartkeep user list archive")]
    List {
        /// The archive's folder
        archive: PathBuf,
    },
    /// Disable an account at once: its sessions end and it cannot sign in
    #[command(after_help = "Example:\n  chartkeep user disable archive ann")]
    Disable(NameArgs),
    /// Enable a disabled account, or unlock one after failed attempts
    #[command(after_help = "Example:\n  chartkeep user enable archive ann")]
    Enable(NameArgs),
    /// Give an account another password; its sessions end
    #[command(after_help = "Example:\n  chartkeep user password archive ann --generate")]
    Password(PasswordArgs),
    Sessions(SessionsArgs),
}

/// Add an account.
///
/// The password is the first line of the file named by CHARTKEEP_PASSWORD_FILE, else of standard input; it is never an
/// argument. With --generate one is made and printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep user add archive ann --role clinician --role him --display-name 'Ann Example' < password.txt
  chartkeep user add archive ann --role clinician --generate")]
struct AddArgs {
    /// The archive's folder
    archive: PathBuf,
    /// Letters, digits, or . _ - @; upper and lower case are the same
    name: String,
    /// clinician, him, compliance, archivist or admin; may be given several times
    #[arg(long = "role", required = true, value_parser = parse_role)]
    roles: Vec<Role>,
    /// The name shown in the viewer and in the audit log [default: the account name]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Make a password and print it
    #[arg(long)]
    generate: bool,
}

#[derive(Debug, clap::Args)]
struct NameArgs {
    /// The archive's folder
    archive: PathBuf,
    name: String,
}

#[derive(Debug, clap::Args)]
struct PasswordArgs {
    /// The archive's folder
    archive: PathBuf,
    name: String,
    /// Make a password and print it
    #[arg(long)]
    generate: bool,
}

/// Runs `chartkeep user`.
pub fn run(args: &UserArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        UserAction::Add(args) => add(args)?,
        UserAction::List { archive } => list(&open_register(archive)?)?,
        UserAction::Disable(args) => set_disabled(args, true)?,
        UserAction::Enable(args) => set_disabled(args, false)?,
        UserAction::Password(args) => set_password(args)?,
        UserAction::Sessions(args) => sessions::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(args: &AddArgs) -> anyhow::Result<()> {
    ensure!(is_account_name(&args.name), "an account name is 1 to 64 letters, digits, or . _ - @");
    let mut roles: Vec<String> = args.roles.iter().map(|role| role.name().to_string()).collect();
    roles.sort();
    roles.dedup();
    // Spec access.md §7: he who checks the log must not be the one who runs the archive.
    let both = args.roles.contains(&Role::Compliance) && args.roles.contains(&Role::Archivist);
    ensure!(!both, "one account cannot hold both compliance and archivist");

    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    ensure!(register.account(&args.name)?.is_none(), "an account of this name exists already");
    let display_name = args.display_name.clone().unwrap_or_else(|| args.name.clone());
    let account = NewAccount { name: args.name.clone(), display_name, roles };
    let password = choose_password(args.generate)?;
    let detail = vec![("account", account.name.clone()), ("roles", account.roles.join(" "))];
    logged(&workplace, "user.created", "user add", detail, || register.add_account(&account, &password))?;
    eprintln!("Added {} as {}.", account.name, account.roles.join(", "));
    print_generated(args.generate, &password);
    Ok(())
}

fn list(register: &BlockingRegister) -> anyhow::Result<()> {
    let accounts = register.accounts()?;
    let width = |cell: fn(&Account) -> String| accounts.iter().map(|a| cell(a).chars().count()).max().unwrap_or(0);
    let (names, roles) = (width(|a| a.name.clone()), width(|a| a.roles.join(" ")));
    for account in &accounts {
        let state = match (account.disabled, account.locked_until) {
            (true, _) => "disabled",
            (false, Some(_)) => "locked",
            (false, None) => "enabled",
        };
        println!("{:names$}  {:roles$}  {state:8}  {}", account.name, account.roles.join(" "), account.display_name);
    }
    Ok(())
}

fn set_disabled(args: &NameArgs, disabled: bool) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let account = known(&register, &args.name)?;
    let (event, command) = if disabled { ("user.disabled", "user disable") } else { ("user.role_changed", "user enable") };
    let detail = vec![("account", account.name.clone()), ("enabled", (!disabled).to_string())];
    let ended = logged(&workplace, event, command, detail, || register.set_disabled(&account.name, disabled))?;
    eprintln!("{} is {}; {ended} sessions ended.", account.name, if disabled { "disabled" } else { "enabled" });
    Ok(())
}

fn set_password(args: &PasswordArgs) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let account = known(&register, &args.name)?;
    let password = choose_password(args.generate)?;
    let detail = vec![("account", account.name.clone()), ("changed", "password".into())];
    let change = || register.set_password(&account.name, &password);
    let ended = logged(&workplace, "user.role_changed", "user password", detail, change)?;
    eprintln!("{} has a new password; {ended} sessions ended.", account.name);
    print_generated(args.generate, &password);
    Ok(())
}

fn known(register: &BlockingRegister, name: &str) -> anyhow::Result<Account> {
    register.account(name)?.with_context(|| format!("there is no account {name}"))
}

/// Makes a change once its entry is durable, so that no change goes unlogged; a change that then fails is logged as such.
pub(super) fn logged<T, E: std::error::Error + Send + Sync + 'static>(
    workplace: &Workplace,
    event: &'static str,
    command: &str,
    detail: Vec<(&'static str, String)>,
    change: impl FnOnce() -> Result<T, E>,
) -> anyhow::Result<T> {
    let entry = operator_entry(event, Role::Admin, command, detail);
    workplace.log.append(entry.clone())?;
    change().map_err(|error| {
        let mut failed = entry;
        failed.outcome = Outcome::MinorFailure;
        failed.outcome_desc = Some(error.to_string());
        match workplace.log.append(failed) {
            Ok(_) => error.into(),
            Err(log) => anyhow::Error::from(error).context(log),
        }
    })
}

/// The password from where it may come from; asked for without echo at a terminal.
fn choose_password(generate: bool) -> anyhow::Result<Zeroizing<String>> {
    if generate {
        return Ok(generate_password()?);
    }
    if let Some(path) = std::env::var_os(PASSWORD_FILE_VARIABLE) {
        let file = std::fs::File::open(&path).with_context(|| format!("{}", PathBuf::from(&path).display()))?;
        return first_line(std::io::BufReader::new(file));
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return first_line(input.lock());
    }
    eprint!("Password: ");
    std::io::stderr().flush()?;
    let hidden = EchoOff::begin();
    let password = first_line(input.lock());
    drop(hidden);
    eprintln!();
    password
}

/// The first line without its line end.
fn first_line(input: impl BufRead) -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    input.take(PASSWORD_LINE_MAX).read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    if line.is_empty() {
        bail!("no password was given on standard input; see --help");
    }
    Ok(line)
}

/// Standard output has the password alone, so that a script can take it.
fn print_generated(generated: bool, password: &str) {
    if generated {
        println!("{password}");
    }
}

/// The terminal shows nothing that is typed until this is dropped.
struct EchoOff;

impl EchoOff {
    /// `None` where there is no `stty`: then the password is seen while it is typed, as it would be anyway.
    fn begin() -> Option<EchoOff> {
        stty("-echo").then_some(EchoOff)
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(setting: &str) -> bool {
    std::process::Command::new("stty").arg(setting).status().is_ok_and(|status| status.success())
}

pub(super) fn parse_role(text: &str) -> anyhow::Result<Role> {
    let known = || Role::ALL.map(Role::name).join(", ");
    Role::from_name(text).ok_or_else(|| anyhow::anyhow!("a role is one of {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::path::Path;

    use clap::Parser;

    use crate::audit;
    use crate::register::REGISTER_FILE;
    use crate::signing::{default_private_dir, init_keys};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: UserArgs,
    }

    fn run_line(line: &str, archive: &Path) -> anyhow::Result<ExitCode> {
        let words = line.split(' ').map(|word| if word == "ARCHIVE" { archive.to_str().unwrap() } else { word });
        run(&Line::try_parse_from(std::iter::once("user").chain(words))?.args)
    }

    #[test]
    fn accounts_are_added_disabled_and_enabled_and_each_change_is_logged_first() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        init_keys(&archive, &default_private_dir(&archive)).unwrap();
        let account = || BlockingRegister::open(&archive.join(REGISTER_FILE)).unwrap().account("ann").unwrap().unwrap();

        run_line("add ARCHIVE ann --role him --role clinician --generate", &archive).unwrap();
        assert_eq!((account().roles, account().disabled), (vec!["clinician".to_string(), "him".into()], false));
        assert!(run_line("add ARCHIVE Ann --role him --generate", &archive).is_err());
        run_line("disable ARCHIVE ann", &archive).unwrap();
        assert!(account().disabled);
        run_line("enable ARCHIVE ann", &archive).unwrap();
        run_line("password ARCHIVE ann --generate", &archive).unwrap();
        run_line("list ARCHIVE", &archive).unwrap();

        for refused in [
            "add ARCHIVE eve --role compliance --role archivist --generate",
            "add ARCHIVE eve --role root --generate",
            "add ARCHIVE eve --generate",
            "add ARCHIVE e/ve --role him --generate",
            "disable ARCHIVE eve",
        ] {
            assert!(run_line(refused, &archive).is_err(), "{refused}");
        }
        assert!(run_line("list ARCHIVE", folder.path()).is_err() && !folder.path().join(REGISTER_FILE).exists());

        let query = audit::Query { newest_first: false, ..audit::Query::default() };
        let events: Vec<String> = audit::read(&archive, &query)
            .unwrap()
            .iter()
            .map(|found| found.entry["event"].as_str().unwrap().to_string())
            .filter(|event| event.starts_with("user."))
            .collect();
        assert_eq!(events, ["user.created", "user.disabled", "user.role_changed", "user.role_changed"]);
    }

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        for (input, password) in [("a b c \nrest", "a b c "), ("secret\r\n", "secret"), ("secret", "secret")] {
            assert_eq!(first_line(input.as_bytes()).unwrap().as_str(), password);
        }
        assert!(first_line(&b"\nsecret"[..]).is_err());
        assert!(first_line(&b""[..]).is_err());
    }
}
