//! Live events, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};
use tokio_stream::wrappers::BroadcastStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::events::FarmEvent;

/// Proxies cut connections that are silent for about a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The stream.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What happens on the farm from now on. Event names are `device`, `job`, `progress`, `stored`, `decided`, `alert`, `rack`, and
/// `lost` when some were missed; the data is JSON with ids, whose state is to be read again.
#[utoipa::path(get, path = "/events", tag = "results", responses((status = 200, content_type = "text/event-stream")))]
async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let heard = BroadcastStream::new(app.events().subscribe());
    let stopping = app.stopping().clone().cancelled_owned();
    let events = heard.map(|event| event.unwrap_or(FarmEvent::Lost)).filter_map(async |event| {
        let for_agents = matches!(event, FarmEvent::Work { .. });
        // Ids, words and numbers always have a JSON form.
        let data = serde_json::to_string(&event).unwrap_or_default();
        (!for_agents).then(|| Ok(Event::default().event(event.name()).data(data)))
    });
    Sse::new(events.take_until(stopping)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}
