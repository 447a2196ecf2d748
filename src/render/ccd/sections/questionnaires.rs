//! Filled-in questionnaires: a row for each, a table of its questions and answers, and a scale with the coded answers.
//!
//! Not for: scores that lie in observations of their own (`findings`).

use crate::formats::fhir::node::Node;
use crate::render::ccd::cda::{Class, Entry, Null, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC};
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::findings;
use super::sheet::{self, Sheet, part_id, related};
use super::words;

/// Assessment Scale Observation.
pub const SCALE: Template = Template::root("2.16.840.1.113883.10.20.22.4.69");

const SUPPORTING: Template = Template::root("2.16.840.1.113883.10.20.22.4.86");

/// Adds one to the section in the making, whose columns are those of `findings`.
pub fn add(sheet: &mut Sheet<'_, '_>, item: &Item<'_>) {
    let root = item.root();
    let title = title(sheet, root);
    let date = words::when(root, "authored").or_else(|| root.at("authored").text());
    let answers = answers(root);
    let row = sheet.begin();
    sheet.say(date.clone());
    let what = sheet.key("what", Some(title.clone()));
    sheet.say(Some(format!("{} questions answered, listed below", answers.len())));
    let cx = sheet.cx;
    sheet.say(Some(
        words::joined([
            words::named("By", words::reference(cx, root, root.at("author"))),
            words::named("Told by", words::reference(cx, root, root.at("source"))),
        ])
        .unwrap_or_default(),
    ));
    sheet.end(item, []);
    let rows = answers.iter().map(|answer| vec![answer.question.clone(), answer.words.clone()]).collect();
    let anchors = match answers.is_empty() {
        true => Vec::new(),
        false => {
            let caption = words::joined_by(", ", [Some(title), date]).unwrap_or_default();
            sheet.table(format!("Answers: {caption}"), &["Question", "Answer"], rows)
        }
    };
    if words::is_mistaken(root) {
        return;
    }
    let mut entry = sheet::entry(cx, item, &row, Class::Observation);
    entry.templates.push(SCALE);
    entry.code = Some(codes::code(Node::none(), &[], what));
    if let Some(code) = &mut entry.code {
        code.null = Some(Null::Other);
    }
    entry.status = Some("completed");
    let time = root.at("authored").text().and_then(|text| values::ts(&text)).map(Time::At);
    entry.times = vec![time.unwrap_or(Time::Null(Null::Unknown))];
    // It has no score of its own.
    entry.values = vec![Value::Null("CD", Null::NotApplicable)];
    let coded = answers.iter().zip(&anchors).enumerate();
    let coded = coded.filter_map(|(at, (answer, anchor))| supporting(sheet, item, at, answer, anchor));
    entry.related = coded.map(|entry| related("COMP", entry)).collect();
    sheet.push(entry);
}

/// An answer to a question that LOINC has.
fn supporting(sheet: &Sheet<'_, '_>, item: &Item<'_>, at: usize, answer: &Answer<'_>, anchor: &Anchor) -> Option<Entry> {
    let loinc = answer.loinc.as_deref()?;
    let values: Vec<Value> = answer.given.iter().filter_map(|given| findings::value(*given, None)).collect();
    let code = codes::fixed(loinc, LOINC, &answer.question);
    (!values.is_empty()).then(|| Entry {
        templates: vec![SUPPORTING],
        ids: vec![part_id(sheet.cx, item, &format!("answer-{}", at + 1))],
        code: Some(code),
        text: Some(anchor.clone()),
        status: Some("completed"),
        values,
        ..Entry::default()
    })
}

fn title(sheet: &Sheet<'_, '_>, root: Node<'_>) -> String {
    let canonical = root.at("questionnaire").text().unwrap_or_default();
    let last = canonical.rsplit('/').next().unwrap_or_default().split('|').next().unwrap_or_default();
    let known = sheet.cx.resolve(&format!("Questionnaire/{last}")).and_then(|item| words::title(item.root()));
    let shown = root.at("_questionnaire").at("extension").items().find_map(|e| e.at("valueString").text());
    known.or(shown).unwrap_or_else(|| match canonical.as_str() {
        "" => "Questionnaire".to_owned(),
        named => format!("Questionnaire {named}"),
    })
}

struct Answer<'a> {
    question: String,
    words: String,
    loinc: Option<String>,
    given: Vec<Node<'a>>,
}

/// All answers in the order of the questions, whatever groups they lie in.
fn answers(root: Node<'_>) -> Vec<Answer<'_>> {
    let mut found = Vec::new();
    let mut waiting: Vec<Node<'_>> = root.at("item").items().collect();
    waiting.reverse();
    while let Some(item) = waiting.pop() {
        let given: Vec<Node<'_>> = item.at("answer").items().collect();
        let link = item.at("linkId").text().unwrap_or_default();
        if !given.is_empty() {
            let words = given.iter().map(|answer| words::value(*answer).or_else(|| Some("not recorded".to_owned())));
            found.push(Answer {
                question: item.at("text").text().unwrap_or_else(|| link.clone()),
                words: words::joined(words).unwrap_or_default(),
                loinc: loinc(&link),
                given: given.clone(),
            });
        }
        let below = waiting.len();
        waiting.extend(item.at("item").items());
        waiting.extend(given.iter().flat_map(|answer| answer.at("item").items()));
        waiting[below..].reverse();
    }
    found
}

/// The LOINC code that a question is named by: `/44250-9`.
fn loinc(link: &str) -> Option<String> {
    let code = link.trim_start_matches('/');
    let (number, check) = code.split_once('-')?;
    let digits = |text: &str, longest: usize| (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    (digits(number, 7) && number.len() > 2 && digits(check, 1)).then(|| code.to_owned())
}
