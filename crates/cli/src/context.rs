//! What every command shares: which server, with which token, and in which form to answer.

use std::path::PathBuf;

use benchrack_client::Client;
use clap::Args;

use crate::exit::{Blame, Failure};

/// The address a server listens on unless told otherwise.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:7070";

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct Context {
    /// Address of the server.
    #[arg(long, global = true, env = "BENCHRACK_SERVER", default_value = DEFAULT_SERVER, value_name = "URL")]
    pub server: String,
    /// File that holds the token for the server; BENCHRACK_TOKEN holds the token itself.
    #[arg(long, global = true, env = "BENCHRACK_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

impl Context {
    /// A client of the server.
    pub fn client(&self) -> Result<Client, Failure> {
        self.client_of(&self.server)
    }

    /// A client of another server with the same token.
    pub fn client_of(&self, server: &str) -> Result<Client, Failure> {
        Ok(Client::new(server, self.token()?.as_deref())?)
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).usage(format!("cannot read the token file {}", file.display()))?;
                Ok(Some(text.trim().to_owned()))
            }
            None => Ok(std::env::var("BENCHRACK_TOKEN").ok().filter(|token| !token.is_empty())),
        }
    }
}
