//! A real Chromium for the tests, driven over WebDriver (W3C) by chromedriver: pages are opened, and what they did is told:
//! dialogs, requests, complaints in the console. WebDriver is JSON over HTTP, so the client that the tests have is enough.
//!
//! Not for: what a page must look like.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::support::{Folder, folder};

/// What a page may still do after it has loaded: timers, a refresh.
const SETTLE: Duration = Duration::from_millis(60);

/// One browser with one window.
pub struct Chrome {
    driver: Child,
    /// Of the WebDriver session.
    address: String,
    agent: ureq::Agent,
    /// Whether the dark theme is asked for, and the width of the window.
    looks: Cell<(bool, u32)>,
    _profile: Folder,
}

/// What a page did while it was opened.
#[derive(Debug, Default)]
pub struct Seen {
    /// Where the browser was in the end.
    pub url: String,
    /// The words of an open dialog.
    pub dialog: Option<String>,
    /// Addresses asked for, those of `data:` apart.
    pub requests: Vec<String>,
    /// Errors and warnings: of scripts, of the content policy, of what could not be loaded.
    pub console: Vec<String>,
    /// Windows that are open, which should be one.
    pub windows: usize,
}

impl Seen {
    /// The page stayed where it is, asked for nothing but what begins so, and nothing was wrong.
    #[track_caller]
    pub fn expect_quiet(&self, what: &str, own: &str) {
        let foreign: Vec<&String> = self.requests.iter().filter(|url| !url.starts_with(own)).collect();
        assert!(foreign.is_empty(), "{what}: asked for {foreign:?}");
        assert_eq!(self.dialog, None, "{what}: a dialog");
        assert!(self.url.starts_with(own), "{what}: went to {}", self.url);
        assert_eq!(self.windows, 1, "{what}: opened a window");
        assert!(self.console.is_empty(), "{what}: {:#?}", self.console);
    }
}

/// The browser of all tests, started by the first that asks and closed after the last.
pub fn chrome() -> Option<Arc<Mutex<Chrome>>> {
    static CHROME: Mutex<Weak<Mutex<Chrome>>> = Mutex::new(Weak::new());
    let mut held = CHROME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(chrome) = held.upgrade() {
        return Some(chrome);
    }
    let chrome = Arc::new(Mutex::new(Chrome::new()?));
    *held = Arc::downgrade(&chrome);
    Some(chrome)
}

/// The browser for one test; a test that failed before leaves it usable.
pub fn of(chrome: &Mutex<Chrome>) -> MutexGuard<'_, Chrome> {
    let held = chrome.lock().unwrap_or_else(PoisonError::into_inner);
    held.look("light", 1440);
    held.let_scripts_run(true);
    held
}

/// The path that a variable names, else the first of these programs that is installed.
fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()))
}

fn axe_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser/node_modules/axe-core/axe.min.js")
}

impl Chrome {
    /// A browser of one's own, which has seen nothing yet. `None` without the means for it, which is only right when that was asked for.
    pub fn new() -> Option<Chrome> {
        let browser = program("CHARTKEEP_CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]);
        let driver = program("CHARTKEEP_CHROMEDRIVER", &["chromedriver"]);
        let (Some(browser), Some(driver), true) = (browser, driver, axe_path().is_file()) else {
            let without = std::env::var_os("CHARTKEEP_OFFLINE").is_some();
            assert!(without, "the browser tests need Chromium, chromedriver and axe-core: run ops/test, which gets them");
            return None;
        };
        Some(Chrome::start(&browser, &driver))
    }

    fn start(browser: &Path, driver: &Path) -> Chrome {
        let profile = folder();
        let mut command = Command::new(driver);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split("successfully on port ").nth(1).map(|rest| rest.trim_end_matches('.').to_string()));
        let port = port.expect("chromedriver says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        let mut chrome = Chrome {
            driver,
            address: format!("http://127.0.0.1:{port}/session"),
            agent,
            looks: Cell::new((false, 1440)),
            _profile: profile,
        };
        let session = chrome.command(
            "POST",
            "",
            &json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                // A dialog stays open, so that it can be seen.
                "unhandledPromptBehavior": "ignore",
                "goog:chromeOptions": { "binary": browser, "args": arguments(chrome._profile.path()) },
                "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            }}}),
        );
        let id = session["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {session}"));
        chrome.address = format!("{}/{id}", chrome.address);
        chrome
    }

    /// The `value` of an answer, which for a failed command holds `error`.
    #[track_caller]
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, path, body).unwrap_or_else(|error| panic!("chromedriver: {error}"))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, ureq::Error> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        let response = match method {
            "POST" => {
                self.agent.run(request.header("content-type", "application/json").body(body.to_string()).expect("a request"))
            }
            _ => self.agent.run(request.body(()).expect("a request")),
        };
        let mut text = String::new();
        response?.body_mut().as_reader().read_to_string(&mut text)?;
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(answer.get_mut("value").map(Value::take).unwrap_or_default())
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.command("POST", path, &body)
    }

    /// Opens a page and tells what it did.
    pub fn open(&self, url: &str) -> Seen {
        self.watch(|chrome| {
            chrome.post("/url", json!({ "url": url }));
        })
    }

    /// Sends a form of the page as a person would: by the button `then` (`name=value`), with these fields filled in or ticked. The
    /// browser's own checks of the form stand in the way as they would for a person.
    #[track_caller]
    pub fn send_form(&self, action: &str, fields: &[(&str, &str)], then: Option<(&str, &str)>) -> Seen {
        let script = "const [action, fields, then] = arguments;
            const named = (form, name) => [...form.elements].filter(e => e.name === name);
            const fits = form => form.getAttribute('action') === action && form.method === 'post'
                && fields.every(([name, value]) => named(form, name).some(e => e.type !== 'hidden' || e.value === value))
                && (!then || named(form, then[0]).some(e => e.value === then[1]));
            const form = [...document.forms].find(fits);
            if (!form) return 'no such form: ' + [...document.forms].map(f => f.getAttribute('action')).join(' ');
            for (const [name, value] of fields) {
                const own = named(form, name);
                const tick = own.find(e => ['radio', 'checkbox'].includes(e.type) && e.value === value);
                if (tick) tick.checked = true; else if (own[0].type !== 'hidden') own[0].value = value;
            }
            const button = then ? named(form, then[0]).find(e => e.value === then[1]) : form.querySelector('button[type=submit]');
            if (!button) return 'no button';
            if (!form.checkValidity()) return 'not complete: ' + [...form.querySelectorAll(':invalid')].map(e => e.name).join(' ');
            window.leaving = true; button.click(); return 'sent'";
        let then = then.map(|(name, value)| json!([name, value]));
        self.watch(|chrome| {
            let sent = chrome.post("/execute/sync", json!({ "script": script, "args": [action, fields, then] }));
            assert_eq!(sent, json!("sent"), "{action} {fields:?}");
            chrome.wait_until("return window.leaving === undefined && document.readyState === 'complete'");
        })
    }

    /// Presses a key where the focus is.
    pub fn press(&self, key: &str) {
        let text = if key.chars().count() == 1 {
            key
        } else if key == "Enter" {
            "\r"
        } else {
            ""
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        for kind in [down, "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code });
            self.tool("Input.dispatchKeyEvent", event);
        }
    }

    /// Moves the pointer over the page with its button down, from one place to another, in CSS pixels of the window.
    pub fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        for (kind, (x, y)) in [("mousePressed", from), ("mouseMoved", to), ("mouseReleased", to)] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.tool("Input.dispatchMouseEvent", event);
        }
    }

    /// Waits until a script that ends in `return` gives true; for ten seconds at most.
    #[track_caller]
    pub fn wait_until(&self, script: &str) {
        for _ in 0..200 {
            // While a page goes away, no script can be run in it.
            if self.post("/execute/sync", json!({ "script": script, "args": [] })) == json!(true) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("waited in vain: {script}; {}", self.words());
    }

    /// Does something and tells what the page did meanwhile.
    pub fn watch(&self, act: impl FnOnce(&Chrome)) -> Seen {
        self.log("browser");
        self.log("performance");
        act(self);
        let mut seen = Seen::default();
        // While a dialog is open nothing else can be asked.
        let dialog = self.command("GET", "/alert/text", &Value::Null);
        if dialog.get("error").is_none() {
            seen.dialog = Some(dialog.as_str().unwrap_or_default().to_string());
            self.post("/alert/dismiss", json!({}));
        }
        std::thread::sleep(SETTLE);
        seen.windows = self.command("GET", "/window/handles", &Value::Null).as_array().map_or(0, Vec::len);
        seen.url = self.command("GET", "/url", &Value::Null).as_str().unwrap_or_default().to_string();
        let of_weight = |entry: &Value| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap_or(""));
        seen.console = self.log("browser").iter().filter(|e| of_weight(e)).map(|e| e["message"].to_string()).collect();
        for entry in self.log("performance") {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap_or("null")).unwrap_or_default();
            let message = &event["message"];
            if message["method"] == "Network.requestWillBeSent" {
                seen.requests.push(message["params"]["request"]["url"].as_str().unwrap_or_default().to_string());
            }
        }
        seen.requests.retain(|url| !url.starts_with("data:"));
        seen
    }

    /// Entries of a log since it was last asked for.
    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", json!({ "type": kind }));
        entries.as_array().cloned().unwrap_or_default()
    }

    /// The result of a script that ends in `return`.
    #[track_caller]
    pub fn ask(&self, script: &str) -> Value {
        let value = self.post("/execute/sync", json!({ "script": script, "args": [] }));
        assert!(value.get("error").is_none(), "{script}: {value}");
        value
    }

    /// The result of a script that ends in `return`, given these arguments. An element is told by its reference.
    pub fn run(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": arguments }))
    }

    /// Clicks on an element where it is, as a pointer would: what lies over it is in the way. Waits for the page that comes.
    #[track_caller]
    pub fn click(&self, element: &Value) {
        self.on(element, "click", json!({}));
    }

    /// Writes a text where another may have been.
    #[track_caller]
    pub fn write(&self, element: &Value, text: &str) {
        self.run("if ('value' in arguments[0] && arguments[0].type !== 'file') arguments[0].value = ''", json!([element]));
        self.on(element, "value", json!({ "text": text }));
    }

    /// Writes where the focus is.
    #[track_caller]
    pub fn write_here(&self, text: &str) {
        let focused = self.command("GET", "/element/active", &Value::Null);
        self.on(&focused, "value", json!({ "text": text }));
    }

    #[track_caller]
    fn on(&self, element: &Value, act: &str, body: Value) {
        let id = element.as_object().and_then(|of| of.values().next()).and_then(Value::as_str).expect("an element");
        let done = self.post(&format!("/element/{id}/{act}"), body);
        assert!(done.get("error").is_none(), "{act}: {}", done["message"]);
    }

    /// Presses a key that leads to another page, and waits for it.
    #[track_caller]
    pub fn press_and_wait(&self, key: &str) {
        self.ask("window.leaving = true; return 1");
        self.press(key);
        self.wait_until("return window.leaving === undefined && document.readyState === 'complete'");
    }

    /// Whether pages may run scripts. What the tests ask is asked in either case.
    pub fn let_scripts_run(&self, may: bool) {
        self.tool("Emulation.setScriptExecutionDisabled", json!({ "value": !may }));
    }

    /// The words that a reader sees, with one blank between them.
    pub fn words(&self) -> String {
        let text = self.ask("return document.body.innerText").as_str().unwrap_or_default().to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Gives the browser a cookie for the site whose page it shows.
    pub fn set_cookie(&self, pair: &str) {
        let (name, value) = pair.split_once('=').expect("a cookie");
        self.post("/cookie", json!({ "cookie": { "name": name, "value": value, "path": "/", "httpOnly": true } }));
    }

    /// Nobody is signed in any more.
    pub fn forget_cookies(&self) {
        self.command("DELETE", "/cookie", &Value::Null);
    }

    /// `light` or `dark`, and the width of the window in CSS pixels.
    pub fn look(&self, scheme: &str, width: u32) {
        self.looks.set((scheme == "dark", width));
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.tool("Emulation.setEmulatedMedia", json!({ "media": "", "features": features }));
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.tool("Emulation.setDeviceMetricsOverride", size);
    }

    /// As on paper, without paging.
    pub fn look_printed(&self) {
        self.tool("Emulation.setEmulatedMedia", json!({ "media": "print", "features": [] }));
    }

    fn tool(&self, name: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": name, "params": parameters }))
    }

    /// What axe-core finds against WCAG 2.1 A and AA, and of its own rules for headings and landmarks: rule, then the places. Colours
    /// are looked at in the other theme too.
    pub fn barriers(&self) -> Vec<String> {
        // axe needs timers, which a page without scripts does not have: it looks at the same page without its policy.
        self.tool("Page.setBypassCSP", json!({ "enabled": true }));
        self.post("/refresh", json!({}));
        let axe = std::fs::read_to_string(axe_path()).expect("axe-core is installed");
        self.post("/execute/sync", json!({ "script": axe, "args": [] }));
        let also = ["heading-order", "page-has-heading-one", "landmark-one-main", "landmark-unique"]
            .map(|rule| (rule, json!({ "enabled": true })));
        let also: BTreeMap<&str, Value> = also.into_iter().collect();
        let mut found = self.axe(json!({ "type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }), json!(also));
        let (is_dark, width) = self.looks.get();
        let (here, there) = if is_dark { ("dark", "light") } else { ("light", "dark") };
        self.look(there, width);
        let of_colours = self.axe(json!({ "type": "rule", "values": ["color-contrast"] }), json!({}));
        found.extend(of_colours.into_iter().map(|barrier| format!("{there}: {barrier}")));
        self.look(here, width);
        self.tool("Page.setBypassCSP", json!({ "enabled": false }));
        found
    }

    fn axe(&self, only: Value, rules: Value) -> Vec<String> {
        let script = "const [only, rules, done] = arguments;
            axe.run(document, { resultTypes: ['violations'], runOnly: only, rules })
              .then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | '))),
                e => done(['axe failed: ' + e]))";
        let found = self.post("/execute/async", json!({ "script": script, "args": [only, rules] }));
        let all = found.as_array().unwrap_or_else(|| panic!("axe gave no answer: {found}"));
        all.iter().map(|v| v.as_str().unwrap_or_default().to_string()).collect()
    }

    /// How far what was drawn has moved by itself since the page began (the sum of Chromium's layout shifts). Needs scripts.
    pub fn shifted(&self) -> f64 {
        let script = "const [done] = arguments;
            let sum = 0;
            const add = entries => entries.forEach(e => { if (!e.hadRecentInput) sum += e.value; });
            const observer = new PerformanceObserver(list => add(list.getEntries()));
            observer.observe({ type: 'layout-shift', buffered: true });
            document.fonts.ready.then(() => requestAnimationFrame(() => setTimeout(() => { add(observer.takeRecords()); done(sum); }, 80)))";
        let sum = self.post("/execute/async", json!({ "script": script, "args": [] }));
        sum.as_f64().unwrap_or_else(|| panic!("no layout shift was told: {sum}"))
    }

    /// Keeps a text in `target/screenshots`, when `CHARTKEEP_SCREENSHOTS` is set.
    pub fn note(&self, name: &str, text: &str) {
        if std::env::var_os("CHARTKEEP_SCREENSHOTS").is_some() {
            self.keep(name, &json!(BASE64.encode(text)));
        }
    }

    /// Writes a picture of the whole page to `target/screenshots`, when `CHARTKEEP_SCREENSHOTS` is set.
    pub fn picture(&self, name: &str) {
        if std::env::var_os("CHARTKEEP_SCREENSHOTS").is_none() {
            return;
        }
        let shot = self.tool("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "optimizeForSpeed": true }));
        self.keep(&format!("{name}.png"), &shot["data"]);
    }

    /// Writes the page as it would be printed to `target/screenshots`, likewise.
    pub fn printed(&self, name: &str) {
        if std::env::var_os("CHARTKEEP_SCREENSHOTS").is_none() {
            return;
        }
        let paper = json!({ "preferCSSPageSize": true, "printBackground": true });
        self.keep(&format!("{name}.pdf"), &self.tool("Page.printToPDF", paper)["data"]);
    }

    fn keep(&self, name: &str, base64: &Value) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let bytes = BASE64.decode(base64.as_str().unwrap_or_default()).expect("base64");
        std::fs::write(folder.join(name), bytes).expect("the picture can be written");
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.send("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn arguments(profile: &Path) -> Vec<String> {
    let fixed = [
        "--headless=new",
        // Tests run in containers, as root, where Chromium's own sandbox cannot start.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        // Names are not looked up: what a page asks for is seen in the log, and leaves the machine in no case.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "about:blank",
    ];
    let profile = format!("--user-data-dir={}", profile.display());
    std::iter::once(profile).chain(fixed.map(String::from)).collect()
}
