//! How soon a reader can use each page, in a real browser: when its scripts have run and no task keeps the browser busy any
//! more. It prints and judges nothing, because that depends on the machine; docs/dashboard.md has the command.

use benchrack_client::Client;
use benchrack_stats::Samples;

use crate::accessibility::{pages, seeded};
use crate::browser::Browser;
use crate::farm;

/// Names a server to ask in place of one on a small history.
const SERVER: &str = "BENCHRACK_TEST_SERVER";
/// Times that each page is opened, after once.
const TIMES: usize = 9;

/// Milliseconds since the page was asked for: until its answer was there, until its scripts had run or, where that was later,
/// the last task above 50 ms had ended (W3C Long Tasks), and until all of it had loaded. It looks half a second later.
const TIMINGS: &str = "
    const done = arguments[arguments.length - 1];
    let busy = 0;
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) busy = Math.max(busy, task.startTime + task.duration);
    }).observe({ type: 'longtask', buffered: true });
    setTimeout(() => {
        const page = performance.getEntriesByType('navigation')[0];
        done([page.responseEnd, Math.max(page.domContentLoadedEventEnd, busy), page.loadEventEnd]);
    }, 500);";

#[tokio::test]
#[ignore = "measures, and judges nothing; cargo test --workspace --test it -- --ignored --nocapture interactive"]
async fn pages_are_interactive_after() {
    let _cores = farm::CORES.write().await;
    let Some(browser) = Browser::start().await else { return };
    let folder = farm::folder();
    let (home, _own) = match std::env::var(SERVER) {
        Ok(home) => (home, None),
        Err(_) => {
            let own = seeded(&folder);
            (own.url(), Some(own))
        }
    };
    println!(
        "{home}: median of {TIMES}, the longest in brackets, ms\n| page | answer | interactive | loaded |\n|---|--:|--:|--:|"
    );
    for path in pages(&Client::new(&home, None).unwrap()).await {
        let mut times = [const { Vec::new() }; 3];
        for nth in 0..=TIMES {
            browser.client.goto(&format!("{home}{path}")).await.unwrap();
            let timings: [f64; 3] = serde_json::from_value(browser.wait_for(TIMINGS).await).unwrap();
            for (times, time) in times.iter_mut().zip(timings).filter(|_| nth > 0) {
                times.push(time);
            }
        }
        let cells = times.map(|times| {
            let times = Samples::new(times).unwrap();
            format!("{:.0} ({:.0})", times.median(), times.quantile(1.0))
        });
        println!("| `{path}` | {} |", cells.join(" | "));
    }
    browser.close().await;
}
