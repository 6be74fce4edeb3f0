//! One phone as its host shows it, on the terminal and to the server.

use benchrack_protocol::rack::RackPhone;
use serde::Serialize;

use crate::phones::PhoneState;
use crate::settings::sha256;
use crate::watch::{Action, Phase};

/// One phone as this rack sees it now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What tells it apart.
    pub id: String,
    /// Its model, where adb says it.
    pub model: Option<String>,
    /// Its state in adb's list; none when it is gone.
    pub adb: Option<PhoneState>,
    /// How it is doing.
    pub phase: Phase,
    /// What is being done with it.
    pub doing: Option<Action>,
    /// What was last seen of it or done with it.
    pub last: Option<String>,
    /// Its name at the server, once it has registered.
    pub device: Option<String>,
    /// Its state there.
    pub device_state: Option<String>,
    /// Since when the server has not heard of it, seconds.
    pub silent_s: Option<u64>,
}

impl Line {
    /// Of a phone whose port an earlier watch switched off, and that was not seen since.
    pub(super) fn without_power(id: &str) -> Self {
        Self {
            id: id.into(),
            model: None,
            adb: None,
            phase: Phase::Detached,
            doing: None,
            last: None,
            device: None,
            device_state: None,
            silent_s: None,
        }
    }

    /// Whether two lines differ in nothing but time.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let timeless = |line: &Self| Self { silent_s: None, ..line.clone() };
        timeless(self) == timeless(other)
    }

    /// What the server is told.
    pub fn told(&self) -> RackPhone {
        let with_last = |what: String| match &self.last {
            Some(last) if *last != what => format!("{what}; {last}"),
            _ => what,
        };
        let reason = match &self.phase {
            Phase::Working | Phase::Drained => None,
            Phase::Detached => Some("its port's power is off, as its session asked".into()),
            Phase::Starting => self.last.clone(),
            Phase::NeedsPerson { state } => {
                Some(state.advice().map_or_else(|| state.to_string(), |advice| format!("{state}: {advice}")))
            }
            Phase::Recovering { trouble } => Some(with_last(trouble.to_string())),
            Phase::Quarantined { reason } => Some(reason.clone()),
        };
        RackPhone {
            phone: distinct_name(&self.id),
            model: self.model.as_deref().map(name).filter(|model| !model.is_empty()),
            device: self.device.clone(),
            phase: self.phase.kind(),
            reason: reason.map(|reason| cut(&reason, RackPhone::LONGEST_REASON)).filter(|reason| !reason.is_empty()),
            doing: self.doing.map(|action| action.word().to_owned()),
        }
    }
}

fn name(text: &str) -> String {
    cut(text, RackPhone::LONGEST_NAME)
}

/// A name that tells phones apart: of one that is too long the end gives way to a digest of the whole.
fn distinct_name(text: &str) -> String {
    if text.chars().count() <= RackPhone::LONGEST_NAME {
        return name(text);
    }
    let digest: String = sha256(text).chars().take(16).collect();
    format!("{}~{digest}", cut(text, RackPhone::LONGEST_NAME - digest.len() - 1))
}

/// In one line of at most so many characters, whatever phones and their shells say; an ellipsis says where something is left out.
pub(super) fn cut(text: &str, longest: usize) -> String {
    let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let plain = plain.trim();
    if plain.chars().count() <= longest {
        return plain.to_owned();
    }
    plain.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use benchrack_protocol::rack::RackPhase;

    use super::*;
    use crate::watch::Trouble;

    #[test]
    fn the_server_is_told_why_in_one_line() {
        let mut line = Line {
            id: "R58".into(),
            model: None,
            adb: Some(PhoneState::Device),
            phase: Phase::Recovering { trouble: Trouble::Stuck },
            doing: Some(Action::Reconnect),
            last: Some("did not answer: adb said\n\tno\u{7}".into()),
            device: None,
            device_state: None,
            silent_s: None,
        };
        let told = line.told();
        assert_eq!((told.phase, told.doing.as_deref()), (RackPhase::Recovering, Some("reconnecting")));
        assert_eq!(told.reason.as_deref(), Some("its shell does not answer; did not answer: adb said  no"));
        line.phase = Phase::Working;
        assert_eq!(line.told().reason, None, "nothing is wrong");
        line.phase = Phase::NeedsPerson { state: PhoneState::Unauthorized };
        assert!(line.told().reason.is_some_and(|reason| reason.contains("Allow USB debugging")));
        line.phase = Phase::Quarantined { reason: "x".repeat(5_000) };
        assert_eq!(line.told().reason.map(|reason| reason.chars().count()), Some(RackPhone::LONGEST_REASON));
    }

    #[test]
    fn names_that_are_too_long_for_the_server_are_cut_and_still_tell_phones_apart() {
        let line = |id: String| Line {
            id,
            model: Some("m".repeat(300)),
            adb: None,
            phase: Phase::Working,
            doing: None,
            last: None,
            device: None,
            device_state: None,
            silent_s: None,
        };
        let told = line("R58".into()).told();
        let model = told.model.unwrap();
        assert!(model.chars().count() == RackPhone::LONGEST_NAME && model.ends_with("m…"), "{model}");
        let long = ["1", "2"].map(|end| line(format!("{}{end}", "x".repeat(300))).told().phone);
        assert_ne!(long[0], long[1]);
        assert!(long.iter().all(|phone| phone.chars().count() == RackPhone::LONGEST_NAME), "{long:?}");
        let blank = Line { model: Some(" \t".into()), ..line("R58".into()) };
        assert_eq!(blank.told().model, None, "the server refuses an empty name");
    }
}
