//! DenseNet, arXiv:1608.06993 table 1.

use crate::graph::{Conv, Graph, GraphError, Net, NodeId};
use crate::window::Window;

/// Channels that each layer adds.
const GROWTH: usize = 32;

/// DenseNet-121.
///
/// # Errors
/// A resolution that is too small.
pub fn densenet_121(resolution: usize, classes: usize) -> Result<Graph, GraphError> {
    let (mut net, input) = Net::new([3, resolution, resolution]);
    let mut x = net.conv("conv0", input, Conv::same(2 * GROWTH, 7).stride(2));
    x = normal(&mut net, "norm0", x);
    x = net.max_pool("pool0", x, 3, 2, 1);
    let blocks = [6, 12, 24, 16];
    for (block, layers) in blocks.into_iter().enumerate() {
        for layer in 0..layers {
            x = dense(&mut net, &format!("block{}/layer{}", block + 1, layer + 1), x);
        }
        if block + 1 < blocks.len() {
            x = transition(&mut net, &format!("transition{}", block + 1), x);
        }
    }
    x = normal(&mut net, "norm5", x);
    x = net.global_average_pool("pool", x);
    x = net.linear("classifier", x, classes);
    net.finish(x)
}

/// Narrow to four times the growth, 3x3, then beside everything before.
fn dense(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let x = normal(net, &format!("{name}/1"), input);
    let x = net.conv(format!("{name}/1/conv"), x, Conv::same(4 * GROWTH, 1));
    let x = normal(net, &format!("{name}/2"), x);
    let x = net.conv(format!("{name}/2/conv"), x, Conv::same(GROWTH, 3));
    net.concat(format!("{name}/concat"), &[input, x])
}

/// Half the channels, half the size.
fn transition(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let channels = net.channels(input) / 2;
    let x = normal(net, name, input);
    let x = net.conv(format!("{name}/conv"), x, Conv::same(channels, 1));
    net.average_pool(format!("{name}/pool"), x, Window { stride: [2; 2], ..Window::square(2) }, true)
}

fn normal(net: &mut Net, name: &str, input: NodeId) -> NodeId {
    let x = net.batch_norm(format!("{name}/bn"), input);
    net.relu(format!("{name}/relu"), x)
}
