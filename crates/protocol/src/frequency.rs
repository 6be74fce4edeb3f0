//! The frequency plan of an operating point: which clock the cores run at.

use std::fmt;
use std::str::FromStr;

use crate::session::CLUSTER_NAMES;
use crate::units::Kilohertz;

/// Which clock the cores run at. Text form: `unpinned`, `min`, `max`, `60%`, `1200 MHz`, `little=min,big=60%`,
/// `fixed-performance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Frequency {
    /// As the governor likes.
    #[default]
    Unpinned,
    /// Lowest operating point.
    Min,
    /// Highest operating point.
    Max,
    /// The operating point nearest to this share of the highest, 1 to 100.
    Percent(u8),
    /// The operating point nearest to this.
    At(Kilohertz),
    /// Another one for each named cluster; clusters that are not named stay as the governor likes.
    Clusters(ClusterPlan),
    /// Android's fixed-performance mode: a clock that the vendor takes for sustainable, chosen by the device. Needs no root.
    FixedPerformance,
}

/// One operating point of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pin {
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The one nearest to this share of the highest, 1 to 100.
    Percent(u8),
    /// The one nearest to this.
    At(Kilohertz),
}

/// Pins of named clusters, at least one, in the order of [`CLUSTER_NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterPlan([Option<Pin>; CLUSTER_NAMES.len()]);

impl Frequency {
    /// Whether any clock is to stand still at a known operating point.
    pub fn is_pinned(self) -> bool {
        !matches!(self, Self::Unpinned | Self::FixedPerformance)
    }

    /// What is asked of the clock of a cluster; none where it stays as it is. A cluster without a name is only reached by
    /// plans that name none.
    pub fn of_cluster(self, name: Option<&str>) -> Option<Pin> {
        match self {
            Self::Unpinned | Self::FixedPerformance => None,
            Self::Min => Some(Pin::Min),
            Self::Max => Some(Pin::Max),
            Self::Percent(share) => Some(Pin::Percent(share)),
            Self::At(frequency) => Some(Pin::At(frequency)),
            Self::Clusters(ClusterPlan(pins)) => {
                let place = CLUSTER_NAMES.iter().position(|known| Some(*known) == name)?;
                pins.get(place).copied().flatten()
            }
        }
    }
}

impl Pin {
    /// The operating point that is meant, by absolute distance; the lower of two that are equally near. None without points.
    pub fn nearest(self, points: &[Kilohertz]) -> Option<Kilohertz> {
        let (lowest, highest) = (*points.iter().min()?, *points.iter().max()?);
        let wanted = match self {
            Self::Min => lowest,
            Self::Max => highest,
            Self::Percent(share) => Kilohertz(highest.0.saturating_mul(u64::from(share)) / 100),
            Self::At(frequency) => frequency,
        };
        points.iter().copied().min_by_key(|point| (point.0.abs_diff(wanted.0), point.0))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Percent(share) => write!(f, "{share}%"),
            Self::At(frequency) => frequency.fmt(f),
        }
    }
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let wrong = || format!("'{text}' is no operating point: min, max, 60% or 1200 MHz");
        match text {
            "min" => return Ok(Self::Min),
            "max" => return Ok(Self::Max),
            _ => {}
        }
        if let Some(share) = text.strip_suffix('%') {
            return share.trim().parse().ok().filter(|share| (1..=100).contains(share)).map(Self::Percent).ok_or_else(wrong);
        }
        let megahertz: f64 = text.strip_suffix("MHz").and_then(|number| number.trim().parse().ok()).ok_or_else(wrong)?;
        if !(megahertz.is_finite() && (1.0..=100_000.0).contains(&megahertz)) {
            return Err(wrong());
        }
        Ok(Self::At(Kilohertz((megahertz * 1000.0).round() as u64)))
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpinned => f.write_str("unpinned"),
            Self::FixedPerformance => f.write_str("fixed-performance"),
            Self::Min => Pin::Min.fmt(f),
            Self::Max => Pin::Max.fmt(f),
            Self::Percent(share) => Pin::Percent(*share).fmt(f),
            Self::At(frequency) => Pin::At(*frequency).fmt(f),
            Self::Clusters(ClusterPlan(pins)) => {
                let named = CLUSTER_NAMES.iter().zip(pins).filter_map(|(name, pin)| Some((name, pin.as_ref()?)));
                for (nth, (name, pin)) in named.enumerate() {
                    write!(f, "{}{name}={pin}", if nth == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for Frequency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let wrong = |why: String| {
            format!(
                "'{text}' is no frequency: unpinned, min, max, 60%, 1200 MHz, one for each cluster such as little=min,big=60%, \
                 or fixed-performance{why}"
            )
        };
        match text {
            "unpinned" => return Ok(Self::Unpinned),
            "fixed-performance" => return Ok(Self::FixedPerformance),
            _ if !text.contains('=') => {
                return match text.parse::<Pin>().map_err(|_| wrong(String::new()))? {
                    Pin::Min => Ok(Self::Min),
                    Pin::Max => Ok(Self::Max),
                    Pin::Percent(share) => Ok(Self::Percent(share)),
                    Pin::At(frequency) => Ok(Self::At(frequency)),
                };
            }
            _ => {}
        }
        let mut pins = [None; CLUSTER_NAMES.len()];
        for part in text.split(',') {
            let (name, pin) = part.split_once('=').ok_or_else(|| wrong(format!("; '{part}' names no cluster")))?;
            let place = CLUSTER_NAMES.iter().position(|known| *known == name.trim());
            let slot = place.and_then(|place| pins.get_mut(place));
            let slot = slot.ok_or_else(|| wrong(format!("; '{}' is no cluster: {}", name.trim(), CLUSTER_NAMES.join(", "))))?;
            if slot.is_some() {
                return Err(wrong(format!("; {} is named twice", name.trim())));
            }
            *slot = Some(pin.parse::<Pin>().map_err(|why| wrong(format!("; {why}")))?);
        }
        Ok(Self::Clusters(ClusterPlan(pins)))
    }
}

crate::text_form::serde_as_text!(Frequency);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_shown_as_they_are_read() {
        for text in ["unpinned", "fixed-performance", "min", "max", "60%", "1200 MHz", "1228.8 MHz", "little=min,big=1200 MHz"] {
            assert_eq!(text.parse::<Frequency>().unwrap().to_string(), text);
        }
        assert_eq!("big=max, little=60%".parse::<Frequency>().unwrap().to_string(), "little=60%,big=max");
    }

    #[test]
    fn a_wrong_plan_is_refused_with_what_is_wrong_in_it() {
        for (text, word) in [
            ("fast", "'fast' is no frequency"),
            ("0%", "no frequency"),
            ("101%", "no frequency"),
            ("NaN MHz", "no frequency"),
            ("huge=min", "'huge' is no cluster"),
            ("big=min,big=max", "big is named twice"),
            ("big=fast", "'fast' is no operating point"),
            ("big=min,60%", "'60%' names no cluster"),
        ] {
            let error = text.parse::<Frequency>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn the_nearest_operating_point_is_taken() {
        let points = [300, 600, 1200].map(Kilohertz);
        for (pin, expected) in [
            (Pin::Min, 300),
            (Pin::Max, 1200),
            (Pin::Percent(60), 600),
            (Pin::Percent(1), 300),
            (Pin::At(Kilohertz(900)), 600),
            (Pin::At(Kilohertz(901)), 1200),
        ] {
            assert_eq!(pin.nearest(&points), Some(Kilohertz(expected)), "{pin:?}");
        }
        assert_eq!(Pin::Max.nearest(&[]), None);
    }

    #[test]
    fn a_plan_for_clusters_leaves_the_others_alone() {
        let plan: Frequency = "little=min,big=60%".parse().unwrap();
        assert_eq!(plan.of_cluster(Some("little")), Some(Pin::Min));
        assert_eq!(plan.of_cluster(Some("mid")), None);
        assert_eq!(plan.of_cluster(None), None);
        assert_eq!(Frequency::Max.of_cluster(None), Some(Pin::Max));
        assert!(plan.is_pinned() && !Frequency::FixedPerformance.is_pinned());
    }
}
