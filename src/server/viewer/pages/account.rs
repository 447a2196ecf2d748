//! The pages of one's own account: overview, password, second factor.
//!
//! Not for: accounts of others, which an administrator keeps at the command line.

use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use super::super::frame::Frame;
use super::super::html::Markup;
use super::render;
use crate::register::Theme;

/// White modules around a QR code, as its standard wants them.
const QUIET: usize = 4;

/// What the overview says.
#[derive(Clone, Debug, Default)]
pub struct AccountPage {
    /// The account's name; `None`: it is kept by an identity provider.
    pub account: Option<String>,
    /// Which provider, then.
    pub issuer: String,
    pub has_second_factor: bool,
    pub second_factor_required: bool,
    pub recovery_codes: i64,
    /// What has just been done.
    pub done: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Overview<'a> {
    frame: &'a Frame,
    page: &'a AccountPage,
}

impl Overview<'_> {
    /// The choices of colours: name, words, and whether it is the one.
    fn themes(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        Theme::ALL.into_iter().map(|theme| {
            let words = match theme {
                Theme::System => "As this computer",
                Theme::Light => "Light",
                Theme::Dark => "Dark",
            };
            (theme.name(), words, theme == self.frame.settings.theme)
        })
    }
}

pub fn account(frame: &Frame, page: &AccountPage) -> String {
    render(Overview { frame, page })
}

#[derive(Clone, Debug, Default)]
pub struct PasswordPage {
    /// Nothing else opens before it is changed.
    pub forced: bool,
    pub problem: Option<String>,
}

#[derive(Template)]
#[template(path = "password.html")]
struct Password<'a> {
    frame: &'a Frame,
    page: &'a PasswordPage,
}

pub fn password(frame: &Frame, page: &PasswordPage) -> String {
    render(Password { frame, page })
}

/// How far the second factor is.
#[derive(Clone, Default)]
pub enum FactorState {
    #[default]
    Off,
    /// A secret waits to be put into an app and confirmed.
    Shown {
        picture: Markup,
        /// In groups of four.
        secret: String,
    },
    On {
        recovery_codes: i64,
    },
    /// Recovery codes, shown this once.
    Codes(Vec<String>),
}

#[derive(Clone, Default)]
pub struct FactorPage {
    pub state: FactorState,
    /// Nothing else opens before it is set up.
    pub forced: bool,
    pub required: bool,
    /// Whether the password is asked for before a secret is made.
    pub asks_password: bool,
    pub problem: Option<String>,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Factor<'a> {
    frame: &'a Frame,
    page: &'a FactorPage,
}

pub fn second_factor(frame: &Frame, page: &FactorPage) -> String {
    render(Factor { frame, page })
}

impl FactorState {
    /// The picture and the text of a secret. A text too long for a picture is shown without one.
    pub fn shown(address: &str, secret: &str) -> FactorState {
        let groups: Vec<&str> =
            (0..secret.len()).step_by(4).filter_map(|at| secret.get(at..(at + 4).min(secret.len()))).collect();
        let picture = QrCode::with_error_correction_level(address, EcLevel::M).map(|code| picture(&code)).unwrap_or_default();
        FactorState::Shown { picture, secret: groups.join(" ") }
    }
}

/// Black on white in any colour scheme, since cameras want it so.
fn picture(code: &QrCode) -> Markup {
    let (width, colors) = (code.width(), code.to_colors());
    let size = width + 2 * QUIET;
    let mut path = String::new();
    for (y, line) in colors.chunks(width).enumerate() {
        let mut x = 0;
        for run in line.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                path.push_str(&format!("M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, run.len(), run.len()));
            }
            x += run.len();
        }
    }
    Markup::trusted(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {size} {size}\" role=\"img\" aria-label=\"Picture for the authenticator app\" \
         shape-rendering=\"crispEdges\"><rect width=\"{size}\" height=\"{size}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_every_dark_module_of_the_code() {
        let code = QrCode::with_error_correction_level("otpauth://totp/x", EcLevel::M).unwrap();
        let drawn = picture(&code).to_string();
        let dark: usize = drawn.split('h').skip(1).filter_map(|run| run.split_once("v1")?.0.parse::<usize>().ok()).sum();
        assert_eq!(dark, code.to_colors().iter().filter(|color| **color == Color::Dark).count());
        let FactorState::Shown { secret, .. } = FactorState::shown("otpauth://totp/x", "ABCDEFGHIJ") else { panic!() };
        assert_eq!(secret, "ABCD EFGH IJ");
    }
}
