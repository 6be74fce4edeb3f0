//! From samples to figures and verdicts: the glue between the wire types and `benchrack_stats`. Pure, so that a person
//! without a server (`benchrack gate --local`) gets the same answers.

pub mod culprit;
mod energy;
mod gate;
mod page;
mod receipt;
mod rounds;
mod run;
mod self_test;
pub mod series;
mod study;

pub use energy::{energy, sustained};
pub use gate::{DeviceResult, check_metrics, judge_gate, judge_results, rules};
pub use page::{cheapest, middle, pair, ratio, spread, steadiness};
pub use receipt::{NotGenuine, Signer, Verified, receipt, verify};
pub use rounds::round_pair;
pub use run::{JudgedRun, LoadParts, UnusableMeasurement, frame_inference, load_parts, metrics, run};
pub use self_test::{catches, self_test};
pub use study::{ALPHA, StudyEvidence, TooFewBlocks, enough_blocks, judge_study};
