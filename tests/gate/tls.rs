//! The server behind TLS: what a client with the right authority sees, what one without it does not, and a certificate
//! that is renewed while the server runs.
//!
//! Not for: reading the files (`server::tls`).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chartkeep::outbound::Caller;

use crate::support::{command, folder, init};

struct Secure {
    process: Child,
    address: String,
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(archive: &Path, chain: &Path, key: &Path) -> Secure {
    let words = [Path::new("serve"), archive, Path::new("--listen"), Path::new("127.0.0.1:0")];
    let files = [Path::new("--tls-cert"), chain, Path::new("--tls-key"), key];
    let mut process = command(words.into_iter().chain(files)).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let line = lines.next().and_then(Result::ok).expect("the server says when it is ready");
    let address = line.split_whitespace().find(|word| word.starts_with("https://")).expect("an address").to_string();
    std::thread::spawn(move || lines.for_each(drop));
    Secure { process, address: address.replace("127.0.0.1", "localhost") }
}

/// A certificate for localhost of its own authority; gives chain and key.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).expect("a certificate is made");
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    std::fs::write(&chain, made.cert.pem()).expect("written");
    (chain, key)
}

#[test]
fn the_server_speaks_tls_and_takes_a_renewed_certificate() {
    let folder = folder();
    let archive = init(&folder);
    let (chain, key) = certificate(folder.path());
    let first = folder.path().join("first.pem");
    std::fs::copy(&chain, &first).expect("copied");
    let server = serve(&archive, &chain, &key);
    let live = format!("{}/healthz", server.address);

    let knows_first = Caller::new(Some(&first)).expect("an authority");
    assert_eq!(knows_first.get(&live, &[], 100).expect("an answer").status, 200);
    let knows_the_web = Caller::new(None).expect("the authorities of browsers");
    assert!(knows_the_web.get(&live, &[], 100).is_err(), "an authority that nobody named was trusted");
    let plain = format!("{}/healthz", server.address.replace("https://", "http://"));
    assert!(!knows_first.get(&plain, &[], 100).is_ok_and(|reply| reply.status == 200), "health data in the clear");

    // Renewed, under another key: after a while new connections get it, and nobody restarts anything.
    certificate(folder.path());
    let knows_second = Caller::new(Some(&chain)).expect("an authority");
    let began = Instant::now();
    while knows_second.get(&live, &[], 100).is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "the renewed certificate was not taken");
        std::thread::sleep(Duration::from_millis(250));
    }
}
