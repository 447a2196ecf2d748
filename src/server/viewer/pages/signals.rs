//! Signs of snooping of one day: each flag with its evidence in words. Keys, never content.
//!
//! Not for: finding them (`oversight`).

use std::collections::BTreeMap;

use askama::Template;
use jiff::tz::TimeZone;

use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::log_status::local;
use super::super::table::Paging;
use super::super::text;
use super::render;
use crate::oversight::UserId;
use crate::oversight::signals::{Findings, Flag};
use crate::oversight::verdicts::{Signal, VERDICTS, Verdict};

/// One page of the flags of a day.
pub struct SignalsPage<'a> {
    pub findings: &'a Findings,
    pub verdicts: &'a BTreeMap<Signal, Vec<Verdict>>,
    /// Whom alone it is about.
    pub only: Option<&'a UserId>,
    /// Who reads: nobody judges his own acts.
    pub reader: UserId,
    pub zone: TimeZone,
    /// `YYYY-MM-DD`.
    pub day: &'a str,
    pub offset: usize,
    pub page_size: usize,
}

/// One person of the list with all that is flagged of his day.
struct Person {
    rank: usize,
    who: String,
    job: String,
    href: String,
    /// In a word how unusual the most unusual of it is.
    strength: &'static str,
    day: String,
    flags: Vec<Shown>,
}

struct Shown {
    /// `None`: the day as a whole.
    patient: Option<(String, String)>,
    fact: String,
    score: String,
    lines: Vec<Line>,
    given: Vec<Given>,
    /// Saves the entries behind it with their proofs.
    evidence: String,
    /// What the form sends along: account, issuer, and whether this reader may judge.
    user: String,
    issuer: String,
    id: String,
    is_open: bool,
    may_judge: bool,
}

/// A verdict that was given.
struct Given {
    words: String,
    tone: &'static str,
    by: String,
    at: String,
    comment: String,
}

struct Line {
    bits: String,
    words: String,
    is_against: bool,
}

#[derive(Template)]
#[template(path = "signals.html")]
struct Page<'a> {
    frame: &'a Frame,
    day: &'a str,
    fact: String,
    open: usize,
    choices: &'static [(&'static str, &'static str)],
    people: Vec<Person>,
    paging: Paging,
    only: bool,
}

/// Bits from which on a flag is strong, and those from which on it is clear.
const STRONG: f64 = 20.0;
const CLEAR: f64 = 15.0;

pub fn signals(frame: &Frame, ask: &SignalsPage<'_>) -> String {
    let found = ask.findings;
    let size = ask.page_size.max(1);
    let total = found.people().count() as u64;
    let is_asked = |flags: &[Flag]| ask.only.is_none_or(|only| flags.iter().any(|flag| flag.user == *only));
    let numbered = found.people().enumerate().filter(|(_, flags)| is_asked(flags)).skip(ask.offset).take(size);
    let people: Vec<Person> = numbered.filter_map(|(at, flags)| person(at + 1, flags, ask)).collect();
    let is_open = |flag: &&Flag| ask.last_of(flag).is_none_or(Verdict::is_open);
    render(Page {
        frame,
        day: ask.day,
        open: found.flags.iter().filter(is_open).count(),
        choices: &VERDICTS,
        fact: format!(
            "{} of {} who worked in the archive that day, out of {}",
            text::counted(total, "person", "people"),
            text::count(found.users),
            text::counted(found.acts, "act", "acts"),
        ),
        paging: match ask.only {
            Some(_) => Paging::default(),
            None => Paging::of(ask.offset, people.len(), total, false, |p| format!("/signals?day={}&page={p}", ask.day), size),
        },
        only: ask.only.is_some(),
        people,
    })
}

impl SignalsPage<'_> {
    fn given(&self, flag: &Flag) -> &[Verdict] {
        self.verdicts.get(&(flag.user.clone(), flag.patient.clone())).map_or(&[], Vec::as_slice)
    }

    fn last_of(&self, flag: &Flag) -> Option<&Verdict> {
        self.given(flag).last()
    }
}

fn person(rank: usize, flags: &[Flag], ask: &SignalsPage<'_>) -> Option<Person> {
    let flag = flags.first()?;
    let (issuer, subject) = (url_part(&flag.user.issuer), url_part(&flag.user.subject));
    let name = if flag.user_name.is_empty() { &flag.user.subject } else { &flag.user_name };
    Some(Person {
        rank,
        who: name.clone(),
        job: flag.job.clone(),
        href: format!("/access/people?issuer={issuer}&user={subject}&from={day}&to={day}", day = flag.date),
        strength: match flag.score {
            score if score >= STRONG => "strong",
            score if score >= CLEAR => "clear",
            _ => "possible",
        },
        day: text::counted(u64::from(flag.charts), "chart opened that day", "charts opened that day"),
        flags: flags.iter().enumerate().map(|(at, flag)| shown(flag, ask, format!("{rank}-{at}"))).collect(),
    })
}

fn shown(flag: &Flag, ask: &SignalsPage<'_>, id: String) -> Shown {
    let at = |micros: i64| {
        jiff::Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |at| at.strftime("%H:%M").to_string())
    };
    let acts = text::counted(u64::from(flag.acts), "act", "acts");
    let (first, last) = (at(flag.first), at(flag.last));
    let when = if first == last { format!("at {first}") } else { format!("{first} to {last}") };
    Shown {
        patient: flag.patient.as_ref().map(|key| (key.to_string(), format!("/access?patient={key}"))),
        fact: format!("{acts}, {when} UTC"),
        score: format!("{:.1}", flag.score),
        lines: flag.evidence.iter().map(line).collect(),
        evidence: evidence_href(flag),
        given: ask.given(flag).iter().map(|verdict| given(verdict, &ask.zone)).collect(),
        user: flag.user.subject.clone(),
        issuer: flag.user.issuer.clone(),
        id,
        is_open: ask.last_of(flag).is_none_or(Verdict::is_open),
        may_judge: ask.reader != flag.user,
    }
}

/// Everything of this person and day, about this patient when it is about one, and what was found about the signal.
fn evidence_href(flag: &Flag) -> String {
    let patient = flag.patient.as_ref().map(|key| format!("&patient={}", url_part(key.as_str()))).unwrap_or_default();
    let (user, issuer) = (url_part(&flag.user.subject), url_part(&flag.user.issuer));
    format!("/access/export?form=evidence&signal=1&from={day}&to={day}&user={user}&issuer={issuer}{patient}", day = flag.date)
}

fn given(verdict: &Verdict, zone: &TimeZone) -> Given {
    let tone = match verdict.verdict.as_str() {
        "explained" => "good",
        "followed-up" => "alert",
        _ => "caution",
    };
    Given {
        words: verdict.words().to_string(),
        tone,
        by: verdict.by.clone(),
        at: local(verdict.at, zone),
        comment: verdict.comment.clone(),
    }
}

fn line(evidence: &crate::oversight::signals::Evidence) -> Line {
    let is_against = evidence.bits < 0.0;
    let sign = if is_against { "−" } else { "+" };
    Line { bits: format!("{sign}{:.1}", evidence.bits.abs()), words: evidence.words.clone(), is_against }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PatientKey;
    use crate::oversight::UserId;
    use crate::oversight::signals::{Evidence, Sign};

    #[test]
    fn a_flag_is_shown_with_its_evidence_and_what_users_wrote_is_harmless() {
        let evidence = |sign, bits: f64, words: &str| Evidence { sign: Some(sign), bits, words: words.into() };
        let flag = Flag {
            user: UserId { issuer: "https://id.example".into(), subject: "u&1".into() },
            user_name: "<b>Ann</b>".into(),
            job: "nurse".into(),
            patient: PatientKey::parse("mer.7"),
            date: jiff::civil::date(2026, 3, 17),
            score: 12.34,
            evidence: vec![
                evidence(Sign::Surname, 8.0, "Same surname as the user; 3 of 500,000 patients have it"),
                evidence(Sign::Alone, -2.5, "Others of the user's department opened the chart as well"),
            ],
            first: 0,
            last: 3_600_000_000,
            acts: 3,
            charts: 9,
        };
        let findings = Findings { flags: vec![flag], acts: 1_000_000, users: 2000, pairs: 80_000, left_out: 0 };
        let signal = (UserId { issuer: "https://id.example".into(), subject: "u&1".into() }, PatientKey::parse("mer.7"));
        let comment = "Asked <b>her</b>".to_string();
        let asked = Verdict { by: "Kim".into(), verdict: "needs-information".into(), comment, ..Verdict::default() };
        let given = BTreeMap::from([(signal, vec![asked])]);
        let reader = UserId { issuer: "local".into(), subject: "kim".into() };
        let page = |findings| {
            let (reader, zone) = (reader.clone(), TimeZone::UTC);
            let (day, offset, page_size) = ("2026-03-17", 0, 50);
            let page = SignalsPage { findings, verdicts: &given, only: None, reader, zone, day, offset, page_size };
            signals(&Frame::default(), &page)
        };
        let html = page(&findings);
        for expected in [
            "12.3 bits",
            "possible",
            "1 person of 2,000",
            "+8.0</span> Same surname as the user; 3 of 500,000 patients have it",
            "−2.5</span> Others",
            "href=\"/access?patient=mer.7\"",
            "user=u%261&#38;from=2026-03-17&#38;to=2026-03-17",
            "3 acts, 00:00 to 01:00 UTC",
            "9 charts opened that day",
            "no verdict",
            "Ask the person</span> Kim, 1970-01-01 00:00 UTC",
            "Asked &#60;b&#62;her",
            "name=\"user\" value=\"u&#38;1\"",
            "form=evidence&#38;signal=1&#38;from=2026-03-17&#38;to=2026-03-17&#38;user=u%261",
        ] {
            assert!(html.contains(expected), "{expected} in {html}");
        }
        assert!(!html.contains("<b>Ann"), "{html}");
        assert!(page(&Findings::default()).contains("Nothing of this day adds up"));
    }
}
