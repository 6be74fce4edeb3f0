//! The benchrack server: queue, storage, judgement and pages on Postgres.
//!
//! [`Server::start`] runs one. No state is kept but in Postgres and the artifact store, so that any number of servers
//! can run on one database. `http` asks, [`app`] does, `db` holds all SQL, [`judge`] turns samples into figures, and
//! [`launcher`] brings a Postgres where none is given, with [`packages`] where none is installed.

#![warn(missing_docs)]

pub mod app;
mod artifacts;
mod clock;
mod config;
pub mod db;
mod events;
mod http;
pub mod judge;
pub mod launcher;
mod metrics;
pub mod packages;
mod refusal;
mod secret;
pub mod seed;
mod start;
mod webhooks;

pub use artifacts::{ArtifactStore, StoreError, StoreOpenError};
pub use clock::Clock;
pub use config::{
    ArtifactConfig, AuthMode, ConfigError, DatabaseConfig, FarmConfig, Limits, Redacted, SelfTestConfig, SelfTestPair,
    SeriesConfig, ServerConfig, WebhookConfig, WebhookFormat, default_cache_dir, default_data_dir,
};
pub use events::{EventBus, FarmEvent};
pub use http::{document, router};
pub use metrics::{Metrics, Snapshot};
pub use refusal::Refusal;
pub use secret::{Secret, SecretHash};
pub use start::{Offline, Server, StartError};
pub use webhooks::{SIGNATURE, Webhooks};
