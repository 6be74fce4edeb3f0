//! What the page of architectures is asked for, and which subjects that leaves.

use std::collections::BTreeMap;

use benchrack_dashboards::view::{Axes, BudgetLine, Dimension};
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::model::Precision;
use benchrack_protocol::session::{Cores, Frequency};
use serde::Deserialize;

use super::super::subjects::Subject;
use super::super::{Limit, chosen};

/// With more rows than this less is shown, unless it is asked for, see [`narrow`]: the page stays small enough for a phone.
pub(super) const MOST_ROWS: usize = 80;

/// What is chosen in the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    #[serde(deserialize_with = "asked")]
    pub(super) device: Option<Asked>,
    /// The newest revisions of this one, instead of the newest of each model.
    #[serde(deserialize_with = "chosen")]
    pub(super) model: Option<String>,
    #[serde(deserialize_with = "chosen")]
    pub(super) precision: Option<Precision>,
    #[serde(deserialize_with = "chosen")]
    pub(super) threads: Option<u16>,
    #[serde(deserialize_with = "chosen")]
    pub(super) engine: Option<String>,
    #[serde(deserialize_with = "chosen")]
    pub(super) cores: Option<Cores>,
    #[serde(deserialize_with = "chosen")]
    pub(super) frequency: Option<Frequency>,
    #[serde(deserialize_with = "chosen")]
    pub(super) base: Option<String>,
    #[serde(deserialize_with = "chosen")]
    pub(super) y: Option<Dimension>,
    #[serde(deserialize_with = "chosen")]
    pub(super) x: Option<Dimension>,
    #[serde(deserialize_with = "chosen")]
    pub(super) p90_ms: Option<Limit>,
    #[serde(deserialize_with = "chosen")]
    pub(super) size_mb: Option<Limit>,
    #[serde(deserialize_with = "chosen")]
    pub(super) memory_mb: Option<Limit>,
    #[serde(deserialize_with = "chosen")]
    pub(super) energy_mj: Option<Limit>,
}

impl Choice {
    /// Two figures to draw against each other, when either is chosen.
    pub(super) fn axes(&self) -> Option<Axes> {
        let either = self.x.is_some() || self.y.is_some();
        either.then(|| Axes { y: self.y.unwrap_or(Axes::SIZE.y), x: self.x.unwrap_or(Axes::SIZE.x) })
    }

    pub(super) fn budgets(&self) -> Vec<BudgetLine> {
        let limit = |line: BudgetLine| BudgetLine {
            limit: match line.field {
                "p90_ms" => self.p90_ms,
                "size_mb" => self.size_mb,
                "memory_mb" => self.memory_mb,
                "energy_mj" => self.energy_mj,
                _ => None,
            }
            .map(|limit| limit.0),
            ..line
        };
        BudgetLine::NONE.map(limit).into()
    }
}

/// Which devices are asked for; in the query, `device=` asks for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    One(DeviceId),
}

fn asked<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Asked>, D::Error> {
    let id = Option::<String>::deserialize(deserializer)?;
    let ask = |text: String| if text.is_empty() { Ok(Asked::All) } else { text.parse().map(Asked::One) };
    id.map(ask).transpose().map_err(serde::de::Error::custom)
}

/// The choice as it is stored in columns.
pub(super) struct Filter<'a> {
    pub(super) precision: Option<String>,
    pub(super) threads: Option<i32>,
    pub(super) engine: Option<&'a str>,
    pub(super) cores: Option<String>,
    pub(super) frequency: Option<String>,
}

impl<'a> Filter<'a> {
    pub(super) fn new(choice: &'a Choice) -> Self {
        Self {
            precision: choice.precision.map(|precision| precision.to_string()),
            threads: choice.threads.map(i32::from),
            engine: choice.engine.as_deref(),
            cores: choice.cores.as_ref().map(ToString::to_string),
            frequency: choice.frequency.map(|frequency| frequency.to_string()),
        }
    }

    pub(super) fn takes(&self, subject: &Subject) -> bool {
        fn fits<T: PartialEq + ?Sized>(wanted: Option<&T>, value: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == value)
        }
        fits(self.precision.as_deref(), subject.precision.as_str())
            && fits(self.threads.as_ref(), &subject.threads)
            && fits(self.engine, subject.engine.as_str())
            && fits(self.cores.as_deref(), subject.cores.as_str())
            && fits(self.frequency.as_deref(), subject.frequency.as_str())
    }
}

/// Leaves out what is least missed of too many rows: all operating points but the one with the most rows, where none was
/// chosen, and then older builds of engines.
pub(super) fn narrow(fitting: &mut Vec<&Subject>, filter: &mut Filter<'_>) {
    if fitting.len() > MOST_ROWS && filter.cores.is_none() && filter.frequency.is_none() {
        let mut rows: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for subject in fitting.iter() {
            *rows.entry((&subject.cores, &subject.frequency)).or_default() += 1;
        }
        if let Some(((cores, frequency), _)) = rows.into_iter().max_by_key(|(_, rows)| *rows) {
            (filter.cores, filter.frequency) = (Some(cores.to_owned()), Some(frequency.to_owned()));
            fitting.retain(|subject| filter.takes(subject));
        }
    }
    if fitting.len() > MOST_ROWS {
        fn all_but_build(subject: &Subject) -> (i64, i32, [&str; 5], Option<&str>) {
            let Subject { device_id, model_name, precision, engine, threads, cores, frequency, revision, .. } = subject;
            (*device_id, *threads, [model_name, precision, engine, cores, frequency], revision.as_deref())
        }
        let mut newest: BTreeMap<_, i64> = BTreeMap::new();
        for subject in fitting.iter() {
            let run = newest.entry(all_but_build(subject)).or_default();
            *run = subject.run_id.max(*run);
        }
        fitting.retain(|subject| newest.get(&all_but_build(subject)) == Some(&subject.run_id));
    }
}
