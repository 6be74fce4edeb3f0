//! Settings of what watches series and of whom it tells.

use std::path::PathBuf;

use benchrack_protocol::api::GateRules;
use benchrack_protocol::model::Precision;
use serde::Deserialize;

use crate::judge::series::SeriesRules;

/// Watching of series, and the farm's tests of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesConfig {
    /// Whether series are watched at all.
    pub watch: bool,
    /// The step that is looked for, as a share.
    pub step: f64,
    /// Confirming sessions for each unchanged revision and series of a latency, at most about so many.
    pub suspicions_per_revision: f64,
    /// Slow-down that a confirming gate accepts, as a share. Of memory it accepts the step.
    pub tolerance: f64,
    /// Chance of a wrong `slower` of a confirming gate.
    pub alpha: f64,
    /// Blocks of each build that a confirming session has at most: it ends as soon as it is sure.
    pub blocks: u32,
    /// Minutes that it has at most.
    pub minutes: u32,
    /// A control whose level changes by this share quarantines its device.
    pub drift: f64,
    /// Name of the model that rides along in every session of a suite to tell a slow phone from a slow model.
    pub control: Option<String>,
    /// Tests of the farm by itself.
    pub self_test: SelfTestConfig,
}

impl Default for SeriesConfig {
    fn default() -> Self {
        Self {
            watch: true,
            step: 0.05,
            suspicions_per_revision: 0.14,
            tolerance: 0.02,
            alpha: 0.01,
            blocks: 300,
            minutes: 10,
            drift: 0.05,
            control: None,
            self_test: SelfTestConfig::default(),
        }
    }
}

impl SeriesConfig {
    /// Rules of a confirming gate.
    pub fn gate_rules(&self) -> GateRules {
        GateRules { tolerance: self.tolerance, alpha: self.alpha, ..GateRules::default() }
    }

    /// The first setting that makes no sense, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        SeriesRules::new(self.step, self.suspicions_per_revision).map_err(|error| format!("series: {error}"))?;
        let rules = crate::judge::rules(&self.gate_rules()).map_err(|error| format!("series: {error}"))?;
        let needed = rules.pairs_needed();
        if usize::try_from(self.blocks).unwrap_or(usize::MAX) < needed {
            return Err(format!(
                "series.blocks is {}: at alpha {} nothing can be decided with fewer than {needed}",
                self.blocks, self.alpha
            ));
        }
        if self.minutes == 0 {
            return Err("series.minutes is 0: a confirming session needs at least 1".into());
        }
        if !(self.drift > 0.0 && self.drift <= 10.0) {
            return Err(format!("series.drift is {}: a share above 0 is needed, 0.05 is 5 %", self.drift));
        }
        if self.self_test.every_hours == 0 && !self.self_test.pairs.is_empty() {
            return Err("series.self_test has pairs, and every_hours is 0: they would never be measured".into());
        }
        Ok(())
    }
}

/// Tests of the farm by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct SelfTestConfig {
    /// Each pair is measured so often on each device that has nothing else to do; 0 for never.
    pub every_hours: u32,
    /// What is measured.
    pub pairs: Vec<SelfTestPair>,
}

/// Two models of the farm; the same twice is a subject against itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTestPair {
    /// Name of the model with less work.
    pub baseline: String,
    /// Name of the model with more work, or the same.
    pub candidate: String,
    /// Precision of both.
    #[serde(default = "fp32")]
    pub precision: Precision,
}

fn fp32() -> Precision {
    Precision::Fp32
}

/// Whom to tell of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Unique name, for the outbox and the log.
    pub name: String,
    /// File that holds the address: those of chats are secrets.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// The address itself, where it is no secret.
    #[serde(default)]
    pub url: Option<String>,
    /// What is sent.
    #[serde(default)]
    pub format: WebhookFormat,
    /// File that holds the secret with which messages are signed.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
}

/// What is sent to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookFormat {
    /// `{"event", "text", "url", "alert"}`.
    #[default]
    Json,
    /// `{"text"}`, as Slack and those that imitate it take.
    Slack,
}
