//! One phone as its host shows it, on the terminal and to the server.

use benchrack_protocol::rack::RackPhone;
use serde::Serialize;

use crate::phones::PhoneState;
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

/// The longest text that goes to the server, characters.
const LONGEST: usize = 1_000;

impl Line {
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
            Phase::Starting => self.last.clone(),
            Phase::NeedsPerson { state } => {
                Some(state.advice().map_or_else(|| state.to_string(), |advice| format!("{state}: {advice}")))
            }
            Phase::Recovering { trouble } => Some(with_last(trouble.to_string())),
            Phase::Quarantined { reason } => Some(reason.clone()),
        };
        RackPhone {
            phone: one_line(&self.id),
            model: self.model.as_deref().map(one_line),
            device: self.device.clone(),
            phase: self.phase.kind(),
            reason: reason.as_deref().map(one_line).filter(|reason| !reason.is_empty()),
            doing: self.doing.map(|action| action.word().to_owned()),
        }
    }
}

/// What phones and their shells say may hold anything.
pub(super) fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST).collect();
    plain.trim().to_owned()
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
        assert_eq!(line.told().reason.map(|reason| reason.len()), Some(LONGEST));
    }
}
