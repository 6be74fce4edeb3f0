//! Columns to values: each conversion that can fail names table, column and row.

use std::str::FromStr;

use benchrack_protocol::ids::ArtifactId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DbError;

/// Where a value was read, for its error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    table: &'static str,
    column: &'static str,
    row: i64,
}

/// Names a cell.
pub(crate) fn cell(table: &'static str, column: &'static str, row: i64) -> Cell {
    Cell { table, column, row }
}

impl Cell {
    fn wrong(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbError {
        DbError::row(self.table, self.column, self.row, source)
    }

    /// A word that this version does not store.
    pub(crate) fn unknown(self, word: &str) -> DbError {
        self.wrong(format!("'{word}' is unknown to this version"))
    }

    /// A jsonb column, read as `column::text`.
    pub(crate) fn json<T: DeserializeOwned>(self, text: &str) -> Result<T, DbError> {
        serde_json::from_str(text).map_err(|error| self.wrong(error))
    }

    /// A text column that holds an enum's serde name.
    pub(crate) fn word<T: DeserializeOwned>(self, word: &str) -> Result<T, DbError> {
        T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(word)).map_err(|error| self.wrong(error))
    }

    /// A text column with a parser.
    pub(crate) fn parse<T: FromStr>(self, text: &str) -> Result<T, DbError>
    where
        T::Err: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        text.parse().map_err(|error: T::Err| self.wrong(error))
    }

    /// A digest.
    pub(crate) fn artifact(self, bytes: &[u8]) -> Result<ArtifactId, DbError> {
        bytes.try_into().map(ArtifactId).map_err(|error: std::array::TryFromSliceError| self.wrong(error))
    }

    /// Bytes of a fixed number: a key, a signature.
    pub(crate) fn array<const N: usize>(self, bytes: &[u8]) -> Result<[u8; N], DbError> {
        bytes.try_into().map_err(|error: std::array::TryFromSliceError| self.wrong(error))
    }

    /// A number that is never negative or too large for its place.
    pub(crate) fn number<I, O>(self, number: I) -> Result<O, DbError>
    where
        O: TryFrom<I>,
        O::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        O::try_from(number).map_err(|error| self.wrong(error))
    }
}

/// The serde name of an enum's value, as stored and shown.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only unit variants are given here; the columns' constraints refuse anything else.
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}
