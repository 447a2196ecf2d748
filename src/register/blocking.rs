//! The register for commands: the same calls, waiting for each on a small runtime of its own.
//!
//! Not for: the server, which awaits.

use std::path::Path;

use super::{
    Account, BreakGlassRefusal, BreakGlassUse, CareRelation, Client, NewAccount, NewBreakGlass, NewReview, PasswordRules,
    Register, RegisterError, Reviewed, SessionSummary, SessionTimes, Terms, TokenMark,
};

/// An open register with the thread's own runtime. Not to be used inside an async runtime.
#[derive(Debug)]
pub struct BlockingRegister {
    runtime: tokio::runtime::Runtime,
    register: Register,
}

impl BlockingRegister {
    /// As [`Register::open`], with the default session times, which commands do not use.
    pub fn open(path: &Path) -> Result<BlockingRegister, RegisterError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RegisterError::Runtime)?;
        let register = runtime.block_on(Register::open(path, SessionTimes::default()))?;
        Ok(BlockingRegister { runtime, register })
    }

    /// The same register, with rules on new passwords beyond their length.
    #[must_use]
    pub fn with_rules(mut self, rules: PasswordRules) -> BlockingRegister {
        self.register = self.register.clone().with_rules(rules);
        self
    }

    /// Waits for one call of the register.
    pub(super) fn wait<'a, F: Future>(&'a self, call: impl FnOnce(&'a Register) -> F) -> F::Output {
        self.runtime.block_on(call(&self.register))
    }

    pub fn add_account(&self, account: &NewAccount, password: &str) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.add_account(account, password))
    }

    pub fn add_account_on(&self, account: &NewAccount, password: &str, terms: Terms) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.add_account_on(account, password, terms))
    }

    pub fn accounts(&self) -> Result<Vec<Account>, RegisterError> {
        self.runtime.block_on(self.register.accounts())
    }

    pub fn account(&self, name: &str) -> Result<Option<Account>, RegisterError> {
        self.runtime.block_on(self.register.account(name))
    }

    pub fn set_disabled(&self, name: &str, disabled: bool) -> Result<u64, RegisterError> {
        self.runtime.block_on(self.register.set_disabled(name, disabled))
    }

    pub fn set_password(&self, name: &str, password: &str) -> Result<u64, RegisterError> {
        self.runtime.block_on(self.register.set_password(name, password))
    }

    pub fn set_password_on(&self, name: &str, password: &str, terms: Terms) -> Result<u64, RegisterError> {
        self.runtime.block_on(self.register.set_password_on(name, password, terms))
    }

    pub fn unlock(&self, name: &str) -> Result<bool, RegisterError> {
        self.runtime.block_on(self.register.unlock(name))
    }

    pub fn remove_second_factor(&self, name: &str) -> Result<bool, RegisterError> {
        self.runtime.block_on(self.register.remove_second_factor(name, ""))
    }

    pub fn require_second_factor(&self, name: &str, required: bool) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.require_second_factor(name, required))
    }

    pub fn begin_break_glass(&self, new: NewBreakGlass) -> Result<Result<BreakGlassUse, BreakGlassRefusal>, RegisterError> {
        self.runtime.block_on(self.register.begin_break_glass(new))
    }

    /// With no notice to anybody.
    pub fn confirm_break_glass(&self, id: &str) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.confirm_break_glass(id, &[]))
    }

    pub fn stop_break_glass(&self, id: &str, why: &str) -> Result<bool, RegisterError> {
        self.runtime.block_on(self.register.stop_break_glass(id, why))
    }

    pub fn reviews(&self, all: bool, most: i64) -> Result<Vec<Reviewed>, RegisterError> {
        self.runtime.block_on(self.register.reviews(all, 0, most))
    }

    pub fn reviewable(&self, id: &str, issuer: &str, subject: &str) -> Result<BreakGlassUse, RegisterError> {
        self.runtime.block_on(self.register.reviewable(id, issuer, subject))
    }

    pub fn review(&self, id: &str, review: &NewReview) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.review(id, review))
    }

    pub fn sessions(&self) -> Result<Vec<SessionSummary>, RegisterError> {
        self.runtime.block_on(self.register.sessions(None))
    }

    pub fn end_session_called(&self, audit_id: &str) -> Result<Option<SessionSummary>, RegisterError> {
        self.runtime.block_on(self.register.end_session_called(audit_id, None))
    }

    pub fn add_client(&self, client: &Client) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.add_client(client))
    }

    pub fn clients(&self) -> Result<Vec<Client>, RegisterError> {
        self.runtime.block_on(self.register.clients())
    }

    pub fn set_client_disabled(&self, id: &str, disabled: bool) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.set_client_disabled(id, disabled))
    }

    pub fn revoke_token(&self, name: &str, expires: i64) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.revoke_token(name, expires))
    }

    pub fn revoke_tokens_of(&self, issuer: &str, subject: &str) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.revoke_tokens_of(issuer, subject))
    }

    pub fn is_token_revoked(&self, token: TokenMark<'_>) -> Result<bool, RegisterError> {
        self.runtime.block_on(self.register.is_token_revoked(token))
    }

    pub fn replace_care_relations(&self, relations: &[CareRelation]) -> Result<u64, RegisterError> {
        self.runtime.block_on(self.register.replace_care_relations(relations))
    }

    pub fn cared_for(&self, issuer: &str, subject: &str, from: i64, to: i64) -> Result<Vec<String>, RegisterError> {
        self.runtime.block_on(self.register.cared_for(issuer, subject, from, to))
    }

    pub fn has_care_relations(&self) -> Result<bool, RegisterError> {
        self.runtime.block_on(self.register.has_care_relations())
    }

    pub fn last_policy(&self) -> Result<Option<String>, RegisterError> {
        self.runtime.block_on(self.register.last_policy())
    }

    pub fn note_policy(&self, digest: &str) -> Result<(), RegisterError> {
        self.runtime.block_on(self.register.note_policy(digest))
    }
}

impl Drop for BlockingRegister {
    /// Closing folds the write-ahead log into the file.
    fn drop(&mut self) {
        self.runtime.block_on(self.register.close());
    }
}
