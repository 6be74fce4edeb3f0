//! A receipt: everything that a gate's verdict rests on, in one file that anybody can check without the farm.
//!
//! The file has one JSON record a line: the request, each device's report with its signature, the outcome, an end. Every
//! line holds the SHA-256 of the line before it, so that nothing can be changed, left out or put in unnoticed; what an
//! agent measured is signed by its own key, and the report names the request and the device that it answers. Texts that
//! are signed or compared are kept as they were, byte for byte, as JSON within JSON.

use serde::{Deserialize, Serialize};

use crate::ids::ArtifactId;
use crate::signature::{PublicKey, Signature};

/// Version of the file's format.
pub const FORMAT: u32 = 1;

/// A receipt in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// [`crate::gate::NewGate`] as JSON.
    pub request: String,
    /// Each device of the gate.
    pub devices: Vec<ReceiptDevice>,
    /// [`crate::gate::GateOutcome`] as JSON, without session numbers, which mean nothing elsewhere.
    pub outcome: String,
}

/// What one device gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptDevice {
    /// Name in the farm.
    pub device: String,
    /// Its report, or why there is none; nobody has signed the latter.
    pub result: Result<SignedReport, String>,
}

/// A report and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReport {
    /// [`crate::report::SessionReport`] as the agent sent it.
    pub report: String,
    /// The agent's signature; none when it has no key.
    pub signature: Option<Signature>,
    /// The key that the agent had registered then.
    pub key: Option<PublicKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    previous: Option<ArtifactId>,
    record: Record,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    Request { format: u32, request: String },
    Device(ReceiptDevice),
    Outcome(String),
    End,
}

/// This file is no whole receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// A line that is no record.
    #[error("line {line} is no record of a receipt")]
    Record {
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line does not follow the one before it.
    #[error("line {line} does not follow the line before it: one of the two was changed, put in or left out")]
    Chain {
        /// From 1.
        line: usize,
    },
    /// Records in the wrong order or missing.
    #[error("line {line}: expected {expected}")]
    Order {
        /// From 1.
        line: usize,
        /// What.
        expected: &'static str,
    },
    /// A newer format.
    #[error("the receipt has format {0}, this program reads {FORMAT}")]
    Format(u32),
}

impl Receipt {
    /// The file.
    ///
    /// # Errors
    /// Only when the system has no memory left: every part has a JSON form.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let request = Record::Request { format: FORMAT, request: self.request.clone() };
        let devices = self.devices.iter().cloned().map(Record::Device);
        let rest = [Record::Outcome(self.outcome.clone()), Record::End];
        let (mut text, mut previous) = (String::new(), None);
        for record in std::iter::once(request).chain(devices).chain(rest) {
            let line = serde_json::to_string(&Line { previous, record })?;
            previous = Some(ArtifactId::of(line.as_bytes()));
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    }

    /// Reads a file and checks that nothing was changed, left out or put in by somebody who did not mend the chain.
    ///
    /// # Errors
    /// The first line that is not as it must be.
    pub fn from_text(text: &str) -> Result<Self, ReceiptError> {
        let (mut request, mut devices, mut outcome, mut ended) = (None, Vec::new(), None, false);
        let mut previous = None;
        let mut last = 0;
        for (line, text) in (1..).zip(text.lines()) {
            last = line;
            let read: Line = serde_json::from_str(text).map_err(|source| ReceiptError::Record { line, source })?;
            if read.previous != previous {
                return Err(ReceiptError::Chain { line });
            }
            previous = Some(ArtifactId::of(text.as_bytes()));
            match read.record {
                Record::Request { format, .. } if format != FORMAT => return Err(ReceiptError::Format(format)),
                Record::Request { request: text, .. } if request.is_none() => request = Some(text),
                Record::Device(device) if request.is_some() && outcome.is_none() => devices.push(device),
                Record::Outcome(text) if request.is_some() && outcome.is_none() => outcome = Some(text),
                Record::End if outcome.is_some() && !ended => ended = true,
                _ if request.is_none() => return Err(ReceiptError::Order { line, expected: "the request first" }),
                _ => return Err(ReceiptError::Order { line, expected: "devices, one outcome and one end after the request" }),
            }
        }
        match (request, outcome) {
            (Some(request), Some(outcome)) if ended => Ok(Self { request, devices, outcome }),
            _ => Err(ReceiptError::Order { line: last + 1, expected: "more: the file is cut short" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        let report = SignedReport { report: "{\"a\": 1}".into(), signature: None, key: Some(PublicKey([3; 32])) };
        Receipt {
            request: "{}".into(),
            devices: vec![
                ReceiptDevice { device: "pixel".into(), result: Ok(report) },
                ReceiptDevice { device: "moto".into(), result: Err("its battery was flat".into()) },
            ],
            outcome: "{\"verdict\":\"slower\"}".into(),
        }
    }

    #[test]
    fn a_receipt_is_read_back_as_it_was_written() {
        assert_eq!(Receipt::from_text(&receipt().to_text().unwrap()).unwrap(), receipt());
    }

    #[test]
    fn every_byte_changed_every_line_left_out_and_every_line_twice_is_noticed() {
        let text = receipt().to_text().unwrap();
        for at in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Receipt::from_text(&changed).is_err(), "byte {at}: {changed}");
        }
        let lines: Vec<&str> = text.lines().collect();
        for at in 0..lines.len() {
            let without: Vec<&str> = lines.iter().enumerate().filter(|(nth, _)| *nth != at).map(|(_, line)| *line).collect();
            assert!(Receipt::from_text(&without.join("\n")).is_err(), "without line {at}");
            let mut twice = lines.clone();
            twice.insert(at, lines[at]);
            assert!(Receipt::from_text(&twice.join("\n")).is_err(), "line {at} twice");
        }
        assert!(Receipt::from_text("").unwrap_err().to_string().contains("cut short"));
    }
}
