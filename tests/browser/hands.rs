//! Somebody at work on a request for records, in a browser that runs scripts or in one that does not; the office where this is done,
//! and the way of a request in steps that several tests take.
//!
//! Not for: what is held against these ways (`releases`, `desk`, `keyboard`).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chartkeep::synth::{Options, SamplePatient};

use super::world::Signed;
use crate::gate::harness::{add_account, key};
use crate::support::{Folder, Hospital, Server, folder, ingest, init};

/// An archive of its own, since requests are written down in it, with two people who work on them.
pub struct Office {
    pub archive: PathBuf,
    pub server: Server,
    pub hospital: Hospital,
    _home: Folder,
}

impl Office {
    pub fn new() -> Office {
        let home = folder();
        let hospital = Hospital::new(&Options { patients: 12, seed: 5, releases: true, ..Options::default() });
        let archive = init(&home);
        ingest(&archive, &[&hospital.delivery()]).expect(1);
        for name in ["ann", "ben"] {
            add_account(&archive, name, "him");
        }
        Office { server: Server::start(&archive), archive, hospital, _home: home }
    }
}

/// Somebody at work: opens pages and sends forms, whichever browser it is.
pub trait Hands {
    fn open(&mut self, path: &str) -> String;
    /// Sends a form of the open page; gives the address that it led to and the words there.
    fn send(&mut self, action: &str, fields: &[(&str, &str)], then: Option<(&str, &str)>) -> (String, String);
    /// The address of the next flagged page that was not looked at, by the open page.
    fn next_flagged(&self) -> Option<String>;
    /// Puts a paper on file.
    fn file(&mut self, action: &str, name: &str, bytes: &str);
}

/// A browser without scripts: what a form holds is read off its page.
pub struct Without<'a> {
    pub signed: &'a Signed<'a>,
    pub page: String,
}

/// A field of a form: its name, what is sent of it as it stands, and whether it is hidden.
struct Field {
    name: String,
    value: Option<String>,
    hidden: bool,
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
}

pub fn plain(text: &str) -> String {
    let mut text = text.to_string();
    for (escaped, c) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
        text = text.replace(escaped, c);
    }
    text
}

/// The fields of a form, as a browser sends them when nothing is changed.
fn fields_of(form: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    for piece in form.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap_or((piece, ""));
        let Some(name) = attribute(tag, "name").map(String::from) else {
            // An option of the list before it: the one that is selected, or the first.
            if tag.starts_with("option")
                && let Some(Field { value, .. }) = fields.last_mut()
                && (value.is_none() || tag.contains(" selected"))
            {
                *value = Some(plain(attribute(tag, "value").unwrap_or("")));
            }
            continue;
        };
        let kind = attribute(tag, "type").unwrap_or("text");
        let value = match tag.split([' ', '\n']).next() {
            Some("textarea") => Some(plain(after)),
            Some("input") if ["radio", "checkbox"].contains(&kind) => {
                tag.contains(" checked").then(|| plain(attribute(tag, "value").unwrap_or("")))
            }
            Some("input") if kind != "file" => Some(plain(attribute(tag, "value").unwrap_or(""))),
            _ => None,
        };
        fields.push(Field { name, value, hidden: kind == "hidden" });
    }
    fields
}

impl<'a> Without<'a> {
    pub fn new(signed: &'a Signed<'a>) -> Without<'a> {
        Without { signed, page: String::new() }
    }

    /// The state of the request that the page was made of.
    fn steps(&self) -> String {
        let at = self.page.find("name=\"steps\" value=\"").map(|at| at + 20);
        at.and_then(|at| self.page.get(at..)?.split('"').next()).unwrap_or("-1").to_string()
    }

    /// Where the form leads whose button says so.
    pub fn action_of(&self, button: &str) -> String {
        let mut forms = self.page.split("<form ").skip(1).map(|rest| rest.split("</form>").next().unwrap_or(rest));
        let form = forms.find(|form| form.contains(button)).unwrap_or_else(|| panic!("{button}: {}", words(&self.page)));
        plain(attribute(&format!(" {form}"), "action").expect("it leads somewhere"))
    }

    /// The form that has these fields.
    fn form(&self, action: &str, wanted: &[(&str, &str)], then: Option<(&str, &str)>) -> Vec<Field> {
        let forms = self.page.split("<form ").skip(1).map(|rest| rest.split("</form>").next().unwrap_or(rest));
        let own = forms
            .filter(|form| form.contains("method=\"post\""))
            .filter(|form| attribute(&format!(" {form}"), "action").map(plain).as_deref() == Some(action));
        let fits = |fields: &Vec<Field>| {
            let has = |(name, value): &(&str, &str)| {
                fields.iter().any(|it| it.name == *name && (!it.hidden || it.value.as_deref() == Some(value)))
            };
            wanted.iter().all(has) && then.iter().all(|(name, _)| fields.iter().any(|it| it.name == *name))
        };
        let found = own.map(fields_of).find(fits);
        found.unwrap_or_else(|| panic!("{action} {wanted:?} is no form of: {}", words(&self.page)))
    }
}

/// What buttons are called: only the one that is pressed is sent.
fn is_button(name: &str) -> bool {
    name == "then"
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let part = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    fields.iter().map(|(name, value)| format!("{}={}", part(name), part(value))).collect::<Vec<_>>().join("&")
}

/// The words of a page, without its tags.
fn words(page: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in page.chars() {
        match c {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Hands for Without<'_> {
    fn open(&mut self, path: &str) -> String {
        let answer = self.signed.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", words(&answer.text()));
        self.page = answer.text();
        words(&self.page)
    }

    fn send(&mut self, action: &str, fields: &[(&str, &str)], then: Option<(&str, &str)>) -> (String, String) {
        let form = self.form(action, fields, then);
        let is_set = |name: &str| fields.iter().chain(&then).any(|(own, _)| *own == name);
        let kept = form.iter().filter(|field| field.hidden || !is_set(&field.name)).filter(|field| !is_button(&field.name));
        let kept = kept.filter_map(|field| Some((field.name.as_str(), field.value.as_deref()?)));
        let typed = fields.iter().copied().filter(|(name, _)| !form.iter().any(|field| field.hidden && field.name == *name));
        let all: Vec<(&str, &str)> = kept.chain(typed).chain(then).collect();
        let answer = self.signed.post(action, &encoded(&all));
        match answer.header("location") {
            Some(to) => {
                let to = to.to_string();
                let words = self.open(to.split('#').next().unwrap_or(""));
                (to, words)
            }
            None => {
                self.page = answer.text();
                (action.to_string(), words(&self.page))
            }
        }
    }

    fn next_flagged(&self) -> Option<String> {
        let link = self.page.split("data-key=\"u\" href=\"").nth(1)?;
        link.split('"').next().map(plain)
    }

    fn file(&mut self, action: &str, name: &str, bytes: &str) {
        let part = |head: &str, body: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
        let steps = self.steps();
        let body = [
            part("name=\"csrf\"", self.signed.csrf()),
            part("name=\"steps\"", &steps),
            part("name=\"kind\"", "identity"),
            part(&format!("name=\"file\"; filename=\"{name}\""), bytes),
            "--b--\r\n".to_string(),
        ]
        .concat();
        let request = ureq::http::Request::builder()
            .method("POST")
            .uri(self.signed.url(action))
            .header("content-type", "multipart/form-data; boundary=b")
            .header("cookie", self.signed.cookie());
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let answer = config.build().new_agent().run(request.body(body).expect("a request")).expect("an answer");
        assert_eq!(answer.status(), 303);
    }
}

/// Waits for pages or a package that are being made.
pub fn made(hands: &mut dyn Hands, path: &str, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        let words = hands.open(path);
        if words.contains(wanted) {
            return words;
        }
        assert!(!words.contains("The last attempt failed"), "{words}");
        assert!(begun.elapsed() < Duration::from_secs(120), "waited in vain for {wanted}: {words}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// What somebody asks for.
pub struct Asked<'a> {
    pub basis: &'static str,
    pub patients: &'a [&'a SamplePatient],
    /// Fields of the form beside whose records, who asks and what for.
    pub fields: &'a [(&'static str, &'static str)],
    /// What is checked before anything is chosen.
    pub checks: &'static [&'static str],
}

/// A patient's own access.
pub fn own_access<'a>(patients: &'a [&'a SamplePatient]) -> Asked<'a> {
    let fields = &[("requester-relation", "self"), ("channel", "mail"), ("priority", "routine")];
    Asked { basis: "patient-access", patients, fields, checks: &["identity"] }
}

/// A request written down, its patients found, everything checked. Gives its address.
pub fn verified(ann: &mut dyn Hands, asked: &Asked<'_>) -> String {
    ann.open(&format!("/releases/new?basis={}", asked.basis));
    let of_patient = |at: usize| {
        let patient = asked.patients[at];
        let name = format!("{}, {}", patient.family, patient.given);
        [(format!("subject-{at}-name"), name), (format!("subject-{at}-born"), patient.birth_date.clone())]
    };
    let mut fields: Vec<(String, String)> = of_patient(0).to_vec();
    for at in 1..asked.patients.len() {
        let sent: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ann.send("/releases/new", &sent, Some(("then", "more")));
        fields.extend(of_patient(at));
    }
    let who = [
        ("requester-name", "Rose Requester"),
        ("requester-address", "1 Main Street\nSpringfield"),
        ("purpose", "as the request says"),
    ];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(who)
        .chain(asked.fields.iter().copied())
        .collect();
    let (request, words) = ann.send("/releases/new", &fields, Some(("then", "submit")));
    assert!(words.contains("Verify identity and authority"), "{words}");

    let papers = format!("{request}/papers");
    ann.file(&papers, "passport.txt", "A copy of a passport");
    assert!(ann.open(&request).contains("passport.txt"));

    for (at, patient) in asked.patients.iter().enumerate() {
        let path = format!("{request}/patients/{at}");
        let shown = ann.open(&path);
        assert!(shown.contains("The archive proposes nobody") && shown.contains("as on the request"), "{shown}");
        let (_, words) = ann.send(&path, &[("keys", &key(&patient.id))], None);
        assert!(words.contains("✓ Found"), "{words}");
    }
    let checks: Vec<[(String, &str); 2]> = asked
        .checks
        .iter()
        .map(|check| [(format!("check-{check}"), "yes"), (format!("how-{check}"), "seen at the desk")])
        .collect();
    let checks: Vec<(&str, &str)> = checks.iter().flatten().map(|(name, value)| (name.as_str(), *value)).collect();
    let (_, words) = ann.send(&format!("{request}/checks"), &checks, None);
    assert!(words.contains("Every check holds"), "{words}");
    let (_, words) = ann.send(&format!("{request}/step"), &[("move", "accept")], None);
    assert!(words.contains("Choose what goes out"), "{words}");
    request
}

/// What goes out is chosen, and what is flagged of it decided.
pub fn chosen(ann: &mut dyn Hands, request: &str, patients: usize) {
    let path = format!("{request}/select");
    let shown = ann.open(&path);
    assert!(shown.contains("about ") && shown.contains(" page") && shown.contains("Demographics"), "{shown}");
    let (_, narrowed) = ann.send(&path, &[("text", "words that nobody wrote")], Some(("then", "try")));
    assert!(narrowed.contains("about "), "{narrowed}");
    ann.open(&path);
    let (_, words) = ann.send(&path, &[], Some(("then", "freeze")));
    assert!(words.contains("Review and redact"), "{words}");
    for at in 0..patients {
        let path = format!("{request}/items/{at}");
        for _ in 0..40 {
            let shown = ann.open(&path);
            if !shown.contains(" to decide") || shown.contains("Nothing is flagged") {
                break;
            }
            ann.send(&path, &[("decision", "include"), ("reason", "Checked: it is this patient’s")], None);
        }
    }
}

/// The pages are made and looked at, and the release waits for a second person.
pub fn reviewed(ann: &mut dyn Hands, request: &str, patients: usize) {
    let words = ann.open(request);
    assert!(words.contains("Make the pages as they would leave"), "{words}");
    ann.send(&format!("{request}/preview"), &[], None);
    made(ann, request, "The pages are there");
    for at in 0..patients {
        let shown = look(ann, &format!("{request}/review/{at}"));
        assert!(shown.contains("Is it complete?") && shown.contains("In this release"), "{shown}");
        assert!(!shown.contains("does not hold"), "{shown}");
    }
    let (_, words) = ann.send(&format!("{request}/review/{}", patients - 1), &[], None);
    assert!(words.contains("Approval by a second person"), "{words}");
}

/// Looks at every flagged page; gives the words of the last.
pub fn look(hands: &mut dyn Hands, review: &str) -> String {
    let mut shown = hands.open(review);
    while let Some(next) = hands.next_flagged() {
        shown = hands.open(&next);
    }
    shown
}
