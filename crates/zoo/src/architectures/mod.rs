//! The architectures, one family a file, and the [`CATALOGUE`] of them with their knobs set.

mod alexnet;
mod catalogue;
mod densenet;
mod inception_v3;
mod mobilenet_v1;
mod mobilenet_v2;
mod resnet;
mod resnet_v2;
mod shufflenet_v1;
mod shufflenet_v2;
mod squeezenet;
mod vgg;

pub use alexnet::alexnet;
pub use catalogue::CATALOGUE;
pub use densenet::densenet_121;
pub use inception_v3::inception_v3;
pub use mobilenet_v1::mobilenet_v1;
pub use mobilenet_v2::mobilenet_v2;
pub use resnet::{resnet_18, resnet_50, resnext_50};
pub use resnet_v2::resnet_v2_50;
pub use shufflenet_v1::shufflenet_v1;
pub use shufflenet_v2::shufflenet_v2;
pub use squeezenet::{Version, squeezenet};
pub use vgg::vgg_16;

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

/// The architecture of this name.
pub fn find(name: &str) -> Option<&'static Architecture> {
    CATALOGUE.iter().find(|architecture| architecture.name == name)
}
