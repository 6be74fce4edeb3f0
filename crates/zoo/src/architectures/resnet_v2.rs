//! ResNet v2 with pre-activation, arXiv:1603.05027 figure 1b.

use crate::graph::{Conv, Graph, GraphError, Net, NodeId};

/// ResNet v2-50 with the stride in the 3x3 layer.
///
/// # Errors
/// A resolution that is too small.
pub fn resnet_v2_50(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv("conv1", input, Conv::same(64, 7).stride(2));
    x = net.max_pool("pool1", x, 3, 2, 1);
    for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        for number in 0..blocks {
            let stride = if stage > 0 && number == 0 { 2 } else { 1 };
            x = bottleneck(&mut net, &format!("conv{}_{}", stage + 2, number + 1), x, 64 << stage, stride, number == 0);
        }
    }
    x = normal(&mut net, "norm", x);
    x = net.global_average_pool("pool", x);
    x = net.linear("fc", x, classes);
    net.finish(x)
}

/// Normalisation and non-linearity come before each convolution; the sum is left alone. A projection reads what they give.
fn bottleneck(net: &mut Net, name: &str, input: NodeId, channels: usize, stride: usize, project: bool) -> NodeId {
    let x = normal(net, &format!("{name}/a"), input);
    let shortcut =
        if project { net.conv(format!("{name}/shortcut"), x, Conv::same(channels * 4, 1).stride(stride)) } else { input };
    let x = net.conv(format!("{name}/a/conv"), x, Conv::same(channels, 1));
    let x = normal(net, &format!("{name}/b"), x);
    let x = net.conv(format!("{name}/b/conv"), x, Conv::same(channels, 3).stride(stride));
    let x = normal(net, &format!("{name}/c"), x);
    let x = net.conv(format!("{name}/c/conv"), x, Conv::same(channels * 4, 1));
    net.add(format!("{name}/add"), x, shortcut)
}

fn normal(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let x = net.batch_norm(format!("{name}/bn"), input);
    net.relu(format!("{name}/relu"), x)
}
