//! How a knob's value is written and how it reads back, which is often not the same text.

use serde::{Deserialize, Serialize};

/// Form of a knob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Text, read back as written.
    Exact,
    /// A whole number.
    Number,
    /// `1` and `0`, read back as these, `Y` and `N`, or `on` and `off`.
    Switch,
    /// A percentage with decimals; `max` is 100.
    Percent,
    /// CPUs in the kernel's list form.
    CpuList,
    /// `cpu:kHz` pairs, written for some CPUs, read for all.
    CpuPairs,
    /// `cluster kHz`, read back as `cluster: min_freq_idx = 3, max_freq_idx = 1`; -1 is no limit.
    PpmLimit(Side),
    /// 0, 1, 2, read back as `force off`, `force on`, `free`.
    Force,
}

/// Side of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Lowest frequency.
    Min,
    /// Highest frequency.
    Max,
}

impl Form {
    /// What a file's text says of the part that a write of `asked` governs, in one spelling; none where it says nothing of it.
    pub fn part(self, asked: &str, text: &str) -> Option<String> {
        let text = text.trim().trim_end_matches('\0');
        match self {
            Self::Exact => Some(text.to_owned()),
            Self::Number => text.parse::<i64>().ok().map(|number| number.to_string()),
            Self::Switch => match text.to_ascii_lowercase().as_str() {
                "1" | "y" | "yes" | "on" | "true" | "enabled" => Some("1".into()),
                "0" | "n" | "no" | "off" | "false" | "disabled" => Some("0".into()),
                _ => None,
            },
            Self::Percent if text == "max" => Some("100.00".into()),
            Self::Percent => text.parse::<f64>().ok().filter(|share| share.is_finite()).map(|share| format!("{share:.2}")),
            Self::CpuList => text.parse::<benchrack_protocol::cpuset::CpuSet>().ok().map(|cpus| cpus.to_string()),
            Self::CpuPairs => {
                let known: Vec<(u32, u64)> = pairs(text)?;
                let of = |cpu: u32| known.iter().find(|(other, _)| *other == cpu).map(|(_, khz)| format!("{cpu}:{khz}"));
                let wanted: Option<Vec<String>> = pairs(asked)?.into_iter().map(|(cpu, _)| of(cpu)).collect();
                Some(wanted?.join(" "))
            }
            Self::PpmLimit(side) => ppm_index(asked, text, side).map(|index| index.to_string()),
            Self::Force => match text {
                "force off" | "0" => Some("0".into()),
                "force on" | "1" => Some("1".into()),
                "free" | "2" => Some("2".into()),
                _ => None,
            },
        }
    }

    /// How a write of `asked` reads back. `table` is the cluster's frequencies in the order of their indices.
    pub fn expected(self, asked: &str, table: &[u64]) -> Option<String> {
        match self {
            Self::PpmLimit(_) => {
                let khz: u64 = asked.split_whitespace().nth(1)?.parse().ok()?;
                Some(table.iter().position(|&known| known == khz)?.to_string())
            }
            form => form.part(asked, asked),
        }
    }

    /// What must be written to get back to the text from before.
    pub fn undo(self, asked: &str, before: &str, table: &[u64]) -> Option<String> {
        match self {
            Self::CpuPairs | Self::Force => self.part(asked, before),
            Self::PpmLimit(side) => {
                let cluster = asked.split_whitespace().next()?;
                match ppm_index(asked, before, side)? {
                    -1 => Some(format!("{cluster} -1")),
                    index => Some(format!("{cluster} {}", table.get(usize::try_from(index).ok()?)?)),
                }
            }
            _ => Some(before.trim().trim_end_matches('\0').to_owned()),
        }
    }
}

fn pairs(text: &str) -> Option<Vec<(u32, u64)>> {
    let pair = |word: &str| {
        let (cpu, khz) = word.split_once(':')?;
        Some((cpu.parse().ok()?, khz.parse().ok()?))
    };
    text.split_whitespace().map(pair).collect()
}

/// The index of one side in the line of the cluster that `asked` names. Lines begin with the cluster's number, on some
/// kernels after the word `cluster`.
fn ppm_index(asked: &str, text: &str, side: Side) -> Option<i64> {
    let cluster = asked.split_whitespace().next()?;
    let of_cluster = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        (name.trim().trim_start_matches("cluster").trim() == cluster).then(|| rest.to_owned())
    };
    let line = text.lines().find_map(of_cluster)?;
    let name = match side {
        Side::Min => "min_freq_idx",
        Side::Max => "max_freq_idx",
    };
    let (_, value) = line.split(',').filter_map(|field| field.split_once('=')).find(|(key, _)| key.trim() == name)?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_back_is_compared_in_one_spelling() {
        for (form, asked, text, part) in [
            (Form::Number, "-1", " -1 \n", Some("-1")),
            (Form::Number, "0", "<unsupported>", None),
            (Form::Switch, "1", "Y\n", Some("1")),
            (Form::Switch, "1", "2\n", None),
            (Form::Percent, "max", "100.00\n", Some("100.00")),
            (Form::Percent, "50", "50\n", Some("50.00")),
            (Form::CpuList, "0-3", "0,1,2,3\n", Some("0-3")),
            (Form::CpuPairs, "4:9 5:9", "0:1 4:7 5:8 6:9 \n", Some("4:7 5:8")),
            (Form::CpuPairs, "4:9 8:9", "0:1 4:7 5:8\n", None),
            (Form::Force, "0", "force off\n", Some("0")),
            (
                Form::PpmLimit(Side::Max),
                "1 900",
                "0: min_freq_idx = -1, max_freq_idx = 0\n1: min_freq_idx = 5, max_freq_idx = 2\n",
                Some("2"),
            ),
            (Form::PpmLimit(Side::Min), "1 900", "cluster 1: min_freq_idx = 5, max_freq_idx = 2\n", Some("5")),
            (Form::PpmLimit(Side::Min), "2 900", "1: min_freq_idx = 5, max_freq_idx = 2\n", None),
        ] {
            assert_eq!(form.part(asked, text).as_deref(), part, "{form:?} {asked} {text}");
        }
    }

    #[test]
    fn what_undoes_a_write_is_in_the_form_of_writes() {
        let table = [2_000, 1_500, 900];
        for (form, asked, before, undo) in [
            (Form::Number, "5", "300000\n", Some("300000")),
            (Form::CpuPairs, "4:9", "0:4294967295 4:4294967295 \n", Some("4:4294967295")),
            (Form::PpmLimit(Side::Max), "1 900", "1: min_freq_idx = -1, max_freq_idx = -1", Some("1 -1")),
            (Form::PpmLimit(Side::Max), "1 900", "1: min_freq_idx = -1, max_freq_idx = 1", Some("1 1500")),
            (Form::PpmLimit(Side::Max), "1 900", "1: min_freq_idx = -1, max_freq_idx = 7", None),
            (Form::Force, "0", "free\n", Some("2")),
        ] {
            assert_eq!(form.undo(asked, before, &table).as_deref(), undo, "{form:?} {before}");
        }
        assert_eq!(Form::PpmLimit(Side::Max).expected("1 1500", &table).as_deref(), Some("1"));
        assert_eq!(Form::PpmLimit(Side::Max).expected("1 1400", &table), None);
        assert_eq!(Form::Percent.expected("max", &[]).as_deref(), Some("100.00"));
    }
}
