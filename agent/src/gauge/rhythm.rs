//! How often a gauge has a new value, and how finely: measured from what repeats.

use benchrack_protocol::reading::{Missing, Reading};
use benchrack_protocol::units::{Microamps, Nanos};

use super::Series;

/// Changes that must be seen before a rhythm is told.
const LEAST_CHANGES: usize = 8;
/// Looks that must fall into one period: with fewer, the looks' own rhythm is all that shows.
const LOOKS_PER_PERIOD: u64 = 3;

/// The update period: the time between changes that one change in five undercuts. Longer ones are often two periods in
/// which the value stayed.
pub(super) fn period(series: &[Series]) -> Reading<Nanos> {
    let told: Vec<Reading<Nanos>> = series.iter().map(period_of).collect();
    let first = told.iter().find(|reading| reading.value().is_some()).or(told.first()).cloned();
    first.unwrap_or_else(|| Reading::missing(Missing::Unavailable, "it was never read"))
}

fn period_of(series: &Series) -> Reading<Nanos> {
    let (mut gaps, mut looks) = (Vec::new(), Vec::new());
    let (mut last_look, mut last_value, mut last_change) = (None, None, None);
    for (at, raw) in series.moments.iter().filter_map(|moment| Some((moment.at?.0, moment.raw?))) {
        looks.extend(last_look.and_then(|before| at.checked_sub(before)));
        if last_value.is_some_and(|before| before != raw) {
            gaps.extend(last_change.and_then(|before| at.checked_sub(before)));
            last_change = Some(at);
        }
        (last_look, last_value) = (Some(at), Some(raw));
    }
    gaps.sort_unstable();
    looks.sort_unstable();
    let (Some(&look), true) = (looks.get(looks.len() / 2), gaps.len() >= LEAST_CHANGES) else {
        return Reading::missing(
            Missing::Unavailable,
            format!("seen to change {} times, {LEAST_CHANGES} are needed", gaps.len()),
        );
    };
    let gap = gaps.get(gaps.len() / 5).copied().unwrap_or(0);
    // A coarse gauge often stays where it was, so that its changes are whole periods apart, and not the same number of them.
    let fits = |other: &&u64| {
        let rest = *other % gap.max(1);
        rest.min(gap.saturating_sub(rest)) <= look
    };
    if gaps.iter().filter(fits).count() * 5 < gaps.len() * 4 {
        return Reading::missing(Missing::Unavailable, "it stays where it was too often for its rhythm to show");
    }
    match gap {
        gap if gap >= look.saturating_mul(LOOKS_PER_PERIOD) => Reading::of(Nanos(gap)),
        _ => Reading::missing(Missing::Unavailable, format!("it changes as fast as it was read, every {}", Nanos(look))),
    }
}

/// The least step between two values that were seen, in microamperes.
pub(super) fn step(series: &[Series], unit: i64) -> Reading<Microamps> {
    let exact = series.iter().filter(|series| series.resolution == 1);
    let mut values: Vec<i64> = exact.flat_map(|series| &series.moments).filter_map(|moment| moment.raw).collect();
    values.sort_unstable();
    values.dedup();
    let steps = values.iter().zip(values.iter().skip(1)).filter_map(|(low, high)| high.checked_sub(*low));
    match steps.min().and_then(|step| step.checked_mul(unit)) {
        Some(step) if values.len() > LEAST_CHANGES => Reading::of(Microamps(step)),
        _ => Reading::missing(
            Missing::Unavailable,
            format!("{} different values seen, more than {LEAST_CHANGES} are needed", values.len()),
        ),
    }
}
