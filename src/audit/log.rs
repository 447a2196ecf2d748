//! The audit log of this process: one writer thread with group commit in front of one stream.
//!
//! The writer syncs at once when it is idle and gathers only what arrives while a sync is in flight. After a write error
//! every append fails, so that whoever waits for an acknowledgement shows nothing. Not for: what an entry says.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tokio::sync::oneshot;

use crate::config::AuditConfig;
use crate::outbound::Syslog;
use crate::signing::Signer;

use super::entry::{EVENTS, Entry};
use super::folder::LogFolder;
use super::outlet::Outlets;
use super::room::{Reserve, Room};
use super::stream::{BATCH_BYTES_MAX, Opened, Stream, StreamOptions};
use super::{FOLDER, LogError, hex};

/// Most entries of one batch.
const BATCH_ENTRIES_MAX: usize = 256;
/// Most entries waiting for the writer. Beyond that appends are refused at once.
const QUEUE_MAX: usize = 8192;
/// How often a log without room looks whether there is some again.
const ROOM_EVERY: Duration = Duration::from_secs(1);

/// When segments end and checkpoints are cut. The defaults are for use; tests make them small.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size at which a segment is closed, in bytes.
    pub segment_bytes_max: u64,
    /// Space reserved at a time, in bytes.
    pub step_bytes: u64,
    /// Entries after which a checkpoint is due.
    pub checkpoint_entries: u64,
    /// Time after which new entries are covered by a checkpoint.
    pub checkpoint_every: Duration,
    /// Free space on the disk below which no entry is taken.
    pub reserve: Reserve,
}

impl Default for Options {
    fn default() -> Self {
        let StreamOptions { segment_bytes_max, step_bytes } = StreamOptions::default();
        let checkpoint_every = Duration::from_secs(60);
        Options { segment_bytes_max, step_bytes, checkpoint_entries: 1_000, checkpoint_every, reserve: Reserve::default() }
    }
}

/// Where an entry stands, once it is on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ack {
    pub stream: Arc<str>,
    pub seq: u64,
}

/// Why an entry was not written. Nothing that depends on it may leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit log failed and takes no more entries until a restart")]
    Failed,
    #[error("the audit log is overloaded")]
    Overloaded,
    /// Entries are taken again once there is room.
    #[error("the disk of the audit log is nearly full")]
    NoRoom,
    #[error("the audit entry is too large")]
    TooLarge,
    #[error("there is no audit event of this name")]
    UnknownEvent,
}

type Answer = Result<Ack, AuditError>;

/// An entry on its way to the disk. Resolves when it is there.
#[derive(Debug)]
pub struct Pending(Result<oneshot::Receiver<Answer>, AuditError>);

impl Pending {
    pub async fn durable(self) -> Result<Ack, AuditError> {
        self.0?.await.unwrap_or(Err(AuditError::Failed))
    }
}

/// The log of this process: one writer thread, one stream. Cheap to clone; the last clone writes `app.stop` and a
/// checkpoint when it goes.
#[derive(Clone, Debug)]
pub struct AuditLog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: Sender<Message>,
    state: Arc<State>,
    stream: Arc<str>,
    syslog: Option<Syslog>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer tells those who append.
#[derive(Debug, Default)]
struct State {
    /// After an error; final.
    failed: AtomicBool,
    /// While the disk is nearly full.
    is_short: AtomicBool,
}

impl State {
    fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }
}

enum Message {
    Append(Box<Entry>, Waiter),
    Checkpoint(Sender<Result<(), AuditError>>),
    Stop,
}

/// Who wants to know that an entry is durable.
enum Waiter {
    Nobody,
    Thread(Sender<Answer>),
    Task(oneshot::Sender<Answer>),
}

impl Waiter {
    /// A waiter that has gone away needs no answer.
    fn tell(self, answer: Answer) {
        match self {
            Waiter::Nobody => {}
            Waiter::Thread(sender) => drop(sender.send(answer)),
            Waiter::Task(sender) => drop(sender.send(answer)),
        }
    }
}

impl AuditLog {
    /// Takes a stream of the archive's log, recovers it if need be, and writes `app.start`.
    pub fn open(archive: &Path, signer: Arc<dyn Signer + Send + Sync>) -> Result<AuditLog, LogError> {
        AuditLog::open_with(archive, signer, Options::default())
    }

    /// The same, with copies of checkpoints (and entries) going where the configuration says.
    ///
    /// # Errors
    /// As [`AuditLog::open`], and when an outlet cannot be set up. One that does not answer is no error.
    pub fn open_configured(
        archive: &Path,
        signer: Arc<dyn Signer + Send + Sync>,
        config: &AuditConfig,
    ) -> Result<AuditLog, LogError> {
        let reserve = config.reserve_mib.map_or_else(Reserve::default, Reserve::of_mib);
        AuditLog::open_all(archive, signer, Options { reserve, ..Options::default() }, config)
    }

    pub fn open_with(archive: &Path, signer: Arc<dyn Signer + Send + Sync>, options: Options) -> Result<AuditLog, LogError> {
        AuditLog::open_all(archive, signer, options, &AuditConfig::default())
    }

    pub(super) fn open_all(
        archive: &Path,
        signer: Arc<dyn Signer + Send + Sync>,
        options: Options,
        config: &AuditConfig,
    ) -> Result<AuditLog, LogError> {
        let folder = LogFolder::new(archive, FOLDER);
        let stream_options = StreamOptions { segment_bytes_max: options.segment_bytes_max, step_bytes: options.step_bytes };
        let (mut stream, opened) = Stream::open(folder, signer, stream_options)?;
        let outlets = Outlets::start(config, archive, stream.folder(), stream.name())?;
        if outlets.wants_entries() {
            stream.keep_copies();
        }
        write_start(&mut stream, &opened)?;
        AuditLog::start(stream, outlets, options)
    }

    /// The log of a fresh archive in a temporary folder (`<folder>/archive`), for tests of what writes entries.
    #[cfg(test)]
    pub(crate) fn temporary() -> (tempfile::TempDir, AuditLog) {
        use crate::signing::{KeyPurpose, init_keys, load_signer};
        let dir = tempfile::tempdir().unwrap();
        let (archive, private_dir) = (dir.path().join("archive"), dir.path().join("archive.keys"));
        init_keys(&archive, &private_dir).unwrap();
        let signer = load_signer(&private_dir, KeyPurpose::Audit).unwrap();
        let options = Options { step_bytes: 4096, reserve: Reserve::of_mib(64), ..Options::default() };
        let log = AuditLog::open_with(&archive, Arc::new(signer), options);
        (dir, log.unwrap())
    }

    /// Starts the writer thread of a stream.
    pub(super) fn start(stream: Stream, outlets: Outlets, options: Options) -> Result<AuditLog, LogError> {
        let state = Arc::new(State::default());
        let (queue, messages) = crossbeam_channel::bounded(QUEUE_MAX);
        let name: Arc<str> = stream.name().into();
        let syslog = outlets.syslog().cloned();
        let room = Room::new(options.reserve);
        let writer = Writer { stream, name: name.clone(), messages, state: state.clone(), options, room, outlets, due: None };
        let thread =
            std::thread::Builder::new().name("audit".to_string()).spawn(move || writer.run()).map_err(LogError::Thread)?;
        let inner = Inner { queue, state, stream: name, syslog, writer: Mutex::new(Some(thread)) };
        Ok(AuditLog { inner: Arc::new(inner) })
    }

    /// Writes an entry and waits until it is on disk. Blocks the thread: not for async tasks.
    pub fn append(&self, entry: Entry) -> Result<Ack, AuditError> {
        let (sender, answer) = crossbeam_channel::bounded(1);
        self.send(entry, Waiter::Thread(sender))?;
        answer.recv().unwrap_or(Err(AuditError::Failed))
    }

    /// Hands an entry over; the result's [`Pending::durable`] resolves when it is on disk.
    pub fn append_async(&self, entry: Entry) -> Pending {
        let (sender, answer) = oneshot::channel();
        Pending(self.send(entry, Waiter::Task(sender)).map(|()| answer))
    }

    /// Hands an entry over without waiting. Only for what nothing depends on.
    pub fn enqueue(&self, entry: Entry) -> Result<(), AuditError> {
        self.send(entry, Waiter::Nobody)
    }

    /// Signs a checkpoint now.
    pub fn checkpoint(&self) -> Result<(), AuditError> {
        let (sender, answer) = crossbeam_channel::bounded(1);
        self.put(Message::Checkpoint(sender))?;
        answer.recv().unwrap_or(Err(AuditError::Failed))
    }

    /// Whether entries can be written. Protected answers are refused when not.
    pub fn healthy(&self) -> bool {
        !self.inner.state.is_failed() && !self.inner.state.is_short.load(Ordering::Acquire)
    }

    /// Declares the log failed, as after a write error: nothing more is written until a restart.
    pub fn fail(&self) {
        self.inner.state.fail();
    }

    /// The collector of the configuration, for notices and alarms of others.
    pub fn syslog(&self) -> Option<&Syslog> {
        self.inner.syslog.as_ref()
    }

    /// The name of the stream that this process writes.
    pub fn stream(&self) -> &str {
        &self.inner.stream
    }

    /// Writes what is queued, `app.stop` and a checkpoint, and ends the writer. Later appends fail.
    pub fn close(&self) {
        self.inner.close();
    }

    fn send(&self, entry: Entry, waiter: Waiter) -> Result<(), AuditError> {
        if !EVENTS.contains(&entry.event) {
            return Err(AuditError::UnknownEvent);
        }
        self.put(Message::Append(Box::new(entry), waiter))
    }

    fn put(&self, message: Message) -> Result<(), AuditError> {
        if self.inner.state.is_failed() {
            return Err(AuditError::Failed);
        }
        if self.inner.state.is_short.load(Ordering::Acquire) && matches!(message, Message::Append(..)) {
            return Err(AuditError::NoRoom);
        }
        self.inner.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => AuditError::Overloaded,
            TrySendError::Disconnected(_) => AuditError::Failed,
        })
    }
}

impl Inner {
    fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(thread) = writer {
            // Fails only when the writer is gone already.
            let _ = self.queue.send(Message::Stop);
            if thread.join().is_err() {
                tracing::error!("the audit writer ended abnormally");
            }
            self.state.fail();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The first entries of a process: that it started, and what it found.
fn write_start(stream: &mut Stream, opened: &Opened) -> Result<(), LogError> {
    // A new day's entries must not keep those of an old segment from being retired.
    stream.rotate_if_due()?;
    stage_recovered(stream, opened)?;
    // The number of streams, so that one taken away together with its line of the list is missed.
    let detail = vec![("streams", opened.streams.to_string())];
    stream.stage(Entry { detail, ..Entry::new("app.start") }.members())?;
    stream.commit()
}

/// What a crash left behind and recovery cut off is told in the log.
pub(super) fn stage_recovered(stream: &mut Stream, opened: &Opened) -> Result<(), LogError> {
    if let Some((bytes, sha256)) = &opened.recovered {
        let detail = vec![("discarded_bytes", bytes.to_string()), ("discarded_sha256", hex(sha256))];
        stream.stage(Entry { detail, ..Entry::new("audit.recovered") }.members())?;
    }
    Ok(())
}

struct Writer {
    stream: Stream,
    name: Arc<str>,
    messages: Receiver<Message>,
    state: Arc<State>,
    options: Options,
    room: Room,
    outlets: Outlets,
    /// When the next checkpoint is due, once there are entries that none covers.
    due: Option<Instant>,
}

impl Writer {
    fn run(mut self) {
        // Even a panic in here must leave the log closed to appends.
        let guard = FailOnExit(self.state.clone());
        loop {
            self.cut_checkpoint_if_due();
            self.look_for_room();
            let message = match self.wait_at_most() {
                Some(time) => self.messages.recv_timeout(time),
                None => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let after = match message {
                Ok(Message::Append(entry, waiter)) => self.write_batch(entry, waiter),
                Ok(other) => Some(other),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => Some(Message::Stop),
            };
            self.hand_on_entries();
            match after {
                Some(Message::Checkpoint(sender)) => {
                    let done = self.checkpoint();
                    self.due = None;
                    let _ = sender.send(done);
                }
                Some(_) => break,
                None => {}
            }
        }
        let stopped = self.attempt(|stream| {
            stream.stage(Entry::new("app.stop").members())?;
            stream.commit()
        });
        self.hand_on_entries();
        if stopped.and_then(|()| self.checkpoint()).is_err() {
            tracing::error!("the audit log ended without its last checkpoint");
        }
        drop(guard);
        self.outlets.close();
    }

    /// Until the next thing that is to be done unasked.
    fn wait_at_most(&self) -> Option<Duration> {
        let due = self.due.map(|due| due.saturating_duration_since(Instant::now()));
        let look = self.state.is_short.load(Ordering::Acquire).then_some(ROOM_EVERY);
        [due, look].into_iter().flatten().min()
    }

    /// Whether the disk has room. Without, every append is refused until it has.
    fn look_for_room(&mut self) -> bool {
        let is_short = self.room.is_short(&self.stream.folder().path);
        if self.state.is_short.swap(is_short, Ordering::AcqRel) != is_short {
            let what = if is_short { "the disk of the audit log is nearly full" } else { "the audit log has room again" };
            tracing::error!("{what}");
            self.outlets.alarm(what);
        }
        !is_short
    }

    /// Hands copies of durable entries on.
    fn hand_on_entries(&mut self) {
        let copies = self.stream.take_copies();
        if !self.state.is_failed() {
            copies.iter().for_each(|payload| self.outlets.entry(payload));
        }
    }

    /// Writes one entry with those that queued up behind it: one write, one sync, then the answers. Returns the message
    /// that ended the gathering, if it was not an entry.
    fn write_batch(&mut self, first: Box<Entry>, waiter: Waiter) -> Option<Message> {
        let mut staged = Vec::new();
        let mut next = Some((first, waiter));
        let mut other = None;
        let ready = if self.look_for_room() { self.attempt(Stream::rotate_if_due) } else { Err(AuditError::NoRoom) };
        self.hand_on_checkpoint();
        while let Some((entry, waiter)) = next.take() {
            match ready.and_then(|()| self.stage(&entry)) {
                Ok(seq) => staged.push((waiter, seq)),
                Err(error) => waiter.tell(Err(error)),
            }
            if staged.len() >= BATCH_ENTRIES_MAX || self.stream.staged_bytes() >= BATCH_BYTES_MAX {
                break;
            }
            match self.messages.try_recv() {
                Ok(Message::Append(entry, waiter)) => next = Some((entry, waiter)),
                Ok(message) => other = Some(message),
                Err(_) => {}
            }
        }
        if !staged.is_empty() {
            let done = self.attempt(Stream::commit);
            for (waiter, seq) in staged {
                waiter.tell(done.map(|()| Ack { stream: self.name.clone(), seq }));
            }
        }
        other
    }

    fn stage(&mut self, entry: &Entry) -> Result<u64, AuditError> {
        match self.stream.stage(entry.members()) {
            Ok(seq) => Ok(seq),
            Err(LogError::TooLarge { .. }) => Err(AuditError::TooLarge),
            Err(_) => Err(AuditError::Failed),
        }
    }

    fn cut_checkpoint_if_due(&mut self) {
        let uncovered = self.stream.uncovered();
        if uncovered == 0 || self.state.is_failed() {
            self.due = None;
            return;
        }
        let due = *self.due.get_or_insert_with(|| Instant::now() + self.options.checkpoint_every);
        if uncovered >= self.options.checkpoint_entries || due <= Instant::now() {
            // A failure is remembered in `failed`, and the next append reports it.
            let _ = self.checkpoint();
            self.due = None;
        }
    }

    fn checkpoint(&mut self) -> Result<(), AuditError> {
        let done = self.attempt(Stream::checkpoint);
        self.hand_on_checkpoint();
        done
    }

    fn hand_on_checkpoint(&mut self) {
        if let Some(note) = self.stream.take_note() {
            self.outlets.checkpoint(&note);
        }
    }

    /// Does something to the stream, unless it failed before. An error is final.
    fn attempt(&mut self, action: impl FnOnce(&mut Stream) -> Result<(), LogError>) -> Result<(), AuditError> {
        if self.state.is_failed() {
            return Err(AuditError::Failed);
        }
        action(&mut self.stream).map_err(|error| {
            self.state.fail();
            tracing::error!(%error, "the audit log failed; nothing is shown until a restart");
            self.outlets.alarm("the audit log failed; nothing is shown until a restart");
            AuditError::Failed
        })
    }
}

struct FailOnExit(Arc<State>);

impl Drop for FailOnExit {
    fn drop(&mut self) {
        self.0.fail();
    }
}
