//! One handler for each page.

use axum::extract::State;
use axum::response::Response;
use benchrack_dashboards::view::{AlertView, SelfTestView};
use benchrack_protocol::ids::{AlertId, DeviceId, GateId, RunId, SeriesId, SessionId, StudyId};
use benchrack_protocol::problem::ProblemCode;
use serde::Deserialize;

use super::answer::Reader;
use crate::app::App;
use crate::db::pages;
use crate::http::extract::{Path, Query};
use crate::refusal::Refusal;

/// The id in an address; what stands behind it is read by [`Reader`].
#[derive(Debug, Deserialize)]
pub(super) struct At<T> {
    id: T,
}

type Answer = Result<Response, Refusal>;

pub(super) async fn home(State(app): State<App>, reader: Reader) -> Answer {
    reader.answer(pages::home::view(app.db(), app.now()).await?).await
}

pub(super) async fn rack(State(app): State<App>, reader: Reader) -> Answer {
    reader.answer(pages::rack::view(app.db()).await?).await
}

pub(super) async fn device(
    State(app): State<App>,
    Path(At { id }): Path<At<DeviceId>>,
    Query(choice): Query<pages::device::Choice>,
    reader: Reader,
) -> Answer {
    let view = pages::device::view(app.db(), id, &choice).await?;
    reader.answer(view.ok_or_else(|| Refusal::not_found("device", id))?).await
}

pub(super) async fn models(State(app): State<App>, Query(choice): Query<pages::models::Choice>, reader: Reader) -> Answer {
    let view = pages::models::view(app.db(), &choice).await?;
    reader.answer(view.ok_or_else(|| Refusal::new(ProblemCode::NotFound, "this model revision is not known here"))?).await
}

pub(super) async fn engines(State(app): State<App>, reader: Reader) -> Answer {
    reader.answer(pages::engines::view(app.db()).await?).await
}

pub(super) async fn compare(State(app): State<App>, Query(choice): Query<pages::compare::Choice>, reader: Reader) -> Answer {
    let view = pages::compare::view(app.db(), &choice).await?;
    reader
        .answer(view.ok_or_else(|| Refusal::new(ProblemCode::NotFound, "the device of this comparison is not known here"))?)
        .await
}

pub(super) async fn series_list(
    State(app): State<App>,
    Query(choice): Query<pages::series_list::Choice>,
    reader: Reader,
) -> Answer {
    reader.answer(pages::series_list::view(app.db(), &choice).await?).await
}

pub(super) async fn series(
    State(app): State<App>,
    Path(At { id }): Path<At<SeriesId>>,
    Query(choice): Query<pages::series::Choice>,
    reader: Reader,
) -> Answer {
    let view = pages::series::view(app.db(), id, &choice).await?;
    reader.answer(view.ok_or_else(|| Refusal::not_found("series", id))?).await
}

pub(super) async fn run(State(app): State<App>, Path(At { id }): Path<At<RunId>>, reader: Reader) -> Answer {
    let view = pages::run::view(app.db(), id).await?;
    reader.answer(view.ok_or_else(|| Refusal::not_found("run", id))?).await
}

pub(super) async fn session(State(app): State<App>, Path(At { id }): Path<At<SessionId>>, reader: Reader) -> Answer {
    let view = pages::session::view(app.db(), id).await?;
    reader.answer(view.ok_or_else(|| Refusal::not_found("session", id))?).await
}

pub(super) async fn gates(State(app): State<App>, Query(choice): Query<pages::gates::Choice>, reader: Reader) -> Answer {
    reader.answer(pages::gates::list(app.db(), &choice).await?).await
}

pub(super) async fn gate(State(app): State<App>, Path(At { id }): Path<At<GateId>>, reader: Reader) -> Answer {
    let view = pages::gates::view(app.db(), id).await?;
    reader.answer(view.ok_or_else(|| Refusal::not_found("gate", id))?).await
}

pub(super) async fn alerts(State(app): State<App>, Query(choice): Query<pages::alerts::Choice>, reader: Reader) -> Answer {
    reader.answer(pages::alerts::list(app.db(), &choice).await?).await
}

pub(super) async fn alert(State(app): State<App>, Path(At { id }): Path<At<AlertId>>, reader: Reader) -> Answer {
    reader.answer(AlertView { alert: app.alert(id).await? }).await
}

pub(super) async fn self_test(State(app): State<App>, reader: Reader) -> Answer {
    reader.answer(SelfTestView { report: app.self_test().await? }).await
}

pub(super) async fn search(State(app): State<App>, Query(choice): Query<pages::search::Choice>, reader: Reader) -> Answer {
    reader.answer(pages::search::view(app.db(), &choice).await?).await
}

pub(super) async fn studies(State(app): State<App>, Query(choice): Query<pages::studies::Choice>, reader: Reader) -> Answer {
    reader.answer(pages::studies::list(app.db(), &choice).await?).await
}

pub(super) async fn study(State(app): State<App>, Path(At { id }): Path<At<StudyId>>, reader: Reader) -> Answer {
    let report = app.study(id).await?;
    reader.answer(pages::studies::view(app.db(), report).await?).await
}
