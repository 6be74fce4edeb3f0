//! Charge that was counted against current over time.
//!
//! The second source beside the slope: between two looks the charge counter moves by the integral of the current, and
//! the level by the same over the battery's capacity. The capacity need be known only roughly, since the units are a
//! factor of thousand apart. The counter's own unit is taken from the capacity that it implies: a phone's battery holds
//! 0.5 to 40 Ah, so counter over level is possible in one of µAh, mAh and nAh only.

use super::{MICRO, MILLI, Moment, Series, Vote};

/// Longer gaps hide what happened in them, s.
const LONGEST_GAP: f64 = 600.0;
/// A charge that moved less than this share of the whole may be one step of its counter.
const LEAST_SHARE: f64 = 0.001;
/// A phone's battery where nothing says its capacity, µAh; within a factor of six of all phones.
const USUAL_CAPACITY: f64 = 4e6;

/// A vote on both, where all intervals agree.
pub(super) fn vote(series: &Series) -> Option<Vote> {
    let counted = intervals(series, |before, after| {
        let scale = counter_scale(before)?;
        let moved = (after.charge? - before.charge?) as f64 * scale;
        (moved.abs() >= LEAST_SHARE * capacity(before)?).then_some((moved, 3.0))
    });
    if let Some(vote) = agreed(&counted, "charge counter") {
        return Some(vote);
    }
    let levels = intervals(series, |before, after| {
        let levels = f64::from(after.level?) - f64::from(before.level?);
        // One level may be a whole one or a hair.
        (levels.abs() >= 2.0).then_some((levels / 100.0 * USUAL_CAPACITY, 8.0))
    });
    agreed(&levels, "level")
}

/// Unit and sign as each usable interval says them: µA into the battery for each count.
fn intervals(series: &Series, moved: impl Fn(&Moment, &Moment) -> Option<(f64, f64)>) -> Vec<(Option<i64>, i64)> {
    let pair = |(before, after): (&Moment, &Moment)| {
        let seconds = after.at?.0.checked_sub(before.at?.0)? as f64 / 1e9;
        let (first, last) = (before.raw? as f64, after.raw? as f64);
        // Within an interval over which the current changed its sign, anything may have happened.
        if !(1.0..=LONGEST_GAP).contains(&seconds) || first * last <= 0.0 {
            return None;
        }
        let (moved, slack) = moved(before, after)?;
        let ratio = moved * 3600.0 / ((first + last) / 2.0 * seconds);
        let unit = [MICRO, MILLI].into_iter().find(|&unit| {
            let off = ratio.abs() / unit as f64;
            (1.0 / slack..=slack).contains(&off)
        });
        Some((unit, if ratio > 0.0 { 1 } else { -1 }))
    };
    series.moments.iter().zip(series.moments.iter().skip(1)).filter_map(pair).collect()
}

fn agreed(intervals: &[(Option<i64>, i64)], what: &str) -> Option<Vote> {
    let (unit, sign) = *intervals.first()?;
    let alike = intervals.iter().all(|interval| *interval == (unit, sign));
    // One interval alone may be a counter that was corrected.
    (alike && unit.is_some() && intervals.len() >= 2).then(|| Vote {
        unit,
        sign: Some(sign),
        why: format!("{what} moves as the current says over {} intervals", intervals.len()),
    })
}

/// Whole charge that the counter implies, in counts.
fn implied(moment: &Moment) -> Option<f64> {
    let level = moment.level.filter(|&level| level >= 10)?;
    Some(moment.charge? as f64 / f64::from(level) * 100.0)
}

/// Microampere-hours for each count of the counter.
fn counter_scale(moment: &Moment) -> Option<f64> {
    let whole = implied(moment)?;
    [1.0, 1e3, 1e-3].into_iter().find(|scale| (0.5e6..=40e6).contains(&(whole * scale)))
}

/// Whole charge, µAh.
fn capacity(moment: &Moment) -> Option<f64> {
    Some(implied(moment)? * counter_scale(moment)?)
}
