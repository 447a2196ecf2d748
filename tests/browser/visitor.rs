//! Somebody at a browser who does what the page says: follows links by their words, fills fields by their labels, presses buttons.
//! Every page that comes up is held against what all pages must be: quiet, light, whole.
//!
//! Not for: which pages there are (`pages`), or what people want of them (`tasks`).

use std::collections::{BTreeMap, BTreeSet};

use chartkeep::server::routes::{Area, Method, routes};
use serde_json::{Value, json};

use super::chrome::{Chrome, Seen};

/// What a page may weigh as it is sent, in bytes, with what it is drawn with, and how many elements it may have (viewer.md §8).
const HTML: u64 = 60_000;
const SUMMARY: u64 = 35_000;
const ASSETS: [(&str, u64); 5] =
    [(".css", 20_000), (".js", 10_000), ("inter-", 110_000), ("noto-serif-", 90_000), ("jetbrains-mono-", 25_000)];
const ELEMENTS: u64 = 3_000;

/// What someone does at a page. `{name}` stands for a fact of the hospital.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Opens an address, as a bookmark or a new window does. Counts as a click.
    Open(&'static str),
    /// Follows the link or presses the button that says so. Counts as a click.
    Click(&'static str),
    /// Writes into the field that is labelled so.
    Type(&'static str, &'static str),
    /// Ticks the box or chooses the one that is labelled so. Counts as a click.
    Tick(&'static str),
    /// Chooses from the list that is labelled so. Counts as a click.
    Pick(&'static str, &'static str),
    /// Presses Enter where one has written. Counts as a click.
    Enter,
}

pub struct Visitor<'c> {
    pub chrome: &'c Chrome,
    /// What all addresses of the server begin with.
    own: String,
    facts: BTreeMap<&'static str, String>,
    pub clicks: usize,
    /// Path templates of the pages that came up.
    pub visited: BTreeSet<&'static str>,
}

/// The page route that a path belongs to.
pub fn route_of(path: &str) -> Option<&'static str> {
    let path = path.split(['?', '#']).next().unwrap_or("");
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let is_alike = |(own, wanted): (&&str, &&str)| wanted.starts_with('{') && !own.is_empty() || own == wanted;
        wanted.len() == parts.len() && parts.iter().zip(&wanted).all(is_alike)
    };
    let pages = routes().iter().filter(|route| route.area() == Area::Viewer && route.method == Method::Get);
    pages.map(|route| route.path).find(|template| fits(template))
}

/// Finds what is visible and says so: by the whole of its words, else by their beginning, else by a part.
const SAYS: &str = "const where = arguments[1];
    const plain = t => (t ?? '').replace(/\\s+/g, ' ').trim().toLowerCase();
    const seen = e => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 0;
    const labels = e => [e.getAttribute('aria-label'), ...[...(e.labels ?? [])].map(l => l.innerText)].map(plain);
    const said = e => e.matches('input, textarea, select') ? labels(e) : [plain(e.innerText), plain(e.getAttribute('aria-label'))];
    const all = [...document.querySelectorAll(where)].filter(e => e.type !== 'hidden' && (seen(e) || [...(e.labels ?? [])].some(seen)));
    const wanted = plain(arguments[0]);
    const by = fits => all.find(e => said(e).some(fits));
    return by(t => t === wanted) ?? by(t => t.startsWith(wanted)) ?? by(t => t.includes(wanted)) ?? null";

/// What makes a page wider than its window.
pub const WIDE: &str = "const room = innerWidth + 1;
    if (document.documentElement.scrollWidth <= room) return [];
    const held = e => { for (let p = e.parentElement; p; p = p.parentElement)
        if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(p).overflowX)) return true; return false; };
    const beyond = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > room);
    const free = beyond.filter(e => !held(e)), out = free.length ? free : beyond;
    return ['is ' + document.documentElement.scrollWidth, ...out.slice(0, 4).map(e => e.outerHTML.slice(0, 120))]";

const WEIGHTS: &str = "const [page] = performance.getEntriesByType('navigation');
    const assets = performance.getEntriesByType('resource').filter(e => e.name.includes('/static/'));
    return [document.querySelectorAll('*').length, page.encodedBodySize, assets.map(e => [e.name, e.encodedBodySize])]";

impl<'c> Visitor<'c> {
    pub fn new(chrome: &'c Chrome, own: &str, facts: &BTreeMap<&'static str, String>) -> Visitor<'c> {
        Visitor { chrome, own: own.into(), facts: facts.clone(), clicks: 0, visited: BTreeSet::new() }
    }

    /// A text with its facts put in.
    pub fn told(&self, text: &str) -> String {
        let named = |text: String, (name, value): (&&str, &String)| text.replace(&format!("{{{name}}}"), value);
        self.facts.iter().fold(text.to_string(), named)
    }

    /// Opens an address of the server and looks at what comes up.
    #[track_caller]
    pub fn open(&mut self, path: &str) {
        let here = self.chrome.ask("return location.pathname");
        let path = self.told(path).replace("{here}", here.as_str().unwrap_or_default());
        let mut seen = self.chrome.open(&format!("{}{path}", self.own));
        self.look(&path, &mut seen);
    }

    #[track_caller]
    pub fn follow(&mut self, steps: &[Step]) {
        steps.iter().for_each(|step| self.take(*step));
    }

    #[track_caller]
    pub fn take(&mut self, step: Step) {
        let at = format!("{step:?}");
        match step {
            Step::Open(path) => {
                self.clicks += 1;
                self.open(path);
            }
            Step::Click(words) => {
                self.clicks += 1;
                let element = self.element(words, "a[href], button, summary, [role=button]");
                let mut seen = self.chrome.watch(|chrome| chrome.click(&element));
                self.look(&at, &mut seen);
            }
            Step::Type(label, text) => {
                let element = self.element(label, "input, textarea");
                self.chrome.write(&element, &self.told(text));
            }
            Step::Tick(label) => {
                self.clicks += 1;
                let element = self.element(label, "input[type=radio], input[type=checkbox]");
                self.chrome.click(&element);
            }
            Step::Pick(label, option) => {
                self.clicks += 1;
                let list = self.element(label, "select");
                let option = self.told(option);
                let found = self.chrome.run(
                    "return [...arguments[0].options].find(o => o.innerText.trim().startsWith(arguments[1])) ?? null",
                    json!([list, option]),
                );
                assert!(!found.is_null(), "{label} has no {option}");
                self.chrome.click(&found);
            }
            Step::Enter => {
                self.clicks += 1;
                let mut seen = self.chrome.watch(|chrome| chrome.press_and_wait("Enter"));
                self.look(&at, &mut seen);
            }
        }
    }

    #[track_caller]
    fn element(&self, words: &str, kind: &str) -> Value {
        let words = self.told(words);
        let found = self.chrome.run(SAYS, json!([words, kind]));
        assert!(found.is_object() && found.get("error").is_none(), "nothing here says {words:?}: {}", self.chrome.words());
        found
    }

    /// What every page must be, whatever it is for.
    #[track_caller]
    fn look(&mut self, what: &str, seen: &mut Seen) {
        let what = format!("{what}, at {}", seen.url);
        // A browser complains of a page that is not there, which it may well not be.
        let url = seen.url.clone();
        seen.console.retain(|message| !(message.contains(&url) && message.contains("responded with a status of 4")));
        seen.expect_quiet(&what, &self.own);
        let path = seen.url.strip_prefix(&self.own).unwrap_or_default();
        let route = route_of(path);
        self.visited.extend(route);
        let page = self.chrome.ask(WEIGHTS);
        // What is made for paper is whole, however long it is.
        let is_paper = self.chrome.ask("return document.body.classList.contains('paper')") == json!(true);
        let elements = page[0].as_u64().unwrap_or(u64::MAX);
        assert!(elements < ELEMENTS || is_paper, "{what}: {elements} elements");
        let html = page[1].as_u64().unwrap_or(u64::MAX);
        let most = if route == Some("/patients/{patient}") { SUMMARY } else { HTML };
        assert!(html <= most || is_paper, "{what}: {html} bytes");
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for asset in page[2].as_array().into_iter().flatten() {
            let name = asset[0].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            if let Some((kind, _)) = ASSETS.iter().find(|(kind, _)| name.contains(kind)) {
                *sums.entry(kind).or_default() += asset[1].as_u64().unwrap_or(u64::MAX);
            }
        }
        for (kind, most) in ASSETS {
            let bytes = sums.get(kind).copied().unwrap_or(0);
            assert!(bytes <= most, "{what}: {bytes} bytes of {kind}");
        }
    }

    /// The page says all this.
    #[track_caller]
    pub fn expect(&self, wanted: &[&str]) {
        let words = self.chrome.words();
        for one in wanted {
            let one = self.told(one);
            assert!(words.contains(&one), "{one:?} is not in: {words}");
        }
    }
}
