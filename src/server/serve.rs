//! Binding the listener, saying that it is ready, and shutting down in order.
//!
//! Not for: opening the archive (`commands::serve`).

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::{App as Site, HttpServer};

use crate::access::{Gate, IssuerError, TokenVerifier};
use crate::config::Config;
use crate::query::Archive;
use crate::register::Register;
use crate::signing::Signer;
use crate::telemetry::Metrics;

use super::router;
use super::state::{App, Transport};
use super::tls::Certificates;
use super::watch;

/// Threads that read sockets; the work itself is done on blocking threads.
const WORKERS: usize = 2;
/// Blocking threads of each worker: as many questions run at once.
const BLOCKING_THREADS: usize = 32;
const CONNECTIONS_MAX: usize = 2_000;
/// How often ended sessions and revocations are swept from the register.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How often the certificate's files are looked at.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// How often the projection of the access log is brought up to date.
const PROJECT_EVERY: Duration = Duration::from_secs(10);

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    /// PEM files: certificate chain and private key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy on a trusted network ends TLS in front.
    pub behind_proxy: bool,
    /// The archive's folder, for reading the access log.
    pub archive: PathBuf,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("without TLS only a loopback address is served, not {0}: give --tls-cert and --tls-key, or --behind-proxy")]
    PlainOnNetwork(SocketAddr),
    #[error("TLS cannot be used: {0}")]
    Tls(String),
    #[error("{address} cannot be listened on: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the server stopped: {0}")]
    Stopped(std::io::Error),
    #[error("notices cannot be sent: {0}")]
    Notices(String),
    #[error("people cannot sign in as configured: {0}")]
    SignIn(#[from] super::signin::SetUpError),
    #[error("the system gives no random numbers")]
    NoRandomness,
    #[error(transparent)]
    Issuers(#[from] IssuerError),
    #[error("releases cannot be worked on: {0}")]
    Releases(#[from] crate::release::desk::DeskError),
}

/// What is served, already open.
pub struct Services {
    pub archive: Archive,
    pub gate: Gate,
    pub register: Register,
    pub tokens: TokenVerifier,
    /// The archive's token key, for programs that ask for tokens.
    pub token_signer: Option<Arc<dyn Signer + Send + Sync>>,
    /// Signs what people say at a page of who is who; `None`: nobody says anything here.
    pub statement_signer: Option<Arc<dyn Signer + Send + Sync>>,
    /// Signs release packages; `None`: none are made here.
    pub release_signer: Option<Arc<dyn Signer + Send + Sync>>,
    /// `None`: `/metrics` is empty.
    pub metrics: Option<Metrics>,
    pub config: Config,
}

/// Serves until the process is told to stop (SIGINT, SIGTERM), then lets running requests end. Runs inside an actix
/// system.
///
/// # Errors
/// `PlainOnNetwork` when health data would cross a network unencrypted; `Tls`, `Listen` and `Stopped` as they say.
pub async fn run(services: Services, options: ServeOptions) -> Result<(), ServeError> {
    let transport = transport(&options)?;
    if transport == Transport::Proxy && services.config.trusted_proxies.is_empty() {
        tracing::warn!("no trusted_proxies are configured: what a proxy says of a request is believed from this machine alone");
    }
    let app = Arc::new(App::new(services, transport, options.archive.clone())?);
    super::jobs::resume(&app);
    let listener = TcpListener::bind(options.listen).map_err(|source| ServeError::Listen { address: options.listen, source })?;
    let address = listener.local_addr().map_err(ServeError::Stopped)?;
    let routes = router::configure(app.clone());
    let server = HttpServer::new(move || Site::new().configure(routes.clone()))
        .workers(WORKERS)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .max_connections(CONNECTIONS_MAX)
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(75)))
        .client_request_timeout(Duration::from_secs(10))
        .tls_handshake_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .shutdown_timeout(10);
    let certificates = options.tls.as_ref().map(|(chain, key)| Certificates::load(chain, key)).transpose()?;
    let server = match &certificates {
        Some(certificates) => server.listen_rustls_0_23(listener, certificates.server_config()?),
        None => server.listen(listener),
    };
    let server = server.map_err(|source| ServeError::Listen { address, source })?.run();
    let sweeper = actix_web::rt::spawn(sweep(app.clone()));
    let watch = actix_web::rt::spawn(watch::run(app.clone()));
    let renewer = actix_web::rt::spawn(renew(certificates));
    let projector = actix_web::rt::spawn(project(app.clone()));
    announce(transport, address);
    let ended = server.await.map_err(ServeError::Stopped);
    sweeper.abort();
    watch.abort();
    renewer.abort();
    projector.abort();
    app.jobs.stop();
    app.register.close().await;
    ended
}

fn transport(options: &ServeOptions) -> Result<Transport, ServeError> {
    match (&options.tls, options.behind_proxy) {
        (Some(_), _) => Ok(Transport::Tls),
        (None, true) => Ok(Transport::Proxy),
        (None, false) if options.listen.ip().is_loopback() => Ok(Transport::Loopback),
        (None, false) => Err(ServeError::PlainOnNetwork(options.listen)),
    }
}

/// The one line on standard output, for people and for scripts that wait for it.
fn announce(transport: Transport, address: SocketAddr) {
    let scheme = if transport == Transport::Tls { "https" } else { "http" };
    let mut out = std::io::stdout().lock();
    // A closed standard output is no reason not to serve.
    let _ = writeln!(out, "Chartkeep is ready at {scheme}://{address}").and_then(|()| out.flush());
}

async fn sweep(app: Arc<App>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        app.rates.sweep();
        app.jobs.sweep();
        if let Err(error) = app.register.sweep().await {
            tracing::warn!(%error, "ended sessions could not be swept");
        }
    }
}

/// Keeps the projection near the end of the access log, so that a report has little to take in.
async fn project(app: Arc<App>) {
    loop {
        tokio::time::sleep(PROJECT_EVERY).await;
        let app = app.clone();
        match actix_web::web::block(move || app.oversight().and_then(|projection| projection.catch_up())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the projection of the access log was not brought up to date"),
            Err(_) => return,
        }
    }
}

/// Takes renewed certificates while the server runs.
async fn renew(certificates: Option<Arc<Certificates>>) {
    let Some(certificates) = certificates else { return };
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match certificates.reload() {
            Ok(true) => tracing::info!("the renewed certificate is in force"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the renewed certificate cannot be used; the one before stays"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_data_does_not_cross_a_network_in_the_clear() {
        let options = |listen: &str, behind_proxy| ServeOptions {
            listen: listen.parse().unwrap(),
            tls: None,
            behind_proxy,
            archive: PathBuf::new(),
        };
        assert_eq!(transport(&options("127.0.0.1:8080", false)).unwrap(), Transport::Loopback);
        assert_eq!(transport(&options("[::1]:8080", false)).unwrap(), Transport::Loopback);
        assert!(matches!(transport(&options("0.0.0.0:8080", false)), Err(ServeError::PlainOnNetwork(_))));
        assert_eq!(transport(&options("0.0.0.0:8080", true)).unwrap(), Transport::Proxy);
    }
}
