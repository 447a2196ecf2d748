//! The list of passwords that have become known elsewhere: a sorted file, asked by halving.
//!
//! Not for: other rules on passwords (`password`). Nothing of a password ever leaves this machine.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::RegisterError;
use crate::model::hex;

/// Longest line that is read, in bytes.
const LINE_MAX: u64 = 4 << 10;
/// Lines from the start that are looked at to see that the file is sorted.
const LINES_CHECKED: usize = 10_000;

/// A sorted list in a file: of SHA-1 digests in hex, with or without `:count` behind (the form in which lists of leaked
/// passwords are published), or of passwords as they are.
#[derive(Clone, Debug)]
pub struct KnownPasswords {
    path: PathBuf,
    of_digests: bool,
}

impl KnownPasswords {
    /// # Errors
    /// `KnownPasswords` when the file cannot be read, is empty, or is not sorted.
    pub fn open(path: &Path) -> Result<KnownPasswords, RegisterError> {
        let failed = |what: &'static str| RegisterError::KnownPasswords { path: path.to_path_buf(), what };
        let mut reader = BufReader::new(File::open(path).map_err(|_| failed("cannot be read"))?);
        let line = |reader: &mut BufReader<File>| read_line(reader).map_err(|_| failed("cannot be read"));
        let (mut before, length) = line(&mut reader)?;
        if length == 0 {
            return Err(failed("is empty"));
        }
        let of_digests = digest_of(&before).is_some();
        for _ in 0..LINES_CHECKED {
            let (next, length) = line(&mut reader)?;
            if length == 0 {
                break;
            }
            if key(&before, of_digests) > key(&next, of_digests) {
                return Err(failed("is not sorted by its bytes"));
            }
            before = next;
        }
        Ok(KnownPasswords { path: path.to_path_buf(), of_digests })
    }

    /// Whether the password is on the list, as it is or in lower case.
    pub fn holds(&self, password: &str) -> Result<bool, RegisterError> {
        let failed = |_| RegisterError::KnownPasswords { path: self.path.clone(), what: "cannot be read" };
        let lower = password.to_lowercase();
        let mut file = File::open(&self.path).map_err(failed)?;
        let mut found = self.find(&mut file, password).map_err(failed)?;
        if !found && lower != password {
            found = self.find(&mut file, &lower).map_err(failed)?;
        }
        Ok(found)
    }

    fn find(&self, file: &mut File, password: &str) -> io::Result<bool> {
        let wanted = if self.of_digests { hex(&Sha1::digest(password.as_bytes())).to_uppercase() } else { password.to_string() };
        let (mut low, mut high) = (0, file.metadata()?.len());
        while low < high {
            let middle = low + (high - low) / 2;
            // The first line that begins at or after the middle.
            let mut start = middle;
            file.seek(SeekFrom::Start(middle.saturating_sub(1)))?;
            let mut reader = BufReader::new(&mut *file);
            if middle > 0 {
                start = middle - 1 + read_line(&mut reader)?.1;
            }
            let (line, length) = read_line(&mut reader)?;
            if start >= high || length == 0 {
                high = middle;
                continue;
            }
            match key(&line, self.of_digests).as_bytes().cmp(wanted.as_bytes()) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = start + length,
                Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
}

/// A line without its end, and how many bytes it takes; 0 at the end of the file.
fn read_line(reader: &mut impl BufRead) -> io::Result<(String, u64)> {
    let mut bytes = Vec::new();
    let length = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes)? as u64;
    let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_string();
    Ok((text, length))
}

fn digest_of(line: &str) -> Option<&str> {
    let digest = line.split(':').next()?;
    (digest.len() == 40 && digest.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digest)
}

/// What lines are sorted by.
fn key(line: &str, of_digests: bool) -> String {
    if of_digests { digest_of(line).unwrap_or(line).to_uppercase() } else { line.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[String]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.txt");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        (folder, path)
    }

    #[test]
    fn every_password_of_a_list_is_found_in_both_forms_and_no_other() {
        let words: Vec<String> = (0..257).map(|n| format!("{}{n}", "pass".repeat(n % 7 + 1))).collect();
        let mut plain = words.clone();
        plain.sort();
        let mut digests: Vec<String> = words
            .iter()
            .enumerate()
            .map(|(n, word)| format!("{}:{n}", hex(&Sha1::digest(word.as_bytes())).to_uppercase()))
            .collect();
        digests.sort();
        for lines in [plain, digests] {
            let (_folder, path) = list(&lines);
            let known = KnownPasswords::open(&path).unwrap();
            assert!(words.iter().all(|word| known.holds(word).unwrap()));
            assert!(known.holds("PASS0").unwrap(), "upper case does not make it unknown");
            for other in ["pass", "pass0x", "", "zzzz", "0"] {
                assert!(!known.holds(other).unwrap(), "{other}");
            }
        }
    }

    #[test]
    fn a_list_that_cannot_be_searched_is_refused() {
        let (folder, path) = list(&["b".into(), "a".into()]);
        assert!(KnownPasswords::open(&path).unwrap_err().to_string().contains("not sorted"));
        std::fs::write(&path, "").unwrap();
        assert!(KnownPasswords::open(&path).unwrap_err().to_string().contains("empty"));
        assert!(KnownPasswords::open(&folder.path().join("none")).is_err());
    }
}
