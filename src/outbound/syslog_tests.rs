//! A collector on this machine that speaks TLS, dies and comes back.
//!
//! Not for: collectors of others.

use std::net::TcpListener;
use std::sync::Mutex;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::*;

/// A collector with a certificate of its own.
struct Listener {
    address: String,
    tls: Arc<ServerConfig>,
    got: Arc<Mutex<Vec<String>>>,
}

/// A collector at work; ends when dropped, its connections with it.
struct Working {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn new(dir: &Path) -> Listener {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
        std::fs::write(dir.join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("localhost:{}", free.local_addr().unwrap().port());
        Listener { address, tls: Arc::new(tls), got: Arc::default() }
    }

    fn target(&self, dir: &Path) -> SyslogTarget {
        SyslogTarget { address: self.address.clone(), ca_file: Some(dir.join("ca.pem")), entries: false }
    }

    fn work(&self) -> Working {
        let listener = TcpListener::bind(self.address.replace("localhost", "127.0.0.1")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (tls, got, stop) = (self.tls.clone(), self.got.clone(), Arc::new(AtomicBool::new(false)));
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((socket, _)) => collect(socket, &tls, &got, &stopping),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Working { stop, thread: Some(thread) }
    }

    /// What came so far, each message once, in order of first arrival.
    fn messages(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for message in self.got.lock().unwrap().iter() {
            if !all.contains(message) {
                all.push(message.clone());
            }
        }
        all
    }

    fn wait_for(&self, count: usize) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(30);
        while self.messages().len() < count && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.messages()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Reads messages of one connection by their lengths.
fn collect(socket: TcpStream, tls: &Arc<ServerConfig>, got: &Mutex<Vec<String>>, stop: &AtomicBool) {
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut stream = StreamOwned::new(ServerConnection::new(tls.clone()).unwrap(), socket);
    let mut bytes = Vec::new();
    while !stop.load(Ordering::Acquire) {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        while let Some(space) = bytes.iter().position(|b| *b == b' ') {
            let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
            if bytes.len() < space + 1 + length {
                break;
            }
            let message = bytes[space + 1..space + 1 + length].to_vec();
            got.lock().unwrap().push(String::from_utf8(message).unwrap());
            bytes.drain(..space + 1 + length);
        }
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn texts(messages: &[String]) -> Vec<&str> {
    messages.iter().map(|message| message.split_once('\u{feff}').unwrap().1).collect()
}

#[test]
fn a_restart_of_the_collector_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new(dir.path());
    // It is not there yet: nobody waits for it.
    let syslog = Syslog::start(&listener.target(dir.path()), &dir.path().join("buffer")).unwrap();
    let before = Instant::now();
    let mut expected: Vec<String> = (0..20).map(|n| format!("first {n}")).collect();
    expected.iter().for_each(|text| syslog.send(Severity::Notice, "TEST", text));
    assert!(before.elapsed() < Duration::from_secs(1));

    let mut working = Some(listener.work());
    assert_eq!(texts(&listener.wait_for(20)), expected);
    for round in 0..4 {
        // Messages go on while it goes and comes back.
        for n in 0..60 {
            let text = format!("round {round} {n}");
            syslog.send(Severity::Warning, "TEST", &text);
            expected.push(text);
            std::thread::sleep(Duration::from_millis(5));
        }
        working = if working.is_some() { None } else { Some(listener.work()) };
    }
    let working = working.unwrap_or_else(|| listener.work());
    let got = listener.wait_for(expected.len());
    let mut got = texts(&got);
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);
    // The farewell is answered, so nothing is left to send.
    drop(syslog);
    drop(working);
    let left = std::fs::read_dir(dir.path().join("buffer")).unwrap().count();
    assert_eq!(left, 1, "the lock alone");
}

#[test]
fn what_was_not_delivered_is_sent_by_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new(dir.path());
    let (target, buffer) = (listener.target(dir.path()), dir.path().join("buffer"));
    let one = Syslog::start(&target, &buffer).unwrap();
    one.send(Severity::Notice, "TEST", "from the first");
    drop(one);
    let (two, three) = (Syslog::start(&target, &buffer).unwrap(), Syslog::start(&target, &buffer).unwrap());
    let _working = listener.work();
    three.send(Severity::Notice, "TEST", "from one that does not send itself");
    assert_eq!(texts(&listener.wait_for(2)), ["from the first", "from one that does not send itself"]);
    drop((two, three));
}

#[test]
fn a_collector_that_nobody_vouches_for_gets_nothing() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let listener = Listener::new(dir.path());
    Listener::new(other.path());
    let _working = listener.work();
    let syslog = Syslog::start(&listener.target(other.path()), &dir.path().join("buffer")).unwrap();
    syslog.send(Severity::Notice, "TEST", "x");
    std::thread::sleep(Duration::from_millis(800));
    drop(syslog);
    assert!(listener.messages().is_empty());
    assert_eq!(std::fs::read_dir(dir.path().join("buffer")).unwrap().count(), 2, "the message waits");
}

#[test]
fn a_message_is_one_line_whatever_it_holds() {
    let at: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
    let line = |text: &str| String::from_utf8(line(Severity::Warning, "h", "A B", text, at)).unwrap();
    let pid = std::process::id();
    let message = format!("<84>1 2026-01-02T03:04:05.678901Z h chartkeep {pid} AB - \u{feff}a  [31m b c");
    assert_eq!(line("a\n\u{1b}[31m\u{2028}b\0c"), format!("{} {message}", message.len()));
    let long = line(&"é".repeat(SYSLOG_MESSAGE_MAX));
    let (length, rest) = long.split_once(' ').unwrap();
    assert!(length.parse::<usize>().unwrap() == rest.len() && rest.len() < 32_768);
    assert!(String::from_utf8(super::line(Severity::Notice, "h", "", "", at)).unwrap().contains("<85>1 "));
}

#[test]
fn a_full_buffer_drops_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool { dir: dir.path().to_path_buf() };
    for name in ["00000001", "00000002"] {
        // Sparse: it counts as large and takes no room.
        let file = File::create(dir.path().join(format!("{name}{ENDING}"))).unwrap();
        file.set_len(SYSLOG_BUFFER_MAX / 2).unwrap();
    }
    spool.put(b"new").unwrap();
    let left: Vec<u64> = spool.files().iter().map(|(_, bytes)| *bytes).collect();
    assert_eq!(left, [SYSLOG_BUFFER_MAX / 2, 3]);
}
