//! Alerts: raised by what was confirmed, decided about by people, told to whom it concerns.

use benchrack_lifecycle::alert::{self, AlertEvent, AlertState};
use benchrack_protocol::alert::{Alert, NewTriage, TriageState};
use benchrack_protocol::api::Metric;
use benchrack_protocol::ids::{AlertId, ArtifactId, DeviceId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::work::refused;
use super::{App, Caller, check_text};
use crate::db;
use crate::db::alerts::{AlertFilter, LockedAlert, NewFinding};
use crate::events::FarmEvent;
use crate::refusal::Refusal;

impl App {
    /// Alerts with their findings, newest first.
    ///
    /// # Errors
    /// Only when the database does not do as asked.
    pub async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<Alert>, Refusal> {
        let mut tx = self.db().begin().await?;
        Ok(db::alerts::list(&mut tx, filter).await?)
    }

    /// One alert.
    ///
    /// # Errors
    /// Unknown alert.
    pub async fn alert(&self, id: AlertId) -> Result<Alert, Refusal> {
        let mut tx = self.db().begin().await?;
        db::alerts::get(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("alert", id))
    }

    /// What a person decides. `expected` makes the new level the baseline of every series that it was found in.
    ///
    /// # Errors
    /// Unknown alert; an owner, reason or time that the state needs or cannot have; nothing that would change.
    pub async fn triage(&self, id: AlertId, new: &NewTriage, caller: &Caller) -> Result<Alert, Refusal> {
        let to = decision(new)?;
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let series = db::alerts::series_of(&mut tx, id).await?;
        if let AlertState::Expected { .. } = to {
            // Series before alerts, as where alerts are raised, so that nobody waits for each other in a circle.
            for (series, _) in &series {
                db::watches::get(&mut tx, *series).await?;
            }
        }
        let alert = db::alerts::lock(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("alert", id))?;
        let state = alert::apply(&alert.state, &AlertEvent::Triage(to), now).map_err(refused)?;
        db::alerts::write(&mut tx, id, &state, now).await?;
        if let AlertState::Expected { .. } = state {
            for (series, run) in series {
                db::watches::relearn(&mut tx, series, Some(run)).await?;
            }
        }
        let changed = self.tell_of(&mut tx, id, &format!("{} alert", state.word().name()), now).await?;
        tx.commit().await?;
        tracing::info!(alert.id = %id, state = state.word().name(), by = caller.name, "an alert was triaged");
        Ok(changed)
    }

    /// Adds a finding to the alert of its revision, and tells of it the first time.
    pub(super) async fn raise_regression(
        &self,
        tx: &mut PgConnection,
        finding: &NewFinding,
        engine: Option<ArtifactId>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let alert = db::alerts::of_revision(tx, finding.models.1, engine, now).await?;
        self.add_finding(tx, alert, finding, now).await
    }

    /// Adds a finding to the open alert of a device.
    pub(super) async fn raise_drift(
        &self,
        tx: &mut PgConnection,
        device: DeviceId,
        finding: &NewFinding,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let alert = db::alerts::of_device(tx, device, now).await?;
        self.add_finding(tx, alert, finding, now).await
    }

    async fn add_finding(
        &self,
        tx: &mut PgConnection,
        alert: LockedAlert,
        finding: &NewFinding,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        if !db::alerts::add_finding(tx, alert.id, finding, now).await? {
            return Ok(());
        }
        let found = db::alerts::get(tx, alert.id).await?.ok_or_else(|| Refusal::not_found("alert", alert.id))?;
        db::alerts::set_title(tx, alert.id, &title(&found), now).await?;
        let state = alert::apply(&alert.state, &AlertEvent::FoundAgain, now).map_err(refused)?;
        let reopened = state != alert.state;
        if reopened {
            db::alerts::write(tx, alert.id, &state, now).await?;
        }
        // Another device with the same revision is no news to those who were told.
        if alert.is_new || reopened {
            self.tell_of(tx, alert.id, if alert.is_new { "new alert" } else { "alert is back" }, now).await?;
        }
        Ok(())
    }

    /// Queues the messages about an alert as it is now.
    async fn tell_of(&self, tx: &mut PgConnection, id: AlertId, event: &str, now: OffsetDateTime) -> Result<Alert, Refusal> {
        let alert = db::alerts::get(tx, id).await?.ok_or_else(|| Refusal::not_found("alert", id))?;
        let url = self.public_url().map(|url| format!("{}{}", url.trim_end_matches('/'), benchrack_dashboards::link::alert(id)));
        for (webhook, body) in self.webhooks().bodies(event, &alert, url.as_deref()) {
            db::outbox::queue(tx, webhook, (id, event), &body, now).await?;
        }
        db::notify::notify(tx, &FarmEvent::Alert { alert: id }).await?;
        Ok(alert)
    }

    /// What is ignored until now is new again.
    pub(super) async fn wake_alerts(&self, now: OffsetDateTime) -> Result<(), Refusal> {
        for id in db::alerts::ignored_until(self.db(), now).await? {
            let mut tx = self.db().begin().await?;
            let Some(alert) = db::alerts::lock(&mut tx, id).await? else { continue };
            let state = alert::apply(&alert.state, &AlertEvent::Tick, now).map_err(refused)?;
            if state != alert.state {
                db::alerts::write(&mut tx, id, &state, now).await?;
                self.tell_of(&mut tx, id, "alert is back", now).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

/// The state that a decision means.
fn decision(new: &NewTriage) -> Result<AlertState, Refusal> {
    let NewTriage { state, owner, reason, due_at } = new;
    for (field, text) in [("owner", owner), ("reason", reason)] {
        if let Some(text) = text {
            check_text(field, text, 400)?;
        }
    }
    let word = state.name();
    let cannot = |field: &str, is_there: bool| match is_there {
        true => Err(Refusal::invalid(format!("{field}: an alert that is {word} has none; leave it out"))),
        false => Ok(()),
    };
    let needs = |field: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| Refusal::invalid(format!("{field}: an alert that is {word} needs one")))
    };
    cannot("reason", reason.is_some() && !matches!(state, TriageState::Expected | TriageState::Ignored))?;
    cannot("due_at", due_at.is_some() && !matches!(state, TriageState::Confirmed | TriageState::Ignored))?;
    Ok(match state {
        TriageState::New => {
            cannot("owner", owner.is_some())?;
            AlertState::New
        }
        TriageState::Confirmed => AlertState::Confirmed { owner: needs("owner", owner)?, due_at: *due_at },
        TriageState::Expected => AlertState::Expected { owner: owner.clone(), reason: needs("reason", reason)? },
        TriageState::Fixed => AlertState::Fixed { owner: owner.clone() },
        TriageState::Ignored => AlertState::Ignored { owner: owner.clone(), reason: needs("reason", reason)?, until: *due_at },
    })
}

/// What slowed down, where and by how much, in one line.
fn title(alert: &Alert) -> String {
    let Some(last) = alert.findings.last() else { return String::new() };
    let mut devices: Vec<&str> = alert.findings.iter().map(|finding| finding.device_name.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    let place = match devices[..] {
        [one] => one.to_owned(),
        _ => format!("{} devices", devices.len()),
    };
    let worst = alert.findings.iter().filter_map(|finding| finding.effect).map(|effect| effect.value);
    let by = worst.reduce(|a, b| if b.abs() > a.abs() { b } else { a });
    let by = by.map_or_else(String::new, |share| format!(" {:+.1} %", share * 100.0));
    let metric = match last.metric {
        Metric::Latency => "latency",
        Metric::PeakRss => "peak memory",
        Metric::Load => "load time",
        Metric::Frame => "frame time",
        other => other.name(),
    };
    match alert.kind {
        benchrack_protocol::alert::AlertKind::Regression => {
            format!("{} {} {}: {metric}{by} on {place}", last.bad.name, last.bad.precision, last.bad.word())
        }
        benchrack_protocol::alert::AlertKind::DeviceDrift => format!("{place} drifted: {metric} of its control{by}"),
    }
}
