//! Data types of CDA in the words that a reader expects: dates, names, addresses, numbers, codes (CDA R2 §4, HL7 V3 data
//! types R1).
//!
//! Not for: precision that was not given. What cannot be read as its type is shown as it stands.

use crate::formats::cda::{Document, Element, Node};

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
        (4 | 6 | 8, _) => format!("{date}{zone}"),
        (10, (Some(hour), _)) => format!("{date}, {hour:02} h{zone}"),
        (12, (Some(hour), Some(minute))) => format!("{date}, {hour:02}:{minute:02}{zone}"),
        (14, (Some(hour), Some(minute))) if digits.ends_with("00") => format!("{date}, {hour:02}:{minute:02}{zone}"),
        (14, (Some(hour), Some(minute))) => format!("{date}, {hour:02}:{minute:02}:{}{zone}", &digits[12..]),
        _ => value.to_owned(),
    }
}

/// A time or an interval of time (TS, IVL_TS).
pub(super) fn interval(element: Element<'_>) -> Option<String> {
    if !element.attr("value").is_empty() {
        return Some(time(element.attr("value")));
    }
    let end = |name: &str| {
        let end = element.child(name)?;
        let said = or_null(end, time(end.attr("value")))?;
        Some((said, !end.attr("value").is_empty()))
    };
    let mut words = match (end("low"), end("high")) {
        (Some((low, true)), Some((high, true))) => vec![format!("{low} to {high}")],
        (Some((low, true)), Some((high, false))) => vec![format!("since {low}, end {high}")],
        (Some((low, true)), None) => vec![format!("since {low}")],
        (Some((low, false)), Some((high, true))) => vec![format!("until {high}, start {low}")],
        (None, Some((high, true))) => vec![format!("until {high}")],
        (Some((low, false)), Some((high, false))) => vec![format!("start {low}, end {high}")],
        (Some((low, false)), None) => vec![format!("start {low}")],
        (None, Some((high, false))) => vec![format!("end {high}")],
        (None, None) => Vec::new(),
    };
    words.extend(element.child("center").map(|center| format!("about {}", time(center.attr("value")))));
    words.extend(element.child("width").and_then(quantity).map(|width| format!("for {width}")));
    or_null(element, words.join(", "))
}

/// What `validTime` or `useablePeriod` adds to a name or an address.
fn while_valid(element: Element<'_>, period: &str) -> String {
    element.child(period).and_then(interval).map(|period| format!(", {period}")).unwrap_or_default()
}

/// The kinds that an attribute `use` names, each in words.
fn uses(element: Element<'_>, word: fn(&str) -> &str) -> String {
    let kinds: Vec<&str> = element.attr("use").split_ascii_whitespace().map(word).filter(|kind| !kind.is_empty()).collect();
    kinds.join(", ")
}

fn in_brackets(words: String, kinds: &str) -> String {
    if kinds.is_empty() { words } else { format!("{words} ({kinds})") }
}

/// A name of a person or an organisation (EN, PN, ON).
pub(super) fn name(element: Element<'_>) -> Option<String> {
    const ORDER: [&str; 4] = ["prefix", "given", "family", "suffix"];
    let is_plain = element.nodes().all(|node| match node {
        Node::Text(text) => text.trim().is_empty(),
        Node::Element(part) => ORDER.contains(&part.name()) || part.name() == "validTime",
    });
    let part = |part: Element<'_>| {
        let words = spaced(&part.text());
        let is_birth = part.attr("qualifier").split_ascii_whitespace().any(|qualifier| qualifier == "BR");
        if is_birth && !words.is_empty() { format!("{words} (birth name)") } else { words }
    };
    let mut words: Vec<String> = if is_plain {
        ORDER.into_iter().flat_map(|kind| element.children(kind).map(part).collect::<Vec<_>>()).collect()
    } else {
        // Mixed: the order in which it stands is all that is known.
        let nodes = element.nodes().filter(|node| node.element().is_none_or(|part| part.name() != "validTime"));
        nodes.map(|node| node.element().map_or_else(|| text_of(node), part)).collect()
    };
    words.retain(|words| !words.is_empty());
    if words.is_empty() {
        words.extend(element.elements().find_map(|part| null_flavor_words(part.null_flavor())).map(str::to_owned));
    }
    let kinds = uses(element, |kind| match kind {
        "L" => "",
        "P" => "also",
        "A" => "alias",
        "C" => "license",
        "ASGN" => "assigned",
        "SRCH" => "for searching",
        other => other,
    });
    let words = or_null(element, words.join(" "))? + &while_valid(element, "validTime");
    Some(in_brackets(words, &kinds))
}

fn text_of(node: Node<'_>) -> String {
    match node {
        Node::Text(text) => spaced(text),
        Node::Element(element) => spaced(&element.text()),
    }
}

/// An address (AD), its lines in the order of the document.
pub(super) fn address(element: Element<'_>) -> Option<String> {
    let parts = element.nodes().filter(|node| node.element().is_none_or(|part| part.name() != "useablePeriod")).map(|node| {
        let words = text_of(node);
        let null = node.element().map_or("", |part| part.null_flavor());
        if words.is_empty() { null_flavor_words(null).filter(|_| null == "MSK").unwrap_or("").to_owned() } else { words }
    });
    let mut parts: Vec<String> = parts.filter(|words| !words.is_empty()).collect();
    if parts.is_empty() {
        parts.extend(element.elements().find_map(|part| null_flavor_words(part.null_flavor())).map(str::to_owned));
    }
    let kinds = uses(element, |kind| match kind {
        "H" | "HP" => "home",
        "HV" => "vacation",
        "WP" => "work",
        "DIR" => "direct",
        "PUB" => "public",
        "TMP" => "temporary",
        "PST" => "postal",
        "PHYS" => "visiting",
        "BAD" => "bad address",
        other => other,
    });
    let words = or_null(element, parts.join(", "))? + &while_valid(element, "useablePeriod");
    Some(in_brackets(words, &kinds))
}

/// A telephone number or mail address (TEL).
pub(super) fn telecom(element: Element<'_>) -> Option<String> {
    let value = element.attr("value");
    let (scheme, rest) = value.split_once(':').unwrap_or(("", value));
    let (words, way) = match scheme.to_ascii_lowercase().as_str() {
        "tel" | "" => (rest.to_owned(), ""),
        "mailto" => (rest.to_owned(), "mail"),
        "fax" => (rest.to_owned(), "fax"),
        _ => (value.to_owned(), ""),
    };
    let kinds = uses(element, |kind| match kind {
        "HP" | "H" => "home",
        "HV" => "vacation",
        "WP" => "work",
        "DIR" => "direct",
        "MC" => "mobile",
        "PG" => "pager",
        "EC" => "emergency",
        "AS" => "answering service",
        "PUB" => "public",
        "TMP" => "temporary",
        "BAD" => "bad number",
        other => other,
    });
    let words = or_null(element, words.trim().to_owned())? + &while_valid(element, "useablePeriod");
    let kinds = [way, &kinds].into_iter().filter(|kind| !kind.is_empty()).collect::<Vec<_>>().join(", ");
    Some(in_brackets(words, &kinds))
}

pub(super) const SSN_ROOT: &str = "2.16.840.1.113883.4.1";

/// An identifier (II): the extension first, then where it comes from.
pub(super) fn identifier(element: Element<'_>, mask: bool) -> Option<String> {
    let (extension, root) = (element.attr("extension"), element.attr("root"));
    let shown = if mask && root == SSN_ROOT {
        let digits: Vec<char> = extension.chars().filter(char::is_ascii_digit).collect();
        let last: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
        format!("•••-••-{last}")
    } else {
        extension.to_owned()
    };
    let from = [element.attr("assigningAuthorityName"), system_name(root).unwrap_or(""), root];
    let from = from.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ");
    let words = if shown.is_empty() { from } else { in_brackets(shown, &from) };
    let null = null_flavor_words(element.null_flavor());
    match null {
        // A root with a null flavor says of which kind the number would be.
        Some(null) if extension.is_empty() && !words.is_empty() => Some(format!("{null} ({words})")),
        _ => or_null(element, words),
    }
}

/// Numbers and codes whose OID every reader of American charts knows by a name.
fn system_name(root: &str) -> Option<&'static str> {
    Some(match root {
        SSN_ROOT => "US social security number",
        "2.16.840.1.113883.4.6" => "US NPI",
        "2.16.840.1.113883.4.7" => "US CLIA number",
        "2.16.840.1.113883.4.572" => "Medicare number",
        "2.16.840.1.113883.6.1" => "LOINC",
        "2.16.840.1.113883.6.96" => "SNOMED CT",
        "2.16.840.1.113883.6.90" => "ICD-10-CM",
        "2.16.840.1.113883.6.103" => "ICD-9-CM",
        "2.16.840.1.113883.6.88" => "RxNorm",
        "2.16.840.1.113883.6.69" => "NDC",
        "2.16.840.1.113883.6.12" => "CPT",
        "2.16.840.1.113883.12.292" => "CVX",
        "2.16.840.1.113883.6.101" => "NUCC taxonomy",
        _ => return None,
    })
}

/// A coded value (CD, CE, CS): original text, else the display name, else a translation's, else the code and its system.
pub(super) fn code(document: &Document<'_>, element: Element<'_>) -> Option<String> {
    let original = element.child("originalText").map(|text| referenced_text(document, text)).filter(|words| !words.is_empty());
    let display = |element: Element<'_>| Some(spaced(element.attr("displayName"))).filter(|words| !words.is_empty());
    let translated = || element.children("translation").find_map(display);
    let words = original.or_else(|| display(element)).or_else(translated).or_else(|| bare_code(element));
    or_null(element, words.unwrap_or_default())
}

fn bare_code(element: Element<'_>) -> Option<String> {
    let (code, system, name) = (element.attr("code"), element.attr("codeSystem"), element.attr("codeSystemName"));
    let system = [name, system_name(system).unwrap_or(""), system].into_iter().find(|words| !words.is_empty());
    (!code.is_empty()).then(|| in_brackets(code.to_owned(), system.unwrap_or("")))
}

/// A coded value with all the words for it: the author's, those of the code, and other codes' where they differ. `names` gives
/// words for codes that come without any.
pub(super) fn full_code(
    document: &Document<'_>,
    element: Element<'_>,
    names: fn(&str) -> Option<&'static str>,
) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |words: String| {
        if !words.is_empty() && !all.iter().any(|said| said.eq_ignore_ascii_case(&words)) {
            all.push(words);
        }
    };
    add(element.child("originalText").map(|text| referenced_text(document, text)).unwrap_or_default());
    add(spaced(element.attr("displayName")));
    for translation in element.children("translation") {
        add(spaced(translation.attr("displayName")));
    }
    for qualifier in element.children("qualifier").flat_map(|qualifier| qualifier.elements()) {
        add(code(document, qualifier).unwrap_or_default());
    }
    if all.is_empty() {
        let known = names(element.attr("code")).map(str::to_owned);
        all.extend(known.or_else(|| bare_code(element)).or_else(|| element.children("translation").find_map(bare_code)));
    }
    let loose = spaced(&element.nodes().filter(|node| node.element().is_none()).map(text_of).collect::<Vec<_>>().join(" "));
    all.extend(Some(loose).filter(|words| !words.is_empty()));
    let words = match all.split_first() {
        Some((first, [])) => first.clone(),
        Some((first, rest)) => format!("{first} [{}]", rest.join("; ")),
        None => String::new(),
    };
    match null_flavor_words(element.null_flavor()) {
        Some(null) if !words.is_empty() && element.attr("code").is_empty() => Some(format!("{words} ({null})")),
        _ => or_null(element, words),
    }
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
