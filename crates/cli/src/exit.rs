//! Exit codes, documented and stable: a CI job acts on them.

use std::process::ExitCode;

/// What the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for a gate: not slower, within budget.
    Pass = 0,
    /// The answer is no: a gate's candidate is slower, over budget or wrong; a receipt is not genuine.
    Rejected = 1,
    /// The request makes no sense: a wrong flag, a file that is no model, a name that does not exist.
    Usage = 2,
    /// The gate cannot tell.
    Inconclusive = 3,
    /// Not the request's fault: no server, no database, no device, a crash.
    Infrastructure = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error and whose fault it is.
#[derive(Debug)]
pub struct Failure {
    /// Code to end with.
    pub exit: Exit,
    /// What happened, with its sources.
    pub error: anyhow::Error,
}

/// What a command ends with.
pub type Outcome = Result<Exit, Failure>;

impl From<benchrack_client::ClientError> for Failure {
    fn from(error: benchrack_client::ClientError) -> Self {
        use benchrack_client::ClientError as E;
        let exit = match &error {
            E::Refused(problem) if problem.status < 500 => Exit::Usage,
            E::Address { .. } | E::File { .. } => Exit::Usage,
            _ => Exit::Infrastructure,
        };
        let hint = match &error {
            E::Transport { .. } => Some("is a server running? Start one with `benchrack serve`, or name it with --server"),
            E::Refused(problem) if matches!(problem.status, 401 | 403) => Some(
                "give a token with --token-file or BENCHRACK_TOKEN; an administrator makes one with `benchrack token create`",
            ),
            _ => None,
        };
        let error = anyhow::Error::new(error);
        Self {
            exit,
            error: match hint {
                Some(hint) => error.context(hint),
                None => error,
            },
        }
    }
}

/// Says whose fault an error is.
pub trait Blame<T> {
    /// The caller's: exit 2.
    fn usage(self, what: impl std::fmt::Display) -> Result<T, Failure>;
    /// Nobody's here: exit 4.
    fn infrastructure(self, what: impl std::fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Blame<T> for Result<T, E> {
    fn usage(self, what: impl std::fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit: Exit::Usage, error: error.into().context(what.to_string()) })
    }

    fn infrastructure(self, what: impl std::fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit: Exit::Infrastructure, error: error.into().context(what.to_string()) })
    }
}

/// The caller's mistake in one sentence.
pub fn usage(what: impl std::fmt::Display) -> Failure {
    Failure { exit: Exit::Usage, error: anyhow::anyhow!("{what}") }
}

/// A failure of the surroundings in one sentence.
pub fn infrastructure(what: impl std::fmt::Display) -> Failure {
    Failure { exit: Exit::Infrastructure, error: anyhow::anyhow!("{what}") }
}
