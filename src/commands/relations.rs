//! `chartkeep relations`: the list of who cares for whom, for a policy that asks for a care relation.
//!
//! Not for: what a relation opens (`access::policy`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use crate::access::{Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::config::Config;
use crate::identity::{self, Crosswalk, DelimitedRows, Known, Status};
use crate::limits::RELATIONS_BYTES_MAX;
use crate::model::{Kind, PatientKey, Precision, When, hex};
use crate::query::Archive;
use crate::register::{BlockingRegister, CareRelation};
use crate::signing::KeyPurpose;

use super::DONE_WITH_FINDINGS;
use super::operator::{Workplace, operator_entry, operator_name};

const DAY_S: i64 = 86_400;
/// Rows of a kind of trouble that are listed by number.
const ROWS_SHOWN: usize = 20;

/// Import who cares for whom.
#[derive(Debug, clap::Args)]
pub struct RelationsArgs {
    #[command(subcommand)]
    action: RelationsAction,
}

#[derive(Debug, clap::Subcommand)]
enum RelationsAction {
    Import(ImportArgs),
}

/// Import the list of care relations; it takes the place of the one before.
///
/// A delimited text with a heading. Columns: user (the account, or the subject that an identity provider names); patient; from
/// and to, the first and the last day, either may be empty; if there, issuer (the provider's URL; local accounts without one)
/// and authority (the source system or namespace of the patient's number; without it, patient is the key of the chart's
/// address). Only a policy with `relation` or `unless_relation` looks at it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep relations import archive care-team.csv

Exit codes: 0 done, 1 done and some rows were not used, 2 refused or failed.")]
struct ImportArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The list
    file: PathBuf,
}

/// Runs `chartkeep relations`.
pub fn run(args: &RelationsArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        RelationsAction::Import(args) => import(args),
    }
}

/// One row as written.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    number: u64,
    user: String,
    issuer: String,
    patient: String,
    authority: String,
    begins: i64,
    ends: i64,
}

type Troubles = BTreeMap<&'static str, Vec<u64>>;

fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let named = || args.file.display().to_string();
    let size = std::fs::metadata(&args.file).with_context(named)?.len();
    ensure!(size <= RELATIONS_BYTES_MAX, "a list of more than {RELATIONS_BYTES_MAX} bytes is not read");
    let bytes = std::fs::read(&args.file).with_context(named)?;
    let (rows, mut troubles) = read(&bytes)?;
    let workplace = Workplace::open(&args.archive)?;
    let patients = patients(&workplace, args, &rows, &mut troubles)?;
    let register = workplace.register()?;
    let mut relations = Vec::with_capacity(patients.len());
    for (row, patient) in patients {
        relations.push(relation(&register, row, &patient)?);
    }
    let name = args.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let detail = vec![
        ("file", name),
        ("sha256", hex(&Sha256::digest(&bytes))),
        ("relations", relations.len().to_string()),
        ("rows_not_used", troubles.values().map(Vec::len).sum::<usize>().to_string()),
    ];
    workplace.log.append(operator_entry("relation.imported", Role::Him, "relations import", detail))?;
    let count = register.replace_care_relations(&relations)?;
    workplace.log.close();
    println!("{count} care relations are in force; the list before is gone.");
    for (trouble, rows) in &troubles {
        let listed: Vec<String> = rows.iter().take(ROWS_SHOWN).map(u64::to_string).collect();
        let more = if rows.len() > ROWS_SHOWN { ", …" } else { "" };
        println!("  {} not used, {trouble}: rows {}{more}", rows.len(), listed.join(", "));
    }
    Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

/// The rows that can be read, and the numbers of those that cannot.
fn read(bytes: &[u8]) -> anyhow::Result<(Vec<Row>, Troubles)> {
    let mut table = DelimitedRows::of(bytes);
    let heading = table.next().context("the list is empty")?;
    let plain: Vec<String> = heading.iter().map(|name| name.trim().to_lowercase()).collect();
    let place = |name: &str| plain.iter().position(|heading| heading == name);
    let needed = |name: &str| place(name).with_context(|| format!("the heading has no column {name}"));
    let (user, patient, from, to) = (needed("user")?, needed("patient")?, needed("from")?, needed("to")?);
    let (issuer, authority) = (place("issuer"), place("authority"));
    let (mut rows, mut troubles) = (Vec::new(), Troubles::new());
    for (number, cells) in (2..).zip(table) {
        let cell = |at: usize| cells.get(at).map_or("", |cell| cell.trim());
        let or_empty = |at: Option<usize>| at.map_or("", cell).to_string();
        let times = begin_of(cell(from)).zip(end_of(cell(to)));
        match times {
            _ if cell(user).is_empty() || cell(patient).is_empty() => {
                troubles.entry("user or patient is missing").or_default().push(number);
            }
            Some((begins, ends)) if begins < ends => rows.push(Row {
                number,
                user: cell(user).into(),
                issuer: Some(or_empty(issuer)).filter(|issuer| !issuer.is_empty()).unwrap_or_else(|| "local".into()),
                patient: cell(patient).into(),
                authority: or_empty(authority),
                begins,
                ends,
            }),
            _ => troubles.entry("from and to are no days, YYYY-MM-DD, one after the other").or_default().push(number),
        }
    }
    Ok((rows, troubles))
}

/// Unix seconds at which a day begins; a time is taken as it is, an empty text as always.
fn begin_of(text: &str) -> Option<i64> {
    if text.is_empty() { Some(i64::MIN) } else { moment(text).map(|(seconds, _)| seconds) }
}

/// Unix seconds at which a day is over, for ever when empty.
fn end_of(text: &str) -> Option<i64> {
    if text.is_empty() { Some(i64::MAX) } else { moment(text).map(|(seconds, is_day)| seconds + if is_day { DAY_S } else { 0 }) }
}

fn moment(text: &str) -> Option<(i64, bool)> {
    let when = When::parse(text)?;
    let is_day = when.precision() == Precision::Day;
    let is_exact = is_day || when.offset_min().is_some();
    is_exact.then(|| (when.start_us().div_euclid(1_000_000), is_day))
}

/// The patient of each row. Numbers of a source are looked up among all patients, which is logged; keys only have to be there.
fn patients<'r>(
    workplace: &Workplace,
    args: &ImportArgs,
    rows: &'r [Row],
    troubles: &mut Troubles,
) -> anyhow::Result<Vec<(&'r Row, PatientKey)>> {
    let config = Config::load(&args.archive)?;
    let archive = Archive::open(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
    let crosswalk_row = |row: &Row| identity::Row {
        number: row.number,
        local: row.patient.clone(),
        authority: row.authority.clone(),
        enterprise: String::new(),
        status: Status::Active,
    };
    let by_number =
        Crosswalk { rows: rows.iter().filter(|row| !row.authority.is_empty()).map(crosswalk_row).collect(), bad: vec![] };
    let mut known = Known::new(&by_number);
    if !by_number.rows.is_empty() {
        let principal = Principal::operator(&operator_name(), Role::Him, Purpose::RecordManagement);
        let context = RequestContext {
            request_id: uuid::Uuid::now_v7().to_string(),
            method: "CLI".into(),
            path: "relations import".into(),
            ..RequestContext::default()
        };
        let permit = workplace.gate()?.ask(&principal, Scope::IdentityReview, context)?;
        let mut count = 0;
        archive.each_patient(&permit, &mut |key, record| {
            count += 1;
            known.add(key, &record.source_system, &record.original_id, &serde_json::from_str(&record.json).unwrap_or_default());
        })?;
        // Read and not shown: only keys come out of it.
        permit.answer((), Shown { event: "identity.reviewed", hits: Some(count), ..Shown::default() })?;
    }
    let mut found = Vec::new();
    for row in rows {
        let patient = if row.authority.is_empty() {
            let key = PatientKey::parse(&row.patient).filter(|key| archive.kinds_of(&key.0).contains(&Kind::PATIENT));
            key.ok_or("no patient of the archive has this key")
        } else {
            known.find(&crosswalk_row(row)).cloned().map_err(|trouble| trouble.words())
        };
        match patient {
            Ok(patient) => found.push((row, patient)),
            Err(words) => troubles.entry(words).or_default().push(row.number),
        }
    }
    Ok(found)
}

fn relation(register: &BlockingRegister, row: &Row, patient: &PatientKey) -> anyhow::Result<CareRelation> {
    // Upper and lower case of a local account's name are the same; the session has it as it was registered.
    let account = if row.issuer == "local" { register.account(&row.user)? } else { None };
    Ok(CareRelation {
        issuer: row.issuer.clone(),
        subject: account.map_or_else(|| row.user.clone(), |account| account.name),
        patient: patient.to_string(),
        begins: row.begins,
        ends: row.ends,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_their_days_and_bad_ones_are_numbered() {
        let text = "\u{feff}User;Patient;From;To;Issuer;Authority\nann;mer.1;2020-01-01;2020-01-02;;\n\
                    bob;100;;;https://idp.example;mer\n;mer.1;;;;\ncas;mer.2;2020-01-02;2020-01-01;;\ndan;mer.2;2020;;;\n\
                    eve;mer.3;2020-01-01T10:00:00;;;\nfay;mer.3;2020-01-01T10:00:00Z;2020-01-01T10:00:01Z;;\n";
        let (rows, troubles) = read(text.as_bytes()).unwrap();
        let day = 1_577_836_800;
        let times: Vec<(&str, i64, i64)> = rows.iter().map(|row| (row.user.as_str(), row.begins, row.ends)).collect();
        assert_eq!(times, [("ann", day, day + 2 * DAY_S), ("bob", i64::MIN, i64::MAX), ("fay", day + 36_000, day + 36_001)]);
        assert_eq!((rows[0].issuer.as_str(), rows[1].issuer.as_str()), ("local", "https://idp.example"));
        assert_eq!((rows[0].authority.as_str(), rows[1].authority.as_str()), ("", "mer"));
        assert_eq!(troubles.values().flatten().copied().collect::<std::collections::BTreeSet<u64>>(), [4, 5, 6, 7].into());
        assert!(read(b"").is_err() && read(b"user,patient,from").unwrap_err().to_string().contains("column to"));
    }
}
