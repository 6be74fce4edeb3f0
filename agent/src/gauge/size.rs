//! What the size of a current tells of its unit.
//!
//! The fastest chargers of phones are sold with 240 W, which is below 25 A into a battery of two cells. So a count
//! beyond 30 000 is no milliampere. A phone that feeds itself draws neither 10 A (38 W would melt it) nor, while it is
//! awake to be asked, less than 5 mA: idle with the screen off and the CPU awake takes tens of milliamperes.

use super::{MICRO, MILLI, Series, Status, Vote};

/// No phone battery takes or gives so many milliamperes.
const NEVER_MILLIAMPERES: u64 = 30_000;
/// No phone draws so many milliamperes from its battery.
const NEVER_DRAWN_MILLIAMPERES: u64 = 10_000;
/// No phone that is awake draws so few microamperes from its battery.
const NEVER_DRAWN_MICROAMPERES: u64 = 5_000;

/// Votes on the unit.
pub(super) fn votes(series: &Series) -> Vec<Vote> {
    let mut votes = Vec::new();
    let mut unit = |unit: i64, why: String| votes.push(Vote { unit: Some(unit), sign: None, why });
    if let Some(named) = series.named_unit {
        unit(named, format!("the source names {}", if named == MILLI { "milliamperes" } else { "microamperes" }));
    }
    let size = |moment: &&super::Moment| moment.raw.map(i64::unsigned_abs);
    if let Some(largest) = series.moments.iter().filter_map(|moment| size(&moment)).max()
        && largest >= NEVER_MILLIAMPERES
    {
        unit(MICRO, format!("{largest} cannot be milliamperes"));
    }
    let drawn =
        || series.moments.iter().filter(|moment| moment.status == Some(Status::Discharging)).filter(|m| m.charger != Some(true));
    let sizes: Vec<u64> = drawn().filter_map(|moment| size(&moment)).filter(|&size| size > 0).collect();
    if let Some(largest) =
        sizes.iter().copied().max().filter(|&largest| (NEVER_DRAWN_MILLIAMPERES..NEVER_MILLIAMPERES).contains(&largest))
    {
        unit(MICRO, format!("{largest} milliamperes are drawn by no phone"));
    }
    // Only where it is known that no charger feeds the phone: one that is held at its level reads next to nothing.
    let alone: Vec<u64> = drawn()
        .filter(|moment| moment.charger == Some(false))
        .filter_map(|moment| size(&moment))
        .filter(|&size| size > 0)
        .collect();
    if let Some(largest) = alone
        .iter()
        .copied()
        .max()
        .filter(|&largest| largest > series.resolution.unsigned_abs() && largest <= NEVER_DRAWN_MICROAMPERES)
    {
        unit(MILLI, format!("{largest} microamperes do not feed a phone that is awake"));
    }
    votes
}
