//! A day of work in the demo's archive, so that its access log has something to tell: ordinary work by department, four
//! people whose acts are worth a look, two uses of break-glass that wait for their review.
//!
//! Every act goes through the gate as any reader's does, and stands in the log as what it is: done by this program in the
//! name of made-up people. Not for: real archives.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use jiff::ToSpan;

use super::WORKFORCE_FILE;
use crate::access::{BreakGlassGrant, Gate, Maintenance, Principal, Purpose, RequestContext, Role, Shown, entry};
use crate::audit::{BreakGlass, Entry};
use crate::commands::operator::Workplace;
use crate::config::Config;
use crate::durable;
use crate::model::{Kind, PatientIdentity, PatientKey};
use crate::query::{Archive, Selection};
use crate::register::{BlockingRegister, NewBreakGlass, reasons};
use crate::signing::KeyPurpose;

/// Departments of the played day, and people in each.
const DEPARTMENTS: usize = 3;
const PEOPLE: usize = 4;
/// Charts that one of them opens, and how many further on the list the next one begins: most charts are opened by several.
const CHARTS: usize = 10;
const FURTHER: usize = 3;
/// Records that one look shows.
const NEWEST: usize = 5;

const GIVEN: [&str; 12] = ["Ada", "Ben", "Cora", "Dev", "Elif", "Finn", "Gita", "Hugo", "Ines", "Jun", "Kaya", "Lior"];
const FAMILY: [&str; 12] = [
    "Abara-Test",
    "Brandt-Test",
    "Castel-Test",
    "Duarte-Test",
    "Eklund-Test",
    "Farkas-Test",
    "Gallo-Test",
    "Hwang-Test",
    "Iyer-Test",
    "Jansen-Test",
    "Kimura-Test",
    "Lowell-Test",
];

/// One patient, as far as the day needs him.
struct Known {
    key: PatientKey,
    identity: PatientIdentity,
    places: Vec<String>,
}

/// Somebody who works here.
struct Employee {
    user: String,
    given: String,
    family: String,
    department: String,
    /// What the file of the workforce says beside that: own chart, street, ZIP, phone, last day.
    more: [String; 5],
}

impl Employee {
    fn principal(&self) -> Principal {
        let name = format!("{} {}, RN", self.given, self.family);
        Principal::local(&self.user, &name, Role::Clinician, Purpose::Treat, &format!("demo-{}", self.user))
    }
}

/// Plays the day, and writes the files of the workforce and of the news that go with it.
pub(super) fn play(folder: &Path, archive_folder: &Path) -> anyhow::Result<()> {
    let workplace = Workplace::open(archive_folder)?;
    let config = Config::load(archive_folder)?;
    let archive = Archive::open(archive_folder, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
    let gate = workplace.gate()?;
    let patients = patients(&archive)?;
    let mut lists: BTreeMap<&str, Vec<&Known>> = BTreeMap::new();
    for patient in &patients {
        patient.places.iter().for_each(|place| lists.entry(place).or_default().push(patient));
    }
    let mut lists: Vec<(&str, Vec<&Known>)> = lists.into_iter().collect();
    lists.sort_by_key(|(name, list)| (std::cmp::Reverse(list.len()), name.to_string()));
    lists.truncate(DEPARTMENTS);
    let mut staff = hire(&lists);
    let mut desk = Desk { archive: &archive, gate: &gate, looks: 0 };
    for (number, employee) in staff.iter().enumerate() {
        let Some((_, list)) = lists.get(number / PEOPLE) else { continue };
        let first = number % PEOPLE * FURTHER;
        for patient in list.iter().cycle().skip(first).take(CHARTS.min(list.len())) {
            desk.look(&employee.principal(), &patient.key)?;
        }
    }
    let news = snoop(&mut desk, &mut staff, &patients)?;
    durable::write_new(&folder.join(WORKFORCE_FILE), sheet(&staff).as_bytes())
        .context("the demo's workforce cannot be written")?;
    let news = format!("patient,from,until\n{}", news.map(|key| format!("{key},,\n")).unwrap_or_default());
    durable::write_new(&folder.join(super::NEWS_FILE), news.as_bytes()).context("the demo's news list cannot be written")?;
    break_the_glass(&mut desk, &workplace, &staff, &patients)?;
    workplace.log.close();
    Ok(())
}

fn patients(archive: &Archive) -> anyhow::Result<Vec<Known>> {
    // Only whom somebody may look at is chosen here; the looks themselves ask the gate.
    let permit = Maintenance::for_command("signals");
    let mut all = Vec::new();
    archive.each_identity(&permit, &mut |key, identity, _| {
        all.push(Known { key: key.clone(), identity, places: Vec::new() });
    })?;
    all.sort_by(|a, b| a.key.cmp(&b.key));
    let mut visits = archive.visits(&permit)?;
    for patient in &mut all {
        for visit in visits.of(&patient.key)? {
            for place in visit.places.iter().take(1).map(ToString::to_string) {
                if !patient.places.contains(&place) {
                    patient.places.push(place);
                }
            }
        }
    }
    Ok(all)
}

fn hire(lists: &[(&str, Vec<&Known>)]) -> Vec<Employee> {
    let names = GIVEN.iter().zip(FAMILY).enumerate();
    let hired = names.filter_map(|(number, (given, family))| {
        let (department, _) = lists.get(number / PEOPLE)?;
        let user = family.split('-').next().unwrap_or(family).to_lowercase();
        let (given, family) = (given.to_string(), family.to_string());
        Some(Employee { user, given, family, department: department.to_string(), more: Default::default() })
    });
    hired.collect()
}

/// Four people look where their work does not lead them. Gives the patient of whom the news speak.
fn snoop(desk: &mut Desk<'_>, staff: &mut [Employee], patients: &[Known]) -> anyhow::Result<Option<PatientKey>> {
    let mut taken: Vec<&PatientKey> = Vec::new();
    let mut news = None;
    for (at, way) in [(1, "kin"), (4, "own"), (6, "news"), (9, "left")] {
        let Some(employee) = staff.get_mut(at) else { continue };
        // From the end of the list: the day's ordinary work is at its beginning.
        let stranger = patients.iter().rev().find(|patient| {
            let is_elsewhere = !patient.places.contains(&employee.department);
            let has_address = patient.identity.family.is_some() && !patient.identity.addresses.is_empty();
            is_elsewhere && has_address && patient.identity.deceased.is_none() && !taken.contains(&&patient.key)
        });
        let Some(patient) = stranger else { continue };
        taken.push(&patient.key);
        let (street, zip) = home(&patient.identity);
        match way {
            "kin" => {
                employee.family = patient.identity.family.clone().unwrap_or_default();
                employee.more = [String::new(), street, zip, String::new(), String::new()];
            }
            "own" => employee.more[0] = patient.key.to_string(),
            "left" => employee.more[4] = jiff::Zoned::now().date().checked_sub(20.days())?.to_string(),
            _ => news = Some(patient.key.clone()),
        }
        desk.look(&employee.principal(), &patient.key)?;
    }
    Ok(news)
}

/// Street and ZIP code of an address in one line.
fn home(identity: &PatientIdentity) -> (String, String) {
    let address = identity.addresses.first().map(String::as_str).unwrap_or_default();
    let street = address.split(',').next().unwrap_or_default().to_string();
    let zip = address.rsplit(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 5).unwrap_or_default();
    (street, zip.to_string())
}

/// As the site's own file would be written.
fn sheet(staff: &[Employee]) -> String {
    let mut text = String::from("user,given,surname,department,job,patient,street,zip,phone,until\n");
    for it in staff {
        let fields = [&it.user, &it.given, &it.family, &it.department, "nurse"].map(|field| format!("\"{field}\"")).join(",");
        text.push_str(&format!("{fields},{}\n", it.more.join(",")));
    }
    text
}

/// Where charts are opened.
struct Desk<'a> {
    archive: &'a Archive,
    gate: &'a Gate,
    looks: u64,
}

impl Desk<'_> {
    fn context(&mut self, path: &str) -> RequestContext {
        self.looks += 1;
        RequestContext {
            ip: Some("10.4.0.17".into()),
            user_agent: Some("chartkeep demo".into()),
            request_id: uuid::Uuid::now_v7().to_string(),
            method: "GET".into(),
            path: path.into(),
            applies_scopes: false,
        }
    }

    /// Opens a chart and shows a few records of it, to nobody: what counts is the entry.
    fn look(&mut self, who: &Principal, patient: &PatientKey) -> anyhow::Result<()> {
        let context = self.context(&format!("/patients/{patient}"));
        let permit = self.gate.ask(who, self.archive.chart_scope(patient), context)?;
        let kinds = ["Patient", "Condition", "MedicationRequest"].into_iter().filter_map(Kind::from_name).collect();
        let chart = self.archive.chart(&permit, patient, &Selection { kinds, newest: Some(NEWEST) })?;
        let mut shown = Shown { event: "record.read", patients: vec![patient.clone()], ..Shown::default() };
        for record in &chart.records {
            shown.places.push(record.place.clone());
            shown.label = shown.label.union(record.label);
            if !shown.kinds.contains(&record.kind) {
                shown.kinds.push(record.kind);
            }
        }
        permit.answer((), shown)?;
        Ok(())
    }
}

const REASONS: [&str; 2] = [
    "Came in unresponsive; the medication history cannot be had any other way.",
    "Asked by the covering physician to look up an earlier consultation before the visit.",
];

/// Two people open what is restricted; nobody has reviewed it yet.
fn break_the_glass(desk: &mut Desk<'_>, workplace: &Workplace, staff: &[Employee], patients: &[Known]) -> anyhow::Result<()> {
    let register = workplace.register()?;
    let mut left = REASONS.iter();
    let mut people = staff.iter().skip(2).step_by(5);
    for patient in patients.iter().skip(patients.len() / 3) {
        if left.len() == 0 {
            break;
        }
        let Some(employee) = people.clone().next() else { break };
        let who = employee.principal();
        let scope = desk.archive.chart_scope(&patient.key);
        let context = desk.context(&format!("/patients/{}/break-glass", patient.key));
        let offered = desk.gate.break_glass_offer(&who, &scope, &context).unwrap_or_default();
        let Some(reason) = reasons().iter().find(|reason| !reason.medical_emergency && reason.opened_of(offered).is_restricted())
        else {
            continue;
        };
        let Some(text) = left.next() else { break };
        people.next();
        use_once(
            desk,
            workplace,
            &register,
            &who,
            NewBreakGlass {
                issuer: who.issuer.clone(),
                subject: who.subject.clone(),
                name: who.name.clone(),
                role: who.role.name().into(),
                session: who.session.clone().unwrap_or_default(),
                patients: scope.patients().to_vec(),
                classes: reason.opened_of(offered),
                reason_code: reason.code.clone(),
                reason_text: (*text).into(),
                emergency: None,
            },
        )?;
    }
    Ok(())
}

/// As the server does it: a row that opens nothing, the durable entry, the use, a look under it, its end.
fn use_once(
    desk: &mut Desk<'_>,
    workplace: &Workplace,
    register: &BlockingRegister,
    who: &Principal,
    new: NewBreakGlass,
) -> anyhow::Result<()> {
    let Ok(begun) = register.begin_break_glass(new)? else { return Ok(()) };
    let Some(patient) = begun.patients.first().cloned() else { return Ok(()) };
    let context = desk.context(&format!("/patients/{patient}/break-glass"));
    let expires = jiff::Timestamp::from_second(begun.expires).ok().map(|at| at.to_string());
    let start = Entry {
        patients: begun.patients.clone(),
        purpose: Some(Purpose::BreakGlass.code()),
        break_glass: Some(BreakGlass {
            id: begun.id.clone(),
            reason_code: begun.reason_code.clone(),
            reason_text: Some(begun.reason_text.clone()),
            expires,
        }),
        ..entry("btg.start", who, &context)
    };
    workplace.log.append(start)?;
    register.confirm_break_glass(&begun.id)?;
    let grant = BreakGlassGrant {
        id: begun.id.clone(),
        patients: begun.patients.clone(),
        classes: begun.classes,
        reason_code: begun.reason_code.clone(),
        expires: begun.expires,
    };
    let under = Principal { grants: vec![grant], ..who.clone() };
    desk.look(&under, &patient)?;
    register.stop_break_glass(&begun.id, "ended-by-user")?;
    Ok(())
}
