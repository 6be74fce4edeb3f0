//! Benchmark programs of other engines: their adapters as data, what to call them with, and what they print.
//!
//! The adapters that come with benchrack are in `config/adapters`; a person can write another for any program that
//! prints its figures one a line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use benchrack_protocol::adapter::{Adapter, Figure, FigurePattern, FigureUnit, MatchedLine, Summary};
use benchrack_protocol::model::TensorSpec;
use benchrack_protocol::units::{Bytes, Nanos};
use regex_lite::{Captures, Regex};

/// An adapter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The file cannot be read.
    #[error("cannot read the adapter {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is not in the format.
    #[error("{} is no adapter", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Line and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A pattern is no regular expression.
    #[error("the pattern '{pattern}' of {what} is no regular expression with a group")]
    Pattern {
        /// Of which figure.
        what: String,
        /// As written.
        pattern: String,
        /// Why not; none when it only lacks a group.
        #[source]
        source: Option<regex_lite::Error>,
    },
    /// A unit does not fit its figure.
    #[error("the figure {figure:?} cannot be in {unit:?}: times are in ns, us, ms or s, memory in B, KiB or MiB, a count in 1")]
    Unit {
        /// Which figure.
        figure: Figure,
        /// Its unit.
        unit: FigureUnit,
    },
    /// A word in braces that nobody knows, or that has no value here.
    #[error("the argument '{argument}' has {word}, {why}")]
    Word {
        /// The argument.
        argument: String,
        /// The word with its braces.
        word: String,
        /// What is possible.
        why: &'static str,
    },
    /// A number that cannot be one.
    #[error("the program printed '{text}' for {figure:?}, which is no such figure")]
    Number {
        /// Which figure.
        figure: Figure,
        /// As printed.
        text: String,
    },
}

/// Reads and checks an adapter's file.
///
/// # Errors
/// When it cannot be read, has unknown keys, or a pattern or a unit makes no sense.
pub fn load(path: &Path) -> Result<Adapter, AdapterError> {
    let text = std::fs::read_to_string(path).map_err(|source| AdapterError::Read { path: path.into(), source })?;
    let adapter: Adapter =
        toml::from_str(&text).map_err(|source| AdapterError::Parse { path: path.into(), source: Box::new(source) })?;
    Reader::new(&adapter)?;
    Ok(adapter)
}

/// What the words in an adapter's arguments stand for.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// `{model}`: the model's file.
    pub model: &'a Path,
    /// `{folder}`: a folder that holds this model alone.
    pub folder: &'a Path,
    /// `{threads}`.
    pub threads: u16,
    /// `{runs}`: inferences to measure.
    pub runs: u32,
    /// `{warmup}`: inferences before them.
    pub warmup: u32,
    /// `{channels}`, `{height}`, `{width}`: of the first input, N, C, H, W.
    pub input: Option<&'a TensorSpec>,
}

/// The arguments of one call. Nothing but the words is interpreted, no shell is involved.
///
/// # Errors
/// [`AdapterError::Word`].
pub fn arguments(adapter: &Adapter, words: Words<'_>) -> Result<Vec<OsString>, AdapterError> {
    adapter.arguments.iter().map(|argument| fill(argument, words)).collect()
}

fn fill(argument: &str, words: Words<'_>) -> Result<OsString, AdapterError> {
    let mut filled = OsString::new();
    let mut rest = argument;
    while let Some((before, after)) = rest.split_once('{') {
        let wrong = |word: String, why| AdapterError::Word { argument: argument.to_owned(), word, why };
        let Some((word, after)) = after.split_once('}') else {
            return Err(wrong("a brace that does not close".into(), "write both"));
        };
        filled.push(before);
        let side = |place: usize| {
            let shape = words.input.map(|input| input.shape.as_slice()).filter(|shape| shape.len() == 4);
            let size = shape.and_then(|shape| shape.get(place)).map(ToString::to_string);
            size.ok_or_else(|| wrong(format!("{{{word}}}"), "but the manifest names no input of four dimensions"))
        };
        match word {
            "model" => filled.push(words.model),
            "folder" => filled.push(words.folder),
            "threads" => filled.push(words.threads.to_string()),
            "runs" => filled.push(words.runs.to_string()),
            "warmup" => filled.push(words.warmup.to_string()),
            "channels" => filled.push(side(1)?),
            "height" => filled.push(side(2)?),
            "width" => filled.push(side(3)?),
            _ => {
                return Err(wrong(
                    format!("{{{word}}}"),
                    "which is none of {model}, {folder}, {threads}, {runs}, {warmup}, {channels}, {height}, {width}",
                ));
            }
        }
        rest = after;
    }
    filled.push(rest);
    Ok(filled)
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Its latencies.
    pub summary: Summary,
    /// Its load time.
    pub load: Option<Nanos>,
    /// Its first inference.
    pub first_inference: Option<Nanos>,
    /// The most memory it held.
    pub peak_rss: Option<Bytes>,
    /// Its version.
    pub version: Option<String>,
}

/// The patterns of an adapter, compiled.
pub struct Reader {
    figures: Vec<(FigurePattern, Regex)>,
    version: Option<Regex>,
    colours: Regex,
}

/// Control sequences of terminals: `ESC [ parameters letter` (ECMA-48, CSI).
const COLOURS: &str = "\u{1b}\\[[0-9;?]*[ -/]*[@-~]";

impl Reader {
    /// Compiles.
    ///
    /// # Errors
    /// [`AdapterError::Pattern`] and [`AdapterError::Unit`].
    pub fn new(adapter: &Adapter) -> Result<Self, AdapterError> {
        let mut figures = Vec::new();
        for pattern in &adapter.figures {
            if !fits(pattern.figure, pattern.unit) {
                return Err(AdapterError::Unit { figure: pattern.figure, unit: pattern.unit });
            }
            figures.push((pattern.clone(), compile(&pattern.pattern, format!("{:?}", pattern.figure))?));
        }
        let version = adapter.version.as_ref().map(|pattern| compile(pattern, "the version".into())).transpose()?;
        let colours = compile(&format!("({COLOURS})"), "the colours".into())?;
        Ok(Self { figures, version, colours })
    }

    /// The figures in what a program printed.
    ///
    /// # Errors
    /// [`AdapterError::Number`].
    pub fn read(&self, text: &str) -> Result<Said, AdapterError> {
        let plain = self.colours.replace_all(text, "");
        let lines: Vec<&str> = plain.lines().collect();
        let mut said = Said::default();
        for (pattern, regex) in &self.figures {
            let mut matches = lines.iter().filter_map(|line| regex.captures(line));
            let found = match pattern.line {
                MatchedLine::First => matches.next(),
                MatchedLine::Last => matches.last(),
            };
            let Some(text) = found.as_ref().and_then(group) else { continue };
            // Several patterns of one figure are wordings of several versions; whichever matches counts.
            said.put(pattern, text)?;
        }
        let version = self.version.as_ref().and_then(|regex| lines.iter().find_map(|line| regex.captures(line)));
        said.version = version.as_ref().and_then(group).map(str::to_owned);
        Ok(said)
    }
}

fn compile(pattern: &str, what: String) -> Result<Regex, AdapterError> {
    let wrong = |source| AdapterError::Pattern { what: what.clone(), pattern: pattern.to_owned(), source };
    let regex = Regex::new(pattern).map_err(|error| wrong(Some(error)))?;
    if regex.captures_len() < 2 { Err(wrong(None)) } else { Ok(regex) }
}

fn group<'h>(captures: &Captures<'h>) -> Option<&'h str> {
    captures.get(1).map(|group| group.as_str())
}

fn fits(figure: Figure, unit: FigureUnit) -> bool {
    use FigureUnit::{Bytes, Kibibytes, Mebibytes, Microseconds, Milliseconds, Nanoseconds, One, Seconds};
    match figure {
        Figure::Count => unit == One,
        Figure::PeakRss => matches!(unit, Bytes | Kibibytes | Mebibytes),
        _ => matches!(unit, Nanoseconds | Microseconds | Milliseconds | Seconds),
    }
}

impl Said {
    fn put(&mut self, pattern: &FigurePattern, text: &str) -> Result<(), AdapterError> {
        let wrong = || AdapterError::Number { figure: pattern.figure, text: text.to_owned() };
        let number: f64 =
            text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0).ok_or_else(wrong)?;
        let scale = match pattern.unit {
            FigureUnit::Nanoseconds | FigureUnit::One | FigureUnit::Bytes => 1.0,
            FigureUnit::Microseconds => 1e3,
            FigureUnit::Milliseconds => 1e6,
            FigureUnit::Seconds => 1e9,
            FigureUnit::Kibibytes => 1024.0,
            FigureUnit::Mebibytes => 1024.0 * 1024.0,
        };
        let whole = (number * scale).round() as u64;
        let time = Some(Nanos(whole));
        let Summary { count, mean, minimum, maximum, median, p90, p99, deviation } = &mut self.summary;
        match pattern.figure {
            Figure::Count => *count = Some(whole),
            Figure::Mean => *mean = time,
            Figure::Minimum => *minimum = time,
            Figure::Maximum => *maximum = time,
            Figure::Median => *median = time,
            Figure::P90 => *p90 = time,
            Figure::P99 => *p99 = time,
            Figure::Deviation => *deviation = time,
            Figure::Load => self.load = time,
            Figure::FirstInference => self.first_inference = time,
            Figure::PeakRss => self.peak_rss = Some(Bytes(whole)),
        }
        Ok(())
    }

    /// A latency in the middle, for planning; none where the program printed none.
    pub fn latency(&self) -> Option<Nanos> {
        self.summary.median.or(self.summary.mean)
    }
}

#[cfg(test)]
mod tests;
