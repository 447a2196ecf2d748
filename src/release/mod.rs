//! Releases of information: a request with its legal basis, what is chosen, withheld and redacted for it, who approves it, and
//! the package that leaves, which anyone can check.
//!
//! The way of a request: `request` is checked against its `basis` and moves through the `workflow`, each step kept by the
//! `ledger`. `selection` freezes which records go out and which do not, and why; `redaction` says what is taken out of them;
//! `paper` makes pages of them; `build` makes the preview, and after approval the `package`, which lies on the `shelf`. `desk`
//! does all of it for whoever works on a request, by the command line, the API or the workspace.
//!
//! Not for: reading records (`query`), how pages are set (`render`), or HTTP (`server`).

pub mod basis;
pub mod build;
pub mod ccda;
pub mod desk;
pub mod ledger;
pub mod package;
pub mod paper;
pub mod redaction;
pub mod request;
pub mod selection;
pub mod shelf;
pub mod workflow;

use crate::limits::RELEASE_TEXT_BYTES_MAX;

/// A file of the site's own definitions, as far as such a file may be long.
fn own_text(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(RELEASE_TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > RELEASE_TEXT_BYTES_MAX {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("it is longer than {RELEASE_TEXT_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

/// The canonical form (RFC 8785) of a value that is an object of texts, numbers, lists and objects.
pub(crate) fn canonical<T: serde::Serialize>(value: &T) -> Vec<u8> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(object)) => crate::audit::canonical(&object),
        // The callers' types are structs, which are objects.
        _ => Vec::new(),
    }
}
