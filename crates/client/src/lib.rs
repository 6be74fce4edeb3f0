//! Typed HTTP client of the benchrack server: one method for each endpoint, one error type that says whether trying
//! again makes sense. It never retries by itself: the caller knows what a delay costs.

#![warn(missing_docs)]

mod agent;
mod alerts;
mod artifacts;
mod error;
mod farm;
mod pages;
mod racks;
mod studies;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use benchrack_protocol::problem::Problem;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use alerts::AlertQuery;
pub use error::ClientError;
pub use farm::RunQuery;
pub use pages::PageAnswer;

/// A request that should be answered at once may take this long, a phone's bad Wi-Fi included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that is there answers a connection within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server's address and the right to use it. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = if self.token.is_some() { "redacted" } else { "none" };
        f.debug_struct("Client").field("base", &self.base.as_str()).field("token", &token).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at this address, `http://127.0.0.1:7070`; the token goes with every request.
    ///
    /// # Errors
    /// [`ClientError::Address`] when the address is no http or https URL, is https in a build without TLS, or has a name that
    /// a static build on a phone cannot look up.
    pub fn new(server: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let wrong = |why: String| ClientError::Address { address: server.into(), why };
        let mut base = Url::parse(server).map_err(|error| wrong(error.to_string()))?;
        let builder = match base.scheme() {
            // Phones have no certificate store that a static binary finds, and plain http needs none.
            "http" => plain(reqwest::Client::builder()),
            "https" if cfg!(feature = "tls") => secure(reqwest::Client::builder()),
            "https" => return Err(wrong("this build has no TLS; use http through a tunnel such as `adb reverse`".into())),
            other => return Err(wrong(format!("'{other}' is not http or https"))),
        };
        if let Some(name) = base.domain() {
            can_look_up(name, cfg!(target_env = "musl"), Path::new(RESOLVER)).map_err(wrong)?;
        }
        base.set_path(&format!("{}/api/v1/", base.path().trim_end_matches('/')));
        // Known without asking: a phone has no /etc/hosts for a static binary. The port is the address's.
        let builder = builder.resolve_to_addrs("localhost", &[(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]);
        let http = builder.connect_timeout(CONNECT_TIMEOUT).no_proxy().build().map_err(ClientError::transport)?;
        Ok(Self { http, base, token: token.map(str::to_owned) })
    }

    /// Whether the server and its database answer.
    ///
    /// # Errors
    /// As every request: see [`ClientError`].
    pub async fn ready(&self) -> Result<(), ClientError> {
        let url = self.base.join("/readyz").map_err(|error| self.address(&error))?;
        checked(self.http.get(url).timeout(ANSWER_TIMEOUT)).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ClientError> {
        let url = self.base.join(path).map_err(|error| self.address(&error))?;
        let request = self.http.request(method, url).timeout(ANSWER_TIMEOUT);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    fn address(&self, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::Address { address: self.base.to_string(), why: error.to_string() }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        decoded(checked(self.request(Method::GET, path)?).await?).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        decoded(checked(self.request(method, path)?.json(body)).await?).await
    }
}

/// musl asks the name servers of this file and nothing else; Android keeps its own elsewhere.
const RESOLVER: &str = "/etc/resolv.conf";

/// A static build without the file would ask a name server on the phone itself, and fail after seconds with "try again".
fn can_look_up(name: &str, static_build: bool, resolver: &Path) -> Result<(), String> {
    if name == "localhost" || !static_build || resolver.exists() {
        return Ok(());
    }
    Err(format!(
        "this device has no {}, so '{name}' cannot be looked up; give the server's number, or reach it as http://127.0.0.1 \
         through `adb reverse`",
        resolver.display()
    ))
}

#[cfg(feature = "tls")]
fn plain(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    provide_tls();
    builder.tls_certs_only(std::iter::empty())
}

#[cfg(not(feature = "tls"))]
fn plain(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder
}

fn secure(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(feature = "tls")]
    provide_tls();
    builder
}

/// reqwest takes the process's provider of cryptography; a second installation says so and changes nothing.
#[cfg(feature = "tls")]
fn provide_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider().install_default().is_err()
    {
        tracing::debug!("another thread installed the TLS provider first");
    }
}

/// The response, unless the server answered with a problem.
async fn checked(request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await.map_err(ClientError::transport)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await.map_err(ClientError::transport)?;
    Err(match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => ClientError::Refused(Box::new(problem)),
        Err(_) => {
            ClientError::Foreign { status: status.as_u16(), body: String::from_utf8_lossy(&body).chars().take(200).collect() }
        }
    })
}

async fn decoded<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let path = response.url().path().to_owned();
    let body = response.bytes().await.map_err(ClientError::transport)?;
    serde_json::from_slice(&body).map_err(|source| ClientError::Answer { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_http_are_refused_with_the_reason() {
        assert!(Client::new("http://127.0.0.1:7070", None).is_ok());
        for wrong in ["", "localhost:7070", "ftp://host", "/path"] {
            let error = Client::new(wrong, None).unwrap_err();
            assert!(matches!(error, ClientError::Address { .. }), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_static_build_says_at_once_that_it_cannot_look_names_up() {
        let folder = std::env::temp_dir();
        let (there, missing) = (folder.as_path(), folder.join("no/resolv.conf"));
        assert!(can_look_up("rack", false, &missing).is_ok(), "other builds have their system's ways");
        assert!(can_look_up("rack", true, there).is_ok());
        assert!(can_look_up("localhost", true, &missing).is_ok(), "known without asking");
        let why = can_look_up("rack", true, &missing).unwrap_err();
        assert!(why.contains("'rack'") && why.contains("adb reverse"), "{why}");
    }

    #[test]
    fn a_prefix_of_the_address_is_kept() {
        let client = Client::new("http://farm.example/benchrack/", None).unwrap();
        let request = client.request(Method::GET, "devices").unwrap().build().unwrap();
        assert_eq!(request.url().as_str(), "http://farm.example/benchrack/api/v1/devices");
        let page = client.request(Method::GET, "../../compare?device=1").unwrap().build().unwrap();
        assert_eq!(page.url().as_str(), "http://farm.example/benchrack/compare?device=1");
    }

    #[test]
    fn debug_output_hides_the_token() {
        let client = Client::new("http://127.0.0.1:1", Some("s3cret")).unwrap();
        assert!(!format!("{client:?}").contains("s3cret"));
    }
}
