//! Words that carry a judgement, each with a shape of its own beside its colour.

use askama::Template;
use askama::filters::HtmlSafe;
use benchrack_protocol::alert::TriageState;
use benchrack_protocol::api::Verdict;
use benchrack_protocol::device::Reality;
use benchrack_protocol::rack::RackPhase;
use benchrack_protocol::report::Failure;
use benchrack_protocol::study::StudyVerdict;
use benchrack_protocol::validity::{EvidenceTier, Validity};

use super::Ctx;
use crate::text::{Texts, fill, plainly};

/// A shape, a word, and more words under the pointer.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(
    ext = "html",
    source = r#"<span class="badge {{ tone }}"{% if !title.is_empty() %} title="{{ title }}"{% endif %}>{{ icon|safe }}{{ word }}</span>"#
)]
pub(crate) struct Badge {
    pub(crate) tone: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) word: String,
    pub(crate) title: String,
}

impl HtmlSafe for Badge {}

macro_rules! icon {
    ($shape:literal) => {
        concat!("<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\">", $shape, "</svg>")
    };
}

const CHECK: &str = icon!("<circle cx=\"8\" cy=\"8\" r=\"6.4\"/><path d=\"M5.2 8.3l2 2L11 6.2\"/>");
const TRIANGLE: &str = icon!("<path d=\"M8 2.2L14.4 13.4H1.6Z\"/><path d=\"M8 6.4v3.2M8 11.4v.4\"/>");
const CROSSED: &str = icon!("<circle cx=\"8\" cy=\"8\" r=\"6.4\"/><path d=\"M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8\"/>");
const SQUARE: &str =
    icon!("<rect x=\"2\" y=\"2\" width=\"12\" height=\"12\" rx=\"1.5\"/><path d=\"M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8\"/>");
const RING: &str = icon!("<circle cx=\"8\" cy=\"8\" r=\"5.4\"/>");
const PLAY: &str = icon!("<circle cx=\"8\" cy=\"8\" r=\"6.4\"/><path class=\"full\" d=\"M6.3 5v6L11.2 8Z\"/>");
const HALF: &str = icon!("<circle cx=\"8\" cy=\"8\" r=\"6.4\"/><path class=\"full\" d=\"M8 1.6a6.4 6.4 0 0 1 0 12.8Z\"/>");
const BARRED: &str = icon!("<circle cx=\"8\" cy=\"8\" r=\"6.4\"/><path d=\"M3.6 12.4L12.4 3.6\"/>");
const DASH: &str = icon!("<path d=\"M3 8h10\"/>");
const DIAMOND: &str = icon!("<path d=\"M8 1.6L14.4 8L8 14.4L1.6 8Z\"/>");
const WAVE: &str = icon!("<path d=\"M1.5 8c2-5 4-5 6.5 0s4.5 5 6.5 0\"/>");

impl Ctx<'_> {
    /// Whether a run counts; its reasons under the pointer.
    pub(crate) fn validity(&self, validity: &Option<Validity>, failure: &Option<Failure>) -> Badge {
        let c = &self.t.common;
        match (failure, validity) {
            (Some(failure), _) => Badge { tone: "bad", icon: SQUARE, word: c.failed.into(), title: failure.detail.clone() },
            (None, Some(validity)) => {
                let (tone, icon) = match validity {
                    Validity::Valid => ("good", CHECK),
                    Validity::Degraded { .. } => ("doubt", TRIANGLE),
                    Validity::Invalid { .. } => ("bad", CROSSED),
                };
                Badge { tone, icon, word: c.validity(validity).into(), title: reasons(validity, self.t) }
            }
            (None, None) => Badge { tone: "quiet", icon: DASH, word: c.not_judged.into(), title: String::new() },
        }
    }

    /// Strength of the proof.
    pub(crate) fn tier(&self, tier: &Option<EvidenceTier>) -> Option<Badge> {
        tier.map(|tier| self.tier_badge(tier))
    }

    /// Strength of a proof that there is.
    pub(crate) fn tier_badge(&self, tier: EvidenceTier) -> Badge {
        let c = &self.t.common;
        let (tone, word, title) = match tier {
            EvidenceTier::Gold => ("tier gold", c.gold, c.gold_why),
            EvidenceTier::Silver => ("tier silver", c.silver, c.silver_why),
            EvidenceTier::Bronze => ("tier bronze", c.bronze, c.bronze_why),
        };
        Badge { tone, icon: "", word: word.into(), title: title.into() }
    }

    /// Only for what is not real: simulated and emulated figures are marked wherever they appear.
    pub(crate) fn reality(&self, reality: &Reality) -> Option<Badge> {
        let c = &self.t.common;
        let (word, title) = match reality {
            Reality::Real => return None,
            Reality::Emulated => (c.emulated, c.emulated_why),
            Reality::Simulated => (c.simulated, c.simulated_why),
        };
        Some(Badge { tone: "unreal", icon: WAVE, word: word.into(), title: title.into() })
    }

    /// A device's state.
    pub(crate) fn state(&self, state: &str, reason: &Option<String>) -> Badge {
        let c = &self.t.common;
        let (tone, icon, word) = match state {
            "idle" => ("good", RING, c.idle),
            "leased" => ("accent", PLAY, c.leased),
            "cooling" => ("accent", HALF, c.cooling),
            "quarantined" => ("bad", TRIANGLE, c.quarantined),
            "offline" => ("doubt", BARRED, c.offline),
            "retired" => ("quiet", DASH, c.retired),
            _ => ("quiet", DASH, state),
        };
        Badge {
            tone,
            icon,
            word: word.into(),
            title: reason.as_deref().map(|reason| self.said_plainly(reason)).unwrap_or_default(),
        }
    }

    /// How a phone of a rack is doing.
    pub(crate) fn phase(&self, phase: RackPhase) -> Badge {
        let d = &self.t.device;
        let (tone, icon, word) = match phase {
            RackPhase::Starting => ("accent", HALF, d.phone_starting),
            RackPhase::Working => ("good", RING, d.phone_working),
            RackPhase::Drained => ("quiet", DASH, d.phone_drained),
            RackPhase::NeedsPerson => ("bad", DIAMOND, d.phone_needs_person),
            RackPhase::Recovering => ("doubt", WAVE, d.phone_recovering),
            RackPhase::Quarantined => ("bad", TRIANGLE, d.phone_quarantined),
        };
        Badge { tone, icon, word: word.into(), title: String::new() }
    }

    /// A host of a rack that has not reported for some time.
    pub(crate) fn silent(&self) -> Badge {
        let d = &self.t.device;
        Badge { tone: "doubt", icon: BARRED, word: d.host_silent.into(), title: d.host_silent_why.into() }
    }

    /// A gate's verdict; open without one.
    pub(crate) fn verdict(&self, verdict: &Option<Verdict>) -> Badge {
        let (tone, icon) = match verdict {
            Some(Verdict::Slower | Verdict::WrongOutputs | Verdict::OverBudget) => ("bad", DIAMOND),
            Some(Verdict::NotSlower) => ("good", CHECK),
            Some(Verdict::Inconclusive) => ("doubt", TRIANGLE),
            None => ("accent", PLAY),
        };
        let word = verdict.map_or(self.t.gate.open, |verdict| self.t.gate.verdict(verdict));
        Badge { tone, icon, word: word.into(), title: String::new() }
    }

    /// The answer to a claim.
    pub(crate) fn claim(&self, verdict: StudyVerdict) -> Badge {
        let (tone, icon) = match verdict {
            StudyVerdict::Holds => ("good", CHECK),
            StudyVerdict::DoesNotHold => ("bad", CROSSED),
            StudyVerdict::CannotTell => ("doubt", TRIANGLE),
        };
        Badge { tone, icon, word: self.t.study.verdict(verdict).into(), title: String::new() }
    }

    /// A state of triage.
    pub(crate) fn triage(&self, state: TriageState) -> Badge {
        let (tone, icon) = match state {
            TriageState::New => ("bad", DIAMOND),
            TriageState::Confirmed => ("doubt", TRIANGLE),
            TriageState::Expected => ("accent", HALF),
            TriageState::Fixed => ("good", CHECK),
            TriageState::Ignored => ("quiet", DASH),
        };
        Badge { tone, icon, word: self.t.alert.triage_state(state).into(), title: String::new() }
    }

    /// A job's state.
    pub(crate) fn job(&self, state: &str) -> Badge {
        let g = &self.t.gate;
        let (tone, icon, word) = match state {
            "queued" => ("quiet", RING, g.job_queued),
            "leased" => ("accent", PLAY, g.job_leased),
            "done" => ("good", CHECK, g.job_done),
            "failed" => ("bad", SQUARE, g.job_failed),
            "cancelled" => ("quiet", DASH, g.job_cancelled),
            _ => ("quiet", DASH, state),
        };
        Badge { tone, icon, word: word.into(), title: String::new() }
    }

    /// A plain good or bad.
    pub(crate) fn answer(&self, good: bool, yes: &str, no: &str) -> Badge {
        let (tone, icon, word) = if good { ("good", CHECK, yes) } else { ("bad", CROSSED, no) };
        Badge { tone, icon, word: word.into(), title: String::new() }
    }
}

/// All reasons of a doubt, each with its figures.
pub(crate) fn reasons(validity: &Validity, t: &Texts) -> String {
    let reasons = validity
        .reasons()
        .iter()
        .map(|doubt| fill(t.common.reason, &[&t.common.doubt(doubt.reason), &plainly(&doubt.detail, t)]));
    reasons.collect::<Vec<_>>().join("\n")
}
