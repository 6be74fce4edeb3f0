//! What a twin's file says of Android and of vendors' files beside the physics.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Android's services, settings and modes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AndroidSpec {
    /// Services that run, as init knows them; what they do is said by layers, if anything is.
    pub services: Vec<String>,
    /// Settings by namespace and key: `system screen_off_timeout`.
    pub settings: BTreeMap<String, String>,
    /// Whether the vendor implements fixed-performance mode: all clocks then stand at about 60 % of their highest.
    pub fixed_performance: bool,
}

/// A file that does not read back as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Path.
    pub path: String,
    /// How it is written and read.
    pub form: FileForm,
    /// What it says at the start.
    pub says: String,
}

/// How a file is written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileForm {
    /// `cpu:kHz` pairs are written for some CPUs and read for all (msm_performance).
    CpuPairs,
    /// A kernel's bool parameter: `1`, `Y`, `0`, `N` are written, `Y` or `N` is read.
    Letter,
    /// 0, 1, 2 are written, `force off`, `force on`, `free` are read (fpsgo).
    Force,
    /// A percentage or `max` is written, a percentage with two decimals is read (uclamp).
    Percent,
}

impl FileForm {
    /// What the file says after a write; none for a value that it refuses.
    pub(crate) fn written(self, now: &str, value: &str) -> Option<String> {
        match self {
            Self::CpuPairs => {
                let pair = |word: &str| {
                    let (cpu, khz) = word.split_once(':')?;
                    Some((cpu.parse::<u32>().ok()?, khz.parse::<u64>().ok()?))
                };
                let mut all: BTreeMap<u32, u64> = now.split_whitespace().filter_map(pair).collect();
                for word in value.split_whitespace() {
                    let (cpu, khz) = pair(word)?;
                    *all.get_mut(&cpu)? = khz;
                }
                Some(all.iter().map(|(cpu, khz)| format!("{cpu}:{khz} ")).collect::<String>().trim_end().to_owned())
            }
            Self::Letter => match value {
                "1" | "Y" | "y" => Some("Y".into()),
                "0" | "N" | "n" => Some("N".into()),
                _ => None,
            },
            Self::Force => value
                .parse::<usize>()
                .ok()
                .and_then(|number| ["force off", "force on", "free"].get(number).copied())
                .map(str::to_owned),
            Self::Percent if value == "max" => Some("max".into()),
            Self::Percent => {
                let share = value.parse::<f64>().ok().filter(|share| (0.0..=100.0).contains(share))?;
                Some(format!("{share:.2}"))
            }
        }
    }
}
