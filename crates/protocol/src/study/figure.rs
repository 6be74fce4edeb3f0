//! What a check compares: metrics of runs, and figures that are known without measuring.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::api::Metric;
use crate::packaging::Packaging;
use crate::units::Bytes;

/// A figure of a subject. Text form: a metric's name, `macs`, `parameters`, `package_zstd`, …, `engine_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// A metric of its runs.
    Metric(Metric),
    /// Multiply-adds of one inference, from the manifest.
    Macs,
    /// Learnt numbers, from the manifest.
    Parameters,
    /// Size of the model in a packaging, from the manifest.
    Package(Packaging),
    /// Bytes that an app ships to have the engine.
    EngineSize,
}

impl Default for Figure {
    fn default() -> Self {
        Self::Metric(Metric::Latency)
    }
}

impl Figure {
    /// Unit of its values: a metric's unit, `B`, or nothing for counts.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Metric(metric) => metric.unit(),
            Self::Package(_) | Self::EngineSize => "B",
            Self::Macs | Self::Parameters => "",
        }
    }

    /// A value for people, in its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Metric(metric) => metric.show(value),
            Self::Package(_) | Self::EngineSize => Bytes(value.max(0.0).round() as u64).to_string(),
            Self::Macs | Self::Parameters => format!("{value:.1}"),
        }
    }

    /// Whether it is known without measuring, so that it has no interval and no noise.
    pub fn is_exact(self) -> bool {
        !matches!(self, Self::Metric(metric) if metric != Metric::ModelSize)
    }

    /// The packaging whose loading it times.
    pub fn loaded_from(self) -> Option<Packaging> {
        match self {
            Self::Metric(Metric::LoadRaw) => Some(Packaging::Raw),
            Self::Metric(Metric::LoadZstd) => Some(Packaging::Zstd),
            Self::Metric(Metric::LoadEncryptedThenZstd) => Some(Packaging::EncryptedThenZstd),
            Self::Metric(Metric::LoadZstdThenEncrypted) => Some(Packaging::ZstdThenEncrypted),
            _ => None,
        }
    }

    /// Whether whole frames must be measured for it.
    pub fn needs_frames(self) -> bool {
        use Metric::{Frame, FrameConversion, FrameJitter, FrameP90, FramePost, FrameRate};
        matches!(self, Self::Metric(Frame | FrameP90 | FrameJitter | FrameRate | FrameConversion | FramePost))
    }

    /// Whether energy must be measured for it.
    pub fn needs_energy(self) -> bool {
        matches!(self, Self::Metric(Metric::Energy | Metric::Power))
    }

    fn all() -> impl Iterator<Item = Self> {
        let metrics = Metric::ALL.into_iter().map(Self::Metric);
        let packages = Packaging::ALL.into_iter().map(Self::Package);
        metrics.chain([Self::Macs, Self::Parameters, Self::EngineSize]).chain(packages)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(metric) => f.write_str(metric.name()),
            Self::Macs => f.write_str("macs"),
            Self::Parameters => f.write_str("parameters"),
            Self::Package(packaging) => write!(f, "package_{}", packaging.name()),
            Self::EngineSize => f.write_str("engine_size"),
        }
    }
}

impl FromStr for Figure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all().find(|figure| figure.to_string() == text).ok_or_else(|| {
            let known: Vec<String> = Self::all().map(|figure| figure.to_string()).collect();
            format!("'{text}' is no figure: {}", known.join(", "))
        })
    }
}

impl Serialize for Figure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_read_back_from_its_name() {
        for figure in Figure::all() {
            assert_eq!(figure.to_string().parse::<Figure>(), Ok(figure));
        }
        assert!("speed".parse::<Figure>().unwrap_err().contains("latency_p90"));
    }

    #[test]
    fn only_what_a_manifest_or_a_build_says_is_exact() {
        let exact: Vec<String> = Figure::all().filter(|figure| figure.is_exact()).map(|figure| figure.to_string()).collect();
        assert_eq!(exact.len(), 4 + Packaging::ALL.len(), "{exact:?}");
    }
    #[test]
    fn a_small_figure_is_never_shown_as_nothing() {
        assert_eq!(Figure::Metric(Metric::Energy).show(0.0021), "2.1 mJ");
        assert_eq!(Figure::Metric(Metric::Latency).show(12_300_000.0), "12.3 ms");
        assert_eq!(Figure::EngineSize.show(2_000_000.0), Bytes(2_000_000).to_string());
        assert_eq!(Figure::Macs.show(5.0), "5.0");
    }
}
