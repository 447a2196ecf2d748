//! Programs that ask for tokens of their own: who they are, by which keys they prove it, what they may ask for, and which of
//! their assertions were used (SMART Backend Services; spec access.md §5).
//!
//! Not for: checking an assertion (`access`), or issuing a token (`server`).

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::{Register, RegisterError, is_account_name, now};

/// How long a used assertion is remembered after its end: longer than any clock skew that is forgiven.
const KEPT_AFTER_END_S: i64 = 300;

/// A registered program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    pub id: String,
    pub label: String,
    pub keys: ClientKeys,
    /// `system/` scopes, one space between.
    pub scopes: String,
    pub disabled: bool,
    /// Unix seconds.
    pub created: i64,
}

/// By which keys a program proves who it is. Public ones; there is no shared secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientKeys {
    /// A JWK Set, as registered.
    Set(String),
    /// Where the program publishes one.
    Url(String),
}

impl FromRow<'_, SqliteRow> for Client {
    fn from_row(row: &SqliteRow) -> Result<Client, sqlx::Error> {
        let keys: Option<String> = row.try_get("keys")?;
        let keys = match keys {
            Some(set) => ClientKeys::Set(set),
            None => ClientKeys::Url(row.try_get("keys_url")?),
        };
        Ok(Client {
            id: row.try_get("id")?,
            label: row.try_get("label")?,
            keys,
            scopes: row.try_get("scopes")?,
            disabled: row.try_get("disabled")?,
            created: row.try_get("created")?,
        })
    }
}

impl Register {
    /// Registers a program under a name of its own; `created` and `disabled` are set here.
    ///
    /// # Errors
    /// `ClientExists`, `BadName`, or what the database reports.
    pub async fn add_client(&self, client: &Client) -> Result<(), RegisterError> {
        if !is_account_name(&client.id) {
            return Err(RegisterError::BadName);
        }
        let (set, url) = match &client.keys {
            ClientKeys::Set(set) => (Some(set), None),
            ClientKeys::Url(url) => (None, Some(url)),
        };
        let added = sqlx::query(
            "INSERT INTO clients (id, label, keys, keys_url, scopes, created) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&client.id)
        .bind(&client.label)
        .bind(set)
        .bind(url)
        .bind(&client.scopes)
        .bind(now())
        .execute(&self.pool)
        .await?;
        if added.rows_affected() == 1 { Ok(()) } else { Err(RegisterError::ClientExists) }
    }

    /// By name.
    pub async fn clients(&self) -> Result<Vec<Client>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM clients ORDER BY id").fetch_all(&self.pool).await?)
    }

    pub async fn client(&self, id: &str) -> Result<Option<Client>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM clients WHERE id = ?").bind(id).fetch_optional(&self.pool).await?)
    }

    /// Disables a program, and with it all tokens that it holds, or enables it again.
    ///
    /// # Errors
    /// `UnknownClient` when there is none of this name.
    pub async fn set_client_disabled(&self, id: &str, disabled: bool) -> Result<(), RegisterError> {
        let changed =
            sqlx::query("UPDATE clients SET disabled = ? WHERE id = ?").bind(disabled).bind(id).execute(&self.pool).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(RegisterError::UnknownClient) }
    }

    /// Uses up an assertion; `false` when it was used before. Two requests at once cannot both hear `true`.
    pub async fn use_assertion(&self, client: &str, jti: &str, expires: i64) -> Result<bool, RegisterError> {
        let used = sqlx::query("INSERT INTO used_assertions (client, jti, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(client)
            .bind(jti)
            .bind(expires)
            .execute(&self.pool)
            .await?;
        Ok(used.rows_affected() == 1)
    }

    pub(super) async fn forget_ended_assertions(&self, now: i64) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM used_assertions WHERE expires <= ?").bind(now - KEPT_AFTER_END_S).execute(&self.pool).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{REGISTER_FILE, SessionTimes};

    #[tokio::test]
    async fn an_assertion_is_good_once_until_its_end_and_a_client_until_it_is_disabled() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join(REGISTER_FILE), SessionTimes::default()).await.unwrap();
        let client = Client {
            id: "etl".into(),
            label: "Nightly".into(),
            keys: ClientKeys::Url("https://etl.example.org/jwks".into()),
            scopes: "system/*.rs".into(),
            disabled: false,
            created: 0,
        };
        register.add_client(&client).await.unwrap();
        assert!(matches!(register.add_client(&client).await, Err(RegisterError::ClientExists)));
        let odd = Client { id: "a b".into(), ..client.clone() };
        assert!(matches!(register.add_client(&odd).await, Err(RegisterError::BadName)));
        let found = register.client("etl").await.unwrap().unwrap();
        assert_eq!(Client { created: 0, ..found.clone() }, client);
        register.set_client_disabled("etl", true).await.unwrap();
        assert!(register.clients().await.unwrap()[0].disabled);
        assert!(matches!(register.set_client_disabled("other", true).await, Err(RegisterError::UnknownClient)));

        let uses = |jti: &'static str, expires| register.use_assertion("etl", jti, expires);
        assert!(uses("one", now() + 60).await.unwrap());
        assert!(!uses("one", now() + 60).await.unwrap());
        assert!(register.use_assertion("other", "one", now()).await.unwrap(), "another client's ids are its own");
        assert!(uses("old", now() - 400).await.unwrap());
        register.sweep().await.unwrap();
        assert!(!uses("one", now() + 60).await.unwrap() && uses("old", now()).await.unwrap());
    }
}
