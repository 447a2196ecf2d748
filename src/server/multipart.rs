//! A form with one file in it (`multipart/form-data`, RFC 7578), read from a body that is whole: its fields as text, and the
//! file as it came.
//!
//! Not for: forms without a file (`router`), or what a file is.

/// Most parts of a form.
const PARTS_MAX: usize = 50;
/// Longest head of a part, in bytes.
const HEAD_MAX: usize = 4 << 10;
/// Longest field that is no file, in bytes.
const FIELD_MAX: usize = 64 << 10;
/// Longest name of a file, in characters.
const NAME_MAX: usize = 200;

/// A file of a form.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// As the browser says it, without any folder.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Fields in their order, and the file when one was chosen.
#[derive(Default)]
pub struct Parts {
    pub fields: Vec<(String, String)>,
    pub file: Option<Upload>,
    /// Of the API, where a body is no form.
    pub body: Vec<u8>,
}

/// The boundary that a content type names; `None` when it is no such form.
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = rest.split(';').find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_string())
    })?;
    // RFC 2046 §5.1.1.
    let fits =
        (1..=70).contains(&named.len()) && named.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b));
    fits.then_some(named)
}

/// The parts of a body; `None` when it is not what the boundary says, or beyond the bounds.
pub fn parts(body: &[u8], boundary: &str) -> Option<Parts> {
    let line = format!("--{boundary}");
    let divider = format!("\r\n{line}");
    let mut rest = body.strip_prefix(line.as_bytes())?;
    let mut out = Parts::default();
    for _ in 0..=PARTS_MAX {
        if rest.starts_with(b"--") {
            return Some(out);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let at = find(rest.get(..rest.len().min(HEAD_MAX))?, b"\r\n\r\n")?;
        let head = std::str::from_utf8(rest.get(..at)?).ok()?;
        rest = rest.get(at + 4..)?;
        let end = find(rest, divider.as_bytes())?;
        let content = rest.get(..end)?;
        rest = rest.get(end + divider.len()..)?;
        let (name, file) = disposition(head)?;
        match file {
            // A browser sends an empty name and nothing when no file was chosen.
            Some(file) if file.is_empty() && content.is_empty() => {}
            Some(_) if out.file.is_some() => return None,
            Some(file) => out.file = Some(Upload { name: base_name(&file), bytes: content.to_vec() }),
            None if content.len() > FIELD_MAX => return None,
            None => {
                let text = std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'))?;
                out.fields.push((name, text.to_string()));
            }
        }
    }
    None
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}

/// Name of the field, and of the file when it is one.
fn disposition(head: &str) -> Option<(String, Option<String>)> {
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let value = line.trim().strip_prefix("form-data")?;
    let (mut name, mut file) = (None, None);
    let mut rest = value;
    while let Some(at) = rest.find(';') {
        let part = rest.get(at + 1..)?.trim_start();
        let (key, after) = part.split_once('=')?;
        let quoted = after.strip_prefix('"')?;
        let end = quoted.find('"')?;
        // Browsers write quotes and line ends in names as %22, %0D and %0A.
        let text = quoted.get(..end)?.replace("%22", "\"").replace("%0D", "").replace("%0A", "");
        rest = quoted.get(end + 1..)?;
        match key {
            "name" => name = Some(text),
            "filename" => file = Some(text),
            _ => {}
        }
    }
    Some((name?, file))
}

/// The last part of a path of any system, without control characters.
fn base_name(path: &str) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or("");
    last.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parts: &[&str]) -> Vec<u8> {
        let mut body: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
        body.push_str("--b--\r\n");
        body.into_bytes()
    }

    #[test]
    fn fields_and_the_file_are_read_as_they_were_sent() {
        let body = form(&[
            "Content-Disposition: form-data; name=\"kind\"\r\n\r\norder",
            "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\Users\\x\\the %22order%22.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--c\r\n",
        ]);
        let read = parts(&body, "b").unwrap();
        assert_eq!(read.fields, [("kind".to_string(), "order".to_string())]);
        let file = read.file.unwrap();
        assert_eq!((file.name.as_str(), file.bytes.as_slice()), ("the \"order\".pdf", b"%PDF\r\n--c\r\n".as_slice()));
        let nothing = form(&[
            "Content-Disposition: form-data; name=\"file\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        ]);
        assert!(parts(&nothing, "b").unwrap().file.is_none());
    }

    #[test]
    fn a_body_that_is_not_such_a_form_is_refused_and_never_guessed_at() {
        let field = "Content-Disposition: form-data; name=\"a\"\r\n\r\nx";
        let file = "Content-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nx";
        let many: Vec<&str> = std::iter::repeat_n(field, PARTS_MAX + 1).collect();
        let long = format!("{field}{}", "x".repeat(FIELD_MAX));
        for (why, body) in [
            ("empty", Vec::new()),
            ("no end", form(&[field])[..30].to_vec()),
            ("another boundary", b"--c\r\n\r\n--c--".to_vec()),
            ("no name", form(&["Content-Disposition: form-data\r\n\r\nx"])),
            ("no head", form(&["x"])),
            ("name without quotes", form(&["Content-Disposition: form-data; name=a\r\n\r\nx"])),
            ("two files", form(&[file, file])),
            ("too many parts", form(&many)),
            ("a field too long", form(&[&long])),
            ("zero in a text", form(&["Content-Disposition: form-data; name=\"a\"\r\n\r\n\0"])),
        ] {
            assert!(parts(&body, "b").is_none(), "{why}");
        }
        for (kind, expected) in [
            ("multipart/form-data; boundary=----x1", Some("----x1")),
            ("multipart/form-data; charset=utf-8; boundary=\"a b\"", Some("a b")),
            ("multipart/form-data", None),
            ("multipart/mixed; boundary=a", None),
            ("multipart/form-data; boundary=a\u{e9}", None),
        ] {
            assert_eq!(boundary(kind).as_deref(), expected, "{kind}");
        }
    }
}
