//! `chartkeep token`: a bearer token of the archive's own, for scripts and tests; and taking tokens back.
//!
//! Not for: checking tokens (`access`), or signing people in (`server`).

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::access::{Grant, Holder, Purpose, Role, Scopes, archive_urn, issue_token, token_id};
use crate::model::{PatientKey, hex};
use crate::register::{BlockingRegister, Who};
use crate::signing::KeyPurpose;

use super::operator::{Workplace, logged, operator_entry};
use super::sessions;
use super::user::parse_role;

/// Longest name that is put into a token, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Print a bearer token, signed by the archive's own key, for use at /fhir and /api; or take tokens back.
///
/// The token alone goes to standard output. Issuing it is itself an entry of the audit log. An account of this name
/// must be enabled and hold the role; a name without an account is taken as vouched for by you, and the entry says so.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  TOKEN=$(chartkeep token archive --user reader --role clinician --ttl 30m)
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/fhir/metadata
  chartkeep token revoke archive --user reader"
)]
pub struct TokenArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    issue: Option<IssueArgs>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct IssueArgs {
    /// The archive's folder
    archive: PathBuf,
    /// Who will use the token: an account, or any name that you vouch for
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    user: String,
    /// clinician, him, compliance, archivist, admin, reviewer or service
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// How long it is good for, at most 24h: 90s, 30m, 1h
    #[arg(long, default_value = "1h", value_parser = parse_lifetime)]
    ttl: Duration,
    /// Purpose of use: TREAT, HOPERAT, HLEGAL, RECORDMGT, PATRQT, HCOMPL or HSYSADMIN [default: the role's usual one]
    #[arg(long, value_parser = parse_purpose)]
    purpose: Option<Purpose>,
    /// For a program and not a person: the subject becomes service:NAME, and no account is looked for
    #[arg(long)]
    service: bool,
    /// SMART scopes that narrow it, for /fhir alone, such as 'user/*.rs' [default: all that the role allows]
    #[arg(long)]
    scope: Option<String>,
    /// The patient of whom patient/ scopes speak, by his key in the archive
    #[arg(long, value_name = "KEY", requires = "scope", value_parser = parse_patient)]
    patient: Option<PatientKey>,
}

/// Longest life of any token that is taken, in seconds.
const LIFE_MAX_S: i64 = 24 * 3600;
/// Most bytes that are read of a token on standard input.
const TOKEN_TEXT_MAX: u64 = 16 << 10;

/// On whose word a subject stands in a token.
#[derive(Clone, Copy)]
enum Voucher {
    Account,
    Operator,
    Service,
}

impl Voucher {
    fn name(self) -> &'static str {
        match self {
            Voucher::Account => "account",
            Voucher::Operator => "operator",
            Voucher::Service => "service",
        }
    }
}

/// Runs `chartkeep token`.
pub fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    match (&args.action, &args.issue) {
        (Some(Action::Revoke(args)), _) => revoke(args)?,
        (None, Some(args)) => println!("{}", args.issue()?),
        // The parser does not let it come to this.
        (None, None) => bail!("say for whom the token is"),
    }
    Ok(ExitCode::SUCCESS)
}

impl IssueArgs {
    fn issue(&self) -> anyhow::Result<String> {
        let workplace = Workplace::open(&self.archive)?;
        let (grant, voucher) = self.grant(&workplace.register()?)?;
        let signer = workplace.signer(KeyPurpose::Token)?;
        let token = issue_token(&archive_urn(&workplace.ring)?, &signer, &grant)?;
        let scope = grant.scopes.clone().map(|scope| ("scope", scope));
        let detail = vec![
            ("subject", grant.subject),
            ("role", grant.role.name().into()),
            ("purpose", grant.purpose.code().into()),
            ("vouched_by", voucher.name().into()),
            ("token_jti", token.id),
            ("expires", token.expires.to_string()),
        ];
        let detail = detail.into_iter().chain(scope).collect();
        workplace.log.append(operator_entry("auth.token_issued", Role::Admin, "token", detail))?;
        Ok(token.text)
    }

    fn grant(&self, register: &BlockingRegister) -> anyhow::Result<(Grant, Voucher)> {
        let account = if self.service { None } else { register.account(&self.user)? };
        let (subject, name, voucher) = match account {
            Some(account) => {
                ensure!(!account.disabled, "the account {} is disabled", account.name);
                ensure!(account.holds(self.role.name()), "the account {} does not hold this role", account.name);
                (account.name, account.display_name, Voucher::Account)
            }
            None if self.service => (format!("service:{}", self.user), self.user.clone(), Voucher::Service),
            None => (self.user.clone(), self.user.clone(), Voucher::Operator),
        };
        let holder = if self.service { Holder::Client } else { Holder::Person };
        if let Some(scope) = &self.scope {
            let understood = Scopes::parse(scope).held_by(holder);
            ensure!(understood.grants_any(), "no scope is understood, or none is for such a holder: {scope}");
            ensure!(!understood.binds_to_patient() || self.patient.is_some(), "a patient/ scope needs --patient");
        }
        let grant = Grant {
            client_id: self.service.then(|| subject.clone()),
            subject,
            name,
            role: self.role,
            purpose: self.purpose.unwrap_or(self.role.usual_purpose()),
            lifetime: self.ttl,
            scopes: self.scope.clone(),
            patient: self.patient.as_ref().map(ToString::to_string),
        };
        Ok((grant, voucher))
    }
}

/// Take tokens back: one, or all that one person holds, together with his sessions in the viewer.
///
/// What is taken back is void at once, for a running server too. One token is named by its id (`jti`, as entries of the audit
/// log have it), or read whole from standard input, so that it stands in no list of processes; tokens of outside issuers
/// too. All of a person's are those issued up to now; new ones are good again, so disable the account or tell the
/// provider as well.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep token revoke archive --id 0192f0c4-7b7e-7a61-8a3e-2f1f0e6c1f7a
  chartkeep token revoke archive --stdin < token.txt
  chartkeep token revoke archive --user reader
  chartkeep token revoke archive --user service:etl
  chartkeep token revoke archive --user ann --issuer https://idp.example.org")]
struct RevokeArgs {
    /// The archive's folder
    archive: PathBuf,
    #[command(flatten)]
    what: Revoked,
    /// The identity provider that vouches for the person, exactly as the configuration names it [default: this archive]
    #[arg(long, value_name = "URL", conflicts_with_all = ["id", "stdin"])]
    issuer: Option<String>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Revoked {
    /// The token of this id
    #[arg(long, value_name = "JTI", value_parser = parse_id)]
    id: Option<String>,
    /// The token on standard input
    #[arg(long)]
    stdin: bool,
    /// All tokens and sessions of this person, or of this program (service:NAME)
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    if let Some(user) = &args.what.user {
        return revoke_all_of(&workplace, &register, user, args.issuer.as_deref());
    }
    let names = match &args.what.id {
        Some(id) => vec![id.clone()],
        None => names_of(&token_on_stdin()?),
    };
    // No token that is taken lives longer than a day from now.
    let expires = Timestamp::now().as_second() + LIFE_MAX_S;
    for name in names {
        let detail = vec![("token", name.clone())];
        logged(&workplace, "auth.token_revoked", "token revoke", detail, || register.revoke_token(&name, expires))?;
    }
    eprintln!("The token is void.");
    Ok(())
}

/// The names by which a token is known: its hash in any case, since one that says nothing has no other.
fn names_of(token: &str) -> Vec<String> {
    let digest = hex(&Sha256::digest(token.as_bytes()));
    token_id(token).into_iter().chain([digest]).collect()
}

fn token_on_stdin() -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(TOKEN_TEXT_MAX).read_to_string(&mut text).context("the token cannot be read")?;
    let token = Zeroizing::new(text.trim().to_string());
    ensure!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()), "there is no token on standard input");
    Ok(token)
}

fn revoke_all_of(workplace: &Workplace, register: &BlockingRegister, user: &str, issuer: Option<&str>) -> anyhow::Result<()> {
    let own = archive_urn(&workplace.ring)?;
    let (issuer, subject, who) = match issuer {
        Some(issuer) => {
            let who = Who::Outside { issuer: issuer.to_string(), subject: user.to_string() };
            (issuer.to_string(), user.to_string(), who)
        }
        None => {
            // An account's tokens carry its name as it was given at first.
            let name = register.account(user)?.map_or_else(|| user.to_string(), |account| account.name);
            (own, name.clone(), Who::Account(name))
        }
    };
    let detail = vec![("issuer", issuer.clone()), ("subject", subject.clone()), ("tokens", "all issued up to now".to_string())];
    let taking = || register.revoke_tokens_of(&issuer, &subject);
    logged(workplace, "auth.token_revoked", "token revoke", detail, taking)?;
    let sessions = register.sessions()?;
    let own_sessions: Vec<_> = sessions.iter().filter(|session| session.who == who).collect();
    for session in &own_sessions {
        sessions::end(workplace, register, session)?;
    }
    eprintln!("All tokens of {subject} issued up to now are void; {} sessions ended.", own_sessions.len());
    Ok(())
}

fn parse_id(text: &str) -> anyhow::Result<String> {
    let good = (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    ensure!(good, "a token's id is 1 to 512 letters, digits or signs");
    Ok(text.to_string())
}

fn parse_patient(text: &str) -> anyhow::Result<PatientKey> {
    PatientKey::parse(text).ok_or_else(|| anyhow::anyhow!("a patient's key has letters, digits, dots and dashes"))
}

/// A subject cannot pass for a service by its spelling.
fn parse_name(text: &str) -> anyhow::Result<String> {
    let good = !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(|c| c.is_control() || c == ':');
    ensure!(good, "a name has 1 to {NAME_BYTES_MAX} bytes, no colon and no control characters");
    Ok(text.to_string())
}

fn parse_purpose(text: &str) -> anyhow::Result<Purpose> {
    let known = || Purpose::ALL.map(Purpose::code).join(", ");
    Purpose::from_code(text).ok_or_else(|| anyhow::anyhow!("a purpose is one of {}", known()))
}

/// `90s`, `30m`, `24h`: from one second to a day.
fn parse_lifetime(text: &str) -> anyhow::Result<Duration> {
    let wrong = "a life is a whole number with s, m or h, from 1s to 24h";
    let Some(unit) = text.chars().last() else { bail!(wrong) };
    let unit_s: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => bail!(wrong),
    };
    let digits = &text[..text.len() - 1];
    ensure!(digits.bytes().all(|b| b.is_ascii_digit()), wrong);
    let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_s));
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => bail!(wrong),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::Parser;

    use super::*;
    use crate::access::TokenVerifier;
    use crate::audit::{self, AuditLog};
    use crate::register::{NewAccount, TokenMark};
    use crate::signing::{KeyRing, default_private_dir, init_keys, load_signer};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TokenArgs,
    }

    fn archive() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        init_keys(&archive, &default_private_dir(&archive)).unwrap();
        (folder, archive)
    }

    fn issue(archive: &std::path::Path, options: &[&str]) -> anyhow::Result<String> {
        let line = ["token", archive.to_str().unwrap()].into_iter().chain(options.iter().copied());
        Line::try_parse_from(line)?.args.issue.expect("no action was named").issue()
    }

    fn revoke(archive: &std::path::Path, options: &[&str]) -> anyhow::Result<()> {
        let line = ["token", "revoke", archive.to_str().unwrap()].into_iter().chain(options.iter().copied());
        run(&Line::try_parse_from(line)?.args).map(|_| ())
    }

    #[test]
    fn a_token_for_any_name_is_vouched_for_by_the_operator() {
        let (_folder, archive) = archive();
        // Another process, such as `serve`, has the log open meanwhile.
        let signer = load_signer(&default_private_dir(&archive), KeyPurpose::Audit).unwrap();
        let _serving = AuditLog::open(&archive, Arc::new(signer)).unwrap();
        let verifier = TokenVerifier::of_archive(&KeyRing::load(&archive).unwrap()).unwrap();
        let token = issue(&archive, &["--user", "reader", "--role", "him"]).unwrap();
        let principal = verifier.verify(&token).unwrap();
        assert_eq!(
            (principal.subject.as_str(), principal.role, principal.purpose),
            ("reader", Role::Him, Purpose::RecordManagement)
        );
        let token =
            issue(&archive, &["--user", "etl", "--role", "him", "--service", "--purpose", "HLEGAL", "--ttl", "24h"]).unwrap();
        let principal = verifier.verify(&token).unwrap();
        assert_eq!((principal.subject.as_str(), principal.purpose), ("service:etl", Purpose::Legal));
        let nowhere = archive.join("nowhere");
        assert!(issue(&nowhere, &["--user", "a", "--role", "him"]).is_err() && !nowhere.exists());

        let issued = audit::Query { event: Some("auth.token_issued".into()), ..audit::Query::default() };
        let entries = audit::read(&archive, &issued).unwrap();
        let vouched: Vec<&str> = entries.iter().map(|found| found.entry["detail"]["vouched_by"].as_str().unwrap()).collect();
        assert_eq!(vouched, ["service", "operator"]);
        assert_eq!(entries[0].entry["detail"]["token_jti"].as_str(), principal.token_id.as_deref());
        assert!(!serde_json::to_string(&entries[0].entry).unwrap().contains(token.rsplit('.').next().unwrap()));
    }

    #[test]
    fn an_account_must_be_enabled_and_hold_the_role() {
        let (_folder, archive) = archive();
        let register = BlockingRegister::open(&archive.join(crate::register::REGISTER_FILE)).unwrap();
        let ann = NewAccount { name: "ann".into(), display_name: "Ann".into(), roles: vec!["him".into()] };
        register.add_account(&ann, "correct horse").unwrap();
        assert!(issue(&archive, &["--user", "ann", "--role", "him"]).is_ok());
        assert!(issue(&archive, &["--user", "ANN", "--role", "clinician"]).is_err());
        register.set_disabled("ann", true).unwrap();
        assert!(issue(&archive, &["--user", "ann", "--role", "him"]).is_err());
    }

    #[test]
    fn what_is_taken_back_is_void_and_the_log_says_so() {
        let (_folder, archive) = archive();
        let register = || BlockingRegister::open(&archive.join(crate::register::REGISTER_FILE)).unwrap();
        let ann = NewAccount { name: "ann".into(), display_name: "Ann".into(), roles: vec!["him".into()] };
        register().add_account(&ann, "correct horse").unwrap();
        let verifier = TokenVerifier::of_archive(&KeyRing::load(&archive).unwrap()).unwrap();
        let urn = verifier.urn().to_string();
        let revoked = |name: &str, subject: &str, issued: i64| {
            let mark = TokenMark { names: &[name], issuer: &urn, subject, issued };
            register().is_token_revoked(mark).unwrap()
        };
        let token = issue(&archive, &["--user", "ann", "--role", "him"]).unwrap();
        let id = verifier.verify(&token).unwrap().token_id.unwrap();
        assert_eq!(names_of(&token)[0], id);
        assert_eq!((names_of("opaque").len(), names_of("opaque")[0].len()), (1, 64), "by its hash alone");
        assert!(!revoked(&id, "ann", Timestamp::now().as_second()));
        revoke(&archive, &["--id", &id]).unwrap();
        assert!(revoked(&id, "ann", Timestamp::now().as_second()));

        revoke(&archive, &["--user", "ANN"]).unwrap();
        assert!(revoked("another", "ann", Timestamp::now().as_second()), "all up to now, under the account's own name");
        assert!(!revoked("another", "ann", Timestamp::now().as_second() + 60));
        for odd in [&[][..], &["--id", "a", "--user", "b"], &["--id", ""], &["--issuer", "https://x", "--id", "a"]] {
            assert!(revoke(&archive, odd).is_err(), "{odd:?}");
        }
        let query = audit::Query { event: Some("auth.token_revoked".into()), newest_first: false, ..audit::Query::default() };
        let entries = audit::read(&archive, &query).unwrap();
        let detail: Vec<_> = entries.iter().map(|found| found.entry["detail"].clone()).collect();
        assert_eq!((detail.len(), detail[0]["token"].as_str(), detail[1]["subject"].as_str()), (2, Some(&*id), Some("ann")));
    }

    #[test]
    fn odd_options_are_refused() {
        for (lifetime, seconds) in [("90s", 90), ("30m", 1800), ("1h", 3600), ("24h", 86_400)] {
            assert_eq!(parse_lifetime(lifetime).unwrap(), Duration::from_secs(seconds));
        }
        for lifetime in ["", "h", "0s", "25h", "1d", "1.5h", "-1h", "+1h", "1é", "99999999999999999999s", "9999999999999999999h"]
        {
            assert!(parse_lifetime(lifetime).is_err(), "{lifetime}");
        }
        for name in ["", " ", "service:x", "a\nb", &"x".repeat(129)] {
            assert!(parse_name(name).is_err(), "{name}");
        }
        assert!(parse_purpose("treat").is_err() && parse_role("root").is_err());
    }
}
