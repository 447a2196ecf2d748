//! Redaction: words and areas are added, put back, and looked for.
//!
//! Not for: taking them out of pages (`release::redaction`).

use std::collections::BTreeSet;

use crate::release::desk::DeskError;
use crate::release::ledger::Worker;
use crate::release::redaction::{Reason, Redactions, Region, Term};
use crate::release::request::Scope;
use crate::release::selection::{Item, Selection};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, REASONS, RedactPage, Spot};

/// Titles that are shown of items in which words were found.
const TITLES: usize = 12;

/// What came of a question or of a form that was refused.
#[derive(Default)]
struct Told {
    found: Option<releases::Found>,
    typed: [String; 4],
    problem: Option<String>,
}

/// `GET /releases/{number}/redact/{subject}?item=&file=&page=`
pub fn redact(call: &Call) -> Result<Answer, ApiError> {
    draw(call, Told::default(), 200)
}

fn spot(call: &Call) -> Spot {
    let number = |name: &str| call.query(name).and_then(|text| text.parse::<usize>().ok());
    Spot {
        item: number("item"),
        file: call.query("file").unwrap_or("").to_string(),
        page: number("page").and_then(|page| u32::try_from(page).ok()).unwrap_or(1).max(1),
    }
}

fn draw(call: &Call, told: Told, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let (view, subject, number) = (super::view(call, &who)?, super::number(call, "subject")?, call.param("number"));
    let selection = super::told(call, call.wait(super::desk(call).selection(number, subject, &who)))?;
    let redactions = super::told(call, call.wait(super::desk(call).redactions(number, subject, &who)))?;
    let idle = match view.value().case.preview {
        Some(_) => call.wait(super::desk(call).preview_told(number, subject, &who)).map_err(super::fault)?.into_inner().idle,
        None => Vec::new(),
    };
    let frame = crate::server::pages::frame(call);
    let page = selection.map(|selection| {
        let page = RedactPage {
            view: view.value(),
            looker: &super::looker(&who),
            subject,
            selection: &selection,
            redactions: redactions.value(),
            idle: &idle,
            spot: &spot(call),
            found: told.found,
            typed: told.typed,
            problem: told.problem,
        };
        Body::html(releases::redact(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// `POST /releases/{number}/redact/{subject}?item=&file=&page=`
pub fn mark(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let (subject, number) = (super::number(call, "subject")?, call.param("number"));
    let kept = super::told(call, call.wait(super::desk(call).redactions(number, subject, &who)))?;
    let mut redactions: Redactions = kept.value().clone();
    let at = || call.field("at").parse::<usize>().ok();
    let changed: Result<(), String> = match call.field("do") {
        "term" if call.field("then") == "count" => return count(call, &who, subject, super::typed(call, "term", 500)),
        "count" => {
            let term = at().and_then(|at| redactions.terms.get(at)).map(|term| term.text.clone()).unwrap_or_default();
            return count(call, &who, subject, term);
        }
        "term" => add_term(call, &mut redactions),
        "region" => add_region(call, &mut redactions),
        "drop-term" => take(&mut redactions.terms, at()),
        "drop-region" => take(&mut redactions.regions, at()),
        _ => return Err(ApiError::bad("There is no such step.")),
    };
    if let Err(problem) = changed {
        return draw(call, Told { typed: area_typed(call), problem: Some(problem), ..Told::default() }, 400);
    }
    let used = |code: &String| {
        redactions.terms.iter().any(|it| it.reason == *code) || redactions.regions.iter().any(|it| it.reason == *code)
    };
    let reasons = redactions.reasons.iter().filter(|reason| used(&reason.code)).cloned().collect();
    redactions.reasons = reasons;
    match call.wait(super::desk(call).redact(&super::seen(call), subject, redactions, &who)) {
        Ok(_) => Ok(super::on(call.context.path.clone())),
        Err(error) => match super::in_words(&error) {
            Some(words) => draw(call, Told { typed: area_typed(call), problem: Some(words), ..Told::default() }, 409),
            None => Err(super::fault(error)),
        },
    }
}

fn take<T>(list: &mut Vec<T>, at: Option<usize>) -> Result<(), String> {
    match at.filter(|at| *at < list.len()) {
        Some(at) => {
            list.remove(at);
            Ok(())
        }
        None => Err("It was put back already.".into()),
    }
}

/// The reason that was chosen or written, put among those in use; its code.
fn reason(call: &Call, redactions: &mut Redactions) -> Result<String, String> {
    let (code, words) = (super::typed(call, "code", 10), super::typed(call, "words", 100));
    let reason = if code.is_empty() && words.is_empty() {
        let chosen = call.field("reason");
        let known = redactions.reasons.iter().find(|it| it.code == chosen).cloned();
        let usual = REASONS.iter().find(|(code, _)| *code == chosen);
        known.or_else(|| usual.map(|(code, words)| Reason { code: (*code).into(), words: (*words).into() }))
    } else {
        Some(Reason { code, words }).filter(|it| !it.code.is_empty() && !it.words.is_empty())
    };
    let reason = reason.ok_or("Choose a reason, or write both its code and its words.")?;
    match redactions.reasons.iter().find(|it| it.code == reason.code) {
        Some(known) if known.words != reason.words => Err(format!("{} stands for other words already.", reason.code)),
        Some(_) => Ok(reason.code),
        None => {
            redactions.reasons.push(reason.clone());
            redactions.reasons.sort_by(|a, b| a.code.cmp(&b.code));
            Ok(reason.code)
        }
    }
}

fn add_term(call: &Call, redactions: &mut Redactions) -> Result<(), String> {
    let text = super::typed(call, "term", 500);
    if text.is_empty() {
        return Err("Write the words that go.".into());
    }
    let item = if call.field("only") == "1" { spot(call).item } else { None };
    let reason = reason(call, redactions)?;
    if redactions.terms.iter().any(|it| it.text == text && it.item == item) {
        return Err("These words go already.".into());
    }
    redactions.terms.push(Term { text, item, reason, ..Term::default() });
    Ok(())
}

fn add_region(call: &Call, redactions: &mut Redactions) -> Result<(), String> {
    let spot = spot(call);
    let Some(item) = spot.item else { return Err("Open a page first.".into()) };
    let [left, top, width, height] = area(&area_typed(call))?;
    let reason = reason(call, redactions)?;
    let region = Region { item, attachment: spot.file, page: spot.page, left, top, width, height, reason, ..Region::default() };
    redactions.regions.push(region);
    Ok(())
}

fn area_typed(call: &Call) -> [String; 4] {
    ["left", "top", "width", "height"].map(|name| super::typed(call, name, 6))
}

/// An area in ten-thousandths of a page from percents: on the page, and not empty.
fn area(typed: &[String; 4]) -> Result<[u32; 4], String> {
    let mut figures = [0; 4];
    for (figure, text) in figures.iter_mut().zip(typed) {
        *figure = ten_thousandths(text).ok_or("Write four figures from 0 to 100, with two decimals at most.")?;
    }
    let [left, top, width, height] = figures;
    if width == 0 || height == 0 || left + width > 10_000 || top + height > 10_000 {
        return Err("The area has to lie on the page, and cannot be empty.".into());
    }
    Ok(figures)
}

fn ten_thousandths(percent: &str) -> Option<u32> {
    let text = percent.trim().replace(',', ".");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let value = whole.parse::<u32>().ok()? * 100 + format!("{part:0<2}").parse::<u32>().ok()?;
    (value <= 10_000).then_some(value)
}

/// Says in which records of the release words stand. Nothing is changed.
fn count(call: &Call, who: &Worker<'_>, subject: usize, words: String) -> Result<Answer, ApiError> {
    if words.is_empty() {
        return draw(call, Told { problem: Some("Write the words that are looked for.".into()), ..Told::default() }, 400);
    }
    let (desk, number) = (super::desk(call), call.param("number"));
    let found = call.wait(async {
        let frozen = desk.selection(number, subject, who).await?;
        let scope = Scope { text: Some(words.clone()), ..frozen.value().scope.clone() };
        let picked = desk.pick(number, subject, Some(scope), who).await?;
        Ok::<_, DeskError>(among(frozen.value(), &picked.value().selection))
    });
    match found {
        Ok(items) => {
            let titles = items.iter().take(TITLES).cloned().collect();
            draw(call, Told { found: Some((words, items.len(), titles)), ..Told::default() }, 200)
        }
        Err(error) => match super::in_words(&error) {
            Some(problem) => draw(call, Told { problem: Some(problem), ..Told::default() }, 409),
            None => Err(super::fault(error)),
        },
    }
}

/// Items of the frozen selection that another selection has too.
fn among(frozen: &Selection, other: &Selection) -> Vec<(usize, String)> {
    let there: BTreeSet<(&str, &str)> = other.items.iter().map(|item| (item.kind.as_str(), item.id.as_str())).collect();
    let is_there = |item: &&Item| there.contains(&(item.kind.as_str(), item.id.as_str()));
    frozen.items.iter().filter(is_there).map(|item| (item.n, item.title.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_lies_on_the_page_or_is_refused() {
        let of = |figures: [&str; 4]| area(&figures.map(String::from));
        assert_eq!(of(["10", "12.5", "80.25", "3,75"]), Ok([1000, 1250, 8025, 375]));
        assert_eq!(of(["0", "0", "100", "100.00"]), Ok([0, 0, 10_000, 10_000]));
        for figures in [
            ["", "0", "1", "1"],
            ["-1", "0", "1", "1"],
            ["1.001", "0", "1", "1"],
            ["50", "0", "50.01", "1"],
            ["0", "0", "0", "1"],
            ["1e1", "0", "1", "1"],
            ["101", "0", "1", "1"],
        ] {
            assert!(of(figures).is_err(), "{figures:?}");
        }
    }
}
