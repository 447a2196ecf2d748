//! Pages, style and script of the viewer, compressed for a browser that takes gzip: a page is a seventh of its size on the way.
//!
//! What is compressed together can be told from its length (BREACH), if somebody else's page may ask again and again in a reader's
//! name. It may not: the session's cookie is `SameSite=Lax`, or, in a frame of the EHR, kept apart by the site that frames.
//!
//! Not for: FHIR and the API, whose callers are programs (files of exports: `stream`); fonts and pictures, which are compressed already.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::Body;
use super::area::Area;
use super::call::Call;

/// What is smaller gains nothing.
const LEAST: usize = 1_024;
const KINDS: [&str; 4] = ["text/html", "text/css", "text/javascript", "image/svg+xml"];

/// The same answer, compressed where that is worth it and asked for.
pub(super) fn packed(call: &Call, area: Area, body: Body) -> Body {
    let is_kind = KINDS.iter().any(|kind| body.content_type.starts_with(kind));
    if area != Area::Viewer || !is_kind || body.file.is_some() || body.bytes.len() < LEAST {
        return body;
    }
    let body = body.with("Vary", "Accept-Encoding");
    if !takes_gzip(call.header("accept-encoding").unwrap_or("")) {
        return body;
    }
    // Files of the viewer are fetched once and kept for ever; pages are made each time.
    let level = if body.content_type.starts_with("text/css") || body.content_type.starts_with("text/javascript") { 9 } else { 4 };
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.bytes.len() / 4), Compression::new(level));
    // Writing to memory does not fail; if it did, the page would go out as it is.
    match encoder.write_all(&body.bytes).and_then(|()| encoder.finish()) {
        Ok(bytes) => Body { bytes, ..body }.with("Content-Encoding", "gzip"),
        Err(_) => body,
    }
}

/// Whether a header `Accept-Encoding` names gzip and does not refuse it.
pub(super) fn takes_gzip(header: &str) -> bool {
    header.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let is_gzip = words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !words.any(|word| word.strip_prefix("q=").is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_when_it_is_named_and_not_refused() {
        for (header, wanted) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0, br", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(header), wanted, "{header}");
        }
    }
}
