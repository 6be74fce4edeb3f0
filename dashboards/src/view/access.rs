//! Logging in, and what went wrong.

use benchrack_protocol::problem::Problem;
use serde::Serialize;

/// The login page: a token is exchanged for a session cookie.
///
/// The form posts `token` and `next` as `application/x-www-form-urlencoded` to `/login`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoginView {
    /// Path to go to afterwards; only a local path, checked by the server.
    pub next: String,
    /// Why the last attempt failed, in one sentence; none at the first.
    pub failure: Option<String>,
}

/// A page for any error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorView {
    /// The same problem that the API would have answered.
    pub problem: Problem,
}
