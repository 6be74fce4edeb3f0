//! Errors on the wire: RFC 9457 problem details with stable codes.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $title:literal;)*) => {
        /// A stable code; clients act on it, never on the text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
            /// A code that this build does not know: a newer server.
            #[serde(other)]
            Unknown,
        }

        impl ProblemCode {
            /// Every code a server of this version sends, for documents and tests.
            pub const ALL: &[ProblemCode] = &[$(ProblemCode::$name,)*];

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// The same short sentence for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "unknown problem" }
            }
        }
    };
}

codes! {
    /// The body or a parameter cannot be read.
    Malformed = 400, "the request cannot be read";
    /// No token, or one that is unknown, revoked or expired.
    Unauthorized = 401, "a valid token is needed";
    /// The token's scope does not allow this.
    Forbidden = 403, "the token does not allow this";
    /// No such thing.
    NotFound = 404, "not found";
    /// The method does not exist here.
    MethodNotAllowed = 405, "this address does not take that method";
    /// The lease has ended or belongs to another; nothing was stored.
    LeaseLost = 409, "the lease is no longer held";
    /// The state of the thing does not allow this now.
    Conflict = 409, "not possible in the present state";
    /// Another agent that is there works as this device; nothing was stored.
    IdentityInUse = 409, "another agent works as this device";
    /// An upload is larger than the server takes.
    TooLarge = 413, "the upload is too large";
    /// The bytes do not have the digest they were announced with.
    HashMismatch = 422, "the content does not match its digest";
    /// The content is read but makes no sense; the detail names the field.
    Invalid = 422, "the content is not valid";
    /// A model, engine or device named here does not exist.
    UnknownReference = 422, "something named here does not exist";
    /// A mistake of the server; the log has the same request id.
    Internal = 500, "the server failed";
    /// The database or artifact store does not answer; try again.
    Unavailable = 503, "try again later";
}

/// RFC 9457 problem details, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Stable code, also the last part of `type`.
    pub code: ProblemCode,
    /// `urn:benchrack:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short sentence, the same for every occurrence.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened this time and what to do next.
    pub detail: String,
    /// The request's id, to be found in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem with this code; `detail` says what happened and what to do next.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let name = serde_json::to_value(code).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        Self {
            code,
            kind: format!("urn:benchrack:problem:{name}"),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            request_id: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}
