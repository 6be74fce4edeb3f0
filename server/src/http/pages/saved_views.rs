//! Keeping a view under a name, and forgetting it, by the forms of the pages.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use axum::{Extension, Form};
use benchrack_dashboards::link;
use serde::Deserialize;

use super::answer::{see_other, unreadable_form};
use crate::app::{App, Caller};
use crate::refusal::Refusal;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    name: String,
    path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgotten {
    view: i64,
}

pub(super) async fn save(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    form: Result<Form<Kept>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Kept { name, path }) = form.map_err(|error| unreadable_form(&error.body_text()))?;
    app.save_view(&name, &path, &caller).await?;
    Ok(see_other(link::HOME))
}

pub(super) async fn remove(State(app): State<App>, form: Result<Form<Forgotten>, FormRejection>) -> Result<Response, Refusal> {
    let Form(Forgotten { view }) = form.map_err(|error| unreadable_form(&error.body_text()))?;
    app.remove_view(view).await?;
    Ok(see_other(link::HOME))
}
