//! What every request shares: the archive, the gate, the register, and how the server is reached.
//!
//! Not for: anything of one request (`call`).

use std::net::IpAddr;
use std::path::PathBuf;

use crate::access::{Gate, TokenVerifier};
use crate::config::Config;
use crate::query::Archive;
use crate::register::Register;
use crate::telemetry::Metrics;

use super::door::Standing;
use super::notices::Notices;
use super::pages::directory::Directory;
use super::pages::tallies::Tallies;
use super::rate::Rates;
use super::serve::{ServeError, Services};

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
    pub tokens: TokenVerifier,
    pub config: Config,
    /// `None` in tests, which have no recorder of their own.
    pub metrics: Option<Metrics>,
    pub transport: Transport,
    /// The archive's folder, where the access log is read.
    pub folder: PathBuf,
    /// Seals paging cursors; new with each process.
    pub cursor_key: [u8; 64],
    pub standing: Standing,
    /// Names that the viewer's pages show beside references.
    pub directory: Directory,
    /// Counts that the viewer's navigation shows.
    pub tallies: Tallies,
    /// How much one caller may ask.
    pub rates: Rates,
    /// Where those are told who must know at once.
    pub notices: Notices,
}

impl App {
    /// # Errors
    /// `NoRandomness` when the system gives none for the cursor key; `Notices` when those cannot be sent as configured.
    pub fn new(services: Services, transport: Transport, folder: PathBuf) -> Result<App, ServeError> {
        let mut cursor_key = [0; 64];
        getrandom::fill(&mut cursor_key).map_err(|_| ServeError::NoRandomness)?;
        let Services { archive, gate, register, tokens, metrics, config } = services;
        let standing = Standing::default();
        let (directory, tallies, rates) = (Directory::default(), Tallies::default(), Rates::new(&config.http));
        let notices = Notices::new(&config.notices)?;
        Ok(App {
            archive,
            gate,
            register,
            tokens,
            config,
            metrics,
            transport,
            folder,
            cursor_key,
            standing,
            directory,
            tallies,
            rates,
            notices,
        })
    }

    /// Whether what this peer says of a request's origin is to be believed: the operator declared that a proxy stands in
    /// front, and where the configuration lists proxies, the peer is one of them.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        let listed = &self.config.trusted_proxies;
        self.transport == Transport::Proxy && (listed.is_empty() || peer.is_some_and(|peer| listed.contains(&peer)))
    }
}
