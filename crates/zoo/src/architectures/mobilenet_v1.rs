//! MobileNet v1, arXiv:1704.04861 table 1.

use crate::graph::{Activation, Conv, Graph, GraphError, Net};

/// Depthwise-separable blocks of the table: stride of the depthwise layer, channels of the pointwise one.
const BLOCKS: [(usize, usize); 13] = [
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
];

/// Place of the last block with 512 channels.
const LAST_OF_512: usize = 10;

/// MobileNet v1. `width` is the paper's width multiplier in hundredths (100, 75, 50, 25), `resolution` the side of the picture.
///
/// # Errors
/// A width that leaves a layer without channels.
pub fn mobilenet_v1(width: usize, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    with_extra_blocks(width, resolution, classes, 0)
}

/// The same with `extra` more blocks after the eleventh, whose pointwise layers have two groups. Each is about 4.6 % of the
/// multiply-adds of the 0.5-160 model: a real slow-down of known size, for whoever wants to see whether a gate finds it.
///
/// # Errors
/// A width that leaves a layer without channels, or with an odd number where groups divide them.
pub fn with_extra_blocks(width: usize, resolution: usize, classes: usize, extra: usize) -> Result<Graph, GraphError> {
    let scaled = |channels: usize| channels * width / 100;
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv0", input, Conv::same(scaled(32), 3).stride(2), Activation::Relu);
    for (index, (stride, channels)) in BLOCKS.into_iter().enumerate() {
        let name = format!("block{}", index + 1);
        x = net.depthwise(format!("{name}/dw/conv"), x, 3, stride);
        x = net.batch_norm(format!("{name}/dw/bn"), x);
        x = net.relu(format!("{name}/dw/act"), x);
        x = net.conv_bn_act(&format!("{name}/pw"), x, Conv::same(scaled(channels), 1), Activation::Relu);
        for more in 0..if index == LAST_OF_512 { extra } else { 0 } {
            let name = format!("extra{}", more + 1);
            x = net.depthwise(format!("{name}/dw/conv"), x, 3, 1);
            x = net.batch_norm(format!("{name}/dw/bn"), x);
            x = net.relu(format!("{name}/dw/act"), x);
            x = net.conv_bn_act(&format!("{name}/pw"), x, Conv::same(scaled(channels), 1).groups(2), Activation::Relu);
        }
    }
    x = net.global_average_pool("pool", x);
    x = net.linear("classifier", x, classes);
    net.finish(x)
}
