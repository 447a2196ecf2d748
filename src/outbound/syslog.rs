//! Messages to a syslog collector: RFC 5424 over TLS (RFC 5425), through a buffer on disk.
//!
//! A message is handed over and forgotten: one thread puts messages into files, another sends the files, oldest first.
//! Syslog has no answers, so a file is removed once the collector closed a connection to its end as we did, which says
//! that it read all of it; otherwise the file is sent again. A collector may get a message twice but misses none while the
//! buffer has room. Several processes may share a buffer; whoever holds its
//! lock sends. Not for: what a message says, and the log itself, which never waits for any of this.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use jiff::Timestamp;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::config::SyslogTarget;
use crate::durable;
use crate::limits::{SYSLOG_BUFFER_MAX, SYSLOG_FILE_MAX, SYSLOG_MESSAGE_MAX};

/// Facility 10, security and authorization messages.
const FACILITY: u8 = 10;
const APP_NAME: &str = "chartkeep";
const ENDING: &str = ".syslog";
const LOCK_FILE: &str = "lock";
/// Messages waiting for the disk. Beyond that they are lost, and counted.
const QUEUE_MAX: usize = 8192;
/// How long messages are gathered into one file.
const GATHER: Duration = Duration::from_millis(50);
const CONNECT_MAX: Duration = Duration::from_secs(5);
const WRITE_MAX: Duration = Duration::from_secs(10);
/// A connection without messages is ended after this, and a busy one after the other: only then files are removed.
const IDLE_MAX: Duration = Duration::from_millis(600);
const CONNECTION_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long the collector may take to read on and to close.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long after that a complaint about what it did not read may be on its way.
const COMPLAINT: Duration = Duration::from_millis(200);
const BACK_OFF_MIN: Duration = Duration::from_millis(250);
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// How long the end of a process waits for what is still to be sent.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

/// Why there is no sender.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    #[error("{0} is no address host:port")]
    Address(String),
    #[error("the authorities in {0} cannot be read")]
    Authorities(String),
    #[error("TLS cannot be used")]
    Tls,
    #[error(transparent)]
    Buffer(#[from] durable::DurableError),
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// How urgent a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    Warning,
    Notice,
}

impl Severity {
    fn code(self) -> u8 {
        match self {
            Severity::Warning => 4,
            Severity::Notice => 5,
        }
    }
}

/// A sender. Cheap to clone; the last clone ends it.
#[derive(Clone, Debug)]
pub struct Syslog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Option<Sender<Vec<u8>>>,
    host: String,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    ended: Receiver<()>,
}

impl Syslog {
    /// Starts to send what is in the buffer and what comes.
    ///
    /// # Errors
    /// When the target's authorities or the buffer cannot be used. A collector that does not answer is no error.
    pub fn start(target: &SyslogTarget, buffer_dir: &Path) -> Result<Syslog, SyslogError> {
        let collector = Collector::new(target)?;
        durable::create_dir_all(buffer_dir)?;
        let (queue, messages) = bounded(QUEUE_MAX);
        let (end, ended) = bounded::<()>(0);
        let stop = Arc::new(AtomicBool::new(false));
        let spool = Spool { dir: buffer_dir.to_path_buf() };
        let spooler = spool.clone();
        let (stopping, end_too) = (stop.clone(), end.clone());
        let named = |name: &str| std::thread::Builder::new().name(name.to_string());
        let keep = named("syslog-buffer").spawn(move || {
            keep(&messages, &spooler);
            stopping.store(true, Ordering::Release);
            drop(end_too);
        });
        let sender_stop = stop.clone();
        let send = named("syslog").spawn(move || {
            Delivery { spool, collector, stop: sender_stop, is_unanswered: false }.run();
            drop(end);
        });
        let threads = vec![keep.map_err(SyslogError::Thread)?, send.map_err(SyslogError::Thread)?];
        let inner = Inner { queue: Some(queue), host: host_name(), stop, threads, ended };
        Ok(Syslog { inner: Arc::new(inner) })
    }

    /// Hands a message over. Never waits: what does not fit is lost to the collector, and counted.
    pub fn send(&self, severity: Severity, msgid: &str, message: &str) {
        let line = line(severity, &self.inner.host, msgid, message, Timestamp::now());
        let Some(queue) = &self.inner.queue else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(line) {
            metrics::counter!("chartkeep_syslog_lost_total").increment(1);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without its sender the queue ends, then the buffering, then the sending.
        self.queue = None;
        if self.ended.recv_timeout(CLOSE_WAIT) == Err(RecvTimeoutError::Disconnected) {
            for thread in self.threads.drain(..) {
                // A panic in there was reported by its own hook.
                let _ = thread.join();
            }
        }
        self.stop.store(true, Ordering::Release);
    }
}

/// One message as it goes out: RFC 5424 with the length of RFC 5425 before it.
fn line(severity: Severity, host: &str, msgid: &str, message: &str, at: Timestamp) -> Vec<u8> {
    let priority = FACILITY * 8 + severity.code();
    let head = format!("<{priority}>1 {at:.6} {host} {APP_NAME} {} {} - ", std::process::id(), printable(msgid, 32));
    let text: String = message.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect();
    let end = text.floor_char_boundary(SYSLOG_MESSAGE_MAX.min(text.len()));
    // The mark says that what follows is UTF-8.
    let body = format!("{head}\u{feff}{}", &text[..end]);
    let mut line = format!("{} ", body.len()).into_bytes();
    line.extend_from_slice(body.as_bytes());
    line
}

/// Control characters and line separators could make one message look like two.
fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A head field: printable ASCII, not empty.
fn printable(text: &str, most: usize) -> String {
    let field: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if field.is_empty() { "-".to_string() } else { field }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/etc/hostname").or_else(|_| std::env::var("HOSTNAME")).unwrap_or_default();
    printable(&name, 255)
}

/// The buffer: files of whole messages, named so that they sort by age.
#[derive(Clone, Debug)]
struct Spool {
    dir: PathBuf,
}

impl Spool {
    fn put(&self, messages: &[u8]) -> Result<(), durable::DurableError> {
        durable::write_new(&self.dir.join(format!("{}{ENDING}", uuid::Uuid::now_v7())), messages)?;
        self.bound();
        Ok(())
    }

    /// Makes room: the oldest files go first.
    fn bound(&self) {
        let files = self.files();
        let mut bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        metrics::gauge!("chartkeep_syslog_buffer_bytes").set(bytes as f64);
        for (path, size) in files {
            if bytes <= SYSLOG_BUFFER_MAX {
                break;
            }
            if durable::remove_file(&path).is_ok() {
                metrics::counter!("chartkeep_syslog_lost_files_total").increment(1);
                tracing::error!("the buffer for the syslog collector is full; its oldest messages were dropped");
                bytes -= size;
            }
        }
    }

    /// Files with their sizes, oldest first.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let is_ours = |path: &PathBuf| path.to_string_lossy().ends_with(ENDING);
        let mut files: Vec<(PathBuf, u64)> =
            entries.filter_map(|e| Some((e.path(), e.metadata().ok()?.len()))).filter(|(path, _)| is_ours(path)).collect();
        files.sort();
        files
    }
}

/// Gathers messages into files until nobody can send any more.
fn keep(messages: &Receiver<Vec<u8>>, spool: &Spool) {
    while let Ok(first) = messages.recv() {
        let mut batch = first;
        let until = Instant::now() + GATHER;
        while batch.len() < SYSLOG_FILE_MAX
            && let Ok(next) = messages.recv_deadline(until)
        {
            batch.extend_from_slice(&next);
        }
        if let Err(error) = spool.put(&batch) {
            metrics::counter!("chartkeep_syslog_lost_total").increment(1);
            tracing::error!(%error, "messages for the syslog collector cannot be buffered");
        }
    }
}

/// Sends the files of a buffer.
struct Delivery {
    spool: Spool,
    collector: Collector,
    stop: Arc<AtomicBool>,
    /// Whether the last farewell was not answered: the collector may be gone, or never closes.
    is_unanswered: bool,
}

impl Delivery {
    fn run(mut self) {
        let mut lock = None;
        let mut back_off = BACK_OFF_MIN;
        loop {
            let is_last = self.stop.load(Ordering::Acquire);
            if lock.is_none() {
                lock = durable::lock_exclusive(&self.spool.dir.join(LOCK_FILE)).ok().flatten();
            }
            let has_work = lock.is_some() && !self.spool.files().is_empty();
            if has_work {
                match self.deliver() {
                    Ok(()) => back_off = BACK_OFF_MIN,
                    Err(error) => {
                        metrics::counter!("chartkeep_syslog_failures_total").increment(1);
                        tracing::warn!(%error, "the syslog collector takes no messages; they are kept");
                        if is_last {
                            return;
                        }
                        self.pause(back_off);
                        back_off = (back_off * 2).min(BACK_OFF_MAX);
                        continue;
                    }
                }
            }
            if is_last {
                return;
            }
            self.pause(LOOK_EVERY);
        }
    }

    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stop.load(Ordering::Acquire) {
            std::thread::sleep(LOOK_EVERY.min(time));
        }
    }

    /// One connection, until it breaks, has nothing to send, or was long enough. What was sent over one that breaks stays
    /// in the buffer.
    fn deliver(&mut self) -> io::Result<()> {
        let mut connection = self.collector.connect()?;
        let mut sent: Vec<PathBuf> = Vec::new();
        let began = Instant::now();
        let mut busy = began;
        loop {
            let is_last = self.stop.load(Ordering::Acquire);
            is_open(&mut connection)?;
            for (path, _) in self.spool.files() {
                if sent.contains(&path) {
                    continue;
                }
                // A file may be gone: the buffer is bounded.
                let Ok(bytes) = std::fs::read(&path) else { continue };
                connection.write_all(&bytes)?;
                connection.flush()?;
                metrics::counter!("chartkeep_syslog_sent_bytes_total").increment(bytes.len() as u64);
                sent.push(path);
                busy = Instant::now();
            }
            if is_last || busy.elapsed() >= IDLE_MAX || began.elapsed() >= CONNECTION_MAX {
                return self.take_leave(connection, &sent);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends a connection, and removes what was sent over it when the collector read it all. One that did not close in time
    /// gets everything again; if it does not close the next time either, it lives and never does.
    fn take_leave(&mut self, mut connection: StreamOwned<ClientConnection, TcpStream>, sent: &[PathBuf]) -> io::Result<()> {
        connection.conn.send_close_notify();
        connection.flush()?;
        connection.sock.shutdown(Shutdown::Write)?;
        connection.sock.set_read_timeout(Some(FAREWELL))?;
        let is_closed = loop {
            match connection.sock.read(&mut [0; 512]) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break false,
                Err(error) => return Err(error),
            }
        };
        // What arrived after the collector closed is complained about, a moment later.
        std::thread::sleep(COMPLAINT);
        if let Some(error) = connection.sock.take_error()? {
            return Err(error);
        }
        if !is_closed && !std::mem::replace(&mut self.is_unanswered, true) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.is_unanswered &= !is_closed;
        for path in sent {
            if let Err(error) = durable::remove_file(path) {
                tracing::warn!(%error, "sent messages cannot be removed from the buffer");
            }
        }
        Ok(())
    }
}

/// A collector sends nothing; that it closed shows when one tries to read.
fn is_open(connection: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<()> {
    let mut byte = [0];
    match connection.read(&mut byte) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whom to connect to, and whom to trust.
struct Collector {
    address: String,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

impl Collector {
    fn new(target: &SyslogTarget) -> Result<Collector, SyslogError> {
        let wrong = || SyslogError::Address(target.address.clone());
        let (host, port) = target.address.rsplit_once(':').ok_or_else(wrong)?;
        port.parse::<u16>().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
        let name = ServerName::try_from(host).map_err(|_| wrong())?;
        let mut roots = RootCertStore::empty();
        match &target.ca_file {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => {
                let failed = || SyslogError::Authorities(file.display().to_string());
                let mut pem = BufReader::new(File::open(file).map_err(|_| failed())?);
                for certificate in rustls_pemfile::certs(&mut pem) {
                    roots.add(certificate.map_err(|_| failed())?).map_err(|_| failed())?;
                }
                if roots.is_empty() {
                    return Err(failed());
                }
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| SyslogError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Collector { address: target.address.clone(), name, tls: Arc::new(tls) })
    }

    fn connect(&self) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut failed = io::Error::from(io::ErrorKind::NotFound);
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_MAX) {
                Ok(mut socket) => {
                    socket.set_write_timeout(Some(WRITE_MAX))?;
                    socket.set_read_timeout(Some(CONNECT_MAX))?;
                    let mut client = ClientConnection::new(self.tls.clone(), self.name.clone()).map_err(io::Error::other)?;
                    while client.is_handshaking() {
                        client.complete_io(&mut socket)?;
                    }
                    // From now on a read only asks whether the other side is still there.
                    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
                    return Ok(StreamOwned::new(client, socket));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

#[cfg(test)]
#[path = "syslog_tests.rs"]
mod tests;
