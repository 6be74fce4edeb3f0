//! From samples to figures and verdicts: the glue between the wire types and `benchrack_stats`. Pure, so that a person
//! without a server (`benchrack gate --local`) gets the same answers.

pub mod culprit;
mod gate;
mod page;
mod run;
pub mod series;
mod study;

pub use gate::{DeviceResult, judge_gate, judge_results, rules};
pub use page::{pair, ratio, spread};
pub use run::{JudgedRun, LoadParts, UnusableMeasurement, frame_inference, load_parts, metrics, run};
pub use study::{ALPHA, StudyEvidence, TooFewBlocks, enough_blocks, judge_study};
