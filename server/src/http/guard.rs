//! Who may come in.
//!
//! Three ways: a bearer token (programs), a cookie made from one (browsers), or nothing, where the server is open to
//! this machine. The last two are also sent by browsers on behalf of other sites, so there the request must come from
//! our own pages; and an open server must have been called by a loopback name, because a foreign name that was made to
//! point here (DNS rebinding) is a foreign site's.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use benchrack_protocol::api::Scope;
use benchrack_protocol::problem::ProblemCode;

use crate::app::{App, Caller};
use crate::config::AuthMode;
use crate::refusal::Refusal;

/// Cookie of a browser's session.
pub const SESSION_COOKIE: &str = "benchrack_session";

/// What a group of routes asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// An agent.
    Agent,
    /// Whoever may send work.
    Submit,
    /// Whoever may look.
    Read,
    /// Whoever may look, and agents, who fetch models.
    ReadOrAgent,
    /// The admin.
    Admin,
}

impl Needed {
    /// Whether whoever has this scope may come in.
    pub fn is_met_by(self, scope: Scope) -> bool {
        match (self, scope) {
            (_, Scope::Admin) => true,
            (Self::Agent, scope) => scope == Scope::Agent,
            (Self::Submit, scope) => scope == Scope::Submit,
            (Self::Read, scope) => matches!(scope, Scope::Read | Scope::Submit),
            (Self::ReadOrAgent, _) => true,
            (Self::Admin, _) => false,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Submit => "submit",
            Self::Read | Self::ReadOrAgent => "read",
            Self::Admin => "admin",
        }
    }
}

/// Lets requests through that meet the need, with their [`Caller`] as an extension.
pub fn layer(
    app: &App,
    needed: Needed,
) -> impl tower::Layer<
    axum::routing::Route,
    Service: tower::Service<
        Request,
        Response: axum::response::IntoResponse + 'static,
        Error: Into<std::convert::Infallible> + 'static,
        Future: Send + 'static,
    > + Clone
                 + Send
                 + Sync
                 + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    axum::middleware::from_fn_with_state((app.clone(), needed), guard)
}

async fn guard(State((app, needed)): State<(App, Needed)>, mut request: Request, next: Next) -> Result<Response, Refusal> {
    let caller = identify(&app, request.method(), request.uri(), request.headers()).await?;
    if !needed.is_met_by(caller.scope) {
        let has = crate::db::column::word(&caller.scope);
        let detail = format!("the token has the scope {has}; this needs {}", needed.word());
        return Err(Refusal::new(ProblemCode::Forbidden, detail));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Who sends this request.
pub async fn identify(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Refusal> {
    // Whoever shows a token means to be known by it: a bad one is refused on an open server too.
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let token = authorization.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let refusal = || Refusal::new(ProblemCode::Unauthorized, "the header authorization must be `Bearer <token>`");
        return app.caller_by_token(token.ok_or_else(refusal)?).await;
    }
    if let Some(cookie) = cookie(headers, SESSION_COOKIE) {
        check_same_site(app, method, uri, headers)?;
        if let Some(caller) = app.caller_by_cookie(cookie).await? {
            return Ok(caller);
        }
    }
    match app.auth() {
        AuthMode::OpenOnLoopback => {
            check_called_by_own_name(app, uri, headers)?;
            check_same_site(app, method, uri, headers)?;
            Ok(Caller::open())
        }
        AuthMode::Required => Err(Refusal::new(
            ProblemCode::Unauthorized,
            "send `authorization: Bearer <token>`; the farm's admin makes tokens with `benchrack token create`",
        )),
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, v)| v)
}

/// Host and port that the request was sent to.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(|authority| authority.as_str()))
}

/// Host and port of `public_url`.
fn public_authority(app: &App) -> Option<&str> {
    authority_of_url(app.public_url()?)
}

fn authority_of_url(url: &str) -> Option<&str> {
    url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).filter(|authority| !authority.is_empty())
}

fn check_called_by_own_name(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let authority = authority(uri, headers).unwrap_or_default();
    if is_loopback_name(host_of(authority)) || public_authority(app).is_some_and(|own| own.eq_ignore_ascii_case(authority)) {
        return Ok(());
    }
    Err(Refusal::new(
        ProblemCode::Forbidden,
        format!("without login this server answers only to localhost, not to '{authority}'; set public_url, or auth to required"),
    ))
}

/// `localhost` of `localhost:7070`, `::1` of `[::1]:7070`.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    }
}

fn is_loopback_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Refuses what another site made a browser send. Programs send neither header.
pub(super) fn check_same_site(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let own_site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let own_origin = text("origin").is_none_or(|origin| {
        let origin = authority_of_url(origin);
        origin.is_some_and(|origin| {
            let same = |own: &str| own.eq_ignore_ascii_case(origin);
            authority(uri, headers).is_some_and(same) || public_authority(app).is_some_and(same)
        })
    });
    if own_site && own_origin {
        return Ok(());
    }
    Err(Refusal::new(ProblemCode::Forbidden, "this request was sent by another site's page; use a bearer token from programs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_ports() {
        for (authority, host, loopback) in [
            ("localhost:7070", "localhost", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]:7070", "::1", true),
            ("127.0.0.1.evil.example:7070", "127.0.0.1.evil.example", false),
            ("evil.example", "evil.example", false),
            ("", "", false),
        ] {
            assert_eq!((host_of(authority), is_loopback_name(host_of(authority))), (host, loopback), "{authority}");
        }
    }

    #[test]
    fn each_scope_meets_what_it_is_for() {
        use Needed::{Admin, Agent, Read, ReadOrAgent, Submit};
        let met = |scope| [Agent, Submit, Read, ReadOrAgent, Admin].map(|needed: Needed| needed.is_met_by(scope));
        assert_eq!(met(Scope::Agent), [true, false, false, true, false]);
        assert_eq!(met(Scope::Submit), [false, true, true, true, false]);
        assert_eq!(met(Scope::Read), [false, false, true, true, false]);
        assert_eq!(met(Scope::Admin), [true; 5]);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=b; benchrack_session=abc; c=d".parse().unwrap());
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("abc"));
        assert_eq!(cookie(&headers, "session"), None);
    }
}
