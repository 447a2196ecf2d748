//! A running `chartkeep serve` and a plain client for it.
//!
//! Not for: what an answer must be.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A server on a port of the system's choice; killed when dropped.
pub struct Server {
    process: Child,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub address: String,
    agent: ureq::Agent,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Server {
    /// Starts `serve` on an archive and waits for the line with its address.
    pub fn start(archive: &Path) -> Server {
        Server::start_with(archive, &[])
    }

    /// The same with further options.
    pub fn start_with(archive: &Path, options: &[&str]) -> Server {
        let words = [Path::new("serve"), archive, Path::new("--listen"), Path::new("127.0.0.1:0")];
        Server::of(super::command(words.into_iter().chain(options.iter().map(Path::new))))
    }

    /// On an address that the caller has chosen.
    pub fn start_at(archive: &Path, listen: &str, options: &[&str]) -> Server {
        let words = [Path::new("serve"), archive, Path::new("--listen"), Path::new(listen)];
        Server::of(super::command(words.into_iter().chain(options.iter().map(Path::new))))
    }

    /// Started by another command, which gets the server's own as further words: for limits of the system.
    pub fn start_under(archive: &Path, command: &[&str]) -> Server {
        let mut under = std::process::Command::new(command[0]);
        under.args(&command[1..]).arg(env!("CARGO_BIN_EXE_chartkeep")).arg("serve").arg(archive);
        under.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null());
        Server::of(under)
    }

    fn of(mut command: std::process::Command) -> Server {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let line = lines.next().and_then(Result::ok).expect("the server says when it is ready");
        let address = line.split_whitespace().find(|word| word.starts_with("http://"));
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).trim_end_matches('/').to_string();
        // Reads on, so that the server never waits for its own words to be taken.
        std::thread::spawn(move || lines.for_each(drop));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        Server { process, address, agent }
    }

    /// The process id, for tests that end it their own way.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `GET` with an optional bearer token.
    pub fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.request("GET", path, token, &[])
    }

    /// Any method without a body.
    pub fn request(&self, method: &str, path: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a well-formed request");
        let agent = self.agent.configure_request(request).allow_non_standard_methods(true).build();
        let response = self.agent.run(agent).expect("the server answers");
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        body.as_reader().read_to_end(&mut bytes).expect("the answer is whole");
        Answer { status: head.status.as_u16(), headers: head.headers, body: bytes }
    }

    /// Ends the server at once, without a word, as a power cut would.
    pub fn kill(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
