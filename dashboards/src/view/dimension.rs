//! What subjects are drawn against each other by, and the budgets they must keep.

use std::fmt;
use std::str::FromStr;

use benchrack_protocol::api::{Estimate, Metric};
use serde::{Serialize, Serializer};

use super::CompareRow;

/// A figure of a subject that can be an axis: measured, or told by the model's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// A measured figure of the run.
    Measured(Metric),
    /// Size of the model file, bytes.
    Size,
    /// Multiply-adds of one inference.
    Macs,
    /// Learnt numbers.
    Parameters,
    /// Signal to quantisation noise of an int8 model against fp32, dB.
    Sqnr,
    /// Accuracy its owner claims, 0 to 1.
    Accuracy,
}

impl Dimension {
    /// Median latency.
    pub const LATENCY: Self = Self::Measured(Metric::Latency);

    /// All that can be chosen, in the order of the form.
    pub const ALL: [Self; 14] = [
        Self::LATENCY,
        Self::Measured(Metric::LatencyP90),
        Self::Measured(Metric::LatencyP99),
        Self::Measured(Metric::Energy),
        Self::Measured(Metric::Power),
        Self::Measured(Metric::PeakRss),
        Self::Measured(Metric::Load),
        Self::Measured(Metric::FirstInference),
        Self::Measured(Metric::Frame),
        Self::Size,
        Self::Macs,
        Self::Parameters,
        Self::Sqnr,
        Self::Accuracy,
    ];

    /// Stable name, in queries and in the names of charts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured(metric) => metric.name(),
            Self::Size => "size",
            Self::Macs => "macs",
            Self::Parameters => "parameters",
            Self::Sqnr => "sqnr",
            Self::Accuracy => "accuracy",
        }
    }

    /// Whether more is better; of all others less is.
    pub fn more_is_better(self) -> bool {
        match self {
            Self::Measured(metric) => metric.more_is_better(),
            Self::Sqnr | Self::Accuracy => true,
            Self::Size | Self::Macs | Self::Parameters => false,
        }
    }

    /// A row's figure; what a manifest tells is exact.
    pub fn of(self, row: &CompareRow) -> Option<Estimate> {
        let told = match self {
            Self::Measured(wanted) => return row.run.metrics.iter().find(|(metric, _)| *metric == wanted).map(|(_, of)| *of),
            Self::Size => Some(row.size.0 as f64),
            Self::Macs => row.macs.map(|macs| macs as f64),
            Self::Parameters => row.parameters.map(|parameters| parameters as f64),
            Self::Sqnr => row.fidelity.as_ref().map(|fidelity| fidelity.sqnr_db),
            Self::Accuracy => row.claimed_accuracy,
        };
        told.map(Estimate::exact)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dimension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| format!("'{text}' is no axis: {}", names()))
    }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Two figures against each other: upwards and across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Axes {
    /// Upwards.
    pub y: Dimension,
    /// Across.
    pub x: Dimension,
}

impl Axes {
    /// Latency against size: what a download and a frame cost.
    pub const SIZE: Self = Self { y: Dimension::LATENCY, x: Dimension::Size };
    /// Latency against multiply-adds: what papers say against what was measured.
    pub const MACS: Self = Self { y: Dimension::LATENCY, x: Dimension::Macs };

    /// Name of the chart: `latency-size`.
    pub fn name(self) -> String {
        format!("{}-{}", self.y, self.x)
    }
}

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (y, x) = text.split_once('-').ok_or_else(|| format!("'{text}' does not name two axes"))?;
        Ok(Self { y: y.parse()?, x: x.parse()? })
    }
}

/// The most that a figure may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BudgetLine {
    /// Of what.
    pub dimension: Dimension,
    /// Name of the form's field, with its unit: `p90_ms`.
    pub field: &'static str,
    /// Unit of the field.
    pub symbol: &'static str,
    /// What one unit of the field is in the figure's own unit.
    pub scale: f64,
    /// In the field's unit; none for no limit.
    pub limit: Option<f64>,
}

impl BudgetLine {
    /// The budgets of the form, without limits.
    pub const NONE: [Self; 4] = [
        Self { dimension: Dimension::Measured(Metric::LatencyP90), field: "p90_ms", symbol: "ms", scale: 1e6, limit: None },
        Self { dimension: Dimension::Size, field: "size_mb", symbol: "MB", scale: 1e6, limit: None },
        Self { dimension: Dimension::Measured(Metric::PeakRss), field: "memory_mb", symbol: "MB", scale: 1e6, limit: None },
        Self { dimension: Dimension::Measured(Metric::Energy), field: "energy_mj", symbol: "mJ", scale: 1e-3, limit: None },
    ];

    /// The budgets of a device's operating points, without limits.
    pub const OPERATING: [Self; 2] = [
        Self { dimension: Dimension::Measured(Metric::LatencyP90), field: "p90_ms", symbol: "ms", scale: 1e6, limit: None },
        Self { dimension: Dimension::Measured(Metric::Power), field: "power_w", symbol: "W", scale: 1.0, limit: None },
    ];

    /// The limit in the figure's own unit.
    pub fn most(&self) -> Option<f64> {
        self.limit.map(|limit| limit * self.scale)
    }

    /// Whether a row keeps it; one without the figure does not.
    pub fn keeps(&self, row: &CompareRow) -> bool {
        self.most().is_none_or(|most| self.dimension.of(row).is_some_and(|figure| figure.value <= most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_none_holds_what_parts_two() {
        for y in Dimension::ALL {
            assert_eq!(y.name().parse(), Ok(y));
            assert!(!y.name().contains('-'), "{y}");
            let axes = Axes { y, x: Dimension::Macs };
            assert_eq!(axes.name().parse(), Ok(axes));
        }
        assert!("depth".parse::<Dimension>().unwrap_err().contains("latency_p90"));
        assert!("latency".parse::<Axes>().is_err());
    }
}
