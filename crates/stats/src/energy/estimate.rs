//! From readings to joules per inference.

use crate::distributions::student_quantile_above;
use crate::interval::{Confidence, Interval};

/// How a meter counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meter {
    /// Whether readings are joules used since some start; watts otherwise.
    pub counts: bool,
    /// Seconds between two new values.
    pub period: f64,
    /// Least difference between two readings, in their unit.
    pub step: f64,
    /// Seconds by which a counter's update may have been seen late.
    pub timing: f64,
    /// Seconds after a change of power until readings tell all of it.
    pub response: f64,
}

/// A stretch of rest, or of inferences in a loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Start and end.
    pub span: (f64, f64),
    /// Time and value of each reading, in order of time.
    pub readings: Vec<(f64, f64)>,
    /// End of each batch of inferences, and how many; none at rest.
    pub work: Vec<(f64, u32)>,
}

/// A stretch in plain numbers: span, readings, work.
pub type StretchNumbers = ((f64, f64), Vec<(f64, f64)>, Vec<(f64, u32)>);

/// [`estimate`] of a run in plain numbers, in which reports give it: whether the meter counts, its period, step, timing and
/// response, then rests and loops.
///
/// # Errors
/// As [`estimate`].
pub fn estimate_numbers(
    ((counts, [period, step, timing, response]), rests, loops): ((bool, [f64; 4]), Vec<StretchNumbers>, Vec<StretchNumbers>),
    confidence: Confidence,
) -> Result<EnergyEstimate, EnergyError> {
    let meter = Meter { counts, period, step, timing, response };
    let stretches = |all: Vec<StretchNumbers>| {
        all.into_iter().map(|(span, readings, work)| Stretch { span, readings, work }).collect::<Vec<_>>()
    };
    estimate(&meter, &stretches(rests), &stretches(loops), confidence)
}

/// What the inferences of a subject cost.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyEstimate {
    /// Joules that one inference adds to the device at rest.
    pub per_inference: Interval,
    /// Watts of all that the meter sees while inferences run.
    pub power: Interval,
    /// Watts of the same at rest.
    pub rest: f64,
    /// Inferences in the windows.
    pub inferences: f64,
    /// The windows of the loops: energy and inferences of exactly these times were compared.
    pub windows: Vec<(f64, f64)>,
}

impl EnergyEstimate {
    /// Half of the interval as a share of the energy.
    pub fn width(&self) -> f64 {
        (self.per_inference.high - self.per_inference.low) / 2.0 / self.per_inference.value
    }
}

/// No energy can be told.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EnergyError {
    /// Rest or loop is missing.
    #[error("both a rest and a loop are needed")]
    Missing,
    /// A reading or a time is no number, or times go backwards.
    #[error("the readings are not in order of time, or no numbers")]
    Unordered,
    /// Too little was read.
    #[error(
        "the meter gave {updates} new values in {seconds:.1} s that can be used, at least {} stretches of {batch:.1} s are needed",
        MIN_BATCHES
    )]
    TooShort {
        /// Usable updates.
        updates: usize,
        /// Usable time.
        seconds: f64,
        /// Seconds of one batch.
        batch: f64,
    },
    /// No inference ended within the windows.
    #[error("no inferences within the measured time")]
    NoInferences,
    /// The interval of the difference reaches zero.
    #[error("{load:.3} W in the loop against {rest:.3} W at rest: within ± {error:.3} W that is no difference")]
    NotAboveRest {
        /// Power in the loop.
        load: f64,
        /// Power at rest.
        rest: f64,
        /// Half of the difference's interval.
        error: f64,
    },
}

/// Fewest batches of a window; their scatter is known badly enough with so few.
const MIN_BATCHES: usize = 4;
/// More batches would gain little: the factor of the interval is 2.2 with six degrees of freedom and 2.0 with many.
const MOST_BATCHES: usize = 16;
/// Shortest batch in periods of the meter.
const BATCH_PERIODS: f64 = 2.0;
/// Shortest batch in seconds: others on a device work in bursts of about a second, which must not fall into two batches as
/// if they were independent.
const SHORTEST_BATCH: f64 = 2.0;
/// Scatter of readings in steps from which the step's error averages out. A step of its own adds 1/√12 to half a step.
const DITHERED: f64 = 0.6;

/// The energy of one inference and the power, from stretches of rest and of loops of one subject.
///
/// # Errors
/// When there is too little to tell, or when load and rest cannot be told apart.
pub fn estimate(
    meter: &Meter,
    rests: &[Stretch],
    loops: &[Stretch],
    confidence: Confidence,
) -> Result<EnergyEstimate, EnergyError> {
    let levels = |stretches: &[Stretch]| stretches.iter().map(|stretch| Level::of(meter, stretch)).collect::<Result<Vec<_>, _>>();
    let (rest, load) = (levels(rests)?, levels(loops)?);
    let (Some(rest), Some(load)) = (Rest::of(&rest), Load::of(&load)) else { return Err(EnergyError::Missing) };
    let windows: Vec<(f64, f64)> = load.windows.clone();
    let inferences: f64 = loops.iter().zip(&windows).map(|(stretch, window)| inferences(stretch, *window)).sum();
    if inferences <= 0.0 {
        return Err(EnergyError::NoInferences);
    }
    let bound = if meter.counts {
        load.bound + rest.bound
    } else if load.dithered && rest.dithered {
        0.0
    } else {
        meter.step
    };
    let net = load.power - rest.power;
    let scatter = t_times(&[load.scatter, rest.scatter], confidence);
    let error = scatter + rest.moved + bound;
    if net - error <= 0.0 {
        return Err(EnergyError::NotAboveRest { load: load.power, rest: rest.power, error });
    }
    let each = load.seconds / inferences;
    let power_error = t_times(&[load.scatter], confidence) + load.bound;
    let interval =
        |value: f64, error: f64| Interval { value, low: value - error, high: value + error, confidence: confidence.level() };
    Ok(EnergyEstimate {
        per_inference: interval(net * each, error * each),
        power: interval(load.power, power_error),
        rest: rest.power,
        inferences,
        windows,
    })
}

/// Variance of a mean and how well it is known.
#[derive(Debug, Clone, Copy)]
struct Scatter {
    variance: f64,
    degrees: f64,
}

/// Half of the interval that these variances leave together: Student's t with Welch and Satterthwaite's degrees.
fn t_times(scatters: &[Scatter], confidence: Confidence) -> f64 {
    let together = sum(scatters);
    if together.variance == 0.0 {
        return 0.0;
    }
    let degrees = (together.degrees.floor() as usize).max(1);
    student_quantile_above(confidence.tail(), degrees) * together.variance.sqrt()
}

fn sum(scatters: &[Scatter]) -> Scatter {
    let variance: f64 = scatters.iter().map(|scatter| scatter.variance).sum();
    let squares: f64 = scatters.iter().map(|scatter| scatter.variance.powi(2) / scatter.degrees).sum();
    Scatter { variance, degrees: if squares > 0.0 { variance.powi(2) / squares } else { 1.0 } }
}

/// Mean power of one stretch.
#[derive(Debug, Clone, Copy)]
struct Level {
    power: f64,
    scatter: Scatter,
    window: (f64, f64),
    /// Largest error of the mean power by the meter's step and timing.
    bound: f64,
    /// Whether readings scatter enough for the step's error to average out.
    dithered: bool,
}

impl Level {
    fn of(meter: &Meter, stretch: &Stretch) -> Result<Self, EnergyError> {
        let finite = stretch.readings.iter().all(|(at, value)| at.is_finite() && value.is_finite());
        let ordered = stretch.readings.iter().zip(stretch.readings.iter().skip(1)).all(|((a, _), (b, _))| a <= b);
        if !finite || !ordered {
            return Err(EnergyError::Unordered);
        }
        let pieces = pieces(meter, stretch);
        let batch = (BATCH_PERIODS * meter.period).max(meter.response).max(SHORTEST_BATCH);
        let short = |seconds| EnergyError::TooShort { updates: pieces.len(), seconds, batch };
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Err(short(0.0)) };
        let window = (first.from, last.to);
        let seconds = window.1 - window.0;
        let most = ((seconds / batch).floor().max(0.0) as usize).min(MOST_BATCHES).min(pieces.len());
        let powers = batches(&pieces, window, most);
        if powers.len() < MIN_BATCHES {
            return Err(short(seconds));
        }
        let power = pieces.iter().map(|piece| piece.joules).sum::<f64>() / seconds;
        let count = powers.len() as f64;
        let scatter =
            Scatter { variance: successive(&powers) / count, degrees: 2.0 * (count - 1.0).powi(2) / (3.0 * count - 4.0) };
        let each: Vec<f64> = pieces.iter().map(Piece::power).collect();
        Ok(Self {
            power,
            scatter,
            window,
            bound: if meter.counts { (meter.step + power.abs() * meter.timing) / seconds } else { meter.step },
            dithered: successive(&each).sqrt() >= DITHERED * meter.step,
        })
    }
}

/// Half of the mean square of successive differences: the variance of one value without slow drift.
fn successive(values: &[f64]) -> f64 {
    let squares: f64 = values.iter().zip(values.iter().skip(1)).map(|(a, b)| (b - a).powi(2)).sum();
    squares / (2.0 * values.len().saturating_sub(1).max(1) as f64)
}

/// Energy between two updates.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: f64,
    to: f64,
    joules: f64,
}

impl Piece {
    fn power(&self) -> f64 {
        self.joules / (self.to - self.from)
    }
}

/// What lies between the usable updates of a stretch.
fn pieces(meter: &Meter, stretch: &Stretch) -> Vec<Piece> {
    let (begin, end) = (stretch.span.0 + meter.response, stretch.span.1);
    let mut updates: Vec<(f64, f64)> = Vec::new();
    let mut before: Option<f64> = None;
    for &(at, value) in &stretch.readings {
        // A counter that repeats its value has no update there. The first reading of all tells no update either.
        let is_update = if meter.counts { before.is_some_and(|before| before != value) } else { true };
        before = Some(value);
        if is_update && at >= begin && at <= end && updates.last().is_none_or(|(last, _)| at > *last) {
            updates.push((at, value));
        }
    }
    let piece = |((from, before), (to, after)): (&(f64, f64), &(f64, f64))| Piece {
        from: *from,
        to: *to,
        joules: if meter.counts { after - before } else { after * (to - from) },
    };
    updates.iter().zip(updates.iter().skip(1)).map(piece).collect()
}

/// Mean powers of up to `most` stretches of the window of about the same length; those without an update are left out.
fn batches(pieces: &[Piece], window: (f64, f64), most: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); most];
    for piece in pieces {
        let middle = ((piece.from + piece.to) / 2.0 - window.0) / (window.1 - window.0);
        if let Some((joules, seconds)) = sums.get_mut(((middle * most as f64) as usize).min(most.saturating_sub(1))) {
            *joules += piece.joules;
            *seconds += piece.to - piece.from;
        }
    }
    sums.into_iter().filter(|(_, seconds)| *seconds > 0.0).map(|(joules, seconds)| joules / seconds).collect()
}

/// All loops of a subject together.
struct Load {
    power: f64,
    seconds: f64,
    scatter: Scatter,
    bound: f64,
    dithered: bool,
    windows: Vec<(f64, f64)>,
}

impl Load {
    fn of(levels: &[Level]) -> Option<Self> {
        let windows: Vec<(f64, f64)> = levels.iter().map(|level| level.window).collect();
        let seconds: f64 = windows.iter().map(|(from, to)| to - from).sum();
        let share = |level: &Level| (level.window.1 - level.window.0) / seconds;
        let scatters: Vec<Scatter> = levels
            .iter()
            .map(|level| Scatter { variance: level.scatter.variance * share(level).powi(2), ..level.scatter })
            .collect();
        (!levels.is_empty()).then(|| Self {
            power: levels.iter().map(|level| level.power * share(level)).sum(),
            seconds,
            scatter: sum(&scatters),
            bound: levels.iter().map(|level| level.bound * share(level)).sum(),
            dithered: levels.iter().all(|level| level.dithered),
            windows,
        })
    }
}

/// All stretches of rest together.
struct Rest {
    power: f64,
    moved: f64,
    scatter: Scatter,
    bound: f64,
    dithered: bool,
}

impl Rest {
    fn of(levels: &[Level]) -> Option<Self> {
        let powers = || levels.iter().map(|level| level.power);
        let first = levels.first()?.power;
        // The truth may lie at one end of the range, which only one stretch tells: its scatter counts whole.
        let scatter = levels.iter().map(|level| level.scatter).max_by(|a, b| a.variance.total_cmp(&b.variance))?;
        Some(Self {
            power: first,
            moved: powers().map(|power| (power - first).abs()).fold(0.0, f64::max),
            scatter,
            bound: levels.iter().map(|level| level.bound).fold(0.0, f64::max),
            dithered: levels.iter().all(|level| level.dithered),
        })
    }
}

/// Inferences of a loop within a window; those of a batch are spread evenly over it.
fn inferences(stretch: &Stretch, window: (f64, f64)) -> f64 {
    let mut from = stretch.span.0;
    let mut all = 0.0;
    for &(to, count) in &stretch.work {
        let inside = (to.min(window.1) - from.max(window.0)).max(0.0);
        if to > from {
            all += f64::from(count) * inside / (to - from);
        }
        from = to;
    }
    all
}
