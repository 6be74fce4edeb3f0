//! ResNet, arXiv:1512.03385 table 1 (option B shortcuts), and ResNeXt, arXiv:1611.05431 table 1.

use crate::graph::{Activation::Relu, Conv, Graph, GraphError, Net, NodeId};

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Two 3x3 layers.
    Basic,
    /// 1x1 down to `width` percent of the stage's channels, 3x3 in `groups`, 1x1 up to four times the channels.
    Bottleneck { width: usize, groups: usize },
}

/// ResNet-18: 2 basic blocks a stage.
///
/// # Errors
/// A resolution that is too small.
pub fn resnet_18(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    resnet(Block::Basic, [2, 2, 2, 2], resolution, classes)
}

/// ResNet-50 with the stride in the 3x3 layer, as everybody ships it (v1.5); the paper has it in the first 1x1.
///
/// # Errors
/// A resolution that is too small.
pub fn resnet_50(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    resnet(Block::Bottleneck { width: 100, groups: 1 }, [3, 4, 6, 3], resolution, classes)
}

/// ResNeXt-50 32x4d.
///
/// # Errors
/// A resolution that is too small.
pub fn resnext_50(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    resnet(Block::Bottleneck { width: 200, groups: 32 }, [3, 4, 6, 3], resolution, classes)
}

fn resnet(block: Block, stages: [usize; 4], resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv_bn_act("conv1", input, Conv::same(64, 7).stride(2), Relu);
    x = net.max_pool("pool1", x, 3, 2, 1);
    for (stage, blocks) in stages.into_iter().enumerate() {
        for number in 0..blocks {
            let stride = if stage > 0 && number == 0 { 2 } else { 1 };
            let name = format!("conv{}_{}", stage + 2, number + 1);
            x = residual(&mut net, &name, x, block, 64 << stage, stride);
        }
    }
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

/// The layers of a block beside its shortcut.
fn residual(net: &mut Net, name: &str, input: NodeId, block: Block, channels: usize, stride: usize) -> NodeId {
    let x = match block {
        Block::Basic => {
            let x = net.conv_bn_act(&format!("{name}/a"), input, Conv::same(channels, 3).stride(stride), Relu);
            net.conv_bn(&format!("{name}/b"), x, Conv::same(channels, 3))
        }
        Block::Bottleneck { width, groups } => {
            let inner = channels * width / 100;
            let x = net.conv_bn_act(&format!("{name}/a"), input, Conv::same(inner, 1), Relu);
            let x = net.conv_bn_act(&format!("{name}/b"), x, Conv::same(inner, 3).stride(stride).groups(groups), Relu);
            net.conv_bn(&format!("{name}/c"), x, Conv::same(channels * 4, 1))
        }
    };
    let outputs = net.channels(x);
    // The input itself, or a 1x1 projection where size or channels change.
    let shortcut = if stride == 1 && net.channels(input) == outputs {
        input
    } else {
        net.conv_bn(&format!("{name}/shortcut"), input, Conv::same(outputs, 1).stride(stride))
    };
    let x = net.add(format!("{name}/add"), x, shortcut);
    net.relu(format!("{name}/relu"), x)
}
