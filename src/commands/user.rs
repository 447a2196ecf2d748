//! `chartkeep user`: the accounts of people who sign in to the viewer.
//!
//! Not for: signing in, roles' rights (`access`), or outside identity providers.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

use crate::access::Role;
use crate::register::{Account, BlockingRegister, NewAccount, Terms, generate_password, is_account_name};

use super::operator::{Workplace, logged, open_register};
use super::sessions::{self, SessionsArgs};

/// Names a file whose first line is the password.
const PASSWORD_FILE_VARIABLE: &str = "CHARTKEEP_PASSWORD_FILE";
/// Longest first line that is read as a password, in bytes.
const PASSWORD_LINE_MAX: u64 = 8 << 10;
/// Hours that a password is good for which this command made.
const ONE_TIME_HOURS: u32 = 72;

/// Add, list, disable, enable and unlock the accounts of people who sign in; reset what they sign in with.
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
    /// Enable a disabled account
    #[command(after_help = "Example:\n  chartkeep user enable archive ann")]
    Enable(NameArgs),
    /// Let an account sign in again at once that failed attempts have locked
    #[command(after_help = "Example:\n  chartkeep user unlock archive ann")]
    Unlock(NameArgs),
    Reset(ResetArgs),
    /// Demand a second factor of an account, or no longer
    #[command(after_help = "Examples:
  chartkeep user second-factor archive ann --required
  chartkeep user second-factor archive ann --optional")]
    SecondFactor(FactorArgs),
    /// Give an account another password; its sessions end
    #[command(after_help = "Example:\n  chartkeep user password archive ann --generate")]
    Password(PasswordArgs),
    Sessions(SessionsArgs),
}

/// Add an account.
///
/// The password is the first line of the file named by CHARTKEEP_PASSWORD_FILE, else of standard input; it is never an
/// argument. With --generate one is made and printed: it is good for 72 hours, and its holder has to choose another.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep user add archive ann --role clinician --role him --display-name 'Ann Example' < password.txt
  chartkeep user add archive ann --role clinician --generate --require-totp")]
struct AddArgs {
    /// The archive's folder
    archive: PathBuf,
    /// Letters, digits, or . _ - @; upper and lower case are the same
    name: String,
    /// clinician, him, compliance, archivist, admin or reviewer; may be given several times
    #[arg(long = "role", required = true, value_parser = parse_role)]
    roles: Vec<Role>,
    /// The name shown in the viewer and in the audit log [default: the account name]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Make a password and print it
    #[arg(long)]
    generate: bool,
    /// The holder has to choose another password at the first sign-in; so he must after --generate
    #[arg(long)]
    must_change: bool,
    /// Nothing opens for this account before a second factor is set up
    #[arg(long)]
    require_totp: bool,
}

/// Reset what an account signs in with: a one-time password is made and printed.
///
/// It is good for a while, and its holder has to choose another before anything else. The account is unlocked and its
/// sessions end. Make sure that you know whom you give it to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep user reset archive ann
  chartkeep user reset archive ann --second-factor --hours 2")]
struct ResetArgs {
    /// The archive's folder
    archive: PathBuf,
    name: String,
    /// Hours that the one-time password is good for, at most 168
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
    /// Also take the second factor away, for one whose phone and recovery codes are lost
    #[arg(long)]
    second_factor: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("rule").required(true))]
struct FactorArgs {
    /// The archive's folder
    archive: PathBuf,
    name: String,
    /// Nothing opens for this account before a second factor is set up
    #[arg(long, group = "rule")]
    required: bool,
    /// It may do without, unless its role may not
    #[arg(long, group = "rule")]
    optional: bool,
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
        UserAction::Unlock(args) => unlock(args)?,
        UserAction::Reset(args) => reset(args)?,
        UserAction::SecondFactor(args) => second_factor(args)?,
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
    let terms = if args.generate { one_time(ONE_TIME_HOURS) } else { Terms { must_change: args.must_change, ends: None } };
    logged(&workplace, "user.created", "user add", detail, || register.add_account_on(&account, &password, terms))?;
    if args.require_totp {
        let detail = vec![("account", account.name.clone()), ("second factor", "required".into())];
        let require = || register.require_second_factor(&account.name, true);
        logged(&workplace, "user.credential_changed", "user add", detail, require)?;
    }
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
        let factor = match (account.has_second_factor, account.second_factor_required) {
            (true, _) => "second factor",
            (false, true) => "second factor due",
            (false, false) => "",
        };
        let (name, held) = (&account.name, account.roles.join(" "));
        println!("{name:names$}  {held:roles$}  {state:8}  {factor:17}  {}", account.display_name);
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
    let terms = if args.generate { one_time(ONE_TIME_HOURS) } else { Terms::default() };
    let change = || register.set_password_on(&account.name, &password, terms);
    let ended = logged(&workplace, "user.credential_changed", "user password", detail, change)?;
    eprintln!("{} has a new password; {ended} sessions ended.", account.name);
    print_generated(args.generate, &password);
    Ok(())
}

fn unlock(args: &NameArgs) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let account = known(&register, &args.name)?;
    let detail = vec![("account", account.name.clone())];
    let was_locked = logged(&workplace, "user.unlocked", "user unlock", detail, || register.unlock(&account.name))?;
    eprintln!("{} {}.", account.name, if was_locked { "is unlocked" } else { "was not locked" });
    Ok(())
}

fn reset(args: &ResetArgs) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let account = known(&register, &args.name)?;
    let password = generate_password()?;
    let changed = if args.second_factor { "password reset, second factor removed" } else { "password reset" };
    let detail = vec![("account", account.name.clone()), ("changed", changed.to_string())];
    let change = || {
        if args.second_factor {
            register.remove_second_factor(&account.name)?;
        }
        register.set_password_on(&account.name, &password, one_time(args.hours))
    };
    let ended = logged(&workplace, "user.credential_changed", "user reset", detail, change)?;
    eprintln!("{} signs in once with this password, within {} hours; {ended} sessions ended.", account.name, args.hours);
    print_generated(true, &password);
    Ok(())
}

fn second_factor(args: &FactorArgs) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let account = known(&register, &args.name)?;
    let rule = if args.required { "required" } else { "optional" };
    let detail = vec![("account", account.name.clone()), ("second factor", rule.to_string())];
    let change = || register.require_second_factor(&account.name, args.required);
    logged(&workplace, "user.credential_changed", "user second-factor", detail, change)?;
    eprintln!("A second factor is {rule} for {}.", account.name);
    Ok(())
}

/// A password that someone else has seen: its holder must choose another, and it does not last.
fn one_time(hours: u32) -> Terms {
    Terms { must_change: true, ends: Some(jiff::Timestamp::now().as_second() + i64::from(hours) * 3600) }
}

fn known(register: &BlockingRegister, name: &str) -> anyhow::Result<Account> {
    register.account(name)?.with_context(|| format!("there is no account {name}"))
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
        run_line("unlock ARCHIVE ann", &archive).unwrap();
        run_line("reset ARCHIVE ann --second-factor", &archive).unwrap();
        run_line("second-factor ARCHIVE ann --required", &archive).unwrap();
        assert!(account().must_change && account().second_factor_required);
        run_line("list ARCHIVE", &archive).unwrap();

        for refused in [
            "add ARCHIVE eve --role compliance --role archivist --generate",
            "add ARCHIVE eve --role root --generate",
            "add ARCHIVE eve --generate",
            "add ARCHIVE e/ve --role him --generate",
            "disable ARCHIVE eve",
            "reset ARCHIVE eve",
            "reset ARCHIVE ann --hours 200",
            "second-factor ARCHIVE ann",
            "second-factor ARCHIVE ann --required --optional",
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
        let credential = "user.credential_changed";
        let expected =
            ["user.created", "user.disabled", "user.role_changed", credential, "user.unlocked", credential, credential];
        assert_eq!(events, expected);
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
