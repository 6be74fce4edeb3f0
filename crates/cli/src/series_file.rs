//! Series from files that people have: JSON, CSV, or one number a line.
//!
//! Reading and understanding are apart: [`parse`] takes text and is pure. Whatever is wrong is told with the line and
//! the column, because nobody finds a bad cell among ten thousand otherwise.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// A series with the name that its file gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesFile {
    /// From the JSON's `name` or the CSV's head.
    pub name: Option<String>,
    /// Values in order, all finite, at least one.
    pub values: Vec<f64>,
}

/// The JSON forms: bare numbers, or an object with a name and more that is of no interest here.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected [1, 2, …] or {\"name\": …, \"values\": [1, 2, …]} without missing values")]
enum Json {
    Bare(Vec<f64>),
    Named { name: Option<String>, values: Vec<f64> },
}

/// Understands a series; `column` chooses one of a table by its name or its number from 1.
///
/// # Errors
/// When the text is no series; the message names line and column.
pub fn parse(text: &str, column: Option<&str>) -> anyhow::Result<SeriesFile> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let series = match first {
        None => bail!("the file has no values"),
        Some(line) if line.starts_with(['{', '[']) => json(text)?,
        Some(line) => table(text, delimiter(line), column)?,
    };
    ensure!(!series.values.is_empty(), "the file has no values");
    Ok(series)
}

fn json(text: &str) -> anyhow::Result<SeriesFile> {
    // A syntax error knows its line and column; what does not fit is told by what would.
    serde_json::from_str::<serde::de::IgnoredAny>(text).context("this is no JSON")?;
    Ok(match serde_json::from_str(text)? {
        Json::Bare(values) => SeriesFile { name: None, values },
        Json::Named { name, values } => SeriesFile { name, values },
    })
}

/// The separator of the first line: a tab, a semicolon or a comma. A line with none is a table of one column.
fn delimiter(line: &str) -> u8 {
    [b'\t', b';'].into_iter().find(|&separator| line.contains(char::from(separator))).unwrap_or(b',')
}

fn table(text: &str, delimiter: u8, column: Option<&str>) -> anyhow::Result<SeriesFile> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let rows = reader.records().collect::<Result<Vec<_>, _>>().context("this is no table")?;
    let Some((first, rest)) = rows.split_first() else { bail!("the file has no values") };
    let head = if first.iter().any(is_number) { None } else { Some(first) };
    let body = if head.is_some() { rest } else { &rows[..] };
    let chosen = choose(head, body, first.len(), column)?;
    let cell = |row: &csv::StringRecord| {
        let cell = row.get(chosen).unwrap_or_default();
        let at = || format!("line {}, column {}", line(text, row), chosen + 1);
        let value: f64 = cell.parse().ok().with_context(|| format!("{}: {cell:?} is no number", at()))?;
        ensure!(value.is_finite(), "{}: {cell} is not finite", at());
        Ok(value)
    };
    let values = body.iter().map(cell).collect::<anyhow::Result<_>>()?;
    Ok(SeriesFile { name: head.and_then(|head| head.get(chosen)).map(str::to_owned), values })
}

/// The line of a row. The reader gives the place where it began to look for the row, before empty lines and comments.
fn line(text: &str, row: &csv::StringRecord) -> u64 {
    let Some(position) = row.position() else { return 0 };
    let from_there = text.get(position.byte() as usize..).unwrap_or_default();
    let skipped = from_there.lines().take_while(|line| line.is_empty() || line.starts_with('#')).count();
    position.line() + skipped as u64
}

fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

/// The column asked for, or the only one that holds numbers.
fn choose(
    head: Option<&csv::StringRecord>,
    body: &[csv::StringRecord],
    width: usize,
    column: Option<&str>,
) -> anyhow::Result<usize> {
    let names = || match head {
        Some(head) => head.iter().collect::<Vec<_>>().join(", "),
        None => format!("1 to {width}"),
    };
    if let Some(column) = column {
        let by_name = head.and_then(|head| head.iter().position(|name| name == column));
        let by_number = || column.parse().ok().filter(|number| (1..=width).contains(number)).map(|number| number - 1);
        return by_name.or_else(by_number).with_context(|| format!("there is no column {column:?}: choose one of {}", names()));
    }
    let Some(row) = body.first() else { bail!("the file has a head and no values") };
    let numeric: Vec<usize> = (0..width).filter(|&nth| row.get(nth).is_some_and(is_number)).collect();
    match numeric[..] {
        [only] => Ok(only),
        // A table of one column that is not a number: the cell itself is worth naming.
        [] if width == 1 => Ok(0),
        [] => bail!("no column of the first row holds a number"),
        _ => bail!("several columns hold numbers: choose one with --column, by name or number: {}", names()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, column: Option<&str>) -> Vec<f64> {
        parse(text, column).unwrap().values
    }

    fn error(text: &str, column: Option<&str>) -> String {
        format!("{:#}", parse(text, column).unwrap_err())
    }

    #[test]
    fn json_csv_and_bare_numbers_are_understood() {
        let named = parse(r#"{"name": "latency", "n": 2, "values": [1, 2.5], "annotations": {"6": [1]}}"#, None).unwrap();
        assert_eq!(named, SeriesFile { name: Some("latency".into()), values: vec![1.0, 2.5] });
        assert_eq!(values("[3, 4]", None), [3.0, 4.0]);
        assert_eq!(values("# ms\n1\n\n 2 \n3e0\n", None), [1.0, 2.0, 3.0]);
        assert_eq!(values("\u{feff}commit,ms\nab12,1.5\ncd34,2\n", None), [1.5, 2.0]);
        assert_eq!(values("ms;mb\n1;10\n2;20\n", Some("mb")), [10.0, 20.0]);
        assert_eq!(values("1\t10\n2\t20\n", Some("2")), [10.0, 20.0]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_column() {
        assert_eq!(error("", None), "the file has no values");
        assert_eq!(error("# nothing\n", None), "the file has no values");
        assert_eq!(error("1\n2\nthree\n", None), "line 3, column 1: \"three\" is no number");
        assert_eq!(error("commit,ms\na,1\n\nb,inf\n", None), "line 4, column 2: inf is not finite");
        assert!(error("a,b\n1,2\n", None).contains("choose one with --column, by name or number: a, b"));
        assert!(error("a,b\n1,2\n", Some("c")).contains("there is no column \"c\": choose one of a, b"));
        assert!(error("a,b\n1,2\n3\n", Some("a")).contains("line: 3"), "{}", error("a,b\n1,2\n3\n", Some("a")));
        assert!(error("[1, 2", None).contains("line 1 column 5"), "{}", error("[1, 2", None));
        assert!(error("[1, null]", None).contains("without missing values"), "{}", error("[1, null]", None));
        assert!(error("{\"points\": [1]}", None).contains("\"values\""));
        assert_eq!(error("[]", None), "the file has no values");
    }
}
