//! What the farm's tests of itself say of each device.

use std::collections::BTreeMap;

use benchrack_protocol::alert::{Catches, Planted, SelfTest, SelfTestCount, Unchanged};
use benchrack_stats::interval::share_at_most;

/// A slow-down counts as caught when this share of its gates find it.
const CAUGHT: f64 = 0.95;

/// One-sided level of the bounds.
const TAIL: f64 = 0.05;

/// What is known when subjects were measured against themselves, and against some with more work.
pub fn self_test(unchanged: Vec<Planted>, planted: Vec<Planted>) -> SelfTest {
    let most = |count: SelfTestCount| share_at_most(count.slower.into(), count.gates.into(), TAIL);
    let mut all = SelfTestCount::default();
    for SelfTestCount { gates, slower, not_slower, inconclusive } in unchanged.iter().map(|pair| pair.count) {
        all.gates += gates;
        all.slower += slower;
        all.not_slower += not_slower;
        all.inconclusive += inconclusive;
    }
    let by_device = unchanged.into_iter().map(|Planted { device, device_name, baseline: model, count, .. }| Unchanged {
        device,
        device_name,
        model,
        count,
        false_alarms_at_most: most(count),
    });
    SelfTest {
        unchanged: all,
        false_alarms_at_most: most(all),
        unchanged_by_device: by_device.collect(),
        catches: catches(&planted),
        planted,
    }
}

/// The smallest planted slow-down that is caught, for each device and model, in their order.
pub fn catches(planted: &[Planted]) -> Vec<Catches> {
    let mut subjects: BTreeMap<(&str, i64, &str), Vec<&Planted>> = BTreeMap::new();
    for pair in planted {
        subjects.entry((&pair.device_name, pair.device.0, &pair.baseline)).or_default().push(pair);
    }
    let smallest = |mut pairs: Vec<&Planted>| {
        pairs.sort_by(|a, b| b.more_macs.total_cmp(&a.more_macs));
        let first = pairs.first().copied()?;
        let caught = |pair: &&Planted| f64::from(pair.count.slower) >= CAUGHT * f64::from(pair.count.gates);
        let smallest = pairs.into_iter().take_while(caught).last();
        let missed = smallest.map(|pair| (pair.count.gates - pair.count.slower, pair.count.gates));
        Some(Catches {
            device: first.device,
            device_name: first.device_name.clone(),
            baseline: first.baseline.clone(),
            more_macs: smallest.map(|pair| pair.more_macs),
            at_least: missed.and_then(|(missed, gates)| share_at_most(missed.into(), gates.into(), TAIL)).map(|most| 1.0 - most),
        })
    };
    subjects.into_values().filter_map(smallest).collect()
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::alert::SelfTestCount;
    use benchrack_protocol::ids::DeviceId;

    use super::*;

    fn planted(device: i64, more_macs: f64, slower: u32, gates: u32) -> Planted {
        let count = SelfTestCount { gates, slower, not_slower: gates - slower, inconclusive: 0 };
        let (device_name, baseline) = (format!("phone-{device}"), "small".into());
        Planted { device: DeviceId(device), device_name, baseline, candidate: "larger".into(), more_macs, count }
    }

    #[test]
    fn the_smallest_slow_down_counts_below_which_something_was_missed() {
        let all = [
            // Found by chance below one that was missed: that is no promise.
            planted(1, 0.01, 20, 20),
            planted(1, 0.02, 10, 20),
            planted(1, 0.046, 19, 20),
            planted(1, 0.1, 20, 20),
            planted(2, 0.3, 3, 20),
        ];
        let found = catches(&all);
        assert_eq!(found.iter().map(|one| (one.device.0, one.more_macs)).collect::<Vec<_>>(), [(1, Some(0.046)), (2, None)]);
        // One of twenty missed: at most 21.6 % are, with 95 % confidence.
        assert!((found[0].at_least.unwrap() - 0.784).abs() < 1e-3, "{found:?}");
        assert_eq!(catches(&[]), []);
    }
}
