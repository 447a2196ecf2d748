//! What a record says of itself that a selection goes by: its codes and words, status, title, author, encounter, days, files. Any
//! member may be missing or of a wrong type.
//!
//! Not for: deciding by it (`sets`, `choose`, `flags`).

use serde_json::Value;

use crate::formats::fhir::node::{Node, concept, date_of};
use crate::model::{ArchiveId, Kind, When};
use crate::names::fold;

/// A record's own words.
#[derive(Clone, Debug)]
pub struct Traits {
    pub kind: Kind,
    pub categories: Vec<String>,
    pub types: Vec<String>,
    /// The type's words and the title, folded, with one blank around each word.
    words: String,
    /// Of the first file.
    pub media: String,
    pub statuses: Vec<String>,
    /// Id of its encounter.
    pub encounter: Option<String>,
}

/// A file as the record names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileRef {
    pub media_type: String,
    pub title: Option<String>,
    pub at: FileAt,
}

/// Where a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileAt {
    /// Attachment of this number of the record itself.
    Own(usize),
    /// A Binary record of its own.
    Binary(ArchiveId),
    /// Named, and not delivered.
    Missing,
}

impl Traits {
    pub fn of(kind: Kind, json: &Value) -> Traits {
        let node = Node::new(json);
        let codes = |list: Node<'_>, found: &mut Vec<String>| {
            for coding in list.items().flat_map(|it| it.at("coding").items().collect::<Vec<_>>()) {
                found.extend(coding.at("code").text());
            }
        };
        let (mut categories, mut types) = (Vec::new(), Vec::new());
        codes(node.at("category"), &mut categories);
        codes(node.at("code"), &mut types);
        codes(node.at("type"), &mut types);
        let mut words = String::from(" ");
        let mut say = |text: &str| {
            for word in fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
                words.push_str(word);
                words.push(' ');
            }
            // Words of one member are no phrase with those of the next.
            words.push_str("\n ");
        };
        for concept in ["type", "code", "category"].iter().flat_map(|member| node.at(member).items().collect::<Vec<_>>()) {
            concept.at("text").text().iter().for_each(|text| say(text));
            concept.at("coding").items().filter_map(|it| it.at("display").text()).for_each(|text| say(&text));
        }
        ["description", "title"].iter().filter_map(|member| node.at(member).text()).for_each(|text| say(&text));
        let files = attachments(kind, node);
        files.iter().filter_map(|file| file.at("title").text()).for_each(|text| say(&text));
        let media = files.first().and_then(|file| file.at("contentType").text()).unwrap_or_default().to_ascii_lowercase();
        let statuses = ["docStatus", "status"].iter().filter_map(|member| node.at(member).text()).collect();
        Traits { kind, categories, types, words, media, statuses, encounter: encounter(kind, node) }
    }

    /// Whether these words stand one after the other in its title or in those of its type.
    pub fn says(&self, words: &str) -> bool {
        let folded = fold(words);
        let wanted: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        !wanted.is_empty() && self.words.contains(&format!(" {} ", wanted.join(" ")))
    }
}

/// The id that a reference to a record of this kind leads to.
fn id_of<'a>(reference: &'a str, kind: &str) -> Option<&'a str> {
    reference.strip_prefix(kind)?.strip_prefix('/')
}

fn encounter(kind: Kind, node: Node<'_>) -> Option<String> {
    if kind.name() == "Encounter" {
        return node.at("id").text();
    }
    let context = node.at("context");
    let places = [node.at("encounter"), context, context.at("encounter").first(), node.at("encounter").first()];
    let mut references = places.iter().filter_map(|place| place.at("reference").text());
    references.find_map(|text| id_of(&text, "Encounter").map(str::to_owned))
}

/// The attachments of a record, in the order in which the archive numbers them.
fn attachments(kind: Kind, node: Node<'_>) -> Vec<Node<'_>> {
    if kind == Kind::BINARY {
        return vec![node];
    }
    let mut all: Vec<Node<'_>> = Vec::new();
    all.extend(
        node.at("content")
            .items()
            .map(|content| if content.at("attachment").exists() { content.at("attachment") } else { content }),
    );
    all.extend(node.at("presentedForm").items());
    all.extend(node.at("photo").items());
    all.extend(node.at("payload").items().map(|payload| payload.at("contentAttachment")));
    all.push(node.at("sourceAttachment"));
    all.retain(|it| ["url", "data"].iter().any(|member| it.at(member).exists()));
    all
}

/// The files of a record.
pub fn files(kind: Kind, id: &str, json: &Value) -> Vec<FileRef> {
    let node = Node::new(json);
    let own = format!("{}-", kind.number());
    let place = |(number, file): (usize, &Node<'_>)| {
        let url = file.at("url").text();
        let Some(name) = url.as_deref().and_then(|url| url.strip_prefix("Binary/")) else {
            // Short data stay in the record; an address elsewhere was never followed.
            return if file.at("data").exists() || kind == Kind::BINARY { FileAt::Own(number) } else { FileAt::Missing };
        };
        let numbered = name.strip_prefix(&own).and_then(|rest| rest.strip_suffix(id)).and_then(|rest| rest.strip_suffix('-'));
        match (numbered.and_then(|number| number.parse().ok()), ArchiveId::parse(name)) {
            (Some(number), _) => FileAt::Own(number),
            (None, Some(id)) => FileAt::Binary(id),
            (None, None) => FileAt::Missing,
        }
    };
    let all = attachments(kind, node);
    let file = |(number, file): (usize, &Node<'_>)| FileRef {
        media_type: file.at("contentType").text().unwrap_or_else(|| "application/octet-stream".into()),
        title: file.at("title").text(),
        at: place((number, file)),
    };
    all.iter().enumerate().map(file).collect()
}

/// What it is called.
pub fn title(kind: Kind, json: &Value) -> String {
    let node = Node::new(json);
    let of_concepts = ["type", "code", "medicationCodeableConcept", "vaccineCode", "serviceType", "category", "class"];
    let concepts = || of_concepts.iter().find_map(|member| concept(node.at(member).first()));
    let named = || ["title", "description"].iter().find_map(|member| node.at(member).text());
    let of_file = || attachments(kind, node).iter().find_map(|file| file.at("title").text());
    let referred = || node.at("medicationReference").at("display").text();
    let found = if kind == Kind::PATIENT {
        Some("Patient".to_owned())
    } else if kind.name() == "DocumentReference" {
        node.at("description").text().or_else(of_file).or_else(concepts)
    } else {
        concepts().or_else(referred).or_else(named)
    };
    found.unwrap_or_else(|| spaced(kind.name()))
}

/// `FamilyMemberHistory` → `Family member history`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// Who is named as its author: the words, or the directory record that has them.
pub fn author(json: &Value) -> Option<Author> {
    const PLACES: [&str; 9] = [
        "author",
        "recorder",
        "requester",
        "performer",
        "participant",
        "resultsInterpreter",
        "sender",
        "asserter",
        "informationSource",
    ];
    const INNER: [&str; 3] = ["actor", "individual", "who"];
    let node = Node::new(json);
    let mut all = PLACES.iter().flat_map(|place| node.at(place).items().collect::<Vec<_>>());
    all.find_map(|it| {
        let inner = INNER.iter().map(|member| it.at(member)).find(|inner| inner.exists()).unwrap_or(it);
        if let Some(words) = inner.at("display").text() {
            return Some(Author::Named(words));
        }
        let reference = inner.at("reference").text()?;
        if let Some(local) = reference.strip_prefix('#') {
            let mut contained = node.at("contained").items();
            return contained.find(|it| it.at("id").text().as_deref() == Some(local)).and_then(person_name).map(Author::Named);
        }
        let (kind, id) = reference.split_once('/')?;
        let kind = Kind::from_name(kind).filter(|kind| crate::access::is_directory(*kind))?;
        Some(Author::At(kind, ArchiveId::parse(id)?))
    })
}

/// Whoever wrote a record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Author {
    Named(String),
    At(Kind, ArchiveId),
}

/// The name in a record of a person or an organisation.
pub fn person_name(node: Node<'_>) -> Option<String> {
    if let Some(name) = node.at("name").text() {
        return Some(name);
    }
    let name = node.at("name").first();
    let parts = || {
        let given = name.at("given").items().filter_map(Node::text);
        let all: Vec<String> =
            name.at("prefix").items().filter_map(Node::text).chain(given).chain(name.at("family").text()).collect();
        (!all.is_empty()).then(|| all.join(" "))
    };
    name.at("text").text().or_else(parts)
}

/// The status in the source's words.
pub fn status(json: &Value) -> Option<String> {
    let node = Node::new(json);
    let verified = || {
        let both = ["clinicalStatus", "verificationStatus"];
        let words: Vec<String> = both.iter().filter_map(|member| concept(node.at(member))).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    node.at("docStatus").text().or_else(|| node.at("status").text()).or_else(verified)
}

/// Whether the source itself says that it was entered in error.
pub fn is_in_error(json: &Value) -> bool {
    let node = Node::new(json);
    let plain = ["status", "docStatus"].iter().filter_map(|member| node.at(member).text());
    let verification = node.at("verificationStatus").at("coding").items().filter_map(|it| it.at("code").text());
    plain.chain(verification).any(|code| code == "entered-in-error")
}

/// The end of the service, where a period says it.
pub fn end(json: &Value) -> Option<When> {
    let node = Node::new(json);
    let periods = ["period", "effectivePeriod", "performedPeriod", "occurrencePeriod"];
    let own = periods.iter().find_map(|member| node.at(member).at("end").text());
    own.or_else(|| node.at("context").at("period").at("end").text()).as_deref().and_then(When::parse)
}

/// When it was filed, where it says that apart from the day of service.
pub fn filed(kind: Kind, json: &Value) -> Option<When> {
    let member = match kind.name() {
        "DocumentReference" | "Composition" => "date",
        "Observation" | "DiagnosticReport" => "issued",
        _ => return None,
    };
    Node::new(json).at(member).text().as_deref().and_then(When::parse)
}

/// The day by which a record is filed when the archive's tables know none for its kind.
pub fn any_day(json: &Value) -> Option<When> {
    date_of(Node::new(json)).as_deref().and_then(When::parse)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(name: &str) -> Kind {
        Kind::from_name(name).unwrap()
    }

    #[test]
    fn files_are_found_where_the_archive_says_they_are() {
        let id = "mer.7";
        let number = kind("DocumentReference").number();
        let url = |url: &str| json!({"attachment": {"contentType": "text/plain", "url": url}});
        let json = json!({"content": [
            url(&format!("Binary/{number}-1-{id}")),
            url("Binary/mer.scan"),
            url("documents/lost.pdf"),
            {"attachment": {"contentType": "text/plain", "data": "eA==", "title": "Short"}},
        ]});
        let at: Vec<FileAt> = files(kind("DocumentReference"), id, &json).into_iter().map(|file| file.at).collect();
        let binary = FileAt::Binary(ArchiveId::parse("mer.scan").unwrap());
        assert_eq!(at, [FileAt::Own(1), binary, FileAt::Missing, FileAt::Own(3)]);
    }

    #[test]
    fn what_a_record_is_called_and_who_wrote_it() {
        for (name, json, expected) in [
            ("Patient", json!({}), "Patient"),
            ("Observation", json!({"code": {"text": "Haemoglobin"}}), "Haemoglobin"),
            ("Encounter", json!({"class": {"display": "inpatient"}}), "inpatient"),
            ("MedicationRequest", json!({"medicationReference": {"display": "Aspirin"}}), "Aspirin"),
            ("FamilyMemberHistory", json!({}), "Family member history"),
            (
                "DocumentReference",
                json!({"type": {"text": "Note"}, "content": [{"attachment": {"title": "Scan", "data": "eA=="}}]}),
                "Scan",
            ),
        ] {
            assert_eq!(title(kind(name), &json), expected);
        }
        let named = |json: serde_json::Value| author(&json);
        assert_eq!(named(json!({"author": [{"display": "Dr Eve"}]})), Some(Author::Named("Dr Eve".into())));
        let at = named(json!({"participant": [{"individual": {"reference": "Practitioner/p1"}}]}));
        assert_eq!(at, Some(Author::At(kind("Practitioner"), ArchiveId::parse("p1").unwrap())));
        let local =
            json!({"contained": [{"id": "p", "name": [{"family": "Eve", "given": ["Ann"]}]}], "recorder": {"reference": "#p"}});
        assert_eq!(named(local), Some(Author::Named("Ann Eve".into())));
        assert_eq!(named(json!({"subject": {"reference": "Patient/1"}})), None);
    }
}
