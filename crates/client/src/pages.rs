//! Pages as a browser gets them, for whoever measures them.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::ACCEPT;

use crate::{Client, ClientError, checked};

/// A page, or one of its companions.
#[derive(Debug, Clone, PartialEq)]
pub struct PageAnswer {
    /// What the server took for it, by its own word (`Server-Timing`); none where something between has removed that.
    pub took: Option<Duration>,
    /// The document, uncompressed.
    pub body: String,
}

impl Client {
    /// The page at this path, such as `/compare?device=1`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn page(&self, path: &str) -> Result<PageAnswer, ClientError> {
        // Pages stand beside the API, below whatever prefix the server's address has.
        let request = self.request(Method::GET, &format!("../../{}", path.trim_start_matches('/')))?;
        let response = checked(request.header(ACCEPT, "text/html")).await?;
        let timing = response.headers().get("server-timing").and_then(|timing| timing.to_str().ok());
        let took = timing
            .and_then(|timing| timing.strip_prefix("app;dur=")?.parse().ok())
            .and_then(|milliseconds: f64| Duration::try_from_secs_f64(milliseconds / 1e3).ok());
        Ok(PageAnswer { took, body: response.text().await.map_err(ClientError::transport)? })
    }
}
