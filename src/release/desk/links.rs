//! Links by which a recipient fetches a package: for fourteen days, once, with the patient's birth date and a PIN that came
//! another way; five wrong answers end it.
//!
//! Not for: the page behind the link (`server`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::*;
use crate::access::GateError;
use crate::audit::{Entry, Outcome};
use crate::limits::{RELEASE_LINK_DAYS, RELEASE_LINK_TRIES};
use crate::register::ReleaseLink;
use crate::release::package::{hex, sha256_hex};
use crate::release::workflow::State;

/// A link by which the recipient fetches a package, once.
pub struct Link {
    pub subject: usize,
    /// Path below the site's address.
    pub path: zeroize::Zeroizing<String>,
    /// To be told to the recipient on another way.
    pub pin: zeroize::Zeroizing<String>,
    /// Unix seconds.
    pub expires: i64,
}

impl std::fmt::Debug for Link {
    /// Without the link and its PIN.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("subject", &self.subject).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A link as the request's page tells of it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct LinkTold {
    pub handover: usize,
    pub subject: usize,
    /// Unix seconds.
    pub created: i64,
    pub expires: i64,
    pub wrong_answers: i64,
    pub fetched: Option<i64>,
}

/// Why a package was not given to whoever asked by a link.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// There is none, it is spent, over, locked, or revoked: all look the same.
    #[error("this link cannot be used")]
    NoLink,
    /// Birth date or PIN is wrong. The patients are for the alert.
    #[error("birth date or PIN is not right")]
    Wrong { number: String, patients: Vec<PatientKey>, left: i64 },
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// Characters of a PIN: none that is taken for another. 32 of them, so a byte gives one without favour.
const PIN: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const PIN_LENGTH: usize = 10;

impl Desk {
    pub(super) async fn new_link(&self, case: &Case, handover: usize, file: &HandedFile, at: i64) -> Result<Link, DeskError> {
        let born = self.birth_date(case, file.subject)?;
        let token = Zeroizing::new(BASE64URL.encode(random::<32>()?.as_slice()));
        let letters: Vec<char> =
            random::<PIN_LENGTH>()?.iter().filter_map(|byte| PIN.get(usize::from(byte % 32))).map(|it| char::from(*it)).collect();
        let pin: Zeroizing<String> = Zeroizing::new(letters.iter().collect());
        let salt = hex(random::<16>()?.as_slice());
        let expires = at + RELEASE_LINK_DAYS * 86_400;
        let link = ReleaseLink {
            token: sha256_hex(token.as_bytes()),
            number: case.number.clone(),
            handover: handover as i64,
            subject: file.subject as i64,
            file: file.sha256.clone(),
            name: file.name.clone(),
            proof: proof(&salt, &born, &pin),
            salt,
            created: at,
            expires,
            tries: 0,
            fetched: None,
        };
        self.register.add_release_link(&link).await?;
        Ok(Link { subject: file.subject, path: Zeroizing::new(format!("/r/{}", token.as_str())), pin, expires })
    }

    /// Gives a package to whoever has the link, the patient's birth date and the PIN. The answer is counted before it is looked
    /// at, and the entry that it was fetched is durable before this returns.
    ///
    /// # Errors
    /// `NoLink` and `Wrong` as they say.
    pub async fn fetch(
        &self,
        token: &str,
        birth_date: &str,
        pin: &str,
        context: &RequestContext,
    ) -> Result<Audited<PackageFile>, NotFetched> {
        let digest = sha256_hex(token.as_bytes());
        let down = |error| NotFetched::Desk(DeskError::Register(error));
        let Some(link) = self.register.release_link(&digest).await.map_err(down)? else {
            return Err(NotFetched::NoLink);
        };
        let case = self.ledger().get(&link.number).await.map_err(DeskError::from)?.case;
        let subject = usize::try_from(link.subject).unwrap_or(usize::MAX);
        let is_out = matches!(case.state, State::Delivered | State::Closed) && case.request.revoked.is_none();
        let patients = self.keys(&case, subject)?;
        let counted = is_out && self.register.try_release_link(&digest, RELEASE_LINK_TRIES).await.map_err(down)?;
        if !counted {
            self.refused(&case, &patients, "the link cannot be used any more", context)?;
            return Err(NotFetched::NoLink);
        }
        let given: Zeroizing<String> =
            Zeroizing::new(pin.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_ascii_uppercase());
        let given = proof(&link.salt, birth_date.trim(), &given);
        if !bool::from(given.as_bytes().ct_eq(link.proof.as_bytes())) {
            self.refused(&case, &patients, "birth date or PIN is wrong", context)?;
            let left = (RELEASE_LINK_TRIES - link.tries - 1).max(0);
            return Err(NotFetched::Wrong { number: case.number, patients, left });
        }
        let (_, file) = self.handed_file(&case, &link.file)?;
        if !self.register.spend_release_link(&digest).await.map_err(down)? {
            return Err(NotFetched::NoLink);
        }
        let mut fetched = entry("release.fetched", &Principal::unproven("recipient of a release"), context);
        fetched.action = Action::Read;
        fetched.patients = patients;
        fetched.detail = vec![
            ("request", case.number.clone()),
            ("handover", link.handover.to_string()),
            ("sha256", link.file.clone()),
            ("bytes", file.bytes.to_string()),
        ];
        Ok(self.gate.handed_to_recipient(file, fetched).map_err(DeskError::from)?)
    }

    /// Whether a link is worth a form: it tells nothing but that.
    pub async fn is_link(&self, token: &str) -> Result<bool, DeskError> {
        let link = self.register.release_link(&sha256_hex(token.as_bytes())).await?;
        Ok(link.is_some_and(|it| it.fetched.is_none() && it.expires > now() && it.tries < RELEASE_LINK_TRIES))
    }

    pub(super) async fn links(&self, number: &str) -> Result<Vec<LinkTold>, DeskError> {
        let told = |link: ReleaseLink| LinkTold {
            handover: usize::try_from(link.handover).unwrap_or_default(),
            subject: usize::try_from(link.subject).unwrap_or_default(),
            created: link.created,
            expires: link.expires,
            wrong_answers: link.tries,
            fetched: link.fetched,
        };
        Ok(self.register.release_links(number).await?.into_iter().map(told).collect())
    }

    /// As the request has it, else as the archive has it: what the recipient is asked for.
    fn birth_date(&self, case: &Case, subject: usize) -> Result<String, DeskError> {
        let wanted = case.request.subjects.get(subject).and_then(|it| it.birth_date.clone()).filter(|it| !it.is_empty());
        let born = match wanted {
            Some(born) => born,
            None => self.frozen(case, subject)?.patient.birth_date,
        };
        if born.len() == 10 { Ok(born) } else { Err(DeskError::NoBirthDate) }
    }

    fn refused(&self, case: &Case, patients: &[PatientKey], why: &str, context: &RequestContext) -> Result<(), DeskError> {
        let refused = Entry {
            outcome: Outcome::MinorFailure,
            outcome_desc: Some(why.to_owned()),
            patients: patients.to_vec(),
            detail: vec![("request", case.number.clone())],
            ..entry("release.refused", &Principal::unproven("recipient of a release"), context)
        };
        self.log().append(refused).map(drop).map_err(|_| DeskError::Gate(GateError::LogUnavailable))
    }
}

fn proof(salt: &str, born: &str, pin: &str) -> String {
    let text = Zeroizing::new(format!("{salt}\n{born}\n{pin}"));
    sha256_hex(text.as_bytes())
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, DeskError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| DeskError::Register(crate::register::RegisterError::NoRandomness))?;
    Ok(bytes)
}
