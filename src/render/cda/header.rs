//! The header of a CDA document as panels of facts (CDA R2 §4.2, spec ccda-render.md §4): everyone whom it names, with all
//! names, numbers and addresses.
//!
//! Not for: the body.

use crate::formats::cda::{Document, Element};

use super::Options;
use super::page::{Confidentiality, Page, Panel, Row, Warnings};
use super::values::{address, code, identifier, interval, name, null_flavor_words, spaced, telecom, time};

/// A page with its header and no body yet.
pub(super) fn page(document: &Document<'_>, options: Options, warnings: &mut Warnings) -> Page {
    let root = document.root();
    let patients: Vec<Panel> = root.children("recordTarget").map(|target| patient(document, target, options)).collect();
    if patients.len() > 1 {
        warnings.add("multiple-patients", "");
    }
    let language = document.header("languageCode").map(|l| l.attr("code").to_owned()).filter(|tag| !tag.is_empty());
    Page {
        title: title(document),
        language,
        confidentiality: document.header("confidentialityCode").map(confidentiality).unwrap_or_default(),
        patients,
        document: vec![facts(document, options), signatures(document, options)],
        others: others(document, options),
        ..Page::default()
    }
}

fn title(document: &Document<'_>) -> String {
    let code = document.header("code");
    let words = [
        document.title(),
        code.map_or("", |code| code.attr("displayName")).to_owned(),
        code.filter(|code| code.attr("code") == "34133-9").map_or("", |_| "Summarization of episode note").to_owned(),
    ];
    words.into_iter().find(|words| !words.is_empty()).unwrap_or_else(|| "Clinical document".into())
}

/// v3-Confidentiality (2.16.840.1.113883.5.25).
pub(super) fn confidentiality(element: Element<'_>) -> Confidentiality {
    match (element.attr("code"), null_flavor_words(element.null_flavor())) {
        ("N", _) => Confidentiality::Normal,
        ("R", _) => Confidentiality::Restricted,
        ("V", _) => Confidentiality::VeryRestricted,
        ("", Some(words)) => Confidentiality::Other(words.to_owned()),
        ("", None) => Confidentiality::NotGiven,
        (code, _) => Confidentiality::Other(code.to_owned()),
    }
}

/// Collects the rows of a panel; what says nothing makes no row.
struct Rows<'d, 'a> {
    document: &'d Document<'a>,
    options: Options,
    rows: Vec<Row>,
}

impl<'d, 'a> Rows<'d, 'a> {
    fn new(document: &'d Document<'a>, options: Options) -> Rows<'d, 'a> {
        Rows { document, options, rows: Vec::new() }
    }

    fn panel(self, heading: impl Into<String>) -> Panel {
        Panel { heading: heading.into(), rows: self.rows }
    }

    fn put(&mut self, label: &'static str, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            self.rows.push(Row { label, lines });
        }
    }

    /// A row that is there whether or not the document says anything.
    fn must(&mut self, label: &'static str, lines: impl IntoIterator<Item = String>) {
        let before = self.rows.len();
        self.put(label, lines);
        if self.rows.len() == before {
            self.rows.push(Row { label, lines: vec!["not given".into()] });
        }
    }

    fn codes<'t>(&self, elements: impl Iterator<Item = Element<'t>>) -> Vec<String> {
        elements.filter_map(|element| code(self.document, element)).collect()
    }

    fn code(&mut self, label: &'static str, element: Element<'_>, child: &str) {
        let words = self.codes(element.children(child));
        self.put(label, words);
    }

    fn time(&mut self, label: &'static str, element: Element<'_>, child: &str) {
        self.put(label, element.children(child).filter_map(interval));
    }

    /// Numbers, names, organisation and addresses of anyone, whatever the header calls him.
    fn entity(&mut self, entity: Element<'_>) {
        const PERSONS: [&str; 6] =
            ["assignedPerson", "associatedPerson", "relatedPerson", "informationRecipient", "guardianPerson", "playingEntity"];
        let persons = PERSONS.into_iter().flat_map(|kind| entity.children(kind).collect::<Vec<_>>());
        self.put("Name", persons.flat_map(|person| person.children("name").filter_map(name).collect::<Vec<_>>()));
        for device in entity.children("assignedAuthoringDevice").chain(entity.children("playingDevice")) {
            let part =
                |child: &str| device.children(child).map(|e| spaced(&e.text())).filter(|t| !t.is_empty()).collect::<Vec<_>>();
            self.put("Device", part("manufacturerModelName"));
            self.put("Software", part("softwareName"));
        }
        let mask = self.options.mask_ids;
        self.put("Number", entity.children("id").filter_map(|id| identifier(id, mask)));
        self.code("Role", entity, "code");
        self.contact(entity);
        const ORGANISATIONS: [&str; 6] = [
            "representedOrganization",
            "scopingOrganization",
            "receivedOrganization",
            "guardianOrganization",
            "representedCustodianOrganization",
            "serviceProviderOrganization",
        ];
        for kind in ORGANISATIONS {
            for organisation in entity.children(kind) {
                let mut lines: Vec<String> = organisation.children("name").filter_map(name).collect();
                lines.extend(organisation.children("id").filter_map(|id| identifier(id, mask)));
                lines.extend(organisation.children("addr").filter_map(address));
                lines.extend(organisation.children("telecom").filter_map(telecom));
                lines.extend(
                    organisation
                        .descendants()
                        .filter(|e| e.is("wholeOrganization"))
                        .flat_map(|whole| whole.children("name").filter_map(name).collect::<Vec<_>>()),
                );
                self.put("Organisation", lines);
            }
        }
    }

    fn contact(&mut self, element: Element<'_>) {
        self.put("Address", element.children("addr").filter_map(address));
        self.put("Contact", element.children("telecom").filter_map(telecom));
    }
}

fn patient(document: &Document<'_>, target: Element<'_>, options: Options) -> Panel {
    let mut rows = Rows::new(document, options);
    let Some(role) = target.child("patientRole") else { return rows.panel("Patient") };
    let patient = role.child("patient");
    rows.must("Name", patient.into_iter().flat_map(|p| p.children("name").filter_map(name).collect::<Vec<_>>()));
    if let Some(patient) = patient {
        rows.must("Born", patient.children("birthTime").filter_map(interval));
        rows.code("Sex", patient, "administrativeGenderCode");
        let dead = patient.child("sdtc:deceasedInd").filter(|e| e.attr("value") == "true").map(|_| "yes".to_owned());
        let died = patient.child("sdtc:deceasedTime").and_then(interval);
        rows.put("Deceased", died.or(dead));
    }
    rows.must("Number", role.children("id").filter_map(|id| identifier(id, options.mask_ids)));
    rows.contact(role);
    if let Some(patient) = patient {
        rows.code("Marital status", patient, "maritalStatusCode");
        let races = rows.codes(patient.children("raceCode").chain(patient.children("sdtc:raceCode")));
        rows.put("Race", races);
        let ethnic = rows.codes(patient.children("ethnicGroupCode").chain(patient.children("sdtc:ethnicGroupCode")));
        rows.put("Ethnicity", ethnic);
        rows.code("Religion", patient, "religiousAffiliationCode");
        let languages = patient.children("languageCommunication").filter_map(|communication| {
            let tag = communication.child("languageCode")?.attr("code").to_owned();
            let preferred = communication.child("preferenceInd").is_some_and(|e| e.attr("value") == "true");
            Some(if preferred { format!("{tag} (preferred)") } else { tag })
        });
        rows.put("Language", languages);
        rows.put(
            "Birthplace",
            patient.path(&["birthplace", "place"]).into_iter().flat_map(|place| {
                let name = place.children("name").filter_map(name);
                name.chain(place.children("addr").filter_map(address)).collect::<Vec<_>>()
            }),
        );
    }
    let mut panel_rows = rows;
    for guardian in patient.into_iter().flat_map(|p| p.children("guardian").collect::<Vec<_>>()) {
        let mut inner = Rows::new(document, options);
        inner.entity(guardian);
        panel_rows.put("Guardian", inner.rows.into_iter().flat_map(|row| row.lines));
    }
    for provider in role.children("providerOrganization") {
        let lines = provider.children("name").filter_map(name).chain(provider.children("addr").filter_map(address));
        let lines = lines.chain(provider.children("telecom").filter_map(telecom)).collect::<Vec<_>>();
        panel_rows.put("Provider", lines);
    }
    panel_rows.panel("Patient")
}

fn facts(document: &Document<'_>, options: Options) -> Panel {
    let mut rows = Rows::new(document, options);
    let root = document.root();
    rows.must("Created", root.children("effectiveTime").filter_map(interval));
    rows.code("Kind", root, "code");
    rows.put("Document number", root.children("id").filter_map(|id| identifier(id, false)));
    let set = root.child("setId").and_then(|id| identifier(id, false));
    let version = root.child("versionNumber").map(|e| format!("version {}", e.attr("value")));
    rows.put("Series", set.into_iter().chain(version));
    rows.put("Language", root.child("languageCode").map(|l| l.attr("code").to_owned()));
    rows.code("Status", root, "sdtc:statusCode");
    for related in document.related_documents() {
        let kind = match related.attr("typeCode") {
            "RPLC" => "replaces",
            "APND" => "is an addendum to",
            "XFRM" => "is a transformation of",
            other => other,
        };
        let ids = related.child("parentDocument").into_iter().flat_map(|p| p.children("id").collect::<Vec<_>>());
        let lines = ids.filter_map(|id| identifier(id, false)).map(|id| format!("{kind} {id}")).collect::<Vec<_>>();
        rows.put("Related document", lines);
    }
    for order in root.children("inFulfillmentOf").filter_map(|e| e.child("order")) {
        let mut lines: Vec<String> = order.children("id").filter_map(|id| identifier(id, false)).collect();
        lines.extend(rows.codes(order.children("code")));
        rows.put("Order", lines);
    }
    for consent in root.children("authorization").filter_map(|e| e.child("consent")) {
        let lines = rows.codes(consent.children("code").chain(consent.children("statusCode")));
        rows.put("Consent", lines);
    }
    if let Some(encounter) = document.encompassing_encounter() {
        encounter_rows(&mut rows, encounter);
    }
    rows.panel("Document")
}

fn encounter_rows(rows: &mut Rows<'_, '_>, encounter: Element<'_>) {
    rows.time("Encounter", encounter, "effectiveTime");
    rows.code("Encounter kind", encounter, "code");
    rows.put("Encounter number", encounter.children("id").filter_map(|id| identifier(id, false)));
    rows.code("Discharge", encounter, "dischargeDispositionCode");
    if let Some(facility) = encounter.path(&["location", "healthCareFacility"]) {
        let place = facility.child("location");
        let mut lines: Vec<String> =
            place.into_iter().flat_map(|p| p.children("name").filter_map(name).collect::<Vec<_>>()).collect();
        lines.extend(rows.codes(facility.children("code")));
        lines.extend(place.into_iter().flat_map(|p| p.children("addr").filter_map(address).collect::<Vec<_>>()));
        let organisation = facility.child("serviceProviderOrganization");
        lines.extend(organisation.into_iter().flat_map(|o| o.children("name").filter_map(name).collect::<Vec<_>>()));
        rows.put("Place", lines);
    }
}

fn signatures(document: &Document<'_>, options: Options) -> Panel {
    let mut rows = Rows::new(document, options);
    let signer = document.header("legalAuthenticator");
    let is_signed = signer.and_then(|s| s.child("signatureCode")).is_some_and(|code| code.attr("code") == "S");
    if !is_signed {
        rows.put("Signature", ["Not legally authenticated".to_owned()]);
    }
    if let Some(signer) = signer {
        let when = signer.child("time").map(|t| time(t.attr("value"))).filter(|t| !t.is_empty());
        let said = if is_signed { "Signed" } else { "To be signed" };
        rows.put("Signature", [when.map_or(said.to_owned(), |when| format!("{said} {when}"))]);
        rows.put("Text", signer.child("sdtc:signatureText").map(|text| spaced(&text.text())));
        signer.children("assignedEntity").for_each(|entity| rows.entity(entity));
    }
    rows.panel("Legal authenticator")
}

/// Everyone else, in the order of the header.
fn others(document: &Document<'_>, options: Options) -> Vec<Panel> {
    let mut panels = Vec::new();
    for element in document.root().elements() {
        let heading = match element.name() {
            "author" => "Author",
            "dataEnterer" => "Entered by",
            "informant" => "Informant",
            "custodian" => "Custodian",
            "informationRecipient" => "Recipient",
            "authenticator" => "Authenticator",
            "participant" => participant(element),
            "documentationOf" => "Service",
            "componentOf" => "Encounter staff",
            _ => continue,
        };
        let mut rows = Rows::new(document, options);
        rows.time("When", element, "time");
        rows.code("Function", element, "functionCode");
        match element.name() {
            "documentationOf" => service(&mut rows, element),
            "componentOf" => staff(&mut rows, element),
            "custodian" => element.children("assignedCustodian").for_each(|custodian| rows.entity(custodian)),
            _ => element.elements().for_each(|entity| rows.entity(entity)),
        }
        if !rows.rows.is_empty() {
            panels.push(rows.panel(heading));
        }
    }
    panels
}

fn participant(element: Element<'_>) -> &'static str {
    let class = element.child("associatedEntity").map_or("", |entity| entity.attr("classCode"));
    match class {
        "NOK" => "Next of kin",
        "ECON" => "Emergency contact",
        "GUAR" => "Guarantor",
        "PAYOR" => "Payer",
        "PRS" => "Personal relation",
        "HLD" | "COVPTY" | "POLHOLD" => "Policy holder",
        "CAREGIVER" | "AGNT" => "Caregiver",
        _ => "Participant",
    }
}

fn service(rows: &mut Rows<'_, '_>, element: Element<'_>) {
    for event in element.children("serviceEvent") {
        rows.time("Period", event, "effectiveTime");
        rows.code("Service", event, "code");
        for performer in event.children("performer") {
            rows.code("Function", performer, "functionCode");
            performer.children("assignedEntity").for_each(|entity| rows.entity(entity));
        }
    }
}

fn staff(rows: &mut Rows<'_, '_>, element: Element<'_>) {
    for encounter in element.children("encompassingEncounter") {
        let responsible = encounter.children("responsibleParty").chain(encounter.children("encounterParticipant"));
        for party in responsible {
            party.children("assignedEntity").for_each(|entity| rows.entity(entity));
        }
    }
}

/// Authors, informants and subjects that a section names for itself.
pub(super) fn section_people(section: Element<'_>) -> Vec<Row> {
    let label = |name: &str| match name {
        "author" => Some("Author"),
        "informant" => Some("Informant"),
        "subject" => Some("Subject"),
        _ => None,
    };
    let mut rows: Vec<Row> = Vec::new();
    for element in section.elements() {
        let Some(label) = label(element.name()) else { continue };
        let lines: Vec<String> = element.descendants().filter(|e| e.name() == "name").filter_map(name).collect();
        if !lines.is_empty() {
            rows.push(Row { label, lines });
        }
    }
    rows
}
