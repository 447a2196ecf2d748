//! Private keys: files of mode 0600 outside the archive, and the `Signer` behind which they hide.
//!
//! Not for: public keys and who vouches for them (`ring`).

use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use zeroize::Zeroizing;

use crate::durable::{self, DurableError};

use super::VerifierKey;

/// What a key is for. A key serves one purpose only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyPurpose {
    /// Seals of accessions and catalogs.
    Seal,
    /// Checkpoints of the append-only logs.
    Audit,
    /// Release packages and their certificates.
    Release,
    /// Bearer tokens of the archive's own issuer.
    Token,
}

impl KeyPurpose {
    pub const ALL: [KeyPurpose; 4] = [KeyPurpose::Seal, KeyPurpose::Audit, KeyPurpose::Release, KeyPurpose::Token];

    pub fn name(self) -> &'static str {
        match self {
            KeyPurpose::Seal => "seal",
            KeyPurpose::Audit => "audit",
            KeyPurpose::Release => "release",
            KeyPurpose::Token => "token",
        }
    }

    pub fn from_name(name: &str) -> Option<KeyPurpose> {
        KeyPurpose::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// Signs without showing its key.
pub trait Signer {
    /// The key's name in signed notes.
    fn key_name(&self) -> &str;
    fn public_key(&self) -> [u8; 32];
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Why a private key cannot be used. The texts show nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    File(#[from] DurableError),
    #[error("cannot read key {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("key {} is readable by others; its mode must be 0600", .0.display())]
    Exposed(PathBuf),
    #[error("{} is not a private key of this archive", .0.display())]
    Malformed(PathBuf),
    #[error("there is no {} key in {}", purpose.name(), dir.display())]
    Missing { dir: PathBuf, purpose: KeyPurpose },
    #[error("the system gives no random numbers")]
    Random,
}

/// An Ed25519 private key with its name, in memory. Wiped when dropped.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}

/// The first line of a key file, before the PKCS#8 block (RFC 7468 §2 lets explanatory text stand there).
const NAME_LABEL: &str = "name: ";

impl SigningKey {
    /// Makes a key in memory; `name` must be a valid name of a signed note (no spaces, no `+`).
    pub fn random(name: &str) -> Result<SigningKey, KeyError> {
        let mut secret = Zeroizing::new([0u8; 32]);
        getrandom::fill(secret.as_mut()).map_err(|_| KeyError::Random)?;
        Ok(SigningKey { name: name.to_string(), key: ed25519_dalek::SigningKey::from_bytes(&secret) })
    }

    /// Makes a key and stores it at `path`, mode 0600; never replaces a file.
    pub fn generate(path: &Path, name: &str) -> Result<SigningKey, KeyError> {
        let key = SigningKey::random(name)?;
        let pem = key.key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Malformed(path.to_path_buf()))?;
        let text = Zeroizing::new(format!("{NAME_LABEL}{name}\n{}", pem.as_str()));
        durable::write_secret(path, text.as_bytes())?;
        Ok(key)
    }

    /// Reads a key file. One that others may read is refused.
    pub fn load(path: &Path) -> Result<SigningKey, KeyError> {
        let read = |source| KeyError::Read { path: path.to_path_buf(), source };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if std::fs::metadata(path).map_err(read)?.permissions().mode() & 0o077 != 0 {
                return Err(KeyError::Exposed(path.to_path_buf()));
            }
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(read)?);
        let malformed = || KeyError::Malformed(path.to_path_buf());
        let (name, pem) = text.strip_prefix(NAME_LABEL).and_then(|t| t.split_once('\n')).ok_or_else(malformed)?;
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| malformed())?;
        if !super::verifier::is_key_name(name) {
            return Err(malformed());
        }
        Ok(SigningKey { name: name.to_string(), key })
    }

    /// The public half, for those who check.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey::new(&self.name, self.public_key())
    }
}

impl Signer for SigningKey {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

/// Where the private keys of an archive lie unless configured otherwise: `<archive>.keys` beside it.
pub fn default_private_dir(archive: &Path) -> PathBuf {
    // A path such as "." has no name of its own: take the one behind it.
    let full = if archive.file_name().is_none() { archive.canonicalize().ok() } else { None };
    let archive = full.as_deref().unwrap_or(archive);
    let mut name = archive.file_name().unwrap_or_default().to_os_string();
    name.push(".keys");
    archive.with_file_name(name)
}

/// The key in force for a purpose: the one with the highest number in the folder.
pub fn load_signer(private_dir: &Path, purpose: KeyPurpose) -> Result<SigningKey, KeyError> {
    let missing = || KeyError::Missing { dir: private_dir.to_path_buf(), purpose };
    let entries = std::fs::read_dir(private_dir).map_err(|_| missing())?;
    let newest = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| numbered(&name, purpose, ".pem"))
        .max()
        .ok_or_else(missing)?;
    SigningKey::load(&private_path(private_dir, purpose, newest))
}

pub(super) fn private_path(dir: &Path, purpose: KeyPurpose, number: u32) -> PathBuf {
    dir.join(format!("{}-{number}.pem", purpose.name()))
}

/// The number in a file name `<purpose>-<number><suffix>`; `None` for any other name.
pub(super) fn numbered(file_name: &str, purpose: KeyPurpose, suffix: &str) -> Option<u32> {
    let digits = file_name.strip_prefix(purpose.name())?.strip_prefix('-')?.strip_suffix(suffix)?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_gives_the_same_key_back_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = private_path(dir.path(), KeyPurpose::Audit, 1);
        let made = SigningKey::generate(&path, "chartkeep-audit-1").unwrap();
        let read = load_signer(dir.path(), KeyPurpose::Audit).unwrap();
        assert_eq!((made.public_key(), made.key_name()), (read.public_key(), read.key_name()));
        assert!(SigningKey::generate(&path, "other").is_err());
        assert!(matches!(load_signer(dir.path(), KeyPurpose::Seal), Err(KeyError::Missing { .. })));
        assert!(!format!("{read:?}").contains("key:"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = private_path(dir.path(), KeyPurpose::Seal, 1);
        SigningKey::generate(&path, "k").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load_signer(dir.path(), KeyPurpose::Seal), Err(KeyError::Exposed(_))));
    }

    #[test]
    fn private_keys_lie_beside_the_archive() {
        for archive in ["/data/old-ehr", "/data/old-ehr/"] {
            assert_eq!(default_private_dir(Path::new(archive)), Path::new("/data/old-ehr.keys"));
        }
        assert_eq!(default_private_dir(Path::new("archive")), Path::new("archive.keys"));
    }
}
