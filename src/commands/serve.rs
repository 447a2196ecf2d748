//! `chartkeep serve`: opens an archive and serves it until told to stop.
//!
//! Not for: what is served (`server`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use crate::access::{TokenVerifier, token_self_test};
use crate::config::Config;
use crate::query::Archive;
use crate::register::{PasswordRules, REGISTER_FILE, Register, SessionTimes};
use crate::server::{self, ServeOptions, Services};
use crate::signing::{KeyPurpose, Signer};
use crate::telemetry::{self, Metrics};

use super::operator::Workplace;

/// Serve an archive: the viewer at /, FHIR R4 at /fhir, the JSON API at /api/v1.
///
/// Without TLS only a loopback address is served, unless a proxy that ends TLS stands in front. One line on standard
/// output says the address when the server is ready. Every record shown is entered in the access log before it leaves.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep serve archive
  chartkeep serve archive --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem
  chartkeep serve archive --listen 10.0.0.5:8080 --behind-proxy")]
pub struct ServeArgs {
    /// The archive's folder
    archive: PathBuf,
    /// Address and port; port 0 takes a free one [default: the configuration's, else 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy on a trusted network ends TLS; believed are those of `trusted_proxies`, or one on this machine
    #[arg(long)]
    behind_proxy: bool,
}

impl ServeArgs {
    /// Without TLS, on an address of this machine.
    pub(super) fn plain(archive: &Path, listen: SocketAddr) -> ServeArgs {
        ServeArgs { archive: archive.to_path_buf(), listen: Some(listen), tls_cert: None, tls_key: None, behind_proxy: false }
    }
}

/// Runs `chartkeep serve`.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.archive)?;
    telemetry::init_logging(&config.log_level, config.log_format)?;
    token_self_test()?;
    let workplace = Workplace::open(&args.archive)?;
    let archive = Archive::open_with_awaiting(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover.clone())
        .with_context(|| format!("{} cannot be served", args.archive.display()))?;
    let tokens = TokenVerifier::of_archive(&workplace.ring)?;
    let token_signer: Option<Arc<dyn Signer + Send + Sync>> = Some(Arc::new(workplace.signer(KeyPurpose::Token)?));
    let release_signer: Option<Arc<dyn Signer + Send + Sync>> = Some(Arc::new(workplace.signer(KeyPurpose::Release)?));
    let statement_signer: Option<Arc<dyn Signer + Send + Sync>> = Some(Arc::new(workplace.signer(KeyPurpose::Audit)?));
    let metrics = Metrics::install()?;
    let options = ServeOptions {
        listen: args.listen.unwrap_or(config.listen),
        tls: args.tls_cert.clone().zip(args.tls_key.clone()),
        behind_proxy: args.behind_proxy,
        archive: args.archive.clone(),
    };
    let times = SessionTimes {
        idle_s: i64::from(config.session.idle_minutes) * 60,
        absolute_s: i64::from(config.session.absolute_hours) * 3600,
    };
    let rules = PasswordRules::new(config.institution.as_deref(), config.access.known_passwords.as_deref())?;
    let gate = workplace.gate()?;
    let served = actix_web::rt::System::new().block_on(async {
        let register = Register::open(&args.archive.join(REGISTER_FILE), times).await?.with_rules(rules);
        let services = Services {
            archive,
            gate,
            register,
            tokens,
            token_signer,
            statement_signer,
            release_signer,
            metrics: Some(metrics),
            config,
        };
        server::run(services, options).await.map_err(anyhow::Error::from)
    });
    workplace.log.close();
    served.map(|()| ExitCode::SUCCESS)
}
