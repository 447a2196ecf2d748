//! The words of notes: what a clinician of this hospital would dictate about this visit.
//!
//! Not for: file formats and DocumentReference (`documents`).

use super::calendar::Day;
use super::chart::Chart;
use super::dice::Dice;
use super::story::{Visit, VisitKind};
use super::terms::{Course, DRUGS, TESTS};
use super::wordlist::{ADVICE, EXAM, FINDINGS, REMARKS};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoteKind {
    Progress,
    Discharge,
    Consult,
    Operative,
    Letter,
    Phone,
    Emergency,
}

impl NoteKind {
    /// (LOINC, title)
    pub fn code(self) -> (&'static str, &'static str) {
        match self {
            NoteKind::Progress => ("11506-3", "Progress note"),
            NoteKind::Discharge => ("18842-5", "Discharge summary"),
            NoteKind::Consult => ("11488-4", "Consultation note"),
            NoteKind::Operative => ("11504-8", "Surgical operation note"),
            NoteKind::Letter => ("51852-2", "Letter"),
            NoteKind::Phone => ("34748-4", "Telephone encounter note"),
            NoteKind::Emergency => ("34111-5", "Emergency department note"),
        }
    }
}

/// A note as headed paragraphs; the formats lay them out.
pub struct Note {
    pub kind: NoteKind,
    pub sections: Vec<(&'static str, String)>,
    /// A run of words without punctuation that occurs in the text.
    pub phrase: String,
}

impl Note {
    /// Plain text, Unix line ends.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(2000);
        for (heading, body) in &self.sections {
            text.push_str(heading);
            text.push('\n');
            text.push_str(body);
            text.push_str("\n\n");
        }
        text
    }
}

/// Writes the note of a visit. `marker` goes into restricted ones.
pub fn compose(chart: &mut Chart<'_>, visit: &Visit, kind: NoteKind, marker: Option<&str>) -> Note {
    let mut sections = vec![("SAINT ODILE REGIONAL HOSPITAL", heading(chart, visit, kind))];
    sections.push(("REASON FOR VISIT", reason(chart, visit)));
    if kind == NoteKind::Discharge {
        sections.push(("HOSPITAL COURSE", course(chart, visit)));
    }
    if kind == NoteKind::Operative {
        sections.push(("PROCEDURE", operation(chart)));
    }
    if kind != NoteKind::Phone && kind != NoteKind::Letter {
        sections.push(("EXAMINATION", examination(&mut chart.dice)));
    }
    // A note of a restricted visit speaks of its own problem only, and no other note speaks of that one.
    if visit.sensitivity.is_none() {
        sections.push(("PROBLEMS", problems(chart, visit.day())));
        sections.push(("RESULTS", results(chart, visit.day())));
    }
    sections.push(("MEDICATIONS", medications(chart, visit)));
    let phrase = remark(&mut chart.dice);
    let mut plan = plan(chart, visit);
    plan.push_str(&format!(" {phrase}."));
    if let Some(word) = marker {
        plan.push_str(&format!(" Confidential reference {word}."));
    }
    sections.push(("ASSESSMENT AND PLAN", plan));
    sections.push(("SIGNED", format!("{}, {}", chart.hospital.staff[visit.staff].signature(), visit.end().day.us())));
    Note { kind, sections, phrase }
}

fn heading(chart: &Chart<'_>, visit: &Visit, kind: NoteKind) -> String {
    let person = chart.person;
    format!(
        "{}\nPatient: {}   MRN: {}   Born: {}\nDate of service: {}",
        kind.code().1,
        person.full_name(),
        person.mrn,
        person.birth.us(),
        visit.day().us()
    )
}

fn age_text(chart: &Chart<'_>, day: Day) -> String {
    let years = chart.person.age_on(day);
    if years > 1 { format!("{years}-year-old") } else { format!("{}-month-old", chart.person.birth.until(day) / 30) }
}

fn reason(chart: &mut Chart<'_>, visit: &Visit) -> String {
    let who = format!(
        "{} is a {} {}",
        chart.person.nickname.unwrap_or(chart.person.given),
        age_text(chart, visit.day()),
        if chart.person.female { "female" } else { "male" }
    );
    match (visit.kind, visit.reason.map(|i| chart.problems[i].term)) {
        (VisitKind::Birth, _) => format!("{who} born here at term. Apgar 8 and 9. Feeding well, passed hearing screen."),
        (VisitKind::Delivery, _) => format!("{who} admitted in active labor at term; spontaneous delivery of a healthy infant."),
        (_, Some(term)) => format!(
            "{who} seen for {} ({}). Complains of {} {}.",
            term.name.to_lowercase(),
            term.icd,
            term.complaint,
            chart.dice.pick(&["since yesterday", "for three days", "for about two weeks", "on and off for months", "as before"])
        ),
        (_, None) => format!("{who} here for a routine check. No new complaints; sleeps and eats well."),
    }
}

fn examination(dice: &mut Dice) -> String {
    let first = dice.below(EXAM.len() as u64) as usize;
    let count = dice.between(3, 6) as usize;
    let lines: Vec<String> = (0..count)
        .map(|i| {
            let (one, two) = (*dice.pick_zipf(&FINDINGS), *dice.pick_zipf(&FINDINGS));
            fill(EXAM[(first + i) % EXAM.len()], one, two)
        })
        .collect();
    lines.join(" ")
}

/// Puts two words into the two gaps of a sentence.
fn fill(sentence: &str, one: &str, two: &str) -> String {
    sentence.replacen("{}", one, 1).replacen("{}", two, 1)
}

fn remark(dice: &mut Dice) -> String {
    // Only sentences without punctuation inside, so that the whole of one is a phrase.
    let plain = ["Patient reports that {} helps more than {}", "Family mentions {} as well as {}", "Will try {} before {}"];
    let (one, two) = (*dice.pick_zipf(&ADVICE), *dice.pick(&ADVICE));
    let sentence = *dice.pick(&plain);
    fill(sentence, one, two)
}

fn problems(chart: &Chart<'_>, day: Day) -> String {
    let lines: Vec<String> = chart
        .open_problems(day)
        .filter(|p| p.term.course == Course::Chronic)
        .map(|p| format!("- {} ({}), since {}", p.term.name, p.term.icd, p.onset.civil().0))
        .collect();
    if lines.is_empty() { "No chronic problems.".to_string() } else { lines.join("\n") }
}

fn results(chart: &Chart<'_>, day: Day) -> String {
    let recent = chart.latest.iter().rev().take_while(|l| l.day.until(day) < 400);
    let lines: Vec<String> = recent
        .filter(|l| l.flag != "N")
        .take(6)
        .map(|l| {
            let test = &TESTS[l.test];
            format!("{} {} {} ({}) on {}", test.name, l.value, test.unit, l.flag, l.day.us())
        })
        .collect();
    if lines.is_empty() { "Recent results unremarkable.".to_string() } else { lines.join("; ") + "." }
}

fn medications(chart: &Chart<'_>, visit: &Visit) -> String {
    let lines: Vec<String> = chart
        .medicines
        .iter()
        .filter(|m| m.sensitivity == visit.sensitivity)
        .filter(|m| DRUGS[m.drug].days == 0 || m.since.until(visit.day()) <= DRUGS[m.drug].days)
        .take(9)
        .map(|m| format!("- {} {}: {}", DRUGS[m.drug].name, DRUGS[m.drug].strength, DRUGS[m.drug].sig))
        .collect();
    if lines.is_empty() { "None.".to_string() } else { lines.join("\n") }
}

fn plan(chart: &mut Chart<'_>, visit: &Visit) -> String {
    let weeks = chart.dice.between(2, 26);
    let mut text = match visit.reason.map(|i| chart.problems[i].term) {
        Some(term) if term.course == Course::Acute => {
            format!("{}: treat as above, return if no better in {} days.", term.name, chart.dice.between(3, 10))
        }
        Some(term) => format!("{}: {}. Continue current treatment; review in {weeks} weeks.", term.name, {
            *chart.dice.pick(&["well controlled", "fairly controlled", "not yet at goal", "stable since last visit"])
        }),
        None => format!("Healthy. Next routine visit in {weeks} weeks."),
    };
    for _ in 0..chart.dice.between(1, 4) {
        let (one, two) = (*chart.dice.pick_zipf(&ADVICE), *chart.dice.pick_zipf(&ADVICE));
        text.push(' ');
        let sentence = *chart.dice.pick(&REMARKS);
        text.push_str(&fill(sentence, one, two));
    }
    text
}

fn course(chart: &mut Chart<'_>, visit: &Visit) -> String {
    let days = visit.minutes / 1440;
    let (one, two) = (*chart.dice.pick_zipf(&FINDINGS), *chart.dice.pick_zipf(&FINDINGS));
    format!(
        "Stayed {days} days. Day 1: {one}, observed on the ward. By the day of discharge {two}, walking without help, \
         eating a normal diet. Discharged {}.",
        visit.end().day.us()
    )
}

fn operation(chart: &mut Chart<'_>) -> String {
    let loss = chart.dice.between(1, 30) * 5;
    let finding = *chart.dice.pick_zipf(&FINDINGS);
    format!(
        "Time out performed, site marked. Anesthesia general. Findings: {finding}. Hemostasis secured, counts correct. \
         Estimated blood loss {loss} mL. No complications; to recovery in good condition."
    )
}
