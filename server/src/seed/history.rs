//! The made-up history session by session, in the order of time.

use benchrack_protocol::device::Reality;
use benchrack_protocol::engine::{EngineBuild, EngineRef};
use benchrack_protocol::model::Precision;
use benchrack_protocol::suite::{Axis, Suite};
use benchrack_protocol::units::Bytes;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::rack::{LIBRARY, Rack, VARIANTS, Variant};
use super::rows::Sheets;
use super::session::{Asked, Chance, evidence, outcome};
use super::written::{RunAt, Written};
use super::{SeedError, SeedPlan, Seeded};
use crate::db::seed::Table;

/// Sessions that are copied at once.
const BATCH: u64 = 500;
/// Bytes of the library's file.
const LIBRARY_SIZE: u64 = 24_000_000;
const TARGET: &str = "aarch64-linux-android";
/// How long a session lasts.
const LASTS: Duration = Duration::seconds(40);

pub(super) struct History<'a> {
    rack: Rack<'a>,
    written: Written,
    next: u64,
}

impl<'a> History<'a> {
    pub(super) fn new(plan: &'a SeedPlan) -> Self {
        Self { rack: Rack::new(plan), written: Written::default(), next: 0 }
    }

    pub(super) fn sessions(&self) -> u64 {
        self.rack.sessions()
    }

    pub(super) fn done(&self) -> u64 {
        self.next
    }

    pub(super) fn seeded(&self) -> Seeded {
        let [series, figures, alerts] = self.written.counts();
        Seeded {
            devices: self.rack.plan.devices.len() as u64,
            sessions: self.rack.sessions(),
            runs: self.rack.sessions() * VARIANTS.len() as u64,
            series,
            figures,
            alerts,
        }
    }

    /// Moments in the months in which samples are kept.
    pub(super) fn whole_since(&self) -> Vec<OffsetDateTime> {
        let mut moment = self.rack.place(self.rack.first_whole()).at;
        let mut moments = vec![self.rack.plan.until];
        while moment < self.rack.plan.until {
            moments.push(moment);
            moment += Duration::days(25);
        }
        moments
    }

    /// Devices, model files, builds and submissions.
    pub(super) fn begin(&mut self) -> Result<Sheets, SeedError> {
        let Self { rack, written, .. } = self;
        let plan = rack.plan;
        for (id, device) in (1..).zip(&plan.devices) {
            let mut report = device.report.clone();
            report.identity.key = format!("simulated-{}-{id}", plan.seed);
            report.reality = Reality::Simulated;
            // One in twelve is in trouble, as in a real rack.
            let quarantined = id % 12 == 5;
            let devices = written.of(Table::Devices);
            devices.cell(id).cell(&report.identity.key).cell(&device.name).cell(serde_json::to_string(&report)?);
            devices.cell(env!("CARGO_PKG_VERSION")).cell(TARGET).time(rack.round_at(0)).time(plan.until);
            devices.cell(if quarantined { "quarantined" } else { "idle" });
            const FAILED: &str = "3 sessions in a row failed: signal 9";
            match quarantined {
                true => devices.time(plan.until).cell(FAILED).cell(3).end(),
                false => devices.null().null().cell(0).end(),
            }
            // One in three was away once: half-way through for a day.
            let away = rack.round_at(rack.rounds / 2);
            let absences = written.of(Table::DeviceAbsences);
            if id % 3 == 0 {
                absences.cell(id).cell("quarantined").cell(FAILED).time(away).time(away + Duration::DAY).end();
            } else if id % 3 == 1 {
                absences.cell(id).cell("offline").null().time(away).time(away + Duration::HOUR).end();
            }
            if quarantined {
                absences.cell(id).cell("quarantined").cell(FAILED).time(plan.until).null().end();
            }
        }
        for revision in rack.revisions.iter().flatten() {
            for (id, manifest) in &revision.files {
                written.of(Table::Artifacts).bytes(&manifest.artifact.0).cell(manifest.size.0).time(revision.added_at).end();
                let models = written.of(Table::Models);
                models.cell(id).cell(&manifest.name).cell(manifest.precision).bytes(&manifest.artifact.0);
                models.cell(serde_json::to_string(manifest)?).cell(&revision.name).cell(true).time(revision.added_at).end();
            }
        }
        for (nth, (artifact, version)) in (0..).zip(&rack.builds) {
            let added_at = rack.build_added_at(nth);
            let build = EngineBuild {
                engine: EngineRef { build: Some(*artifact), ..EngineRef::named(LIBRARY) },
                version: version.clone(),
                target: TARGET.into(),
                licence: "MIT".into(),
                size: Bytes(LIBRARY_SIZE),
                installed_size: Bytes(LIBRARY_SIZE),
                origin: "simulated history".into(),
            };
            written.of(Table::Artifacts).bytes(&artifact.0).cell(LIBRARY_SIZE).time(added_at).end();
            let engines = written.of(Table::Engines);
            engines.cell(nth + 1).cell(LIBRARY).cell(version).cell(TARGET).bytes(&artifact.0);
            engines.cell(serde_json::to_string(&build)?).time(added_at).end();
        }
        let engine = |library| Variant { precision: Precision::Fp32, library }.engine().to_owned();
        let suite = serde_json::to_string(&Suite {
            name: "nightly".into(),
            description: "simulated history".into(),
            models: plan.models.iter().map(|model| model.name.clone()).collect(),
            precisions: vec![Precision::Fp32, Precision::Int8],
            engines: vec![engine(false), engine(true)],
            together: vec![Axis::Precision, Axis::Engine],
            threads: vec![1],
            cores: vec![Default::default()],
            frequencies: vec![Default::default()],
            plan: Default::default(),
        })?;
        for round in 0..rack.rounds {
            written.of(Table::Submissions).cell(round + 1).cell(&suite).cell("").time(rack.round_at(round)).end();
        }
        Ok(written.take())
    }

    /// The next sessions with all that belongs to them; none at the end.
    pub(super) fn next_batch(&mut self) -> Result<Option<Sheets>, SeedError> {
        let end = (self.next + BATCH).min(self.rack.sessions());
        if self.next == end {
            return Ok(None);
        }
        for number in self.next..end {
            self.session(number)?;
        }
        self.next = end;
        Ok(Some(self.written.take()))
    }

    fn session(&mut self, number: u64) -> Result<(), SeedError> {
        let whole = number >= self.rack.first_whole();
        let Self { rack, written, .. } = self;
        let place = rack.place(number);
        let mut chance = Chance::of(rack.plan.seed, number);
        let trouble = rack.trouble(place, &mut chance);
        let (Some(device), Some((revision, before))) = (rack.plan.devices.get(place.device), rack.revisions_at(place)) else {
            return Ok(());
        };
        let evidence = evidence(&device.report, rack.sweep(place.sweep), trouble, whole);
        let spec = rack.spec(place, revision);
        let spec_text = serde_json::to_string(&spec)?;
        let (id, device_id, over) = (number + 1, place.device + 1, place.at + LASTS);
        let (system, fingerprint) = rack.system(place);

        let title = spec.subjects.first().map(|subject| subject.label.clone()).unwrap_or_default();
        let jobs = written.of(Table::Jobs);
        jobs.cell(id).cell(place.round + 1).cell(device_id).cell(title).cell(&spec_text).cell(0).time(rack.round_at(place.round));
        jobs.cell("done").cell(1).cell(id).cell(id).time(over).end();
        let leases = written.of(Table::Leases);
        leases.cell(id).cell(id).cell(device_id).bytes(&chance.bytes::<32>()).time(place.at).time(over + LASTS).time(over);
        leases.cell("reported").end();
        let sessions = written.of(Table::Sessions);
        sessions.cell(id).cell(Uuid::from_bytes(chance.bytes())).cell(id).cell(id).cell(device_id).cell(&fingerprint);
        sessions.cell("simulated").cell(env!("CARGO_PKG_VERSION")).cell(TARGET).cell(benchrack_protocol::WIRE_VERSION);
        sessions.time(place.at).time(over).cell(LASTS.whole_nanoseconds()).cell(spec_text);
        sessions.cell(serde_json::to_string(&evidence)?).end();
        written.systems.entry((place.device, system)).or_insert(fingerprint);

        for ((nth, variant), subject) in VARIANTS.into_iter().enumerate().zip(&spec.subjects) {
            let asked = Asked { place, variant, subject, evidence: &evidence, revision, trouble, whole };
            let got = outcome(rack, &asked, &mut chance)?;
            written.run(rack, &RunAt { place, variant, nth, system, over, whole, revision, before }, got)?;
        }
        Ok(())
    }

    /// The newest run of each subject on each device, and whether it counts.
    pub(super) fn latest(&self) -> Vec<(i64, bool)> {
        self.written.latest()
    }

    /// The rollups that are copied.
    pub(super) fn end(&mut self) -> Sheets {
        self.written.end(&self.rack)
    }
}
