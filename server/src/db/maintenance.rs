//! Housekeeping that only one server does at a time.

use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;

use super::{Database, DbError};

/// Takes the housekeeper's lock for as long as the transaction lives; none when another server has it.
pub async fn housekeeper(db: &Database) -> Result<Option<Transaction<'static, Postgres>>, DbError> {
    let mut tx = db.begin().await?;
    let got = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('benchrack.housekeeping')) as "got!""#)
        .fetch_one(&mut *tx)
        .await?;
    Ok(got.then_some(tx))
}

/// Makes the sample partition of this moment's month where it is absent.
pub async fn ensure_partition(db: &mut PgConnection, moment: OffsetDateTime) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(r#"select ensure_sample_partition($1) as "made!""#, moment).fetch_one(db).await?)
}
