//! Notices to those who must know at once: to a webhook and to the syslog collector, from a durable outbox, tried again until
//! they are taken.
//!
//! Not for: when a notice is due (whoever lays it out), or the review that follows (`pages::reviews`).

use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use crate::audit::{Entry, Outcome};
use crate::config::{Config, NoticeConfig};
use crate::model::Class;
use crate::outbound::{Caller, OutboundError, Severity, Syslog};
use crate::register::{BreakGlassUse, Channel, NewAlert, Notice};

use super::serve::ServeError;
use super::state::App;

/// Notices taken up at once.
const BATCH: i64 = 20;
/// After so many seconds a notice that nobody takes is given up; the review queue still has what it told of.
const GIVEN_UP_AFTER_S: i64 = 24 * 3600;
/// Most bytes read of an answer, which says nothing of use.
const ANSWER_MAX: u64 = 64 << 10;
const REVIEW_DAYS: u32 = 7;
/// What a notice is, for filters of the collector.
const MESSAGE_ID: &str = "NOTICE";

/// Where notices go.
#[derive(Debug, Default)]
pub struct Notices {
    webhook: Option<Webhook>,
    /// The collector of the access log.
    syslog: Option<Syslog>,
}

struct Webhook {
    url: String,
    secret: Option<Zeroizing<String>>,
    caller: Caller,
}

impl std::fmt::Debug for Webhook {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Notices {
    /// `syslog`: the collector of the access log, where one is configured.
    ///
    /// # Errors
    /// `Notices` when the secret or the authorities of the configuration cannot be read, or notices are to go to a collector
    /// that is not there.
    pub fn new(config: &NoticeConfig, syslog: Option<&Syslog>) -> Result<Notices, ServeError> {
        let webhook = config.webhook.as_ref().map(|url| Webhook::new(url, config)).transpose()?;
        if config.syslog && syslog.is_none() {
            return Err(ServeError::Notices("notices.syslog needs audit.syslog".into()));
        }
        Ok(Notices { webhook, syslog: syslog.filter(|_| config.syslog).cloned() })
    }

    /// The ways by which a notice goes out.
    fn channels(&self) -> Vec<Channel> {
        let webhook = self.webhook.iter().map(|_| Channel::Webhook);
        webhook.chain(self.syslog.iter().map(|_| Channel::Syslog)).collect()
    }

    /// Hands a notice over. A collector gives no answers: what it is given waits in the buffer on disk until it was read.
    fn send(&self, notice: &Notice) -> Result<(), String> {
        match (notice.channel, &self.webhook, &self.syslog) {
            (Channel::Webhook, Some(webhook), _) => webhook.send(notice).map_err(|error| error.to_string()),
            (Channel::Syslog, _, Some(syslog)) => {
                syslog.send(Severity::Warning, MESSAGE_ID, &notice.body);
                Ok(())
            }
            (channel, ..) => Err(format!("no {} is configured", channel.name())),
        }
    }

    pub fn is_silent(&self) -> bool {
        self.channels().is_empty()
    }
}

impl Webhook {
    fn new(url: &str, config: &NoticeConfig) -> Result<Webhook, ServeError> {
        let secret = match &config.webhook_secret_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = text.map_err(|error| ServeError::Notices(format!("{}: {error}", path.display())))?;
                Some(Zeroizing::new(text.trim().to_string())).filter(|secret| !secret.is_empty())
            }
        };
        let caller = Caller::new(config.ca_file.as_deref()).map_err(|error| ServeError::Notices(error.to_string()))?;
        Ok(Webhook { url: url.to_string(), secret, caller })
    }

    fn send(&self, notice: &Notice) -> Result<(), OutboundError> {
        let authorization = self.secret.as_ref().map(|secret| Zeroizing::new(format!("Bearer {}", secret.as_str())));
        let number = notice.number.to_string();
        let mut headers = vec![("Content-Type", "application/json"), ("X-Notice-Id", number.as_str())];
        headers.extend(authorization.as_ref().map(|value| ("Authorization", value.as_str())));
        let reply = self.caller.post(&self.url, &headers, notice.body.as_bytes(), ANSWER_MAX)?;
        match reply.status {
            200..=299 => Ok(()),
            status => Err(OutboundError::Status { address: "the webhook".into(), status }),
        }
    }
}

/// Days within which a use is to be reviewed.
pub fn review_days(config: &Config) -> u32 {
    config.notices.review_days.unwrap_or(REVIEW_DAYS)
}

/// The notices of a use that begins: who, when, which patient by the archive's key, which kinds, which reason, and where it is
/// reviewed. Not what the person wrote, nor anything of a record.
pub fn of_break_glass(app: &App, it: &BreakGlassUse) -> Vec<(Channel, String)> {
    let instant = |seconds: i64| Timestamp::from_second(seconds).unwrap_or_default().to_string();
    let path = format!("/break-glass/{}", it.id);
    let body = json!({
        "event": "btg.start",
        "id": it.id,
        "at": instant(it.started),
        "until": instant(it.expires),
        "user": { "iss": it.issuer, "sub": it.subject, "name": it.name, "role": it.role },
        "patient": it.patients.first().map(|patient| patient.as_str()),
        "classes": it.classes.classes().map(Class::name).collect::<Vec<_>>(),
        "reason": it.reason_code,
        "review_by": instant(it.started + i64::from(review_days(&app.config)) * 86_400),
        "review": app.config.access.public_url.as_ref().map_or_else(|| path.clone(), |base| format!("{base}{path}")),
    });
    app.notices.channels().into_iter().map(|channel| (channel, body.to_string())).collect()
}

/// The notices of an alert: what was found, about whom by the archive's key, and at whose request. Nothing of any record.
pub fn of_alert(app: &App, alert: &NewAlert) -> Vec<(Channel, String)> {
    let body = json!({
        "event": alert.about,
        "at": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "user": { "iss": alert.issuer, "sub": alert.subject, "name": alert.name },
        "patient": alert.patients.first().map(|patient| patient.as_str()),
        "differs": alert.detail,
        "review": app.config.access.public_url.as_ref().map_or_else(|| "/".to_string(), |base| format!("{base}/")),
    });
    app.notices.channels().into_iter().map(|channel| (channel, body.to_string())).collect()
}

/// Sends what is due. What happened to each notice stands in the access log.
pub fn deliver(app: &App, runtime: &tokio::runtime::Handle) {
    let due = match runtime.block_on(app.register.due_notices(BATCH)) {
        Ok(due) => due,
        Err(error) => return tracing::error!(%error, "notices could not be taken up"),
    };
    for notice in due {
        let sent = app.notices.send(&notice);
        if let Err(error) = runtime.block_on(settle(app, &notice, sent)) {
            tracing::error!(%error, "a notice could not be settled");
        }
    }
}

async fn settle(app: &App, notice: &Notice, sent: Result<(), String>) -> Result<(), crate::register::RegisterError> {
    let given_up = Timestamp::now().as_second() - notice.created > GIVEN_UP_AFTER_S;
    match &sent {
        Ok(()) => {
            log(app, "notice.sent", notice, None);
            app.register.notice_done(notice.number).await
        }
        Err(why) => {
            metrics::counter!("chartkeep_notice_failures_total").increment(1);
            tracing::error!(%why, attempt = notice.attempts, given_up, "a notice was not taken");
            // Once when it begins to fail and once when it is given up: what lies between is in the metrics.
            if notice.attempts == 1 || given_up {
                log(app, "notice.failed", notice, Some(why));
            }
            if given_up { app.register.notice_done(notice.number).await } else { app.register.notice_later(notice).await }
        }
    }
}

fn log(app: &App, event: &'static str, notice: &Notice, failed: Option<&str>) {
    let detail = vec![
        ("about", notice.about.clone()),
        ("channel", notice.channel.name().to_string()),
        ("attempts", notice.attempts.to_string()),
    ];
    let mut entry = Entry { detail, ..Entry::new(event) };
    if let Some(why) = failed {
        entry.outcome = Outcome::SeriousFailure;
        entry.outcome_desc = Some(why.to_string());
    }
    if app.gate.log().append(entry).is_err() {
        tracing::error!(event, "what became of a notice could not be written to the access log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SyslogTarget;

    #[test]
    fn a_notice_for_the_collector_waits_on_disk_until_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let config = NoticeConfig { syslog: true, ..NoticeConfig::default() };
        let refused = Notices::new(&config, None).unwrap_err().to_string();
        assert!(refused.contains("needs audit.syslog"), "{refused}");
        // Nobody listens there.
        let target = SyslogTarget { address: "localhost:9".into(), ca_file: None, entries: false };
        let buffer = folder.path().join("syslog");
        let syslog = Syslog::start(&target, &buffer).unwrap();
        let notices = Notices::new(&config, Some(&syslog)).unwrap();
        assert_eq!(notices.channels(), [Channel::Syslog]);
        assert!(Notices::new(&NoticeConfig::default(), Some(&syslog)).unwrap().is_silent(), "only where it is asked for");
        let notice = Notice {
            number: 1,
            channel: Channel::Syslog,
            about: "btg.start".into(),
            body: "{\"event\":\"btg.start\"}".into(),
            created: 0,
            attempts: 1,
        };
        notices.send(&notice).unwrap();
        assert!(notices.send(&Notice { channel: Channel::Webhook, ..notice }).is_err());
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let kept = || -> String {
            let files = std::fs::read_dir(&buffer).unwrap().flatten();
            files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect()
        };
        while !kept().contains("btg.start") && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let kept = kept();
        assert!(kept.contains("<84>1 ") && kept.contains(" NOTICE - \u{feff}{\"event\":\"btg.start\"}"), "{kept}");
    }
}
