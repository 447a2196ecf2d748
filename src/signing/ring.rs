//! The public keys that an archive carries in `keys/`, each vouched for by its predecessor.
//!
//! One file a key, `keys/<purpose>-<number>.key`, a signed note that is never changed: number 1 is signed by itself,
//! every later one by the key before it, and a key ends where its successor begins. A thief of the whole archive can
//! replace the ring too, so a check worth its name compares with keys held elsewhere (`anchors`).
//!
//! Not for: private keys (`key`).

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::durable;

use super::key::{KeyError, KeyPurpose, SigningKey, numbered, private_path};
use super::{Signer, VerifierKey, load_signer, sign_note, verify_note};

const FORMAT_LINE: &str = "chartkeep public key v1";
const FOLDER: &str = "keys";

/// One public key with the span in which it signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingEntry {
    pub purpose: KeyPurpose,
    /// 1-based; the highest is in force.
    pub number: u32,
    pub key: VerifierKey,
    pub from: Timestamp,
    /// When its successor took over.
    pub to: Option<Timestamp>,
}

/// Something wrong with a file of `keys/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingFinding {
    /// Path inside the archive.
    pub file: String,
    pub what: String,
}

/// Why a ring cannot be used or extended.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{file}: {what}")]
    Bad { file: String, what: String },
}

impl From<durable::DurableError> for RingError {
    fn from(error: durable::DurableError) -> Self {
        RingError::Key(error.into())
    }
}

/// All public keys of an archive, checked.
#[derive(Clone, Default, Debug)]
pub struct KeyRing {
    entries: Vec<RingEntry>,
}

impl KeyRing {
    /// Loads and checks the ring; the first thing wrong is the error.
    pub fn load(archive: &Path) -> Result<KeyRing, RingError> {
        let (ring, findings) = KeyRing::check(archive)?;
        match findings.into_iter().next() {
            Some(finding) => Err(RingError::Bad { file: finding.file, what: finding.what }),
            None => Ok(ring),
        }
    }

    /// Checks every file of `keys/` and returns the keys that hold, with what is wrong about the others.
    pub fn check(archive: &Path) -> Result<(KeyRing, Vec<RingFinding>), RingError> {
        let names = file_names(&archive.join(FOLDER))?;
        let mut ring = KeyRing::default();
        let mut findings = Vec::new();
        let mut find = |name: &str, what: &str| {
            findings.push(RingFinding { file: format!("{FOLDER}/{name}"), what: what.to_string() });
        };
        for purpose in KeyPurpose::ALL {
            let mut numbers: Vec<u32> = names.iter().filter_map(|n| numbered(n, purpose, ".key")).collect();
            numbers.sort_unstable();
            if numbers.is_empty() {
                find(&file_name(purpose, 1), "the key is missing");
            }
            let mut previous: Option<RingEntry> = None;
            for (number, expected) in numbers.into_iter().zip(1..) {
                let name = file_name(purpose, number);
                if number != expected {
                    find(&file_name(purpose, expected), "the key is missing");
                    break;
                }
                let text = read(&archive.join(FOLDER).join(&name))?;
                match parse_entry(&text, purpose, number, previous.as_ref()) {
                    Ok(entry) => {
                        if let Some(mut old) = previous.replace(entry.clone()) {
                            old.to = Some(entry.from);
                            ring.entries.push(old);
                        }
                    }
                    Err(what) => {
                        find(&name, what);
                        break;
                    }
                }
            }
            ring.entries.extend(previous);
        }
        for name in &names {
            let known = KeyPurpose::ALL.into_iter().any(|p| numbered(name, p, ".key").is_some());
            if !known && !durable::is_temporary(name) {
                find(name, "not a file of a key ring");
            }
        }
        Ok((ring, findings))
    }

    /// Every key that ever signed for a purpose, oldest first.
    pub fn verifiers(&self, purpose: KeyPurpose) -> Vec<VerifierKey> {
        self.entries.iter().filter(|e| e.purpose == purpose).map(|e| e.key.clone()).collect()
    }

    /// The key in force for a purpose.
    pub fn current(&self, purpose: KeyPurpose) -> Option<&RingEntry> {
        self.entries.iter().rfind(|e| e.purpose == purpose)
    }

    pub fn entries(&self) -> &[RingEntry] {
        &self.entries
    }

    /// Compares with keys held outside the archive: every first key must be one of them.
    pub fn check_against(&self, anchors: &[VerifierKey]) -> Vec<RingFinding> {
        self.entries
            .iter()
            .filter(|e| e.number == 1 && !anchors.contains(&e.key))
            .map(|e| RingFinding {
                file: format!("{FOLDER}/{}", file_name(e.purpose, 1)),
                what: "the key is not among the trusted ones".to_string(),
            })
            .collect()
    }
}

/// Makes a key for every purpose: the private ones in `private_dir`, the public ones in the archive. What is there
/// already stays, so that an interrupted run can be repeated.
pub fn init_keys(archive: &Path, private_dir: &Path) -> Result<KeyRing, RingError> {
    durable::create_dir_all(&archive.join(FOLDER))?;
    create_private_dir(private_dir)?;
    for purpose in KeyPurpose::ALL {
        let public_path = archive.join(FOLDER).join(file_name(purpose, 1));
        if public_path.exists() {
            continue;
        }
        let path = private_path(private_dir, purpose, 1);
        let key = if path.exists() { SigningKey::load(&path)? } else { SigningKey::generate(&path, &random_name(purpose)?)? };
        durable::write_new(&public_path, entry_note(purpose, &key.verifier(), &key).as_bytes())?;
    }
    KeyRing::load(archive)
}

/// Puts a new key in force for a purpose. The old one vouches for it and signs nothing after that.
pub fn rotate_key(archive: &Path, private_dir: &Path, purpose: KeyPurpose) -> Result<KeyRing, RingError> {
    let ring = KeyRing::load(archive)?;
    let old = load_signer(private_dir, purpose)?;
    let bad = |what: &str| RingError::Bad { file: FOLDER.to_string(), what: what.to_string() };
    let current = ring.current(purpose).ok_or_else(|| bad("there is no key to rotate"))?;
    if current.key != old.verifier() {
        return Err(bad("the private key is not the one in force"));
    }
    let number = current.number + 1;
    let new = SigningKey::generate(&private_path(private_dir, purpose, number), &random_name(purpose)?)?;
    let public_path = archive.join(FOLDER).join(file_name(purpose, number));
    durable::write_new(&public_path, entry_note(purpose, &new.verifier(), &old).as_bytes())?;
    KeyRing::load(archive)
}

fn entry_note(purpose: KeyPurpose, key: &VerifierKey, signer: &dyn Signer) -> String {
    let from = Timestamp::now();
    sign_note(&format!("{FORMAT_LINE}\npurpose {}\nfrom {from:.0}\n{key}\n", purpose.name()), signer)
}

/// Reads one key file. Number 1 must be signed by the very key that it holds.
fn parse_entry(note: &str, purpose: KeyPurpose, number: u32, previous: Option<&RingEntry>) -> Result<RingEntry, &'static str> {
    let lines: Vec<&str> = note.split('\n').collect();
    let [FORMAT_LINE, purpose_line, from_line, key_line, ..] = lines[..] else {
        return Err("not a public key file");
    };
    let key = VerifierKey::parse(key_line).map_err(|_| "the key cannot be read")?;
    let signer = previous.map_or(&key, |p| &p.key);
    let text = verify_note(note, std::slice::from_ref(signer)).map_err(|_| "its signature does not hold")?;
    if text.lines().count() != 4 || purpose_line.strip_prefix("purpose ") != Some(purpose.name()) {
        return Err("the key is for something else");
    }
    let from: Timestamp = from_line.strip_prefix("from ").and_then(|t| t.parse().ok()).ok_or("its date cannot be read")?;
    if previous.is_some_and(|p| p.from > from) {
        return Err("it begins before its predecessor");
    }
    Ok(RingEntry { purpose, number, key, from, to: None })
}

fn file_name(purpose: KeyPurpose, number: u32) -> String {
    format!("{}-{number}.key", purpose.name())
}

fn random_name(purpose: KeyPurpose) -> Result<String, KeyError> {
    let tag = getrandom::u32().map_err(|_| KeyError::Random)?;
    Ok(format!("chartkeep-{}-{tag:08x}", purpose.name()))
}

fn create_private_dir(dir: &Path) -> Result<(), RingError> {
    if dir.is_dir() {
        return Ok(());
    }
    durable::create_dir_all(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir, mode).map_err(|source| RingError::Read { path: dir.to_path_buf(), source })?;
    }
    Ok(())
}

fn file_names(dir: &Path) -> Result<Vec<String>, RingError> {
    let failed = |source| RingError::Read { path: dir.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Reads a key file; bytes that are no text cannot verify, so they may be replaced.
fn read(path: &Path) -> Result<String, RingError> {
    let bytes = std::fs::read(path).map_err(|source| RingError::Read { path: path.to_path_buf(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (archive, private) = (dir.path().join("archive"), dir.path().join("archive.keys"));
        init_keys(&archive, &private).unwrap();
        (dir, archive, private)
    }

    #[test]
    fn a_ring_has_a_key_for_every_purpose_and_grows_by_rotation() {
        let (_dir, archive, private) = archive();
        let first = KeyRing::load(&archive).unwrap();
        assert_eq!(first.entries().len(), 4);
        assert_eq!(init_keys(&archive, &private).unwrap().entries(), first.entries());
        rotate_key(&archive, &private, KeyPurpose::Audit).unwrap();
        let ring = rotate_key(&archive, &private, KeyPurpose::Audit).unwrap();
        let audit: Vec<_> = ring.entries().iter().filter(|e| e.purpose == KeyPurpose::Audit).collect();
        assert_eq!(audit.iter().map(|e| e.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(audit[0].to == Some(audit[1].from) && audit[2].to.is_none());
        assert_eq!(load_signer(&private, KeyPurpose::Audit).unwrap().verifier(), audit[2].key);

        let anchors: Vec<_> = first.entries().iter().map(|e| e.key.clone()).collect();
        assert!(ring.check_against(&anchors).is_empty());
        assert_eq!(ring.check_against(&anchors[1..]).len(), 1);
    }

    #[test]
    fn every_flipped_byte_of_a_ring_is_found() {
        let (_dir, archive, private) = archive();
        rotate_key(&archive, &private, KeyPurpose::Seal).unwrap();
        for name in file_names(&archive.join(FOLDER)).unwrap() {
            let path = archive.join(FOLDER).join(&name);
            let good = std::fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << (at % 8);
                std::fs::write(&path, &bytes).unwrap();
                let (_, findings) = KeyRing::check(&archive).unwrap();
                assert!(!findings.is_empty(), "{name} byte {at}");
            }
            std::fs::write(&path, &good).unwrap();
        }
        assert!(KeyRing::load(&archive).is_ok());
    }

    #[test]
    fn a_missing_foreign_or_stray_key_is_found() {
        let (_dir, archive, private) = archive();
        rotate_key(&archive, &private, KeyPurpose::Seal).unwrap();
        let keys = archive.join(FOLDER);
        let stranger = SigningKey::random("stranger").unwrap();
        let forged = entry_note(KeyPurpose::Seal, &stranger.verifier(), &stranger);
        std::fs::write(keys.join("seal-3.key"), forged).unwrap();
        std::fs::write(keys.join("notes.txt"), "hm").unwrap();
        std::fs::remove_file(keys.join("token-1.key")).unwrap();
        let (ring, findings) = KeyRing::check(&archive).unwrap();
        let files: Vec<&str> = findings.iter().map(|f| f.file.as_str()).collect();
        assert_eq!(files, ["keys/seal-3.key", "keys/token-1.key", "keys/notes.txt"]);
        assert_eq!(ring.verifiers(KeyPurpose::Seal).len(), 2);
    }
}
