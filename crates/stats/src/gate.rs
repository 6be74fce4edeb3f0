//! May the candidate ship? The question and the answers: slower, not slower, or inconclusive.
//!
//! The question is non-inferiority: is the slow-down above the tolerance or below it? No difference found is never taken
//! for no difference. [`crate::sequential`] asks it after every pair, [`crate::family`] over devices and metrics.

use std::fmt;

/// What is judged and how surely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    pub(crate) tolerance: f64,
    pub(crate) alpha: f64,
    pub(crate) at_least: usize,
}

/// These rules judge nothing.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum RulesError {
    /// The tolerance is no share.
    #[error("tolerance {0} is not a share from 0 to 10: 0.02 accepts 2 % slower")]
    Tolerance(f64),
    /// Alpha is no small chance.
    #[error("alpha {0} is not a chance above 0 and below 0.5: 0.01 accepts one false alarm in a hundred")]
    Alpha(f64),
    /// No device would be needed.
    #[error("a gate needs a verdict of at least 1 device, not of 0")]
    AtLeast,
}

impl Rules {
    /// Rules of a gate: the slow-down that is accepted as a share (0.02 is 2 %), the chance of a wrong `slower` over all
    /// devices, and the fewest devices that must have a verdict before the candidate passes.
    ///
    /// # Errors
    /// When a figure is out of range; the message says what is meant.
    pub fn new(tolerance: f64, alpha: f64, at_least: usize) -> Result<Self, RulesError> {
        if !(0.0..=10.0).contains(&tolerance) {
            return Err(RulesError::Tolerance(tolerance));
        }
        if !(alpha > 0.0 && alpha < 0.5) {
            return Err(RulesError::Alpha(alpha));
        }
        if at_least == 0 {
            return Err(RulesError::AtLeast);
        }
        Ok(Self { tolerance, alpha, at_least })
    }

    /// The same rules with another tolerance.
    ///
    /// # Errors
    /// When the tolerance is no share.
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self, RulesError> {
        Self::new(tolerance, self.alpha, self.at_least)
    }

    /// Fewest pairs with which a device can pass; calling it slower takes a few more when several comparisons share alpha.
    pub fn pairs_needed(&self) -> usize {
        crate::sequential::pairs_needed(self.alpha)
    }
}

/// The answer for a device or for the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// The slow-down is above the tolerance.
    Slower,
    /// The slow-down is below the tolerance.
    NotSlower,
    /// Neither is certain.
    Inconclusive(Doubt),
}

/// Why there is no answer. As text: one sentence without a full stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// The device has no valid pair.
    NoPairs,
    /// So few pairs cannot decide at this alpha, whatever they say.
    TooFewPairs {
        /// Pairs there are.
        pairs: usize,
        /// Pairs that can.
        needed: usize,
    },
    /// The interval holds the tolerance.
    Unclear {
        /// Pairs there are.
        pairs: usize,
        /// How many more a session would need to decide with four chances in five, if effect and noise are as they
        /// look now; none when the effect lies so close to the tolerance that no session of reasonable length would.
        more: Option<usize>,
    },
    /// The interval of a figure that no rounds give holds the tolerance.
    Wide,
    /// Nothing is slower, and some devices are in doubt.
    DevicesInDoubt {
        /// How many.
        devices: usize,
    },
    /// Fewer devices than the rules ask for.
    TooFewDevices {
        /// Devices there are.
        judged: usize,
        /// Devices the rules ask for.
        needed: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |count: usize| if count == 1 { "" } else { "s" };
        match *self {
            Self::NoPairs => f.write_str("no round gave a valid block of both, see the runs for the reason"),
            Self::TooFewPairs { pairs, needed } => {
                write!(f, "{pairs} pair{} cannot decide at this alpha, {needed} can: measure longer", s(pairs))
            }
            Self::Unclear { pairs, more: Some(more) } => {
                write!(f, "{pairs} pairs leave it open, {} would probably decide: measure longer", pairs + more)
            }
            Self::Unclear { pairs, more: None } => {
                write!(f, "after {pairs} pairs the effect is too close to the tolerance to be told from it: change the tolerance")
            }
            Self::Wide => f.write_str("its interval holds the tolerance: measure longer or change the tolerance"),
            Self::DevicesInDoubt { devices } => write!(f, "{devices} device{} in doubt, none slower", s(devices)),
            Self::TooFewDevices { judged, needed } => {
                write!(f, "{judged} device{} judged, {needed} needed: choose more devices", s(judged))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_judge_nothing_are_refused_with_what_is_meant() {
        assert!(Rules::new(f64::NAN, 0.01, 1).is_err());
        assert_eq!(Rules::new(-0.01, 0.01, 1), Err(RulesError::Tolerance(-0.01)));
        assert_eq!(Rules::new(0.02, 0.0, 1), Err(RulesError::Alpha(0.0)));
        assert_eq!(Rules::new(0.02, 0.01, 0), Err(RulesError::AtLeast));
    }

    #[test]
    fn a_doubt_says_what_would_end_it() {
        assert_eq!(
            Doubt::Unclear { pairs: 10, more: Some(14) }.to_string(),
            "10 pairs leave it open, 24 would probably decide: measure longer"
        );
        assert_eq!(
            Doubt::TooFewPairs { pairs: 1, needed: 9 }.to_string(),
            "1 pair cannot decide at this alpha, 9 can: measure longer"
        );
    }
}
