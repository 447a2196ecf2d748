//! A browser as far as signing in needs one: cookies by site, redirects, forms.
//!
//! Not for: what an answer must be.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

/// An answer, where it came from, and what redirects led there.
#[derive(Debug)]
pub struct Page {
    pub url: String,
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
    pub trail: Vec<String>,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The value of a form's field.
    pub fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&start).nth(1).unwrap_or_else(|| panic!("no field {name} at {}: {}", self.url, self.body));
        rest.split('"').next().unwrap_or_default().to_string()
    }
}

/// One person at one browser. `person` is who the scripted providers take him for.
pub struct Browser {
    agent: ureq::Agent,
    cookies: BTreeMap<(String, String), String>,
    pub person: String,
    /// Sent along with every request.
    pub headers: Vec<(&'static str, String)>,
}

impl Browser {
    pub fn of(person: &str) -> Browser {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        Browser { agent, cookies: BTreeMap::new(), person: person.into(), headers: Vec::new() }
    }

    pub fn cookie(&self, url: &str, name: &str) -> Option<&str> {
        self.cookies.get(&(site(url), name.to_string())).map(String::as_str)
    }

    pub fn set_cookie(&mut self, url: &str, name: &str, value: &str) {
        self.cookies.insert((site(url), name.to_string()), value.to_string());
    }

    /// Forgets all cookies of a site.
    pub fn forget(&mut self, url: &str) {
        let gone = site(url);
        self.cookies.retain(|(of, _), _| *of != gone);
    }

    /// One request, no redirect followed.
    pub fn step(&mut self, url: &str, form: Option<&str>) -> Page {
        let mut request = ureq::http::Request::builder().method(if form.is_some() { "POST" } else { "GET" }).uri(url);
        let own = site(url);
        let cookies: Vec<String> =
            self.cookies.iter().filter(|((of, _), _)| *of == own).map(|((_, name), value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        request = request.header("x-person", &self.person).header("accept", "text/html");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = match form {
            None => self.agent.run(request.body(()).expect("a request")),
            Some(form) => {
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                self.agent.run(request.body(form.to_string()).expect("a request"))
            }
        };
        let (head, mut body) = answer.expect("an answer").into_parts();
        let mut bytes = Vec::new();
        body.as_reader().read_to_end(&mut bytes).expect("the answer is whole");
        for cookie in head.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            let (name, value) = cookie.split(';').next().unwrap_or_default().split_once('=').unwrap_or_default();
            let gone = cookie.contains("Max-Age=0") || cookie.contains("1970");
            if gone {
                self.cookies.remove(&(own.clone(), name.to_string()));
            } else {
                self.cookies.insert((own.clone(), name.to_string()), value.to_string());
            }
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Page { url: url.into(), status: head.status.as_u16(), headers: head.headers, body, trail: Vec::new() }
    }

    /// Follows redirects to the end.
    pub fn go(&mut self, url: &str) -> Page {
        self.follow(url, None, |_| false).expect("an end")
    }

    /// The same for a form.
    pub fn send(&mut self, url: &str, form: &str) -> Page {
        self.follow(url, Some(form), |_| false).expect("an end")
    }

    /// Follows redirects until one leads to an address that begins with `stop`; gives that address, not asked.
    pub fn until(&mut self, url: &str, stop: &str) -> String {
        let mut last = String::new();
        let end = self.follow(url, None, |next| {
            last = next.to_string();
            next.starts_with(stop)
        });
        assert!(end.is_none(), "no redirect led to {stop}: {end:?}");
        last
    }

    fn follow(&mut self, url: &str, form: Option<&str>, mut is_end: impl FnMut(&str) -> bool) -> Option<Page> {
        let (mut url, mut form, mut trail) = (url.to_string(), form, Vec::new());
        for _ in 0..20 {
            let mut page = self.step(&url, form.take());
            if !(300..400).contains(&page.status) {
                page.trail = trail;
                return Some(page);
            }
            let location = page.header("location").to_string();
            url = if location.starts_with('/') { format!("{}{location}", site(&url)) } else { location };
            trail.push(url.clone());
            if is_end(&url) {
                return None;
            }
        }
        panic!("redirects without end: {trail:?}");
    }
}

/// `http://host:port`
fn site(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}
