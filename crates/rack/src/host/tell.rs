//! What this host tells the server: how its phones are doing, and which of them shall get no work.

use benchrack_client::{Client, ClientError};
use benchrack_protocol::causes::chain;
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::rack::RackReport;
use tokio::sync::watch::Receiver;

/// The newest word on all phones.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) report: RackReport,
    pub(super) orders: Vec<Order>,
}

/// What is asked of the server for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// No more work, for this reason.
    Quarantine(DeviceId, String),
    /// Work again.
    Readmit(DeviceId),
}

/// Tells the newest word until nobody has one any more. A server that is away hears the next one, and orders are given again
/// as long as they are needed.
pub(super) async fn tell(client: Client, host: String, mut words: Receiver<Option<Word>>) {
    while words.changed().await.is_ok() {
        let Some(Word { report, orders }) = words.borrow_and_update().clone() else { continue };
        if let Err(error) = all_of_it(&client, &host, &report, &orders).await {
            tracing::warn!(error = chain(&error), "the server is not told how this rack is doing");
        }
    }
}

async fn all_of_it(client: &Client, host: &str, report: &RackReport, orders: &[Order]) -> Result<(), ClientError> {
    client.report_rack(host, report).await?;
    for order in orders {
        match order {
            Order::Quarantine(device, reason) => client.quarantine(*device, reason).await.map(drop)?,
            Order::Readmit(device) => client.readmit(*device).await.map(drop)?,
        }
    }
    Ok(())
}
