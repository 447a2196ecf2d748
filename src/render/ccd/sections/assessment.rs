//! Assessments in words: clinical impressions and judgements of risk. The section of C-CDA has no entries.
//!
//! Not for: scales and scores (`statuses`).

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Section, Template};
use crate::render::ccd::chart::Item;
use crate::render::ccd::context::Context;

use super::routing::Place;
use super::sheet::{Sheet, Spec};
use super::words;

const SPEC: Spec = Spec {
    prefix: "assessment",
    code: ("51848-0", "Evaluation note"),
    title: "Assessment",
    templates: &[Template::root("2.16.840.1.113883.10.20.22.2.8")],
    with_entries: &[],
    needs_entries: false,
    columns: &["Date", "What", "Assessment", "Details"],
};

pub fn assessment(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::Assessment) {
        let root = item.root();
        sheet.begin();
        let dated = ["effective", "occurrence", "date"].iter().find_map(|name| words::when(root, name));
        sheet.say(dated);
        sheet.say(concept(root.at("code")).or_else(|| root.at("description").text()).or_else(|| Some(kind(&item).to_owned())));
        sheet.say(judgement(cx, root));
        sheet.add(details(cx, root));
        let found = root.at("finding").items().map(|found| found.at("itemCodeableConcept"));
        let predicted = root.at("prediction").items().map(|said| said.at("outcome"));
        sheet.end(&item, [root.at("code"), root.at("method")].into_iter().chain(found).chain(predicted).collect::<Vec<_>>());
    }
    sheet.finish()
}

fn kind(item: &Item<'_>) -> &'static str {
    if item.kind == "RiskAssessment" { "Judgement of risk" } else { "Clinical impression" }
}

fn judgement(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let findings = root.at("finding").items().map(|found| {
        let what = concept(found.at("itemCodeableConcept")).or_else(|| words::reference(cx, root, found.at("itemReference")));
        words::joined_by(", ", [what, found.at("basis").text()])
    });
    let predictions = root.at("prediction").items().map(|said| {
        let chance = said.at("probabilityDecimal").text().or_else(|| words::range(said.at("probabilityRange")));
        let words_of = [
            concept(said.at("outcome")),
            words::named("probability", chance),
            words::named("risk", concept(said.at("qualitativeRisk"))),
            words::named("relative risk", said.at("relativeRisk").text()),
            words::when(said, "when"),
            said.at("rationale").text(),
        ];
        words::joined_by(", ", words_of)
    });
    words::joined([root.at("summary").text()].into_iter().chain(findings).chain(predictions))
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    words::joined([
        words::named("Description", root.at("description").text().filter(|_| root.at("code").exists())),
        words::named("Method", concept(root.at("method"))),
        words::named(
            "By",
            words::reference(cx, root, root.at("assessor")).or_else(|| words::reference(cx, root, root.at("performer"))),
        ),
        words::named("About", words::references(cx, root, root.at("problem"))),
        words::named("Condition", words::reference(cx, root, root.at("condition"))),
        words::named("Basis", words::references(cx, root, root.at("basis"))),
        words::named("To be done", root.at("mitigation").text()),
        words::named("Prognosis", concepts(root.at("prognosisCodeableConcept"))),
        words::named("Remark", words::notes(root)),
    ])
}
