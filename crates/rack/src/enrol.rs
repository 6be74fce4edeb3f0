//! A token of its own for each phone, so that one that was lost or stolen can be shut out alone.
//!
//! The server keeps tokens by name; ours is `phone ID on rack HOST`, so this host has to remember nothing. A phone keeps
//! its token as long as the server knows it. An older one is revoked only after the new one is at work, so that this host
//! may be killed at any point.

use benchrack_client::{Client, ClientError};
use benchrack_protocol::api::{NewToken as AskedToken, Scope, Token};
use benchrack_protocol::ids::TokenId;

use crate::deploy::NewToken;

/// A phone's place in the server's list of tokens.
#[derive(Debug, Clone)]
pub struct Enrolment {
    name: String,
}

impl Enrolment {
    /// Of this phone on this host's rack.
    pub fn of(phone: &str, host: &str) -> Self {
        Self { name: format!("phone {phone} on rack {host}") }
    }

    /// A new token, unless the one on the phone is still good.
    ///
    /// # Errors
    /// See [`ClientError`]; making tokens takes the scope admin.
    pub async fn token(&self, client: &Client, on_phone: Option<i64>) -> Result<Option<NewToken>, ClientError> {
        if let Some(id) = on_phone
            && client.tokens().await?.iter().any(|token| token.id.0 == id && self.is_good(token))
        {
            return Ok(None);
        }
        let made = client.create_token(&AskedToken { name: self.name.clone(), scope: Scope::Agent }).await?;
        Ok(Some(NewToken { id: made.id.0, secret: made.secret }))
    }

    /// Revokes this phone's tokens but one; all of them when none is kept. Returns how many that were.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_others(&self, client: &Client, keep: Option<i64>) -> Result<usize, ClientError> {
        let tokens = client.tokens().await?;
        let others: Vec<TokenId> =
            tokens.iter().filter(|token| self.is_good(token) && Some(token.id.0) != keep).map(|token| token.id).collect();
        for id in &others {
            client.revoke_token(*id).await?;
        }
        Ok(others.len())
    }

    fn is_good(&self, token: &Token) -> bool {
        token.name == self.name && token.scope == Scope::Agent && token.revoked_at.is_none()
    }
}
