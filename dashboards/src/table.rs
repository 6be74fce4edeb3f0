//! Tables as CSV files (RFC 4180): raw figures in base units, named in the heading, nothing rounded.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::RenderError;

/// A CSV file in the making.
pub(crate) struct Table(csv::Writer<Vec<u8>>, Option<csv::Error>);

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let failed = writer.write_record(heading).err();
        Self(writer, failed)
    }

    pub(crate) fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) -> Result<(), RenderError> {
        self.0.write_record(cells.into_iter().collect::<Vec<_>>()).map_err(|error| RenderError::Csv(error.into()))
    }

    pub(crate) fn finish(self) -> Result<String, RenderError> {
        if let Some(error) = self.1 {
            return Err(RenderError::Csv(error.into()));
        }
        let bytes = self.0.into_inner().map_err(|error| RenderError::Csv(error.to_string().into()))?;
        String::from_utf8(bytes).map_err(|error| RenderError::Csv(error.into()))
    }

    /// A text by others. One that a spreadsheet would take for a formula gets an apostrophe in front.
    pub(crate) fn text(text: &str) -> String {
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
    }

    /// The word that an enum has on the wire.
    pub(crate) fn word(value: &impl Serialize) -> String {
        #[derive(Serialize)]
        struct Row<'a, T>(&'a T);
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let written = writer.serialize(Row(value)).ok().and_then(|()| writer.into_inner().ok());
        written.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default().trim_end().to_owned()
    }

    /// An instant in UTC, RFC 3339.
    pub(crate) fn time(at: OffsetDateTime) -> String {
        at.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
    }

    /// A value that may be missing: an empty cell.
    pub(crate) fn maybe(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        let mut table = Table::new(&["name", "value"]);
        table.row([Table::text("a \"b\", c\nd"), "1.5".into()]).unwrap();
        table.row([Table::text("=cmd()"), Table::maybe(None::<f64>)]).unwrap();
        assert_eq!(table.finish().unwrap(), "name,value\r\n\"a \"\"b\"\", c\nd\",1.5\r\n'=cmd(),\r\n");
    }

    #[test]
    fn enums_are_written_as_on_the_wire() {
        assert_eq!(Table::word(&benchrack_protocol::device::Reality::Simulated), "simulated");
        assert_eq!(Table::word(&benchrack_protocol::model::Precision::Int8), "int8");
    }
}
