//! A made-up identity provider for tests: keys, tokens good and forged, and a listener that counts who calls.
//!
//! Not for: what must become of a token.
#![allow(dead_code, reason = "each test uses its own part")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// A private key with its name.
pub struct TestKey {
    pub kid: String,
    pub algorithm: Algorithm,
    encoding: EncodingKey,
}

impl TestKey {
    /// A new key for one of RS256, RS384, PS256, PS384, ES256, ES384, EdDSA.
    pub fn new(kid: &str, algorithm: Algorithm) -> TestKey {
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let made = |kind| rcgen::KeyPair::generate_for(kind).expect("a key is made");
        let encoding = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&made(&rcgen::PKCS_ECDSA_P256_SHA256).serialize_der()),
            Algorithm::ES384 => EncodingKey::from_ec_der(&made(&rcgen::PKCS_ECDSA_P384_SHA384).serialize_der()),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&made(&rcgen::PKCS_ED25519).serialize_der()),
            _ => EncodingKey::from_rsa_pem(made(&rcgen::PKCS_RSA_SHA256).serialize_pem().as_bytes()).expect("a PEM key"),
        };
        TestKey { kid: kid.into(), algorithm, encoding }
    }

    /// An RSA key, the same for all tests of the process: making one takes its time.
    pub fn rsa() -> &'static TestKey {
        static RSA: OnceLock<TestKey> = OnceLock::new();
        RSA.get_or_init(|| TestKey::new("rsa", Algorithm::RS256))
    }

    /// The public key as a JWK, without `alg`.
    pub fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.encoding, self.algorithm).expect("a public key");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk.as_object_mut().expect("an object").remove("alg");
        jwk
    }

    /// A header as an issuer writes it.
    pub fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": name_of(self.algorithm), "kid": self.kid})
    }

    /// A token with a header and claims that may be anything, signed with this key's own algorithm.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        self.sign_as(self.algorithm, header, claims)
    }

    pub fn sign_as(&self, algorithm: Algorithm, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, algorithm).expect("signed");
        format!("{message}.{signature}")
    }

    /// A token with the usual header.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }
}

pub fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::RS384 => "RS384",
        Algorithm::PS256 => "PS256",
        Algorithm::PS384 => "PS384",
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        _ => "EdDSA",
    }
}

/// A JWK Set of these keys.
pub fn jwks(keys: &[&TestKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// A token signed with HMAC, whatever its header says.
pub fn hmac_token(secret: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signed");
    format!("{message}.{signature}")
}

/// A web server on this machine that answers every path alike and counts the calls.
pub struct Listener {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    calls: Arc<AtomicUsize>,
    asked: Arc<Mutex<String>>,
    answers: Arc<Mutex<(u16, String, String)>>,
}

impl Listener {
    /// Answers 200 with this body, and this `Cache-Control` when it is not empty. `{address}` in the body is its own.
    pub fn start(body: &str, cache_control: &str) -> Listener {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", socket.local_addr().expect("bound"));
        let calls = Arc::new(AtomicUsize::new(0));
        let answers = Arc::new(Mutex::new((200, body.replace("{address}", &address), cache_control.to_string())));
        let asked = Arc::new(Mutex::new(String::new()));
        let (counted, given, heard) = (calls.clone(), answers.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let mut stream = stream;
                counted.fetch_add(1, Ordering::SeqCst);
                *heard.lock().expect("held") = request(&mut stream);
                let (status, body, cache) = given.lock().expect("held").clone();
                let cache = if cache.is_empty() { String::new() } else { format!("Cache-Control: {cache}\r\n") };
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\n{cache}Location: /elsewhere\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        Listener { address, calls, asked, answers }
    }

    /// The last request, head and body.
    pub fn asked(&self) -> String {
        self.asked.lock().expect("held").clone()
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// What is answered from now on.
    pub fn answer(&self, status: u16, body: &str) {
        let mut answers = self.answers.lock().expect("held");
        (answers.0, answers.1) = (status, body.replace("{address}", &self.address));
    }
}

/// A whole request, as far as it comes.
fn request(stream: &mut impl Read) -> String {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        let length = text.to_ascii_lowercase().split("content-length: ").nth(1).and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<usize>().ok()
        });
        if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0)) {
            return text;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text,
            Ok(n) => read.extend_from_slice(&piece[..n]),
        }
    }
}
