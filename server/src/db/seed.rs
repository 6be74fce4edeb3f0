//! Filling an empty database in bulk with COPY, for `crate::seed`.

use sqlx::{Postgres, Transaction};
use time::OffsetDateTime;

use super::{Database, DbError, maintenance, results};

/// A table that is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// devices
    Devices,
    /// device_absences
    DeviceAbsences,
    /// artifacts
    Artifacts,
    /// models
    Models,
    /// engines
    Engines,
    /// submissions
    Submissions,
    /// jobs
    Jobs,
    /// leases
    Leases,
    /// sessions
    Sessions,
    /// runs
    Runs,
    /// series
    Series,
    /// run_metrics
    RunMetrics,
    /// sample_blocks
    SampleBlocks,
    /// model_uses
    ModelUses,
    /// engine_uses
    EngineUses,
    /// series_watches
    SeriesWatches,
    /// series_marks
    SeriesMarks,
    /// gates
    Gates,
    /// alerts
    Alerts,
    /// alert_findings
    AlertFindings,
}

impl Table {
    /// The statement; its columns are in the order in which `crate::seed` writes them.
    fn copy(self) -> &'static str {
        match self {
            Self::Devices => {
                "copy devices (id, key, name, report, agent_version, agent_target, registered_at, last_seen_at, state,
                     state_since, reason, failures) from stdin"
            }
            Self::DeviceAbsences => "copy device_absences (device_id, state, reason, since, until) from stdin",
            Self::Artifacts => "copy artifacts (id, size, stored_at) from stdin",
            Self::Models => "copy models (id, name, precision, artifact_id, manifest, revision, listed, added_at) from stdin",
            Self::Engines => "copy engines (id, name, version, target, artifact_id, build, added_at) from stdin",
            Self::Submissions => "copy submissions (id, suite, devices, submitted_at) from stdin",
            Self::Jobs => {
                "copy jobs (id, submission_id, device_id, title, spec, priority, queued_at, state, attempts, lease_id,
                     session_id, closed_at) from stdin"
            }
            Self::Leases => {
                "copy leases (id, job_id, device_id, secret_hash, granted_at, expires_at, ended_at, ended_as) from stdin"
            }
            Self::Sessions => {
                "copy sessions (id, report_id, lease_id, job_id, device_id, os_fingerprint, reality, agent_version,
                     agent_target, wire_version, started_at, measured_at, duration_ns, spec, evidence) from stdin"
            }
            Self::Runs => {
                "copy runs (id, session_id, place, device_id, submission_id, model_id, label, model_name, precision,
                     artifact_id, engine, engine_version, engine_artifact_id, threads, cores, frequency, measured_at,
                     reality, validity, tier, failure, measurement) from stdin"
            }
            Self::Series => {
                "copy series (id, device_id, os_fingerprint, model_name, precision, integer_kernels, engine, threads,
                     cores, frequency, metric, points, latest_run_id, latest_at) from stdin"
            }
            Self::RunMetrics => {
                "copy run_metrics (run_id, metric, series_id, measured_at, counts, value, low, high, level) from stdin"
            }
            Self::SampleBlocks => {
                "copy sample_blocks (run_id, measured_at, nth, round, place, started_ns, suspended_ns, waiting_share,
                     samples_ns) from stdin"
            }
            Self::ModelUses => "copy model_uses (model_id, device_id, runs) from stdin",
            Self::EngineUses => "copy engine_uses (artifact_id, engine, device_id, runs, last_used_at) from stdin",
            Self::SeriesWatches => "copy series_watches (series_id, last_run_id) from stdin",
            Self::SeriesMarks => "copy series_marks (series_id, run_id, kind, detail, change, marked_at) from stdin",
            Self::Gates => "copy gates (id, request, submitted_at, outcome, decided_at) from stdin",
            Self::Alerts => "copy alerts (id, kind, model_id, title, state, raised_at, changed_at) from stdin",
            Self::AlertFindings => {
                "copy alert_findings (alert_id, series_id, good_run_id, bad_run_id, bad_model_id, good_model_id, suspects,
                     change, low, high, gate_id, found_at) from stdin"
            }
        }
    }
}

/// A database being filled: all of it, or nothing.
#[derive(Debug)]
pub struct Copy {
    tx: Transaction<'static, Postgres>,
    db: Database,
}

impl Copy {
    /// Begins. Jobs, leases and sessions refer to each other in a circle, so that triggers, which check that, rest.
    pub async fn begin(db: &Database) -> Result<Self, DbError> {
        let mut tx = db.begin().await?;
        sqlx::query!("set local session_replication_role = 'replica'").execute(&mut *tx).await?;
        sqlx::query!("set local statement_timeout = 0").execute(&mut *tx).await?;
        Ok(Self { tx, db: db.clone() })
    }

    /// Devices and models that are there.
    pub async fn already(&mut self) -> Result<(i64, i64), DbError> {
        let row =
            sqlx::query!(r#"select (select count(*) from devices) as "devices!", (select count(*) from models) as "models!""#)
                .fetch_one(&mut *self.tx)
                .await?;
        Ok((row.devices, row.models))
    }

    /// Makes the sample partition of this moment's month where it is absent.
    pub async fn ensure_partition(&mut self, moment: OffsetDateTime) -> Result<(), DbError> {
        maintenance::ensure_partition(&mut self.tx, moment).await.map(drop)
    }

    /// Appends rows in COPY's text form.
    pub async fn rows(&mut self, tables: Vec<(Table, Vec<u8>)>) -> Result<(), DbError> {
        for (table, text) in tables.into_iter().filter(|(_, text)| !text.is_empty()) {
            let mut copy = self.tx.copy_in_raw(table.copy()).await?;
            copy.send(text).await?;
            copy.finish().await?;
        }
        Ok(())
    }

    /// Notes which runs are the newest of their subjects, with whether each counts.
    pub async fn latest(&mut self, runs: &[(i64, bool)]) -> Result<(), DbError> {
        let (runs, counts): (Vec<i64>, Vec<bool>) = runs.iter().copied().unzip();
        results::note_latest(&mut self.tx, &runs, &counts).await
    }

    /// Lets ids go on after those that were written, keeps all, and tells the planner what is there.
    pub async fn commit(mut self) -> Result<(), DbError> {
        sqlx::query!(
            r#"select setval(pg_get_serial_sequence(name, 'id'), last) from (values
                   ('devices', (select max(id) from devices)),
                   ('models', (select max(id) from models)),
                   ('engines', (select max(id) from engines)),
                   ('submissions', (select max(id) from submissions)),
                   ('jobs', (select max(id) from jobs)),
                   ('leases', (select max(id) from leases)),
                   ('sessions', (select max(id) from sessions)),
                   ('runs', (select max(id) from runs)),
                   ('series', (select max(id) from series)),
                   ('alerts', (select max(id) from alerts)),
                   ('gates', (select max(id) from gates))
               ) as filled (name, last) where last is not null"#
        )
        .fetch_all(&mut *self.tx)
        .await?;
        self.tx.commit().await?;
        // As autovacuum would do in time: statistics, and the map of pages that an index alone can answer for.
        let mut connection = self.db.pool().acquire().await?;
        sqlx::query!("set statement_timeout = 0").execute(&mut *connection).await?;
        sqlx::query!("vacuum (analyze)").execute(&mut *connection).await?;
        sqlx::query!("reset statement_timeout").execute(&mut *connection).await?;
        Ok(())
    }
}
