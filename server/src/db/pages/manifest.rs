//! What pages show of a model's manifest; references and operators, its largest parts, stay in the database.

use std::collections::HashMap;

use benchrack_protocol::model::{Fidelity, Published, TensorSpec};
use benchrack_protocol::packaging::PackageSize;
use benchrack_protocol::units::Bytes;
use serde::Deserialize;

use super::super::column::cell;
use super::super::{Database, DbError};

/// The part of [`benchrack_protocol::model::Manifest`] that is shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shown {
    pub(super) family: String,
    pub(super) size: Bytes,
    pub(super) inputs: Vec<TensorSpec>,
    pub(super) parameters: Option<u64>,
    pub(super) macs: Option<u64>,
    pub(super) opset: u32,
    #[serde(default)]
    pub(super) published: Vec<Published>,
    #[serde(default)]
    pub(super) fidelity: Option<Fidelity>,
    #[serde(default)]
    pub(super) packages: Vec<PackageSize>,
    #[serde(default)]
    pub(super) licence: String,
    #[serde(default)]
    pub(super) claimed_accuracy: Option<f64>,
    pub(super) origin: String,
    #[serde(default)]
    pub(super) notes: Vec<String>,
}

/// What is shown of these models.
pub(super) async fn of(db: &Database, models: &[i64]) -> Result<HashMap<i64, Shown>, DbError> {
    let rows = sqlx::query!(
        r#"select id, (manifest - '{references,operators,generators,outputs}'::text[])::text as "shown!" from models where id = any($1)"#,
        models
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(|row| Ok((row.id, cell("models", "manifest", row.id).json(&row.shown)?))).collect()
}
