//! Keeping a view under a name, and forgetting it, by the forms of the pages.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use axum::{Extension, Form};
use benchrack_dashboards::link;
use benchrack_protocol::problem::ProblemCode;
use serde::Deserialize;

use super::answer::see_other;
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

fn read<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Refusal> {
    match form {
        Ok(Form(form)) => Ok(form),
        Err(error) => Err(Refusal::new(ProblemCode::Malformed, format!("the form cannot be read: {}", error.body_text()))),
    }
}

pub(super) async fn save(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    form: Result<Form<Kept>, FormRejection>,
) -> Result<Response, Refusal> {
    let Kept { name, path } = read(form)?;
    app.save_view(&name, &path, &caller).await?;
    Ok(see_other(link::HOME))
}

pub(super) async fn remove(State(app): State<App>, form: Result<Form<Forgotten>, FormRejection>) -> Result<Response, Refusal> {
    let Forgotten { view } = read(form)?;
    app.remove_view(view).await?;
    Ok(see_other(link::HOME))
}
