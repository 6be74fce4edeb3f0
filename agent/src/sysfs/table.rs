//! Tables with tab-separated columns that stand beside the files of a captured device: series, zones, refused files.

/// A table by its column names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns, in lower case.
    pub columns: Vec<String>,
    /// Cells, trimmed; a row may be short.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a text; empty lines are skipped. A text without a header is an empty table. Of several rows the last is left
    /// out where its line does not end: it was cut off.
    pub fn parse(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty());
        let cells = |line: &str| line.split('\t').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let columns = lines.next().map(|line| cells(&line.to_lowercase())).unwrap_or_default();
        let mut rows: Vec<_> = lines.map(cells).collect();
        if rows.len() > 1 && !text.ends_with(['\n', '\r']) {
            rows.pop();
        }
        Self { columns, rows }
    }

    /// Place of the first column that one of these names has.
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns.iter().position(|column| column == name))
    }

    /// A cell; none where the row is short or the cell is empty.
    pub fn cell<'a>(&'a self, row: &'a [String], column: Option<usize>) -> Option<&'a str> {
        row.get(column?).map(String::as_str).filter(|cell| !cell.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_survive_byte_order_marks_carriage_returns_and_short_rows() {
        let table = Table::parse("\u{feff}Second\tcurrent_now\r\n0\t-5\r\n\r\n1\r\n");
        assert_eq!(table.columns, ["second", "current_now"]);
        let current = table.column(&["raw", "current_now"]);
        let cells: Vec<_> = table.rows.iter().map(|row| table.cell(row, current)).collect();
        assert_eq!(cells, [Some("-5"), None]);
        assert_eq!(Table::parse(""), Table::default());
        assert_eq!(Table::parse("a\n1\n2").rows, [["1"]], "the last row was cut off");
    }
}
