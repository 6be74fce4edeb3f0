//! What a charger that comes or goes tells of the sign.
//!
//! A battery alone only gives: while the device discharges, the current flows out. Beside that, current of the other
//! sign with a charger flows in. A device that draws more than its charger gives drains in both cases, which then have
//! the same sign and tell nothing; so does a gauge without a sign. Where charging was switched off on the cable, the
//! battery rests near zero, and the large current before it was the charging.

use super::{MICRO, Moment, Series, Status, Vote};

/// A current below this is noise of a gauge, µA.
const LEAST: f64 = 50_000.0;
/// A battery that a charger fills takes more than this, µA.
const LEAST_CHARGING: f64 = 300_000.0;

/// A vote on the sign.
pub(super) fn vote(series: &Series, unit: Option<i64>) -> Option<Vote> {
    // Where the unit is open, the smaller reading of the counts must suffice.
    let unit = unit.unwrap_or(MICRO) as f64;
    let charging: Vec<f64> = currents(series, charging);
    let alone: Vec<f64> = currents(series, alone);
    let held: Vec<f64> = currents(series, held);
    let (with, without) = (mean(&charging)?, mean(&alone));
    let vote = |why: &str| Some(Vote { unit: None, sign: Some(if with > 0.0 { 1 } else { -1 }), why: why.into() });
    if let Some(without) = without
        && with * without < 0.0
        && with.abs() * unit >= LEAST
        && alone.iter().all(|current| current * without > 0.0 && current.abs() * unit >= LEAST)
    {
        return vote("the current turns its sign with the charger");
    }
    let steady = charging.iter().all(|current| current * with > 0.0);
    let rests = mean(&held).is_some_and(|_| held.len() >= 2 && held.iter().all(|current| current.abs() <= with.abs() * 0.1));
    if steady && rests && charging.len() >= 2 && with.abs() * unit >= LEAST_CHARGING {
        return vote("the current falls to nothing when charging is switched off on the cable");
    }
    None
}

fn currents(series: &Series, wanted: fn(&Moment) -> bool) -> Vec<f64> {
    series.moments.iter().filter(|moment| wanted(moment)).filter_map(|moment| moment.raw).map(|raw| raw as f64).collect()
}

fn charging(moment: &Moment) -> bool {
    moment.status == Some(Status::Charging) && moment.charger != Some(false)
}

fn alone(moment: &Moment) -> bool {
    moment.status == Some(Status::Discharging) && moment.charger != Some(true)
}

fn held(moment: &Moment) -> bool {
    moment.status == Some(Status::NotCharging) && moment.charger != Some(false)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
