//! How the access log stands, as a panel: a sentence first, then when it was checked, the signed checkpoint, the copy outside. A
//! tick stands only on what was checked, with when.
//!
//! Not for: checking (`audit`), or reading how it stands (`oversight::integrity`).

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text;
use crate::audit::Outside;
use crate::oversight::integrity::{Checked, Integrity, State};

/// The panel.
#[derive(Template)]
#[template(path = "parts/log_status.html")]
pub struct LogStatus {
    /// `good`, `caution`, `error`.
    pub tone: &'static str,
    pub title: &'static str,
    pub sentences: Vec<String>,
    pub facts: Vec<(&'static str, String)>,
    /// Base64, of the last signed checkpoint.
    pub root: Option<String>,
    pub href: Option<&'static str>,
}

impl askama::filters::HtmlSafe for LogStatus {}

impl LogStatus {
    pub fn of(it: &Integrity, now: Timestamp, zone: &TimeZone) -> LogStatus {
        let state = it.state(now);
        let (tone, title) = match state {
            State::Faulty => ("error", "The log is not in order"),
            State::Sound => ("good", "✓ The log is complete and unaltered"),
            State::Due => ("caution", "The log was in order when it was last checked"),
            State::NeverChecked => ("caution", "The log has not been checked yet"),
        };
        let main = it.main();
        let mut facts = Vec::new();
        if let Some(checked) = &it.checked {
            let took = checked.took_s.map_or(String::new(), |s| format!(", {s} s"));
            facts.push(("Checked", format!("{}{took}", local(checked.at, zone))));
        }
        let checkpoint = main.and_then(|stream| stream.at.checkpoint.as_ref());
        facts.push(match (main.and_then(|stream| stream.covered_to), checkpoint) {
            (Some(at), Some((size, _))) => {
                ("Signed checkpoint", format!("{}, the first {} entries", local(at, zone), text::count(*size)))
            }
            _ => ("Signed checkpoint", "none yet".to_string()),
        });
        facts.push(("Outside copy", main.map_or("nothing to copy yet".into(), |stream| outside(stream.outside))));
        let root = checkpoint.map(|(_, root)| root.clone());
        LogStatus { tone, title, sentences: sentences(it, state, zone), facts, root, href: Some("/access/log") }
    }
}

fn sentences(it: &Integrity, state: State, zone: &TimeZone) -> Vec<String> {
    let mut said = Vec::new();
    match (&it.checked, state) {
        (Some(checked), State::Faulty) if checked.findings > 0 => {
            let faults = text::counted(checked.findings, "fault", "faults");
            said.push(format!("The check of {} found {faults}.", local(checked.at, zone)));
            if let Some((file, offset, what)) = &checked.first {
                said.push(format!("The first is in {file}, at byte {}: {what}.", text::count(*offset)));
            }
            said.push("What the log says up to there may still be true; what this page shows is not proved.".into());
        }
        (_, State::Faulty) => {
            said.push(
                "The copy outside has a signed checkpoint that the log does not have: the log was changed or set back.".into(),
            );
        }
        (Some(checked), _) => {
            said.push(recomputed(it, checked, state));
            said.extend((!it.has_witness).then(|| NO_WITNESS.to_string()));
        }
        (None, _) => said.push("Nobody has recomputed it, so this page says what the log says, and no more.".into()),
    }
    said
}

const NO_WITNESS: &str = "No copy outside is kept: whoever holds the archive’s signing key could have rewritten all of it.";

fn recomputed(it: &Integrity, checked: &Checked, state: State) -> String {
    let since = it.entries().saturating_sub(checked.entries);
    let after = match since {
        0 => String::new(),
        1 => " One entry came since.".to_string(),
        n => format!(" {} entries came since.", text::count(n)),
    };
    let due = if state == State::Due { " A new check is due." } else { "" };
    format!(
        "All {} entries that it had then were recomputed. None was changed, removed, added or moved.{after}{due}",
        text::count(checked.entries)
    )
}

/// What the copy outside says, in words.
pub fn outside(it: Outside) -> String {
    match it {
        Outside::NotKept => "none is configured".into(),
        Outside::Away => "cannot be reached now".into(),
        Outside::Nothing => "has nothing of this log yet".into(),
        Outside::Agrees { .. } => "✓ agrees".into(),
        Outside::Behind { size } => format!("✓ agrees up to entry {}", text::count(size)),
        Outside::Differs => "✗ does not agree".into(),
    }
}

/// An instant as the readers of the page live it, with the offset.
pub fn local(at: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or_default().to_zoned(zone.clone());
    let offset = at.strftime("%:z").to_string();
    let offset = if offset == "+00:00" { "UTC".to_string() } else { offset.replace('-', "−") };
    format!("{} {offset}", at.strftime("%Y-%m-%d %H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oversight::integrity::StreamStands;
    use crate::oversight::projection::StandsAt;

    fn stands(outside: Outside, checked: Option<Checked>) -> String {
        let at = StandsAt { stream: "s0000".into(), entries: 120, checkpoint: Some((100, "Kr8=".into())) };
        let streams = vec![StreamStands { at, covered_to: Some(1_700_000_000_000_000), outside }];
        let it = Integrity { streams, checked, has_witness: outside != Outside::NotKept };
        let now = Timestamp::from_second(1_700_000_100).unwrap();
        LogStatus::of(&it, now, &TimeZone::get("America/Chicago").unwrap()).to_string()
    }

    #[test]
    fn a_tick_stands_only_on_what_was_checked() {
        let checked = Checked { at: 1_700_000_050_000_000, entries: 118, ..Checked::default() };
        let faulty = Checked {
            findings: 2,
            first: Some(("audit/s0000/x.log".into(), 4_096, "bytes differ (altered)".into())),
            ..checked.clone()
        };
        let agrees = Outside::Agrees { size: 100 };
        for (outside, checked, expected, not) in [
            (agrees, None, "has not been checked yet", "complete and unaltered"),
            (agrees, Some(checked.clone()), "✓ The log is complete and unaltered", "could have rewritten"),
            (agrees, Some(checked.clone()), "2 entries came since", "fault"),
            (Outside::NotKept, Some(checked.clone()), "could have rewritten", "✓ agrees"),
            (Outside::Differs, Some(checked), "changed or set back", "complete and unaltered"),
            (agrees, Some(faulty), "at byte 4,096: bytes differ", "complete and unaltered"),
        ] {
            let html = stands(outside, checked);
            assert!(html.contains(expected) && !html.contains(not), "{expected} / {not}: {html}");
            assert!(html.contains("2023-11-14 16:13 −06:00"), "{html}");
        }
    }
}
