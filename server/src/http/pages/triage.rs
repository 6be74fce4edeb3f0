//! Deciding about alerts from their pages: one, or all that were chosen.

use axum::Extension;
use axum::extract::rejection::RawFormRejection;
use axum::extract::{RawForm, State};
use axum::response::Response;
use benchrack_dashboards::local_path;
use benchrack_protocol::alert::{NewTriage, TriageState};
use benchrack_protocol::ids::AlertId;
use benchrack_protocol::problem::ProblemCode;
use time::Duration;

use super::answer::{see_other, unreadable_form};
use crate::app::{App, Caller};
use crate::refusal::Refusal;

/// A decision takes no longer than this.
const MOST_DAYS: i64 = 365;

/// What the form sent. An alert is named as often as alerts were chosen.
#[derive(Debug, Default, PartialEq)]
struct Form {
    alerts: Vec<AlertId>,
    state: Option<TriageState>,
    owner: Option<String>,
    reason: Option<String>,
    days: Option<i64>,
    back: String,
}

impl Form {
    fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(bytes) {
            let value = value.trim();
            let wrong = |wanted: &str| Refusal::invalid(format!("{name}: '{value}' is not {wanted}"));
            match name.as_ref() {
                "alert" => form.alerts.push(value.parse().map_err(|_| wrong("the number of an alert"))?),
                "state" => {
                    let state = TriageState::ALL.into_iter().find(|state| state.name() == value);
                    form.state = Some(state.ok_or_else(|| wrong("a state of triage"))?);
                }
                "back" => form.back = value.to_owned(),
                _ if value.is_empty() => {}
                "owner" => form.owner = Some(value.to_owned()),
                "reason" => form.reason = Some(value.to_owned()),
                "days" => {
                    let days = value.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
                    form.days = Some(days.ok_or_else(|| wrong("a number of days from 1 to 365"))?);
                }
                _ => return Err(Refusal::new(ProblemCode::Malformed, format!("the form has no field {name}"))),
            }
        }
        Ok(form)
    }

    /// The decision; what a state does not take is left out, because the form has every field.
    fn decision(&self, app: &App) -> Result<NewTriage, Refusal> {
        let state = self.state.ok_or_else(|| Refusal::invalid("state: none was chosen"))?;
        let due = self.days.map(|days| app.now() + Duration::days(days));
        let (confirmed, ignored) = (state == TriageState::Confirmed, state == TriageState::Ignored);
        Ok(NewTriage {
            state,
            owner: self.owner.clone(),
            reason: self.reason.clone().filter(|_| ignored || state == TriageState::Expected),
            due_at: due.filter(|_| confirmed || ignored),
        })
    }
}

pub(super) async fn decide(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Refusal> {
    let RawForm(bytes) = form.map_err(|error| unreadable_form(&error.body_text()))?;
    let form = Form::of(&bytes)?;
    let decision = form.decision(&app)?;
    if form.alerts.is_empty() {
        return Err(Refusal::invalid("alert: none was chosen"));
    }
    for (done, alert) in form.alerts.iter().enumerate() {
        app.triage(*alert, &decision, &caller).await.map_err(|mut refusal| {
            refusal.detail = format!("alert {alert}: {}; {done} of {} were decided before it", refusal.detail, form.alerts.len());
            refusal
        })?;
    }
    Ok(see_other(local_path(&form.back)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_many_alerts_and_leaves_fields_empty() {
        let form = Form::of(b"alert=3&alert=5&state=ignored&owner=&reason=known+bug&days=30&back=%2Falerts").unwrap();
        let known = Form {
            alerts: vec![AlertId(3), AlertId(5)],
            state: Some(TriageState::Ignored),
            reason: Some("known bug".into()),
            days: Some(30),
            back: "/alerts".into(),
            owner: None,
        };
        assert_eq!(form, known);
        for wrong in ["alert=x", "state=gone", "days=0", "days=400", "size=3"] {
            assert!(Form::of(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
