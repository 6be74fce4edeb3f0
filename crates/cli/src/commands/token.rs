//! `benchrack token`: who may do what on a server.

use benchrack_protocol::api::{NewToken, Scope};
use benchrack_protocol::ids::TokenId;
use clap::{Args, Subcommand, ValueEnum};
use time::format_description::well_known::Rfc3339;

use crate::context::Context;
use crate::exit::{Blame, Exit, Outcome};
use crate::output;

/// Make, list and revoke tokens.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack token create 'phone rack in room 4' --scope agent\n  benchrack token list\n  benchrack token revoke 3"
)]
pub struct Tokens {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token; its secret is printed once and stored only as a hash.
    Create {
        /// What it is for, for people.
        name: String,
        /// What it allows.
        #[arg(long, value_enum)]
        scope: ScopeName,
    },
    /// List tokens and when they were last used.
    List,
    /// End a token's life.
    Revoke {
        /// Its number in the list.
        id: TokenId,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    /// Register devices, claim and report.
    Agent,
    /// Upload, submit, gate; read too.
    Submit,
    /// Read everything but tokens.
    Read,
    /// Everything.
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Agent => Self::Agent,
            ScopeName::Submit => Self::Submit,
            ScopeName::Read => Self::Read,
            ScopeName::Admin => Self::Admin,
        }
    }
}

impl Tokens {
    pub async fn run(self, context: &Context) -> Outcome {
        let client = context.client()?;
        match self.command {
            Command::Create { name, scope } => {
                let created = client.create_token(&NewToken { name, scope: scope.into() }).await?;
                if context.json { output::json(&created) } else { output::line(created.secret) }
            }
            Command::List => {
                let tokens = client.tokens().await?;
                if context.json {
                    return output::json(&tokens);
                }
                let mut table = output::table(["id", "name", "scope", "made", "last used", "state"], &["id"]);
                for token in tokens {
                    let when = |at: Option<time::OffsetDateTime>| match at {
                        Some(at) => at.format(&Rfc3339).infrastructure("a time cannot be written"),
                        None => Ok("never".into()),
                    };
                    table.add_row([
                        token.id.to_string(),
                        token.name,
                        format!("{:?}", token.scope).to_lowercase(),
                        when(Some(token.created_at))?,
                        when(token.last_used_at)?,
                        if token.revoked_at.is_some() { "revoked".into() } else { "valid".into() },
                    ]);
                }
                output::line(table)
            }
            Command::Revoke { id } => {
                client.revoke_token(id).await?;
                if !context.json {
                    output::line(format!("token {id} is revoked"))?;
                }
                Ok(Exit::Pass)
            }
        }
    }
}
