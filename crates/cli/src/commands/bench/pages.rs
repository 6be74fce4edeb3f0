//! `benchrack bench pages`: how long a server takes for each of its pages, by its own word.

use std::time::Duration;

use benchrack_client::Client;
use benchrack_stats::Samples;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::exit::{Blame, Exit, Failure, Outcome, infrastructure};
use crate::output::{self, Progress};

/// Requests of each page before it is timed.
const WARM_UP: usize = 5;

/// Time every page of a running server: the server's own time from request to document, and the document's size.
///
/// Lists lead to one of each kind: the first device, the newest run and session, a series with its longest range. Run it on the
/// server's own machine with nothing else to do.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  benchrack bench pages\n  benchrack bench pages --times 500 --at-most 50ms   # exit 1 when a page's p99 is above"
)]
pub struct Pages {
    /// Timed requests of each page.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Exit 1 when the 99th percentile of a page is above this.
    #[arg(long, value_parser = humantime::parse_duration)]
    at_most: Option<Duration>,
}

/// What was measured of a page.
#[derive(Debug, Serialize)]
struct Timed {
    path: String,
    median_ms: f64,
    p99_ms: f64,
    bytes: usize,
}

impl Pages {
    pub async fn run(self, context: &Context) -> Outcome {
        let client = context.client()?;
        let pages = pages(&client).await?;
        let progress = Progress::new(pages.len() as u64, "pages", context.quiet);
        let mut timed = Vec::with_capacity(pages.len());
        for path in &pages {
            progress.at(timed.len() as u64, pages.len() as u64, path);
            timed.push(time(&client, path, self.times).await?);
        }
        progress.finish();
        let over = |page: &Timed| self.at_most.is_some_and(|most| page.p99_ms > most.as_secs_f64() * 1e3);
        let exit = if timed.iter().any(over) { Exit::Rejected } else { Exit::Pass };
        if context.json {
            output::json(&timed)?;
            return Ok(exit);
        }
        let mut table = output::table(["page", "median ms", "p99 ms", "kB", ""], &["median ms", "p99 ms", "kB"]);
        for page in &timed {
            table.add_row([
                page.path.clone(),
                format!("{:.2}", page.median_ms),
                format!("{:.2}", page.p99_ms),
                format!("{:.1}", page.bytes as f64 / 1e3),
                if over(page) { "above" } else { "" }.into(),
            ]);
        }
        output::line(table)?;
        Ok(exit)
    }
}

async fn time(client: &Client, path: &str, times: u32) -> Result<Timed, Failure> {
    let (mut took, mut bytes) = (Vec::new(), 0);
    for nth in 0..WARM_UP + times as usize {
        let page = client.page(path).await?;
        let time =
            page.took.ok_or_else(|| infrastructure(format!("{path} came without Server-Timing: ask the server itself")))?;
        if nth >= WARM_UP {
            took.push(time.as_secs_f64() * 1e3);
        }
        bytes = page.body.len();
    }
    let took = Samples::new(took).infrastructure("no time was measured")?;
    Ok(Timed { path: path.into(), median_ms: took.quantile(0.5), p99_ms: took.quantile(0.99), bytes })
}

/// One page of each kind that the farm has.
async fn pages(client: &Client) -> Result<Vec<String>, Failure> {
    let mut pages: Vec<String> = LISTS.map(str::to_owned).into();
    let (home, rack) = (view(client, "/view.json").await?, view(client, "/rack/view.json").await?);
    let (compare, models) = (view(client, "/compare/view.json").await?, view(client, "/models/view.json").await?);
    let first = |view: &Value, pointer: &str| view.pointer(pointer).and_then(Value::as_i64);
    if let Some(device) = first(&rack, "/devices/0/id") {
        pages.extend([format!("/devices/{device}"), format!("/compare?device={device}"), format!("/series?device={device}")]);
    }
    pages.extend(first(&rack, "/devices/0/newest/0/id").map(|run| format!("/runs/{run}")));
    pages.extend(first(&home, "/sessions/0/id").map(|session| format!("/sessions/{session}")));
    // A subject of what is measured most, whose series is long.
    if let Some(id) = first(&compare, "/devices/0/rows/0/series") {
        pages.extend([format!("/series/{id}"), format!("/series/{id}?points=10000"), format!("/series/{id}/series.svg")]);
    }
    pages.extend(first(&models, "/rows/0/id").map(|model| format!("/models?of={model}")));
    for list in ["gates", "alerts", "studies"] {
        let listed = view(client, &format!("/{list}/view.json")).await?;
        pages.extend(first(&listed, "/rows/0/id").map(|id| format!("/{list}/{id}")));
    }
    Ok(pages)
}

const LISTS: [&str; 12] = [
    "/",
    "/rack",
    "/models",
    "/engines",
    "/compare",
    "/compare/table.csv",
    "/series",
    "/series?metric=load",
    "/gates",
    "/alerts",
    "/self-test",
    "/studies",
];

async fn view(client: &Client, path: &str) -> Result<Value, Failure> {
    serde_json::from_str(&client.page(path).await?.body).infrastructure(format!("{path} is not JSON"))
}
