//! Views under a name: addresses of pages that the farm's people keep.

use benchrack_dashboards::local_path;
use benchrack_protocol::problem::ProblemCode;

use super::{App, Caller, check_text};
use crate::db;
use crate::refusal::Refusal;

/// More than a list can be looked through.
const MOST: i64 = 200;
const LONGEST_NAME: usize = 100;
/// A comparison with every choice made is far below.
const LONGEST_PATH: usize = 2_000;

impl App {
    /// Keeps the address of a page under a name.
    ///
    /// # Errors
    /// A name or address that makes no sense; a name that is taken, or too many views, are a conflict.
    pub async fn save_view(&self, name: &str, path: &str, caller: &Caller) -> Result<(), Refusal> {
        let name = name.trim();
        check_text("name", name, LONGEST_NAME)?;
        check_text("path", path, LONGEST_PATH)?;
        if local_path(path) != path {
            return Err(Refusal::invalid(format!("path: '{path}' is not the path of a page of this server")));
        }
        let mut tx = self.db().begin().await?;
        let kept = db::saved_views::save(&mut tx, (name, path), MOST, caller.token, self.now()).await?;
        tx.commit().await?;
        if kept {
            return Ok(());
        }
        let why = format!("name: there is a view named '{name}' already, or there are {MOST}: remove one on the first page");
        Err(Refusal::new(ProblemCode::Conflict, why))
    }

    /// Forgets a view.
    ///
    /// # Errors
    /// Unknown view.
    pub async fn remove_view(&self, id: i64) -> Result<(), Refusal> {
        let mut tx = self.db().begin().await?;
        let there = db::saved_views::remove(&mut tx, id).await?;
        tx.commit().await?;
        if there { Ok(()) } else { Err(Refusal::not_found("saved view", id)) }
    }
}
