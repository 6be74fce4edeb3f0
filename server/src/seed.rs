//! A farm's history that never happened, for trying pages and queries at the size of years: `benchrack bench seed`.
//!
//! It has the shape of a real one: every round each device measures every model in both precisions on two engines; models
//! get revisions, some of which are slower on some devices; one device ages, systems are updated, runs fail and are
//! disturbed. Before the last night, two models are measured at the operating points of each device's clusters, with energy. In
//! that night something goes wrong on three of four devices. Slower revisions have been confirmed by a gate; where chance plants
//! too few, the newest revisions of the first models are slower. Only the newest runs have their samples, as a farm that retires
//! old ones would have it. Every row says that it is simulated, and an empty database is the only place it goes to.

mod confirmation;
mod history;
mod rack;
mod rows;
mod session;
mod sweep;
mod written;

use benchrack_protocol::device::DeviceReport;
use time::OffsetDateTime;

use crate::db::{Database, DbError};
use crate::judge::UnusableMeasurement;
use history::History;

/// What to make.
#[derive(Debug, Clone)]
pub struct SeedPlan {
    /// Runs, rounded up to whole sessions; those at other operating points come on top.
    pub runs: u64,
    /// Runs that keep their samples, the newest.
    pub whole: u64,
    /// The same seed and plan give the same rows.
    pub seed: u64,
    /// Devices of the rack, each with another key.
    pub devices: Vec<SeedDevice>,
    /// Architectures.
    pub models: Vec<SeedModel>,
    /// When the history ends.
    pub until: OffsetDateTime,
}

/// A device of the rack.
#[derive(Debug, Clone)]
pub struct SeedDevice {
    /// Its name.
    pub name: String,
    /// What its agent would tell; the key and the reality are replaced.
    pub report: DeviceReport,
}

/// An architecture.
#[derive(Debug, Clone)]
pub struct SeedModel {
    /// Name without precision.
    pub name: String,
    /// Family.
    pub family: String,
    /// Learnt numbers.
    pub parameters: u64,
    /// Multiply-adds of one inference.
    pub macs: u64,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Seeded {
    /// Devices.
    pub devices: u64,
    /// Sessions.
    pub sessions: u64,
    /// Runs.
    pub runs: u64,
    /// Series.
    pub series: u64,
    /// Figures.
    pub figures: u64,
    /// Alerts.
    pub alerts: u64,
}

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Something is there already: a made-up history is never mixed with a real one.
    #[error("the database has {devices} devices and {models} models already; a made-up history goes to an empty one only")]
    NotEmpty {
        /// Devices that are there.
        devices: i64,
        /// Models that are there.
        models: i64,
    },
    /// The plan has no content.
    #[error("a history needs runs, devices and models; there are {runs}, {devices} and {models}")]
    Nothing {
        /// Runs asked for.
        runs: u64,
        /// Devices given.
        devices: usize,
        /// Models given.
        models: usize,
    },
    /// Rows that refer to each other in a circle can only be copied while the database does not look.
    #[error(
        "this database user may not set session_replication_role; use the embedded PostgreSQL, a superuser, or \
         `grant set on parameter session_replication_role to <user>`"
    )]
    NotAllowed(#[source] DbError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A row could not be written as JSON.
    #[error("a made-up row has no JSON form")]
    Json(#[from] serde_json::Error),
    /// Made-up samples cannot be judged.
    #[error(transparent)]
    Judge(#[from] UnusableMeasurement),
}

/// Fills an empty database, in one transaction; `progress` is told how many of how many sessions are done.
///
/// # Errors
/// See [`SeedError`]; nothing is left behind then.
pub async fn seed(db: &Database, plan: &SeedPlan, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Seeded, SeedError> {
    if plan.runs == 0 || plan.devices.is_empty() || plan.models.is_empty() {
        return Err(SeedError::Nothing { runs: plan.runs, devices: plan.devices.len(), models: plan.models.len() });
    }
    let begun = crate::db::seed::Copy::begin(db).await;
    let mut copy = begun.map_err(|error| if error.is_denied() { SeedError::NotAllowed(error) } else { error.into() })?;
    let (devices, models) = copy.already().await?;
    if devices > 0 || models > 0 {
        return Err(SeedError::NotEmpty { devices, models });
    }
    let mut history = History::new(plan);
    copy.rows(history.begin()?).await?;
    for moment in history.whole_since() {
        copy.ensure_partition(moment).await?;
    }
    while let Some(batch) = history.next_batch()? {
        copy.rows(batch).await?;
        progress(history.done(), history.sessions());
    }
    copy.rows(history.end()).await?;
    copy.latest(&history.latest()).await?;
    copy.commit().await?;
    Ok(history.seeded())
}
