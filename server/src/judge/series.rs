//! One series as it grows: what the newest point says. Pure; the state between two points is a value.
//!
//! Two detectors look at each point. The watcher is early and often wrong: its suspicions cost a session and alert
//! nobody. The detector is late and sure: it says where a level changed, in either direction, and after that the watcher
//! learns the new level. A point is divided by what the control measured in the same session, where one rode along.

use benchrack_stats::changepoint::{ChangeKind, Detector, Pushed};
use benchrack_stats::suspicion::{Suspicion, Watch, WatchError, Watcher};
use benchrack_stats::{SampleError, Samples};
use serde::{Deserialize, Serialize};

/// Points that the old build lies before the place where the change seems to be, because that place is uncertain.
const MARGIN: usize = 2;

/// What a point was measured with, beside the subject: none of it is a model's fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Infrastructure {
    /// The agent's build.
    pub agent: String,
    /// The engine's version where it has no build of its own, because it came with the agent.
    pub engine: Option<String>,
}

impl Infrastructure {
    /// What differs, in words; none when nothing does.
    pub fn change_to(&self, other: &Self) -> Option<String> {
        let agent = (self.agent != other.agent).then(|| format!("agent {} to {}", self.agent, other.agent));
        let engine = match (&self.engine, &other.engine) {
            (Some(old), Some(new)) if old != new => Some(format!("built-in engine {old} to {new}")),
            _ => None,
        };
        let changes: Vec<String> = agent.into_iter().chain(engine).collect();
        (!changes.is_empty()).then(|| changes.join(", "))
    }
}

/// One valid point.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPoint {
    /// Value in the metric's unit.
    pub value: f64,
    /// What the control measured in the same session, in the same metric.
    pub control: Option<f64>,
    /// What it was measured with.
    pub infrastructure: Infrastructure,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesRules {
    /// Whether less is worse.
    pub more_is_better: bool,
    /// The step that the watcher looks for, and its rate.
    pub watch: Watch,
    /// The same step, as a share.
    pub step: f64,
}

impl SeriesRules {
    /// Rules that look for this step, as a share, with this rate of false suspicions for each unchanged revision.
    ///
    /// # Errors
    /// When a figure is out of range.
    pub fn new(step: f64, rate: f64) -> Result<Self, WatchError> {
        Ok(Self { more_is_better: false, watch: Watch::new(step, rate)?, step })
    }
}

/// What has been seen of a series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SeriesState {
    watcher: Watcher,
    detector: Detector,
    /// Whether points are divided by the control's.
    normalised: bool,
    /// What the newest point was measured with.
    infrastructure: Infrastructure,
    /// The last change of that: what it was, and how many points back.
    infrastructure_changed: Option<(String, usize)>,
    leak: Leak,
}

/// The present level and the newest points: a rise by small steps shows between them, and nowhere else.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Leak {
    /// The first values of the level.
    first: Vec<f64>,
    /// The newest values since.
    newest: Vec<f64>,
    /// Points back to the first of them all.
    since: usize,
}

impl Leak {
    /// Values on each side: medians of so many scatter by 40 % of what one does (1.25/√10).
    const SIDE: usize = 10;

    /// Takes a value. When the level has risen by at least the share `step`, says where it began, in points back, and the
    /// share; then this is the level.
    fn take(&mut self, value: f64, step: f64) -> Option<(usize, f64)> {
        if !self.first.is_empty() {
            self.since += 1;
        }
        if self.first.len() < Self::SIDE {
            self.first.push(value);
            return None;
        }
        self.newest.push(value);
        if self.newest.len() < Self::SIDE {
            return None;
        }
        let median = |values: &[f64]| Samples::new(values.to_vec()).ok().map(|samples| samples.median());
        let rise = median(&self.newest)? / median(&self.first)? - 1.0;
        let since = self.since;
        if rise >= step {
            *self = Self::default();
        } else {
            self.newest.clear();
        }
        (rise >= step).then_some((since, rise))
    }
}

/// What a point says. Places count points back from the newest, which is 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Perhaps worse since `since`; a build of `good` points back is from before.
    Suspicious {
        /// First point that is worse.
        since: usize,
        /// A point that is certainly from before.
        good: usize,
        /// What else changed within these points, in words.
        infrastructure: Option<String>,
    },
    /// The level changed.
    Changed {
        /// First point of the new level.
        since: usize,
        /// A point that is certainly from before.
        good: usize,
        /// Share of the level before: 0.05 is 5 % more; none from zero.
        change: Option<f64>,
        /// Lower and upper end of its interval.
        interval: Option<(f64, f64)>,
        /// What else changed at this place, in words.
        infrastructure: Option<String>,
    },
    /// It has risen slowly since `good`, by this share.
    Leaked {
        /// The first point of the level.
        good: usize,
        /// Share: 0.05 is 5 % more.
        change: f64,
    },
    /// What it was measured with changed here.
    Infrastructure {
        /// What, in words.
        what: String,
    },
}

impl SeriesState {
    /// A series whose first point this is.
    pub fn begin(rules: &SeriesRules, first: &NewPoint) -> Self {
        Self {
            watcher: Watcher::new(rules.watch),
            detector: Detector::new(),
            normalised: first.control.is_some(),
            infrastructure: first.infrastructure.clone(),
            infrastructure_changed: None,
            leak: Leak::default(),
        }
    }

    /// Forgets the level, because it was confirmed that it changed or because people said to expect it.
    pub fn relearn(&mut self) {
        self.relearn_by(None);
    }

    /// It was confirmed that the level rose by this share within the newest points, after the old build's up to the new one's.
    /// Where too many lie between to know which of them show it, all is forgotten.
    pub fn confirmed(&mut self, share: Option<f64>, points: usize) {
        /// Points between the two builds when the change was seen at once or within three revisions.
        const NEAR: usize = MARGIN + 3;
        self.relearn_by(share.filter(|_| points <= NEAR).map(|share| (share, points.saturating_sub(MARGIN).max(1))));
    }

    fn relearn_by(&mut self, moved: Option<(f64, usize)>) {
        match moved {
            Some((share, newest)) => self.watcher.moved_by(share, newest),
            None => self.watcher.moved(),
        }
        self.leak = Leak::default();
    }

    /// Takes the next valid point. One without a ratio to others, such as zero, is looked at by the detector alone.
    ///
    /// # Errors
    /// When the value is not finite.
    pub fn take(&mut self, rules: &SeriesRules, point: &NewPoint) -> Result<Vec<Said>, SampleError> {
        let value = point.control.map_or(point.value, |control| point.value / control);
        if self.normalised != point.control.is_some() {
            // Ratios and times are no one series: both detectors begin again.
            let begun = Self::begin(rules, point);
            (self.watcher, self.detector, self.normalised) = (begun.watcher, begun.detector, begun.normalised);
            self.leak = Leak::default();
        }
        let pushed = self.detector.push(value)?;
        let mut said = self.see_infrastructure(&point.infrastructure);
        let worse = if rules.more_is_better { 1.0 / value } else { value };
        let suspicion = self.watcher.push(worse);
        let leaked = self.leak.take(worse, rules.step);
        let nearby =
            |within: usize| self.infrastructure_changed.as_ref().filter(|(_, ago)| *ago <= within).map(|(what, _)| what.clone());
        let changed = match pushed {
            Pushed::Changed(change) if change.kind != ChangeKind::Provisional => Some(change),
            _ => None,
        };
        if let Some(change) = &changed {
            let since = (self.detector.seen() - 1).saturating_sub(change.index);
            let (share, interval, good) = (change.relative(), change.relative_interval(), since + 1 + MARGIN);
            said.push(Said::Changed { since, good, change: share, interval, infrastructure: nearby(good) });
        }
        if let Ok(Suspicion::Suspicious { since }) = suspicion {
            let good = since + 1 + MARGIN;
            said.push(Said::Suspicious { since, good, infrastructure: nearby(good) });
        }
        if changed.is_some() {
            self.relearn();
        } else if let Some((good, change)) = leaked {
            said.push(Said::Leaked { good, change });
        }
        Ok(said)
    }

    fn see_infrastructure(&mut self, now: &Infrastructure) -> Vec<Said> {
        if let Some((_, ago)) = &mut self.infrastructure_changed {
            *ago += 1;
        }
        let before = std::mem::replace(&mut self.infrastructure, now.clone());
        let Some(what) = before.change_to(now) else { return Vec::new() };
        self.infrastructure_changed = Some((what.clone(), 0));
        vec![Said::Infrastructure { what }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> SeriesRules {
        SeriesRules::new(0.05, 0.14).unwrap()
    }

    fn point(value: f64, control: Option<f64>, agent: &str) -> NewPoint {
        let infrastructure = Infrastructure { agent: agent.into(), engine: Some("0.23.9".into()) };
        NewPoint { value, control, infrastructure }
    }

    /// Spread of about one per cent around one.
    fn wobble(at: usize) -> f64 {
        1.0 + 0.01 * (((at * 7919) % 101) as f64 / 50.0 - 1.0)
    }

    /// Everything said about points 0 to `count`, with the point's place.
    fn run(count: usize, of: impl Fn(usize) -> NewPoint) -> Vec<(usize, Said)> {
        let mut state = SeriesState::begin(&rules(), &of(0));
        let mut all = Vec::new();
        for at in 0..count {
            // As the server does: nothing is kept but what was stored.
            let stored = serde_json::to_string(&state).unwrap();
            state = serde_json::from_str(&stored).unwrap();
            all.extend(state.take(&rules(), &of(at)).unwrap().into_iter().map(|said| (at, said)));
        }
        all
    }

    #[test]
    fn a_step_is_suspected_at_once_and_named_by_the_detector_later() {
        let said = run(80, |at| point(20.0 * wobble(at) * if at < 60 { 1.0 } else { 1.1 }, None, "1"));
        let suspicious = said.iter().find(|(at, said)| *at >= 60 && matches!(said, Said::Suspicious { .. })).unwrap();
        let (60, Said::Suspicious { since, good, infrastructure: None }) = suspicious else { panic!("{suspicious:?}") };
        assert!(*since <= 2 && *good == since + 3, "{suspicious:?}");
        let changed = said.iter().find_map(|(at, said)| match said {
            Said::Changed { since, change: Some(change), .. } => Some((at - since, *change)),
            _ => None,
        });
        let (at, change) = changed.unwrap();
        assert!(at == 60 && (change - 0.1).abs() < 0.02, "{at} {change}");
    }

    #[test]
    fn a_slow_phone_is_not_a_slow_model_where_a_control_rides_along() {
        let hot = |at: usize| if at < 60 { 1.0 } else { 1.3 };
        let said = run(90, |at| point(20.0 * wobble(at) * hot(at), Some(5.0 * hot(at)), "1"));
        assert!(said.iter().all(|(at, said)| *at < 60 || !matches!(said, Said::Changed { .. })), "{said:?}");
    }

    #[test]
    fn a_new_agent_is_told_with_whatever_changed_then() {
        let said = run(70, |at| {
            let new = at >= 60;
            point(20.0 * wobble(at) * if new { 1.2 } else { 1.0 }, None, if new { "2" } else { "1" })
        });
        assert!(said.contains(&(60, Said::Infrastructure { what: "agent 1 to 2".into() })), "{said:?}");
        let suspicious = said.iter().find(|(at, said)| *at == 60 && matches!(said, Said::Suspicious { .. })).unwrap();
        assert!(matches!(&suspicious.1, Said::Suspicious { infrastructure: Some(what), .. } if what == "agent 1 to 2"));
    }

    #[test]
    fn a_slow_leak_is_said_and_names_where_it_began() {
        // Noise of 3 % and half a per cent more at every second point: no neighbours differ by much.
        let noisy = |at: usize| 1.0 + 3.0 * (wobble(at) - 1.0);
        let said = run(120, |at| point(20.0 * noisy(at) * (1.0 + 0.0025 * at as f64), None, "1"));
        assert!(said.iter().any(|(_, said)| matches!(said, Said::Leaked { .. } | Said::Suspicious { .. })), "{said:?}");
        let mut leak = Leak::default();
        let found = (0..60).find_map(|at| leak.take(20.0 * (1.0 + 0.002 * at as f64), 0.05).map(|rise| (at, rise)));
        let (at, (since, rise)) = found.unwrap();
        assert!(at == since && (0.05..0.08).contains(&rise), "{at} {since} {rise}");
    }

    #[test]
    fn a_drop_to_zero_is_a_change_and_no_error() {
        let said = run(40, |at| point(if at < 30 { 20.0 } else { 0.0 }, None, "1"));
        let change = said.iter().find_map(|(_, said)| match said {
            Said::Changed { change, .. } => Some(*change),
            _ => None,
        });
        assert_eq!(change, Some(Some(-1.0)), "{said:?}");
    }
}
