//! Code maps: which codes of a legacy system mean which standard ones, as a table (CSV) or as a FHIR R4 ConceptMap.
//!
//! A map is data with an owner, a date and a version; it adds codings and never replaces one. Only targets that mean the
//! same are added; wider, narrower and related ones are kept for the reader of the map.
//!
//! Not for: applying a map to records (`store::terminology`), or making one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a target relates to its source (FHIR R4 ConceptMap, `equivalence`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Equivalence {
    /// `equal` and `equivalent`: the target may stand for the source.
    Equivalent,
    /// The target is wider than the source (`wider`, `subsumes`).
    Wider,
    /// The target is narrower (`narrower`, `specializes`).
    Narrower,
    /// Anything between (`inexact`, `relatedto`).
    Related,
}

/// One target of a code.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// System (URI) and code of the source.
    pub system: String,
    pub code: String,
    pub target_system: String,
    pub target_code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_display: String,
    pub equivalence: Equivalence,
}

/// A code map.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeMap {
    pub name: String,
    pub version: String,
    pub owner: String,
    /// When it was made or last reviewed, `YYYY-MM-DD`.
    pub date: String,
    /// Where it comes from, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Ordered by system and code.
    pub mappings: Vec<Mapping>,
}

/// Why a code map cannot be used, with the place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct CodeMapFault {
    pub place: String,
    pub what: String,
}

fn fault(place: impl Into<String>, what: impl Into<String>) -> CodeMapFault {
    CodeMapFault { place: place.into(), what: what.into() }
}

/// Columns of the table form.
const COLUMNS: [&str; 6] = ["source_system", "source_code", "target_system", "target_code", "target_display", "equivalence"];
/// What a map says about itself: `# name: …` before the header of a table.
const FACTS: [&str; 4] = ["name", "version", "owner", "date"];

/// Reads a map in either form.
pub fn read(bytes: &[u8]) -> Result<CodeMap, CodeMapFault> {
    let text = std::str::from_utf8(bytes).map_err(|e| fault(format!("byte {}", e.valid_up_to()), "not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut map = if text.trim_start().starts_with('{') { concept_map(text)? } else { table(text)? };
    for (name, value) in FACTS.iter().zip([&map.name, &map.version, &map.owner, &map.date]) {
        if value.trim().is_empty() {
            return Err(fault("head", format!("does not say its {name}")));
        }
    }
    map.mappings.sort();
    map.mappings.dedup();
    Ok(map)
}

fn table(text: &str) -> Result<CodeMap, CodeMapFault> {
    let mut map = empty();
    let mut body = text;
    while let Some(comment) = body.strip_prefix('#') {
        let (line, rest) = comment.split_once('\n').unwrap_or((comment, ""));
        if let Some((name, value)) = line.split_once(':') {
            let value = value.trim().to_string();
            match name.trim() {
                "name" => map.name = value,
                "version" => map.version = value,
                "owner" => map.owner = value,
                "date" => map.date = value,
                "source" => map.source = value,
                _ => {}
            }
        }
        body = rest;
    }
    let before = text[..text.len() - body.len()].lines().count();
    let mut reader = csv_core::Reader::new();
    let (mut rows, mut columns) = (Rows { body: body.as_bytes(), at: 0 }, Vec::new());
    while let Some((line, fields)) = rows.next(&mut reader) {
        let place = || format!("line {}", before as u64 + line);
        if fields.iter().all(|f| f.trim().is_empty()) {
            continue;
        }
        if columns.is_empty() {
            let find = |name: &&str| fields.iter().position(|f| f.trim().eq_ignore_ascii_case(name));
            columns = COLUMNS.iter().map(find).collect();
            if let Some(missing) = columns[..4].iter().position(Option::is_none) {
                return Err(fault(place(), format!("the header has no column {}", COLUMNS[missing])));
            }
            continue;
        }
        let field = |column: usize| columns[column].and_then(|at| fields.get(at)).map_or("", |f| f.trim());
        let word = if field(5).is_empty() { "equivalent" } else { field(5) };
        add(&mut map, [field(0), field(1)], [field(2), field(3), field(4)], word, &place())?;
    }
    if columns.is_empty() {
        return Err(fault("head", "a code map is a CSV table with a header, or a FHIR ConceptMap in JSON"));
    }
    Ok(map)
}

fn empty() -> CodeMap {
    let [name, version, owner, date, source] = [const { String::new() }; 5];
    CodeMap { name, version, owner, date, source, mappings: Vec::new() }
}

/// Adds one target, unless the map says that there is none.
fn add(
    map: &mut CodeMap,
    [system, code]: [&str; 2],
    [target_system, target_code, target_display]: [&str; 3],
    word: &str,
    place: &str,
) -> Result<(), CodeMapFault> {
    let equivalence = match word.to_ascii_lowercase().as_str() {
        "equal" | "equivalent" => Equivalence::Equivalent,
        "wider" | "subsumes" | "source-is-narrower-than-target" => Equivalence::Wider,
        "narrower" | "specializes" | "source-is-broader-than-target" => Equivalence::Narrower,
        "inexact" | "relatedto" | "related-to" => Equivalence::Related,
        "unmatched" | "disjoint" | "not-related-to" => return Ok(()),
        _ => return Err(fault(place, "an unknown equivalence")),
    };
    if [system, code, target_system, target_code].iter().any(|part| part.is_empty()) {
        return Err(fault(place, "source and target need a system and a code"));
    }
    map.mappings.push(Mapping {
        system: system.into(),
        code: code.into(),
        target_system: target_system.into(),
        target_code: target_code.into(),
        target_display: target_display.into(),
        equivalence,
    });
    Ok(())
}

/// The rows of a table with their lines.
struct Rows<'a> {
    body: &'a [u8],
    at: usize,
}

impl Rows<'_> {
    fn next(&mut self, reader: &mut csv_core::Reader) -> Option<(u64, Vec<String>)> {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        let line = reader.line();
        let (mut out, mut ends) = (vec![0; 1 << 12], vec![0; 64]);
        let (mut written, mut fields) = (0, 0);
        loop {
            let (result, read, wrote, ended) =
                reader.read_record(&self.body[self.at..], &mut out[written..], &mut ends[fields..]);
            self.at += read;
            written += wrote;
            fields += ended;
            match result {
                InputEmpty => {}
                OutputFull => out.resize(out.len() * 2, 0),
                OutputEndsFull => ends.resize(ends.len() * 2, 0),
                Record => break,
                End => return None,
            }
        }
        let mut from = 0;
        let cells = ends[..fields].iter().map(|end| {
            let cell = String::from_utf8_lossy(&out[from..*end]).into_owned();
            from = *end;
            cell
        });
        Some((line, cells.collect()))
    }
}

/// A ConceptMap of FHIR R4; the relationships of R5 are understood too.
fn concept_map(text: &str) -> Result<CodeMap, CodeMapFault> {
    let json: Value = serde_json::from_str(text).map_err(|e| fault(format!("line {}", e.line()), "not JSON"))?;
    if json["resourceType"] != "ConceptMap" {
        return Err(fault("resourceType", "not a ConceptMap"));
    }
    let words = |value: &Value| value.as_str().unwrap_or("").to_string();
    let mut map = empty();
    map.name = [&json["name"], &json["title"], &json["id"]].into_iter().map(words).find(|w| !w.is_empty()).unwrap_or_default();
    map.version = words(&json["version"]);
    map.owner = words(&json["publisher"]);
    map.date = words(&json["date"]).chars().take(10).collect();
    map.source = words(&json["description"]);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for (g, group) in list(&json["group"]).iter().enumerate() {
        let (system, target_system) = (words(&group["source"]), words(&group["target"]));
        for (e, element) in list(&group["element"]).iter().enumerate() {
            let place = format!("group[{g}].element[{e}]");
            let code = words(&element["code"]);
            for target in list(&element["target"]) {
                if !list(&target["dependsOn"]).is_empty() || !list(&target["product"]).is_empty() {
                    return Err(fault(place, "depends on other elements, which a code alone cannot answer"));
                }
                let given = [&target["equivalence"], &target["relationship"]].into_iter().map(words).find(|w| !w.is_empty());
                let word = given.unwrap_or_else(|| "equivalent".into());
                let (target_code, display) = (words(&target["code"]), words(&target["display"]));
                add(&mut map, [&system, &code], [&target_system, &target_code, &display], &word, &place)?;
            }
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# name: labs\n# version: 2\n# owner: Laboratory\n# date: 2024-05-01\n\
        source_system,source_code,target_system,target_code,target_display,equivalence\n\
        urn:archive:old:lab,GLU,http://loinc.org,2345-7,\"Glucose, serum\",equal\n\
        urn:archive:old:lab,X1,http://loinc.org,1-8,,wider\n\
        urn:archive:old:lab,X2,http://loinc.org,,,unmatched\n";

    #[test]
    fn both_forms_say_the_same() {
        let table = read(TABLE.as_bytes()).unwrap();
        assert_eq!((table.name.as_str(), table.version.as_str(), table.mappings.len()), ("labs", "2", 2));
        assert_eq!(table.mappings[0].target_display, "Glucose, serum");
        assert_eq!(table.mappings[1].equivalence, Equivalence::Wider);
        let json = r#"{"resourceType":"ConceptMap","name":"labs","version":"2","publisher":"Laboratory","date":"2024-05-01T10:00:00Z",
            "group":[{"source":"urn:archive:old:lab","target":"http://loinc.org","element":[
            {"code":"GLU","target":[{"code":"2345-7","display":"Glucose, serum","equivalence":"equivalent"}]},
            {"code":"X1","target":[{"code":"1-8","relationship":"source-is-narrower-than-target"}]},
            {"code":"X2","target":[{"equivalence":"unmatched"}]}]}]}"#;
        assert_eq!(read(json.as_bytes()).unwrap(), table);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_place() {
        let place = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert!(place("a,b\n1,2\n").starts_with("line 1: the header has no column source_system"));
        assert_eq!(place(&TABLE.replace("wider", "sort of")), "line 7: an unknown equivalence");
        assert_eq!(place(&TABLE.replace("2345-7", "")), "line 6: source and target need a system and a code");
        assert_eq!(place(&TABLE.replace("# owner: Laboratory\n", "")), "head: does not say its owner");
        assert_eq!(place("{"), "line 1: not JSON");
        assert_eq!(place(""), "head: a code map is a CSV table with a header, or a FHIR ConceptMap in JSON");
    }
}
