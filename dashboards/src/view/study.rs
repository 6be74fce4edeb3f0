//! Studies: claims, and what each device says of them.

use benchrack_protocol::study::{StudyListed, StudyReport};
use serde::Serialize;

use super::CompareDevice;

/// One study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyView {
    /// The study, how far it is, and the answers so far. Measured ratios are of the first side over the second.
    pub report: StudyReport,
    /// What was measured for it, by device: the newest run of each subject, fastest first.
    pub measured: Vec<CompareDevice>,
}

/// All studies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyListView {
    /// Newest first.
    pub rows: Vec<StudyListed>,
    /// Address (path and query) of the next older part; none at the end.
    pub older: Option<String>,
}
