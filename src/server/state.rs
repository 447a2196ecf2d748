//! What every request shares: the archive, the gate, the register, and how the server is reached.
//!
//! Not for: anything of one request (`call`).

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::access::{Gate, Issuers, Tokens};
use crate::config::Config;
use crate::oversight::{OversightError, Projection};
use crate::query::Archive;
use crate::register::Register;
use crate::release::desk::Desk;
use crate::signing::Signer;
use crate::telemetry::Metrics;

use super::jobs::Jobs;
use super::lookup::ServerLookup;
use super::memory::{Directory, Standing, Tallies};
use super::notices::Notices;
use super::oauth::ClientKeySources;
use super::pages::log::Checks;
use super::pages::releases::SeenPages;
use super::pages::signals::Judged;
use super::rate::Rates;
use super::serve::{ServeError, Services};
use super::signin::Elsewhere;
use super::statements::Statements;

/// How requests reach this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Plain HTTP on a loopback address.
    Loopback,
    Tls,
    /// Plain HTTP from a proxy that ends TLS.
    Proxy,
}

pub struct App {
    pub archive: Archive,
    pub gate: Gate,
    pub register: Register,
    pub tokens: Tokens,
    /// The identity providers of the configuration.
    pub issuers: Arc<Issuers>,
    /// Signs the tokens of programs; `None`: none are issued.
    pub token_signer: Option<Arc<dyn Signer + Send + Sync>>,
    pub client_keys: ClientKeySources,
    /// What people say at a page of who is who.
    pub statements: Statements,
    /// Where releases are worked on.
    pub desk: Arc<Desk>,
    pub config: Config,
    /// `None` in tests, which have no recorder of their own.
    pub metrics: Option<Metrics>,
    pub transport: Transport,
    /// The archive's folder, where the access log is read.
    pub folder: PathBuf,
    /// Seals paging cursors; new with each process.
    pub cursor_key: [u8; 64],
    pub standing: Standing,
    /// Identity providers and EHRs that may send people here.
    pub elsewhere: Elsewhere,
    /// Names that the viewer's pages show beside references.
    pub directory: Directory,
    /// Counts that the viewer's navigation shows.
    pub tallies: Tallies,
    /// How much one caller may ask.
    pub rates: Rates,
    /// Days of the log that were judged for signals of snooping.
    pub judged: Judged,
    /// Whether the access log is being checked.
    pub checks: Checks,
    /// What the access log tells; opened by the first who asks.
    oversight: OnceLock<Projection>,
    /// Pages of releases that were looked at, by whom.
    pub seen_pages: SeenPages,
    /// Where those are told who must know at once.
    pub notices: Notices,
    /// Exports that are made in the background.
    pub jobs: Jobs,
}

impl App {
    /// # Errors
    /// `NoRandomness` when the system gives none for the cursor key; `Issuers` and `SignIn` for a row that is not usable; `Notices` when those
    /// cannot be sent as configured.
    pub fn new(services: Services, transport: Transport, folder: PathBuf) -> Result<App, ServeError> {
        let mut cursor_key = [0; 64];
        getrandom::fill(&mut cursor_key).map_err(|_| ServeError::NoRandomness)?;
        let Services { archive, gate, register, tokens, token_signer, statement_signer, release_signer, metrics, config } =
            services;
        let statements = Statements::new(folder.clone(), statement_signer);
        let gate = gate.with_lookup(Arc::new(ServerLookup::new(archive.clone(), register.clone())));
        let desk = Desk::new(archive.clone(), gate.clone(), register.clone(), folder.clone(), config.clone(), release_signer)
            .map(Arc::new)?;
        let issuers = Arc::new(Issuers::of(&config.access)?);
        let tokens = Tokens::new(tokens, issuers.clone());
        let elsewhere = Elsewhere::of(&config.access, &issuers)?;
        let standing = Standing::default();
        let (directory, tallies, rates) = (Directory::default(), Tallies::default(), Rates::new(&config.http));
        let oversight = OnceLock::new();
        let notices = Notices::new(&config.notices, gate.log().syslog())?;
        let jobs = Jobs::new(&folder);
        Ok(App {
            archive,
            gate,
            register,
            tokens,
            issuers,
            token_signer,
            client_keys: ClientKeySources::default(),
            statements,
            desk,
            config,
            metrics,
            transport,
            folder,
            cursor_key,
            standing,
            elsewhere,
            directory,
            tallies,
            rates,
            judged: Judged::default(),
            checks: Checks::default(),
            seen_pages: SeenPages::default(),
            oversight,
            notices,
            jobs,
        })
    }

    /// The projection of the access log. Not for async code: it waits for the disk.
    pub fn oversight(&self) -> Result<&Projection, OversightError> {
        match self.oversight.get() {
            Some(projection) => Ok(projection),
            // Two that open it at once get the same file; the second handle is dropped.
            None => Projection::open(&self.folder).map(|opened| self.oversight.get_or_init(|| opened)),
        }
    }

    /// Whether what this peer says of a request's origin is to be believed.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        self.transport == Transport::Proxy && peer.is_some_and(|peer| is_proxy(peer, &self.config.trusted_proxies))
    }
}

/// Whether a peer is the proxy that the operator declared: one of those listed, and without a list one on this machine.
fn is_proxy(peer: IpAddr, listed: &[IpAddr]) -> bool {
    if listed.is_empty() {
        peer.to_canonical().is_loopback()
    } else {
        listed.contains(&peer) || listed.contains(&peer.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_declared_proxy_is_believed() {
        let listed: Vec<IpAddr> = vec!["10.0.0.7".parse().unwrap()];
        for (peer, by_list, without) in [
            ("10.0.0.7", true, false),
            ("::ffff:10.0.0.7", true, false),
            ("10.0.0.8", false, false),
            ("127.0.0.1", false, true),
            ("::1", false, true),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!((is_proxy(peer, &listed), is_proxy(peer, &[])), (by_list, without), "{peer}");
        }
    }
}
