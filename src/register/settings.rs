//! What a person has chosen for his own pages: their colours, and whether single keys do something. Kept here and not in the
//! browser, since people of a hospital change their seats.
//!
//! Not for: rights (`access`), or what the site sets for all (`config`).

use super::who::Who;
use super::{Register, RegisterError};

/// In which colours the pages are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Theme {
    /// As the browser says that the system has it.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_name(name: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// One person's choices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    pub theme: Theme,
    /// Whether a key alone, outside of fields, does something (WCAG 2.1.4).
    pub single_keys: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { theme: Theme::System, single_keys: true }
    }
}

impl Register {
    /// Keeps a person's choices; his sessions have them from their next page on.
    pub async fn keep_settings(&self, who: &Who, settings: Settings) -> Result<(), RegisterError> {
        let (issuer, subject) = match who {
            Who::Account(name) => ("", name.as_str()),
            Who::Outside { issuer, subject } => (issuer.as_str(), subject.as_str()),
        };
        sqlx::query(
            "INSERT INTO settings (issuer, subject, theme, single_keys) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET theme = excluded.theme, single_keys = excluded.single_keys",
        )
        .bind(issuer)
        .bind(subject)
        .bind(settings.theme.name())
        .bind(settings.single_keys)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
