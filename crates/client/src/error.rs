//! What can go wrong between us and the server, and whether to try again.

use benchrack_protocol::problem::{Problem, ProblemCode};

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("cannot use the server address '{address}': {why}")]
    Address {
        /// As given.
        address: String,
        /// Why not.
        why: String,
    },
    /// No answer: not reachable, connection lost, or too slow.
    #[error("the server cannot be reached")]
    Transport {
        /// What the HTTP library says.
        #[source]
        source: reqwest::Error,
    },
    /// The server refused, and says why.
    #[error("the server refused: {0}")]
    Refused(Box<Problem>),
    /// Something answered that is not a benchrack server, or a proxy before it.
    #[error("the address answered with status {status}, not as a benchrack server does: {body}")]
    Foreign {
        /// HTTP status.
        status: u16,
        /// Beginning of the body.
        body: String,
    },
    /// The answer cannot be read: a server of another version.
    #[error("the server's answer for {path} cannot be read; are both of one version?")]
    Answer {
        /// Path asked.
        path: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A local file could not be read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which file.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The bytes received are not those asked for.
    #[error("the download of {expected} has digest {actual}; nothing was kept")]
    Corrupted {
        /// Asked for.
        expected: benchrack_protocol::ids::ArtifactId,
        /// Received.
        actual: benchrack_protocol::ids::ArtifactId,
    },
}

impl ClientError {
    pub(crate) fn transport(source: reqwest::Error) -> Self {
        Self::Transport { source }
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Corrupted { .. } => true,
            Self::Refused(problem) => problem.status >= 500 || problem.status == 429,
            Self::Foreign { status, .. } => *status >= 500 || *status == 429,
            Self::Address { .. } | Self::Answer { .. } | Self::File { .. } => false,
        }
    }

    /// Whether the lease has ended: stop, restore, and drop what was measured under it.
    pub fn is_lease_lost(&self) -> bool {
        self.problem().is_some_and(|problem| problem.code == ProblemCode::LeaseLost)
    }

    /// The server's own words.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }
}
