//! What the server does, apart from how it is asked: each function is one thing that a caller can want.
//!
//! A function here opens the transaction, lets the state machines of `benchrack_lifecycle` decide, and has `db` write
//! what they said. Nothing is kept in memory between two requests, so that any number of servers share one database.

mod alerts;
mod devices;
mod engines;
mod expand;
mod gates;
mod housekeeping;
mod models;
mod racks;
mod report;
mod results;
mod saved_views;
mod selector;
mod self_test;
mod series;
mod studies;
mod submissions;
mod suspicions;
mod tokens;
mod webhooks;
mod work;

use std::sync::Arc;

use benchrack_lifecycle::device::DevicePolicy;
use benchrack_lifecycle::job::JobPolicy;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

pub use devices::Order;
pub use gates::budgets_of;
pub use housekeeping::Swept;
pub use report::SentReport;
pub use selector::{Facts, Selector};
pub use tokens::{Caller, LOGIN_LIFE, Login};

use crate::artifacts::ArtifactStore;
use crate::clock::Clock;
use crate::config::{AuthMode, FarmConfig, Limits, SeriesConfig};
use crate::db::Database;
use crate::events::EventBus;
use crate::metrics::Metrics;
use crate::webhooks::Webhooks;

/// Everything a request needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// Database.
    pub db: Database,
    /// Files.
    pub store: ArtifactStore,
    /// Time of day.
    pub clock: Clock,
    /// Who must log in.
    pub auth: AuthMode,
    /// The address that browsers use, where it is not the one we listen on.
    pub public_url: Option<String>,
    /// Bounds on what is taken.
    pub limits: Limits,
    /// Rules of jobs and leases.
    pub jobs: JobPolicy,
    /// Rules of devices.
    pub devices: DevicePolicy,
    /// Watching of series, and the farm's tests of itself.
    pub series: SeriesConfig,
    /// Whom to tell of alerts.
    pub webhooks: Webhooks,
    /// Events of the farm.
    pub events: EventBus,
    /// Figures about ourselves.
    pub metrics: Metrics,
    /// Set when the server is to stop: whoever waits, answers.
    pub stopping: CancellationToken,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The rules of a configuration.
    pub fn policies(farm: &FarmConfig) -> (JobPolicy, DevicePolicy) {
        (farm.job_policy(), farm.device_policy())
    }

    /// Database.
    pub fn db(&self) -> &Database {
        &self.0.db
    }

    /// Files.
    pub fn store(&self) -> &ArtifactStore {
        &self.0.store
    }

    /// The time.
    pub fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    /// Who must log in.
    pub fn auth(&self) -> AuthMode {
        self.0.auth
    }

    /// The address that browsers use, where it is another.
    pub fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    /// Bounds on what is taken.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Events of the farm.
    pub fn events(&self) -> &EventBus {
        &self.0.events
    }

    /// Figures about ourselves.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Set when the server is to stop.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    fn series_config(&self) -> &SeriesConfig {
        &self.0.series
    }

    fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    fn job_policy(&self) -> &JobPolicy {
        &self.0.jobs
    }

    fn device_policy(&self) -> &DevicePolicy {
        &self.0.devices
    }
}

/// A text of a caller that is shown and stored: not empty, not endless, without control characters.
fn check_text(field: &str, text: &str, longest: usize) -> Result<(), crate::refusal::Refusal> {
    let count = text.chars().count();
    if text.trim().is_empty() {
        return Err(crate::refusal::Refusal::invalid(format!("{field} is empty")));
    }
    if count > longest {
        return Err(crate::refusal::Refusal::invalid(format!("{field} has {count} characters, {longest} are the most")));
    }
    if text.chars().any(char::is_control) {
        return Err(crate::refusal::Refusal::invalid(format!("{field} holds a control character")));
    }
    Ok(())
}
