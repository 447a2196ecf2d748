//! Data types of CDA in the words that a reader expects: dates, names, addresses, numbers, codes (CDA R2 §4, HL7 V3 data
//! types R1).
//!
//! Not for: precision that was not given. What cannot be read as its type is shown as it stands.

use crate::formats::cda::{Document, Element, Node};

use super::page::Link;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A null flavor in words; `None` when there is none.
pub(super) fn null_flavor_words(code: &str) -> Option<&'static str> {
    Some(match code {
        "" => return None,
        "NI" => "no information",
        "UNK" => "unknown",
        "ASKU" => "asked but unknown",
        "NAV" => "not available",
        "NASK" => "not asked",
        "NA" => "not applicable",
        "MSK" => "[masked]",
        "OTH" => "other",
        "INV" => "invalid",
        "DER" => "derived",
        "UNC" => "un-encoded",
        "QS" => "sufficient quantity",
        "TRC" => "trace",
        "NINF" => "−∞",
        "PINF" => "+∞",
        "NP" => "not present",
        _ => "no value given",
    })
}

fn or_null(element: Element<'_>, words: String) -> Option<String> {
    if words.is_empty() { null_flavor_words(element.null_flavor()).map(str::to_owned) } else { Some(words) }
}

/// A point in time (TS) with the precision that was given.
pub(super) fn time(value: &str) -> String {
    let (digits, rest) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|d| d.parse::<u32>().ok());
    let month = part(4..6).filter(|m| (1..=12).contains(m));
    let day = part(6..8).filter(|d| (1..=31).contains(d));
    let clock = (part(8..10).filter(|h| *h < 24), part(10..12).filter(|m| *m < 60));
    let date = match (digits.len(), month, day) {
        (4, _, _) => digits.to_owned(),
        (6, Some(month), _) => format!("{} {}", MONTHS[month as usize - 1], &digits[..4]),
        (8 | 10 | 12 | 14, Some(month), Some(day)) => format!("{day} {} {}", MONTHS[month as usize - 1], &digits[..4]),
        _ => return value.to_owned(),
    };
    let offset = rest.find(['+', '-']).and_then(|at| rest.get(at..)).filter(|zone| zone.len() == 5);
    let zone = offset.map(|zone| format!(" {}{}:{}", zone[..1].replace('-', "−"), &zone[1..3], &zone[3..])).unwrap_or_default();
    match (digits.len(), clock) {
        (8, _) | (4 | 6, _) => date,
        (10, (Some(hour), _)) => format!("{date}, {hour:02} h{zone}"),
        (12, (Some(hour), Some(minute))) => format!("{date}, {hour:02}:{minute:02}{zone}"),
        (14, (Some(hour), Some(minute))) if digits.ends_with("00") => format!("{date}, {hour:02}:{minute:02}{zone}"),
        (14, (Some(hour), Some(minute))) => format!("{date}, {hour:02}:{minute:02}:{}{zone}", &digits[12..]),
        _ => value.to_owned(),
    }
}

/// A time or an interval of time (TS, IVL_TS).
pub(super) fn interval(element: Element<'_>) -> Option<String> {
    let point = |name: &str| element.child(name);
    let said = |end: Element<'_>| or_null(end, time(end.attr("value")));
    if !element.attr("value").is_empty() {
        return Some(time(element.attr("value")));
    }
    let (low, high) = (point("low"), point("high"));
    let has_value = |end: Option<Element<'_>>| end.is_some_and(|end| !end.attr("value").is_empty());
    match (low, high) {
        (Some(low), Some(high)) if has_value(Some(low)) && has_value(Some(high)) => {
            Some(format!("{} to {}", time(low.attr("value")), time(high.attr("value"))))
        }
        (Some(low), high) if has_value(Some(low)) => {
            let end = high.and_then(said).map(|end| format!(", end {end}")).unwrap_or_default();
            Some(format!("since {}{end}", time(low.attr("value"))))
        }
        (low, Some(high)) if has_value(Some(high)) => {
            let start = low.and_then(said).map(|start| format!(", start {start}")).unwrap_or_default();
            Some(format!("until {}{start}", time(high.attr("value"))))
        }
        (Some(low), _) => said(low).map(|words| format!("start {words}")),
        _ => {
            let center = point("center").map(|center| format!("about {}", time(center.attr("value"))));
            center.or_else(|| point("width").and_then(quantity)).or_else(|| or_null(element, String::new()))
        }
    }
}

/// A name of a person or an organisation (EN, PN, ON).
pub(super) fn name(element: Element<'_>) -> Option<String> {
    let has_loose = element.nodes().any(|node| matches!(node, Node::Text(text) if !text.trim().is_empty()));
    let part = |element: Element<'_>| spaced(&element.text());
    let words = if has_loose {
        // Mixed: the order in which it stands is all that is known.
        spaced(&element.text())
    } else {
        let of = |name: &'static str| element.children(name).map(part);
        of("prefix")
            .chain(of("given"))
            .chain(of("family"))
            .chain(of("suffix"))
            .filter(|p| !p.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let birth = element.children("family").any(|family| family.attr("qualifier").split_whitespace().any(|q| q == "BR"));
    let kind = match element.attr("use") {
        "" | "L" => None,
        "P" => Some("also"),
        "A" => Some("alias"),
        "C" => Some("license"),
        "ASGN" => Some("assigned"),
        "SRCH" => Some("for searching"),
        other => Some(other),
    };
    let mut words = or_null(element, words)?;
    if birth {
        words.push_str(" (birth name)");
    }
    Some(kind.map_or(words.clone(), |kind| format!("{words} ({kind})")))
}

/// An address (AD), its lines in the order of the document.
pub(super) fn address(element: Element<'_>) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for node in element.nodes() {
        let words = match node {
            Node::Text(text) => spaced(text),
            Node::Element(part) if part.name() == "useablePeriod" => String::new(),
            Node::Element(part) => spaced(&part.text()),
        };
        if !words.is_empty() {
            parts.push(words);
        }
    }
    let kind = match element.attr("use") {
        "" => "",
        "H" | "HP" => "home",
        "HV" => "vacation",
        "WP" => "work",
        "TMP" => "temporary",
        "BAD" => "bad address",
        other => other,
    };
    let words = or_null(element, parts.join(", "))?;
    Some(if kind.is_empty() { words } else { format!("{words} ({kind})") })
}

/// A telephone number or mail address (TEL).
pub(super) fn telecom(element: Element<'_>) -> Option<String> {
    let value = element.attr("value");
    let (scheme, rest) = value.split_once(':').unwrap_or(("", value));
    let words = match scheme.to_ascii_lowercase().as_str() {
        "tel" | "mailto" | "fax" | "" => rest.to_owned(),
        _ => value.to_owned(),
    };
    let mut kinds: Vec<&str> = Vec::new();
    match scheme.to_ascii_lowercase().as_str() {
        "fax" => kinds.push("fax"),
        "mailto" => kinds.push("mail"),
        _ => {}
    }
    for token in element.attr("use").split_whitespace() {
        kinds.push(match token {
            "HP" | "H" => "home",
            "HV" => "vacation",
            "WP" => "work",
            "DIR" => "direct",
            "MC" => "mobile",
            "PG" => "pager",
            "EC" => "emergency",
            "AS" => "answering service",
            other => other,
        });
    }
    let words = or_null(element, words)?;
    Some(if kinds.is_empty() { words } else { format!("{words} ({})", kinds.join(", ")) })
}

const SSN_ROOT: &str = "2.16.840.1.113883.4.1";

/// An identifier (II): the extension first, then where it comes from.
pub(super) fn identifier(element: Element<'_>, mask: bool) -> Option<String> {
    let (extension, root) = (element.attr("extension"), element.attr("root"));
    let authority = element.attr("assigningAuthorityName");
    let shown = if mask && root == SSN_ROOT {
        let digits: Vec<char> = extension.chars().filter(char::is_ascii_digit).collect();
        let last: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
        format!("•••-••-{last}")
    } else {
        extension.to_owned()
    };
    let from = [authority, root_name(root).unwrap_or(root)].into_iter().find(|words| !words.is_empty()).unwrap_or("");
    let words = match (shown.is_empty(), from.is_empty()) {
        (true, _) => root.to_owned(),
        (false, true) => shown,
        (false, false) => format!("{shown} ({from})"),
    };
    or_null(element, words)
}

fn root_name(root: &str) -> Option<&'static str> {
    Some(match root {
        SSN_ROOT => "US social security number",
        "2.16.840.1.113883.4.6" => "US NPI",
        "2.16.840.1.113883.4.7" => "US CLIA number",
        "2.16.840.1.113883.4.572" => "Medicare number",
        _ => return None,
    })
}

/// A coded value (CD, CE, CS): original text, else the display name, else a translation's, else the code and its system.
pub(super) fn code(document: &Document<'_>, element: Element<'_>) -> Option<String> {
    let original = element.child("originalText").map(|text| referenced_text(document, text)).filter(|words| !words.is_empty());
    let display = |element: Element<'_>| Some(element.attr("displayName").to_owned()).filter(|words| !words.is_empty());
    let translated = || element.children("translation").find_map(display);
    let bare = || {
        let (code, system) = (element.attr("code"), element.attr("codeSystemName"));
        let system = if system.is_empty() { element.attr("codeSystem") } else { system };
        match (code.is_empty(), system.is_empty()) {
            (true, _) => None,
            (false, true) => Some(code.to_owned()),
            (false, false) => Some(format!("{code} ({system})")),
        }
    };
    let words = original.or_else(|| display(element)).or_else(translated).or_else(bare);
    or_null(element, words.unwrap_or_default())
}

/// The words of a `text` or `originalText`: its own, or those of the narrative that its reference names.
pub(super) fn referenced_text(document: &Document<'_>, element: Element<'_>) -> String {
    let own = spaced(&element.text());
    if !own.is_empty() {
        return own;
    }
    let target = element.child("reference").and_then(|reference| document.referenced(reference.attr("value")));
    target.map(|target| spaced(&target.text())).unwrap_or_default()
}

/// A quantity (PQ, INT, REAL, IVL_PQ).
pub(super) fn quantity(element: Element<'_>) -> Option<String> {
    let one = |element: Element<'_>| {
        let (value, unit) = (element.attr("value"), element.attr("unit"));
        let unit = if unit == "1" { "" } else { unit };
        format!("{value} {unit}").trim().to_owned()
    };
    let (low, high) = (element.child("low").map(one), element.child("high").map(one));
    let some = |words: Option<String>| words.filter(|words| !words.is_empty());
    let words = match (some(low), some(high)) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => one(element),
    };
    or_null(element, words)
}

/// Runs of white space as one space, none at the ends.
pub(super) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a link leads (spec ccda-render.md §6). `inside` gives the page's id of an id of the document.
pub(super) fn link(href: &str, inside: impl Fn(&str) -> Option<String>) -> Link {
    // Browsers drop these before they look at the scheme, so a scheme must not be told with them in it.
    let plain: String = href.trim().chars().filter(|c| !c.is_control()).collect();
    let dead = || Link::Dead(plain.clone());
    if let Some(id) = plain.strip_prefix('#') {
        return inside(id).map_or_else(dead, Link::Inside);
    }
    let Some((scheme, rest)) = plain.split_once(':') else { return dead() };
    let allowed = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.starts_with("//") && rest.len() > 2 && !rest.starts_with("///"),
        "mailto" | "tel" => !rest.is_empty(),
        _ => false,
    };
    let is_plain = plain.chars().all(|c| !c.is_whitespace() && c != '\\' && !is_direction(c));
    if allowed && is_plain { Link::Outside(plain) } else { dead() }
}

/// Characters that turn the order of the text around them (Unicode TR 9): shown, since they could reverse a dose.
pub(super) fn is_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}
