//! What an app does with a model of the zoo: a phone's back camera held upright, and the answer that is shown.

use benchrack_protocol::pipeline::{
    ChannelOrder, Fit, FrameSource, Layout, Orientation, Pipeline, PixelFormat, PostProcessing, ResizeFilter,
};

use crate::graph::Graph;

/// Statistics of ImageNet's pictures, of 0 to 255; those of torchvision's preprocessing, times 255.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
const STD: [f32; 3] = [58.395, 57.12, 57.375];

/// From the camera to classes, or to a mask where the answer has a plane for each class.
pub(crate) fn pipeline(graph: &Graph, seed: u64) -> Pipeline {
    let classes = graph.node(graph.output()).shape;
    let segments = classes[1] * classes[2] > 1;
    let source =
        FrameSource { format: PixelFormat::Abgr8888, width: 1280, height: 720, orientation: Orientation::Rotate90, seed };
    Pipeline {
        source,
        fit: if segments { Fit::Stretch } else { Fit::CentreCrop },
        filter: ResizeFilter::Bilinear,
        channels: ChannelOrder::Rgb,
        mean: MEAN,
        std: STD,
        layout: Layout::Nchw,
        post: if segments { PostProcessing::Segmentation } else { PostProcessing::TopK { k: 5.min(classes[0] as u32) } },
    }
}
