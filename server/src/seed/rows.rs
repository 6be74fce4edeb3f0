//! Rows in the text form of COPY (PostgreSQL manual, "COPY", text format): cells apart by tabs, `\N` for null.

use std::fmt::{self, Display, Write};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::db::seed::Table;

/// Rows by table, in COPY's text form, ready to be written.
pub type Sheets = Vec<(Table, Vec<u8>)>;

/// Rows of one table in the making.
#[derive(Debug, Default)]
pub struct Rows {
    text: Vec<u8>,
    in_row: bool,
}

/// Escapes what COPY would take for its own.
struct Escaped<'a>(&'a mut Vec<u8>);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'\\' => self.0.extend(b"\\\\"),
                b'\t' => self.0.extend(b"\\t"),
                b'\n' => self.0.extend(b"\\n"),
                b'\r' => self.0.extend(b"\\r"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

impl Rows {
    fn begin(&mut self) {
        if self.in_row {
            self.text.push(b'\t');
        }
        self.in_row = true;
    }

    /// A value in its text form.
    pub fn cell(&mut self, value: impl Display) -> &mut Self {
        self.begin();
        // Writing to memory does not fail.
        let _ = write!(Escaped(&mut self.text), "{value}");
        self
    }

    /// Null.
    pub fn null(&mut self) -> &mut Self {
        self.begin();
        self.text.extend(b"\\N");
        self
    }

    /// A value that may be null.
    pub fn maybe(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.cell(value),
            None => self.null(),
        }
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.cell(format_args!("\\x{}", hex::encode(bytes)))
    }

    /// An instant.
    pub fn time(&mut self, at: OffsetDateTime) -> &mut Self {
        self.cell(at.format(&Rfc3339).unwrap_or_default())
    }

    /// Ends the row.
    pub fn end(&mut self) {
        self.text.push(b'\n');
        self.in_row = false;
    }

    /// What was written.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_apart_and_what_copy_would_take_for_its_own_is_escaped() {
        let mut rows = Rows::default();
        rows.cell(1).cell("a\tb\\N\nc").null().bytes(&[0, 255]).maybe(None::<i32>).maybe(Some(0.5)).end();
        rows.cell("next").end();
        let text = String::from_utf8(rows.into_text()).unwrap();
        assert_eq!(text, "1\ta\\tb\\\\N\\nc\t\\N\t\\\\x00ff\t\\N\t0.5\nnext\n");
    }
}
