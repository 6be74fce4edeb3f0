//! What can go wrong between us and the database.

/// Why a question to the database has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The driver or the database failed.
    #[error("the database did not do as asked")]
    Sql(#[from] sqlx::Error),
    /// A stored value is not what this version stores.
    #[error("cannot read {table}.{column} of row {row}")]
    Row {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// The row's id.
        row: i64,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A write touched another number of rows than it must: somebody else's write came between.
    #[error("{statement} touched {touched} rows instead of one")]
    RowCount {
        /// What was to be written.
        statement: &'static str,
        /// Rows that it touched.
        touched: u64,
    },
}

/// Which kind of trouble an error is, for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The same request may succeed later.
    Transient,
    /// The content cannot be stored: a NUL character, a number out of range.
    Content,
    /// A mistake of ours.
    Bug,
}

impl DbError {
    /// Sorts by SQLSTATE (PostgreSQL manual, appendix A).
    pub fn trouble(&self) -> Trouble {
        let Self::Sql(error) = self else { return Trouble::Bug };
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => Trouble::Transient,
            sqlx::Error::Database(error) => match error.code().as_deref().unwrap_or_default() {
                // Connection lost, resources gone, server going down, deadlock or serialisation failure, statement time-out.
                code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => Trouble::Transient,
                "40001" | "40P01" | "57014" | "55P03" => Trouble::Transient,
                // NUL in text, NUL in JSON, number out of range.
                "22021" | "22P05" | "22003" => Trouble::Content,
                _ => Trouble::Bug,
            },
            _ => Trouble::Bug,
        }
    }

    /// Whether a unique constraint of this name refused the write.
    pub fn breaks(&self, constraint: &str) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if error.constraint() == Some(constraint))
    }

    /// Whether the database's user may not do this.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501"))
    }

    pub(crate) fn row(
        table: &'static str,
        column: &'static str,
        row: i64,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Row { table, column, row, source: source.into() }
    }
}

/// Passes when exactly one row was touched.
pub(crate) fn one_row(statement: &'static str, touched: u64) -> Result<(), DbError> {
    if touched == 1 { Ok(()) } else { Err(DbError::RowCount { statement, touched }) }
}
