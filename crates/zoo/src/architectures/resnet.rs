//! ResNet, arXiv:1512.03385 table 1 (option B shortcuts).

use crate::graph::{Activation, Conv, Graph, GraphError, Net, NodeId};

/// ResNet-18: two 3x3 layers a block, 2 blocks a stage.
///
/// # Errors
/// A resolution that is too small.
pub fn resnet_18(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv1", input, Conv::same(64, 7).stride(2), Activation::Relu);
    x = net.max_pool("pool1", x, 3, 2, 1);
    for (stage, (blocks, channels)) in [(2, 64), (2, 128), (2, 256), (2, 512)].into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            x = basic(&mut net, &format!("conv{}_{}", stage + 2, block + 1), x, channels, stride);
        }
    }
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

/// Two 3x3 layers beside a shortcut.
fn basic(net: &mut Net, name: &str, input: NodeId, channels: usize, stride: usize) -> NodeId {
    let x = net.conv_bn_act(&format!("{name}/a"), input, Conv::same(channels, 3).stride(stride), Activation::Relu);
    let x = net.conv_bn(&format!("{name}/b"), x, Conv::same(channels, 3));
    let shortcut = shortcut(net, name, input, channels, stride);
    let x = net.add(format!("{name}/add"), x, shortcut);
    net.relu(format!("{name}/relu"), x)
}

/// The input itself, or a 1x1 projection where size or channels change.
fn shortcut(net: &mut Net, name: &str, input: NodeId, channels: usize, stride: usize) -> NodeId {
    if stride == 1 && net.channels(input) == channels {
        input
    } else {
        net.conv_bn(&format!("{name}/shortcut"), input, Conv::same(channels, 1).stride(stride))
    }
}
