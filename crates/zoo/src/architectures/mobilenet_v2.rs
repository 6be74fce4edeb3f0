//! MobileNet v2, arXiv:1801.04381 table 2.

use crate::graph::{Activation::Relu6, Conv, Graph, GraphError, Net, NodeId};

use super::by_eight;

/// Rows of the table: expansion, channels, repetitions, stride of the first.
const STAGES: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];

/// MobileNet v2. `width` is the width multiplier in hundredths, `resolution` the side of the picture.
///
/// # Errors
/// A resolution of zero.
pub fn mobilenet_v2(width: usize, resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv0", input, Conv::same(by_eight(32 * width / 100), 3).stride(2), Relu6);
    for (stage, [expansion, channels, repetitions, stride]) in STAGES.into_iter().enumerate() {
        for block in 0..repetitions {
            let stride = if block == 0 { stride } else { 1 };
            let name = format!("stage{}/block{}", stage + 1, block + 1);
            x = inverted_residual(&mut net, &name, x, expansion, by_eight(channels * width / 100), stride);
        }
    }
    // The last layer is never made narrower (section 5.1 of the paper).
    x = net.conv_bn_act("conv_last", x, Conv::same(by_eight(1280 * width.max(100) / 100), 1), Relu6);
    x = net.global_average_pool("pool", x);
    x = net.linear("classifier", x, classes);
    net.finish(x)
}

/// Wide inside, narrow at both ends, no non-linearity at the narrow end (figure 4b of the paper).
fn inverted_residual(net: &mut Net, name: &str, input: NodeId, expansion: usize, channels: usize, stride: usize) -> NodeId {
    let hidden = net.channels(input) * expansion;
    let mut x = input;
    if expansion != 1 {
        x = net.conv_bn_act(&format!("{name}/expand"), x, Conv::same(hidden, 1), Relu6);
    }
    x = net.conv_bn_act(&format!("{name}/dw"), x, Conv::same(hidden, 3).stride(stride).groups(hidden), Relu6);
    x = net.conv_bn(&format!("{name}/project"), x, Conv::same(channels, 1));
    if stride == 1 && net.channels(input) == channels { net.add(format!("{name}/add"), input, x) } else { x }
}
