//! The rack: every device.

use benchrack_dashboards::view::{Queue, RackView};

use super::super::{Database, DbError, jobs, racks};
use super::cards;

/// The page.
pub async fn view(db: &Database) -> Result<RackView, DbError> {
    Ok(RackView { devices: cards::all_with_levels(db).await?, queue: queue(db).await?, hosts: racks::list(db).await? })
}

/// Work that is not done yet.
pub(super) async fn queue(db: &Database) -> Result<Queue, DbError> {
    let (queued, leased) = jobs::count_open(db).await?;
    Ok(Queue { queued, leased })
}
