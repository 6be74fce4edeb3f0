//! Frame conversion against OpenCV: the same frames in one run, block by block in turn on the same core, one thread each;
//! and how far the pixels are apart.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use anyhow::{Context as _, bail, ensure};
use benchrack_protocol::cpuset::CpuSet;
use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};
use benchrack_stats::paired::{Pair, PairedEffect};
use benchrack_stats::{Confidence, Samples};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::raw;
use crate::device::Device;
use crate::frame::{Conversion, source};

/// Arguments of `frame-bench`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  benchrack-agent frame-bench --opencv venv/bin/python

Needs a Python with opencv-python-headless and numpy; the ratio of each line is our time over OpenCV's.")]
pub struct FrameBenchArgs {
    /// Python interpreter that has OpenCV
    #[arg(long, value_name = "PYTHON")]
    opencv: PathBuf,
    /// Width of the frames
    #[arg(long, default_value_t = 1280, value_parser = clap::value_parser!(u32).range(2..=16_384))]
    width: u32,
    /// Height of the frames
    #[arg(long, default_value_t = 720, value_parser = clap::value_parser!(u32).range(2..=16_384))]
    height: u32,
    /// Side of the model's square input
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    side: u32,
    /// Pairs of blocks
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    rounds: u32,
    /// Frames of a block
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    frames: u32,
    /// Core that both use; the last one online without it
    #[arg(long)]
    cpu: Option<u32>,
}

/// What is compared: the frame's form, the filter, and OpenCV's ways for it.
const SPEED: [(PixelFormat, Orientation, &[&str]); 4] = [
    (PixelFormat::Abgr8888, Orientation::Upright, &["convert_first", "resize_first"]),
    (PixelFormat::Abgr8888, Orientation::Rotate90, &["convert_first", "resize_first"]),
    (PixelFormat::Nv21, Orientation::Upright, &["convert_first"]),
    (PixelFormat::Nv21, Orientation::Rotate90, &["convert_first"]),
];

/// Measures and prints.
pub fn run(arguments: &FrameBenchArgs) -> anyhow::Result<ExitCode> {
    let device = Device::live();
    let last = device.placement.allowed()?.iter().last();
    let cpu = arguments.cpu.or(last).context("no CPU may be used")?;
    let cpus: CpuSet = [cpu].into_iter().collect();
    // The child inherits it.
    device.placement.confine(&cpus)?;
    let folder = std::env::temp_dir().join(format!("benchrack-frame-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let result = compare(arguments, &folder);
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    result
}

fn compare(arguments: &FrameBenchArgs, folder: &Path) -> anyhow::Result<ExitCode> {
    let (mut opencv, version) = OpenCv::start(&arguments.opencv)?;
    super::print(&format!(
        "{} x {} frames, the middle to {} x {2}, bilinear; OpenCV {version}, one thread each, medians of {} pairs of blocks",
        arguments.width, arguments.height, arguments.side, arguments.rounds
    ));
    for (format, orientation, ways) in SPEED {
        for way in ways {
            speed(arguments, folder, &mut opencv, &pipeline(arguments, format, orientation, ResizeFilter::Bilinear), way)?;
        }
    }
    super::print("\nlargest difference of a pixel's channel from OpenCV's, of 255");
    for format in [PixelFormat::Abgr8888, PixelFormat::Argb8888, PixelFormat::Nv21] {
        for filter in [ResizeFilter::Nearest, ResizeFilter::Bilinear, ResizeFilter::Area] {
            let mut farthest = 0.0f32;
            for orientation in Orientation::ALL {
                let pipeline = pipeline(arguments, format, orientation, filter);
                farthest = farthest.max(difference(arguments, folder, &mut opencv, &pipeline)?);
            }
            super::print(&format!("  {:<9} {:<9} {farthest:.2} over all eight orientations", word(format)?, word(filter)?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The means and deviations that most classifiers use: those of ImageNet.
fn pipeline(arguments: &FrameBenchArgs, format: PixelFormat, orientation: Orientation, filter: ResizeFilter) -> Pipeline {
    Pipeline {
        source: FrameSource { format, width: arguments.width, height: arguments.height, orientation, seed: 1 },
        fit: Fit::CentreCrop,
        filter,
        channels: ChannelOrder::Rgb,
        mean: [123.675, 116.28, 103.53],
        std: [58.395, 57.12, 57.375],
        layout: Layout::Nchw,
        post: PostProcessing::None,
    }
}

fn speed(arguments: &FrameBenchArgs, folder: &Path, opencv: &mut OpenCv, pipeline: &Pipeline, way: &str) -> anyhow::Result<()> {
    let (mut ours, _) = prepare(arguments, folder, opencv, pipeline)?;
    let n = arguments.frames;
    ours.block(n)?;
    opencv.block(way, n)?;
    let mut pairs = Vec::new();
    for round in 0..arguments.rounds {
        let (baseline, candidate) = if round % 2 == 0 {
            let baseline = opencv.block(way, n)?;
            (baseline, ours.block(n)?)
        } else {
            let candidate = ours.block(n)?;
            (opencv.block(way, n)?, candidate)
        };
        pairs.push(Pair { baseline, candidate });
    }
    let medians = |of: fn(&Pair) -> f64| Samples::new(pairs.iter().map(of).collect()).map(|samples| samples.median() / 1e3);
    let (theirs, own) = (medians(|pair| pair.baseline)?, medians(|pair| pair.candidate)?);
    let effect = PairedEffect::new(&pairs, Confidence::P95)?;
    let ratio = match effect.and_then(|effect| effect.interval.map(|interval| (effect.change, interval))) {
        Some((change, interval)) => {
            format!("ratio {:.3} ({:.3} to {:.3})", 1.0 + change, 1.0 + interval.low, 1.0 + interval.high)
        }
        None => "too few pairs for an interval; ask for more --rounds".into(),
    };
    let (format, orientation) = (word(pipeline.source.format)?, word(pipeline.source.orientation)?);
    super::print(&format!("  {format:<9} {orientation:<10} {own:7.1} us, OpenCV {way:<13} {theirs:7.1} us, {ratio}"));
    Ok(())
}

/// The farthest that a channel is from OpenCV's, in units of 1 of 255.
fn difference(arguments: &FrameBenchArgs, folder: &Path, opencv: &mut OpenCv, pipeline: &Pipeline) -> anyhow::Result<f32> {
    let (mut ours, file) = prepare(arguments, folder, opencv, pipeline)?;
    let way = if pipeline.source.format == PixelFormat::Nv21 { "planes_first" } else { "convert_first" };
    opencv.ask(&json!({"op": "pixels", "way": way, "file": file}))?;
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let theirs: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
    ours.block(1)?;
    ensure!(theirs.len() == ours.tensor.len(), "OpenCV made {} values instead of {}", theirs.len(), ours.tensor.len());
    let plane = theirs.len() / 3;
    let apart = ours.tensor.iter().zip(&theirs).enumerate();
    Ok(apart.map(|(place, (one, other))| (one - other).abs() * pipeline.std[place / plane]).fold(0.0, f32::max))
}

/// Our side.
struct Ours {
    frame: Vec<u8>,
    conversion: Conversion,
    tensor: Vec<f32>,
}

impl Ours {
    /// Median of `n` conversions, ns.
    fn block(&mut self, n: u32) -> anyhow::Result<f64> {
        let mut samples = Vec::with_capacity(n as usize);
        for _ in 0..n {
            let begun = raw();
            self.conversion.convert(&self.frame, &mut self.tensor);
            samples.push(raw().0.saturating_sub(begun.0) as f64);
        }
        std::hint::black_box(&self.tensor);
        Ok(Samples::new(samples)?.median())
    }
}

/// Both sides get the same frame; also a file for OpenCV's pixels.
fn prepare(
    arguments: &FrameBenchArgs,
    folder: &Path,
    opencv: &mut OpenCv,
    pipeline: &Pipeline,
) -> anyhow::Result<(Ours, PathBuf)> {
    let side = arguments.side as usize;
    let conversion = Conversion::new(pipeline, (side, side))?;
    let frame = source::frame(&pipeline.source)?;
    let file = folder.join("frame");
    std::fs::write(&file, &frame).with_context(|| format!("cannot write {}", file.display()))?;
    let (columns, rows) = conversion.seen();
    let axes = conversion.axes();
    opencv.ask(&json!({
        "op": "job", "frame": file, "format": pipeline.source.format, "filter": pipeline.filter,
        "width": arguments.width, "height": arguments.height, "to_width": side, "to_height": side,
        "left": columns.start, "right": columns.end, "top": rows.start, "bottom": rows.end,
        "swapped": axes.swapped, "mirror_x": axes.mirror_x, "mirror_y": axes.mirror_y,
        "mean": pipeline.mean, "std": pipeline.std,
    }))?;
    let tensor = vec![0.0; conversion.values()];
    Ok((Ours { frame, conversion, tensor }, folder.join("pixels")))
}

/// A Python process with OpenCV.
struct OpenCv {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Block {
    samples: Vec<u64>,
}

impl OpenCv {
    fn start(python: &Path) -> anyhow::Result<(Self, String)> {
        let mut child = Command::new(python)
            .args(["-c", include_str!("frame_bench.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { bail!("Python has no pipes") };
        let mut opencv = Self { child, stdin, stdout: BufReader::new(stdout) };
        let hello = opencv.answer().context("pip install opencv-python-headless numpy gives this Python what it needs")?;
        let version = hello["opencv"].as_str().unwrap_or("of an unknown version").to_owned();
        Ok((opencv, version))
    }

    fn ask(&mut self, request: &Value) -> anyhow::Result<Value> {
        writeln!(self.stdin, "{request}").context("OpenCV's process does not listen")?;
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).context("OpenCV's process cannot be read")?;
        ensure!(!line.is_empty(), "OpenCV's process ended");
        serde_json::from_str(&line).with_context(|| format!("OpenCV's process answered '{}'", line.trim()))
    }

    /// Median of `n` conversions, ns.
    fn block(&mut self, way: &str, n: u32) -> anyhow::Result<f64> {
        let block: Block = serde_json::from_value(self.ask(&json!({"op": "run", "way": way, "n": n}))?)?;
        Ok(Samples::new(block.samples.iter().map(|&sample| sample as f64).collect())?.median())
    }
}

impl Drop for OpenCv {
    fn drop(&mut self) {
        // It may have ended by itself; it must only not stay.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name on the wire: `nv21`.
fn word(value: impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_value(value)?.as_str().unwrap_or_default().to_owned())
}
