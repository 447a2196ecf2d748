//! `chartkeep demo`: the main job in one command: makes the made-up hospital, accessions it, serves it, and prints how
//! to sign in.
//!
//! Not for: real records. Its passwords are made anew and printed, which no other command does unasked.

mod day;
mod hospital;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::{init, serve};
use crate::config::CONFIG_FILE;
use crate::durable;
use crate::register::{BlockingRegister, NewAccount, REGISTER_FILE, generate_password};

/// Who the users are, and of whom the news speak: files of the site, beside its configuration.
const WORKFORCE_FILE: &str = "workforce.csv";
const NEWS_FILE: &str = "news.csv";

/// What the demo's archive says of itself.
const CONFIG: &str = "institution = \"Example Valley Health (made up)\"\n\n[cutover]\nmer = \"2024-06-30\"\nhbi = \"2024-06-30\"\n\n\
                      [audit]\nworkforce = \"workforce.csv\"\nnews = \"news.csv\"\n\n\
                      [custodian]\nname = \"Example Valley Health (made up)\"\naddress = [\"1 Valley Road\"]\ncity = \"Bellwether\"\n\
                      state = \"NH\"\npostal_code = \"03599\"\ntelephone = \"+1-603-555-0100\"\n\n\
                      [release]\nbates_prefix = \"EVH\"\n\n[release.contact]\ndepartment = \"Health Information Management\"\n\
                      hours = \"Monday to Friday, 8:00 to 16:30\"\n";

/// Make a made-up hospital, archive it, serve it, and print how to sign in.
///
/// Everything is put into one folder. A folder with a demo in it is served again as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep demo --patients 200 --listen 127.0.0.1:8080")]
pub struct DemoArgs {
    /// Number of made-up patients, about 300 records each
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub patients: u64,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder of the demo
    #[arg(long, value_name = "DIR", default_value = "archive-demo")]
    pub dir: PathBuf,
    /// Make everything, but do not serve
    #[arg(long, hide = true)]
    pub no_serve: bool,
}

/// The demo's accounts: name, display name, role.
const PEOPLE: [(&str, &str, &str); 6] = [
    ("okafor", "R. Okafor-Test, MD", "clinician"),
    ("lindqvist", "M. Lindqvist-Test, RHIA", "him"),
    ("castellan", "P. Castellan-Test, RHIT", "him"),
    ("baptiste", "C. Baptiste-Test", "compliance"),
    ("moreau", "A. Moreau-Test", "reviewer"),
    ("hale", "J. Hale-Test", "archivist"),
];

/// Runs `chartkeep demo`.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let archive = args.dir.join("archive");
    if !archive.exists() {
        make(args, &archive).inspect_err(|_| eprintln!("To begin anew, remove {}.", args.dir.display()))?;
    }
    let passwords = passwords(&archive)?;
    println!("\nSign in with one of these (made up for this demo, and new at every start):\n");
    println!("  {:<10}  {:<24}  {:<10}  password", "name", "person", "role");
    for ((name, display, role), password) in PEOPLE.iter().zip(&passwords) {
        println!("  {name:<10}  {display:<24}  {role:<10}  {password}");
    }
    println!("\nThen look for a patient, for instance by the start of a family name or by a birth year.");
    if args.no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    serve::run(&serve::ServeArgs::plain(&archive, args.listen))
}

fn make(args: &DemoArgs, archive: &Path) -> anyhow::Result<()> {
    init::create(archive)?;
    let config = args.dir.join(CONFIG_FILE);
    if !config.exists() {
        durable::write_new(&config, CONFIG.as_bytes()).context("the demo's configuration cannot be written")?;
    }
    hospital::archive(args, archive)?;
    println!("Playing a day of work in it, so that the access log has something to tell…");
    day::play(&args.dir, archive)
}

/// New passwords for the demo's people.
fn passwords(archive: &Path) -> anyhow::Result<Vec<String>> {
    let register = BlockingRegister::open(&archive.join(REGISTER_FILE))?;
    let mut made = Vec::new();
    for (name, display_name, role) in PEOPLE {
        let password = generate_password()?;
        if register.account(name)?.is_none() {
            let account = NewAccount { name: name.into(), display_name: display_name.into(), roles: vec![role.into()] };
            register.add_account(&account, &password)?;
        } else {
            register.set_password(name, &password)?;
        }
        made.push(password.to_string());
    }
    Ok(made)
}
