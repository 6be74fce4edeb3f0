//! Who asks, and what they may.

use benchrack_protocol::api::{CreatedToken, NewToken, Scope, Token};
use benchrack_protocol::ids::TokenId;
use benchrack_protocol::problem::ProblemCode;
use time::{Duration, OffsetDateTime};

use super::{App, check_text};
use crate::db;
use crate::refusal::Refusal;
use crate::secret::{Secret, SecretHash};

/// A browser stays logged in for so long.
pub const LOGIN_LIFE: Duration = Duration::days(7);
/// Makes a token known as ours where one turns up in a log or a repository.
const TOKEN_PREFIX: &str = "brk_";

/// Whoever sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What they may.
    pub scope: Scope,
    /// Their token; none on an open server.
    pub token: Option<TokenId>,
    /// The token's name, when logged in by browser.
    pub name: Option<String>,
}

impl Caller {
    /// Anyone on an open server.
    pub fn open() -> Self {
        Self { scope: Scope::Admin, token: None, name: None }
    }
}

/// A login: the cookie's value and its end.
#[derive(Debug)]
pub struct Login {
    /// Cookie's value.
    pub secret: Secret,
    /// Until when it is good.
    pub until: OffsetDateTime,
}

impl App {
    /// Who presents this bearer token.
    ///
    /// # Errors
    /// `unauthorized` when nobody does.
    pub async fn caller_by_token(&self, presented: &str) -> Result<Caller, Refusal> {
        let known = db::tokens::find_bearer(self.db(), &SecretHash::of(presented), self.now()).await?;
        let known = known.ok_or_else(|| {
            Refusal::new(ProblemCode::Unauthorized, "the token is unknown or revoked: ask the farm's admin for another")
        })?;
        Ok(Caller { scope: known.scope, token: Some(known.id), name: None })
    }

    /// Who presents this cookie; none when the login has ended.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn caller_by_cookie(&self, presented: &str) -> Result<Option<Caller>, Refusal> {
        let known = db::tokens::find_by_cookie(self.db(), &SecretHash::of(presented), self.now()).await?;
        Ok(known.map(|(token, name)| Caller { scope: token.scope, token: Some(token.id), name: Some(name) }))
    }

    /// Begins a browser's session.
    ///
    /// # Errors
    /// `unauthorized` when the token is not good.
    pub async fn log_in(&self, presented: &str) -> Result<Login, Refusal> {
        let caller = self.caller_by_token(presented.trim()).await?;
        let token = caller.token.ok_or_else(|| Refusal::internal("a token without a row"))?;
        let (secret, now) = (Secret::generate(""), self.now());
        let until = now.saturating_add(LOGIN_LIFE);
        db::tokens::log_in(self.db(), token, &secret.hash(), now, until).await?;
        Ok(Login { secret, until })
    }

    /// Ends a browser's session.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn log_out(&self, presented: &str) -> Result<(), Refusal> {
        Ok(db::tokens::log_out(self.db(), &SecretHash::of(presented)).await?)
    }

    /// Makes a token; its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// Invalid name.
    pub async fn create_token(&self, new: &NewToken) -> Result<CreatedToken, Refusal> {
        check_text("name", &new.name, 200)?;
        let secret = Secret::generate(TOKEN_PREFIX);
        let id = db::tokens::insert(self.db(), &new.name, new.scope, &secret.hash(), self.now()).await?;
        tracing::info!(token.id = %id, name = new.name, scope = db::column::word(&new.scope), "token made");
        Ok(CreatedToken { id, secret: secret.reveal().to_owned() })
    }

    /// Every token, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn tokens(&self) -> Result<Vec<Token>, Refusal> {
        Ok(db::tokens::list(self.db()).await?)
    }

    /// Ends a token's life.
    ///
    /// # Errors
    /// Unknown token.
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), Refusal> {
        if db::tokens::revoke(self.db(), id, self.now()).await? {
            tracing::info!(token.id = %id, "token revoked");
            Ok(())
        } else {
            Err(Refusal::not_found("token", id))
        }
    }

    /// Whether somebody can log in as admin.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn has_admin(&self) -> Result<bool, Refusal> {
        Ok(db::tokens::any_live(self.db(), Scope::Admin).await?)
    }
}
