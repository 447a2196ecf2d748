//! `chartkeep user sessions`: who is signed in to the viewer now, and ending it.
//!
//! Not for: accounts (`user`); one's own sessions a person ends in the viewer.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::register::{BlockingRegister, SessionSummary, Who};

use super::operator::{Workplace, logged, open_register};

/// List the sessions of everyone who is signed in to the viewer, or end them.
///
/// A line for each: its id, when it began and was last used (UTC), the role, who it is, and from where. People whom an
/// identity provider vouches for are listed with the provider's name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep user sessions archive
  chartkeep user sessions archive --end 3f2a9c0d5b7e41886c0d9a7b1e2f3a4c
  chartkeep user sessions archive --end-all")]
pub struct SessionsArgs {
    /// The archive's folder
    archive: PathBuf,
    /// End the session of this id
    #[arg(long, value_name = "ID", conflicts_with = "end_all")]
    end: Option<String>,
    /// End every session
    #[arg(long)]
    end_all: bool,
}

pub fn run(args: &SessionsArgs) -> anyhow::Result<()> {
    if args.end.is_none() && !args.end_all {
        for session in open_register(&args.archive)?.sessions()? {
            println!("{}", line(&session));
        }
        return Ok(());
    }
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let all = register.sessions()?;
    let chosen: Vec<&SessionSummary> =
        all.iter().filter(|session| args.end.as_ref().is_none_or(|id| session.audit_id == *id)).collect();
    ensure!(args.end_all || !chosen.is_empty(), "there is no such session");
    for session in &chosen {
        end(&workplace, &register, session)?;
    }
    eprintln!("{} sessions ended.", chosen.len());
    Ok(())
}

pub(super) fn end(workplace: &Workplace, register: &BlockingRegister, session: &SessionSummary) -> anyhow::Result<()> {
    let (issuer, subject) = person(&session.who);
    let detail = vec![
        ("session", session.audit_id.clone()),
        ("issuer", issuer.to_string()),
        ("account", subject.to_string()),
        ("by", "an operator".to_string()),
    ];
    let ending = || register.end_session_called(&session.audit_id);
    logged(workplace, "auth.session_ended", "user sessions", detail, ending).context("the session could not be ended")?;
    Ok(())
}

fn person(who: &Who) -> (&str, &str) {
    match who {
        Who::Account(account) => ("local", account),
        Who::Outside { issuer, subject } => (issuer, subject),
    }
}

fn line(session: &SessionSummary) -> String {
    let moment =
        |at: i64| jiff::Timestamp::from_second(at).map_or_else(|_| "?".into(), |at| at.strftime("%Y-%m-%d %H:%M").to_string());
    let (issuer, subject) = person(&session.who);
    let (began, seen) = (moment(session.created), moment(session.last_seen));
    let from = session.ip.as_deref().unwrap_or("-");
    // What a provider says of a person is his own text: nothing in it may act on a terminal.
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    format!("{}  {began}  {seen}  {:10}  {}  {}  {from}", session.audit_id, session.role, plain(subject), plain(issuer))
}
