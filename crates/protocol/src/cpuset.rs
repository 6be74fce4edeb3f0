//! A set of CPU numbers in the kernel's list form, `0-3,6` (Documentation/admin-guide/cputopology.rst).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// CPU numbers; text and JSON form `0-3,6`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CpuSet(BTreeSet<u32>);

/// No kernel of today numbers a CPU higher; a bound keeps `0-4294967295` from filling the memory.
const MAX_CPU: u32 = 8191;

/// The text is not a CPU list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{text}' is not a CPU list such as 0-3,6 (numbers up to {MAX_CPU})")]
pub struct InvalidCpuSet {
    text: String,
}

impl CpuSet {
    /// Whether this CPU is in the set.
    pub fn contains(&self, cpu: u32) -> bool {
        self.0.contains(&cpu)
    }

    /// Number of CPUs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no CPU in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// Whether each of these CPUs is in the other set.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Adds a CPU.
    pub fn insert(&mut self, cpu: u32) {
        self.0.insert(cpu);
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> Self {
        Self(cpus.into_iter().collect())
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for cpu in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                _ => ranges.push((cpu, cpu)),
            }
        }
        for (nth, (first, last)) in ranges.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for CpuSet {
    type Err = InvalidCpuSet;

    /// Accepts the kernel's list form with white space around it; an empty text is the empty set (all CPUs online
    /// leaves `offline` empty).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidCpuSet { text: text.trim().chars().take(80).collect() };
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|&cpu| cpu <= MAX_CPU).ok_or_else(invalid);
        let mut cpus = BTreeSet::new();
        for part in text.trim().split([',', ' ']).filter(|part| !part.is_empty()) {
            match part.split_once('-') {
                None => {
                    cpus.insert(number(part)?);
                }
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last {
                        return Err(invalid());
                    }
                    cpus.extend(first..=last);
                }
            }
        }
        Ok(Self(cpus))
    }
}

impl Serialize for CpuSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CpuSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kernel_lists_are_read_and_nonsense_is_refused() {
        assert_eq!("0-3,6\n".parse::<CpuSet>().unwrap(), CpuSet::from_iter([0, 1, 2, 3, 6]));
        assert!("".parse::<CpuSet>().unwrap().is_empty());
        for wrong in ["3-1", "a", "0-", "0-4294967295", "-1"] {
            assert!(wrong.parse::<CpuSet>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(cpus in proptest::collection::btree_set(0u32..300, 0..40)) {
            let set = CpuSet(cpus);
            prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set);
        }
    }
}
