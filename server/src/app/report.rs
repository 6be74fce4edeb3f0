//! A session's report: checked, judged, and stored once.

use benchrack_lifecycle::device::SessionEnd;
use benchrack_lifecycle::job::{self, JobEvent, JobState, JobStep};
use benchrack_protocol::WIRE_VERSION;
use benchrack_protocol::adapter::Summary;
use benchrack_protocol::api::Reported;
use benchrack_protocol::energy::{EnergyPhase, Slice};
use benchrack_protocol::ids::LeaseId;
use benchrack_protocol::packaging::PackagedLoad;
use benchrack_protocol::pipeline::Frames;
use benchrack_protocol::problem::ProblemCode;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::receipt::SignedReport;
use benchrack_protocol::report::{Failure, Measurement, RunReport, SessionReport};
use benchrack_protocol::session::{SessionSpec, Subject};
use benchrack_protocol::signature::{PublicKey, Signature};
use bytes::Bytes;

use super::App;
use super::work::{lease_lost, refused};
use crate::db;
use crate::db::jobs::Origin;
use crate::db::leases::{EndedAs, Presented};
use crate::db::results::{NewOutcome, NewRun, Stored, Storing};
use crate::events::FarmEvent;
use crate::judge::{self, JudgedRun};
use crate::refusal::Refusal;
use crate::secret::SecretHash;

/// A report as it came.
#[derive(Debug)]
pub struct SentReport {
    /// What it says.
    pub report: SessionReport,
    /// Its bytes.
    pub text: Bytes,
    /// The agent's signature over them.
    pub signature: Option<Signature>,
}

/// A run with what is said of it.
enum Judged<'a> {
    Measured(&'a Measurement, JudgedRun),
    Failed(&'a Failure),
}

impl App {
    /// Stores a session's report under its lease. The same report again changes nothing and gets the same answer.
    ///
    /// # Errors
    /// `lease_lost` when the lease ended without a report, `conflict` when it reported something else, `invalid` when the
    /// report does not answer the lease's job, or its signature is not of the key that the device has registered.
    pub async fn report(&self, id: LeaseId, secret: &SecretHash, sent: SentReport) -> Result<Reported, Refusal> {
        let SentReport { report, text, signature } = sent;
        let lease = db::leases::find(self.db(), id, secret).await?.ok_or_else(lease_lost)?;
        let (spec, origin) =
            db::jobs::brief(self.db().pool(), lease.job).await?.ok_or_else(|| Refusal::not_found("job", lease.job))?;
        let device =
            db::devices::get(self.db(), lease.device).await?.ok_or_else(|| Refusal::not_found("device", lease.device))?;
        check(&report, &spec, &device.key)?;
        let signed = signed(&text, signature, device.public_key, origin)?;
        // Sorting some hundred thousand samples takes longer than an async task should keep its thread.
        let (report, judged) = tokio::task::spawn_blocking(move || {
            let judged = judge_runs(&report);
            (report, judged)
        })
        .await
        .map_err(Refusal::internal)?;
        let outcomes = report.runs.iter().zip(judged?).map(|(run, judged)| match (run, judged) {
            (RunReport::Measured(measurement), Some(judged)) => Ok(Judged::Measured(measurement, judged)),
            (RunReport::Failed(failure), None) => Ok(Judged::Failed(failure)),
            _ => Err(Refusal::internal("a run and its judgement do not belong together")),
        });
        let outcomes: Vec<Judged<'_>> = outcomes.collect::<Result<_, _>>()?;
        self.store_report((id, secret), &report, (origin, signed), outcomes).await
    }

    async fn store_report(
        &self,
        (id, secret): (LeaseId, &SecretHash),
        report: &SessionReport,
        (origin, signed): (Origin, Option<SignedReport>),
        outcomes: Vec<Judged<'_>>,
    ) -> Result<Reported, Refusal> {
        let now = self.now();
        let mut tx = self.db().begin().await?;
        let lease = match db::leases::hold(&mut tx, id, secret, now).await? {
            Presented::Held(lease) => lease,
            Presented::Unknown => return Err(lease_lost()),
            Presented::Over(job) => {
                tx.rollback().await?;
                return match job::apply(&job.state, &JobEvent::Report { lease: id }, now, self.job_policy()).map_err(refused)? {
                    JobStep::Duplicate => self.stored_before(id, report).await,
                    JobStep::To(_) => Err(lease_lost()),
                };
            }
        };
        let state = match job::apply(&lease.job().state, &JobEvent::Report { lease: id }, now, self.job_policy()) {
            Ok(JobStep::To(state)) => state,
            Ok(JobStep::Duplicate) => return self.stored_before(id, report).await,
            Err(refusal) => return Err(refused(refusal)),
        };
        let session = match db::results::insert_session(&mut tx, &lease, report, now).await {
            Err(error) if error.breaks("sessions_report_once") => {
                return Err(Refusal::new(
                    ProblemCode::Conflict,
                    format!("report {} is stored already, from another lease; nothing was stored now", report.id),
                ));
            }
            other => other?,
        };
        if let Some(signed) = &signed {
            db::signed_reports::insert(&mut tx, session, signed).await?;
        }
        let to = Storing { lease: &lease, session, report, origin, now };
        let stored = self.store_runs(&mut tx, to, outcomes, &state).await?;
        tx.commit().await?;
        self.metrics().reports_stored();
        tracing::info!(
            session.id = %session, job.id = %lease.job().id, device.id = %lease.device().id, runs = stored.runs.len(), "report stored"
        );
        if let Origin::Gate(gate) = origin {
            self.settle_gate(gate).await?;
        }
        Ok(Reported { session, runs: stored.runs, duplicate: false })
    }

    async fn store_runs(
        &self,
        tx: &mut sqlx::PgConnection,
        to: Storing<'_>,
        outcomes: Vec<Judged<'_>>,
        state: &JobState,
    ) -> Result<Stored, Refusal> {
        let mut runs = Vec::with_capacity(outcomes.len());
        for (place, (subject, outcome)) in to.report.spec.subjects.iter().zip(outcomes).enumerate() {
            let manifest = &subject.manifest;
            let model = db::models::find(&mut *tx, &manifest.name, manifest.precision, manifest.artifact).await?;
            let model = model.ok_or_else(|| {
                Refusal::unknown_reference(format!("spec.subjects[{place}]: the model {} is not known here", manifest.name))
            })?;
            let outcome = match outcome {
                Judged::Measured(measurement, judged) => NewOutcome::Measured(measurement, judged),
                Judged::Failed(failure) => NewOutcome::Failed(failure),
            };
            runs.push(db::results::insert_run(tx, to, place, NewRun { subject, model, outcome }).await?);
        }
        let Storing { lease, session, now, .. } = to;
        self.close(tx, lease, state, Some(session), EndedAs::Reported, now).await?;
        self.finish_device(tx, lease.device(), lease.id(), SessionEnd::Reported, now).await?;
        let event = FarmEvent::Stored { session, device: lease.device().id, runs: runs.clone() };
        db::notify::notify(tx, &event).await?;
        Ok(Stored { session, report: to.report.id, runs })
    }

    async fn stored_before(&self, lease: LeaseId, report: &SessionReport) -> Result<Reported, Refusal> {
        let stored = db::results::of_lease(self.db(), lease).await?.ok_or_else(lease_lost)?;
        if stored.report == report.id {
            return Ok(Reported { session: stored.session, runs: stored.runs, duplicate: true });
        }
        Err(Refusal::new(
            ProblemCode::Conflict,
            format!("this lease has delivered report {} already; {} was not stored", stored.report, report.id),
        ))
    }
}

/// The text of a gate's report, which its receipt is made of; of other reports none is kept.
fn signed(
    text: &Bytes,
    signature: Option<Signature>,
    key: Option<PublicKey>,
    origin: Origin,
) -> Result<Option<SignedReport>, Refusal> {
    if let (Some(signature), Some(key)) = (&signature, &key)
        && !key.has_signed_report(text, signature)
    {
        return Err(Refusal::invalid(format!(
            "the signature is not that of this report by the device's key {key}: register anew"
        )));
    }
    // Without a key that the farm knows, a signature proves nothing.
    let (signature, key) = signature.zip(key).unzip();
    let report = || String::from_utf8(text.to_vec()).map_err(|error| Refusal::invalid(error.to_string()));
    match origin {
        Origin::Gate(_) => Ok(Some(SignedReport { report: report()?, signature, key })),
        Origin::Submission(_) => Ok(None),
    }
}

/// Whether a report answers its job and can be stored; the first thing wrong is named.
fn check(report: &SessionReport, asked: &SessionSpec, device_key: &str) -> Result<(), Refusal> {
    let wrong = |text: String| Err(Refusal::invalid(text));
    if report.wire_version == 0 || report.wire_version > WIRE_VERSION {
        return wrong(format!(
            "wire_version is {}, this server reads 1 to {WIRE_VERSION}: update the server first, then the agents",
            report.wire_version
        ));
    }
    if report.device_key != device_key {
        return wrong(format!("device_key is '{}', the lease is for '{device_key}'", report.device_key));
    }
    let subjects = asked.subjects.len();
    if report.spec.subjects.len() != subjects || report.runs.len() != subjects {
        return wrong(format!(
            "the job has {subjects} subjects, the report {} and {} runs",
            report.spec.subjects.len(),
            report.runs.len()
        ));
    }
    if report.spec.operating_point != asked.operating_point {
        return wrong("spec.operating_point is not the one of the lease's job".into());
    }
    for (place, (reported, asked)) in report.spec.subjects.iter().zip(&asked.subjects).enumerate() {
        if !same_subject(reported, asked) {
            return wrong(format!("spec.subjects[{place}] is not the one of the lease's job"));
        }
    }
    fits("duration", report.duration.0)?;
    for (place, run) in report.runs.iter().enumerate() {
        if let RunReport::Measured(measurement) = run {
            if report.evidence.is_none() {
                return wrong(format!("runs[{place}] is measured, and the session has no evidence"));
            }
            check_measurement(place, measurement)?;
        }
    }
    Ok(())
}

/// Floating-point figures of a manifest may come back with another last digit, so the identity is compared.
fn same_subject(a: &Subject, b: &Subject) -> bool {
    a.label == b.label
        && a.engine == b.engine
        && a.threads == b.threads
        && (&a.manifest.name, a.manifest.precision, a.manifest.artifact)
            == (&b.manifest.name, b.manifest.precision, b.manifest.artifact)
}

fn check_measurement(place: usize, measurement: &Measurement) -> Result<(), Refusal> {
    let at = |field: &str| format!("runs[{place}].{field}");
    match (&measurement.summary, measurement.blocks.is_empty()) {
        (None, true) => return Err(Refusal::invalid(format!("{} is empty", at("blocks")))),
        (Some(_), false) => {
            return Err(Refusal::invalid(format!(
                "{} has blocks beside it: a summary is of a program that gives no samples",
                at("summary")
            )));
        }
        (Some(summary), true) => check_summary(&at("summary"), summary)?,
        (None, false) => {}
    }
    if let Some(frames) = &measurement.frames {
        check_frames(&at("frames"), frames)?;
    }
    check_loads(&at("packaged_loads"), &measurement.packaged_loads)?;
    if let Some(Reading::Value { value: energy }) = &measurement.energy {
        for (name, phases) in [("rests", &energy.rests), ("loops", &energy.loops)] {
            check_phases(&at(&format!("energy.{name}")), phases)?;
        }
    }
    if let Some(sustained) = &measurement.sustained {
        for (name, slices) in [("load", &sustained.load), ("recovery", &sustained.recovery)] {
            check_slices(&at(&format!("sustained.{name}")), slices)?;
        }
    }
    fits(&at("load"), measurement.load.0)?;
    fits(&at("first_inference"), measurement.first_inference.0)?;
    for (nth, block) in measurement.blocks.iter().enumerate() {
        let at = |field: &str| format!("runs[{place}].blocks[{nth}].{field}");
        if block.samples.is_empty() {
            return Err(Refusal::invalid(format!("{} is empty", at("samples"))));
        }
        for (number, sample) in block.samples.iter().enumerate() {
            if sample.0 == 0 {
                return Err(Refusal::invalid(format!("{}[{number}] is 0: no inference takes no time", at("samples"))));
            }
            fits(&at("samples"), sample.0)?;
        }
        let in_turns: u64 = block.turns.iter().map(|turn| u64::from(turn.samples)).sum();
        if block.turns.iter().any(|turn| turn.samples == 0) {
            return Err(Refusal::invalid(format!("{} holds a turn without samples", at("turns"))));
        }
        if !block.turns.is_empty() && in_turns != block.samples.len() as u64 {
            let samples = block.samples.len();
            return Err(Refusal::invalid(format!("{} hold {in_turns} samples, the block {samples}", at("turns"))));
        }
        fits(&at("started"), block.started.0)?;
        fits(&at("suspended"), block.suspended.0)?;
        fits_small(&at("round"), block.round)?;
        fits_small(&at("place"), block.place)?;
    }
    Ok(())
}

fn check_summary(at: &str, summary: &Summary) -> Result<(), Refusal> {
    let Summary { count: _, mean, minimum, maximum, median, p90, p99, deviation: _ } = summary;
    let latencies = [("mean", mean), ("minimum", minimum), ("maximum", maximum), ("median", median), ("p90", p90), ("p99", p99)];
    let told: Vec<(&str, u64)> = latencies.into_iter().filter_map(|(name, time)| Some((name, (*time)?.0))).collect();
    if told.is_empty() {
        return Err(Refusal::invalid(format!("{at} holds no latency: that is a failure with a reason, not a result")));
    }
    for (name, time) in told {
        if time == 0 {
            return Err(Refusal::invalid(format!("{at}.{name} is 0: no inference takes no time")));
        }
        fits(&format!("{at}.{name}"), time)?;
    }
    Ok(())
}

fn check_frames(at: &str, frames: &Frames) -> Result<(), Refusal> {
    if frames.times.is_empty() {
        return Err(Refusal::invalid(format!("{at}.times is empty: leave frames out where none was measured")));
    }
    for (nth, time) in frames.times.iter().enumerate() {
        if time.total.0 == 0 {
            return Err(Refusal::invalid(format!("{at}.times[{nth}].total is 0: no frame takes no time")));
        }
        for (name, part) in
            [("conversion", time.conversion), ("inference", time.inference), ("post", time.post), ("total", time.total)]
        {
            fits(&format!("{at}.times[{nth}].{name}"), part.0)?;
        }
    }
    Ok(())
}

fn check_phases(at: &str, phases: &[EnergyPhase]) -> Result<(), Refusal> {
    for (nth, phase) in phases.iter().enumerate() {
        if phase.ended < phase.started {
            return Err(Refusal::invalid(format!("{at}[{nth}].ended lies before started")));
        }
        let times = phase.readings.iter().map(|reading| reading.at).chain(phase.batches.iter().map(|batch| batch.ended));
        for time in times.chain([phase.ended]) {
            fits(&format!("{at}[{nth}]"), time.0)?;
        }
    }
    Ok(())
}

fn check_slices(at: &str, slices: &[Slice]) -> Result<(), Refusal> {
    for (nth, slice) in slices.iter().enumerate() {
        if slice.latency.0 == 0 {
            return Err(Refusal::invalid(format!("{at}[{nth}].latency is 0: no inference takes no time")));
        }
        fits(&format!("{at}[{nth}]"), slice.at.0.saturating_add(slice.took.0))?;
        fits(&format!("{at}[{nth}].latency"), slice.latency.0)?;
    }
    Ok(())
}

fn check_loads(at: &str, loads: &[PackagedLoad]) -> Result<(), Refusal> {
    for (nth, load) in loads.iter().enumerate() {
        if load.loads.is_empty() {
            return Err(Refusal::invalid(format!("{at}[{nth}].loads is empty")));
        }
        if loads[..nth].iter().any(|earlier| earlier.packaging == load.packaging) {
            return Err(Refusal::invalid(format!("{at}[{nth}].packaging is {}, which is there already", load.packaging.name())));
        }
        for time in &load.loads {
            fits(&format!("{at}[{nth}].loads"), time.unpack.0.saturating_add(time.load.0))?;
        }
    }
    Ok(())
}

fn fits(field: &str, number: u64) -> Result<(), Refusal> {
    i64::try_from(number).map(drop).map_err(|_| Refusal::invalid(format!("{field} is {number}: that cannot be")))
}

fn fits_small(field: &str, number: u32) -> Result<(), Refusal> {
    i32::try_from(number).map(drop).map_err(|_| Refusal::invalid(format!("{field} is {number}: that cannot be")))
}

/// A judgement for each measured run, in order.
fn judge_runs(report: &SessionReport) -> Result<Vec<Option<JudgedRun>>, Refusal> {
    let runs = report.runs.iter().zip(&report.spec.subjects).enumerate();
    runs.map(|(place, (run, subject))| match (run, &report.evidence) {
        (RunReport::Measured(measurement), Some(evidence)) => {
            let judged = judge::run(subject, &report.spec.operating_point, evidence, measurement);
            judged
                .map(Some)
                .map_err(|error| Refusal::invalid(format!("runs[{place}]: {}", benchrack_protocol::causes::chain(&error))))
        }
        (RunReport::Measured(_), None) => Err(Refusal::invalid(format!("runs[{place}] is measured without evidence"))),
        (RunReport::Failed(_), _) => Ok(None),
    })
    .collect()
}
