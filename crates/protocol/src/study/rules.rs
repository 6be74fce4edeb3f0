//! What makes a study one that can be answered: checked before anything is measured.

use super::{Check, EVERY, Figure, Side, Study};
use crate::suite::Clock;

/// A study that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct StudyError {
    /// The field: `claims[0].checks[2].of.model`.
    pub at: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

fn wrong<T>(at: impl Into<String>, what: impl Into<String>) -> Result<T, StudyError> {
    Err(StudyError { at: at.into(), what: what.into() })
}

/// Most sessions of one suite.
const MOST_SESSIONS: u32 = 1000;

impl Study {
    /// Whether everything that the claims name is measured by the suite.
    ///
    /// # Errors
    /// The first field that makes no sense, and why.
    pub fn validate(&self) -> Result<(), StudyError> {
        let named = !self.name.is_empty() && self.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !named || self.name.len() > 120 {
            return wrong("name", "must be made of small letters, digits and hyphens, at most 120, such as int8-against-fp32");
        }
        if self.title.trim().is_empty() {
            return wrong("title", "is empty: it is the question that the study answers");
        }
        if !(1..=MOST_SESSIONS).contains(&self.sessions) {
            return wrong("sessions", format!("is {}: 1 to {MOST_SESSIONS} make sense", self.sessions));
        }
        if self.claims.is_empty() {
            return wrong("claims", "is empty: without a claim a suite is enough, see `benchrack submit`");
        }
        let sweeps = self.suite.frequencies.contains(&Clock::Sweep);
        if self.suite.cores.len() != 1 || self.suite.frequencies.len() != 1 || sweeps {
            return wrong("suite", "has several cores or frequencies: a claim is checked at one operating point");
        }
        for (nth, claim) in self.claims.iter().enumerate() {
            let at = |field: &str| format!("claims[{nth}].{field}");
            for (field, text) in [("claim", &claim.claim), ("source", &claim.source)] {
                if text.trim().is_empty() {
                    return wrong(at(field), "is empty");
                }
            }
            if claim.checks.is_empty() {
                return wrong(at("checks"), "is empty: say what must be seen for the claim to hold");
            }
            for (place, check) in claim.checks.iter().enumerate() {
                self.validate_check(&format!("claims[{nth}].checks[{place}]"), check)?;
            }
        }
        Ok(())
    }

    fn validate_check(&self, at: &str, check: &Check) -> Result<(), StudyError> {
        let bounds: Vec<f64> = check.at_least.iter().chain(&check.at_most).copied().collect();
        match bounds.as_slice() {
            [] => return wrong(at, "has no bound: give at_most, at_least or both"),
            bounds if bounds.iter().any(|bound| !(bound.is_finite() && *bound > 0.0)) => {
                return wrong(at, "has a bound that is not a number above zero");
            }
            [low, high] if low > high => return wrong(at, format!("allows nothing: at_least {low} is above at_most {high}")),
            _ => {}
        }
        self.validate_side(&format!("{at}.of"), check, &check.of)?;
        let Some(to) = &check.to else { return Ok(()) };
        self.validate_side(&format!("{at}.to"), check, to)?;
        let subject = |side: &Side| (self.engine_of(side).to_owned(), self.threads_of(side), check.figure_of(side));
        if (&check.of.model, check.of.precision, subject(&check.of)) == (&to.model, to.precision, subject(to)) {
            return wrong(at, "compares a figure with itself");
        }
        let units = (check.figure_of(&check.of).unit(), check.figure_of(to).unit());
        if units.0 != units.1 {
            return wrong(at, format!("divides {} by {}", check.figure_of(&check.of), check.figure_of(to)));
        }
        Ok(())
    }

    fn validate_side(&self, at: &str, check: &Check, side: &Side) -> Result<(), StudyError> {
        let suite = &self.suite;
        let measured = |list: &[String], name: &str| list.iter().any(|known| known == name || known == EVERY);
        if !measured(&suite.models, &side.model) {
            return wrong(format!("{at}.model"), format!("'{}' is not in suite.models", side.model));
        }
        if !suite.precisions.contains(&side.precision) {
            return wrong(format!("{at}.precision"), format!("{} is not in suite.precisions", side.precision));
        }
        let engine = self.engine_of(side);
        if !measured(&suite.engines, engine) {
            return wrong(format!("{at}.engine"), format!("'{engine}' is not in suite.engines"));
        }
        let threads = self.threads_of(side);
        if !suite.threads.contains(&threads) {
            return wrong(format!("{at}.threads"), format!("{threads} is not in suite.threads"));
        }
        let figure = check.figure_of(side);
        if let Some(packaging) = figure.loaded_from().filter(|packaging| !suite.plan.packagings.contains(packaging)) {
            let what = format!("{figure} is not measured: add \"{}\" to suite.plan.packagings", packaging.name());
            return wrong(format!("{at}.figure"), what);
        }
        if figure.needs_frames() && suite.plan.frames == 0 {
            return wrong(format!("{at}.figure"), format!("{figure} is not measured: set suite.plan.frames"));
        }
        if figure.needs_energy() && suite.plan.energy.is_none() {
            return wrong(format!("{at}.figure"), format!("{figure} is not measured: set suite.plan.energy"));
        }
        if figure == Figure::Metric(crate::api::Metric::LatencyMean) {
            return wrong(format!("{at}.figure"), "latency_mean is what a program of its own printed; nothing is judged by it");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study() -> Study {
        let text = r#"{
            "name": "a-study", "title": "Is it so?",
            "claims": [{"claim": "It is so.", "source": "somebody", "checks": [{
                "says": "b is faster", "of": {"model": "b"}, "to": {"model": "a"}, "at_most": 1.0
            }]}],
            "suite": {"name": "a-study", "models": ["a", "b"], "together": ["model"]}
        }"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_study_of_few_words_is_whole() {
        let study = study();
        assert_eq!(study.validate(), Ok(()));
        let check = &study.claims[0].checks[0];
        assert_eq!((study.engine_of(&check.of), study.threads_of(&check.of)), ("tract", 1));
        assert_eq!(check.figure_of(&check.of), Figure::default());
        assert!((study.share_of(0.05) - 0.05).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_answered_is_refused_with_its_field() {
        let refused = |change: &dyn Fn(&mut Study), at: &str, words: &str| {
            let mut study = study();
            change(&mut study);
            let error = study.validate().unwrap_err();
            assert!(error.at == at && error.what.contains(words), "{error}");
        };
        let check = |change: &'static dyn Fn(&mut Check)| move |study: &mut Study| change(&mut study.claims[0].checks[0]);
        let at = "claims[0].checks[0]";
        refused(&|study| study.name = "A study".into(), "name", "hyphens");
        refused(&|study| study.sessions = 0, "sessions", "1 to");
        refused(&|study| study.claims.clear(), "claims", "empty");
        refused(&|study| study.claims[0].source = " ".into(), "claims[0].source", "empty");
        refused(&|study| study.suite.cores.push("0".parse().unwrap()), "suite", "one operating point");
        refused(&check(&|check| check.at_most = None), at, "no bound");
        refused(&check(&|check| check.at_most = Some(f64::NAN)), at, "above zero");
        refused(&check(&|check| check.at_least = Some(2.0)), at, "allows nothing");
        refused(&check(&|check| check.of.model = "c".into()), &format!("{at}.of.model"), "'c'");
        refused(&check(&|check| check.of.model = "a".into()), at, "itself");
        refused(&check(&|check| check.of.engine = Some("magic".into())), &format!("{at}.of.engine"), "magic");
        refused(&check(&|check| check.of.threads = Some(4)), &format!("{at}.of.threads"), "4 is not");
        refused(&check(&|check| check.of.figure = Some(Figure::Macs)), at, "divides macs by latency");
        let load = Figure::Metric(crate::api::Metric::LoadZstd);
        refused(&move |study| study.claims[0].checks[0].figure = load, &format!("{at}.of.figure"), "packagings");
        let frame = Figure::Metric(crate::api::Metric::Frame);
        refused(&move |study| study.claims[0].checks[0].figure = frame, &format!("{at}.of.figure"), "suite.plan.frames");
        let energy = Figure::Metric(crate::api::Metric::Energy);
        refused(&move |study| study.claims[0].checks[0].figure = energy, &format!("{at}.of.figure"), "suite.plan.energy");
    }

    #[test]
    fn unknown_keys_are_refused() {
        let mut value = serde_json::to_value(study()).unwrap();
        value["claims"][0]["checks"][0]["atmost"] = serde_json::Value::from(1.0);
        let error = serde_json::from_value::<Study>(value).unwrap_err();
        assert!(error.to_string().contains("unknown field `atmost`"), "{error}");
    }
}
