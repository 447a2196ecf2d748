//! Who saw this patient, and what this user saw: a sentence for lay people, the amounts over time, how the log stands, and the
//! visits by day with their entries. Kinds and keys, never content.
//!
//! Not for: gathering them (`oversight::looks`).

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use jiff::Timestamp;
use jiff::civil::Date;

use super::super::columns::Chart;
use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::log_status::{LogStatus, local};
use super::super::table::Paging;
use super::super::text;
use super::render;
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::integrity::Integrity;
use crate::oversight::looks::{Looks, Of, Question, Use, Visit, What};
use crate::oversight::projection::{Seen, StandsAt};
use crate::oversight::reports::words;
use crate::oversight::verdicts::Verdict;

/// Entries of one visit that its row unfolds: a page of busy days stays light.
const ENTRIES_SHOWN: usize = 5;

/// What the signals of snooping say of the days that a page tells of.
#[derive(Clone, Debug, Default)]
pub struct DayFlags {
    /// By whose day they are; of each day the weightiest first.
    pub found: BTreeMap<(UserId, Date), Vec<Flagged>>,
    /// Days that were looked through. Of others nothing is known.
    pub judged: BTreeSet<Date>,
}

/// One signal.
#[derive(Clone, Debug, Default)]
pub struct Flagged {
    /// `None`: the person's day as a whole.
    pub patient: Option<PatientKey>,
    /// The weightiest of its evidence.
    pub words: String,
    /// The last that was given.
    pub verdict: Option<Verdict>,
}

impl Flagged {
    /// Whether nobody has to look at it any more.
    fn is_explained(&self) -> bool {
        self.verdict.as_ref().is_some_and(|verdict| verdict.verdict == "explained")
    }
}

/// What the page is made of.
pub struct LooksPage<'a> {
    pub question: &'a Question,
    pub looks: &'a Looks,
    pub integrity: &'a Integrity,
    pub flags: &'a DayFlags,
    /// Display name of the user, when it is about one.
    pub name: String,
    pub offset: usize,
    pub page_size: usize,
    pub flagged_only: bool,
    /// Days within which a use of break-glass is reviewed.
    pub review_days: u32,
    /// Parameters of the address, decoded.
    pub parameters: Vec<(String, String)>,
    /// Who reads: nobody reviews his own use.
    pub reader: UserId,
    pub made_at: Timestamp,
}

#[derive(Default)]
struct Tag {
    tone: &'static str,
    text: String,
    /// Where it leads, and what it says in short.
    href: Option<String>,
    why: String,
}

struct Entry {
    time: String,
    what: String,
    kinds: String,
    from: String,
    name: String,
}

/// A use of break-glass that waits for its verdict.
struct Waiting {
    id: String,
    due: String,
}

struct Line {
    day: String,
    times: String,
    who: String,
    who_href: String,
    role: String,
    patient: Option<String>,
    purpose: String,
    reason: Option<String>,
    shown: String,
    kinds: String,
    tags: Vec<Tag>,
    /// Leads to the signals of a day that was not looked through.
    unread: Option<String>,
    entries: Vec<Entry>,
    more: usize,
    waiting: Option<Waiting>,
}

#[derive(Template)]
#[template(path = "looks.html")]
struct Page<'a> {
    frame: &'a Frame,
    of_patient: bool,
    title: String,
    keys: Vec<String>,
    account: String,
    sentence: String,
    second: Vec<String>,
    chart: Chart,
    status: LogStatus,
    lines: Vec<Line>,
    paging: Paging,
    total: String,
    kept: Vec<(String, String)>,
    from: String,
    to: String,
    whats: Vec<(&'static str, &'static str, bool)>,
    roles: Vec<(String, String, bool)>,
    purposes: Vec<(String, String, bool)>,
    flagged_only: bool,
    flagged: usize,
    csv: String,
    export: String,
    evidence: String,
    copy: String,
    listed: String,
    back: String,
    held_back: u64,
    about_log: u64,
    stands: Vec<String>,
    made_at: String,
    zone: String,
}

impl LooksPage<'_> {
    fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value.as_str())
    }

    /// An address with the same parameters, some of them changed; an empty value takes one away.
    fn address(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let kept = self.parameters.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let pairs = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain(changes.iter().copied());
        let pairs: Vec<String> = pairs
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{}={}", url_part(name), url_part(value)))
            .collect();
        if pairs.is_empty() { path.to_string() } else { format!("{path}?{}", pairs.join("&")) }
    }

    fn is_of_patient(&self) -> bool {
        matches!(self.question.of, Of::Patient(_))
    }

    fn path(&self) -> &'static str {
        if self.is_of_patient() { "/access" } else { "/access/people" }
    }

    /// The signals about this visit.
    fn flags_of(&self, visit: &Visit) -> Vec<&Flagged> {
        let keys: &[PatientKey] = match &self.question.of {
            Of::Patient(keys) => keys,
            Of::User(_) => visit.patient.as_slice(),
        };
        let found = self.flags.found.get(&(visit.user.clone(), visit.day)).into_iter().flatten();
        found.filter(|flag| flag.patient.as_ref().is_none_or(|patient| keys.contains(patient))).collect()
    }

    /// How many signals lie in this visit, the words of the weightiest, and how they stand.
    fn signals(&self, visit: &Visit) -> Option<Tag> {
        let flags = self.flags_of(visit);
        let first = flags.iter().find(|flag| !flag.is_explained()).or(flags.first())?;
        let open = flags.iter().filter(|flag| flag.verdict.as_ref().is_none_or(Verdict::is_open)).count() as u64;
        let (tone, standing) = match (open, flags.iter().any(|flag| !flag.is_explained())) {
            (0, false) => ("good", ", explained".to_string()),
            (0, true) => ("caution", ", followed up".to_string()),
            (open, _) if open == flags.len() as u64 => ("caution", String::new()),
            (open, _) => ("caution", format!(", {open} without a verdict")),
        };
        let text = format!("{}{standing}", text::counted(flags.len() as u64, "signal", "signals"));
        Some(Tag { tone, text, href: Some(signals_href(visit, true)), why: first.words.clone() })
    }

    fn tags(&self, visit: &Visit) -> Vec<Tag> {
        let mut tags = Vec::new();
        for it in visit.uses.iter().filter_map(|id| self.looks.uses.get(id)) {
            let (tone, text) = match it.verdict.as_deref() {
                Some("appropriate") => ("good", "Break-glass, found appropriate".to_string()),
                Some("inappropriate") => ("alert", "Break-glass, found not appropriate".to_string()),
                Some(_) => ("caution", "Break-glass, the person was asked".to_string()),
                None if self.is_overdue(it) => ("alert", "Break-glass, review overdue".to_string()),
                None => ("alert", "Break-glass, not reviewed".to_string()),
            };
            tags.push(Tag { tone, text, ..Tag::default() });
        }
        tags.extend(self.signals(visit));
        let refused = || format!("Refused, {}", words::counted(visit.refused(), "time", "times"));
        tags.extend((visit.refused() > 0).then(|| Tag { text: refused(), ..Tag::default() }));
        let held_back = || Tag { tone: "caution", text: "Held back from the patient by law".into(), ..Tag::default() };
        tags.extend(visit.is_suspended.then(held_back));
        tags
    }

    fn is_flagged(&self, visit: &Visit) -> bool {
        let waits =
            visit.uses.iter().any(|id| self.looks.uses.get(id).is_none_or(|it| it.verdict.as_deref() != Some("appropriate")));
        waits || visit.refused() > 0 || self.flags_of(visit).iter().any(|flag| !flag.is_explained())
    }

    fn due(&self, it: &Use) -> i64 {
        it.begun + i64::from(self.review_days) * 86_400
    }

    fn is_overdue(&self, it: &Use) -> bool {
        self.due(it) < self.made_at.as_second()
    }

    fn line(&self, visit: &Visit) -> Line {
        let zone = &self.question.zone;
        let clock = |at: i64| local(at, zone).get(11..16).unwrap_or_default().to_string();
        let (first, last) = (clock(visit.first()), clock(visit.last()));
        let by_event = visit.by_event();
        let mut shown: Vec<String> = by_event.iter().map(|(event, count)| words::amount(event, *count)).collect();
        let found = visit.acts.iter().filter(|seen| seen.act.event == "patient.search").count() as u64;
        if shown.is_empty() && found > 0 {
            shown.push(format!("{found} found in a search, not opened"));
        }
        let kinds = visit.acts.iter().flat_map(|seen| seen.domains.split(' ')).filter(|name| !name.is_empty());
        let kinds: std::collections::BTreeSet<&str> = kinds.collect();
        let reason =
            visit.uses.iter().filter_map(|id| self.looks.uses.get(id)).find_map(|it| it.text.clone().or(it.reason.clone()));
        let waiting = visit.uses.iter().find_map(|id| {
            let it = self.looks.uses.get(id)?;
            let is_open = !matches!(it.verdict.as_deref(), Some("appropriate" | "inappropriate"));
            let is_own = self.reader == visit.user;
            (is_open && !is_own).then(|| Waiting {
                id: id.clone(),
                due: local(self.due(it) * 1_000_000, zone).get(..10).unwrap_or_default().to_string(),
            })
        });
        let purposes =
            visit.purposes.iter().filter(|code| visit.uses.is_empty() || *code != "BTG").map(|code| words::purpose(code));
        Line {
            day: visit.day.to_string(),
            times: if first == last { first } else { format!("{first} to {last}") },
            who: if visit.name.is_empty() { visit.user.subject.clone() } else { visit.name.clone() },
            who_href: format!("/access/people?user={}&issuer={}", url_part(&visit.user.subject), url_part(&visit.user.issuer)),
            role: visit.roles.iter().map(|role| words::role(role)).collect::<Vec<_>>().join(", "),
            patient: visit.patient.as_ref().map(ToString::to_string),
            purpose: purposes.collect::<Vec<_>>().join(", "),
            reason,
            shown: shown.join(", "),
            kinds: words::domains(&kinds.into_iter().collect::<Vec<_>>().join(" ")),
            tags: self.tags(visit),
            unread: (!self.flags.judged.contains(&visit.day)).then(|| signals_href(visit, false)),
            entries: visit.acts.iter().take(ENTRIES_SHOWN).map(entry).collect(),
            more: visit.acts.len().saturating_sub(ENTRIES_SHOWN),
            waiting,
        }
    }

    /// What it comes to, for somebody who reads nothing else.
    fn sentence(&self) -> String {
        let (looks, question) = (self.looks, self.question);
        let dates = format!("between {} and {}", question.from, question.to);
        match (&question.of, looks.shown) {
            (Of::Patient(_), 0) => format!("Nobody opened this chart {dates}."),
            (Of::User(_), 0) => format!("Nothing was shown to this person {dates}."),
            (Of::Patient(_), n) => format!(
                "{} shown something of this chart {} {dates}.",
                if looks.people == 1 { "One person was".into() } else { format!("{} people were", text::count(looks.people)) },
                text::counted(n, "time", "times")
            ),
            (Of::User(_), n) => format!(
                "This person was shown something of {} {} {dates}.",
                text::counted(looks.patients, "patient", "patients"),
                text::counted(n, "time", "times")
            ),
        }
    }

    fn second(&self) -> Vec<String> {
        let looks = self.looks;
        let mut said = Vec::new();
        if looks.shown == 0 && looks.found > 0 {
            said.push(match self.is_of_patient() {
                true => format!("Searches showed it {}.", text::counted(looks.found, "time", "times")),
                false => format!("Searches showed names {}.", text::counted(looks.found, "time", "times")),
            });
        }
        match looks.refused {
            0 => {}
            1 => said.push("One attempt was refused.".into()),
            n => said.push(format!("{} attempts were refused.", text::count(n))),
        }
        let open = looks.uses.values().filter(|it| it.verdict.is_none()).count() as u64;
        match (looks.under, open) {
            (0, _) => {}
            (n, 0) => said.push(format!("{} under break-glass, and reviewed.", times_were(n))),
            (n, 1) => said.push(format!("{} under break-glass; one use is not reviewed yet.", times_were(n))),
            (n, open) => said.push(format!("{} under break-glass; {open} uses are not reviewed yet.", times_were(n))),
        }
        said
    }

    fn chart(&self) -> Chart {
        let looks = self.looks;
        let title = match self.is_of_patient() {
            true => format!(
                "{} by {}",
                text::counted(looks.shown, "access", "accesses"),
                text::counted(looks.people, "person", "people")
            ),
            false => format!(
                "{} to {}",
                text::counted(looks.shown, "access", "accesses"),
                text::counted(looks.patients, "patient", "patients")
            ),
        };
        let fact = format!("per {}; {} refused, {} under break-glass", looks.columns.step.name(), looks.refused, looks.under);
        Chart::of(&looks.columns, title, fact, "times shown")
    }
}

/// The signals of the day of a visit; with `only` of this person alone.
fn signals_href(visit: &Visit, only: bool) -> String {
    let only = match only {
        true => format!("&user={}&issuer={}", url_part(&visit.user.subject), url_part(&visit.user.issuer)),
        false => String::new(),
    };
    format!("/signals?day={}{only}", visit.day)
}

fn times_were(n: u64) -> String {
    if n == 1 { "Once it was".into() } else { format!("{} times it was", text::count(n)) }
}

fn entry(seen: &Seen) -> Entry {
    let act = &seen.act;
    let at = Timestamp::from_microsecond(act.at).unwrap_or_default();
    let what = words::event(&act.event, act.outcome, act.records);
    let records = match act.records {
        0 => String::new(),
        n => format!(", {}", text::counted(n, "record", "records")),
    };
    let session = act.session.as_deref().map(|id| format!(", session {}", id.get(..8).unwrap_or(id)));
    Entry {
        time: at.strftime("%H:%M:%S%.6f").to_string(),
        what: format!("{what}{records}"),
        kinds: words::domains(&seen.domains),
        from: format!("{}{}", act.ip.as_deref().unwrap_or("not recorded"), session.unwrap_or_default()),
        name: format!("{}:{}", act.stream, act.seq),
    }
}

/// The page.
pub fn looks(frame: &Frame, ask: &LooksPage<'_>) -> String {
    let (question, looks) = (ask.question, ask.looks);
    let wanted: Vec<&Visit> = looks.visits.iter().filter(|visit| !ask.flagged_only || ask.is_flagged(visit)).collect();
    let total = wanted.len();
    let lines: Vec<Line> = wanted.into_iter().skip(ask.offset).take(ask.page_size).map(|visit| ask.line(visit)).collect();
    let path = ask.path();
    let turned = |page: usize| ask.address(path, &[("page", &page.to_string())]);
    let (report, of_whom) = match &question.of {
        Of::Patient(keys) => ("patient-days", keys.iter().map(ToString::to_string).collect()),
        Of::User(_) => ("user", Vec::new()),
    };
    let whole = [("page", ""), ("what", ""), ("role", ""), ("purpose", ""), ("flagged", "")];
    let listed = ask.address(if ask.is_of_patient() { "/access/reports/patient" } else { "/access/reports/user" }, &whole);
    let csv = format!("{}&format=csv", ask.address(&format!("/access/reports/{report}"), &whole));
    let chosen = |name: &str, value: &str| ask.parameter(name) == value;
    let kept = ask.parameters.iter().filter(|(name, _)| ["patient", "user", "issuer"].contains(&name.as_str()));
    render(Page {
        frame,
        of_patient: ask.is_of_patient(),
        title: if ask.is_of_patient() { "Who saw this patient".into() } else { format!("What {} saw", ask.name) },
        keys: of_whom,
        account: match &question.of {
            Of::User(user) if user.issuer == "local" => user.subject.clone(),
            Of::User(user) => format!("{} at {}", user.subject, user.issuer),
            Of::Patient(_) => String::new(),
        },
        sentence: ask.sentence(),
        second: ask.second(),
        chart: ask.chart(),
        status: LogStatus::of(ask.integrity, ask.made_at, &question.zone),
        paging: Paging::of(ask.offset, lines.len(), total as u64, false, turned, ask.page_size),
        lines,
        total: text::counted(total as u64, "row", "rows"),
        kept: kept.cloned().collect(),
        from: question.from.to_string(),
        to: question.to.to_string(),
        whats: What::ALL.into_iter().map(|(what, name, words)| (name, words, what == question.what)).collect(),
        roles: looks.roles.iter().map(|role| (role.clone(), words::role(role), chosen("role", role))).collect(),
        purposes: looks.purposes.iter().map(|it| (it.clone(), words::purpose(it), chosen("purpose", it))).collect(),
        flagged_only: ask.flagged_only,
        flagged: looks.visits.iter().filter(|visit| ask.is_flagged(visit)).count(),
        csv,
        evidence: format!("{}&form=evidence", ask.address("/access/export", &whole)),
        export: ask.address("/access/export", &whole),
        copy: ask.address(path, &[("copy", "1"), ("page", ""), ("what", ""), ("role", ""), ("purpose", ""), ("flagged", "")]),
        listed,
        back: ask.address(path, &[]),
        held_back: looks.held_back,
        about_log: looks.about_log,
        stands: stands(&looks.stands_at),
        made_at: local(ask.made_at.as_microsecond(), &question.zone),
        zone: question.zone.iana_name().unwrap_or("UTC").to_string(),
    })
}

/// Over which entries a page was made, a line for each stream.
pub(super) fn stands(stands_at: &[StandsAt]) -> Vec<String> {
    let one = |at: &StandsAt| {
        let last = at.entries.saturating_sub(1);
        match &at.checkpoint {
            Some((size, root)) => format!(
                "Stream {}: entries 0 to {}; the first {} are under the signed checkpoint {root}.",
                at.stream,
                text::count(last),
                text::count(*size)
            ),
            None => format!("Stream {}: entries 0 to {}; no signed checkpoint yet.", at.stream, text::count(last)),
        }
    };
    stands_at.iter().map(one).collect()
}

/// A row of the copy that leaves the house.
struct CopyRow {
    day: String,
    times: String,
    who: String,
    role: String,
    purpose: String,
    shown: String,
    kinds: String,
    refused: String,
}

#[derive(Template)]
#[template(path = "looks_copy.html")]
struct Copy<'a> {
    frame: &'a Frame,
    of_patient: bool,
    title: String,
    about: String,
    sentence: String,
    second: Vec<String>,
    chart: Chart,
    status: LogStatus,
    rows: Vec<CopyRow>,
    purposes: Vec<(String, &'static str)>,
    stands: Vec<String>,
    made_at: String,
    made_by: String,
    zone: String,
    back: String,
}

/// The report for paper. What a suspension keeps from the patient has been left out of `looks` before.
pub fn looks_copy(frame: &Frame, ask: &LooksPage<'_>) -> String {
    let (question, looks) = (ask.question, ask.looks);
    let row = |visit: &Visit| {
        let line = ask.line(visit);
        CopyRow {
            day: line.day,
            times: line.times,
            who: if ask.is_of_patient() { line.who } else { line.patient.unwrap_or_default() },
            role: line.role,
            purpose: match line.reason {
                Some(reason) => format!("{}, under break-glass: “{reason}”", line.purpose),
                None => line.purpose,
            },
            shown: line.shown,
            kinds: line.kinds,
            refused: if visit.refused() > 0 {
                format!("refused {}", words::counted(visit.refused(), "time", "times"))
            } else {
                String::new()
            },
        }
    };
    let about = match &question.of {
        Of::Patient(keys) => keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Of::User(user) => format!("{}, account {}", ask.name, user.subject),
    };
    let meaning = |code: &String| Some((words::purpose(code), words::purpose_meaning(code)?));
    render(Copy {
        frame,
        of_patient: ask.is_of_patient(),
        title: if ask.is_of_patient() { "Who saw this patient’s record".into() } else { format!("What {} saw", ask.name) },
        about,
        sentence: ask.sentence(),
        second: ask.second(),
        chart: ask.chart(),
        status: LogStatus { href: None, ..LogStatus::of(ask.integrity, ask.made_at, &question.zone) },
        rows: looks.visits.iter().map(row).collect(),
        purposes: looks.purposes.iter().filter_map(meaning).collect(),
        stands: stands(&looks.stands_at),
        made_at: local(ask.made_at.as_microsecond(), &question.zone),
        made_by: frame.person.as_ref().map_or_else(String::new, |person| person.name.clone()),
        zone: question.zone.iana_name().unwrap_or("UTC").to_string(),
        back: ask.address(ask.path(), &[("copy", "")]),
    })
}
