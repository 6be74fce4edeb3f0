//! What a battery's current means on this very device: unit and sign proved by physics, rhythm measured.
//!
//! Drivers print microamperes or milliamperes, and either sign while charging; no file says which, and no list of makers
//! is right for long. What cannot be otherwise decides: a battery's voltage rises with current into it and falls with
//! current out of it, by an inner resistance that all phone batteries share within a factor of thirty, while the two
//! units are a factor of thousand apart ([`slope`]); charge that is counted must equal the current over time
//! ([`drift`]); a charger adds current ([`plug`]); and no phone draws thirty amperes ([`size`]). Each is a [`Vote`];
//! votes that contradict each other leave it unknown.

mod drift;
pub mod live;
mod moment;
mod plug;
mod rhythm;
mod size;
mod slope;
pub mod store;

use benchrack_protocol::gauge::Gauge;
use benchrack_protocol::reading::{Missing, Reading};

pub use moment::{Moment, Series, Status};

/// Microamperes for each count of a driver that prints milliamperes.
const MILLI: i64 = 1000;
/// The same for one that prints microamperes.
const MICRO: i64 = 1;

/// What one piece of evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Vote {
    /// Microamperes for each count, 1 or 1000, if it tells.
    unit: Option<i64>,
    /// +1 where positive counts flow into the battery, -1 where they flow out, if it tells.
    sign: Option<i64>,
    /// What was seen, for people.
    why: String,
}

/// What all evidence together says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calibration {
    /// Microamperes for each count, 1 or 1000.
    pub unit: Result<i64, String>,
    /// +1 where positive counts flow into the battery, else -1.
    pub sign: Result<i64, String>,
    /// What was seen, for people.
    pub basis: String,
}

impl Calibration {
    /// Microamperes into the battery for each count, once unit and sign are both proved.
    pub fn per_count(&self) -> Option<i64> {
        Some(self.unit.as_ref().ok()? * self.sign.as_ref().ok()?)
    }
}

/// Decides unit and sign from all series of one battery's current.
pub fn calibrate(series: &[Series]) -> Calibration {
    let readings = series.iter().flat_map(|series| &series.moments).filter_map(|moment| moment.raw);
    let mut distinct: Vec<i64> = readings.collect();
    distinct.sort_unstable();
    distinct.dedup();
    let empty = match distinct.as_slice() {
        [] => Some("no reading of the current"),
        // A driver that was never asked, or has no gauge, prints nothing else.
        [0] => Some("the current reads 0 at all times: it is not measured, or a log has rounded it away"),
        _ => None,
    };
    if let Some(why) = empty {
        return Calibration { unit: Err(why.into()), sign: Err(why.into()), basis: String::new() };
    }
    let mut votes: Vec<Vote> = series.iter().flat_map(size::votes).collect();
    let unit = agreed(&votes, |vote| vote.unit).ok();
    for series in series {
        votes.extend(slope::vote(series, unit));
        votes.extend(drift::vote(series));
        votes.extend(plug::vote(series, unit));
    }
    let unknown_unit = "milliamperes and microamperes are both possible: the load never changed enough to tell";
    let unknown_sign = match distinct.as_slice() {
        [_] => "one value of the current says nothing of its sign: a second moment under another load would",
        _ => "neither a change of load nor a charger plugged in or out shows which sign is charging",
    };
    Calibration {
        unit: agreed(&votes, |vote| vote.unit).map_err(|why| why.unwrap_or_else(|| unknown_unit.into())),
        sign: agreed(&votes, |vote| vote.sign).map_err(|why| why.unwrap_or_else(|| unknown_sign.into())),
        basis: votes.into_iter().map(|vote| vote.why).collect::<Vec<_>>().join("; "),
    }
}

/// The gauge of a supply: unit, sign, rhythm, or why its current is not proved.
pub fn gauge(supply: &str, series: &[Series]) -> Reading<Gauge> {
    if series.iter().flat_map(|series| &series.moments).all(|moment| moment.raw.is_none()) {
        return Reading::missing(Missing::Absent, format!("{supply}: no reading of the current"));
    }
    let calibration = calibrate(series);
    let (unit, sign) = match (&calibration.unit, &calibration.sign) {
        (Ok(unit), Ok(sign)) => (*unit, *sign),
        (Err(unit), Ok(_)) => return unproved(supply, unit),
        (Ok(_), Err(sign)) => return unproved(supply, sign),
        (Err(unit), Err(sign)) if unit == sign => return unproved(supply, unit),
        (Err(unit), Err(sign)) => return unproved(supply, &format!("{unit}; {sign}")),
    };
    Reading::of(Gauge {
        supply: supply.into(),
        per_count: unit * sign,
        period: rhythm::period(series),
        step: rhythm::step(series, unit),
        basis: calibration.basis,
    })
}

fn unproved(supply: &str, why: &str) -> Reading<Gauge> {
    Reading::missing(Missing::Invalid, format!("{supply}: {why}"))
}

/// What all votes that speak say alike; a contradiction is an error that names both sides, silence one without a text.
fn agreed(votes: &[Vote], part: impl Fn(&Vote) -> Option<i64>) -> Result<i64, Option<String>> {
    let mut speaking = votes.iter().filter_map(|vote| Some((part(vote)?, vote)));
    let Some((value, first)) = speaking.next() else { return Err(None) };
    match speaking.find(|(other, _)| *other != value) {
        None => Ok(value),
        Some((_, other)) => Err(Some(format!("contradiction: {} against {}", first.why, other.why))),
    }
}

#[cfg(test)]
mod tests;
