//! Sending one message to one address.

use std::collections::HashSet;
use std::time::Duration;

use benchrack_protocol::alert::Alert;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::config::{ConfigError, Redacted, WebhookConfig, WebhookFormat};
use crate::db::outbox::Message;

/// Header with the HMAC-SHA256 of the body under the webhook's secret: `sha256=` and 64 hexadecimal digits.
pub const SIGNATURE: &str = "x-benchrack-signature-256";
/// A receiver that needs longer gets the message again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whom to tell. Without any, nothing is sent.
#[derive(Debug, Clone, Default)]
pub struct Webhooks {
    /// None without targets: making one needs the TLS provider.
    client: Option<reqwest::Client>,
    targets: Vec<Target>,
}

#[derive(Debug, Clone)]
struct Target {
    name: String,
    url: Redacted,
    format: WebhookFormat,
    secret: Option<Redacted>,
}

/// A message did not arrive. As text: without the address, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The configuration has no such webhook any more.
    #[error("the configuration has no webhook of this name")]
    Unknown,
    /// Nobody answered.
    #[error("no answer")]
    NoAnswer(#[source] reqwest::Error),
    /// The answer was no.
    #[error("answered {0}")]
    Refused(u16),
}

impl Webhooks {
    /// The webhooks of a configuration, with the secrets from their files.
    ///
    /// # Errors
    /// A file that cannot be read, an address that is none, a name twice.
    pub fn of(configs: &[WebhookConfig]) -> Result<Self, ConfigError> {
        let mut names = HashSet::new();
        let mut targets = Vec::with_capacity(configs.len());
        for config in configs {
            let wrong = |text: String| ConfigError::Contradiction(format!("webhooks: {text}"));
            if config.name.trim().is_empty() || !names.insert(config.name.as_str()) {
                return Err(wrong(format!("the name '{}' is empty or there twice", config.name)));
            }
            let read = |path: &std::path::PathBuf| {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
                Ok::<_, ConfigError>(text.trim().to_owned())
            };
            let url = match (&config.url, &config.url_file) {
                (Some(url), None) => url.clone(),
                (None, Some(file)) => read(file)?,
                _ => return Err(wrong(format!("'{}' needs either url or url_file", config.name))),
            };
            let usable = reqwest::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if !usable {
                return Err(wrong(format!("the address of '{}' is not one such as https://chat.example/hook", config.name)));
            }
            let secret = config.secret_file.as_ref().map(read).transpose()?;
            if secret.as_deref() == Some("") {
                return Err(wrong(format!("the secret of '{}' is empty", config.name)));
            }
            targets.push(Target {
                name: config.name.clone(),
                url: Redacted(url),
                format: config.format,
                secret: secret.map(Redacted),
            });
        }
        if targets.is_empty() {
            return Ok(Self::default());
        }
        crate::artifacts::provide_tls();
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| ConfigError::Contradiction(format!("webhooks: no HTTP client: {error}")))?;
        Ok(Self { client: Some(client), targets })
    }

    /// What each webhook is sent about an alert; `url` is its page, where the farm knows its own address.
    pub(crate) fn bodies(&self, event: &str, alert: &Alert, url: Option<&str>) -> Vec<(&str, serde_json::Value)> {
        let text = match url {
            Some(url) => format!("{event}: {} {url}", alert.title),
            None => format!("{event}: {}", alert.title),
        };
        let body = |target: &Target| match target.format {
            WebhookFormat::Json => json!({ "event": event, "text": text, "url": url, "alert": alert }),
            WebhookFormat::Slack => json!({ "text": text }),
        };
        self.targets.iter().map(|target| (target.name.as_str(), body(target))).collect()
    }

    /// Sends a message.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let target = self.targets.iter().find(|target| target.name == message.webhook).ok_or(SendError::Unknown)?;
        let client = self.client.as_ref().ok_or(SendError::Unknown)?;
        let mut request = client
            .post(&target.url.0)
            .header("content-type", "application/json")
            .header("x-benchrack-event", &message.event)
            .header("x-benchrack-delivery", message.id)
            .body(message.body.clone());
        if let Some(secret) = &target.secret {
            request = request.header(SIGNATURE, format!("sha256={}", signature(&secret.0, message.body.as_bytes())));
        }
        let answer = request.send().await.map_err(|error| SendError::NoAnswer(error.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(SendError::Refused(answer.status().as_u16())) }
    }
}

/// HMAC-SHA256 (RFC 2104) as hexadecimal digits.
fn signature(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of every length.
    match Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        Ok(mut mac) => {
            mac.update(body);
            hex::encode(mac.finalize().into_bytes())
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn webhooks_that_cannot_work_are_refused_without_telling_their_address() {
        let hook = |name: &str, url: &str| WebhookConfig {
            name: name.into(),
            url_file: None,
            url: Some(url.into()),
            format: WebhookFormat::Json,
            secret_file: None,
        };
        let refused = |hooks: &[WebhookConfig]| Webhooks::of(hooks).unwrap_err().to_string();
        assert!(refused(&[hook("chat", "ftp://hunter2")]).contains("'chat'"));
        assert!(!refused(&[hook("chat", "ftp://hunter2")]).contains("hunter2"));
        assert!(refused(&[hook("a", "http://h/"), hook("a", "http://h/")]).contains("twice"));
        assert!(refused(&[WebhookConfig { url: None, ..hook("a", "") }]).contains("either"));
        let all = Webhooks::of(&[hook("a", "http://h/hunter2")]).unwrap();
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}
