//! Data types of HL7 v2 as FHIR writes them: codes, identifiers, names, addresses, telephones, people and places.
//!
//! Not for: which field goes where.

use std::borrow::Cow;

use super::group::Group;
use crate::formats::hl7v2::Value;
use crate::mapping::fhir::{Array, Object};
use crate::mapping::systems::{Coding, uri_of_oid, uri_of_v2};

impl Group<'_> {
    /// The codings of a CE, CWE, CNE, IS or ID: primary, alternate, second alternate. `system` is the name (as in CWE.3)
    /// that holds for a primary code which names none: `HL70001` for a table of HL7's own, `v2-0010` for a site's.
    pub fn codings(&self, value: Value<'_>, system: &str) -> Vec<Coding> {
        let mut codings = Vec::new();
        for (at, first) in [1, 4, 10].into_iter().enumerate() {
            let code = value.component(first).text();
            if code.is_empty() {
                continue;
            }
            let named = value.component(first + 2).text();
            let named = if named.is_empty() && at == 0 { Cow::Borrowed(system) } else { named };
            // 14 and 15 are the OIDs of the first two systems since 2.7; the name is what people wrote.
            codings.push(Coding::new(self.system(&named), code, value.component(first + 1).text()));
        }
        codings
    }

    /// The URI of a coding system by its name or OID.
    pub fn system(&self, name: &str) -> String {
        if is_oid(name) { uri_of_oid(name).into_owned() } else { uri_of_v2(name, self.cx.source_system).into_owned() }
    }

    /// A CodeableConcept, with the words as they came.
    pub fn concept(&self, o: &mut Object<'_>, key: &str, value: Value<'_>, system: &str) {
        o.concept(key, &self.codings(value, system), &words(value));
    }

    /// The same as an element.
    pub fn concept_in(&self, list: &mut Array<'_>, value: Value<'_>, system: &str) {
        list.concept(&self.codings(value, system), &words(value));
    }

    /// The URI under which an authority's numbers are known; empty when nobody is named.
    pub fn identifier_system(&self, namespace: &str, universal: &str, kind: &str) -> String {
        let local = |name: &str| format!("urn:archive:{}:{}", self.cx.source_system, crate::mapping::id::id(&[name]));
        match (universal, kind.to_ascii_uppercase().as_str()) {
            ("", _) => {}
            (_, "UUID" | "GUID") => return format!("urn:uuid:{}", universal.to_ascii_lowercase()),
            (_, "URI" | "URL") => return universal.to_owned(),
            _ if is_oid(universal) => return uri_of_oid(universal).into_owned(),
            _ => return local(if namespace.is_empty() { universal } else { namespace }),
        }
        let authority = self.authority(namespace, "");
        match authority.as_str() {
            "" => String::new(),
            oid if is_oid(oid) => uri_of_oid(oid).into_owned(),
            name => local(name),
        }
    }

    /// An Identifier of a CX. `kind` is the type (table 0203) of a number that names none.
    pub fn cx(&self, list: &mut Array<'_>, cx: Value<'_>, kind: &str) {
        list.object(|o| self.cx_members(o, cx, kind));
    }

    pub fn cx_members(&self, o: &mut Object<'_>, cx: Value<'_>, kind: &str) {
        let number = cx.text();
        if number.is_empty() {
            return;
        }
        let stated = cx.component(5).text();
        let kind = if stated.is_empty() { kind } else { &stated };
        let authority = cx.component(4);
        let (namespace, universal) = (authority.sub(1).text(), authority.sub(2).text());
        let system = match kind {
            "SS" if namespace.is_empty() || namespace == "SSA" || namespace == "USA" => "http://hl7.org/fhir/sid/us-ssn".into(),
            _ => self.identifier_system(&namespace, &universal, &authority.sub(3).text()),
        };
        o.concept("type", &identifier_type(kind), "");
        o.text("system", &system).text("value", &number);
        o.period("period", &self.time_text(cx.component(7)), &self.time_text(cx.component(8)));
        o.object("assigner", |o| {
            o.text("display", &namespace);
        });
    }

    /// An Identifier of an EI (parts of the authority are components 2 to 4); `kind` is a type of table 0203.
    pub fn ei(&self, list: &mut Array<'_>, ei: Value<'_>, kind: &str) {
        list.object(|o| self.ei_members(o, ei, kind));
    }

    pub fn ei_members(&self, o: &mut Object<'_>, ei: Value<'_>, kind: &str) {
        let number = ei.text();
        if number.is_empty() {
            return;
        }
        let (namespace, universal) = (ei.component(2).text(), ei.component(3).text());
        o.concept("type", &identifier_type(kind), "");
        o.text("system", &self.identifier_system(&namespace, &universal, &ei.component(4).text()));
        o.text("value", &number);
    }

    /// What names a thing by an EI, for `id::id`: authority and number.
    pub fn ei_parts(&self, ei: Value<'_>) -> [String; 2] {
        [self.authority(&ei.component(2).text(), &ei.component(3).text()), ei.text().into_owned()]
    }

    /// A Reference to a person of an XCN or CN (id, family, given …): words and number, since the person's own record is
    /// elsewhere.
    pub fn xcn(&self, o: &mut Object<'_>, key: &str, xcn: Value<'_>) {
        o.object(key, |o| self.xcn_members(o, xcn));
    }

    pub fn xcn_in(&self, list: &mut Array<'_>, xcn: Value<'_>) {
        list.object(|o| self.xcn_members(o, xcn));
    }

    fn xcn_members(&self, o: &mut Object<'_>, xcn: Value<'_>) {
        let number = xcn.text();
        let authority = xcn.component(9);
        let (namespace, universal) = (authority.sub(1).text(), authority.sub(2).text());
        let is_npi = xcn.component(13).text() == "NPI" || namespace == "NPI";
        o.object("identifier", |o| {
            if !number.is_empty() {
                let system = if is_npi {
                    "http://hl7.org/fhir/sid/us-npi".into()
                } else {
                    self.identifier_system(&namespace, &universal, &authority.sub(3).text())
                };
                o.text("system", &system).text("value", &number);
            }
        });
        o.text("display", &self.xcn_display(xcn));
    }

    /// `Dr. Anna B. Smith Jr., MD`; the number when there is no name.
    pub fn xcn_display(&self, xcn: Value<'_>) -> String {
        let name = display_of([6, 3, 4, 2, 5, 7].map(|n| xcn.component(n).text()));
        if name.is_empty() { xcn.text().into_owned() } else { name }
    }

    /// A HumanName of an XPN or PN (family, given, second, suffix, prefix, degree, type).
    pub fn xpn(&self, list: &mut Array<'_>, xpn: Value<'_>, default_use: &str) {
        let part = |n: usize| xpn.component(n).text();
        if (1..=6).all(|n| part(n).is_empty()) {
            return;
        }
        let stated = name_use(&part(7));
        list.object(|o| {
            o.text("use", if stated.is_empty() { default_use } else { stated });
            o.text("text", &display_of([part(5), part(2), part(3), part(1), part(4), part(6)]));
            o.text("family", &part(1));
            o.array("given", |list| {
                list.text(&part(2));
                list.text(&part(3));
            });
            o.array("prefix", |list| list.text(&part(5)));
            o.array("suffix", |list| {
                list.text(&part(4));
                list.text(&part(6));
            });
            o.period("period", &self.time_text(xpn.component(12)), &self.time_text(xpn.component(13)));
        });
    }

    /// An Address of an XAD or AD. `county` stands in for XAD-9 (PID-12).
    pub fn xad(&self, list: &mut Array<'_>, xad: Value<'_>, county: &str) {
        let part = |n: usize| xad.component(n).text();
        if (1..=9).filter(|&n| n != 7).all(|n| part(n).is_empty()) {
            return;
        }
        let (usage, kind) = address_use(&part(7));
        let district = part(9);
        list.object(|o| {
            o.text("use", usage).text("type", kind);
            o.array("line", |list| {
                // SAD: the whole line, or street name and number apart.
                let street = xad.component(1);
                let line = street.sub(1).text();
                match line.is_empty() {
                    true => list.text(&join([street.sub(3).text(), street.sub(2).text()])),
                    false => list.text(&line),
                }
                list.text(&part(2));
                list.text(&part(8));
            });
            o.text("city", &part(3)).text("district", if district.is_empty() { county } else { &district });
            o.text("state", &part(4)).text("postalCode", &part(5)).text("country", &part(6));
            o.period("period", &self.time_text(xad.component(13)), &self.time_text(xad.component(14)));
        });
    }

    /// A ContactPoint of an XTN, or of a TN that is all text.
    pub fn xtn(&self, list: &mut Array<'_>, xtn: Value<'_>, default_use: &str) {
        let part = |n: usize| xtn.component(n).text();
        let (usage, equipment) = (part(2), part(3));
        let is_mail =
            usage == "NET" || equipment.eq_ignore_ascii_case("Internet") || part(4).contains('@') || part(1).contains('@');
        let number = if is_mail && !part(4).is_empty() { part(4).into_owned() } else { telephone(xtn) };
        if number.is_empty() {
            return;
        }
        let system = match equipment.to_ascii_uppercase().as_str() {
            _ if is_mail && number.contains('@') => "email",
            "FX" => "fax",
            "BP" => "pager",
            "INTERNET" | "X.400" => "url",
            _ => "phone",
        };
        let usage = match (usage.as_ref(), equipment.as_ref()) {
            (_, "CP") => "mobile",
            ("PRS", _) => "mobile",
            ("PRN" | "ORN" | "VHN", _) => "home",
            ("WPN" | "ASN", _) => "work",
            _ => default_use,
        };
        list.object(|o| {
            o.text("system", system).text("value", &number).text("use", usage);
        });
    }

    /// A Reference to an organization of an XON: name, and number where there is one.
    pub fn xon(&self, o: &mut Object<'_>, key: &str, xon: Value<'_>) {
        o.object(key, |o| self.xon_members(o, xon));
    }

    pub fn xon_members(&self, o: &mut Object<'_>, xon: Value<'_>) {
        let number = [10, 3].into_iter().map(|n| xon.component(n).text()).find(|t| !t.is_empty()).unwrap_or_default();
        let authority = xon.component(6);
        o.object("identifier", |o| {
            if !number.is_empty() {
                let parts = [1, 2, 3].map(|n| authority.sub(n).text());
                o.text("system", &self.identifier_system(&parts[0], &parts[1], &parts[2])).text("value", &number);
            }
        });
        o.text("display", &xon.text());
    }

    /// The code of table 0177 (confidentiality) as a security label: OBX-13, ORC-28, TXA-18, ARV-3.
    pub fn confidentiality(&self, value: Value<'_>) -> Option<Coding> {
        const LEVEL: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
        const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        let code = value.text();
        let display = value.component(2).text();
        Some(match code.to_ascii_uppercase().as_str() {
            "" => return None,
            "V" | "VR" => Coding::new(LEVEL, "V", display),
            "R" | "RE" => Coding::new(LEVEL, "R", display),
            "U" | "UC" | "N" | "NO" | "NORMAL" => Coding::new(LEVEL, "N", display),
            "EMP" => Coding::new(ACT, "EMP", display),
            "PSY" => Coding::new(ACT, "PSY", display),
            "HIV" | "AID" => Coding::new(ACT, "HIV", display),
            "ETH" => Coding::new(ACT, "ETHUD", display),
            _ => Coding::new(self.system("HL70177"), code, display),
        })
    }
}

/// The words of a coded value: original text, else the first display, else the code.
pub fn words(value: Value<'_>) -> String {
    let texts = [9, 2, 5, 1, 4].into_iter().map(|n| value.component(n).text());
    texts.into_iter().find(|t| !t.is_empty()).unwrap_or_default().into_owned()
}

/// A PL as words: `ICU, room 4, bed 2, Main Hospital`.
pub fn place(pl: Value<'_>) -> String {
    let part = |n: usize| pl.component(n).text();
    let labelled = |label: &str, text: Cow<'_, str>| if text.is_empty() { String::new() } else { format!("{label} {text}") };
    let described = part(9).into_owned();
    let parts = [
        part(1).into_owned(),
        labelled("room", part(2)),
        labelled("bed", part(3)),
        part(4).into_owned(),
        labelled("building", part(7)),
        labelled("floor", part(8)),
        described,
    ];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Codes of table 0203; a site's own types go without a system.
fn identifier_type(kind: &str) -> Vec<Coding> {
    let system = if kind.len() <= 5 { "http://terminology.hl7.org/CodeSystem/v2-0203" } else { "" };
    if kind.is_empty() { Vec::new() } else { vec![Coding::new(system, kind, "")] }
}

fn is_oid(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.starts_with(['0', '1', '2'])
}

/// Prefix, given, second, family, suffix, degree.
fn display_of(parts: [Cow<'_, str>; 6]) -> String {
    let [prefix, given, second, family, suffix, degree] = parts;
    let mut out = join([prefix, given, second, family, suffix]);
    if !degree.is_empty() {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&degree);
    }
    out
}

fn join<const N: usize>(parts: [Cow<'_, str>; N]) -> String {
    let mut out = String::new();
    for part in parts.iter().filter(|p| !p.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(part);
    }
    out
}

/// Table 0200.
fn name_use(kind: &str) -> &'static str {
    match kind {
        "L" | "C" => "official",
        "D" => "usual",
        "N" => "nickname",
        "M" => "maiden",
        "B" | "BAD" => "old",
        "S" => "anonymous",
        "TEMP" => "temp",
        _ => "",
    }
}

/// Table 0190: `use` and `type` of an Address.
fn address_use(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "H" | "P" => ("home", ""),
        "B" | "O" => ("work", ""),
        "C" | "V" => ("temp", ""),
        "BA" => ("old", ""),
        "BI" => ("billing", ""),
        "M" | "SH" => ("", "postal"),
        _ => ("", ""),
    }
}

/// The number as it was written, else put together of its parts.
fn telephone(xtn: Value<'_>) -> String {
    let part = |n: usize| xtn.component(n).text();
    let written = [1, 12].into_iter().map(part).find(|t| !t.is_empty());
    if let Some(written) = written {
        return written.into_owned();
    }
    let mut out = String::new();
    if !part(5).is_empty() {
        out.push('+');
        out.push_str(part(5).trim_start_matches('+'));
        out.push(' ');
    }
    if !part(6).is_empty() {
        out.push_str(&format!("({}) ", part(6)));
    }
    out.push_str(&part(7));
    if !part(8).is_empty() {
        out.push_str(&format!(" x{}", part(8)));
    }
    if out.trim().is_empty() { part(9).into_owned() } else { out.trim().to_owned() }
}
