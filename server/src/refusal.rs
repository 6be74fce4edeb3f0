//! Why a request is not done: the one error type of everything between a route and the database.

use std::error::Error;

use benchrack_protocol::problem::ProblemCode;

use crate::artifacts::StoreError;
use crate::db::{DbError, Trouble};

/// A refusal with what is told to the caller, and the cause that is only logged.
#[derive(Debug)]
pub struct Refusal {
    /// Stable code.
    pub code: ProblemCode,
    /// What happened and what to do next; for the caller.
    pub detail: String,
    /// For the log; never sent.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal without a hidden cause.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), cause: None }
    }

    /// Something in the content makes no sense; the detail names the field.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::Invalid, detail)
    }

    /// No such thing.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(ProblemCode::NotFound, format!("there is no {what} {id} here"))
    }

    /// A thing named in the content does not exist.
    pub fn unknown_reference(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::UnknownReference, detail)
    }

    /// A mistake of ours.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code: ProblemCode::Internal,
            detail: "the server's log tells more under this request id".into(),
            cause: Some(cause.into()),
        }
    }

    fn unavailable(what: &str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code: ProblemCode::Unavailable,
            detail: format!("{what} does not answer at the moment; try again in a few seconds"),
            cause: Some(cause.into()),
        }
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        match error.trouble() {
            Trouble::Transient => Self::unavailable("the database", error),
            Trouble::Content => Self {
                cause: Some(error.into()),
                ..Self::invalid("a text holds a NUL character or a number is too large to be stored")
            },
            Trouble::Bug => Self::internal(error),
        }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::TooLarge { .. } => Self::new(ProblemCode::TooLarge, detail),
            StoreError::HashMismatch { .. } => Self::new(ProblemCode::HashMismatch, detail),
            StoreError::Upload(_) => Self::new(ProblemCode::Malformed, detail),
            StoreError::Missing(_) => Self::new(ProblemCode::NotFound, detail),
            StoreError::Store(cause) => Self::unavailable("the artifact store", cause),
        }
    }
}
