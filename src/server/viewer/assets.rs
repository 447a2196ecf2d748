//! The viewer's static files (style, script, fonts), held inside the binary.
//!
//! Not for: serving them; `/static/{hash}/{name}` is a route of the server, answered from [`Assets::get`].

use std::borrow::Cow;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

#[derive(rust_embed::RustEmbed)]
#[folder = "web/static"]
struct Files;

/// The files under `web/static`.
pub struct Assets;

impl Assets {
    /// A file's bytes and media type. The name is as in the address, for instance `fonts/inter-latin.woff2`.
    pub fn get(name: &str) -> Option<(Cow<'static, [u8]>, &'static str)> {
        let file = Files::get(name)?;
        let media_type = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("woff2") => "font/woff2",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            _ => "text/plain; charset=utf-8",
        };
        let data = if name.ends_with(".css") { Cow::Owned(without_comments(&file.data)) } else { file.data };
        Some((data, media_type))
    }

    /// One hash over all files, so that the style may name its fonts by relative addresses. Any change gives new
    /// addresses, and the old ones can be cached for ever.
    pub fn version() -> &'static str {
        static VERSION: OnceLock<String> = OnceLock::new();
        VERSION.get_or_init(|| {
            let mut names: Vec<_> = Files::iter().collect();
            names.sort();
            let mut hash = Sha256::new();
            for name in names {
                hash.update(name.as_bytes());
                if let Some(file) = Files::get(&name) {
                    hash.update(file.metadata.sha256_hash());
                }
            }
            hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
        })
    }

    /// The address of a file.
    pub fn url(name: &str) -> String {
        format!("/static/{}/{name}", Assets::version())
    }
}

/// A style sheet without its comments, which are for those who write it. No text of ours in a sheet holds a comment's signs.
fn without_comments(sheet: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(sheet.len()), sheet);
    while let Some(start) = memchr::memmem::find(rest, b"/*") {
        let (before, comment) = rest.split_at(start);
        out.extend_from_slice(before);
        let end = memchr::memmem::find(comment, b"*/").map_or(comment.len(), |end| end + 2);
        rest = comment.get(end..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    // Indentation is for the same readers: a blank is as good as many.
    let mut before = b'\n';
    out.retain_mut(|byte| {
        let is_blank = byte.is_ascii_whitespace();
        let stays = !is_blank || !(before.is_ascii_whitespace() || matches!(before, b'{' | b'}' | b';'));
        if stays {
            before = *byte;
        }
        stays
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_sheet_goes_out_without_its_comments() {
        assert_eq!(without_comments(b"/* a */b { c: d; }/* e\n */\nf {}/* not ended"), b"b {c: d;}f {}");
        let (css, _) = Assets::get("chartkeep.css").unwrap();
        assert!(memchr::memmem::find(&css, b"/*").is_none() && css.ends_with(b"}"));
    }

    #[test]
    fn every_file_named_by_the_style_is_there_and_nothing_is_foreign() {
        let (css, _) = Assets::get("chartkeep.css").unwrap();
        let css = String::from_utf8(css.into_owned()).unwrap();
        let mut urls = 0;
        for part in css.split("url(").skip(1) {
            let name = part.split(')').next().unwrap().trim_matches(['"', '\'']);
            assert!(Assets::get(name).is_some(), "{name}");
            urls += 1;
        }
        assert!(urls >= 5);
        assert!(!css.contains("http"));
        assert!(Assets::get("../templates/layout.html").is_none());
    }
}
