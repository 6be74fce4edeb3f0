//! The sensitive detector against the best there can be: a CUSUM that knows the noise.

use crate::optimal::Optimal;
use crate::series::FIVE;
use crate::watched::{STEP, learnt};

#[test]
fn the_delay_is_near_that_of_a_detector_that_knows_the_noise_at_the_same_false_alarms() {
    const RATE: f64 = 0.1;
    for noise in FIVE {
        let learnt = learnt(noise, RATE, 250, 120);
        let best = Optimal::new(noise, STEP).at_rate(learnt.false_rate, 200);
        assert!(learnt.delay <= 1.3 * best.delay, "{noise:?}: {learnt:?}, best {best:?}");
        assert!(learnt.false_rate <= 0.15 && learnt.within_three >= 0.85, "{noise:?}: {learnt:?}");
    }
}
