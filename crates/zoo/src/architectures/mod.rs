//! The architectures, one family a file, and the [`CATALOGUE`] of them with their knobs set.

mod alexnet;
mod catalogue;
mod densenet;
mod enet;
mod inception_v3;
mod mobilenet_v1;
mod mobilenet_v2;
mod mobilenet_v3;
mod nasnet;
mod resnet;
mod resnet_v2;
mod shufflenet_v1;
mod shufflenet_v2;
mod squeezenet;
mod trunk;
mod vgg;

pub use alexnet::alexnet;
pub use catalogue::CATALOGUE;
pub use densenet::densenet_121;
pub use enet::enet;
pub use inception_v3::inception_v3;
pub use mobilenet_v1::{mobilenet_v1, with_extra_blocks};
pub use mobilenet_v2::mobilenet_v2;
pub use mobilenet_v3::{Size, mobilenet_v3};
pub use nasnet::nasnet_a;
pub use resnet::{resnet_18, resnet_50, resnext_50};
pub use resnet_v2::resnet_v2_50;
pub use shufflenet_v1::shufflenet_v1;
pub use shufflenet_v2::shufflenet_v2;
pub use squeezenet::{Fires, Version, squeezenet, squishednet};
pub use trunk::{Head, Kernel, trunk};
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

/// The nearest multiple of eight that loses no more than a tenth, as the authors' code rounds.
fn by_eight(channels: usize) -> usize {
    let near = ((channels + 4) / 8 * 8).max(8);
    if near * 10 < channels * 9 { near + 8 } else { near }
}
