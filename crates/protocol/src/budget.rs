//! Absolute limits: what a model may cost on a class of devices, why, and who answers for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::api::Metric;

/// A file of budgets, `config/budgets.toml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// The budgets; all that fit a model and a device apply.
    #[serde(default)]
    pub budget: Vec<Budget>,
}

impl Budgets {
    /// The first thing wrong, with the number of its entry, from 1.
    ///
    /// # Errors
    /// A metric that does not exist, a limit of another unit, or no reason or owner.
    pub fn check(&self) -> Result<(), String> {
        self.budget.iter().zip(1..).try_for_each(|(budget, nth)| budget.check().map_err(|why| format!("budget {nth}: {why}")))
    }
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// A metric's name.
    pub metric: String,
    /// The most it may be (frame rate and fidelity: the least).
    pub limit: Limit,
    /// Device class, a selector as of a gate; all devices when left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub devices: String,
    /// Model's name, `*` stands for any text; all models when left out.
    #[serde(default = "any", skip_serializing_if = "is_any")]
    pub model: String,
    /// Why it is this much.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
}

fn any() -> String {
    "*".into()
}

fn is_any(model: &String) -> bool {
    model == "*"
}

impl Budget {
    /// Whether more is better, so that the limit is the least.
    pub fn is_least(&self) -> bool {
        Metric::named(&self.metric).is_some_and(Metric::more_is_better)
    }

    /// What is wrong, if anything.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        let unit = match Metric::named(&self.metric) {
            Some(metric) => metric.unit(),
            None => {
                let known: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
                return Err(format!("metric is '{}', known are {}", self.metric, known.join(", ")));
            }
        };
        if self.limit.unit != unit {
            return Err(format!("limit is {}, and {} is measured in {unit}", self.limit, self.metric));
        }
        for (field, text) in [("reason", &self.reason), ("owner", &self.owner)] {
            if text.trim().is_empty() {
                return Err(format!("{field} is empty: a limit that nobody can explain is one that nobody keeps"));
            }
        }
        Ok(())
    }

    /// Whether it is about models of this name.
    pub fn fits_model(&self, name: &str) -> bool {
        fits(&self.model, name)
    }
}

/// Whether a text fits a pattern in which `*` stands for any text, also none.
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

/// A figure with its unit, as people write it: `33 ms`, `120 MB`, `35 dB`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// In `unit`.
    pub value: f64,
    /// The metric's own unit: `ns`, `B`, `fps`, `J`, `W`, `dB`.
    pub unit: &'static str,
    /// As it was written.
    text: String,
}

/// Units that people write, the unit of the metric, and how many of the latter make one of the former.
const UNITS: [(&str, &str, f64); 16] = [
    ("ns", "ns", 1.0),
    ("us", "ns", 1e3),
    ("µs", "ns", 1e3),
    ("ms", "ns", 1e6),
    ("s", "ns", 1e9),
    ("B", "B", 1.0),
    ("kB", "B", 1e3),
    ("MB", "B", 1e6),
    ("GB", "B", 1e9),
    ("fps", "fps", 1.0),
    ("uJ", "J", 1e-6),
    ("mJ", "J", 1e-3),
    ("J", "J", 1.0),
    ("mW", "W", 1e-3),
    ("W", "W", 1.0),
    ("dB", "dB", 1.0),
];

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let known = UNITS.iter().find(|(name, ..)| *name == unit.trim());
        let value = number.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
        match (value, known) {
            (Some(value), Some((_, unit, scale))) => Ok(Self { value: value * scale, unit, text: text.to_owned() }),
            _ => {
                let units: Vec<&str> = UNITS.iter().map(|(name, ..)| *name).collect();
                Err(format!("'{text}' is no limit such as '33 ms': a number above 0 and one of {}", units.join(", ")))
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(metric: &str, limit: &str) -> Budget {
        Budget {
            metric: metric.into(),
            limit: limit.parse().unwrap(),
            devices: String::new(),
            model: super::any(),
            reason: "two frames at 60 Hz".into(),
            owner: "camera".into(),
        }
    }

    #[test]
    fn limits_are_read_with_their_units() {
        for (text, value, unit) in
            [("33 ms", 33e6, "ns"), ("1.5s", 1.5e9, "ns"), ("120 MB", 120e6, "B"), ("30 fps", 30.0, "fps"), ("2 mJ", 2e-3, "J")]
        {
            let limit: Limit = text.parse().unwrap();
            assert_eq!((limit.value, limit.unit, limit.to_string().as_str()), (value, unit, text));
        }
        for wrong in ["", "33", "ms", "-1 ms", "0 ms", "inf ms", "3 parsecs"] {
            assert!(wrong.parse::<Limit>().unwrap_err().contains("33 ms"), "{wrong}");
        }
    }

    #[test]
    fn a_budget_of_another_unit_or_without_a_reason_is_refused_by_its_number() {
        assert_eq!(budget("latency_p90", "33 ms").check(), Ok(()));
        for (metric, limit) in [("fidelity", "30 dB"), ("energy", "2 mJ"), ("power", "1.5 W"), ("frame_rate", "30 fps")] {
            assert_eq!(budget(metric, limit).check(), Ok(()));
        }
        let file = |second| Budgets { budget: vec![budget("latency", "1 ms"), second] };
        let error = file(budget("latency", "3 MB")).check().unwrap_err();
        assert_eq!(error, "budget 2: limit is 3 MB, and latency is measured in ns");
        assert!(file(budget("speed", "3 MB")).check().unwrap_err().contains("'speed', known are latency"));
        let nobody = Budget { owner: " ".into(), ..budget("latency", "1 ms") };
        assert!(file(nobody).check().unwrap_err().starts_with("budget 2: owner is empty"));
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("pixel*", "pixel 8", true),
            ("*8", "pixel 8", true),
            ("p*l*8", "pixel 8", true),
            ("*", "", true),
            ("pixel", "pixel 8", false),
            ("*9", "pixel 8", false),
            ("a*a", "a", false),
            ("**x", "x", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} against {text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_with_holes_fits_itself(parts in prop::collection::vec("[a-c]{0,3}", 1..5), fill in "[a-c]{0,4}") {
            prop_assert!(fits(&parts.join("*"), &parts.join(&fill)));
        }
    }
}
