//! A package encrypted for the way: a ZIP with AES-256 around the whole package, as common tools open it.
//!
//! What is inside is signed and stays as it is; the wrapping has a random salt and is another each time. The secret goes on
//! another way than the file and is not kept.
//!
//! Not for: who may have it, and on which way (`desk`).

use std::fmt;
use std::io::{Read, Seek, Write};

use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, DateTime, ZipWriter};

use super::container::{ContainerFault, is_plain};

/// Letters and digits that are not taken for each other when they are read out or copied by hand: 32 of them, five bits each.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const GROUPS: usize = 5;
const GROUP: usize = 5;

/// What opens a wrapped package: 125 random bits.
pub struct Secret(Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new one; `None` when the system gives no random numbers.
    pub fn random() -> Option<Secret> {
        let mut bytes = Zeroizing::new([0_u8; GROUPS * GROUP]);
        getrandom::fill(bytes.as_mut()).ok()?;
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
        for (at, byte) in bytes.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(LETTERS[usize::from(byte & 31)]));
        }
        Some(Secret(text))
    }

    /// To be shown once to whoever hands the package out.
    pub fn show(&self) -> &str {
        &self.0
    }
}

/// Wraps a package of so many bytes; `name` is the file's name inside.
///
/// # Errors
/// A name that may not stand in a package; what reading and writing give.
pub fn wrap<W: Write + Seek>(
    mut package: impl Read,
    bytes: u64,
    name: &str,
    secret: &Secret,
    to: W,
) -> Result<W, ContainerFault> {
    if !is_plain(name) {
        return Err(ContainerFault::Name(name.to_owned()));
    }
    let mut zip = ZipWriter::new(to);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        // The salt and the code of authenticity come on top.
        .large_file(bytes.saturating_add(1 << 10) >= u64::from(u32::MAX))
        .with_aes_encryption(AesMode::Aes256, secret.show());
    zip.start_file(name, options)?;
    let copied = std::io::copy(&mut package, &mut zip).map_err(ContainerFault::Write)?;
    if copied != bytes {
        return Err(ContainerFault::Member { path: name.to_owned(), what: "is not as long as was said" });
    }
    Ok(zip.finish()?)
}

/// Whether a file is a package that was wrapped.
pub fn is_wrapped(file: impl Read + Seek) -> bool {
    zip::ZipArchive::new(file).is_ok_and(|mut zip| zip.len() == 1 && zip.by_index_raw(0).is_ok_and(|it| it.encrypted()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn what_is_wrapped_opens_with_its_secret_alone() {
        let package: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let (secret, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(secret.show().len(), 29);
        assert_ne!(secret.show(), other.show());
        assert_eq!(format!("{secret:?}"), "Secret");
        let made = || {
            let out = wrap(package.as_slice(), package.len() as u64, "ROI-1.zip", &secret, Cursor::new(Vec::new()));
            out.unwrap().into_inner()
        };
        let wrapped = made();
        assert_ne!(wrapped, made(), "each has a salt of its own");
        let inside = &package[4096..4128];
        assert!(!wrapped.windows(inside.len()).any(|bytes| bytes == inside));
        let open = |bytes: &[u8], secret: &Secret| -> Option<Vec<u8>> {
            let mut zip = zip::ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
            let mut out = Vec::new();
            zip.by_index_decrypt(0, secret.show().as_bytes()).ok()?.read_to_end(&mut out).ok()?;
            Some(out)
        };
        assert_eq!(open(&wrapped, &secret).as_deref(), Some(package.as_slice()));
        assert_ne!(open(&wrapped, &other).as_deref(), Some(package.as_slice()));
        let mut changed = wrapped.clone();
        changed[wrapped.len() / 2] ^= 1;
        assert_eq!(open(&changed, &secret), None, "a changed byte is noticed");
        assert!(wrap([].as_slice(), 1, "ROI-1.zip", &secret, Cursor::new(Vec::new())).is_err());
    }
}
