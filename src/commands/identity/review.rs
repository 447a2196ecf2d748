//! Looking at who is who: `list`, `show`, and likely duplicates with `candidates`.
//!
//! Not for: changing anything. What is listed is logged like any other look into the archive.

use std::path::PathBuf;
use std::process::ExitCode;

use ahash::AHashMap;
use serde_json::{Value, json};

use super::{Desk, key, keys_of, words};
use crate::access::Shown;
use crate::identity::{self, Candidate, Conflict, Features, weights};
use crate::index::identity_of;
use crate::model::{Kind, Label, PatientIdentity, PatientKey, Place};
use crate::statements;

/// List people with several patient keys, or what cannot be right
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep identity list archive
  chartkeep identity list archive --conflicts")]
pub struct ListArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Only what cannot be right: merges in a circle or into two, one person who is said to be two, groups too large
    #[arg(long)]
    conflicts: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// A patient key: the last part of a chart's address
    key: String,
}

/// List pairs of patients who may be one person, the likeliest first; nothing is linked
///
/// A pair is scored by names (also swapped, nicknames, sound), birth date (also transposed), sex, address, phone and the
/// last four digits of the social security number: the sum of the weights in bits, as schemas/identity-weights.toml has
/// them. Pairs that are linked, or were said to be two people, are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep identity candidates archive
  chartkeep identity candidates archive --min-score 28 --json")]
pub struct CandidatesArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Least score that is listed, in bits [default: as in the table of weights]
    #[arg(long, value_name = "BITS")]
    min_score: Option<f64>,
    /// Most pairs that are listed
    #[arg(long, default_value_t = 200)]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.archive)?;
    let conflicts = desk.resolver.conflicts();
    let people: Vec<&[PatientKey]> = if args.conflicts { Vec::new() } else { desk.resolver.groups().collect() };
    let mut named: Vec<PatientKey> = people.iter().flat_map(|keys| keys.iter().cloned()).collect();
    named.extend(conflicts.iter().flat_map(|conflict| conflict_keys(conflict).into_iter().cloned()));
    desk.looked_at("identity list", &named)?;
    desk.workplace.log.close();
    if args.json {
        let people: Vec<Vec<&str>> = people.iter().map(|keys| keys.iter().map(PatientKey::as_str).collect()).collect();
        let conflicts: Vec<Value> = conflicts
            .iter()
            .map(|conflict| {
                let keys: Vec<&str> = conflict_keys(conflict).into_iter().map(PatientKey::as_str).collect();
                json!({"what": conflict_words(conflict), "keys": keys})
            })
            .collect();
        println!("{}", json!({"people": people, "conflicts": conflicts}));
        return Ok(ExitCode::SUCCESS);
    }
    for keys in &people {
        println!("{}", keys.iter().map(PatientKey::as_str).collect::<Vec<_>>().join("  "));
    }
    for conflict in &conflicts {
        let keys: Vec<&str> = conflict_keys(conflict).into_iter().map(PatientKey::as_str).collect();
        println!("Look at this: {}: {}", conflict_words(conflict), keys.join(" "));
    }
    println!("{} people with several keys; {} things to look at.", desk.resolver.groups().count(), conflicts.len());
    Ok(ExitCode::SUCCESS)
}

fn conflict_keys(conflict: &Conflict) -> Vec<&PatientKey> {
    match conflict {
        Conflict::MergedTwice(key) | Conflict::MergedInACircle(key) | Conflict::TooMany(key, _) => vec![key],
        Conflict::ApartAndTogether(a, b) => vec![a, b],
    }
}

fn conflict_words(conflict: &Conflict) -> String {
    match conflict {
        Conflict::MergedTwice(_) => "merged into several".into(),
        Conflict::MergedInACircle(_) => "merges lead back to it".into(),
        Conflict::ApartAndTogether(..) => "said to be two people, and one through others".into(),
        Conflict::TooMany(_, count) => format!("one of {count} linked keys, too many for one person; they are shown apart"),
    }
}

pub fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.archive)?;
    let asked = key(&args.key)?;
    let keys = desk.resolver.person(&asked);
    desk.looked_at("identity show", &keys)?;
    desk.workplace.log.close();
    for key in &keys {
        let is_here = desk.archive.kinds_of(&key.0).contains(&Kind::PATIENT);
        let state = if desk.resolver.is_retired(key) { ", retired" } else { "" };
        println!("{key}{state}{}", if is_here { "" } else { ", not in this archive" });
        desk.resolver.reasons(key).iter().for_each(|reason| println!("  {reason}"));
    }
    let survivor = desk.resolver.survivor(&asked);
    if survivor != asked {
        println!("{asked} lives on as {survivor}.");
    }
    println!("All that was said of them, oldest first:");
    for made in statements::read(&args.archive)? {
        let named = keys_of(&made.statement);
        if keys.iter().any(|key| named.contains(&key.as_str())) {
            let day = made.at.strftime("%Y-%m-%d %H:%M");
            println!("  {day}  {}  ({} in {}:{})", words(&made.statement), made.by.1, made.stream, made.seq);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the list says of one patient.
struct Known {
    identity: PatientIdentity,
    source_system: std::sync::Arc<str>,
    place: Place,
    label: Label,
}

pub fn candidates(args: &CandidatesArgs) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.archive)?;
    let permit = desk.ask_for_patients("identity candidates")?;
    let (mut features, mut known) = (Vec::new(), AHashMap::new());
    desk.archive.each_patient(&permit, &mut |key, record| {
        let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
        let identity = identity_of(&json);
        features.push(Features::of(key, &identity, &json));
        let (source_system, place, label) = (record.source_system.clone(), record.place.clone(), record.label);
        known.insert(key.clone(), Known { identity, source_system, place, label });
    })?;
    let least = args.min_score.unwrap_or(weights().review);
    let mut found = identity::candidates(&features, &desk.resolver, least);
    let total = found.pairs.len();
    found.pairs.truncate(args.limit);

    let mut keys: Vec<PatientKey> = found.pairs.iter().flat_map(|pair| [pair.a.clone(), pair.b.clone()]).collect();
    keys.sort_unstable();
    keys.dedup();
    let listed: Vec<&Known> = keys.iter().filter_map(|key| known.get(key)).collect();
    let shown = Shown {
        event: "identity.reviewed",
        places: listed.iter().map(|known| known.place.clone()).collect(),
        label: listed.iter().fold(Label::NORMAL, |label, known| label.union(known.label)),
        kinds: if listed.is_empty() { Vec::new() } else { vec![Kind::PATIENT] },
        hits: Some(total as u64),
        query: Some(format!("candidates of {least} bits and more")),
        patients: keys,
    };
    let pairs = permit.answer(found.pairs, shown)?.into_inner();
    desk.workplace.log.close();
    let side = |key: &PatientKey| known.get(key).map_or_else(String::new, in_words);
    if args.json {
        let pairs: Vec<Value> = pairs.iter().map(|pair| pair_json(pair, &side)).collect();
        println!("{}", json!({"patients": features.len(), "compared": found.compared, "total": total, "pairs": pairs}));
        return Ok(ExitCode::SUCCESS);
    }
    for pair in &pairs {
        println!("{:5.1}  {}  {}", pair.score, pair.a, side(&pair.a));
        println!("       {}  {}", pair.b, side(&pair.b));
        let agreements: Vec<String> =
            pair.agreements.iter().map(|a| format!("{} {} {:+.1}", a.field, a.level, a.weight)).collect();
        println!("       {}", agreements.join("; "));
    }
    println!("{total} pairs of {least} bits and more among {} patients; {} compared.", features.len(), found.compared);
    if found.large_blocks > 0 {
        println!("{} groups are so large that only neighbours in them were compared.", found.large_blocks);
    }
    println!("Nothing was linked. Say what they are with `identity link` or `identity not-same`.");
    Ok(ExitCode::SUCCESS)
}

fn in_words(known: &Known) -> String {
    let identity = &known.identity;
    let or_missing = |text: Option<&str>| text.unwrap_or("not recorded").to_string();
    format!(
        "{}, {}; born {}; {}; {}",
        or_missing(identity.family.as_deref()),
        identity.given.join(" "),
        or_missing(identity.birth_date.as_ref().map(|born| born.date_text())),
        or_missing(identity.sex.as_deref()),
        known.source_system
    )
}

fn pair_json(pair: &Candidate, side: &dyn Fn(&PatientKey) -> String) -> Value {
    let agreements: Vec<Value> =
        pair.agreements.iter().map(|a| json!({"field": a.field, "level": a.level, "bits": a.weight})).collect();
    json!({
        "score": pair.score,
        "a": {"key": pair.a.as_str(), "patient": side(&pair.a)},
        "b": {"key": pair.b.as_str(), "patient": side(&pair.b)},
        "agreements": agreements,
    })
}
