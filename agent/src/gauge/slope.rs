//! The slope of voltage over current: a battery's inner resistance.
//!
//! Lithium cells of phones have 20 to 600 mΩ between their terminals, with ageing, cold and the protection circuit
//! (Documentation/ABI/testing/sysfs-class-power has no such field; figures of cells are those of makers' data sheets and
//! of the captured phones, 30 to 450 mΩ). In the wrong unit the same slope is thousand times too large or too small,
//! and with the wrong sign it is negative, so one line fitted through voltages over currents tells both.
//!
//! Few points lie: a gauge that still holds an old current when the voltage has changed gives any slope. So the fewer
//! points, the larger a change is asked for.

use benchrack_protocol::units::Microvolts;

use super::{MICRO, MILLI, Moment, Series, Vote};

/// Inner resistance of a phone's battery, Ω.
const RESISTANCE: std::ops::RangeInclusive<f64> = 0.02..=0.6;
/// A level that moves further than this per cent moves the voltage without current.
const MOST_LEVELS: u32 = 5;

/// What a number of points must show to be believed.
struct Demand {
    /// Largest minus smallest current, µA.
    current: f64,
    /// Largest minus smallest voltage, µV.
    voltage: f64,
    /// Correlation.
    correlation: f64,
}

fn demand(points: usize, distinct: usize) -> Demand {
    match (points, distinct) {
        // Two states of the load, however often each was seen.
        (_, 0..=2) => Demand { current: 400_000.0, voltage: 60_000.0, correlation: 0.7 },
        (..=3, _) => Demand { current: 200_000.0, voltage: 20_000.0, correlation: 0.95 },
        (4, _) => Demand { current: 200_000.0, voltage: 20_000.0, correlation: 0.85 },
        _ => Demand { current: 200_000.0, voltage: 20_000.0, correlation: 0.7 },
    }
}

/// A vote on the sign, and on the unit where it is not known yet.
pub(super) fn vote(series: &Series, unit: Option<i64>) -> Option<Vote> {
    let levels = || series.moments.iter().filter_map(|moment| moment.level);
    if levels().max().zip(levels().min()).is_some_and(|(high, low)| high - low > MOST_LEVELS) {
        return None;
    }
    let point = |moment: &Moment| Some((moment.raw? as f64, voltage(moment.voltage?)));
    let points: Vec<(f64, f64)> = series.moments.iter().filter_map(point).collect();
    let line = Line::through(&points)?;
    let units = unit.map_or_else(|| vec![MICRO, MILLI], |unit| vec![unit]);
    let mut possible = units.into_iter().filter(|&unit| {
        let demand = demand(points.len(), line.distinct);
        line.currents * unit as f64 >= demand.current
            && line.voltages >= demand.voltage
            && line.correlation.abs() >= demand.correlation
            // Counts that rounding has eaten make no line.
            && line.currents >= 30.0 * series.resolution as f64
            && RESISTANCE.contains(&(line.slope.abs() / unit as f64))
    });
    let (unit, None) = (possible.next()?, possible.next()) else { return None };
    let resistance = line.slope / unit as f64;
    Some(Vote {
        unit: Some(unit),
        sign: Some(if resistance > 0.0 { 1 } else { -1 }),
        why: format!("voltage over current {resistance:+.2} ohm (r {:+.2}, {} points)", line.correlation, points.len()),
    })
}

fn voltage(voltage: Microvolts) -> f64 {
    voltage.0 as f64
}

/// A least-squares line of voltage over current.
struct Line {
    slope: f64,
    correlation: f64,
    /// Largest minus smallest count of current.
    currents: f64,
    /// Largest minus smallest voltage.
    voltages: f64,
    /// Different currents.
    distinct: usize,
}

impl Line {
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / n;
        let (current, voltage) = (mean(|point| point.0), mean(|point| point.1));
        let sum = |product: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| product(x - current, y - voltage)).sum::<f64>();
        let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
        if points.len() < 2 || xx <= 0.0 || yy <= 0.0 {
            return None;
        }
        let span = |part: fn(&(f64, f64)) -> f64| {
            let values = || points.iter().map(part);
            values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
        };
        let mut distinct: Vec<i64> = points.iter().map(|point| point.0 as i64).collect();
        distinct.sort_unstable();
        distinct.dedup();
        Some(Self {
            slope: xy / xx,
            correlation: xy / (xx * yy).sqrt(),
            currents: span(|point| point.0),
            voltages: span(|point| point.1),
            distinct: distinct.len(),
        })
    }
}
