//! Where clocks spent their time: differences of `stats/time_in_state` and `stats/total_trans`.

use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::device::CpufreqPolicy;
use benchrack_protocol::evidence::{ResidencyEvidence, StateTime};
use benchrack_protocol::reading::Reading;

use crate::probe::cpufreq::{time_in_state, transitions};
use crate::sysfs::SysFs;

/// Counters of the policies that clock these CPUs, at one moment.
pub struct Counters<'a>(Vec<PolicyCounters<'a>>);

struct PolicyCounters<'a> {
    policy: &'a CpufreqPolicy,
    times: Reading<Vec<StateTime>>,
    transitions: Reading<u64>,
}

/// Reads the counters.
pub fn counters<'a>(fs: &dyn SysFs, policies: &'a [CpufreqPolicy], cpus: &CpuSet) -> Counters<'a> {
    let relevant = policies.iter().filter(|policy| policy.cpus.iter().any(|cpu| cpus.contains(cpu)));
    let count = |policy: &'a CpufreqPolicy| PolicyCounters {
        policy,
        times: time_in_state(fs, &policy.path),
        transitions: transitions(fs, &policy.path),
    };
    Counters(relevant.map(count).collect())
}

impl Counters<'_> {
    /// What passed until a later moment.
    pub fn until(&self, later: &Self) -> Vec<ResidencyEvidence> {
        let difference = |(before, after): (&PolicyCounters<'_>, &PolicyCounters<'_>)| ResidencyEvidence {
            policy: before.policy.path.clone(),
            cpus: before.policy.cpus.clone(),
            time_in_state: both(&before.times, &after.times, |before, after| passed(before, after)),
            transitions: both(&before.transitions, &after.transitions, |before, after| after.saturating_sub(*before)),
            hardware_max: before.policy.hardware_max.clone(),
        };
        self.0.iter().zip(&later.0).map(difference).collect()
    }
}

fn passed(before: &[StateTime], after: &[StateTime]) -> Vec<StateTime> {
    let earlier =
        |state: &StateTime| before.iter().find(|known| known.frequency == state.frequency).map_or(0, |known| known.ticks);
    let spent = after.iter().map(|state| StateTime { ticks: state.ticks.saturating_sub(earlier(state)), ..*state });
    spent.filter(|state| state.ticks > 0).collect()
}

fn both<T, U>(before: &Reading<T>, after: &Reading<T>, difference: impl FnOnce(&T, &T) -> U) -> Reading<U> {
    match (before, after) {
        (Reading::Value { value: before }, Reading::Value { value: after }) => Reading::of(difference(before, after)),
        (Reading::Missing { missing, detail }, _) | (_, Reading::Missing { missing, detail }) => {
            Reading::missing(*missing, detail.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::units::Kilohertz;

    use super::*;
    use crate::probe::cpufreq::{CPU, policies};
    use crate::sysfs::Captured;

    #[test]
    fn only_states_in_which_time_passed_are_shown() {
        let device = Captured::default();
        let file = |name: &str, text: &str| device.set(&format!("{CPU}/cpufreq/policy0/{name}"), text);
        file("related_cpus", "0-3\n");
        file("stats/time_in_state", "300000 10\n600000 20\n");
        file("stats/total_trans", "5\n");
        let known = policies(&device);
        let cpus: CpuSet = "1".parse().unwrap();
        let before = counters(&device, &known, &cpus);
        file("stats/time_in_state", "300000 10\n600000 120\n");
        file("stats/total_trans", "7\n");
        let evidence = before.until(&counters(&device, &known, &cpus)).remove(0);
        assert_eq!(evidence.time_in_state, Reading::of(vec![StateTime { frequency: Kilohertz(600_000), ticks: 100 }]));
        assert_eq!(evidence.transitions, Reading::of(2));
        assert!(counters(&device, &known, &"7".parse().unwrap()).0.is_empty());
    }
}
