//! What people come for: the most usual tasks of each role, from the first page after signing in to the result, by the words of the
//! pages alone, in a browser that runs scripts and in one that does not. A row is right when the page that it ends on says so.
//!
//! Not for: the way of a release (`releases`), or every page there is (`pages`).

use super::chrome::{Chrome, chrome, of};
use super::site::{Site, site};
use super::visitor::Step::{self, Click, Enter, Open, Pick, Tick, Type};
use super::visitor::Visitor;
use super::{demand, row};

pub struct Task {
    /// Part of whose account it is done under: `site-ROLE`.
    pub role: &'static str,
    pub what: &'static str,
    pub steps: &'static [Step],
    /// What the page at the end says.
    pub words: &'static [&'static str],
}

const fn task(role: &'static str, what: &'static str, steps: &'static [Step], words: &'static [&'static str]) -> Task {
    Task { role, what, steps, words }
}

const NAME: Step = Type("Name, birth date", "{family} {born}");
const CHART: Step = Click("Open chart of");

/// The tasks, in the order in which they are done: some build on those before.
#[rustfmt::skip]
pub static TASKS: &[Task] = &[
    task("clinician", "a patient by name and birth date", &[NAME, Enter],
        &["1 patient", "{family}, {given}", "{born}", "{mrn}", "Matched:"]),
    task("clinician", "a patient by an old number", &[Type("Name, birth date", "{mrn}"), Enter],
        &["1 patient", "{family}, {given}", "record number"]),
    task("clinician", "a chart at a glance", &[NAME, Enter, CHART],
        &["Born", "{mrn}", "Archive, read-only", "Type 2 diabetes mellitus", "metformin", "Hemoglobin A1c"]),
    task("clinician", "the last HbA1c and how it went", &[NAME, Enter, CHART, Click("Hemoglobin A1c")],
        &["Hemoglobin A1c", "8.6", "4.0–5.6", "2024-03-29"]),
    task("clinician", "all results, then the abnormal alone", &[NAME, Enter, CHART, Click("Results"), Click("Abnormal only")],
        &["Glucose", "189", "outside the range"]),
    task("clinician", "allergies with reaction and severity", &[Open("/patients/{allergic}"), Click("Allergies")],
        &["Allergies", "{substance}", "{reaction}", "Criticality"]),
    task("clinician", "medications as last known", &[NAME, Enter, CHART, Click("Medications")],
        &["metformin 500 mg tablet", "active at cutover", "2021-05-17"]),
    task("clinician", "the discharge summary of a stay", &[NAME, Enter, CHART, Click("Notes and documents"), Click("2015-08-28")],
        &["Discharge summary", "William Brookmore, MD", "2015-08-28", "Digest checked at opening"]),
    task("clinician", "a stay and its discharge note, by the timeline", &[NAME, Enter, CHART, Click("Timeline"), Click("2015"), Click("Hospital admission"), Click("Discharge summary")],
        &["Discharge summary", "William Brookmore, MD", "2015-08-28", "Digest checked at opening"]),
    task("clinician", "what belongs to a year's encounters", &[NAME, Enter, CHART, Click("Timeline")],
        &["Encounters by month", "newest first"]),
    task("clinician", "what was ordered", &[NAME, Enter, CHART, Click("Orders")],
        &["Orders", "newest first", "Completed"]),
    task("clinician", "words in the chart", &[NAME, Enter, CHART, Type("Words in this chart", "metformin"), Enter],
        &["Words in this chart", "metformin", "{family}"]),
    task("clinician", "where a record came from", &[NAME, Enter, CHART, Click("Problems"), Click("Type 2 diabetes mellitus")],
        &["Where it came from", "Delivered in", "SHA-256 of the original", "Accession"]),
    task("clinician", "an operation note on paper", &[NAME, Enter, CHART, Click("Notes and documents"), Click("Surgical operation note"), Click("2014-05-22"), Click("Print")],
        &["Not the certified record", "Surgical operation note"]),
    task("clinician", "restricted records in an emergency", &[Open("/patients/{restricted}"), Click("Open them in an emergency"),
            Tick("Serious and imminent threat"), Type("2. In your own words", "Found unresponsive, {how} scripts; nobody else knows the history."), Click("Open them for 60 minutes")],
        &["Restricted records are open until", "recorded under this use and reviewed"]),
    task("clinician", "and their end", &[Open("/patients/{restricted}"), Click("End now")],
        &["Some kinds of records are restricted here"]),
    task("clinician", "where one is signed in", &[Click("{account}"), Click("Where you are signed in")],
        &["Your sessions", "End this one"]),

    task("him", "words in all charts", &[Click("Search all charts"), Type("Words in notes", "metformin"), Enter],
        &["metformin", "born"]),
    task("him", "a patient for a request", &[NAME, Enter, CHART], &["{mrn}", "Summary"]),
    task("him", "the board of requests", &[Click("Releases")], &["Release requests", "New request"]),
    task("him", "the form of a request by a patient", &[Click("Releases"), Click("New request"), Tick("The patient's own access"), Click("Go on")],
        &["What this basis asks", "45 CFR 164.524"]),
    task("him", "the requests as a list by due date", &[Click("Releases"), Click("List")], &["Release requests"]),
    task("him", "what has ended", &[Click("Releases"), Click("Ended")], &["Release requests"]),
    task("him", "a request kept as a draft", &[Click("Releases"), Click("New request"), Tick("The patient's own access"), Click("Go on"),
            Type("Purpose, in the request’s words", "for {how} scripts"), Click("Keep as a draft")],
        &["Complete it"]),
    task("him", "a document for a request", &[NAME, Enter, CHART, Click("Notes and documents"), Click("2015-08-28")],
        &["Discharge summary", "Digest checked at opening"]),
    task("him", "where a record came from", &[NAME, Enter, CHART, Click("Problems"), Click("Type 2 diabetes mellitus")],
        &["Where it came from", "SHA-256 of the original"]),
    task("him", "patients who may be one person", &[Click("Identity review"), Click("{name-of-one}")],
        &["Are these two one person?", "Facts are not proof"]),
    task("him", "a pair put off", &[Click("Identity review"), Click("{name-of-one}"), Tick("Later"), Type("Reason", "Asked the desk, {how} scripts"), Click("Look once more"), Click("Yes, say so")],
        &["Identity review", "The pair was put off."]),
    task("him", "who put it off, and why", &[Click("Identity review"), Click("{name-of-one}")], &["Put off by", "Asked the desk, {how} scripts"]),

    task("compliance", "who saw this patient", &[Open("/access"), Type("Patient key in this archive", "{patient}"), Click("Show who looked")],
        &["By person and day", "Stated purpose", "site-clinician"]),
    task("compliance", "what this person saw", &[Open("/access"), Type("Account", "site-clinician"), Click("Show what was seen")],
        &["By patient and day", "{patient}"]),
    task("compliance", "an entry of the log in full", &[Open("/access?patient={patient}"), Click("entries of"), Click("s0000:")],
        &["What the entry says", "{patient}", "Stream"]),
    task("compliance", "accounting of disclosures", &[Open("/access/reports/patient?patient={patient}"), Click("Accounting of disclosures")],
        &["45 CFR 164.528"]),
    task("compliance", "how much was seen over time", &[Click("Volume")], &["How this is counted"]),
    task("compliance", "days that stand out", &[Open("/access"), Click("Days that stand out")],
        &["Charts opened by everybody, each day"]),
    task("compliance", "whether the log is whole", &[Click("Log integrity")], &["Streams", "Check it yourself"]),
    task("compliance", "what of a day is worth a look", &[Click("Worth a look")],
        &["The user's own chart", "A flag asks for a look and is no verdict"]),
    task("compliance", "a signal, its evidence, and a verdict on it", &[Click("Worth a look"), Type("What you found", "Spoke with her, {how} scripts."), Click("Explained")],
        &["Worth a look", "Spoke with her, {how} scripts.", "bits", "Save the evidence"]),
    task("compliance", "the signals beside what somebody did", &[Click("Worth a look"), Click("Elif Eklund-Test"), Click("signal")],
        &["The user's own chart", "Everybody of this day"]),
    task("compliance", "what was disclosed for one request", &[Open("/access/reports/disclosures?patient={patient}"), Type("Request number", "2026-0001"), Click("Show")],
        &["Only request 2026-0001", "this is not the whole accounting"]),
    task("compliance", "a long history in full", &[Open("/access/reports/patient?patient={patient}"), Pick("Written for", "Litigation"), Click("Show")],
        &["Each row is one entry", "Digest in the tree (SHA-256)"]),
    task("compliance", "the whole of a report on paper", &[Open("/access/reports/patient?patient={patient}"), Click("Print the whole")],
        &["The whole report", "What this report stands on"]),
    task("compliance", "uses of break-glass", &[Open("/access"), Click("Uses of break-glass")],
        &["not reviewed yet", "threat to life"]),
    task("compliance", "a verdict on one", &[Click("Break-glass reviews"), Click("Cora Castel-Test"), Tick("Needs information"),
            Type("Comment", "Asked the unit, {how} scripts."), Click("Record the verdict"), Click("Cora Castel-Test")],
        &["Asked the unit, {how} scripts.", "Needs information"]),
    task("compliance", "the whole list, for lay readers", &[Open("/access/reports/patient?patient={patient}"), Pick("Written for", "Lay readers"), Click("Show")],
        &["How to read this", "What this report stands on"]),
    task("compliance", "a report for lay people on paper", &[Open("/access?patient={patient}"), Click("Print report")],
        &["How to read this", "What this report stands on"]),

    task("reviewer", "every use, those with a verdict too", &[Click("All")], &["Break-glass reviews", "Cora Castel-Test"]),
    task("reviewer", "a verdict on a use", &[Click("Hugo Hwang-Test"), Tick("Needs information"), Type("Comment", "Asked the ward, {how} scripts."),
            Click("Record the verdict"), Click("Hugo Hwang-Test")],
        &["Asked the ward, {how} scripts.", "Needs information"]),
    task("reviewer", "one's own account", &[Click("{account}")], &["Your account", "Change password"]),
    task("reviewer", "the queue of reviews", &[Click("Break-glass reviews"), Click("Hugo Hwang-Test")],
        &["What was said", "Verdicts"]),

    task("archivist", "the accessions in force", &[Click("Accessions")], &["{accession}", "mer", "hbi"]),
    task("archivist", "whether all came in", &[Click("Accessions"), Click("{accession}")],
        &["Every record is accounted for", "Records read", "Quarantine", "Code mapping"]),
    task("archivist", "every file and its fate", &[Click("Accessions"), Click("{accession}"), Click("All files")], &["By file", "Encounter.ndjson"]),
    task("archivist", "what is in quarantine", &[Click("Accessions"), Click("{accession}"), Click("Work through them")],
        &["Quarantine", "Reason", "kept whole, byte for byte"]),
    task("archivist", "the form of an item in quarantine", &[Open("/accessions/{accession}/quarantine"), Click("ndjson item")],
        &["This is the item’s form, not its words", "As delivered"]),
    task("archivist", "codes that stand alone", &[Click("Accessions"), Click("{accession}"), Click("Codes that stand alone")],
        &["Code mapping", "By kind", "Save as CSV to fill in"]),
    task("archivist", "patients who may be one person", &[Click("Identity review"), Click("{name-of-one}")],
        &["Are these two one person?", "Facts are not proof"]),
    task("archivist", "a pair put off", &[Open("/identity/{one}/{other}"), Tick("Later"), Type("Reason", "Asked the ward, {how} scripts"), Click("Look once more"), Click("Yes, say so")],
        &["Identity review"]),
    task("archivist", "when all was last checked", &[Click("Fixity")], &["How to run one", "chartkeep verify"]),
    task("archivist", "who has an account", &[Click("Users")], &["site-clinician", "Programs"]),
    task("archivist", "what the policy permits", &[Click("Policy")], &["SHA-256 of its file", "Rules"]),
    task("archivist", "how the system stands", &[Click("System")], &["Keys", "Versions"]),
    task("admin", "how the system stands", &[Click("System")], &["Keys", "Versions"]),
    task("admin", "when all was last checked", &[Click("Fixity")], &["How to run one", "chartkeep verify"]),
    task("admin", "who has an account", &[Click("Users")], &["site-clinician", "Programs"]),
    task("admin", "what the policy permits", &[Click("Policy")], &["SHA-256 of its file", "Rules"]),
    task("archivist", "whether the sender's own counts agree", &[Click("Accessions"), Click("{accession}")],
        &["vendor’s counts agree", "✓ agrees", "synth-manifest.json"]),
    task("archivist", "one's own account", &[Click("{account}")], &["Your account", "Change password"]),
];

#[test]
fn the_usual_tasks_of_each_role_come_to_their_result_with_scripts_and_without() {
    let Some(chrome) = chrome() else { return };
    let (chrome, site) = (of(&chrome), site());
    let mut faults = Vec::new();
    let mut table = String::from("| who | what | clicks |\n| --- | --- | --- |\n");
    for scripts in [true, false] {
        for role in ["clinician", "him", "compliance", "reviewer", "archivist", "admin"] {
            chrome.let_scripts_run(scripts);
            let mut visitor = signed_in(&chrome, &site, role, if scripts { "with" } else { "without" });
            for task in TASKS.iter().filter(|task| task.role == role) {
                row(&mut faults, &format!("{role}, {} scripts: {}", if scripts { "with" } else { "without" }, task.what), || {
                    visitor.open("/");
                    visitor.clicks = 0;
                    visitor.follow(task.steps);
                    visitor.expect(task.words);
                    assert!(visitor.clicks <= CLICKS_MOST, "{} clicks", visitor.clicks);
                    if scripts {
                        table.push_str(&format!("| {role} | {} | {} |\n", task.what, visitor.clicks));
                    }
                });
            }
        }
    }
    println!("{table}");
    chrome.note("clicks.md", &table);
    demand(&faults);
}

/// Clicks that the longest of the usual tasks may take from the first page; what is ticked and chosen is one too.
const CLICKS_MOST: usize = 7;

/// What somebody new to it asks for first, and the clicks from the page after signing in to the answer; Enter in a field is one. They
/// stand in web/README.md too.
#[rustfmt::skip]
static CLICKS: &[(&str, &[Step], &[&str], usize)] = &[
    ("the trend of HbA1c", &[NAME, Enter, CHART, Click("Hemoglobin A1c")], &["Hemoglobin A1c", "4.0–5.6"], 3),
    ("the discharge summary of the last stay", &[NAME, Enter, CHART, Click("Discharge summary")], &["2015-08-28", "William Brookmore, MD"], 3),
    ("the discharge note of a given stay", &[NAME, Enter, CHART, Click("Timeline"), Click("2015"), Click("Hospital admission"), Click("Discharge summary")], &["2015-08-28", "William Brookmore, MD"], 6),
    ("that summary on paper", &[NAME, Enter, CHART, Click("Discharge summary"), Click("Print")], &["Not the certified record"], 4),
];

#[test]
fn what_is_asked_for_first_is_few_clicks_away() {
    let Some(chrome) = chrome() else { return };
    let (chrome, site) = (of(&chrome), site());
    let mut visitor = signed_in(&chrome, &site, "clinician", "with");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/web/README.md")).expect("it is there");
    for (what, steps, words, clicks) in CLICKS {
        visitor.open("/");
        visitor.clicks = 0;
        visitor.follow(steps);
        visitor.expect(words);
        assert_eq!(visitor.clicks, *clicks, "{what}");
        assert!(readme.contains(&format!("| {what} | {clicks} |")), "web/README.md does not say: {what}, {clicks} clicks");
    }
}

/// Somebody of a role, at the first page after signing in by the form.
pub fn signed_in<'c>(chrome: &'c Chrome, site: &Site, role: &'static str, how: &str) -> Visitor<'c> {
    let account = format!("site-{role}");
    let mut facts = site.facts.clone();
    facts.extend([("account", account), ("how", how.to_string())]);
    let mut visitor = Visitor::new(chrome, &site.server.address, &facts);
    chrome.forget_cookies();
    visitor.open("/signin");
    visitor.follow(&[Type("User name", "{account}"), Type("Password", "{password}"), Click("Sign in")]);
    visitor.expect(&["Sign out"]);
    visitor
}
