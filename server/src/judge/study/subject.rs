//! The runs of one side of a check, and what each says of a figure.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::SessionId;
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::report::{Measurement, RunReport, SessionReport};
use benchrack_protocol::session::Subject;
use benchrack_protocol::study::{Figure, Side, Study};
use benchrack_protocol::validity::{self, Doubt, Reason};
use benchrack_stats::blocks;
use benchrack_stats::paired::pairs_needed;
use benchrack_stats::{Confidence, Interval, Samples};

use super::super::rounds::{NotCounting, of_run, undisturbed};
use super::super::run::{metrics, nanoseconds};
use super::{StudyEvidence, Unknown};

/// A subject in one session.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) session: SessionId,
    pub(super) report: &'a SessionReport,
    pub(super) place: usize,
}

/// A figure with its interval.
pub(super) fn estimate(value: f64, low: f64, high: f64) -> Estimate {
    Estimate::within(value, low, high)
}

/// `squeezenet-1.1 int8 on tract with 1 thread`.
pub(super) fn name(study: &Study, side: &Side) -> String {
    let threads = match study.threads_of(side) {
        0 => "as many threads as cores".into(),
        1 => "1 thread".into(),
        threads => format!("{threads} threads"),
    };
    format!("{} {} on {} with {threads}", side.model, side.precision, study.engine_of(side))
}

/// Where a side was measured, oldest first; at least once, or why not.
pub(super) fn runs<'a>(study: &Study, side: &Side, evidence: &StudyEvidence<'a>) -> Result<Vec<At<'a>>, Unknown> {
    let found: Vec<At<'a>> = evidence
        .sessions
        .iter()
        .filter_map(|&(session, report)| {
            let is_it = |(place, subject): (usize, &Subject)| matches(study, side, report, place, subject);
            let place = report.spec.subjects.iter().enumerate().position(is_it)?;
            Some(At { session, report, place })
        })
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let name = name(study, side);
    let engine = study.engine_of(side);
    if evidence.engines_left_out.iter().any(|left_out| left_out == engine) {
        let needed = format!("a build of {engine} for this device: `benchrack engines add`");
        return Err(Unknown::new(format!("{name} was not measured: the farm has no build of {engine}"), needed));
    }
    let why = evidence.unmeasured.iter().find(|(title, _)| title.contains(side.model.as_str())).or(evidence.unmeasured.first());
    let detail = match why {
        Some((title, why)) => format!("{name} was not measured: {title}: {why}"),
        None => format!("{name} was not measured"),
    };
    Err(Unknown::new(detail, "a session that measures it: run the study again"))
}

fn matches(study: &Study, side: &Side, report: &SessionReport, place: usize, subject: &Subject) -> bool {
    let (engine, version) = match study.engine_of(side).split_once('@') {
        Some((engine, version)) => (engine, Some(version)),
        None => (study.engine_of(side), None),
    };
    let measured = match report.runs.get(place) {
        Some(RunReport::Measured(measurement)) => Some(measurement),
        _ => None,
    };
    let threads = match study.threads_of(side) {
        0 => report.evidence.as_ref().map_or(0, |evidence| evidence.cpus.len()),
        threads => usize::from(threads),
    };
    subject.manifest.name == side.model
        && subject.manifest.precision == side.precision
        && subject.engine.name == engine
        && version.is_none_or(|version| measured.is_none_or(|run| run.engine.version == version))
        && (usize::from(subject.threads) == threads || (threads == 0 && report.evidence.is_none()))
}

impl At<'_> {
    fn subject(&self) -> Result<&Subject, Unknown> {
        let missing = || Unknown::new("its session does not name it", "a session that measures it: run the study again");
        self.report.spec.subjects.get(self.place).ok_or_else(missing)
    }

    /// A figure that the manifest or the engine's build tells.
    pub(super) fn exact(&self, figure: Figure, evidence: &StudyEvidence<'_>) -> Result<f64, Unknown> {
        let subject = self.subject()?;
        let manifest = &subject.manifest;
        let untold = |needed: &str| Unknown::new(format!("{figure} of {} is not known", manifest.name), needed);
        let value = match figure {
            Figure::Metric(_) => Some(manifest.size.0),
            Figure::Macs => manifest.macs,
            Figure::Parameters => manifest.parameters,
            Figure::Package(packaging) => {
                let packed = manifest.packages.iter().find(|package| package.packaging == packaging);
                let raw = (packaging == Packaging::Raw).then_some(manifest.size.0);
                packed.map(|package| package.size.0).or(raw)
            }
            Figure::EngineSize => {
                let build = subject.engine.build.ok_or_else(|| untold("an engine with a build of its own"))?;
                evidence.engine_sizes.get(&build).map(|size| size.0)
            }
        };
        let value = value.ok_or_else(|| untold("a manifest that tells it, as those of `benchrack zoo build` do"))?;
        if value == 0 { Err(untold("a figure above zero")) } else { Ok(value as f64) }
    }

    /// The run as far as it counts for this figure. What blocks do not show must be without any doubt of the run.
    pub(super) fn counting(&self, figure: Figure) -> Result<Measurement, Unknown> {
        let name = self.subject()?.label.clone();
        let side = (name.as_str(), self.place);
        if is_of_blocks(figure) {
            return undisturbed(self.report, side).map_err(unknown);
        }
        let run = of_run(self.report, side).map_err(unknown)?;
        let Some(session) = &self.report.evidence else {
            return Err(unknown(NotCounting::Other("its session has no evidence".into())));
        };
        let judged = validity::assess(&self.report.spec.operating_point, session, run);
        match judged.reasons().first() {
            None => Ok(run.clone()),
            Some(doubt) => {
                let side = format!("the {name}");
                Err(unknown(NotCounting::InDoubt { side, word: judged.word(), doubt: doubt.clone() }))
            }
        }
    }

    /// This session's one value of a measured figure.
    pub(super) fn value(&self, figure: Figure) -> Result<f64, Unknown> {
        let run = self.counting(figure)?;
        if let Some(loads) = loads(&run, figure) {
            return Ok(loads.median());
        }
        let Figure::Metric(wanted) = figure else { return Err(Unknown::new(format!("{figure} is not measured"), "")) };
        let figures =
            metrics(&run, self.subject()?.manifest.size).map_err(|error| Unknown::new(error.to_string(), MORE_BLOCKS))?;
        let found = figures.iter().find(|(metric, _)| *metric == wanted).map(|(_, estimate)| estimate.value);
        found.ok_or_else(|| Unknown::new(format!("{figure} was not measured"), "an agent and an engine that measure it"))
    }

    /// The interval of a figure that this session alone gives; none for figures that a session gives once.
    fn interval(&self, figure: Figure, confidence: Confidence) -> Option<Result<Interval, Unknown>> {
        let of_blocks = is_of_blocks(figure);
        if !of_blocks && figure.loaded_from().is_none() && figure != Figure::Metric(Metric::Load) {
            return None;
        }
        let run = match self.counting(figure) {
            Ok(run) => run,
            Err(unknown) => return Some(Err(unknown)),
        };
        let (interval, what) = if of_blocks {
            let samples: Vec<Vec<f64>> = run.blocks.iter().map(|block| nanoseconds(&block.samples)).collect();
            let summary = match blocks::summary(&samples, confidence) {
                Ok(summary) => summary,
                Err(error) => return Some(Err(Unknown::new(error.to_string(), MORE_BLOCKS))),
            };
            let interval = match figure {
                Figure::Metric(Metric::LatencyP90) => summary.p90,
                Figure::Metric(Metric::LatencyP99) => summary.p99,
                _ => summary.median,
            };
            (interval, format!("{} blocks", run.blocks.len()))
        } else {
            let loads = loads(&run, figure)?;
            (loads.summary(confidence).median, format!("{} loads", loads.count()))
        };
        if interval.reaches(confidence) {
            return Some(Ok(interval));
        }
        let detail = format!("{what} are too few for an interval of {figure} at the level that this many checks ask for");
        let needed = if of_blocks { MORE_BLOCKS.into() } else { format!("suite.plan.loads = {}", fewest(confidence)) };
        Some(Err(Unknown::new(detail, needed)))
    }
}

const MORE_BLOCKS: &str = "more blocks (suite.plan.blocks)";

/// A figure of one side alone, over all of its sessions, and the sessions that it is from.
pub(super) fn alone(
    runs: &[At<'_>],
    figure: Figure,
    confidence: Confidence,
    evidence: &StudyEvidence<'_>,
) -> Result<(Estimate, Vec<SessionId>), Unknown> {
    if figure.is_exact() {
        let newest = runs.last().ok_or_else(|| Unknown::new("it was not measured", ""))?;
        let value = newest.exact(figure, evidence)?;
        return Ok((estimate(value, value, value), vec![newest.session]));
    }
    let values: Vec<(SessionId, Result<f64, Unknown>)> = runs.iter().map(|at| (at.session, at.value(figure))).collect();
    let good: Vec<(SessionId, f64)> =
        values.iter().filter_map(|(session, value)| Some((*session, *value.as_ref().ok()?))).collect();
    let fewest = fewest(confidence);
    if good.len() >= fewest
        && let Ok(samples) = Samples::new(good.iter().map(|(_, value)| *value).collect())
    {
        let median = samples.summary(confidence).median;
        let sessions = good.iter().map(|(session, _)| *session).collect();
        return Ok((estimate(median.value, median.low, median.high), sessions));
    }
    // The newest session that gives an interval by itself.
    let mut within: Vec<(SessionId, Result<Interval, Unknown>)> = Vec::new();
    for at in runs.iter().rev() {
        if let Some(interval) = at.interval(figure, confidence) {
            within.push((at.session, interval));
        }
    }
    if let Some((session, interval)) = within.iter().find_map(|(session, interval)| Some((session, interval.as_ref().ok()?))) {
        return Ok((estimate(interval.value, interval.low, interval.high), vec![*session]));
    }
    let why = within.into_iter().find_map(|(_, interval)| interval.err());
    let first_doubt = why.or_else(|| values.into_iter().find_map(|(_, value)| value.err()));
    Err(first_doubt.unwrap_or_else(|| {
        let detail = format!("{figure} is one value in a session, and {} sessions that count gave one", good.len());
        Unknown::new(detail, format!("{fewest} sessions (`sessions` of the study)"))
    }))
}

/// Values without which a median has no interval: with all on one side its chance is 2^-n for each tail.
fn fewest(confidence: Confidence) -> usize {
    pairs_needed(confidence.tail())
}

/// Whether blocks show it, and say which of them were disturbed.
pub(super) fn is_of_blocks(figure: Figure) -> bool {
    matches!(figure, Figure::Metric(Metric::Latency | Metric::LatencyP90 | Metric::LatencyP99))
}

/// Times of loading from a packaging, unpacking included, each in a runner of its own and therefore independent.
fn loads(run: &Measurement, figure: Figure) -> Option<Samples> {
    let wanted = figure.loaded_from()?;
    let packaged = run.packaged_loads.iter().find(|packaged| packaged.packaging == wanted)?;
    Samples::new(packaged.loads.iter().map(|load| load.unpack.0 as f64 + load.load.0 as f64).collect()).ok()
}

/// Why a run does not count, and what would make one count.
pub(super) fn unknown(why: NotCounting) -> Unknown {
    let needed = match &why {
        NotCounting::InDoubt { doubt: Doubt { reason, .. }, .. } => match reason {
            Reason::Interference | Reason::NotSettled => "a device that has nothing else to do",
            Reason::Throttled | Reason::Capped => "a cooler device, or a lower clock",
            Reason::Unplugged => "cores that stay online",
            Reason::FrequencyMoved | Reason::PinRefused | Reason::ClockDiffers => "clocks that can be pinned",
            Reason::Misplaced => "cores that the runner can keep",
            Reason::Suspended => "a device that stays awake",
            Reason::Unsteady => "a longer warm-up (suite.plan.max_warmup_time)",
            Reason::OutputsDiffer | Reason::OutputsUnread => "outputs that equal the model's reference",
            Reason::TooFewSamples => MORE_BLOCKS,
            Reason::SummaryOnly => "an engine whose runner gives samples",
        },
        NotCounting::Disturbed { .. } => "a device that has nothing else to do",
        NotCounting::Other(_) => "a run that succeeds",
    };
    Unknown::new(why.to_string(), needed)
}
