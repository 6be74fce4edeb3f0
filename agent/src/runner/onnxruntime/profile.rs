//! ONNX Runtime's own profile: a JSON list of events in the trace format of Chrome, one for each kernel that ran, with the
//! types of its inputs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;

use benchrack_protocol::model::Precision;
use benchrack_protocol::runner::FailureReason;
use benchrack_protocol::units::Nanos;
use serde::Deserialize;
use tempfile::TempDir;

use super::super::aside::Seen;
use super::Refusal;

fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(FailureReason::Unsupported, format!("ONNX Runtime's profile cannot be had: {error}"))
}

/// A folder in which the library will make the profile's file.
pub struct Recording(TempDir);

/// The profile's file, which has no name any more: nothing is left behind, however this process ends.
pub struct Opened(File);

impl Recording {
    /// Makes the folder.
    pub fn begin() -> Result<Self, Refusal> {
        TempDir::with_prefix("benchrack-profile-").map(Self).map_err(broken)
    }

    /// What the file's name begins with.
    pub fn prefix(&self) -> PathBuf {
        self.0.path().join("profile")
    }

    /// Opens the file that the library has made, and removes the folder.
    pub fn opened(self) -> Result<Opened, Refusal> {
        let entry = std::fs::read_dir(self.0.path()).and_then(|mut entries| entries.next().transpose()).map_err(broken)?;
        let entry = entry.ok_or_else(|| broken("the library made no file"))?;
        let file = File::open(entry.path()).map_err(broken)?;
        self.0.close().map_err(broken)?;
        Ok(Opened(file))
    }
}

impl Opened {
    /// Reads what the library wrote over a first inference and `inferences` more.
    pub fn read(self, inferences: u32) -> Result<Vec<Seen>, Refusal> {
        let mut text = String::new();
        BufReader::new(self.0).read_to_string(&mut text).map_err(broken)?;
        parse(&text, inferences)
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    /// Microseconds.
    #[serde(default)]
    dur: u64,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    #[serde(default)]
    op_name: String,
    #[serde(default)]
    node_index: String,
    /// One map of a single type to its shape for each input.
    #[serde(default)]
    input_type_shape: Vec<HashMap<String, serde_json::Value>>,
}

/// What a kernel's event is called: the node's name and this.
const KERNEL: &str = "_kernel_time";

/// Mean time of each node, in the order of the first inference. That one counts only where it is the only one.
fn parse(text: &str, inferences: u32) -> Result<Vec<Seen>, Refusal> {
    let events: Vec<Event> = serde_json::from_str(text).map_err(broken)?;
    let mut seen: Vec<(Seen, u32, Duration)> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for event in events.iter().filter(|event| event.cat == "Node") {
        let Some(name) = event.name.strip_suffix(KERNEL) else { continue };
        let time = Duration::from_micros(event.dur);
        match places.get(&(event.args.node_index.clone(), name.to_owned())).and_then(|&place| seen.get_mut(place)) {
            Some((_, times, total)) => {
                // The first was warming up.
                *total = if *times == 1 { time } else { *total + time };
                *times += 1;
            }
            None => {
                places.insert((event.args.node_index.clone(), name.to_owned()), seen.len());
                let arithmetic = arithmetic(&event.args);
                let operator = event.args.op_name.clone();
                seen.push((Seen { name: name.to_owned(), operator, arithmetic, time: Nanos(0) }, 1, time));
            }
        }
    }
    if seen.is_empty() {
        return Err(broken("it names no kernel"));
    }
    let mean = |(seen, _, total): (Seen, u32, Duration)| Seen { time: Nanos::from(total / inferences.max(1)), ..seen };
    Ok(seen.into_iter().map(mean).collect())
}

/// Of convolutions and matrix products, by the operator's name, or else by the type of its first input.
fn arithmetic(arguments: &Arguments) -> Option<Precision> {
    const PRODUCTS: [&str; 3] = ["Conv", "MatMul", "Gemm"];
    const INTEGER: [&str; 7] = [
        "QLinearConv",
        "QLinearMatMul",
        "QGemm",
        "ConvInteger",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "DynamicQuantizeMatMul",
    ];
    let operator = arguments.op_name.as_str();
    if INTEGER.contains(&operator) {
        return Some(Precision::Int8);
    }
    if !PRODUCTS.iter().any(|product| operator.contains(product)) {
        return None;
    }
    let first = arguments.input_type_shape.first().and_then(|input| input.keys().next());
    match first.map(String::as_str) {
        Some("float16") => Some(Precision::Fp16),
        Some("float") => Some(Precision::Fp32),
        Some("uint8" | "int8") => Some(Precision::Int8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as ONNX Runtime 1.32 writes them, shortened: a kernel seen three times, one of an integer convolution, the
    /// session's own and those of older versions around a kernel.
    const PROFILE: &str = r#"[
        {"cat":"Session","pid":1,"tid":1,"dur":400,"ts":1,"ph":"X","name":"model_run","args":{}},
        {"cat":"Node","pid":1,"tid":1,"dur":0,"ts":1,"ph":"X","name":"conv1_fence_before","args":{"op_name":"Conv"}},
        {"cat":"Node","pid":1,"tid":1,"dur":90,"ts":1,"ph":"X","name":"conv1_kernel_time","args":{"node_index":"3","provider":"CPUExecutionProvider","op_name":"Conv","input_type_shape":[{"float":[1,3,8,8]},{"float":[4,3,3,3]}]}},
        {"cat":"Node","pid":1,"tid":1,"dur":20,"ts":1,"ph":"X","name":"conv2_kernel_time","args":{"node_index":"5","op_name":"QLinearConv","input_type_shape":[{"uint8":[1,4,8,8]},{"float":[]}]}},
        {"cat":"Node","pid":1,"tid":1,"dur":7,"ts":1,"ph":"X","name":"pool_kernel_time","args":{"node_index":"6","op_name":"MaxPool","input_type_shape":[{"uint8":[1,4,8,8]}]}},
        {"cat":"Node","pid":1,"tid":1,"dur":10,"ts":1,"ph":"X","name":"conv1_kernel_time","args":{"node_index":"3","op_name":"Conv","input_type_shape":[{"float":[1,3,8,8]}]}},
        {"cat":"Node","pid":1,"tid":1,"dur":14,"ts":1,"ph":"X","name":"conv1_kernel_time","args":{"node_index":"3","op_name":"Conv","input_type_shape":[{"float":[1,3,8,8]}]}}
    ]"#;

    #[test]
    fn kernels_are_counted_once_and_the_warm_up_is_left_out_of_their_time() {
        let seen = parse(PROFILE, 2).unwrap();
        let shown: Vec<_> = seen.iter().map(|seen| (seen.name.as_str(), seen.operator.as_str(), seen.arithmetic)).collect();
        let (float, integer) = (Some(Precision::Fp32), Some(Precision::Int8));
        assert_eq!(shown, [("conv1", "Conv", float), ("conv2", "QLinearConv", integer), ("pool", "MaxPool", None)]);
        assert_eq!(seen[0].time, Nanos(12_000));
    }

    #[test]
    fn a_profile_without_kernels_is_none() {
        assert!(parse("[]", 1).is_err());
        assert!(parse("[{\"cat\":\"Node\"", 1).is_err());
    }
}
