//! Where things are on a phone.

use crate::adb::quoted;

/// The folder of everything that the rack puts on a phone, and of the agent's own files: models, undelivered reports, the
/// journal. An upgrade replaces the program and leaves the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: String,
}

impl Place {
    /// Where `adb shell` may write and execute on every Android (SELinux: `shell_data_file`); the agent's own default there.
    pub fn on_android() -> Self {
        Self { folder: "/data/local/tmp/benchrack".into() }
    }

    /// Another folder, on a board.
    ///
    /// # Errors
    /// One that is not absolute, or is the root.
    pub fn at(folder: &str) -> Result<Self, String> {
        let folder = folder.trim_end_matches('/');
        if !folder.starts_with('/') || folder.contains(|letter: char| letter.is_control()) {
            return Err(format!("'{folder}' is no absolute path of a folder for the agent"));
        }
        Ok(Self { folder: folder.into() })
    }

    /// The folder.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// The start of every script: `$B` is the folder, and what is made is its user's alone (adbd has files made for all).
    pub(crate) fn script(&self, script: &str) -> String {
        format!("B={}\numask 077\n{script}", quoted(&self.folder))
    }
}

/// The program.
pub const AGENT: &str = "benchrack-agent";
/// The one before it, for the way back.
pub const PREVIOUS: &str = "benchrack-agent.previous";
/// One that is not whole or not tried yet.
pub const NEW: &str = "benchrack-agent.new";
/// SHA-256 of one that was tried and did not run, so that it is not tried again and again.
pub const REFUSED: &str = "benchrack-agent.refused";
/// The agent's configuration.
pub const SETTINGS: &str = "agent.toml";
/// Its token; the number of the token is in [`TOKEN_ID`].
pub const TOKEN: &str = "token";
/// Number of the token at the server.
pub const TOKEN_ID: &str = "token.id";
/// What the agent logs.
pub const LOG: &str = "agent.log";
/// There while the agent shall stay away: it was told to finish.
pub const DRAINED: &str = "drained";
