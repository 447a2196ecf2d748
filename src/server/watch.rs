//! What the server does by itself every few seconds: ends break-glass that has run out, writes down the end of each use with
//! what was opened under it, and sends notices.
//!
//! Not for: anything that a request asks for.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;

use crate::audit::{BreakGlass, Entry, User};
use crate::oversight::projection::Select;
use crate::oversight::{OversightError, Projection};
use crate::register::BreakGlassUse;

use super::notices;
use super::state::App;

const EVERY: Duration = Duration::from_secs(2);
/// Most entries of one use that are counted: an hour of a person at a browser holds fewer.
const COUNTED_MAX: u64 = 20_000;

/// Runs until it is dropped.
pub async fn run(app: Arc<App>) {
    if app.notices.is_silent() {
        tracing::warn!(
            "neither webhook nor syslog is configured for notices: break-glass is told in the review queue and the access log alone"
        );
    }
    loop {
        tokio::time::sleep(EVERY).await;
        let app = app.clone();
        let tick = move || {
            // The failure itself is told where it happens; the next tick tries again.
            let _ = log_ends(&app);
            notices::deliver(&app, &tokio::runtime::Handle::current());
        };
        if web::block(tick).await.is_err() {
            tracing::error!("the watch failed unexpectedly");
        }
    }
}

/// Ends what has run out, and writes the entry of every end that has none yet. An end that cannot be written stays ended,
/// and is written later.
pub fn log_ends(app: &App) -> Result<(), ()> {
    let runtime = tokio::runtime::Handle::current();
    let down = |error| tracing::error!(%error, "ended break-glass could not be looked up");
    runtime.block_on(app.register.expire_break_glass()).map_err(down)?;
    for ended in runtime.block_on(app.register.break_glass_to_be_logged()).map_err(down)? {
        let opened = Opened::under(app, &ended).unwrap_or_default();
        app.gate.log().append(stop_entry(&ended)).map_err(|error| {
            tracing::error!(%error, "the end of break-glass could not be written to the access log");
        })?;
        runtime.block_on(app.register.break_glass_logged(&ended.id, opened.answers, opened.records)).map_err(down)?;
    }
    Ok(())
}

fn stop_entry(it: &BreakGlassUse) -> Entry {
    let (name, roles) = (it.name.clone(), vec![it.role.clone()]);
    Entry {
        user: Some(User { iss: it.issuer.clone(), sub: it.subject.clone(), name, roles }),
        session: Some(it.session.clone()),
        patients: it.patients.clone(),
        break_glass: Some(BreakGlass { id: it.id.clone(), reason_code: it.reason_code.clone(), ..BreakGlass::default() }),
        detail: vec![("why", it.stop_reason.clone().unwrap_or_default())],
        ..Entry::new("btg.stop")
    }
}

/// What was shown under a use, as the access log has it.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    pub answers: u64,
    pub records: u64,
    /// Kinds of data as the log names them.
    pub domains: Vec<String>,
}

impl Opened {
    /// Counts the entries that name the use. `None` when they cannot be read.
    pub fn under(app: &App, it: &BreakGlassUse) -> Option<Opened> {
        let failed = |error: OversightError| tracing::error!(%error, "what a use of break-glass showed cannot be read");
        Opened::of(app.oversight().map_err(failed).ok()?, &it.id).map_err(failed).ok()
    }

    fn of(projection: &Projection, id: &str) -> Result<Opened, OversightError> {
        projection.catch_up()?;
        let of_use = Select { break_glass: Some(id.into()), entries_only: true, limit: COUNTED_MAX, ..Select::default() };
        let mut opened = Opened::default();
        for seen in projection.acts(&of_use)? {
            opened.answers += u64::from(seen.act.records > 0);
            opened.records += seen.act.records;
            for domain in seen.domains.split(' ').filter(|domain| !domain.is_empty()) {
                if !opened.domains.iter().any(|known| known == domain) {
                    opened.domains.push(domain.to_string());
                }
            }
        }
        Ok(opened)
    }
}
