//! The catalogue: every architecture with its knobs set, by name.

mod mobilenet_v1;
mod resnet;
mod squeezenet;

pub use mobilenet_v1::mobilenet_v1;
pub use resnet::resnet_18;
pub use squeezenet::{Version, squeezenet};

use crate::graph::{Graph, GraphError};

/// One architecture with its knobs set.
#[derive(Debug, Clone, Copy)]
pub struct Architecture {
    /// Name of its models: `mobilenet-v1-1.0-224`.
    pub name: &'static str,
    /// Family: `mobilenet-v1`.
    pub family: &'static str,
    /// Knobs: `1.0-224`.
    pub variant: &'static str,
    /// Makes its graph.
    pub graph: fn() -> Result<Graph, GraphError>,
    /// Figures that others give: what, figure, source.
    pub published: &'static [[&'static str; 3]],
    /// What people should know.
    pub notes: &'static [&'static str],
}

/// Classes of ImageNet, the output of every classifier.
const CLASSES: usize = 1000;

/// Every architecture of the zoo.
pub const CATALOGUE: &[Architecture] = &[
    Architecture {
        name: "squeezenet-1.1",
        family: "squeezenet",
        variant: "1.1",
        graph: || squeezenet(Version::V1_1, 224, CLASSES),
        published: &[
            ["parameters", "1235496", "imgclsmob, PyTorch table (osmr/imgclsmob)"],
            ["macs", "352.02M, counting more kinds of operators", "imgclsmob, PyTorch table (osmr/imgclsmob)"],
            ["macs", "2.4 times less than 1.0", "SqueezeNet repository, SqueezeNet_v1.1"],
        ],
        notes: &["the answer is the mean of each class plane before softmax"],
    },
    Architecture {
        name: "mobilenet-v1-1.0-224",
        family: "mobilenet-v1",
        variant: "1.0-224",
        graph: || mobilenet_v1(100, 224, CLASSES),
        published: &[
            ["parameters", "4.2M", "arXiv:1704.04861"],
            ["macs", "569M", "arXiv:1704.04861"],
            ["parameters", "4.24M with 1001 classes", "tensorflow/models, slim mobilenet_v1.md"],
        ],
        notes: &[],
    },
    Architecture {
        name: "mobilenet-v1-0.5-160",
        family: "mobilenet-v1",
        variant: "0.5-160",
        graph: || mobilenet_v1(50, 160, CLASSES),
        published: &[["parameters", "1.3M", "arXiv:1704.04861"]],
        notes: &[],
    },
    Architecture {
        name: "resnet-18",
        family: "resnet",
        variant: "18",
        graph: || resnet_18(224, CLASSES),
        published: &[["macs", "1.8G", "arXiv:1512.03385 table 1"]],
        notes: &[],
    },
];

/// The architecture of this name.
pub fn find(name: &str) -> Option<&'static Architecture> {
    CATALOGUE.iter().find(|architecture| architecture.name == name)
}
