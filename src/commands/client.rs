//! `chartkeep client`: the programs that may ask this archive for tokens of their own (SMART Backend Services).
//!
//! Not for: people (`user`), or programs of outside issuers, which are the configuration's.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use crate::access::{Holder, KeySet, Role, Scopes};
use crate::limits::JWKS_BYTES_MAX;
use crate::register::{BlockingRegister, Client, ClientKeys, is_account_name};

use super::operator::{Workplace, open_register, operator_entry};

/// Longest label, in bytes.
const LABEL_BYTES_MAX: usize = 128;

/// Register, list and disable the programs that ask for tokens of their own.
#[derive(Debug, clap::Args)]
pub struct ClientArgs {
    #[command(subcommand)]
    action: ClientAction,
}

#[derive(Debug, clap::Subcommand)]
enum ClientAction {
    Add(AddArgs),
    /// List the programs with their scopes and state
    #[command(after_help = "Example:\n  chartkeep client list archive")]
    List {
        /// The archive's folder
        archive: PathBuf,
    },
    /// Disable a program at once: it gets no tokens, and those that it holds open nothing
    #[command(after_help = "Example:\n  chartkeep client disable archive nightly")]
    Disable(NameArgs),
    /// Enable a disabled program
    #[command(after_help = "Example:\n  chartkeep client enable archive nightly")]
    Enable(NameArgs),
}

/// Register a program.
///
/// It proves who it is by an assertion that it signs with its own key (RS384 or ES384), sent to /oauth/token, and gets a
/// token for five minutes with the role service. There is no shared secret. `access.public_url` must be set.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep client add archive nightly --label 'Nightly quality report' --jwks nightly.jwks.json \\
      --scope 'system/Patient.rs system/Observation.rs'
  chartkeep client add archive nightly --label 'Nightly quality report' --jwks-url https://etl.example.org/jwks \\
      --scope 'system/*.rs'")]
struct AddArgs {
    /// The archive's folder
    archive: PathBuf,
    /// Its client_id: letters, digits, or . _ - @
    name: String,
    /// What it is, for people
    #[arg(long)]
    label: String,
    /// Its public keys, a JWK Set in a file
    #[arg(long, value_name = "FILE", required_unless_present = "jwks_url", conflicts_with = "jwks_url")]
    jwks: Option<PathBuf>,
    /// Where it publishes its public keys
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
    /// The most that it may ask for: system/ scopes of SMART
    #[arg(long)]
    scope: String,
}

#[derive(Debug, clap::Args)]
struct NameArgs {
    /// The archive's folder
    archive: PathBuf,
    name: String,
}

/// Runs `chartkeep client`.
pub fn run(args: &ClientArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        ClientAction::Add(args) => add(args)?,
        ClientAction::List { archive } => list(&open_register(archive)?)?,
        ClientAction::Disable(args) => set_disabled(args, true)?,
        ClientAction::Enable(args) => set_disabled(args, false)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(args: &AddArgs) -> anyhow::Result<()> {
    let client = args.client()?;
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let is_there = register.clients()?.iter().any(|other| other.id == client.id);
    ensure!(!is_there, "a client of this name exists already");
    let keys = match &client.keys {
        ClientKeys::Set(_) => "a file".to_string(),
        ClientKeys::Url(url) => url.clone(),
    };
    let detail =
        vec![("client", client.id.clone()), ("label", client.label.clone()), ("scope", client.scopes.clone()), ("keys", keys)];
    workplace.log.append(operator_entry("client.created", Role::Admin, "client add", detail))?;
    register.add_client(&client)?;
    eprintln!("Added {} with {}.", client.id, client.scopes);
    Ok(())
}

impl AddArgs {
    fn client(&self) -> anyhow::Result<Client> {
        ensure!(is_account_name(&self.name), "a client name is 1 to 64 letters, digits, or . _ - @");
        let label = self.label.trim();
        let is_plain = !label.is_empty() && label.len() <= LABEL_BYTES_MAX && !label.chars().any(char::is_control);
        ensure!(is_plain, "a label has 1 to {LABEL_BYTES_MAX} bytes and no control characters");
        let scopes = self.scope.split_whitespace().collect::<Vec<_>>().join(" ");
        let understood = Scopes::parse(&scopes).held_by(Holder::Client).cover(&scopes);
        ensure!(understood, "a scope is not understood, or is none of system/: {scopes}");
        let keys = match (&self.jwks, &self.jwks_url) {
            (Some(path), None) => ClientKeys::Set(read_keys(path)?),
            (None, Some(url)) if url.starts_with("https://") || url.starts_with("http://127.0.0.1:") => {
                ClientKeys::Url(url.clone())
            }
            _ => bail!("--jwks-url is an https address"),
        };
        Ok(Client { id: self.name.clone(), label: label.into(), keys, scopes, disabled: false, created: 0 })
    }
}

fn read_keys(path: &std::path::Path) -> anyhow::Result<String> {
    let named = || path.display().to_string();
    let size = std::fs::metadata(path).with_context(named)?.len();
    ensure!(size <= JWKS_BYTES_MAX, "{}: larger than {JWKS_BYTES_MAX} bytes", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    KeySet::parse(text.as_bytes()).with_context(named)?;
    // What is a private key in it must not come into the register, where it would be of no use and a danger.
    ensure!(!has_private(&text), "{}: holds private keys; only the public ones belong here", path.display());
    Ok(text)
}

fn has_private(text: &str) -> bool {
    let set: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let keys = set.get("keys").and_then(|keys| keys.as_array());
    keys.into_iter().flatten().any(|key| key.get("d").is_some() || key.get("k").is_some())
}

fn list(register: &BlockingRegister) -> anyhow::Result<()> {
    let clients = register.clients()?;
    let width = |cell: fn(&Client) -> usize| clients.iter().map(cell).max().unwrap_or(0);
    let (names, scopes) = (width(|c| c.id.chars().count()), width(|c| c.scopes.chars().count()));
    for client in &clients {
        let state = if client.disabled { "disabled" } else { "enabled" };
        println!("{:names$}  {:scopes$}  {state:8}  {}", client.id, client.scopes, client.label);
    }
    Ok(())
}

fn set_disabled(args: &NameArgs, disabled: bool) -> anyhow::Result<()> {
    let workplace = Workplace::open(&args.archive)?;
    let register = workplace.register()?;
    let is_there = register.clients()?.iter().any(|client| client.id == args.name);
    ensure!(is_there, "there is no client {}", args.name);
    let command = if disabled { "client disable" } else { "client enable" };
    let detail = vec![("client", args.name.clone()), ("enabled", (!disabled).to_string())];
    workplace.log.append(operator_entry("client.disabled", Role::Admin, command, detail))?;
    register.set_client_disabled(&args.name, disabled)?;
    eprintln!("{} is {}.", args.name, if disabled { "disabled" } else { "enabled" });
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: AddArgs,
    }

    fn client(options: &[&str]) -> anyhow::Result<Client> {
        let line = ["add", "archive", "etl", "--label", "Nightly"].into_iter().chain(options.iter().copied());
        Line::try_parse_from(line)?.args.client()
    }

    #[test]
    fn a_client_has_keys_of_its_own_and_scopes_of_programs() {
        let url = ["--jwks-url", "https://etl.example.org/jwks"];
        let made = client(&[url[0], url[1], "--scope", " system/Patient.rs  system/Observation.r "]).unwrap();
        assert_eq!(made.scopes, "system/Patient.rs system/Observation.r");
        for scope in ["user/Patient.rs", "system/Nobody.rs", "system/Patient.sr", "", "chartkeep"] {
            assert!(client(&[url[0], url[1], "--scope", scope]).is_err(), "{scope}");
        }
        assert!(client(&["--jwks-url", "http://etl.example.org/jwks", "--scope", "system/*.rs"]).is_err());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        let with = |key: &str| {
            std::fs::write(&file, format!("{{\"keys\":[{key}]}}")).unwrap();
            client(&["--jwks", file.to_str().unwrap(), "--scope", "system/*.rs"])
        };
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert!(with(&format!(r#"{{"kid":"a","kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)).is_ok());
        assert!(with(&format!(r#"{{"kid":"a","kty":"OKP","crv":"Ed25519","x":"{x}","d":"AA"}}"#)).is_err());
        assert!(with("").is_err());
    }
}
