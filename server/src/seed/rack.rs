//! What stands still in a made-up farm: when what is measured, model revisions, builds of engines, and how fast it all is.

use benchrack_protocol::engine::{BUILT_IN_ENGINE, EngineRef};
use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::model::{ElementType, Fidelity, Manifest, Precision, TensorSpec};
use benchrack_protocol::session::{MeasurePlan, OperatingPoint, SessionSpec, Subject};
use benchrack_protocol::units::Bytes;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::session::{Chance, Trouble};
use super::sweep::Sweep;
use super::{SeedModel, SeedPlan};

/// Name of the second engine.
pub(super) const LIBRARY: &str = "onnxruntime";
/// Subjects of a session, in their order.
pub(super) const VARIANTS: [Variant; 4] = [
    Variant { precision: Precision::Fp32, library: false },
    Variant { precision: Precision::Int8, library: false },
    Variant { precision: Precision::Fp32, library: true },
    Variant { precision: Precision::Int8, library: true },
];
/// Rounds after which a model gets a new revision: a month of nights.
const ROUNDS_OF_REVISION: u64 = 30;
/// Versions of the library over the whole history.
const VERSIONS: u64 = 6;
/// Rounds are at most this far apart; a long history has more of them in the same time.
const EVERY: Duration = Duration::DAY;
/// Nothing is older.
const LONGEST: Duration = Duration::days(3 * 365);
/// From one session of a device to its next.
const SESSION: Duration = Duration::seconds(100);
/// Share of the revisions that are slower.
const SLOWER: f64 = 0.1;
/// Fewest of them: where chance gives a short history less, the newest revisions of its first models are slower.
const FEWEST_SLOWER: usize = 2;
/// Alerts that are younger than this part of the history, or than two weeks of nights, are not triaged yet.
const UNTRIAGED_AFTER: f64 = 0.97;
const UNTRIAGED_ROUNDS: u64 = 14;
/// Part of the history after which one device has aged, and before which systems were older.
const AGED_AFTER: f64 = 0.7;
const UPDATED_AFTER: f64 = 0.55;

/// One subject of a session besides its model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variant {
    pub(super) precision: Precision,
    /// On the library; else on the engine inside the agent.
    pub(super) library: bool,
}

impl Variant {
    pub(super) fn engine(self) -> &'static str {
        if self.library { LIBRARY } else { BUILT_IN_ENGINE }
    }
}

/// A model file in both precisions.
#[derive(Debug)]
pub(super) struct Revision {
    /// Ids and manifests: fp32, then int8.
    pub(super) files: [(i64, Manifest); 2],
    pub(super) name: String,
    pub(super) added_at: OffsetDateTime,
    /// In which precision it is slower than the others, and by which share.
    pub(super) slower: Option<(Precision, f64)>,
}

impl Revision {
    /// The file of a precision and its id.
    pub(super) fn file(&self, precision: Precision) -> (i64, &Manifest) {
        let [fp32, int8] = &self.files;
        let (id, manifest) = if precision == Precision::Int8 { int8 } else { fp32 };
        (*id, manifest)
    }
}

/// When, where and what a session measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// From 0; its id is one more.
    pub(super) number: u64,
    pub(super) round: u64,
    pub(super) device: usize,
    pub(super) model: usize,
    pub(super) at: OffsetDateTime,
    /// Its place among the sweeps; none for a session of the nightly suite.
    pub(super) sweep: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Rack<'a> {
    pub(super) plan: &'a SeedPlan,
    /// Sessions of the nightly suite; the sweeps come before its last round.
    nightly: u64,
    sweeps: Vec<Sweep>,
    pub(super) rounds: u64,
    every: Duration,
    start: OffsetDateTime,
    /// Of each model, oldest first.
    pub(super) revisions: Vec<Vec<Revision>>,
    /// The library's builds with their version, oldest first.
    pub(super) builds: Vec<(ArtifactId, String)>,
}

impl<'a> Rack<'a> {
    pub(super) fn new(plan: &'a SeedPlan) -> Self {
        let sessions = plan.runs.div_ceil(VARIANTS.len() as u64);
        let rounds = sessions.div_ceil(plan.devices.len() as u64 * plan.models.len() as u64);
        let every = EVERY.min(LONGEST / rounds.max(1) as f64);
        let start = plan.until - every * rounds as f64;
        let builds = (0..VERSIONS).map(|version| {
            let version = format!("1.{}.0", 20 + 2 * version);
            (ArtifactId::of(format!("simulated {LIBRARY} {version}").as_bytes()), version)
        });
        let sweeps = Sweep::all(plan.devices.iter().map(|device| &device.report), plan.models.len());
        let builds = builds.collect();
        let mut rack = Self { plan, nightly: sessions, sweeps, rounds, every, start, revisions: Vec::new(), builds };
        let mut id = 0;
        for (nth, model) in plan.models.iter().enumerate() {
            let revisions = (0..=rack.revision_at(nth, rounds.saturating_sub(1))).map(|revision| {
                id += 2;
                rack.revision(nth, model, revision, [id - 1, id])
            });
            let revisions = revisions.collect();
            rack.revisions.push(revisions);
        }
        if rack.revisions.iter().flatten().filter(|revision| revision.slower.is_some()).count() < FEWEST_SLOWER {
            rack.plant();
        }
        rack
    }

    /// Makes the newest revisions of the first models slower.
    fn plant(&mut self) {
        let planted: Vec<_> = (0..FEWEST_SLOWER as u64)
            .zip(&self.revisions)
            .map(|(nth, of_model)| self.slowness(nth, of_model.len().saturating_sub(1) as u64))
            .collect();
        for (of_model, slower) in self.revisions.iter_mut().zip(planted) {
            // The first revision of a model has none before it that it could be slower than.
            if let [_, .., newest] = of_model.as_mut_slice() {
                newest.slower = Some(slower);
            }
        }
    }

    /// In which precision a slower revision is slower, and by which share.
    fn slowness(&self, model: u64, number: u64) -> (Precision, f64) {
        let precision = if self.share("precision", [model, number]) < 0.5 { Precision::Fp32 } else { Precision::Int8 };
        (precision, 0.04 + 0.08 * self.share("by", [model, number]))
    }

    /// A number from 0 to 1 that belongs to these words.
    fn share(&self, what: &str, numbers: [u64; 2]) -> f64 {
        let digest = Sha256::digest(format!("{} {what} {numbers:?}", self.plan.seed));
        let number = digest.iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number as f64 / (1_u64 << 48) as f64
    }

    /// Models do not change on the same day.
    fn revision_at(&self, model: usize, round: u64) -> u64 {
        (round + 7 * model as u64) / ROUNDS_OF_REVISION
    }

    fn revision(&self, nth: usize, model: &SeedModel, number: u64, ids: [i64; 2]) -> Revision {
        let name = format!("r{}", number + 1);
        let manifest = |precision: Precision| {
            let weight = if precision == Precision::Int8 { 1 } else { 4 };
            let artifact = ArtifactId::of(format!("simulated {} {precision} {name}", model.name).as_bytes());
            let tensor =
                |name: &str, shape: &[usize]| TensorSpec { name: name.into(), element: ElementType::F32, shape: shape.into() };
            Manifest {
                family: model.family.clone(),
                inputs: vec![tensor("input", &[1, 3, 224, 224])],
                outputs: vec![tensor("output", &[1, 1000])],
                parameters: Some(model.parameters),
                macs: Some(model.macs),
                opset: 18,
                fidelity: (precision == Precision::Int8).then(|| Fidelity {
                    sqnr_db: 24.0 + 14.0 * self.share("fidelity", [nth as u64, 0]),
                    top1_agreement: 0.95 + 0.045 * self.share("agreement", [nth as u64, 0]),
                    images: 256,
                }),
                origin: "simulated history".into(),
                ..Manifest::of_unknown(&model.name, precision, artifact, Bytes(model.parameters * weight + 40_000 + number * 64))
            }
        };
        let slower = number > 0 && self.share("slower", [nth as u64, number]) < SLOWER;
        let first_round = (number * ROUNDS_OF_REVISION).saturating_sub(7 * nth as u64);
        Revision {
            files: [(ids[0], manifest(Precision::Fp32)), (ids[1], manifest(Precision::Int8))],
            name,
            added_at: self.start + self.every * first_round as f64 - Duration::HOUR,
            slower: slower.then(|| self.slowness(nth as u64, number)),
        }
    }

    /// Sessions in all.
    pub(super) fn sessions(&self) -> u64 {
        self.nightly + self.sweeps.len() as u64
    }

    /// Sessions of a round of the nightly suite.
    fn sessions_of_round(&self) -> u64 {
        self.plan.devices.len() as u64 * self.plan.models.len() as u64
    }

    /// The first session of a sweep: last night's round is the newest of all.
    fn first_sweep(&self) -> u64 {
        self.rounds.saturating_sub(1) * self.sessions_of_round()
    }

    /// The first session that keeps its samples; sweeps all do.
    pub(super) fn first_whole(&self) -> u64 {
        self.nightly.saturating_sub(self.plan.whole / VARIANTS.len() as u64).min(self.first_sweep())
    }

    /// The sweep that a session belongs to.
    pub(super) fn sweep(&self, nth: Option<usize>) -> Option<&Sweep> {
        self.sweeps.get(nth?)
    }

    /// What a session is asked for.
    pub(super) fn point(&self, sweep: Option<usize>) -> OperatingPoint {
        self.sweep(sweep).map(Sweep::point).unwrap_or_default()
    }

    pub(super) fn place(&self, number: u64) -> Place {
        let nth = number.checked_sub(self.first_sweep()).and_then(|nth| usize::try_from(nth).ok());
        if let Some(sweep) = self.sweep(nth) {
            // The last of a device ends when the last night begins.
            let at = self.round_at(self.rounds.saturating_sub(1)) - SESSION * (sweep.of - sweep.nth) as f64;
            let round = self.rounds.saturating_sub(2);
            return Place { number, round, device: sweep.device, model: sweep.model, at, sweep: nth };
        }
        // Nights that come after the sweeps.
        let night = if nth.is_some() { number - self.sweeps.len() as u64 } else { number };
        let (round, slot) = (night / self.sessions_of_round(), night % self.sessions_of_round());
        let devices = self.plan.devices.len() as u64;
        let (model, device) = (slot / devices, slot % devices);
        let at = self.round_at(round) + SESSION * (model + 1) as f64 + Duration::seconds(device as i64);
        Place { number, round, device: device as usize, model: model as usize, at, sweep: None }
    }

    /// When a round was submitted.
    pub(super) fn round_at(&self, round: u64) -> OffsetDateTime {
        self.start + self.every * round as f64
    }

    /// The revision that is measured there, with the one before it.
    pub(super) fn revisions_at(&self, place: Place) -> Option<(&Revision, Option<&Revision>)> {
        let number = usize::try_from(self.revision_at(place.model, place.round)).ok()?;
        let of_model = self.revisions.get(place.model)?;
        Some((of_model.get(number)?, number.checked_sub(1).and_then(|before| of_model.get(before))))
    }

    /// Ids of runs ascend with time.
    pub(super) fn run_id(&self, place: Place, nth: usize) -> i64 {
        i64::try_from(place.number * VARIANTS.len() as u64 + nth as u64 + 1).unwrap_or(i64::MAX)
    }

    /// When a build was added: before the first round that it is measured in.
    pub(super) fn build_added_at(&self, nth: u64) -> OffsetDateTime {
        self.round_at(nth * self.rounds / VERSIONS) - Duration::HOUR
    }

    /// The library's build of that time.
    pub(super) fn build_at(&self, round: u64) -> Option<&(ArtifactId, String)> {
        self.builds.get(usize::try_from(round * VERSIONS / self.rounds.max(1)).ok()?)
    }

    /// What the engine of a variant is asked for by.
    pub(super) fn engine_ref(&self, variant: Variant, round: u64) -> EngineRef {
        match self.build_at(round).filter(|_| variant.library) {
            Some((build, _)) => EngineRef { build: Some(*build), ..EngineRef::named(LIBRARY) },
            None => EngineRef::built_in(),
        }
    }

    /// The system's fingerprint at that time; every other device got an update.
    pub(super) fn system(&self, place: Place) -> (usize, String) {
        let newest =
            self.plan.devices.get(place.device).map(|device| device.report.identity.os_fingerprint.clone()).unwrap_or_default();
        let earlier = place.device % 2 == 1 && self.passed(place.round) < UPDATED_AFTER;
        if earlier { (1, format!("{newest} (earlier)")) } else { (0, newest) }
    }

    /// What goes wrong in a session. Sweeps are measured again until they count. In the last night something goes wrong with
    /// the second model on all devices but one of four, so that there is something to look at.
    pub(super) fn trouble(&self, place: Place, chance: &mut Chance) -> Option<Trouble> {
        let drawn = chance.trouble();
        if place.sweep.is_some() {
            return None;
        }
        let last_night = place.round + 1 == self.rounds && place.model == 1;
        let planted = || Trouble::ALL.get((place.device % 4).checked_sub(1)?).copied();
        if last_night { planted() } else { drawn }
    }

    /// Whether nobody decided yet about what was found in this round.
    pub(super) fn is_untriaged(&self, round: u64) -> bool {
        self.passed(round) >= UNTRIAGED_AFTER || round + UNTRIAGED_ROUNDS >= self.rounds
    }

    fn passed(&self, round: u64) -> f64 {
        round as f64 / self.rounds.max(1) as f64
    }

    /// Whether the revision's slowness shows on this device: one in three has the kernel that got worse.
    pub(super) fn is_slower(&self, revision: &Revision, place: Place, variant: Variant) -> Option<f64> {
        let (precision, share) = revision.slower?;
        // More or less, by the device.
        let change = share * (0.85 + 0.3 * self.share("felt", [place.device as u64, place.model as u64]));
        ((place.device + place.model).is_multiple_of(3) && precision == variant.precision && !variant.library).then_some(change)
    }

    /// Median latency without noise, ns: multiply-adds over the fastest cluster's clock and the engine's multiply-adds in a
    /// clock tick.
    pub(super) fn level(&self, place: Place, variant: Variant, revision: &Revision) -> f64 {
        let (Some(device), Some(model)) = (self.plan.devices.get(place.device), self.plan.models.get(place.model)) else {
            return 1.0;
        };
        let sweep = self.sweep(place.sweep);
        let clocks = device.report.clusters.iter().filter_map(|cluster| cluster.max_freq.value());
        let fastest = clocks.map(|clock| clock.0 as f64 / 1e6).fold(1.2, f64::max);
        let gigahertz = sweep.map_or(fastest, Sweep::gigahertz);
        let per_tick = match (variant.precision, variant.library) {
            (Precision::Int8, true) => 14.0,
            (Precision::Int8, false) => 5.0,
            (_, true) => 6.0,
            (_, false) => 4.0,
        };
        let own = 0.7 + 0.6 * self.share("speed", [place.device as u64, place.model as u64]);
        let aged = if place.device == 2 && self.passed(place.round) >= AGED_AFTER { 1.06 } else { 1.0 };
        let slower = 1.0 + self.is_slower(revision, place, variant).unwrap_or(0.0);
        model.macs as f64 / (gigahertz * per_tick) * own * aged * slower
    }

    /// Run-to-run noise of a device, as a share.
    pub(super) fn noise(&self, device: usize) -> f64 {
        0.004 + 0.02 * self.share("noise", [device as u64, 0])
    }

    /// What the session was asked.
    pub(super) fn spec(&self, place: Place, revision: &Revision) -> SessionSpec {
        let subject = |variant: Variant| {
            let manifest = revision.file(variant.precision).1.clone();
            Subject { label: manifest.name.clone(), manifest, engine: self.engine_ref(variant, place.round), threads: 1 }
        };
        SessionSpec {
            subjects: VARIANTS.map(subject).into(),
            operating_point: self.point(place.sweep),
            plan: MeasurePlan::default(),
        }
    }
}
